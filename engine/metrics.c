#include "metrics.h"

#include <string.h>

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

/* --- the holder's name: a sequence lock, as it is longer than one word (Lameter,
 * "Effective synchronization on Linux/NUMA systems", 2005; the fences after Boehm,
 * "Can seqlocks get along with programming language memory models?", 2012) --- */

void upkeep_metrics_set_holder(struct upkeep_metrics *metrics, const char *name)
{
    uint64_t words[UPKEEP_HOLDER_WORDS] = {0};
    size_t length = strlen(name);
    uint64_t version = metric_get(&metrics->holder_version);

    memcpy(words, name, length < UPKEEP_HOLDER_BYTES ? length : UPKEEP_HOLDER_BYTES - 1);
    metric_set(&metrics->holder_version, version + 1);
    atomic_thread_fence(memory_order_release);
    for (uint32_t i = 0; i < UPKEEP_HOLDER_WORDS; i++)
        metric_set(&metrics->holder[i], words[i]);
    atomic_store_explicit(&metrics->holder_version, version + 2, memory_order_release);
}

void upkeep_metrics_holder(const struct upkeep_metrics *metrics, char *out)
{
    uint64_t words[UPKEEP_HOLDER_WORDS], before, after;

    do {
        before = atomic_load_explicit(&metrics->holder_version, memory_order_acquire);
        for (uint32_t i = 0; i < UPKEEP_HOLDER_WORDS; i++)
            words[i] = metric_get(&metrics->holder[i]);
        atomic_thread_fence(memory_order_acquire);
        after = metric_get(&metrics->holder_version);
    } while (before != after || before % 2 != 0);
    memcpy(out, words, sizeof words);
}
