/* The hashes of the engine's tables: XXH3-64, compiled in so that short keys of
 * known length cost a few instructions. Not secret; where a hash is written to
 * the log it must stay what it is. */
#ifndef ENGINE_HASH_H
#define ENGINE_HASH_H

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "uuid.h"

static inline uint64_t hash_uuid(const struct uuid *id)
{
    return XXH3_64bits(id->bytes, sizeof id->bytes);
}

static inline uint64_t hash_uuid_seeded(const struct uuid *id, uint64_t seed)
{
    return XXH3_64bits_withSeed(id->bytes, sizeof id->bytes, seed);
}

static inline uint64_t hash_bytes(const void *bytes, size_t length)
{
    return XXH3_64bits(bytes, length);
}

#endif
