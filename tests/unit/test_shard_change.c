/* What may happen to a booking after it was reserved: extensions, parts, other
 * seats, another owner, a refund; and the refusals of each in their order. */
#include "inventory_rig.h"

static int setup(void **state)
{
    struct rig *rig = malloc(sizeof *rig);
    assert_non_null(rig);
    inventory_open(rig, true);
    *state = rig;
    return 0;
}

/* Every test ends with a recount and a replay of all it did. */
static int teardown(void **state)
{
    struct rig *rig = *state;
    inventory_audit(rig);
    inventory_replay(rig, true);
    rig_close(rig);
    free(rig);
    return 0;
}

static struct command extend(uint64_t user, const struct uuid *id, uint32_t seconds)
{
    struct command command = on_booking(COMMAND_EXTEND, user, id);
    command.booking.seconds = seconds;
    return command;
}

static struct command part(enum command_kind kind, uint64_t user, const struct uuid *id,
                           uint32_t quantity)
{
    struct command command = on_booking(kind, user, id);
    command.booking.quantity = quantity;
    return command;
}

/* An extension moves the deadline, never back, and not past the ceiling. */
static void test_extend(void **state)
{
    struct rig *rig = *state;
    struct uuid id = inventory_hold(rig, 1, GENERAL, 2);
    uint64_t created_ms = rig->now_ms;

    assert_int_equal(inventory_ask(rig, extend(1, &id, 1)), RESULT_OK);
    assert_int_equal(inventory_facts(rig, &id).expires_ms, created_ms + RIG_TTL_MS);
    rig->now_ms += 1000;
    assert_int_equal(inventory_ask(rig, extend(1, &id, 0)), RESULT_OK);
    assert_int_equal(inventory_facts(rig, &id).expires_ms, created_ms + 1000 + RIG_TTL_MS);
    assert_int_equal(inventory_ask(rig, extend(1, &id, 4000000)), RESULT_OK);
    assert_int_equal(inventory_facts(rig, &id).expires_ms, created_ms + 3 * RIG_TTL_MS);
    struct command again = extend(1, &id, 1);
    const struct decision *decision = inventory_do(rig, &again);
    assert_int_equal(decision->result, RESULT_HOLD_LIMIT_REACHED);
    assert_int_equal(decision->refusal.detail.at_ms, created_ms + 3 * RIG_TTL_MS);
    rig->now_ms = created_ms + 2 * RIG_TTL_MS;
    assert_int_equal(inventory_expire(rig), 0);
    rig->now_ms = created_ms + 3 * RIG_TTL_MS;
    assert_int_equal(inventory_ask(rig, extend(1, &id, 1)), RESULT_RESERVATION_EXPIRED);
    assert_int_equal(inventory_expire(rig), 1);
    assert_int_equal(inventory_ask(rig, extend(1, &id, 1)), RESULT_RESERVATION_EXPIRED);
    assert_int_equal(inventory_ask(rig, extend(2, &id, 1)), RESULT_NOT_FOUND);
}

/* A confirmed booking is not extended. */
static void test_extend_needs_a_reservation(void **state)
{
    struct rig *rig = *state;
    struct uuid id = inventory_hold(rig, 1, GENERAL, 2);

    assert_int_equal(inventory_ask(rig, on_booking(COMMAND_CONFIRM, 1, &id)), RESULT_OK);
    assert_int_equal(inventory_ask(rig, extend(1, &id, 1)), RESULT_INVALID_STATE);
}

/* A part by quantity is kept and confirmed, the rest is free in the same step. */
static void test_confirm_a_part(void **state)
{
    struct rig *rig = *state;
    struct uuid id = inventory_hold(rig, 1, GENERAL, 5);

    assert_int_equal(inventory_ask(rig, part(COMMAND_CONFIRM, 1, &id, 6)), RESULT_QUANTITY_INVALID);
    assert_int_equal(inventory_ask(rig, part(COMMAND_CONFIRM, 1, &id, 2)), RESULT_OK);
    struct zone_facts counts = inventory_counts(rig, GENERAL);
    assert_int_equal(counts.sold, 2);
    assert_int_equal(counts.reserved, 0);
    assert_int_equal(counts.available, PLACES - 2);
    assert_int_equal(inventory_facts(rig, &id).quantity, 2);
    assert_int_equal(inventory_ask(rig, part(COMMAND_CONFIRM, 1, &id, 2)), RESULT_INVALID_STATE);
    assert_int_equal(inventory_ask(rig, on_booking(COMMAND_CONFIRM, 1, &id)), RESULT_OK);
}

/* All of it, as a part, is a plain confirmation. */
static void test_confirm_all_by_quantity(void **state)
{
    struct rig *rig = *state;
    struct uuid id = inventory_hold(rig, 1, GENERAL, 5);
    struct command command = part(COMMAND_CONFIRM, 1, &id, 5);

    assert_int_equal(inventory_do(rig, &command)->record.kind, RECORD_CONFIRMED);
}

/* By quantity the seats with the lowest indices stay; by seats those named. */
static void test_parts_by_seats(void **state)
{
    struct rig *rig = *state;
    struct uuid low = inventory_hold_seats(rig, 1, SEATED, 0, 4);
    struct uuid named = inventory_hold_seats(rig, 1, SEATED, 10, 4);
    struct booking_facts facts;
    uint32_t seats[RECORD_SEATS_MAX], count;

    assert_int_equal(inventory_ask(rig, part(COMMAND_RELEASE, 1, &low, 2)), RESULT_OK);
    shard_booking(rig->shards[0], &low, rig->now_ms, &facts, seats, &count);
    assert_int_equal(count, 2);
    assert_int_equal(seats[0], 0);
    assert_int_equal(seats[1], 1);
    struct command wrong = with_seats(on_booking(COMMAND_CONFIRM, 1, &named), 12, 3);
    const struct decision *decision = inventory_do(rig, &wrong);
    assert_int_equal(decision->result, RESULT_SEAT_NOT_IN_BOOKING);
    assert_int_equal(decision->refusal.seat_count, 1);
    assert_int_equal(decision->refusal.seats[0], 14);
    struct command right = with_seats(on_booking(COMMAND_CONFIRM, 1, &named), 11, 2);
    assert_int_equal(inventory_ask(rig, right), RESULT_OK);
    shard_booking(rig->shards[0], &named, rig->now_ms, &facts, seats, &count);
    assert_int_equal(facts.status, BOOKING_CONFIRMED);
    assert_int_equal(count, 2);
    assert_int_equal(seats[0], 11);
    assert_int_equal(inventory_counts(rig, SEATED).available, PLACES - 4);
}

/* Releasing everything is a cancellation; a released part leaves the deadline. */
static void test_release(void **state)
{
    struct rig *rig = *state;
    struct uuid id = inventory_hold(rig, 1, GENERAL, 5);
    uint64_t expires_ms = inventory_facts(rig, &id).expires_ms;

    assert_int_equal(inventory_ask(rig, part(COMMAND_RELEASE, 1, &id, 0)), RESULT_QUANTITY_INVALID);
    assert_int_equal(inventory_ask(rig, part(COMMAND_RELEASE, 1, &id, 3)), RESULT_OK);
    assert_int_equal(inventory_facts(rig, &id).expires_ms, expires_ms);
    assert_int_equal(inventory_facts(rig, &id).status, BOOKING_RESERVED);
    struct command rest = part(COMMAND_RELEASE, 1, &id, 2);
    assert_int_equal(inventory_do(rig, &rest)->record.kind, RECORD_CANCELLED);
    assert_int_equal(inventory_counts(rig, GENERAL).available, PLACES);
}

/* Other seats of the same zone; its own count as open. */
static void test_exchange(void **state)
{
    struct rig *rig = *state;
    struct uuid id = inventory_hold_seats(rig, 1, SEATED, 4, 2);
    struct uuid other = inventory_hold_seats(rig, 2, SEATED, 8, 2);
    struct uuid general = inventory_hold(rig, 1, GENERAL, 2);
    struct booking_facts facts;
    uint32_t seats[RECORD_SEATS_MAX], count;

    assert_int_equal(inventory_ask(rig, on_booking(COMMAND_EXCHANGE, 1, &general)),
                     RESULT_KIND_UNSUPPORTED);
    struct command three = with_seats(on_booking(COMMAND_EXCHANGE, 1, &id), 20, 3);
    assert_int_equal(inventory_ask(rig, three), RESULT_QUANTITY_INVALID);
    struct command taken = with_seats(on_booking(COMMAND_EXCHANGE, 1, &id), 7, 2);
    const struct decision *decision = inventory_do(rig, &taken);
    assert_int_equal(decision->result, RESULT_SEAT_UNAVAILABLE);
    assert_int_equal(decision->refusal.seats[0], 8 | SEAT_RESERVED << 24);
    struct command beside = with_seats(on_booking(COMMAND_EXCHANGE, 1, &id), 5, 2);
    assert_int_equal(inventory_ask(rig, beside), RESULT_OK);
    assert_int_equal(inventory_ask(rig, on_booking(COMMAND_CONFIRM, 1, &id)), RESULT_OK);
    assert_int_equal(inventory_ask(rig, on_booking(COMMAND_EXCHANGE, 1, &id)), RESULT_OK);
    shard_booking(rig->shards[0], &id, rig->now_ms, &facts, seats, &count);
    assert_int_equal(facts.status, BOOKING_CONFIRMED);
    assert_int_equal(seats[0], 0); /* the best there is */
    assert_int_equal(inventory_counts(rig, SEATED).sold, 2);
    assert_int_equal(inventory_ask(rig, on_booking(COMMAND_CANCEL, 2, &other)), RESULT_OK);
    assert_int_equal(inventory_ask(rig, on_booking(COMMAND_EXCHANGE, 2, &other)),
                     RESULT_INVALID_STATE);
}

/* The receiver has it, and nobody else; back again it is listed once. */
static void test_transfer(void **state)
{
    struct rig *rig = *state;
    struct uuid id = inventory_hold(rig, 1, GENERAL, 2), one = rig_user_id(1), two = rig_user_id(2);
    struct command_list query = {.page = 1, .per_page = 10};

    for (uint64_t from = 1, turn = 0; turn < 4; turn++, from = 3 - from) {
        struct command command = on_booking(COMMAND_TRANSFER, from, &id);
        command.booking.user_id = rig_user_id(3 - from);
        assert_int_equal(inventory_ask(rig, command), RESULT_OK);
        assert_int_equal(inventory_ask(rig, command), RESULT_NOT_FOUND);
        struct booking_list *ones = shard_list(rig->shards[0], &one, &query, rig->now_ms);
        struct booking_list *twos = shard_list(rig->shards[0], &two, &query, rig->now_ms);
        assert_int_equal(ones->total, from == 2);
        assert_int_equal(twos->total, from == 1);
        free(ones);
        free(twos);
    }
}

/* What was received is listed where its age puts it. */
static void test_received_are_listed_by_age(void **state)
{
    struct rig *rig = *state;
    struct command_list query = {.page = 1, .per_page = 2};
    struct uuid user = rig_user_id(1), ids[3];

    for (uint64_t n = 0; n < 3; n++, rig->now_ms += 10)
        ids[n] = inventory_hold(rig, n == 1 ? 2 : 1, GENERAL, 1);
    struct command command = on_booking(COMMAND_TRANSFER, 2, &ids[1]);
    command.booking.user_id = user;
    assert_int_equal(inventory_ask(rig, command), RESULT_OK);
    struct booking_list *list = shard_list(rig->shards[0], &user, &query, rig->now_ms);
    assert_int_equal(list->total, 3);
    assert_int_equal(list->count, 2);
    assert_true(uuid_equal(&list->items[0].facts.booking_id, &ids[2]));
    assert_true(uuid_equal(&list->items[1].facts.booking_id, &ids[1]));
    free(list);
}

/* Only the organizer gives money back, once, and the places are free again. */
static void test_refund(void **state)
{
    struct rig *rig = *state;
    struct uuid id = inventory_hold(rig, 1, GENERAL, 2);
    struct command refund = on_booking(COMMAND_REFUND, 1000, &id);

    assert_int_equal(inventory_ask(rig, refund), RESULT_NOT_FOUND);
    refund.actor.role = ROLE_ORGANIZER;
    assert_int_equal(inventory_ask(rig, refund), RESULT_INVALID_STATE);
    assert_int_equal(inventory_ask(rig, on_booking(COMMAND_CONFIRM, 1, &id)), RESULT_OK);
    struct command stranger = refund;
    stranger.actor.id = rig_user_id(1001);
    assert_int_equal(inventory_ask(rig, stranger), RESULT_NOT_FOUND);
    assert_int_equal(inventory_ask(rig, refund), RESULT_OK);
    assert_int_equal(inventory_facts(rig, &id).status, BOOKING_REFUNDED);
    assert_int_equal(inventory_counts(rig, GENERAL).available, PLACES);
    assert_int_equal(inventory_do(rig, &refund)->record.kind, 0);
}

/* --- orders --- */

static struct command of_order(enum command_kind kind, const struct uuid *id, uint64_t order,
                               uint8_t item, uint8_t count, enum booking_status end)
{
    struct command command = on_booking(kind, 1, id);
    command.booking.order = (struct order_part){rig_id(6, order), item, count};
    command.booking.end = end;
    return command;
}

static struct uuid hold_of_order(struct rig *rig, uint64_t order, uint8_t item, uint8_t count)
{
    struct command command = inventory_reserve(1, GENERAL, 2);
    command.reserve.order = (struct order_part){rig_id(6, order), item, count};
    assert_int_equal(inventory_ask(rig, command), RESULT_OK);
    command.reserve.booking_id = rig->log[rig->log_count - 1].record.reserved.booking_id;
    return command.reserve.booking_id;
}

/* What is a part of an order is not changed singly while reserved, but extended. */
static void test_part_of_order(void **state)
{
    struct rig *rig = *state;
    struct uuid id = hold_of_order(rig, 1, 0, 2);
    static const enum command_kind kinds[] = {COMMAND_CONFIRM, COMMAND_CANCEL, COMMAND_RELEASE,
                                              COMMAND_EXCHANGE, COMMAND_TRANSFER};

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct command command = on_booking(kinds[i], 1, &id);
        assert_int_equal(inventory_do(rig, &command)->result, RESULT_PART_OF_ORDER);
    }
    assert_int_equal(inventory_ask(rig, extend(1, &id, 1000)), RESULT_OK);
    struct command post = of_order(COMMAND_POST, &id, 1, 0, 2, BOOKING_CONFIRMED);
    assert_int_equal(inventory_ask(rig, post), RESULT_OK);
    assert_int_equal(inventory_do(rig, &post)->record.kind, 0);
    struct command transfer = on_booking(COMMAND_TRANSFER, 1, &id);
    transfer.booking.user_id = rig_user_id(2);
    assert_int_equal(inventory_ask(rig, transfer), RESULT_OK);
}

/* A pinned booking neither expires nor changes until its order is decided. */
static void test_pinned(void **state)
{
    struct rig *rig = *state;
    struct uuid id = hold_of_order(rig, 1, 0, 2);
    struct command pin = of_order(COMMAND_PIN, &id, 1, 0, 2, BOOKING_CONFIRMED);
    struct command post = pin, foreign = of_order(COMMAND_PIN, &id, 2, 0, 2, BOOKING_CONFIRMED);

    assert_int_equal(inventory_ask(rig, foreign), RESULT_PART_OF_ORDER);
    assert_int_equal(inventory_ask(rig, pin), RESULT_OK);
    assert_int_equal(inventory_do(rig, &pin)->record.kind, 0);
    assert_int_equal(inventory_ask(rig, foreign), RESULT_PART_OF_ORDER);
    assert_int_equal(inventory_ask(rig, extend(1, &id, 1000)), RESULT_PART_OF_ORDER);
    rig->now_ms += 2 * RIG_TTL_MS;
    assert_int_equal(inventory_expire(rig), 0);
    assert_int_equal(shard_next_deadline_ms(rig->shards[0]), UINT64_MAX);
    assert_int_equal(inventory_facts(rig, &id).status, BOOKING_RESERVED);
    post.kind = COMMAND_POST;
    assert_int_equal(inventory_ask(rig, post), RESULT_OK);
    assert_int_equal(inventory_facts(rig, &id).status, BOOKING_CONFIRMED);
    assert_false(inventory_facts(rig, &id).pinned);
}

/* An order that came to nothing: what it made is cancelled, what was there before
 * goes on, and expires when it is late. */
static void test_void(void **state)
{
    struct rig *rig = *state;
    struct uuid made = hold_of_order(rig, 1, 0, 2), before = inventory_hold(rig, 1, GENERAL, 1);
    struct command pin = of_order(COMMAND_PIN, &before, 2, 0, 0, BOOKING_CANCELLED);
    struct command drop = of_order(COMMAND_VOID, &made, 1, 0, 2, BOOKING_CANCELLED);
    struct command unpin = of_order(COMMAND_VOID, &before, 2, 0, 0, BOOKING_CANCELLED);

    assert_int_equal(inventory_ask(rig, pin), RESULT_OK);
    assert_int_equal(inventory_ask(rig, drop), RESULT_OK);
    assert_int_equal(inventory_facts(rig, &made).status, BOOKING_CANCELLED);
    assert_int_equal(inventory_do(rig, &drop)->record.kind, 0);
    rig->now_ms += 2 * RIG_TTL_MS;
    assert_int_equal(inventory_expire(rig), 0);
    assert_int_equal(inventory_ask(rig, unpin), RESULT_OK);
    assert_int_equal(inventory_do(rig, &unpin)->record.kind, 0);
    assert_int_equal(inventory_expire(rig), 1);
    assert_int_equal(inventory_facts(rig, &before).status, BOOKING_EXPIRED);
}

/* An exchange between zones: the old one is cancelled, sold or not, and the new one
 * goes on with the old deadline or as confirmed. */
static void test_exchange_posted(void **state)
{
    struct rig *rig = *state;
    struct uuid old = inventory_hold(rig, 1, GENERAL, 2), new_one = hold_of_order(rig, 1, 1, 0);
    struct command post = of_order(COMMAND_POST, &new_one, 1, 1, 0, BOOKING_CONFIRMED);

    assert_int_equal(inventory_ask(rig, on_booking(COMMAND_CONFIRM, 1, &old)), RESULT_OK);
    assert_int_equal(inventory_ask(rig, of_order(COMMAND_PIN, &old, 1, 0, 0, BOOKING_CANCELLED)),
                     RESULT_OK);
    rig->now_ms += 2 * RIG_TTL_MS; /* it was decided in time, and is posted late */
    assert_int_equal(inventory_ask(rig, of_order(COMMAND_POST, &old, 1, 0, 0, BOOKING_CANCELLED)),
                     RESULT_OK);
    post.booking.ttl_ms = 5000;
    assert_int_equal(inventory_ask(rig, post), RESULT_OK);
    assert_int_equal(inventory_do(rig, &post)->record.kind, 0);
    assert_int_equal(inventory_facts(rig, &old).status, BOOKING_CANCELLED);
    struct booking_facts facts = inventory_facts(rig, &new_one);
    assert_int_equal(facts.status, BOOKING_CONFIRMED);
    assert_true(uuid_is_nil(&facts.order.id) && !uuid_is_nil(&facts.exchanged_from));
    assert_int_equal(inventory_counts(rig, GENERAL).sold, 2);
}

static void count_one(void *context, const struct booking_facts *facts)
{
    assert_false(uuid_is_nil(&facts->order.id));
    ++*(uint32_t *)context;
}

/* A start finds every booking of an order not decided, and those only. */
static void test_undecided_are_found(void **state)
{
    struct rig *rig = *state;
    struct uuid posted = hold_of_order(rig, 1, 0, 2), pinned = inventory_hold(rig, 1, GENERAL, 1);
    uint32_t found = 0;

    hold_of_order(rig, 1, 1, 2);
    assert_int_equal(inventory_ask(rig, of_order(COMMAND_PIN, &pinned, 2, 0, 0, BOOKING_CANCELLED)),
                     RESULT_OK);
    assert_int_equal(
        inventory_ask(rig, of_order(COMMAND_POST, &posted, 1, 0, 2, BOOKING_CONFIRMED)), RESULT_OK);
    shard_order_bookings(rig->shards[0], count_one, &found);
    assert_int_equal(found, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_extend, setup, teardown),
        cmocka_unit_test_setup_teardown(test_extend_needs_a_reservation, setup, teardown),
        cmocka_unit_test_setup_teardown(test_confirm_a_part, setup, teardown),
        cmocka_unit_test_setup_teardown(test_confirm_all_by_quantity, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parts_by_seats, setup, teardown),
        cmocka_unit_test_setup_teardown(test_release, setup, teardown),
        cmocka_unit_test_setup_teardown(test_exchange, setup, teardown),
        cmocka_unit_test_setup_teardown(test_transfer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_received_are_listed_by_age, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refund, setup, teardown),
        cmocka_unit_test_setup_teardown(test_part_of_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pinned, setup, teardown),
        cmocka_unit_test_setup_teardown(test_void, setup, teardown),
        cmocka_unit_test_setup_teardown(test_exchange_posted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_undecided_are_found, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
