#include "order_rig.h"

/* Orders and exchanges whose workers lose their power: what the logs' durable parts make of
 * them, and what their keys are answered. */

/* Wherever an order is cut off while it is held, it is there as a whole or not at all. */
static void test_crash_while_holding(void **state)
{
    uint32_t whole = 0, none = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct sim *sim = malloc(sizeof *sim);
        uint32_t reserved, sold;
        bool answered;
        open_sale(sim, SHARDS, RIG_START_MS, 1000000000);
        sim->seed = seed;
        sim = fail_after(sim, order_create(0, 0, 4, 2, 5), (int)(seed % 14), &answered);
        sim_turns(sim, 20);
        count_zones(sim, &reserved, &sold);
        assert_int_equal(sold, 0);
        assert_true(reserved == 4 || (reserved == 0 && !answered));
        whole += reserved == 4;
        none += reserved == 0;
        assert_int_equal(tickets_of(sim, 0), 2 * reserved);
        /* Asked again with its key it is made once, and the same. */
        struct answer again = sim_ask(sim, 0, order_create(0, 0, 4, 2, 5));
        assert_int_equal(again.result, RESULT_OK);
        assert_int_equal(again.replayed, reserved == 4);
        assert_int_equal(tickets_of(sim, 0), 8);
        rig_audit(&sim->rig);
        close_sale(sim);
        free(sim);
    }
    assert_true(whole > 20 && none > 20);
}

/* Wherever a confirmation is cut off, all is sold or nothing is; a retry settles it. */
static void test_crash_while_confirming(void **state)
{
    uint32_t all = 0, none = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 600; seed++) {
        struct sim *sim = malloc(sizeof *sim);
        uint32_t reserved, sold;
        bool answered;
        open_sale(sim, SHARDS, RIG_START_MS, 1000000000);
        sim->seed = seed;
        struct uuid id = create(sim, 0, 0, 4, 5).order->order_id;
        sim = fail_after(sim, on_order(COMMAND_ORDER_CONFIRM, 0, &id, 6), (int)(seed % 24),
                         &answered);
        if (seed % 3 == 0) /* and once more, while the start mends it */
            sim = fail_after(sim, on_order(COMMAND_ORDER_GET, 0, &id, 0), (int)(seed % 7),
                             &(bool){false});
        sim_turns(sim, 25);
        count_zones(sim, &reserved, &sold);
        assert_true(sold == 4 || (sold == 0 && !answered));
        assert_true(reserved == 0 || reserved == 4);
        all += sold == 4;
        none += sold == 0;
        struct answer again = sim_ask(sim, 0, on_order(COMMAND_ORDER_CONFIRM, 0, &id, 6));
        if (sold == 4 || reserved == 4)
            assert_int_equal(again.result, RESULT_OK);
        if (answered) {
            assert_true(again.replayed);
            assert_int_equal(again.order->status, BOOKING_CONFIRMED);
        }
        rig_audit(&sim->rig);
        close_sale(sim);
        free(sim);
    }
    assert_true(all > 30 && none > 30);
}

/* Wherever an exchange is cut off, the tickets are in the one zone or in the other. */
static void test_crash_while_exchanging(void **state)
{
    uint32_t moved = 0, stayed = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 600; seed++) {
        struct sim *sim = malloc(sizeof *sim);
        bool answered, is_confirmed = seed % 2 == 0;
        uint64_t zone = 1 + seed / 2 % 4; /* logs are read in the order of shards */
        open_sale(sim, SHARDS, RIG_START_MS, 1000000000);
        sim->seed = seed;
        struct uuid id = sim_ask(sim, 0, rig_reserve(0, 0, 3, 0)).booking.booking_id;
        if (is_confirmed)
            sim_ask(sim, 0, rig_end(COMMAND_CONFIRM, 0, &id, 0));
        sim = fail_after(sim, exchange_zone(0, &id, zone, 9), (int)(seed % 28), &answered);
        sim_turns(sim, 25);
        struct rig_counts from = rig_counts(&sim->rig, 0), to = rig_counts(&sim->rig, zone);
        assert_int_equal(is_confirmed ? from.sold + to.sold : from.reserved + to.reserved, 3);
        assert_int_equal(is_confirmed ? from.reserved + to.reserved : from.sold + to.sold, 0);
        bool has_moved = to.sold + to.reserved == 3;
        assert_true(has_moved || !answered);
        moved += has_moved;
        stayed += !has_moved;
        assert_int_equal(tickets_of(sim, 0), 3);
        struct answer again = sim_ask(sim, 0, exchange_zone(0, &id, zone, 9));
        assert_int_equal(again.result, RESULT_OK);
        assert_int_equal(again.replayed, has_moved);
        assert_int_equal(again.booking.status, is_confirmed ? BOOKING_CONFIRMED : BOOKING_RESERVED);
        assert_true(uuid_equal(&again.booking.exchanged_from, &id));
        rig_audit(&sim->rig);
        close_sale(sim);
        free(sim);
    }
    assert_true(moved > 30 && stayed > 30);
}

/* An exchange cut off and tried again, elsewhere, and cut off again: whichever log is read
 * first, nothing of either try stays held beside what the booking has. */
static void test_crash_while_exchanging_again(void **state)
{
    static const uint64_t zones[][2] = {{1, 2}, {2, 1}, {3, 4}, {4, 3}, {6, 2}, {2, 6}};
    uint32_t tried_twice = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 600; seed++) {
        struct sim *sim = malloc(sizeof *sim);
        const uint64_t *to = zones[seed % 6];
        bool answered;
        open_sale(sim, SHARDS, RIG_START_MS, 1000000000);
        sim->seed = seed;
        struct uuid id = sim_ask(sim, 0, rig_reserve(0, 0, 3, 0)).booking.booking_id;
        sim = fail_after(sim, exchange_zone(0, &id, to[0], 0), 8 + (int)(seed % 12), &answered);
        sim_turns(sim, 25);
        if (rig_counts(&sim->rig, 0).reserved == 3) {
            sim = fail_after(sim, exchange_zone(0, &id, to[1], 9), 8 + (int)(seed / 12 % 12),
                             &answered);
            sim_turns(sim, 25);
            tried_twice++;
            struct answer again = sim_ask(sim, 0, exchange_zone(0, &id, to[1], 9));
            assert_int_equal(again.result, RESULT_OK);
            assert_true(again.replayed || !answered);
            assert_int_equal(rig_counts(&sim->rig, to[1]).reserved, 3);
        }
        assert_int_equal(rig_counts(&sim->rig, 0).reserved + rig_counts(&sim->rig, to[0]).reserved +
                             rig_counts(&sim->rig, to[1]).reserved,
                         3);
        assert_int_equal(tickets_of(sim, 0), 3);
        rig_audit(&sim->rig);
        close_sale(sim);
        free(sim);
    }
    assert_true(tried_twice > 100);
}

/* --- keys --- */

/* A repeat of each command is answered as the first time, live and after a crash. */
static void test_repeats(void **state)
{
    struct sim *sim = malloc(sizeof *sim);
    (void)state;
    open_sale(sim, SHARDS, RIG_START_MS, 1000000000);
    struct answer first = create(sim, 0, 0, 4, 5);
    struct uuid id = first.order->order_id;
    uint64_t expires_ms = first.order->items[2].booking.expires_ms;
    assert_int_equal(sim_ask(sim, 0, on_order(COMMAND_ORDER_CONFIRM, 0, &id, 6)).result, RESULT_OK);
    for (int life = 0; life < 2; life++) {
        struct answer again = create(sim, 0, 0, 4, 5);
        assert_true(again.replayed);
        assert_true(uuid_equal(&again.order->order_id, &id));
        assert_int_equal(again.order->status, BOOKING_RESERVED);
        assert_int_equal(again.order->count, 4);
        assert_int_equal(again.order->items[2].booking.expires_ms, expires_ms);
        assert_int_equal(again.order->items[2].booking.remaining, SEATS - 2);
        again = sim_ask(sim, 0, on_order(COMMAND_ORDER_CONFIRM, 0, &id, 6));
        assert_true(again.replayed);
        assert_int_equal(again.order->status, BOOKING_CONFIRMED);
        assert_int_equal(again.order->count, 4);
        /* Another request with the key is refused. */
        assert_int_equal(sim_ask(sim, 0, on_order(COMMAND_ORDER_CANCEL, 0, &id, 6)).result,
                         RESULT_IDEMPOTENCY_KEY_REUSED);
        assert_int_equal(tickets_of(sim, 0), 8);
        sim = crash(sim);
    }
    close_sale(sim);
    free(sim);
}

/* A disk that takes its time: the key counts from when the bookings were made, before a
 * crash as after it, however late that was answered. */
static void test_key_of_a_late_answer(void **state)
{
    const uint64_t late_ms = RIG_KEY_MS / 2;
    (void)state;
    for (int crashes = 0; crashes < 2; crashes++) {
        struct sim *sim = malloc(sizeof *sim);
        open_sale(sim, SHARDS, RIG_START_MS, 1000000000);
        uint32_t number = sim_send(sim, 0, order_create(0, 0, 4, 2, 5));
        for (uint16_t i = 0; i < SHARDS; i++)
            sim->logs[i].stuck = true;
        sim_turns(sim, 10);
        assert_null(sim_answer_to(sim, number));
        sim_pass(sim, late_ms);
        for (uint16_t i = 0; i < SHARDS; i++)
            sim->logs[i].stuck = false;
        sim_turns(sim, 10);
        struct uuid id = sim_answer_to(sim, number)->order->order_id;
        if (crashes)
            sim = crash(sim);
        sim_pass(sim, RIG_KEY_MS - late_ms - 1000);
        struct answer again = create(sim, 0, 0, 4, 5);
        assert_true(again.replayed);
        assert_true(uuid_equal(&again.order->order_id, &id));
        sim_pass(sim, 2000);
        again = create(sim, 0, 0, 4, 5);
        assert_int_equal(again.result, RESULT_OK);
        assert_false(again.replayed);
        assert_false(uuid_equal(&again.order->order_id, &id));
        close_sale(sim);
        free(sim);
    }
}

/* An order let go while the log took its time, some of its bookings lapsed meanwhile: a
 * repeat is answered as the first time, though no record of the order tells of those. */
static void test_repeat_of_a_half_lapsed_cancel(void **state)
{
    struct sim *sim = malloc(sizeof *sim);
    (void)state;
    open_sale(sim, SHARDS, RIG_START_MS, 1000000000);
    struct answer made = create(sim, 0, 0, 4, 5);
    struct uuid id = made.order->order_id;
    sim_pass(sim, RIG_TTL_MS / 2);
    for (int i = 0; i < 4; i += 3) {
        struct command extend =
            rig_end(COMMAND_EXTEND, 0, &made.order->items[i].booking.booking_id, 0);
        assert_int_equal(sim_ask(sim, 0, extend).result, RESULT_OK);
    }
    uint32_t number = sim_send(sim, 0, on_order(COMMAND_ORDER_CANCEL, 0, &id, 6));
    for (uint16_t i = 0; i < SHARDS; i++)
        sim->logs[i].stuck = true;
    sim_turns(sim, 5);
    sim_pass(sim, RIG_TTL_MS / 2 + 1000);
    sim_turns(sim, 5);
    for (uint16_t i = 0; i < SHARDS; i++)
        sim->logs[i].stuck = false;
    sim_turns(sim, 20);
    struct answer first = *sim_answer_to(sim, number);
    assert_int_equal(first.result, RESULT_OK);
    assert_int_equal(first.order->status, BOOKING_CANCELLED);
    struct order_facts facts = *first.order;
    for (int life = 0; life < 2; life++) {
        struct answer again = sim_ask(sim, 0, on_order(COMMAND_ORDER_CANCEL, 0, &id, 6));
        assert_true(again.replayed);
        assert_int_equal(again.order->status, BOOKING_CANCELLED);
        for (int i = 0; i < 4; i++) {
            const struct booking_facts *booking = &again.order->items[i].booking;
            assert_int_equal(booking->status, i % 3 == 0 ? BOOKING_CANCELLED : BOOKING_EXPIRED);
            assert_int_equal(booking->changed_ms, facts.items[i].booking.changed_ms);
        }
        sim = crash(sim);
    }
    close_sale(sim);
    free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crash_while_holding),
        cmocka_unit_test(test_crash_while_confirming),
        cmocka_unit_test(test_crash_while_exchanging),
        cmocka_unit_test(test_crash_while_exchanging_again),
        cmocka_unit_test(test_repeats),
        cmocka_unit_test(test_key_of_a_late_answer),
        cmocka_unit_test(test_repeat_of_a_half_lapsed_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
