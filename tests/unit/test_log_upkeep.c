/* When a snapshot is due, what becomes of it, and what is said of the log's size. The
 * program that takes snapshots is not beside this test: beginning one fails. */
#include "log_fixture.h"

#include <sys/wait.h>

#include "../../persist/log_upkeep.h"
#include "../../persist/snapshot_write.h"
#include "shard_rig.h"

enum { MEGABYTE = 1000000, LOOK_MS = 2000 };

static struct fixture fixture;
static struct config config;
static struct upkeep_metrics metrics;
static struct log_upkeep upkeep;

static struct log_upkeep_options options(void)
{
    return (struct log_upkeep_options){
        .dir = fixture.dir, .epoch = 1, .config = &config, .metrics = &metrics};
}

static void begin(void)
{
    struct log_upkeep_options all = options();
    log_upkeep_init(&upkeep, &all);
}

/* As if a snapshot were being taken, by a process that ends with the code. */
static void begin_child(int code)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (code < 0)
            pause();
        _exit(code);
    }
    upkeep.child.pid = pid;
    siginfo_t info;
    if (code >= 0)
        assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

static void write_snapshot(uint64_t number)
{
    struct rig rig;
    struct log_error error;
    rig_open(&rig, 1);
    const struct snapshot_write_options write = {
        .dir = fixture.dir,
        .cut = {.number = number, .epoch = 1, .shard_count = 1, .created_ms = 77},
        .shards = rig.shards,
        .shard_count = 1};
    assert_int_equal(snapshot_write(&write, &error), 0);
    assert_int_equal(snapshot_publish(fixture.dir, number, &error), 0);
    rig_close(&rig);
}

/* --- tests --- */

/* A snapshot is due when as much log has come together as is configured; one that could
 * not be begun is counted, and the next is tried after as much log again. */
static void test_due(void **state)
{
    (void)state;
    config.snapshot.log_mb = 1;
    begin();
    assert_false(log_upkeep_step(&upkeep, MEGABYTE - 1, 0));
    assert_true(log_upkeep_step(&upkeep, MEGABYTE, 1));
    assert_false(log_upkeep_step(&upkeep, MEGABYTE, 2));
    assert_int_equal(metric_get(&metrics.snapshots_failed), 1);
    assert_int_equal(metric_get(&metrics.snapshot_running), 0);
    assert_false(log_upkeep_step(&upkeep, 2 * MEGABYTE - 1, 3));
    assert_true(log_upkeep_step(&upkeep, 2 * MEGABYTE, 4));
}

/* What recovery replayed counts as log; without a size none is ever due. */
static void test_due_by_recovery(void **state)
{
    struct log_upkeep_options all = options();
    (void)state;
    all.unsaved_bytes = MEGABYTE;
    all.metrics = NULL;
    config.snapshot.log_mb = 0;
    log_upkeep_init(&upkeep, &all);
    assert_false(log_upkeep_step(&upkeep, 9 * MEGABYTE, 0));
    config.snapshot.log_mb = 1;
    assert_true(log_upkeep_step(&upkeep, 0, 1));
}

/* The end of a snapshot is counted as what it was; while one runs none is due. */
static void test_end_of_a_snapshot(void **state)
{
    (void)state;
    config.snapshot.log_mb = 1;
    begin();
    begin_child(-1);
    assert_false(log_upkeep_step(&upkeep, 5 * MEGABYTE, 0));
    log_upkeep_stop(&upkeep);
    assert_int_equal(upkeep.child.pid, 0);
    log_upkeep_stop(&upkeep);
    begin_child(3);
    log_upkeep_step(&upkeep, 0, 10);
    assert_int_equal(metric_get(&metrics.snapshots_failed), 1);
    assert_int_equal(metric_get(&metrics.snapshots_taken), 0);
    begin_child(0);
    log_upkeep_step(&upkeep, 0, 30);
    assert_int_equal(metric_get(&metrics.snapshots_failed), 1);
    assert_int_equal(metric_get(&metrics.snapshots_taken), 1);
    assert_int_equal(metric_get(&metrics.snapshot_took_ms), 30);
}

/* More log than wanted is told, with who holds it, until there is less. */
static void test_too_large(void **state)
{
    char holder[UPKEEP_HOLDER_BYTES];
    (void)state;
    config.retention.enabled = true;
    config.retention.log_mb_max = 1;
    fixture_write(&fixture);
    fixture_fill(&fixture, 1, 3000, 10);
    begin();
    for (uint64_t look = 0; look < 2; look++) {
        log_upkeep_step(&upkeep, 0, look * LOOK_MS);
        assert_int_equal(metric_get(&metrics.log_over_limit), 1);
        assert_true(metric_get(&metrics.log_kept_bytes) > MEGABYTE);
        upkeep_metrics_holder(&metrics, holder);
        assert_string_equal(holder, "no snapshot");
    }
    config.retention.log_mb_max = 0;
    log_upkeep_step(&upkeep, 0, 2 * LOOK_MS);
    assert_int_equal(metric_get(&metrics.log_over_limit), 0);
    log_writer_free(fixture.writer);
    segment_keeper_free(fixture.keeper);
    log_storage_free(fixture.storage);
}

/* The newest snapshot is told of, whoever took it; a damaged one is not. */
static void test_newest_snapshot(void **state)
{
    char path[LOG_PATH_BYTES];
    (void)state;
    begin();
    write_snapshot(1);
    log_upkeep_step(&upkeep, 0, 0);
    log_upkeep_step(&upkeep, 0, LOOK_MS);
    assert_int_equal(metric_get(&metrics.snapshot_number), 1);
    assert_int_equal(metric_get(&metrics.snapshot_created_ms), 77);
    assert_true(metric_get(&metrics.snapshot_bytes) > 0);
    write_snapshot(2);
    file_flip(snapshot_path(fixture.dir, 2, path), 9, 1);
    log_upkeep_step(&upkeep, 0, LOOK_MS + 1); /* too early to look */
    log_upkeep_step(&upkeep, 0, 2 * LOOK_MS);
    assert_int_equal(metric_get(&metrics.snapshot_number), 1);
}

/* A look that fails is counted, each time. */
static void test_look_fails(void **state)
{
    char path[LOG_PATH_BYTES];
    (void)state;
    begin();
    write_snapshot(1);
    snprintf(path, sizeof path, "%s/epoch-000001", fixture.path);
    fixture_remove(path);
    log_upkeep_step(&upkeep, 0, 0);
    log_upkeep_step(&upkeep, 0, LOOK_MS);
    assert_int_equal(metric_get(&metrics.upkeep_failures), 2);
}

static int set_up(void **state)
{
    (void)state;
    memset(&config, 0, sizeof config);
    memset(&metrics, 0, sizeof metrics);
    config.storage.segment_bytes = FIXTURE_SEGMENT_BYTES;
    fixture_init(&fixture);
    logger_init(LOGGER_ERROR);
    return fixture_recover(&fixture, true);
}

static int tear_down(void **state)
{
    (void)state;
    fixture_close(&fixture);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_due, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_due_by_recovery, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_end_of_a_snapshot, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_too_large, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_newest_snapshot, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_look_fails, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
