/* `boxreplay diff`: PostgreSQL's rows against the state the log leads to at the
 * mirror's own position, so that it works while the mirror is behind or running.
 * Compares events, shows, seat_zones and bookings; the histories (outbox,
 * audit_logs) are not compared, because delivered and old rows may be removed. */
#ifndef PERSIST_REPLAY_DIFF_H
#define PERSIST_REPLAY_DIFF_H

#include "replay_options.h"

int replay_diff(const struct replay_options *options);

#endif
