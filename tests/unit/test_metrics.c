#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../../engine/metrics.h"

/* An empty histogram has no quantiles. */
static void test_empty(void **state)
{
    (void)state;
    static struct histogram histogram;
    assert_int_equal(histogram_quantile_ns(&histogram, 0.0), 0);
    assert_int_equal(histogram_quantile_ns(&histogram, 0.5), 0);
    assert_int_equal(histogram_quantile_ns(&histogram, 1.0), 0);
}

/* Bucket bounds grow strictly, each at most a sixteenth over the one before (and the
 * rounding to whole nanoseconds). */
static void test_bounds_grow(void **state)
{
    (void)state;
    for (uint32_t bucket = 1; bucket < HISTOGRAM_BUCKETS; bucket++) {
        uint64_t before = histogram_bucket_ns(bucket - 1), bound = histogram_bucket_ns(bucket);
        assert_true(bound > before);
        if (bucket >= 16 && bucket < HISTOGRAM_BUCKETS - 1)
            assert_true(bound - before <= before / 15 + 1);
    }
}

/* Any single value from a microsecond to a minute is told within 7 %, never too low. */
static void test_one_value_is_told_closely(void **state)
{
    (void)state;
    for (uint64_t ns = 1000; ns < 60000000000; ns = ns * 21 / 20 + 1) {
        struct histogram histogram;
        memset(&histogram, 0, sizeof histogram);
        histogram_record(&histogram, ns);
        uint64_t told = histogram_quantile_ns(&histogram, 0.5);
        assert_true(told >= ns);
        assert_true(told <= ns + ns / 14 + 64);
        assert_int_equal(atomic_load(&histogram.max_ns), ns);
        assert_int_equal(atomic_load(&histogram.sum_ns), ns);
        assert_int_equal(atomic_load(&histogram.count), 1);
    }
}

/* What is out of range is counted at the ends and never lost. */
static void test_ends_take_the_rest(void **state)
{
    (void)state;
    static struct histogram histogram;
    histogram_record(&histogram, 0);
    histogram_record(&histogram, 1);
    histogram_record(&histogram, UINT64_MAX / 2);
    uint64_t counted = 0;
    for (uint32_t bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++)
        counted += atomic_load(&histogram.buckets[bucket]);
    assert_int_equal(counted, 3);
    assert_int_equal(atomic_load(&histogram.buckets[HISTOGRAM_BUCKETS - 1]), 1);
    assert_int_equal(atomic_load(&histogram.max_ns), UINT64_MAX / 2);
    assert_true(histogram_quantile_ns(&histogram, 0.5) <= 1100);
}

/* Quantiles of 1..100,000 microseconds are where arithmetic puts them. */
static void test_quantiles_of_a_uniform_run(void **state)
{
    (void)state;
    static struct histogram histogram;
    for (uint64_t us = 1; us <= 100000; us++)
        histogram_record(&histogram, us * 1000);
    const double quantiles[] = {0.01, 0.5, 0.9, 0.99, 0.999};
    uint64_t before = 0;
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
        double exact = quantiles[i] * 100000 * 1000;
        uint64_t told = histogram_quantile_ns(&histogram, quantiles[i]);
        assert_true((double)told >= exact * 0.999);
        assert_true((double)told <= exact * 1.07 + 1000);
        assert_true(told >= before);
        before = told;
    }
    assert_true(histogram_quantile_ns(&histogram, 1.0) >= 100000000);
}

/* A counter adds and sets as one writer expects. */
static void test_counter(void **state)
{
    (void)state;
    _Atomic uint64_t metric = 0;
    metric_add(&metric, 3);
    metric_add(&metric, 4);
    assert_int_equal(metric_get(&metric), 7);
    metric_set(&metric, 1);
    assert_int_equal(metric_get(&metric), 1);
}

struct renaming {
    struct upkeep_metrics metrics;
    _Atomic bool stop;
};

static void *rename_on(void *context)
{
    struct renaming *renaming = context;
    for (uint32_t i = 0; !atomic_load(&renaming->stop); i++)
        upkeep_metrics_set_holder(&renaming->metrics, i % 2 ? "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                                            : "bbbbbbbbbbbbbbbbbbb");
    return NULL;
}

/* A holder's name is read whole while it is written; one too long is cut. */
static void test_holder(void **state)
{
    (void)state;
    static struct renaming renaming;
    char name[UPKEEP_HOLDER_BYTES], longest[UPKEEP_HOLDER_BYTES + 9] = {0};
    upkeep_metrics_holder(&renaming.metrics, name);
    assert_string_equal(name, "");
    memset(longest, 'x', sizeof longest - 1);
    upkeep_metrics_set_holder(&renaming.metrics, longest);
    upkeep_metrics_holder(&renaming.metrics, name);
    assert_int_equal(strlen(name), UPKEEP_HOLDER_BYTES - 1);
    pthread_t thread;
    upkeep_metrics_set_holder(&renaming.metrics, "b");
    assert_int_equal(pthread_create(&thread, NULL, rename_on, &renaming), 0);
    for (int i = 0; i < 200000; i++) {
        upkeep_metrics_holder(&renaming.metrics, name);
        assert_int_equal(strspn(name, name[0] == 'a' ? "a" : "b"), strlen(name));
        assert_true(strlen(name) == 1 || strlen(name) == (name[0] == 'a' ? 35 : 19));
    }
    atomic_store(&renaming.stop, true);
    pthread_join(thread, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_bounds_grow),
        cmocka_unit_test(test_one_value_is_told_closely),
        cmocka_unit_test(test_ends_take_the_rest),
        cmocka_unit_test(test_quantiles_of_a_uniform_run),
        cmocka_unit_test(test_counter),
        cmocka_unit_test(test_holder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
