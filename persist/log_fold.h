/* The state at a position of the log: the newest good snapshot that is not behind
 * it, and the records from there on, put into shards of its own by the engine's
 * own code. Works beside a running engine; offline tools, one thread. */
#ifndef PERSIST_LOG_FOLD_H
#define PERSIST_LOG_FOLD_H

#include "../engine/restore.h"
#include "snapshot.h"

/* How far to go; any part may be left out (0). Nothing set: all that is durable
 * when the fold looks, the catalog's shard last, so that no shard refers to a
 * catalog object that is not in it. */
struct log_fold_limit {
    uint32_t epoch; /* and no further; sequences are of it */
    uint64_t sequences[SHARD_COUNT_MAX];
    uint16_t sequence_count;
    uint64_t stamp_ms; /* of the last record wanted, in every shard */
};

struct log_fold {
    struct shard *shards[SHARD_COUNT_MAX];
    struct partition_map partitions;
    struct snapshot_cut cut; /* what it has; number is that of the snapshot it began with */
    bool whole_blocks;       /* every position is at a block's end: a log can go on there */
    uint64_t records;        /* applied, beyond the snapshot's */
};

struct log_fold_options {
    const struct data_dir *dir;
    struct shard_options shard; /* partitions and index are the fold's */
    struct log_fold_limit limit;
};

/* 0 or the exit code: 66 the log does not reach from any snapshot to the limit, 70
 * a record is impossible. Release it whatever the result. */
int log_fold_run(struct log_fold *fold, const struct log_fold_options *options,
                 struct log_error *error);
void log_fold_release(struct log_fold *fold);

#endif
