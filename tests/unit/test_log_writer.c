/* The writer: group commit, rolling, full disks, and that the first failed write
 * or sync is the last thing it ever does. */
#include "log_case.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

static void start_fresh(void)
{
    assert_int_equal(fixture_recover(&f, true), 0);
    fixture_write(&f);
    fixture_await_spare(&f);
}

/* Appending makes nothing durable; flushing makes all of it durable at once. */
static void test_group_commit(void **state)
{
    (void)state;
    start_fresh();
    for (uint32_t i = 1; i <= 20; i++)
        assert_int_equal(fixture_append(&f, i), i);
    assert_int_equal(fixture_durable(&f), 0);
    assert_int_equal(f.journal->appended(f.journal->context), 20);
    fixture_flush(&f);
    assert_int_equal(fixture_durable(&f), 20);
    fixture_flush(&f);                                                   /* nothing to do */
    assert_int_equal(block_offset(fixture_segment(&f, 1), 1), 2 * 4096); /* one block */
    recover_to(20);
}

/* One flush at a time; what is appended meanwhile waits, and when the other
 * batch is full an append is refused and changes nothing. */
static void test_one_flush_in_flight(void **state)
{
    (void)state;
    start_fresh();
    log_storage_inject(f.storage, LOG_STORAGE_FAULT_HANG, 0);
    assert_int_equal(fixture_append(&f, 1), 1);
    fixture_flush(&f);
    assert_true(log_writer_busy(f.writer));
    uint32_t appended = 1;
    while (fixture_append(&f, appended + 1) != 0)
        appended++;
    assert_true(appended > 50);
    assert_int_equal(f.journal->appended(f.journal->context), appended);
    assert_int_equal(fixture_append(&f, appended + 1), 0);
    fixture_flush(&f); /* must not start a second one */
    assert_int_equal(fixture_durable(&f), 0);
}

/* Segments roll without waiting, and everything comes back in order. */
static void test_roll(void **state)
{
    (void)state;
    start_fresh();
    fixture_fill(&f, 1, 2000, 7);
    assert_true(access(fixture_segment(&f, 15), F_OK) == 0);
    recover_to(2000);
}

/* Blocks as long as a batch may be, until segments end in the middle of none. */
static void test_large_batches(void **state)
{
    (void)state;
    f.segment_bytes = 256 * 1024;
    f.batch_bytes = 128 * 1024;
    start_fresh();
    fixture_fill(&f, 1, 20000, 1000000);
    recover_to(20000);
}

/* What the disk holds after a fault is between what was acknowledged and what
 * was appended, and the writer says FAILED for ever and acknowledges nothing. */
static void fault(enum log_storage_fault kind)
{
    start_fresh();
    fixture_fill(&f, 1, 30, 5);
    log_storage_inject(f.storage, kind, 0);
    for (uint32_t i = 31; i <= 70; i++)
        assert_int_equal(fixture_append(&f, i), i);
    fixture_flush(&f);
    assert_int_equal(fixture_state(&f), JOURNAL_FAILED);
    assert_int_equal(fixture_durable(&f), 30);
    for (int i = 0; i < 3; i++) { /* the disk works again: too late */
        assert_int_equal(fixture_append(&f, 71), 0);
        fixture_flush(&f);
        assert_int_equal(fixture_state(&f), JOURNAL_FAILED);
        assert_int_equal(fixture_durable(&f), 30);
    }
    fixture_stop(&f);
    assert_int_equal(fixture_recover(&f, false), 0);
    assert_true(f.visited_count == 30 || f.visited_count == 70);
    for (uint32_t i = 0; i < f.visited_count; i++)
        assert_int_equal(f.visited[i], i + 1);
}

static void test_DK3_short_write(void **state)
{
    (void)state;
    fault(LOG_STORAGE_FAULT_SHORT_WRITE);
    assert_int_equal(f.visited_count, 30);
}

static void test_DK4_cancelled_sync(void **state)
{
    (void)state;
    fault(LOG_STORAGE_FAULT_CANCELED);
}

/* DK4: an interrupted write that did nothing simply goes again. */
static void test_DK4_interrupted_write(void **state)
{
    (void)state;
    start_fresh();
    log_storage_inject(f.storage, LOG_STORAGE_FAULT_WRITE_EINTR, 1);
    fixture_fill(&f, 1, 30, 5);
    assert_int_equal(fixture_state(&f), JOURNAL_OK);
    recover_to(30);
}

static void test_DK5_write_error(void **state)
{
    (void)state;
    fault(LOG_STORAGE_FAULT_WRITE_EIO);
}

static void test_DK6_no_space_in_a_write(void **state)
{
    (void)state;
    fault(LOG_STORAGE_FAULT_WRITE_ENOSPC);
}

/* DK7: the sync fails, the next one would succeed: it is never asked. */
static void test_DK7_failed_sync(void **state)
{
    (void)state;
    fault(LOG_STORAGE_FAULT_SYNC_EIO);
    /* The suspect file was replaced: its good part lies in a fresh, shorter one. */
    struct log_segment_header header;
    file_read(fixture_segment(&f, 1), 0, &header, sizeof header);
    assert_true(header.head.flags & LOG_SEGMENT_REHOMED);
    assert_int_equal(f.recovered.tails[0].segment, 2);
}

/* --- full disks --- */

/* Appends and flushes single records until the journal refuses; the count. */
static uint32_t fill_until_full(uint32_t from)
{
    uint32_t next = from;
    while (fixture_state(&f) != JOURNAL_FULL && fixture_append(&f, next) != 0) {
        next++;
        if (next % 8 == 0)
            fixture_flush(&f);
    }
    fixture_flush(&f);
    return next - from;
}

/* DK8, DK9: no room for the next segment is noticed while this one has room;
 * then nothing more is taken but the clean-stop mark; room again, service again,
 * and nothing is lost. The disk is a real, small one. */
static void test_DK8_DK9_disk_full_and_back(void **state)
{
    (void)state;
    char mount_point[] = "/tmp/boxoffice-full-XXXXXX", ballast[64];
    assert_non_null(mkdtemp(mount_point));
    if (mount("tmpfs", mount_point, "tmpfs", 0, "size=400k") != 0) {
        rmdir(mount_point);
        print_message("needs the right to mount a small tmpfs\n");
        skip();
    }
    fixture_remove(f.path);
    fixture_init_at(&f, mount_point);
    snprintf(ballast, sizeof ballast, "%s/ballast", mount_point);
    start_fresh();
    fixture_fill(&f, 1, 10, 2);
    int fd = open(ballast, O_WRONLY | O_CREAT, 0600);
    static char junk[4096];
    while (write(fd, junk, sizeof junk) > 0)
        continue;
    close(fd);
    uint32_t last = 10;
    /* Through the spare that there is, until the keeper reports. */
    for (int i = 0; i < 5000 && fixture_state(&f) == JOURNAL_OK; i++) {
        if (segment_keeper_state(f.keeper, 0) == SEGMENT_MAKING)
            usleep(1000);
        else
            fixture_fill(&f, last + 1, last + 2, 2), last += 2;
    }
    assert_int_equal(fixture_state(&f), JOURNAL_STORAGE_LOW);
    last += fill_until_full(last + 1);
    assert_int_equal(fixture_state(&f), JOURNAL_FULL);
    assert_int_equal(fixture_durable(&f), last);
    assert_int_equal(unlink(ballast), 0); /* room again, and no restart */
    for (int i = 0; i < 5000 && fixture_state(&f) != JOURNAL_OK; i++)
        usleep(1000);
    assert_int_equal(fixture_state(&f), JOURNAL_OK);
    fixture_fill(&f, last + 1, last + 20, 2);
    recover_to(last + 20);
    fixture_release(&f);
    umount(mount_point);
    rmdir(mount_point);
}

/* DK24: the directory vanishes under the writer, whose descriptors go on working:
 * noticed, and final, even when it comes back. */
static void test_DK24_volume_lost(void **state)
{
    (void)state;
    char epoch[LOG_PATH_BYTES], away[LOG_PATH_BYTES];
    start_fresh();
    fixture_fill(&f, 1, 10, 2);
    snprintf(epoch, sizeof epoch, "%s/epoch-000001", f.path);
    snprintf(away, sizeof away, "%s/away", f.path);
    assert_int_equal(rename(epoch, away), 0);
    for (int i = 0; i < 5000 && fixture_state(&f) == JOURNAL_OK; i++)
        usleep(1000);
    assert_int_equal(fixture_state(&f), JOURNAL_FAILED);
    assert_int_equal(rename(away, epoch), 0);
    assert_int_equal(fixture_state(&f), JOURNAL_FAILED);
    assert_int_equal(fixture_append(&f, 11), 0);
    recover_to(10);
}

/* The clean-stop mark still fits when nothing else does. The keeper's place is
 * taken by a directory, so that it can make no further segment. */
static void test_clean_stop_when_full(void **state)
{
    (void)state;
    assert_int_equal(fixture_recover(&f, true), 0);
    assert_int_equal(mkdir(fixture_segment(&f, 2), 0700), 0);
    fixture_write(&f);
    uint32_t last = fill_until_full(1);
    assert_int_equal(fixture_state(&f), JOURNAL_FULL);
    while (fixture_append(&f, last + 1) != 0) { /* even past what the state allows */
        last++;
        fixture_flush(&f);
    }
    assert_int_equal(fixture_append_clean_stop(&f), last + 1);
    fixture_flush(&f);
    assert_int_equal(fixture_durable(&f), last + 1);
    assert_int_equal(fixture_state(&f), JOURNAL_FULL);
    assert_int_equal(rmdir(fixture_segment(&f, 2)), 0);
    recover_to(last);
    assert_true(f.recovered.clean);
}

/* DK2, loop C: a write cut by the operating system at any byte: the process that
 * saw it failed and recovery finds all that it acknowledged. */
static void test_torn_by_file_size_limit(void **state)
{
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    for (uint32_t round = 0; round < 40; round++) {
        char path[64];
        snprintf(path, sizeof path, "/dev/shm/boxoffice-ack-%d", getpid());
        file_write(path, 0, &(uint32_t){0}, 4);
        pid_t child = fork();
        if (child == 0) {
            int quiet = open("/dev/null", O_WRONLY);
            dup2(quiet, STDERR_FILENO); /* the failure is announced, and meant */
            start_fresh();
            /* The segments are there at full length; a limit inside them. */
            struct rlimit limit = {5 * 4096 + round * 397, RLIM_INFINITY};
            setrlimit(RLIMIT_FSIZE, &limit);
            for (uint32_t i = 1; i <= 2000 && fixture_state(&f) != JOURNAL_FAILED; i++) {
                if (fixture_append(&f, i) == 0)
                    break;
                if (i % 70 == 0)
                    fixture_flush(&f);
                uint32_t durable_now = (uint32_t)fixture_durable(&f);
                int fd = open(path, O_WRONLY);
                if (pwrite(fd, &durable_now, 4, 0) != 4)
                    _exit(2);
                close(fd);
            }
            _exit(fixture_state(&f) == JOURNAL_FAILED ? 0 : 3);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(WEXITSTATUS(status), 0);
        uint32_t durable_then;
        file_read(path, 0, &durable_then, 4);
        unlink(path);
        assert_int_equal(fixture_recover(&f, false), 0);
        assert_true(f.visited_count >= durable_then && durable_then > 0);
        for (uint32_t i = 0; i < f.visited_count; i++)
            assert_int_equal(f.visited[i], i + 1);
        fixture_stop(&f);
        char clean[LOG_PATH_BYTES];
        snprintf(clean, sizeof clean, "%s", f.path);
        fixture_remove(clean);
        assert_int_equal(mkdir(clean, 0700), 0);
    }
}

/* The counters that operators see follow the log. */
static void test_metrics(void **state)
{
    (void)state;
    static struct worker_metrics metrics;
    memset(&metrics, 0, sizeof metrics);
    assert_int_equal(fixture_recover(&f, true), 0);
    struct segment_keeper_options keeper = {
        .dir = f.dir, .epoch = 1, .shard_count = 1, .segment_bytes = f.segment_bytes};
    assert_int_equal(segment_keeper_new(&f.keeper, &keeper, &f.error), 0);
    f.storage = log_storage_blocking_new();
    struct log_writer_options options = fixture_writer_options(&f);
    options.metrics = &metrics;
    assert_int_equal(log_writer_new(&f.writer, &options, &f.error), 0);
    f.journal = log_writer_journal(f.writer);
    fixture_append(&f, 1);
    assert_int_equal(metric_get(&metrics.log_appended), 1);
    assert_int_equal(metric_get(&metrics.log_durable), 0);
    fixture_flush(&f);
    assert_int_equal(metric_get(&metrics.log_durable), 1);
    assert_int_equal(metric_get(&metrics.log_blocks), 1);
    assert_int_equal(metric_get(&metrics.log_bytes), 4096);
    assert_int_equal(metric_get(&metrics.log_records), 1);
    assert_int_equal(metric_get(&metrics.log_segment), 1);
    assert_int_equal(metric_get(&metrics.log_segment_offset), 2 * 4096);
    assert_int_equal(metric_get(&metrics.log_segment_bytes), FIXTURE_SEGMENT_BYTES);
}

/* A batch size that could not work is refused at the start. */
static void test_bad_batch_size(void **state)
{
    (void)state;
    start_fresh();
    struct log_writer *writer;
    struct log_writer_options options = fixture_writer_options(&f);
    options.batch_bytes_max = 10000;
    assert_int_equal(log_writer_new(&writer, &options, &f.error), LOG_EXIT_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_group_commit),
        CASE(test_one_flush_in_flight),
        CASE(test_roll),
        CASE(test_large_batches),
        CASE(test_DK3_short_write),
        CASE(test_DK4_cancelled_sync),
        CASE(test_DK4_interrupted_write),
        CASE(test_DK5_write_error),
        CASE(test_DK6_no_space_in_a_write),
        CASE(test_DK7_failed_sync),
        CASE(test_DK8_DK9_disk_full_and_back),
        CASE(test_DK24_volume_lost),
        CASE(test_clean_stop_when_full),
        CASE(test_torn_by_file_size_limit),
        CASE(test_metrics),
        CASE(test_bad_batch_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
