/* The state a log leads to, by the engine's own replay: one shard that owns all
 * partitions takes the records of all shards and epochs. For verify and diff.
 * One thread. */
#ifndef PERSIST_REPLAY_FOLD_H
#define PERSIST_REPLAY_FOLD_H

#include "../engine/restore.h"
#include "snapshot_load.h"

struct replay_fold {
    struct shard_options options;
    struct partition_map partitions;
    struct shard *shard;
    struct restore restore; /* points into the fold, which stays where it is */
    uint64_t records;
};

/* False: out of memory. */
bool replay_fold_init(struct replay_fold *fold, uint32_t max_per_order);

/* Puts a fresh fold at the newest good snapshot that `accept` wants; cut->number 0:
 * there is none, and the fold is as it was. 0 or the exit code. */
int replay_fold_restore(struct replay_fold *fold, const struct data_dir *dir,
                        snapshot_accept *accept, void *context, struct snapshot_cut *cut,
                        struct log_error *error);
void replay_fold_release(struct replay_fold *fold);

/* Anything but OK: the record breaks an invariant; the state is as it was. */
enum shard_replay_result replay_fold_apply(struct replay_fold *fold, const struct record *record);

#endif
