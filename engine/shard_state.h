/* The inside of a shard, for shard*.c only. */
#ifndef ENGINE_SHARD_STATE_H
#define ENGINE_SHARD_STATE_H

#include "booking.h"
#include "hash_index.h"
#include "idempotency.h"
#include "quota.h"
#include "rate_limit.h"
#include "refusal_memory.h"
#include "shard.h"
#include "slab.h"
#include "zone.h"

struct shard {
    struct shard_options options;
    struct catalog *catalog;

    /* zone role */
    struct slab zones; /* of struct zone * */
    struct hash_index zone_by_id;
    uint32_t zone_last; /* number last asked for */
    struct booking_table bookings;
    uint32_t *changed_zones; /* numbers, each once */
    uint32_t changed_zone_count;

    /* home role */
    struct quota_table quotas;
    struct idempotency_table keys;
    struct refusal_memory refusals;
    struct rate_limit_table rates;
};

static inline struct zone *shard_zone_at(const struct shard *shard, uint32_t number)
{
    return *(struct zone **)slab_at(&shard->zones, number);
}

static inline bool shard_owns_zone(const struct shard *shard, const struct uuid *zone_id)
{
    return partition_shard_of(shard->options.partitions, zone_id) == shard->options.index;
}

static inline bool shard_is_home_of(const struct shard *shard, const struct uuid *user_id)
{
    return partition_shard_of(shard->options.partitions, user_id) == shard->options.index;
}

/* --- idempotency keys: shard_keys.c --- */

/* SHARD_ADMIT: the key is new (or there is none). */
enum shard_admission shard_check_key(struct shard *shard, struct command *command, uint64_t now_ms,
                                     struct answer *answer);
/* Keeps what the key's request came to. */
void shard_settle_key(struct shard *shard, const struct answer *answer, uint64_t now_ms);
void shard_remember_refusal(struct shard *shard, const struct request_key *key,
                            const struct answer *answer, uint64_t now_ms);

/* HASH_INDEX_MISSING: not this shard's, or not opened yet. */
uint32_t shard_zone_number(struct shard *shard, const struct uuid *zone_id);

void shard_booking_facts(const struct shard *shard, uint32_t slot, uint64_t now_ms,
                         struct booking_facts *facts);

/* What the zone has against a reserve, price first: PRICE_CHANGED,
 * INSUFFICIENT_STOCK or OK. Fills *detail. */
enum result shard_check_offer(const struct zone *zone, const struct command_reserve *reserve,
                              struct refusal_detail *detail);

/* Lowers a user's count for an event; false: it was not that high. */
bool shard_quota_return(struct shard *shard, const struct uuid *user_id,
                        const struct uuid *event_id, uint32_t tickets);

/* What a record means to this shard as a home: keys and counts. */
enum shard_replay_result shard_replay_home(struct shard *shard, const struct record *record);

#endif
