/* Catalog objects: one allocation each, lists and texts behind the struct. */
#include <assert.h>
#include <string.h>

#include "catalog.h"
#include "memory.h"
#include "seat_map.h"

/* Moves a text behind the object; returns the place after it. */
static char *text_take(struct text *text, char *place)
{
    if (text->length > 0)
        memcpy(place, text->bytes, text->length);
    text->bytes = place;
    return place + text->length;
}

static void reference(_Atomic uint32_t *references)
{
    /* Relaxed: whoever shares already holds a reference. */
    uint32_t before = atomic_fetch_add_explicit(references, 1, memory_order_relaxed);
    assert(before > 0);
}

static bool unreference(_Atomic uint32_t *references)
{
    uint32_t before = atomic_fetch_sub_explicit(references, 1, memory_order_acq_rel);
    assert(before > 0);
    return before == 1;
}

struct catalog_event *catalog_event_new(const struct catalog_event *draft)
{
    size_t texts = (size_t)draft->title.length + draft->slug.length + draft->description.length +
                   draft->venue.length + draft->city.length + draft->image_url.length;
    struct catalog_event *event = memory_new(sizeof *event + texts);

    if (!event)
        return NULL;
    *event = *draft;
    atomic_init(&event->references, 1);
    char *place = (char *)(event + 1);
    place = text_take(&event->title, place);
    place = text_take(&event->slug, place);
    place = text_take(&event->description, place);
    place = text_take(&event->venue, place);
    place = text_take(&event->city, place);
    text_take(&event->image_url, place);
    return event;
}

struct catalog_station *catalog_station_new(const struct catalog_station *draft)
{
    size_t texts = (size_t)draft->code.length + draft->name.length + draft->city.length;
    struct catalog_station *station = memory_new(sizeof *station + texts);

    if (!station)
        return NULL;
    *station = *draft;
    atomic_init(&station->references, 1);
    char *place = (char *)(station + 1);
    place = text_take(&station->code, place);
    place = text_take(&station->name, place);
    text_take(&station->city, place);
    return station;
}

struct catalog_route *catalog_route_new(const struct catalog_route *draft)
{
    size_t stations_bytes = draft->stop_count * sizeof draft->stations[0];
    struct catalog_route *route = memory_new(sizeof *route + stations_bytes + draft->name.length);

    if (!route)
        return NULL;
    *route = *draft;
    atomic_init(&route->references, 1);
    if (stations_bytes > 0)
        memcpy(route + 1, draft->stations, stations_bytes);
    route->stations = (const struct uuid *)(route + 1);
    text_take(&route->name, (char *)(route + 1) + stations_bytes);
    return route;
}

struct catalog_show *catalog_show_new(const struct catalog_show *draft)
{
    size_t stops_bytes = draft->stop_count * sizeof draft->stops[0];
    struct catalog_show *show = memory_new(sizeof *show + stops_bytes + draft->name.length);

    if (!show)
        return NULL;
    *show = *draft;
    atomic_init(&show->references, 1);
    if (stops_bytes > 0)
        memcpy(show + 1, draft->stops, stops_bytes);
    show->stops = stops_bytes > 0 ? (const struct catalog_stop *)(show + 1) : NULL;
    text_take(&show->name, (char *)(show + 1) + stops_bytes);
    return show;
}

/* --- zones --- */

static void counters_free(struct zone_counters *counters)
{
    if (!counters)
        return;
    seat_plan_free((struct seat_plan *)(uintptr_t)counters->plan);
    memory_free(counters->pairs);
    memory_free(counters);
}

/* NULL: damaged, or not of as many seats as the zone. */
static struct seat_plan *decode_plan(const struct catalog_zone *zone)
{
    enum seat_plan_error error;
    struct seat_plan *plan = seat_plan_decode(zone->plan_bytes, zone->plan_length, &error);

    if (!plan || plan->seat_count == zone->total_seats)
        return plan;
    seat_plan_free(plan);
    return NULL;
}

static bool make_pairs(struct zone_counters *counters, uint32_t segment_count, uint32_t places)
{
    counters->pair_count = segment_count * (segment_count + 1) / 2;
    counters->pairs = memory_new(counters->pair_count * sizeof counters->pairs[0]);
    for (uint32_t i = 0; counters->pairs && i < counters->pair_count; i++)
        atomic_init(&counters->pairs[i], places);
    return counters->pairs != NULL;
}

/* Counters outlive all versions but the last: `GET` reads them from any worker. */
static struct zone_counters *counters_new(const struct catalog_zone *zone)
{
    struct zone_counters *counters = memory_new_aligned(64, sizeof *counters);
    bool made = counters != NULL;

    if (made) {
        atomic_init(&counters->available, zone->total_seats);
        atomic_init(&counters->total, zone->total_seats);
    }
    if (made && zone->kind == ZONE_SEATED)
        made = (counters->plan = decode_plan(zone)) != NULL;
    if (made && zone->segment_count > 1)
        made = make_pairs(counters, zone->segment_count, zone->total_seats);
    if (made)
        return counters;
    counters_free(counters);
    return NULL;
}

/* Behind the struct: prices, plan, name. */
static void take_zone_lists(struct catalog_zone *zone, size_t prices_bytes)
{
    char *place = (char *)(zone + 1);

    if (prices_bytes > 0)
        memcpy(place, zone->segment_prices, prices_bytes);
    zone->segment_prices = prices_bytes > 0 ? (const int64_t *)(const void *)(zone + 1) : NULL;
    place += prices_bytes;
    if (zone->plan_length > 0)
        memcpy(place, zone->plan_bytes, zone->plan_length);
    zone->plan_bytes = zone->plan_length > 0 ? (const uint8_t *)place : NULL;
    text_take(&zone->name, place + zone->plan_length);
}

struct catalog_zone *catalog_zone_new(const struct catalog_zone *draft)
{
    size_t prices_bytes = draft->segment_price_count * sizeof draft->segment_prices[0];
    struct catalog_zone *zone =
        memory_new(sizeof *zone + prices_bytes + draft->plan_length + draft->name.length);

    if (!zone)
        return NULL;
    *zone = *draft;
    atomic_init(&zone->references, 1);
    take_zone_lists(zone, prices_bytes);
    if (!zone->counters)
        zone->counters = counters_new(zone);
    if (zone->counters) {
        zone->plan = zone->counters->plan;
        atomic_fetch_add_explicit(&zone->counters->versions, 1, memory_order_relaxed);
        return zone;
    }
    memory_free(zone);
    return NULL;
}

bool catalog_sum_prices(const int64_t *prices, uint32_t count, int64_t *sum)
{
    int64_t most;

    *sum = 0;
    for (uint32_t i = 0; i < count; i++)
        if (prices[i] < 0 || __builtin_add_overflow(*sum, prices[i], sum))
            return false;
    return !__builtin_mul_overflow(*sum, (int64_t)CATALOG_ZONE_SEATS_MAX, &most);
}

int64_t catalog_zone_price(const struct catalog_zone *zone, uint32_t from, uint32_t to)
{
    int64_t price = 0;

    if (zone->segment_price_count == 0)
        return zone->price_minor;
    assert(from < to && to <= zone->segment_price_count);
    for (uint32_t i = from; i < to; i++)
        price += zone->segment_prices[i];
    return price;
}

uint32_t catalog_zone_left(const struct catalog_zone *zone, uint32_t from, uint32_t to)
{
    const struct zone_counters *counters = zone->counters;
    uint32_t count = zone->segment_count;

    if (!counters->pairs)
        return atomic_load_explicit(&counters->available, memory_order_relaxed);
    assert(from < to && to <= count);
    uint32_t pair = seat_map_pair((uint16_t)count, (uint16_t)from, (uint16_t)to);
    return atomic_load_explicit(&counters->pairs[pair], memory_order_relaxed);
}

/* --- stops --- */

uint32_t catalog_show_stop(const struct catalog_show *show, const struct uuid *station_id)
{
    for (uint32_t i = 0; i < show->stop_count; i++)
        if (uuid_equal(&show->stops[i].station_id, station_id))
            return i;
    return UINT32_MAX;
}

enum catalog_stops_fault catalog_check_stops(const struct catalog_stop *stops, uint32_t count,
                                             uint32_t *at)
{
    *at = 0;
    if (count < 2 || count > CATALOG_STOPS_MAX)
        return CATALOG_STOPS_COUNT;
    for (uint32_t i = 0; i < count; i++) {
        *at = i;
        for (uint32_t j = 0; j < i; j++)
            if (uuid_equal(&stops[i].station_id, &stops[j].station_id))
                return CATALOG_STOPS_REPEAT;
        if (stops[i].departs_ms < stops[i].arrives_ms ||
            (i > 0 && stops[i].arrives_ms < stops[i - 1].departs_ms))
            return CATALOG_STOPS_TIMES;
    }
    return CATALOG_STOPS_OK;
}

/* --- references --- */

struct catalog_event *catalog_event_share(const struct catalog_event *event)
{
    struct catalog_event *shared = (struct catalog_event *)(uintptr_t)event;
    reference(&shared->references);
    return shared;
}

struct catalog_station *catalog_station_share(const struct catalog_station *station)
{
    struct catalog_station *shared = (struct catalog_station *)(uintptr_t)station;
    reference(&shared->references);
    return shared;
}

struct catalog_route *catalog_route_share(const struct catalog_route *route)
{
    struct catalog_route *shared = (struct catalog_route *)(uintptr_t)route;
    reference(&shared->references);
    return shared;
}

struct catalog_show *catalog_show_share(const struct catalog_show *show)
{
    struct catalog_show *shared = (struct catalog_show *)(uintptr_t)show;
    reference(&shared->references);
    return shared;
}

struct catalog_zone *catalog_zone_share(const struct catalog_zone *zone)
{
    struct catalog_zone *shared = (struct catalog_zone *)(uintptr_t)zone;
    reference(&shared->references);
    return shared;
}

void catalog_event_release(const struct catalog_event *event)
{
    struct catalog_event *released = (struct catalog_event *)(uintptr_t)event;
    if (released && unreference(&released->references))
        memory_free(released);
}

void catalog_station_release(const struct catalog_station *station)
{
    struct catalog_station *released = (struct catalog_station *)(uintptr_t)station;
    if (released && unreference(&released->references))
        memory_free(released);
}

void catalog_route_release(const struct catalog_route *route)
{
    struct catalog_route *released = (struct catalog_route *)(uintptr_t)route;
    if (released && unreference(&released->references))
        memory_free(released);
}

void catalog_show_release(const struct catalog_show *show)
{
    struct catalog_show *released = (struct catalog_show *)(uintptr_t)show;
    if (released && unreference(&released->references))
        memory_free(released);
}

void catalog_zone_release(const struct catalog_zone *zone)
{
    struct catalog_zone *released = (struct catalog_zone *)(uintptr_t)zone;
    if (!released || !unreference(&released->references))
        return;
    if (unreference(&released->counters->versions))
        counters_free(released->counters);
    memory_free(released);
}
