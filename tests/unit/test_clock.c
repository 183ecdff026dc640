/* The system's clock, which tests replace everywhere else: its times advance together and
 * its random words do not come twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "../../engine/clock.h"

enum { WORDS = 1000 };

/* Both times are what the system says, in milliseconds and in nanoseconds, and do not run
 * backwards. */
static void test_times(void **state)
{
    struct clock clock = clock_system();
    uint64_t wall_ms = clock.wall_ms(clock.context), ns = clock.monotonic_ns(clock.context);
    (void)state;
    assert_in_range((uint64_t)time(NULL) * 1000, wall_ms - 60000, wall_ms + 60000);
    const struct timespec two_ms = {.tv_nsec = 2000000};
    assert_int_equal(nanosleep(&two_ms, NULL), 0);
    assert_true(clock.monotonic_ns(clock.context) >= ns + 2000000);
    assert_true(clock.wall_ms(clock.context) >= wall_ms + 1);
}

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Words are drawn a page at a time: over many pages none is given out twice, and half of
 * their bits are set. */
static void test_random_words(void **state)
{
    static uint64_t words[WORDS];
    struct clock clock = clock_system();
    uint64_t bits = 0;
    (void)state;
    for (int i = 0; i < WORDS; i++) {
        words[i] = clock.random(clock.context);
        bits += (uint64_t)__builtin_popcountll(words[i]);
    }
    qsort(words, WORDS, sizeof words[0], compare);
    for (int i = 1; i < WORDS; i++)
        assert_true(words[i] != words[i - 1]);
    assert_in_range(bits, 31 * WORDS, 33 * WORDS); /* 32 a word; 8 standard deviations */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_random_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
