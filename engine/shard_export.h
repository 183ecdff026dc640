/* What a shard's state consists of, piece by piece, for a snapshot: everything
 * that replaying the log made and that is not derived from the rest. A user's
 * counts, the free places of a zone and all indices are derived. Pure; the
 * shard's thread, or an offline tool.
 *
 * The pieces name things by id, so they can be put (shard_import.h) into another
 * number of shards than they came from. */
#ifndef ENGINE_SHARD_EXPORT_H
#define ENGINE_SHARD_EXPORT_H

#include "order.h"
#include "shard.h"

/* A zone's inventory beyond its catalog object. */
struct shard_zone_state {
    struct uuid id;
    uint32_t total;
    uint32_t target;  /* being drained to; total: none */
    uint32_t changes; /* of any place's state, ever */
    bool closed;
};

/* A block, active or ended; bookings go on naming it. */
struct shard_block_state {
    struct record_block record; /* cause CREATED; what it points to is the shard's */
    uint32_t zone;              /* number of its zone */
    uint64_t created_ms;
    bool active;
};

struct shard_booking_state {
    struct uuid id;
    struct uuid user_id;
    uint32_t zone; /* number of its zone: see shard_export_zone */
    enum booking_status status;
    uint32_t quantity;
    uint32_t ttl_ms;
    uint16_t from_segment, to_segment;
    int64_t unit_price_minor;
    uint64_t changed_after_ms; /* since reserved; 0 while untouched */
    /* What most bookings have not: */
    bool pinned;
    struct uuid reserver_id; /* who reserved it, before it was given away; nil: user_id */
    struct uuid block_id;    /* the allotment it is drawn from */
    struct order_part order; /* its own */
    struct order_part pinned_by;
    struct uuid exchanged_from;
    uint32_t seat_count;
    uint32_t seats[RECORD_SEATS_MAX];
};

/* On disk: never renumber. */
enum shard_key_kind {
    SHARD_KEY_BOOKING = 1, /* of a general zone's booking */
    SHARD_KEY_ANSWER,      /* the first answer is kept as it was */
    SHARD_KEY_EVENT,       /* the first of those that made a catalog object */
    SHARD_KEY_SHOW,
    SHARD_KEY_ZONE,
    SHARD_KEY_STATION,
    SHARD_KEY_ROUTE
};

/* An idempotency key with what its first request made. */
struct shard_key_state {
    struct request_key key;
    enum shard_key_kind kind;
    enum command_kind made_by;
    uint64_t accepted_ms;
    uint32_t quantity;
    uint32_t ttl_ms;
    uint32_t remaining;
    struct uuid booking_id; /* SHARD_KEY_BOOKING; else nil */
    union {                 /* the version it made; the shard's */
        const struct catalog_event *event;
        const struct catalog_show *show;
        const struct catalog_zone *zone;
        const struct catalog_station *station;
        const struct catalog_route *route;
        const uint8_t *answer; /* SHARD_KEY_ANSWER; as answer_memory_read */
    };
    uint32_t answer_length;
};

/* --- zone role: numbers from 0 to the count, in the order they came --- */

uint32_t shard_export_zone_count(const struct shard *shard);
void shard_export_zone(const struct shard *shard, uint32_t number, struct shard_zone_state *out);

/* Slots from 0 to the count, in the order they were made. False: the slot is empty. */
uint32_t shard_export_block_count(const struct shard *shard);
bool shard_export_block(const struct shard *shard, uint32_t slot, struct shard_block_state *out);

/* Slots from 0 to the count, roughly in the order they were reserved. False: the
 * slot is empty. */
uint32_t shard_export_booking_count(const struct shard *shard);
bool shard_export_booking(const struct shard *shard, uint32_t slot,
                          struct shard_booking_state *out);

/* --- home role --- */

/* Keys in the order they were accepted: *at is 0 for the first and then what the
 * call before left there. Keys too old at now_ms are left out. A kept answer is
 * written to `answer`, of ANSWER_MEMORY_BYTES_MAX bytes. False: no more. */
bool shard_export_key(const struct shard *shard, uint64_t now_ms, uint32_t *at, uint8_t *answer,
                      struct shard_key_state *out);

/* Slots from 0 to the count. NULL: the slot is empty. */
uint32_t shard_export_order_count(const struct shard *shard);
const struct order *shard_export_order(const struct shard *shard, uint32_t slot);

/* Order-independent hash of the home role: keys younger than the window at now_ms,
 * orders, and the tickets of users. Beside shard_state_hash, which is the zone role's. */
uint64_t shard_home_hash(const struct shard *shard, uint64_t now_ms);

#endif
