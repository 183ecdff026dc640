#include "metrics.h"

enum { STEPS = 16, STEP_BITS = 4, FIRST_POWER = 10 }; /* 2^10 ns is about 1 us */

/* Below 2^10 ns: bucket 0. Else the power of two and the next four bits. */
static uint32_t bucket_of(uint64_t ns)
{
    if (ns < 1U << FIRST_POWER)
        return 0;
    uint32_t power = 63U - (uint32_t)__builtin_clzll(ns);
    uint32_t step = (uint32_t)(ns >> (power - STEP_BITS)) & (STEPS - 1);
    uint32_t bucket = (power - FIRST_POWER) * STEPS + step + 1;
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

uint64_t histogram_bucket_ns(uint32_t bucket)
{
    if (bucket == 0)
        return 1U << FIRST_POWER;
    uint32_t power = FIRST_POWER + (bucket - 1) / STEPS;
    uint64_t step = (bucket - 1) % STEPS;
    return (1ULL << power) + (step + 1) * (1ULL << (power - STEP_BITS));
}

void histogram_record(struct histogram *histogram, uint64_t ns)
{
    metric_add(&histogram->count, 1);
    metric_add(&histogram->sum_ns, ns);
    metric_add(&histogram->buckets[bucket_of(ns)], 1);
    if (ns > metric_get(&histogram->max_ns))
        metric_set(&histogram->max_ns, ns);
}

uint64_t histogram_quantile_ns(const struct histogram *histogram, double quantile)
{
    uint64_t total = 0, seen = 0;

    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        total += metric_get(&histogram->buckets[i]);
    if (total == 0)
        return 0;
    uint64_t rank = (uint64_t)((double)(total - 1) * quantile) + 1;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += metric_get(&histogram->buckets[i]);
        if (seen >= rank)
            return histogram_bucket_ns(i);
    }
    return histogram_bucket_ns(HISTOGRAM_BUCKETS - 1);
}
