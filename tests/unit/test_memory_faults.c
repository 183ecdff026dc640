/* There is no memory, once, in every place where some is asked for: what is being done
 * says so, and the same done again afterwards gives what it gives with enough. */
#include "world_rig.h"

#include "../../persist/log_reader.h"
#include "../../persist/snapshot_load.h"
#include "scarce_memory.h"

enum { ALLOCATIONS_MAX = 20000 };

/* Without blocks: the engine asserts that there are the few bytes for one. */
static struct world *world_open_without_blocks(void)
{
    return world_open_some(false);
}

/* Does it with one allocation after the other failing, two in a row every other time,
 * until it is through without. How often it failed. */
static uint32_t with_every_fault(struct world *world, int doing(struct world *))
{
    uint32_t failed = 0;
    for (uint32_t at = 1;; at++) {
        world->error = (struct log_error){0};
        scarce_arm(at, at % 2 ? 1 : 2);
        int code = doing(world);
        bool struck = scarce_struck();
        scarce_arm(0, 0);
        failed += code != 0;
        if (code != 0)
            assert_true(world->error.text[0] != '\0');
        if (!struck) {
            assert_int_equal(code, 0);
            return failed;
        }
        assert_true(at < ALLOCATIONS_MAX);
    }
}

/* --- what is done --- */

static int start(struct world *world)
{
    struct fixture *fixture = &world->fixture;
    return fixture_recover(fixture, true);
}

/* --- tests --- */

/* A start without memory gives up with a reason, and changes nothing of the log. */
static void test_start(void **state)
{
    (void)state;
    if (!SCARCE_MEMORY)
        skip();
    struct world *world = world_open_without_blocks();
    write_rest(world);
    fixture_stop(&world->fixture);
    uint32_t failed = 0;
    for (uint32_t at = 1;; at++) {
        scarce_arm(at, 1);
        int code = start(world);
        bool struck = scarce_struck();
        scarce_arm(0, 0);
        failed += code != 0;
        data_dir_close(world->fixture.dir);
        world->fixture.dir = NULL;
        if (!struck)
            break;
    }
    assert_true(failed > 5);
    assert_int_equal(start(world), 0);
    assert_int_equal(world->fixture.recovered.records, world->story.rig.log_count);
    world_close(world);
}

/* So does the first start of an empty directory. */
static void test_first_start(void **state)
{
    (void)state;
    if (!SCARCE_MEMORY)
        skip();
    struct fixture fixture;
    fixture_init(&fixture);
    uint32_t failed = 0;
    for (uint32_t at = 1;; at++) {
        scarce_arm(at, 1);
        int code = fixture_recover(&fixture, true);
        bool struck = scarce_struck();
        scarce_arm(0, 0);
        failed += code != 0;
        data_dir_close(fixture.dir);
        fixture.dir = NULL;
        fixture_remove(fixture.path);
        if (!struck)
            break;
        assert_int_equal(mkdir(fixture.path, 0700), 0);
    }
    assert_true(failed > 3);
}

static int take_anew(struct world *world)
{
    char path[LOG_PATH_BYTES];
    unlink(snapshot_path(world->fixture.dir, 2, path));
    return take(world);
}

/* A snapshot is taken whole or not at all, and then its state is the log's. */
static void test_snapshot(void **state)
{
    (void)state;
    if (!SCARCE_MEMORY)
        skip();
    struct world *world = world_open_without_blocks();
    write_rest(world);
    assert_int_equal(take(world), 0);
    uint64_t hash = world->taken.state_hash;
    assert_true(with_every_fault(world, take_anew) > 20);
    assert_true(world->taken.state_hash == hash);
    world_close(world);
}

/* Loads the newest snapshot that can be; what is loaded is the whole of one. */
static int restore(struct world *world, uint16_t shard_count)
{
    struct shard *shards[SHARD_COUNT_MAX] = {NULL};
    struct partition_map partitions;
    struct shard_options options = world->take.shard;
    struct snapshot_cut cut;
    partition_map_init(&partitions, shard_count);
    options.partitions = &partitions;
    int code = snapshot_restore(world->reader, &options, shards, &cut, &world->error);
    if (code == 0 && shard_count == 1 && cut.number == 2)
        assert_true(snapshot_state_hash(shards, 1, cut.stamp_ms) == world->taken.state_hash);
    snapshot_free_shards(shards, shard_count);
    return code;
}

static int restore_same(struct world *world)
{
    return restore(world, 1);
}

static int restore_other(struct world *world)
{
    return restore(world, 3);
}

/* A start that has no memory for a snapshot ends, or begins with an older one; it never
 * begins with half of one. */
static void test_restore(void **state)
{
    (void)state;
    if (!SCARCE_MEMORY)
        skip();
    struct world *world = world_open_without_blocks();
    write_rest(world);
    assert_int_equal(take(world), 0);
    assert_true(with_every_fault(world, restore_same) > 20);
    assert_true(with_every_fault(world, restore_other) > 20);
    world_close(world);
}

static int use_cursor(struct world *world)
{
    const struct cursor_position position = {.epoch = 1, .shard_count = 1, .sequences = {50}};
    struct cursor_position read;
    char(*names)[CURSOR_NAME_BYTES] = NULL;
    uint32_t count = 0;
    int code = cursor_publish(world->reader, "mirror", &position, &world->error);
    if (code == 0)
        code = cursor_read(world->reader, "mirror", &read, &world->error);
    if (code == 0)
        code = cursor_list(world->reader, &names, &count, &world->error);
    if (code == 0)
        free(names);
    return code;
}

/* Cursors and what may be given up of the log: no memory is an error, never a guess. */
static void test_retention_and_cursors(void **state)
{
    (void)state;
    if (!SCARCE_MEMORY)
        skip();
    struct world *world = world_open_without_blocks();
    write_rest(world);
    assert_int_equal(take(world), 0);
    assert_true(with_every_fault(world, use_cursor) >= 3);
    assert_true(with_every_fault(world, world_retain) >= 3);
    world_close(world);
}

/* Reads the log from its middle to its end. */
static int follow(struct world *world)
{
    const struct log_reader_options options = {.dir = world->reader, .epoch = 1, .sequence = 100};
    struct log_reader *reader = NULL;
    struct record record;
    int code = log_reader_open(&reader, &options, &world->error);
    if (code != 0)
        return code;
    enum log_reader_status status;
    uint64_t records = 0;
    while ((status = log_reader_next(reader, &record, &world->error)) == LOG_READER_RECORD)
        records++;
    log_reader_close(reader);
    if (status == LOG_READER_ERROR)
        return world->error.exit_code;
    assert_int_equal(records, world->story.rig.log_count - 99);
    return 0;
}

/* A follower reads all of the log or says that it cannot. */
static void test_reader(void **state)
{
    (void)state;
    if (!SCARCE_MEMORY)
        skip();
    struct world *world = world_open_without_blocks();
    write_rest(world);
    assert_true(with_every_fault(world, follow) >= 3);
    world_close(world);
}

static int fold_to(struct world *world)
{
    struct log_fold_options fold = {.dir = world->reader, .shard = world->take.shard};
    struct log_fold found;
    fold.limit = (struct log_fold_limit){.epoch = 1, .sequences = {100}, .sequence_count = 1};
    int code = log_fold_run(&found, &fold, &world->error);
    if (code == 0)
        assert_int_equal(found.records, 100);
    log_fold_release(&found);
    return code;
}

/* A state of the past is told whole or not. */
static void test_fold(void **state)
{
    (void)state;
    if (!SCARCE_MEMORY)
        skip();
    struct world *world = world_open_without_blocks();
    write_rest(world);
    assert_true(with_every_fault(world, fold_to) > 10);
    world_close(world);
}

/* Makes ready to write: the keeper and the writer, as the engine does. */
static int begin_writing(struct world *world)
{
    struct fixture *fixture = &world->fixture;
    struct segment_keeper_options keeper = {.dir = fixture->dir,
                                            .epoch = fixture->recovered.epoch,
                                            .shard_count = fixture->recovered.shard_count,
                                            .segment_bytes = fixture->segment_bytes,
                                            .retry_ms = 5,
                                            .watch_ms = 5};
    int code = segment_keeper_new(&fixture->keeper, &keeper, &world->error);
    if (code != 0)
        return code;
    fixture->storage = log_storage_blocking_new();
    struct log_writer_options writer = fixture_writer_options(fixture);
    code = fixture->storage ? log_writer_new(&fixture->writer, &writer, &world->error)
                            : log_error_set(&world->error, LOG_EXIT_IO, NULL, "no storage");
    log_writer_free(fixture->writer);
    segment_keeper_free(fixture->keeper);
    log_storage_free(fixture->storage);
    fixture->writer = NULL;
    fixture->keeper = NULL;
    fixture->storage = NULL;
    return code;
}

/* Without memory for its batches or its keeper the log does not begin to write. */
static void test_writer(void **state)
{
    (void)state;
    if (!SCARCE_MEMORY)
        skip();
    struct world *world = world_open_without_blocks();
    fixture_stop(&world->fixture);
    assert_int_equal(fixture_recover(&world->fixture, false), 0);
    assert_true(with_every_fault(world, begin_writing) >= 4);
    fixture_write(&world->fixture);
    write_rest(world);
    world_close(world);
}

/* Without memory there is no flush to make, no reading ahead, and the careful way of
 * flushing is taken unmeasured. */
static void test_disk(void **state)
{
    static _Alignas(4096) uint8_t page[STORAGE_ALIGNMENT];
    const struct storage *disk = storage_system(true);
    (void)state;
    if (!SCARCE_MEMORY)
        skip();
    scarce_arm(1, 1);
    struct log_storage *ring = log_storage_uring_new(NULL, 1, LOG_STORAGE_WRITE_SYNC);
    scarce_arm(1, 1);
    struct log_storage *blocking = log_storage_blocking_new();
    scarce_arm(0, 0);
    assert_null(ring);
    assert_null(blocking);
    for (uint32_t at = 1; at <= 3; at++) {
        scarce_arm(at, 1000);
        enum log_storage_method method = log_storage_calibrate("/tmp");
        scarce_arm(0, 0);
        assert_int_equal(method, LOG_STORAGE_WRITE_SYNC);
    }
    if (!disk->read_begin)
        return;
    int fd = disk->open(disk->context, "/proc/self/exe", STORAGE_READ);
    assert_true(fd >= 0);
    for (uint32_t at = 1; at <= 2; at++) { /* its place; its thread */
        scarce_arm(at, 1000);
        struct storage_ahead *ahead = disk->read_begin(disk->context, fd, page, sizeof page, 0);
        scarce_arm(0, 0);
        assert_true(at > 1 || !ahead);
        if (ahead) /* a thread found its stack in what others left */
            assert_int_equal(disk->read_end(disk->context, ahead), sizeof page);
    }
    disk->close(disk->context, fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start),    cmocka_unit_test(test_first_start),
        cmocka_unit_test(test_snapshot), cmocka_unit_test(test_restore),
        cmocka_unit_test(test_reader),   cmocka_unit_test(test_retention_and_cursors),
        cmocka_unit_test(test_fold),     cmocka_unit_test(test_writer),
        cmocka_unit_test(test_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
