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

#include "answer_memory.h"
#include "hash_index.h"

enum idempotency_state {
    IDEMPOTENCY_PENDING, /* the first request is not decided yet */
    IDEMPOTENCY_BOOKING, /* of a general zone: its shard still knows what never changes */
    IDEMPOTENCY_ANSWER,  /* the facts are in the answer memory */
    IDEMPOTENCY_EVENT,
    IDEMPOTENCY_SHOW,
    IDEMPOTENCY_ZONE,
    IDEMPOTENCY_STATION,
    IDEMPOTENCY_ROUTE
};

struct idempotency_entry {
    uint64_t hash; /* of caller and key */
    union {
        struct uuid booking_id;
        uint32_t answer;
        /* One reference each: the very version the first request made. */
        const struct catalog_event *event;
        const struct catalog_show *show;
        const struct catalog_zone *zone;
        const struct catalog_station *station;
        const struct catalog_route *route;
    };
    uint64_t accepted_ms : 44; /* log time of the shard that decided */
    uint64_t quantity : 14;    /* BOOKING: what it was after the request */
    uint64_t made_by : 6;      /* enum command_kind */
    uint32_t fingerprint;
    uint32_t ttl_ms; /* BOOKING, a reserve: the first deadline is this much later */
    uint32_t remaining;
    uint32_t newer : 26;
    uint32_t state : 4; /* enum idempotency_state */
};

_Static_assert(sizeof(struct idempotency_entry) == 48, "counted in the memory budget");
_Static_assert(COMMAND_KIND_COUNT <= 64, "six bits");

struct idempotency_table {
    struct slab entries;
    struct hash_index by_hash;
    struct answer_memory answers;
    uint32_t oldest, newest;
    uint64_t keep_ms;
};

bool idempotency_table_init(struct idempotency_table *table, uint64_t keep_ms);
void idempotency_table_release(struct idempotency_table *table);

/* NULL: never seen, or older than keep_ms at now_ms. */
struct idempotency_entry *idempotency_find(struct idempotency_table *table, uint64_t hash,
                                           uint64_t now_ms);
void idempotency_prefetch(const struct idempotency_table *table, uint64_t hash);

/* A pending entry for a key that is not there. NULL: full, or there might be no
 * room for the answers of all that is pending. */
struct idempotency_entry *idempotency_begin(struct idempotency_table *table,
                                            const struct request_key *key);
/* The first request was refused or lost: as if it had not come. */
void idempotency_abandon(struct idempotency_table *table, struct idempotency_entry *entry);
/* The first request was accepted; the caller has filled the object and what the
 * state needs besides. */
void idempotency_accept(struct idempotency_table *table, struct idempotency_entry *entry,
                        enum idempotency_state state, enum command_kind made_by,
                        uint64_t accepted_ms);

/* Drops entries older than keep_ms; at most a bounded number per call. */
void idempotency_forget(struct idempotency_table *table, uint64_t now_ms);

uint64_t idempotency_table_bytes(const struct idempotency_table *table);

#endif
