/* Seeded random numbers for simulations: one stream for each purpose, derived from
 * the run's seed and the purpose's name, so that a new draw in one place shifts
 * none of the others. Algorithms: xoshiro256** (Blackman and Vigna, 2018) seeded by
 * splitmix64 (Steele, Lea and Flood, 2014); the name goes in by FNV-1a. */
#ifndef TESTS_SIM_RANDOM_H
#define TESTS_SIM_RANDOM_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { SIM_RANDOM_MILLION = 1000000 };

struct sim_random {
    uint64_t state[4];
};

static inline uint64_t sim_random_split(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline void sim_random_init(struct sim_random *random, uint64_t seed, const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * 0x100000001b3u;
    uint64_t state = seed ^ sim_random_split(&hash);
    for (int i = 0; i < 4; i++)
        random->state[i] = sim_random_split(&state);
}

static inline uint64_t sim_random_rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static inline uint64_t sim_random_next(struct sim_random *random)
{
    uint64_t *s = random->state;
    uint64_t result = sim_random_rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = sim_random_rotate(s[3], 45);
    return result;
}

/* 0..limit-1; the bias of a 64-bit remainder is below anything a test sees. */
static inline uint64_t sim_random_below(struct sim_random *random, uint64_t limit)
{
    assert(limit > 0);
    return sim_random_next(random) % limit;
}

/* first..last */
static inline uint64_t sim_random_between(struct sim_random *random, uint64_t first, uint64_t last)
{
    assert(first <= last);
    return last - first == UINT64_MAX ? sim_random_next(random)
                                      : first + sim_random_below(random, last - first + 1);
}

/* True in `millionths` of a million draws. */
static inline bool sim_random_chance(struct sim_random *random, uint32_t millionths)
{
    return sim_random_below(random, SIM_RANDOM_MILLION) < millionths;
}

/* first..last, each power of two as likely as the next; first is 1 or more. */
static inline uint64_t sim_random_scale(struct sim_random *random, uint64_t first, uint64_t last)
{
    assert(first > 0 && first <= last);
    unsigned low = 63 - (unsigned)__builtin_clzll(first),
             high = 63 - (unsigned)__builtin_clzll(last);
    uint64_t least = 1ull << sim_random_between(random, low, high);
    uint64_t most = least + (least - 1);
    return sim_random_between(random, least < first ? first : least, most > last ? last : most);
}

static inline void sim_random_fill(struct sim_random *random, void *bytes, size_t length)
{
    uint8_t *out = bytes;
    while (length > 0) {
        uint64_t word = sim_random_next(random);
        size_t part = length < sizeof word ? length : sizeof word;
        memcpy(out, &word, part);
        out += part;
        length -= part;
    }
}

#endif
