/* Brings shards back from the records of their logs: makes each catalog version
 * once and shares it among all shards, and gives every other record to every
 * shard, which takes what concerns it. Main thread, before the workers run. */
#ifndef ENGINE_RESTORE_H
#define ENGINE_RESTORE_H

#include "shard.h"

struct restore {
    struct shard **shards; /* [partitions->shard_count], by index */
    const struct partition_map *partitions;
    uint64_t records;
    uint64_t stamp_ms; /* the newest seen */
};

/* Records come in log order, shard 0 (the catalog) of an epoch first. */
enum shard_replay_result restore_record(struct restore *restore, const struct record *record);

#endif
