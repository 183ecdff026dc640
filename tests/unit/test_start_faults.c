/* The disk fails at each call of a start in turn, over logs of every kind: torn, stopped
 * in order in a large segment, of two epochs. The start gives up with a reason, or does
 * without, and a start on a good disk then has all that was durable. */
#include "log_fixture.h"

#include "../../engine/metrics.h"
#include "captured_log.h"
#include "faulty_storage.h"
#include "scarce_memory.h"

enum { LARGE_SEGMENT_BYTES = 9 << 20, LARGE_RECORDS = 50000 };

struct start {
    struct fixture fixture;
    struct faulty_storage faulty;
    uint16_t shard_count;
    uint32_t segment_bytes;
    uint64_t records;
    struct recovery_result recovered;
    struct log_error error;
};

static struct start start;

static int set_up(void **state)
{
    (void)state;
    fixture_init(&start.fixture);
    faulty_init(&start.faulty);
    start.shard_count = 1;
    start.segment_bytes = FIXTURE_SEGMENT_BYTES;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_remove(start.fixture.path);
    return 0;
}

static int count_record(void *context, uint32_t epoch, uint16_t shard, const struct record *record)
{
    (void)epoch, (void)shard, (void)record;
    ++*(uint64_t *)context;
    return 0;
}

static int start_once(void)
{
    struct data_dir *dir = NULL;
    const struct data_dir_options options = {
        .path = start.fixture.path, .storage = &start.faulty.storage, .init = true};
    const struct recovery_options recovery = {
        .shard_count = start.shard_count, .segment_bytes = start.segment_bytes, .now_ms = 1000};
    start.records = 0;
    start.error = (struct log_error){0};
    int code = data_dir_open(&dir, &options, &start.error);
    if (code == 0)
        code = recovery_run(dir, &recovery, count_record, &start.records, &start.recovered,
                            &start.error);
    data_dir_close(dir);
    return code;
}

/* Starts with a fault at each call, so many in a row, until one meets none. A start that
 * succeeds has all records. How often it failed. */
static uint32_t start_with_faults(uint32_t in_a_row, uint64_t records)
{
    static const int errors[] = {-EIO, -ENOSPC, -EDQUOT, -EACCES, -ENOENT, -EROFS};
    uint32_t failed = 0;
    for (uint32_t at = 1;; at++) {
        faulty_arm(&start.faulty, at, in_a_row, errors[at % 6]);
        int code = start_once();
        bool struck = faulty_struck(&start.faulty);
        if (code == 0)
            assert_int_equal(start.records, records);
        else
            assert_true(start.error.text[0] != '\0' && start.error.exit_code == code);
        failed += code != 0;
        if (!struck)
            return failed;
        assert_true(at < 5000);
    }
}

static void start_well(uint64_t records)
{
    faulty_arm(&start.faulty, 0, 1, 0);
    int code = start_once();
    if (code != 0)
        fail_msg("%s", start.error.text);
    assert_int_equal(start.records, records);
}

static void make_log(uint32_t count, uint32_t per_block, bool clean_stop)
{
    struct fixture *f = &start.fixture;
    f->segment_bytes = start.segment_bytes;
    assert_int_equal(fixture_recover(f, true), 0);
    fixture_write(f);
    fixture_fill(f, 1, count, per_block);
    if (clean_stop) {
        assert_true(fixture_append_clean_stop(f) > 0);
        fixture_flush(f);
    }
    fixture_stop(f);
}

static size_t copied_from_length;
static const char *copied_to;

static int copy_entry(const char *path, const struct stat *info, int type, struct FTW *place)
{
    char to[2 * LOG_PATH_BYTES];
    (void)place;
    snprintf(to, sizeof to, "%s%s", copied_to, path + copied_from_length);
    if (type == FTW_D)
        return mkdir(to, info->st_mode);
    file_copy(path, to);
    return 0;
}

static void copy_directory(const char *from, const char *to)
{
    copied_from_length = strlen(from);
    copied_to = to;
    assert_int_equal(nftw(from, copy_entry, 32, FTW_PHYS), 0);
}

/* Each fault meets the same torn log: it is put back before each start. The torn block is
 * in quarantine whenever a start went well. */
static void test_torn(void **state)
{
    char kept[LOG_PATH_BYTES];
    (void)state;
    make_log(30, 3, false);
    uint64_t torn = block_offset(fixture_segment(&start.fixture, 1), 9);
    file_flip(fixture_segment(&start.fixture, 1), torn + 100, 1);
    fixture_forget_mark(&start.fixture);
    snprintf(kept, sizeof kept, "%s.kept", start.fixture.path);
    copy_directory(start.fixture.path, kept);
    for (uint32_t in_a_row = 1; in_a_row <= 3; in_a_row += 2) {
        uint32_t failed = 0;
        for (uint32_t at = 1;; at++) {
            fixture_remove(start.fixture.path);
            copy_directory(kept, start.fixture.path);
            faulty_arm(&start.faulty, at, in_a_row, at % 2 ? -EIO : -ENOSPC);
            int code = start_once();
            bool struck = faulty_struck(&start.faulty);
            failed += code != 0;
            if (code == 0)
                assert_int_equal(start.records, 27);
            start_well(27);
            if (!struck)
                break;
        }
        assert_true(failed > 15);
    }
    fixture_remove(kept);
}

/* So does a start for which there is no memory, once, at each place that asks for some. */
static void test_torn_without_memory(void **state)
{
    char kept[LOG_PATH_BYTES];
    (void)state;
    if (!SCARCE_MEMORY)
        skip();
    make_log(30, 3, false);
    uint64_t torn = block_offset(fixture_segment(&start.fixture, 1), 9);
    file_flip(fixture_segment(&start.fixture, 1), torn + 100, 1);
    fixture_forget_mark(&start.fixture);
    snprintf(kept, sizeof kept, "%s.kept", start.fixture.path);
    copy_directory(start.fixture.path, kept);
    uint32_t failed = 0;
    for (uint32_t at = 1;; at++) {
        fixture_remove(start.fixture.path);
        copy_directory(kept, start.fixture.path);
        faulty_arm(&start.faulty, 0, 1, 0);
        scarce_arm(at, 1);
        int code = start_once();
        bool struck = scarce_struck();
        scarce_arm(0, 0);
        failed += code != 0;
        if (code == 0)
            assert_int_equal(start.records, 27);
        start_well(27);
        if (!struck)
            break;
    }
    assert_true(failed > 5);
    fixture_remove(kept);
}

/* So it does after an orderly stop, whose segment would go on. */
static void test_clean_stop_without_memory(void **state)
{
    (void)state;
    if (!SCARCE_MEMORY)
        skip();
    start.segment_bytes = LARGE_SEGMENT_BYTES;
    make_log(100, 10, true);
    faulty_arm(&start.faulty, 0, 1, 0);
    for (uint32_t at = 1;; at++) {
        scarce_arm(at, 1);
        int code = start_once();
        bool struck = scarce_struck();
        scarce_arm(0, 0);
        if (code == 0)
            assert_int_equal(start.records, 101);
        if (!struck)
            break;
    }
    start_well(101);
}

/* What was cut off is told with the file it was in. */
static void test_torn_is_told(void **state)
{
    static struct captured_log captured;
    (void)state;
    make_log(30, 3, false);
    uint64_t torn = block_offset(fixture_segment(&start.fixture, 1), 9);
    file_flip(fixture_segment(&start.fixture, 1), torn + 100, 1);
    fixture_forget_mark(&start.fixture);
    captured_begin(&captured, LOGGER_WARN);
    start_well(27);
    const char *said = captured_end(&captured);
    assert_non_null(strstr(said, "log_torn"));
    assert_non_null(strstr(said, "\"case\":\"RE\""));
    assert_non_null(strstr(said, "segment-0000000001.log"));
}

/* A log larger than the window it is read through: a fault in its middle, or where it is
 * rewritten, is an error, never its end. */
static void test_large(void **state)
{
    (void)state;
    start.segment_bytes = LARGE_SEGMENT_BYTES;
    make_log(LARGE_RECORDS, 100, false);
    assert_true(start_with_faults(3, LARGE_RECORDS) > 10);
    start_well(LARGE_RECORDS);
}

/* After an orderly stop the last segment goes on where it ended; with a fault on the way
 * a new one is begun, or none. */
static void test_clean_stop(void **state)
{
    (void)state;
    start.segment_bytes = LARGE_SEGMENT_BYTES;
    make_log(100, 10, true);
    start_well(101);
    assert_int_equal(start.recovered.tails[0].segment, 1);
    assert_true(start_with_faults(1, 101) > 3);
    assert_true(start_with_faults(3, 101) > 3);
    start_well(101);
}

/* A log of two epochs: the older one is read as strictly on a bad disk. */
static void test_two_epochs(void **state)
{
    (void)state;
    make_log(100, 10, true);
    start.shard_count = 2;
    start_well(101);
    assert_int_equal(start.recovered.epoch, 2);
    assert_true(start_with_faults(3, 101) > 10);
    start_well(101);
    start.shard_count = 1;
    assert_true(start_with_faults(3, 101) > 10);
    start_well(101);
    assert_int_equal(start.recovered.shard_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_torn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_torn_without_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_clean_stop_without_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_torn_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_large, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_clean_stop, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_two_epochs, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
