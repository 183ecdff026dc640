/* A shard: all state one worker owns, and the steps that decide on it.
 *
 * Two roles live in a shard. As the *zone's* shard it owns inventory and
 * bookings of its zones; what it decides becomes a record. As a user's *home*
 * shard it owns idempotency keys and tickets per event; that is derived from
 * records (its own and other shards') and rebuilt from the logs at start.
 *
 * Pure: reads no clock, draws no random number, does no I/O. Live decisions and
 * replay change state through the same apply, so both give the same state. */
#ifndef ENGINE_SHARD_H
#define ENGINE_SHARD_H

#include "command.h"
#include "inquiry.h"
#include "partition.h"
#include "record.h"

struct shard_options {
    uint16_t index;
    const struct partition_map *partitions;
    uint32_t reservation_ttl_ms;
    uint32_t hold_ms_max; /* no extension past created + this; 0: three times the time to live */
    uint32_t max_per_order;
    uint64_t idempotency_ms;     /* how long a key is kept */
    uint32_t reserve_per_minute; /* rate limit per user; 0: off */
    uint32_t reserve_burst;
};

struct shard;
struct order; /* order.h */

struct shard *shard_new(const struct shard_options *options); /* NULL: out of memory */
void shard_free(struct shard *shard);

struct catalog *shard_catalog(struct shard *shard);

/* --- home role --- */

enum shard_admission {
    SHARD_ADMIT,    /* send it on to the zone's shard; its tickets are counted already */
    SHARD_REPEAT,   /* an accepted repeat: the command now names its booking; that
                     * booking's shard states the facts through shard_repeat */
    SHARD_ANSWERED, /* *answer is complete: a refusal, or a repeat of a catalog change */
    SHARD_WAIT      /* depends on a decision still under way: try again after it settles */
};

/* Checks in the order of result.h. */
enum shard_admission shard_admit(struct shard *shard, struct command *command, uint64_t now_ms,
                                 struct answer *answer);

/* A transfer, on its receiver's home shard: the limit (the booking's zone and
 * quantity are in the command). ADMIT: counted as the receiver's. */
enum shard_admission shard_count_transfer(struct shard *shard, const struct command *command,
                                          struct answer *answer);
/* It was decided: settlement.tickets were counted, the receiver keeps what the
 * booking has now. */
void shard_settle_transfer(struct shard *shard, const struct answer *answer);

/* A decision on an admitted command came back: keep the key, or give the
 * tickets of a refused reserve back. */
void shard_settle(struct shard *shard, const struct answer *answer, uint64_t now_ms);

/* Tickets expired elsewhere: lower the user's count. */
void shard_released(struct shard *shard, const struct uuid *user_id, const struct uuid *event_id,
                    uint32_t quantity);

/* --- orders of this shard's users: shard_order.c --- */

struct order_table *shard_orders(struct shard *shard);
/* The items of an admitted order that comes to nothing at once: as if it had not come. */
void shard_retract_order(struct shard *shard, const struct command *command);
/* Counts the new places of an exchange, over the limit for a while if need be:
 * the old ones are given back when it is done. False: full. */
bool shard_take_exchange(struct shard *shard, const struct uuid *user_id, uint32_t event_number,
                         uint32_t quantity);
/* What one of an order's bookings came to: lowers the count by what was refused. */
void shard_settle_part(struct shard *shard, const struct answer *answer);
/* Notes of the answers to orders what a record on one of their bookings says, from
 * the zone's shard as it is right after it; keeps an answer that is complete.
 * After a start, as shard_remember_answer. */
void shard_remember_order(struct shard *shard, struct shard *zone_shard,
                          const struct record *record);
/* After a replay, a walk through the reservations that exchanges under way made: the next
 * one, its exchange and its user. *at is 0 before the first. False: no more. */
bool shard_next_try(const struct shard *shard, uint32_t *at, struct uuid *booking_id,
                    struct uuid *exchange_id, struct uuid *user_id);
/* After a replay: an item of an order that was let go had lapsed before, so that no record
 * of the order's says what became of it; the answer has it as it is. */
void shard_remember_lapsed(struct shard *shard, struct order *order, uint32_t item,
                           const struct answer *answer);
/* A key that a start found undecided is under way again. */
void shard_reopen_key(struct shard *shard, const struct request_key *key, uint64_t now_ms);

/* Forgets keys older than idempotency_ms; bounded work per call. */
void shard_forget(struct shard *shard, uint64_t now_ms);

/* --- zone role --- */

/* True: this shard has opened the zone's inventory. */
bool shard_knows_zone(struct shard *shard, const struct uuid *zone_id);
/* The partition to put into a booking id of the zone. */
uint16_t shard_zone_partition(struct shard *shard, const struct uuid *zone_id);

/* Loads ahead what admitting and deciding the command will touch, in two steps
 * with the same steps of other commands between them. */
enum shard_prefetch_step { SHARD_PREFETCH_BUCKETS, SHARD_PREFETCH_ENTRIES };
void shard_prefetch(const struct shard *shard, const struct command *command,
                    enum shard_prefetch_step step);

/* The same for a record that is to be replayed. */
void shard_prefetch_record(const struct shard *shard, const struct record *record,
                           enum shard_prefetch_step step);

/* The numbers behind a refusal, and the seats it is about: the index, with the
 * enum seat_state in the top byte. */
struct refusal_facts {
    struct refusal_detail detail;
    uint32_t seat_count;
    uint32_t seats[RECORD_SEATS_MAX];
};

/* Decides a command on a booking (reserve, confirm, cancel, extend, release,
 * exchange, transfer, refund; pin, post, void) or on a zone (block, capacity,
 * sale). RESULT_OK: *record holds the decision, nothing has changed yet; what it
 * points to is the command's. Else *refusal holds what result.h says.
 * A repeat of what already is so (confirm a confirmed one) is RESULT_OK with
 * record->kind 0: nothing to log.
 *
 * Who calls has named what is made: reserve.booking_id carries now_ms and the
 * zone's partition, zone_change.block->block_id is new. Limits per user are the
 * home shard's, before. */
enum result shard_decide(struct shard *shard, const struct command *command, uint64_t now_ms,
                         struct record *record, struct refusal_facts *refusal);

/* True: the decision may rest on places of its zone whose holds are overdue. It must
 * not be logged or answered: apply what shard_expire_for gives, then decide again. */
bool shard_is_premature(struct shard *shard, const struct command *command, enum result result,
                        uint64_t now_ms);

/* What time ends next, as one record: reservations of one zone (RECORD_EXPIRED)
 * or one block (RECORD_BLOCK). False: nothing is due at now_ms. */
bool shard_expire(struct shard *shard, uint64_t now_ms, struct record *record);

/* The same, of what makes the command premature and nothing else: another zone's
 * holds may be a million. */
bool shard_expire_for(struct shard *shard, const struct command *command, uint64_t now_ms,
                      struct record *record);

/* The earliest deadline of any reservation or block. UINT64_MAX: none. */
uint64_t shard_next_deadline_ms(const struct shard *shard);

/* The facts of a booking at now_ms (a reservation past its deadline reads as
 * expired even before its record is written). Its seats go to seats[RECORD_SEATS_MAX]
 * unless NULL; *seat_count is 0 in a general zone. False: unknown. */
bool shard_booking(const struct shard *shard, const struct uuid *booking_id, uint64_t now_ms,
                   struct booking_facts *facts, uint32_t *seats, uint32_t *seat_count);

/* Every booking that belongs to an order not decided yet: reserved and a part of
 * one, or pinned. For the start after a replay. */
typedef void (*shard_order_booking)(void *context, const struct booking_facts *facts);
void shard_order_bookings(const struct shard *shard, shard_order_booking each, void *context);

/* A zone's counts now. False: not this shard's. */
bool shard_zone_facts(struct shard *shard, const struct uuid *zone_id, struct zone_facts *facts);

/* Answers of zones, made with malloc and the caller's. NULL: unknown here, or out
 * of memory. shard_block finds ended ones too; shard_blocks has the active ones. */
struct block_facts *shard_block(const struct shard *shard, const struct uuid *block_id);
struct block_list *shard_blocks(struct shard *shard, const struct uuid *zone_id);
/* What each seat is on the segments the query names. length 0: the client's
 * version is this one, or the zone has no seats (seat_count 0). */
struct seat_states *shard_seat_states(struct shard *shard, const struct command_zone *query);

/* This shard's part of a user's list: the newest `page * per_page` of what
 * matches (malloc, the caller's; no larger than the bookings there are). NULL:
 * out of memory. */
struct booking_list *shard_list(const struct shard *shard, const struct uuid *user_id,
                                const struct command_list *query, uint64_t now_ms);
void shard_summary(const struct shard *shard, const struct uuid *user_id,
                   const struct uuid *event_id, uint64_t now_ms, struct booking_summary *summary);

/* The answer that the first request with the command's key got, whatever became of
 * the booking since. */
void shard_repeat(const struct shard *shard, const struct command *command, struct answer *answer);

/* --- catalog (every shard keeps a replica) --- */

/* Decides a catalog change; shard 0 only. As shard_decide. The record's draft
 * points into the command. */
enum result shard_decide_catalog(struct shard *shard, const struct command *command,
                                 uint64_t now_ms, struct record *record);

/* Puts a version into the replica (takes over the reference) and opens the
 * inventory of a new zone if this shard owns it. False: out of memory. */
bool shard_put_event(struct shard *shard, const struct catalog_event *event);
bool shard_put_station(struct shard *shard, const struct catalog_station *station);
bool shard_put_route(struct shard *shard, const struct catalog_route *route);
bool shard_put_show(struct shard *shard, const struct catalog_show *show);
bool shard_put_zone(struct shard *shard, const struct catalog_zone *zone);

/* --- state changes --- */

/* Applies a zone-role record (reserved, confirmed, cancelled, expired, changed,
 * block, zone changed) that this shard decided. Asserts what deciding checked. */
void shard_apply(struct shard *shard, const struct record *record);

enum shard_replay_result {
    SHARD_REPLAY_OK = 0,
    SHARD_REPLAY_UNKNOWN_ZONE,
    SHARD_REPLAY_UNKNOWN_BOOKING,
    SHARD_REPLAY_DUPLICATE_BOOKING,
    SHARD_REPLAY_OVERSOLD,
    SHARD_REPLAY_BAD_STATE,
    SHARD_REPLAY_UNKNOWN_BLOCK,
    SHARD_REPLAY_BAD_SEATS, /* not of the zone, taken, blocked or named twice */
    SHARD_REPLAY_STATE_DIFFERS,
    SHARD_REPLAY_OUT_OF_MEMORY
};

/* Applies a record from any shard's log to every role this shard has in it,
 * checking instead of asserting: the disk's word is not ours. Catalog objects
 * are made once by the caller and shared: use shard_put_* for those. */
enum shard_replay_result shard_replay(struct shard *shard, const struct record *record);
const char *shard_replay_result_name(enum shard_replay_result result);

/* Compares a RECORD_STATE with the state it speaks of: that of the shard whose log
 * it stands in, after all records before it. Only when that log was written with
 * the same partition map; shard_replay passes such records over. */
enum shard_replay_result shard_replay_state(struct shard *shard, const struct record *record);

/* Zones whose counts changed since the last call, for publishing when durable:
 * fills up to `max` entries, returns how many. */
struct shard_zone_counts {
    struct zone_counters *counters;
    uint32_t number; /* the zone's, for shard_zone_pairs */
    uint32_t total, available, reserved, sold, blocked;
    uint32_t changes;
    bool closed;
};
uint32_t shard_take_changed_zones(struct shard *shard, struct shard_zone_counts *out, uint32_t max);

/* The free places of a trip's zone for each pair of stops, in the order of
 * seat_map_pair, as they are now: out[SHARD_PAIRS_MAX]. Returns how many; 0: one
 * segment only. Costs up to 64 passes over the zone's seats: not for every change. */
enum { SHARD_PAIRS_MAX = CATALOG_SEGMENTS_MAX * (CATALOG_SEGMENTS_MAX + 1) / 2 };
uint32_t shard_zone_pairs(const struct shard *shard, uint32_t number, uint32_t *out);

/* --- looking in (worker's thread, or offline tools) --- */

void shard_inquire(struct shard *shard, struct inquiry *inquiry);

struct shard_totals {
    uint64_t bookings, reserved, confirmed, cancelled, expired;
    uint64_t idempotency_keys, quota_entries, users, zones;
    uint64_t memory_bytes; /* of all tables, as touched */
};
void shard_totals(const struct shard *shard, struct shard_totals *totals);

/* Order-independent hash of the zone role's state, which replaying must reproduce:
 * bookings, zones that were ever changed, blocks. Kept up with every record, so
 * that asking costs next to nothing; for RECORD_STATE. */
uint64_t shard_zone_hash(struct shard *shard);
/* The same, from scratch. */
uint64_t shard_state_hash(const struct shard *shard);

/* Ties the answer that a zone-role record's key was given to that key, if `shard`
 * is the home of who acted. `zone_shard` is the zone's, right after the record. */
void shard_remember_answer(struct shard *shard, struct shard *zone_shard,
                           const struct record *record);

/* Ties a version that a record's key made to that key, so that a repeat gets
 * it back. Recovery calls it on the caller's home shard with the shared object.
 * is_new: there was no version of the event before. */
void shard_remember_event(struct shard *shard, const struct record *record,
                          const struct catalog_event *event, bool is_new);
void shard_remember_show(struct shard *shard, const struct record *record,
                         const struct catalog_show *show);
void shard_remember_zone(struct shard *shard, const struct record *record,
                         const struct catalog_zone *zone);
void shard_remember_station(struct shard *shard, const struct record *record,
                            const struct catalog_station *station);
void shard_remember_route(struct shard *shard, const struct record *record,
                          const struct catalog_route *route);

/* Hash of (caller, key): the same in every process and for ever, since it is in
 * the log. Never 0. */
uint64_t request_key_hash(const struct uuid *caller, const char *key, size_t length);

#endif
