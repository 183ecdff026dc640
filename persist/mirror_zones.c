#include "mirror_zones.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "../engine/hash.h"
#include "growing_array.h"

enum { MIRROR_ZONES_CAPACITY_MIN = 64, MIRROR_ZONES_MAX = 1 << 24 };

static uint64_t hash_of(const void *table, uint32_t slot)
{
    const struct mirror_zones *zones = table;
    return hash_uuid(&zones->items[slot].id);
}

static bool match(const void *table, uint32_t slot, const void *key)
{
    const struct mirror_zones *zones = table;
    return uuid_equal(&zones->items[slot].id, key);
}

static uint64_t trip_hash_of(const void *table, uint32_t slot)
{
    const struct mirror_zones *zones = table;
    return hash_uuid(&zones->trips[slot]);
}

static bool trip_match(const void *table, uint32_t slot, const void *key)
{
    const struct mirror_zones *zones = table;
    return uuid_equal(&zones->trips[slot], key);
}

bool mirror_zones_init(struct mirror_zones *zones)
{
    *zones = (struct mirror_zones){0};
    return hash_index_init(&zones->by_id, MIRROR_ZONES_MAX, zones, match, hash_of) &&
           hash_index_init(&zones->by_trip, MIRROR_ZONES_MAX, zones, trip_match, trip_hash_of);
}

void mirror_zones_release(struct mirror_zones *zones)
{
    hash_index_release(&zones->by_id);
    hash_index_release(&zones->by_trip);
    free(zones->items);
    free(zones->changed);
    free(zones->trips);
    *zones = (struct mirror_zones){0};
}

struct mirror_zone *mirror_zones_find(const struct mirror_zones *zones, const struct uuid *id)
{
    const uint32_t slot = hash_index_find(&zones->by_id, hash_uuid(id), id);
    return slot == HASH_INDEX_MISSING ? NULL : &zones->items[slot];
}

static bool grow(struct mirror_zones *zones)
{
    if (zones->count < zones->capacity)
        return true;
    if (zones->count == MIRROR_ZONES_MAX)
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
        known->trip = known->trip || facts->trip;
        known->recount = known->recount || facts->recount;
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

bool mirror_zones_is_trip(const struct mirror_zones *zones, const struct uuid *show_id)
{
    return hash_index_find(&zones->by_trip, hash_uuid(show_id), show_id) != HASH_INDEX_MISSING;
}

bool mirror_zones_put_trip(struct mirror_zones *zones, const struct uuid *show_id)
{
    if (mirror_zones_is_trip(zones, show_id))
        return true;
    struct uuid *trips = growing_array_room(
        zones->trips, zones->trip_count, &zones->trip_capacity, sizeof *trips,
        (struct growing_array_limits){MIRROR_ZONES_CAPACITY_MIN, MIRROR_ZONES_MAX});
    if (trips == NULL)
        return false;
    zones->trips = trips;
    const uint32_t slot = zones->trip_count;
    zones->trips[slot] = *show_id;
    if (!hash_index_insert(&zones->by_trip, trip_hash_of(zones, slot), slot))
        return false;
    zones->trip_count++;
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
        zone->changed = zone->resized = false;
        zone->available_change = zone->reserved_change = zone->sold_change = 0;
    }
    zones->changed_count = 0;
}
