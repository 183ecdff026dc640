/* Plans, their bytes, and whether the ones are the only ones for the others. */
#ifndef TESTS_UNIT_SEAT_PLAN_FIXTURE_H
#define TESTS_UNIT_SEAT_PLAN_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../../engine/seat_plan.h"
#include "seat_fixture.h"

struct encoded {
    uint8_t *bytes;
    size_t length;
};

static inline struct encoded encode(struct seat_plan_builder *builder)
{
    struct encoded encoded;
    enum seat_plan_error error;

    encoded.bytes = seat_plan_encode(builder, &encoded.length, &error);
    assert_int_equal(error, SEAT_PLAN_OK);
    assert_non_null(encoded.bytes);
    seat_plan_builder_free(builder);
    return encoded;
}

static inline enum seat_plan_error encode_refusal(struct seat_plan_builder *builder)
{
    enum seat_plan_error error;
    size_t length;

    assert_null(seat_plan_encode(builder, &length, &error));
    seat_plan_builder_free(builder);
    return error;
}

static inline void add_row(struct seat_plan_builder *builder, const char *label)
{
    seat_plan_add_row(builder, label, strlen(label));
}

static inline void add_seat(struct seat_plan_builder *builder, const char *label)
{
    seat_plan_add_seat(builder, label, strlen(label), 0, 0, false);
}

/* The plan's bytes, built once more from what the plan says, seat by seat. */
static inline struct encoded encode_again(const struct seat_plan *plan)
{
    struct seat_plan_builder *builder = seat_plan_builder_new();

    for (uint32_t r = 0; r < plan->row_count; r++) {
        const struct seat_row *row = &plan->rows[r];
        add_row(builder, plan->texts + row->label);
        for (uint32_t i = row->first; i < row->first + row->count; i++) {
            const struct seat *seat = &plan->seats[i];
            const char *label = plan->texts + seat->label;
            seat_plan_add_seat(builder, label, strlen(label), seat->rank, seat->flags,
                               seat->opens_block);
        }
    }
    return encode(builder);
}

static inline void finds_every_seat(const struct seat_plan *plan)
{
    char label[SEAT_FULL_LABEL_BYTES];

    for (uint32_t i = 0; i < plan->seat_count; i++) {
        size_t length = seat_plan_label(plan, i, label);
        assert_int_equal(length, strlen(label));
        assert_int_equal(seat_plan_find(plan, label, length), i);
    }
}

/* Bytes that decode are the only ones for their plan, and all its labels are found. */
static inline void is_canonical(const uint8_t *bytes, size_t length, const struct seat_plan *plan)
{
    struct encoded again = encode_again(plan);

    assert_int_equal(again.length, length);
    assert_memory_equal(again.bytes, bytes, length);
    free(again.bytes);
    finds_every_seat(plan);
}

static inline struct seat_plan *decode(const struct encoded *encoded)
{
    enum seat_plan_error error;
    struct seat_plan *plan = seat_plan_decode(encoded->bytes, encoded->length, &error);

    assert_int_equal(error, SEAT_PLAN_OK);
    assert_non_null(plan);
    return plan;
}

static inline struct seat_plan_builder *theatre(void)
{
    struct seat_plan_builder *builder = seat_plan_builder_new();

    add_row(builder, "A");
    seat_plan_add_run(builder, 1, 2, 5, 10, -1, 0, false); /* 1 3 5 7 9 */
    seat_plan_add_run(builder, 10, 1, 3, 6, 2, SEAT_RESTRICTED_VIEW, true);
    add_row(builder, "Loge 1");
    add_seat(builder, "links-außen");
    seat_plan_add_seat(builder, "R", 1, 7, SEAT_ACCESSIBLE, false);
    seat_plan_add_seat(builder, "C", 1, 7, SEAT_COMPANION, false);
    return builder;
}

static inline struct seat_plan_builder *filled(uint32_t rows, uint32_t seats)
{
    struct seat_plan_builder *builder = seat_plan_builder_new();

    for (uint32_t r = 0; r < rows; r++) {
        char label[16];
        seat_plan_add_row(builder, label, (size_t)snprintf(label, sizeof label, "%u", r));
        seat_plan_add_run(builder, 1, 1, seats, 0, 0, 0, false);
    }
    return builder;
}

#endif
