/* Names of what records and answers say, and how long a record can be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../../engine/command.h"
#include "../../engine/record.h"
#include "../../engine/result.h"
#include "../../persist/record_codec.h"

/* Every kind of record has a name of its own, and what is no kind has none. */
static void test_kind_names(void **state)
{
    const char *names[RECORD_STATE + 1];
    uint32_t count = 0;
    (void)state;
    for (int kind = 0; kind <= RECORD_STATE + 1; kind++) {
        const char *name = record_kind_name((enum record_kind)kind);
        if (!name)
            continue;
        for (uint32_t i = 0; i < count; i++)
            assert_string_not_equal(name, names[i]);
        names[count++] = name;
    }
    assert_int_equal(count, 15);
    assert_null(record_kind_name((enum record_kind)0));
    assert_string_equal(record_kind_name(RECORD_CLEAN_STOP), "clean_stop");
}

/* A decision about places names its zone; a record of the catalog, of an order or
 * of the log has none, whatever bytes it holds. */
static void test_zone_id(void **state)
{
    static struct record record;
    (void)state;
    const struct {
        enum record_kind kind;
        const struct uuid *zone_id;
    } cases[] = {
        {RECORD_RESERVED, &record.reserved.zone_id},
        {RECORD_CONFIRMED, &record.settled.zone_id},
        {RECORD_CANCELLED, &record.settled.zone_id},
        {RECORD_EXPIRED, &record.expired.zone_id},
        {RECORD_CHANGED, &record.changed.zone_id},
        {RECORD_BLOCK, &record.block.zone_id},
        {RECORD_ZONE_CHANGED, &record.zone_changed.zone_id},
    };
    uint32_t named = 0;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        record.kind = cases[i].kind;
        assert_ptr_equal(record_zone_id(&record), cases[i].zone_id);
    }
    for (int kind = 0; kind <= RECORD_STATE + 1; kind++) {
        record.kind = (enum record_kind)kind;
        named += record_zone_id(&record) != NULL;
    }
    assert_int_equal(named, sizeof cases / sizeof cases[0]);
    record.kind = RECORD_ZONE;
    assert_null(record_zone_id(&record));
}

/* Every result and status has a name; what is none is "unknown". */
static void test_result_names(void **state)
{
    (void)state;
    for (int result = 0; result < RESULT_COUNT; result++)
        assert_string_not_equal(result_name((enum result)result), "unknown");
    assert_string_equal(result_name(RESULT_COUNT), "unknown");
    assert_string_equal(booking_status_name(BOOKING_REFUNDED), "refunded");
    assert_string_equal(booking_status_name((enum booking_status)(BOOKING_REFUNDED + 1)),
                        "unknown");
}

static uint32_t room_for(const struct record *record)
{
    return record_encoded_bytes_max(record);
}

/* A record whose text or list is too long has no length: it cannot be written. */
static void test_too_long(void **state)
{
    static struct record record;
    (void)state;
    struct {
        enum record_kind kind;
        uint32_t *length, most;
    } const cases[] = {
        {RECORD_EVENT, &record.event.title.length, CATALOG_TITLE_BYTES_MAX},
        {RECORD_EVENT, &record.event.slug.length, CATALOG_SLUG_BYTES_MAX},
        {RECORD_EVENT, &record.event.description.length, CATALOG_DESCRIPTION_BYTES_MAX},
        {RECORD_EVENT, &record.event.venue.length, CATALOG_TEXT_BYTES_MAX},
        {RECORD_EVENT, &record.event.city.length, CATALOG_TEXT_BYTES_MAX},
        {RECORD_EVENT, &record.event.image_url.length, CATALOG_URL_BYTES_MAX},
        {RECORD_SHOW, &record.show.name.length, CATALOG_TEXT_BYTES_MAX},
        {RECORD_SHOW, &record.show.stop_count, CATALOG_STOPS_MAX},
        {RECORD_ZONE, &record.zone.name.length, CATALOG_TEXT_BYTES_MAX},
        {RECORD_ZONE, &record.zone.segment_price_count, CATALOG_SEGMENTS_MAX},
        {RECORD_ZONE, &record.zone.plan_length, SEAT_PLAN_BYTES_MAX},
        {RECORD_STATION, &record.station.code.length, CATALOG_STATION_CODE_BYTES_MAX},
        {RECORD_STATION, &record.station.name.length, CATALOG_TEXT_BYTES_MAX},
        {RECORD_STATION, &record.station.city.length, CATALOG_TEXT_BYTES_MAX},
        {RECORD_ROUTE, &record.route.name.length, CATALOG_TEXT_BYTES_MAX},
        {RECORD_ROUTE, &record.route.stop_count, CATALOG_STOPS_MAX},
        {RECORD_BLOCK, &record.block.reason.length, CATALOG_TEXT_BYTES_MAX},
        {RECORD_BLOCK, &record.block.seat_count, RECORD_BLOCK_SEATS_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memset(&record, 0, sizeof record);
        record.kind = cases[i].kind;
        uint32_t empty = room_for(&record);
        assert_true(empty > 0);
        *cases[i].length = cases[i].most;
        assert_true(room_for(&record) >= empty + cases[i].most);
        *cases[i].length = cases[i].most + 1;
        assert_int_equal(room_for(&record), 0);
    }
    record.kind = (enum record_kind)0;
    assert_int_equal(room_for(&record), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kind_names), cmocka_unit_test(test_zone_id),
        cmocka_unit_test(test_result_names), cmocka_unit_test(test_too_long)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
