/* A station's departures of a day lie in one sorted array. Trips mostly come in the
 * order they depart, so an insertion mostly appends. */
#include "trip_search.h"

#include <string.h>

#include "hash.h"
#include "hash_index.h"
#include "memory.h"
#include "slab.h"

static const uint64_t DAY_MS = 86400000;

struct departure {
    uint64_t departs_ms;
    uint32_t show;
    uint32_t stop;
};

struct station_day {
    struct departure *departures;
    uint32_t count, capacity;
    struct uuid station_id;
    uint64_t day;
};

struct day_key {
    struct uuid station_id;
    uint64_t day;
};

struct trip_index {
    struct slab days;
    struct hash_index by_key;
};

static uint64_t key_hash(const struct uuid *station_id, uint64_t day)
{
    return hash_uuid_seeded(station_id, day);
}

static bool day_matches(const void *slab, uint32_t slot, const void *key)
{
    const struct station_day *day = slab_at(slab, slot);
    const struct day_key *wanted = key;
    return day->day == wanted->day && uuid_equal(&day->station_id, &wanted->station_id);
}

static uint64_t day_hash(const void *slab, uint32_t slot)
{
    const struct station_day *day = slab_at(slab, slot);
    return key_hash(&day->station_id, day->day);
}

struct trip_index *trip_index_new(void)
{
    struct trip_index *index = memory_new(sizeof *index);

    if (index && slab_init(&index->days, sizeof(struct station_day), TRIP_DAYS_MAX) &&
        hash_index_init(&index->by_key, TRIP_DAYS_MAX, &index->days, day_matches, day_hash))
        return index;
    trip_index_free(index);
    return NULL;
}

void trip_index_free(struct trip_index *index)
{
    if (!index)
        return;
    for (uint32_t i = 0; i < index->days.used; i++) {
        struct station_day *day = slab_at(&index->days, i);
        memory_free(day->departures);
    }
    hash_index_release(&index->by_key);
    slab_release(&index->days);
    memory_free(index);
}

bool trip_index_has_room(const struct trip_index *index)
{
    return index->days.used + CATALOG_STOPS_MAX <= index->days.capacity;
}

static struct station_day *find_day(const struct trip_index *index, const struct uuid *station_id,
                                    uint64_t number)
{
    struct day_key key = {*station_id, number};
    uint32_t slot = hash_index_find(&index->by_key, key_hash(station_id, number), &key);
    return slot == HASH_INDEX_MISSING ? NULL : slab_at(&index->days, slot);
}

static struct station_day *make_day(struct trip_index *index, const struct uuid *station_id,
                                    uint64_t number)
{
    uint32_t slot = slab_take(&index->days);
    if (slot == SLAB_NONE)
        return NULL;
    struct station_day *day = slab_at(&index->days, slot);
    day->station_id = *station_id;
    day->day = number;
    return hash_index_insert(&index->by_key, key_hash(station_id, number), slot) ? day : NULL;
}

static bool make_room(struct station_day *day)
{
    if (day->count < day->capacity)
        return true;
    uint32_t capacity = day->capacity ? 2 * day->capacity : 4;
    struct departure *departures = memory_new(capacity * sizeof *departures);
    if (!departures)
        return false;
    if (day->count > 0)
        memcpy(departures, day->departures, day->count * sizeof *departures);
    memory_free(day->departures);
    day->departures = departures;
    day->capacity = capacity;
    return true;
}

/* The first that departs later than `ms`, or (equal = false) at `ms` or later. */
static uint32_t position_after(const struct station_day *day, uint64_t ms, bool equal)
{
    uint32_t low = 0, high = day->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        uint64_t departs_ms = day->departures[middle].departs_ms;
        if (departs_ms < ms || (equal && departs_ms == ms))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool add_departure(struct trip_index *index, const struct uuid *station_id,
                          const struct departure *departure)
{
    uint64_t number = departure->departs_ms / DAY_MS;
    struct station_day *day = find_day(index, station_id, number);

    if (!day)
        day = make_day(index, station_id, number);
    if (!day || !make_room(day))
        return false;
    uint32_t at = position_after(day, departure->departs_ms, true);
    memmove(&day->departures[at + 1], &day->departures[at],
            (day->count - at) * sizeof day->departures[0]);
    day->departures[at] = *departure;
    day->count++;
    return true;
}

bool trip_index_add(struct trip_index *index, uint32_t show_number, const struct catalog_show *show)
{
    /* Nobody boards at the last stop. */
    for (uint32_t i = 0; i + 1 < show->stop_count; i++) {
        struct departure departure = {show->stops[i].departs_ms, show_number, i};
        if (!add_departure(index, &show->stops[i].station_id, &departure))
            return false;
    }
    return true;
}

/* --- searching --- */

struct trip_cursor trip_search(const struct catalog *catalog, const struct trip_query *query)
{
    struct trip_cursor cursor = {
        .catalog = catalog, .query = *query, .day = query->since_ms / DAY_MS};
    const struct station_day *day = find_day(catalog_trips(catalog), &query->from, cursor.day);

    if (day)
        cursor.position = position_after(day, query->since_ms, false);
    return cursor;
}

/* Is it one that stops at `to` afterwards? */
static bool take_departure(const struct trip_cursor *cursor, const struct departure *departure,
                           struct trip *trip)
{
    trip->show = catalog_show_at(cursor->catalog, departure->show);
    trip->from_stop = departure->stop;
    trip->to_stop = catalog_show_stop(trip->show, &cursor->query.to);
    return trip->to_stop != UINT32_MAX && trip->to_stop > trip->from_stop;
}

bool trip_search_next(struct trip_cursor *cursor, struct trip *trip)
{
    const struct trip_query *query = &cursor->query;

    for (; cursor->day * DAY_MS < query->until_ms; cursor->day++, cursor->position = 0) {
        const struct station_day *day =
            find_day(catalog_trips(cursor->catalog), &query->from, cursor->day);
        while (day && cursor->position < day->count) {
            const struct departure *departure = &day->departures[cursor->position];
            if (departure->departs_ms >= query->until_ms)
                return false;
            cursor->position++;
            if (take_departure(cursor, departure, trip))
                return true;
        }
    }
    return false;
}
