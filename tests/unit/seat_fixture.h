/* What the tests of seats share: a fixed pseudo-random sequence and plans made in
 * one call. */
#ifndef TESTS_SEAT_FIXTURE_H
#define TESTS_SEAT_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../engine/seat_plan.h"

/* splitmix64 */
static inline uint64_t fixture_random(uint64_t *seed)
{
    uint64_t z = *seed += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
}

static inline uint32_t fixture_below(uint64_t *seed, uint32_t limit)
{
    return (uint32_t)((fixture_random(seed) >> 32) * limit >> 32);
}

/* The plan of what was built; frees the builder. */
static inline struct seat_plan *fixture_plan(struct seat_plan_builder *builder)
{
    enum seat_plan_error error;
    size_t length;
    uint8_t *bytes = seat_plan_encode(builder, &length, &error);

    seat_plan_builder_free(builder);
    struct seat_plan *plan = bytes ? seat_plan_decode(bytes, length, &error) : NULL;
    free(bytes);
    if (!plan) {
        fprintf(stderr, "no plan: %s\n", seat_plan_error_name(error));
        abort();
    }
    return plan;
}

/* `rows` rows of `seats` seats, ranks falling off from the middle of the first row. */
static inline struct seat_plan *fixture_hall(uint32_t rows, uint32_t seats)
{
    struct seat_plan_builder *builder = seat_plan_builder_new();

    for (uint32_t r = 0; r < rows && builder; r++) {
        char label[16];
        int length = snprintf(label, sizeof label, "%u", r + 1);
        seat_plan_add_row(builder, label, (size_t)length);
        uint32_t left = seats / 2;
        seat_plan_add_run(builder, 1, 1, left, r * 8 + left, -1, 0, false);
        seat_plan_add_run(builder, left + 1, 1, seats - left, r * 8, 1, 0, false);
    }
    return fixture_plan(builder);
}

#endif
