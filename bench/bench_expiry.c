/* Reserves while very many holds lapse: one shard of the real engine without
 * sockets, a flush of 150 us, reserves at a steady rate, each timed from the moment
 * it was due. First all holds are made as fast as the engine can, so that they also
 * lapse in about a second; then latencies are taken before they lapse and meanwhile.
 *
 * With STALL the worker then makes no turn for that many milliseconds, so that
 * more holds are overdue at once than any turn may take.
 *
 *   bench_expiry [HOLDS [RATE [ZONES [STALL]]]]     one JSON object on stdout */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "stopwatch.h"
#include "rig.h"

enum { USERS = 200000, WINDOW = 1024, TTL_MS = 5000, MARGIN_MS = 200 };

static uint64_t now_ms(void)
{
    return stopwatch_ns(CLOCK_MONOTONIC) / 1000000;
}

static uint64_t expired(struct rig *rig)
{
    return metric_get(&worker_metrics(rig_worker(rig, 0))->expired);
}

static double quantile_us(const struct rig *rig, double quantile)
{
    return (double)histogram_quantile_ns(rig_latency(rig, 0), quantile) / 1000;
}

static double max_us(const struct rig *rig)
{
    return (double)metric_get(&rig_latency(rig, 0)->max_ns) / 1000;
}

int main(int argc, char **argv)
{
    uint64_t holds = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    uint64_t rate = argc > 2 ? strtoull(argv[2], NULL, 10) : 100000;
    uint32_t zones = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 64;
    uint64_t stall_ms = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;
    const struct rig_options options = {1,     USERS,  zones, CATALOG_ZONE_SEATS_MAX, WINDOW, 42,
                                        false, TTL_MS, 150000};
    struct rig *rig = rig_new(&options);
    const _Atomic bool never = false;

    if (!rig || holds == 0 || rate == 0 || zones == 0) {
        fprintf(stderr, "usage: bench_expiry [HOLDS [RATE [ZONES [STALL]]]]\n");
        return 64;
    }
    rig_pin(0);
    uint64_t began_ms = now_ms();
    rig_run(rig, 0, holds, &never);
    uint64_t made_ms = now_ms() - began_ms;
    if (made_ms + 3 * MARGIN_MS > TTL_MS) {
        fprintf(stderr, "bench_expiry: %lu holds took %lu ms\n", (unsigned long)holds,
                (unsigned long)made_ms);
        return 1;
    }
    rig_pace(rig, 0, rate);
    while (now_ms() < began_ms + TTL_MS - MARGIN_MS)
        worker_turn(rig_worker(rig, 0), 0);
    double before_p50 = quantile_us(rig, 0.5), before_p99 = quantile_us(rig, 0.99);
    double before_max = max_us(rig);
    if (stall_ms > 0) {
        usleep((useconds_t)(stall_ms * 1000));
        rig_pace(rig, 0, rate);
    }
    while (expired(rig) == 0)
        worker_turn(rig_worker(rig, 0), 0);
    uint64_t lapse_ms = now_ms();
    rig_pace(rig, 0, rate);
    while (expired(rig) < holds)
        worker_turn(rig_worker(rig, 0), 0);
    lapse_ms = now_ms() - lapse_ms;
    double p99 = quantile_us(rig, 0.99);
    printf("{\"holds\": %lu, \"zones\": %u, \"made_in_ms\": %lu, \"lapsed_in_ms\": %lu, "
           "\"before_p50_us\": %.0f, \"before_p99_us\": %.0f, \"before_max_us\": %.0f, "
           "\"meanwhile_p50_us\": %.0f, \"meanwhile_p99_us\": %.0f, \"meanwhile_max_us\": %.0f, "
           "\"ratio_p99\": %.2f, \"unexpected\": %lu}\n",
           (unsigned long)holds, zones, (unsigned long)made_ms, (unsigned long)lapse_ms, before_p50,
           before_p99, before_max, quantile_us(rig, 0.5), p99, max_us(rig), p99 / before_p99,
           (unsigned long)rig_other(rig, 0));
    rig_free(rig);
    return 0;
}
