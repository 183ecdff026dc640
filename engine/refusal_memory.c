#include "refusal_memory.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "memory.h"

enum { REFUSALS_MAX = 1 << 15 };

static bool refusal_matches(const void *ring, uint32_t slot, const void *key)
{
    const struct refusal *refusals = ring;
    return refusals[slot].hash == *(const uint64_t *)key;
}

static uint64_t refusal_hash(const void *ring, uint32_t slot)
{
    const struct refusal *refusals = ring;
    return refusals[slot].hash;
}

bool refusal_memory_init(struct refusal_memory *memory, uint64_t keep_ms)
{
    *memory = (struct refusal_memory){.keep_ms = keep_ms};
    memory->ring = memory_reserve(REFUSALS_MAX * sizeof *memory->ring);
    if (!memory->ring)
        return false;
    if (hash_index_init(&memory->by_hash, REFUSALS_MAX, memory->ring, refusal_matches,
                        refusal_hash))
        return true;
    memory_release(memory->ring, REFUSALS_MAX * sizeof *memory->ring);
    memory->ring = NULL;
    return false;
}

void refusal_memory_release(struct refusal_memory *memory)
{
    hash_index_release(&memory->by_hash);
    memory_release(memory->ring, REFUSALS_MAX * sizeof *memory->ring);
    memory->ring = NULL;
}

const struct refusal *refusal_find(const struct refusal_memory *memory, uint64_t hash,
                                   uint64_t now_ms)
{
    if (memory->by_hash.count == 0)
        return NULL;
    uint32_t slot = hash_index_find(&memory->by_hash, hash, &hash);
    if (slot == HASH_INDEX_MISSING)
        return NULL;
    const struct refusal *refusal = &memory->ring[slot];
    return now_ms < refusal->refused_ms + memory->keep_ms ? refusal : NULL;
}

/* Few refusals name seats, and the ring goes round through the cache: no more lines of
 * it than there is to say. */
static void put(struct refusal *place, const struct refusal *refusal)
{
    memcpy(place, refusal,
           offsetof(struct refusal, seats) + refusal->seat_count * sizeof refusal->seats[0]);
}

static void drop(struct refusal_memory *memory, uint32_t slot)
{
    hash_index_remove(&memory->by_hash, memory->ring[slot].hash, slot);
    memory->ring[slot].hash = 0;
}

void refusal_remember(struct refusal_memory *memory, const struct refusal *refusal)
{
    assert(refusal->hash != 0);
    uint32_t slot = hash_index_find(&memory->by_hash, refusal->hash, &refusal->hash);
    if (slot != HASH_INDEX_MISSING) {
        put(&memory->ring[slot], refusal);
        return;
    }
    slot = memory->next++ % REFUSALS_MAX;
    if (memory->ring[slot].hash != 0)
        drop(memory, slot);
    put(&memory->ring[slot], refusal);
    bool inserted = hash_index_insert(&memory->by_hash, refusal->hash, slot);
    assert(inserted); /* the index is sized for the ring */
}

void refusal_forget(struct refusal_memory *memory, uint64_t hash)
{
    if (memory->by_hash.count == 0)
        return;
    uint32_t slot = hash_index_find(&memory->by_hash, hash, &hash);
    if (slot != HASH_INDEX_MISSING)
        drop(memory, slot);
}
