/* The numbered seats of one zone as they are built: rows of labelled seats, where
 * they stand next to each other, what is special about one, and how good it is.
 * Immutable once made, shared by all workers as part of its catalog_zone.
 *
 * A plan travels as *plan bytes*: in the log's zone record, in a snapshot, in the
 * mirror. docs/wal-format.md has the layout. Equal plans have equal bytes.
 *
 * Seats are numbered from 0 in the order of the plan, row by row: the seat's
 * index, the only name of a seat inside the engine. Pure. */
#ifndef ENGINE_SEAT_PLAN_H
#define ENGINE_SEAT_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SEAT_PLAN_SEATS_MAX = 100000,
    SEAT_PLAN_ROWS_MAX = 10000,
    SEAT_PLAN_BYTES_MAX = 256 * 1024,
    SEAT_ROW_SEATS_MAX = 1000,
    SEAT_LABEL_BYTES_MAX = 16, /* of a row's or of a seat's own part */
    SEAT_RANK_MAX = 1000000
};

enum seat_flag {
    SEAT_ACCESSIBLE = 1, /* a wheelchair place */
    SEAT_COMPANION = 2,  /* kept for who comes with an accessible seat */
    SEAT_RESTRICTED_VIEW = 4
};

struct seat_row {
    uint32_t first; /* index of its first seat */
    uint32_t count;
    uint32_t label; /* offset of the terminated label in plan->texts */
    /* Where step is not 0 the seats' labels are number, number + step, ... */
    int64_t number, step;
};

struct seat {
    uint32_t label;   /* offset of the seat's own part, terminated, in plan->texts */
    uint32_t rank;    /* 0 is best */
    uint16_t row;     /* index of its row */
    uint8_t flags;    /* of enum seat_flag */
    bool opens_block; /* no neighbour on the left: the row begins, an aisle, a pillar */
};

struct seat_plan {
    uint32_t seat_count, row_count;
    uint32_t general_count; /* seats that are neither accessible nor companion */
    const struct seat_row *rows;
    const struct seat *seats;
    const char *texts;
    /* ... and an index by label, private to seat_plan*.c */
};

/* --- building (any thread) --- */

struct seat_plan_builder;

enum seat_plan_error {
    SEAT_PLAN_OK = 0,
    SEAT_PLAN_OUT_OF_MEMORY,
    SEAT_PLAN_TOO_MANY_SEATS,
    SEAT_PLAN_TOO_MANY_ROWS,
    SEAT_PLAN_ROW_TOO_LONG,
    SEAT_PLAN_LABEL_INVALID,   /* empty, too long, '-' in a row's label, or not printable UTF-8 */
    SEAT_PLAN_LABEL_DUPLICATE, /* a row's label, or a seat's within its row */
    SEAT_PLAN_EMPTY,           /* no rows, or a row without seats */
    SEAT_PLAN_RANK_INVALID,
    SEAT_PLAN_TOO_LARGE, /* the bytes would exceed SEAT_PLAN_BYTES_MAX */
    SEAT_PLAN_DAMAGED    /* decoding only: not the bytes of a plan */
};
const char *seat_plan_error_name(enum seat_plan_error error);

struct seat_plan_builder *seat_plan_builder_new(void); /* NULL: out of memory */
void seat_plan_builder_free(struct seat_plan_builder *builder);

/* The first error sticks; the calls after it do nothing. Duplicates, and a last row
 * without seats, are found by seat_plan_encode. Flags are of enum seat_flag. */
void seat_plan_add_row(struct seat_plan_builder *builder, const char *label, size_t length);
/* To the last row. gap_before: an aisle or pillar stands before it. */
void seat_plan_add_seat(struct seat_plan_builder *builder, const char *label, size_t length,
                        uint32_t rank, uint8_t flags, bool gap_before);
/* A run of seats labelled first, first + step, ... : `count` of them, ranks
 * rank, rank + rank_step, ... (as the seats go; clamped to 0..SEAT_RANK_MAX). */
void seat_plan_add_run(struct seat_plan_builder *builder, uint32_t first, uint32_t step,
                       uint32_t count, uint32_t rank, int32_t rank_step, uint8_t flags,
                       bool gap_before);
enum seat_plan_error seat_plan_builder_error(const struct seat_plan_builder *builder);
/* The plan's bytes: malloc'd, the caller's. NULL: *error says why. */
uint8_t *seat_plan_encode(struct seat_plan_builder *builder, size_t *length,
                          enum seat_plan_error *error);

/* --- using --- */

/* Believes nothing it has not checked. NULL: *error says why. */
struct seat_plan *seat_plan_decode(const uint8_t *bytes, size_t length,
                                   enum seat_plan_error *error);
void seat_plan_free(struct seat_plan *plan);

#define SEAT_NONE UINT32_MAX /* no seat */
/* By full label, "C-12": the row's label, '-', the seat's. SEAT_NONE: none has it. */
uint32_t seat_plan_find(const struct seat_plan *plan, const char *label, size_t length);
/* The full label; at most SEAT_FULL_LABEL_BYTES with the terminator. Returns its length. */
enum { SEAT_FULL_LABEL_BYTES = 2 * SEAT_LABEL_BYTES_MAX + 2 };
size_t seat_plan_label(const struct seat_plan *plan, uint32_t seat, char *out);

uint64_t seat_plan_memory_bytes(const struct seat_plan *plan);

#endif
