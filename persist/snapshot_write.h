/* Writes a snapshot of shards that nobody changes meanwhile. Offline tools. */
#ifndef PERSIST_SNAPSHOT_WRITE_H
#define PERSIST_SNAPSHOT_WRITE_H

#include "../engine/shard.h"
#include "snapshot.h"

struct snapshot_write_options {
    const struct data_dir *dir;
    struct snapshot_cut cut; /* number and positions */
    struct shard *const *shards;
    uint16_t shard_count;         /* cut.shard_count */
    uint32_t mb_per_second;       /* 0: as fast as it goes */
    struct snapshot_trailer *out; /* what was counted; NULL: not asked */
};

/* Writes snapshots/snapshot-N.snap.new, whole and synced. Makes the directory. 0
 * or the exit code; then what was written is gone again. */
int snapshot_write(const struct snapshot_write_options *options, struct log_error *error);

/* Gives it its name, once it is verified. 0 or the exit code. */
int snapshot_publish(const struct data_dir *dir, uint64_t number, struct log_error *error);

/* The hash that a snapshot's trailer has: of all roles of all shards. */
uint64_t snapshot_state_hash(struct shard *const *shards, uint16_t shard_count, uint64_t now_ms);

#endif
