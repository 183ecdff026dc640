/* Decisions a second of the real engine without sockets: one shard on one core,
 * two shards on two cores, log encoding and block hashing included (see rig.h).
 *
 *   bench_engine [SECONDS]     rounds alternate; one JSON object on stdout */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "stopwatch.h"
#include "rig.h"

enum { ROUNDS = 3, USERS = 200000, ZONES = 64, WINDOW = 1024 };

struct lane {
    struct rig *rig;
    const _Atomic bool *stop;
    uint16_t index;
    pthread_t thread;
};

static void *lane_run(void *context)
{
    struct lane *lane = context;
    rig_pin(lane->index);
    rig_run(lane->rig, lane->index, UINT64_MAX / 2, lane->stop);
    return NULL;
}

static void pause_seconds(double seconds)
{
    struct timespec time = {.tv_sec = (time_t)seconds,
                            .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&time, NULL);
}

static uint64_t total(const struct rig *rig, uint16_t shards,
                      uint64_t (*count)(const struct rig *rig, uint16_t index))
{
    uint64_t sum = 0;
    for (uint16_t i = 0; i < shards; i++)
        sum += count(rig, i);
    return sum;
}

/* Answers a second over `seconds`, after a fifth as much to warm up. */
static double round_run(uint16_t shards, uint32_t seats, bool spread, double seconds)
{
    struct rig_options options = {shards, USERS, ZONES, seats, WINDOW, 42, spread, 0, 0};
    struct rig *rig = rig_new(&options);
    struct lane lanes[2];
    _Atomic bool stop = false;
    if (!rig)
        exit(71);
    for (uint16_t i = 0; i < shards; i++) {
        lanes[i] = (struct lane){.rig = rig, .stop = &stop, .index = i};
        if (pthread_create(&lanes[i].thread, NULL, lane_run, &lanes[i]) != 0)
            exit(71);
    }
    uint64_t (*count)(const struct rig *, uint16_t) = seats == 1 ? rig_refused : rig_accepted;
    pause_seconds(seconds / 5);
    double began = stopwatch_seconds(CLOCK_MONOTONIC);
    uint64_t before = total(rig, shards, count);
    pause_seconds(seconds);
    uint64_t answers = total(rig, shards, count) - before;
    double taken = stopwatch_seconds(CLOCK_MONOTONIC) - began;
    stop = true;
    for (uint16_t i = 0; i < shards; i++)
        pthread_join(lanes[i].thread, NULL);
    if (total(rig, shards, rig_other) != 0) {
        fprintf(stderr, "bench_engine: %lu unexpected answers\n",
                (unsigned long)total(rig, shards, rig_other));
        exit(1);
    }
    rig_free(rig);
    return (double)answers / taken;
}

static int double_order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof *values, double_order);
    return values[ROUNDS / 2];
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 1.0;
    double one[ROUNDS], two[ROUNDS], spread[ROUNDS], refusals[ROUNDS];
    if (argc > 2 || !(seconds > 0.0)) {
        fprintf(stderr, "usage: bench_engine [SECONDS]\n");
        return 64;
    }
    for (int i = 0; i < ROUNDS; i++) {
        one[i] = round_run(1, 10000000, false, seconds);
        two[i] = round_run(2, 10000000, false, seconds);
        spread[i] = round_run(2, 10000000, true, seconds);
        refusals[i] = round_run(1, 1, false, seconds);
    }
    double one_median = median(one), two_median = median(two);
    printf("{\"one_shard\": %.0f, \"two_shards\": %.0f, \"scaling\": %.3f, "
           "\"two_shards_spread\": %.0f, \"refusals_one_shard\": %.0f}\n",
           one_median, two_median, two_median / one_median, median(spread), median(refusals));
    return 0;
}
