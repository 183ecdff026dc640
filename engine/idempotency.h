/* Idempotency keys of the users whose home is this shard: what each accepted
 * request with a key made, for a day, so that a repeat is answered the same and
 * has no second effect. Rebuilt from the records' keys after a crash. Refusals
 * are remembered apart (refusal_memory.h). Pure.
 *
 * Entries stand in the order they were accepted, so forgetting looks only at
 * the oldest. After a replay of several logs the order is roughly that; age is
 * checked on every find, so only the memory lives a little longer. */
#ifndef ENGINE_IDEMPOTENCY_H
#define ENGINE_IDEMPOTENCY_H

#include "catalog.h"
#include "hash_index.h"
#include "record.h"
#include "slab.h"

enum idempotency_state {
    IDEMPOTENCY_PENDING, /* the first request is not decided yet */
    IDEMPOTENCY_BOOKING,
    IDEMPOTENCY_EVENT,
    IDEMPOTENCY_SHOW,
    IDEMPOTENCY_ZONE
};

struct idempotency_entry {
    uint64_t hash; /* of caller and key */
    union {
        struct uuid booking_id;
        /* One reference each: the very version the first request made. */
        const struct catalog_event *event;
        const struct catalog_show *show;
        const struct catalog_zone *zone;
    };
    uint32_t fingerprint;
    uint32_t remaining;  /* what the first answer to a reserve said */
    uint32_t accepted_s; /* Unix seconds */
    uint32_t newer : 28;
    uint32_t state : 4; /* enum idempotency_state */
};

_Static_assert(sizeof(struct idempotency_entry) == 40, "counted in the memory budget");

struct idempotency_table {
    struct slab entries;
    struct hash_index by_hash;
    uint32_t oldest, newest;
    uint64_t keep_ms;
};

bool idempotency_table_init(struct idempotency_table *table, uint64_t keep_ms);
void idempotency_table_release(struct idempotency_table *table);

/* NULL: never seen, or older than keep_ms at now_ms. */
struct idempotency_entry *idempotency_find(struct idempotency_table *table, uint64_t hash,
                                           uint64_t now_ms);
void idempotency_prefetch(const struct idempotency_table *table, uint64_t hash);

/* A pending entry for a key that is not there. NULL: full. */
struct idempotency_entry *idempotency_begin(struct idempotency_table *table,
                                            const struct request_key *key);
/* The first request was refused or lost: as if it had not come. */
void idempotency_abandon(struct idempotency_table *table, struct idempotency_entry *entry);
/* The first request was accepted; the caller has filled state and object. */
void idempotency_accept(struct idempotency_table *table, struct idempotency_entry *entry,
                        enum idempotency_state state, uint64_t now_ms);

/* Drops entries older than keep_ms; at most a bounded number per call. */
void idempotency_forget(struct idempotency_table *table, uint64_t now_ms);

uint64_t idempotency_table_bytes(const struct idempotency_table *table);

#endif
