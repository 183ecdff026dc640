/* Seats by their labels: what clients write becomes indices, what the engine says
 * of indices becomes labels. docs/decisions/0062-labels-and-indices.md. Worker's
 * thread; allocates nothing. */
#ifndef NET_REST_SEATS_H
#define NET_REST_SEATS_H

#include "rest_form.h"

#define SEATS_EXPECTED "a list of 1 to 32 labels of seats, each once"

/* The labels of a list, each a string and none twice; at most RECORD_SEATS_MAX, as
 * the form has checked. Returns how many; 0: a fault was noted. */
uint32_t rest_seats_read(const struct form_list *list, struct text labels[RECORD_SEATS_MAX],
                         struct form_faults *faults);

/* Their indices, ascending. False: faults name the labels that no seat has. */
bool rest_seats_find(const struct seat_plan *plan, const struct text *labels, uint32_t count,
                     uint32_t seats[RECORD_SEATS_MAX], struct form_faults *faults);

/* The same for any order of the same labels. */
uint64_t rest_seats_hash(const struct text *labels, uint32_t count);

/* "C-12". Room for REST_SEAT_BYTES; no control characters are in a label. */
enum { REST_SEAT_BYTES = 2 * SEAT_FULL_LABEL_BYTES + 2 };
char *rest_put_seat(char *at, const struct seat_plan *plan, uint32_t seat);

/* ["C-12","C-13"]; plan NULL: []. The bytes are the most there may be. */
static inline size_t rest_seats_bytes(uint32_t count)
{
    return 2 + (size_t)count * (REST_SEAT_BYTES + 1);
}
char *rest_put_seats(char *at, const struct seat_plan *plan, const uint32_t *seats, uint32_t count);

/* Of a refusal: [{"seat":"C-12","state":"sold"},...], or the labels alone. The state
 * is in the top byte of each. */
enum { REST_SEAT_INDEX_MASK = 0xffffff, REST_SEAT_STATE_SHIFT = 24 };
enum { REST_SEAT_REFUSED_BYTES = 6 * SEAT_FULL_LABEL_BYTES + 48 };
_Static_assert(RECORD_SEATS_MAX *REST_SEAT_REFUSED_BYTES + 256 <= REST_DETAILS_BYTES_MAX,
               "all seats of a refusal");
char *rest_put_refused_seats(char *at, const struct seat_plan *plan, const struct answer *answer);

#endif
