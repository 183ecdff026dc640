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
    uint32_t *index;  /* see seat_plan_index_build */
    uint8_t *encoded; /* of SEAT_PLAN_BYTES_MAX */
    size_t range_bytes;
};

/* Seats by full label: open addressing, linear probing, a seat's number + 1 in a
 * table of a power of two, at most half full. */
uint32_t seat_plan_index_slots(uint32_t entry_count);
uint64_t seat_plan_label_hash(const char *label, size_t length);

/* The first error sticks. */
void seat_plan_fail(struct seat_plan_builder *builder, enum seat_plan_error error);

/* All that can only be judged of the whole: rows without seats, labels given
 * twice. Afterwards index has the seats. */
enum seat_plan_error seat_plan_check(struct seat_plan_builder *builder);

/* Writes the bytes to builder->encoded; false: they would exceed the limit. */
bool seat_plan_write(struct seat_plan_builder *builder);

/* Adds what the bytes say. False: they are not those of a plan, or not in the one
 * form that seat_plan_write gives them (seen only by writing them again). */
bool seat_plan_read(struct seat_plan_builder *builder, const uint8_t *bytes, size_t length);

#endif
