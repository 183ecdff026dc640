/* The refusals last given to requests with an idempotency key, so that a repeat
 * gets the same one. In memory only and bounded: the oldest makes room. Pure. */
#ifndef ENGINE_REFUSAL_MEMORY_H
#define ENGINE_REFUSAL_MEMORY_H

#include "command.h"
#include "hash_index.h"

struct refusal {
    uint64_t hash; /* of caller and key; 0: empty */
    uint32_t fingerprint;
    enum result result;
    uint64_t refused_ms;
    struct refusal_detail detail;
    uint32_t seat_count; /* the seats it is about, as in struct answer */
    uint32_t seats[RECORD_SEATS_MAX];
};

struct refusal_memory {
    struct refusal *ring;
    uint32_t next;
    struct hash_index by_hash;
    uint64_t keep_ms;
};

bool refusal_memory_init(struct refusal_memory *memory, uint64_t keep_ms);
void refusal_memory_release(struct refusal_memory *memory);

/* NULL: not remembered. */
const struct refusal *refusal_find(const struct refusal_memory *memory, uint64_t hash,
                                   uint64_t now_ms);
/* Remembers, or renews what is remembered for the key. */
void refusal_remember(struct refusal_memory *memory, const struct refusal *refusal);
/* Forgets the key, if it is there. */
void refusal_forget(struct refusal_memory *memory, uint64_t hash);

#endif
