/* The disk fails once in every place where it is asked: what is being done says so or
 * does without, and the same done again afterwards gives what it gives on a good disk. */
#include "world_rig.h"

/* Does it with a fault at each call in turn, one call or three in a row, until it is
 * through without meeting one. How often it failed. */
static uint32_t with_every_fault(struct world *world, int doing(struct world *))
{
    static const int errors[] = {-EIO, -ENOSPC, -ENOENT};
    uint32_t failed = 0;
    for (uint32_t at = 1;; at++) {
        faulty_arm(&world->faulty, at, at % 2 ? 3 : 1, errors[at % 3]);
        failed += doing(world) != 0;
        bool struck = faulty_struck(&world->faulty);
        faulty_arm(&world->faulty, 0, 1, 0);
        if (!struck)
            return failed;
        assert_true(at < 20000);
    }
}

/* --- snapshots --- */

/* A snapshot taken beside the log has the state that the log tells of; without news there
 * is none to take. */
static void test_snapshot_of_the_log(void **state)
{
    (void)state;
    struct world *world = world_open();
    write_rest(world);
    assert_int_equal(take(world), 0);
    assert_int_equal(world->taken.number, 2);
    assert_int_equal(world->taken.records, world->story.rig.log_count);
    assert_true(world->taken.state_hash ==
                snapshot_state_hash(world->replayed.shards, 1, world->taken.cut.stamp_ms));
    assert_int_equal(take(world), 0);
    assert_int_equal(world->taken.number, 0);
    world_close(world);
}

/* Whatever fails while one is taken, it is not taken or it is whole; the next attempt has
 * the state. */
static void test_snapshot_with_faults(void **state)
{
    (void)state;
    struct world *world = world_open();
    char path[LOG_PATH_BYTES];
    uint64_t hash = 0;
    uint32_t failed = 0, calls = 0;
    assert_int_equal(take(world), 0);
    hash = world->taken.state_hash;
    calls = world->faulty.calls;
    for (uint32_t at = 1; at <= calls; at += at < 60 || at + 60 > calls ? 1 : 7) {
        unlink(snapshot_path(world->fixture.dir, 2, path));
        faulty_arm(&world->faulty, at, at % 2 ? 3 : 1, at % 3 ? -EIO : -ENOSPC);
        if (take(world) != 0)
            failed++;
        else
            assert_true(world->taken.state_hash == hash);
        faulty_arm(&world->faulty, 0, 1, 0);
    }
    assert_true(failed > 30);
    unlink(snapshot_path(world->fixture.dir, 2, path));
    assert_int_equal(take(world), 0);
    assert_true(world->taken.state_hash == hash);
    world_close(world);
}

/* A fold ends where it was told to, by sequence or by time, and says when no snapshot
 * reaches that far back. */
static void test_fold_to_a_limit(void **state)
{
    (void)state;
    struct world *world = world_open();
    struct log_fold_options fold = {.dir = world->reader, .shard = world->take.shard};
    struct log_fold found;
    fold.limit = (struct log_fold_limit){.epoch = 1, .sequences = {100}, .sequence_count = 1};
    assert_int_equal(log_fold_run(&found, &fold, &world->error), 0);
    assert_int_equal(found.records, 100);
    log_fold_release(&found);
    fold.limit = (struct log_fold_limit){.stamp_ms = world->story.rig.log[200].record.stamp_ms};
    assert_int_equal(log_fold_run(&found, &fold, &world->error), 0);
    assert_true(found.records > 200 && found.records < world->story.rig.log_count);
    log_fold_release(&found);
    fold.limit = (struct log_fold_limit){.epoch = 7, .sequences = {1}, .sequence_count = 1};
    assert_int_not_equal(log_fold_run(&found, &fold, &world->error), 0);
    log_fold_release(&found);
    world_close(world);
}

/* --- cursors and retention --- */

static int publish(struct world *world)
{
    const struct cursor_position position = {.epoch = 1, .shard_count = 1, .sequences = {50}};
    return cursor_publish(world->reader, "mirror", &position, &world->error);
}

static int read_cursors(struct world *world)
{
    char(*names)[CURSOR_NAME_BYTES] = NULL;
    uint32_t count = 0;
    struct cursor_position position;
    int code = cursor_list(world->reader, &names, &count, &world->error);
    if (code == 0)
        free(names);
    int second = cursor_read(world->reader, "mirror", &position, &world->error);
    return code ? code : second;
}

/* A cursor is published whole or not at all, and read or refused. */
static void test_cursor_with_faults(void **state)
{
    (void)state;
    struct world *world = world_open();
    struct cursor_position position;
    assert_int_equal(cursor_read(world->reader, "mirror", &position, &world->error), 66);
    assert_int_equal(cursor_drop(world->reader, "mirror", &world->error), 66);
    assert_int_equal(cursor_publish(world->reader, "Not/Good", &position, &world->error),
                     CURSOR_EXIT_USAGE);
    assert_true(with_every_fault(world, publish) > 3);
    assert_int_equal(cursor_read(world->reader, "mirror", &position, &world->error), 0);
    assert_int_equal(position.sequences[0], 50);
    assert_true(with_every_fault(world, read_cursors) > 1);
    assert_int_equal(cursor_drop(world->reader, "mirror", &world->error), 0);
    assert_int_equal(cursor_read(world->reader, "mirror", &position, &world->error), 66);
    world_close(world);
}

/* Log goes when the last snapshot but one has it and every cursor is past it. */
static void test_retention(void **state)
{
    (void)state;
    struct world *world = world_open();
    struct retention_report report;
    struct cursor_position position = {.epoch = 1, .shard_count = 1, .sequences = {1}};
    struct retention_options options = {
        .dir = world->reader, .epoch = 1, .segment_bytes = FIXTURE_SEGMENT_BYTES};
    assert_int_equal(take(world), 0);
    write_rest(world);
    assert_int_equal(retention_step(&options, &report, &world->error), 0);
    assert_int_equal(report.recycled, 0); /* the one before has nothing of the log */
    assert_int_equal(take(world), 0);
    assert_int_equal(cursor_publish(world->reader, "mirror", &position, &world->error), 0);
    assert_int_equal(retention_step(&options, &report, &world->error), 0);
    assert_int_equal(report.recycled, 0);
    assert_string_equal(report.held_by, "mirror");
    assert_int_equal(cursor_drop(world->reader, "mirror", &world->error), 0);
    options.required = "mirror";
    assert_int_equal(retention_step(&options, &report, &world->error), 0);
    assert_int_equal(report.recycled, 0);
    options.required = NULL;
    options.look_only = true;
    assert_int_equal(retention_step(&options, &report, &world->error), 0);
    assert_int_equal(report.recycled, 0);
    options.look_only = false;
    assert_int_equal(retention_step(&options, &report, &world->error), 0);
    assert_true(report.recycled > 0);
    assert_string_equal(report.held_by, "snapshot");
    world_close(world);
}

/* A fault on the way keeps log; what went was not needed: the snapshot and the log behind
 * it still give the state. */
static void test_retention_with_faults(void **state)
{
    (void)state;
    struct world *world = world_open();
    assert_int_equal(take(world), 0);
    write_rest(world);
    assert_int_equal(take(world), 0);
    uint64_t hash = world->taken.state_hash;
    assert_true(with_every_fault(world, world_retain) > 3);
    struct log_fold_options fold = {.dir = world->reader, .shard = world->take.shard};
    struct log_fold found;
    assert_int_equal(log_fold_run(&found, &fold, &world->error), 0);
    assert_true(snapshot_state_hash(found.shards, 1, found.cut.stamp_ms) == hash);
    log_fold_release(&found);
    world_close(world);
}

/* --- the start --- */

struct start {
    struct faulty_storage faulty;
    struct fixture *fixture;
    uint16_t shard_count;
    struct log_error error;
    uint64_t records;
};

static int count_record(void *context, uint32_t epoch, uint16_t shard, const struct record *record)
{
    (void)epoch, (void)shard, (void)record;
    ++*(uint64_t *)context;
    return 0;
}

/* Opens, recovers and makes ready to write, on the faulty disk. */
static int start_once(struct start *start)
{
    struct data_dir *dir = NULL;
    struct recovery_result recovered;
    const struct data_dir_options options = {
        .path = start->fixture->path, .storage = &start->faulty.storage, .init = true};
    const struct recovery_options recovery = {
        .shard_count = start->shard_count, .segment_bytes = FIXTURE_SEGMENT_BYTES, .now_ms = 1000};
    start->records = 0;
    int code = data_dir_open(&dir, &options, &start->error);
    if (code == 0)
        code =
            recovery_run(dir, &recovery, count_record, &start->records, &recovered, &start->error);
    data_dir_close(dir);
    return code;
}

static uint32_t start_with_faults(struct start *start)
{
    static const int errors[] = {-EIO, -ENOSPC, -ENOENT, -EACCES};
    uint32_t failed = 0;
    for (uint32_t at = 1;; at++) {
        faulty_arm(&start->faulty, at, at % 2 ? 3 : 1, errors[at / 2 % 4]);
        failed += start_once(start) != 0;
        if (!faulty_struck(&start->faulty))
            return failed;
        assert_true(at < 20000);
    }
}

/* A start that meets a fault gives up with a reason, or does without; the log stays what
 * it was, and a later start reads all of it. */
static void test_start_with_faults(void **state)
{
    (void)state;
    struct fixture fixture;
    static struct start start;
    fixture_init(&fixture);
    assert_int_equal(fixture_recover(&fixture, true), 0);
    fixture_write(&fixture);
    fixture_fill(&fixture, 1, 200, 3);
    fixture_stop(&fixture);
    start.fixture = &fixture;
    start.shard_count = 1;
    faulty_init(&start.faulty);
    assert_true(start_with_faults(&start) > 10);
    faulty_arm(&start.faulty, 0, 1, 0);
    assert_int_equal(start_once(&start), 0);
    assert_int_equal(start.records, 200);
    fixture_remove(fixture.path);
}

/* The same for the first start of an empty directory and for another number of shards. */
static void test_new_epoch_with_faults(void **state)
{
    (void)state;
    struct fixture fixture;
    static struct start start;
    fixture_init(&fixture);
    start.fixture = &fixture;
    faulty_init(&start.faulty);
    for (start.shard_count = 1; start.shard_count <= 3; start.shard_count++) {
        assert_true(start_with_faults(&start) > 5);
        faulty_arm(&start.faulty, 0, 1, 0);
        assert_int_equal(start_once(&start), 0);
    }
    fixture_remove(fixture.path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_snapshot_of_the_log), cmocka_unit_test(test_snapshot_with_faults),
        cmocka_unit_test(test_fold_to_a_limit),     cmocka_unit_test(test_cursor_with_faults),
        cmocka_unit_test(test_retention),           cmocka_unit_test(test_retention_with_faults),
        cmocka_unit_test(test_start_with_faults),   cmocka_unit_test(test_new_epoch_with_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
