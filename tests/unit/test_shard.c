#include "shard_rig.h"

enum { ALICE = 1, BOB = 2 };

/* Event 0 (limit 4): zone 0 of 6 seats at 1500.00; event 1 (limit 2): zone 1 of 6 seats. */
static int setup_shards(void **state, uint16_t shards)
{
    struct rig *rig = malloc(sizeof *rig);
    rig_open(rig, shards);
    rig_event(rig, 0, 4);
    rig_event(rig, 1, 2);
    rig_zone(rig, 0, 0, 6, 150000);
    rig_zone(rig, 1, 1, 6, 80000);
    *state = rig;
    return 0;
}

static int setup(void **state)
{
    return setup_shards(state, 1);
}

static int setup_three(void **state)
{
    return setup_shards(state, 3);
}

static int teardown(void **state)
{
    rig_close(*state);
    free(*state);
    return 0;
}

static struct answer reserve(struct rig *rig, uint64_t user, uint64_t zone, uint32_t quantity)
{
    return rig_ask(rig, rig_reserve(user, zone, quantity, 0));
}

static struct answer end(struct rig *rig, enum command_kind kind, uint64_t user,
                         const struct uuid *booking_id)
{
    return rig_ask(rig, rig_end(kind, user, booking_id, 0));
}

static struct catalog_event event_zero(struct rig *rig)
{
    struct uuid id = rig_event_id(0);
    struct catalog_event event = *catalog_event(shard_catalog(rig->shards[0]), &id);
    event.slug = (struct text){"event-a", 7}; /* the version's own texts go with it */
    event.title = (struct text){"Evening", 7};
    return event;
}

/* A reservation takes its seats, and says what it is, until when, and what remains. */
static void test_reserve_takes_seats(void **state)
{
    struct rig *rig = *state;
    struct answer answer = reserve(rig, ALICE, 0, 2);

    assert_int_equal(answer.result, RESULT_OK);
    assert_int_equal(answer.booking.status, BOOKING_RESERVED);
    assert_int_equal(answer.booking.quantity, 2);
    assert_int_equal(answer.booking.unit_price_minor, 150000);
    assert_int_equal(answer.booking.remaining, 4);
    assert_int_equal(answer.booking.created_ms, rig->now_ms);
    assert_int_equal(answer.booking.expires_ms, rig->now_ms + RIG_TTL_MS);
    struct rig_counts counts = rig_counts(rig, 0);
    assert_int_equal(counts.available, 4);
    assert_int_equal(counts.reserved, 2);
}

/* Confirming sells the seats; cancelling gives them back; each only once. */
static void test_both_ends(void **state)
{
    struct rig *rig = *state;
    struct uuid sold = reserve(rig, ALICE, 0, 2).booking.booking_id;
    struct uuid given_back = reserve(rig, BOB, 0, 3).booking.booking_id;

    assert_int_equal(end(rig, COMMAND_CONFIRM, ALICE, &sold).booking.status, BOOKING_CONFIRMED);
    assert_int_equal(end(rig, COMMAND_CANCEL, BOB, &given_back).booking.status, BOOKING_CANCELLED);
    size_t logged = rig->log_count;
    assert_int_equal(end(rig, COMMAND_CONFIRM, ALICE, &sold).result, RESULT_OK);
    assert_int_equal(end(rig, COMMAND_CANCEL, BOB, &given_back).result, RESULT_OK);
    assert_int_equal(rig->log_count, logged); /* already so: nothing to log */

    struct answer late = end(rig, COMMAND_CONFIRM, BOB, &given_back);
    assert_int_equal(late.result, RESULT_INVALID_STATE);
    assert_int_equal(late.refusal.status, BOOKING_CANCELLED);
    struct rig_counts counts = rig_counts(rig, 0);
    assert_int_equal(counts.sold, 2);
    assert_int_equal(counts.reserved, 0);
    assert_int_equal(counts.available, 4);
    rig_audit(rig);
}

/* Another user's booking is as good as unknown, and stays as it is. */
static void test_not_yours(void **state)
{
    struct rig *rig = *state;
    struct uuid booking_id = reserve(rig, ALICE, 0, 2).booking.booking_id;
    struct uuid unknown = uuid_v7(rig->now_ms, uuid_v7_partition(&booking_id), 4711);

    assert_int_equal(end(rig, COMMAND_CONFIRM, BOB, &booking_id).result, RESULT_NOT_FOUND);
    assert_int_equal(end(rig, COMMAND_CANCEL, BOB, &booking_id).result, RESULT_NOT_FOUND);
    assert_int_equal(end(rig, COMMAND_CONFIRM, ALICE, &unknown).result, RESULT_NOT_FOUND);
    assert_int_equal(rig_counts(rig, 0).reserved, 2);
}

/* The last seat goes to one; the next hears how many are left, and nothing changes. */
static void test_last_seat(void **state)
{
    struct rig *rig = *state;
    for (uint64_t user = 10; user < 16; user++)
        assert_int_equal(reserve(rig, user, 0, 1).result, RESULT_OK);
    size_t logged = rig->log_count;
    struct answer answer = reserve(rig, BOB, 0, 1);
    assert_int_equal(answer.result, RESULT_INSUFFICIENT_STOCK);
    assert_int_equal(answer.refusal.requested, 1);
    assert_int_equal(answer.refusal.available, 0);
    assert_int_equal(rig->log_count, logged);
    assert_int_equal(rig_counts(rig, 0).available, 0);
}

/* A request for more than is left takes nothing, not what is left. */
static void test_all_or_nothing(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(reserve(rig, ALICE, 0, 4).result, RESULT_OK);
    struct answer answer = reserve(rig, BOB, 0, 3);
    assert_int_equal(answer.result, RESULT_INSUFFICIENT_STOCK);
    assert_int_equal(answer.refusal.available, 2);
    assert_int_equal(reserve(rig, BOB, 0, 2).result, RESULT_OK);
}

/* I4: the limit counts held and confirmed tickets over all orders, for ever; cancelled
 * and expired ones are given back. */
static void test_limit_counts_for_ever(void **state)
{
    struct rig *rig = *state;
    struct uuid first = reserve(rig, ALICE, 0, 3).booking.booking_id;
    struct answer answer = reserve(rig, ALICE, 0, 2);
    assert_int_equal(answer.result, RESULT_MAX_PER_USER_EXCEEDED);
    assert_int_equal(answer.refusal.limit, 4);
    assert_int_equal(answer.refusal.held, 3);

    end(rig, COMMAND_CONFIRM, ALICE, &first);
    rig->now_ms += 400ULL * 86400000; /* more than a year */
    rig_expire(rig);
    assert_int_equal(reserve(rig, ALICE, 0, 2).result, RESULT_MAX_PER_USER_EXCEEDED);
    struct uuid second = reserve(rig, ALICE, 0, 1).booking.booking_id;
    assert_int_equal(reserve(rig, ALICE, 0, 1).result, RESULT_MAX_PER_USER_EXCEEDED);
    end(rig, COMMAND_CANCEL, ALICE, &second);
    assert_int_equal(reserve(rig, ALICE, 0, 1).result, RESULT_OK);
    rig->now_ms += RIG_TTL_MS;
    rig_expire(rig);
    assert_int_equal(reserve(rig, ALICE, 0, 1).result, RESULT_OK);
    /* the other event has a limit of its own */
    assert_int_equal(reserve(rig, ALICE, 1, 2).result, RESULT_OK);
    assert_int_equal(reserve(rig, ALICE, 1, 1).result, RESULT_MAX_PER_USER_EXCEEDED);
}

/* A reserve that the zone's shard refuses does not count against the limit. */
static void test_refused_does_not_count(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(reserve(rig, BOB, 0, 4).result, RESULT_OK);
    for (int i = 0; i < 20; i++)
        assert_int_equal(reserve(rig, ALICE, 0, 4).result, RESULT_INSUFFICIENT_STOCK);
    assert_int_equal(reserve(rig, ALICE, 0, 2).result, RESULT_OK);
}

/* I6: up to the millisecond before its deadline a reservation can be confirmed; from the
 * deadline on it cannot, whether or not the expiry was recorded yet. */
static void test_deadline_is_exact(void **state)
{
    struct rig *rig = *state;
    const enum command_kind kinds[] = {COMMAND_CONFIRM, COMMAND_CANCEL};
    for (size_t i = 0; i < 2; i++) {
        struct uuid in_time = reserve(rig, ALICE, 0, 1).booking.booking_id;
        struct uuid late = reserve(rig, BOB, 0, 1).booking.booking_id;
        uint64_t deadline_ms = rig->now_ms + RIG_TTL_MS;
        struct booking_facts facts;
        uint32_t seat_count;

        assert_int_equal(shard_next_deadline_ms(rig->shards[0]), deadline_ms);
        rig->now_ms = deadline_ms - 1;
        assert_int_equal(rig_expire(rig), 0);
        assert_int_equal(end(rig, kinds[i], ALICE, &in_time).result, RESULT_OK);
        assert_true(shard_booking(rig->shards[0], &late, rig->now_ms, &facts, NULL, &seat_count));
        assert_int_equal(facts.status, BOOKING_RESERVED);

        rig->now_ms = deadline_ms;
        assert_true(shard_booking(rig->shards[0], &late, rig->now_ms, &facts, NULL, &seat_count));
        assert_int_equal(facts.status, BOOKING_EXPIRED);
        struct answer answer = end(rig, kinds[i], BOB, &late);
        assert_int_equal(answer.result, RESULT_RESERVATION_EXPIRED);
        assert_int_equal(answer.refusal.at_ms, deadline_ms);
        assert_int_equal(rig_expire(rig), 1);
        assert_int_equal(rig_expire(rig), 0);
        assert_int_equal(end(rig, kinds[i], BOB, &late).result, RESULT_RESERVATION_EXPIRED);
        rig->now_ms = deadline_ms + 1;
        assert_int_equal(end(rig, kinds[i], BOB, &late).result, RESULT_RESERVATION_EXPIRED);
        assert_int_equal(rig_counts(rig, 0).reserved, 0);
    }
    assert_int_equal(rig_counts(rig, 0).sold, 1);
    assert_int_equal(shard_next_deadline_ms(rig->shards[0]), UINT64_MAX);
}

/* A thousand reservations lapse in full records, oldest first, and all seats return. */
static void test_a_thousand_lapse(void **state)
{
    struct rig *rig = *state;
    rig_zone(rig, 2, 0, 1000, 1);
    for (uint64_t user = 0; user < 1000; user++) {
        assert_int_equal(reserve(rig, 100 + user, 2, 1).result, RESULT_OK);
        rig->now_ms += user % 2;
    }
    assert_int_equal(rig_counts(rig, 2).available, 0);
    rig->now_ms += RIG_TTL_MS;
    size_t logged = rig->log_count;
    assert_int_equal(rig_expire(rig), 1000);
    assert_int_equal(rig->log_count - logged, (1000 + RECORD_EXPIRED_MAX - 1) / RECORD_EXPIRED_MAX);
    assert_int_equal(rig_counts(rig, 2).available, 1000);
    uint64_t before_ms = 0;
    for (; logged < rig->log_count; logged++) {
        const struct record_expired *expired = &rig->log[logged].record.expired;
        for (uint32_t i = 0; i < expired->count; i++) {
            assert_true(uuid_v7_ms(&expired->items[i].booking_id) >= before_ms);
            before_ms = uuid_v7_ms(&expired->items[i].booking_id);
        }
    }
    rig_audit(rig);
}

/* The sale opens and closes on the millisecond, and a cancelled event sells no more. */
static void test_sale_window(void **state)
{
    struct rig *rig = *state;
    struct catalog_event event = event_zero(rig);
    event.sale_start_ms = rig->now_ms + 1000;
    event.sale_end_ms = rig->now_ms + 2000;
    rig_put_event(rig, &event);

    rig->now_ms = event.sale_start_ms - 1;
    struct answer answer = reserve(rig, ALICE, 0, 1);
    assert_int_equal(answer.result, RESULT_SALE_NOT_OPEN);
    assert_int_equal(answer.refusal.at_ms, event.sale_start_ms);
    rig->now_ms = event.sale_start_ms;
    struct uuid held = reserve(rig, ALICE, 0, 1).booking.booking_id;
    rig->now_ms = event.sale_end_ms - 1;
    assert_int_equal(reserve(rig, ALICE, 0, 1).result, RESULT_OK);
    rig->now_ms = event.sale_end_ms;
    answer = reserve(rig, ALICE, 0, 1);
    assert_int_equal(answer.result, RESULT_SALE_CLOSED);
    assert_int_equal(answer.refusal.at_ms, event.sale_end_ms);
    /* what is held can still be bought */
    assert_int_equal(end(rig, COMMAND_CONFIRM, ALICE, &held).result, RESULT_OK);

    event.sale_end_ms = 0;
    event.status = EVENT_CANCELLED;
    rig_put_event(rig, &event);
    assert_int_equal(reserve(rig, ALICE, 0, 1).result, RESULT_SALE_CLOSED);
    event.status = EVENT_DRAFT;
    rig_put_event(rig, &event);
    assert_int_equal(reserve(rig, ALICE, 0, 1).result, RESULT_NOT_FOUND);
}

/* I26: when several refusals apply, the first of result.h's order is given. Each step
 * takes the cause of the refusal before away and leaves all later ones. */
static void test_precedence(void **state)
{
    struct rig *rig = *state;
    struct catalog_event event = event_zero(rig);
    reserve(rig, BOB, 0, 4);
    reserve(rig, ALICE, 0, 2);                  /* no seat left */
    rig_ask(rig, rig_reserve(ALICE, 1, 1, 99)); /* the key is spent */
    event.sale_start_ms = rig->now_ms + 1;
    rig_put_event(rig, &event);

    struct command command = rig_reserve(ALICE, 77, RIG_MAX_PER_ORDER + 1, 99);
    command.reserve.has_price = true;
    command.reserve.unit_price_minor = 1;
    assert_int_equal(rig_ask(rig, command).result, RESULT_IDEMPOTENCY_KEY_REUSED);
    command.key.hash = 0;
    assert_int_equal(rig_ask(rig, command).result, RESULT_NOT_FOUND);
    command.reserve.zone_id = rig_zone_id(0);
    assert_int_equal(rig_ask(rig, command).result, RESULT_SALE_NOT_OPEN);
    event.sale_start_ms = 0;
    rig_put_event(rig, &event);
    assert_int_equal(rig_ask(rig, command).result, RESULT_QUANTITY_INVALID);
    command.reserve.quantity = 3;
    assert_int_equal(rig_ask(rig, command).result, RESULT_MAX_PER_USER_EXCEEDED);
    command.reserve.quantity = 2;
    struct answer answer = rig_ask(rig, command);
    assert_int_equal(answer.result, RESULT_PRICE_CHANGED);
    assert_int_equal(answer.refusal.price_minor, 150000);
    command.reserve.unit_price_minor = 150000;
    assert_int_equal(rig_ask(rig, command).result, RESULT_INSUFFICIENT_STOCK);
}

/* Quantities outside 1..max_per_order are refused, with the bound. */
static void test_quantity_bounds(void **state)
{
    struct rig *rig = *state;
    const uint32_t wrong[] = {0, RIG_MAX_PER_ORDER + 1, 1U << 31, UINT32_MAX};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct answer answer = reserve(rig, ALICE, 0, wrong[i]);
        assert_int_equal(answer.result, RESULT_QUANTITY_INVALID);
        assert_int_equal(answer.refusal.limit, RIG_MAX_PER_ORDER);
    }
    assert_int_equal(rig->log_count, 0);
}

/* A zone asked for under another show or event is not found. */
static void test_names_must_agree(void **state)
{
    struct rig *rig = *state;
    struct command command = rig_reserve(ALICE, 0, 1, 0);
    command.reserve.event_id = rig_event_id(1);
    assert_int_equal(rig_ask(rig, command).result, RESULT_NOT_FOUND);
    command.reserve.event_id = rig_event_id(0);
    command.reserve.show_id = rig_id(2, 1);
    assert_int_equal(rig_ask(rig, command).result, RESULT_NOT_FOUND);
    command.reserve.show_id = rig_id(2, 0);
    assert_int_equal(rig_ask(rig, command).result, RESULT_OK);
}

/* What changed is published once, with the counts of now. */
static void test_changed_zones(void **state)
{
    struct rig *rig = *state;
    struct shard_zone_counts counts[4];
    reserve(rig, ALICE, 0, 1);
    reserve(rig, ALICE, 0, 2);
    reserve(rig, BOB, 1, 1);
    assert_int_equal(shard_take_changed_zones(rig->shards[0], counts, 1), 1);
    assert_int_equal(shard_take_changed_zones(rig->shards[0], counts + 1, 3), 1);
    assert_int_equal(shard_take_changed_zones(rig->shards[0], counts + 2, 2), 0);
    uint32_t reserved = counts[0].reserved + counts[1].reserved;
    uint32_t available = counts[0].available + counts[1].available;
    assert_int_equal(reserved, 4);
    assert_int_equal(available, 8);
    assert_ptr_not_equal(counts[0].counters, counts[1].counters);
}

/* On three shards everything a user did is found, wherever its zone lives. */
static void test_across_shards(void **state)
{
    struct rig *rig = *state;
    uint64_t crossed = 0;

    for (uint64_t user = 0; user < 60; user++) {
        uint64_t zone = user % 2;
        struct answer answer = reserve(rig, user, zone, 1);
        if (answer.result == RESULT_INSUFFICIENT_STOCK)
            continue;
        assert_int_equal(answer.result, RESULT_OK);
        struct uuid user_id = rig_user_id(user), zone_id = rig_zone_id(zone);
        crossed += partition_shard_of(&rig->partitions, &user_id) !=
                   partition_shard_of(&rig->partitions, &zone_id);
        assert_int_equal(end(rig, COMMAND_CONFIRM, user, &answer.booking.booking_id).result,
                         RESULT_OK);
    }
    assert_true(crossed > 0);
    assert_int_equal(rig_counts(rig, 0).sold, 6);
    assert_int_equal(rig_counts(rig, 1).sold, 6);
    rig_audit(rig);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_reserve_takes_seats),
        CASE(test_both_ends),
        CASE(test_not_yours),
        CASE(test_last_seat),
        CASE(test_all_or_nothing),
        CASE(test_limit_counts_for_ever),
        CASE(test_refused_does_not_count),
        CASE(test_deadline_is_exact),
        CASE(test_a_thousand_lapse),
        CASE(test_sale_window),
        CASE(test_precedence),
        CASE(test_quantity_bounds),
        CASE(test_names_must_agree),
        CASE(test_changed_zones),
        cmocka_unit_test_setup_teardown(test_across_shards, setup_three, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
