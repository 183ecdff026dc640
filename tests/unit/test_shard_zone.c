/* What a zone sells and to whom: the refusals of a reserve in their order, trips,
 * numbered seats, blocks, capacity, closing. */
#include "inventory_rig.h"

static int setup(void **state)
{
    struct rig *rig = malloc(sizeof *rig);
    assert_non_null(rig);
    inventory_open(rig, false);
    *state = rig;
    return 0;
}

/* Every test ends with a recount and a replay of all it did. */
static int teardown(void **state)
{
    struct rig *rig = *state;
    inventory_audit(rig);
    inventory_replay(rig, false);
    rig_close(rig);
    free(rig);
    return 0;
}

static enum result close_sale(struct rig *rig, uint64_t zone, bool closed)
{
    struct command command = on_zone(COMMAND_ZONE_SALE, zone);
    command.zone_change.closed = closed;
    return inventory_ask(rig, command);
}

static enum result capacity(struct rig *rig, uint64_t zone, uint32_t total, bool drain)
{
    struct command command = on_zone(COMMAND_CAPACITY, zone);
    command.zone_change.total = total;
    command.zone_change.drain = drain;
    return inventory_ask(rig, command);
}

static enum result end_block(struct rig *rig, uint64_t zone, uint64_t number)
{
    struct command command = on_zone(COMMAND_BLOCK_END, zone);
    command.zone_change.block_id = rig_id(5, number);
    return inventory_ask(rig, command);
}

/* --- reserve --- */

/* Of several refusals the first in the documented order is the answer. */
static void test_refusals_in_order(void **state)
{
    struct rig *rig = *state;
    struct command command = with_key(inventory_reserve(1, GENERAL, PLACES + 1), 9);

    command.reserve.has_price = true;
    command.reserve.unit_price_minor = PRICE + 1;
    assert_int_equal(close_sale(rig, GENERAL, true), RESULT_OK);
    assert_int_equal(inventory_ask(rig, command), RESULT_SALE_CLOSED);
    assert_int_equal(close_sale(rig, GENERAL, false), RESULT_OK);
    assert_int_equal(inventory_ask(rig, command), RESULT_ALLOTMENT_UNKNOWN);
    command = with_key(command, 0);
    assert_int_equal(inventory_ask(rig, command), RESULT_PRICE_CHANGED);
    command.reserve.has_price = false;
    assert_int_equal(inventory_ask(rig, command), RESULT_INSUFFICIENT_STOCK);
    command.reserve.quantity = PLACES;
    assert_int_equal(inventory_ask(rig, command), RESULT_OK);
}

/* A way that the zone has not, and seats of a zone without any. */
static void test_no_such_places(void **state)
{
    struct rig *rig = *state;

    assert_int_equal(inventory_ask(rig, on_way(inventory_reserve(1, GENERAL_TRIP, 1), 2, 5)),
                     RESULT_NOT_FOUND);
    assert_int_equal(inventory_ask(rig, on_way(inventory_reserve(1, GENERAL_TRIP, 1), 2, 2)),
                     RESULT_NOT_FOUND);
    assert_int_equal(inventory_ask(rig, with_seats(inventory_reserve(1, GENERAL, 1), 0, 1)),
                     RESULT_KIND_UNSUPPORTED);
    assert_int_equal(inventory_ask(rig, with_seats(inventory_reserve(1, SEATED, 1), PLACES, 1)),
                     RESULT_NOT_FOUND);
    assert_int_equal(inventory_ask(rig, inventory_reserve(1, SEATED, 33)), RESULT_QUANTITY_INVALID);
}

/* A trip's place costs the sum of its segments, and is taken on those only. */
static void test_trip(void **state)
{
    struct rig *rig = *state;
    struct command middle = on_way(inventory_reserve(1, GENERAL_TRIP, 30), 1, 3);
    uint32_t pairs[SHARD_PAIRS_MAX];

    middle.reserve.has_price = true;
    middle.reserve.unit_price_minor = 22;
    const struct decision *decision = inventory_do(rig, &middle);
    assert_int_equal(decision->result, RESULT_PRICE_CHANGED);
    assert_int_equal(decision->refusal.detail.price_minor, 23);
    middle.reserve.unit_price_minor = 23;
    decision = inventory_do(rig, &middle);
    assert_int_equal(decision->result, RESULT_OK);
    assert_int_equal(decision->record.reserved.remaining, PLACES - 30);
    assert_int_equal(inventory_counts(rig, GENERAL_TRIP).available, PLACES - 30);
    assert_int_equal(inventory_ask(rig, on_way(inventory_reserve(1, GENERAL_TRIP, PLACES), 0, 1)),
                     RESULT_OK);
    assert_int_equal(inventory_ask(rig, on_way(inventory_reserve(1, GENERAL_TRIP, 11), 2, 4)),
                     RESULT_INSUFFICIENT_STOCK);
    struct shard_zone_counts counts[8];
    assert_int_equal(shard_take_changed_zones(rig->shards[0], counts, 8), 1);
    assert_int_equal(shard_zone_pairs(rig->shards[0], counts[0].number, pairs), 10);
    assert_int_equal(pairs[seat_map_pair(TRIP_SEGMENTS, 0, 1)], 0);
    assert_int_equal(pairs[seat_map_pair(TRIP_SEGMENTS, 1, 4)], PLACES - 30);
    assert_int_equal(pairs[seat_map_pair(TRIP_SEGMENTS, 3, 4)], PLACES);
}

/* Named seats are refused with what each is; the best there are need no name. */
static void test_seats(void **state)
{
    struct rig *rig = *state;
    static const uint32_t held[] = {3};
    struct uuid one = inventory_hold_seats(rig, 1, SEATED, 0, 2);

    assert_int_equal(inventory_ask(rig, on_booking(COMMAND_CONFIRM, 1, &one)), RESULT_OK);
    inventory_hold_seats(rig, 1, SEATED, 2, 1);
    assert_int_equal(inventory_block(rig, SEATED, 1, 0, 1, held, 0), RESULT_OK);
    struct command command = with_seats(inventory_reserve(2, SEATED, 4), 1, 4);
    const struct decision *decision = inventory_do(rig, &command);
    assert_int_equal(decision->result, RESULT_SEAT_UNAVAILABLE);
    assert_int_equal(decision->refusal.seat_count, 3);
    assert_int_equal(decision->refusal.seats[0], 1 | SEAT_SOLD << 24);
    assert_int_equal(decision->refusal.seats[1], 2 | SEAT_RESERVED << 24);
    assert_int_equal(decision->refusal.seats[2], 3 | SEAT_BLOCKED << 24);
    command = inventory_reserve(2, SEATED, 3);
    decision = inventory_do(rig, &command);
    assert_int_equal(decision->result, RESULT_OK);
    assert_int_equal(decision->record.reserved.seats[0], 4);
    assert_int_equal(decision->record.reserved.remaining, PLACES - 4 - 3);
}

/* Named seats may not leave a single one, unless the event allows it. */
static void test_orphans(void **state)
{
    struct rig *rig = *state;
    struct command command = with_seats(inventory_reserve(1, SEATED, 2), 1, 2);
    const struct decision *decision = inventory_do(rig, &command);

    assert_int_equal(decision->result, RESULT_ORPHAN_SEAT);
    assert_int_equal(decision->refusal.seat_count, 1);
    assert_int_equal(decision->refusal.seats[0], 0);
    struct rig lenient;
    inventory_open(&lenient, true);
    assert_int_equal(inventory_ask(&lenient, command), RESULT_OK);
    rig_close(&lenient);
}

/* Enough seats but not side by side; and not enough. */
static void test_not_together(void **state)
{
    struct rig *rig = *state;
    struct command command = inventory_reserve(1, SEATED, 11);
    const struct decision *decision = inventory_do(rig, &command);

    assert_int_equal(decision->result, RESULT_SEATS_NOT_TOGETHER);
    assert_int_equal(decision->refusal.detail.together, ROW_SEATS);
    assert_int_equal(decision->refusal.detail.available, PLACES - 2);
    command.reserve.allow_split = true;
    assert_int_equal(inventory_ask(rig, command), RESULT_OK);
    command.reserve.quantity = 30;
    assert_int_equal(inventory_ask(rig, command), RESULT_INSUFFICIENT_STOCK);
}

/* A seat of a trip is sold twice on ways that do not meet. */
static void test_seat_on_two_ways(void **state)
{
    struct rig *rig = *state;
    struct command first = on_way(with_seats(inventory_reserve(1, SEATED_TRIP, 2), 0, 2), 0, 2);
    struct command second = on_way(with_seats(inventory_reserve(2, SEATED_TRIP, 2), 0, 2), 2, 4);
    struct command across = on_way(with_seats(inventory_reserve(2, SEATED_TRIP, 2), 0, 2), 1, 3);

    assert_int_equal(inventory_ask(rig, first), RESULT_OK);
    assert_int_equal(inventory_ask(rig, across), RESULT_SEAT_UNAVAILABLE);
    assert_int_equal(inventory_ask(rig, second), RESULT_OK);
    struct zone_facts facts = inventory_counts(rig, SEATED_TRIP);
    assert_int_equal(facts.reserved, 4);
    assert_int_equal(facts.available, PLACES - 2);
}

/* The states of all seats travel with a version; who has it gets none. */
static void test_seat_states(void **state)
{
    struct rig *rig = *state;
    struct command_zone query = {.zone_id = rig_zone_id(SEATED)};

    inventory_hold_seats(rig, 1, SEATED, 0, 2);
    struct seat_states *states = shard_seat_states(rig->shards[0], &query);
    assert_int_equal(states->seat_count, PLACES);
    assert_int_equal(states->length, PLACES / 4);
    assert_int_equal(states->states[0], SEAT_RESERVED | SEAT_RESERVED << 2);
    query.has_known = true;
    query.known_changes = states->changes;
    free(states);
    states = shard_seat_states(rig->shards[0], &query);
    assert_int_equal(states->length, 0);
    free(states);
    inventory_hold_seats(rig, 1, SEATED, 2, 1);
    states = shard_seat_states(rig->shards[0], &query);
    assert_int_equal(states->length, PLACES / 4);
    free(states);
}

/* --- blocks --- */

/* A house hold takes places from general sale; its end gives them back. */
static void test_house_hold(void **state)
{
    struct rig *rig = *state;

    assert_int_equal(inventory_block(rig, GENERAL, 1, 0, PLACES + 1, NULL, 0),
                     RESULT_INSUFFICIENT_STOCK);
    assert_int_equal(inventory_block(rig, GENERAL, 1, 0, 30, NULL, 0), RESULT_OK);
    assert_int_equal(inventory_counts(rig, GENERAL).blocked, 30);
    assert_int_equal(inventory_ask(rig, inventory_reserve(1, GENERAL, 11)),
                     RESULT_INSUFFICIENT_STOCK);
    assert_int_equal(end_block(rig, SEATED, 1), RESULT_NOT_FOUND);
    assert_int_equal(end_block(rig, GENERAL, 1), RESULT_OK);
    assert_int_equal(end_block(rig, GENERAL, 1), RESULT_OK);
    assert_int_equal(inventory_ask(rig, inventory_reserve(1, GENERAL, 11)), RESULT_OK);
}

/* Who has the key draws; what comes back returns to the allotment while it lasts,
 * and to general sale after it. */
static void test_allotment(void **state)
{
    struct rig *rig = *state;
    struct command draw = with_key(inventory_reserve(1, GENERAL, 6), 7);

    assert_int_equal(inventory_block(rig, GENERAL, 1, 7, 10, NULL, 0), RESULT_OK);
    const struct decision *decision = inventory_do(rig, &draw);
    assert_int_equal(decision->result, RESULT_OK);
    assert_int_equal(decision->record.reserved.remaining, 4);
    struct uuid id = draw.reserve.booking_id;
    assert_int_equal(inventory_counts(rig, GENERAL).blocked, 4);
    decision = inventory_do(rig, &draw);
    assert_int_equal(decision->result, RESULT_INSUFFICIENT_STOCK);
    assert_int_equal(decision->refusal.detail.available, 4);
    struct block_facts *facts = shard_block(rig->shards[0], &(struct uuid){0});
    assert_null(facts);
    struct uuid block_id = rig_id(5, 1), zone_id = rig_zone_id(GENERAL);
    facts = shard_block(rig->shards[0], &block_id);
    assert_int_equal(facts->drawn, 6);
    assert_memory_equal(facts->reason.bytes, "press", 5);
    free(facts);
    struct command release = on_booking(COMMAND_RELEASE, 1, &id);
    release.booking.quantity = 2;
    assert_int_equal(inventory_ask(rig, release), RESULT_OK);
    assert_int_equal(inventory_counts(rig, GENERAL).blocked, 6);
    assert_int_equal(end_block(rig, GENERAL, 1), RESULT_OK);
    struct block_list *list = shard_blocks(rig->shards[0], &zone_id);
    assert_int_equal(list->count, 0);
    free(list);
    assert_int_equal(inventory_counts(rig, GENERAL).available, PLACES - 4);
    assert_int_equal(inventory_ask(rig, on_booking(COMMAND_CANCEL, 1, &id)), RESULT_OK);
    assert_int_equal(inventory_counts(rig, GENERAL).available, PLACES);
    assert_int_equal(inventory_ask(rig, draw), RESULT_ALLOTMENT_UNKNOWN);
}

/* Of a seated zone: only its seats, named or the best of them, wheelchair places
 * among them; others are refused. */
static void test_allotment_of_seats(void **state)
{
    struct rig *rig = *state;
    static const uint32_t seats[] = {10, 11, 12, 38, 39};
    struct command best = with_key(inventory_reserve(1, SEATED, 3), 7);

    assert_int_equal(inventory_block(rig, SEATED, 1, 7, 5, seats, 0), RESULT_OK);
    assert_int_equal(inventory_block(rig, SEATED, 2, 8, 5, seats, 0), RESULT_SEAT_UNAVAILABLE);
    struct command other = with_key(with_seats(inventory_reserve(1, SEATED, 2), 12, 2), 7);
    const struct decision *decision = inventory_do(rig, &other);
    assert_int_equal(decision->result, RESULT_SEAT_UNAVAILABLE);
    assert_int_equal(decision->refusal.seats[0], 13 | SEAT_BLOCKED << 24);
    decision = inventory_do(rig, &best);
    assert_int_equal(decision->result, RESULT_OK);
    assert_int_equal(decision->record.reserved.seats[0], 10);
    assert_int_equal(decision->record.reserved.remaining, 2);
    best.reserve.quantity = 2;
    decision = inventory_do(rig, &best);
    assert_int_equal(decision->record.reserved.seats[0], 38);
    assert_int_equal(inventory_counts(rig, SEATED).available, PLACES - 5);
}

/* A block ends at its time, and sells nothing from then on. */
static void test_block_expires(void **state)
{
    struct rig *rig = *state;

    assert_int_equal(inventory_block(rig, GENERAL, 1, 7, 10, NULL, rig->now_ms + 5000), RESULT_OK);
    assert_int_equal(shard_next_deadline_ms(rig->shards[0]), rig->now_ms + 5000);
    rig->now_ms += 5000;
    assert_int_equal(inventory_ask(rig, with_key(inventory_reserve(1, GENERAL, 1), 7)),
                     RESULT_ALLOTMENT_UNKNOWN);
    assert_int_equal(inventory_expire(rig), 1);
    assert_int_equal(inventory_counts(rig, GENERAL).blocked, 0);
    assert_int_equal(shard_next_deadline_ms(rig->shards[0]), UINT64_MAX);
}

/* --- capacity --- */

/* A total below what is used is refused, or drained to as places return. */
static void test_capacity(void **state)
{
    struct rig *rig = *state;
    struct uuid id = inventory_hold(rig, 1, GENERAL, 20);

    inventory_hold(rig, 2, GENERAL, 5);
    assert_int_equal(capacity(rig, SEATED, 10, false), RESULT_KIND_UNSUPPORTED);
    assert_int_equal(capacity(rig, GENERAL, 24, false), RESULT_CAPACITY_BELOW_SOLD);
    assert_int_equal(capacity(rig, GENERAL, 26, false), RESULT_OK);
    assert_int_equal(inventory_counts(rig, GENERAL).available, 1);
    assert_int_equal(capacity(rig, GENERAL, 10, true), RESULT_OK);
    assert_int_equal(inventory_counts(rig, GENERAL).total, 25);
    assert_int_equal(inventory_counts(rig, GENERAL).target, 10);
    struct command release = on_booking(COMMAND_RELEASE, 1, &id);
    release.booking.quantity = 4;
    assert_int_equal(inventory_ask(rig, release), RESULT_OK);
    assert_int_equal(inventory_counts(rig, GENERAL).total, 21);
    assert_int_equal(inventory_counts(rig, GENERAL).available, 0);
    assert_int_equal(inventory_ask(rig, on_booking(COMMAND_CANCEL, 1, &id)), RESULT_OK);
    assert_int_equal(inventory_counts(rig, GENERAL).total, 10);
    assert_int_equal(inventory_counts(rig, GENERAL).available, 5);
    assert_int_equal(capacity(rig, GENERAL, 1000, false), RESULT_OK);
    assert_int_equal(inventory_counts(rig, GENERAL).available, 995);
}

/* Only the event's organizer and administrators change a zone. */
static void test_strangers(void **state)
{
    struct rig *rig = *state;
    static const enum command_kind kinds[] = {COMMAND_BLOCK_END, COMMAND_CAPACITY,
                                              COMMAND_ZONE_SALE};

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct command command = on_zone(kinds[i], GENERAL);
        command.actor.id = rig_user_id(1);
        assert_int_equal(inventory_ask(rig, command), RESULT_NOT_FOUND);
        command = on_zone(kinds[i], GENERAL);
        command.actor.role = ROLE_USER;
        assert_int_equal(inventory_ask(rig, command), RESULT_NOT_FOUND);
        command = on_zone(kinds[i], 77);
        assert_int_equal(inventory_ask(rig, command), RESULT_NOT_FOUND);
    }
}

/* A closed zone still confirms what is reserved. */
static void test_closed_confirms(void **state)
{
    struct rig *rig = *state;
    struct uuid id = inventory_hold(rig, 1, GENERAL, 2);

    assert_int_equal(close_sale(rig, GENERAL, true), RESULT_OK);
    struct command again = on_zone(COMMAND_ZONE_SALE, GENERAL);
    again.zone_change.closed = true;
    assert_int_equal(inventory_do(rig, &again)->record.kind, 0);
    assert_int_equal(inventory_ask(rig, on_booking(COMMAND_CONFIRM, 1, &id)), RESULT_OK);
    assert_true(inventory_counts(rig, GENERAL).closed);
}

/* 100,000 holds that lapse together end in slices, and nothing else is asked. */
static void test_many_lapse_at_once(void **state)
{
    struct rig *rig = *state;
    static struct record record;
    uint32_t expired = 0;

    assert_int_equal(capacity(rig, GENERAL, 100000, false), RESULT_OK);
    for (uint32_t i = 0; i < 100000; i++)
        inventory_hold(rig, i % 1000, GENERAL, 1);
    rig->now_ms += RIG_TTL_MS;
    struct command early = inventory_reserve(1, GENERAL, 1);
    assert_true(shard_is_premature(rig->shards[0], &early, RESULT_INSUFFICIENT_STOCK, rig->now_ms));
    while (shard_expire(rig->shards[0], rig->now_ms, &record)) {
        assert_in_range(record.expired.count, 1, RECORD_EXPIRED_MAX);
        expired += record.expired.count;
        rig_log(rig, 0, &record);
        shard_apply(rig->shards[0], &record);
    }
    assert_int_equal(expired, 100000);
    assert_int_equal(inventory_counts(rig, GENERAL).available, 100000);
    assert_false(
        shard_is_premature(rig->shards[0], &early, RESULT_INSUFFICIENT_STOCK, rig->now_ms));
}

/* A RECORD_STATE that speaks of another state is found out (RT). */
static void test_state_record(void **state)
{
    struct rig *rig = *state;
    struct record record = {.kind = RECORD_STATE};

    inventory_hold(rig, 1, SEATED, 2);
    record.state_hash = shard_zone_hash(rig->shards[0]);
    assert_int_equal(shard_replay_state(rig->shards[0], &record), SHARD_REPLAY_OK);
    inventory_hold(rig, 1, SEATED, 1);
    assert_int_equal(shard_replay_state(rig->shards[0], &record), SHARD_REPLAY_STATE_DIFFERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_refusals_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_such_places, setup, teardown),
        cmocka_unit_test_setup_teardown(test_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_seats, setup, teardown),
        cmocka_unit_test_setup_teardown(test_orphans, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_together, setup, teardown),
        cmocka_unit_test_setup_teardown(test_seat_on_two_ways, setup, teardown),
        cmocka_unit_test_setup_teardown(test_seat_states, setup, teardown),
        cmocka_unit_test_setup_teardown(test_house_hold, setup, teardown),
        cmocka_unit_test_setup_teardown(test_allotment, setup, teardown),
        cmocka_unit_test_setup_teardown(test_allotment_of_seats, setup, teardown),
        cmocka_unit_test_setup_teardown(test_block_expires, setup, teardown),
        cmocka_unit_test_setup_teardown(test_capacity, setup, teardown),
        cmocka_unit_test_setup_teardown(test_strangers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_closed_confirms, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_lapse_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_state_record, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
