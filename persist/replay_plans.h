/* The seat plans of the zones read so far, so that seats can be shown by their
 * labels. One thread. */
#ifndef PERSIST_REPLAY_PLANS_H
#define PERSIST_REPLAY_PLANS_H

#include "../engine/hash_index.h"
#include "../engine/record.h"

struct replay_plan {
    struct uuid zone_id;
    struct seat_plan *plan;
};

struct replay_plans {
    struct replay_plan *items;
    uint32_t count, capacity;
    struct hash_index by_zone;
};

bool replay_plans_init(struct replay_plans *plans); /* false: out of memory */
void replay_plans_release(struct replay_plans *plans);

/* Keeps the plan if the record is a seated zone's. False: out of memory. */
bool replay_plans_note(struct replay_plans *plans, const struct record *record);

/* The plan of the zone whose seats the record names. NULL: none, or not seen yet. */
const struct seat_plan *replay_plans_of(const struct replay_plans *plans,
                                        const struct record *record);

#endif
