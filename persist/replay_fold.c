#include "replay_fold.h"

/* Keys are not asked for here, so they need not be kept long. */
enum { FOLD_IDEMPOTENCY_MS = 1000, FOLD_TTL_MS = 600000 };

bool replay_fold_init(struct replay_fold *fold, uint32_t max_per_order)
{
    *fold = (struct replay_fold){0};
    partition_map_init(&fold->partitions, 1);
    fold->options = (struct shard_options){.index = 0,
                                           .partitions = &fold->partitions,
                                           .reservation_ttl_ms = FOLD_TTL_MS,
                                           .max_per_order = max_per_order,
                                           .idempotency_ms = FOLD_IDEMPOTENCY_MS};
    fold->shard = shard_new(&fold->options);
    fold->restore = (struct restore){.shards = &fold->shard, .partitions = &fold->partitions};
    return fold->shard != NULL;
}

int replay_fold_restore(struct replay_fold *fold, const struct data_dir *dir,
                        snapshot_accept *accept, void *context, struct snapshot_cut *cut,
                        struct log_error *error)
{
    shard_free(fold->shard);
    fold->shard = NULL;
    int code = snapshot_restore_if(dir, &fold->options, accept, context, &fold->shard, cut, error);
    fold->restore.stamp_ms = cut->stamp_ms;
    return code;
}

void replay_fold_release(struct replay_fold *fold)
{
    if (fold->shard != NULL)
        shard_free(fold->shard);
    fold->shard = NULL;
}

enum shard_replay_result replay_fold_apply(struct replay_fold *fold, const struct record *record)
{
    enum shard_replay_result result = restore_record(&fold->restore, record);
    if (result == SHARD_REPLAY_OK)
        result = restore_finish(&fold->restore);
    if (result == SHARD_REPLAY_OK) {
        fold->records++;
        shard_forget(fold->shard, record->stamp_ms);
    }
    return result;
}
