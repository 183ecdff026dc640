/* Orders and exchanges that come to nothing: each refusal of another zone, more orders
 * at once than a worker has places for, and a log that is full or fails in between. */
#include "order_rig.h"
#include "seated_rig.h"

#include "../../engine/seat_map.h"

enum { SEATED_ZONE = 20, TRIP_ZONE = 21, OTHER_EVENT_ZONE = ZONES - 1, RUNS = 256 };

static struct sim *sim;

/* --- a sale with a seated zone and a trip --- */

static void put_trip(void)
{
    static struct catalog_stop stops[3];
    for (uint32_t i = 0; i < 3; i++)
        stops[i] = (struct catalog_stop){rig_id(9, i), 1000 * (i + 1), 1000 * (i + 1)};
    const struct catalog_show draft = {.id = rig_id(2, 50),
                                       .event_id = rig_event_id(0),
                                       .segment_count = 2,
                                       .stop_count = 3,
                                       .stops = stops};
    struct catalog_show *show = catalog_show_new(&draft);
    for (uint16_t i = 0; i < sim->rig.partitions.shard_count; i++)
        assert_true(shard_put_show(sim->rig.shards[i], catalog_show_share(show)));
    catalog_show_release(show);
    const struct catalog_zone zone = {.id = rig_zone_id(TRIP_ZONE),
                                      .show_id = rig_id(2, 50),
                                      .event_id = rig_event_id(0),
                                      .price_minor = 100,
                                      .currency = "THB",
                                      .total_seats = SEATS,
                                      .segment_count = 2};
    rig_put_zone(&sim->rig, &zone);
}

static void open_house(uint16_t shards)
{
    sim = malloc(sizeof *sim);
    open_sale(sim, shards, RIG_START_MS, 1000000000);
    rig_seated_zone(&sim->rig, SEATED_ZONE, 1, 50, 100);
    put_trip();
}

static int setup(void **state)
{
    (void)state;
    open_house(SHARDS);
    return 0;
}

static int setup_one(void **state)
{
    (void)state;
    open_house(1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    close_sale(sim);
    free(sim);
    return 0;
}

/* --- helpers --- */

static struct uuid hold(uint64_t user, uint64_t zone, uint32_t quantity)
{
    struct answer answer = sim_ask(sim, 0, rig_reserve(user, zone, quantity, 0));
    assert_int_equal(answer.result, RESULT_OK);
    return answer.booking.booking_id;
}

static struct command with_seats(struct command command, uint32_t first, uint32_t count)
{
    command.seat_count = count;
    for (uint32_t i = 0; i < count; i++)
        command.seats[i] = first + i;
    return command;
}

/* Refused, and the booking is as it was: reserved, no order's, not pinned. */
static struct answer refuse_exchange(uint64_t user, const struct uuid *booking,
                                     struct command command, enum result result)
{
    struct answer answer = sim_ask(sim, 0, command);
    assert_int_equal(answer.result, result);
    struct answer now = sim_ask(sim, 0, rig_end(COMMAND_BOOKING_GET, user, booking, 0));
    assert_int_equal(now.result, RESULT_OK);
    assert_int_equal(now.booking.status, BOOKING_RESERVED);
    assert_false(now.booking.pinned);
    assert_true(uuid_is_nil(&now.booking.order.id));
    return answer;
}

/* --- another zone --- */

/* A zone that nobody knows, the booking's own, and one of another event are all the same:
 * not found. */
static void test_exchange_to_no_such_zone(void **state)
{
    struct uuid booking = hold(1, 0, 2);
    (void)state;
    refuse_exchange(1, &booking, exchange_zone(1, &booking, 99, 0), RESULT_NOT_FOUND);
    refuse_exchange(1, &booking, exchange_zone(1, &booking, 0, 0), RESULT_NOT_FOUND);
    refuse_exchange(1, &booking, exchange_zone(1, &booking, OTHER_EVENT_ZONE, 0), RESULT_NOT_FOUND);
    assert_int_equal(tickets_of(sim, 1), 2);
}

/* Where there are no stops a journey has no place, nor has what is no journey on a trip;
 * and a general zone has no seats to name. */
static void test_exchange_to_another_kind(void **state)
{
    struct uuid whole = hold(1, TRIP_ZONE, 2), plain = hold(2, 0, 2);
    (void)state;
    refuse_exchange(1, &whole, exchange_zone(1, &whole, 0, 0), RESULT_KIND_UNSUPPORTED);
    refuse_exchange(2, &plain, exchange_zone(2, &plain, TRIP_ZONE, 0), RESULT_KIND_UNSUPPORTED);
    refuse_exchange(2, &plain, with_seats(exchange_zone(2, &plain, 1, 0), 0, 2),
                    RESULT_KIND_UNSUPPORTED);
}

/* Seats named must be as many as the booking has; taken ones are said with their zone. */
static void test_exchange_to_seats(void **state)
{
    struct uuid booking = hold(1, 0, 2), zone_id = rig_zone_id(SEATED_ZONE);
    (void)state;
    hold(2, SEATED_ZONE, 3); /* the first three */
    struct answer answer =
        refuse_exchange(1, &booking, with_seats(exchange_zone(1, &booking, SEATED_ZONE, 0), 10, 3),
                        RESULT_QUANTITY_INVALID);
    assert_int_equal(answer.refusal.limit, 2);
    answer =
        refuse_exchange(1, &booking, with_seats(exchange_zone(1, &booking, SEATED_ZONE, 0), 2, 2),
                        RESULT_SEAT_UNAVAILABLE);
    assert_int_equal(answer.seat_count, 1);
    assert_int_equal(answer.seats[0], 2 | SEAT_RESERVED << 24);
    assert_true(uuid_equal(&answer.refusal.zone_id, &zone_id));
    answer = sim_ask(sim, 0, with_seats(exchange_zone(1, &booking, SEATED_ZONE, 0), 10, 2));
    assert_int_equal(answer.result, RESULT_OK);
    assert_int_equal(answer.seat_count, 2);
    assert_int_equal(answer.seats[0], 10);
    assert_true(uuid_equal(&answer.booking.exchanged_from, &booking));
}

/* More places than a booking of seats may have cannot go to a zone of seats. */
static void test_exchange_of_too_many(void **state)
{
    struct record record;
    (void)state;
    memset(&record, 0, sizeof record);
    record.kind = RECORD_RESERVED;
    record.sequence = 1;
    record.stamp_ms = RIG_START_MS;
    record.actor = (struct actor){rig_user_id(1), ROLE_USER};
    struct uuid zone_id = rig_zone_id(30);
    rig_zone(&sim->rig, 30, 0, 100, 100);
    record.reserved =
        (struct record_reserved){.booking_id = uuid_v7(RIG_START_MS, partition_of(&zone_id), 5),
                                 .user_id = rig_user_id(1),
                                 .zone_id = zone_id,
                                 .quantity = RECORD_SEATS_MAX + 1,
                                 .to_segment = 1,
                                 .unit_price_minor = 100,
                                 .ttl_ms = RIG_TTL_MS};
    assert_int_equal(rig_restore(&sim->rig, &record), SHARD_REPLAY_OK);
    const struct uuid *booking = &record.reserved.booking_id;
    struct answer answer = refuse_exchange(1, booking, exchange_zone(1, booking, SEATED_ZONE, 0),
                                           RESULT_QUANTITY_INVALID);
    assert_int_equal(answer.refusal.limit, RECORD_SEATS_MAX);
}

/* --- orders that are none of the caller's --- */

/* An order is its user's; another's, an unknown one and one that is only being held are
 * all unknown, to reading and to ending alike. */
static void test_whose_order(void **state)
{
    static const enum command_kind kinds[] = {COMMAND_ORDER_GET, COMMAND_ORDER_CONFIRM,
                                              COMMAND_ORDER_CANCEL};
    struct uuid unknown = uuid_v7(RIG_START_MS, 7, 7);
    (void)state;
    struct answer made = create(sim, 1, 0, 2, 0);
    assert_int_equal(made.result, RESULT_OK);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        assert_int_equal(sim_ask(sim, 0, on_order(kinds[i], 2, &made.order->order_id, 0)).result,
                         RESULT_NOT_FOUND);
        assert_int_equal(sim_ask(sim, 0, on_order(kinds[i], 1, &unknown, 0)).result,
                         RESULT_NOT_FOUND);
    }
    struct answer mine = sim_ask(sim, 0, on_order(COMMAND_ORDER_GET, 1, &made.order->order_id, 0));
    assert_int_equal(mine.result, RESULT_OK);
    assert_int_equal(mine.order->count, 2);
}

static void transfer(uint64_t user, const struct uuid *booking, uint64_t to)
{
    struct command command = rig_end(COMMAND_TRANSFER, user, booking, 0);
    command.booking.user_id = rig_user_id(to);
    assert_int_equal(sim_ask(sim, 0, command).result, RESULT_OK);
}

/* What was given away is not shown any more; when all of it is, there is no order left. */
static void test_order_given_away(void **state)
{
    (void)state;
    struct answer made = create(sim, 1, 0, 2, 0);
    const struct uuid id = made.order->order_id;
    assert_int_equal(sim_ask(sim, 0, on_order(COMMAND_ORDER_CONFIRM, 1, &id, 0)).result, RESULT_OK);
    transfer(1, &made.order->items[0].booking.booking_id, 2);
    struct answer left = sim_ask(sim, 0, on_order(COMMAND_ORDER_GET, 1, &id, 0));
    assert_int_equal(left.result, RESULT_OK);
    assert_int_equal(left.order->count, 1);
    transfer(1, &made.order->items[1].booking.booking_id, 2);
    assert_int_equal(sim_ask(sim, 0, on_order(COMMAND_ORDER_GET, 1, &id, 0)).result,
                     RESULT_NOT_FOUND);
    assert_int_equal(sim_ask(sim, 0, on_order(COMMAND_ORDER_CONFIRM, 1, &id, 0)).result,
                     RESULT_NOT_FOUND);
    assert_int_equal(tickets_of(sim, 2), 4);
}

/* --- overload --- */

/* A worker coordinates so many commands on orders at once; the next is refused as overload,
 * with nothing held against its user, and may come again. */
static void test_more_orders_than_places(void **state)
{
    uint32_t numbers[RUNS], refused[4];
    (void)state;
    for (uint64_t zone = 100; zone < 102; zone++)
        rig_zone(&sim->rig, zone, 0, 1000, 100);
    struct answer made = create(sim, 1, 0, 1, 0);
    struct uuid booking = hold(2, 0, 1);
    sim->logs[0].stuck = true;
    for (uint32_t i = 0; i < RUNS; i++)
        numbers[i] = sim_send(sim, 0, order_create(1000 + i, 100, 2, 1, 0));
    sim_turns(sim, 2);
    refused[0] = sim_send(sim, 0, order_create(3, 100, 2, 1, 9));
    refused[1] = sim_send(sim, 0, on_order(COMMAND_ORDER_GET, 1, &made.order->order_id, 0));
    refused[2] = sim_send(sim, 0, exchange_zone(2, &booking, 1, 0));
    refused[3] = sim_send(sim, 0, on_order(COMMAND_ORDER_CONFIRM, 1, &made.order->order_id, 0));
    sim_turns(sim, 2);
    sim->logs[0].stuck = false;
    sim_turns(sim, 8);
    for (uint32_t i = 0; i < RUNS; i++)
        assert_int_equal(sim_answer_to(sim, numbers[i])->result, RESULT_OK);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(sim_answer_to(sim, refused[i])->result, RESULT_OVERLOADED);
    assert_int_equal(rig_counts(&sim->rig, 100).reserved, RUNS);
    assert_int_equal(tickets_of(sim, 3), 0);
    assert_int_equal(sim_ask(sim, 0, order_create(3, 100, 2, 1, 9)).result, RESULT_OK);
    assert_int_equal(sim_ask(sim, 0, exchange_zone(2, &booking, 1, 0)).result, RESULT_OK);
    struct answer confirmed =
        sim_ask(sim, 0, on_order(COMMAND_ORDER_CONFIRM, 1, &made.order->order_id, 0));
    assert_int_equal(confirmed.result, RESULT_OK);
}

/* A log without room for the decision makes an order wait, and whoever asks again behind
 * it; with room it is decided once. */
static void test_decision_waits_for_room(void **state)
{
    (void)state;
    struct answer made = create(sim, 1, 0, 2, 0);
    for (uint16_t i = 0; i < SHARDS; i++)
        sim->logs[i].room = 0;
    uint32_t first = sim_send(sim, 0, on_order(COMMAND_ORDER_CANCEL, 1, &made.order->order_id, 0));
    sim_turns(sim, 5);
    uint32_t again = sim_send(sim, 0, on_order(COMMAND_ORDER_CANCEL, 1, &made.order->order_id, 0));
    sim_turns(sim, 5);
    assert_null(sim_answer_to(sim, first));
    assert_null(sim_answer_to(sim, again));
    assert_int_equal(rig_counts(&sim->rig, 0).reserved, 2);
    for (uint16_t i = 0; i < SHARDS; i++)
        sim->logs[i].room = 1000;
    sim_turns(sim, 20);
    assert_int_equal(sim_answer_to(sim, first)->result, RESULT_OK);
    assert_int_equal(sim_answer_to(sim, again)->result, RESULT_OK);
    uint32_t decisions = 0;
    for (uint16_t i = 0; i < SHARDS; i++)
        for (uint64_t n = 0; n < sim->logs[i].appended; n++)
            decisions += sim->logs[i].records[n].kind == RECORD_ORDER;
    assert_int_equal(decisions, 1);
}

/* When the log fails under an order, its client hears that its fate is open. */
static void test_log_fails_under_an_order(void **state)
{
    (void)state;
    sim->logs[0].stuck = true;
    uint32_t mine = sim_send(sim, 0, order_create(1, 0, 2, 1, 0));
    sim_turns(sim, 2);
    assert_null(sim_answer_to(sim, mine));
    sim->logs[0].state = JOURNAL_FAILED;
    assert_int_equal(worker_run(sim->group.workers[0]), 74);
    assert_int_equal(sim_answer_to(sim, mine)->result, RESULT_INDETERMINATE);
    assert_int_equal(sim_answer_to(sim, mine)->position_sequence, 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define CASE_OF_ONE(test) cmocka_unit_test_setup_teardown(test, setup_one, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_exchange_to_no_such_zone),
        CASE(test_exchange_to_another_kind),
        CASE(test_exchange_to_seats),
        CASE(test_exchange_of_too_many),
        CASE(test_whose_order),
        CASE(test_order_given_away),
        CASE_OF_ONE(test_more_orders_than_places),
        CASE(test_decision_waits_for_room),
        CASE_OF_ONE(test_log_fails_under_an_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
