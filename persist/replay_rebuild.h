/* `boxreplay rebuild`: makes a new data directory, a cluster of its own,
 * with the state at a point of another's log: as its first snapshot, with an empty log
 * behind it. */
#ifndef PERSIST_REPLAY_REBUILD_H
#define PERSIST_REPLAY_REBUILD_H

#include "replay_options.h"

int replay_rebuild(const struct replay_options *options);

#endif
