/* `boxreplay snapshot`: takes a snapshot of the data directory (snapshot_take.h),
 * at idle priority, and says what is in it. */
#ifndef PERSIST_REPLAY_SNAPSHOT_H
#define PERSIST_REPLAY_SNAPSHOT_H

#include "replay_options.h"

int replay_snapshot(const struct replay_options *options);

#endif
