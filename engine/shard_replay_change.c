/* Records from the disk that change a booking, a block or a zone: whether they are
 * possible. */
#include "shard.h"
#include "shard_state.h"

/* --- changed bookings --- */

static bool same_order(const struct order_part *a, const struct order_part *b)
{
    return uuid_equal(&a->id, &b->id) && a->item == b->item && a->count == b->count;
}

/* What each cause may do to status and quantity. */
static bool is_step_of_cause(const struct booking *booking, const struct record_changed *changed)
{
    bool same_status = changed->status == booking->status;
    bool was_reserved = booking->status == BOOKING_RESERVED;
    bool is_part = changed->quantity < booking->quantity;

    switch (changed->cause) {
    case CAUSE_EXTENDED:
        return was_reserved && same_status && !is_part && changed->ttl_ms > booking->ttl_ms;
    case CAUSE_RELEASED:
        return was_reserved && same_status && is_part;
    case CAUSE_CONFIRMED_PART:
        return was_reserved && changed->status == BOOKING_CONFIRMED && is_part;
    case CAUSE_EXCHANGED:
        return same_status && !is_part && changed->seat_count > 0;
    case CAUSE_TRANSFERRED:
    case CAUSE_PINNED:
    case CAUSE_UNPINNED:
        return same_status && !is_part;
    case CAUSE_REFUNDED:
        return booking->status == BOOKING_CONFIRMED && changed->status == BOOKING_REFUNDED &&
               !is_part;
    case CAUSE_POSTED:
        return was_reserved && !is_part &&
               (changed->status == BOOKING_RESERVED || changed->status == BOOKING_CONFIRMED);
    default:
        return false;
    }
}

/* Who has it, and which order: a cause changes only what it is about. */
static bool is_kept_but_for_cause(const struct shard *shard, const struct booking *booking,
                                  const struct record_changed *changed)
{
    static const struct order_part none;
    const struct booking_order *order = booking_order(&shard->bookings, booking);
    const struct order_part *part = order ? &order->part : &none;
    enum change_cause cause = changed->cause;
    bool was_pinned = booking_is_pinned(&shard->bookings, booking);
    bool moved = !uuid_equal(&changed->user_id, &changed->previous_user_id);

    if (moved != (cause == CAUSE_TRANSFERRED) || changed->pinned != (cause == CAUSE_PINNED) ||
        changed->unit_price_minor != booking->unit_price_minor)
        return false;
    if (was_pinned ? cause != CAUSE_UNPINNED && cause != CAUSE_POSTED : cause == CAUSE_UNPINNED)
        return false;
    if (cause != CAUSE_EXTENDED && cause != CAUSE_POSTED && changed->ttl_ms != booking->ttl_ms)
        return false;
    if (cause == CAUSE_PINNED)
        return !uuid_is_nil(&changed->order.id);
    return cause == CAUSE_POSTED ? !uuid_is_nil(&part->id) : same_order(&changed->order, part);
}

static enum shard_replay_result check_places(const struct shard *shard, uint32_t slot,
                                             const struct record_changed *changed)
{
    const struct booking *booking = booking_at(&shard->bookings, slot);
    const struct zone *zone = shard_zone_at(shard, booking->zone);
    uint32_t seats[RECORD_SEATS_MAX], at = 0;
    struct zone_places own = shard_booking_places(shard, slot, seats);
    struct zone_places places = own;

    places.quantity = changed->quantity;
    places.seats = changed->seats;
    enum shard_replay_result result =
        shard_replay_check_seats(zone, &places, changed->seat_count, zone->map ? &own : NULL);
    if (result != SHARD_REPLAY_OK || changed->cause == CAUSE_EXCHANGED)
        return result;
    for (uint32_t i = 0; i < changed->seat_count; i++) {
        while (at < own.quantity && own.seats[at] < changed->seats[i])
            at++;
        if (at == own.quantity || own.seats[at] != changed->seats[i])
            return SHARD_REPLAY_BAD_SEATS;
    }
    return SHARD_REPLAY_OK;
}

enum shard_replay_result shard_replay_check_changed(const struct shard *shard,
                                                    const struct record *record)
{
    const struct record_changed *changed = &record->changed;
    uint32_t slot = booking_find(&shard->bookings, &changed->booking_id);

    if (slot == HASH_INDEX_MISSING)
        return SHARD_REPLAY_UNKNOWN_BOOKING;
    const struct booking *booking = booking_at(&shard->bookings, slot);
    bool is_late = booking->status == BOOKING_RESERVED && changed->cause != CAUSE_POSTED &&
                   !booking_is_pinned(&shard->bookings, booking) &&
                   record->stamp_ms >= booking_deadline_ms(booking);
    if (is_late || record->stamp_ms < booking_created_ms(booking) || changed->quantity == 0 ||
        changed->quantity > booking->quantity || changed->previous_quantity != booking->quantity ||
        !uuid_equal(&changed->previous_user_id, booking_user_id(&shard->bookings, booking)) ||
        !uuid_equal(&changed->zone_id, &shard_zone_at(shard, booking->zone)->id))
        return SHARD_REPLAY_BAD_STATE;
    bool is_live = booking->status == BOOKING_RESERVED || booking->status == BOOKING_CONFIRMED;
    if (!is_live || !is_step_of_cause(booking, changed) ||
        !is_kept_but_for_cause(shard, booking, changed))
        return SHARD_REPLAY_BAD_STATE;
    if (!booking_table_has_room(&shard->bookings))
        return SHARD_REPLAY_OUT_OF_MEMORY;
    return check_places(shard, slot, changed);
}

/* --- blocks --- */

static enum shard_replay_result check_block_seats(const struct zone *zone,
                                                  const struct record_block *block)
{
    uint32_t zone_seats = seat_map_plan(zone->map)->seat_count;

    if (block->seat_count == 0 || block->seat_count > RECORD_BLOCK_SEATS_MAX ||
        block->seat_count != block->quantity)
        return SHARD_REPLAY_BAD_SEATS;
    for (uint32_t i = 0; i < block->seat_count; i++) {
        if (block->seats[i] >= zone_seats || (i > 0 && block->seats[i] <= block->seats[i - 1]))
            return SHARD_REPLAY_BAD_SEATS;
        if (seat_map_state(zone->map, block->seats[i], 0, zone->segment_count) != SEAT_FREE)
            return SHARD_REPLAY_BAD_SEATS;
    }
    return SHARD_REPLAY_OK;
}

static enum shard_replay_result check_block_made(const struct shard *shard, const struct zone *zone,
                                                 const struct record_block *block)
{
    if (block_find(&shard->blocks, &block->block_id) != HASH_INDEX_MISSING ||
        (block->kind != BLOCK_HOUSE_HOLD && block->kind != BLOCK_ALLOTMENT) ||
        zone->block_count >= ZONE_BLOCKS_MAX || block->quantity == 0)
        return SHARD_REPLAY_BAD_STATE;
    if (shard->blocks.blocks.live == shard->blocks.blocks.capacity)
        return SHARD_REPLAY_OUT_OF_MEMORY;
    if (zone->map)
        return check_block_seats(zone, block);
    if (block->seat_count > 0)
        return SHARD_REPLAY_BAD_SEATS;
    return block->quantity > zone_available_throughout(zone) ? SHARD_REPLAY_OVERSOLD
                                                             : SHARD_REPLAY_OK;
}

enum shard_replay_result shard_replay_check_block(struct shard *shard, const struct record *record)
{
    const struct record_block *ended = &record->block;
    uint32_t number = shard_zone_number(shard, &ended->zone_id);

    if (number == HASH_INDEX_MISSING)
        return SHARD_REPLAY_UNKNOWN_ZONE;
    if (ended->cause == CAUSE_CREATED)
        return check_block_made(shard, shard_zone_at(shard, number), ended);
    uint32_t slot = block_find(&shard->blocks, &ended->block_id);
    if (slot == HASH_INDEX_MISSING)
        return SHARD_REPLAY_UNKNOWN_BLOCK;
    const struct block *block = block_at(&shard->blocks, slot);
    bool is_due = block->expires_ms != 0 && block->expires_ms <= record->stamp_ms;
    if (!block->active || block->zone != number ||
        (ended->cause != CAUSE_RELEASED && (ended->cause != CAUSE_EXPIRED || !is_due)))
        return SHARD_REPLAY_BAD_STATE;
    return SHARD_REPLAY_OK;
}

/* --- zones --- */

static bool is_possible(const struct zone *zone, const struct record_zone_changed *changed)
{
    uint32_t used = zone_used(zone);

    switch (changed->cause) {
    case CAUSE_CAPACITY:
        return !zone->map && changed->total >= used && changed->target == changed->total &&
               changed->total <= CATALOG_ZONE_SEATS_MAX && changed->closed == zone->closed;
    case CAUSE_DRAIN:
        return !zone->map && changed->total == used && changed->target < used &&
               changed->closed == zone->closed;
    case CAUSE_CLOSED:
    case CAUSE_REOPENED:
        return changed->closed != zone->closed &&
               changed->closed == (changed->cause == CAUSE_CLOSED) &&
               changed->total == zone->total && changed->target == zone->target;
    default:
        return false;
    }
}

enum shard_replay_result shard_replay_check_zone(struct shard *shard, const struct record *record)
{
    uint32_t number = shard_zone_number(shard, &record->zone_changed.zone_id);

    if (number == HASH_INDEX_MISSING)
        return SHARD_REPLAY_UNKNOWN_ZONE;
    return is_possible(shard_zone_at(shard, number), &record->zone_changed)
               ? SHARD_REPLAY_OK
               : SHARD_REPLAY_BAD_STATE;
}
