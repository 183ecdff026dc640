/* Whether an engine owns a data directory now. Only looks: trying the lock would
 * turn away an engine that starts at that moment. */
#ifndef PERSIST_REPLAY_LOCK_H
#define PERSIST_REPLAY_LOCK_H

#include <stdbool.h>

/* True while an engine runs on it. */
bool replay_engine_runs(const char *data_dir);

#endif
