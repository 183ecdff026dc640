/* What a clock has measured: CLOCK_MONOTONIC for the time that passed, the CPU-time
 * clocks for what a thread or the process worked. */
#ifndef BENCH_STOPWATCH_H
#define BENCH_STOPWATCH_H

#include <stdint.h>
#include <time.h>

static inline uint64_t stopwatch_ns(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static inline double stopwatch_seconds(clockid_t clock)
{
    return (double)stopwatch_ns(clock) / 1e9;
}

#endif
