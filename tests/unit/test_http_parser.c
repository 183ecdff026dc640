#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../net/http_intake.h"

enum { BODY_BYTES_MAX = 65536, ROOM = 64 * 4096 };

/* Memory that ends where an unmapped page begins: one byte read beyond is fatal. */
struct guarded {
    char *pages;
    struct http_fields *fields;
};

static int setup(void **state)
{
    struct guarded *guarded = calloc(1, sizeof *guarded);
    assert_non_null(guarded);
    guarded->pages =
        mmap(NULL, ROOM + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(guarded->pages, MAP_FAILED);
    assert_int_equal(mprotect(guarded->pages + ROOM, 4096, PROT_NONE), 0);
    guarded->fields = http_fields_new();
    assert_non_null(guarded->fields);
    *state = guarded;
    return 0;
}

static int teardown(void **state)
{
    struct guarded *guarded = *state;
    munmap(guarded->pages, ROOM + 4096);
    http_fields_free(guarded->fields);
    free(guarded);
    return 0;
}

static char *place(struct guarded *guarded, const char *bytes, size_t length)
{
    assert_true(length <= ROOM);
    char *at = guarded->pages + ROOM - length;
    memcpy(at, bytes, length);
    return at;
}

/* The status a head gets; 0 complete, -1 more. */
static int parse(struct guarded *guarded, const char *text, size_t length, struct http_head *head)
{
    struct http_scan scan = {0};
    const char *reason = NULL;
    int status = http_head_parse(head, &scan, guarded->fields, place(guarded, text, length),
                                 (uint32_t)length, BODY_BYTES_MAX, &reason);
    if (status > 0)
        assert_non_null(reason);
    return status;
}

static void expect_status(struct guarded *guarded, const char *text, int status)
{
    struct http_head head;
    int got = parse(guarded, text, strlen(text), &head);
    if (got != status)
        fail_msg("%d instead of %d for:\n%s", got, status, text);
}

static void expect_text(struct text text, const char *wanted)
{
    if (!wanted) {
        assert_null(text.bytes);
        return;
    }
    assert_non_null(text.bytes);
    if (text.length != strlen(wanted) || memcmp(text.bytes, wanted, text.length) != 0)
        fail_msg("\"%.*s\" instead of \"%s\"", (int)text.length, text.bytes, wanted);
}

static const char full[] =
    "POST /api/v1/b%20c?x=%41&y HTTP/1.1\r\n"
    "hOST: tickets.example:8080\r\n"
    "Authorization:   Bearer abc \t\r\n"
    "content-type: application/json\r\n"
    "Content-Encoding: gzip\r\n"
    "Idempotency-Key: k-1\r\n"
    "Origin: https://tickets.example\r\n"
    "If-None-Match: \"5\"\r\n"
    "X-Request-ID: r.1_A-9\r\n"
    "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"
    "X-Empty:\r\n"
    "Content-Length: 12\r\n\r\n";

/* Every header that the API reads arrives, trimmed and whatever its case. */
static void test_all_fields(void **state)
{
    struct http_head head;
    assert_int_equal(parse(*state, full, sizeof full - 1, &head), HTTP_HEAD_COMPLETE);
    assert_int_equal(head.bytes, sizeof full - 1);
    assert_int_equal(head.request.method, HTTP_POST);
    assert_int_equal(head.content_length, 12);
    assert_false(head.chunked || head.close || head.expect_continue);
    expect_text(head.request.query, "x=%41&y");
    expect_text(head.request.authorization, "Bearer abc");
    expect_text(head.request.content_type, "application/json");
    expect_text(head.request.content_encoding, "gzip");
    expect_text(head.request.idempotency_key, "k-1");
    expect_text(head.request.origin, "https://tickets.example");
    expect_text(head.request.if_none_match, "\"5\"");
    expect_text(head.request.access_control_request_method, NULL);
    expect_text(head.request_id, "r.1_A-9");
    assert_int_equal(head.traceparent.length, HTTP_TRACEPARENT_BYTES);
    struct guarded *guarded = *state;
    http_head_decode(&head, guarded->pages + ROOM - (sizeof full - 1));
    expect_text(head.request.path, "/api/v1/b c");
}

/* Of a good head every shorter piece wants more, and nothing beyond it is read. */
static void test_prefixes_want_more(void **state)
{
    struct http_head head;
    for (size_t length = 0; length < sizeof full - 1; length++)
        assert_int_equal(parse(*state, full, length, &head), HTTP_HEAD_MORE);
}

/* A scan goes on where it stopped: byte by byte it ends where it would in one go. */
static void test_scan_resumes(void **state)
{
    struct guarded *guarded = *state;
    struct http_scan scan = {0};
    struct http_head head;
    const char *reason;
    for (size_t length = 1; length <= sizeof full - 1; length++) {
        int status = http_head_parse(&head, &scan, guarded->fields, place(guarded, full, length),
                                     (uint32_t)length, BODY_BYTES_MAX, &reason);
        assert_int_equal(status, length < sizeof full - 1 ? HTTP_HEAD_MORE : HTTP_HEAD_COMPLETE);
    }
    assert_int_equal(head.request.method, HTTP_POST);
}

/* H42: no control byte passes, wherever it stands; TAB only inside values. */
static void test_control_bytes(void **state)
{
    static const char good[] = "GET /abcdefghijklmnopqrstuvwxyz HTTP/1.1\r\nHost: abcdefgh\r\n\r\n";
    char text[sizeof good];
    struct http_head head;
    for (size_t at = 0; at < sizeof good - 1; at++)
        for (int byte = 0; byte < 0x80; byte = byte == 0x1f ? 0x7f : byte + 1) {
            memcpy(text, good, sizeof good);
            if (text[at] == (char)byte)
                continue;
            text[at] = (char)byte;
            int status = parse(*state, text, sizeof good - 1, &head);
            if (status == HTTP_HEAD_COMPLETE && byte != '\t')
                fail_msg("byte %d at %zu passed", byte, at);
            /* A value's own blanks may be tabs. */
            if (status == HTTP_HEAD_COMPLETE && at < 47)
                fail_msg("TAB at %zu passed", at);
        }
}

/* Each refusal has its status, and the first reason decides. */
static void test_statuses(void **state)
{
    expect_status(*state, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0);
    expect_status(*state, "GET / HTTP/1.0\r\n\r\n", 0);
    expect_status(*state, "\r\nGET / HTTP/1.0\r\n\r\n", 0);
    expect_status(*state, "\r\n\r\nGET / HTTP/1.0\r\n\r\n", 400);
    expect_status(*state, "GET / HTTP/1.1\r\n\r\n", 400);
    expect_status(*state, "GET /\r\n", 400);
    expect_status(*state, "BREW / HTTP/1.1\r\n", 501);
    expect_status(*state, "GET / HTTP/3.0\r\n", 505);
    expect_status(*state, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 65536\r\n\r\n", 0);
    expect_status(*state, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n", 413);
    expect_status(*state, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: br\r\n\r\n", 501);
    expect_status(*state, "POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 417);
    expect_status(*state,
                  "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n",
                  400);
}

/* The limits are exact: the largest passes, one more does not. */
static void test_limits(void **state)
{
    struct http_head head;
    size_t room = HTTP_REQUEST_LINE_BYTES_MAX + HTTP_FIELDS_BYTES_MAX + 100;
    char *text = malloc(room);
    assert_non_null(text);
    for (size_t extra = 0; extra <= 1; extra++) {
        size_t target = HTTP_REQUEST_LINE_BYTES_MAX - strlen("GET / HTTP/1.1") + extra;
        int length = snprintf(text, room, "GET /%0*d HTTP/1.1\r\nHost: a\r\n\r\n", (int)target, 0);
        assert_int_equal(parse(*state, text, (size_t)length, &head), extra ? 414 : 0);
        size_t value = HTTP_FIELDS_BYTES_MAX - strlen("Host: a\r\nA: \r\n\r\n") + extra;
        length =
            snprintf(text, room, "GET / HTTP/1.1\r\nHost: a\r\nA: %0*d\r\n\r\n", (int)value, 0);
        assert_int_equal(parse(*state, text, (size_t)length, &head), extra ? 431 : 0);
        length = snprintf(text, room, "GET / HTTP/1.1\r\nHost: a\r\n");
        for (size_t i = 1; i < HTTP_FIELDS_MAX + extra; i++)
            length += snprintf(text + length, room - (size_t)length, "A: b\r\n");
        length += snprintf(text + length, room - (size_t)length, "\r\n");
        assert_int_equal(parse(*state, text, (size_t)length, &head), extra ? 431 : 0);
    }
    free(text);
}

/* A malformed id or trace context is as good as none. */
static void test_ids_are_well_formed_or_absent(void **state)
{
    static const char *const bad[] = {
        "X-Request-ID: a b",
        "X-Request-ID:",
        "X-Request-ID: a\"b",
        "traceparent: 00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "traceparent: 01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "traceparent: 00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[200];
        struct http_head head;
        int length = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n", bad[i]);
        assert_int_equal(parse(*state, text, (size_t)length, &head), 0);
        assert_null(head.request_id.bytes);
        assert_null(head.traceparent.bytes);
    }
}

/* --- bodies --- */

/* Feeds in pieces of `step`; the body, or the status of the refusal in *status. */
static size_t chunks(const char *text, uint32_t step, char *body, int *status)
{
    struct http_chunk chunk = {0};
    size_t length = strlen(text), produced_all = 0;
    *status = -1;
    for (size_t at = 0; at < length && *status == -1; at += step) {
        char piece[256];
        uint32_t consumed, produced;
        uint32_t bytes = (uint32_t)(length - at < step ? length - at : step);
        memcpy(piece, text + at, bytes);
        enum http_chunk_result result =
            http_chunk_decode(&chunk, piece, bytes, piece, 16, &consumed, &produced);
        memcpy(body + produced_all, piece, produced);
        produced_all += produced;
        if (result == HTTP_CHUNK_DONE)
            *status = 0;
        else if (result != HTTP_CHUNK_MORE)
            *status = result == HTTP_CHUNK_BAD ? 400 : result == HTTP_CHUNK_BODY_LARGE ? 413 : 431;
    }
    return produced_all;
}

/* H18-H24: the body and the verdict are the same however the chunks arrive. */
static void test_chunks(void **state)
{
    static const struct {
        const char *text;
        int status;
        const char *body;
    } cases[] = {
        {"0\r\n\r\n", 0, ""},
        {"5\r\nhello\r\n0\r\n\r\n", 0, "hello"},
        {"1\r\nh\r\n04\r\nello\r\n00\r\nA: b\r\n\r\n", 0, "hello"},
        {"A\r\n0123456789\r\n6;x=\"y z\"\r\nabcdef\r\n0\r\n\r\n", 0, "0123456789abcdef"},
        {"10\r\n0123456789abcdef\r\n1\r\nx\r\n0\r\n\r\n", 413, NULL},
        {"11\r\n", 413, NULL},
        {"ffffffffffffffff\r\n", 413, NULL},
        {"00000000000000001\r\n", 400, NULL},
        {"5\nhello\r\n0\r\n\r\n", 400, NULL},
        {"5\r\nhelloX", 400, NULL},
        {"5\r\nhello\r\n0\r\nA b\r\n\r\n", 400, NULL},
        {"-1\r\n", 400, NULL},
        {"\r\n", 400, NULL},
        {"5;\r\nhello\r\n0\r\n\r\n", 400, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (uint32_t step = 1; step < 80; step++) {
            char body[256];
            int status;
            size_t length = chunks(cases[i].text, step, body, &status);
            if (status != cases[i].status)
                fail_msg("%d by %u for:\n%s", status, step, cases[i].text);
            if (status == 0) {
                assert_int_equal(length, strlen(cases[i].body));
                assert_memory_equal(body, cases[i].body, length);
            }
        }
}

/* --- targets --- */

static void expect_path(const char *target, const char *path)
{
    struct http_target parsed;
    char bytes[128];
    memcpy(bytes, target, strlen(target) + 1);
    bool valid = http_target_parse(&parsed, bytes, (uint32_t)strlen(target));
    if (valid != (path != NULL))
        fail_msg("%s: %s", target, valid ? "accepted" : "refused");
    if (!valid)
        return;
    if (parsed.encoded)
        http_target_decode(&parsed, bytes + (parsed.path.bytes - bytes));
    expect_text(parsed.path, path);
}

/* H46: decoded once, in UTF-8, without dot segments or hidden separators. */
static void test_targets(void **state)
{
    (void)state;
    expect_path("/", "/");
    expect_path("/a/b", "/a/b");
    expect_path("/a%20b?c%20d", "/a b");
    expect_path("/%F0%9F%8E%AB", "/\xf0\x9f\x8e\xab");
    expect_path("/%2541", "/%41");
    expect_path("/.a/b./c..d", "/.a/b./c..d");
    expect_path("http://h", "/");
    expect_path("https://h:1/x?y", "/x");
    expect_path("*", "*");
    static const char *const bad[] = {
        "",        "a",     "/%",        "/%f",     "/%00",       "/%2f",
        "/%5C",    "/..",   "/a/../b",   "/%2e%2E", "/.%2e/a",    "/a/.",
        "/a#b",    "/a\\b", "/\xc3\xa9", "/%c0%80", "/%ed%bf%bf", "/%f4%90%80%80",
        "/%e2%82", "/a%",   "/%7f",      "/a?b\x7f"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        expect_path(bad[i], NULL);
}

static void test_authorities(void **state)
{
    static const char *const good[] = {"a",     "a:80",       "127.0.0.1:1",
                                       "[::1]", "[::1]:8080", "a_b.c-d"};
    static const char *const bad[] = {"",    ":80",  "a:b",    "a:123456", "a/b",
                                      "a,b", "u@h",  "[::1",   "[]",       "[g]",
                                      "a b", "a%41", "[::1]x", "a:80:90"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(http_authority_valid(good[i], (uint32_t)strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (http_authority_valid(bad[i], (uint32_t)strlen(bad[i])))
            fail_msg("%s accepted", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_fields),
        cmocka_unit_test(test_prefixes_want_more),
        cmocka_unit_test(test_scan_resumes),
        cmocka_unit_test(test_control_bytes),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_ids_are_well_formed_or_absent),
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_authorities),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
