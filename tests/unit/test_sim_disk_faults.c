/* The simulated disk fails in the ways it is told to. */
#include "sim_disk_fixture.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_flush_completes_in_time),
        CASE(test_flush_in_flight),
        CASE(test_flush_faults),
        CASE(test_partial_flushes),
        CASE(test_interrupted_for_ever),
        CASE(test_lost_bytes_never_become_durable),
        CASE(test_lying_sync),
        CASE(test_rot),
        CASE(test_misdirected),
        CASE(test_blocking_faults),
        CASE(test_refusals),
        CASE(test_cut_after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
