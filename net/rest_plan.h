/* Seats as organizers write them: the `rows` of a seated zone become the bytes of a
 * plan. docs/openapi.yaml (SeatRow) has the form. Worker's thread. */
#ifndef NET_REST_PLAN_H
#define NET_REST_PLAN_H

#include "rest_form.h"

#define ROWS_EXPECTED "a list of 1 to 10000 rows of seats"
#define FOCAL_EXPECTED "an object of x and y, integers from -100000 to 100000"

/* Where a fault is, e.g. "rows[3].seats[12].rank". */
enum { PLAN_PATH_BYTES = 64 };

struct rest_plan {
    uint8_t *bytes; /* malloc'd, the caller's */
    size_t length;
    uint32_t seat_count;
    uint64_t hash;              /* of the bytes */
    char path[PLAN_PATH_BYTES]; /* of the fault noted; lives as long as the faults */
};

/* `focal`: an object node, or NULL. False: a fault was noted, or (*out_of_memory)
 * none was. */
bool rest_plan_read(const struct form_list *rows, const struct json_node *focal,
                    struct rest_plan *plan, struct form_faults *faults, bool *out_of_memory);

#endif
