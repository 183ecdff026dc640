#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../engine/seat_map.h"
#include "../../engine/trip_search.h"

/* Searches for trips against a scan of all of them. */

enum { STATIONS = 12, TRIPS = 3000, DAYS = 6 };

static const uint64_t DAY_MS = 86400000, START_MS = 20000 * UINT64_C(86400000);

struct fixture {
    struct catalog *catalog;
    struct uuid event_id;
    uint64_t seed;
};

static uint64_t next(struct fixture *fixture)
{
    uint64_t z = fixture->seed += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
}

static uint32_t below(struct fixture *fixture, uint32_t bound)
{
    return (uint32_t)(next(fixture) % bound);
}

static struct uuid station_id(uint64_t number)
{
    return uuid_v7(START_MS, 9, number);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->catalog = catalog_new();
    fixture->event_id = uuid_v7(START_MS, 1, 0);
    fixture->seed = 7;
    struct catalog_event event = {.id = fixture->event_id, .slug = {"line", 4}};
    assert_true(catalog_put_event(fixture->catalog, catalog_event_new(&event)));
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    catalog_free(fixture->catalog);
    free(fixture);
    return 0;
}

static void put_trip(struct fixture *fixture, uint64_t number, const struct catalog_stop *stops,
                     uint32_t count)
{
    struct catalog_show draft = {.id = uuid_v7(START_MS, 2, number),
                                 .event_id = fixture->event_id,
                                 .segment_count = count > 0 ? count - 1 : 1,
                                 .stop_count = count,
                                 .stops = stops};
    assert_true(catalog_put_show(fixture->catalog, catalog_show_new(&draft)));
}

/* Through some of the stations in a random order, some halts of hours, coarse times so
 * that departures coincide. */
static void put_random_trip(struct fixture *fixture, uint64_t number)
{
    uint32_t order[STATIONS];
    struct catalog_stop stops[STATIONS];
    uint32_t count = 2 + below(fixture, STATIONS - 1);
    uint64_t ms = START_MS + below(fixture, DAYS * 24) * UINT64_C(3600000);

    for (uint32_t i = 0; i < STATIONS; i++)
        order[i] = i;
    for (uint32_t i = STATIONS - 1; i > 0; i--) {
        uint32_t j = below(fixture, i + 1), kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
    for (uint32_t i = 0; i < count; i++) {
        stops[i].station_id = station_id(order[i]);
        stops[i].arrives_ms = ms;
        ms += below(fixture, 3) * UINT64_C(1800000);
        stops[i].departs_ms = ms;
        ms += below(fixture, 8) * UINT64_C(3600000);
    }
    put_trip(fixture, number, stops, count);
}

static bool is_wanted(const struct catalog_show *show, const struct trip_query *query,
                      uint64_t *departs_ms)
{
    uint32_t from = catalog_show_stop(show, &query->from);
    uint32_t to = catalog_show_stop(show, &query->to);
    if (from == UINT32_MAX || to == UINT32_MAX || from >= to)
        return false;
    *departs_ms = show->stops[from].departs_ms;
    return *departs_ms >= query->since_ms && *departs_ms < query->until_ms;
}

static void assert_as_scanned(struct fixture *fixture, const struct trip_query *query)
{
    struct trip_cursor cursor = trip_search(fixture->catalog, query);
    struct trip trip;
    uint64_t before_ms = 0, departs_ms = 0;
    uint32_t found = 0, wanted = 0;

    while (trip_search_next(&cursor, &trip)) {
        assert_true(is_wanted(trip.show, query, &departs_ms));
        assert_true(trip.show->stops[trip.from_stop].departs_ms == departs_ms);
        assert_true(uuid_equal(&trip.show->stops[trip.to_stop].station_id, &query->to));
        assert_true(departs_ms >= before_ms);
        before_ms = departs_ms;
        found++;
    }
    for (uint32_t i = 0; i < catalog_show_count(fixture->catalog); i++)
        wanted += is_wanted(catalog_show_at(fixture->catalog, i), query, &departs_ms);
    assert_int_equal(found, wanted);
}

/* Whatever is asked, the trips found are those a scan finds, in the order they depart. */
static void test_against_a_scan(void **state)
{
    struct fixture *fixture = *state;
    for (uint64_t n = 0; n < TRIPS; n++)
        put_random_trip(fixture, n);
    for (uint32_t n = 0; n < 2000; n++) {
        uint64_t since_ms = START_MS + below(fixture, (DAYS + 2) * 48) * UINT64_C(1800000);
        struct trip_query query = {.from = station_id(below(fixture, STATIONS)),
                                   .to = station_id(below(fixture, STATIONS)),
                                   .since_ms = since_ms,
                                   .until_ms = since_ms + below(fixture, 3) * DAY_MS +
                                               below(fixture, 48) * UINT64_C(1800000)};
        assert_as_scanned(fixture, &query);
    }
}

/* Unknown stations, an empty catalog and shows without stops are found by nobody. */
static void test_nothing_to_find(void **state)
{
    struct fixture *fixture = *state;
    struct trip_query query = {station_id(0), station_id(1), 0, UINT64_C(3) * DAY_MS};
    struct trip trip;
    struct trip_cursor cursor = trip_search(fixture->catalog, &query);
    assert_false(trip_search_next(&cursor, &trip));
    put_trip(fixture, 0, NULL, 0);
    cursor = trip_search(fixture->catalog, &query);
    assert_false(trip_search_next(&cursor, &trip));
}

/* Both ends of the time asked for: the first millisecond is in, the last is not. */
static void test_bounds(void **state)
{
    struct fixture *fixture = *state;
    struct catalog_stop stops[2] = {{station_id(0), START_MS, START_MS},
                                    {station_id(1), START_MS + 1, START_MS + 1}};
    struct trip trip;
    put_trip(fixture, 0, stops, 2);
    struct trip_query query = {station_id(0), station_id(1), START_MS, START_MS + 1};
    struct trip_cursor cursor = trip_search(fixture->catalog, &query);
    assert_true(trip_search_next(&cursor, &trip));
    assert_false(trip_search_next(&cursor, &trip));
    query.since_ms = START_MS + 1;
    query.until_ms = START_MS + DAY_MS;
    cursor = trip_search(fixture->catalog, &query);
    assert_false(trip_search_next(&cursor, &trip));
    query.since_ms = START_MS - DAY_MS;
    query.until_ms = START_MS;
    cursor = trip_search(fixture->catalog, &query);
    assert_false(trip_search_next(&cursor, &trip));
    query = (struct trip_query){station_id(1), station_id(0), START_MS, START_MS + DAY_MS};
    cursor = trip_search(fixture->catalog, &query); /* the other way */
    assert_false(trip_search_next(&cursor, &trip));
}

/* Of a trip's zone: the price of a way is the sum of its segments, and a fresh zone has
 * all places on every way. */
static void test_price_and_places_of_a_way(void **state)
{
    (void)state;
    int64_t prices[3] = {100, 20, 3};
    struct catalog_zone draft = {.total_seats = 9,
                                 .price_minor = 123,
                                 .segment_count = 3,
                                 .segment_price_count = 3,
                                 .segment_prices = prices};
    struct catalog_zone *zone = catalog_zone_new(&draft);
    assert_non_null(zone);
    prices[0] = 0; /* the object has its own */
    assert_int_equal(catalog_zone_price(zone, 0, 3), 123);
    assert_int_equal(catalog_zone_price(zone, 1, 3), 23);
    assert_int_equal(catalog_zone_price(zone, 0, 1), 100);
    assert_int_equal(zone->counters->pair_count, 6);
    for (uint32_t from = 0; from < 3; from++)
        for (uint32_t to = from + 1; to <= 3; to++)
            assert_int_equal(catalog_zone_left(zone, from, to), 9);
    uint32_t pair = seat_map_pair(3, 1, 3);
    atomic_store(&zone->counters->pairs[pair], 4);
    assert_int_equal(catalog_zone_left(zone, 1, 3), 4);
    assert_int_equal(catalog_zone_left(zone, 0, 3), 9);
    catalog_zone_release(zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_against_a_scan, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_to_find, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
        cmocka_unit_test(test_price_and_places_of_a_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
