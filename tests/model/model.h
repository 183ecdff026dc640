/* The simulator's second opinion: what docs/inventory.md says each command does,
 * written from that page alone. It keeps bookings and blocks; whatever else one may
 * ask - what is free, who has a seat, how many tickets a user holds - it counts from
 * them each time. It shares no code with the engine but the layouts of commands,
 * records and seat plans.
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
    struct refusal_detail detail; /* what result.h names for the result; the rest means nothing */
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

/* RECORD_EVENT, SHOW, ZONE: the new version; a show comes before its zones. Others are
 * ignored. */
void model_catalog(struct model *model, const struct record *record);

/* Ends what is due at now_ms, then decides the whole command, home and zone, and applies
 * it when OK. `ids` are those that the engine gave to what it made: the booking's or
 * block's; the order's and then its bookings'. NULL will do where nothing is made. A way outside
 * the show's, seats outside the plan and transfers to oneself never get this far in the engine:
 * asserted. Returns answer->result. */
enum result model_decide(struct model *model, const struct command *command, const struct uuid *ids,
                         uint64_t now_ms, struct model_answer *answer);

/* What a crash takes: remembered refusals, and answers that needed no record. */
void model_forget_refusals(struct model *model);

/* --- looking in, as of the last decision --- */

/* available: free on the whole way. reserved, sold: tickets of bookings, each once.
 * blocked: on the fullest segment. The zone is known. */
struct zone_facts model_zone_facts(const struct model *model, const struct uuid *zone_id);

/* Free on every segment of [from, to), for general sale; of a seated zone seats neither
 * taken nor blocked. The zone is known. */
uint32_t model_zone_left(const struct model *model, const struct uuid *zone_id, uint32_t from,
                         uint32_t to);

/* Tickets that count against the user's limit of the event. */
uint32_t model_user_tickets(const struct model *model, const struct uuid *user_id,
                            const struct uuid *event_id);

/* Whoever's it is, once what is due at now_ms has ended. NULL: unknown. */
const struct booking_facts *model_booking(struct model *model, const struct uuid *booking_id,
                                          uint64_t now_ms);

/* Asserts what must hold of any state, however it came about. Slow. */
void model_check(const struct model *model);

#endif
