/* The state a log leads to, by the engine's own replay: one shard that owns all
 * partitions takes the records of all shards and epochs. For verify and diff.
 * One thread. */
#ifndef PERSIST_REPLAY_FOLD_H
#define PERSIST_REPLAY_FOLD_H

#include "../engine/restore.h"

struct replay_fold {
    struct partition_map partitions;
    struct shard *shard;
    struct restore restore; /* points into the fold, which stays where it is */
    uint64_t records;
};

/* False: out of memory. */
bool replay_fold_init(struct replay_fold *fold, uint32_t max_per_order);
void replay_fold_release(struct replay_fold *fold);

/* Anything but OK: the record breaks an invariant; the state is as it was. */
enum shard_replay_result replay_fold_apply(struct replay_fold *fold, const struct record *record);

#endif
