#include "replay_plans.h"

#include <stdlib.h>

#include "../engine/hash.h"
#include "growing_array.h"

enum { REPLAY_PLANS_MIN = 64, REPLAY_PLANS_MAX = 1 << 24 };

static uint64_t hash_of(const void *table, uint32_t slot)
{
    return hash_uuid(&((const struct replay_plans *)table)->items[slot].zone_id);
}

static bool match(const void *table, uint32_t slot, const void *key)
{
    return uuid_equal(&((const struct replay_plans *)table)->items[slot].zone_id, key);
}

bool replay_plans_init(struct replay_plans *plans)
{
    *plans = (struct replay_plans){0};
    return hash_index_init(&plans->by_zone, REPLAY_PLANS_MAX, plans, match, hash_of);
}

void replay_plans_release(struct replay_plans *plans)
{
    for (uint32_t i = 0; i < plans->count; i++)
        seat_plan_free(plans->items[i].plan);
    free(plans->items);
    plans->items = NULL;
    hash_index_release(&plans->by_zone);
}

static bool grow(struct replay_plans *plans)
{
    struct replay_plan *items =
        growing_array_room(plans->items, plans->count, &plans->capacity, sizeof *items,
                           (struct growing_array_limits){REPLAY_PLANS_MIN, REPLAY_PLANS_MAX});
    if (items != NULL)
        plans->items = items;
    return items != NULL;
}

static const struct seat_plan *find(const struct replay_plans *plans, const struct uuid *zone_id)
{
    const uint32_t slot = hash_index_find(&plans->by_zone, hash_uuid(zone_id), zone_id);
    return slot == HASH_INDEX_MISSING ? NULL : plans->items[slot].plan;
}

/* A zone's plan never changes; bytes that are no plan's are shown without labels. */
bool replay_plans_note(struct replay_plans *plans, const struct record *record)
{
    const struct catalog_zone *zone = &record->zone;
    enum seat_plan_error error = SEAT_PLAN_OK;
    if (record->kind != RECORD_ZONE || zone->plan_length == 0 || find(plans, &zone->id) != NULL)
        return true;
    struct seat_plan *plan = seat_plan_decode(zone->plan_bytes, zone->plan_length, &error);
    if (plan == NULL)
        return error != SEAT_PLAN_OUT_OF_MEMORY;
    if (!grow(plans) || !hash_index_insert(&plans->by_zone, hash_uuid(&zone->id), plans->count)) {
        seat_plan_free(plan);
        return false;
    }
    plans->items[plans->count++] = (struct replay_plan){zone->id, plan};
    return true;
}

const struct seat_plan *replay_plans_of(const struct replay_plans *plans,
                                        const struct record *record)
{
    switch ((int)record->kind) {
    case RECORD_RESERVED:
        return find(plans, &record->reserved.zone_id);
    case RECORD_CHANGED:
        return find(plans, &record->changed.zone_id);
    case RECORD_BLOCK:
        return find(plans, &record->block.zone_id);
    default:
        return NULL;
    }
}
