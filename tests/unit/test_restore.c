/* The catalog as restored from a log: what a log can say is in every shard, what it
 * cannot say is refused before anything is changed. */
#include "shard_rig.h"

enum { SHARDS = 2, STOPS = 3 };

static struct restore restore_into(struct rig *rig)
{
    return (struct restore){.shards = rig->shards, .partitions = &rig->partitions};
}

static enum shard_replay_result put(struct rig *rig, const struct record *record)
{
    struct restore restore = restore_into(rig);
    return restore_record(&restore, record);
}

static struct record record_of(enum record_kind kind)
{
    struct record record = rig_record(kind, 1);
    record.actor = (struct actor){rig_user_id(9), ROLE_ORGANIZER};
    record.key = (struct request_key){7000 + (uint64_t)kind, 1};
    return record;
}

static struct record station(uint64_t number, const char *code)
{
    struct record record = record_of(RECORD_STATION);
    record.station.id = rig_id(9, number);
    record.station.code = (struct text){code, (uint32_t)strlen(code)};
    record.station.name = (struct text){"Stop", 4};
    return record;
}

static const struct uuid *way(void)
{
    static struct uuid stations[STOPS];
    for (uint32_t i = 0; i < STOPS; i++)
        stations[i] = rig_id(9, i);
    return stations;
}

static struct record route(uint32_t stops)
{
    struct record record = record_of(RECORD_ROUTE);
    record.route.id = rig_id(8, 0);
    record.route.stop_count = stops;
    record.route.stations = way();
    record.route.name = (struct text){"North", 5};
    return record;
}

static struct record event(void)
{
    struct record record = record_of(RECORD_EVENT);
    record.event = (struct catalog_event){.id = rig_event_id(0),
                                          .organizer_id = rig_user_id(9),
                                          .status = EVENT_PUBLISHED,
                                          .max_per_user = 10,
                                          .slug = {"night", 5},
                                          .title = {"Night", 5}};
    return record;
}

/* stops 0: no trip */
static struct record show(uint64_t number, struct catalog_stop *stops, uint32_t count)
{
    struct record record = record_of(RECORD_SHOW);
    for (uint32_t i = 0; i < count; i++)
        stops[i] = (struct catalog_stop){rig_id(9, i), 1000 * (i + 1), 1000 * (i + 1)};
    record.show = (struct catalog_show){.id = rig_id(2, number),
                                        .event_id = rig_event_id(0),
                                        .segment_count = count ? count - 1 : 1,
                                        .stop_count = count,
                                        .stops = count ? stops : NULL,
                                        .name = {"Friday", 6}};
    return record;
}

static struct record zone(uint64_t number, uint64_t of_show)
{
    struct record record = record_of(RECORD_ZONE);
    record.zone = (struct catalog_zone){.id = rig_zone_id(number),
                                        .show_id = rig_id(2, of_show),
                                        .event_id = rig_event_id(0),
                                        .price_minor = 300,
                                        .currency = "THB",
                                        .total_seats = 20,
                                        .name = {"Stalls", 6}};
    return record;
}

/* Stations, a route, an event, a show (0), a trip (1) and a zone of each (0, 1). */
static void open_catalog(struct rig *rig)
{
    struct catalog_stop stops[STOPS];
    rig_open(rig, SHARDS);
    const struct record records[] = {
        station(0, "A"),   station(1, "B"), station(2, "C"),       route(STOPS), event(),
        show(0, stops, 0), zone(0, 0),      show(1, stops, STOPS), zone(1, 1)};
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++)
        assert_int_equal(put(rig, &records[i]), SHARD_REPLAY_OK);
}

static void refuse(struct rig *rig, const struct record *record)
{
    struct restore restore = restore_into(rig);
    uint32_t zones = catalog_zone_count(shard_catalog(rig->shards[0]));
    uint32_t shows = catalog_show_count(shard_catalog(rig->shards[0]));
    assert_int_equal(restore_record(&restore, record), SHARD_REPLAY_BAD_STATE);
    assert_int_equal(restore.failed_kind, record->kind);
    assert_int_equal(catalog_zone_count(shard_catalog(rig->shards[0])), zones);
    assert_int_equal(catalog_show_count(shard_catalog(rig->shards[0])), shows);
}

/* --- tests --- */

/* Each object of the catalog is in every shard, and its versions replace each other. */
static void test_every_shard_has_it(void **state)
{
    struct rig rig;
    struct catalog_stop stops[STOPS];
    struct uuid id = rig_id(8, 0);
    (void)state;
    open_catalog(&rig);
    const struct record again[] = {station(0, "A"),   route(STOPS),          event(),
                                   show(0, stops, 0), show(1, stops, STOPS), zone(0, 0),
                                   zone(1, 1)};
    for (size_t i = 0; i < sizeof again / sizeof again[0]; i++)
        assert_int_equal(put(&rig, &again[i]), SHARD_REPLAY_OK);
    for (uint16_t i = 0; i < SHARDS; i++) {
        const struct catalog *catalog = shard_catalog(rig.shards[i]);
        assert_int_equal(catalog_station_count(catalog), STOPS);
        assert_int_equal(catalog_route_count(catalog), 1);
        assert_non_null(catalog_route(catalog, &id));
        assert_int_equal(catalog_event_count(catalog), 1);
        assert_int_equal(catalog_show_count(catalog), 2);
        assert_int_equal(catalog_zone_count(catalog), 2);
        assert_null(catalog_station_at(catalog, STOPS));
        assert_null(catalog_route_at(catalog, 1));
        assert_null(catalog_station_by_code(catalog, "AAAAAAAAAAAAAAAAA", 17));
        assert_null(catalog_station_by_code(catalog, "Z", 1));
        assert_non_null(catalog_station_by_code(catalog, "B", 1));
    }
    rig_close(&rig);
}

/* A station without a code, with too long a one or with another's is refused. */
static void test_impossible_stations(void **state)
{
    struct rig rig;
    (void)state;
    open_catalog(&rig);
    const struct record bad[] = {station(5, ""), station(5, "AAAAAAAAAAAAAAAAA"), station(5, "A")};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        refuse(&rig, &bad[i]);
    assert_int_equal(catalog_station_count(shard_catalog(rig.shards[1])), STOPS);
    rig_close(&rig);
}

/* A route with too few or too many stops, or with one nobody knows, is refused. */
static void test_impossible_routes(void **state)
{
    struct rig rig;
    struct uuid unknown[2] = {rig_id(9, 0), rig_id(9, 77)};
    (void)state;
    open_catalog(&rig);
    struct record bad[] = {route(1), route(CATALOG_STOPS_MAX + 1), route(2)};
    bad[2].route.stations = unknown;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        refuse(&rig, &bad[i]);
    rig_close(&rig);
}

/* A show of no event or with impossible segments or stops is refused. */
static void test_impossible_shows(void **state)
{
    struct rig rig;
    struct catalog_stop stops[10][STOPS];
    (void)state;
    open_catalog(&rig);
    struct record bad[10];
    for (uint32_t i = 0; i < 10; i++)
        bad[i] = show(5, stops[i], i < 3 ? 0 : STOPS);
    bad[0].show.event_id = rig_event_id(7);
    bad[1].show.segment_count = 0;
    bad[2].show.segment_count = CATALOG_SEGMENTS_MAX + 1;
    bad[3].show.segment_count = STOPS;               /* one too many */
    stops[4][2].station_id = stops[4][0].station_id; /* stops there twice */
    stops[5][1].departs_ms = 1;                      /* before it arrives */
    stops[6][2].arrives_ms = 1;                      /* before it left */
    stops[7][1].station_id = rig_id(9, 77);          /* unknown */
    bad[8].show.id = rig_id(2, 0);                   /* a show becomes a trip */
    bad[9].show = show(1, stops[9], 0).show;         /* a trip becomes a show */
    for (uint32_t i = 0; i < 10; i++)
        refuse(&rig, &bad[i]);
    rig_close(&rig);
}

/* A zone of no show, with a plan that is none or prices that do not add up is refused. */
static void test_impossible_zones(void **state)
{
    struct rig rig;
    static const uint8_t bytes[] = {1, 2, 3};
    static const int64_t prices[3] = {100, 200, 300}, negative[2] = {-100, 400};
    (void)state;
    open_catalog(&rig);
    struct record bad[] = {zone(5, 7), zone(5, 0), zone(5, 0), zone(5, 1), zone(5, 1), zone(5, 1)};
    bad[1].zone.plan_bytes = bytes; /* of a general zone */
    bad[1].zone.plan_length = sizeof bytes;
    bad[2].zone.kind = ZONE_SEATED;
    bad[2].zone.plan_bytes = bytes;
    bad[2].zone.plan_length = sizeof bytes;
    bad[3].zone.segment_prices = prices; /* one too many */
    bad[3].zone.segment_price_count = 3;
    bad[4].zone.segment_prices = negative;
    bad[4].zone.segment_price_count = 2;
    bad[5].zone.segment_prices = prices; /* another sum */
    bad[5].zone.segment_price_count = 2;
    bad[5].zone.price_minor = 301;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        refuse(&rig, &bad[i]);
    bad[5].zone.price_minor = 300;
    assert_int_equal(put(&rig, &bad[5]), SHARD_REPLAY_OK);
    rig_close(&rig);
}

/* A plan of other seats than the zone says is refused, that of as many is not. */
static void test_plan_of_other_seats(void **state)
{
    struct rig rig;
    struct seat_plan_builder *builder = seat_plan_builder_new();
    enum seat_plan_error error;
    size_t length;
    (void)state;
    open_catalog(&rig);
    seat_plan_add_row(builder, "A", 1);
    seat_plan_add_run(builder, 1, 1, 20, 0, 1, 0, false);
    uint8_t *bytes = seat_plan_encode(builder, &length, &error);
    assert_non_null(bytes);
    struct record record = zone(5, 0);
    record.zone.kind = ZONE_SEATED;
    record.zone.plan_bytes = bytes;
    record.zone.plan_length = (uint32_t)length;
    record.zone.total_seats = 21;
    refuse(&rig, &record);
    record.zone.total_seats = 20;
    assert_int_equal(put(&rig, &record), SHARD_REPLAY_OK);
    free(bytes);
    seat_plan_builder_free(builder);
    rig_close(&rig);
}

static struct record reserved(uint64_t number, uint64_t of_zone, uint16_t to)
{
    const struct uuid zone_id = rig_zone_id(of_zone);
    struct record record = record_of(RECORD_RESERVED);
    record.sequence = number;
    record.key.hash = 0;
    record.actor = (struct actor){rig_user_id(1), ROLE_USER};
    record.reserved = (struct record_reserved){
        .booking_id = uuid_v7(RIG_START_MS, partition_of(&zone_id), number),
        .user_id = rig_user_id(1),
        .zone_id = zone_id,
        .quantity = 3,
        .to_segment = to,
        .unit_price_minor = 100,
        .ttl_ms = RIG_TTL_MS};
    return record;
}

/* Restored counts are published for readers, of a trip for each pair of stops. */
static void test_publish(void **state)
{
    struct rig rig;
    (void)state;
    open_catalog(&rig);
    struct restore restore = restore_into(&rig);
    const struct record records[] = {reserved(1, 0, 1), reserved(2, 1, 1)};
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(restore_record(&restore, &records[i]), SHARD_REPLAY_OK);
    assert_int_equal(restore_finish(&restore), SHARD_REPLAY_OK);
    restore_publish(&restore);
    for (uint64_t number = 0; number < 2; number++) {
        struct uuid id = rig_zone_id(number);
        const struct catalog_zone *found = catalog_zone(shard_catalog(rig.shards[0]), &id);
        assert_int_equal(atomic_load(&found->counters->reserved), 3);
        assert_int_equal(catalog_zone_left(found, 0, 1), 17);
    }
    struct uuid trip = rig_zone_id(1);
    const struct catalog_zone *found = catalog_zone(shard_catalog(rig.shards[0]), &trip);
    assert_int_equal(catalog_zone_left(found, 1, 2), 20);
    assert_int_equal(catalog_zone_left(found, 0, 2), 17);
    rig_close(&rig);
}

/* An impossible record that was held back ends the next one, which names it. */
static void test_held_back_failure(void **state)
{
    struct rig rig;
    (void)state;
    open_catalog(&rig);
    struct restore restore = restore_into(&rig);
    struct record record = reserved(5, 0, 1), next = event();
    record.reserved.quantity = 21;
    assert_int_equal(restore_record(&restore, &record), SHARD_REPLAY_OK);
    assert_int_equal(restore_record(&restore, &next), SHARD_REPLAY_OVERSOLD);
    assert_int_equal(restore.failed_sequence, 5);
    assert_int_equal(restore.failed_kind, RECORD_RESERVED);
    rig_close(&rig);
}

/* What a log says of its shard's state is compared, when the shards are as many. */
static void test_state_compared(void **state)
{
    struct rig rig;
    (void)state;
    open_catalog(&rig);
    struct restore restore = restore_into(&rig);
    struct record record = record_of(RECORD_STATE);
    record.key.hash = 0;
    record.state_hash = shard_zone_hash(rig.shards[1]);
    assert_int_equal(restore_record_of(&restore, 1, SHARDS, &record), SHARD_REPLAY_OK);
    record.state_hash++;
    assert_int_not_equal(restore_record_of(&restore, 1, SHARDS, &record), SHARD_REPLAY_OK);
    assert_int_equal(restore.failed_kind, RECORD_STATE);
    assert_int_equal(restore_record_of(&restore, 1, SHARDS + 1, &record), SHARD_REPLAY_OK);
    record = zone(9, 7);
    assert_int_equal(restore_record_of(&restore, 0, SHARDS, &record), SHARD_REPLAY_BAD_STATE);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_shard_has_it),
        cmocka_unit_test(test_impossible_stations),
        cmocka_unit_test(test_impossible_routes),
        cmocka_unit_test(test_impossible_shows),
        cmocka_unit_test(test_impossible_zones),
        cmocka_unit_test(test_plan_of_other_seats),
        cmocka_unit_test(test_publish),
        cmocka_unit_test(test_held_back_failure),
        cmocka_unit_test(test_state_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
