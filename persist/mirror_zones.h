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
    /* --- this batch --- */
    bool changed; /* on the list of changed zones */
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
};

bool mirror_zones_init(struct mirror_zones *zones); /* false: out of memory */
void mirror_zones_release(struct mirror_zones *zones);

/* Adds the zone or takes over its new facts. False: out of memory. */
bool mirror_zones_put(struct mirror_zones *zones, const struct mirror_zone *facts);

/* NULL: unknown. Holds until the next put. */
struct mirror_zone *mirror_zones_find(const struct mirror_zones *zones, const struct uuid *id);

/* Notes that a step moved seats of the zone. */
void mirror_zones_change(struct mirror_zones *zones, struct mirror_zone *zone, int64_t available,
                         int64_t reserved, int64_t sold);

/* Forgets the batch's changes. */
void mirror_zones_settle(struct mirror_zones *zones);

#endif
