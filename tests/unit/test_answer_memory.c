#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../engine/answer_memory.h"

/* Facts of answers in chains of 64-byte chunks. */

static struct answer booking_answer(uint32_t seats)
{
    struct answer answer = {.kind = COMMAND_EXCHANGE, .result = RESULT_OK, .seat_count = seats};

    answer.booking = (struct booking_facts){.booking_id = uuid_v7(1700000000000, 5, 9),
                                            .status = BOOKING_CONFIRMED,
                                            .quantity = seats,
                                            .unit_price_minor = 1250,
                                            .expires_ms = 1700000600000};
    for (uint32_t i = 0; i < seats; i++)
        answer.seats[i] = 1000 * i + seats;
    return answer;
}

/* What was said of a booking is said again, to the last seat, for every number of seats. */
static void test_bookings(void **state)
{
    (void)state;
    struct answer_memory memory;
    uint32_t kept[RECORD_SEATS_MAX + 1];
    assert_true(answer_memory_init(&memory, 1000));
    for (uint32_t seats = 0; seats <= RECORD_SEATS_MAX; seats++) {
        struct answer answer = booking_answer(seats);
        kept[seats] = answer_memory_keep(&memory, &answer);
        assert_int_not_equal(kept[seats], SLAB_NONE);
    }
    for (uint32_t seats = 0; seats <= RECORD_SEATS_MAX; seats++) {
        struct answer first = booking_answer(seats), again = {.kind = COMMAND_EXCHANGE};
        assert_true(answer_memory_recall(&memory, kept[seats], &again));
        assert_memory_equal(&again.booking, &first.booking, sizeof again.booking);
        assert_int_equal(again.seat_count, seats);
        assert_memory_equal(again.seats, first.seats, seats * sizeof again.seats[0]);
    }
    answer_memory_release(&memory);
}

/* A block comes back with its own text and seats, also the largest there is. */
static void test_blocks(void **state)
{
    (void)state;
    struct answer_memory memory;
    static uint32_t seats[RECORD_BLOCK_SEATS_MAX];
    char reason[CATALOG_TEXT_BYTES_MAX];
    struct block_facts block = {.kind = BLOCK_ALLOTMENT,
                                .quantity = RECORD_BLOCK_SEATS_MAX,
                                .reason = {reason, sizeof reason},
                                .seat_count = RECORD_BLOCK_SEATS_MAX,
                                .seats = seats};
    struct answer answer = {.kind = COMMAND_BLOCK_CREATE, .block = &block};
    struct answer again = {.kind = COMMAND_BLOCK_CREATE};

    for (uint32_t i = 0; i < RECORD_BLOCK_SEATS_MAX; i++)
        seats[i] = 7 * i;
    memset(reason, 'r', sizeof reason);
    assert_true(answer_memory_init(&memory, 1000));
    uint32_t kept = answer_memory_keep(&memory, &answer);
    memset(reason, 'x', sizeof reason);
    assert_true(answer_memory_recall(&memory, kept, &again));
    assert_int_equal(again.block->quantity, RECORD_BLOCK_SEATS_MAX);
    assert_memory_equal(again.block->seats, seats, sizeof seats);
    assert_int_equal(again.block->reason.length, sizeof reason);
    assert_int_equal(again.block->reason.bytes[sizeof reason - 1], 'r');
    answer_release(&again);

    block = (struct block_facts){.kind = BLOCK_HOUSE_HOLD, .quantity = 3};
    kept = answer_memory_keep(&memory, &answer);
    assert_true(answer_memory_recall(&memory, kept, &again));
    assert_null(again.block->seats);
    assert_int_equal(again.block->reason.length, 0);
    answer_release(&again);
    answer_memory_release(&memory);
}

/* A zone's numbers. */
static void test_zone(void **state)
{
    (void)state;
    struct answer_memory memory;
    struct answer answer = {.kind = COMMAND_CAPACITY}, again = {.kind = COMMAND_CAPACITY};

    answer.zone_facts = (struct zone_facts){.total = 90, .target = 60, .reserved = 70};
    assert_true(answer_memory_init(&memory, 10));
    uint32_t kept = answer_memory_keep(&memory, &answer);
    assert_true(answer_memory_recall(&memory, kept, &again));
    assert_memory_equal(&again.zone_facts, &answer.zone_facts, sizeof again.zone_facts);
    answer_memory_release(&memory);
}

/* Full is said before anything is taken; what is forgotten makes room. */
static void test_full(void **state)
{
    (void)state;
    struct answer_memory memory;
    struct answer answer = booking_answer(RECORD_SEATS_MAX);
    assert_true(answer_memory_init(&memory, 8));
    uint32_t room = answer_memory_room(&memory);
    uint32_t kept = answer_memory_keep(&memory, &answer);
    assert_int_not_equal(kept, SLAB_NONE);
    uint32_t left = answer_memory_room(&memory);
    assert_true(left < room);
    assert_int_equal(answer_memory_keep(&memory, &answer), SLAB_NONE);
    assert_int_equal(answer_memory_room(&memory), left);
    for (int i = 0; i < 100; i++) {
        answer_memory_forget(&memory, kept);
        assert_int_equal(answer_memory_room(&memory), room);
        kept = answer_memory_keep(&memory, &answer);
        assert_int_not_equal(kept, SLAB_NONE);
    }
    answer_memory_release(&memory);
}

/* Strings of every length come back as they were: a snapshot reads and writes them. */
static void test_bytes(void **state)
{
    (void)state;
    struct answer_memory memory;
    static uint8_t bytes[ANSWER_MEMORY_BYTES_MAX], out[ANSWER_MEMORY_BYTES_MAX];
    assert_true(answer_memory_init(&memory, 1000));
    for (uint32_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 251);
    for (uint32_t length = 0; length <= sizeof bytes; length += length < 300 ? 1 : 97) {
        uint32_t kept = answer_memory_write(&memory, bytes, length);
        assert_int_not_equal(kept, SLAB_NONE);
        assert_int_equal(answer_memory_read(&memory, kept, out), length);
        assert_memory_equal(out, bytes, length);
        answer_memory_forget(&memory, kept);
    }
    assert_int_equal(answer_memory_room(&memory), 1000);
    answer_memory_release(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bookings), cmocka_unit_test(test_blocks), cmocka_unit_test(test_zone),
        cmocka_unit_test(test_full),     cmocka_unit_test(test_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
