/* The simulated disk keeps what was synced, decides by chance what was not, and is the
 * same for the same seed. */
#include <stdio.h>
#include <time.h>

#include "../../persist/durable_mark.h"
#include "sim_disk_fixture.h"

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
        CASE(test_synced_bytes_survive),
        CASE(test_unsynced_sectors),
        CASE(test_an_earlier_write_may_win),
        CASE(test_kill_keeps_the_cache),
        CASE(test_names_need_a_directory_sync),
        CASE(test_rename_is_atomic),
        CASE(test_directories),
        CASE(test_lost_mount),
        CASE(test_durable_mark),
        CASE(test_same_seed_same_disk),
        CASE(test_pace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
