/* Which shard owns what: 4,096 partitions, dealt to shards by a map.
 * Everything that routes, in this process or in a replayed log, asks here. */
#ifndef ENGINE_PARTITION_H
#define ENGINE_PARTITION_H

#include "uuid.h"

enum { PARTITION_COUNT = 4096, SHARD_COUNT_MAX = 64 };

struct partition_map {
    uint16_t shard_count;
    uint8_t shard[PARTITION_COUNT];
};

/* Deals the partitions round robin. shard_count is 1..SHARD_COUNT_MAX. */
void partition_map_init(struct partition_map *map, uint16_t shard_count);

/* XXH3_64(id) mod 4096: the partition of a zone or a user. */
uint16_t partition_of(const struct uuid *id);

static inline uint16_t partition_shard(const struct partition_map *map, uint16_t partition)
{
    return map->shard[partition & (PARTITION_COUNT - 1)];
}

/* The shard that owns a zone, and the home shard of a user. */
static inline uint16_t partition_shard_of(const struct partition_map *map, const struct uuid *id)
{
    return map->shard_count == 1 ? 0 : partition_shard(map, partition_of(id));
}

/* The shard of a booking, read from the id itself. */
static inline uint16_t partition_shard_of_booking(const struct partition_map *map,
                                                  const struct uuid *booking_id)
{
    return partition_shard(map, uuid_v7_partition(booking_id));
}

#endif
