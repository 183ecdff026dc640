/* A reserve as clients write it, alone or as an item of an order: from its fields to
 * what the engine decides on. Labels and stops become indices by the worker's
 * replica. */
#ifndef NET_REST_RESERVE_H
#define NET_REST_RESERVE_H

#include "rest_form.h"

struct reserve_form {
    struct uuid zone_id, show_id, event_id;
    int64_t quantity; /* 0: not sent */
    struct text unit_price;
    struct form_list seats;
    bool best_available, allow_split;
    const struct json_node *from_stop, *to_stop; /* NULL: not sent */
    struct text allotment_key;
    struct text idempotency_key, queue_pass;
};

/* An item of an order takes all but the last two. */
enum { RESERVE_ITEM_FIELD_COUNT = 11, RESERVE_FIELD_COUNT = RESERVE_ITEM_FIELD_COUNT + 2 };
extern const struct form_field reserve_fields[RESERVE_FIELD_COUNT];

struct reserve_wish {
    struct command_reserve reserve;
    uint32_t seat_count;
    uint32_t seats[RECORD_SEATS_MAX];
    uint64_t hash;  /* the same for what means the same */
    bool not_found; /* the zone is unknown and labels or stops cannot be resolved */
};

/* Notes what is wrong in `faults` (which has what reading the form found); then of
 * *wish only hash and not_found mean something. */
void reserve_resolve(struct rest_call *call, const struct reserve_form *form,
                     struct reserve_wish *wish, struct form_faults *faults);

/* What a price reads as in a zone's currency. The currency of an unknown zone (NULL)
 * is unknown too: any well-formed price will do, and can match none. */
int64_t reserve_price(const struct catalog_zone *zone, struct text price,
                      struct form_faults *faults);

#endif
