/* The recovery table of docs/wal-format.md: a disk that cannot be read, and records that
 * cannot be decoded or applied. */
#include "recover_rig.h"

struct failing_disk {
    const struct storage *below;
    int reads_that_fail;
    int reads;
};

static int failing_open(void *context, const char *path, enum storage_open how)
{
    const struct storage *below = ((struct failing_disk *)context)->below;
    return below->open(below->context, path, how);
}

static void failing_close(void *context, int fd)
{
    const struct storage *below = ((struct failing_disk *)context)->below;
    below->close(below->context, fd);
}

static int64_t failing_read(void *context, int fd, void *bytes, size_t length, uint64_t offset)
{
    struct failing_disk *disk = context;
    if (offset >= 2 * 4096 || length > 4096) {
        disk->reads++;
        if (disk->reads <= disk->reads_that_fail)
            return -EIO;
    }
    return disk->below->read(disk->below->context, fd, bytes, length, offset);
}

/* RR (DK20): two failing reads are overcome, a third is an I/O error with its
 * file, and an unreadable place is never taken for the end. */
static void test_RR_read_error(void **state)
{
    (void)state;
    make_log(9, 3);
    static struct failing_disk disk; /* the directory is closed after this function */
    static struct storage storage;
    disk = (struct failing_disk){storage_system(true), 2, 0};
    storage = *storage_system(true);
    storage.context = &disk;
    storage.open = failing_open;
    storage.close = failing_close;
    storage.read = failing_read;
    storage.read_begin = NULL;
    struct data_dir_options options = {.path = f.path, .storage = &storage};
    assert_int_equal(data_dir_open(&f.dir, &options, &f.error), 0);
    struct data_dir_epoch epoch = {1, 1, 1, 0};
    struct log_scan_options scan = {.dir = f.dir, .epoch = epoch};
    struct log_scan_end end;
    assert_int_equal(log_scan(&scan, &end, &f.error), 0);
    assert_int_equal(end.records, 9);
    disk.reads = 0;
    disk.reads_that_fail = 3;
    assert_int_equal(log_scan(&scan, &end, &f.error), LOG_EXIT_IO);
    assert_string_equal(f.error.label, "RR");
    assert_non_null(strstr(f.error.text, "segment-"));
}

static int object_to_seven(void *context, uint32_t epoch, uint16_t shard,
                           const struct record *record)
{
    (void)context, (void)epoch, (void)shard;
    return record->reserved.quantity == 7 ? -3 : 0;
}

/* RS: a record that breaks an invariant when applied is our bug: 70. */
static void test_RS_record_breaks_an_invariant(void **state)
{
    (void)state;
    make_log(9, 3);
    struct data_dir_options options = {.path = f.path, .allow_buffered = true};
    struct recovery_options recovery = {.shard_count = 1, .segment_bytes = FIXTURE_SEGMENT_BYTES};
    assert_int_equal(data_dir_open(&f.dir, &options, &f.error), 0);
    assert_int_equal(recovery_run(f.dir, &recovery, object_to_seven, NULL, &f.recovered, &f.error),
                     LOG_EXIT_BUG);
    assert_string_equal(f.error.label, "RS");
    assert_int_equal(f.error.sequence, 7);
}

static int judge_state(void *context, uint32_t epoch, uint16_t shard, const struct record *record)
{
    const uint64_t *hash = context;
    (void)epoch, (void)shard;
    return record->kind == RECORD_STATE && record->state_hash != *hash ? LOG_VISIT_STATE_DIFFERS
                                                                       : 0;
}

/* RT: the log tells of another state than the one reached: 70, and the record's name. The
 * engine's own judgement is tested in tests/live/test_state.py. */
static void test_RT_state_differs(void **state)
{
    (void)state;
    uint64_t hash = 0x1122334455667788;
    make_log(9, 3);
    assert_int_equal(fixture_recover(&f, false), 0);
    fixture_write(&f);
    struct record record = {.kind = RECORD_STATE, .stamp_ms = 1800000000000u, .state_hash = hash};
    assert_int_equal(f.journal->append(f.journal->context, &record), 10);
    fixture_flush(&f);
    fixture_stop(&f);
    struct data_dir_options options = {.path = f.path, .allow_buffered = true};
    struct recovery_options recovery = {.shard_count = 1, .segment_bytes = FIXTURE_SEGMENT_BYTES};
    assert_int_equal(data_dir_open(&f.dir, &options, &f.error), 0);
    hash++;
    assert_int_equal(recovery_run(f.dir, &recovery, judge_state, &hash, &f.recovered, &f.error),
                     LOG_EXIT_BUG);
    assert_string_equal(f.error.label, "RT");
    assert_int_equal(f.error.sequence, 10);
    hash--;
    assert_int_equal(recovery_run(f.dir, &recovery, judge_state, &hash, &f.recovered, &f.error), 0);
}

/* RS: a block that hashes well and holds what is no record. */
static void spoil_first_record(struct log_block_header *header)
{
    ((uint8_t *)header)[LOG_BLOCK_HEADER_BYTES] = 0xc1;
}

static void test_RS_undecodable_record(void **state)
{
    (void)state;
    make_log(9, 3);
    forge_block(3 * 4096, 3 * 4096, spoil_first_record);
    assert_refused(LOG_EXIT_BUG, "RS");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_RR_read_error),
        CASE(test_RS_record_breaks_an_invariant),
        CASE(test_RT_state_differs),
        CASE(test_RS_undecodable_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
