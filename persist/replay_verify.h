/* `boxreplay verify`: every hash, chain link and sequence of every log, and the
 * invariants, by folding all records as the engine would at its start. */
#ifndef PERSIST_REPLAY_VERIFY_H
#define PERSIST_REPLAY_VERIFY_H

#include "replay_options.h"

int replay_verify(const struct replay_options *options);

#endif
