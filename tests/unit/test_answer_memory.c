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

/* Field by field, so that what lies between them stays as it was. */
static void say_booking(struct booking_facts *booking)
{
    booking->booking_id = booking->user_id = booking->zone_id = uuid_v7(1700000000000, 5, 9);
    booking->status = BOOKING_CONFIRMED;
    booking->quantity = 2;
    booking->unit_price_minor = 1250;
    booking->created_ms = booking->expires_ms = booking->changed_ms = 1700000600000;
    booking->remaining = 8;
    booking->from_segment = 0;
    booking->to_segment = 1;
    booking->pinned = true;
    booking->order.id = booking->exchanged_from = booking->zone_id;
    booking->order.item = booking->order.count = 1;
}

static void say_block(struct block_facts *block)
{
    block->block_id = block->zone_id = block->owner_id = uuid_v7(1700000000000, 5, 9);
    block->kind = BLOCK_HOUSE_HOLD;
    block->active = true;
    block->quantity = block->drawn = 3;
    block->created_ms = block->expires_ms = 1700000600000;
    memset(block->key_digest, 7, sizeof block->key_digest);
    block->reason.bytes = "press";
    block->reason.length = 5;
    block->seat_count = 0;
    block->seats = NULL;
}

static void say_zone(struct zone_facts *zone)
{
    zone->zone_id = uuid_v7(1700000000000, 5, 9);
    zone->total = zone->target = 90;
    zone->available = zone->reserved = zone->sold = zone->blocked = 1;
    zone->closed = true;
}

static void say_order(struct order_facts *order)
{
    order->order_id = order->user_id = uuid_v7(1700000000000, 5, 9);
    order->status = BOOKING_RESERVED;
    order->count = 2;
    for (uint32_t i = 0; i < order->count; i++) {
        say_booking(&order->items[i].booking);
        order->items[i].seat_count = 1;
        order->items[i].seats[0] = i;
    }
}

/* The bytes that are kept of an answer made in memory that was full of `filling`. */
static uint32_t keep_said(enum command_kind kind, int filling, uint8_t *out)
{
    static struct answer answer;
    static struct block_facts block;
    static struct order_facts order;
    struct answer_memory memory;

    memset(&answer, filling, sizeof answer);
    memset(&block, filling, sizeof block);
    memset(&order, filling, sizeof order);
    answer.kind = kind;
    answer.result = RESULT_OK;
    answer.seat_count = 0;
    if (kind == COMMAND_BLOCK_CREATE)
        say_block(answer.block = &block);
    else if (kind == COMMAND_ORDER_CREATE)
        say_order(answer.order = &order);
    else if (kind == COMMAND_CAPACITY)
        say_zone(&answer.zone_facts);
    else
        say_booking(&answer.booking);
    assert_true(answer_memory_init(&memory, 1000));
    uint32_t length = answer_memory_read(&memory, answer_memory_keep(&memory, &answer), out);
    answer_memory_release(&memory);
    return length;
}

/* Answers that say the same are kept as the same bytes, whatever was in memory before
 * them: they are hashed, and a snapshot that is read back must have the same hash. */
static void test_same_bytes(void **state)
{
    static const enum command_kind kinds[] = {COMMAND_EXCHANGE, COMMAND_BLOCK_CREATE,
                                              COMMAND_CAPACITY, COMMAND_ORDER_CREATE};
    static uint8_t clean[ANSWER_MEMORY_BYTES_MAX], dirty[ANSWER_MEMORY_BYTES_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        uint32_t length = keep_said(kinds[i], 0, clean);
        assert_int_equal(keep_said(kinds[i], 0xa5, dirty), length);
        assert_memory_equal(clean, dirty, length);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bookings), cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_zone),     cmocka_unit_test(test_full),
        cmocka_unit_test(test_bytes),    cmocka_unit_test(test_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
