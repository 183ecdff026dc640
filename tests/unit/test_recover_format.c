/* The recovery table of docs/wal-format.md: logs of an older format and of a newer one. */
#include "recover_rig.h"

static void set_version(const char *path, uint32_t version)
{
    static uint8_t page[4096];
    struct log_file_head head;
    file_read(path, 0, page, sizeof page);
    memcpy(&head, page, sizeof head);
    head.version = version;
    memcpy(page, &head, sizeof head);
    log_file_header_seal(page, 4088);
    file_write(path, 0, page, sizeof page);
}

/* A log of every older format version is read and gone on with. */
static void test_older_formats_are_read(void **state)
{
    (void)state;
    char path[LOG_PATH_BYTES];
    make_log(3, 1);
    set_version(fixture_segment(&f, 1), LOG_FORMAT_VERSION_MIN);
    snprintf(path, sizeof path, "%s/cluster", f.path);
    set_version(path, LOG_FORMAT_VERSION_MIN);
    assert_int_equal(fixture_recover(&f, false), 0);
    set_version(path, LOG_FORMAT_VERSION_MIN - 1);
    assert_int_not_equal(fixture_recover(&f, false), 0);
}

static uint32_t version_of(uint64_t segment)
{
    struct log_file_head head;
    file_read(fixture_segment(&f, segment), 0, &head, sizeof head);
    return head.version;
}

/* An upgraded engine appends nothing to a segment of an older format, not even after a
 * clean stop, nor to one that the older engine made ahead of use: it rolls. */
static void test_older_format_is_not_gone_on_with(void **state)
{
    (void)state;
    f.segment_bytes = 4 << 20;
    make_log(9, 3);
    assert_int_equal(fixture_recover(&f, false), 0);
    fixture_write(&f);
    fixture_fill(&f, 10, 12, 3);
    assert_true(fixture_append_clean_stop(&f) > 0);
    fixture_flush(&f);
    fixture_await_spare(&f);
    fixture_stop(&f);
    const uint32_t now = LOG_FORMAT_VERSION, before = LOG_FORMAT_VERSION_MIN;
    set_version(fixture_segment(&f, 2), before);
    set_version(fixture_segment(&f, 3), before); /* empty yet */
    const uint64_t next = f.recovered.tails[0].next_sequence;
    assert_int_equal(fixture_recover(&f, false), 0);
    assert_true(f.recovered.clean);
    assert_int_equal(f.recovered.tails[0].segment, 3);
    assert_int_equal(f.recovered.tails[0].next_sequence, next + 4);
    assert_int_equal(version_of(2), before);
    assert_int_equal(version_of(3), now);
    fixture_write(&f);
    fixture_fill(&f, 13, 20, 3);
    assert_true(fixture_append_clean_stop(&f) > 0);
    fixture_flush(&f);
    fixture_stop(&f);
    assert_int_equal(fixture_recover(&f, false), 0);
    fixture_assert_visited(&f, 1, 20);
    assert_int_equal(f.recovered.tails[0].segment, 3); /* of this format: gone on with */
}

/* RL (PR14): a newer format is refused and named. */
static void test_RL_newer_format(void **state)
{
    (void)state;
    char path[LOG_PATH_BYTES];
    make_log(3, 1);
    set_version(fixture_segment(&f, 1), LOG_FORMAT_VERSION + 1);
    assert_refused(LOG_EXIT_CONFIG, "RL");
    assert_non_null(strstr(f.error.text, "version 3"));
    set_version(fixture_segment(&f, 1), LOG_FORMAT_VERSION);
    snprintf(path, sizeof path, "%s/cluster", f.path);
    set_version(path, LOG_FORMAT_VERSION + 1);
    assert_refused(LOG_EXIT_CONFIG, "RL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_older_formats_are_read),
        CASE(test_older_format_is_not_gone_on_with),
        CASE(test_RL_newer_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
