/* A log that cannot go on where recovery said, a writer without a next segment, a log that
 * fails while a flush is out; and segments that are there already but not as they must be. */
#include "log_fixture.h"

#include <sys/file.h>

#include "../../engine/metrics.h"
#include "captured_log.h"
#include "faulty_storage.h"

static struct fixture f;
static struct log_error error;
static struct captured_log captured;

/* A disk that keeps a flush to itself until it is asked for. */
struct held_storage {
    struct log_storage base;
    uint32_t flushes;
    bool out;
};

static struct held_storage held;

static void held_submit(struct log_storage *storage, int fd, const void *bytes, uint32_t length,
                        uint64_t offset)
{
    (void)storage;
    held.flushes++;
    held.out = true;
    (void)!pwrite(fd, bytes, length, (off_t)offset);
}

static void held_end(int status)
{
    assert_true(held.out);
    held.out = false;
    held.base.done(held.base.context, status);
}

static void held_free(struct log_storage *storage)
{
    (void)storage;
}

static int set_up(void **state)
{
    (void)state;
    fixture_init(&f);
    held = (struct held_storage){.base = {.submit = held_submit, .free = held_free}};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_release(&f);
    return 0;
}

/* A keeper that makes segments only when told; a writer on it. */
static int begin_writing(uint32_t batch_bytes, const struct log_tail *tail)
{
    const struct segment_keeper_options keeper = {.dir = f.dir,
                                                  .epoch = 1,
                                                  .shard_count = 1,
                                                  .segment_bytes = f.segment_bytes,
                                                  .threadless = true};
    if (!f.keeper)
        assert_int_equal(segment_keeper_new(&f.keeper, &keeper, &error), 0);
    const struct log_writer_options writer = {.dir = f.dir,
                                              .epoch = 1,
                                              .tail = *tail,
                                              .batch_bytes_max = batch_bytes,
                                              .keeper = f.keeper,
                                              .storage = &held.base};
    error = (struct log_error){0};
    int code = log_writer_new(&f.writer, &writer, &error);
    if (code == 0)
        f.journal = log_writer_journal(f.writer);
    return code;
}

static void start_fresh(void)
{
    assert_int_equal(fixture_recover(&f, true), 0);
    assert_int_equal(begin_writing(f.batch_bytes, &f.recovered.tails[0]), 0);
}

/* --- the start --- */

/* A batch is whole pages, holds two of the longest records, and fits into a block. */
static void test_batch_bounds(void **state)
{
    (void)state;
    assert_int_equal(fixture_recover(&f, true), 0);
    const uint32_t least = (uint32_t)log_round_up(2 * RECORD_BYTES_MAX);
    const uint32_t bad[] = {0, 100, least - LOG_ALIGNMENT, least + 1, LOG_BLOCK_BYTES_MAX + 4096};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(begin_writing(bad[i], &f.recovered.tails[0]), LOG_EXIT_CONFIG);
    assert_int_equal(begin_writing(least, &f.recovered.tails[0]), 0);
}

/* What lies where the log should go on must be a segment, with that place in it. */
static void test_no_segment_to_go_on_with(void **state)
{
    (void)state;
    assert_int_equal(fixture_recover(&f, true), 0);
    struct log_tail tail = f.recovered.tails[0];
    tail.offset = FIXTURE_SEGMENT_BYTES + LOG_ALIGNMENT;
    assert_int_equal(begin_writing(f.batch_bytes, &tail), LOG_EXIT_CORRUPT);
    tail = f.recovered.tails[0];
    tail.segment = 7;
    assert_int_equal(begin_writing(f.batch_bytes, &tail), LOG_EXIT_IO);
    assert_non_null(strstr(error.text, "segment-0000000007.log"));
    tail = f.recovered.tails[0];
    file_flip(fixture_segment(&f, 1), 20, 1);
    assert_int_equal(begin_writing(f.batch_bytes, &tail), LOG_EXIT_CORRUPT);
    assert_string_equal(error.label, "RK");
    assert_int_equal(truncate(fixture_segment(&f, 1), 1000), 0);
    assert_int_equal(begin_writing(f.batch_bytes, &tail), LOG_EXIT_CORRUPT);
}

/* --- running --- */

/* Without a next segment a record that fills the batch waits for the flush; so does the
 * mark of an orderly stop when it no longer fits. */
static void test_batch_full_without_successor(void **state)
{
    (void)state;
    start_fresh();
    uint32_t last = 0;
    while (fixture_append(&f, last + 1) != 0)
        last++;
    assert_true(last > 50);
    while (fixture_append_clean_stop(&f) != 0)
        last++;
    fixture_flush(&f);
    held_end(0);
    assert_int_equal(fixture_durable(&f), last);
    assert_int_equal(fixture_append_clean_stop(&f), last + 1);
}

/* With a next segment the last of this one is filled to its end, the stop's mark like any
 * record. */
static void test_clean_stop_with_successor(void **state)
{
    (void)state;
    start_fresh();
    uint32_t appended = 0;
    while (fixture_append(&f, appended + 1) != 0)
        appended++;
    assert_false(segment_keeper_step(f.keeper, 0));
    assert_int_equal(fixture_state(&f), JOURNAL_OK);
    while (fixture_append_clean_stop(&f) != 0)
        appended++;
    fixture_flush(&f);
    held_end(0);
    assert_int_equal(fixture_durable(&f), appended);
    assert_int_equal(fixture_append_clean_stop(&f), appended + 1);
}

/* A log whose directory vanished has failed for good, also when the flush that was out
 * comes back, good or bad; and it is said once, with what was durable. */
static void test_lost_with_a_flush_out(void **state)
{
    char moved[LOG_PATH_BYTES];
    (void)state;
    for (int status = 0; status >= -EIO; status -= EIO) {
        start_fresh();
        fixture_append(&f, 1);
        fixture_flush(&f);
        fixture_append(&f, 2);
        snprintf(moved, sizeof moved, "%s.moved", f.path);
        assert_int_equal(rename(f.path, moved), 0);
        captured_begin(&captured, LOGGER_ERROR);
        segment_keeper_watch(f.keeper);
        segment_keeper_watch(f.keeper);
        assert_int_equal(fixture_state(&f), JOURNAL_FAILED);
        assert_int_equal(fixture_state(&f), JOURNAL_FAILED);
        held_end(status);
        const char *said = captured_end(&captured);
        const char *lost = strstr(said, "log_volume_lost"), *failed = strstr(said, "log_failed");
        assert_true(lost && failed && !strstr(lost + 1, "log_volume_lost"));
        assert_null(strstr(failed + 1, "log_failed"));
        assert_int_equal(fixture_durable(&f), 0);
        assert_int_equal(fixture_append(&f, 3), 0);
        uint32_t flushes = held.flushes;
        fixture_flush(&f);
        assert_int_equal(held.flushes, flushes);
        assert_int_equal(rename(moved, f.path), 0);
        fixture_stop(&f);
        fixture_remove(f.path);
        assert_int_equal(mkdir(f.path, 0700), 0);
    }
}

/* Another directory by the same name is a volume that was lost. */
static void test_replaced_directory(void **state)
{
    char from[LOG_PATH_BYTES], to[LOG_PATH_BYTES];
    (void)state;
    start_fresh();
    segment_keeper_watch(f.keeper);
    assert_false(segment_keeper_lost(f.keeper));
    snprintf(from, sizeof from, "%s/epoch-000001", f.path);
    snprintf(to, sizeof to, "%s/epoch-000001.old", f.path);
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(mkdir(from, 0700), 0);
    captured_begin(&captured, LOGGER_ERROR);
    segment_keeper_watch(f.keeper);
    captured_end(&captured);
    assert_true(segment_keeper_lost(f.keeper));
}

/* No next segment is said when it begins and when it ends. */
static void test_storage_low_is_told(void **state)
{
    (void)state;
    start_fresh();
    assert_int_equal(mkdir(fixture_segment(&f, 2), 0700), 0);
    captured_begin(&captured, LOGGER_INFO);
    assert_true(segment_keeper_step(f.keeper, 0));
    assert_true(segment_keeper_step(f.keeper, 0));
    assert_int_equal(segment_keeper_state(f.keeper, 0), SEGMENT_LOW);
    assert_int_equal(rmdir(fixture_segment(&f, 2)), 0);
    assert_false(segment_keeper_step(f.keeper, 0));
    assert_false(segment_keeper_step(f.keeper, 0)); /* nothing is wanted any more */
    const char *said = captured_end(&captured);
    const char *low = strstr(said, "log_storage_low");
    assert_non_null(low);
    assert_null(strstr(low + 1, "log_storage_low"));
    assert_non_null(strstr(low, "log_storage_back"));
}

static uint64_t clock_ns(void *context)
{
    return *(uint64_t *)context += 5000;
}

/* How long a flush took is counted, if there are a clock and counters. */
static void test_flush_time(void **state)
{
    static struct worker_metrics metrics;
    uint64_t now = 0;
    (void)state;
    assert_int_equal(fixture_recover(&f, true), 0);
    const struct segment_keeper_options keeper = {.dir = f.dir,
                                                  .epoch = 1,
                                                  .shard_count = 1,
                                                  .segment_bytes = f.segment_bytes,
                                                  .threadless = true};
    assert_int_equal(segment_keeper_new(&f.keeper, &keeper, &error), 0);
    const struct log_writer_options writer = {.dir = f.dir,
                                              .epoch = 1,
                                              .tail = f.recovered.tails[0],
                                              .batch_bytes_max = f.batch_bytes,
                                              .keeper = f.keeper,
                                              .storage = &held.base,
                                              .metrics = &metrics,
                                              .monotonic_ns = clock_ns,
                                              .clock_context = &now};
    assert_int_equal(log_writer_new(&f.writer, &writer, &error), 0);
    f.journal = log_writer_journal(f.writer);
    fixture_append(&f, 1);
    fixture_flush(&f);
    held_end(0);
    assert_int_equal(now, 10000);
    assert_int_equal(metrics.flush.count, 1);
    assert_int_equal(metrics.flush.max_ns, 5000);
}

/* --- segments that are there --- */

static struct log_segment_header spare_identity(void)
{
    return (struct log_segment_header){.cluster = *data_dir_cluster(f.dir),
                                       .epoch = 1,
                                       .number = 2,
                                       .bytes = FIXTURE_SEGMENT_BYTES};
}

/* Provides segment 2; true: the file that was there was taken as it is. */
static bool provide(void)
{
    struct log_segment_header before, identity = spare_identity();
    const struct storage *storage = data_dir_storage(f.dir);
    file_read(fixture_segment(&f, 2), 0, &before, sizeof before);
    int fd = -1;
    assert_int_equal(segment_provide(storage, fixture_shard_path(&f, 1, 0), false, &identity, &fd),
                     0);
    close(fd);
    assert_int_equal(file_bytes(fixture_segment(&f, 2)), identity.bytes);
    return identity.nonce == before.nonce;
}

static void put_spare(const struct log_segment_header *header)
{
    uint8_t page[LOG_SEGMENT_HEADER_BYTES];
    memcpy(page, header, sizeof *header);
    log_file_header_seal(page, sizeof *header);
    file_write(fixture_segment(&f, 2), 0, page, sizeof page);
}

/* A spare is taken as it is if it is this one's, of this format, unused and long enough;
 * else it is made anew. */
static void test_provide(void **state)
{
    struct log_segment_header good;
    (void)state;
    start_fresh();
    assert_false(segment_keeper_step(f.keeper, 0));
    file_read(fixture_segment(&f, 2), 0, &good, sizeof good);
    assert_true(provide());
    for (int part = 0; part < 7; part++) {
        struct log_segment_header bad = good;
        bad.head.version -= part == 0;
        bad.head.flags |= part == 1 ? LOG_SEGMENT_REHOMED : 0;
        bad.cluster.bytes[0] ^= part == 2;
        bad.epoch += part == 3;
        bad.shard = (uint16_t)(bad.shard + (part == 4));
        bad.number += part == 5;
        bad.bytes -= part == 6 ? LOG_ALIGNMENT : 0;
        put_spare(&bad);
        assert_false(provide());
        put_spare(&good);
        assert_true(provide());
    }
    file_flip(fixture_segment(&f, 2), FIXTURE_SEGMENT_BYTES - 1, 1); /* used */
    assert_false(provide());
    assert_true(provide());
    assert_int_equal(truncate(fixture_segment(&f, 2), FIXTURE_SEGMENT_BYTES / 2), 0);
    assert_false(provide());
}

/* Only a free segment of the wanted size is used again, and only if it can be had. */
static void test_recycle(void **state)
{
    struct faulty_storage faulty;
    struct log_segment_header identity;
    char free_path[LOG_PATH_BYTES + 32];
    int fd = -1;
    (void)state;
    start_fresh();
    const char *shard_path = fixture_shard_path(&f, 1, 0);
    snprintf(free_path, sizeof free_path, "%s/free-0000000009.log", shard_path);
    file_write(free_path, 0, "short", 5);
    identity = spare_identity();
    faulty_init(&faulty);
    assert_int_equal(segment_make(&faulty.storage, shard_path, &identity, &fd), 0);
    close(fd);
    assert_int_equal(identity.head.flags, 0);
    assert_int_equal(file_bytes(free_path), 5);
    file_copy(fixture_segment(&f, 1), free_path);
    for (uint32_t at = 1; at <= 3; at++) { /* its list, its status, its rename */
        identity = spare_identity();
        faulty_arm(&faulty, at, 1, -EIO);
        assert_int_equal(segment_make(&faulty.storage, shard_path, &identity, &fd), 0);
        close(fd);
        assert_int_equal(identity.head.flags, 0);
        assert_int_equal(file_bytes(free_path), FIXTURE_SEGMENT_BYTES);
    }
    faulty_arm(&faulty, 0, 1, 0);
    identity = spare_identity();
    assert_int_equal(segment_make(&faulty.storage, shard_path, &identity, &fd), 0);
    close(fd);
    assert_int_equal(identity.head.flags, LOG_SEGMENT_RECYCLED);
    assert_int_equal(access(free_path, F_OK), -1);
    faulty_arm(&faulty, 1, 1, -EROFS);
    assert_int_equal(segment_recycle(&faulty.storage, shard_path, 2), -EROFS);
    assert_int_equal(access(fixture_segment(&f, 2), F_OK), 0);
    faulty_arm(&faulty, 2, 1, -EIO); /* renamed, but the directory cannot be synced */
    assert_int_equal(segment_recycle(&faulty.storage, shard_path, 2), -EIO);
}

/* An error of permission has its own exit code. */
static void test_exit_codes(void **state)
{
    (void)state;
    assert_int_equal(log_error_exit_of(EACCES), LOG_EXIT_PERMISSION);
    assert_int_equal(log_error_exit_of(EPERM), LOG_EXIT_PERMISSION);
    assert_int_equal(log_error_exit_of(ENOSPC), LOG_EXIT_IO);
}

/* A flush on the blocking disk says what the kernel says, of the write and of the sync. */
static void test_blocking_flush(void **state)
{
    static const char *const devices[] = {"/dev/full", "/dev/null"}; /* no room; no sync */
    static _Alignas(4096) uint8_t page[LOG_ALIGNMENT];
    (void)state;
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++) {
        start_fresh();
        struct log_storage *storage = log_storage_blocking_new();
        log_storage_bind(storage, held.base.done, held.base.context);
        fixture_append(&f, 1);
        fixture_flush(&f); /* held: now the blocking disk answers for it */
        held.out = false;
        int fd = open(devices[i], O_RDWR);
        log_storage_submit(storage, fd, page, sizeof page, 0);
        assert_int_equal(fixture_state(&f), JOURNAL_FAILED);
        close(fd);
        log_storage_free(storage);
        fixture_stop(&f);
        fixture_remove(f.path);
        assert_int_equal(mkdir(f.path, 0700), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_batch_bounds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_segment_to_go_on_with, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_batch_full_without_successor, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_clean_stop_with_successor, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lost_with_a_flush_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_replaced_directory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_storage_low_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_flush_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_provide, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_recycle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_exit_codes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_blocking_flush, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
