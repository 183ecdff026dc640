#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../net/rest_routes.h"
#include "../../net/router.h"

static struct route_match match(enum http_method method, const char *path)
{
    return router_match(method, (struct text){path, (uint32_t)strlen(path)});
}

static void expect_parameter(struct route_match found, const char *wanted)
{
    assert_non_null(found.parameters[0].bytes);
    assert_int_equal(found.parameters[0].length, strlen(wanted));
    assert_memory_equal(found.parameters[0].bytes, wanted, strlen(wanted));
}

/* Literal segments win over parameters; a parameter takes one segment. */
static void test_match(void **state)
{
    (void)state;
    assert_ptr_equal(match(HTTP_POST, "/api/v1/bookings/reserve").route->handle,
                     rest_booking_reserve);
    assert_ptr_equal(match(HTTP_GET, "/api/v1/bookings/pending").route->handle,
                     rest_booking_pending);
    struct route_match found = match(HTTP_GET, "/api/v1/bookings/pendingx");
    assert_ptr_equal(found.route->handle, rest_booking_get);
    expect_parameter(found, "pendingx");
    found = match(HTTP_POST, "/api/v1/bookings/x/confirm");
    assert_ptr_equal(found.route->handle, rest_booking_confirm);
    expect_parameter(found, "x");
    found = match(HTTP_GET, "/api/v1/events/a-slug/shows");
    assert_ptr_equal(found.route->handle, rest_event_shows);
    expect_parameter(found, "a-slug");
    assert_ptr_equal(match(HTTP_HEAD, "/health").route->handle, rest_health);
}

/* Z05, R08: other spellings of a path are other paths. */
static void test_spellings_Z05(void **state)
{
    (void)state;
    static const char *const unknown[] = {"",
                                          "/",
                                          "/api/v1",
                                          "/api/v1/",
                                          "/API/v1/bookings",
                                          "/api/v1/bookings/",
                                          "/api/v1//bookings",
                                          "//api/v1/bookings",
                                          "/api/v1/Bookings",
                                          "/api/v2/events",
                                          "/api/v1/bookings/x/confirm/",
                                          "/api/v1/bookings//confirm",
                                          "/api/v1/bookings/x/y",
                                          "/api/v1/events/a/b/shows",
                                          "/healthz",
                                          "/health/",
                                          "api/v1/bookings",
                                          "*",
                                          "/api/v1/bookings/reserve/x/y",
                                          "/api/v1/events/"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        struct route_match found = match(HTTP_GET, unknown[i]);
        if (found.first != NULL)
            fail_msg("%s matches %s", unknown[i], found.first->pattern);
    }
}

static void expect_allow(const char *path, const char *wanted)
{
    char allow[64 + 1];
    struct route_match found = match(HTTP_METHOD_OTHER, path);
    assert_null(found.route);
    assert_non_null(found.first);
    *router_allow(found.first, allow) = '\0';
    assert_string_equal(allow, wanted);
}

/* A known path with another method names the methods it takes. */
static void test_allow(void **state)
{
    (void)state;
    expect_allow("/api/v1/bookings/reserve", "POST, OPTIONS");
    expect_allow("/api/v1/bookings", "GET, HEAD, OPTIONS");
    expect_allow("/api/v1/bookings/x", "GET, HEAD, DELETE, OPTIONS");
    expect_allow("/api/v1/events", "GET, HEAD, POST, OPTIONS");
    expect_allow("/api/v1/shows/x/zones", "GET, HEAD, POST, OPTIONS");
    expect_allow("/health", "GET, HEAD, OPTIONS");
}

/* Each route of the table is reached by its own pattern's path and method, so
 * none hides another; routes of one pattern stand together. */
static void test_table(void **state)
{
    (void)state;
    size_t count;
    const struct route *routes = router_table(&count);
    for (size_t i = 0; i < count; i++) {
        char path[128];
        char *out = path;
        for (const char *at = routes[i].pattern; *at != '\0'; at++) {
            if (*at == '{') {
                out = stpcpy(out, "value");
                at = strchr(at, '}');
            } else {
                *out++ = *at;
            }
        }
        *out = '\0';
        struct route_match found = match(routes[i].method, path);
        if (found.route != &routes[i])
            fail_msg("%s is hidden", routes[i].pattern);
        for (size_t j = i + 2; j < count; j++)
            if (strcmp(routes[j].pattern, routes[i].pattern) == 0)
                assert_string_equal(routes[j - 1].pattern, routes[i].pattern);
    }
}

/* For tests/http/test_openapi.py: one line a route. */
static int dump(void)
{
    static const char *const auth[] = {"none", "optional", "user", "organizer"};
    size_t count;
    const struct route *routes = router_table(&count);
    for (size_t i = 0; i < count; i++)
        printf("%s %s %s\n", http_method_name(routes[i].method), routes[i].pattern,
               auth[routes[i].auth]);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--dump") == 0)
        return dump();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_match),
        cmocka_unit_test(test_spellings_Z05),
        cmocka_unit_test(test_allow),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
