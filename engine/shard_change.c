/* The zone's shard decides what else may happen to a booking: an extension, a part
 * confirmed or released, other seats, another owner, a refund. Nothing here changes
 * state: a decision is a record, and it carries all of the booking as it is after. */
#include <assert.h>
#include <string.h>

#include "shard.h"
#include "shard_state.h"

static const unsigned SEAT_NOT_GENERAL = SEAT_ACCESSIBLE | SEAT_COMPANION;

struct record_changed *shard_begin_change(const struct shard *shard, uint32_t slot,
                                          enum change_cause cause, struct record *record)
{
    const struct booking *booking = booking_at(&shard->bookings, slot);
    const struct zone *zone = shard_zone_at(shard, booking->zone);
    const struct booking_order *order = booking_order(&shard->bookings, booking);
    const struct uuid *user_id = booking_user_id(&shard->bookings, booking);
    struct record_changed *changed = &record->changed;

    record->kind = RECORD_CHANGED;
    *changed = (struct record_changed){
        .booking_id = booking->id,
        .user_id = *user_id,
        .zone_id = zone->id,
        .cause = cause,
        .status = booking->status,
        .previous_user_id = *user_id,
        .unit_price_minor = booking->unit_price_minor,
        .quantity = booking->quantity,
        .previous_quantity = booking->quantity,
        .ttl_ms = booking->ttl_ms,
        .remaining = zone_available(zone, booking->from_segment, booking->to_segment),
        .pinned = booking_is_pinned(&shard->bookings, booking)};
    if (order)
        changed->order = order->part;
    changed->seat_count = booking_seats(&shard->bookings, booking, changed->seats);
    return changed;
}

/* Places of the booking are free again: what the zone, or the allotment, then has. */
static void count_remaining(const struct shard *shard, const struct booking *booking,
                            uint32_t given, struct record_changed *changed)
{
    const struct zone *zone = shard_zone_at(shard, booking->zone);
    uint32_t block = booking_block(&shard->bookings, booking);
    uint32_t drained = zone->total - zone->target;

    if (block != SLAB_NONE && block_at(&shard->blocks, block)->active)
        changed->remaining = given + shard_block_left(zone, block_at(&shard->blocks, block),
                                                      booking->from_segment, booking->to_segment);
    else
        changed->remaining += given > drained ? given - drained : 0;
}

/* --- extend --- */

/* Exchanges between zones make new bookings: were they to be extended from their own
 * beginning, a chain of them would hold for ever. */
static uint64_t hold_until_ms(const struct shard *shard, const struct booking *booking)
{
    const struct booking_order *order = booking_order(&shard->bookings, booking);

    return order && !uuid_is_nil(&order->exchanged_from)
               ? booking_deadline_ms(booking)
               : booking_created_ms(booking) + shard->options.hold_ms_max;
}

static enum result decide_extend(struct shard *shard, uint32_t slot, const struct command *command,
                                 uint64_t now_ms, struct record *record,
                                 struct refusal_facts *refusal)
{
    const struct booking *booking = booking_at(&shard->bookings, slot);
    uint64_t created_ms = booking_created_ms(booking);
    uint64_t latest_ms = hold_until_ms(shard, booking);
    uint64_t wanted_ms =
        now_ms + (command->booking.seconds == 0 ? shard->options.reservation_ttl_ms
                                                : command->booking.seconds * UINT64_C(1000));
    enum result result =
        shard_check_state(shard, booking, now_ms, SHARD_ALLOW_ORDER, &refusal->detail);

    if (result != RESULT_OK)
        return result;
    if (booking_deadline_ms(booking) >= latest_ms) {
        refusal->detail.at_ms = latest_ms;
        return RESULT_HOLD_LIMIT_REACHED;
    }
    wanted_ms = wanted_ms < latest_ms ? wanted_ms : latest_ms;
    if (wanted_ms <= booking_deadline_ms(booking))
        return RESULT_OK;
    struct record_changed *changed = shard_begin_change(shard, slot, CAUSE_EXTENDED, record);
    changed->ttl_ms = (uint32_t)(wanted_ms - created_ms);
    return RESULT_OK;
}

/* --- a part --- */

/* Splits a booking's seats into those named and the others; both ascend. Seats
 * named that are not the booking's go to the refusal. */
static void split_seats(const struct command *command, const struct record_changed *changed,
                        bool keep_named, uint32_t kept[RECORD_SEATS_MAX], uint32_t *kept_count,
                        struct refusal_facts *refusal)
{
    uint32_t at = 0;

    *kept_count = 0;
    for (uint32_t i = 0; i < command->seat_count; i++) {
        for (; at < changed->seat_count && changed->seats[at] < command->seats[i]; at++)
            if (!keep_named)
                kept[(*kept_count)++] = changed->seats[at];
        if (at == changed->seat_count || changed->seats[at] != command->seats[i]) {
            refusal->seats[refusal->seat_count++] = command->seats[i];
            continue;
        }
        if (keep_named)
            kept[(*kept_count)++] = changed->seats[at];
        at++;
    }
    for (; !keep_named && at < changed->seat_count; at++)
        kept[(*kept_count)++] = changed->seats[at];
}

static enum result part_by_seats(const struct command *command, bool keep_named,
                                 struct record_changed *changed, struct refusal_facts *refusal)
{
    uint32_t kept[RECORD_SEATS_MAX], kept_count;

    split_seats(command, changed, keep_named, kept, &kept_count, refusal);
    if (refusal->seat_count > 0)
        return RESULT_SEAT_NOT_IN_BOOKING;
    memcpy(changed->seats, kept, kept_count * sizeof kept[0]);
    changed->seat_count = changed->quantity = kept_count;
    return RESULT_OK;
}

/* The seats with the lowest indices stay. */
static enum result part_by_quantity(const struct command *command, bool keep_named,
                                    struct record_changed *changed, struct refusal_facts *refusal)
{
    uint32_t quantity = command->booking.quantity;

    if (quantity == 0 || quantity > changed->quantity) {
        refusal->detail.requested = quantity;
        refusal->detail.limit = changed->quantity;
        return RESULT_QUANTITY_INVALID;
    }
    changed->quantity = keep_named ? quantity : changed->quantity - quantity;
    if (changed->seat_count > 0)
        changed->seat_count = changed->quantity;
    return RESULT_OK;
}

/* A part is confirmed and the rest released, or a part released. All of it is a
 * plain confirmation, or a cancellation. */
static enum result decide_part(struct shard *shard, uint32_t slot, const struct command *command,
                               uint64_t now_ms, struct record *record,
                               struct refusal_facts *refusal)
{
    const struct booking *booking = booking_at(&shard->bookings, slot);
    bool confirms = command->kind == COMMAND_CONFIRM;
    enum change_cause cause = confirms ? CAUSE_CONFIRMED_PART : CAUSE_RELEASED;
    enum result result = shard_check_state(shard, booking, now_ms, 0, &refusal->detail);

    if (result != RESULT_OK)
        return result;
    struct record_changed *changed = shard_begin_change(shard, slot, cause, record);
    result = command->seat_count > 0 ? part_by_seats(command, confirms, changed, refusal)
                                     : part_by_quantity(command, confirms, changed, refusal);
    if (result != RESULT_OK) {
        record->kind = 0;
        return result;
    }
    if (changed->quantity == 0)
        return shard_decide_settled(shard, slot, BOOKING_CANCELLED, command, record);
    if (changed->quantity == booking->quantity)
        return shard_decide_settled(shard, slot, BOOKING_CONFIRMED, command, record);
    changed->status = confirms ? BOOKING_CONFIRMED : BOOKING_RESERVED;
    if (confirms)
        changed->payment_id = command->booking.payment_id;
    count_remaining(shard, booking, booking->quantity - changed->quantity, changed);
    return RESULT_OK;
}

/* --- exchange of seats --- */

/* The open seats of general sale, and the booking's own although some of them may
 * not be for general sale. NULL: they all are. */
static const uint64_t *open_with_own(const struct shard *shard, const struct zone *zone,
                                     const struct zone_places *own)
{
    const struct seat_plan *plan = seat_map_plan(zone->map);
    bool special = false;

    for (uint32_t i = 0; i < own->quantity; i++)
        special = special || (plan->seats[own->seats[i]].flags & SEAT_NOT_GENERAL);
    if (!special)
        return NULL;
    memset(shard->open_seats, 0, block_bitmap_bytes(plan->seat_count));
    for (uint32_t i = 0; i < plan->seat_count; i++)
        if (!(plan->seats[i].flags & SEAT_NOT_GENERAL) &&
            seat_map_state(zone->map, i, own->from, own->to) == SEAT_FREE)
            shard->open_seats[i / 64] |= UINT64_C(1) << i % 64;
    for (uint32_t i = 0; i < own->quantity; i++)
        shard->open_seats[own->seats[i] / 64] |= UINT64_C(1) << own->seats[i] % 64;
    return shard->open_seats;
}

/* Its own seats count as open: they are let go while the others are chosen. */
static enum result choose_other(struct shard *shard, struct zone *zone,
                                const struct zone_places *own, struct seat_request *request,
                                uint32_t seats[RECORD_SEATS_MAX], struct refusal_facts *refusal)
{
    seat_map_return(zone->map, own->seats, own->quantity, own->from, own->to);
    if (own->block && own->block->active)
        request->block = own->block;
    else
        request->only = open_with_own(shard, zone, own);
    enum result result = shard_choose_seats(zone, request, seats, refusal);
    seat_map_reserve(zone->map, own->seats, own->quantity, own->from, own->to);
    if (own->sold)
        seat_map_sell(zone->map, own->seats, own->quantity, own->from, own->to);
    return result;
}

static enum result decide_exchange(struct shard *shard, uint32_t slot,
                                   const struct command *command, uint64_t now_ms,
                                   struct record *record, struct refusal_facts *refusal)
{
    const struct booking *booking = booking_at(&shard->bookings, slot);
    struct zone *zone = shard_zone_at(shard, booking->zone);
    uint32_t own_seats[RECORD_SEATS_MAX], seats[RECORD_SEATS_MAX];
    uint32_t wanted = command->seat_count > 0 ? command->seat_count : command->booking.quantity;
    enum result result =
        shard_check_state(shard, booking, now_ms, SHARD_ALLOW_CONFIRMED, &refusal->detail);

    if (result != RESULT_OK)
        return result;
    if (!zone->map)
        return RESULT_KIND_UNSUPPORTED;
    refusal->detail.requested = booking->quantity;
    if (wanted != 0 && wanted != booking->quantity) {
        refusal->detail.requested = wanted;
        refusal->detail.limit = booking->quantity;
        return RESULT_QUANTITY_INVALID;
    }
    struct zone_places own = shard_booking_places(shard, slot, own_seats);
    struct seat_request request = {.from = own.from,
                                   .to = own.to,
                                   .quantity = own.quantity,
                                   .allow_split = command->booking.allow_split,
                                   .allow_orphans = shard_allows_orphans(shard, zone),
                                   .named = command->seat_count > 0 ? command->seats : NULL};
    result = choose_other(shard, zone, &own, &request, seats, refusal);
    if (result != RESULT_OK || memcmp(seats, own_seats, own.quantity * sizeof seats[0]) == 0)
        return result;
    struct record_changed *changed = shard_begin_change(shard, slot, CAUSE_EXCHANGED, record);
    memcpy(changed->seats, seats, own.quantity * sizeof seats[0]);
    return RESULT_OK;
}

/* --- another owner, and money back --- */

static enum result decide_transfer(struct shard *shard, uint32_t slot,
                                   const struct command *command, uint64_t now_ms,
                                   struct record *record, struct refusal_facts *refusal)
{
    enum result result = shard_check_state(shard, booking_at(&shard->bookings, slot), now_ms,
                                           SHARD_ALLOW_CONFIRMED, &refusal->detail);

    if (result != RESULT_OK || uuid_equal(&command->booking.user_id, &command->actor.id))
        return result;
    if (!booking_table_has_room(&shard->bookings)) /* the receiver may be new here */
        return RESULT_OVERLOADED;
    struct record_changed *changed = shard_begin_change(shard, slot, CAUSE_TRANSFERRED, record);
    changed->user_id = command->booking.user_id;
    return RESULT_OK;
}

static enum result decide_refund(struct shard *shard, const struct command *command,
                                 uint64_t now_ms, struct record *record,
                                 struct refusal_facts *refusal)
{
    uint32_t slot = booking_find(&shard->bookings, &command->booking.booking_id);

    if (slot == HASH_INDEX_MISSING)
        return RESULT_NOT_FOUND;
    const struct booking *booking = booking_at(&shard->bookings, slot);
    if (!shard_may_manage(shard, &command->actor, shard_zone_at(shard, booking->zone)))
        return RESULT_NOT_FOUND;
    if (booking->status == BOOKING_REFUNDED)
        return RESULT_OK;
    enum result result =
        shard_check_state(shard, booking, now_ms, SHARD_ALLOW_CONFIRMED, &refusal->detail);
    if (result == RESULT_PART_OF_ORDER && booking->status == BOOKING_CONFIRMED)
        return result; /* it is being exchanged */
    if (booking->status != BOOKING_CONFIRMED)
        return RESULT_INVALID_STATE;
    struct record_changed *changed = shard_begin_change(shard, slot, CAUSE_REFUNDED, record);
    changed->status = BOOKING_REFUNDED;
    count_remaining(shard, booking, booking->quantity, changed);
    return RESULT_OK;
}

enum result shard_decide_change(struct shard *shard, const struct command *command, uint64_t now_ms,
                                struct record *record, struct refusal_facts *refusal)
{
    refusal->detail = (struct refusal_detail){0};
    if (command->kind == COMMAND_REFUND)
        return decide_refund(shard, command, now_ms, record, refusal);
    uint32_t slot = shard_own_booking(shard, command);
    if (slot == HASH_INDEX_MISSING)
        return RESULT_NOT_FOUND;
    switch (command->kind) {
    case COMMAND_EXTEND:
        return decide_extend(shard, slot, command, now_ms, record, refusal);
    case COMMAND_CONFIRM:
    case COMMAND_RELEASE:
        return decide_part(shard, slot, command, now_ms, record, refusal);
    case COMMAND_EXCHANGE:
        return decide_exchange(shard, slot, command, now_ms, record, refusal);
    case COMMAND_TRANSFER:
        return decide_transfer(shard, slot, command, now_ms, record, refusal);
    default:
        assert(false && "a change of a booking");
        return RESULT_NOT_FOUND;
    }
}
