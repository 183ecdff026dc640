#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../../engine/booking.h"

enum { NOW = 1700000000 };
static const uint64_t now_ms = NOW * 1000ULL;

static struct uuid user_of(uint64_t number)
{
    return uuid_v7(now_ms, 0, number);
}

static uint32_t given_booking_in(struct booking_table *table, uint64_t number, uint64_t user,
                                 uint64_t at_ms, uint32_t ttl_ms, uint32_t zone)
{
    struct record_reserved reserved = {.booking_id = uuid_v7(at_ms, 7, number),
                                       .user_id = user_of(user),
                                       .quantity = 2,
                                       .to_segment = 1,
                                       .unit_price_minor = 150000,
                                       .ttl_ms = ttl_ms};
    return booking_add(table, &reserved, zone);
}

static uint32_t given_booking(struct booking_table *table, uint64_t number, uint64_t user,
                              uint64_t at_ms, uint32_t ttl_ms)
{
    return given_booking_in(table, number, user, at_ms, ttl_ms, 3);
}

static int setup(void **state)
{
    struct booking_table *table = malloc(sizeof *table);
    *state = table;
    return booking_table_init(table) ? 0 : -1;
}

static int teardown(void **state)
{
    booking_table_release(*state);
    free(*state);
    return 0;
}

/* What was reserved is found by its id with all its facts. */
static void test_found_by_id(void **state)
{
    struct booking_table *table = *state;
    uint32_t slot = given_booking(table, 1, 9, now_ms, 600000);
    struct uuid id = uuid_v7(now_ms, 7, 1), other = uuid_v7(now_ms, 7, 2), user = user_of(9);

    assert_int_equal(booking_find(table, &id), slot);
    assert_int_equal(booking_find(table, &other), SLAB_NONE);
    const struct booking *booking = booking_at(table, slot);
    assert_int_equal(booking->status, BOOKING_RESERVED);
    assert_int_equal(booking->quantity, 2);
    assert_int_equal(booking->zone, 3);
    assert_int_equal(booking->unit_price_minor, 150000);
    assert_int_equal(booking_created_ms(booking), now_ms);
    assert_int_equal(booking_deadline_ms(booking), now_ms + 600000);
    assert_true(uuid_equal(booking_user_id(table, booking), &user));
}

/* A user's bookings are chained newest first, apart from other users'. */
static void test_chain_of_a_user(void **state)
{
    struct booking_table *table = *state;
    for (uint64_t n = 0; n < 30; n++)
        given_booking(table, n, n % 3, now_ms + n, 1000);
    for (uint64_t user = 0; user < 3; user++) {
        struct uuid user_id = user_of(user);
        struct booking_walk walk = booking_walk_begin(table, &user_id);
        for (uint64_t n = 27 + user; n < 30; n -= 3) {
            uint32_t slot = booking_walk_next(table, &walk);
            assert_int_not_equal(slot, SLAB_NONE);
            assert_int_equal(booking_created_ms(booking_at(table, slot)), now_ms + n);
        }
        assert_int_equal(booking_walk_next(table, &walk), SLAB_NONE);
    }
    struct uuid stranger = user_of(99);
    struct booking_walk walk = booking_walk_begin(table, &stranger);
    assert_int_equal(booking_walk_next(table, &walk), SLAB_NONE);
}

/* A booking that ended leaves the deadline list and keeps its end and its time. */
static void test_end_is_kept(void **state)
{
    struct booking_table *table = *state;
    const enum booking_status ends[] = {BOOKING_CONFIRMED, BOOKING_CANCELLED, BOOKING_EXPIRED};

    for (uint64_t n = 0; n < 3; n++) {
        uint32_t slot = given_booking(table, n, n, now_ms, 600000);
        booking_end(table, slot, ends[n], now_ms + (5ULL << 32) + n);
        const struct booking *booking = booking_at(table, slot);
        assert_int_equal(booking->status, ends[n]);
        assert_int_equal(booking->changed_after_ms_low, n);
        assert_int_equal(booking->changed_after_ms_high, 5);
        assert_int_equal(table->count_by_status[ends[n]], 1);
        assert_int_equal(table->count_by_status[BOOKING_RESERVED], 0);
        assert_int_equal(booking_next_deadline_ms(table), UINT64_MAX);
        struct uuid id = booking->id;
        assert_int_equal(booking_find(table, &id), slot);
    }
}

static uint64_t random_next(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005 + 1442695040888963407;
    return *seed >> 33;
}

/* 100,000 deadlines in random order: each reservation is due once, none before its
 * time and none that ended, the soonest first. */
static void test_deadlines_are_in_order(void **state)
{
    struct booking_table *table = *state;
    enum { BOOKINGS = 100000 };
    uint32_t slots[DEADLINE_HEAP_DUE_MAX];
    uint64_t seed = 42, ended = 0, expired = 0, next_ms;

    for (uint64_t n = 0; n < BOOKINGS; n++) {
        uint32_t ttl_ms = n % 2 == 0 ? (uint32_t)random_next(&seed) % 1000000 : 600000;
        uint32_t slot = given_booking(table, n, n % 50, now_ms + n / 4, ttl_ms);
        if (random_next(&seed) % 4 != 0)
            continue;
        booking_end(table, slot, BOOKING_CONFIRMED, now_ms + n);
        ended++;
    }
    while ((next_ms = booking_next_deadline_ms(table)) != UINT64_MAX) {
        assert_int_equal(booking_due(table, next_ms - 1, slots), 0);
        uint32_t count = booking_due(table, next_ms, slots);
        assert_true(count > 0);
        for (uint32_t i = 0; i < count; i++, expired++) {
            assert_int_equal(booking_deadline_ms(booking_at(table, slots[i])), next_ms);
            booking_end(table, slots[i], BOOKING_EXPIRED, next_ms);
        }
    }
    assert_int_equal(ended + expired, BOOKINGS);
    assert_int_equal(table->count_by_status[BOOKING_RESERVED], 0);
}

/* What is due at once comes in slices that fit a record, each of one zone. */
static void test_due_in_slices(void **state)
{
    struct booking_table *table = *state;
    uint32_t slots[DEADLINE_HEAP_DUE_MAX];

    for (uint64_t n = 0; n < 1000; n++)
        given_booking(table, n, n, now_ms, n % 2 ? 1000 : 900);
    for (uint32_t left = 1000, count; left > 0; left -= count) {
        count = booking_due(table, now_ms + 1000, slots);
        assert_in_range(count, 1, DEADLINE_HEAP_DUE_MAX);
        for (uint32_t i = 0; i < count; i++)
            booking_end(table, slots[i], BOOKING_EXPIRED, now_ms + 1000);
    }
    assert_int_equal(booking_due(table, UINT64_MAX, slots), 0);
}

/* Holds of many zones made in turns come due a zone at a time, 64 at once, and what
 * is overdue in one zone is nothing to another. */
static void test_overdue_by_zone(void **state)
{
    struct booking_table *table = *state;
    enum { ZONES = 16, EACH = 128 };
    uint32_t slots[DEADLINE_HEAP_DUE_MAX];

    for (uint64_t n = 0; n < (uint64_t)ZONES * EACH; n++)
        given_booking_in(table, n, n, now_ms + n, 1000, (uint32_t)n % ZONES);
    uint64_t due_ms = now_ms + (uint64_t)ZONES * EACH + 1000;
    given_booking_in(table, (uint64_t)ZONES * EACH, 1, due_ms, 1000, ZONES);
    assert_false(booking_is_overdue(table, ZONES, due_ms));
    assert_int_equal(booking_overdue(table, ZONES, due_ms, slots), 0);
    assert_false(booking_is_overdue(table, 3, now_ms + 3 + 999));
    for (uint32_t round = 0; round < EACH / DEADLINE_HEAP_DUE_MAX; round++) {
        assert_true(booking_is_overdue(table, 3, due_ms));
        assert_int_equal(booking_overdue(table, 3, due_ms, slots), DEADLINE_HEAP_DUE_MAX);
        for (uint32_t i = 0; i < DEADLINE_HEAP_DUE_MAX; i++) {
            assert_int_equal(booking_at(table, slots[i])->zone, 3);
            booking_end(table, slots[i], BOOKING_EXPIRED, due_ms);
        }
    }
    assert_false(booking_is_overdue(table, 3, due_ms));
    for (uint32_t record = 0; record < (ZONES - 1) * EACH / DEADLINE_HEAP_DUE_MAX; record++) {
        assert_int_equal(booking_due(table, due_ms, slots), DEADLINE_HEAP_DUE_MAX);
        for (uint32_t i = 0; i < DEADLINE_HEAP_DUE_MAX; i++)
            booking_end(table, slots[i], BOOKING_EXPIRED, due_ms);
    }
    assert_int_equal(booking_due(table, due_ms, slots), 0);
    assert_int_equal(booking_next_deadline_ms(table), due_ms + 1000);
}

/* A TTL made shorter between two starts: new reservations come among the older ones,
 * and finding their place does not take longer the more there are. Walking past all of
 * them each time would be 40,000,000,000 steps. */
static void test_a_shorter_ttl(void **state)
{
    struct booking_table *table = *state;
    enum { BOOKINGS = 200000 };

    for (uint64_t n = 0; n < BOOKINGS; n++)
        given_booking(table, n, n / 2, now_ms + n / 100, 3600000);
    for (uint64_t n = 0; n < BOOKINGS; n++) {
        uint32_t slot = given_booking(table, BOOKINGS + n, n / 2, now_ms + n / 100, 600000);
        if (n % 3 == 0)
            booking_end(table, slot, BOOKING_CANCELLED, now_ms + n / 100);
    }
    uint64_t expired = 0, reserved = table->count_by_status[BOOKING_RESERVED], next_ms;
    uint32_t slots[DEADLINE_HEAP_DUE_MAX];
    while ((next_ms = booking_next_deadline_ms(table)) != UINT64_MAX) {
        uint32_t count = booking_due(table, next_ms, slots);
        for (uint32_t i = 0; i < count; i++, expired++)
            booking_end(table, slots[i], BOOKING_EXPIRED, next_ms);
    }
    assert_int_equal(expired, reserved);
}

/* 200,000 bookings are all found, and cost less than 128 bytes each. */
static void test_many_and_their_memory(void **state)
{
    struct booking_table *table = *state;
    enum { BOOKINGS = 200000 };

    for (uint64_t n = 0; n < BOOKINGS; n++)
        given_booking(table, n, n / 2, now_ms + n / 100, 600000);
    for (uint64_t n = 0; n < BOOKINGS; n++) {
        struct uuid id = uuid_v7(now_ms + n / 100, 7, n);
        assert_int_equal(booking_find(table, &id), n);
    }
    assert_true(booking_table_has_room(table));
    assert_true(booking_table_bytes(table) / BOOKINGS < 128);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_found_by_id, setup, teardown),
        cmocka_unit_test_setup_teardown(test_chain_of_a_user, setup, teardown),
        cmocka_unit_test_setup_teardown(test_end_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deadlines_are_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_overdue_by_zone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_due_in_slices, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_shorter_ttl, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_and_their_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
