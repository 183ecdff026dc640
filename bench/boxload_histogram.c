#include "boxload_histogram.h"

#include <string.h>

void latency_clear(struct latency *latency)
{
    memset(latency, 0, sizeof *latency);
}

static uint32_t bucket_of(uint64_t ns)
{
    if (ns < 2 * LATENCY_STEPS)
        return (uint32_t)ns;
    uint32_t shift = (uint32_t)(63 - __builtin_clzll(ns)) - 10;
    if (shift > LATENCY_POWERS)
        return LATENCY_BUCKETS - 1;
    /* ns >> shift lies in [1024, 2048): the upper half of a power's range. */
    return shift * LATENCY_STEPS + (uint32_t)(ns >> shift);
}

static uint64_t bucket_end_ns(uint32_t bucket)
{
    if (bucket < 2 * LATENCY_STEPS)
        return bucket;
    uint32_t shift = bucket / LATENCY_STEPS - 1;
    uint64_t start = LATENCY_STEPS + bucket % LATENCY_STEPS;
    return ((start + 1) << shift) - 1;
}

void latency_record(struct latency *latency, uint64_t ns)
{
    latency->count++;
    latency->sum_ns += (double)ns;
    if (ns > latency->max_ns)
        latency->max_ns = ns;
    latency->buckets[bucket_of(ns)]++;
}

void latency_merge(struct latency *into, const struct latency *from)
{
    into->count += from->count;
    into->sum_ns += from->sum_ns;
    if (from->max_ns > into->max_ns)
        into->max_ns = from->max_ns;
    for (uint32_t i = 0; i < LATENCY_BUCKETS; i++)
        into->buckets[i] += from->buckets[i];
}

uint64_t latency_quantile_ns(const struct latency *latency, double quantile)
{
    uint64_t rank = (uint64_t)(quantile * (double)latency->count + 0.999999);
    uint64_t seen = 0;
    if (latency->count == 0)
        return 0;
    if (rank == 0)
        rank = 1;
    for (uint32_t i = 0; i < LATENCY_BUCKETS; i++) {
        seen += latency->buckets[i];
        if (seen >= rank) {
            uint64_t end = bucket_end_ns(i);
            return i == LATENCY_BUCKETS - 1 || end > latency->max_ns ? latency->max_ns : end;
        }
    }
    return latency->max_ns;
}

double latency_mean_ns(const struct latency *latency)
{
    return latency->count ? latency->sum_ns / (double)latency->count : 0.0;
}
