#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../persist/snapshot_entry.h"

/* Kept answers in a snapshot's bytes, field by field. */

static struct answer_memory memory;
static struct snapshot_entry entry;
static struct record_scratch scratch;
static uint8_t bytes[SNAPSHOT_ENTRY_BYTES_MAX];

static struct booking_facts booking_facts(uint32_t number)
{
    return (struct booking_facts){.booking_id = uuid_v7(1700000000000, 5, number),
                                  .user_id = uuid_v7(1700000000001, 6, number),
                                  .zone_id = uuid_v7(1700000000002, 7, number),
                                  .status = BOOKING_REFUNDED,
                                  .quantity = number + 1,
                                  .unit_price_minor = -1250 - (int64_t)number,
                                  .created_ms = 1700000000000,
                                  .expires_ms = UINT64_MAX,
                                  .changed_ms = 1700000600000,
                                  .remaining = UINT32_MAX,
                                  .from_segment = 1,
                                  .to_segment = CATALOG_SEGMENTS_MAX,
                                  .pinned = true,
                                  .order = {uuid_v7(1700000000003, 8, number), 7, 8},
                                  .exchanged_from = uuid_v7(1700000000004, 9, number)};
}

static void assert_booking(const struct booking_facts *a, const struct booking_facts *b)
{
    assert_memory_equal(&a->booking_id, &b->booking_id, sizeof a->booking_id);
    assert_memory_equal(&a->user_id, &b->user_id, sizeof a->user_id);
    assert_memory_equal(&a->zone_id, &b->zone_id, sizeof a->zone_id);
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->quantity, b->quantity);
    assert_true(a->unit_price_minor == b->unit_price_minor);
    assert_true(a->created_ms == b->created_ms);
    assert_true(a->expires_ms == b->expires_ms);
    assert_true(a->changed_ms == b->changed_ms);
    assert_int_equal(a->remaining, b->remaining);
    assert_int_equal(a->from_segment, b->from_segment);
    assert_int_equal(a->to_segment, b->to_segment);
    assert_int_equal(a->pinned, b->pinned);
    assert_memory_equal(&a->order.id, &b->order.id, sizeof a->order.id);
    assert_int_equal(a->order.item, b->order.item);
    assert_int_equal(a->order.count, b->order.count);
    assert_memory_equal(&a->exchanged_from, &b->exchanged_from, sizeof a->exchanged_from);
}

/* Keeps the answer and writes its key: the entry's length. */
static uint32_t encode(const struct answer *answer)
{
    static uint8_t kept[ANSWER_MEMORY_BYTES_MAX];
    uint32_t slot = answer_memory_keep(&memory, answer);
    assert_int_not_equal(slot, SLAB_NONE);
    struct shard_key_state key = {.key = {99, 7},
                                  .kind = SHARD_KEY_ANSWER,
                                  .made_by = answer->kind,
                                  .accepted_ms = 1700000000000,
                                  .answer = kept};
    key.answer_length = answer_memory_read(&memory, slot, kept);
    uint32_t length = snapshot_encode_key(&key, bytes);
    assert_true(length <= sizeof bytes);
    memset(kept, 0xee, sizeof kept);
    answer_memory_forget(&memory, slot);
    return length;
}

/* Through the bytes and back. */
static void round_trip(const struct answer *answer, struct answer *again)
{
    uint32_t length = encode(answer);
    assert_int_equal(snapshot_decode(&entry, &scratch, bytes, length), length);
    assert_int_equal(entry.key.made_by, answer->kind);
    uint32_t slot = answer_memory_write(&memory, entry.key.answer, entry.key.answer_length);
    again->kind = answer->kind;
    assert_true(answer_memory_recall(&memory, slot, again));
    answer_memory_forget(&memory, slot);
}

static struct answer booking_answer(uint32_t seats)
{
    struct answer answer = {.kind = COMMAND_EXCHANGE, .seat_count = seats};
    answer.booking = booking_facts(3);
    for (uint32_t i = 0; i < seats; i++)
        answer.seats[i] = 500 * i + 1;
    return answer;
}

/* A booking keeps every field and seat. */
static void test_booking(void **state)
{
    (void)state;
    for (uint32_t seats = 0; seats <= RECORD_SEATS_MAX; seats += RECORD_SEATS_MAX / 2) {
        struct answer answer = booking_answer(seats), again = {.kind = COMMAND_EXCHANGE};
        round_trip(&answer, &again);
        assert_booking(&again.booking, &answer.booking);
        assert_int_equal(again.seat_count, seats);
        assert_memory_equal(again.seats, answer.seats, seats * sizeof answer.seats[0]);
    }
}

static uint32_t block_seats[RECORD_BLOCK_SEATS_MAX];
static struct block_facts block;

static struct answer block_answer(uint32_t seats)
{
    block = (struct block_facts){.block_id = uuid_v7(1, 2, 3),
                                 .zone_id = uuid_v7(2, 3, 4),
                                 .kind = BLOCK_ALLOTMENT,
                                 .active = true,
                                 .quantity = 12,
                                 .drawn = 5,
                                 .created_ms = 17,
                                 .expires_ms = 18,
                                 .key_digest = {1, 2, 3},
                                 .reason = {"for the press", 13},
                                 .seat_count = seats,
                                 .seats = block_seats};
    for (uint32_t i = 0; i < seats; i++)
        block_seats[i] = 7 * i;
    return (struct answer){.kind = COMMAND_BLOCK_CREATE, .block = &block};
}

/* A block keeps every field, its text and its seats, as many as there can be. */
static void test_block(void **state)
{
    (void)state;
    for (uint32_t seats = 0; seats <= RECORD_BLOCK_SEATS_MAX; seats += RECORD_BLOCK_SEATS_MAX) {
        struct answer answer = block_answer(seats), again = {.kind = COMMAND_BLOCK_CREATE};
        round_trip(&answer, &again);
        const struct block_facts *got = again.block;
        assert_memory_equal(&got->block_id, &block.block_id, sizeof block.block_id);
        assert_memory_equal(&got->zone_id, &block.zone_id, sizeof block.zone_id);
        assert_true(uuid_is_nil(&got->owner_id));
        assert_int_equal(got->kind, block.kind);
        assert_true(got->active);
        assert_int_equal(got->quantity, 12);
        assert_int_equal(got->drawn, 5);
        assert_int_equal(got->created_ms, 17);
        assert_int_equal(got->expires_ms, 18);
        assert_memory_equal(got->key_digest, block.key_digest, sizeof block.key_digest);
        assert_int_equal(got->reason.length, 13);
        assert_memory_equal(got->reason.bytes, "for the press", 13);
        assert_int_equal(got->seat_count, seats);
        if (seats > 0)
            assert_memory_equal(got->seats, block_seats, seats * sizeof block_seats[0]);
        answer_release(&again);
    }
}

/* A zone keeps all its numbers. */
static void test_zone(void **state)
{
    (void)state;
    struct answer answer = {.kind = COMMAND_CAPACITY}, again = {.kind = COMMAND_CAPACITY};
    answer.zone_facts = (struct zone_facts){uuid_v7(1, 2, 3), 90, 60, 1, 2, 3, 4, true};
    round_trip(&answer, &again);
    assert_memory_equal(&again.zone_facts.zone_id, &answer.zone_facts.zone_id, 16);
    assert_int_equal(again.zone_facts.total, 90);
    assert_int_equal(again.zone_facts.target, 60);
    assert_int_equal(again.zone_facts.available, 1);
    assert_int_equal(again.zone_facts.reserved, 2);
    assert_int_equal(again.zone_facts.sold, 3);
    assert_int_equal(again.zone_facts.blocked, 4);
    assert_true(again.zone_facts.closed);
}

static struct order_facts order_facts(void)
{
    struct order_facts facts;
    memset(&facts, 0, sizeof facts);
    facts.order_id = uuid_v7(1, 2, 3);
    facts.user_id = uuid_v7(4, 5, 6);
    facts.status = BOOKING_CONFIRMED;
    facts.count = ORDER_ITEMS_MAX;
    for (uint32_t i = 0; i < ORDER_ITEMS_MAX; i++) {
        facts.items[i].booking = booking_facts(i);
        facts.items[i].seat_count = i;
        for (uint32_t j = 0; j < i; j++)
            facts.items[i].seats[j] = 10 * i + j;
    }
    return facts;
}

static void assert_order(const struct order_facts *a, const struct order_facts *b)
{
    assert_memory_equal(&a->order_id, &b->order_id, sizeof a->order_id);
    assert_memory_equal(&a->user_id, &b->user_id, sizeof a->user_id);
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->count, b->count);
    for (uint32_t i = 0; i < a->count; i++) {
        assert_booking(&a->items[i].booking, &b->items[i].booking);
        assert_int_equal(a->items[i].seat_count, b->items[i].seat_count);
        assert_memory_equal(a->items[i].seats, b->items[i].seats, i * sizeof(uint32_t));
    }
}

/* An order keeps all its items: as a kept answer, and as one under way in its order. */
static void test_order(void **state)
{
    (void)state;
    struct order_facts facts = order_facts();
    struct answer answer = {.kind = COMMAND_ORDER_CREATE, .order = &facts};
    struct answer again = {.kind = COMMAND_ORDER_CREATE};
    round_trip(&answer, &again);
    assert_order(again.order, &facts);
    answer_release(&again);

    struct order order;
    memset(&order, 0, sizeof order);
    order.id = facts.order_id;
    order.user_id = facts.user_id;
    order.created = &facts;
    uint32_t length = snapshot_encode_order(&order, bytes);
    assert_int_equal(snapshot_decode(&entry, &scratch, bytes, length), length);
    assert_order(entry.order.order.created, &facts);
    assert_null(entry.order.order.ended);
}

/* Any shortened entry is refused; any changed byte is refused or read within bounds. */
static void test_hostile(void **state)
{
    (void)state;
    struct order_facts facts = order_facts();
    const struct answer answers[] = {booking_answer(4),
                                     block_answer(9),
                                     {.kind = COMMAND_ZONE_SALE},
                                     {.kind = COMMAND_ORDER_CONFIRM, .order = &facts}};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        uint32_t length = encode(&answers[i]);
        for (uint32_t cut = 0; cut < length; cut++)
            assert_true(snapshot_decode(&entry, &scratch, bytes, cut) < 0);
        for (uint32_t at = 0; at < length; at++) {
            uint8_t was = bytes[at];
            for (uint32_t value = 0; value < 256; value++) {
                bytes[at] = (uint8_t)value;
                int32_t got = snapshot_decode(&entry, &scratch, bytes, length);
                assert_true(got <= (int32_t)length);
                if (got > 0 && entry.kind == SNAPSHOT_KEY && entry.key.kind == SHARD_KEY_ANSWER)
                    assert_true(entry.key.answer_length <= ANSWER_MEMORY_BYTES_MAX);
            }
            bytes[at] = was;
        }
    }
}

/* An answer of another kind than its key's command gives is refused. */
static void test_other_kind(void **state)
{
    (void)state;
    const enum command_kind kinds[] = {COMMAND_EXCHANGE, COMMAND_BLOCK_END, COMMAND_CAPACITY,
                                       COMMAND_ORDER_CANCEL};
    struct order_facts facts = order_facts();
    struct answer answer = {.kind = COMMAND_ORDER_CREATE, .order = &facts};
    uint32_t length = encode(&answer);
    for (uint32_t at = 1; at < 20; at++) {
        if (bytes[at] != COMMAND_ORDER_CREATE || bytes[at - 1] != SHARD_KEY_ANSWER)
            continue;
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
            bytes[at] = (uint8_t)kinds[i];
            bool same = answer_facts_of(kinds[i]) == ANSWER_FACTS_ORDER;
            assert_int_equal(snapshot_decode(&entry, &scratch, bytes, length) > 0, same);
        }
        return;
    }
    fail_msg("the command's place was not found");
}

static int set_up(void **state)
{
    (void)state;
    return answer_memory_init(&memory, 1000) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    answer_memory_release(&memory);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_booking), cmocka_unit_test(test_block),
        cmocka_unit_test(test_zone),    cmocka_unit_test(test_order),
        cmocka_unit_test(test_hostile), cmocka_unit_test(test_other_kind),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
