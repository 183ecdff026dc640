/* The coordination of orders inside a worker, for worker*.c only. */
#ifndef ENGINE_WORKER_ORDER_H
#define ENGINE_WORKER_ORDER_H

#include "order.h"
#include "worker_state.h"

enum order_step {
    ORDER_STEP_HOLD,
    ORDER_STEP_PIN,
    ORDER_STEP_DECIDE, /* waits for room in the log */
    ORDER_STEP_POST,
    ORDER_STEP_VOID,
    ORDER_STEP_READ
};

/* One command on an order on its way. Parts are bits: of an order its items, of
 * an exchange 1 the old booking and 2 the new one. */
struct order_run {
    bool used;
    bool has_client; /* false: a start finishes what a crash cut off */
    bool sending;
    bool repeats;  /* reads what the first request was answered */
    uint8_t count; /* items of the order; 0: an exchange */
    uint8_t parts; /* all that take part */
    uint8_t waiting, again;
    uint8_t left; /* to be voided after those under way */
    uint8_t held; /* those whose last answer was good */
    enum order_step step;
    enum booking_status end;
    uint32_t generation;
    uint64_t expires_ms; /* exchange: the old deadline */
    uint64_t decided_ms; /* stamp of the record of the decision; 0: none yet */
    struct uuid order_id, payment_id;
    struct uuid bookings[ORDER_ITEMS_MAX];
    struct command command;
    struct command_reserve new_reserve; /* exchange */
    struct answer refusal;              /* result OK: none */
    struct order_facts *facts;          /* malloc'd */
};

/* --- worker_order.c: the steps --- */

/* Begins with a step on these parts. */
void worker_order_step(struct worker *worker, struct order_run *run, enum order_step step,
                       uint8_t parts);

/* --- worker_order_command.c: from the client's command to its answer --- */

/* The new zone of an exchange, once the old booking is pinned. False: refused. */
bool worker_order_prepare_exchange(struct worker *worker, struct order_run *run);
/* It is in the log. */
void worker_order_decided(struct worker *worker, struct order_run *run,
                          const struct record *record);
void worker_order_finish(struct worker *worker, struct order_run *run);
/* Begins what a start found to do, as far as there are runs for it. */
void worker_orders_resume(struct worker *worker);

#endif
