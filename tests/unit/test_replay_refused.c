/* What a disk may say of bookings and a shard never wrote. */
#include "replay_rig.h"

/* --- reserved --- */

/* Places a zone does not have, a way that is none, an id of another time. */
static void test_reserved(void **state)
{
    struct record record = decide(inventory_reserve(1, GENERAL, 2));
    (void)state;
    REFUSE_WITH(record, reserved.quantity, 0, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, reserved.quantity, PLACES + 1, SHARD_REPLAY_OVERSOLD);
    REFUSE_WITH(record, reserved.to_segment, 0, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, reserved.to_segment, 2, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, reserved.zone_id, rig_zone_id(9), SHARD_REPLAY_UNKNOWN_ZONE);
    REFUSE_WITH(record, reserved.seat_count, 1, SHARD_REPLAY_BAD_SEATS);
    REFUSE_WITH(record, stamp_ms, RIG_START_MS + 1, SHARD_REPLAY_BAD_STATE);
    take(&record);
    state_before = shard_state_hash(shard());
    refuse(&record, SHARD_REPLAY_DUPLICATE_BOOKING);
}

/* Seats that are not of the zone, out of order, taken, too few or more than a booking has. */
static void test_reserved_seats(void **state)
{
    hold(1, SEATED, 2); /* 0 and 1 */
    struct record record = decide(with_seats(inventory_reserve(2, SEATED, 2), 5, 2));
    (void)state;
    REFUSE_WITH(record, reserved.seats[1], PLACES, SHARD_REPLAY_BAD_SEATS);
    REFUSE_WITH(record, reserved.seats[1], 5, SHARD_REPLAY_BAD_SEATS);
    REFUSE_WITH(record, reserved.seats[0], 1, SHARD_REPLAY_BAD_SEATS);
    REFUSE_WITH(record, reserved.seat_count, 1, SHARD_REPLAY_BAD_SEATS);
    REFUSE_WITH(record, reserved.quantity, 1, SHARD_REPLAY_BAD_SEATS);
    struct record many = record;
    many.reserved.quantity = many.reserved.seat_count = RECORD_SEATS_MAX + 1;
    refuse(&many, SHARD_REPLAY_BAD_SEATS);
    take(&record);
}

/* What is drawn from an allotment comes out of it: of this zone, an allotment, active, not
 * over, and of seats only its own. */
static void test_drawn(void **state)
{
    static const uint32_t seats[] = {10, 11}, others[] = {20, 21};
    make_block(GENERAL, 0, 1, 4, NULL);
    make_block(GENERAL, 1, 0, 4, NULL); /* a house hold */
    make_block(GENERAL_TRIP, 2, 1, 4, NULL);
    make_block(SEATED, 3, 1, 2, seats);
    make_block(SEATED, 4, 0, 2, others);
    struct record record = decide(with_key(inventory_reserve(1, GENERAL, 2), 1));
    (void)state;
    REFUSE_WITH(record, reserved.block_id, rig_id(5, 9), SHARD_REPLAY_UNKNOWN_BLOCK);
    REFUSE_WITH(record, reserved.block_id, rig_id(5, 1), SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, reserved.block_id, rig_id(5, 2), SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, reserved.quantity, 5, SHARD_REPLAY_OVERSOLD);
    take(&record);
    record = decide(with_key(inventory_reserve(1, SEATED, 2), 1));
    REFUSE_WITH(record, reserved.seats[1], 12, SHARD_REPLAY_BAD_SEATS); /* free */
    REFUSE_WITH(record, reserved.seats[1], 20, SHARD_REPLAY_BAD_SEATS); /* another block's */
    take(&record);
    record = decide(with_key(inventory_reserve(1, GENERAL, 1), 1));
    struct command end = on_zone(COMMAND_BLOCK_END, GENERAL);
    end.zone_change.block_id = rig_id(5, 0);
    struct record ended = decide(end);
    take(&ended);
    state_before = shard_state_hash(shard());
    refuse(&record, SHARD_REPLAY_BAD_STATE);
}

/* An allotment whose time is over gives nothing, though its end is not in the log yet. */
static void test_drawn_too_late(void **state)
{
    struct command command = block_of(GENERAL, 0, 1, 4, NULL);
    (void)state;
    command.zone_change.block->expires_ms = RIG_START_MS + 1000;
    struct record made = decide(command);
    take(&made);
    struct record record = decide(with_key(inventory_reserve(1, GENERAL, 1), 1));
    struct record late = record;
    late.stamp_ms = RIG_START_MS + 1000;
    late.reserved.booking_id = uuid_v7(late.stamp_ms, 0, 5);
    refuse(&late, SHARD_REPLAY_BAD_STATE);
    take(&record);
}

/* --- ended --- */

/* A booking ends once, by its own user, in its own zone, with all it has. */
static void test_settled(void **state)
{
    struct uuid booking = hold(1, GENERAL, 2);
    struct record record = decide(on_booking(COMMAND_CANCEL, 1, &booking));
    (void)state;
    REFUSE_WITH(record, settled.booking_id, rig_id(0, 9), SHARD_REPLAY_UNKNOWN_BOOKING);
    REFUSE_WITH(record, settled.quantity, 1, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, settled.user_id, rig_user_id(2), SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, settled.zone_id, rig_zone_id(GENERAL_TRIP), SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, settled.cause, CAUSE_EXTENDED, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, settled.cause, CAUSE_POSTED, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, stamp_ms, RIG_START_MS - 1, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, stamp_ms, RIG_START_MS + RIG_TTL_MS, SHARD_REPLAY_BAD_STATE);
    struct record confirmed = record;
    confirmed.kind = RECORD_CONFIRMED;
    confirmed.settled.cause = CAUSE_VOIDED;
    refuse(&confirmed, SHARD_REPLAY_BAD_STATE);
    confirmed.settled.cause = CAUSE_EXCHANGED;
    refuse(&confirmed, SHARD_REPLAY_BAD_STATE);
    struct record voided = record;
    voided.settled.cause = CAUSE_VOIDED;
    voided.stamp_ms = RIG_START_MS + RIG_TTL_MS;
    refuse(&voided, SHARD_REPLAY_BAD_STATE);
    take(&record);
    state_before = shard_state_hash(shard());
    refuse(&record, SHARD_REPLAY_BAD_STATE);
}

/* What an order holds on to does not end by a request; a sold ticket ends only where an
 * exchange has taken it. */
static void test_settled_while_pinned(void **state)
{
    struct uuid booking = hold(1, GENERAL, 2);
    struct record cancel = decide(on_booking(COMMAND_CANCEL, 1, &booking));
    struct record pinned = decide(pin(1, &booking, 0, 2));
    (void)state;
    take(&pinned);
    state_before = shard_state_hash(shard());
    refuse(&cancel, SHARD_REPLAY_BAD_STATE);

    struct uuid sold = hold(1, GENERAL, 1);
    cancel = decide(on_booking(COMMAND_CANCEL, 1, &sold));
    cancel.settled.cause = CAUSE_EXCHANGED;
    confirm(1, &sold);
    state_before = shard_state_hash(shard());
    refuse(&cancel, SHARD_REPLAY_BAD_STATE); /* not pinned */
    pinned = decide(pin(1, &sold, 0, 0));
    take(&pinned);
    state_before = shard_state_hash(shard());
    REFUSE_WITH(cancel, settled.cause, CAUSE_REQUEST, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(cancel, kind, RECORD_CONFIRMED, SHARD_REPLAY_BAD_STATE);
    take(&cancel);
}

/* Time ends what is late, each booking once, and never none or more than a record has. */
static void test_expired(void **state)
{
    static struct record record;
    struct uuid first = hold(1, GENERAL, 2), second = hold(2, GENERAL, 1);
    (void)state;
    rig.now_ms += RIG_TTL_MS;
    assert_true(shard_expire(shard(), rig.now_ms, &record));
    assert_int_equal(record.expired.count, 2);
    state_before = shard_state_hash(shard());
    REFUSE_WITH(record, expired.count, 0, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, expired.count, RECORD_EXPIRED_MAX + 1, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, expired.items[1], record.expired.items[0], SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, expired.items[1].booking_id, rig_id(0, 9), SHARD_REPLAY_UNKNOWN_BOOKING);
    REFUSE_WITH(record, stamp_ms, rig.now_ms - 1, SHARD_REPLAY_BAD_STATE);
    take(&record);
    assert_int_equal(inventory_facts(&rig, &first).status, BOOKING_EXPIRED);
    assert_int_equal(inventory_facts(&rig, &second).status, BOOKING_EXPIRED);
}

/* --- changed --- */

/* A change names what was before it, and changes only what its cause is about. */
static void test_extended(void **state)
{
    struct uuid booking = hold(1, GENERAL, 3);
    rig.now_ms += 1000;
    struct record record = decide(on_booking(COMMAND_EXTEND, 1, &booking));
    (void)state;
    REFUSE_WITH(record, changed.booking_id, rig_id(0, 9), SHARD_REPLAY_UNKNOWN_BOOKING);
    REFUSE_WITH(record, changed.previous_quantity, 4, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, changed.quantity, 0, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, changed.quantity, 2, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, changed.quantity, 4, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, changed.previous_user_id, rig_user_id(2), SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, changed.user_id, rig_user_id(2), SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, changed.zone_id, rig_zone_id(SEATED), SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, changed.ttl_ms, 1, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, changed.status, BOOKING_CONFIRMED, SHARD_REPLAY_BAD_STATE);
    take(&record);
}

/* Neither the price nor the order of a booking changes with its deadline, and time has
 * its bounds. */
static void test_extended_and_nothing_else(void **state)
{
    struct uuid booking = hold(1, GENERAL, 3);
    rig.now_ms += 1000;
    struct record record = decide(on_booking(COMMAND_EXTEND, 1, &booking));
    (void)state;
    REFUSE_WITH(record, changed.unit_price_minor, 1, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, changed.pinned, true, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, changed.seat_count, 1, SHARD_REPLAY_BAD_SEATS);
    REFUSE_WITH(record, changed.order, ((struct order_part){rig_id(6, 1), 0, 1}),
                SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, changed.order.item, 1, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, changed.order.count, 1, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, changed.cause, CAUSE_DRAIN, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, stamp_ms, RIG_START_MS - 1, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, stamp_ms, RIG_START_MS + RIG_TTL_MS, SHARD_REPLAY_BAD_STATE);
    take(&record);
}

/* A part that is released or confirmed is one, of a reservation. */
static void test_parts(void **state)
{
    struct uuid booking = hold(1, GENERAL, 3);
    struct command command = on_booking(COMMAND_RELEASE, 1, &booking);
    command.booking.quantity = 1;
    struct record released = decide(command);
    (void)state;
    REFUSE_WITH(released, changed.quantity, 3, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(released, changed.status, BOOKING_CONFIRMED, SHARD_REPLAY_BAD_STATE);
    command.kind = COMMAND_CONFIRM;
    struct record part = decide(command);
    REFUSE_WITH(part, changed.quantity, 3, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(part, changed.status, BOOKING_RESERVED, SHARD_REPLAY_BAD_STATE);
    take(&part);
    state_before = shard_state_hash(shard());
    refuse(&part, SHARD_REPLAY_BAD_STATE); /* it is confirmed */
    part.changed.previous_quantity = 1;
    part.changed.quantity = 1;
    refuse(&part, SHARD_REPLAY_BAD_STATE);
    released.changed.previous_quantity = 1;
    released.changed.quantity = 1;
    refuse(&released, SHARD_REPLAY_BAD_STATE);
}

/* What stays after a part is of the booking's own seats; an exchange takes free ones. */
static void test_seats_after_a_change(void **state)
{
    struct uuid booking = hold(1, SEATED, 3), other = hold(2, SEATED, 2);
    struct command command = with_seats(on_booking(COMMAND_RELEASE, 1, &booking), 2, 1);
    struct record record = decide(command);
    (void)state;
    (void)other;
    REFUSE_WITH(record, changed.seats[1], 20, SHARD_REPLAY_BAD_SEATS); /* free, not its own */
    REFUSE_WITH(record, changed.seats[1], 30, SHARD_REPLAY_BAD_SEATS);
    take(&record); /* 0 and 1 stay */
    command = with_seats(on_booking(COMMAND_EXCHANGE, 1, &booking), 10, 2);
    record = decide(command);
    REFUSE_WITH(record, changed.seats[0], 3, SHARD_REPLAY_BAD_SEATS); /* the other's */
    REFUSE_WITH(record, changed.seat_count, 0, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(record, changed.status, BOOKING_CONFIRMED, SHARD_REPLAY_BAD_STATE);
    take(&record);
}

/* A transfer has another owner after it, a refund was confirmed before it. */
static void test_transferred_and_refunded(void **state)
{
    struct uuid booking = hold(1, GENERAL, 2);
    struct command command = on_booking(COMMAND_TRANSFER, 1, &booking);
    command.booking.user_id = rig_user_id(2);
    struct record transferred = decide(command);
    (void)state;
    REFUSE_WITH(transferred, changed.user_id, rig_user_id(1), SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(transferred, changed.quantity, 1, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(transferred, changed.status, BOOKING_CONFIRMED, SHARD_REPLAY_BAD_STATE);
    take(&transferred);
    confirm(2, &booking);
    struct command refund = on_booking(COMMAND_REFUND, 1000, &booking);
    refund.actor.role = ROLE_ORGANIZER;
    struct record refunded = decide(refund);
    REFUSE_WITH(refunded, changed.status, BOOKING_RESERVED, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(refunded, changed.quantity, 1, SHARD_REPLAY_BAD_STATE);
    take(&refunded);
    state_before = shard_state_hash(shard());
    refuse(&refunded, SHARD_REPLAY_BAD_STATE); /* it is not live any more */
}

/* A pin names its order; while it holds, only its order changes the booking, and a posted
 * booking ends reserved or confirmed. */
static void test_pinned(void **state)
{
    struct command reserve = inventory_reserve(1, GENERAL, 2);
    (void)state;
    reserve.reserve.order =
        (struct order_part){rig_id(6, 1), 1, 0}; /* the new one of an exchange */
    struct record made = decide(reserve);
    take(&made);
    const struct uuid *booking = &made.reserved.booking_id;
    rig.now_ms += 1000;
    struct record extended = decide(on_booking(COMMAND_EXTEND, 1, booking));
    struct record pinned = decide(pin(1, booking, 1, 0));
    struct record unpinned = pinned;
    unpinned.changed.cause = CAUSE_UNPINNED;
    unpinned.changed.pinned = false;
    refuse(&unpinned, SHARD_REPLAY_BAD_STATE); /* nothing pins it */
    REFUSE_WITH(pinned, changed.order.id, ((struct uuid){0}), SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(pinned, changed.pinned, false, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(pinned, changed.status, BOOKING_CONFIRMED, SHARD_REPLAY_BAD_STATE);
    take(&pinned);
    state_before = shard_state_hash(shard());
    refuse(&extended, SHARD_REPLAY_BAD_STATE);
    struct command post = on_booking(COMMAND_POST, 1, booking);
    post.booking.order = (struct order_part){rig_id(6, 1), 1, 0};
    post.booking.end = BOOKING_CONFIRMED;
    struct record posted = decide(post);
    REFUSE_WITH(posted, changed.status, BOOKING_EXPIRED, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(posted, changed.quantity, 1, SHARD_REPLAY_BAD_STATE);
    REFUSE_WITH(posted, changed.pinned, true, SHARD_REPLAY_BAD_STATE);
    take(&posted);
    state_before = shard_state_hash(shard());
    refuse(&posted, SHARD_REPLAY_BAD_STATE);
}

/* What no order made is not posted. */
static void test_posted_without_an_order(void **state)
{
    struct uuid booking = hold(1, GENERAL, 2);
    (void)state;
    rig.now_ms += 1000;
    struct record record = decide(on_booking(COMMAND_EXTEND, 1, &booking));
    record.changed.cause = CAUSE_POSTED;
    refuse(&record, SHARD_REPLAY_BAD_STATE);
}

/* --- names --- */

/* Every result has a name, and what is none is not read beyond the table. */
static void test_names(void **state)
{
    (void)state;
    for (int i = 0; i <= SHARD_REPLAY_OUT_OF_MEMORY; i++)
        assert_non_null(shard_replay_result_name((enum shard_replay_result)i));
    assert_string_equal(
        shard_replay_result_name((enum shard_replay_result)(SHARD_REPLAY_OUT_OF_MEMORY + 1)),
        "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_reserved),
        CASE(test_reserved_seats),
        CASE(test_drawn),
        CASE(test_drawn_too_late),
        CASE(test_settled),
        CASE(test_settled_while_pinned),
        CASE(test_expired),
        CASE(test_extended),
        CASE(test_extended_and_nothing_else),
        CASE(test_parts),
        CASE(test_seats_after_a_change),
        CASE(test_transferred_and_refunded),
        CASE(test_pinned),
        CASE(test_posted_without_an_order),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
