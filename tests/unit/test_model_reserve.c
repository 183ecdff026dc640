/* The simulator's model: reserving, keys, limits, blocks and capacity. */
#include "model_rig.h"

/* A reservation takes its places until its deadline, and what is free is told. */
static void test_reserve(void **state)
{
    struct rig *rig = *state;
    rig_general(rig, 1, 10, 1, 500);
    uint32_t booking = rig_reserved(rig, 1, 1, 3);
    assert_int_equal(rig->answer.booking.remaining, 7);
    assert_int_equal(rig->answer.booking.expires_ms, RIG_NOW_MS + RIG_TTL_MS);
    assert_int_equal(rig->answer.booking.to_segment, 1);
    assert_int_equal(rig_tickets(rig, 1), 3);
    rig->now_ms += RIG_TTL_MS - 1;
    assert_int_equal(rig_booking(rig, booking).status, BOOKING_RESERVED);
    rig->now_ms++;
    assert_int_equal(rig_booking(rig, booking).status, BOOKING_EXPIRED);
    assert_int_equal(rig_do(rig, COMMAND_CONFIRM, 1, booking), RESULT_RESERVATION_EXPIRED);
    assert_int_equal(rig->answer.detail.at_ms, RIG_NOW_MS + RIG_TTL_MS);
    assert_int_equal(rig_left(rig, 1, 0, 1), 10);
    assert_int_equal(rig_tickets(rig, 1), 0);
}

/* Lapsed places are free to the command that meets them, without a sweep before. */
static void test_lapsed_are_free(void **state)
{
    struct rig *rig = *state;
    rig_general(rig, 1, 3, 1, 500);
    rig_reserved(rig, 1, 1, 3);
    rig_reserve(rig, 2, 1, 1);
    assert_int_equal(rig_run(rig), RESULT_INSUFFICIENT_STOCK);
    rig->now_ms += RIG_TTL_MS;
    rig_reserved(rig, 2, 1, 3);
}

/* A place of a trip sells again on other segments; the least over the way is told. */
static void test_segments(void **state)
{
    struct rig *rig = *state;
    rig_general(rig, 1, 5, 3, 500);
    rig_way(rig_reserve(rig, 1, 1, 4), 0, 2);
    assert_int_equal(rig_run(rig), RESULT_OK);
    rig_way(rig_reserve(rig, 2, 1, 5), 2, 3);
    assert_int_equal(rig_run(rig), RESULT_OK);
    rig_way(rig_reserve(rig, 3, 1, 2), 0, 2);
    assert_int_equal(rig_run(rig), RESULT_INSUFFICIENT_STOCK);
    assert_int_equal(rig->answer.detail.requested, 2);
    assert_int_equal(rig->answer.detail.available, 1);
    rig_reserve(rig, 3, 1, 1);
    assert_int_equal(rig_run(rig), RESULT_INSUFFICIENT_STOCK);
    assert_int_equal(rig->answer.detail.available, 0);
}

/* A way costs the sum of its segments. */
static void test_segment_prices(void **state)
{
    struct rig *rig = *state;
    rig_general(rig, 1, 5, 3, 600);
    static const int64_t prices[] = {100, 200, 300};
    struct record record = {.kind = RECORD_ZONE};
    record.zone.id = rig_id('z', 1);
    record.zone.price_minor = 600;
    record.zone.segment_price_count = 3;
    record.zone.segment_prices = prices;
    model_catalog(rig->model, &record);
    struct command *command = rig_way(rig_reserve(rig, 1, 1, 1), 1, 3);
    command->reserve.has_price = true;
    command->reserve.unit_price_minor = 600;
    assert_int_equal(rig_run(rig), RESULT_PRICE_CHANGED);
    assert_int_equal(rig->answer.detail.price_minor, 500);
    command->reserve.unit_price_minor = 500;
    assert_int_equal(rig_run(rig), RESULT_OK);
    assert_int_equal(rig->answer.booking.unit_price_minor, 500);
}

/* When everything is wrong, refusals come in the order of the text as faults are mended. */
static void test_precedence(void **state)
{
    struct rig *rig = *state;
    rig_general(rig, 1, 5, 1, 500);
    struct catalog_event *event = &rig->event.event;
    struct command *command = rig_reserve(rig, 1, 1, 11);
    command->reserve.has_price = true;
    command->reserve.allotment_digest[0] = 7;
    event->status = EVENT_DRAFT;
    event->sale_closed = true;
    event->sale_start_ms = RIG_NOW_MS + 5;
    rig_change_zone(rig, COMMAND_ZONE_SALE, 1)->zone_change.closed = true;
    assert_int_equal(rig_run(rig), RESULT_OK);
    command = rig_reserve(rig, 1, 1, 11);
    command->reserve.has_price = true;
    command->reserve.allotment_digest[0] = 7;
    struct command saved = *command;
#define EXPECT(expected)                                                                           \
    rig_event(rig);                                                                                \
    rig->command = saved;                                                                          \
    assert_int_equal(rig_run(rig), expected)
    EXPECT(RESULT_NOT_FOUND);
    event->status = EVENT_PUBLISHED;
    EXPECT(RESULT_SALE_CLOSED);
    event->sale_closed = false;
    EXPECT(RESULT_SALE_NOT_OPEN);
    assert_int_equal(rig->answer.detail.at_ms, RIG_NOW_MS + 5);
    event->sale_start_ms = RIG_NOW_MS;
    event->sale_end_ms = RIG_NOW_MS;
    EXPECT(RESULT_SALE_CLOSED);
    event->sale_end_ms = RIG_NOW_MS + 1;
    EXPECT(RESULT_QUANTITY_INVALID);
    assert_int_equal(rig->answer.detail.limit, RIG_ORDER_MAX);
    saved.reserve.quantity = 9;
    EXPECT(RESULT_MAX_PER_USER_EXCEEDED);
    assert_int_equal(rig->answer.detail.limit, 8);
    saved.reserve.quantity = 6;
    EXPECT(RESULT_SALE_CLOSED);
    rig_change_zone(rig, COMMAND_ZONE_SALE, 1);
    assert_int_equal(rig_run(rig), RESULT_OK);
    EXPECT(RESULT_ALLOTMENT_UNKNOWN);
    saved.reserve.allotment_digest[0] = 0;
    EXPECT(RESULT_PRICE_CHANGED);
    saved.reserve.unit_price_minor = 500;
    EXPECT(RESULT_INSUFFICIENT_STOCK);
    saved.reserve.quantity = 5;
    EXPECT(RESULT_OK);
#undef EXPECT
}

/* Zones, and shows that are not the zone's, are not found; quantity 0 is invalid. */
static void test_home_refusals(void **state)
{
    struct rig *rig = *state;
    rig_general(rig, 1, 5, 1, 500);
    rig_reserve(rig, 1, 2, 1);
    assert_int_equal(rig_run(rig), RESULT_NOT_FOUND);
    rig_reserve(rig, 1, 1, 1)->reserve.show_id = rig_id('s', 2);
    assert_int_equal(rig_run(rig), RESULT_NOT_FOUND);
    rig_reserve(rig, 1, 1, 0);
    assert_int_equal(rig_run(rig), RESULT_QUANTITY_INVALID);
    rig->event.event.status = EVENT_CANCELLED;
    rig_event(rig);
    rig_reserve(rig, 1, 1, 1);
    assert_int_equal(rig_run(rig), RESULT_SALE_CLOSED);
}

/* The limit is of all a user has of the event, over its zones. */
static void test_limit(void **state)
{
    struct rig *rig = *state;
    rig_general(rig, 1, 50, 1, 500);
    rig_general(rig, 2, 50, 1, 500);
    uint32_t first = rig_reserved(rig, 1, 1, 5);
    assert_int_equal(rig_do(rig, COMMAND_CONFIRM, 1, first), RESULT_OK);
    rig_reserved(rig, 1, 2, 2);
    rig_reserve(rig, 1, 2, 2);
    assert_int_equal(rig_run(rig), RESULT_MAX_PER_USER_EXCEEDED);
    assert_int_equal(rig->answer.detail.held, 7);
    rig_reserved(rig, 2, 2, 2);
    rig_reserved(rig, 1, 1, 1);
}

static void with_key(struct rig *rig, uint64_t hash, uint32_t fingerprint)
{
    rig->command.key = (struct request_key){hash, fingerprint};
}

/* An accepted answer is repeated as it was for the whole time, and not a moment longer. */
static void test_key_accepted(void **state)
{
    struct rig *rig = *state;
    rig_general(rig, 1, 10, 1, 500);
    rig_reserve(rig, 1, 1, 3);
    with_key(rig, 77, 1);
    struct command first = rig->command;
    assert_int_equal(rig_run(rig), RESULT_OK);
    uint32_t booking = rig->made;
    assert_int_equal(rig_do(rig, COMMAND_CANCEL, 1, booking), RESULT_OK);
    rig->now_ms += RIG_DAY_MS - 1;
    rig->command = first;
    assert_int_equal(rig_run(rig), RESULT_OK);
    assert_true(rig->answer.replayed);
    assert_int_equal(rig->answer.booking.status, BOOKING_RESERVED);
    assert_int_equal(rig->answer.booking.remaining, 7);
    rig->command.key.fingerprint = 2;
    assert_int_equal(rig_run(rig), RESULT_IDEMPOTENCY_KEY_REUSED);
    assert_int_equal(rig_tickets(rig, 1), 0);
    rig->now_ms++;
    assert_int_equal(rig_run(rig), RESULT_OK);
    assert_false(rig->answer.replayed);
}

/* Refusals are remembered until a crash, but not that something was not found. */
static void test_key_refused(void **state)
{
    struct rig *rig = *state;
    rig_reserve(rig, 1, 1, 3);
    with_key(rig, 77, 1);
    struct command command = rig->command;
    assert_int_equal(rig_run(rig), RESULT_NOT_FOUND);
    rig_general(rig, 1, 2, 1, 500);
    assert_int_equal(rig_run(rig), RESULT_INSUFFICIENT_STOCK);
    assert_false(rig->answer.replayed);
    rig_change_zone(rig, COMMAND_CAPACITY, 1)->zone_change.total = 5;
    assert_int_equal(rig_run(rig), RESULT_OK);
    rig->command = command;
    assert_int_equal(rig_run(rig), RESULT_INSUFFICIENT_STOCK);
    assert_true(rig->answer.replayed);
    assert_int_equal(rig->answer.detail.available, 2);
    rig->command.key.fingerprint = 2;
    assert_int_equal(rig_run(rig), RESULT_IDEMPOTENCY_KEY_REUSED);
    model_forget_refusals(rig->model);
    rig->command = command;
    assert_int_equal(rig_run(rig), RESULT_OK);
}

/* The key of what was so already is forgotten in a crash; that of a record is not. */
static void test_key_same(void **state)
{
    struct rig *rig = *state;
    rig_general(rig, 1, 10, 1, 500);
    uint32_t booking = rig_reserved(rig, 1, 1, 3);
    rig_on(rig, COMMAND_CONFIRM, 1, booking);
    with_key(rig, 77, 1);
    assert_int_equal(rig_run(rig), RESULT_OK);
    model_forget_refusals(rig->model);
    assert_int_equal(rig_run(rig), RESULT_OK);
    assert_true(rig->answer.replayed);
    with_key(rig, 78, 1);
    assert_int_equal(rig_run(rig), RESULT_OK);
    assert_int_equal(rig_run(rig), RESULT_OK);
    assert_true(rig->answer.replayed);
    model_forget_refusals(rig->model);
    assert_int_equal(rig_run(rig), RESULT_OK);
    assert_false(rig->answer.replayed);
}

/* A block takes from general sale; its end, by hand or by time, gives back. */
static void test_blocks(void **state)
{
    struct rig *rig = *state;
    rig_general(rig, 1, 10, 1, 500);
    uint32_t block = rig_block(rig, 1, 0, 4, NULL, 0);
    assert_int_not_equal(block, 0);
    assert_int_not_equal(rig_block(rig, 1, 0, 3, NULL, RIG_NOW_MS + 50), 0);
    assert_int_equal(rig_block(rig, 1, 0, 4, NULL, 0), 0);
    assert_int_equal(rig->answer.result, RESULT_INSUFFICIENT_STOCK);
    assert_int_equal(rig->answer.detail.available, 3);
    rig_reserve(rig, 1, 1, 4);
    assert_int_equal(rig_run(rig), RESULT_INSUFFICIENT_STOCK);
    rig->now_ms += 50;
    rig_reserved(rig, 1, 1, 4);
    struct command *command = rig_change_zone(rig, COMMAND_BLOCK_END, 1);
    command->zone_change.block_id = rig_id('b', block);
    assert_int_equal(rig_run(rig), RESULT_OK);
    assert_false(rig->answer.block.active);
    assert_int_equal(rig_left(rig, 1, 0, 1), 6);
}

/* Only the organizer and administrators command zones. */
static void test_block_role(void **state)
{
    struct rig *rig = *state;
    rig_general(rig, 1, 10, 1, 500);
    rig_change_zone(rig, COMMAND_CAPACITY, 1)->actor.id = rig_id('u', 5);
    assert_int_equal(rig_run(rig), RESULT_NOT_FOUND);
    rig->command.actor.role = ROLE_ADMIN;
    rig->command.zone_change.total = 10;
    assert_int_equal(rig_run(rig), RESULT_OK);
}

/* An allotment sells to its key, takes back what is cancelled while it lasts, not after. */
static void test_allotment(void **state)
{
    struct rig *rig = *state;
    rig_general(rig, 1, 10, 1, 500);
    uint32_t block = rig_block(rig, 1, 7, 4, NULL, 0);
    rig_reserve(rig, 1, 1, 3)->reserve.allotment_digest[0] = 7;
    assert_int_equal(rig_run(rig), RESULT_OK);
    uint32_t first = rig->made;
    assert_int_equal(rig->answer.booking.remaining, 1);
    assert_int_equal(rig_left(rig, 1, 0, 1), 6);
    rig_reserve(rig, 2, 1, 2)->reserve.allotment_digest[0] = 7;
    assert_int_equal(rig_run(rig), RESULT_INSUFFICIENT_STOCK);
    assert_int_equal(rig->answer.detail.available, 1);
    rig_on(rig, COMMAND_RELEASE, 1, first)->booking.quantity = 1;
    assert_int_equal(rig_run(rig), RESULT_OK);
    assert_int_equal(rig_left(rig, 1, 0, 1), 6);
    rig_change_zone(rig, COMMAND_BLOCK_END, 1)->zone_change.block_id = rig_id('b', block);
    assert_int_equal(rig_run(rig), RESULT_OK);
    assert_int_equal(rig->answer.block.drawn, 0);
    assert_int_equal(rig_left(rig, 1, 0, 1), 8);
    assert_int_equal(rig_do(rig, COMMAND_CANCEL, 1, first), RESULT_OK);
    assert_int_equal(rig_left(rig, 1, 0, 1), 10);
    rig_reserve(rig, 2, 1, 1)->reserve.allotment_digest[0] = 7;
    assert_int_equal(rig_run(rig), RESULT_ALLOTMENT_UNKNOWN);
}

/* Capacity never goes below what is used; a drain follows it down, and only down. */
static void test_capacity(void **state)
{
    struct rig *rig = *state;
    rig_general(rig, 1, 10, 2, 500);
    rig_way(rig_reserve(rig, 1, 1, 6), 0, 1);
    assert_int_equal(rig_run(rig), RESULT_OK);
    uint32_t first = rig->made;
    rig_way(rig_reserve(rig, 2, 1, 5), 1, 2);
    assert_int_equal(rig_run(rig), RESULT_OK);
    rig_change_zone(rig, COMMAND_CAPACITY, 1)->zone_change.total = 5;
    assert_int_equal(rig_run(rig), RESULT_CAPACITY_BELOW_SOLD);
    assert_int_equal(rig->answer.detail.held, 6);
    rig->command.zone_change.drain = true;
    assert_int_equal(rig_run(rig), RESULT_OK);
    assert_int_equal(rig->answer.zone.total, 6);
    assert_int_equal(rig->answer.zone.target, 5);
    assert_int_equal(rig_left(rig, 1, 1, 2), 1);
    assert_int_equal(rig_do(rig, COMMAND_CANCEL, 1, first), RESULT_OK);
    struct uuid zone = rig_id('z', 1);
    assert_int_equal(model_zone_facts(rig->model, &zone).total, 5);
    assert_int_equal(rig_left(rig, 1, 0, 1), 5);
    rig_change_zone(rig, COMMAND_CAPACITY, 1)->zone_change.total = 12;
    assert_int_equal(rig_run(rig), RESULT_OK);
    assert_int_equal(rig->answer.zone.available, 7);
}

/* A drain follows a block's end too; a block is ended through its own zone only. */
static void test_drain_block(void **state)
{
    struct rig *rig = *state;
    rig_general(rig, 1, 10, 1, 500);
    rig_general(rig, 2, 10, 1, 500);
    uint32_t block = rig_block(rig, 1, 0, 8, NULL, 0);
    rig_change_zone(rig, COMMAND_CAPACITY, 1)->zone_change.drain = true;
    rig->command.zone_change.total = 2;
    assert_int_equal(rig_run(rig), RESULT_OK);
    assert_int_equal(rig->answer.zone.total, 8);
    rig_change_zone(rig, COMMAND_BLOCK_END, 2)->zone_change.block_id = rig_id('b', block);
    assert_int_equal(rig_run(rig), RESULT_NOT_FOUND);
    rig->command.zone_change.zone_id = rig_id('z', 1);
    assert_int_equal(rig_run(rig), RESULT_OK);
    assert_int_equal(rig_left(rig, 1, 0, 1), 2);
}

/* The total of a seated zone is its plan's. */
static void test_capacity_seated(void **state)
{
    struct rig *rig = *state;
    rig_seated(rig, 1, "000", 1);
    rig_change_zone(rig, COMMAND_CAPACITY, 1)->zone_change.total = 5;
    assert_int_equal(rig_run(rig), RESULT_KIND_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(test_reserve),         RIG_TEST(test_lapsed_are_free),
        RIG_TEST(test_segments),        RIG_TEST(test_segment_prices),
        RIG_TEST(test_precedence),      RIG_TEST(test_home_refusals),
        RIG_TEST(test_limit),           RIG_TEST(test_key_accepted),
        RIG_TEST(test_key_refused),     RIG_TEST(test_key_same),
        RIG_TEST(test_blocks),          RIG_TEST(test_block_role),
        RIG_TEST(test_allotment),       RIG_TEST(test_capacity),
        RIG_TEST(test_capacity_seated), RIG_TEST(test_drain_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
