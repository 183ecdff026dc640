#include "verify_states.h"

#include <string.h>

void verify_states_init(struct verify_states *states, const struct replay_fold *fold, bool partial)
{
    memset(states, 0, sizeof *states);
    states->partial = partial;
    states->total = shard_zone_hash(fold->shard);
}

void verify_states_epoch(struct verify_states *states, uint16_t shard_count)
{
    partition_map_init(&states->partitions, shard_count);
    memset(states->rest, 0, sizeof states->rest);
    for (uint16_t shard = 0; shard < SHARD_COUNT_MAX; shard++)
        states->rest_known[shard] = !states->partial;
}

/* The zone whose state it changes, which its making does too. NULL: none. */
static const struct uuid *changed_zone(const struct record *record)
{
    return record->kind == RECORD_ZONE ? &record->zone.id : record_zone_id(record);
}

static uint64_t of_shard(const struct verify_states *states, uint16_t shard)
{
    uint64_t sum = states->rest[shard];
    for (uint16_t partition = 0; partition < PARTITION_COUNT; partition++) {
        if (partition_shard(&states->partitions, partition) == shard)
            sum += states->by_partition[partition];
    }
    return sum;
}

bool verify_states_check(struct verify_states *states, const struct replay_fold *fold,
                         uint16_t shard, const struct record *record)
{
    const struct uuid *zone_id = changed_zone(record);
    if (zone_id != NULL) {
        const uint64_t total = shard_zone_hash(fold->shard);
        states->by_partition[partition_of(zone_id)] += total - states->total;
        states->total = total;
    }
    if (record->kind != RECORD_STATE)
        return true;
    if (!states->rest_known[shard]) {
        states->rest_known[shard] = true;
        states->rest[shard] = record->state_hash - of_shard(states, shard);
        return true;
    }
    states->compared++;
    return of_shard(states, shard) == record->state_hash;
}
