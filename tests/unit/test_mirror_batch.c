#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../persist/mirror_batch.h"
#include "../../persist/mirror_rows.h"

struct fixture {
    struct mirror_zones zones;
    struct mirror_batch batch;
    uint64_t sequence;
};

static struct uuid id_of(uint32_t number)
{
    struct uuid id = {{0}};
    memcpy(id.bytes, &number, sizeof number);
    id.bytes[15] = 1;
    return id;
}

static const struct uuid zone_one = {{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
static const uint64_t positions[1] = {0};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (f == NULL || !mirror_zones_init(&f->zones) || !mirror_batch_init(&f->batch, &f->zones))
        return -1;
    const struct mirror_zone zone = {
        .id = id_of(1), .show_id = id_of(2), .event_id = id_of(3), .currency = "THB"};
    *state = f;
    return mirror_zones_put(&f->zones, &zone) && mirror_batch_reset(&f->batch, 1, positions, 1)
               ? 0
               : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    mirror_batch_release(&f->batch);
    mirror_zones_release(&f->zones);
    free(f);
    return 0;
}

static enum mirror_batch_result add(struct fixture *f, struct record *record)
{
    record->sequence = f->sequence + 1;
    record->stamp_ms = 1700000000000 + record->sequence;
    const enum mirror_batch_result result = mirror_batch_add(&f->batch, 0, record);
    if (result == MIRROR_BATCH_OK)
        f->sequence++;
    return result;
}

static enum mirror_batch_result reserve(struct fixture *f, uint32_t booking, uint32_t zone)
{
    struct record record = {.kind = RECORD_RESERVED,
                            .reserved = {.booking_id = id_of(booking),
                                         .user_id = id_of(9),
                                         .zone_id = id_of(zone),
                                         .quantity = 2,
                                         .to_segment = 1,
                                         .unit_price_minor = 100}};
    return add(f, &record);
}

static enum mirror_batch_result settle(struct fixture *f, enum record_kind kind, uint32_t booking)
{
    struct record record = {
        .kind = kind,
        .settled = {
            .booking_id = id_of(booking), .user_id = id_of(9), .zone_id = id_of(1), .quantity = 2}};
    return add(f, &record);
}

static enum mirror_batch_result expire(struct fixture *f, uint32_t first, uint32_t second)
{
    struct record record = {.kind = RECORD_EXPIRED};
    record.expired.zone_id = id_of(1);
    record.expired.count = 2;
    record.expired.items[0] = (struct record_expired_item){id_of(first), id_of(9), 2};
    record.expired.items[1] = (struct record_expired_item){id_of(second), id_of(9), 2};
    return add(f, &record);
}

static uint32_t rows(const struct fixture *f, enum mirror_table table)
{
    return f->batch.tables[table].count;
}

/* What begins and ends within a batch is one new row; its zone changes by the sum. */
static void test_folded_within_the_batch(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(reserve(f, 10, 1), MIRROR_BATCH_OK);
    assert_int_equal(reserve(f, 11, 1), MIRROR_BATCH_OK);
    assert_int_equal(reserve(f, 12, 1), MIRROR_BATCH_OK);
    assert_int_equal(settle(f, RECORD_CONFIRMED, 10), MIRROR_BATCH_OK);
    assert_int_equal(settle(f, RECORD_CANCELLED, 11), MIRROR_BATCH_OK);
    const struct mirror_zone *zone = mirror_zones_find(&f->zones, &zone_one);
    assert_int_equal(zone->available_change, -4);
    assert_int_equal(zone->reserved_change, 2);
    assert_int_equal(zone->sold_change, 2);
    assert_true(mirror_batch_seal(&f->batch));
    assert_int_equal(rows(f, MIRROR_BOOKINGS), 3);
    assert_int_equal(rows(f, MIRROR_SETTLED), 0);
    assert_int_equal(rows(f, MIRROR_ZONE_CHANGES), 1);
    assert_int_equal(rows(f, MIRROR_OUTBOX), 5);
    assert_int_equal(rows(f, MIRROR_AUDIT), 5);
    assert_int_equal(f->batch.spans[0].through, 5);
}

/* The end of a booking from before is one update, whatever the record's kind. */
static void test_ends_of_older_bookings(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(settle(f, RECORD_CONFIRMED, 20), MIRROR_BATCH_OK);
    assert_int_equal(expire(f, 21, 22), MIRROR_BATCH_OK);
    assert_true(mirror_batch_seal(&f->batch));
    assert_int_equal(rows(f, MIRROR_BOOKINGS), 0);
    assert_int_equal(rows(f, MIRROR_SETTLED), 3);
    assert_int_equal(rows(f, MIRROR_OUTBOX), 3);
    assert_int_equal(f->batch.rows, 3 + 1 + 3 + 3);
}

/* A record that cannot follow is refused and leaves the batch as it was. */
static void test_impossible_records(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(reserve(f, 10, 1), MIRROR_BATCH_OK);
    assert_int_equal(settle(f, RECORD_CONFIRMED, 10), MIRROR_BATCH_OK);
    const uint32_t before = f->batch.rows;
    assert_int_equal(reserve(f, 11, 77), MIRROR_BATCH_IMPOSSIBLE); /* unknown zone */
    assert_non_null(strstr(f->batch.error, "unknown zone"));
    assert_int_equal(reserve(f, 10, 1), MIRROR_BATCH_IMPOSSIBLE); /* the id again */
    assert_int_equal(settle(f, RECORD_CANCELLED, 10), MIRROR_BATCH_IMPOSSIBLE);
    assert_int_equal(expire(f, 30, 10), MIRROR_BATCH_IMPOSSIBLE); /* the second has ended */
    assert_int_equal(expire(f, 30, 30), MIRROR_BATCH_IMPOSSIBLE); /* named twice */
    struct record gap = {.kind = RECORD_CLEAN_STOP, .sequence = f->sequence + 2, .stamp_ms = 1};
    assert_int_equal(mirror_batch_add(&f->batch, 0, &gap), MIRROR_BATCH_IMPOSSIBLE);
    assert_int_equal(f->batch.rows, before);
    assert_int_equal(f->batch.spans[0].through, 2);
    const struct mirror_zone *zone = mirror_zones_find(&f->zones, &zone_one);
    assert_int_equal(zone->available_change, -2);
}

/* A zone of the batch's own catalog records is known to its bookings at once. */
static void test_zone_and_booking_together(void **state)
{
    struct fixture *f = *state;
    struct record record = {.kind = RECORD_ZONE,
                            .zone = {.id = id_of(40),
                                     .show_id = id_of(2),
                                     .event_id = id_of(3),
                                     .currency = "JPY",
                                     .total_seats = 5,
                                     .name = {"B", 1}}};
    assert_int_equal(add(f, &record), MIRROR_BATCH_OK);
    assert_int_equal(reserve(f, 10, 40), MIRROR_BATCH_OK);
    assert_true(mirror_batch_seal(&f->batch));
    assert_int_equal(rows(f, MIRROR_ZONES), 1);
    assert_int_equal(rows(f, MIRROR_BOOKINGS), 1);
    assert_string_equal(f->batch.bookings[0].currency, "JPY");
}

/* Many bookings in one batch: each is found again; a reset forgets all of them. */
static void test_many_and_reset(void **state)
{
    struct fixture *f = *state;
    for (uint32_t booking = 100; booking < 5100; booking++)
        assert_int_equal(reserve(f, booking, 1), MIRROR_BATCH_OK);
    for (uint32_t booking = 100; booking < 5100; booking++)
        assert_int_equal(settle(f, RECORD_CANCELLED, booking), MIRROR_BATCH_OK);
    assert_int_equal(f->batch.booking_count, 5000);
    const struct mirror_zone *zone = mirror_zones_find(&f->zones, &zone_one);
    assert_int_equal(zone->available_change, 0);
    assert_true(mirror_batch_reset(&f->batch, 1, &f->sequence, 1));
    assert_false(zone->changed);
    assert_int_equal(reserve(f, 100, 1), MIRROR_BATCH_OK);
    assert_int_equal(f->batch.booking_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_folded_within_the_batch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ends_of_older_bookings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_impossible_records, setup, teardown),
        cmocka_unit_test_setup_teardown(test_zone_and_booking_together, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_and_reset, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
