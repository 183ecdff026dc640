/* `boxreplay dump`: records as JSON lines on standard output, in the order of
 * epochs, shards and sequences. */
#ifndef PERSIST_REPLAY_DUMP_H
#define PERSIST_REPLAY_DUMP_H

#include "replay_options.h"

int replay_dump(const struct replay_options *options);

#endif
