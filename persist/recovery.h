/* Brings a data directory back after any stop: replays every epoch and shard in
 * order, cuts torn tails, refuses what is damaged, and leaves each shard of the
 * current epoch ready to be written. Idempotent: may be killed at any point and
 * run again. docs/wal-format.md has the table of cases and exit codes. */
#ifndef PERSIST_RECOVERY_H
#define PERSIST_RECOVERY_H

#include "../engine/partition.h"
#include "data_dir.h"
#include "log_scan.h"
#include "snapshot.h"

struct recovery_options {
    uint16_t shard_count;   /* to run with; another than the last epoch's starts a new epoch */
    uint32_t segment_bytes; /* of new segments */
    uint64_t now_ms;
    /* How far the mirror has come, at most one entry per (epoch, shard); a log
     * that ends before is refused (RG). */
    const struct log_position *mirror_positions;
    size_t mirror_position_count;
    /* What the shards were filled with before: the log before it is not looked at
     * and may be gone (RQ: the log ends before it). NULL, or number 0: nothing. */
    const struct snapshot_cut *cut;
};

/* Where a shard's writer goes on. */
struct log_tail {
    uint64_t next_sequence;
    uint64_t previous_hash;
    uint64_t stamp_ms; /* of the last record: time must not run backwards */
    uint64_t segment;  /* to write to */
    uint64_t offset;   /* in it */
};

struct recovery_result {
    uint32_t epoch;
    uint16_t shard_count;
    bool clean; /* every shard ended with a clean stop, or the log is new */
    bool resharded;
    uint64_t records, blocks, bytes, segments, torn;
    struct log_tail tails[SHARD_COUNT_MAX];
};

/* `visit` sees the epochs in order, in each shard 0 first (the catalog), then
 * the others. Negative from it: exit code 70. NULL: none. */
int recovery_run(struct data_dir *dir, const struct recovery_options *options, log_visit *visit,
                 void *context, struct recovery_result *result, struct log_error *error);

#endif
