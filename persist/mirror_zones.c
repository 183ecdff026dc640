#include "mirror_zones.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { MIRROR_ZONES_CAPACITY_MIN = 64 };
static const uint64_t mirror_zones_max = 1u << 24;

static uint64_t hash_of(const void *table, uint32_t slot)
{
    const struct mirror_zones *zones = table;
    return XXH3_64bits(zones->items[slot].id.bytes, sizeof zones->items[slot].id.bytes);
}

static bool match(const void *table, uint32_t slot, const void *key)
{
    const struct mirror_zones *zones = table;
    return uuid_equal(&zones->items[slot].id, key);
}

bool mirror_zones_init(struct mirror_zones *zones)
{
    *zones = (struct mirror_zones){0};
    return hash_index_init(&zones->by_id, mirror_zones_max, zones, match, hash_of);
}

void mirror_zones_release(struct mirror_zones *zones)
{
    hash_index_release(&zones->by_id);
    free(zones->items);
    free(zones->changed);
    *zones = (struct mirror_zones){0};
}

struct mirror_zone *mirror_zones_find(const struct mirror_zones *zones, const struct uuid *id)
{
    const uint32_t slot =
        hash_index_find(&zones->by_id, XXH3_64bits(id->bytes, sizeof id->bytes), id);
    return slot == HASH_INDEX_MISSING ? NULL : &zones->items[slot];
}

static bool grow(struct mirror_zones *zones)
{
    if (zones->count < zones->capacity)
        return true;
    if (zones->count == mirror_zones_max)
        return false;
    const uint32_t capacity = zones->capacity > 0 ? zones->capacity * 2 : MIRROR_ZONES_CAPACITY_MIN;
    struct mirror_zone *items = realloc(zones->items, capacity * sizeof *items);
    if (items == NULL)
        return false;
    zones->items = items;
    uint32_t *changed = realloc(zones->changed, capacity * sizeof *changed);
    if (changed == NULL)
        return false;
    zones->changed = changed;
    zones->capacity = capacity;
    return true;
}

bool mirror_zones_put(struct mirror_zones *zones, const struct mirror_zone *facts)
{
    struct mirror_zone *known = mirror_zones_find(zones, &facts->id);
    if (known != NULL) {
        known->show_id = facts->show_id;
        known->event_id = facts->event_id;
        memcpy(known->currency, facts->currency, sizeof known->currency);
        return true;
    }
    if (!grow(zones))
        return false;
    assert(zones->items != NULL);
    zones->items[zones->count] = *facts;
    if (!hash_index_insert(&zones->by_id, hash_of(zones, zones->count), zones->count))
        return false;
    zones->count++;
    return true;
}

void mirror_zones_change(struct mirror_zones *zones, struct mirror_zone *zone, int64_t available,
                         int64_t reserved, int64_t sold)
{
    if (!zone->changed) {
        zone->changed = true;
        zones->changed[zones->changed_count++] = (uint32_t)(zone - zones->items);
    }
    zone->available_change += available;
    zone->reserved_change += reserved;
    zone->sold_change += sold;
}

void mirror_zones_settle(struct mirror_zones *zones)
{
    for (uint32_t i = 0; i < zones->changed_count; i++) {
        struct mirror_zone *zone = &zones->items[zones->changed[i]];
        zone->changed = false;
        zone->available_change = zone->reserved_change = zone->sold_change = 0;
    }
    zones->changed_count = 0;
}
