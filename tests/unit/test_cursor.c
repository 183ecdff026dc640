/* Cursors of followers: what is published is read, and nothing damaged is believed. */
#include "log_fixture.h"

#include "../../persist/cursor.h"

static struct fixture fixture;
static struct log_error error;

static const struct cursor_position position = {
    .epoch = 3, .shard_count = 2, .sequences = {1200, 980}, .published_ms = 1700000000000};

/* The last position published is the one that is read, whole. */
static void test_publish(void **state)
{
    (void)state;
    struct cursor_position got, next = position;
    assert_int_equal(cursor_publish(fixture.dir, "mirror", &position, &error), 0);
    next.sequences[1]++;
    assert_int_equal(cursor_publish(fixture.dir, "mirror", &next, &error), 0);
    assert_int_equal(cursor_read(fixture.dir, "mirror", &got, &error), 0);
    assert_int_equal(got.epoch, 3);
    assert_int_equal(got.shard_count, 2);
    assert_int_equal(got.published_ms, 1700000000000);
    assert_memory_equal(got.sequences, next.sequences, sizeof got.sequences);
}

/* Dropped, a cursor is gone from the list; dropping or reading it again says so. */
static void test_drop(void **state)
{
    (void)state;
    struct cursor_position got;
    char(*names)[CURSOR_NAME_BYTES];
    uint32_t count;
    assert_int_equal(cursor_publish(fixture.dir, "backup-1", &position, &error), 0);
    assert_int_equal(cursor_publish(fixture.dir, "mirror", &position, &error), 0);
    assert_int_equal(cursor_drop(fixture.dir, "backup-1", &error), 0);
    assert_int_equal(cursor_list(fixture.dir, &names, &count, &error), 0);
    assert_int_equal(count, 1);
    assert_string_equal(names[0], "mirror");
    free((void *)names);
    assert_int_equal(cursor_drop(fixture.dir, "backup-1", &error), LOG_EXIT_NO_DATA);
    assert_int_equal(cursor_read(fixture.dir, "backup-1", &got, &error), LOG_EXIT_NO_DATA);
}

/* Names that would leave the directory or be no file's are refused everywhere. */
static void test_names(void **state)
{
    (void)state;
    const char *const bad[] = {"",       "../x",  "a/b",
                               "Mirror", "a.new", "0123456789012345678901234567890x"};
    struct cursor_position got;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(cursor_publish(fixture.dir, bad[i], &position, &error), CURSOR_EXIT_USAGE);
        assert_int_equal(cursor_read(fixture.dir, bad[i], &got, &error), CURSOR_EXIT_USAGE);
        assert_int_equal(cursor_drop(fixture.dir, bad[i], &error), CURSOR_EXIT_USAGE);
    }
}

/* A changed byte anywhere in the page is found. */
static void test_damaged(void **state)
{
    (void)state;
    char path[LOG_PATH_BYTES];
    struct cursor_position got;
    assert_int_equal(cursor_publish(fixture.dir, "mirror", &position, &error), 0);
    snprintf(path, sizeof path, "%s/cursors/mirror", data_dir_path(fixture.dir));
    for (long at = 0; at < 4096; at += 61) {
        FILE *file = fopen(path, "r+b");
        assert_non_null(file);
        assert_int_equal(fseek(file, at, SEEK_SET), 0);
        int was = fgetc(file);
        assert_int_equal(fseek(file, at, SEEK_SET), 0);
        fputc(was ^ 0x10, file);
        fflush(file);
        assert_int_not_equal(cursor_read(fixture.dir, "mirror", &got, &error), 0);
        assert_int_equal(fseek(file, at, SEEK_SET), 0);
        fputc(was, file);
        fclose(file);
    }
    assert_int_equal(cursor_read(fixture.dir, "mirror", &got, &error), 0);
}

static int set_up(void **state)
{
    (void)state;
    fixture_init(&fixture);
    return fixture_recover(&fixture, true);
}

static int tear_down(void **state)
{
    (void)state;
    fixture_close(&fixture);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_publish, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_drop, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damaged, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
