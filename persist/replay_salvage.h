/* `boxreplay salvage`: makes a new data directory, a cluster of its own,
 * from all that is good in a damaged one, with a report of what is not. The damaged
 * one is only read. */
#ifndef PERSIST_REPLAY_SALVAGE_H
#define PERSIST_REPLAY_SALVAGE_H

#include "replay_options.h"

int replay_salvage(const struct replay_options *options);

#endif
