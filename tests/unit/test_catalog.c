#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <cmocka.h>

#include "../../engine/catalog.h"

static struct uuid id_of(uint64_t kind, uint64_t number)
{
    return uuid_v7(1700000000000, (uint16_t)kind, number);
}

static struct text text_of(const char *bytes)
{
    return (struct text){bytes, (uint32_t)strlen(bytes)};
}

static struct catalog_event *given_event(uint64_t number, const char *slug)
{
    struct catalog_event draft = {.id = id_of(1, number),
                                  .status = EVENT_PUBLISHED,
                                  .max_per_user = 4,
                                  .title = text_of("Evening"),
                                  .slug = text_of(slug)};
    return catalog_event_new(&draft);
}

static struct catalog_show *given_show(uint64_t number, uint64_t event)
{
    struct catalog_show draft = {.id = id_of(2, number),
                                 .event_id = id_of(1, event),
                                 .segment_count = 1,
                                 .name = text_of("Friday")};
    return catalog_show_new(&draft);
}

static struct catalog_zone *given_zone(uint64_t number, uint64_t show)
{
    struct catalog_zone draft = {.id = id_of(3, number),
                                 .show_id = id_of(2, show),
                                 .total_seats = 100,
                                 .currency = "THB",
                                 .name = text_of("Stalls")};
    return catalog_zone_new(&draft);
}

static int setup(void **state)
{
    *state = catalog_new();
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    catalog_free(*state);
    return 0;
}

/* An object is a copy in one block: what the draft pointed to may change after. */
static void test_objects_own_their_texts(void **state)
{
    (void)state;
    char title[] = "Evening", slug[] = "evening", city[] = "Bangkok";
    struct catalog_event draft = {
        .title = text_of(title), .slug = text_of(slug), .city = text_of(city)};
    struct catalog_event *event = catalog_event_new(&draft);

    memset(title, 'x', sizeof title);
    memset(slug, 'x', sizeof slug);
    memset(city, 'x', sizeof city);
    assert_memory_equal(event->title.bytes, "Evening", 7);
    assert_memory_equal(event->slug.bytes, "evening", 7);
    assert_memory_equal(event->city.bytes, "Bangkok", 7);
    assert_int_equal(event->venue.length, 0);
    catalog_event_release(event);
}

/* A new zone starts with all its seats free; every version shares the counters. */
static void test_versions_share_counters(void **state)
{
    (void)state;
    struct catalog_zone draft = {.total_seats = 100, .name = text_of("Stalls")};
    struct catalog_zone *zone = catalog_zone_new(&draft);
    struct zone_counters *counters = zone->counters;
    assert_int_equal(atomic_load(&counters->available), 100);
    assert_int_equal((uintptr_t)counters % 64, 0);

    draft = *zone;
    draft.price_minor = 99;
    struct catalog_zone *next = catalog_zone_new(&draft);
    assert_ptr_equal(next->counters, counters);
    assert_int_equal(atomic_load(&next->references), 1);
    catalog_zone_release(zone);
    assert_int_equal(atomic_load(&counters->available), 100); /* the other version has them */
    catalog_zone_release(next); /* the last one frees them: LeakSanitizer would tell */
}

/* What was put is found by id, by slug and by number; what was not is NULL. */
static void test_found_by_id_slug_and_number(void **state)
{
    struct catalog *catalog = *state;
    struct catalog_event *event = given_event(1, "evening");
    struct uuid id = event->id, other = id_of(1, 2);

    assert_int_equal(catalog_event_number(catalog, &id), UINT32_MAX);
    assert_true(catalog_put_event(catalog, event));
    assert_ptr_equal(catalog_event(catalog, &id), event);
    assert_ptr_equal(catalog_event_by_slug(catalog, "evening", 7), event);
    uint32_t number = catalog_event_number(catalog, &id);
    assert_ptr_equal(catalog_event_by_number(catalog, number), event);
    assert_null(catalog_event(catalog, &other));
    assert_null(catalog_event_by_slug(catalog, "evenin", 6));
    assert_null(catalog_event_by_slug(catalog, "", 0));
    assert_null(catalog_event_by_number(catalog, number + 1));
    assert_null(catalog_event_by_number(catalog, UINT32_MAX));
}

/* A new version takes the old one's place and number, and its slug if that changed. */
static void test_new_version_replaces(void **state)
{
    struct catalog *catalog = *state;
    struct uuid id = id_of(1, 1);

    assert_true(catalog_put_event(catalog, given_event(1, "before")));
    uint32_t number = catalog_event_number(catalog, &id);
    struct catalog_event *next = given_event(1, "after");
    assert_true(catalog_put_event(catalog, next));
    assert_int_equal(catalog_event_number(catalog, &id), number);
    assert_int_equal(catalog_event_count(catalog), 1);
    assert_null(catalog_event_by_slug(catalog, "before", 6));
    assert_ptr_equal(catalog_event_by_slug(catalog, "after", 5), next);
}

/* Shows of an event and zones of a show come in the order they were put, each once. */
static void test_lists_keep_their_order(void **state)
{
    enum { SHOWS = 30, ZONES = 40 };
    struct catalog *catalog = *state;

    for (uint64_t event = 0; event < 3; event++) {
        char slug[16];
        snprintf(slug, sizeof slug, "event-%d", (int)event);
        assert_true(catalog_put_event(catalog, given_event(event, slug)));
    }
    for (uint64_t show = 0; show < SHOWS; show++)
        assert_true(catalog_put_show(catalog, given_show(show, show % 3)));
    for (uint64_t zone = 0; zone < ZONES; zone++)
        assert_true(catalog_put_zone(catalog, given_zone(zone, zone % 2)));
    assert_true(catalog_put_show(catalog, given_show(4, 1))); /* a new version, not a new show */
    assert_true(catalog_put_zone(catalog, given_zone(5, 1)));

    for (uint64_t event = 0; event < 3; event++) {
        struct uuid event_id = id_of(1, event);
        for (uint32_t i = 0; i < SHOWS / 3; i++) {
            struct uuid expected = id_of(2, event + 3 * i);
            const struct catalog_show *show = catalog_event_show(catalog, &event_id, i);
            assert_true(uuid_equal(&show->id, &expected));
            assert_ptr_equal(catalog_show(catalog, &expected), show);
        }
        assert_null(catalog_event_show(catalog, &event_id, SHOWS / 3));
    }
    struct uuid show_id = id_of(2, 1), unknown = id_of(2, 999);
    for (uint32_t i = 0; i < ZONES / 2; i++) {
        struct uuid expected = id_of(3, 1 + 2 * i);
        const struct catalog_zone *zone = catalog_show_zone(catalog, &show_id, i);
        assert_true(uuid_equal(&zone->id, &expected));
        assert_ptr_equal(catalog_zone(catalog, &expected), zone);
    }
    assert_null(catalog_show_zone(catalog, &show_id, ZONES / 2));
    assert_null(catalog_show_zone(catalog, &unknown, 0));
    assert_null(catalog_event_show(catalog, &unknown, 0));
    assert_int_equal(catalog_zone_count(catalog), ZONES);
    assert_null(catalog_zone_at(catalog, ZONES));
}

/* A show without its event and a zone without its show are refused, and stay the caller's. */
static void test_orphans_are_refused(void **state)
{
    struct catalog *catalog = *state;
    struct catalog_show *show = given_show(1, 1);
    struct catalog_zone *zone = given_zone(1, 1);

    assert_false(catalog_put_show(catalog, show));
    assert_false(catalog_put_zone(catalog, zone));
    assert_int_equal(atomic_load(&show->references), 1);
    assert_int_equal(atomic_load(&zone->references), 1);
    assert_null(catalog_show(catalog, &show->id));
    assert_null(catalog_zone(catalog, &zone->id));
    catalog_show_release(show);
    catalog_zone_release(zone);
}

/* One object serves all replicas: it lives until the last lets go of it. */
static void test_shared_between_replicas(void **state)
{
    struct catalog *catalog = *state, *second = catalog_new();
    struct catalog_event *event = given_event(1, "evening");

    assert_true(catalog_put_event(second, catalog_event_share(event)));
    assert_true(catalog_put_event(catalog, catalog_event_share(event)));
    assert_int_equal(atomic_load(&event->references), 3);
    assert_true(catalog_put_event(catalog, given_event(1, "evening")));
    assert_int_equal(atomic_load(&event->references), 2);
    catalog_free(second);
    assert_int_equal(atomic_load(&event->references), 1);
    assert_memory_equal(event->slug.bytes, "evening", 7);
    catalog_event_release(event);
}

/* Ten thousand events are all found by id and slug, and keep their numbers. */
static void test_many_events(void **state)
{
    enum { EVENTS = 10000 };
    struct catalog *catalog = *state;
    char slug[16];

    for (uint64_t n = 0; n < EVENTS; n++) {
        snprintf(slug, sizeof slug, "event-%d", (int)n);
        assert_true(catalog_put_event(catalog, given_event(n, slug)));
    }
    for (uint64_t n = 0; n < EVENTS; n++) {
        struct uuid id = id_of(1, n);
        int length = snprintf(slug, sizeof slug, "event-%d", (int)n);
        const struct catalog_event *event = catalog_event(catalog, &id);
        assert_non_null(event);
        assert_ptr_equal(catalog_event_by_slug(catalog, slug, (size_t)length), event);
        assert_int_equal(catalog_event_number(catalog, &id), n);
    }
}

/* A seated zone decodes its plan once, all versions share it; bytes that are damaged or
 * of another number of seats make no zone. */
static void test_plan_of_a_zone(void **state)
{
    (void)state;
    size_t length;
    enum seat_plan_error error;
    struct seat_plan_builder *builder = seat_plan_builder_new();
    seat_plan_add_row(builder, "A", 1);
    seat_plan_add_run(builder, 1, 1, 7, 0, 1, 0, false);
    uint8_t *bytes = seat_plan_encode(builder, &length, &error);
    assert_non_null(bytes);
    seat_plan_builder_free(builder);
    struct catalog_zone draft = {.kind = ZONE_SEATED,
                                 .total_seats = 7,
                                 .plan_bytes = bytes,
                                 .plan_length = (uint32_t)length};
    struct catalog_zone *zone = catalog_zone_new(&draft);
    assert_non_null(zone);
    assert_int_equal(zone->plan->seat_count, 7);
    assert_ptr_not_equal(zone->plan_bytes, bytes);
    assert_memory_equal(zone->plan_bytes, bytes, length);
    draft.counters = zone->counters;
    struct catalog_zone *next = catalog_zone_new(&draft);
    assert_ptr_equal(next->plan, zone->plan);
    catalog_zone_release(zone);
    assert_int_equal(next->plan->seat_count, 7); /* it lives on with the last version */
    catalog_zone_release(next);
    draft.counters = NULL;
    draft.total_seats = 8;
    assert_null(catalog_zone_new(&draft));
    draft.total_seats = 7;
    draft.plan_length--;
    assert_null(catalog_zone_new(&draft));
    free(bytes);
}

/* Stations are found by id and by code, routes by id, both in the order they came. */
static void test_stations_and_routes(void **state)
{
    (void)state;
    struct catalog *catalog = catalog_new();
    struct uuid ids[2] = {uuid_v7(1, 9, 0), uuid_v7(1, 9, 1)};
    struct catalog_station a = {.id = ids[0], .code = {"DHA", 3}, .name = {"Dhaka", 5}};
    struct catalog_station b = {.id = ids[1], .code = {"CTG", 3}, .name = {"Chittagong", 10}};
    assert_true(catalog_put_station(catalog, catalog_station_new(&a)));
    assert_true(catalog_put_station(catalog, catalog_station_new(&b)));
    assert_int_equal(catalog_station_count(catalog), 2);
    assert_ptr_equal(catalog_station_by_code(catalog, "CTG", 3), catalog_station(catalog, &ids[1]));
    assert_ptr_equal(catalog_station_at(catalog, 0), catalog_station(catalog, &ids[0]));
    assert_null(catalog_station_by_code(catalog, "CT", 2));
    assert_null(catalog_station_by_code(catalog, "A code that is far too long", 27));
    b.code = (struct text){"CGP", 3}; /* the same again, under another code */
    assert_true(catalog_put_station(catalog, catalog_station_new(&b)));
    assert_int_equal(catalog_station_count(catalog), 2);
    assert_null(catalog_station_by_code(catalog, "CTG", 3));
    assert_non_null(catalog_station_by_code(catalog, "CGP", 3));
    struct catalog_route route = {.id = uuid_v7(1, 8, 0), .stop_count = 2, .stations = ids};
    assert_true(catalog_put_route(catalog, catalog_route_new(&route)));
    ids[0] = ids[1]; /* the object has its own */
    assert_true(uuid_equal(&catalog_route(catalog, &route.id)->stations[0], &a.id));
    assert_ptr_equal(catalog_route_at(catalog, 0), catalog_route(catalog, &route.id));
    assert_null(catalog_route_at(catalog, 1));
    catalog_free(catalog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan_of_a_zone),
        cmocka_unit_test(test_stations_and_routes),
        cmocka_unit_test(test_objects_own_their_texts),
        cmocka_unit_test(test_versions_share_counters),
        cmocka_unit_test_setup_teardown(test_found_by_id_slug_and_number, setup, teardown),
        cmocka_unit_test_setup_teardown(test_new_version_replaces, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lists_keep_their_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_orphans_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shared_between_replicas, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_events, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
