#include "zone.h"

#include <assert.h>

#include "memory.h"
#include "partition.h"

struct zone *zone_new(const struct catalog_zone *catalog_zone, uint16_t segment_count)
{
    assert(segment_count >= 1 && segment_count <= CATALOG_SEGMENTS_MAX);
    struct zone *zone = memory_new(sizeof *zone + segment_count * sizeof zone->segments[0]);
    if (!zone)
        return NULL;
    zone->id = catalog_zone->id;
    zone->show_id = catalog_zone->show_id;
    zone->event_id = catalog_zone->event_id;
    zone->price_minor = catalog_zone->price_minor;
    zone->total = catalog_zone->total_seats;
    zone->segment_count = segment_count;
    zone->partition = partition_of(&zone->id);
    zone->counters = catalog_zone->counters;
    return zone;
}

void zone_free(struct zone *zone)
{
    memory_free(zone);
}

uint32_t zone_available(const struct zone *zone, uint16_t from, uint16_t to)
{
    uint32_t taken_most = 0;

    assert(from < to && to <= zone->segment_count);
    for (uint16_t i = from; i < to; i++) {
        uint32_t taken = zone->segments[i].reserved + zone->segments[i].sold;
        taken_most = taken > taken_most ? taken : taken_most;
    }
    assert(taken_most <= zone->total);
    return zone->total - taken_most;
}

uint32_t zone_available_throughout(const struct zone *zone)
{
    return zone_available(zone, 0, zone->segment_count);
}

void zone_reserve(struct zone *zone, uint16_t from, uint16_t to, uint32_t quantity)
{
    assert(quantity <= zone_available(zone, from, to));
    for (uint16_t i = from; i < to; i++)
        zone->segments[i].reserved += quantity;
    zone->reserved += quantity;
}

void zone_sell(struct zone *zone, uint16_t from, uint16_t to, uint32_t quantity)
{
    assert(from < to && to <= zone->segment_count);
    for (uint16_t i = from; i < to; i++) {
        assert(zone->segments[i].reserved >= quantity);
        zone->segments[i].reserved -= quantity;
        zone->segments[i].sold += quantity;
    }
    assert(zone->reserved >= quantity);
    zone->reserved -= quantity;
    zone->sold += quantity;
}

void zone_return(struct zone *zone, uint16_t from, uint16_t to, uint32_t quantity)
{
    assert(from < to && to <= zone->segment_count);
    for (uint16_t i = from; i < to; i++) {
        assert(zone->segments[i].reserved >= quantity);
        zone->segments[i].reserved -= quantity;
    }
    assert(zone->reserved >= quantity);
    zone->reserved -= quantity;
}
