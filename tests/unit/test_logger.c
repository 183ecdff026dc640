/* The logger: one JSON object a line, whatever the values contain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../engine/logger.h"

enum { CAPTURE_BYTES = 1 << 20 };

/* Standard error goes to a pipe or a file while a test runs. */
struct capture {
    int saved;
    FILE *file;
    char *text;
};

static void capture_begin(struct capture *capture)
{
    capture->file = tmpfile();
    assert_non_null(capture->file);
    capture->saved = dup(STDERR_FILENO);
    assert_true(capture->saved >= 0);
    /* O_APPEND, or two threads' lines could overwrite each other in a file. */
    assert_int_equal(fcntl(fileno(capture->file), F_SETFL, O_APPEND), 0);
    assert_true(dup2(fileno(capture->file), STDERR_FILENO) >= 0);
}

static const char *capture_end(struct capture *capture)
{
    assert_true(dup2(capture->saved, STDERR_FILENO) >= 0);
    (void)close(capture->saved);
    capture->text = calloc(1, CAPTURE_BYTES);
    assert_non_null(capture->text);
    rewind(capture->file);
    const size_t length = fread(capture->text, 1, CAPTURE_BYTES - 1, capture->file);
    assert_true(length < CAPTURE_BYTES - 1);
    (void)fclose(capture->file);
    return capture->text;
}

/* What follows the time, which changes. */
static const char *behind_time(const char *line)
{
    unsigned int digits = 0;
    assert_memory_equal(line, "{\"time\":\"", 9);
    for (size_t i = 9; i < 33; i++)
        digits += line[i] >= '0' && line[i] <= '9';
    assert_int_equal(digits, 17);
    assert_memory_equal(line + 32, "Z\",", 3);
    return line + 35;
}

static void assert_logged(const char *value, const char *escaped)
{
    struct capture capture;
    char wanted[8192];
    capture_begin(&capture);
    logger_log(LOGGER_WARN, "canary", LOG_TEXT("value", value));
    const char *line = capture_end(&capture);
    (void)snprintf(wanted, sizeof wanted, "\"level\":\"warn\",\"event\":\"canary\",\"value\":%s}\n",
                   escaped);
    assert_string_equal(behind_time(line), wanted);
    free(capture.text);
}

/* Every kind of field is written as JSON. */
static void fields_are_json(void **state)
{
    (void)state;
    struct capture capture;
    capture_begin(&capture);
    logger_log(LOGGER_INFO, "ready", LOG_TEXT("listen", "127.0.0.1:1"), LOG_INT("shards", -3),
               LOG_BOOL("pinned", true), LOG_BOOL("drained", false));
    const char *line = capture_end(&capture);
    assert_string_equal(behind_time(line),
                        "\"level\":\"info\",\"event\":\"ready\",\"listen\":\"127.0.0.1:1\","
                        "\"shards\":-3,\"pinned\":true,\"drained\":false}\n");
    free(capture.text);
}

/* G01, G02, G03: no value forges a line or a field, or steers a terminal. */
static void hostile_values_are_escaped(void **state)
{
    (void)state;
    assert_logged("a\r\nb\t\x1b[31m\x7f", "\"a\\u000d\\u000ab\\u0009\\u001b[31m\\u007f\"");
    assert_logged("x\",\"level\":\"error\\", "\"x\\\",\\\"level\\\":\\\"error\\\\\"");
    assert_logged("%n%s%x", "\"%n%s%x\"");
    assert_logged("", "\"\"");
    assert_logged(NULL, "null");
}

/* Letters beyond ASCII, a bidi override and a pair keep their meaning. */
static void unicode_is_escaped(void **state)
{
    (void)state;
    assert_logged("Hà Nội", "\"H\\u00e0 N\\u1ed9i\"");
    assert_logged("\xe2\x80\xae", "\"\\u202e\"");
    assert_logged("\xf0\x9f\x8e\xab", "\"\\ud83c\\udfab\"");
}

/* Bytes that are no UTF-8 become the replacement character, one by one. */
static void broken_utf8_is_replaced(void **state)
{
    (void)state;
    assert_logged("\xff", "\"\\ufffd\"");
    assert_logged("\xc0\xaf", "\"\\ufffd\\ufffd\"");
    assert_logged("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"");
    assert_logged("a\xe2\x82", "\"a\\ufffd\\ufffd\"");
    assert_logged("\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
}

/* 10 KB in a value are cut, said so, and the line stays JSON. */
static void long_values_are_cut(void **state)
{
    (void)state;
    struct capture capture;
    char *value = malloc(10241);
    assert_non_null(value);
    memset(value, 'x', 10240);
    value[10240] = '\0';
    capture_begin(&capture);
    logger_log(LOGGER_INFO, "long", LOG_TEXT("a", value), LOG_INT("b", 7));
    const char *line = capture_end(&capture);
    assert_non_null(strstr(line, "xxxx\",\"b\":7,\"truncated\":true}\n"));
    assert_true(strlen(line) < 1200);
    free(capture.text);
    free(value);
}

/* Many escaped values: the line ends inside its bound, closed and marked. */
static void overfull_lines_are_closed(void **state)
{
    (void)state;
    struct capture capture;
    char value[1025];
    memset(value, 1, sizeof value - 1);
    value[sizeof value - 1] = '\0';
    capture_begin(&capture);
    logger_log(LOGGER_INFO, "full", LOG_TEXT("a", value), LOG_TEXT("b", value),
               LOG_TEXT("c", value), LOG_INT("d", 1));
    const char *line = capture_end(&capture);
    const size_t length = strlen(line);
    assert_in_range(length, 8000, 8192);
    assert_string_equal(line + length - 20, "\",\"truncated\":true}\n");
    unsigned int quotes = 0;
    for (size_t i = 0; i < length; i++)
        quotes += line[i] == '"';
    assert_int_equal(quotes % 2, 0);
    free(capture.text);
}

/* Below the threshold nothing is written. */
static void threshold_holds(void **state)
{
    (void)state;
    struct capture capture;
    capture_begin(&capture);
    logger_init(LOGGER_ERROR);
    logger_log(LOGGER_WARN, "quiet", LOG_INT("a", 1));
    logger_init(LOGGER_INFO);
    assert_string_equal(capture_end(&capture), "");
    free(capture.text);
}

/* Names of levels are exactly four. */
static void levels_have_names(void **state)
{
    (void)state;
    enum logger_level level = LOGGER_INFO;
    assert_true(logger_level_parse("debug", &level));
    assert_int_equal(level, LOGGER_DEBUG);
    assert_true(logger_level_parse("error", &level));
    assert_int_equal(level, LOGGER_ERROR);
    assert_false(logger_level_parse("Error", &level));
    assert_false(logger_level_parse("", &level));
}

/* G07: a full disk behind standard error costs lines, counted, and no more. */
static void unwritable_lines_are_counted(void **state)
{
    (void)state;
    const uint64_t before = logger_dropped();
    const int saved = dup(STDERR_FILENO);
    const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(saved >= 0 && full >= 0);
    assert_true(dup2(full, STDERR_FILENO) >= 0);
    logger_log(LOGGER_ERROR, "lost", LOG_INT("a", 1));
    logger_log(LOGGER_ERROR, "lost", LOG_INT("a", 2));
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    (void)close(full);
    (void)close(saved);
    assert_int_equal(logger_dropped() - before, 2);
}

enum { THREADS = 4, LINES = 200 };

static void *write_lines(void *context)
{
    const char *name = context;
    for (int i = 0; i < LINES; i++)
        logger_log(LOGGER_INFO, "thread", LOG_TEXT("name", name), LOG_INT("line", i));
    return NULL;
}

/* Lines of several threads never mix. */
static void threads_do_not_mix(void **state)
{
    (void)state;
    static char names[THREADS][8] = {"one", "two", "three", "four"};
    pthread_t threads[THREADS];
    struct capture capture;
    capture_begin(&capture);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, names[i]), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    char *rest = NULL;
    (void)capture_end(&capture);
    int lines = 0;
    for (char *line = strtok_r(capture.text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest), lines++) {
        assert_memory_equal(behind_time(line), "\"level\":\"info\",\"event\":\"thread\"", 31);
        assert_int_equal(line[strlen(line) - 1], '}');
    }
    assert_int_equal(lines, THREADS * LINES);
    free(capture.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_json),
        cmocka_unit_test(hostile_values_are_escaped),
        cmocka_unit_test(unicode_is_escaped),
        cmocka_unit_test(broken_utf8_is_replaced),
        cmocka_unit_test(long_values_are_cut),
        cmocka_unit_test(overfull_lines_are_closed),
        cmocka_unit_test(threshold_holds),
        cmocka_unit_test(levels_have_names),
        cmocka_unit_test(unwritable_lines_are_counted),
        cmocka_unit_test(threads_do_not_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
