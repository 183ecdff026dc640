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

/* NULL: it changes no zone. */
static const struct uuid *zone_of(const struct record *record)
{
    switch ((int)record->kind) {
    case RECORD_ZONE:
        return &record->zone.id;
    case RECORD_RESERVED:
        return &record->reserved.zone_id;
    case RECORD_CONFIRMED:
    case RECORD_CANCELLED:
        return &record->settled.zone_id;
    case RECORD_EXPIRED:
        return &record->expired.zone_id;
    case RECORD_CHANGED:
        return &record->changed.zone_id;
    case RECORD_BLOCK:
        return &record->block.zone_id;
    case RECORD_ZONE_CHANGED:
        return &record->zone_changed.zone_id;
    default:
        return NULL;
    }
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
    const struct uuid *zone_id = zone_of(record);
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
