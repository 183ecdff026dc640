/* What the mirror must know of a zone to write its bookings' rows, and how its
 * counts change within the batch being built. As many entries as zones exist:
 * the only thing the mirror keeps in memory beyond one batch. One thread. */
#ifndef PERSIST_MIRROR_ZONES_H
#define PERSIST_MIRROR_ZONES_H

#include "../engine/catalog.h"
#include "../engine/hash_index.h"

struct mirror_zone {
    struct uuid id;
    struct uuid show_id;
    struct uuid event_id;
    char currency[4];
    bool trip; /* of a show with more than one segment: counted by segment, in PostgreSQL */
    /* It has or had blocks, or is being drained: what is blocked and free is computed
     * in PostgreSQL when the zone changes. Never taken back; true costs time only. */
    bool recount;
    /* --- this batch --- */
    bool changed; /* on the list of changed zones */
    bool resized; /* by a zone-changed record: the three below are its words */
    bool closed;
    uint32_t total, target;
    int64_t available_change;
    int64_t reserved_change;
    int64_t sold_change;
};

struct mirror_zones {
    struct mirror_zone *items;
    uint32_t count;
    uint32_t capacity;
    struct hash_index by_id;
    uint32_t *changed; /* indexes into items; as much room as items */
    uint32_t changed_count;
    struct uuid *trips; /* shows with more than one segment */
    uint32_t trip_count, trip_capacity;
    struct hash_index by_trip;
};

bool mirror_zones_init(struct mirror_zones *zones); /* false: out of memory */
void mirror_zones_release(struct mirror_zones *zones);

/* Adds the zone or takes over its new facts. False: out of memory. */
bool mirror_zones_put(struct mirror_zones *zones, const struct mirror_zone *facts);

/* NULL: unknown. Holds until the next put. */
struct mirror_zone *mirror_zones_find(const struct mirror_zones *zones, const struct uuid *id);

/* Notes that the show is a trip. False: out of memory. */
bool mirror_zones_put_trip(struct mirror_zones *zones, const struct uuid *show_id);
bool mirror_zones_is_trip(const struct mirror_zones *zones, const struct uuid *show_id);

/* Notes that a step moved seats of the zone. */
void mirror_zones_change(struct mirror_zones *zones, struct mirror_zone *zone, int64_t available,
                         int64_t reserved, int64_t sold);

/* Forgets the batch's changes. */
void mirror_zones_settle(struct mirror_zones *zones);

#endif
