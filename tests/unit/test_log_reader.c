/* Followers see every record once, in order, none before it is durable, across
 * segments, restarts and epochs. */
#include "log_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

#include "../../persist/log_reader.h"

static struct fixture f;
static struct data_dir *reader_dir;
static struct log_reader *reader;

static int setup(void **state)
{
    (void)state;
    fixture_init(&f);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    log_reader_close(reader);
    data_dir_close(reader_dir);
    reader = NULL;
    reader_dir = NULL;
    fixture_release(&f);
    return 0;
}

static void start_writer(bool init)
{
    assert_int_equal(fixture_recover(&f, init), 0);
    fixture_write(&f);
    fixture_await_spare(&f);
}

static void follow(uint32_t epoch, uint64_t sequence)
{
    struct log_error error;
    if (!reader_dir)
        assert_int_equal(data_dir_open_reader(&reader_dir, f.path, &error), 0);
    log_reader_close(reader);
    reader = NULL;
    struct log_reader_options options = {.dir = reader_dir, .epoch = epoch, .sequence = sequence};
    assert_int_equal(log_reader_open(&reader, &options, &error), 0);
}

/* The next records are exactly first..last; then nothing. */
static void assert_reads(uint32_t first, uint32_t last)
{
    static struct record record;
    struct log_error error;
    for (uint32_t i = first; i <= last; i++) {
        enum log_reader_status status = log_reader_next(reader, &record, &error);
        if (status != LOG_READER_RECORD)
            fail_msg("record %u: status %d %s", i, status, status < 0 ? error.text : "");
        assert_int_equal(record.sequence, i);
        if (record.kind == RECORD_RESERVED)
            assert_int_equal(record.reserved.quantity, i);
    }
    assert_int_equal(log_reader_next(reader, &record, &error), LOG_READER_IDLE);
    assert_int_equal(log_reader_sequence(reader), last + 1);
}

/* What is appended but not flushed is not there yet. */
static void test_never_ahead_of_durable(void **state)
{
    (void)state;
    start_writer(true);
    follow(1, 0);
    assert_reads(1, 0);
    fixture_append(&f, 1);
    assert_reads(1, 0);
    fixture_flush(&f);
    assert_reads(1, 1);
    /* Written, but its sync never came back. */
    log_storage_inject(f.storage, LOG_STORAGE_FAULT_CANCELED, 0);
    fixture_append(&f, 2);
    fixture_flush(&f);
    assert_reads(2, 1);
}

/* Every start position gives the rest, also in the middle of a block and of the
 * fifth segment. */
static void test_from_any_position(void **state)
{
    (void)state;
    start_writer(true);
    fixture_fill(&f, 1, 500, 7);
    for (uint32_t from = 1; from <= 500; from += 13) {
        follow(1, from);
        assert_reads(from, 500);
    }
    follow(1, 501);
    assert_reads(501, 500);
    follow(1, 510); /* ahead of the log: it waits */
    struct record record;
    struct log_error error;
    fixture_fill(&f, 501, 509, 3);
    assert_int_equal(log_reader_next(reader, &record, &error), LOG_READER_IDLE);
    fixture_fill(&f, 510, 512, 3);
    assert_reads(510, 512);
}

/* An epoch or shard that is not there is refused. */
static void test_unknown_place(void **state)
{
    (void)state;
    struct log_error error;
    start_writer(true);
    assert_int_equal(data_dir_open_reader(&reader_dir, f.path, &error), 0);
    struct log_reader_options options = {.dir = reader_dir, .epoch = 2};
    assert_int_equal(log_reader_open(&reader, &options, &error), LOG_EXIT_NO_DATA);
    options = (struct log_reader_options){.dir = reader_dir, .epoch = 1, .shard = 1};
    assert_int_equal(log_reader_open(&reader, &options, &error), LOG_EXIT_NO_DATA);
    struct data_dir *none;
    assert_int_equal(data_dir_open_reader(&none, "/nowhere", &error), LOG_EXIT_NO_DATA);
}

/* A reader lives through the engine's crash, its recovery (which replaces the
 * file under it) and its next life. */
static void test_across_a_restart(void **state)
{
    (void)state;
    start_writer(true);
    follow(1, 0);
    fixture_fill(&f, 1, 10, 3);
    assert_reads(1, 10);
    for (uint32_t life = 0; life < 5; life++) {
        uint32_t next = 11 + life * 30;
        fixture_stop(&f);
        start_writer(false);
        assert_reads(next, next - 1);
        fixture_fill(&f, next, next + 29, 4);
        assert_reads(next, next + 29);
    }
}

/* A torn block is never shown, even when recovery had to cut it. */
static void test_across_a_cut(void **state)
{
    (void)state;
    start_writer(true);
    follow(1, 0);
    fixture_fill(&f, 1, 6, 3);
    assert_reads(1, 6);
    log_storage_inject(f.storage, LOG_STORAGE_FAULT_SHORT_WRITE, 0);
    for (uint32_t i = 7; i <= 60; i++)
        fixture_append(&f, i);
    fixture_flush(&f);
    assert_reads(7, 6);
    fixture_stop(&f);
    start_writer(false);
    assert_int_equal(f.recovered.torn, 1);
    fixture_fill(&f, 7, 20, 3);
    assert_reads(7, 20);
}

/* At the end of an epoch the reader says so, not before all of it is read. */
static void test_epoch_end(void **state)
{
    (void)state;
    struct record record;
    struct log_error error;
    start_writer(true);
    fixture_fill(&f, 1, 10, 3);
    follow(1, 0);
    fixture_stop(&f);
    f.shard_count = 2;
    start_writer(false);
    fixture_fill(&f, 11, 15, 3);
    for (uint32_t i = 1; i <= 10; i++)
        assert_int_equal(log_reader_next(reader, &record, &error), LOG_READER_RECORD);
    assert_int_equal(log_reader_next(reader, &record, &error), LOG_READER_EPOCH_END);
    struct data_dir_epoch *epochs;
    uint32_t count;
    assert_int_equal(data_dir_epochs(reader_dir, &epochs, &count, &error), 0);
    assert_int_equal(count, 2);
    assert_int_equal(epochs[1].shard_count, 2);
    assert_int_equal(epochs[1].first_sequence, 11);
    free(epochs);
    follow(2, 0);
    assert_reads(11, 15);
}

/* Damage below the mark is an error that names its place, and not an end. */
static void test_damage_is_an_error(void **state)
{
    (void)state;
    struct record record;
    struct log_error error;
    start_writer(true);
    fixture_fill(&f, 1, 9, 3);
    file_flip(fixture_segment(&f, 1), block_offset(fixture_segment(&f, 1), 1) + 100, 1);
    follow(1, 0);
    for (uint32_t i = 1; i <= 3; i++)
        assert_int_equal(log_reader_next(reader, &record, &error), LOG_READER_RECORD);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(log_reader_next(reader, &record, &error), LOG_READER_ERROR);
        assert_int_equal(error.exit_code, LOG_EXIT_CORRUPT);
        assert_int_equal(error.offset, 2 * 4096);
        assert_int_equal(error.sequence, 4);
    }
}

/* --- a live writer on another thread --- */

enum { LIVE_RECORDS = 60000 };

static _Atomic uint64_t acknowledged;

static void *write_live(void *context)
{
    (void)context;
    for (uint32_t i = 1; i <= LIVE_RECORDS;) {
        if (fixture_append(&f, i) != 0)
            i++;
        else
            usleep(100);
        if (i % 50 == 0 || i > LIVE_RECORDS) {
            fixture_flush(&f);
            atomic_store(&acknowledged, fixture_durable(&f));
        }
    }
    fixture_flush(&f);
    atomic_store(&acknowledged, fixture_durable(&f));
    return NULL;
}

/* Reading as fast as it can beside a writer, over many segments: all records,
 * in order, none early. */
static void test_beside_a_live_writer(void **state)
{
    (void)state;
    static struct record record;
    struct log_error error;
    pthread_t thread;
    f.segment_bytes = 1 << 20;
    start_writer(true);
    follow(1, 0);
    assert_int_equal(pthread_create(&thread, NULL, write_live, NULL), 0);
    for (uint32_t next = 1; next <= LIVE_RECORDS;) {
        enum log_reader_status status = log_reader_next(reader, &record, &error);
        if (status == LOG_READER_IDLE)
            continue;
        if (status != LOG_READER_RECORD)
            fail_msg("record %u: status %d: %s", next, status, error.text);
        assert_int_equal(record.sequence, next);
        assert_int_equal(record.reserved.quantity, next);
        assert_true(record.sequence <= log_reader_durable(reader));
        next++;
    }
    pthread_join(thread, NULL);
    assert_int_equal(atomic_load(&acknowledged), LIVE_RECORDS);
    assert_int_equal(log_reader_next(reader, &record, &error), LOG_READER_IDLE);
}

/* A live scan checks what is durable and minds nothing behind it. */
static void test_live_scan(void **state)
{
    (void)state;
    struct log_scan_end end;
    start_writer(true);
    fixture_fill(&f, 1, 100, 3);
    log_storage_inject(f.storage, LOG_STORAGE_FAULT_SHORT_WRITE, 0);
    for (uint32_t i = 101; i <= 150; i++)
        fixture_append(&f, i);
    fixture_flush(&f);
    struct log_scan_options options = {.dir = f.dir, .epoch = {1, 1, 1, 0}, .live = true};
    assert_int_equal(log_scan(&options, &end, &f.error), 0);
    assert_int_equal(end.records, 100);
    file_flip(fixture_segment(&f, 1), 5000, 1);
    assert_int_equal(log_scan(&options, &end, &f.error), LOG_EXIT_CORRUPT);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_never_ahead_of_durable),
        CASE(test_from_any_position),
        CASE(test_unknown_place),
        CASE(test_across_a_restart),
        CASE(test_across_a_cut),
        CASE(test_epoch_end),
        CASE(test_damage_is_an_error),
        CASE(test_beside_a_live_writer),
        CASE(test_live_scan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
