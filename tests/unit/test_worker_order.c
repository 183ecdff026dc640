#include "order_rig.h"

/* Orders over several shards: all or nothing, whatever is refused and wherever the
 * power fails. */

static void assert_zone(struct sim *sim, uint64_t zone, uint32_t reserved, uint32_t sold)
{
    struct rig_counts counts = rig_counts(&sim->rig, zone);
    assert_int_equal(counts.reserved, reserved);
    assert_int_equal(counts.sold, sold);
}

/* --- made, confirmed, let go --- */

/* An order's items are held in all their zones, and read back. */
static void test_held_as_a_whole(void **state)
{
    struct sim sim;
    (void)state;
    open_sale(&sim, SHARDS, RIG_START_MS, 1000000000);
    struct answer made = create(&sim, 0, 0, 5, 0);
    assert_int_equal(made.result, RESULT_OK);
    assert_int_equal(made.order->count, 5);
    assert_int_equal(made.order->status, BOOKING_RESERVED);
    for (uint64_t zone = 0; zone < 5; zone++)
        assert_zone(&sim, zone, 2, 0);
    assert_int_equal(tickets_of(&sim, 0), 10);
    struct answer read = sim_ask(&sim, 1, on_order(COMMAND_ORDER_GET, 0, &made.order->order_id, 0));
    assert_int_equal(read.result, RESULT_OK);
    assert_int_equal(read.order->count, 5);
    for (uint32_t i = 0; i < 5; i++)
        assert_true(uuid_equal(&read.order->items[i].booking.booking_id,
                               &made.order->items[i].booking.booking_id));
    /* Another's order is as good as unknown. */
    read = sim_ask(&sim, 1, on_order(COMMAND_ORDER_GET, 1, &made.order->order_id, 0));
    assert_int_equal(read.result, RESULT_NOT_FOUND);
    rig_audit(&sim.rig);
    close_sale(&sim);
}

/* One item that cannot be had gives all others back, and says which it was. */
static void test_one_refused_gives_all_back(void **state)
{
    struct sim sim;
    (void)state;
    open_sale(&sim, SHARDS, RIG_START_MS, 1000000000);
    for (uint64_t user = 10; user < 14; user++)
        assert_int_equal(sim_ask(&sim, 0, rig_reserve(user, 3, 5, 0)).result, RESULT_OK);
    struct answer made = create(&sim, 0, 0, 5, 0);
    assert_int_equal(made.result, RESULT_INSUFFICIENT_STOCK);
    assert_int_equal(made.refusal.item, 3);
    for (uint64_t zone = 0; zone < 5; zone++)
        assert_zone(&sim, zone, zone == 3 ? SEATS : 0, 0);
    assert_int_equal(tickets_of(&sim, 0), 0);
    /* Nothing of the limit is lost: the whole of it can be had. */
    assert_int_equal(sim_ask(&sim, 0, order_create(0, 0, 3, 10, 0)).result, RESULT_OK);
    rig_audit(&sim.rig);
    close_sale(&sim);
}

/* The limit is that of all items together. */
static void test_limit_of_the_sum(void **state)
{
    struct sim sim;
    (void)state;
    open_sale(&sim, SHARDS, RIG_START_MS, 1000000000);
    struct answer made = sim_ask(&sim, 0, order_create(0, 0, 4, 10, 0));
    assert_int_equal(made.result, RESULT_MAX_PER_USER_EXCEEDED);
    assert_int_equal(made.refusal.item, 3);
    assert_int_equal(made.refusal.limit, LIMIT);
    for (uint64_t zone = 0; zone < 4; zone++)
        assert_zone(&sim, zone, 0, 0);
    /* Another event has its own limit. */
    assert_int_equal(sim_ask(&sim, 0, order_create(0, 5, 3, 10, 0)).result, RESULT_OK);
    rig_audit(&sim.rig);
    close_sale(&sim);
}

/* A confirmed order is confirmed in all its bookings; a second time as it is. */
static void test_confirmed(void **state)
{
    struct sim sim;
    (void)state;
    open_sale(&sim, SHARDS, RIG_START_MS, 1000000000);
    struct uuid id = create(&sim, 0, 0, 4, 0).order->order_id;
    for (int n = 0; n < 2; n++) {
        struct answer done = sim_ask(&sim, 2, on_order(COMMAND_ORDER_CONFIRM, 0, &id, 0));
        assert_int_equal(done.result, RESULT_OK);
        assert_int_equal(done.order->status, BOOKING_CONFIRMED);
        for (uint64_t zone = 0; zone < 4; zone++)
            assert_zone(&sim, zone, 0, 2);
    }
    struct answer cancelled = sim_ask(&sim, 2, on_order(COMMAND_ORDER_CANCEL, 0, &id, 0));
    assert_int_equal(cancelled.result, RESULT_INVALID_STATE);
    assert_int_equal(cancelled.refusal.status, BOOKING_CONFIRMED);
    rig_audit(&sim.rig);
    close_sale(&sim);
}

/* A cancelled order gives everything back and cannot be confirmed. */
static void test_cancelled(void **state)
{
    struct sim sim;
    (void)state;
    open_sale(&sim, SHARDS, RIG_START_MS, 1000000000);
    struct uuid id = create(&sim, 0, 0, 4, 0).order->order_id;
    for (int n = 0; n < 2; n++) {
        struct answer done = sim_ask(&sim, 2, on_order(COMMAND_ORDER_CANCEL, 0, &id, 0));
        assert_int_equal(done.result, RESULT_OK);
        assert_int_equal(done.order->status, BOOKING_CANCELLED);
    }
    for (uint64_t zone = 0; zone < 4; zone++)
        assert_zone(&sim, zone, 0, 0);
    assert_int_equal(tickets_of(&sim, 0), 0);
    assert_int_equal(sim_ask(&sim, 2, on_order(COMMAND_ORDER_CONFIRM, 0, &id, 0)).result,
                     RESULT_INVALID_STATE);
    close_sale(&sim);
}

/* A held order's bookings are changed with it only; they may be extended. */
static void test_parts_stand_together(void **state)
{
    struct sim sim;
    (void)state;
    open_sale(&sim, SHARDS, RIG_START_MS, 1000000000);
    struct answer made = create(&sim, 0, 0, 3, 0);
    struct uuid booking = made.order->items[1].booking.booking_id;
    static const enum command_kind refused[] = {COMMAND_CONFIRM, COMMAND_CANCEL, COMMAND_RELEASE};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct command command = rig_end(refused[i], 0, &booking, 0);
        command.booking.quantity = refused[i] == COMMAND_RELEASE;
        struct answer answer = sim_ask(&sim, 0, command);
        assert_int_equal(answer.result, RESULT_PART_OF_ORDER);
        assert_true(uuid_equal(&answer.refusal.order_id, &made.order->order_id));
    }
    sim_pass(&sim, RIG_TTL_MS / 2);
    assert_int_equal(sim_ask(&sim, 0, rig_end(COMMAND_EXTEND, 0, &booking, 0)).result, RESULT_OK);
    close_sale(&sim);
}

/* Past the deadline of one part the order is void: the others are let go. */
static void test_one_part_expired(void **state)
{
    struct sim sim;
    (void)state;
    open_sale(&sim, SHARDS, RIG_START_MS, 1000000000);
    struct answer made = create(&sim, 0, 0, 4, 0);
    sim_pass(&sim, RIG_TTL_MS / 2);
    for (uint32_t i = 1; i < 4; i++) {
        struct command extend =
            rig_end(COMMAND_EXTEND, 0, &made.order->items[i].booking.booking_id, 0);
        assert_int_equal(sim_ask(&sim, 0, extend).result, RESULT_OK);
    }
    sim_pass(&sim, RIG_TTL_MS / 2 + 1);
    struct answer done =
        sim_ask(&sim, 1, on_order(COMMAND_ORDER_CONFIRM, 0, &made.order->order_id, 0));
    assert_int_equal(done.result, RESULT_RESERVATION_EXPIRED);
    sim_turns(&sim, 5);
    for (uint64_t zone = 0; zone < 4; zone++)
        assert_zone(&sim, zone, 0, 0);
    assert_int_equal(tickets_of(&sim, 0), 0);
    rig_audit(&sim.rig);
    close_sale(&sim);
}

/* A shard that has no room for a while costs an order nothing but time: it is confirmed after. */
static void test_confirm_while_overloaded(void **state)
{
    struct sim sim;
    (void)state;
    open_sale(&sim, SHARDS, RIG_START_MS, 1000000000);
    struct answer made = create(&sim, 0, 0, 4, 0);
    uint64_t room = sim.logs[0].room;
    for (uint16_t i = 0; i < SHARDS; i++)
        sim.logs[i].room = 0;
    uint32_t asked =
        sim_send(&sim, 1, on_order(COMMAND_ORDER_CONFIRM, 0, &made.order->order_id, 0));
    for (int i = 0; i < 30; i++) {
        sim_pass(&sim, 100);
        sim_turn(&sim);
    }
    for (uint16_t i = 0; i < SHARDS; i++)
        sim.logs[i].room = room;
    sim_turns(&sim, 60);
    assert_non_null(sim_answer_to(&sim, asked));
    assert_int_equal(sim_answer_to(&sim, asked)->result, RESULT_OK);
    for (uint64_t zone = 0; zone < 4; zone++)
        assert_zone(&sim, zone, 0, 2);
    close_sale(&sim);
}

/* --- another zone --- */

/* The new places are had and the old ones free; the deadline stays, the price is the new zone's. */
static void test_exchange_of_a_reservation(void **state)
{
    struct sim sim;
    (void)state;
    open_sale(&sim, SHARDS, RIG_START_MS, 1000000000);
    struct answer old = sim_ask(&sim, 0, rig_reserve(0, 0, 3, 0));
    sim_pass(&sim, 1000);
    struct answer done = sim_ask(&sim, 1, exchange_zone(0, &old.booking.booking_id, 5, 0));
    assert_int_equal(done.result, RESULT_OK);
    assert_true(uuid_equal(&done.booking.exchanged_from, &old.booking.booking_id));
    assert_int_equal(done.booking.status, BOOKING_RESERVED);
    assert_int_equal(done.booking.expires_ms, old.booking.expires_ms);
    assert_int_equal(done.booking.unit_price_minor, 200);
    assert_zone(&sim, 0, 0, 0);
    assert_zone(&sim, 5, 3, 0);
    assert_int_equal(tickets_of(&sim, 0), 3);
    struct answer read =
        sim_ask(&sim, 0, rig_end(COMMAND_BOOKING_GET, 0, &old.booking.booking_id, 0));
    assert_int_equal(read.booking.status, BOOKING_CANCELLED);
    struct command confirm = rig_end(COMMAND_CONFIRM, 0, &done.booking.booking_id, 0);
    assert_int_equal(sim_ask(&sim, 0, confirm).result, RESULT_OK);
    rig_audit(&sim.rig);
    close_sale(&sim);
}

/* Nobody holds for ever by going from zone to zone: the new booking is not extended. */
static void test_exchange_gives_no_time(void **state)
{
    struct sim sim;
    (void)state;
    open_sale(&sim, SHARDS, RIG_START_MS, 1000000000);
    struct answer old = sim_ask(&sim, 0, rig_reserve(0, 0, 3, 0));
    struct answer done = sim_ask(&sim, 1, exchange_zone(0, &old.booking.booking_id, 1, 0));
    assert_int_equal(done.result, RESULT_OK);
    sim_pass(&sim, 1000);
    struct command extend = rig_end(COMMAND_EXTEND, 0, &done.booking.booking_id, 0);
    struct answer refused = sim_ask(&sim, 0, extend);
    assert_int_equal(refused.result, RESULT_HOLD_LIMIT_REACHED);
    assert_int_equal(refused.refusal.at_ms, old.booking.expires_ms);
    close_sale(&sim);
}

/* A confirmed booking needs an equal price; what is refused leaves it as it was. */
static void test_exchange_of_a_confirmed_booking(void **state)
{
    struct sim sim;
    (void)state;
    open_sale(&sim, SHARDS, RIG_START_MS, 1000000000);
    struct uuid id = sim_ask(&sim, 0, rig_reserve(0, 0, 3, 0)).booking.booking_id;
    assert_int_equal(sim_ask(&sim, 0, rig_end(COMMAND_CONFIRM, 0, &id, 0)).result, RESULT_OK);
    assert_int_equal(sim_ask(&sim, 1, exchange_zone(0, &id, 5, 0)).result, RESULT_PRICE_CHANGED);
    assert_int_equal(sim_ask(&sim, 1, exchange_zone(0, &id, 7, 0)).result, RESULT_NOT_FOUND);
    assert_int_equal(sim_ask(&sim, 1, exchange_zone(1, &id, 2, 0)).result, RESULT_NOT_FOUND);
    assert_zone(&sim, 0, 0, 3);
    struct answer done = sim_ask(&sim, 1, exchange_zone(0, &id, 2, 0));
    assert_int_equal(done.result, RESULT_OK);
    assert_int_equal(done.booking.status, BOOKING_CONFIRMED);
    assert_zone(&sim, 0, 0, 0);
    assert_zone(&sim, 2, 0, 3);
    assert_int_equal(tickets_of(&sim, 0), 3);
    rig_audit(&sim.rig);
    close_sale(&sim);
}

/* Of many exchanges of one booking at the same moment one is made: tickets do not multiply. */
static void test_exchanges_at_once(void **state)
{
    struct sim sim;
    uint32_t asked[8], made = 0;
    (void)state;
    open_sale(&sim, SHARDS, RIG_START_MS, 1000000000);
    struct uuid id = sim_ask(&sim, 0, rig_reserve(0, 0, 3, 0)).booking.booking_id;
    assert_int_equal(sim_ask(&sim, 0, rig_end(COMMAND_CONFIRM, 0, &id, 0)).result, RESULT_OK);
    for (uint32_t i = 0; i < 8; i++)
        asked[i] = sim_send(&sim, (uint16_t)(i % SHARDS), exchange_zone(0, &id, 1 + i % 3, 0));
    sim_turns(&sim, 60);
    for (uint32_t i = 0; i < 8; i++) {
        const struct answer *answer = sim_answer_to(&sim, asked[i]);
        assert_non_null(answer);
        made += answer->result == RESULT_OK;
        if (answer->result != RESULT_OK && answer->result != RESULT_INVALID_STATE)
            assert_int_equal(answer->result, RESULT_PART_OF_ORDER);
    }
    assert_int_equal(made, 1);
    assert_zone(&sim, 0, 0, 0);
    assert_int_equal(rig_counts(&sim.rig, 1).sold + rig_counts(&sim.rig, 2).sold +
                         rig_counts(&sim.rig, 3).sold,
                     3);
    assert_int_equal(tickets_of(&sim, 0), 3);
    rig_audit(&sim.rig);
    close_sale(&sim);
}

/* A ticket confirmed long ago: its reservation's deadline, past by now, gives the new one none. */
static void test_exchange_after_the_deadline(void **state)
{
    struct sim sim;
    (void)state;
    open_sale(&sim, SHARDS, RIG_START_MS, 1000000000);
    struct uuid id = sim_ask(&sim, 0, rig_reserve(0, 0, 3, 0)).booking.booking_id;
    assert_int_equal(sim_ask(&sim, 0, rig_end(COMMAND_CONFIRM, 0, &id, 0)).result, RESULT_OK);
    sim_pass(&sim, RIG_TTL_MS + 1000);
    struct answer done = sim_ask(&sim, 1, exchange_zone(0, &id, 2, 0));
    assert_int_equal(done.result, RESULT_OK);
    assert_int_equal(done.booking.status, BOOKING_CONFIRMED);
    assert_int_equal(done.booking.expires_ms, done.booking.created_ms);
    close_sale(&sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_held_as_a_whole),
        cmocka_unit_test(test_one_refused_gives_all_back),
        cmocka_unit_test(test_limit_of_the_sum),
        cmocka_unit_test(test_confirmed),
        cmocka_unit_test(test_cancelled),
        cmocka_unit_test(test_parts_stand_together),
        cmocka_unit_test(test_one_part_expired),
        cmocka_unit_test(test_confirm_while_overloaded),
        cmocka_unit_test(test_exchange_of_a_reservation),
        cmocka_unit_test(test_exchange_gives_no_time),
        cmocka_unit_test(test_exchange_of_a_confirmed_booking),
        cmocka_unit_test(test_exchanges_at_once),
        cmocka_unit_test(test_exchange_after_the_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
