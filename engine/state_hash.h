/* Mixing words into a hash of state: a few cycles a pair of words, so that the
 * hash of a shard's state can be kept up with every record. The sum of such hashes
 * is the same in any order. Algorithm: folded 64x64 multiplication (as in Wang
 * Yi's wyhash). It is in the log (RECORD_STATE): it must stay what it is. */
#ifndef ENGINE_STATE_HASH_H
#define ENGINE_STATE_HASH_H

#include <stdint.h>
#include <string.h>

#include "uuid.h"

__extension__ typedef unsigned __int128 state_hash_product;

static inline uint64_t state_hash_mix(uint64_t a, uint64_t b)
{
    state_hash_product product =
        (state_hash_product)(a ^ UINT64_C(0x9E3779B97F4A7C15)) * (b ^ UINT64_C(0xC2B2AE3D27D4EB4F));
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t state_hash_uuid(const struct uuid *id)
{
    uint64_t words[2];
    _Static_assert(sizeof words == sizeof id->bytes, "an id is two words");
    memcpy(words, id->bytes, sizeof words);
    return state_hash_mix(words[0], words[1]);
}

#endif
