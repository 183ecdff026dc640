#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../net/json.h"

enum { BYTES_MAX = 65536 };

static int make_parser(void **state)
{
    *state = json_parser_new(BYTES_MAX);
    return *state == NULL;
}

static int drop_parser(void **state)
{
    json_parser_free(*state);
    return 0;
}

static enum json_result parse(void **state, const char *text, size_t length,
                              const struct json_node **nodes, uint32_t *count)
{
    /* A copy of exactly this size, so that sanitizers see any overrun. */
    char *copy = malloc(length + 1);
    assert_non_null(copy);
    memcpy(copy, text, length);
    enum json_result result = json_parse(*state, copy, length, nodes, count);
    free(copy);
    return result;
}

static void expect(void **state, const char *text, enum json_result wanted)
{
    const struct json_node *nodes;
    uint32_t count;
    enum json_result result = parse(state, text, strlen(text), &nodes, &count);
    if (result != wanted)
        fail_msg("%.60s: got %d, expected %d", text, (int)result, (int)wanted);
    assert_true(wanted == JSON_OK ? count > 0 : count == 0);
}

/* An object's members come out in order, unescaped, numbers as written. */
static void test_object(void **state)
{
    const char *text =
        " {\"a\" : 1500.00 , \"b\":\"x\\u0041\\n\\ud83d\\ude00\",\"c\":[true,false,null,"
        "{\"d\":-3}],\"\\u0065\":{}} \r\n";
    const struct json_node *nodes;
    uint32_t count;
    assert_int_equal(parse(state, text, strlen(text), &nodes, &count), JSON_OK);
    assert_int_equal(count, 10);
    assert_int_equal(nodes[0].type, JSON_OBJECT);
    assert_int_equal(nodes[0].next, 10);
    assert_true(json_key_is(&nodes[1], "a", 1));
    assert_int_equal(nodes[1].type, JSON_NUMBER);
    assert_int_equal(nodes[1].text_length, 7);
    assert_memory_equal(nodes[1].text, "1500.00", 7);
    assert_true(json_text_is(&nodes[2], "xA\n\xf0\x9f\x98\x80", 7));
    assert_int_equal(nodes[3].type, JSON_ARRAY);
    assert_int_equal(nodes[3].next, 9);
    assert_int_equal(nodes[4].type, JSON_TRUE);
    assert_int_equal(nodes[5].type, JSON_FALSE);
    assert_int_equal(nodes[6].type, JSON_NULL);
    assert_int_equal(nodes[7].type, JSON_OBJECT);
    assert_null(nodes[7].key);
    int64_t value;
    assert_true(json_integer(&nodes[8], &value));
    assert_int_equal(value, -3);
    assert_true(json_key_is(&nodes[9], "e", 1));
}

/* J01: nesting 16 passes, 17 and 100,000 are refused. */
static void test_depth_J01(void **state)
{
    char text[200];
    for (int depth = 15; depth <= 17; depth++) {
        for (int i = 0; i < depth; i++)
            memcpy(text + 5 * i, "{\"a\":", 5);
        text[5 * depth] = '1';
        memset(text + 5 * depth + 1, '}', (size_t)depth);
        text[6 * depth + 1] = '\0';
        expect(state, text, depth <= JSON_DEPTH_MAX ? JSON_OK : JSON_TOO_DEEP);
    }
    static char deep[BYTES_MAX];
    const struct json_node *nodes;
    uint32_t count;
    memset(deep, '[', sizeof deep);
    assert_int_not_equal(parse(state, deep, sizeof deep, &nodes, &count), JSON_OK);
    memcpy(deep, "{\"a\":", 5);
    assert_int_not_equal(parse(state, deep, sizeof deep, &nodes, &count), JSON_OK);
    for (size_t i = 0; i + 5 <= sizeof deep; i += 5)
        memcpy(deep + i, "{\"a\":", 5);
    assert_int_not_equal(parse(state, deep, sizeof deep, &nodes, &count), JSON_OK);
}

/* J02: a key named twice is refused at any level, however it is written. */
static void test_duplicate_J02(void **state)
{
    expect(state, "{\"qty\":1,\"qty\":100}", JSON_DUPLICATE_KEY);
    expect(state, "{\"qty\":1,\"x\":{\"y\":1},\"\\u0071ty\":100}", JSON_DUPLICATE_KEY);
    expect(state, "{\"a\":{\"b\":1,\"b\":1}}", JSON_DUPLICATE_KEY);
    expect(state, "{\"\":1,\"\":2}", JSON_DUPLICATE_KEY);
    expect(state, "{\"a\":{\"b\":1},\"b\":1}", JSON_OK);
}

/* J04: what is nearly JSON is not JSON. */
static void test_not_json_J04(void **state)
{
    static const char *const bad[] = {
        "{} x",
        "{}{}",
        "{}}",
        "{\"a\":1}]",
        "{\"a\":1 /* */}",
        "// c\n{}",
        "\xef\xbb\xbf{}",
        "{\"a\":NaN}",
        "{\"a\":Infinity}",
        "{\"a\":-Infinity}",
        "{'a':1}",
        "{\"a\":'b'}",
        "{\"a\":1,}",
        "{,}",
        "{\"a\"}",
        "{\"a\" \"b\"}",
        "{\"a\":}",
        "{a:1}",
        "{\"a\":[1,]}",
        "{\"a\":[1 2]}",
        "{\"a\":[,1]}",
        "{\"a\":tru}",
        "{\"a\":truee}",
        "{\"a\":nul}",
        "{\"a\":falsey}",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":.5}",
        "{\"a\":1.}",
        "{\"a\":1e}",
        "{\"a\":--1}",
        "{\"a\":0x1}",
        "{\"a\":1_0}",
        "{\"a\":-}",
        "{\"a\":1e+}",
        "{\"a\":1]",
        "{\"a\":[1}",
        "{\"a\":1",
        "{\"a",
        "{\"a\":\"",
        "{",
        "}",
        "{\"a\":1;}",
        "{\"a\":1,\"b\"}",
        "{\"a\"::1}",
        "{\"a\":1,,\"b\":2}",
        "{1:2}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1x}",
        "{\"a\":nullx}",
        "{\"a\":\"b\"c}",
        "{} ,",
        "{\"a\":[]]}",
        "{[]}",
        "{\"a\":1}\v",
        "{\"a\":1-2}",
        "{\"a\":1.5.5}",
        "{\"a\":00}",
        "{\"a\":-01}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        expect(state, bad[i], JSON_INVALID);
    const struct json_node *nodes;
    uint32_t count;
    assert_int_equal(parse(state, "{}\0", 3, &nodes, &count), JSON_INVALID);
    assert_int_equal(parse(state, "{\"a\":1\0}", 8, &nodes, &count), JSON_INVALID);
}

/* J05: broken UTF-8 and broken escapes. */
static void test_unicode_J05(void **state)
{
    static const char *const bad[] = {
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\udc00\"}",
        "{\"a\":\"\\ud800\\u0041\"}",
        "{\"a\":\"\\udc00\\ud800\"}",
        "{\"a\":\"\\x41\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\xc0\xaf\"}",
        "{\"a\":\"\xe0\x80\xaf\"}",
        "{\"a\":\"\xed\xa0\x80\"}",
        "{\"a\":\"\xf4\x90\x80\x80\"}",
        "{\"a\":\"\xc3\"}",
        "{\"a\":\"\xff\"}",
        "{\"a\":\"\x80\"}",
        "{\"\xff\":1}",
        "{\"a\":\"\\ud800x\"}",
        "{\"\\ud800\":1}",
        "{\"\\udfff\":1}",
        "{\"a\":\"\\ud800\\ud800\"}",
        "{\"a\":\"\\\"}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        expect(state, bad[i], JSON_INVALID);
    const struct json_node *nodes;
    uint32_t count;
    const char utf16[] = "\xff\xfe{\0}\0";
    assert_int_equal(parse(state, utf16, 6, &nodes, &count), JSON_INVALID);
}

/* J06: raw control characters are refused; an escaped NUL arrives as one byte. */
static void test_controls_J06(void **state)
{
    char text[] = "{\"a\":\"x?y\"}";
    const struct json_node *nodes;
    uint32_t count;
    for (int c = 0; c < 0x20; c++) {
        text[7] = (char)c;
        assert_int_equal(parse(state, text, sizeof text - 1, &nodes, &count), JSON_INVALID);
    }
    const char *escaped = "{\"a\":\"x\\u0000y\"}";
    assert_int_equal(parse(state, escaped, strlen(escaped), &nodes, &count), JSON_OK);
    assert_true(json_text_is(&nodes[1], "x\0y", 3));
}

/* J08, N01: an integer is digits and fits; everything else is not one. */
static void test_integers_J08(void **state)
{
    static const struct {
        const char *text;
        bool integer;
        int64_t value;
    } cases[] = {
        {"0", true, 0},
        {"1", true, 1},
        {"-1", true, -1},
        {"2147483648", true, 2147483648},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"18446744073709551617", false, 0},
        {"99999999999999999999", false, 0},
        {"-0", false, 0},
        {"1.0", false, 0},
        {"2.5", false, 0},
        {"1e2", false, 0},
        {"1E2", false, 0},
        {"1e400", false, 0},
        {"\"2\"", false, 0},
        {"true", false, 0},
        {"null", false, 0},
        {"[1]", false, 0},
        {"{\"b\":1}", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[64];
        sprintf(text, "{\"a\": %s }", cases[i].text);
        const struct json_node *nodes;
        uint32_t count;
        if (parse(state, text, strlen(text), &nodes, &count) != JSON_OK)
            fail_msg("%s refused", text);
        int64_t value = 0;
        assert_int_equal(json_integer(&nodes[1], &value), cases[i].integer);
        assert_int_equal(value, cases[i].value);
    }
}

/* J09: the top level is an object. */
static void test_top_level_J09(void **state)
{
    expect(state, "", JSON_INVALID);
    expect(state, "   \n", JSON_INVALID);
    expect(state, "[]", JSON_NOT_OBJECT);
    expect(state, "[{\"a\":1}]", JSON_NOT_OBJECT);
    expect(state, "\"a\"", JSON_NOT_OBJECT);
    expect(state, "1", JSON_NOT_OBJECT);
    expect(state, "null", JSON_NOT_OBJECT);
}

/* J10, J20: sizes at and beyond the bounds. */
static void test_bounds_J20(void **state)
{
    static char text[BYTES_MAX + 1];
    const struct json_node *nodes;
    uint32_t count;
    for (int keys = JSON_KEYS_MAX; keys <= JSON_KEYS_MAX + 1; keys++) {
        char *at = text;
        for (int i = 0; i < keys; i++)
            at += sprintf(at, "%c\"k%d\":%d", i == 0 ? '{' : ',', i, i);
        strcpy(at, "}");
        expect(state, text, keys <= JSON_KEYS_MAX ? JSON_OK : JSON_TOO_MANY);
    }
    memset(text, ' ', sizeof text);
    assert_int_equal(parse(state, text, BYTES_MAX, &nodes, &count), JSON_INVALID);
    assert_int_equal(parse(state, text, BYTES_MAX + 1, &nodes, &count), JSON_TOO_LONG);
    text[0] = '{';
    text[BYTES_MAX - 1] = '}';
    assert_int_equal(parse(state, text, BYTES_MAX, &nodes, &count), JSON_OK);
    memcpy(text, "{\"a\":\"", 6);
    memset(text + 6, 'x', BYTES_MAX - 8);
    memcpy(text + BYTES_MAX - 2, "\"}", 2);
    assert_int_equal(parse(state, text, BYTES_MAX, &nodes, &count), JSON_OK);
    assert_int_equal(nodes[1].text_length, BYTES_MAX - 8);
    char *at = text + sprintf(text, "{\"a\":[1");
    for (int i = 0; i < JSON_NODES_MAX; i++)
        at += sprintf(at, ",1");
    strcpy(at, "]}");
    expect(state, text, JSON_TOO_MANY);
}

/* A refused document leaves the parser fit for the next. */
static void test_reuse(void **state)
{
    for (int i = 0; i < 100; i++) {
        expect(state, "{\"a\":[[[[", JSON_INVALID);
        expect(state, "{\"a\":{\"b\":[1,2,{\"c\":\"d\"}]}}", JSON_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_object),        cmocka_unit_test(test_depth_J01),
        cmocka_unit_test(test_duplicate_J02), cmocka_unit_test(test_not_json_J04),
        cmocka_unit_test(test_unicode_J05),   cmocka_unit_test(test_controls_J06),
        cmocka_unit_test(test_integers_J08),  cmocka_unit_test(test_top_level_J09),
        cmocka_unit_test(test_bounds_J20),    cmocka_unit_test(test_reuse),
    };
    return cmocka_run_group_tests(tests, make_parser, drop_parser);
}
