/* A plan in the making, for seat_plan*.c only. */
#ifndef ENGINE_SEAT_PLAN_DRAFT_H
#define ENGINE_SEAT_PLAN_DRAFT_H

#include "seat_plan.h"

enum {
    SEAT_PLAN_TEXT_BYTES_MAX =
        (SEAT_PLAN_ROWS_MAX + SEAT_PLAN_SEATS_MAX) * (SEAT_LABEL_BYTES_MAX + 1),
    SEAT_FLAGS_ALL = SEAT_ACCESSIBLE | SEAT_COMPANION | SEAT_RESTRICTED_VIEW
};

/* One reserved range holds the largest plan there may be, so that nothing grows:
 * what is not touched costs nothing. */
struct seat_plan_builder {
    enum seat_plan_error error;
    uint32_t row_count, seat_count, text_bytes, encoded_bytes;
    struct seat_row *rows;
    struct seat *seats;
    char *texts;
    /* See seat_plan_index.c: tables of slots, and how many seats are in the second. */
    uint32_t *row_index, *seat_index;
    uint32_t indexed_count;
    uint8_t *encoded; /* of SEAT_PLAN_BYTES_MAX */
    size_t range_bytes;
};

/* A plan in use, with what finds its labels. */
struct indexed_plan {
    struct seat_plan plan; /* first: a pointer to one is a pointer to the other */
    uint32_t *row_index, *seat_index;
    uint32_t row_slots, seat_slots;
    uint64_t bytes;
};

/* The slots of a table with so many entries. */
uint32_t seat_plan_index_slots(uint32_t entry_count);
/* Fills the tables and judges which rows are series; false: a label is given twice. */
bool seat_plan_index_build(struct seat_plan_builder *builder);

/* True: a label that is its number's only decimal form, below 10^15. */
bool seat_plan_number(const char *text, size_t length, int64_t *number);

/* The first error sticks. */
void seat_plan_fail(struct seat_plan_builder *builder, enum seat_plan_error error);

/* All that can only be judged of the whole: rows without seats, labels given
 * twice. Afterwards the tables are filled. */
enum seat_plan_error seat_plan_check(struct seat_plan_builder *builder);

/* Writes the bytes to builder->encoded; false: they would exceed the limit. */
bool seat_plan_write(struct seat_plan_builder *builder);

/* Adds what the bytes say. False: they are not those of a plan, or not in the one
 * form that seat_plan_write gives them (seen only by writing them again). */
bool seat_plan_read(struct seat_plan_builder *builder, const uint8_t *bytes, size_t length);

#endif
