/* What an order's home shard asks of its bookings: that one be pinned while the
 * order is decided, and then what was decided of it, which may come twice. Nothing
 * here changes state: a decision is a record. */
#include <assert.h>

#include "shard.h"
#include "shard_state.h"

static bool is_of(const struct order_part *part, const struct command *command)
{
    return uuid_equal(&part->id, &command->booking.order.id);
}

/* Of an exchange between zones: the booking that takes the old one's place. */
static bool is_new_of_exchange(const struct order_part *part)
{
    return part->count == 0 && part->item == 1;
}

static enum result decide_pin(const struct shard *shard, uint32_t slot,
                              const struct command *command, uint64_t now_ms, struct record *record,
                              struct refusal_detail *detail)
{
    const struct booking *booking = booking_at(&shard->bookings, slot);
    const struct booking_order *order = booking_order(&shard->bookings, booking);
    bool is_part = order && !uuid_is_nil(&order->part.id);

    /* One that is pinned is refused even to its own: two exchanges of a booking have the
     * same id, and only one may have it. */
    enum result result = shard_check_state(shard, booking, now_ms,
                                           SHARD_ALLOW_CONFIRMED | SHARD_ALLOW_ORDER, detail);
    if (result != RESULT_OK)
        return result;
    if (booking->status == BOOKING_RESERVED && is_part && !is_of(&order->part, command)) {
        detail->order_id = order->part.id;
        return RESULT_PART_OF_ORDER;
    }
    if (booking->status == BOOKING_CONFIRMED && is_part && is_of(&order->part, command))
        return RESULT_INVALID_STATE; /* this order has had its end */
    struct record_changed *changed = shard_begin_change(shard, slot, CAUSE_PINNED, record);
    changed->pinned = true;
    changed->order = command->booking.order;
    return RESULT_OK;
}

/* Whether the order may still have a say in what becomes of the booking. */
static enum result check_held_by(const struct shard *shard, const struct booking *booking,
                                 const struct command *command, uint64_t now_ms,
                                 struct refusal_detail *detail)
{
    const struct booking_order *order = booking_order(&shard->bookings, booking);

    detail->status = booking->status;
    if (!order)
        return RESULT_INVALID_STATE;
    if (booking_is_pinned(&shard->bookings, booking))
        return is_of(&order->pinned_by, command) ? RESULT_OK : RESULT_PART_OF_ORDER;
    if (booking->status != BOOKING_RESERVED || !is_of(&order->part, command))
        return RESULT_INVALID_STATE;
    return now_ms < booking_deadline_ms(booking) ? RESULT_OK : RESULT_RESERVATION_EXPIRED;
}

static bool is_posted(const struct shard *shard, const struct booking *booking,
                      const struct command *command)
{
    const struct booking_order *order = booking_order(&shard->bookings, booking);

    if (command->booking.end == BOOKING_CANCELLED)
        return booking->status == BOOKING_CANCELLED;
    if (!order || booking_is_pinned(&shard->bookings, booking))
        return false;
    if (is_new_of_exchange(&command->booking.order))
        return uuid_equal(&order->exchanged_from, &command->booking.order.id);
    return booking->status == BOOKING_CONFIRMED && is_of(&order->part, command);
}

static enum result decide_post(struct shard *shard, uint32_t slot, const struct command *command,
                               uint64_t now_ms, struct record *record,
                               struct refusal_detail *detail)
{
    const struct booking *booking = booking_at(&shard->bookings, slot);
    enum booking_status end = command->booking.end;

    if (is_posted(shard, booking, command))
        return RESULT_OK;
    enum result result = check_held_by(shard, booking, command, now_ms, detail);
    if (result != RESULT_OK && result != RESULT_RESERVATION_EXPIRED)
        return result; /* the order was decided in time: it may be posted late */
    if (is_new_of_exchange(&command->booking.order) && end != BOOKING_CANCELLED) {
        const struct booking_order *order = booking_order(&shard->bookings, booking);
        if (booking->status != BOOKING_RESERVED || !is_of(&order->part, command))
            return RESULT_INVALID_STATE; /* not made by it */
        struct record_changed *changed = shard_begin_change(shard, slot, CAUSE_POSTED, record);
        changed->status = end;
        changed->ttl_ms = command->booking.ttl_ms;
        changed->pinned = false;
        changed->order = (struct order_part){0};
        changed->payment_id = command->booking.payment_id;
        return RESULT_OK;
    }
    if (end == BOOKING_RESERVED ||
        (end == BOOKING_CONFIRMED && booking->status != BOOKING_RESERVED))
        return RESULT_INVALID_STATE;
    shard_decide_settled(shard, slot, end, command, record);
    record->settled.cause = end == BOOKING_CONFIRMED ? CAUSE_POSTED : CAUSE_EXCHANGED;
    return RESULT_OK;
}

/* What the order made is cancelled, what was there before is let go. One that is
 * past its deadline is left to expire. */
static enum result decide_void(struct shard *shard, uint32_t slot, const struct command *command,
                               uint64_t now_ms, struct record *record)
{
    const struct booking *booking = booking_at(&shard->bookings, slot);
    const struct booking_order *order = booking_order(&shard->bookings, booking);
    struct refusal_detail unused;

    if (check_held_by(shard, booking, command, now_ms, &unused) != RESULT_OK)
        return RESULT_OK;
    if (booking->status == BOOKING_RESERVED && is_of(&order->part, command)) {
        shard_decide_settled(shard, slot, BOOKING_CANCELLED, command, record);
        record->settled.cause = CAUSE_VOIDED;
        return RESULT_OK;
    }
    struct record_changed *changed = shard_begin_change(shard, slot, CAUSE_UNPINNED, record);
    changed->pinned = false;
    return RESULT_OK;
}

enum result shard_decide_pin(struct shard *shard, const struct command *command, uint64_t now_ms,
                             struct record *record, struct refusal_facts *refusal)
{
    uint32_t slot = shard_own_booking(shard, command);

    refusal->detail = (struct refusal_detail){0};
    if (slot == HASH_INDEX_MISSING)
        return RESULT_NOT_FOUND;
    assert(!uuid_is_nil(&command->booking.order.id));
    switch (command->kind) {
    case COMMAND_PIN:
        return decide_pin(shard, slot, command, now_ms, record, &refusal->detail);
    case COMMAND_POST:
        return decide_post(shard, slot, command, now_ms, record, &refusal->detail);
    default:
        return decide_void(shard, slot, command, now_ms, record);
    }
}
