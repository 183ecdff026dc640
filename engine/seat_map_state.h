/* The inside of a map, for seat_*.c only: bitmaps over the seats, word by word.
 *
 * `general` and `opens` come from the plan; `taken`, `sold` and `blocked` are the
 * state; the rest is derived from those. The derived part is kept for requests of
 * the whole journey - the only kind a show without stops has - so that choosing
 * starts from what is open now instead of working it out. */
#ifndef ENGINE_SEAT_MAP_STATE_H
#define ENGINE_SEAT_MAP_STATE_H

#include "seat_map.h"

enum { SEAT_WORD_BITS = 64, SEAT_MAP_WORDS_MAX = (SEAT_PLAN_SEATS_MAX + 63) / 64 };
/* As many seats together as most ask for at most: what helps to find them is kept for
 * windows of 1..SEAT_FEW seats. */
enum { SEAT_FEW = 8 };

/* A word in the order of choosing. */
struct seat_place {
    uint32_t word;
    uint32_t rank; /* the best a window that starts in the word may contain */
    /* By size, 1 first: the least sum of ranks of so many seats in succession that start
     * in the word, whoever sits there. UINT32_MAX: no seat has so many behind it. */
    uint32_t least[SEAT_FEW];
};

/* Of 64 places of the order, by size, 1 first: the words that may have a window of the
 * whole journey, and one that leaves no single seat. A bit falls when a search finds
 * none, and is set again when a seat changes near the word. */
struct seat_hope {
    uint64_t fallen; /* of some size */
    uint64_t any[SEAT_FEW], clean[SEAT_FEW];
};

struct seat_map {
    const struct seat_plan *plan;
    uint64_t bytes;
    uint32_t word_count; /* of each bitmap */
    uint16_t segment_count;

    /* --- from the plan --- */
    uint64_t *exists;  /* all seats: the last word may have more bits than seats */
    uint64_t *general; /* neither accessible nor companion */
    uint64_t *opens;   /* no neighbour on the left */
    /* Of the seats before each, so that a window's sum is a difference; it may
     * wrap around, the difference is right. seat_count + 1 entries. */
    uint32_t *rank_sums;
    struct seat_place *order; /* words by rank, then by place */
    uint32_t *position;       /* of a word in the order */

    /* --- the state --- */
    uint64_t *taken, *sold; /* segment_count bitmaps each, one behind the other */
    uint64_t *blocked;

    /* --- derived, of the whole journey --- */
    uint64_t *busy;   /* taken on any segment */
    uint64_t *open;   /* general, neither busy nor blocked; a zero word at either end */
    uint64_t *joined; /* open, and so is the neighbour on the right; as open */
    uint64_t *live;   /* by order: the words with an open seat */
    struct seat_hope *hopes;
    uint32_t free_count, free_general_count;
};

static inline uint64_t *seat_map_taken(const struct seat_map *map, uint32_t segment)
{
    return map->taken + (size_t)segment * map->word_count;
}

static inline uint64_t *seat_map_sold(const struct seat_map *map, uint32_t segment)
{
    return map->sold + (size_t)segment * map->word_count;
}

static inline bool seat_map_whole(const struct seat_map *map, uint16_t from, uint16_t to)
{
    return from == 0 && to == map->segment_count;
}

/* Of the seats of word `w` those with an open neighbour on the right. `open` and
 * `opens` may be read at w + 1. */
static inline uint64_t seat_word_joined(const uint64_t *open, const uint64_t *opens, uint32_t w)
{
    uint64_t right = open[w] >> 1 | open[w + 1] << 63;
    uint64_t gap = opens[w] >> 1 | opens[w + 1] << 63;
    return open[w] & right & ~gap;
}

/* Ones in x, by adding neighbours. The compiler's own is a call into its library
 * on a plain x86-64. */
static inline uint32_t seat_word_count(uint64_t x)
{
    x -= x >> 1 & 0x5555555555555555;
    x = (x & 0x3333333333333333) + (x >> 2 & 0x3333333333333333);
    x = (x + (x >> 4)) & 0x0F0F0F0F0F0F0F0F;
    return (uint32_t)(x * 0x0101010101010101 >> 56);
}

#endif
