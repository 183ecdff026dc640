/* The inside of reading a plan, for rest_plan*.c only: one element of `rows`, read
 * once, whatever the number of rows it stands for. */
#ifndef NET_REST_PLAN_ROW_H
#define NET_REST_PLAN_ROW_H

#include "rest_plan.h"

enum { PLAN_PLACE_MAX = 100000 };

/* What is being read and where its first fault is. */
struct plan_reader {
    const struct json_node *nodes;
    char *path; /* [PLAN_PATH_BYTES] */
    uint32_t row;
    const char *expected; /* of the first fault; NULL: none */
};

/* Notes a fault at rows[row].member[index]; index UINT32_MAX: of the member itself;
 * part "": of no part of it. Returns false. */
bool plan_fault(struct plan_reader *reader, const char *member, uint32_t index, const char *part,
                const char *expected);

/* A label, its text or a number that stands for it. */
struct plan_label {
    uint8_t length;
    char bytes[SEAT_LABEL_BYTES_MAX];
};

struct plan_seat {
    struct plan_label label;
    bool has_rank, has_x, has_y, gap_before;
    uint8_t flags;
    uint32_t rank;
    int32_t x, y; /* in seats */
};

struct plan_row {
    struct plan_label first_label;
    uint32_t row_count; /* rows it stands for: first_label and those after it */
    bool letters;       /* the labels after it are A, B, ... Z, AA; else numbers */
    bool has_rank, has_x, has_y;
    uint32_t rank;
    int32_t x, y; /* where its first seat stands */
    uint32_t seat_count;
    struct plan_seat seats[SEAT_ROW_SEATS_MAX];
};

/* False: a fault was noted. */
bool plan_row_read(struct plan_reader *reader, uint32_t index, struct plan_row *row);

/* "A..Z" or "1..40": first and last as numbers (A is 1). False: not a range. */
struct plan_range {
    uint32_t first, last;
    bool letters;
};
bool plan_range_read(struct text text, struct plan_range *range);
struct plan_label plan_label_of(uint32_t number, bool letters);

#endif
