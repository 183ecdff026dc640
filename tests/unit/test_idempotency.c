#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../../engine/idempotency.h"
#include "../../engine/refusal_memory.h"

static const uint64_t now_ms = 1700000000000;
static const uint64_t day_ms = 86400000;

static int setup(void **state)
{
    struct idempotency_table *table = malloc(sizeof *table);
    *state = table;
    return idempotency_table_init(table, day_ms) ? 0 : -1;
}

static int teardown(void **state)
{
    idempotency_table_release(*state);
    free(*state);
    return 0;
}

static struct idempotency_entry *given_accepted(struct idempotency_table *table, uint64_t hash,
                                                uint64_t at_ms)
{
    struct request_key key = {hash, (uint32_t)hash + 1};
    struct idempotency_entry *entry = idempotency_begin(table, &key);
    entry->booking_id = uuid_v7(at_ms, 1, hash);
    entry->remaining = (uint32_t)hash;
    idempotency_accept(table, entry, IDEMPOTENCY_BOOKING, COMMAND_RESERVE, at_ms);
    return entry;
}

/* A key is unknown, then pending, then known with what it made. */
static void test_life_of_a_key(void **state)
{
    struct idempotency_table *table = *state;
    struct request_key key = {77, 5};

    assert_null(idempotency_find(table, 77, now_ms));
    struct idempotency_entry *entry = idempotency_begin(table, &key);
    assert_ptr_equal(idempotency_find(table, 77, now_ms), entry);
    assert_int_equal(entry->state, IDEMPOTENCY_PENDING);
    assert_int_equal(entry->fingerprint, 5);
    entry->booking_id = uuid_v7(now_ms, 1, 2);
    idempotency_accept(table, entry, IDEMPOTENCY_BOOKING, COMMAND_RESERVE, now_ms);
    entry = idempotency_find(table, 77, now_ms + 1);
    assert_int_equal(entry->state, IDEMPOTENCY_BOOKING);
    struct uuid booking_id = uuid_v7(now_ms, 1, 2);
    assert_true(uuid_equal(&entry->booking_id, &booking_id));
}

/* A request that was refused or lost leaves its key as if it had never come. */
static void test_abandoned_key_is_unknown(void **state)
{
    struct idempotency_table *table = *state;
    struct request_key key = {77, 5};

    idempotency_abandon(table, idempotency_begin(table, &key));
    assert_null(idempotency_find(table, 77, now_ms));
    assert_non_null(idempotency_begin(table, &key));
    assert_int_equal(table->entries.live, 1);
}

/* A key is kept for its whole time and not a millisecond longer. */
static void test_kept_exactly_its_time(void **state)
{
    struct idempotency_table *table = *state;
    given_accepted(table, 77, now_ms);
    assert_non_null(idempotency_find(table, 77, now_ms + day_ms - 1));
    assert_null(idempotency_find(table, 77, now_ms + day_ms));
    /* and can then begin anew, also before the old entry was cleaned up */
    struct idempotency_entry *again = given_accepted(table, 77, now_ms + day_ms);
    assert_ptr_equal(idempotency_find(table, 77, now_ms + day_ms + 1), again);
    for (int i = 0; i < 3; i++)
        idempotency_forget(table, now_ms + day_ms + 1);
    assert_ptr_equal(idempotency_find(table, 77, now_ms + day_ms + 1), again);
    assert_int_equal(table->entries.live, 1);
}

/* A pending key never ages: its request will still be answered. */
static void test_pending_never_ages(void **state)
{
    struct idempotency_table *table = *state;
    struct request_key key = {77, 5};
    struct idempotency_entry *entry = idempotency_begin(table, &key);
    idempotency_forget(table, now_ms + 10 * day_ms);
    assert_ptr_equal(idempotency_find(table, 77, now_ms + 10 * day_ms), entry);
    idempotency_abandon(table, entry);
}

/* Forgetting takes the old and leaves the young, a bounded number at a time. */
static void test_forgets_the_old_only(void **state)
{
    enum { KEYS = 10000 };
    struct idempotency_table *table = *state;

    for (uint64_t n = 1; n <= KEYS; n++)
        given_accepted(table, n, now_ms + n * 1000);
    uint64_t later_ms = now_ms + day_ms + KEYS / 2 * 1000;
    uint32_t before = table->entries.live;
    idempotency_forget(table, later_ms);
    assert_in_range(before - table->entries.live, 1, 1000);
    for (int i = 0; i < KEYS; i++)
        idempotency_forget(table, later_ms);
    assert_int_equal(table->entries.live, KEYS / 2);
    for (uint64_t n = 1; n <= KEYS; n++) {
        struct idempotency_entry *entry = idempotency_find(table, n, later_ms);
        assert_int_equal(entry != NULL, n > KEYS / 2);
        if (entry)
            assert_int_equal(entry->remaining, n);
    }
}

/* An entry that holds an object keeps it alive, and lets go when it is forgotten. */
static void test_objects_are_held_and_let_go(void **state)
{
    struct idempotency_table *table = *state;
    struct catalog_event draft = {.title = {"Evening", 7}, .slug = {"evening", 7}};
    struct catalog_event *event = catalog_event_new(&draft);
    struct request_key key = {77, 5};

    struct idempotency_entry *entry = idempotency_begin(table, &key);
    entry->event = catalog_event_share(event);
    idempotency_accept(table, entry, IDEMPOTENCY_EVENT, COMMAND_EVENT_CREATE, now_ms);
    assert_int_equal(atomic_load(&event->references), 2);
    idempotency_forget(table, now_ms + day_ms);
    assert_int_equal(atomic_load(&event->references), 1);
    catalog_event_release(event);
}

static struct refusal refusal_of(uint64_t hash, enum result result, uint64_t at_ms)
{
    return (struct refusal){.hash = hash, .fingerprint = 3, .result = result, .refused_ms = at_ms};
}

/* A refusal is remembered for its time, renewed by a newer one, and can be forgotten. */
static void test_refusals_are_remembered(void **state)
{
    (void)state;
    struct refusal_memory memory;
    struct refusal first = refusal_of(9, RESULT_INSUFFICIENT_STOCK, now_ms);
    struct refusal second = refusal_of(9, RESULT_SALE_CLOSED, now_ms + 5);

    assert_true(refusal_memory_init(&memory, day_ms));
    assert_null(refusal_find(&memory, 9, now_ms));
    refusal_remember(&memory, &first);
    assert_int_equal(refusal_find(&memory, 9, now_ms)->result, RESULT_INSUFFICIENT_STOCK);
    assert_non_null(refusal_find(&memory, 9, now_ms + day_ms - 1));
    assert_null(refusal_find(&memory, 9, now_ms + day_ms));
    refusal_remember(&memory, &second);
    assert_int_equal(refusal_find(&memory, 9, now_ms + day_ms)->result, RESULT_SALE_CLOSED);
    refusal_forget(&memory, 9);
    refusal_forget(&memory, 10);
    assert_null(refusal_find(&memory, 9, now_ms + 5));
    refusal_memory_release(&memory);
}

/* The memory is bounded: after a hundred thousand refusals the newest are there, the
 * oldest gone. */
static void test_refusals_are_bounded(void **state)
{
    (void)state;
    enum { REFUSALS = 100000 };
    struct refusal_memory memory;

    assert_true(refusal_memory_init(&memory, day_ms));
    for (uint64_t n = 1; n <= REFUSALS; n++) {
        struct refusal refusal = refusal_of(n, RESULT_INSUFFICIENT_STOCK, now_ms);
        refusal_remember(&memory, &refusal);
        if (n % 3 == 0)
            refusal_forget(&memory, n - 1);
    }
    uint64_t kept = 0;
    for (uint64_t n = 1; n <= REFUSALS; n++)
        kept += refusal_find(&memory, n, now_ms) != NULL;
    assert_in_range(kept, 1000, REFUSALS / 2);
    assert_non_null(refusal_find(&memory, REFUSALS, now_ms));
    assert_null(refusal_find(&memory, 1, now_ms));
    refusal_memory_release(&memory);
}

/* Answers that keys keep go when the keys go. */
static void test_answers_go_with_their_keys(void **state)
{
    struct idempotency_table *table = *state;
    struct answer answer = {.kind = COMMAND_EXTEND};

    for (uint64_t hash = 1; hash <= 100; hash++) {
        struct request_key key = {hash, 1};
        struct idempotency_entry *entry = idempotency_begin(table, &key);
        entry->answer = answer_memory_keep(&table->answers, &answer);
        idempotency_accept(table, entry, IDEMPOTENCY_ANSWER, COMMAND_EXTEND, now_ms + hash);
    }
    assert_true(table->answers.chunks.live >= 100);
    for (int i = 0; i < 10; i++)
        idempotency_forget(table, now_ms + day_ms + 100);
    assert_int_equal(table->answers.chunks.live, 0);
}

/* Near the end of the room for answers no key is taken any more: what is under way
 * still finds its place. */
static void test_no_key_without_room_for_its_answer(void **state)
{
    struct idempotency_table *table = *state;
    struct request_key key = {1, 1};

    table->answers.chunks.live = ANSWER_MEMORY_CHUNKS_MAX - ANSWER_MEMORY_CHUNKS_MAX / 4;
    assert_non_null(idempotency_begin(table, &key));
    key.hash = 2;
    table->answers.chunks.live++;
    assert_null(idempotency_begin(table, &key));
    table->answers.chunks.live = 0;
}

/* A refusal is remembered with the seats it was about. */
static void test_refused_seats(void **state)
{
    (void)state;
    struct refusal_memory memory;
    struct refusal refusal = {.hash = 7,
                              .result = RESULT_SEAT_UNAVAILABLE,
                              .refused_ms = now_ms,
                              .seat_count = 2,
                              .seats = {3 | 1U << 24, 4 | 2U << 24}};

    assert_true(refusal_memory_init(&memory, day_ms));
    refusal_remember(&memory, &refusal);
    const struct refusal *found = refusal_find(&memory, 7, now_ms + 1);
    assert_int_equal(found->seat_count, 2);
    assert_int_equal(found->seats[1], 4 | 2U << 24);
    refusal_memory_release(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_life_of_a_key, setup, teardown),
        cmocka_unit_test_setup_teardown(test_abandoned_key_is_unknown, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kept_exactly_its_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pending_never_ages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_forgets_the_old_only, setup, teardown),
        cmocka_unit_test_setup_teardown(test_objects_are_held_and_let_go, setup, teardown),
        cmocka_unit_test(test_refusals_are_remembered),
        cmocka_unit_test(test_refusals_are_bounded),
        cmocka_unit_test_setup_teardown(test_answers_go_with_their_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_key_without_room_for_its_answer, setup, teardown),
        cmocka_unit_test(test_refused_seats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
