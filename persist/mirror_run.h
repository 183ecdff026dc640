/* `boxreplay mirror`: follows the logs of all shards and epochs into PostgreSQL
 * until a signal, or with --once until it has caught up. */
#ifndef PERSIST_MIRROR_RUN_H
#define PERSIST_MIRROR_RUN_H

#include "replay_options.h"

/* Returns the exit code. */
int mirror_run(const struct replay_options *options);

#endif
