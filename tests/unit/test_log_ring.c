/* The writer on a real ring, and what the ring's completions mean. */
#include "log_case.h"

#include <liburing.h>

static void ring_flush(struct io_uring *ring, struct log_storage *storage, bool *clean)
{
    struct io_uring_cqe *cqe;
    fixture_flush(&f);
    while (log_writer_busy(f.writer)) {
        io_uring_submit_and_wait(ring, 1);
        while (io_uring_peek_cqe(ring, &cqe) == 0) {
            *clean = *clean && cqe->user_data >> 56 == 0x40;
            log_storage_complete(storage, cqe->user_data, cqe->res);
            io_uring_cqe_seen(ring, cqe);
        }
    }
}

static void through_a_ring(enum log_storage_method method)
{
    struct io_uring ring;
    bool clean = true;
    assert_int_equal(io_uring_queue_init(4, &ring, 0), 0);
    assert_int_equal(fixture_recover(&f, true), 0);
    struct segment_keeper_options keeper = {
        .dir = f.dir, .epoch = 1, .shard_count = 1, .segment_bytes = f.segment_bytes};
    assert_int_equal(segment_keeper_new(&f.keeper, &keeper, &f.error), 0);
    f.storage = log_storage_uring_new(&ring, 0x40, method);
    struct log_writer_options options = fixture_writer_options(&f);
    assert_int_equal(log_writer_new(&f.writer, &options, &f.error), 0);
    f.journal = log_writer_journal(f.writer);
    for (uint32_t i = 1; i <= 900; i++) {
        while (fixture_append(&f, i) == 0) {
            ring_flush(&ring, f.storage, &clean);
            usleep(500);
        }
        if (i % 9 == 0)
            ring_flush(&ring, f.storage, &clean);
    }
    ring_flush(&ring, f.storage, &clean);
    assert_int_equal(fixture_durable(&f), 900);
    assert_true(clean); /* every completion carried the tag */
    recover_to(900);
    io_uring_queue_exit(&ring);
}

static void test_ring_write_then_sync(void **state)
{
    (void)state;
    through_a_ring(LOG_STORAGE_WRITE_SYNC);
}

static void test_ring_dsync(void **state)
{
    (void)state;
    through_a_ring(LOG_STORAGE_WRITE_DSYNC);
}

/* What the ring may report, and what it means: only both completions full are a
 * success; a write that did nothing is tried again. */
static void note(void *context, int status)
{
    *(int *)context = status;
}

static void test_I31_completions(void **state)
{
    (void)state;
    static const struct {
        int32_t write, sync;
        int expected; /* 1: submitted again */
    } cases[] = {
        {8192, 0, 0},
        {4096, -ECANCELED, -EIO},
        {8192, -EIO, -EIO},
        {8192, -ECANCELED, -ECANCELED},
        {-EIO, -ECANCELED, -EIO},
        {-ENOSPC, -ECANCELED, -ENOSPC},
        {4096, 0, -EIO},
        {-EINTR, -ECANCELED, 1},
        {-EAGAIN, -ECANCELED, 1},
        {0, -ECANCELED, -EIO},
        {8192, -EINTR, -EINTR},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int order = 0; order < 2; order++) {
            struct io_uring ring;
            int status = 1;
            assert_int_equal(io_uring_queue_init(4, &ring, 0), 0);
            struct log_storage *storage =
                log_storage_uring_new(&ring, 0x41, LOG_STORAGE_WRITE_SYNC);
            log_storage_bind(storage, note, &status);
            log_storage_submit(storage, 99, "", 8192, 0); /* never entered */
            const struct io_uring_sqe *sqes = ring.sq.sqes;
            uint64_t data[2] = {sqes[0].user_data, sqes[1].user_data};
            assert_true(sqes[0].flags & IOSQE_IO_LINK);
            assert_int_equal(data[0] >> 56, 0x41);
            int32_t results[2] = {cases[i].write, cases[i].sync};
            log_storage_complete(storage, data[order], results[order]);
            assert_int_equal(status, 1); /* half an answer is none */
            log_storage_complete(storage, data[1 - order], results[1 - order]);
            assert_int_equal(status, cases[i].expected);
            log_storage_free(storage);
            io_uring_queue_exit(&ring);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_ring_write_then_sync),
        CASE(test_ring_dsync),
        CASE(test_I31_completions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
