#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../../bench/boxload_response.h"

static const char id[] = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
static const char whole[] =
    "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nX-Log-Position: 3:1207\r\n"
    "Content-Length: 84\r\n\r\n"
    "{\"success\":true,\"data\":{\"booking_id\":\"017f22e2-79b0-7cc3-98c4-dc0c0c07398f\","
    "\"n\":42}}";

/* The values of a whole answer are found, the first time and by their places again. */
static void test_values_of_a_reserve(void **state)
{
    (void)state;
    struct response_layout layout = {0};
    for (int round = 0; round < 2; round++) {
        struct response response;
        uint32_t length = 0;
        uint64_t n = 0;
        assert_int_equal(response_scan(&response, &layout, whole, sizeof whole - 1),
                         RESPONSE_WHOLE);
        assert_int_equal(response.status, 201);
        assert_int_equal(response.head_bytes + response.body_bytes, sizeof whole - 1);
        assert_memory_equal(response_booking(&response, &layout), id, 36);
        assert_memory_equal(response_position(&response, &layout, whole, &length), "3:1207", 6);
        assert_int_equal(length, 6);
        assert_true(response_number(&response, "n", &n));
        assert_int_equal(n, 42);
        assert_false(response.close && round == 1);
    }
}

/* Any beginning of an answer asks for more and never reads past its end. */
static void test_every_prefix_asks_for_more(void **state)
{
    (void)state;
    struct response_layout learnt = {0};
    struct response response;
    response_scan(&response, &learnt, whole, sizeof whole - 1);
    for (size_t length = 0; length < sizeof whole - 1; length++) {
        struct response_layout layout = length % 2 ? learnt : (struct response_layout){0};
        char copy[sizeof whole];
        memset(copy, 'x', sizeof copy);
        memcpy(copy, whole, length);
        assert_int_equal(response_scan(&response, &layout, copy, length), RESPONSE_MORE);
    }
}

/* Headers in another order or case, after another layout was learnt, are found. */
static void test_another_layout(void **state)
{
    (void)state;
    struct response_layout layout = {0};
    struct response response;
    uint32_t length;
    static const char other[] =
        "HTTP/1.1 409 Conflict\r\ncontent-length: 53\r\nConnection: close\r\n\r\n"
        "{\"success\":false,\"error\":{\"code\":\"INSUFFICIENT_STOCK\"}}";
    response_scan(&response, &layout, whole, sizeof whole - 1);
    assert_int_equal(response_scan(&response, &layout, other, sizeof other - 1), RESPONSE_WHOLE);
    assert_int_equal(response.status, 409);
    assert_true(response.close);
    assert_null(response_booking(&response, &layout));
    assert_null(response_position(&response, &layout, other, &length));
    assert_memory_equal(response_code(&response, &length), "INSUFFICIENT_STOCK", 18);
    assert_int_equal(length, 18);
}

/* What is not an answer with a known length is bad. */
static void test_bad_answers(void **state)
{
    (void)state;
    static const char *const bad[] = {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
                                      "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n",
                                      "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
                                      "SSH-2.0-OpenSSH_9.2\r\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct response_layout layout = {0};
        struct response response;
        assert_int_equal(response_scan(&response, &layout, bad[i], strlen(bad[i])), RESPONSE_BAD);
    }
}

/* A status without a body needs no length. */
static void test_no_content(void **state)
{
    (void)state;
    struct response_layout layout = {0};
    struct response response;
    static const char empty[] = "HTTP/1.1 204 No Content\r\nA: b\r\n\r\n";
    assert_int_equal(response_scan(&response, &layout, empty, sizeof empty - 1), RESPONSE_WHOLE);
    assert_int_equal(response.body_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_of_a_reserve),
        cmocka_unit_test(test_every_prefix_asks_for_more),
        cmocka_unit_test(test_another_layout),
        cmocka_unit_test(test_bad_answers),
        cmocka_unit_test(test_no_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
