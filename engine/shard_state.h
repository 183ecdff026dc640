/* The inside of a shard, for shard*.c only. */
#ifndef ENGINE_SHARD_STATE_H
#define ENGINE_SHARD_STATE_H

#include "block.h"
#include "booking.h"
#include "hash_index.h"
#include "idempotency.h"
#include "order.h"
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
    struct block_table blocks;
    uint32_t *changed_zones; /* numbers, each once */
    uint32_t changed_zone_count;
    uint32_t *outdated_zones; /* whose part of zones_hash is not what they are now */
    uint32_t outdated_zone_count;
    uint64_t zones_hash;
    uint64_t zones_bytes; /* of all zones, as they were opened */
    uint64_t *open_seats; /* a bitmap for deciding an exchange */

    /* home role */
    struct quota_table quotas;
    struct idempotency_table keys;
    struct refusal_memory refusals;
    struct rate_limit_table rates;
    struct order_table orders;
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
/* Keeps an answer (RESULT_OK) that a start put together for a key. */
void shard_keep_answer(struct shard *shard, const struct request_key *key,
                       const struct answer *answer);
/* Keeps what the key's request came to. */
void shard_settle_key(struct shard *shard, const struct answer *answer, uint64_t now_ms);
void shard_remember_refusal(struct shard *shard, const struct request_key *key,
                            const struct answer *answer, uint64_t now_ms);

/* HASH_INDEX_MISSING: not this shard's, or not opened yet. */
uint32_t shard_zone_number(struct shard *shard, const struct uuid *zone_id);

/* Every change of a zone's counts is told of, once it is made. */
void shard_mark_changed(struct shard *shard, uint32_t number);

/* What the booking takes; the seats are copied to seats[RECORD_SEATS_MAX]. */
struct zone_places shard_booking_places(const struct shard *shard, uint32_t slot, uint32_t *seats);

void shard_booking_facts(const struct shard *shard, uint32_t slot, uint64_t now_ms,
                         struct booking_facts *facts);

/* --- deciding: shard_decide.c and what it calls --- */

/* What the zone has against a reserve, as far as can be told without looking at
 * allotments and seats: SALE_CLOSED, PRICE_CHANGED, INSUFFICIENT_STOCK or OK.
 * Fills *detail. */
enum result shard_check_offer(const struct zone *zone, const struct command_reserve *reserve,
                              struct refusal_detail *detail);

/* The segments a request means. False: the zone has no such way. */
bool shard_way(const struct zone *zone, const struct command_reserve *reserve, uint16_t *from,
               uint16_t *to);

/* The caller's booking: HASH_INDEX_MISSING when unknown or another's. */
uint32_t shard_own_booking(const struct shard *shard, const struct command *command);

/* What the booking's state has against a change: PART_OF_ORDER, RESERVATION_EXPIRED,
 * INVALID_STATE or OK. */
enum { SHARD_ALLOW_CONFIRMED = 1, SHARD_ALLOW_ORDER = 2 };
enum result shard_check_state(const struct shard *shard, const struct booking *booking,
                              uint64_t now_ms, unsigned allowed, struct refusal_detail *detail);

/* Recounts everything against the counts that are kept. */
void shard_audit(const struct shard *shard, struct inquiry_audit *audit);

struct seat_request {
    uint16_t from, to;
    uint32_t quantity;
    bool allow_split;
    bool allow_orphans;
    const struct block *block; /* the allotment drawn from; NULL: general sale */
    const uint64_t *only;      /* the open seats; NULL: those of general sale, or the block's */
    const uint32_t *named;     /* `quantity` of them; NULL: the best available */
};
/* The seats of a seated zone that answer a request, or what stands against them. */
enum result shard_choose_seats(const struct zone *zone, const struct seat_request *request,
                               uint32_t seats[RECORD_SEATS_MAX], struct refusal_facts *refusal);
bool shard_allows_orphans(const struct shard *shard, const struct zone *zone);

/* True: the actor may change the zone: an administrator or the event's organizer. */
bool shard_may_manage(const struct shard *shard, const struct actor *actor,
                      const struct zone *zone);

/* True: there may be places in the zone whose time is over. */
bool shard_zone_is_overdue(const struct shard *shard, uint32_t number, uint64_t now_ms);

/* Left of an allotment on the way. */
uint32_t shard_block_left(const struct zone *zone, const struct block *block, uint16_t from,
                          uint16_t to);

/* As shard_decide, for the kinds each is named after. */
enum result shard_decide_settled(struct shard *shard, uint32_t slot, enum booking_status end,
                                 const struct command *command, struct record *record);
enum result shard_decide_change(struct shard *shard, const struct command *command, uint64_t now_ms,
                                struct record *record, struct refusal_facts *refusal);
enum result shard_decide_pin(struct shard *shard, const struct command *command, uint64_t now_ms,
                             struct record *record, struct refusal_facts *refusal);
enum result shard_decide_zone(struct shard *shard, const struct command *command,
                              struct record *record, struct refusal_facts *refusal);

/* Begins a record of a change: all of the booking as it is, the caller alters it. */
struct record_changed *shard_begin_change(const struct shard *shard, uint32_t slot,
                                          enum change_cause cause, struct record *record);

/* The record of a block's end. */
void shard_record_block_end(const struct shard *shard, uint32_t slot, enum change_cause cause,
                            struct record *record);

/* --- replaying: whether a record from the disk is possible --- */

enum shard_replay_result shard_replay_check_changed(const struct shard *shard,
                                                    const struct record *record);
enum shard_replay_result shard_replay_check_block(struct shard *shard, const struct record *record);
enum shard_replay_result shard_replay_check_zone(struct shard *shard, const struct record *record);
/* Seats that a booking is to have: the zone's, each once, and free but for those of
 * `own` (NULL: none), which it has already. */
enum shard_replay_result shard_replay_check_seats(const struct zone *zone,
                                                  const struct zone_places *places,
                                                  uint32_t seat_count,
                                                  const struct zone_places *own);

/* --- home role --- */

/* All that is against a reserve before its zone's shard decides, then counts its
 * tickets, which are under way from then on. RESULT_OK with *wait: not yet. */
enum result shard_admit_reserve(struct shard *shard, struct command *command, uint64_t now_ms,
                                struct refusal_detail *detail, bool *wait);
/* What was under way is decided: `tickets` of it are not the user's. */
void shard_give_back_quota(struct shard *shard, const struct uuid *user_id, uint32_t event_number,
                           uint32_t tickets);
/* Counts tickets as taken, and as under way. */
enum result shard_take_quota(struct shard *shard, const struct uuid *user_id, uint32_t event_number,
                             uint32_t quantity);

/* As shard_admit_reserve, of an order's items or of an order that is there. */
enum result shard_admit_order(struct shard *shard, struct command *command, uint64_t now_ms,
                              struct refusal_detail *detail, bool *wait);
/* An order's part in a record on one of its bookings, or its decision. */
bool shard_replay_order(struct shard *shard, const struct record *record);

/* Lowers a user's count for an event; false: it was not that high. */
bool shard_quota_return(struct shard *shard, const struct uuid *user_id,
                        const struct uuid *event_id, uint32_t tickets);

/* What a record means to this shard as a home: keys and counts. */
enum shard_replay_result shard_replay_home(struct shard *shard, const struct record *record);

#endif
