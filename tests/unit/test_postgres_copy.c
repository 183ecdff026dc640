#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../persist/postgres_copy.h"

static void expect_bytes(struct replay_buffer *out, const void *bytes, size_t length)
{
    assert_false(out->failed);
    assert_int_equal(out->length, length);
    assert_memory_equal(out->bytes, bytes, length);
    replay_buffer_reset(out);
}

#define EXPECT(out, literal) expect_bytes((out), (literal), sizeof(literal) - 1)

/* A stream is the signature, flags and extension length of zero, rows, and -1. */
static void test_stream(void **state)
{
    (void)state;
    struct replay_buffer out;
    replay_buffer_init(&out);
    copy_begin(&out);
    copy_row(&out, 3);
    copy_null(&out);
    copy_bool(&out, true);
    copy_string(&out, "ab");
    copy_end(&out);
    EXPECT(&out, "PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0"
                 "\0\3"
                 "\xff\xff\xff\xff"
                 "\0\0\0\1\1"
                 "\0\0\0\2ab"
                 "\xff\xff");
    replay_buffer_release(&out);
}

/* Numbers are big-endian in their own width, negative ones in two's complement. */
static void test_numbers(void **state)
{
    (void)state;
    struct replay_buffer out;
    replay_buffer_init(&out);
    copy_smallint(&out, 0x1234);
    EXPECT(&out, "\0\0\0\2\x12\x34");
    copy_integer(&out, -2);
    EXPECT(&out, "\0\0\0\4\xff\xff\xff\xfe");
    copy_bigint(&out, INT64_MIN);
    EXPECT(&out, "\0\0\0\10\x80\0\0\0\0\0\0\0");
    replay_buffer_release(&out);
}

/* Times count microseconds from 2000, before it too; what is not set is NULL. */
static void test_times(void **state)
{
    (void)state;
    assert_int_equal(copy_timestamp_us(946684800000), 0);
    assert_int_equal(copy_timestamp_us(946684800001), 1000);
    assert_int_equal(copy_timestamp_us(0), -INT64_C(946684800000000));
    struct replay_buffer out;
    replay_buffer_init(&out);
    copy_time_or_null(&out, 0);
    EXPECT(&out, "\xff\xff\xff\xff");
    copy_time_or_null(&out, 946684800001);
    EXPECT(&out, "\0\0\0\10\0\0\0\0\0\0\3\xe8");
    replay_buffer_release(&out);
}

/* Ids are their 16 bytes; the nil id is NULL where none may be given. */
static void test_ids(void **state)
{
    (void)state;
    struct replay_buffer out;
    replay_buffer_init(&out);
    const struct uuid nil = {{0}};
    const struct uuid id = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
    copy_uuid_or_null(&out, &nil);
    EXPECT(&out, "\xff\xff\xff\xff");
    copy_uuid_or_null(&out, &id);
    EXPECT(&out, "\0\0\0\20\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20");
    replay_buffer_release(&out);
}

/* Text that PostgreSQL could not store is replaced, never refused: a NUL, broken
 * and overlong UTF-8, a surrogate. */
static void test_text(void **state)
{
    (void)state;
    struct replay_buffer out;
    replay_buffer_init(&out);
    copy_text(&out, "a\0b", 3);
    EXPECT(&out, "\0\0\0\5a\xEF\xBF\xBD"
                 "b");
    copy_text(&out, "\xc3", 1);
    EXPECT(&out, "\0\0\0\3\xEF\xBF\xBD");
    copy_text(&out, "\xc0\x80", 2);
    EXPECT(&out, "\0\0\0\6\xEF\xBF\xBD\xEF\xBF\xBD");
    copy_text(&out, "\xed\xa0\x80", 3);
    EXPECT(&out, "\0\0\0\11\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
    copy_text(&out, "\xe0\xb8\x81\xf0\x9f\x8e\xab", 7); /* a Thai letter, a ticket */
    EXPECT(&out, "\0\0\0\7\xe0\xb8\x81\xf0\x9f\x8e\xab");
    const struct text empty = {"", 0};
    copy_text_or_null(&out, &empty);
    EXPECT(&out, "\xff\xff\xff\xff");
    replay_buffer_release(&out);
}

/* jsonb is its version and then text; the length written last covers both. */
static void test_jsonb(void **state)
{
    (void)state;
    struct replay_buffer out;
    replay_buffer_init(&out);
    const size_t mark = copy_jsonb_begin(&out);
    replay_buffer_text(&out, "{}");
    copy_field_end(&out, mark);
    EXPECT(&out, "\0\0\0\3\1{}");
    replay_buffer_release(&out);
}

static void expect_numeric(replay_minor minor, unsigned decimals, const char *bytes, size_t length)
{
    struct replay_buffer out;
    replay_buffer_init(&out);
    replay_amount_numeric(&out, minor, decimals);
    expect_bytes(&out, bytes, length);
    replay_buffer_release(&out);
}

#define NUMERIC(minor, decimals, literal)                                                          \
    expect_numeric((minor), (decimals), (literal), sizeof(literal) - 1)

/* A numeric: count of base-10,000 digits, weight, sign, scale, digits; zeros at
 * either end are not stored. */
static void test_numeric(void **state)
{
    (void)state;
    NUMERIC(0, 2, "\0\0\0\0\0\0\0\2");
    NUMERIC(1, 2, "\0\1\xff\xff\0\0\0\2\0\x64");                 /* 0.01 = 100e-4 */
    NUMERIC(150000, 2, "\0\1\0\0\0\0\0\2\x05\xdc");              /* 1500.00 */
    NUMERIC(1234567, 2, "\0\3\0\1\0\0\0\2\0\1\x09\x29\x1a\x2c"); /* 1|2345|6700 */
    NUMERIC(-5, 2, "\0\1\xff\xff\x40\0\0\2\x01\xf4");            /* -0.05 */
    NUMERIC(1500, 0, "\0\1\0\0\0\0\0\0\x05\xdc");                /* JPY */
    NUMERIC(1, 3, "\0\1\xff\xff\0\0\0\3\0\x0a");                 /* KWD 0.001 */
    NUMERIC(100000000, 0, "\0\1\0\2\0\0\0\0\0\1");               /* 1|0000|0000 */
    NUMERIC(10001, 4, "\0\2\0\0\0\0\0\4\0\1\0\1");               /* 1.0001 */
}

static void expect_amount(replay_minor minor, unsigned decimals, const char *text)
{
    struct replay_buffer out;
    replay_buffer_init(&out);
    replay_amount_text(&out, minor, decimals);
    assert_string_equal(replay_buffer_string(&out), text);
    replay_buffer_release(&out);
}

/* Amounts show all decimals of their currency, exactly, to the end of the range
 * and beyond it for totals. */
static void test_amount_text(void **state)
{
    (void)state;
    expect_amount(0, 2, "0.00");
    expect_amount(5, 2, "0.05");
    expect_amount(-5, 3, "-0.005");
    expect_amount(150000, 2, "1500.00");
    expect_amount(1500, 0, "1500");
    expect_amount(0, 0, "0");
    expect_amount(INT64_MAX, 2, "92233720368547758.07");
    expect_amount(INT64_MIN, 2, "-92233720368547758.08");
    expect_amount((replay_minor)INT64_MAX * 10000000, 2, "922337203685477580700000.00");
}

/* A buffer that once failed stays failed until it is reset, and writes nothing. */
static void test_buffer_failure_sticks(void **state)
{
    (void)state;
    struct replay_buffer out;
    replay_buffer_init(&out);
    replay_buffer_text(&out, "ab");
    assert_null(replay_buffer_extend(&out, SIZE_MAX / 2));
    copy_integer(&out, 7);
    assert_true(out.failed);
    assert_int_equal(out.length, 2);
    replay_buffer_reset(&out);
    copy_bool(&out, false);
    EXPECT(&out, "\0\0\0\1\0");
    replay_buffer_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_jsonb),
        cmocka_unit_test(test_numeric),
        cmocka_unit_test(test_amount_text),
        cmocka_unit_test(test_buffer_failure_sticks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
