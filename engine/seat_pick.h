/* Choosing seats: the best ones available, and whether a choice leaves a single
 * seat nobody will want. The rule, to the last tie, is in docs/inventory.md
 * ("Best available"); a brute-force twin in tests/unit checks it on more than a
 * million random maps. Pure; changes nothing; no allocation. */
#ifndef ENGINE_SEAT_PICK_H
#define ENGINE_SEAT_PICK_H

#include "seat_map.h"

enum { SEAT_PICK_MAX = 32 }; /* seats in one choice */

enum seat_pick_result {
    SEAT_PICK_OK = 0,
    SEAT_PICK_TOO_FEW,     /* not so many free seats for general sale, anywhere */
    SEAT_PICK_NOT_TOGETHER /* enough, but no block has so many side by side */
};

struct seat_pick_wish {
    uint16_t from, to; /* segments */
    uint32_t quantity; /* 1..SEAT_PICK_MAX */
    bool allow_split;
    /* NULL: general sale, where blocked seats are not for the taking. Else only
     * the seats whose bit is set here (an allotment's), blocked or not. */
    const uint64_t *only;
};

struct seat_pick {
    uint32_t seats[SEAT_PICK_MAX]; /* ascending */
    uint32_t free;                 /* TOO_FEW, NOT_TOGETHER: seats there are */
    uint32_t together;             /* NOT_TOGETHER: the longest run there is */
};

enum seat_pick_result seat_pick_best(const struct seat_map *map, const struct seat_pick_wish *wish,
                                     struct seat_pick *pick);

/* True: taking these (free) seats would leave a single seat between others that
 * was not single before, *seat, and some other choice of as many seats together
 * would not. `only` as in the wish. */
bool seat_pick_leaves_orphan(const struct seat_map *map, const uint32_t *seats, uint32_t count,
                             uint16_t from, uint16_t to, const uint64_t *only, uint32_t *seat);

#endif
