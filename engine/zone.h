/* The inventory of one general-admission zone: how many places are reserved and
 * sold on each segment. A concert has one segment; a trip with N stops has N-1,
 * and a place from stop a to stop b counts on segments [a, b).
 *
 * Invariant on every segment: reserved + sold <= total. Pure. */
#ifndef ENGINE_ZONE_H
#define ENGINE_ZONE_H

#include "catalog.h"

struct zone_segment {
    uint32_t reserved;
    uint32_t sold;
};

struct zone {
    struct uuid id;
    struct uuid show_id;
    struct uuid event_id;
    int64_t price_minor;
    uint32_t total;
    uint32_t reserved; /* tickets over all segments' bookings, each once */
    uint32_t sold;
    uint16_t segment_count;
    uint16_t partition;
    bool changed; /* on the shard's list of zones to publish */
    struct zone_counters *counters;
    struct zone_segment segments[];
};

/* NULL: out of memory. */
struct zone *zone_new(const struct catalog_zone *catalog_zone, uint16_t segment_count);
void zone_free(struct zone *zone);

/* Places free on every segment of [from, to). */
uint32_t zone_available(const struct zone *zone, uint16_t from, uint16_t to);
/* Places free from the first stop to the last. */
uint32_t zone_available_throughout(const struct zone *zone);

/* The caller has checked zone_available (asserted). */
void zone_reserve(struct zone *zone, uint16_t from, uint16_t to, uint32_t quantity);
/* Reserved places become sold, or free again (asserted to be there). */
void zone_sell(struct zone *zone, uint16_t from, uint16_t to, uint32_t quantity);
void zone_return(struct zone *zone, uint16_t from, uint16_t to, uint32_t quantity);

#endif
