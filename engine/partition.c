#include "partition.h"

#include "hash.h"

#include <assert.h>

void partition_map_init(struct partition_map *map, uint16_t shard_count)
{
    assert(shard_count >= 1 && shard_count <= SHARD_COUNT_MAX);
    map->shard_count = shard_count;
    for (int partition = 0; partition < PARTITION_COUNT; partition++)
        map->shard[partition] = (uint8_t)(partition % shard_count);
}

uint16_t partition_of(const struct uuid *id)
{
    return (uint16_t)(hash_uuid(id) % PARTITION_COUNT);
}
