/* The places taken of trips, segment by segment, which the engine has no list of:
 * counted over all bookings and the blocks they draw from. */
#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "../engine/block.h"
#include "../engine/memory.h"
#include "diff_state.h"

static int zone_order(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct uuid));
}

struct diff_segments *diff_segments_of(const struct diff_state *state, const struct uuid *zone_id)
{
    static_assert(offsetof(struct diff_segments, zone_id) == 0, "sorted and found by it");
    return state->segments_count == 0 ? NULL
                                      : bsearch(zone_id, state->segments, state->segments_count,
                                                sizeof *state->segments, zone_order);
}

static uint32_t segment_count_of(const struct diff_state *state, const struct catalog_zone *zone)
{
    const struct catalog_show *show =
        catalog_show(shard_catalog(state->fold.shard), &zone->show_id);
    return show != NULL && show->segment_count > 1 ? show->segment_count : 0;
}

static bool begin(struct diff_state *state)
{
    const struct catalog *catalog = shard_catalog(state->fold.shard);
    const uint32_t zones = catalog_zone_count(catalog);
    free(state->segments);
    state->segments_count = 0;
    state->segments = calloc((size_t)zones + 1, sizeof *state->segments);
    if (state->segments == NULL)
        return false;
    for (uint32_t i = 0; i < zones; i++) {
        const struct catalog_zone *zone = catalog_zone_at(catalog, i);
        struct diff_segments *segments = &state->segments[state->segments_count];
        segments->zone_id = zone->id;
        segments->count = segment_count_of(state, zone);
        state->segments_count += segments->count > 0;
    }
    qsort(state->segments, state->segments_count, sizeof *state->segments, zone_order);
    return true;
}

/* False: unknown, or it has ended. The texts and seats of the facts are gone. */
static bool block_places(const struct diff_state *state, const struct uuid *block_id,
                         struct block_facts *facts)
{
    struct block_facts *found = shard_block(state->fold.shard, block_id);
    if (found == NULL)
        return false;
    *facts = *found;
    memory_free(found);
    return facts->active;
}

static void count_booking(struct diff_state *state, const struct diff_booking *booking)
{
    struct booking_facts facts;
    struct block_facts block;
    uint32_t seat_count;
    if (!shard_booking(state->fold.shard, &booking->id, 0, &facts, NULL, &seat_count) ||
        (facts.status != BOOKING_RESERVED && facts.status != BOOKING_CONFIRMED))
        return;
    struct diff_segments *segments = diff_segments_of(state, &facts.zone_id);
    if (segments == NULL)
        return;
    const bool drawn =
        !uuid_is_nil(&booking->block_id) && block_places(state, &booking->block_id, &block);
    for (uint32_t i = booking->from_segment; i < booking->to_segment && i < segments->count; i++) {
        if (facts.status == BOOKING_RESERVED)
            segments->reserved[i] += facts.quantity;
        else
            segments->sold[i] += facts.quantity;
        if (drawn)
            segments->blocked[i] -= facts.quantity;
    }
}

bool diff_segments_count(struct diff_state *state)
{
    if (!begin(state))
        return false;
    for (uint32_t n = 0; n < state->block_count; n++) {
        struct block_facts block;
        if (!block_places(state, &state->blocks[n].id, &block))
            continue;
        struct diff_segments *segments = diff_segments_of(state, &block.zone_id);
        for (uint32_t i = 0; segments != NULL && i < segments->count; i++)
            segments->blocked[i] += block.quantity;
    }
    for (uint32_t i = 0; i < state->booking_count; i++)
        count_booking(state, &state->bookings[i]);
    return true;
}
