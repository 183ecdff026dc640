/* Latencies to three significant digits. Log-linear: below 2,048 ns every value
 * has a counter of its own; above, each power of two is cut into 1,024 steps, so
 * a counter is never wider than 0.1 % of its value. One owner, no locks. */
#ifndef BENCH_BOXLOAD_HISTOGRAM_H
#define BENCH_BOXLOAD_HISTOGRAM_H

#include <stdint.h>

enum {
    LATENCY_STEPS = 1024,
    LATENCY_POWERS = 26, /* up to 2^37 ns, 137 s; more counts as that */
    LATENCY_BUCKETS = LATENCY_STEPS * (LATENCY_POWERS + 2)
};

struct latency {
    uint64_t count;
    uint64_t max_ns;
    double sum_ns;
    uint64_t buckets[LATENCY_BUCKETS];
};

void latency_clear(struct latency *latency);
void latency_record(struct latency *latency, uint64_t ns);
void latency_merge(struct latency *into, const struct latency *from);

/* The upper end of the bucket that holds the quantile (0..1), but never more
 * than the largest value seen; 0 when empty. */
uint64_t latency_quantile_ns(const struct latency *latency, double quantile);
double latency_mean_ns(const struct latency *latency);

#endif
