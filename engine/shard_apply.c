/* The changes that records make to the zone role, live and replayed. */
#include <assert.h>

#include "shard.h"
#include "shard_state.h"

struct zone_places shard_booking_places(const struct shard *shard, uint32_t slot, uint32_t *seats)
{
    const struct booking *booking = booking_at(&shard->bookings, slot);
    struct zone_places places = {.from = booking->from_segment,
                                 .to = booking->to_segment,
                                 .sold = booking->status == BOOKING_CONFIRMED,
                                 .quantity = booking->quantity};

    if (booking->extra == 0)
        return places;
    if (booking_seats(&shard->bookings, booking, seats) > 0)
        places.seats = seats;
    uint32_t block = booking_block(&shard->bookings, booking);
    if (block != SLAB_NONE)
        places.block = block_at(&shard->blocks, block);
    return places;
}

static void apply_reserved(struct shard *shard, const struct record_reserved *reserved)
{
    uint32_t number = shard_zone_number(shard, &reserved->zone_id);
    uint32_t block = SLAB_NONE;
    struct zone_places places = {.from = reserved->from_segment,
                                 .to = reserved->to_segment,
                                 .quantity = reserved->quantity,
                                 .seats = reserved->seat_count > 0 ? reserved->seats : NULL};

    assert(number != HASH_INDEX_MISSING);
    if (!uuid_is_nil(&reserved->block_id)) {
        block = block_find(&shard->blocks, &reserved->block_id);
        assert(block != HASH_INDEX_MISSING);
        places.block = block_at(&shard->blocks, block);
    }
    zone_change(shard_zone_at(shard, number), NULL, &places);
    uint32_t slot = booking_add(&shard->bookings, reserved, number);
    if (block != SLAB_NONE)
        booking_set_block(&shard->bookings, slot, block);
    shard_mark_changed(shard, number);
}

static void apply_end(struct shard *shard, const struct uuid *booking_id,
                      enum booking_status status, uint64_t stamp_ms)
{
    uint32_t seats[RECORD_SEATS_MAX];
    uint32_t slot = booking_find(&shard->bookings, booking_id);
    assert(slot != HASH_INDEX_MISSING);
    uint32_t number = booking_at(&shard->bookings, slot)->zone;
    struct zone_places before = shard_booking_places(shard, slot, seats);
    struct zone_places after = before;

    after.sold = true;
    zone_change(shard_zone_at(shard, number), &before, status == BOOKING_CONFIRMED ? &after : NULL);
    booking_end(&shard->bookings, slot, status, stamp_ms);
    shard_mark_changed(shard, number);
}

static bool is_live(enum booking_status status)
{
    return status == BOOKING_RESERVED || status == BOOKING_CONFIRMED;
}

static bool same_places(const struct zone_places *a, const struct zone_places *b)
{
    bool same = a->sold == b->sold && a->quantity == b->quantity;

    assert(!a->seats == !b->seats);
    for (uint32_t i = 0; same && a->seats && i < a->quantity; i++)
        same = a->seats[i] == b->seats[i];
    return same;
}

static void apply_changed(struct shard *shard, const struct record *record)
{
    const struct record_changed *changed = &record->changed;
    uint32_t seats[RECORD_SEATS_MAX];
    uint32_t slot = booking_find(&shard->bookings, &changed->booking_id);
    assert(slot != HASH_INDEX_MISSING);
    const struct booking *booking = booking_at(&shard->bookings, slot);
    struct zone_places before = shard_booking_places(shard, slot, seats);
    struct zone_places after = before;

    assert(is_live(booking->status));
    after.sold = changed->status == BOOKING_CONFIRMED;
    after.quantity = changed->quantity;
    after.seats = changed->seat_count > 0 ? changed->seats : NULL;
    if (!is_live(changed->status) || !same_places(&before, &after)) {
        zone_change(shard_zone_at(shard, booking->zone), &before,
                    is_live(changed->status) ? &after : NULL);
        shard_mark_changed(shard, booking->zone);
    }
    booking_change(&shard->bookings, slot, changed, record->stamp_ms);
}

static void apply_block_made(struct shard *shard, const struct record *record, uint32_t number)
{
    struct zone *zone = shard_zone_at(shard, number);
    uint32_t zone_seats = zone->map ? seat_map_plan(zone->map)->seat_count : 0;
    uint32_t slot = block_add(&shard->blocks, &record->block, number, zone->segment_count,
                              zone_seats, record->stamp_ms);
    bool has_room = zone_block_room(zone);

    assert(slot != SLAB_NONE && has_room); /* kilobytes, at an organizer's wish */
    zone_block(zone, block_at(&shard->blocks, slot), slot);
}

static void apply_block(struct shard *shard, const struct record *record)
{
    uint32_t number = shard_zone_number(shard, &record->block.zone_id);

    assert(number != HASH_INDEX_MISSING);
    if (record->block.cause == CAUSE_CREATED) {
        apply_block_made(shard, record, number);
    } else {
        uint32_t slot = block_find(&shard->blocks, &record->block.block_id);
        assert(slot != HASH_INDEX_MISSING);
        zone_unblock(shard_zone_at(shard, number), block_at(&shard->blocks, slot), slot);
        block_end(&shard->blocks, slot);
    }
    shard_mark_changed(shard, number);
}

static void apply_zone_changed(struct shard *shard, const struct record_zone_changed *changed)
{
    uint32_t number = shard_zone_number(shard, &changed->zone_id);
    assert(number != HASH_INDEX_MISSING);
    struct zone *zone = shard_zone_at(shard, number);

    if (changed->cause == CAUSE_CAPACITY || changed->cause == CAUSE_DRAIN)
        zone_set_capacity(zone, changed->total, changed->target);
    else
        zone_set_closed(zone, changed->closed);
    shard_mark_changed(shard, number);
}

void shard_apply(struct shard *shard, const struct record *record)
{
    switch (record->kind) {
    case RECORD_RESERVED:
        assert(uuid_v7_ms(&record->reserved.booking_id) == record->stamp_ms);
        apply_reserved(shard, &record->reserved);
        break;
    case RECORD_CONFIRMED:
        apply_end(shard, &record->settled.booking_id, BOOKING_CONFIRMED, record->stamp_ms);
        break;
    case RECORD_CANCELLED:
        apply_end(shard, &record->settled.booking_id, BOOKING_CANCELLED, record->stamp_ms);
        break;
    case RECORD_EXPIRED:
        for (uint32_t i = 0; i < record->expired.count; i++)
            apply_end(shard, &record->expired.items[i].booking_id, BOOKING_EXPIRED,
                      record->stamp_ms);
        break;
    case RECORD_CHANGED:
        apply_changed(shard, record);
        break;
    case RECORD_BLOCK:
        apply_block(shard, record);
        break;
    case RECORD_ZONE_CHANGED:
        apply_zone_changed(shard, &record->zone_changed);
        break;
    case RECORD_EVENT:
    case RECORD_SHOW:
    case RECORD_ZONE:
    case RECORD_STATION:
    case RECORD_ROUTE:
    case RECORD_ORDER:
    case RECORD_STATE:
    case RECORD_CLEAN_STOP:
        assert(false && "a record of the zone role");
        break;
    }
}
