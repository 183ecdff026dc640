/* The simulator's second opinion: what docs/inventory.md says each command does,
 * written from that page alone, with arrays and scans. It shares no code with the
 * engine but the layouts of commands, records and seat plans.
 *
 * Rate limits, keys under way and crashes are not its business: whoever drives it
 * says what was decided when. Bookings and orders keep their ids for ever. One
 * thread; memory that runs out ends the program. */
#ifndef TESTS_MODEL_MODEL_H
#define TESTS_MODEL_MODEL_H

#include "../../engine/command.h"
#include "../../engine/record.h"

struct model;

struct model_options {
    uint32_t reservation_ttl_ms;
    uint32_t hold_ms_max;   /* the ceiling of extending, from the booking's creation */
    uint32_t max_per_order; /* of a seated zone never more than 32 */
    uint64_t idempotency_ms;
};

/* The top byte of a seat in a SEAT_UNAVAILABLE answer. */
enum model_seat_state { MODEL_SEAT_FREE, MODEL_SEAT_RESERVED, MODEL_SEAT_SOLD, MODEL_SEAT_BLOCKED };

/* As struct answer, but with everything side by side and nothing owned. */
struct model_answer {
    enum result result;
    bool replayed;                /* the stored answer to an idempotency key */
    struct refusal_detail detail; /* as result.h says; what it does not name is 0 */
    struct booking_facts booking; /* of the commands on one booking, when OK */
    struct zone_facts zone;       /* CAPACITY, ZONE_SALE */
    struct block_facts block;     /* BLOCK_CREATE, BLOCK_END; seats NULL */
    /* Of the booking, ascending; or those the refusal is about: of SEAT_UNAVAILABLE with
     * their state in the top byte (the first 32), of the others with 0 there. */
    uint32_t seat_count;
    uint32_t seats[RECORD_SEATS_MAX];
    struct order_facts order; /* of the commands on orders, when OK; else its count is 0 */
};

struct model *model_new(const struct model_options *options);
void model_free(struct model *model);
struct model *model_copy(const struct model *model);

/* RECORD_EVENT, SHOW, ZONE: the new version; a show comes before its zones. A zone's
 * plan is copied, from zone.plan if set, else from plan_bytes. Others are ignored. */
void model_catalog(struct model *model, const struct record *record);

/* Decides the whole command, home and zone, and applies it when OK. `named` is the id
 * that the engine gave to what it made (booking, block); unused if it makes nothing.
 * A way outside the show's, seats outside the plan and transfers to oneself never get
 * this far in the engine: asserted. Returns answer->result.
 *
 * Lapsed reservations and blocks of the zones it touches end before the zone looks, but
 * after the home's checks; those of other zones count for limits until model_expire. */
enum result model_decide(struct model *model, const struct command *command,
                         const struct uuid *named, uint64_t now_ms, struct model_answer *answer);

/* The same for ORDER_CREATE (with the new ids), ORDER_CONFIRM, ORDER_CANCEL (NULL, NULL). */
enum result model_decide_order(struct model *model, const struct command *command,
                               const struct uuid *order_id, const struct uuid *booking_ids,
                               uint64_t now_ms, struct model_answer *answer);

/* What a crash takes: remembered refusals, and answers that needed no record. */
void model_forget_refusals(struct model *model);

/* Ends reservations with a deadline, and blocks with an end, at now_ms or before. */
void model_expire(struct model *model, uint64_t now_ms);

/* --- looking in: as of the last decision or expiry, unless a time is asked for --- */

struct model_counts {
    uint32_t total, target; /* target < total: draining */
    uint32_t free, reserved, sold, blocked;
    bool closed;
};
/* False: unknown zone or segment. */
bool model_zone_counts(const struct model *model, const struct uuid *zone_id, uint32_t segment,
                       struct model_counts *counts);
/* available: free on the whole way. reserved, sold: tickets of bookings, each once.
 * blocked: on the fullest segment. */
bool model_zone_facts(const struct model *model, const struct uuid *zone_id,
                      struct zone_facts *facts);
/* Free on every segment of [from, to), for general sale; of a seated zone seats neither
 * taken nor blocked. */
uint32_t model_zone_left(const struct model *model, const struct uuid *zone_id, uint32_t from,
                         uint32_t to);

/* Tickets that count against the user's limit of the event. */
uint32_t model_user_tickets(const struct model *model, const struct uuid *user_id,
                            const struct uuid *event_id);

/* Whoever's it is. A reservation whose deadline is at now_ms or before reads expired,
 * since its deadline. seats: RECORD_SEATS_MAX places or NULL. False: unknown. */
bool model_booking(const struct model *model, const struct uuid *booking_id, uint64_t now_ms,
                   struct booking_facts *facts, uint32_t *seat_count, uint32_t *seats);

/* Every booking ever made, in the order they were made. */
uint32_t model_booking_count(const struct model *model);
const struct uuid *model_booking_id(const struct model *model, uint32_t index);

/* On [from, to): sold if it is sold on any of its segments, else reserved if on any, else blocked.
 */
enum model_seat_state model_seat_state(const struct model *model, const struct uuid *zone_id,
                                       uint32_t seat, uint32_t from, uint32_t to);

/* Active blocks of a zone. */
uint32_t model_block_count(const struct model *model, const struct uuid *zone_id);

/* False: unknown. */
bool model_order(const struct model *model, const struct uuid *order_id, uint64_t now_ms,
                 struct order_facts *facts);

/* Asserts that all it keeps twice agrees: cells and bookings, counts and limits. Slow. */
void model_check(const struct model *model);

#endif
