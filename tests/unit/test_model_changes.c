/* The simulator's model: changes of bookings, and orders. */
#include "model_rig.h"

/* Confirming twice is answered as it is; what is confirmed cannot be confirmed in part. */
static void test_confirm(void **state)
{
    struct rig *rig = *state;
    rig_general(rig, 1, 10, 1, 500);
    uint32_t booking = rig_reserved(rig, 1, 1, 4);
    assert_int_equal(rig_do(rig, COMMAND_CONFIRM, 2, booking), RESULT_NOT_FOUND);
    rig->now_ms += 7;
    assert_int_equal(rig_do(rig, COMMAND_CONFIRM, 1, booking), RESULT_OK);
    rig->now_ms += RIG_TTL_MS;
    assert_int_equal(rig_do(rig, COMMAND_CONFIRM, 1, booking), RESULT_OK);
    assert_int_equal(rig->answer.booking.changed_ms, RIG_NOW_MS + 7);
    rig_on(rig, COMMAND_CONFIRM, 1, booking)->booking.quantity = 2;
    assert_int_equal(rig_run(rig), RESULT_INVALID_STATE);
    assert_int_equal(rig->answer.detail.status, BOOKING_CONFIRMED);
    assert_int_equal(rig_do(rig, COMMAND_CANCEL, 1, booking), RESULT_INVALID_STATE);
    assert_int_equal(rig_left(rig, 1, 0, 1), 6);
}

/* A part of quantity or of seats is kept, the rest is free in the same step. */
static void test_confirm_part(void **state)
{
    struct rig *rig = *state;
    rig_seated(rig, 1, "000000", 1);
    uint32_t booking = rig_reserved(rig, 1, 1, 4);
    RIG_EXPECT(rig, 0, 1, 2, 3);
    rig_on(rig, COMMAND_CONFIRM, 1, booking)->booking.quantity = 5;
    assert_int_equal(rig_run(rig), RESULT_QUANTITY_INVALID);
    assert_int_equal(rig->answer.detail.limit, 4);
    RIG_SEATS(rig_on(rig, COMMAND_CONFIRM, 1, booking), 2, 3, 4, 5);
    assert_int_equal(rig_run(rig), RESULT_SEAT_NOT_IN_BOOKING);
    RIG_EXPECT(rig, 4, 5);
    rig_on(rig, COMMAND_CONFIRM, 1, booking)->booking.quantity = 2;
    assert_int_equal(rig_run(rig), RESULT_OK);
    RIG_EXPECT(rig, 0, 1);
    assert_int_equal(rig_tickets(rig, 1), 2);
    assert_int_equal(rig_left(rig, 1, 0, 1), 4);
    booking = rig_reserved(rig, 1, 1, 2);
    RIG_EXPECT(rig, 2, 3);
    RIG_SEATS(rig_on(rig, COMMAND_CONFIRM, 1, booking), 3);
    assert_int_equal(rig_run(rig), RESULT_OK);
    RIG_EXPECT(rig, 3);
}

/* Release gives back the named seats, or the highest; all of it is a cancel. */
static void test_release(void **state)
{
    struct rig *rig = *state;
    rig_seated(rig, 1, "000000", 1);
    uint32_t booking = rig_reserved(rig, 1, 1, 6);
    RIG_SEATS(rig_on(rig, COMMAND_RELEASE, 1, booking), 0, 3);
    assert_int_equal(rig_run(rig), RESULT_OK);
    RIG_EXPECT(rig, 1, 2, 4, 5);
    rig_on(rig, COMMAND_RELEASE, 1, booking)->booking.quantity = 3;
    assert_int_equal(rig_run(rig), RESULT_OK);
    RIG_EXPECT(rig, 1);
    assert_int_equal(rig->answer.booking.expires_ms, RIG_NOW_MS + RIG_TTL_MS);
    rig_on(rig, COMMAND_RELEASE, 1, booking)->booking.quantity = 1;
    assert_int_equal(rig_run(rig), RESULT_OK);
    assert_int_equal(rig->answer.booking.status, BOOKING_CANCELLED);
    assert_int_equal(rig_tickets(rig, 1), 0);
    assert_int_equal(rig_do(rig, COMMAND_CANCEL, 1, booking), RESULT_OK);
    assert_int_equal(rig_do(rig, COMMAND_CONFIRM, 1, booking), RESULT_INVALID_STATE);
}

/* A deadline moves forward only, and not over the ceiling. */
static void test_extend(void **state)
{
    struct rig *rig = *state;
    rig_general(rig, 1, 10, 1, 500);
    uint32_t booking = rig_reserved(rig, 1, 1, 4);
    rig_on(rig, COMMAND_EXTEND, 1, booking)->booking.seconds = 10;
    assert_int_equal(rig_run(rig), RESULT_OK);
    assert_int_equal(rig->answer.booking.expires_ms, RIG_NOW_MS + RIG_TTL_MS);
    rig->now_ms += 1000;
    assert_int_equal(rig_do(rig, COMMAND_EXTEND, 1, booking), RESULT_OK);
    assert_int_equal(rig->answer.booking.expires_ms, RIG_NOW_MS + 1000 + RIG_TTL_MS);
    rig_on(rig, COMMAND_EXTEND, 1, booking)->booking.seconds = 5000;
    assert_int_equal(rig_run(rig), RESULT_OK);
    assert_int_equal(rig->answer.booking.expires_ms, RIG_NOW_MS + RIG_CEILING_MS);
    assert_int_equal(rig_run(rig), RESULT_HOLD_LIMIT_REACHED);
    assert_int_equal(rig->answer.detail.at_ms, RIG_NOW_MS + RIG_CEILING_MS);
    rig->now_ms = RIG_NOW_MS + RIG_CEILING_MS - 1;
    assert_int_equal(rig_do(rig, COMMAND_CONFIRM, 1, booking), RESULT_OK);
    assert_int_equal(rig_do(rig, COMMAND_EXTEND, 1, booking), RESULT_INVALID_STATE);
}

/* A transfer moves booking and count, within the receiver's limit. */
static void test_transfer(void **state)
{
    struct rig *rig = *state;
    rig_general(rig, 1, 30, 1, 500);
    rig_reserved(rig, 2, 1, 5);
    uint32_t booking = rig_reserved(rig, 1, 1, 4);
    rig_on(rig, COMMAND_TRANSFER, 1, booking)->booking.user_id = rig_id('u', 2);
    assert_int_equal(rig_run(rig), RESULT_MAX_PER_USER_EXCEEDED);
    assert_int_equal(rig->answer.detail.limit, 8);
    assert_int_equal(rig->answer.detail.held, 0);
    rig->command.booking.user_id = rig_id('u', 3);
    assert_int_equal(rig_run(rig), RESULT_OK);
    assert_int_equal(rig_tickets(rig, 1), 0);
    assert_int_equal(rig_tickets(rig, 3), 4);
    assert_int_equal(rig_do(rig, COMMAND_BOOKING_GET, 1, booking), RESULT_NOT_FOUND);
    assert_int_equal(rig_do(rig, COMMAND_BOOKING_GET, 3, booking), RESULT_OK);
}

/* The organizer refunds what is confirmed, once. */
static void test_refund(void **state)
{
    struct rig *rig = *state;
    rig_general(rig, 1, 30, 1, 500);
    uint32_t booking = rig_reserved(rig, 1, 1, 4);
    assert_int_equal(rig_do(rig, COMMAND_REFUND, RIG_ORGANIZER, booking), RESULT_INVALID_STATE);
    assert_int_equal(rig_do(rig, COMMAND_CONFIRM, 1, booking), RESULT_OK);
    assert_int_equal(rig_do(rig, COMMAND_REFUND, 1, booking), RESULT_NOT_FOUND);
    assert_int_equal(rig_do(rig, COMMAND_REFUND, RIG_ORGANIZER, booking), RESULT_OK);
    assert_int_equal(rig_do(rig, COMMAND_REFUND, RIG_ORGANIZER, booking), RESULT_OK);
    assert_int_equal(rig->answer.booking.status, BOOKING_REFUNDED);
    assert_int_equal(rig_tickets(rig, 1), 0);
    assert_int_equal(rig_left(rig, 1, 0, 1), 30);
}

/* To another zone: both or neither; deadline stays, a reservation takes the new price. */
static void test_exchange_zone(void **state)
{
    struct rig *rig = *state;
    rig_general(rig, 1, 10, 1, 500);
    rig_general(rig, 2, 3, 1, 700);
    uint32_t old = rig_reserved(rig, 1, 1, 2);
    rig->now_ms += 5;
    rig_on(rig, COMMAND_EXCHANGE_ZONE, 1, old)->booking.zone_id = rig_id('z', 9);
    assert_int_equal(rig_run(rig), RESULT_NOT_FOUND);
    rig->command.booking.zone_id = rig_id('z', 2);
    assert_int_equal(rig_run(rig), RESULT_OK);
    uint32_t fresh = rig->made;
    assert_int_equal(rig->answer.booking.unit_price_minor, 700);
    assert_int_equal(rig->answer.booking.expires_ms, RIG_NOW_MS + RIG_TTL_MS);
    struct uuid old_id = rig_id('b', old);
    assert_true(uuid_equal(&rig->answer.booking.exchanged_from, &old_id));
    assert_int_equal(rig_booking(rig, old).status, BOOKING_CANCELLED);
    assert_int_equal(rig_left(rig, 1, 0, 1), 10);
    assert_int_equal(rig_left(rig, 2, 0, 1), 1);
    assert_int_equal(rig_tickets(rig, 1), 2);
    assert_int_equal(rig_do(rig, COMMAND_CONFIRM, 1, fresh), RESULT_OK);
    rig_on(rig, COMMAND_EXCHANGE_ZONE, 1, fresh)->booking.zone_id = rig_id('z', 1);
    assert_int_equal(rig_run(rig), RESULT_PRICE_CHANGED);
    assert_int_equal(rig->answer.detail.price_minor, 500);
    uint32_t other = rig_reserved(rig, 2, 1, 2);
    rig_on(rig, COMMAND_EXCHANGE_ZONE, 2, other)->booking.zone_id = rig_id('z', 2);
    assert_int_equal(rig_run(rig), RESULT_INSUFFICIENT_STOCK);
    assert_int_equal(rig_booking(rig, other).status, BOOKING_RESERVED);
    rig_change_zone(rig, COMMAND_ZONE_SALE, 2)->zone_change.closed = true;
    assert_int_equal(rig_run(rig), RESULT_OK);
    rig_on(rig, COMMAND_EXCHANGE_ZONE, 2, other)->booking.zone_id = rig_id('z', 2);
    assert_int_equal(rig_run(rig), RESULT_SALE_CLOSED);
}

/* --- orders --- */

/* Item i: quantities[i] of zone i + 1. Its bookings are numbered on from rig->made. */
static enum result order(struct rig *rig, uint32_t user, uint32_t count, const uint32_t *quantities)
{
    rig_command(rig, COMMAND_ORDER_CREATE, user)->order_draft = &rig->draft;
    memset(&rig->draft, 0, sizeof rig->draft);
    rig->draft.count = count;
    struct uuid ids[1 + ORDER_ITEMS_MAX] = {rig_id('o', 1)};
    for (uint32_t i = 0; i < count; i++) {
        rig->draft.items[i].reserve.zone_id = rig_id('z', i + 1);
        rig->draft.items[i].reserve.quantity = quantities[i];
        ids[1 + i] = rig_id('b', rig->made + 1 + i);
    }
    enum result result = model_decide(rig->model, &rig->command, ids, rig->now_ms, &rig->answer);
    rig->made += result == RESULT_OK ? count : 0;
    return result;
}

static enum result end_order(struct rig *rig, enum command_kind kind, uint32_t user)
{
    rig_command(rig, kind, user)->order.order_id = rig_id('o', 1);
    return model_decide(rig->model, &rig->command, NULL, rig->now_ms, &rig->answer);
}

/* User 1 has two of zone 1's ten tickets and three of zone 2's, as bookings 1 and 2. */
static void order_two_zones(struct rig *rig)
{
    rig_general(rig, 1, 10, 1, 500);
    rig_general(rig, 2, 10, 1, 500);
    assert_int_equal(order(rig, 1, 2, (uint32_t[]){2, 3}), RESULT_OK);
}

/* Booking 1 is past its deadline, booking 2 was extended. */
static void lapse_first_item(struct rig *rig)
{
    rig->now_ms += 1000;
    assert_int_equal(rig_do(rig, COMMAND_EXTEND, 1, 2), RESULT_OK);
    rig->now_ms = RIG_NOW_MS + RIG_TTL_MS;
}

/* All items or none; the lowest refused one is named, limits are of the sum. */
static void test_order_create(void **state)
{
    struct rig *rig = *state;
    rig_general(rig, 1, 10, 1, 500);
    rig_general(rig, 2, 3, 1, 700);
    rig_general(rig, 3, 1, 1, 700);
    assert_int_equal(order(rig, 1, 3, (uint32_t[]){2, 3, 2}), RESULT_INSUFFICIENT_STOCK);
    assert_int_equal(rig->answer.detail.item, 2);
    struct uuid first = rig_id('b', 1);
    assert_null(model_booking(rig->model, &first, rig->now_ms));
    assert_int_equal(rig_left(rig, 2, 0, 1), 3);
    assert_int_equal(order(rig, 1, 2, (uint32_t[]){6, 3}), RESULT_MAX_PER_USER_EXCEEDED);
    assert_int_equal(rig->answer.detail.item, 1);
    assert_int_equal(order(rig, 1, 2, (uint32_t[]){5, 3}), RESULT_OK);
    assert_int_equal(rig->answer.order.count, 2);
    assert_int_equal(rig->answer.order.items[0].booking.remaining, 5);
    assert_int_equal(rig->answer.order.items[1].booking.order.item, 1);
    assert_int_equal(rig_tickets(rig, 1), 8);
}

/* What is of a reserved order goes with it, save that it can be extended. */
static void test_order_parts(void **state)
{
    struct rig *rig = *state;
    order_two_zones(rig);
    static const enum command_kind kinds[] = {COMMAND_CONFIRM, COMMAND_CANCEL, COMMAND_RELEASE,
                                              COMMAND_EXCHANGE, COMMAND_EXCHANGE_ZONE};
    for (uint32_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        assert_int_equal(rig_do(rig, kinds[i], 1, 1), RESULT_PART_OF_ORDER);
    rig_on(rig, COMMAND_TRANSFER, 1, 1)->booking.user_id = rig_id('u', 2);
    assert_int_equal(rig_run(rig), RESULT_PART_OF_ORDER);
    rig->now_ms += 9;
    assert_int_equal(rig_do(rig, COMMAND_EXTEND, 1, 1), RESULT_OK);
    assert_int_equal(end_order(rig, COMMAND_ORDER_CONFIRM, 2), RESULT_NOT_FOUND);
    assert_int_equal(end_order(rig, COMMAND_ORDER_CONFIRM, 1), RESULT_OK);
    assert_int_equal(rig->answer.order.status, BOOKING_CONFIRMED);
    assert_int_equal(rig_booking(rig, 2).status, BOOKING_CONFIRMED);
    assert_int_equal(end_order(rig, COMMAND_ORDER_CANCEL, 1), RESULT_INVALID_STATE);
    rig_on(rig, COMMAND_TRANSFER, 1, 1)->booking.user_id = rig_id('u', 2);
    assert_int_equal(rig_run(rig), RESULT_OK);
}

/* One item past its deadline voids the order when it is confirmed. */
static void test_order_void(void **state)
{
    struct rig *rig = *state;
    order_two_zones(rig);
    lapse_first_item(rig);
    assert_int_equal(end_order(rig, COMMAND_ORDER_CONFIRM, 1), RESULT_RESERVATION_EXPIRED);
    assert_int_equal(rig_booking(rig, 1).status, BOOKING_EXPIRED);
    assert_int_equal(rig_booking(rig, 2).status, BOOKING_CANCELLED);
    assert_int_equal(rig_left(rig, 2, 0, 1), 10);
    assert_int_equal(rig_tickets(rig, 1), 0);
}

/* A cancelled order gives all back. */
static void test_order_cancel(void **state)
{
    struct rig *rig = *state;
    order_two_zones(rig);
    assert_int_equal(end_order(rig, COMMAND_ORDER_CANCEL, 1), RESULT_OK);
    assert_int_equal(rig_booking(rig, 2).status, BOOKING_CANCELLED);
    assert_int_equal(rig_left(rig, 1, 0, 1), 10);
    assert_int_equal(end_order(rig, COMMAND_ORDER_CONFIRM, 1), RESULT_INVALID_STATE);
}

/* Cancelling cancels what has not lapsed; with nothing left to cancel it is refused. */
static void test_order_cancel_lapsed(void **state)
{
    struct rig *rig = *state;
    order_two_zones(rig);
    lapse_first_item(rig);
    assert_int_equal(end_order(rig, COMMAND_ORDER_CANCEL, 1), RESULT_OK);
    assert_int_equal(rig_booking(rig, 1).status, BOOKING_EXPIRED);
    assert_int_equal(rig_booking(rig, 2).status, BOOKING_CANCELLED);
    assert_int_equal(end_order(rig, COMMAND_ORDER_CONFIRM, 1), RESULT_INVALID_STATE);
}

/* An order that lapsed as a whole can be neither cancelled nor confirmed. */
static void test_order_lapsed(void **state)
{
    struct rig *rig = *state;
    order_two_zones(rig);
    rig->now_ms += RIG_TTL_MS;
    assert_int_equal(end_order(rig, COMMAND_ORDER_CANCEL, 1), RESULT_RESERVATION_EXPIRED);
    assert_int_equal(end_order(rig, COMMAND_ORDER_CONFIRM, 1), RESULT_RESERVATION_EXPIRED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(test_confirm),      RIG_TEST(test_confirm_part),
        RIG_TEST(test_release),      RIG_TEST(test_extend),
        RIG_TEST(test_transfer),     RIG_TEST(test_refund),
        RIG_TEST(test_order_create), RIG_TEST(test_exchange_zone),
        RIG_TEST(test_order_parts),  RIG_TEST(test_order_void),
        RIG_TEST(test_order_cancel), RIG_TEST(test_order_cancel_lapsed),
        RIG_TEST(test_order_lapsed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
