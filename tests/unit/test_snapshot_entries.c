/* Snapshots whose every byte is good and that tell of what cannot be: entries in a wrong
 * section, of another shard, of zones that are not there, keys without their objects.
 * They are refused as a bug (70), never loaded in part. */
#include "story_rig.h"

#include "../../engine/shard_import.h"
#include "../../persist/snapshot_load.h"
#include "../../persist/snapshot_take.h"
#include "../../persist/snapshot_write.h"
#include "made_snapshot.h"

enum { MANY_ZONES = 200, MANY_BOOKINGS = 6000 };

static struct fixture fixture;
static struct rig rig; /* whose catalog the snapshots have */
static struct made_snapshot made;
static struct log_error error;
static struct shard *shards[SHARD_COUNT_MAX];
static struct partition_map partitions;

static int set_up(void **state)
{
    (void)state;
    fixture_init(&fixture);
    assert_int_equal(fixture_recover(&fixture, true), 0);
    open_rig(&rig);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    snapshot_free_shards(shards, SHARD_COUNT_MAX);
    rig_close(&rig);
    data_dir_close(fixture.dir);
    fixture_remove(fixture.path);
    return 0;
}

/* --- what a good one has --- */

static struct record event_record(void)
{
    const struct uuid id = rig_event_id(0);
    return (struct record){.kind = RECORD_EVENT,
                           .event = *catalog_event(shard_catalog(rig.shards[0]), &id)};
}

static struct record show_record(uint64_t number)
{
    const struct uuid id = rig_id(2, number);
    return (struct record){.kind = RECORD_SHOW,
                           .show = *catalog_show(shard_catalog(rig.shards[0]), &id)};
}

static struct record zone_record(uint64_t number)
{
    const struct uuid id = rig_zone_id(number);
    return (struct record){.kind = RECORD_ZONE,
                           .zone = *catalog_zone(shard_catalog(rig.shards[0]), &id)};
}

static struct record station_record(uint32_t number)
{
    return (struct record){.kind = RECORD_STATION,
                           .station = *catalog_station_at(shard_catalog(rig.shards[0]), number)};
}

static struct record route_record(void)
{
    static struct uuid stops[2];
    stops[0] = rig_id(9, 0);
    stops[1] = rig_id(9, 1);
    return (struct record){
        .kind = RECORD_ROUTE,
        .route = {.id = rig_id(8, 0), .name = {"Line", 4}, .stop_count = 2, .stations = stops}};
}

static void put(const struct record *record)
{
    made_record(&made, record);
}

static void begin(uint16_t shard_count)
{
    const struct catalog *catalog = shard_catalog(rig.shards[0]);
    struct record record = event_record();
    made_begin(&made, fixture.dir, 1, shard_count);
    for (uint32_t i = 0; i < catalog_station_count(catalog); i++) {
        struct record station = station_record(i);
        put(&station);
    }
    put(&record);
    for (uint64_t i = 0; i < 2; i++) {
        record = show_record(i);
        put(&record);
    }
    for (uint32_t i = 0; i < catalog_zone_count(catalog); i++) {
        record = (struct record){.kind = RECORD_ZONE, .zone = *catalog_zone_at(catalog, i)};
        put(&record);
    }
}

static void put_zone_state(uint64_t number)
{
    const struct shard_zone_state zone = {
        .id = rig_zone_id(number), .total = PLACES, .target = PLACES};
    made_zone(&made, &zone);
}

static struct shard_key_state key_of(enum shard_key_kind kind, uint64_t hash)
{
    static const enum command_kind made_by[] = {
        [SHARD_KEY_BOOKING] = COMMAND_RESERVE,        [SHARD_KEY_EVENT] = COMMAND_EVENT_CREATE,
        [SHARD_KEY_SHOW] = COMMAND_SHOW_CREATE,       [SHARD_KEY_ZONE] = COMMAND_ZONE_CREATE,
        [SHARD_KEY_STATION] = COMMAND_STATION_CREATE, [SHARD_KEY_ROUTE] = COMMAND_ROUTE_CREATE};
    return (struct shard_key_state){
        .key = {hash, 5}, .kind = kind, .made_by = made_by[kind], .accepted_ms = rig.now_ms};
}

static void put_key(enum shard_key_kind kind, uint64_t hash)
{
    const struct shard_key_state key = key_of(kind, hash);
    made_key(&made, &key);
}

/* A user at home in the shard, of `count`. */
static struct uuid user_of(uint16_t shard, uint16_t count)
{
    struct partition_map map;
    partition_map_init(&map, count);
    for (uint64_t number = 0;; number++) {
        const struct uuid id = rig_user_id(number);
        if (partition_shard_of(&map, &id) == shard)
            return id;
    }
}

/* The number of a zone of the shard, of `count`. */
static uint64_t zone_of(uint16_t shard, uint16_t count)
{
    struct partition_map map;
    partition_map_init(&map, count);
    for (uint64_t number = 0; number < INVENTORY_ZONES; number++) {
        const struct uuid id = rig_zone_id(number);
        if (partition_shard_of(&map, &id) == shard)
            return number;
    }
    fail_msg("no zone of shard %u", shard);
    return 0;
}

/* --- loading it --- */

static int load_into(uint16_t shard_count)
{
    static struct snapshot_file file;
    made_end(&made);
    snapshot_free_shards(shards, SHARD_COUNT_MAX);
    partition_map_init(&partitions, shard_count);
    const struct shard_options options = {.partitions = &partitions,
                                          .reservation_ttl_ms = RIG_TTL_MS,
                                          .max_per_order = RIG_MAX_PER_ORDER,
                                          .idempotency_ms = RIG_KEY_MS};
    error = (struct log_error){0};
    assert_int_equal(snapshot_file_open(&file, fixture.dir, 1, NULL, &error), 0);
    assert_true(snapshot_make_shards(&options, shards));
    return snapshot_load(&file, shards, &partitions, &error);
}

static void refused(const char *why)
{
    assert_int_equal(load_into(made.shard_count), LOG_EXIT_BUG);
    assert_string_equal(error.label, "RS");
    if (!strstr(error.text, why))
        fail_msg("not \"%s\": %s", why, error.text);
}

static void misplaced(void)
{
    refused("an entry in a wrong section");
}

/* --- tests --- */

/* The pieces these tests are made of give a state by themselves. */
static void test_good(void **state)
{
    struct shard_totals totals;
    (void)state;
    begin(1);
    made_section(&made, snapshot_zone_section(0));
    put_zone_state(0);
    made_zone_end(&made, 0);
    made_section(&made, snapshot_home_section(0));
    put_key(SHARD_KEY_BOOKING, 9);
    assert_int_equal(load_into(1), 0);
    shard_totals(shards[0], &totals);
    assert_int_equal(totals.idempotency_keys, 1);
}

/* The catalog's section has records that make a catalog, nothing else. */
static void test_catalog(void **state)
{
    (void)state;
    begin(1);
    put_zone_state(0);
    misplaced();
    begin(1);
    put_key(SHARD_KEY_BOOKING, 9);
    misplaced();
    begin(1);
    struct record stray = show_record(0);
    stray.show.id = rig_id(2, 55);
    stray.show.event_id = rig_id(7, 7);
    put(&stray);
    refused("");
}

/* A zone that stands in another shard's section, and an order. */
static void test_other_shard(void **state)
{
    (void)state;
    begin(2);
    made_section(&made, snapshot_zone_section(0));
    put_zone_state(zone_of(1, 2));
    misplaced();
    begin(2);
    made_section(&made, snapshot_home_section(0));
    const struct order order = {.id = rig_id(6, 1), .user_id = user_of(1, 2), .count = 1};
    made_order(&made, &order);
    misplaced();
    begin(2);
    made_section(&made, snapshot_home_section(0));
    const struct order own = {.id = rig_id(6, 1), .user_id = user_of(0, 2), .count = 1};
    made_order(&made, &own);
    assert_int_equal(load_into(2), 0);
    begin(2);
    made_section(&made, snapshot_home_section(0));
    made_order(&made, &order); /* with another number of shards it goes to its own */
    assert_int_equal(load_into(3), 0);
}

/* Blocks, bookings and ends are of a zone that the section has. */
static void test_unknown_zone(void **state)
{
    struct shard_block_state block = {.zone = 1};
    struct shard_booking_state booking = {.zone = 1};
    (void)state;
    block.record.block_id = rig_id(5, 1);
    block.record.kind = BLOCK_HOUSE_HOLD;
    booking.id = rig_id(4, 1);
    booking.user_id = rig_user_id(1);
    for (int kind = 0; kind < 3; kind++) {
        begin(1);
        made_section(&made, snapshot_zone_section(0));
        put_zone_state(0);
        if (kind == 0)
            made_block(&made, &block);
        else if (kind == 1)
            made_booking(&made, &booking);
        else
            made_zone_end(&made, 1);
        refused("unknown zone");
    }
    begin(1);
    made_section(&made, snapshot_zone_section(0));
    const struct shard_zone_state stray = {.id = rig_zone_id(999), .total = 1, .target = 1};
    made_zone(&made, &stray);
    refused("");
}

/* A booking that cannot be stops the load, at the end of the section too. */
static void test_bad_booking(void **state)
{
    struct shard_booking_state booking = {.zone = 0, .quantity = 0};
    (void)state;
    booking.id = rig_id(4, 1);
    booking.user_id = rig_user_id(1);
    for (int end = 0; end < 2; end++) {
        begin(1);
        made_section(&made, snapshot_zone_section(0));
        put_zone_state(0);
        made_booking(&made, &booking);
        if (end)
            made_zone_end(&made, 0);
        refused("");
    }
}

/* As many zones as there may be: the table of them grows. */
static void test_many_zones(void **state)
{
    (void)state;
    for (uint64_t number = INVENTORY_ZONES; number < MANY_ZONES; number++)
        put_zone(&rig, number);
    begin(1);
    made_section(&made, snapshot_zone_section(0));
    for (uint64_t number = 0; number < MANY_ZONES; number++)
        put_zone_state(number);
    for (uint32_t i = 0; i < MANY_ZONES; i++)
        made_zone_end(&made, i);
    assert_int_equal(load_into(1), 0);
    assert_int_equal(shard_export_zone_count(shards[0]), MANY_ZONES);
}

static struct record object_of(enum shard_key_kind kind)
{
    switch (kind) {
    case SHARD_KEY_EVENT:
        return event_record();
    case SHARD_KEY_SHOW:
        return show_record(0);
    case SHARD_KEY_ZONE:
        return zone_record(0);
    case SHARD_KEY_STATION:
        return station_record(0);
    default:
        return route_record();
    }
}

/* Behind the key of a catalog object lies the object, and it comes back with the key: into
 * as many shards, or into each of others. */
static void test_objects(void **state)
{
    struct shard_key_state key;
    uint8_t answer[ANSWER_MEMORY_BYTES_MAX];
    (void)state;
    for (uint16_t count = 1; count <= 3; count += 2) {
        begin(1);
        made_section(&made, snapshot_home_section(0));
        for (uint32_t i = 0; i < 3 * SHARD_IMPORT_BATCH; i++) {
            enum shard_key_kind kind = (enum shard_key_kind)(SHARD_KEY_EVENT + i % 5);
            struct record object = object_of(kind);
            put_key(kind, 100 + i);
            put(&object);
        }
        assert_int_equal(load_into(count), 0);
        for (uint16_t shard = 0; shard < count; shard++) {
            uint32_t kinds[SHARD_KEY_ROUTE + 1] = {0}, at = 0;
            while (shard_export_key(shards[shard], rig.now_ms, &at, answer, &key))
                kinds[key.kind]++;
            for (int kind = SHARD_KEY_EVENT; kind <= SHARD_KEY_ROUTE; kind++)
                assert_true(kinds[kind] >= 3 * SHARD_IMPORT_BATCH / 5);
        }
    }
}

/* What was loaded is written as it was: routes, keys with their objects, and more bookings
 * than one block holds. */
static void test_written_again(void **state)
{
    (void)state;
    struct record route = route_record();
    begin(1);
    put(&route);
    made_section(&made, snapshot_zone_section(0));
    put_zone_state(0);
    for (uint32_t i = 0; i < MANY_BOOKINGS; i++) {
        const struct shard_booking_state booking = {.id = rig_id(4, i),
                                                    .user_id = rig_user_id(i % 7),
                                                    .status = BOOKING_CANCELLED,
                                                    .quantity = 1,
                                                    .to_segment = 1,
                                                    .changed_after_ms = 5};
        made_booking(&made, &booking);
    }
    made_zone_end(&made, 0);
    made_section(&made, snapshot_home_section(0));
    for (uint32_t i = 0; i < 10; i++) {
        enum shard_key_kind kind = (enum shard_key_kind)(SHARD_KEY_EVENT + i % 5);
        struct record object = object_of(kind);
        put_key(kind, 100 + i);
        put(&object);
    }
    assert_int_equal(load_into(1), 0);
    static struct snapshot_trailer trailer;
    const struct snapshot_write_options write = {
        .dir = fixture.dir,
        .cut = {.number = 2, .epoch = 1, .shard_count = 1, .stamp_ms = rig.now_ms},
        .shards = shards,
        .shard_count = 1,
        .out = &trailer};
    assert_int_equal(snapshot_write(&write, &error), 0);
    assert_int_equal(snapshot_publish(fixture.dir, 2, &error), 0);
    assert_int_equal(trailer.bookings, MANY_BOOKINGS);
    assert_int_equal(trailer.keys, 10);
    assert_true(trailer.blocks > 3);
    const struct shard_options options = {.reservation_ttl_ms = RIG_TTL_MS,
                                          .max_per_order = RIG_MAX_PER_ORDER,
                                          .idempotency_ms = RIG_KEY_MS};
    assert_int_equal(snapshot_check(fixture.dir, &options, 2, NULL, &error), 0);
}

/* A key whose object does not come, or is of another kind, or of a show that is not
 * there; and an object without a key. */
static void test_wrong_objects(void **state)
{
    (void)state;
    for (int kind = SHARD_KEY_EVENT; kind <= SHARD_KEY_ROUTE; kind++) {
        int other = kind == SHARD_KEY_ROUTE ? SHARD_KEY_EVENT : kind + 1;
        struct record wrong = object_of((enum shard_key_kind)other);
        begin(1);
        made_section(&made, snapshot_home_section(0));
        put_key((enum shard_key_kind)kind, 100);
        put(&wrong);
        misplaced();
        begin(1);
        made_section(&made, snapshot_home_section(0));
        put_key((enum shard_key_kind)kind, 100);
        put_key(SHARD_KEY_BOOKING, 101);
        misplaced();
        begin(1);
        made_section(&made, snapshot_home_section(0));
        put_key((enum shard_key_kind)kind, 100);
        misplaced();
    }
    struct record zone = zone_record(0), event = event_record();
    zone.zone.show_id = rig_id(2, 99);
    begin(1);
    made_section(&made, snapshot_home_section(0));
    put_key(SHARD_KEY_ZONE, 100);
    put(&zone);
    refused("");
    begin(1);
    made_section(&made, snapshot_home_section(0));
    put(&event);
    misplaced();
}

/* A zone's key may tell of a zone that the catalog no longer has in that form. */
static void test_object_of_other_zone(void **state)
{
    (void)state;
    struct record zone = zone_record(0);
    zone.zone.id = rig_zone_id(999);
    begin(1);
    made_section(&made, snapshot_home_section(0));
    put_key(SHARD_KEY_ZONE, 100);
    put(&zone);
    assert_int_equal(load_into(1), 0);
}

/* An order that cannot be. */
static void test_bad_order(void **state)
{
    (void)state;
    begin(1);
    made_section(&made, snapshot_home_section(0));
    const struct order order = {.id = rig_id(6, 1), .user_id = rig_user_id(1), .count = 0};
    made_order(&made, &order);
    refused("");
}

/* More keys than go in one batch, beside objects and answers: none is lost, none twice. */
static void test_many_keys(void **state)
{
    struct shard_totals totals;
    (void)state;
    begin(1);
    made_section(&made, snapshot_home_section(0));
    for (uint64_t hash = 1; hash <= 2 * SHARD_IMPORT_BATCH + 7; hash++)
        put_key(SHARD_KEY_BOOKING, hash);
    assert_int_equal(load_into(1), 0);
    shard_totals(shards[0], &totals);
    assert_int_equal(totals.idempotency_keys, 2 * SHARD_IMPORT_BATCH + 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_good, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_catalog, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_shard, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unknown_zone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_booking, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_zones, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_objects, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_written_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wrong_objects, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_object_of_other_zone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_keys, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
