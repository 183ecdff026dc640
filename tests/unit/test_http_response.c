#include <setjmp.h>
#include <stdarg.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../net/http_response.h"

struct rig {
    struct http_head_blocks blocks;
    struct http_output_pool pool;
    struct http_output output;
    struct http_memo memo;
    char text[65536];
};

static int setup(void **state)
{
    struct config *config = calloc(1, sizeof *config);
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(config);
    assert_non_null(rig);
    strcpy(config->cors.origins[0], "https://tickets.example");
    config->cors.origin_count = 1;
    http_head_blocks_init(&rig->blocks, config);
    http_head_blocks_tick(&rig->blocks, 1795225284123);
    memcpy(rig->memo.request_id, "abc", 3);
    rig->memo.request_id_length = 3;
    free(config);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    struct rig *rig = *state;
    http_output_release(&rig->pool, &rig->output);
    http_output_pool_release(&rig->pool);
    free(rig);
    return 0;
}

static struct http_response begin(struct rig *rig, int status, size_t body_bytes_max)
{
    struct http_response response =
        http_response_to(&rig->blocks, &rig->pool, &rig->output, &rig->memo);
    http_response_begin(&response, status, body_bytes_max);
    return response;
}

static const char *text_of(struct rig *rig)
{
    assert_true(rig->output.length < sizeof rig->text);
    memcpy(rig->text, rig->output.bytes, rig->output.length);
    rig->text[rig->output.length] = '\0';
    return rig->text;
}

static void expect_has(const char *text, const char *part, bool present)
{
    if ((strstr(text, part) != NULL) != present)
        fail_msg("%s \"%s\" in:\n%s", present ? "no" : "unwanted", part, text);
}

/* A response is whole: status line, the headers promised everywhere, length, body. */
static void test_whole(void **state)
{
    struct rig *rig = *state;
    struct http_response response = begin(rig, 201, 1000);
    http_response_header(&response, "X-Log-Position", "0:17", 4);
    memcpy(http_response_body(&response, NULL), "{}", 2);
    http_response_end(&response, 2);
    const char *text = text_of(rig);
    assert_memory_equal(text, "HTTP/1.1 201 Created\r\n", 22);
    expect_has(text, "\r\nServer: boxoffice\r\n", true);
    expect_has(text, "\r\nDate: Sat, 21 Nov 2026 01:41:24 GMT\r\n", true);
    expect_has(text, "\r\nX-Request-ID: abc\r\n", true);
    expect_has(text, "\r\nX-Log-Position: 0:17\r\n", true);
    expect_has(text, "\r\nCache-Control: no-store\r\n", true);
    expect_has(text, "\r\nX-Content-Type-Options: nosniff\r\n", true);
    expect_has(text, "\r\nVary: Origin\r\n", true);
    expect_has(text, "Access-Control-Allow-Origin", false);
    expect_has(text, "Connection", false);
    expect_has(text, "\r\nContent-Type: application/json\r\n", true);
    expect_has(text, "\r\nContent-Length:    2\r\n\r\n{}", true);
}

/* HEAD tells the length and sends no body; 204 and 304 have neither. */
static void test_no_body(void **state)
{
    struct rig *rig = *state;
    rig->memo.method = HTTP_HEAD;
    struct http_response response = begin(rig, 200, 10);
    memcpy(http_response_body(&response, "text/plain"), "0123456789", 10);
    http_response_end(&response, 10);
    const char *text = text_of(rig);
    expect_has(text, "\r\nContent-Length: 10\r\n\r\n", true);
    expect_has(text, "0123456789", false);
    assert_string_equal(text + strlen(text) - 4, "\r\n\r\n");
    rig->memo.method = HTTP_GET;
    const int statuses[] = {204, 304};
    for (size_t i = 0; i < 2; i++) {
        rig->output.length = 0;
        response = begin(rig, statuses[i], 0);
        http_response_end(&response, 0);
        expect_has(text_of(rig), "Content-Length", false);
    }
}

/* An empty body still has a length, or the next response would be taken for it. */
static void test_empty_body(void **state)
{
    struct rig *rig = *state;
    struct http_response response = begin(rig, 202, 0);
    http_response_end(&response, 0);
    expect_has(text_of(rig), "\r\nContent-Length: 0\r\n\r\n", true);
    expect_has(text_of(rig), "\r\nContent-Type:", false);
}

/* What the request asked for shows: close, origin; a Cache-Control of its own. */
static void test_variants(void **state)
{
    struct rig *rig = *state;
    rig->memo.close_after = true;
    rig->memo.origin_index = 1;
    struct http_response response = begin(rig, 200, 5);
    http_response_header(&response, "Cache-Control", "max-age=1", 9);
    memcpy(http_response_body(&response, NULL), "[]", 2);
    http_response_end(&response, 2);
    const char *text = text_of(rig);
    expect_has(text, "\r\nConnection: close\r\n", true);
    expect_has(text, "\r\nAccess-Control-Allow-Origin: https://tickets.example\r\n", true);
    expect_has(text, "\r\nCache-Control: max-age=1\r\n", true);
    expect_has(text, "no-store", false);
}

/* Responses stand one behind the other, also when the output must grow. */
static void test_appended(void **state)
{
    struct rig *rig = *state;
    for (int i = 0; i < 20; i++) {
        struct http_response response = begin(rig, 200, 2000);
        char *body = http_response_body(&response, NULL);
        memset(body, 'a' + i, 1500);
        http_response_end(&response, 1500);
    }
    const char *at = text_of(rig);
    for (int i = 0; i < 20; i++) {
        assert_memory_equal(at, "HTTP/1.1 200 OK\r\n", 17);
        at = strstr(at, "\r\n\r\n") + 4;
        for (int k = 0; k < 1500; k++)
            assert_int_equal(at[k], 'a' + i);
        at += 1500;
    }
    assert_int_equal(*at, '\0');
}

/* H52: a line end in a header value would be our own mistake, and stops us. */
static void test_splitting_stops_us(void **state)
{
    struct rig *rig = *state;
    static const char *const bad[] = {"a\r\nSet-Cookie: b", "a\nb", "a\x7f", "\xc3\xa9"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            signal(SIGABRT, SIG_DFL); /* cmocka would catch it */
            close(STDERR_FILENO);
            struct http_response response = begin(rig, 200, 0);
            http_response_header(&response, "Location", bad[i], strlen(bad[i]));
            _exit(0);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_body, setup, teardown),
        cmocka_unit_test_setup_teardown(test_empty_body, setup, teardown),
        cmocka_unit_test_setup_teardown(test_variants, setup, teardown),
        cmocka_unit_test_setup_teardown(test_appended, setup, teardown),
        cmocka_unit_test_setup_teardown(test_splitting_stops_us, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
