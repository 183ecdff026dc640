/* Keys, orders and counts taken out of a shard and put into another: each kind comes back
 * as it was, what is there already stays, and what finds no room is said. */
#include "inventory_rig.h"

#include "../../engine/answer_memory.h"
#include "../../engine/shard_import.h"
#include "../../engine/shard_state.h"

enum { OBJECTS = 5, KEYS = OBJECTS + 2 };

static struct rig rig;

static int setup(void **state)
{
    (void)state;
    inventory_open(&rig, true);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

static struct shard *shard(void)
{
    return rig.shards[0];
}

/* --- a home with a key of every kind --- */

static struct record record_of(enum record_kind kind)
{
    struct record record = rig_record(kind, 1);
    record.actor = (struct actor){rig_user_id(1), ROLE_USER};
    record.key = (struct request_key){7000 + (uint64_t)kind, 3};
    return record;
}

static void take(const struct record *record)
{
    assert_int_equal(rig_restore(&rig, record), SHARD_REPLAY_OK);
}

static void remember_objects(void)
{
    static struct uuid way[2];
    struct record station = record_of(RECORD_STATION), second = record_of(RECORD_STATION);
    struct record route = record_of(RECORD_ROUTE), event = record_of(RECORD_EVENT);
    struct record show = record_of(RECORD_SHOW), zone = record_of(RECORD_ZONE);

    station.station = (struct catalog_station){.id = way[0] = rig_id(9, 50), .code = {"X", 1}};
    second.station = (struct catalog_station){.id = way[1] = rig_id(9, 51), .code = {"Y", 1}};
    second.key.hash = 0;
    route.route = (struct catalog_route){.id = rig_id(8, 0), .stop_count = 2, .stations = way};
    event.event = (struct catalog_event){.id = rig_event_id(7), .slug = {"new", 3}};
    show.show =
        (struct catalog_show){.id = rig_id(2, 7), .event_id = rig_event_id(7), .segment_count = 1};
    zone.zone = (struct catalog_zone){.id = rig_zone_id(7),
                                      .show_id = rig_id(2, 7),
                                      .event_id = rig_event_id(7),
                                      .currency = "THB",
                                      .total_seats = 9};
    take(&station);
    take(&second);
    take(&route);
    take(&event);
    take(&show);
    take(&zone);
}

static void remember_booking(uint64_t zone, uint64_t key)
{
    struct record record = record_of(RECORD_RESERVED);
    struct uuid zone_id = rig_zone_id(zone);

    record.key.hash = key;
    record.reserved =
        (struct record_reserved){.booking_id = uuid_v7(RIG_START_MS, partition_of(&zone_id), zone),
                                 .user_id = rig_user_id(1),
                                 .zone_id = zone_id,
                                 .quantity = 2,
                                 .to_segment = 1,
                                 .unit_price_minor = PRICE,
                                 .ttl_ms = RIG_TTL_MS,
                                 .remaining = 38,
                                 .seat_count = zone == SEATED ? 2 : 0,
                                 .seats = {3, 4}};
    take(&record);
}

static void fill_home(void)
{
    remember_objects();
    remember_booking(GENERAL, 1);
    remember_booking(SEATED, 2); /* its answer is kept as a whole */
}

/* --- out and in --- */

static const void *share(const struct shard_key_state *key)
{
    switch (key->kind) {
    case SHARD_KEY_EVENT:
        return catalog_event_share(key->event);
    case SHARD_KEY_SHOW:
        return catalog_show_share(key->show);
    case SHARD_KEY_ZONE:
        return catalog_zone_share(key->zone);
    case SHARD_KEY_STATION:
        return catalog_station_share(key->station);
    case SHARD_KEY_ROUTE:
        return catalog_route_share(key->route);
    default:
        return NULL;
    }
}

/* Exports all keys and imports them into another shard, one by one. */
static enum shard_replay_result carry_keys(struct shard *into, uint32_t kinds[8])
{
    static uint8_t answer[ANSWER_MEMORY_BYTES_MAX];
    struct shard_key_state key;
    enum shard_replay_result result = SHARD_REPLAY_OK;

    for (uint32_t at = 0;
         result == SHARD_REPLAY_OK && shard_export_key(shard(), rig.now_ms, &at, answer, &key);) {
        kinds[key.kind]++;
        share(&key);
        result = shard_import_keys(into, &key, 1);
    }
    return result;
}

/* A key of each kind goes from one shard to another and is the same there; a second time
 * it is left as it is, and its object let go. */
static void test_keys_of_every_kind(void **state)
{
    uint32_t kinds[8] = {0};
    struct rig other;
    (void)state;
    fill_home();
    inventory_open(&other, true);
    assert_int_equal(carry_keys(other.shards[0], kinds), SHARD_REPLAY_OK);
    for (int kind = SHARD_KEY_BOOKING; kind <= SHARD_KEY_ROUTE; kind++)
        assert_int_equal(kinds[kind], 1);
    assert_int_equal(other.shards[0]->keys.entries.live, KEYS);
    assert_int_equal(carry_keys(other.shards[0], kinds), SHARD_REPLAY_OK);
    assert_int_equal(other.shards[0]->keys.entries.live, KEYS);
    /* The tickets are in the hash too: without them the homes are one. */
    shard()->quotas.entries.used = 0;
    assert_true(shard_home_hash(other.shards[0], rig.now_ms) ==
                shard_home_hash(shard(), rig.now_ms));
    rig_close(&other);
}

/* A key under way and one whose time is over are nobody else's business. */
static void test_keys_left_out(void **state)
{
    uint32_t kinds[8] = {0};
    const struct request_key pending = {99, 1};
    (void)state;
    fill_home();
    assert_non_null(idempotency_begin(&shard()->keys, &pending));
    rig.now_ms += RIG_KEY_MS - 1;
    assert_int_equal(carry_keys(shard(), kinds), SHARD_REPLAY_OK); /* into itself: all there */
    assert_int_equal(kinds[SHARD_KEY_BOOKING], 1);
    rig.now_ms++;
    memset(kinds, 0, sizeof kinds);
    assert_int_equal(carry_keys(shard(), kinds), SHARD_REPLAY_OK);
    assert_int_equal(kinds[SHARD_KEY_BOOKING], 0);
}

/* A home without room for a key, or with little room for the answers of those under way, is
 * out of memory; the references that were handed over are not lost. */
static void test_keys_without_room(void **state)
{
    uint32_t kinds[8] = {0};
    struct rig other;
    (void)state;
    fill_home();
    inventory_open(&other, true);
    uint32_t capacity = other.shards[0]->keys.entries.capacity;
    other.shards[0]->keys.entries.capacity = 3;
    assert_int_equal(carry_keys(other.shards[0], kinds), SHARD_REPLAY_OUT_OF_MEMORY);
    other.shards[0]->keys.entries.capacity = capacity;
    rig_close(&other);

    inventory_open(&other, true);
    const uint8_t bytes[ANSWER_MEMORY_BYTES_MAX] = {0};
    struct shard_key_state key = {.key = {5, 1},
                                  .kind = SHARD_KEY_ANSWER,
                                  .made_by = COMMAND_RESERVE,
                                  .accepted_ms = RIG_START_MS,
                                  .answer = bytes,
                                  .answer_length = sizeof bytes};
    struct slab *chunks = &other.shards[0]->keys.answers.chunks;
    uint32_t chunk_capacity = chunks->capacity;
    chunks->capacity = ANSWER_MEMORY_CHUNKS_MAX / 4 - 1;
    assert_int_equal(shard_import_keys(other.shards[0], &key, 1), SHARD_REPLAY_OUT_OF_MEMORY);
    assert_int_equal(other.shards[0]->keys.entries.live, 0);
    chunks->capacity = chunk_capacity;
    assert_int_equal(shard_import_keys(other.shards[0], &key, 1), SHARD_REPLAY_OK);
    rig_close(&other);
}

/* --- counts --- */

static void import_booking(uint64_t user, uint64_t number, uint32_t zone, uint32_t quantity)
{
    const struct shard_booking_state one = {.id = uuid_v7(RIG_START_MS, 0, number),
                                            .user_id = rig_user_id(user),
                                            .zone = zone,
                                            .status = BOOKING_CONFIRMED,
                                            .quantity = quantity,
                                            .ttl_ms = RIG_TTL_MS,
                                            .to_segment = 1,
                                            .unit_price_minor = PRICE};
    assert_int_equal(shard_import_bookings(shard(), &one, 1), SHARD_REPLAY_OK);
}

static uint32_t import_zone(uint64_t number, uint32_t total)
{
    const struct shard_zone_state zone = {
        .id = rig_zone_id(number), .total = total, .target = total};
    uint32_t at;
    assert_int_equal(shard_import_zone(shard(), &zone, &at), SHARD_REPLAY_OK);
    return at;
}

/* The counts of users follow from the bookings, however many; one that would run over is
 * refused, and so is a user for whom there is no place. */
static void test_counts(void **state)
{
    uint32_t at = import_zone(GENERAL, CATALOG_ZONE_SEATS_MAX);
    uint32_t trip = import_zone(GENERAL_TRIP, CATALOG_ZONE_SEATS_MAX);
    (void)state;
    for (uint64_t n = 0; n < 200; n++) /* more than are tallied at a time */
        import_booking(n % 50, n, at, 1);
    assert_int_equal(shard_import_settle(shard(), rig.shards, 1), SHARD_REPLAY_OK);
    assert_int_equal(shard()->quotas.entries.live, 50);
    struct uuid user = rig_user_id(3);
    assert_int_equal(quota_find(&shard()->quotas, &user, 0)->tickets, 4);

    uint32_t capacity = shard()->quotas.entries.capacity;
    import_booking(77, 300, at, 1);
    shard()->quotas.entries.capacity = shard()->quotas.entries.used;
    assert_int_equal(shard_import_settle(shard(), rig.shards, 1), SHARD_REPLAY_OUT_OF_MEMORY);
    shard()->quotas.entries.capacity = capacity;
    import_booking(78, 301, at, CATALOG_ZONE_SEATS_MAX - 500);
    import_booking(78, 302, trip, CATALOG_ZONE_SEATS_MAX - 500);
    assert_int_equal(shard_import_settle(shard(), rig.shards, 1), SHARD_REPLAY_BAD_STATE);
}

/* A shard that counted another's bookings counts only users at home in it. */
static void test_counts_of_others(void **state)
{
    struct partition_map two;
    (void)state;
    uint32_t at = import_zone(GENERAL, PLACES);
    for (uint64_t n = 0; n < 20; n++)
        import_booking(n, n, at, 1);
    partition_map_init(&two, 2);
    shard()->options.partitions = &two;
    uint32_t at_home = 0;
    for (uint64_t n = 0; n < 20; n++) {
        struct uuid user = rig_user_id(n);
        at_home += partition_shard_of(&two, &user) == 0;
    }
    assert_in_range(at_home, 1, 19);
    assert_int_equal(shard_import_settle(shard(), rig.shards, 1), SHARD_REPLAY_OK);
    assert_int_equal(shard()->quotas.entries.live, at_home);
    shard()->options.partitions = &rig.partitions;
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_keys_of_every_kind), CASE(test_keys_left_out),
        CASE(test_keys_without_room),  CASE(test_counts),
        CASE(test_counts_of_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
