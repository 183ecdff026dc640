/* The simulated disk keeps what was synced, decides by chance what was not, and
 * fails in the ways it is told to. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#include "../../persist/durable_mark.h"
#include "../sim/disk.h"

enum { PAGE = STORAGE_ALIGNMENT, SEEDS = 200 };

static struct sim_disk *disk;
static const struct storage *files;
static _Alignas(PAGE) uint8_t page[4 * PAGE];

static void start(uint64_t seed)
{
    disk = sim_disk_new(seed);
    files = sim_disk_storage(disk);
}

static int setup(void **state)
{
    (void)state;
    start(1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sim_disk_free(disk);
    disk = NULL;
    return 0;
}

static const uint8_t *filled(uint8_t value)
{
    memset(page, value, sizeof page);
    return page;
}

/* A file of one page of `value`, synced, with a durable name if `named`. */
static int make_file(const char *path, uint8_t value, bool named)
{
    int fd = files->open(files->context, path, STORAGE_CREATE);
    assert_true(fd >= 0);
    assert_int_equal(files->write(files->context, fd, filled(value), PAGE, 0), 0);
    assert_int_equal(files->sync(files->context, fd), 0);
    if (named)
        assert_int_equal(files->sync_directory(files->context, "/"), 0);
    return fd;
}

/* -1: no such file. */
static int64_t read_file(const char *path)
{
    int fd = files->open(files->context, path, STORAGE_READ);
    if (fd < 0)
        return -1;
    int64_t got = files->read(files->context, fd, page, sizeof page, 0);
    assert_int_equal(got, files->size(files->context, fd));
    files->close(files->context, fd);
    return got;
}

static void assert_page(const char *path, uint8_t value)
{
    assert_int_equal(read_file(path), PAGE);
    for (size_t i = 0; i < PAGE; i++)
        assert_int_equal(page[i], value);
}

static void weigh(uint32_t old, uint32_t new, uint32_t zero, uint32_t random, uint32_t name)
{
    struct sim_disk_weights weights = {
        .old = old, .new = new, .zero = zero, .random = random, .name = name};
    sim_disk_set_weights(disk, &weights);
}

static struct log_storage *flushes;
static int status, done_count;

static void note(void *context, int result)
{
    (void)context;
    status = result;
    done_count++;
}

static void flush(int fd, uint8_t value, uint64_t offset)
{
    if (!flushes) {
        flushes = sim_disk_log_storage_new(disk);
        log_storage_bind(flushes, note, NULL);
    }
    status = 1;
    log_storage_submit(flushes, fd, filled(value), PAGE, offset);
}

static int flush_to_the_end(int fd, uint8_t value, uint64_t offset)
{
    flush(fd, value, offset);
    while (status == 1 && sim_disk_due(disk) != UINT64_MAX)
        sim_disk_advance(disk, sim_disk_due(disk));
    return status;
}

static void end_flushes(void)
{
    log_storage_free(flushes);
    flushes = NULL;
}

/* --- what a sync means --- */

/* What was synced survives every power cut, whatever it makes of the rest. */
static void test_synced_bytes_survive(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        sim_disk_free(disk);
        start(seed);
        int fd = make_file("/a", 7, true);
        assert_true(sim_disk_settled(disk, "/a"));
        assert_int_equal(files->write(files->context, fd, filled(8), PAGE, PAGE), 0);
        assert_false(sim_disk_settled(disk, "/a"));
        sim_disk_crash(disk);
        int64_t bytes = read_file("/a");
        assert_true(bytes == PAGE || bytes == 2 * PAGE);
        for (size_t i = 0; i < PAGE; i++)
            assert_int_equal(page[i], 7);
    }
}

/* Each sector of an unsynced write becomes old, new, zero or random by its weight,
 * and the disk can say what was meant. */
static void test_unsynced_sectors(void **state)
{
    (void)state;
    static const uint32_t weights[4][4] = {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {1, 1, 1, 1}};
    uint32_t old = 0, new = 0, zero = 0, other = 0;
    for (int i = 0; i < 4; i++) {
        sim_disk_free(disk);
        start(5);
        int fd = make_file("/a", 7, true);
        assert_int_equal(files->write(files->context, fd, filled(8), PAGE, 0), 0);
        assert_page("/a", 8);
        weigh(weights[i][0], weights[i][1], weights[i][2], weights[i][3], 0);
        sim_disk_crash(disk);
        if (i < 3) {
            assert_page("/a", i == 0 ? 7 : i == 1 ? 8 : 0);
            continue;
        }
        assert_int_equal(read_file("/a"), PAGE);
        for (uint32_t at = 0; at < PAGE; at += SIM_DISK_SECTOR_BYTES) {
            uint8_t written[SIM_DISK_SECTOR_BYTES] = {0}, first = page[at];
            bool same = page[at + 1] == first && page[at + 511] == first;
            *(!same ? &other : first == 7 ? &old : first == 8 ? &new : &zero) += 1;
            enum sim_disk_cause cause = sim_disk_explain(disk, "/a", at, written);
            assert_int_equal(cause,
                             same && first == 8 ? SIM_DISK_AS_WRITTEN : SIM_DISK_CAUSE_UNSYNCED);
            if (cause != SIM_DISK_AS_WRITTEN)
                assert_int_equal(written[100], 8);
        }
    }
    assert_int_equal(old + new + zero + other, PAGE / SIM_DISK_SECTOR_BYTES);
    assert_true(old < 8 && new < 8 && zero < 8 && other < 8);
}

/* Of two unsynced writes of one place the earlier may be what is left. */
static void test_an_earlier_write_may_win(void **state)
{
    (void)state;
    struct sim_disk_weights weights = {.other = 1};
    int fd = make_file("/a", 7, true);
    files->write(files->context, fd, filled(8), PAGE, 0);
    files->write(files->context, fd, filled(9), PAGE, 0);
    sim_disk_set_weights(disk, &weights);
    sim_disk_crash(disk);
    assert_page("/a", 8);
}

/* A killed process loses nothing that was written, only its descriptors and locks. */
static void test_kill_keeps_the_cache(void **state)
{
    (void)state;
    char owner[16];
    int fd = make_file("/a", 7, false);
    assert_int_equal(files->write(files->context, fd, filled(8), PAGE, 0), 0);
    assert_true(files->lock(files->context, "/LOCK", owner, sizeof owner) >= 0);
    assert_int_equal(files->lock(files->context, "/LOCK", owner, sizeof owner), -EWOULDBLOCK);
    assert_string_equal(owner, "1");
    sim_disk_kill(disk);
    assert_page("/a", 8);
    assert_int_equal(files->read(files->context, fd, page, PAGE, 0), -EBADF);
    assert_true(files->lock(files->context, "/LOCK", owner, sizeof owner) >= 0);
    files->close(files->context, fd); /* of the dead process: nobody's */
    assert_int_equal(files->lock(files->context, "/LOCK", owner, sizeof owner), -EWOULDBLOCK);
}

/* --- names --- */

/* A new name, and a removed one, is durable when its directory is synced. */
static void test_names_need_a_directory_sync(void **state)
{
    (void)state;
    make_file("/kept", 1, true);
    make_file("/new", 2, false);
    assert_int_equal(files->unlink(files->context, "/kept"), 0);
    weigh(1, 0, 0, 0, 0); /* what is not synced is gone */
    sim_disk_crash(disk);
    assert_page("/kept", 1);
    assert_int_equal(read_file("/new"), -1);

    assert_int_equal(files->unlink(files->context, "/kept"), 0);
    assert_int_equal(files->sync_directory(files->context, "/"), 0);
    make_file("/new", 2, false);
    weigh(1, 0, 0, 0, SIM_RANDOM_MILLION); /* what is not synced is kept */
    sim_disk_crash(disk);
    assert_int_equal(read_file("/kept"), -1);
    assert_page("/new", 2);
}

/* A rename is all or nothing: one of the two names leads to the file, and the
 * target is the old file or the new one. */
static void test_rename_is_atomic(void **state)
{
    (void)state;
    bool seen[2] = {false, false};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        sim_disk_free(disk);
        start(seed);
        make_file("/a", 1, true);
        make_file("/a.new", 2, true);
        assert_int_equal(files->rename(files->context, "/a.new", "/a"), 0);
        assert_page("/a", 2);
        sim_disk_crash(disk);
        bool renamed = read_file("/a.new") < 0;
        assert_page("/a", renamed ? 2 : 1);
        seen[renamed] = true;
    }
    assert_true(seen[0] && seen[1]);
}

/* Directories move with all that is in them; remove_tree takes it all away. */
static void test_directories(void **state)
{
    (void)state;
    struct storage_status before, after;
    assert_int_equal(files->make_directory(files->context, "/d.new"), 0);
    assert_int_equal(files->make_directory(files->context, "/d.new"), -EEXIST);
    assert_int_equal(files->make_directory(files->context, "/none/d"), -ENOENT);
    make_file("/d.new/a", 3, false);
    assert_int_equal(files->sync_directory(files->context, "/d.new"), 0);
    assert_int_equal(files->status(files->context, "/d.new", &before), 0);
    assert_int_equal(files->rename(files->context, "/d.new", "/d"), 0);
    assert_int_equal(files->sync_directory(files->context, "/"), 0);
    sim_disk_crash(disk);
    assert_page("/d/a", 3);
    assert_int_equal(files->status(files->context, "/d", &after), 0);
    assert_true(after.directory && after.number == before.number && after.device == before.device);
    assert_int_equal(files->open(files->context, "/d", STORAGE_READ), -EISDIR);
    assert_int_equal(files->remove_tree(files->context, "/d"), 0);
    assert_int_equal(files->remove_tree(files->context, "/d"), 0);
    assert_int_equal(files->status(files->context, "/d/a", &after), -ENOENT);
}

/* A lost mount: the same path, another device. */
static void test_lost_mount(void **state)
{
    (void)state;
    struct storage_status before, after;
    make_file("/a", 1, true);
    files->status(files->context, "/a", &before);
    sim_disk_lose_mount(disk);
    files->status(files->context, "/a", &after);
    assert_true(before.number == after.number && before.device != after.device);
}

/* The durable mark over a shared page: every mapping sees it at once, and after a
 * power cut it is what some writer once said, or nothing. */
static void test_durable_mark(void **state)
{
    (void)state;
    bool seen[4] = {false, false, false, false};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct durable_page *writer, *reader;
        sim_disk_free(disk);
        start(seed);
        files->make_directory(files->context, "/s");
        files->sync_directory(files->context, "/");
        assert_int_equal(durable_mark_open(files, "/s", false, &reader), -ENOENT);
        assert_int_equal(durable_mark_open(files, "/s", true, &writer), 0);
        assert_int_equal(durable_mark_open(files, "/s", false, &reader), 0);
        durable_mark_publish(writer, 1);
        files->sync_directory(files->context, "/s");
        durable_mark_publish(writer, 2);
        assert_int_equal(durable_mark_read(reader), 2);
        sim_disk_crash(disk);
        durable_mark_publish(writer, 3); /* by a process that is dead */
        durable_mark_close(files, writer);
        durable_mark_close(files, reader);
        if (durable_mark_open(files, "/s", false, &reader) < 0) {
            seen[3] = true;
            continue;
        }
        assert_true(durable_mark_settled(reader) <= 2);
        seen[durable_mark_settled(reader)] = true;
        durable_mark_close(files, reader);
    }
    assert_true(seen[2] && seen[3]);
}

/* --- flushes --- */

/* A flush is durable when it is done and not before; it is done when its time has
 * come, in the order of times. */
static void test_flush_completes_in_time(void **state)
{
    (void)state;
    struct sim_disk_faults slow = {.latency_ticks_min = 10, .latency_ticks_max = 20};
    int fd = make_file("/a", 1, true);
    sim_disk_set_faults(disk, &slow);
    sim_disk_advance(disk, 100);
    flush(fd, 2, 0);
    uint64_t due = sim_disk_due(disk);
    assert_in_range(due, 110, 120);
    sim_disk_advance(disk, due - 1);
    assert_int_equal(status, 1);
    assert_page("/a", 1);
    filled(2); /* the writer's bytes again, as they were */
    sim_disk_advance(disk, due);
    assert_int_equal(status, 0);
    assert_int_equal(sim_disk_due(disk), UINT64_MAX);
    sim_disk_crash(disk);
    assert_page("/a", 2);
    end_flushes();
}

/* In flight when the power goes: anything. In flight when the process dies: done,
 * not done, or half done. Its writer never hears of it. */
static void test_flush_in_flight(void **state)
{
    (void)state;
    bool half = false;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        sim_disk_free(disk);
        start(seed);
        int fd = make_file("/a", 1, true);
        flush(fd, 2, 0);
        if (seed % 2 == 0)
            sim_disk_crash(disk);
        else
            sim_disk_kill(disk);
        sim_disk_advance(disk, 1000);
        assert_int_equal(status, 1);
        end_flushes();
        assert_int_equal(read_file("/a"), PAGE);
        if (seed % 2 == 1)
            half = half || (page[0] == 2 && page[PAGE - 1] == 1);
    }
    assert_true(half);
}

/* The faults of a flush: what the writer hears and what a reader then sees. */
static void test_flush_faults(void **state)
{
    (void)state;
    static const struct {
        enum sim_disk_fault fault;
        int status;
        bool shown; /* to a reader, before a crash */
    } cases[] = {
        {SIM_DISK_CANCELED, -ECANCELED, true},
        {SIM_DISK_FLUSH_ENOSPC, -ENOSPC, false},
        {SIM_DISK_FLUSH_LOST, -EIO, true},
        {SIM_DISK_INTERRUPTED, 0, true},
        {SIM_DISK_CLOG, 0, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sim_disk_free(disk);
        start(i);
        int fd = make_file("/a", 1, true);
        sim_disk_inject(disk, cases[i].fault, 1);
        assert_int_equal(flush_to_the_end(fd, 1, 0), 0);
        assert_int_equal(flush_to_the_end(fd, 2, 0), cases[i].status);
        assert_page("/a", cases[i].shown ? 2 : 1);
        assert_int_equal(sim_disk_faults_met(disk, cases[i].fault), 1);
        weigh(1, 0, 0, 0, 0);
        sim_disk_crash(disk);
        assert_page("/a", cases[i].status == 0 ? 2 : 1);
        end_flushes();
    }
}

/* A short write has done its first sectors, a failed one any of them; neither all. */
static void test_partial_flushes(void **state)
{
    (void)state;
    bool some = false;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        sim_disk_free(disk);
        start(seed);
        int fd = make_file("/a", 1, true);
        sim_disk_inject(disk, seed % 2 ? SIM_DISK_SHORT_WRITE : SIM_DISK_FLUSH_EIO, 0);
        assert_int_equal(flush_to_the_end(fd, 2, 0), -EIO);
        read_file("/a");
        some = some || page[0] == 2;
        assert_int_equal(page[PAGE - 1], 1);
        end_flushes();
    }
    assert_true(some);
}

/* An interrupted flush goes again 16 times; then its writer hears of it. */
static void test_interrupted_for_ever(void **state)
{
    (void)state;
    struct sim_disk_faults faults = {.rates[SIM_DISK_INTERRUPTED] = SIM_RANDOM_MILLION};
    int fd = make_file("/a", 1, true);
    sim_disk_set_faults(disk, &faults);
    assert_int_equal(flush_to_the_end(fd, 2, 0), -EINTR);
    assert_int_equal(sim_disk_faults_met(disk, SIM_DISK_INTERRUPTED), 17);
    end_flushes();
}

/* After a sync that failed the bytes are shown until the power goes. No later sync
 * makes them durable, but a later write does replace them. */
static void test_lost_bytes_never_become_durable(void **state)
{
    (void)state;
    int fd = make_file("/a", 1, true);
    sim_disk_inject(disk, SIM_DISK_SYNC_EIO, 0);
    assert_int_equal(files->write(files->context, fd, filled(2), PAGE, 0), 0);
    assert_int_equal(files->sync(files->context, fd), -EIO);
    assert_int_equal(files->sync(files->context, fd), 0);
    assert_page("/a", 2);
    assert_int_equal(flush_to_the_end(fd, 3, PAGE), 0);
    weigh(0, 1, 0, 0, SIM_RANDOM_MILLION);
    sim_disk_crash(disk);
    assert_int_equal(read_file("/a"), 2 * PAGE);
    assert_int_equal(page[0], 1);
    assert_int_equal(page[PAGE], 3);
    uint8_t written[SIM_DISK_SECTOR_BYTES];
    assert_int_equal(sim_disk_explain(disk, "/a", 512, written), SIM_DISK_CAUSE_LOST);
    assert_int_equal(written[0], 2);

    fd = files->open(files->context, "/a", STORAGE_WRITE);
    sim_disk_inject(disk, SIM_DISK_FLUSH_LOST, 0);
    assert_int_equal(flush_to_the_end(fd, 4, 0), -EIO);
    assert_int_equal(flush_to_the_end(fd, 5, 0), 0);
    read_file("/a");
    assert_int_equal(page[0], 5);
    sim_disk_crash(disk);
    read_file("/a");
    assert_int_equal(page[0], 5);
    end_flushes();
}

/* A lying disk loses what it said it had, and the checker is told so. */
static void test_lying_sync(void **state)
{
    (void)state;
    struct sim_disk_faults lie = {.lie = true};
    int fd = make_file("/a", 1, true);
    sim_disk_set_faults(disk, &lie);
    assert_int_equal(flush_to_the_end(fd, 2, 0), 0);
    assert_false(sim_disk_settled(disk, "/a"));
    weigh(1, 0, 0, 0, 0);
    sim_disk_crash(disk);
    assert_page("/a", 1);
    assert_int_equal(sim_disk_explain(disk, "/a", 0, NULL), SIM_DISK_CAUSE_LIE);
    end_flushes();
}

/* --- the medium and the blocking calls --- */

/* A turned bit is shown, told apart from the sectors around it, and healed by
 * writing. */
static void test_rot(void **state)
{
    (void)state;
    uint8_t written[SIM_DISK_SECTOR_BYTES];
    int fd = make_file("/a", 1, true);
    assert_false(sim_disk_rot(disk, "/b", 0, 1));
    assert_false(sim_disk_rot(disk, "/a", PAGE, 1));
    assert_true(sim_disk_rot(disk, "/a", 600, 0x80));
    read_file("/a");
    assert_int_equal(page[600], 0x81);
    assert_int_equal(sim_disk_explain(disk, "/a", 0, NULL), SIM_DISK_AS_WRITTEN);
    assert_int_equal(sim_disk_explain(disk, "/a", 512, written), SIM_DISK_CAUSE_ROT);
    assert_int_equal(written[88], 1);
    assert_int_equal(flush_to_the_end(fd, 2, 0), 0);
    assert_page("/a", 2);
    assert_int_equal(sim_disk_explain(disk, "/a", 512, NULL), SIM_DISK_AS_WRITTEN);
    sim_disk_inject(disk, SIM_DISK_ROT, 0);
    assert_int_equal(flush_to_the_end(fd, 3, 0), 0);
    read_file("/a");
    uint32_t wrong = 0;
    for (size_t i = 0; i < PAGE; i++)
        wrong += page[i] != 3;
    assert_int_equal(wrong, 1);
    end_flushes();
}

/* A misdirected flush is called done, is not where it should be and is where it
 * should not; the disk knows both places. */
static void test_misdirected(void **state)
{
    (void)state;
    uint8_t written[SIM_DISK_SECTOR_BYTES];
    int fd = make_file("/a", 1, true);
    assert_int_equal(flush_to_the_end(fd, 1, PAGE), 0);
    assert_int_equal(flush_to_the_end(fd, 1, 2 * PAGE), 0);
    sim_disk_inject(disk, SIM_DISK_MISDIRECTED, 0);
    assert_int_equal(flush_to_the_end(fd, 2, 2 * PAGE), 0);
    assert_int_equal(read_file("/a"), 3 * PAGE);
    assert_int_equal(page[2 * PAGE], 1);
    size_t wrong = page[0] == 2 ? 0 : PAGE;
    assert_int_equal(page[wrong], 2);
    assert_int_equal(sim_disk_explain(disk, "/a", wrong, written), SIM_DISK_CAUSE_MISDIRECTED);
    assert_int_equal(written[0], 1);
    assert_int_equal(sim_disk_explain(disk, "/a", 2 * PAGE, written), SIM_DISK_CAUSE_MISDIRECTED);
    assert_int_equal(written[0], 2);
    assert_int_equal(sim_disk_explain(disk, "/a", PAGE - wrong, NULL), SIM_DISK_AS_WRITTEN);
    assert_int_equal(sim_disk_class_of(SIM_DISK_MISDIRECTED), SIM_DISK_DETECT);
    end_flushes();
}

/* Reads, writes and full disks fail once, or for their time, and then no more. */
static void test_blocking_faults(void **state)
{
    (void)state;
    struct sim_disk_faults faults = {.full_ticks = 10};
    int fd = make_file("/a", 1, true);
    sim_disk_set_faults(disk, &faults);
    sim_disk_inject(disk, SIM_DISK_READ_EIO, 1);
    assert_int_equal(files->read(files->context, fd, page, PAGE, 0), PAGE);
    assert_int_equal(files->read(files->context, fd, page, PAGE, 0), -EIO);
    assert_int_equal(files->read(files->context, fd, page, PAGE, 0), PAGE);
    sim_disk_inject(disk, SIM_DISK_WRITE_EIO, 0);
    assert_int_equal(files->zero(files->context, fd, PAGE), -EIO);
    assert_page("/a", 1);
    sim_disk_inject(disk, SIM_DISK_FULL, 0);
    assert_int_equal(files->write(files->context, fd, page, PAGE, PAGE), -ENOSPC);
    assert_int_equal(files->write(files->context, fd, page, PAGE, 0), 0); /* needs no space */
    assert_int_equal(files->open(files->context, "/b", STORAGE_CREATE), -ENOSPC);
    assert_int_equal(files->make_directory(files->context, "/d"), -ENOSPC);
    sim_disk_advance(disk, 10);
    assert_int_equal(files->make_directory(files->context, "/d"), 0);
}

/* O_DIRECT's demand is made here too, and a reader may not write. */
static void test_refusals(void **state)
{
    (void)state;
    make_file("/a", 1, true);
    int fd = files->open(files->context, "/a", STORAGE_READ);
    assert_int_equal(files->read(files->context, fd, page + 8, PAGE, 0), -EINVAL);
    assert_int_equal(files->read(files->context, fd, page, PAGE, 512), -EINVAL);
    assert_int_equal(files->write(files->context, fd, page, PAGE, 0), -EBADF);
    assert_int_equal(files->open(files->context, "/none", STORAGE_WRITE), -ENOENT);
    assert_int_equal(files->rename(files->context, "/none", "/a"), -ENOENT);
    assert_int_equal(files->unlink(files->context, "/none"), -ENOENT);
    files->close(files->context, fd);
    assert_int_equal(files->size(files->context, fd), -EBADF);
}

/* The power goes in the midst of the n-th operation: it and all later ones fail,
 * and no flush completes, until the power is back. */
static void test_cut_after(void **state)
{
    (void)state;
    int fd = make_file("/a", 1, true);
    uint64_t before = sim_disk_operations(disk);
    sim_disk_cut_after(disk, 3);
    flush(fd, 2, 0);
    assert_int_equal(files->size(files->context, fd), PAGE);
    assert_false(sim_disk_dark(disk));
    assert_int_equal(files->sync(files->context, fd), -EIO);
    assert_true(sim_disk_dark(disk));
    assert_int_equal(files->open(files->context, "/a", STORAGE_READ), -EIO);
    sim_disk_advance(disk, 1000);
    assert_int_equal(status, 1);
    assert_int_equal(sim_disk_operations(disk), before + 3);
    sim_disk_crash(disk);
    end_flushes();
    assert_int_equal(read_file("/a"), PAGE);
}

/* --- the whole --- */

static uint64_t story(uint64_t seed)
{
    struct sim_disk_faults faults = {.latency_ticks_max = 9, .clog_ticks = 50};
    start(seed);
    for (int i = 0; i < SIM_DISK_FAULT_COUNT; i++)
        faults.rates[i] = i == SIM_DISK_FULL ? 0 : 50000;
    sim_disk_set_faults(disk, &faults);
    for (uint32_t i = 0; i < 40; i++) {
        char path[16];
        snprintf(path, sizeof path, "/%u", i % 4);
        int fd = files->open(files->context, path, STORAGE_CREATE);
        files->zero(files->context, fd, PAGE);
        flush_to_the_end(fd, (uint8_t)i, 0);
        files->close(files->context, fd);
        if (i % 7 == 0)
            files->sync_directory(files->context, "/");
        if (i % 10 == 9)
            sim_disk_crash(disk);
    }
    uint64_t hash = sim_disk_hash(disk);
    end_flushes();
    sim_disk_free(disk);
    disk = NULL;
    return hash;
}

/* The same seed, the same disk to the last bit; another seed, another. */
static void test_same_seed_same_disk(void **state)
{
    (void)state;
    sim_disk_free(disk);
    uint64_t hash = story(11);
    assert_true(hash == story(11));
    assert_true(hash != story(12));
}

/* Without faults a flush costs a copy or two: the simulator's pace. */
static void test_pace(void **state)
{
    (void)state;
    enum { FLUSHES = 200000, PLACES = 250 };
    struct timespec begun, ended;
    int fd = files->open(files->context, "/a", STORAGE_CREATE);
    assert_int_equal(files->zero(files->context, fd, PLACES * PAGE), 0);
    assert_int_equal(files->sync(files->context, fd), 0);
    clock_gettime(CLOCK_MONOTONIC, &begun);
    for (uint32_t i = 0; i < FLUSHES; i++) {
        if (i == 0)
            flush(fd, 1, 0);
        else
            log_storage_submit(flushes, fd, page, PAGE, (uint64_t)(i % PLACES) * PAGE);
        sim_disk_advance(disk, i);
    }
    clock_gettime(CLOCK_MONOTONIC, &ended);
    double seconds =
        (double)(ended.tv_sec - begun.tv_sec) + (double)(ended.tv_nsec - begun.tv_nsec) / 1e9;
    print_message("%.0f flushes a second\n", FLUSHES / seconds);
    assert_int_equal(status, 0);
    end_flushes();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_synced_bytes_survive, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unsynced_sectors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_earlier_write_may_win, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kill_keeps_the_cache, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names_need_a_directory_sync, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rename_is_atomic, setup, teardown),
        cmocka_unit_test_setup_teardown(test_directories, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lost_mount, setup, teardown),
        cmocka_unit_test_setup_teardown(test_durable_mark, setup, teardown),
        cmocka_unit_test_setup_teardown(test_flush_completes_in_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_flush_in_flight, setup, teardown),
        cmocka_unit_test_setup_teardown(test_flush_faults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_partial_flushes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_interrupted_for_ever, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lost_bytes_never_become_durable, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lying_sync, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rot, setup, teardown),
        cmocka_unit_test_setup_teardown(test_misdirected, setup, teardown),
        cmocka_unit_test_setup_teardown(test_blocking_faults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cut_after, setup, teardown),
        cmocka_unit_test_setup_teardown(test_same_seed_same_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pace, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
