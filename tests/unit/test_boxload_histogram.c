#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "../../bench/boxload_histogram.h"

static struct latency *fresh(void **state)
{
    latency_clear(*state);
    return *state;
}

/* Small values are kept exactly. */
static void test_small_values_are_exact(void **state)
{
    struct latency *latency = fresh(state);
    for (uint64_t ns = 1; ns <= 1000; ns++)
        latency_record(latency, ns);
    assert_int_equal(latency_quantile_ns(latency, 0.5), 500);
    assert_int_equal(latency_quantile_ns(latency, 0.99), 990);
    assert_int_equal(latency_quantile_ns(latency, 1.0), 1000);
}

/* Over the whole range a quantile is at most 0.1 % above the value recorded. */
static void test_three_digits_over_the_whole_range(void **state)
{
    for (uint64_t ns = 3; ns < UINT64_C(100000000000); ns = ns * 17 / 13 + 1) {
        struct latency *latency = fresh(state);
        latency_record(latency, ns);
        latency_record(latency, UINT64_C(130000000000)); /* so that the maximum does not cap it */
        uint64_t seen = latency_quantile_ns(latency, 0.5);
        assert_true(seen >= ns);
        assert_true((double)(seen - ns) <= (double)ns * 0.001);
    }
}

/* A value beyond the last bucket still shows as the maximum. */
static void test_beyond_the_range(void **state)
{
    struct latency *latency = fresh(state);
    latency_record(latency, UINT64_C(900000000000));
    assert_int_equal(latency_quantile_ns(latency, 0.99), UINT64_C(900000000000));
}

/* An empty one has no latencies. */
static void test_empty(void **state)
{
    struct latency *latency = fresh(state);
    assert_int_equal(latency_quantile_ns(latency, 0.99), 0);
    assert_true(latency_mean_ns(latency) <= 0.0);
}

/* Merging equals recording into one. */
static void test_merge(void **state)
{
    struct latency *one = fresh(state), *other = calloc(1, sizeof *other);
    assert_non_null(other);
    for (uint64_t i = 0; i < 3000; i++)
        latency_record(i % 2 ? one : other, i * 1000);
    latency_merge(one, other);
    free(other);
    assert_int_equal(one->count, 3000);
    assert_int_equal(one->max_ns, 2999000);
    assert_true(latency_mean_ns(one) > 1499499.0 && latency_mean_ns(one) < 1499501.0);
    assert_in_range(latency_quantile_ns(one, 0.5), 1499000, 1501000);
}

static int setup(void **state)
{
    *state = calloc(1, sizeof(struct latency));
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_values_are_exact),
        cmocka_unit_test(test_three_digits_over_the_whole_range),
        cmocka_unit_test(test_beyond_the_range),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_merge),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
