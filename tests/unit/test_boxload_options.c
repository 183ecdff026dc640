#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "../../bench/boxload_options.h"

enum { WORDS_MAX = 24 };

static enum options_result parsed(struct options *options, const char *line, char *error)
{
    char words[512], *argv[WORDS_MAX] = {(char *)"boxload"}, *rest = NULL;
    int argc = 1;
    strcpy(words, line);
    for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        argv[argc++] = word;
    return options_parse(options, argc, argv, error, 256);
}

/* A target that is not this machine is refused. */
static void test_only_loopback(void **state)
{
    (void)state;
    struct options options;
    char error[256];
    static const char *const refused[] = {"10.0.0.1:80",    "example.org:80", "0.0.0.0:80",
                                          "127.0.0.1",      "127.0.0.1:0",    "[::]:80",
                                          "127.0.0.1:70000"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        char line[256] = "--scenario raw --duration 1 --target ";
        strcat(line, refused[i]);
        assert_int_equal(parsed(&options, line, error), OPTIONS_WRONG);
        assert_non_null(strstr(error, "--target"));
    }
    assert_int_equal(parsed(&options, "--scenario raw --duration 1 --target [::1]:80", error),
                     OPTIONS_RUN);
    assert_int_equal(options.address.ss_family, AF_INET6);
}

/* Each wrong use names what is wrong. */
static void test_wrong_use(void **state)
{
    (void)state;
    static const struct {
        const char *line, *about;
    } cases[] = {
        {"", "--scenario"},
        {"--scenario reserve", "--duration"},
        {"--scenario reserve --duration 1", "--tokens"},
        {"--scenario reserve --duration 1 --tokens f", "--organizer-token"},
        {"--scenario steal --duration 1", "steal"},
        {"--scenario raw --duration -1", "--duration"},
        {"--scenario raw --duration 1 --connections 0", "--connections"},
        {"--scenario raw --duration 1 --rate 1e3", "--rate"},
        {"--scenario raw --duration 1 more", "more"},
        {"--scenario raw --duration 1 --frobnicate", "--frobnicate"},
        {"--scenario best --duration 1 --tokens f --organizer-token f --apart", "--apart"},
        {"--scenario last-seat --tokens f --zone 017f22e2-79b0-7cc3-98c4-dc0c0c07398f --rate 5",
         "--rate"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct options options;
        char error[256] = "";
        assert_int_equal(parsed(&options, cases[i].line, error), OPTIONS_WRONG);
        assert_non_null(strstr(error, cases[i].about));
    }
}

/* A race sends each connection once to each zone. */
static void test_last_seat_counts_its_requests(void **state)
{
    (void)state;
    struct options options;
    char error[256];
    assert_int_equal(parsed(&options,
                            "--scenario last-seat --tokens f --organizer-token g --zones 5 "
                            "--connections 100",
                            error),
                     OPTIONS_RUN);
    assert_int_equal(options.requests, 500);
    assert_int_equal(options.capacity, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_loopback),
        cmocka_unit_test(test_wrong_use),
        cmocka_unit_test(test_last_seat_counts_its_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
