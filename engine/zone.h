/* The inventory of one zone: how many places are reserved, sold and blocked on
 * each segment, and in a seated zone which. A concert has one segment; a trip with
 * N stops has N-1, and a place from stop a to stop b counts on segments [a, b).
 *
 * Invariant on every segment: free + reserved + sold + blocked = total, asserted
 * with every change; `blocked` is what blocks keep and nobody has drawn. Every
 * change of places goes through zone_change, as the difference of what a booking
 * took before and takes after. Pure. */
#ifndef ENGINE_ZONE_H
#define ENGINE_ZONE_H

#include "block.h"
#include "catalog.h"
#include "seat_map.h"

struct zone_segment {
    uint32_t reserved;
    uint32_t sold;
    uint32_t blocked;
};

/* An active block as the zone lists it. */
struct zone_block {
    uint8_t key_digest[16]; /* of an allotment; zeros: a house hold */
    uint32_t block;
};

struct zone {
    struct uuid id;
    struct uuid show_id;
    struct uuid event_id;
    int64_t price_minor;
    uint32_t total;
    uint32_t target;   /* what total is drained to; total: no drain */
    uint32_t reserved; /* tickets over all segments' bookings, each once */
    uint32_t sold;
    uint32_t changes; /* of any place's state, ever */
    uint16_t segment_count;
    uint16_t partition;
    bool closed;
    bool changed;        /* on the shard's list of zones to publish */
    bool hash_outdated;  /* on the shard's list of zones to hash again */
    uint64_t state_hash; /* as the shard's sum has it */
    struct zone_counters *counters;
    const struct catalog_zone *catalog_zone; /* one reference: the plan and the prices */
    int64_t *prices;           /* [segment_count + 1]: of the segments before; NULL: one price */
    struct seat_map *map;      /* NULL: a general zone */
    struct zone_block *blocks; /* the active ones, oldest first */
    uint32_t block_count, block_room;
    struct zone_segment segments[];
};

/* NULL: out of memory, or a plan or prices that do not fit the zone. */
struct zone *zone_new(const struct catalog_zone *catalog_zone, uint16_t segment_count);
void zone_free(struct zone *zone);

/* What a place costs from one stop to another. */
int64_t zone_price(const struct zone *zone, uint16_t from, uint16_t to);

/* Places free on every segment of [from, to), blocked ones not among them. */
uint32_t zone_available(const struct zone *zone, uint16_t from, uint16_t to);
/* Places free from the first stop to the last. */
uint32_t zone_available_throughout(const struct zone *zone);
/* For every pair of stops: out[seat_map_pair_count], in the order of seat_map_pair. */
void zone_available_pairs(const struct zone *zone, uint32_t *out);
/* Reserved, sold and blocked on the fullest segment. */
uint32_t zone_used(const struct zone *zone);
/* Blocked on the segment with the most. */
uint32_t zone_blocked(const struct zone *zone);

/* What a booking takes. */
struct zone_places {
    uint16_t from, to;
    bool sold; /* else reserved */
    uint32_t quantity;
    const uint32_t *seats; /* ascending; NULL in a general zone */
    struct block *block;   /* it is drawn from; NULL: general sale */
};

/* A booking took `before` (NULL: nothing) and takes `after` (NULL: nothing). What
 * deciding or replay checked is asserted. What is free again while the zone is
 * drained takes the total down with it. */
void zone_change(struct zone *zone, const struct zone_places *before,
                 const struct zone_places *after);

/* The same for general sale without seats. */
void zone_reserve(struct zone *zone, uint16_t from, uint16_t to, uint32_t quantity);
/* Reserved places become sold, or free again. */
void zone_sell(struct zone *zone, uint16_t from, uint16_t to, uint32_t quantity);
void zone_return(struct zone *zone, uint16_t from, uint16_t to, uint32_t quantity);

/* --- blocks: `slot` is the block's in the shard's table --- */

/* True: there is memory for one more on the list. */
bool zone_block_room(struct zone *zone);
/* Its places are free (asserted). */
void zone_block(struct zone *zone, const struct block *block, uint32_t slot);
/* What is not drawn is free again. */
void zone_unblock(struct zone *zone, const struct block *block, uint32_t slot);
/* The oldest active allotment with this key. SLAB_NONE: none. */
uint32_t zone_allotment(const struct zone *zone, const uint8_t key_digest[16]);

/* --- the zone itself --- */

/* The total is this from now on: target = total, or less to be drained to. */
void zone_set_capacity(struct zone *zone, uint32_t total, uint32_t target);
void zone_set_closed(struct zone *zone, bool closed);

/* What the state hash has of one; 0 for a zone that is as it was opened. */
uint64_t zone_state_hash(const struct zone *zone);

uint64_t zone_bytes(const struct zone *zone);

#endif
