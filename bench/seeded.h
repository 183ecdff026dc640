/* Numbers and ids that a seed determines, so that every run has the same load.
 * Algorithm: splitmix64 (Steele, Lea and Flood, 2014). */
#ifndef BENCH_SEEDED_H
#define BENCH_SEEDED_H

#include "../engine/uuid.h"

#define SEEDED_START_MS UINT64_C(1700000000000)

static inline uint64_t seeded_next(uint64_t *seed)
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Of any partition, as made at SEEDED_START_MS. */
static inline struct uuid seeded_id(uint64_t *seed)
{
    return uuid_v7(SEEDED_START_MS, (uint16_t)(seeded_next(seed) & 4095), seeded_next(seed));
}

#endif
