#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../engine/zone.h"

enum { TOTAL = 100 };

static struct zone *given_zone(uint16_t segments)
{
    static struct zone_counters counters;
    static struct catalog_zone catalog_zone; /* the zone keeps a reference */
    catalog_zone = (struct catalog_zone){.references = 1,
                                         .kind = ZONE_GENERAL,
                                         .price_minor = 150000,
                                         .total_seats = TOTAL,
                                         .counters = &counters};
    struct zone *zone = zone_new(&catalog_zone, segments);
    assert_non_null(zone);
    return zone;
}

/* A new zone has all its places free. */
static void test_new_zone_is_free(void **state)
{
    (void)state;
    struct zone *zone = given_zone(1);
    assert_int_equal(zone_available(zone, 0, 1), TOTAL);
    assert_int_equal(zone_available_throughout(zone), TOTAL);
    assert_int_equal(zone->reserved + zone->sold, 0);
    zone_free(zone);
}

/* A place goes free -> reserved -> sold, or back, and is counted once all the way. */
static void test_places_are_conserved(void **state)
{
    (void)state;
    struct zone *zone = given_zone(1);

    zone_reserve(zone, 0, 1, 7);
    assert_int_equal(zone_available(zone, 0, 1), TOTAL - 7);
    zone_sell(zone, 0, 1, 3);
    assert_int_equal(zone->reserved, 4);
    assert_int_equal(zone->sold, 3);
    assert_int_equal(zone_available(zone, 0, 1), TOTAL - 7);
    zone_return(zone, 0, 1, 4);
    assert_int_equal(zone->reserved, 0);
    assert_int_equal(zone_available(zone, 0, 1), TOTAL - 3);
    zone_free(zone);
}

/* The last place can be taken, and then none is left. */
static void test_to_the_last_place(void **state)
{
    (void)state;
    struct zone *zone = given_zone(1);
    zone_reserve(zone, 0, 1, TOTAL);
    assert_int_equal(zone_available(zone, 0, 1), 0);
    zone_sell(zone, 0, 1, TOTAL);
    assert_int_equal(zone_available(zone, 0, 1), 0);
    zone_free(zone);
}

/* On a trip a place is taken only where it is ridden: what is left between two
 * stops is the least of the segments between them. */
static void test_segments_of_a_trip(void **state)
{
    (void)state;
    struct zone *zone = given_zone(4);

    zone_reserve(zone, 0, 2, 60);
    zone_reserve(zone, 2, 4, 70);
    assert_int_equal(zone_available(zone, 0, 2), 40);
    assert_int_equal(zone_available(zone, 2, 4), 30);
    assert_int_equal(zone_available(zone, 1, 3), 30);
    assert_int_equal(zone_available_throughout(zone), 30);
    zone_reserve(zone, 1, 3, 30); /* over the seam: exactly what is left */
    assert_int_equal(zone_available(zone, 2, 3), 0);
    assert_int_equal(zone_available(zone, 0, 1), 40);
    assert_int_equal(zone_available(zone, 3, 4), 30);
    zone_return(zone, 0, 2, 60);
    assert_int_equal(zone_available(zone, 0, 1), TOTAL);
    assert_int_equal(zone_available(zone, 1, 2), TOTAL - 30);
    assert_int_equal(zone->reserved, 100);
    zone_free(zone);
}

/* 100,000 random steps on every pair of stops agree with a recount of a list of trips. */
static void test_against_a_recount(void **state)
{
    (void)state;
    enum { SEGMENTS = 5, STEPS = 100000, TRIPS = 400 };
    struct trip {
        uint16_t from, to;
        uint32_t quantity;
        bool sold;
    } trips[TRIPS] = {0};
    struct zone *zone = given_zone(SEGMENTS);
    uint64_t seed = 12345;

    for (int step = 0; step < STEPS; step++) {
        seed = seed * 6364136223846793005 + 1442695040888963407;
        struct trip *trip = &trips[(seed >> 33) % TRIPS];
        uint16_t from = (uint16_t)((seed >> 13) % SEGMENTS);
        uint16_t to = (uint16_t)(from + 1 + (seed >> 20) % (uint64_t)(SEGMENTS - from));
        uint32_t quantity = (uint32_t)(1 + (seed >> 28) % 6), least = UINT32_MAX;

        for (uint16_t segment = from; segment < to; segment++) {
            uint32_t taken = 0;
            for (int i = 0; i < TRIPS; i++) {
                if (trips[i].quantity && trips[i].from <= segment && segment < trips[i].to)
                    taken += trips[i].quantity;
            }
            least = TOTAL - taken < least ? TOTAL - taken : least;
        }
        assert_int_equal(zone_available(zone, from, to), least);
        if (trip->quantity == 0 && quantity <= least) {
            *trip = (struct trip){from, to, quantity, false};
            zone_reserve(zone, from, to, quantity);
        } else if (trip->quantity != 0 && !trip->sold && (seed & 1U << 12)) {
            zone_return(zone, trip->from, trip->to, trip->quantity);
            trip->quantity = 0;
        } else if (trip->quantity != 0 && !trip->sold && seed % 64 == 0) {
            zone_sell(zone, trip->from, trip->to, trip->quantity);
            trip->sold = true;
        }
    }
    zone_free(zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_zone_is_free),  cmocka_unit_test(test_places_are_conserved),
        cmocka_unit_test(test_to_the_last_place), cmocka_unit_test(test_segments_of_a_trip),
        cmocka_unit_test(test_against_a_recount),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
