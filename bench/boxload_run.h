/* Drives a scenario: one thread, one io_uring, many connections.
 *
 * Closed loop: each connection has one request out at a time and sends the next
 * as soon as the answer is in; that finds the most a server can do. Open loop:
 * request i is due at start + i / rate whatever the server does, waits for a free
 * connection if none is left, and its latency counts from when it was due, so a
 * stall is charged to every request it delayed. */
#ifndef BENCH_BOXLOAD_RUN_H
#define BENCH_BOXLOAD_RUN_H

#include "boxload_histogram.h"
#include "boxload_history.h"
#include "boxload_scenario.h"

enum { RUN_STATUSES = 600 };

struct run_result {
    uint64_t counts[OPERATION_COUNT][VERDICT_COUNT]; /* in the measured time */
    uint64_t statuses[RUN_STATUSES];                 /* in the whole run */
    uint64_t measured;                               /* answers whose latency counts */
    uint64_t in_time;       /* of them, before the measured time ended: what the rate counts */
    uint64_t answered;      /* in the whole run */
    uint64_t lost;          /* attempts without an answer */
    uint64_t unknown;       /* requests whose outcome nobody told in the end */
    uint64_t reconnects;    /* connections the server ended */
    uint64_t late;          /* open loop: begun over 1 ms after they were due */
    uint64_t wall_ns;       /* measured time */
    uint64_t cpu_ns;        /* this thread's, spinning left out */
    uint64_t server_cpu_ns; /* of --server-pid */
    struct latency latency[OPERATION_COUNT];
    struct latency refused; /* of VERDICT_REFUSED and VERDICT_OVERLOADED answers */
};

/* Runs to the end. `history` may be NULL. -1: could not start or the server is
 * gone for good; one line in `error`. */
int run_scenario(const struct options *options, struct scenario *scenario, struct history *history,
                 struct run_result *result, char *error, size_t error_bytes);

/* Share of the measured time the generator was busy, 0..1. */
double run_busy(const struct run_result *result);

#endif
