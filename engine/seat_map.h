/* Who sits where: for each segment of the journey one bitmap over the seats for
 * "taken" and one for "sold" (a taken seat that is not sold is reserved), and one
 * for all segments for "blocked" (a house hold or an allotment keeps it).
 * A concert has one segment. Owned by the zone's shard. Pure.
 *
 * Invariant: sold is a part of taken. Seats come as arrays of indices, ascending
 * and each once; segments as [from, to). */
#ifndef ENGINE_SEAT_MAP_H
#define ENGINE_SEAT_MAP_H

#include "seat_plan.h"

struct seat_map;

/* The plan must outlive the map. NULL: out of memory. */
struct seat_map *seat_map_new(const struct seat_plan *plan, uint16_t segment_count);
void seat_map_free(struct seat_map *map);
const struct seat_plan *seat_map_plan(const struct seat_map *map);

enum seat_state { SEAT_FREE, SEAT_RESERVED, SEAT_SOLD, SEAT_BLOCKED };

/* On [from, to): sold if sold on any segment, else reserved if taken on any, else
 * blocked, else free. */
enum seat_state seat_map_state(const struct seat_map *map, uint32_t seat, uint16_t from,
                               uint16_t to);
/* Free seats among all, and among those best-available may give out. */
uint32_t seat_map_free_count(const struct seat_map *map, uint16_t from, uint16_t to);
uint32_t seat_map_free_general_count(const struct seat_map *map, uint16_t from, uint16_t to);
/* seat_map_free_count for every pair of stops: out[pair(from, to)], where
 * pair(from, to) = from * segment_count - from * (from - 1) / 2 + to - from - 1. */
void seat_map_free_counts(const struct seat_map *map, uint32_t *out);
static inline uint32_t seat_map_pair(uint16_t segment_count, uint16_t from, uint16_t to)
{
    return (uint32_t)from * segment_count - (uint32_t)from * (from - 1U) / 2 + to - from - 1U;
}
static inline uint32_t seat_map_pair_count(uint16_t segment_count)
{
    return (uint32_t)segment_count * (segment_count + 1U) / 2;
}
/* Two bits a seat (enum seat_state), the first seat in the lowest bits of the
 * first byte; (seat_count + 3) / 4 bytes. */
void seat_map_states(const struct seat_map *map, uint16_t from, uint16_t to, uint8_t *out);

/* --- changes; what deciding checked is asserted --- */

/* Not taken before (blocked or not is the caller's business). */
void seat_map_reserve(struct seat_map *map, const uint32_t *seats, uint32_t count, uint16_t from,
                      uint16_t to);
/* Reserved seats become sold. */
void seat_map_sell(struct seat_map *map, const uint32_t *seats, uint32_t count, uint16_t from,
                   uint16_t to);
/* Taken (reserved or sold) seats are so no more. */
void seat_map_return(struct seat_map *map, const uint32_t *seats, uint32_t count, uint16_t from,
                     uint16_t to);
void seat_map_block(struct seat_map *map, const uint32_t *seats, uint32_t count);
void seat_map_unblock(struct seat_map *map, const uint32_t *seats, uint32_t count);

uint64_t seat_map_memory_bytes(const struct seat_map *map);

#endif
