/* Snapshot files: what is written is what is loaded, into as many shards or others,
 * and nothing that was changed in a file goes unnoticed. */
#include "inventory_rig.h"

#include "log_fixture.h"

#include "../../engine/restore.h"
#include "../../engine/shard_export.h"
#include "../../persist/cursor.h"
#include "../../persist/retention.h"
#include "../../persist/snapshot_load.h"
#include "../../persist/snapshot_take.h"
#include "../../persist/snapshot_write.h"

enum { STEPS = 3000, BOOKINGS = 64, USERS = 6 };

/* --- a state with something of everything --- */

struct story {
    struct rig rig;
    struct uuid bookings[BOOKINGS];
    uint64_t owners[BOOKINGS];
    uint64_t made, blocks, orders;
    struct block_facts draft;
};

static uint32_t pick(struct story *story, uint32_t below)
{
    return (uint32_t)(rig_random(&story->rig) % below);
}

static void reserve_something(struct story *story)
{
    uint64_t user = pick(story, USERS);
    struct command command = rig_reserve(user, pick(story, INVENTORY_ZONES), 1 + pick(story, 4), 0);
    command.reserve.allow_split = true;
    if (pick(story, 4) == 0)
        command.reserve.allotment_digest[0] = (uint8_t)(1 + pick(story, 2));
    if (pick(story, 4) == 0)
        command.reserve.order =
            (struct order_part){.id = rig_id(6, story->orders++), .item = 0, .count = 1};
    command.key = (struct request_key){rig_random(&story->rig) | 1, pick(story, 1000)};
    const struct decision *decision = inventory_do(&story->rig, &command);
    if (decision->result != RESULT_OK)
        return;
    story->rig.log[story->rig.log_count - 1].record.key = command.key;
    story->rig.log[story->rig.log_count - 1].record.actor = command.actor;
    story->bookings[story->made % BOOKINGS] = command.reserve.booking_id;
    story->owners[story->made++ % BOOKINGS] = user;
}

static void change_something(struct story *story)
{
    static const enum command_kind kinds[] = {COMMAND_CONFIRM,  COMMAND_CONFIRM, COMMAND_CANCEL,
                                              COMMAND_EXTEND,   COMMAND_RELEASE, COMMAND_TRANSFER,
                                              COMMAND_EXCHANGE, COMMAND_REFUND,  COMMAND_PIN};
    uint32_t which = pick(story, BOOKINGS);
    struct command command =
        on_booking(kinds[pick(story, 9)], story->owners[which], &story->bookings[which]);
    command.booking.user_id = rig_user_id(pick(story, USERS));
    command.booking.seconds = pick(story, 2000);
    if (command.kind == COMMAND_RELEASE)
        command.booking.quantity = 1;
    if (command.kind == COMMAND_REFUND)
        command.actor = (struct actor){.id = rig_user_id(1000), .role = ROLE_ORGANIZER};
    if (command.kind == COMMAND_PIN)
        command.booking.order =
            (struct order_part){.id = rig_id(6, story->orders++), .item = 0, .count = 0};
    inventory_do(&story->rig, &command);
}

static void block_something(struct story *story)
{
    static const uint32_t seats[] = {3, 4, 5, 21};
    uint64_t zone = pick(story, INVENTORY_ZONES);
    struct command command =
        on_zone(pick(story, 3) ? COMMAND_BLOCK_CREATE : COMMAND_BLOCK_END, zone);
    command.zone_change.block_id = rig_id(5, pick(story, (uint32_t)story->blocks + 1));
    bool seated = zone >= SEATED;
    story->draft = (struct block_facts){.block_id = rig_id(5, story->blocks++),
                                        .kind = BLOCK_ALLOTMENT,
                                        .quantity = 4,
                                        .key_digest = {(uint8_t)(1 + pick(story, 2))},
                                        .seat_count = seated ? 4 : 0,
                                        .seats = seated ? seats : NULL};
    command.zone_change.block = &story->draft;
    inventory_do(&story->rig, &command);
}

static void put_show(struct rig *rig, uint64_t number, uint32_t segments)
{
    struct catalog_stop stops[TRIP_SEGMENTS + 1];
    for (uint32_t i = 0; i <= TRIP_SEGMENTS; i++)
        stops[i] = (struct catalog_stop){rig_id(9, i), 1000 + 1000 * i, 1000 + 1000 * i};
    const struct catalog_show draft = {.id = rig_id(2, number),
                                       .event_id = rig_event_id(0),
                                       .segment_count = segments,
                                       .stop_count = segments > 1 ? segments + 1 : 0,
                                       .stops = segments > 1 ? stops : NULL,
                                       .name = {"Night", 5}};
    assert_true(shard_put_show(rig->shards[0], catalog_show_new(&draft)));
}

static void put_zone(struct rig *rig, uint64_t number)
{
    bool seated = number == SEATED || number == SEATED_TRIP;
    bool trip = number == GENERAL_TRIP || number == SEATED_TRIP;
    size_t length = 0;
    uint8_t *bytes = seated ? inventory_plan(&length) : NULL;
    const struct catalog_zone draft = {.id = rig_zone_id(number),
                                       .kind = seated ? ZONE_SEATED : ZONE_GENERAL,
                                       .show_id = rig_id(2, trip),
                                       .event_id = rig_event_id(0),
                                       .price_minor = trip ? 4123 : PRICE,
                                       .currency = "THB",
                                       .total_seats = PLACES,
                                       .segment_count = trip ? TRIP_SEGMENTS : 1,
                                       .segment_price_count = trip ? TRIP_SEGMENTS : 0,
                                       .segment_prices = trip ? TRIP_PRICES : NULL,
                                       .plan_bytes = bytes,
                                       .plan_length = (uint32_t)length,
                                       .name = {"Zone", 4}};
    assert_true(shard_put_zone(rig->shards[0], catalog_zone_new(&draft)));
    free(bytes);
}

/* One shard with an event whose catalog a log could have. */
static void open_rig(struct rig *rig)
{
    const struct catalog_event event = {.id = rig_event_id(0),
                                        .organizer_id = rig_user_id(1000),
                                        .status = EVENT_PUBLISHED,
                                        .max_per_user = 10000,
                                        .allow_orphans = true,
                                        .slug = {"night", 5},
                                        .title = {"Night", 5}};
    rig_open(rig, 1);
    assert_true(shard_put_event(rig->shards[0], catalog_event_new(&event)));
    for (uint32_t i = 0; i <= TRIP_SEGMENTS; i++) {
        char code[2] = {(char)('A' + (int)i), 0};
        const struct catalog_station draft = {
            .id = rig_id(9, i), .code = {code, 1}, .name = {"Stop", 4}};
        assert_true(shard_put_station(rig->shards[0], catalog_station_new(&draft)));
    }
    put_show(rig, 0, 1);
    put_show(rig, 1, TRIP_SEGMENTS);
    for (uint64_t number = 0; number < INVENTORY_ZONES; number++)
        put_zone(rig, number);
}

/* Tells a story, and replays its log into a shard with both its roles. */
static void tell(struct story *story, struct rig *replayed)
{
    memset(story, 0, sizeof *story);
    open_rig(&story->rig);
    story->rig.seed = 11;
    for (uint32_t i = 0; i < STEPS; i++) {
        uint32_t dice = pick(story, 20);
        if (dice == 0)
            block_something(story);
        else if (dice < 10 || story->made < BOOKINGS)
            reserve_something(story);
        else
            change_something(story);
        if (pick(story, 4) == 0)
            story->rig.now_ms += pick(story, 30000);
        inventory_expire(&story->rig);
    }
    open_rig(replayed);
    struct restore restore = {.shards = replayed->shards, .partitions = &replayed->partitions};
    for (size_t n = 0; n < story->rig.log_count; n++)
        assert_int_equal(restore_record(&restore, &story->rig.log[n].record), SHARD_REPLAY_OK);
    assert_int_equal(restore_finish(&restore), SHARD_REPLAY_OK);
    assert_true(shard_zone_hash(replayed->shards[0]) == shard_zone_hash(story->rig.shards[0]));
}

struct world {
    struct fixture fixture;
    struct story story;
    struct rig rig;
    struct snapshot_write_options write;
    struct snapshot_trailer trailer;
    struct snapshot_file file;
    struct shard_options options;
    struct partition_map partitions;
    struct shard *shards[SHARD_COUNT_MAX];
    struct log_error error;
};

static struct world *world_open(void)
{
    struct world *world = test_calloc(1, sizeof *world);
    fixture_init(&world->fixture);
    assert_int_equal(fixture_recover(&world->fixture, true), 0);
    tell(&world->story, &world->rig);
    world->write = (struct snapshot_write_options){.dir = world->fixture.dir,
                                                   .cut = {.number = 1,
                                                           .epoch = 1,
                                                           .shard_count = 1,
                                                           .stamp_ms = world->story.rig.now_ms,
                                                           .positions = {{.sequence = 0}}},
                                                   .shards = world->rig.shards,
                                                   .shard_count = 1,
                                                   .out = &world->trailer};
    assert_int_equal(snapshot_write(&world->write, &world->error), 0);
    assert_int_equal(snapshot_publish(world->fixture.dir, 1, &world->error), 0);
    return world;
}

static void world_close(struct world *world)
{
    snapshot_free_shards(world->shards, SHARD_COUNT_MAX);
    rig_close(&world->story.rig);
    rig_close(&world->rig);
    data_dir_close(world->fixture.dir);
    fixture_remove(world->fixture.path);
    test_free(world);
}

/* The exit code of loading the file into fresh shards. */
static int load(struct world *world, uint16_t shard_count)
{
    snapshot_free_shards(world->shards, SHARD_COUNT_MAX);
    partition_map_init(&world->partitions, shard_count);
    world->options = (struct shard_options){.partitions = &world->partitions,
                                            .reservation_ttl_ms = RIG_TTL_MS,
                                            .max_per_order = RIG_MAX_PER_ORDER,
                                            .idempotency_ms = RIG_KEY_MS};
    int code = snapshot_file_open(&world->file, world->fixture.dir, 1, NULL, &world->error);
    assert_true(snapshot_make_shards(&world->options, world->shards));
    if (code == 0)
        code = snapshot_load(&world->file, world->shards, &world->partitions, &world->error);
    if (code == LOG_EXIT_BUG)
        print_message("%s\n", world->error.text);
    return code;
}

static uint64_t zone_hash(struct world *world)
{
    uint64_t sum = 0;
    for (uint16_t i = 0; i < world->partitions.shard_count; i++)
        sum += shard_zone_hash(world->shards[i]);
    return sum;
}

/* --- tests --- */

/* Written and loaded, the state is the same, to the last seat, block, key and count. */
static void test_round_trip(void **state)
{
    (void)state;
    struct world *world = world_open();
    struct shard_totals totals;
    static struct inquiry inquiry;
    shard_totals(world->rig.shards[0], &totals);
    assert_true(totals.reserved > 2 && totals.confirmed > 5 && totals.cancelled > 20 &&
                totals.idempotency_keys > 100);
    assert_true(shard_export_block_count(world->rig.shards[0]) > 5);
    assert_int_equal(load(world, 1), 0);
    assert_true(zone_hash(world) == shard_zone_hash(world->rig.shards[0]));
    assert_true(snapshot_state_hash(world->shards, 1, world->story.rig.now_ms) ==
                snapshot_state_hash(world->rig.shards, 1, world->story.rig.now_ms));
    assert_true(world->trailer.state_hash ==
                snapshot_state_hash(world->shards, 1, world->story.rig.now_ms));
    inquiry = (struct inquiry){.kind = INQUIRY_AUDIT};
    shard_inquire(world->shards[0], &inquiry);
    assert_int_equal(inquiry.audit.violations, 0);
    world_close(world);
}

/* I13: what follows has the same effect on the loaded state as on the one it was
 * written from. */
static void test_goes_on_the_same(void **state)
{
    (void)state;
    struct world *world = world_open();
    struct story *story = &world->story;
    size_t before = story->rig.log_count;
    assert_int_equal(load(world, 1), 0);
    for (uint32_t i = 0; i < 600; i++) {
        if (pick(story, 2))
            reserve_something(story);
        else
            change_something(story);
        story->rig.now_ms += pick(story, 20000);
        inventory_expire(&story->rig);
    }
    for (size_t n = before; n < story->rig.log_count; n++)
        assert_int_equal(shard_replay(world->shards[0], &story->rig.log[n].record),
                         SHARD_REPLAY_OK);
    assert_true(zone_hash(world) == shard_zone_hash(story->rig.shards[0]));
    world_close(world);
}

/* Loaded into another number of shards each piece is where it belongs, and counted once. */
static void test_other_shards(void **state)
{
    (void)state;
    struct world *world = world_open();
    struct shard_totals whole, part;
    shard_totals(world->rig.shards[0], &whole);
    for (uint16_t count = 2; count <= 5; count++) {
        uint64_t bookings = 0, quotas = 0;
        assert_int_equal(load(world, count), 0);
        for (uint16_t i = 0; i < count; i++) {
            shard_totals(world->shards[i], &part);
            bookings += part.bookings;
            quotas += part.quota_entries;
        }
        assert_int_equal(bookings, whole.bookings);
        assert_int_equal(quotas, whole.quota_entries);
        assert_true(zone_hash(world) == shard_zone_hash(world->rig.shards[0]));
    }
    world_close(world);
}

/* The same state gives the same bytes, but for what is drawn for each file. */
static void test_same_bytes(void **state)
{
    (void)state;
    struct world *world = world_open();
    char path[LOG_PATH_BYTES];
    uint64_t first = file_bytes(snapshot_path(world->fixture.dir, 1, path));
    world->write.cut.number = 2;
    assert_int_equal(snapshot_write(&world->write, &world->error), 0);
    assert_int_equal(snapshot_publish(world->fixture.dir, 2, &world->error), 0);
    assert_int_equal(file_bytes(snapshot_path(world->fixture.dir, 2, path)), first);
    world_close(world);
}

/* DK18: any byte of the file changed is noticed: in the header, in each block, its padding
 * and the trailer. */
static void test_flipped_bytes(void **state)
{
    (void)state;
    struct world *world = world_open();
    char path[LOG_PATH_BYTES];
    snapshot_path(world->fixture.dir, 1, path);
    uint64_t bytes = file_bytes(path);
    uint32_t flips = 0;
    for (uint64_t at = 0; at < bytes; at += at < 4096 || at + 4096 > bytes ? 61 : bytes / 200 + 1) {
        file_flip(path, at, (uint8_t)(1u << at % 8));
        if (load(world, 1) == 0)
            fail_msg("byte %llu of %llu changed, and nobody noticed", (unsigned long long)at,
                     (unsigned long long)bytes);
        file_flip(path, at, (uint8_t)(1u << at % 8));
        flips++;
    }
    assert_true(flips > 250);
    assert_int_equal(load(world, 1), 0);
    world_close(world);
}

/* DK18: a file that ends too early is refused wherever it was cut. */
static void test_truncated(void **state)
{
    (void)state;
    struct world *world = world_open();
    char path[LOG_PATH_BYTES];
    snapshot_path(world->fixture.dir, 1, path);
    uint64_t bytes = file_bytes(path);
    for (uint64_t length = bytes - 4096;; length = length / 2) {
        assert_int_equal(truncate(path, (off_t)length), 0);
        assert_int_equal(load(world, 1), LOG_EXIT_CORRUPT);
        if (length == 0)
            break;
    }
    world_close(world);
}

/* DK18: half-made files are removed and only the newest two kept. */
static void test_prune(void **state)
{
    (void)state;
    struct world *world = world_open();
    char path[LOG_PATH_BYTES + 8], name[LOG_PATH_BYTES];
    uint64_t *numbers;
    uint32_t count;
    for (uint64_t number = 2; number <= 4; number++) {
        world->write.cut.number = number;
        assert_int_equal(snapshot_write(&world->write, &world->error), 0);
        if (number < 4)
            assert_int_equal(snapshot_publish(world->fixture.dir, number, &world->error), 0);
    }
    snprintf(path, sizeof path, "%s.new", snapshot_path(world->fixture.dir, 4, name));
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(snapshot_prune(world->fixture.dir, SNAPSHOT_KEPT), 0);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(snapshot_list(world->fixture.dir, &numbers, &count), 0);
    assert_int_equal(count, 2);
    assert_int_equal(numbers[0], 3);
    assert_int_equal(numbers[1], 2);
    free(numbers);
    world_close(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_goes_on_the_same),
        cmocka_unit_test(test_other_shards),  cmocka_unit_test(test_same_bytes),
        cmocka_unit_test(test_flipped_bytes), cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_prune),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
