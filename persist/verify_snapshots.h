/* The part of `boxreplay verify` that looks at snapshots. */
#ifndef PERSIST_VERIFY_SNAPSHOTS_H
#define PERSIST_VERIFY_SNAPSHOTS_H

#include "replay_fold.h"
#include "snapshot.h"

struct verify_snapshots_options {
    const struct data_dir *dir;
    struct shard_options shard; /* as the engine's */
};

/* Loads each snapshot and compares the state with what its trailer says; prints a
 * line for each. *bad: how many are not good. If the log does not reach back to its
 * beginning, the fresh fold is filled from the oldest good one and *cut says where
 * the log goes on; else cut->number is 0. 0, or the exit code if that cannot be. */
int verify_snapshots(const struct verify_snapshots_options *options, struct replay_fold *fold,
                     struct snapshot_cut *cut, uint32_t *bad, struct log_error *error);

#endif
