/* What the engine says while it looks after its log: of snapshots begun, taken and failed,
 * of log given up, of too much log and who holds it. And a disk that fails meanwhile. */
#include "world_rig.h"

#include <sys/wait.h>

#include "../../persist/log_upkeep.h"
#include "captured_log.h"

enum { LOOK_MS = 2000, MEGABYTE = 1000000 };

static struct world *world;
static struct config config;
static struct upkeep_metrics metrics;
static struct log_upkeep upkeep;
static struct captured_log captured;

static int set_up(void **state)
{
    (void)state;
    memset(&config, 0, sizeof config);
    memset(&metrics, 0, sizeof metrics);
    config.storage.segment_bytes = FIXTURE_SEGMENT_BYTES;
    world = world_open();
    const struct log_upkeep_options options = {
        .dir = world->reader, .epoch = 1, .config = &config, .metrics = &metrics};
    log_upkeep_init(&upkeep, &options);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    log_upkeep_stop(&upkeep);
    world_close(world);
    return 0;
}

/* A process that stands for the one taking a snapshot, and ends with the code. */
static void begin_child(int code)
{
    siginfo_t info;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(code);
    upkeep.child.pid = pid;
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

static const char *step_and_hear(enum logger_level level, uint64_t log_bytes, uint64_t now_ms)
{
    captured_begin(&captured, level);
    log_upkeep_step(&upkeep, log_bytes, now_ms);
    return captured_end(&captured);
}

/* A program beside this test, by the name of the one that takes snapshots, that has none
 * to take. */
static void put_program(char *path, size_t bytes)
{
    ssize_t length = readlink("/proc/self/exe", path, bytes - 16);
    assert_true(length > 0);
    path[length] = '\0';
    snprintf(strrchr(path, '/') + 1, 16, "boxreplay");
    unlink(path);
    assert_int_equal(symlink("/bin/true", path), 0);
}

/* --- tests --- */

/* The end of a snapshot is told with its code, unless such news is not to be heard. */
static void test_end_is_told(void **state)
{
    (void)state;
    begin_child(0);
    assert_non_null(strstr(step_and_hear(LOGGER_INFO, 0, 0), "snapshot_taken"));
    begin_child(0);
    assert_null(strstr(step_and_hear(LOGGER_WARN, 0, 1), "snapshot_taken"));
    assert_int_equal(metric_get(&metrics.snapshots_taken), 2);
}

/* The beginning of a snapshot is told with its process; the last of these tests, since with
 * the exec a build that counts branches ends to count. */
static void test_begin_is_told(void **state)
{
    char program[LOG_PATH_BYTES];
    (void)state;
    config.snapshot.log_mb = 1;
    put_program(program, sizeof program);
    log_upkeep_step(&upkeep, MEGABYTE, 0);
    const char *said = step_and_hear(LOGGER_INFO, MEGABYTE, 1);
    assert_non_null(strstr(said, "snapshot_begun"));
    assert_int_equal(metric_get(&metrics.snapshot_running), 1);
    for (int i = 0; i < 5000 && metric_get(&metrics.snapshots_taken) == 0; i++) {
        usleep(1000);
        log_upkeep_step(&upkeep, MEGABYTE, 1);
    }
    assert_int_equal(metric_get(&metrics.snapshots_taken), 1);
    assert_int_equal(metric_get(&metrics.snapshot_running), 0);
    log_upkeep_step(&upkeep, 3 * MEGABYTE, 2);
    assert_null(strstr(step_and_hear(LOGGER_WARN, 3 * MEGABYTE, 3), "snapshot_begun"));
    assert_int_equal(metric_get(&metrics.snapshot_running), 1);
    unlink(program);
}

/* One that failed is an error, with why or with its code. */
static void test_snapshot_fails(void **state)
{
    (void)state;
    config.snapshot.log_mb = 1;
    log_upkeep_step(&upkeep, MEGABYTE, 0);
    assert_non_null(strstr(step_and_hear(LOGGER_ERROR, MEGABYTE, 1), "No such file"));
    begin_child(65);
    assert_non_null(strstr(step_and_hear(LOGGER_ERROR, MEGABYTE, 2), "\"exit_code\":65"));
    assert_int_equal(metric_get(&metrics.snapshots_failed), 2);
}

/* What is given up is told, once two snapshots have it; and who holds what is left. */
static void test_given_up(void **state)
{
    char holder[UPKEEP_HOLDER_BYTES];
    struct cursor_position position = {.epoch = 1, .shard_count = 1, .sequences = {1}};
    (void)state;
    config.retention.enabled = true;
    assert_int_equal(take(world), 0);
    write_rest(world);
    assert_int_equal(take(world), 0);
    snprintf(config.mirror.postgres, sizeof config.mirror.postgres, "host=nowhere");
    step_and_hear(LOGGER_INFO, 0, 0);
    upkeep_metrics_holder(&metrics, holder);
    assert_string_equal(holder, "mirror"); /* which has said nothing yet */
    assert_int_equal(cursor_publish(world->reader, "other", &position, &world->error), 0);
    config.mirror.postgres[0] = '\0';
    step_and_hear(LOGGER_INFO, 0, LOOK_MS);
    upkeep_metrics_holder(&metrics, holder);
    assert_string_equal(holder, "other");
    assert_int_equal(cursor_drop(world->reader, "other", &world->error), 0);
    const char *said = step_and_hear(LOGGER_INFO, 0, 2 * LOOK_MS);
    assert_non_null(strstr(said, "log_given_up"));
    assert_true(metric_get(&metrics.segments_given_up) > 0);
    assert_null(strstr(step_and_hear(LOGGER_INFO, 0, 3 * LOOK_MS), "log_given_up"));
    upkeep_metrics_holder(&metrics, holder);
    assert_string_equal(holder, "snapshot");
}

/* The same at a level that says errors only. */
static void test_given_up_in_silence(void **state)
{
    (void)state;
    config.retention.enabled = true;
    assert_int_equal(take(world), 0);
    write_rest(world);
    assert_int_equal(take(world), 0);
    assert_null(strstr(step_and_hear(LOGGER_ERROR, 0, 0), "log_given_up"));
    assert_true(metric_get(&metrics.segments_given_up) > 0);
}

/* Too much log is said when it begins and when it ends. */
static void test_too_large_is_told(void **state)
{
    (void)state;
    write_rest(world);
    config.retention.log_mb_max = 1;
    upkeep.report = (struct retention_report){0};
    fixture_await_spare(&world->fixture);
    uint64_t kept = 0;
    const char *said = step_and_hear(LOGGER_INFO, 0, 0);
    kept = metric_get(&metrics.log_kept_bytes);
    if (kept <= MEGABYTE) { /* this story's log is small: make the rest of files */
        char path[LOG_PATH_BYTES];
        snprintf(path, sizeof path, "%s", fixture_segment(&world->fixture, 1));
        assert_int_equal(truncate(path, 2 * MEGABYTE / LOG_ALIGNMENT * LOG_ALIGNMENT), 0);
        said = step_and_hear(LOGGER_INFO, 0, LOOK_MS);
    }
    assert_non_null(strstr(said, "log_too_large"));
    assert_null(strstr(step_and_hear(LOGGER_INFO, 0, 2 * LOOK_MS), "log_too_large"));
    config.retention.log_mb_max = 100;
    assert_non_null(strstr(step_and_hear(LOGGER_INFO, 0, 3 * LOOK_MS), "log_small_again"));
    assert_null(strstr(step_and_hear(LOGGER_INFO, 0, 4 * LOOK_MS), "log_small_again"));
    config.retention.log_mb_max = 1;
    step_and_hear(LOGGER_INFO, 0, 5 * LOOK_MS);
    config.retention.log_mb_max = 0; /* no limit */
    assert_null(strstr(step_and_hear(LOGGER_WARN, 0, 6 * LOOK_MS), "log_small_again"));
    assert_int_equal(metric_get(&metrics.log_over_limit), 0);
}

/* A look that fails at any call of the disk is an error said once, counted each time, and
 * gives up nothing that is needed; it is said anew after one that went well. */
static void test_looks_that_fail(void **state)
{
    uint32_t failed = 0;
    (void)state;
    config.retention.enabled = true;
    assert_int_equal(take(world), 0);
    write_rest(world);
    assert_int_equal(take(world), 0);
    uint64_t now_ms = 0;
    for (uint32_t at = 1;; at++, now_ms += 3 * LOOK_MS) {
        faulty_arm(&world->faulty, at, 200, at % 2 ? -EIO : -EROFS);
        uint64_t before = metric_get(&metrics.upkeep_failures);
        const char *said = step_and_hear(LOGGER_ERROR, 0, now_ms);
        bool struck = faulty_struck(&world->faulty);
        bool bad = metric_get(&metrics.upkeep_failures) != before;
        assert_true(bad == (strstr(said, "retention_failed") != NULL));
        if (bad) { /* again: counted, not said */
            faulty_arm(&world->faulty, 1, 200, -EIO);
            assert_null(strstr(step_and_hear(LOGGER_ERROR, 0, now_ms + LOOK_MS), "failed"));
        }
        failed += bad;
        faulty_arm(&world->faulty, 0, 1, 0);
        log_upkeep_step(&upkeep, 0, now_ms + 2 * LOOK_MS);
        if (!struck)
            break;
        assert_true(at < 2000);
    }
    assert_true(failed > 3);
    struct log_fold_options fold = {.dir = world->reader, .shard = world->take.shard};
    struct log_fold found;
    assert_int_equal(log_fold_run(&found, &fold, &world->error), 0);
    assert_true(snapshot_state_hash(found.shards, 1, found.cut.stamp_ms) ==
                world->taken.state_hash);
    log_fold_release(&found);
}

/* --- beside it: cursors and snapshots on a bad disk --- */

/* A cursor of another cluster, or of more shards than there are, is refused. */
static void test_foreign_cursor(void **state)
{
    const struct cursor_position position = {.epoch = 1, .shard_count = 1, .sequences = {50}};
    struct cursor_position read;
    uint8_t page[LOG_ALIGNMENT], good[LOG_ALIGNMENT];
    char path[LOG_PATH_BYTES];
    (void)state;
    assert_int_equal(cursor_publish(world->reader, "c", &position, &world->error), 0);
    snprintf(path, sizeof path, "%s/cursors/c", world->fixture.path);
    file_read(path, 0, good, sizeof good);
    memcpy(page, good, sizeof page);
    page[sizeof(struct log_file_head)] ^= 1; /* the cluster */
    log_file_header_seal(page, LOG_ALIGNMENT - 8);
    file_write(path, 0, page, sizeof page);
    assert_int_equal(cursor_read(world->reader, "c", &read, &world->error), LOG_EXIT_CORRUPT);
    memcpy(page, good, sizeof page);
    memset(page + 44, 0xff, 2); /* shard_count */
    log_file_header_seal(page, LOG_ALIGNMENT - 8);
    file_write(path, 0, page, sizeof page);
    assert_int_equal(cursor_read(world->reader, "c", &read, &world->error), LOG_EXIT_CORRUPT);
    file_write(path, 0, good, sizeof good);
    assert_int_equal(cursor_read(world->reader, "c", &read, &world->error), 0);
}

/* Dropping one is an error when the disk says so, and then it may be there still. */
static void test_drop_with_faults(void **state)
{
    const struct cursor_position position = {.epoch = 1, .shard_count = 1};
    (void)state;
    for (uint32_t at = 1; at <= 2; at++) {
        assert_int_equal(cursor_publish(world->reader, "c", &position, &world->error), 0);
        faulty_arm(&world->faulty, at, 1, at == 1 ? -EROFS : -EIO);
        assert_int_equal(cursor_drop(world->reader, "c", &world->error), LOG_EXIT_IO);
        faulty_arm(&world->faulty, 0, 1, 0);
    }
    assert_int_equal(cursor_drop(world->reader, "c", &world->error), LOG_EXIT_NO_DATA);
}

/* While one takes a snapshot another does not; nor where its place cannot be made. */
static void test_one_at_a_time(void **state)
{
    char path[LOG_PATH_BYTES + 8], owner[32];
    const struct storage *disk = storage_system(true);
    (void)state;
    snprintf(path, sizeof path, "%s/snapshots/LOCK", world->fixture.path);
    int fd = disk->lock(disk->context, path, owner, sizeof owner);
    assert_int_equal(take(world), LOG_EXIT_LOCKED);
    disk->unlock(disk->context, fd);
    faulty_arm(&world->faulty, 1, 1, -EACCES);
    assert_int_equal(take(world), LOG_EXIT_PERMISSION);
    faulty_arm(&world->faulty, 0, 1, 0);
    assert_int_equal(take(world), 0);
}

/* Old snapshots that cannot be removed are an error, and the newest stays. */
static void test_prune_with_faults(void **state)
{
    char path[LOG_PATH_BYTES + 8];
    uint64_t *numbers;
    uint32_t count, failed = 0;
    (void)state;
    assert_int_equal(take(world), 0);
    for (uint32_t at = 1;; at++) {
        snprintf(path, sizeof path, "%s/snapshots/snapshot-0000000001.snap", world->fixture.path);
        file_write(path, 0, "old", 3);
        snprintf(path, sizeof path, "%s/snapshots/snapshot-0000000009.snap.new",
                 world->fixture.path);
        file_write(path, 0, "half", 4);
        faulty_arm(&world->faulty, at, 1, at % 2 ? -EIO : -EROFS);
        failed += snapshot_prune(world->reader, 1) != 0;
        bool struck = faulty_struck(&world->faulty);
        faulty_arm(&world->faulty, 0, 1, 0);
        if (!struck)
            break;
    }
    assert_true(failed >= 5);
    assert_int_equal(snapshot_list(world->reader, &numbers, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(numbers[0], 2);
    free(numbers);
}

/* --- folds --- */

/* A state that the log does not reach, or a directory without a log, is refused. */
static void test_fold_too_far(void **state)
{
    struct log_fold_options fold = {.dir = world->reader, .shard = world->take.shard};
    struct log_fold found;
    (void)state;
    fold.limit =
        (struct log_fold_limit){.epoch = 1, .sequences = {UINT64_MAX}, .sequence_count = 1};
    assert_int_equal(log_fold_run(&found, &fold, &world->error), LOG_EXIT_NO_DATA);
    log_fold_release(&found);
    /* Of two snapshots, the one before the wanted place. */
    assert_int_equal(take(world), 0);
    fold.limit.sequences[0] = 10;
    assert_int_equal(log_fold_run(&found, &fold, &world->error), 0);
    assert_int_equal(found.records, 10);
    log_fold_release(&found);
    write_rest(world);
    fold.limit.sequences[0] = world->taken.cut.positions[0].sequence + 3;
    assert_int_equal(log_fold_run(&found, &fold, &world->error), 0);
    assert_int_equal(found.records, 3);
    log_fold_release(&found);
    fold.limit = (struct log_fold_limit){.stamp_ms = 1};
    assert_int_equal(log_fold_run(&found, &fold, &world->error), 0);
    assert_int_equal(found.records, 0);
    log_fold_release(&found);
}

/* A directory that has no log yet. */
static void test_fold_of_nothing(void **state)
{
    struct fixture empty;
    struct log_fold_options fold = {.shard = world->take.shard};
    struct log_fold found;
    (void)state;
    fixture_init(&empty);
    const struct data_dir_options options = {
        .path = empty.path, .init = true, .allow_buffered = true};
    assert_int_equal(data_dir_open(&empty.dir, &options, &empty.error), 0);
    fold.dir = empty.dir;
    assert_int_equal(log_fold_run(&found, &fold, &world->error), LOG_EXIT_NO_DATA);
    assert_string_equal(world->error.label, "RA");
    log_fold_release(&found);
    data_dir_close(empty.dir);
    fixture_remove(empty.path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_end_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_snapshot_fails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_given_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_given_up_in_silence, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_too_large_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_looks_that_fail, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_foreign_cursor, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_drop_with_faults, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_at_a_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_prune_with_faults, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fold_too_far, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fold_of_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_begin_is_told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
