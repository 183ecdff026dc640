/* Choosing seats: microseconds of one seat_pick_best in halls of several sizes,
 * sold at random and from the front, and with nothing together; and of counting
 * all pairs of stops of a train.
 *
 *   bench_seats [ROUNDS [json]]     picks for each line; a table on stdout, or a JSON
 *                                   array of its lines */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stopwatch.h"
#include "../engine/seat_map.h"
#include "../engine/seat_pick.h"
#include "../tests/unit/seat_fixture.h"

struct samples {
    uint32_t count, max, lines;
    bool json;
    uint32_t *nanoseconds;
};

static int sample_order(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void samples_print(struct samples *samples, const char *hall, const char *sold,
                          const char *wish, uint32_t chosen)
{
    uint32_t count = samples->count;
    double p50, p99, max;

    qsort(samples->nanoseconds, count, sizeof *samples->nanoseconds, sample_order);
    p50 = samples->nanoseconds[count / 2] / 1e3;
    p99 = samples->nanoseconds[(uint64_t)count * 99 / 100] / 1e3;
    max = samples->nanoseconds[count - 1] / 1e3;
    if (samples->json)
        printf("%s{\"hall\": \"%s\", \"sold\": \"%s\", \"seats\": \"%s\", \"p50_us\": %.2f, "
               "\"p99_us\": %.2f, \"max_us\": %.2f, \"chosen\": %.3f}",
               samples->lines++ ? ",\n " : "[", hall, sold, wish, p50, p99, max,
               (double)chosen / count);
    else
        printf("%-24s %-14s %-12s %7.2f %7.2f %8.2f %7.1f%%\n", hall, sold, wish, p50, p99, max,
               100.0 * chosen / count);
}

static void sample_add(struct samples *samples, uint64_t began)
{
    if (samples->count < samples->max)
        samples->nanoseconds[samples->count++] = (uint32_t)(stopwatch_ns(CLOCK_MONOTONIC) - began);
}

/* --- halls --- */

enum { QUANTITIES = 8 }; /* 1..8 at random, as people come */

static void sell_random(struct seat_map *map, uint32_t target, uint64_t *seed)
{
    uint32_t seats = seat_map_plan(map)->seat_count;

    while (seats - seat_map_free_count(map, 0, 1) < target) {
        uint32_t seat = fixture_below(seed, seats);
        if (seat_map_state(map, seat, 0, 1) == SEAT_FREE)
            seat_map_reserve(map, &seat, 1, 0, 1);
    }
}

/* In the order of choosing, as a sale goes. */
static void sell_best(struct seat_map *map, uint32_t target, uint64_t *seed)
{
    uint32_t seats = seat_map_plan(map)->seat_count;
    struct seat_pick pick;

    while (seats - seat_map_free_count(map, 0, 1) < target) {
        struct seat_pick_wish wish = {
            .to = 1, .quantity = 1 + fixture_below(seed, QUANTITIES), .allow_split = true};
        if (seat_pick_best(map, &wish, &pick) != SEAT_PICK_OK)
            return;
        seat_map_reserve(map, pick.seats, wish.quantity, 0, 1);
    }
}

static void sell_every_second(struct seat_map *map, uint32_t target, uint64_t *seed)
{
    (void)target;
    (void)seed;
    for (uint32_t seat = 0; seat < seat_map_plan(map)->seat_count; seat += 2)
        seat_map_reserve(map, &seat, 1, 0, 1);
}

/* Series of 1 to 10 are left, the long ones few and anywhere. */
static void sell_uneven(struct seat_map *map, uint32_t target, uint64_t *seed)
{
    uint32_t count = seat_map_plan(map)->seat_count, left = 0;

    (void)target;
    for (uint32_t seat = 0; seat < count; seat++) {
        if (left > 0) {
            left--;
            continue;
        }
        seat_map_reserve(map, &seat, 1, 0, 1);
        uint32_t rare = fixture_below(seed, 10000);
        left = rare < 10 ? 1 + rare : 1;
    }
}

struct scene {
    const char *name;
    void (*sell)(struct seat_map *map, uint32_t target, uint64_t *seed);
    uint32_t percent;
    bool split;
    uint32_t quantity; /* 0: 1..QUANTITIES at random */
};

static const struct scene SCENES[] = {
    {"empty", sell_random, 0, false, 0},
    {"50 % random", sell_random, 50, false, 0},
    {"90 % random", sell_random, 90, false, 0},
    {"99 % random", sell_random, 99, false, 0},
    {"99 % random", sell_random, 99, true, 0},
    {"50 % best first", sell_best, 50, false, 0},
    {"90 % best first", sell_best, 90, false, 0},
    {"99 % best first", sell_best, 99, false, 0},
    {"every second", sell_every_second, 0, false, 32},
    {"every second", sell_every_second, 0, true, 32},
    {"uneven series", sell_uneven, 0, true, 32},
};

/* What is chosen is given back, so that the share sold stays what it is; with it a
 * random seat changes hands, so that no two picks see the same hall. */
static void hall_stir(struct seat_map *map, const struct scene *scene, uint64_t *seed)
{
    uint32_t seats = seat_map_plan(map)->seat_count, count = 0;
    uint32_t returned = fixture_below(seed, seats), taken = fixture_below(seed, seats);

    if (scene->sell != sell_random || scene->percent == 0)
        return;
    while (seat_map_state(map, returned, 0, 1) == SEAT_FREE && count++ < seats)
        returned = (returned + 1) % seats;
    while (seat_map_state(map, taken, 0, 1) != SEAT_FREE && count++ < 2 * seats)
        taken = (taken + 1) % seats;
    seat_map_return(map, &returned, 1, 0, 1);
    seat_map_reserve(map, &taken, 1, 0, 1);
}

static void hall_run(const struct seat_plan *plan, const char *hall, const struct scene *scene,
                     struct samples *samples)
{
    struct seat_map *map = seat_map_new(plan, 1);
    uint32_t chosen = 0;
    uint64_t seed = 7;

    if (!map)
        exit(71);
    scene->sell(map, (uint32_t)((uint64_t)plan->seat_count * scene->percent / 100), &seed);
    for (samples->count = 0; samples->count < samples->max;) {
        struct seat_pick_wish wish = {
            .to = 1,
            .quantity = scene->quantity ? scene->quantity : 1 + fixture_below(&seed, QUANTITIES),
            .allow_split = scene->split};
        struct seat_pick pick;
        hall_stir(map, scene, &seed);
        uint64_t began = stopwatch_ns(CLOCK_MONOTONIC);
        enum seat_pick_result result = seat_pick_best(map, &wish, &pick);
        sample_add(samples, began);
        chosen += result == SEAT_PICK_OK;
    }
    char wish[32];
    (void)snprintf(wish, sizeof wish, "%s%s", scene->quantity ? "32" : "1-8",
                   scene->split ? " split" : "");
    samples_print(samples, hall, scene->name, wish, chosen);
    seat_map_free(map);
}

static struct seat_plan *hall_of_random_ranks(uint32_t rows, uint32_t seats)
{
    struct seat_plan_builder *builder = seat_plan_builder_new();
    uint64_t seed = 3;
    char label[16];

    for (uint32_t r = 0; r < rows && builder; r++) {
        seat_plan_add_row(builder, label, (size_t)snprintf(label, sizeof label, "%u", r));
        for (uint32_t i = 0; i < seats; i++)
            seat_plan_add_seat(builder, label, (size_t)snprintf(label, sizeof label, "%u", i),
                               fixture_below(&seed, 10000), 0, false);
    }
    return fixture_plan(builder);
}

/* --- a train --- */

/* Random journeys until `percent` of all seats and segments are taken. */
static void train_sell(struct seat_map *map, uint16_t segments, uint32_t percent, uint64_t *seed)
{
    uint32_t seats = seat_map_plan(map)->seat_count;
    uint64_t taken = 0, target = (uint64_t)seats * segments * percent / 100;

    for (uint32_t tries = 0; taken < target && tries < 10000000; tries++) {
        uint32_t seat = fixture_below(seed, seats);
        uint16_t from = (uint16_t)fixture_below(seed, segments);
        uint16_t to = (uint16_t)(from + 1 + fixture_below(seed, segments - from));
        if (seat_map_state(map, seat, from, to) != SEAT_FREE)
            continue;
        seat_map_reserve(map, &seat, 1, from, to);
        taken += to - from;
    }
}

static void train_run(const struct seat_plan *plan, const char *name, uint32_t percent,
                      struct samples *samples)
{
    enum { SEGMENTS = 31 };
    static uint32_t counts[SEGMENTS * (SEGMENTS + 1) / 2];
    struct seat_map *map = seat_map_new(plan, SEGMENTS);
    uint32_t chosen = 0;
    uint64_t seed = 9;
    char sold[32];

    if (!map)
        exit(71);
    train_sell(map, SEGMENTS, percent, &seed);
    (void)snprintf(sold, sizeof sold, "%u %% random", percent);
    for (samples->count = 0; samples->count < samples->max;) {
        uint16_t from = (uint16_t)fixture_below(&seed, SEGMENTS);
        struct seat_pick_wish wish = {
            .from = from,
            .to = (uint16_t)(from + 1 + fixture_below(&seed, SEGMENTS - from)),
            .quantity = 1 + fixture_below(&seed, QUANTITIES),
            .allow_split = fixture_below(&seed, 2)};
        struct seat_pick pick;
        uint64_t began = stopwatch_ns(CLOCK_MONOTONIC);
        enum seat_pick_result result = seat_pick_best(map, &wish, &pick);
        sample_add(samples, began);
        chosen += result == SEAT_PICK_OK;
    }
    samples_print(samples, name, sold, "1-8", chosen);
    for (samples->count = 0; samples->count < samples->max;) {
        uint64_t began = stopwatch_ns(CLOCK_MONOTONIC);
        seat_map_free_counts(map, counts);
        sample_add(samples, began);
    }
    samples_print(samples, name, sold, "all pairs", samples->count);
    seat_map_free(map);
}

/* --- making --- */

static void plan_run(uint32_t rows, uint32_t seats)
{
    uint64_t began = stopwatch_ns(CLOCK_MONOTONIC);
    struct seat_plan *plan = fixture_hall(rows, seats);
    uint64_t planned = stopwatch_ns(CLOCK_MONOTONIC);
    struct seat_map *map = seat_map_new(plan, 1);

    if (!map)
        exit(71);
    printf("%u seats: plan built, encoded and decoded in %.2f ms (%lu bytes), map made in %.2f ms "
           "(%lu bytes)\n",
           rows * seats, (double)(planned - began) / 1e6,
           (unsigned long)seat_plan_memory_bytes(plan),
           (double)(stopwatch_ns(CLOCK_MONOTONIC) - planned) / 1e6,
           (unsigned long)seat_map_memory_bytes(map));
    seat_map_free(map);
    seat_plan_free(plan);
}

int main(int argc, char **argv)
{
    struct samples samples = {.max = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 20000,
                              .json = argc > 2 && strcmp(argv[2], "json") == 0};
    struct seat_plan *hall = fixture_hall(400, 50), *large = fixture_hall(1000, 100);
    struct seat_plan *random = hall_of_random_ranks(400, 50), *train = fixture_hall(60, 20);

    if (argc > 3 || (argc > 2 && !samples.json) || samples.max == 0) {
        fprintf(stderr, "usage: bench_seats [ROUNDS [json]]\n");
        return 64;
    }
    samples.nanoseconds = calloc(samples.max, sizeof *samples.nanoseconds);
    if (!samples.nanoseconds)
        return 71;
    if (!samples.json)
        printf("%-24s %-14s %-12s %7s %7s %8s %8s\n", "", "sold", "seats", "p50 us", "p99 us",
               "max us", "chosen");
    for (size_t i = 0; i < sizeof SCENES / sizeof SCENES[0]; i++) {
        hall_run(hall, "20,000", &SCENES[i], &samples);
        hall_run(random, "20,000, random ranks", &SCENES[i], &samples);
        hall_run(large, "100,000", &SCENES[i], &samples);
    }
    for (uint32_t percent = 0; percent < 100; percent += 30)
        train_run(train, "train of 1,200", percent, &samples);
    train_run(large, "100,000 x 31 segments", 50, &samples);
    if (samples.json) {
        printf("]\n");
    } else {
        plan_run(400, 50);
        plan_run(1000, 100);
    }
    seat_plan_free(hall);
    seat_plan_free(large);
    seat_plan_free(random);
    seat_plan_free(train);
    free(samples.nanoseconds);
    return 0;
}
