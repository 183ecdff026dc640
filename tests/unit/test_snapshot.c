/* Snapshot files: what is written is what is loaded, into as many shards or others,
 * and nothing that was changed in a file goes unnoticed. */
#include "story_rig.h"

#include "../../engine/shard_export.h"
#include "../../persist/cursor.h"
#include "../../persist/retention.h"
#include "../../persist/snapshot_load.h"
#include "../../persist/snapshot_take.h"
#include "../../persist/snapshot_write.h"

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

/* A snapshot of a build that lays kept answers out in another way is refused as such: it is
 * not damaged, and nothing of it is taken for what it is not. */
static void test_other_layout(void **state)
{
    (void)state;
    struct world *world = world_open();
    char path[LOG_PATH_BYTES];
    static uint8_t page[LOG_ALIGNMENT];
    struct snapshot_header header;
    snapshot_path(world->fixture.dir, 1, path);
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    assert_int_equal(fread(page, sizeof page, 1, file), 1);
    memcpy(&header, page, sizeof header);
    header.answer_layout++;
    memcpy(page, &header, sizeof header);
    log_file_header_seal(page, sizeof header);
    rewind(file);
    assert_int_equal(fwrite(page, sizeof page, 1, file), 1);
    fclose(file);
    assert_int_equal(load(world, 1), LOG_EXIT_CONFIG);
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
        cmocka_unit_test(test_flipped_bytes), cmocka_unit_test(test_other_layout),
        cmocka_unit_test(test_truncated),     cmocka_unit_test(test_prune),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
