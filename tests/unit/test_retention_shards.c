/* What of the logs of two shards is given up: each as far as its own readers are, of an
 * older epoch too; what cannot be told from a file keeps it; and free segments do not pile
 * up. */
#include "log_fixture.h"

#include "../../persist/cursor.h"
#include "../../persist/retention.h"
#include "../../persist/snapshot_load.h"
#include "../../persist/snapshot_process.h"
#include "../../persist/snapshot_write.h"
#include "faulty_storage.h"

enum { SHARDS = 2, RECORDS = 1200, PER_BLOCK = 10 };

static struct fixture f;
static struct data_dir *bad_dir; /* the same directory on the faulty disk */
static struct faulty_storage faulty;
static struct retention_report report;
static struct log_error error;
static struct shard *shards[SHARDS];

static void write_shard(uint16_t shard)
{
    const struct segment_keeper_options keeper = {.dir = f.dir,
                                                  .epoch = 1,
                                                  .shard_count = SHARDS,
                                                  .segment_bytes = f.segment_bytes,
                                                  .retry_ms = 5,
                                                  .watch_ms = 5};
    assert_int_equal(segment_keeper_new(&f.keeper, &keeper, &f.error), 0);
    f.storage = log_storage_blocking_new();
    struct log_writer_options writer = {.dir = f.dir,
                                        .epoch = 1,
                                        .shard = shard,
                                        .tail = f.recovered.tails[shard],
                                        .batch_bytes_max = f.batch_bytes,
                                        .keeper = f.keeper,
                                        .storage = f.storage};
    assert_int_equal(log_writer_new(&f.writer, &writer, &f.error), 0);
    f.journal = log_writer_journal(f.writer);
    fixture_fill(&f, 1, RECORDS, PER_BLOCK);
    log_writer_free(f.writer);
    segment_keeper_free(f.keeper);
    log_storage_free(f.storage);
    f.writer = NULL;
    f.keeper = NULL;
    f.storage = NULL;
}

static int set_up(void **state)
{
    static struct partition_map partitions;
    (void)state;
    fixture_init(&f);
    f.shard_count = SHARDS;
    assert_int_equal(fixture_recover(&f, true), 0);
    for (uint16_t shard = 0; shard < SHARDS; shard++)
        write_shard(shard);
    faulty_init(&faulty);
    assert_int_equal(data_dir_open_reader_on(&bad_dir, &faulty.storage, f.path, &error), 0);
    partition_map_init(&partitions, SHARDS);
    const struct shard_options options = {.partitions = &partitions,
                                          .reservation_ttl_ms = 1000,
                                          .max_per_order = 10,
                                          .idempotency_ms = 1000};
    assert_true(snapshot_make_shards(&options, shards));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    snapshot_free_shards(shards, SHARDS);
    data_dir_close(bad_dir);
    bad_dir = NULL;
    fixture_release(&f);
    return 0;
}

/* A snapshot with each shard's log up to there. */
static void take(uint64_t number, uint64_t first, uint64_t second)
{
    const struct snapshot_write_options write = {
        .dir = f.dir,
        .cut = {.number = number,
                .epoch = 1,
                .shard_count = SHARDS,
                .positions = {{.sequence = first, .segment = 1},
                              {.sequence = second, .segment = 1}}},
        .shards = shards,
        .shard_count = SHARDS,
        .mb_per_second = 50};
    assert_int_equal(snapshot_write(&write, &error), 0);
    assert_int_equal(snapshot_publish(f.dir, number, &error), 0);
}

static int step_in(const struct data_dir *dir, uint32_t epoch)
{
    const struct retention_options options = {
        .dir = dir, .epoch = epoch, .segment_bytes = FIXTURE_SEGMENT_BYTES};
    return retention_step(&options, &report, &error);
}

static uint32_t segments_of(uint16_t shard)
{
    uint64_t *numbers;
    uint32_t count;
    assert_int_equal(segment_list(data_dir_storage(f.dir), fixture_shard_path(&f, 1, shard), false,
                                  &numbers, &count),
                     0);
    free(numbers);
    return count;
}

static uint32_t free_segments(uint16_t shard)
{
    uint32_t count = 0;
    DIR *directory = opendir(fixture_shard_path(&f, 1, shard));
    struct dirent *entry;
    while ((entry = readdir(directory)) != NULL)
        count += strncmp(entry->d_name, "free-", 5) == 0;
    closedir(directory);
    return count;
}

/* --- tests --- */

/* A shard's log goes as far as its own part of the snapshots and cursors. */
static void test_each_its_own(void **state)
{
    struct cursor_position position = {
        .epoch = 1, .shard_count = SHARDS, .sequences = {RECORDS, RECORDS}};
    (void)state;
    uint32_t before = segments_of(1);
    take(1, RECORDS, 1);
    take(2, RECORDS, RECORDS);
    assert_int_equal(cursor_publish(f.dir, "far", &position, &error), 0);
    assert_int_equal(step_in(f.dir, 1), 0);
    assert_true(report.recycled > 0);
    assert_true(segments_of(0) < before);
    assert_int_equal(segments_of(1), before);
    assert_string_equal(report.held_by, "snapshot");
    /* A cursor that holds another shard's log is the better answer. */
    position.shard_count = 1;
    assert_int_equal(cursor_publish(f.dir, "short", &position, &error), 0);
    take(3, 1, RECORDS);
    take(4, RECORDS, RECORDS);
    assert_int_equal(step_in(f.dir, 1), 0);
    assert_int_equal(segments_of(1), before); /* "short" knows of one shard */
    assert_string_equal(report.held_by, "short");
    assert_int_equal(cursor_drop(f.dir, "short", &error), 0);
    assert_int_equal(cursor_drop(f.dir, "far", &error), 0);
    assert_int_equal(step_in(f.dir, 1), 0);
    assert_true(segments_of(1) < before);
}

/* Of an epoch that is over nothing is kept for reuse. */
static void test_older_epoch(void **state)
{
    (void)state;
    take(1, RECORDS, RECORDS);
    take(2, RECORDS, RECORDS);
    assert_int_equal(step_in(f.dir, 2), 0);
    assert_true(report.recycled > 0);
    assert_int_equal(free_segments(0) + free_segments(1), 0);
}

/* A segment whose beginning cannot be made out keeps all before it, and itself. */
static void test_unclear_beginning(void **state)
{
    static const uint64_t places[] = {20, LOG_SEGMENT_HEADER_BYTES, LOG_SEGMENT_HEADER_BYTES + 16};
    (void)state;
    take(1, RECORDS, RECORDS);
    take(2, RECORDS, RECORDS);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        uint32_t before = segments_of(0);
        file_flip(fixture_segment(&f, 2), places[i], 1);
        assert_int_equal(step_in(f.dir, 1), 0);
        assert_int_equal(segments_of(0), before);
        file_flip(fixture_segment(&f, 2), places[i], 1);
    }
    static _Alignas(4096) uint8_t block[LOG_BLOCK_BYTES_MAX];
    struct log_block_header *header = (struct log_block_header *)(void *)block;
    file_read(fixture_segment(&f, 2), LOG_SEGMENT_HEADER_BYTES, block, LOG_ALIGNMENT);
    header->nonce++; /* of an earlier life of the file */
    uint8_t good[LOG_ALIGNMENT];
    file_read(fixture_segment(&f, 2), LOG_SEGMENT_HEADER_BYTES, good, sizeof good);
    log_block_seal(header);
    file_write(fixture_segment(&f, 2), LOG_SEGMENT_HEADER_BYTES, block, LOG_ALIGNMENT);
    uint32_t before = segments_of(0);
    assert_int_equal(step_in(f.dir, 1), 0);
    assert_int_equal(segments_of(0), before);
    file_write(fixture_segment(&f, 2), LOG_SEGMENT_HEADER_BYTES, good, sizeof good);
    assert_int_equal(step_in(f.dir, 1), 0);
    assert_true(segments_of(0) < before);
}

/* A segment that is missing in the middle, or cut to its header, stops it too. */
static void test_gap(void **state)
{
    (void)state;
    take(1, RECORDS, RECORDS);
    take(2, RECORDS, RECORDS);
    uint32_t before = segments_of(0);
    char kept[LOG_PATH_BYTES + 8];
    snprintf(kept, sizeof kept, "%s.kept", fixture_segment(&f, 2));
    assert_int_equal(rename(fixture_segment(&f, 2), kept), 0);
    assert_int_equal(step_in(f.dir, 1), 0);
    assert_int_equal(segments_of(0), before - 1);
    file_copy(kept, fixture_segment(&f, 2));
    assert_int_equal(truncate(fixture_segment(&f, 2), LOG_ALIGNMENT), 0);
    assert_int_equal(step_in(f.dir, 1), 0);
    assert_int_equal(segments_of(0), before);
}

/* Two free segments are kept for reuse; one of another size, and more, go. */
static void test_free_segments(void **state)
{
    char path[LOG_PATH_BYTES + 32];
    (void)state;
    for (int i = 1; i <= 5; i++) {
        snprintf(path, sizeof path, "%s/free-%010d.log", fixture_shard_path(&f, 1, 0), i);
        file_copy(fixture_segment(&f, 1), path);
        if (i == 3)
            assert_int_equal(truncate(path, 8192), 0);
    }
    assert_int_equal(step_in(f.dir, 1), 0);
    assert_int_equal(free_segments(0), RETENTION_FREE_MAX);
}

/* Whatever the disk says meanwhile: an error, or as much as was clear; a cursor that was
 * dropped just then holds nothing, a free segment just taken is no fault. */
static void test_faults(void **state)
{
    static const int errors[] = {-ENOENT, -EIO, -EACCES, -ENOSPC};
    const struct cursor_position position = {
        .epoch = 1, .shard_count = SHARDS, .sequences = {RECORDS, RECORDS}};
    char path[LOG_PATH_BYTES + 32];
    uint32_t failed = 0, good = 0;
    (void)state;
    take(1, 1, 1);
    take(2, RECORDS, RECORDS);
    assert_int_equal(cursor_publish(f.dir, "c", &position, &error), 0);
    uint32_t before = segments_of(0);
    for (uint32_t at = 1;; at++) {
        bool struck = false;
        for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
            snprintf(path, sizeof path, "%s/free-0000000007.log", fixture_shard_path(&f, 1, 0));
            file_write(path, 0, "small", 5);
            faulty_arm(&faulty, at, i == 0 ? 1 : 3, errors[i]);
            int code = step_in(bad_dir, 1);
            struck = faulty_struck(&faulty);
            faulty_arm(&faulty, 0, 1, 0);
            failed += code != 0;
            good += code == 0;
            assert_int_equal(segments_of(0), before); /* snapshot 1 has one record of it */
        }
        if (!struck)
            break;
        assert_true(at < 2000);
    }
    assert_true(failed > 10 && good > 10);
}

/* --- the pace of who writes beside the engine --- */

/* What is written at a pace takes as long as it says; without one no time. */
static void test_pace(void **state)
{
    struct snapshot_pace pace;
    (void)state;
    snapshot_pace_begin(&pace, 10);
    uint64_t began = snapshot_monotonic_ns();
    snapshot_pace_keep(&pace, 200000);
    assert_true(snapshot_monotonic_ns() - began >= 15000000);
    snapshot_pace_keep(&pace, 100); /* is behind: does not wait */
    snapshot_pace_begin(&pace, 0);
    began = snapshot_monotonic_ns();
    snapshot_pace_keep(&pace, UINT64_MAX);
    assert_true(snapshot_monotonic_ns() - began < 1000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_older_epoch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unclear_beginning, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_gap, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_free_segments, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_faults, set_up, tear_down),
        cmocka_unit_test(test_pace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
