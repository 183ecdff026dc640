/* What the catalog does not take and does not find: changes that are nobody's to make or
 * make no sense, names too long to be any, places beyond the last. */
#include "shard_rig.h"

#include "../../engine/shard_state.h"

static struct rig rig;
static struct catalog_stop stops[3];
static struct uuid way[3];

static int setup(void **state)
{
    static const char *const codes[] = {"A", "B", "C"};
    (void)state;
    rig_open(&rig, 1);
    rig_event(&rig, 0, 10);
    rig_zone(&rig, 0, 0, 20, 100);
    for (uint64_t i = 0; i < 3; i++) {
        const struct catalog_station station = {.id = rig_id(9, i), .code = {codes[i], 1}};
        assert_true(shard_put_station(rig.shards[0], catalog_station_new(&station)));
        way[i] = rig_id(9, i);
        stops[i] = (struct catalog_stop){way[i], 1000 * (i + 1), 1000 * (i + 1)};
    }
    const struct catalog_route route = {.id = rig_id(8, 0), .stop_count = 3, .stations = way};
    assert_true(shard_put_route(rig.shards[0], catalog_route_new(&route)));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

static struct record record;

static enum result decide(const struct command *command)
{
    memset(&record, 0, sizeof record);
    return shard_decide_catalog(rig.shards[0], command, rig.now_ms, &record);
}

static struct command change(enum command_kind kind)
{
    struct command command = rig_command(kind, 9, 0, 0);
    command.actor.role = ROLE_ADMIN;
    return command;
}

/* --- events --- */

static enum result change_event(uint64_t number, enum event_status status, bool is_sale,
                                bool closed, enum role role)
{
    struct command command = change(is_sale ? COMMAND_EVENT_SALE : COMMAND_EVENT_STATUS);
    command.actor.role = role;
    command.event_status.event_id = rig_event_id(number);
    command.event_status.status = status;
    command.event_status.closed = closed;
    return decide(&command);
}

/* An event is changed by its own organizer or an administrator; one that nobody knows is
 * not, and a cancelled one never again. */
static void test_events(void **state)
{
    const struct catalog_event cancelled = {
        .id = rig_event_id(1), .status = EVENT_CANCELLED, .slug = {"gone", 4}};
    (void)state;
    rig_put_event(&rig, &cancelled);
    for (int is_sale = 0; is_sale < 2; is_sale++) {
        assert_int_equal(change_event(5, EVENT_CANCELLED, is_sale, true, ROLE_ADMIN),
                         RESULT_NOT_FOUND);
        assert_int_equal(change_event(0, EVENT_CANCELLED, is_sale, true, ROLE_ORGANIZER),
                         RESULT_NOT_FOUND);
        assert_int_equal(change_event(0, EVENT_CANCELLED, is_sale, true, ROLE_USER),
                         RESULT_FORBIDDEN);
        assert_int_equal(change_event(1, EVENT_PUBLISHED, is_sale, true, ROLE_ADMIN),
                         RESULT_INVALID_STATE);
        assert_int_equal(change_event(0, EVENT_CANCELLED, is_sale, true, ROLE_ADMIN), RESULT_OK);
        assert_int_equal(record.kind, RECORD_EVENT);
    }
    assert_int_equal(change_event(0, EVENT_PUBLISHED, false, false, ROLE_ADMIN), RESULT_OK);
    assert_int_equal(record.kind, 0); /* so already */
    assert_int_equal(change_event(0, EVENT_PUBLISHED, true, false, ROLE_ADMIN), RESULT_OK);
    assert_int_equal(record.kind, 0);
}

/* --- stations and routes --- */

/* A code has 1 to 16 bytes and is one station's. */
static void test_stations(void **state)
{
    struct command command = change(COMMAND_STATION_CREATE);
    struct catalog_station station = {.code = {"12345678901234567", 0}};
    (void)state;
    command.station = &station;
    assert_int_equal(decide(&command), RESULT_INVALID_STATE);
    station.code.length = CATALOG_STATION_CODE_BYTES_MAX + 1;
    assert_int_equal(decide(&command), RESULT_INVALID_STATE);
    station.code.length = CATALOG_STATION_CODE_BYTES_MAX;
    assert_int_equal(decide(&command), RESULT_OK);
    station.code = (struct text){"B", 1};
    assert_int_equal(decide(&command), RESULT_CONFLICT);
}

/* A route has 2 to 65 stops, all known, none twice. */
static void test_routes(void **state)
{
    struct uuid stations[3] = {way[0], way[1], way[0]};
    struct command command = change(COMMAND_ROUTE_CREATE);
    struct catalog_route route = {.stop_count = 1, .stations = stations};
    (void)state;
    command.route = &route;
    assert_int_equal(decide(&command), RESULT_INVALID_STATE);
    route.stop_count = CATALOG_STOPS_MAX + 1;
    assert_int_equal(decide(&command), RESULT_INVALID_STATE);
    route.stop_count = 3;
    assert_int_equal(decide(&command), RESULT_INVALID_STATE);
    stations[2] = rig_id(9, 77);
    assert_int_equal(decide(&command), RESULT_NOT_FOUND);
    stations[2] = way[2];
    assert_int_equal(decide(&command), RESULT_OK);
}

/* --- shows --- */

static struct catalog_show trip(void)
{
    return (struct catalog_show){.event_id = rig_event_id(0), .stop_count = 3, .stops = stops};
}

static enum result create_show(struct catalog_show *show)
{
    struct command command = change(COMMAND_SHOW_CREATE);
    command.show = show;
    return decide(&command);
}

/* A trip's stops are known and in time, and those of its route if it names one; a show
 * without stops names none. */
static void test_shows(void **state)
{
    struct catalog_show show = trip();
    (void)state;
    assert_int_equal(create_show(&show), RESULT_OK);
    assert_int_equal(record.show.segment_count, 2);
    show.route_id = rig_id(8, 0);
    assert_int_equal(create_show(&show), RESULT_OK);
    show.stop_count = 2; /* the route has three */
    assert_int_equal(create_show(&show), RESULT_INVALID_STATE);
    show.route_id = rig_id(8, 1); /* unknown */
    assert_int_equal(create_show(&show), RESULT_INVALID_STATE);
    show = trip();
    show.route_id = rig_id(8, 0);
    struct catalog_stop other[3] = {stops[1], stops[0], stops[2]};
    other[0].arrives_ms = other[0].departs_ms = 1;
    other[1].arrives_ms = other[1].departs_ms = 2;
    show.stops = other; /* another way */
    assert_int_equal(create_show(&show), RESULT_INVALID_STATE);
    show.route_id = (struct uuid){0};
    assert_int_equal(create_show(&show), RESULT_OK);
    other[2].station_id = rig_id(9, 77);
    assert_int_equal(create_show(&show), RESULT_NOT_FOUND);
    other[2] = stops[2];
    other[2].departs_ms = other[2].arrives_ms - 1;
    assert_int_equal(create_show(&show), RESULT_INVALID_STATE);
    struct catalog_show plain = {.event_id = rig_event_id(0), .route_id = rig_id(8, 0)};
    assert_int_equal(create_show(&plain), RESULT_INVALID_STATE);
    plain.route_id = (struct uuid){0};
    assert_int_equal(create_show(&plain), RESULT_OK);
    plain.event_id = rig_event_id(5);
    assert_int_equal(create_show(&plain), RESULT_NOT_FOUND);
}

/* --- zones --- */

static struct catalog_zone general(void)
{
    return (struct catalog_zone){.show_id = rig_id(2, 0), .price_minor = 300, .total_seats = 5};
}

static enum result create_zone(struct catalog_zone *zone)
{
    struct command command = change(COMMAND_ZONE_CREATE);
    command.zone = zone;
    return decide(&command);
}

/* A zone has a kind that fits its plan, places, and for each segment a price that the whole
 * is the sum of. */
static void test_zones(void **state)
{
    static const int64_t prices[] = {300, 1};
    static const uint8_t bytes[] = {1};
    struct catalog_zone zone = general();
    (void)state;
    assert_int_equal(create_zone(&zone), RESULT_OK);
    assert_int_equal(record.zone.segment_count, 1);
    zone.kind = ZONE_SEATED; /* without a plan */
    assert_int_equal(create_zone(&zone), RESULT_INVALID_STATE);
    zone = general();
    zone.plan_bytes = bytes;
    zone.plan_length = 1;
    assert_int_equal(create_zone(&zone), RESULT_INVALID_STATE);
    zone = general();
    zone.total_seats = 0;
    assert_int_equal(create_zone(&zone), RESULT_INVALID_STATE);
    zone.total_seats = CATALOG_ZONE_SEATS_MAX + 1;
    assert_int_equal(create_zone(&zone), RESULT_INVALID_STATE);
    zone = general();
    zone.segment_prices = prices;
    zone.segment_price_count = 1;
    assert_int_equal(create_zone(&zone), RESULT_OK);
    zone.price_minor = 301;
    assert_int_equal(create_zone(&zone), RESULT_INVALID_STATE);
    zone.segment_price_count = 2; /* a show of one segment */
    assert_int_equal(create_zone(&zone), RESULT_INVALID_STATE);
    zone = general();
    zone.show_id = rig_id(2, 77);
    assert_int_equal(create_zone(&zone), RESULT_NOT_FOUND);
}

/* --- finding --- */

/* Names longer than any are, and places beyond the last, are unknown. */
static void test_what_is_not_there(void **state)
{
    const struct catalog *catalog = shard_catalog(rig.shards[0]);
    const struct uuid unknown = rig_id(0, 99), event_id = rig_event_id(0), show_id = rig_id(2, 0);
    char name[CATALOG_SLUG_BYTES_MAX + 1];
    (void)state;
    memset(name, 'x', sizeof name);
    assert_non_null(catalog_event_by_slug(catalog, "event-a", 7));
    assert_null(catalog_event_by_slug(catalog, name, sizeof name));
    assert_null(catalog_event_by_slug(catalog, "event-b", 7));
    assert_non_null(catalog_station_by_code(catalog, "A", 1));
    assert_null(catalog_station_by_code(catalog, "AA", 2));
    assert_null(catalog_station_by_code(catalog, name, CATALOG_STATION_CODE_BYTES_MAX + 1));
    assert_null(catalog_event(catalog, &unknown));
    assert_null(catalog_show(catalog, &unknown));
    assert_null(catalog_zone(catalog, &unknown));
    assert_null(catalog_station(catalog, &unknown));
    assert_null(catalog_route(catalog, &unknown));
    assert_null(catalog_event_show(catalog, &unknown, 0));
    assert_null(catalog_show_zone(catalog, &unknown, 0));
    assert_non_null(catalog_event_show(catalog, &event_id, 0));
    assert_null(catalog_event_show(catalog, &event_id, 1));
    assert_non_null(catalog_show_zone(catalog, &show_id, 0));
    assert_null(catalog_show_zone(catalog, &show_id, 1));
    assert_null(catalog_show_at(catalog, catalog_show_count(catalog)));
    assert_null(catalog_zone_at(catalog, catalog_zone_count(catalog)));
    assert_null(catalog_station_at(catalog, catalog_station_count(catalog)));
    assert_null(catalog_route_at(catalog, catalog_route_count(catalog)));
}

/* A zone that a shard does not have is not asked: no facts, no map, no blocks, no pairs. */
static void test_zones_a_shard_does_not_have(void **state)
{
    const struct command_zone query = {.zone_id = rig_zone_id(9)};
    struct zone_facts facts;
    uint32_t pairs[SHARD_PAIRS_MAX];
    (void)state;
    assert_false(shard_knows_zone(rig.shards[0], &query.zone_id));
    assert_int_equal(shard_zone_partition(rig.shards[0], &query.zone_id), 0);
    assert_false(shard_zone_facts(rig.shards[0], &query.zone_id, &facts));
    assert_null(shard_seat_states(rig.shards[0], &query));
    assert_null(shard_blocks(rig.shards[0], &query.zone_id));
    assert_null(shard_block(rig.shards[0], &query.zone_id));
    assert_int_equal(shard_zone_pairs(rig.shards[0], 0, pairs), 0); /* of one segment */
}

/* A zone whose show is unknown is not opened, and neither is a show of no event. */
static void test_parents(void **state)
{
    const struct catalog_zone zone = {
        .id = rig_zone_id(5), .show_id = rig_id(2, 77), .total_seats = 5, .segment_count = 1};
    const struct catalog_show show = {.id = rig_id(2, 5), .event_id = rig_event_id(77)};
    struct catalog_zone *no_zone = catalog_zone_new(&zone);
    struct catalog_show *no_show = catalog_show_new(&show);
    (void)state;
    assert_false(catalog_put_zone(shard_catalog(rig.shards[0]), no_zone));
    assert_false(shard_put_show(rig.shards[0], no_show));
    catalog_zone_release(no_zone);
    catalog_show_release(no_show);
    catalog_event_release(NULL);
    catalog_show_release(NULL);
    catalog_zone_release(NULL);
    catalog_station_release(NULL);
    catalog_route_release(NULL);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_events),
        CASE(test_stations),
        CASE(test_routes),
        CASE(test_shows),
        CASE(test_zones),
        CASE(test_what_is_not_there),
        CASE(test_zones_a_shard_does_not_have),
        CASE(test_parents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
