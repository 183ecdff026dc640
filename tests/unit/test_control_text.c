/* What operators read: figures, tables, JSON on one line, and top's sums. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../admin/figure.h"
#include "../../admin/json_writer.h"
#include "../../admin/table.h"
#include "../../admin/top_view.h"

/* --- figures --- */

/* Thousands are separated. */
static void counts_have_commas(void **state)
{
    (void)state;
    char text[FIGURE_BYTES];
    assert_string_equal(figure_count(text, 0), "0");
    assert_string_equal(figure_count(text, 999), "999");
    assert_string_equal(figure_count(text, 1000), "1,000");
    assert_string_equal(figure_count(text, 123456), "123,456");
    assert_string_equal(figure_count(text, UINT64_MAX), "18,446,744,073,709,551,615");
}

/* Durations and sizes have units and three digits that mean something. */
static void units_fit(void **state)
{
    (void)state;
    char text[FIGURE_BYTES];
    assert_string_equal(figure_ns(text, 0), "0 ns");
    assert_string_equal(figure_ns(text, 999), "999 ns");
    assert_string_equal(figure_ns(text, 1000), "1.00 µs");
    assert_string_equal(figure_ns(text, 9999), "10.0 µs");
    assert_string_equal(figure_ns(text, 123400), "123 µs");
    assert_string_equal(figure_ns(text, 999999), "1.00 ms");
    assert_string_equal(figure_ns(text, 2100000000), "2.10 s");
    assert_string_equal(figure_bytes(text, 0), "0 B");
    assert_string_equal(figure_bytes(text, 1023), "1023 B");
    assert_string_equal(figure_bytes(text, 4096), "4.0 KiB");
    assert_string_equal(figure_bytes(text, 1048575), "1.0 MiB");
    assert_string_equal(figure_bytes(text, UINT64_MAX), "16.0 EiB");
    assert_string_equal(figure_rate(text, 0), "0");
    assert_string_equal(figure_rate(text, 3.25), "3.2");
    assert_string_equal(figure_rate(text, 12345.6), "12,346");
    assert_string_equal(figure_percent(text, 1, 8), "12.5 %");
    assert_string_equal(figure_percent(text, 0, 0), "-");
}

/* Times are relative, in two units at most. */
static void times_are_relative(void **state)
{
    (void)state;
    char text[FIGURE_BYTES];
    assert_string_equal(figure_span(text, 59), "59 s");
    assert_string_equal(figure_span(text, 61), "1 min 1 s");
    assert_string_equal(figure_span(text, 7980), "2 h 13 min");
    assert_string_equal(figure_span(text, 200000), "2 d 7 h");
    assert_string_equal(figure_when(text, 1000, 1500), "now");
    assert_string_equal(figure_when(text, 1000, 13000), "12 s ago");
    assert_string_equal(figure_when(text, 543000, 0), "in 9 min 3 s");
}

/* --- tables --- */

static char *print(const struct table *table, int indent)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    table_print(table, out, indent);
    assert_int_equal(fclose(out), 0);
    return text;
}

/* Columns are as wide as their widest cell, counted in characters, and a row
 * that is not complete is left out. */
static void columns_align(void **state)
{
    (void)state;
    struct table *table = table_new("name|>p50|note");
    assert_non_null(table);
    table_cell(table, "a");
    table_cell(table, "5 µs");
    table_cell(table, "x");
    table_cell(table, "longer");
    table_cell(table, "12 ms");
    table_cell(table, "");
    table_cell(table, "half a row");
    char *text = print(table, 1);
    assert_string_equal(text, " name      p50  note\n"
                              " a        5 µs  x\n"
                              " longer  12 ms  \n");
    free(text);
    table_free(table);
}

/* --- JSON --- */

/* Nested values get their commas; text is escaped; broken UTF-8 is replaced. */
static void json_is_well_formed(void **state)
{
    (void)state;
    char bytes[512];
    struct json_writer writer;
    json_writer_init(&writer, bytes, sizeof bytes);
    json_writer_object(&writer, NULL);
    json_writer_text(&writer, "text", "a\"b\\c\nd\x7f \xc3\xa9 \xe2\x82\xac \xf0\x9f\x8e\xab");
    json_writer_bytes(&writer, "broken", "\xff\xc0\x80\xed\xa0\x80\xe2\x82", 8);
    json_writer_array(&writer, "list");
    json_writer_array_end(&writer);
    json_writer_array(&writer, "more");
    json_writer_count(&writer, NULL, UINT64_MAX);
    json_writer_integer(&writer, NULL, INT64_MIN);
    json_writer_null(&writer, NULL);
    json_writer_object(&writer, NULL);
    json_writer_object_end(&writer);
    json_writer_array_end(&writer);
    json_writer_bool(&writer, "yes", true);
    json_writer_time(&writer, "at", 1750000000123);
    json_writer_time(&writer, "never", 0);
    json_writer_object_end(&writer);
    assert_false(writer.overflow);
    bytes[writer.length] = '\0';
    assert_string_equal(bytes,
                        "{\"text\":\"a\\\"b\\\\c\\u000ad\\u007f \xc3\xa9 \xe2\x82\xac "
                        "\xf0\x9f\x8e\xab\",\"broken\":\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                        "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\","
                        "\"list\":[],\"more\":[18446744073709551615,-9223372036854775808,null,{}],"
                        "\"yes\":true,\"at\":\"2025-06-15T15:06:40.123Z\",\"never\":null}");
}

/* A buffer that is too small is reported, at every size, and never overrun. */
static void json_overflow_is_reported(void **state)
{
    (void)state;
    static const char whole[] = "{\"name\":\"va\\u0001lue\",\"n\":12345}";
    for (size_t room = 0; room <= sizeof whole; room++) {
        char bytes[64];
        struct json_writer writer;
        memset(bytes, '#', sizeof bytes);
        json_writer_init(&writer, bytes, room);
        json_writer_object(&writer, NULL);
        json_writer_text(&writer, "name", "va\001lue");
        json_writer_count(&writer, "n", 12345);
        json_writer_object_end(&writer);
        assert_int_equal(writer.overflow, room < sizeof whole - 1);
        assert_true(writer.length <= room);
        assert_int_equal(bytes[room], '#');
    }
}

/* --- top --- */

static struct top_sample *sample_of(const char *json)
{
    struct top_sample *sample = malloc(sizeof *sample);
    yajl_val tree = yajl_tree_parse(json, NULL, 0);
    assert_non_null(sample);
    assert_non_null(tree);
    assert_true(top_sample_read(sample, tree));
    yajl_tree_free(tree);
    return sample;
}

static char *sample_json(uint64_t pid, uint64_t taken_s, uint64_t requests, uint64_t fast,
                         uint64_t slow)
{
    char *json = NULL;
    int length = asprintf(
        &json,
        "{\"version\":\"0\",\"state\":\"serving\",\"pid\":%llu,\"now\":\"2026-01-01T10:11:12."
        "000Z\","
        "\"uptime_seconds\":5,\"listen\":\"l\",\"sample_ns\":%llu000000000,\"mirror\":null,"
        "\"shards\":[{\"shard\":0,\"ready\":true,\"stuck\":false,\"requests\":%llu,"
        "\"mailbox_depth\":7,\"decisions\":{\"reserve\":{\"ok\":%llu,\"insufficient_stock\":2},"
        "\"booking_list\":{\"ok\":1}},\"latency\":{\"buckets\":[[%llu,%llu],[%llu,%llu]]}}]}",
        (unsigned long long)pid, (unsigned long long)taken_s, (unsigned long long)requests,
        (unsigned long long)requests, (unsigned long long)histogram_bucket_ns(40),
        (unsigned long long)fast, (unsigned long long)histogram_bucket_ns(200),
        (unsigned long long)slow);
    assert_true(length > 0);
    return json;
}

static void subtract(struct top_sample *difference, char *before_json, char *after_json)
{
    struct top_sample *before = sample_of(before_json);
    struct top_sample *after = sample_of(after_json);
    top_sample_subtract(difference, before, after);
    free(before);
    free(after);
    free(before_json);
    free(after_json);
}

/* Between two samples only what happened between them counts: old slow answers
 * do not show in the quantiles. */
static void samples_subtract(void **state)
{
    (void)state;
    struct top_sample *difference = malloc(sizeof *difference);
    assert_non_null(difference);
    subtract(difference, sample_json(1, 10, 1000, 0, 500), sample_json(1, 12, 3000, 99, 501));
    const struct top_shard *shard = &difference->shards[0];
    assert_int_equal(difference->taken_ns, 2000000000);
    assert_int_equal(shard->requests, 2000);
    assert_int_equal(shard->mailbox_depth, 7);
    assert_int_equal(shard->decisions[TOP_RESERVE][RESULT_OK], 2000);
    assert_int_equal(shard->decisions[TOP_RESERVE][RESULT_INSUFFICIENT_STOCK], 0);
    assert_int_equal(top_histogram_count(&shard->latency), 100);
    assert_int_equal(top_histogram_quantile_ns(&shard->latency, 0.5), histogram_bucket_ns(40));
    assert_int_equal(top_histogram_quantile_ns(&shard->latency, 0.99), histogram_bucket_ns(40));
    assert_int_equal(top_histogram_quantile_ns(&shard->latency, 0.999), histogram_bucket_ns(200));
    free(difference);
}

/* An engine that was restarted counts from zero, not backwards. */
static void restart_counts_from_zero(void **state)
{
    (void)state;
    struct top_sample *difference = malloc(sizeof *difference);
    assert_non_null(difference);
    subtract(difference, sample_json(1, 10, 1000, 9, 9), sample_json(2, 3, 40, 1, 0));
    assert_int_equal(difference->shards[0].requests, 40);
    assert_int_equal(difference->taken_ns, 5000000000);
    free(difference);
}

/* A screen has exactly its rows, and no row is wider than the terminal. */
static void screen_fits(void **state)
{
    (void)state;
    static const int sizes[][2] = {{80, 24}, {40, 10}, {200, 60}, {20, 2}};
    struct top_sample *difference = malloc(sizeof *difference);
    assert_non_null(difference);
    subtract(difference, sample_json(1, 10, 1000, 0, 500), sample_json(1, 12, 3000, 99, 501));
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char *text = NULL;
        size_t length = 0;
        FILE *out = open_memstream(&text, &length);
        assert_non_null(out);
        top_view_screen(out, difference, NULL, sizes[i][0], sizes[i][1]);
        assert_int_equal(fclose(out), 0);
        int rows = 1;
        int width = 0;
        for (const char *at = text; *at != '\0'; at++) {
            if (*at == '\033') {
                at += strcspn(at, "mK");
            } else if (*at == '\n') {
                rows++;
                width = 0;
            } else if (*at != '\r' && ((unsigned char)*at & 0xc0) != 0x80) {
                width++;
                assert_true(width <= sizes[i][0]);
            }
        }
        assert_int_equal(rows, sizes[i][1]);
        if (sizes[i][0] >= 80) {
            assert_non_null(strstr(text, "requests 1,000/s"));
        }
        free(text);
    }
    free(difference);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_have_commas),  cmocka_unit_test(units_fit),
        cmocka_unit_test(times_are_relative),  cmocka_unit_test(columns_align),
        cmocka_unit_test(json_is_well_formed), cmocka_unit_test(json_overflow_is_reported),
        cmocka_unit_test(samples_subtract),    cmocka_unit_test(restart_counts_from_zero),
        cmocka_unit_test(screen_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
