/* Takes a snapshot of a data directory, beside a running engine or without one:
 * folds the log, writes the file slowly, loads it into fresh shards and compares
 * the state, and only then gives it its name. Offline tools; the whole process
 * should run at idle priority (snapshot_idle). */
#ifndef PERSIST_SNAPSHOT_TAKE_H
#define PERSIST_SNAPSHOT_TAKE_H

#include "log_fold.h"

struct snapshot_take_options {
    const struct data_dir *dir; /* a reader's will do */
    struct shard_options shard; /* as the engine's; partitions and index are not used */
    uint32_t mb_per_second;     /* of writing; 0: as fast as it goes */
    uint64_t now_ms;
};

struct snapshot_taken {
    uint64_t number; /* 0: nothing was durable beyond the newest snapshot */
    uint64_t records, bookings, keys, bytes;
    uint64_t state_hash;
    struct snapshot_cut cut;
};

/* One at a time for a directory (75: another is being made). Removes what the two
 * newest snapshots make superfluous. 0 or the exit code. */
int snapshot_take(const struct snapshot_take_options *options, struct snapshot_taken *taken,
                  struct log_error *error);

/* Loads a snapshot file, published or half-made (`path` NULL: published), into
 * fresh shards and compares the state hash with the trailer's. 0 or the exit code. */
int snapshot_check(const struct data_dir *dir, const struct shard_options *shard, uint64_t number,
                   const char *path, struct log_error *error);

#endif
