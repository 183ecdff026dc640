/* The work is one random line of memory after the other, so it goes in batches:
 * what each piece will touch is loaded in two steps before the first is put in. */
#include "shard_import.h"

#include <assert.h>
#include <string.h>

#include "shard_state.h"

/* --- zones and blocks --- */

enum shard_replay_result shard_import_zone(struct shard *shard,
                                           const struct shard_zone_state *state, uint32_t *number)
{
    *number = shard_zone_number(shard, &state->id);
    if (*number == HASH_INDEX_MISSING)
        return SHARD_REPLAY_UNKNOWN_ZONE;
    struct zone *zone = shard_zone_at(shard, *number);
    if (state->target > state->total || state->total > CATALOG_ZONE_SEATS_MAX ||
        (zone->map && state->total != zone->total))
        return SHARD_REPLAY_BAD_STATE;
    /* Not as a change of capacity: with nothing in it yet, a drain would be at its end. */
    zone->total = state->total;
    if (!zone->map)
        zone->target = state->target;
    if (state->closed)
        zone_set_closed(zone, true);
    shard_mark_changed(shard, *number);
    return SHARD_REPLAY_OK;
}

void shard_import_zone_end(struct shard *shard, uint32_t number, uint32_t changes)
{
    shard_zone_at(shard, number)->changes = changes;
    shard_mark_changed(shard, number);
}

static enum shard_replay_result import_active(struct shard *shard,
                                              const struct shard_block_state *state)
{
    const struct record record = {
        .kind = RECORD_BLOCK, .stamp_ms = state->created_ms, .block = state->record};
    enum shard_replay_result result = shard_replay_check_block(shard, &record);

    if (result == SHARD_REPLAY_OK)
        shard_apply(shard, &record);
    return result;
}

enum shard_replay_result shard_import_block(struct shard *shard,
                                            const struct shard_block_state *state)
{
    uint32_t number = shard_zone_number(shard, &state->record.zone_id);

    if (number == HASH_INDEX_MISSING)
        return SHARD_REPLAY_UNKNOWN_ZONE;
    if (state->active)
        return import_active(shard, state);
    const struct zone *zone = shard_zone_at(shard, number);
    uint32_t zone_seats = zone->map ? seat_map_plan(zone->map)->seat_count : 0;
    for (uint32_t i = 0; i < state->record.seat_count; i++)
        if (state->record.seats[i] >= zone_seats)
            return SHARD_REPLAY_BAD_SEATS;
    if (block_find(&shard->blocks, &state->record.block_id) != HASH_INDEX_MISSING)
        return SHARD_REPLAY_BAD_STATE;
    uint32_t slot = block_add(&shard->blocks, &state->record, number, zone->segment_count,
                              zone_seats, state->created_ms);
    if (slot == SLAB_NONE)
        return SHARD_REPLAY_OUT_OF_MEMORY;
    block_end(&shard->blocks, slot);
    return SHARD_REPLAY_OK;
}

/* --- bookings --- */

static void prefetch_bookings(const struct shard *shard, const struct shard_booking_state *bookings,
                              uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        booking_prefetch(&shard->bookings, &bookings[i].id);
        booking_prefetch_user(&shard->bookings, &bookings[i].user_id);
    }
    for (uint32_t i = 0; i < count; i++) {
        booking_prefetch_entry(&shard->bookings, &bookings[i].id);
        booking_prefetch_user_entry(&shard->bookings, &bookings[i].user_id);
    }
}

static bool takes_places(const struct shard_booking_state *state)
{
    return state->status == BOOKING_RESERVED || state->status == BOOKING_CONFIRMED;
}

/* The places it takes, if it does, must be there. */
static enum shard_replay_result
check_places(const struct zone *zone, const struct shard_booking_state *state, struct block *block)
{
    uint16_t from = state->from_segment, to = state->to_segment;
    const struct zone_places places = {
        .from = from, .to = to, .quantity = state->quantity, .seats = state->seats, .block = block};
    uint32_t left = block && block->active ? block->quantity - block_drawn(block, from, to)
                                           : zone_available(zone, from, to);

    if (state->quantity > left)
        return SHARD_REPLAY_OVERSOLD;
    return shard_replay_check_seats(zone, &places, state->seat_count, NULL);
}

static enum shard_replay_result
check_booking(const struct shard *shard, const struct shard_booking_state *state, uint32_t block)
{
    if (state->zone >= shard->zones.used)
        return SHARD_REPLAY_UNKNOWN_ZONE;
    const struct zone *zone = shard_zone_at(shard, state->zone);
    if (state->from_segment >= state->to_segment || state->to_segment > zone->segment_count ||
        state->quantity == 0 || state->changed_after_ms >> 40 != 0 ||
        state->status > BOOKING_REFUNDED ||
        (state->seat_count != 0 && state->seat_count != state->quantity))
        return SHARD_REPLAY_BAD_STATE;
    if (!uuid_is_nil(&state->block_id) &&
        (block == HASH_INDEX_MISSING || block_at(&shard->blocks, block)->zone != state->zone))
        return SHARD_REPLAY_UNKNOWN_BLOCK;
    if (booking_find(&shard->bookings, &state->id) != HASH_INDEX_MISSING)
        return SHARD_REPLAY_DUPLICATE_BOOKING;
    if (!booking_table_has_room(&shard->bookings))
        return SHARD_REPLAY_OUT_OF_MEMORY;
    if (!takes_places(state))
        return SHARD_REPLAY_OK;
    return check_places(zone, state,
                        block != HASH_INDEX_MISSING ? block_at(&shard->blocks, block) : NULL);
}

static void take_places(struct shard *shard, const struct shard_booking_state *state,
                        uint32_t block)
{
    const struct zone_places places = {
        .from = state->from_segment,
        .to = state->to_segment,
        .sold = state->status == BOOKING_CONFIRMED,
        .quantity = state->quantity,
        .seats = state->seat_count > 0 ? state->seats : NULL,
        .block = block != HASH_INDEX_MISSING ? block_at(&shard->blocks, block) : NULL};

    zone_change(shard_zone_at(shard, state->zone), NULL, &places);
}

static void change(struct shard *shard, uint32_t slot, const struct shard_booking_state *state,
                   enum change_cause cause, const struct order_part *order)
{
    const struct booking *booking = booking_at(&shard->bookings, slot);
    bool given = cause == CAUSE_TRANSFERRED;
    const struct record_changed changed = {
        .user_id = given ? state->user_id : *booking_user_id(&shard->bookings, booking),
        .cause = cause,
        .status = (enum booking_status)booking->status,
        .unit_price_minor = state->unit_price_minor,
        .quantity = state->quantity,
        .ttl_ms = state->ttl_ms,
        .pinned = cause == CAUSE_PINNED,
        .order = *order};

    booking_change(&shard->bookings, slot, &changed, 0);
}

/* The way to any state leads through the changes that make it. */
static void put_booking(struct shard *shard, const struct shard_booking_state *state,
                        uint32_t block)
{
    struct booking_table *table = &shard->bookings;
    bool given = !uuid_is_nil(&state->reserver_id);
    bool exchanged = !uuid_is_nil(&state->exchanged_from);
    struct record_reserved reserved = {.booking_id = state->id,
                                       .user_id = given ? state->reserver_id : state->user_id,
                                       .quantity = state->quantity,
                                       .from_segment = state->from_segment,
                                       .to_segment = state->to_segment,
                                       .unit_price_minor = state->unit_price_minor,
                                       .ttl_ms = state->ttl_ms,
                                       .seat_count = state->seat_count};

    if (exchanged)
        reserved.order.id = state->exchanged_from;
    else
        reserved.order = state->order;
    if (state->seat_count > 0)
        memcpy(reserved.seats, state->seats, state->seat_count * sizeof state->seats[0]);
    uint32_t slot = booking_add(table, &reserved, state->zone);
    if (block != HASH_INDEX_MISSING)
        booking_set_block(table, slot, block);
    if (exchanged)
        change(shard, slot, state, CAUSE_POSTED, &state->order);
    if (given)
        change(shard, slot, state, CAUSE_TRANSFERRED, &state->order);
    if (state->status != BOOKING_RESERVED)
        booking_end(table, slot, state->status, uuid_v7_ms(&state->id) + state->changed_after_ms);
    if (state->pinned)
        change(shard, slot, state, CAUSE_PINNED, &state->pinned_by);
}

enum shard_replay_result shard_import_bookings(struct shard *shard,
                                               const struct shard_booking_state *bookings,
                                               uint32_t count)
{
    assert(count <= SHARD_IMPORT_BATCH);
    prefetch_bookings(shard, bookings, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct shard_booking_state *state = &bookings[i];
        uint32_t block = uuid_is_nil(&state->block_id)
                             ? HASH_INDEX_MISSING
                             : block_find(&shard->blocks, &state->block_id);
        enum shard_replay_result result = check_booking(shard, state, block);
        if (result != SHARD_REPLAY_OK)
            return result;
        if (takes_places(state))
            take_places(shard, state, block);
        put_booking(shard, state, block);
    }
    return SHARD_REPLAY_OK;
}
