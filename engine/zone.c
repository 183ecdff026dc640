#include "zone.h"

#include <assert.h>
#include <string.h>

#include "memory.h"
#include "partition.h"
#include "state_hash.h"

/* --- making --- */

static bool prices_fill(struct zone *zone, const struct catalog_zone *catalog_zone)
{
    if (catalog_zone->segment_price_count == 0)
        return true;
    if (catalog_zone->segment_price_count != zone->segment_count)
        return false;
    zone->prices = memory_new((zone->segment_count + 1U) * sizeof zone->prices[0]);
    for (uint16_t i = 0; zone->prices && i < zone->segment_count; i++)
        zone->prices[i + 1] = zone->prices[i] + catalog_zone->segment_prices[i];
    return zone->prices != NULL;
}

static bool map_open(struct zone *zone, const struct catalog_zone *catalog_zone)
{
    if (catalog_zone->kind != ZONE_SEATED)
        return true;
    if (!catalog_zone->plan || catalog_zone->plan->seat_count != zone->total)
        return false;
    zone->map = seat_map_new(catalog_zone->plan, zone->segment_count);
    return zone->map != NULL;
}

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
    zone->total = zone->target = catalog_zone->total_seats;
    zone->segment_count = segment_count;
    zone->partition = partition_of(&zone->id);
    zone->counters = catalog_zone->counters;
    zone->catalog_zone = catalog_zone_share(catalog_zone);
    if (prices_fill(zone, catalog_zone) && map_open(zone, catalog_zone))
        return zone;
    zone_free(zone);
    return NULL;
}

void zone_free(struct zone *zone)
{
    if (!zone)
        return;
    seat_map_free(zone->map);
    catalog_zone_release(zone->catalog_zone);
    memory_free(zone->prices);
    memory_free(zone->blocks);
    memory_free(zone);
}

/* --- asking --- */

int64_t zone_price(const struct zone *zone, uint16_t from, uint16_t to)
{
    assert(from < to && to <= zone->segment_count);
    return zone->prices ? zone->prices[to] - zone->prices[from] : zone->price_minor;
}

static uint32_t segment_used(const struct zone_segment *segment)
{
    return segment->reserved + segment->sold + segment->blocked;
}

static uint32_t used_most(const struct zone *zone, uint16_t from, uint16_t to)
{
    uint32_t most = 0;

    for (uint16_t i = from; i < to; i++) {
        uint32_t used = segment_used(&zone->segments[i]);
        most = used > most ? used : most;
    }
    assert(most <= zone->total);
    return most;
}

/* On one segment, seats are free just as numbers are; over several, a seat must be
 * free on each. */
uint32_t zone_available(const struct zone *zone, uint16_t from, uint16_t to)
{
    assert(from < to && to <= zone->segment_count);
    if (zone->map && to - from > 1)
        return seat_map_free_count(zone->map, from, to);
    return zone->total - used_most(zone, from, to);
}

uint32_t zone_available_throughout(const struct zone *zone)
{
    return zone_available(zone, 0, zone->segment_count);
}

void zone_available_pairs(const struct zone *zone, uint32_t *out)
{
    if (zone->map) {
        seat_map_free_counts(zone->map, out);
        return;
    }
    for (uint16_t from = 0; from < zone->segment_count; from++) {
        uint32_t most = 0;
        for (uint16_t to = from; to < zone->segment_count; to++) {
            uint32_t used = segment_used(&zone->segments[to]);
            most = used > most ? used : most;
            *out++ = zone->total - most;
        }
    }
}

uint32_t zone_used(const struct zone *zone)
{
    return used_most(zone, 0, zone->segment_count);
}

uint32_t zone_blocked(const struct zone *zone)
{
    uint32_t most = 0;

    for (uint16_t i = 0; i < zone->segment_count; i++)
        most = zone->segments[i].blocked > most ? zone->segments[i].blocked : most;
    return most;
}

/* --- places: numbers --- */

static void count_out(struct zone *zone, const struct zone_places *places)
{
    struct block *block = places->block && places->block->active ? places->block : NULL;
    uint32_t quantity = places->quantity;

    assert(places->from < places->to && places->to <= zone->segment_count);
    for (uint16_t i = places->from; i < places->to; i++) {
        struct zone_segment *segment = &zone->segments[i];
        uint32_t *count = places->sold ? &segment->sold : &segment->reserved;
        assert(*count >= quantity);
        *count -= quantity;
        if (block) {
            assert(block->drawn[i] >= quantity);
            block->drawn[i] -= quantity;
            segment->blocked += quantity;
        }
    }
    uint32_t *tickets = places->sold ? &zone->sold : &zone->reserved;
    assert(*tickets >= quantity);
    *tickets -= quantity;
}

static void count_in(struct zone *zone, const struct zone_places *places)
{
    struct block *block = places->block && places->block->active ? places->block : NULL;
    uint32_t quantity = places->quantity;

    assert(places->from < places->to && places->to <= zone->segment_count);
    for (uint16_t i = places->from; i < places->to; i++) {
        struct zone_segment *segment = &zone->segments[i];
        uint32_t *count = places->sold ? &segment->sold : &segment->reserved;
        if (block) {
            assert(segment->blocked >= quantity && block->quantity - block->drawn[i] >= quantity);
            segment->blocked -= quantity;
            block->drawn[i] += quantity;
        }
        assert(zone->total - segment_used(segment) >= quantity);
        *count += quantity;
    }
    uint32_t *tickets = places->sold ? &zone->sold : &zone->reserved;
    *tickets += quantity;
}

/* --- places: seats --- */

/* Of the seats in `these` those that are (or are not) among `others`; both ascend. */
static uint32_t seats_select(const struct zone_places *these, const struct zone_places *others,
                             bool among, uint32_t out[RECORD_SEATS_MAX])
{
    uint32_t count = 0, at = 0, other_count = others ? others->quantity : 0;

    assert(these->seats && these->quantity <= RECORD_SEATS_MAX);
    assert(!others || others->seats);
    for (uint32_t i = 0; i < these->quantity; i++) {
        while (at < other_count && others->seats[at] < these->seats[i])
            at++;
        bool found = at < other_count && others->seats[at] == these->seats[i];
        if (found == among)
            out[count++] = these->seats[i];
    }
    return count;
}

static void seats_out(struct zone *zone, const struct zone_places *before,
                      const struct zone_places *after)
{
    uint32_t seats[RECORD_SEATS_MAX];
    uint32_t count = seats_select(before, after, false, seats);

    if (count > 0)
        seat_map_return(zone->map, seats, count, before->from, before->to);
}

static void seats_in(struct zone *zone, const struct zone_places *before,
                     const struct zone_places *after)
{
    uint32_t seats[RECORD_SEATS_MAX];
    uint32_t count = seats_select(after, before, false, seats);

    if (count > 0) {
        seat_map_reserve(zone->map, seats, count, after->from, after->to);
        if (after->sold)
            seat_map_sell(zone->map, seats, count, after->from, after->to);
    }
    if (!before || before->sold || !after->sold)
        return;
    count = seats_select(after, before, true, seats);
    if (count > 0)
        seat_map_sell(zone->map, seats, count, after->from, after->to);
}

/* --- changing --- */

/* The total follows what is used down to the target. */
static void follow_drain(struct zone *zone)
{
    if (zone->total == zone->target)
        return;
    uint32_t used = zone_used(zone);
    zone->total = used > zone->target ? used : zone->target;
}

void zone_change(struct zone *zone, const struct zone_places *before,
                 const struct zone_places *after)
{
    if (before)
        count_out(zone, before);
    if (after)
        count_in(zone, after);
    if (zone->map) {
        /* A booking does not become reserved once it was confirmed. */
        assert(!before || !after || after->sold || !before->sold);
        if (before)
            seats_out(zone, before, after);
        if (after)
            seats_in(zone, before, after);
    }
    zone->changes++;
    if (before)
        follow_drain(zone);
}

void zone_reserve(struct zone *zone, uint16_t from, uint16_t to, uint32_t quantity)
{
    const struct zone_places places = {.from = from, .to = to, .quantity = quantity};
    zone_change(zone, NULL, &places);
}

void zone_sell(struct zone *zone, uint16_t from, uint16_t to, uint32_t quantity)
{
    const struct zone_places before = {.from = from, .to = to, .quantity = quantity};
    const struct zone_places after = {.from = from, .to = to, .sold = true, .quantity = quantity};
    zone_change(zone, &before, &after);
}

void zone_return(struct zone *zone, uint16_t from, uint16_t to, uint32_t quantity)
{
    const struct zone_places places = {.from = from, .to = to, .quantity = quantity};
    zone_change(zone, &places, NULL);
}

/* --- blocks --- */

bool zone_block_room(struct zone *zone)
{
    if (zone->block_count < zone->block_room)
        return true;
    uint32_t room = zone->block_room == 0 ? 8 : 2 * zone->block_room;
    struct zone_block *blocks = memory_new(room * sizeof blocks[0]);
    if (!blocks)
        return false;
    if (zone->block_count > 0)
        memcpy(blocks, zone->blocks, zone->block_count * sizeof blocks[0]);
    memory_free(zone->blocks);
    zone->blocks = blocks;
    zone->block_room = room;
    return true;
}

void zone_block(struct zone *zone, const struct block *block, uint32_t slot)
{
    assert(block->active && zone->block_count < zone->block_room);
    for (uint16_t i = 0; i < zone->segment_count; i++) {
        assert(block->drawn[i] == 0);
        assert(zone->total - segment_used(&zone->segments[i]) >= block->quantity);
        zone->segments[i].blocked += block->quantity;
    }
    if (zone->map)
        seat_map_block(zone->map, block->seats, block->seat_count);
    struct zone_block *entry = &zone->blocks[zone->block_count++];
    *entry = (struct zone_block){.block = slot};
    if (block->kind == BLOCK_ALLOTMENT)
        memcpy(entry->key_digest, block->key_digest, sizeof entry->key_digest);
    zone->changes++;
}

static void unlist(struct zone *zone, uint32_t slot)
{
    uint32_t at = 0;

    while (at < zone->block_count && zone->blocks[at].block != slot)
        at++;
    assert(at < zone->block_count);
    zone->block_count--;
    memmove(&zone->blocks[at], &zone->blocks[at + 1],
            (zone->block_count - at) * sizeof zone->blocks[0]);
}

void zone_unblock(struct zone *zone, const struct block *block, uint32_t slot)
{
    for (uint16_t i = 0; i < zone->segment_count; i++) {
        uint32_t left = block->quantity - block->drawn[i];
        assert(zone->segments[i].blocked >= left);
        zone->segments[i].blocked -= left;
    }
    if (zone->map)
        seat_map_unblock(zone->map, block->seats, block->seat_count);
    unlist(zone, slot);
    zone->changes++;
    follow_drain(zone);
}

uint32_t zone_allotment(const struct zone *zone, const uint8_t key_digest[16])
{
    static const uint8_t none[16];

    if (memcmp(key_digest, none, sizeof none) == 0)
        return SLAB_NONE;
    for (uint32_t i = 0; i < zone->block_count; i++)
        if (memcmp(zone->blocks[i].key_digest, key_digest, sizeof none) == 0)
            return zone->blocks[i].block;
    return SLAB_NONE;
}

/* --- the zone itself --- */

void zone_set_capacity(struct zone *zone, uint32_t total, uint32_t target)
{
    assert(!zone->map && target <= total && zone_used(zone) <= total);
    zone->total = total;
    zone->target = target;
    zone->changes++;
    follow_drain(zone);
}

void zone_set_closed(struct zone *zone, bool closed)
{
    zone->closed = closed;
    zone->changes++;
}

uint64_t zone_state_hash(const struct zone *zone)
{
    uint32_t opened = zone->catalog_zone->total_seats;
    uint64_t sum = 0;

    for (uint16_t i = 0; i < zone->segment_count; i++) {
        const struct zone_segment *segment = &zone->segments[i];
        if (segment_used(segment) > 0)
            sum += state_hash_mix((uint64_t)segment->reserved << 32 | segment->sold,
                                  (uint64_t)i << 32 | segment->blocked);
    }
    if (sum == 0 && !zone->closed && zone->total == opened && zone->target == opened)
        return 0;
    uint64_t hash = state_hash_mix(state_hash_uuid(&zone->id) ^ sum,
                                   (uint64_t)zone->total << 32 | zone->target);
    return state_hash_mix(hash ^ zone->closed, (uint64_t)zone->reserved << 32 | zone->sold);
}

uint64_t zone_bytes(const struct zone *zone)
{
    uint64_t bytes = sizeof *zone + zone->segment_count * sizeof zone->segments[0] +
                     (uint64_t)zone->block_room * sizeof zone->blocks[0];

    if (zone->prices)
        bytes += (zone->segment_count + 1U) * sizeof zone->prices[0];
    return zone->map ? bytes + seat_map_memory_bytes(zone->map) : bytes;
}
