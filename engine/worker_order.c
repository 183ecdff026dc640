/* Several bookings that are made, confirmed or let go together, over any shards.
 * The user's home shard coordinates, one *run* for each command:
 *
 *   create    hold all -> [one refused: void those held]
 *   confirm   pin all -> decide (RECORD_ORDER, durable) -> post all
 *                     -> [one refused: void all]
 *   cancel    decide -> void all
 *   exchange  pin the old -> hold the new -> pin it -> decide -> post both
 *                         -> [refused: void the new, then the old]
 *
 * The record in the home shard's log is the commit point: without it a start
 * voids what it finds, with it a start posts (order_recover). Parts of a run
 * answer when what they did is durable where they did it; posting and voiding
 * are tried until they are done. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "worker_order.h"

/* --- the commands of a step --- */

static enum command_kind part_kind(const struct order_run *run)
{
    switch (run->step) {
    case ORDER_STEP_HOLD:
        return COMMAND_RESERVE;
    case ORDER_STEP_PIN:
        return COMMAND_PIN;
    case ORDER_STEP_POST:
        return COMMAND_POST;
    case ORDER_STEP_VOID:
        return COMMAND_VOID;
    default:
        return COMMAND_BOOKING_GET;
    }
}

static void fill_seats(struct command *part, const uint32_t *seats, uint32_t count)
{
    part->seat_count = count;
    memcpy(part->seats, seats, count * sizeof *seats);
}

static void fill_reserve(const struct order_run *run, uint8_t item, struct command *part)
{
    if (run->count == 0) {
        part->reserve = run->new_reserve;
        fill_seats(part, run->command.seats, run->command.seat_count);
    } else {
        const struct order_draft *draft = run->command.order_draft;
        part->reserve = draft->items[item].reserve;
        fill_seats(part, draft->items[item].seats, draft->items[item].seat_count);
        part->key = run->command.key;
    }
    part->reserve.order = (struct order_part){run->order_id, item, run->count};
}

/* An exchange keeps the old deadline, which may have passed before the new booking was
 * made: a confirmed one's long ago, a reservation's while the new places were held. */
static uint32_t ttl_until(uint64_t expires_ms, const struct uuid *booking_id)
{
    uint64_t created_ms = uuid_v7_ms(booking_id);
    return expires_ms > created_ms ? (uint32_t)(expires_ms - created_ms) : 0;
}

static void fill_change(const struct order_run *run, uint8_t item, struct command *part)
{
    struct command_booking *booking = &part->booking;

    booking->booking_id = run->bookings[item];
    booking->order = (struct order_part){run->order_id, item, run->count};
    booking->payment_id = run->payment_id;
    booking->end = run->end;
    if (run->count == 0 && item == 0)
        booking->end = BOOKING_CANCELLED; /* exchanged away */
    else if (run->count == 0)
        booking->ttl_ms = ttl_until(run->expires_ms, &run->bookings[item]);
}

static void send_part(struct worker *worker, const struct order_run *run, uint8_t item,
                      uint64_t sequence)
{
    const struct partition_map *map = &worker->group->partitions;
    struct message message = {.kind = MESSAGE_COMMAND_ZONE};
    struct command *part = &message.command;
    uint16_t to;

    part->kind = part_kind(run);
    part->actor = run->command.actor;
    part->received_ns = worker->now_ns;
    part->to = (struct reply_to){.order_part = true,
                                 .worker = worker->index,
                                 .slot = item,
                                 .connection = (uint32_t)(run - worker->order_runs),
                                 .generation = run->generation};
    if (run->step == ORDER_STEP_HOLD) {
        fill_reserve(run, item, part);
        to = partition_shard_of(map, &part->reserve.zone_id);
    } else {
        fill_change(run, item, part);
        to = partition_shard_of_booking(map, &run->bookings[item]);
    }
    if (run->step == ORDER_STEP_READ)
        message.kind = MESSAGE_COMMAND_READ;
    worker_deliver(worker, sequence, to, &message);
}

static void advance(struct worker *worker, struct order_run *run);

/* Sends the step's commands when `sequence` is durable. Those that are answered
 * while we are still at it are only noted. */
static void send_parts(struct worker *worker, struct order_run *run, uint64_t sequence)
{
    uint8_t parts = run->again;

    run->again = 0;
    run->waiting = parts;
    run->sending = true;
    for (uint32_t item = 0; item < ORDER_ITEMS_MAX; item++)
        if (((uint32_t)parts >> item & 1U) != 0)
            send_part(worker, run, (uint8_t)item, sequence);
    run->sending = false;
    advance(worker, run);
}

static void begin_step(struct worker *worker, struct order_run *run, enum order_step step,
                       uint8_t parts, uint64_t sequence)
{
    run->step = step;
    run->again = parts;
    send_parts(worker, run, sequence);
}

/* --- from step to step --- */

/* The commit point. False: the log has no room until a flush ends. */
static bool log_decision(struct worker *worker, struct order_run *run, uint64_t *sequence)
{
    bool is_cancel = run->command.kind == COMMAND_ORDER_CANCEL;
    struct record record = {.kind = RECORD_ORDER,
                            .stamp_ms = worker->now_ms,
                            .actor = run->command.actor,
                            .key = run->command.key};

    record.order = (struct record_order){.order_id = run->order_id,
                                         .user_id = run->command.actor.id,
                                         .kind = run->count == 0 ? ORDER_EXCHANGE : ORDER_CONFIRM,
                                         .decision = is_cancel ? ORDER_VOIDED : ORDER_POSTED,
                                         .payment_id = run->payment_id,
                                         .end = run->end,
                                         .expires_ms = run->expires_ms,
                                         .count = run->count == 0 ? 2 : run->count};
    memcpy(record.order.bookings, run->bookings, sizeof record.order.bookings);
    *sequence = worker->journal.append(worker->journal.context, &record);
    if (*sequence == 0)
        return false;
    worker_order_decided(worker, run, &record);
    return true;
}

static void void_all(struct worker *worker, struct order_run *run, uint8_t parts)
{
    /* Of an exchange the new booking first: while the old one is pinned there is
     * no second try, which would make a start forget the first. */
    bool new_first = run->count == 0 && parts == 3;

    run->left = new_first ? 1 : 0;
    if (parts == 0)
        worker_order_finish(worker, run);
    else
        begin_step(worker, run, ORDER_STEP_VOID, new_first ? 2 : parts, 0);
}

static void decide(struct worker *worker, struct order_run *run)
{
    bool is_cancel = run->command.kind == COMMAND_ORDER_CANCEL;
    uint64_t sequence;

    run->step = ORDER_STEP_DECIDE;
    if (log_decision(worker, run, &sequence))
        begin_step(worker, run, is_cancel ? ORDER_STEP_VOID : ORDER_STEP_POST, run->parts,
                   sequence);
}

static void after_pin(struct worker *worker, struct order_run *run)
{
    bool is_exchange = run->count == 0;

    if (run->refusal.result != RESULT_OK)
        void_all(worker, run, is_exchange ? run->held : run->parts);
    else if (!is_exchange || run->held == 3)
        decide(worker, run);
    else if (worker_order_prepare_exchange(worker, run))
        begin_step(worker, run, ORDER_STEP_HOLD, 2, 0);
    else
        void_all(worker, run, 1);
}

static void after_hold(struct worker *worker, struct order_run *run)
{
    if (run->refusal.result != RESULT_OK)
        void_all(worker, run, run->held);
    else if (run->count == 0)
        begin_step(worker, run, ORDER_STEP_PIN, 2, 0); /* what is decided must not lapse */
    else
        worker_order_finish(worker, run);
}

static void advance(struct worker *worker, struct order_run *run)
{
    if (run->sending || run->waiting != 0 || run->again != 0)
        return;
    switch (run->step) {
    case ORDER_STEP_PIN:
        after_pin(worker, run);
        break;
    case ORDER_STEP_HOLD:
        after_hold(worker, run);
        break;
    case ORDER_STEP_DECIDE:
        decide(worker, run);
        break;
    case ORDER_STEP_VOID:
        if (run->left != 0)
            void_all(worker, run, run->left);
        else
            worker_order_finish(worker, run);
        break;
    case ORDER_STEP_POST:
    case ORDER_STEP_READ:
        worker_order_finish(worker, run);
        break;
    }
}

/* --- answers of parts --- */

/* Posting and voiding were decided: what stood in their way will pass. So will what
 * stood in the way of pinning an order, which must not be void for that. */
static bool must_try_again(const struct order_run *run, enum result result)
{
    bool is_due = run->step == ORDER_STEP_POST || run->step == ORDER_STEP_VOID ||
                  (run->step == ORDER_STEP_PIN && run->count != 0);
    return is_due && (result == RESULT_OVERLOADED || result == RESULT_STORAGE_LOW);
}

static void keep_facts(struct order_run *run, uint8_t item, const struct answer *answer)
{
    struct order_facts *facts = run->facts;

    run->held |= (uint8_t)(1U << item);
    run->bookings[item] = answer->booking.booking_id;
    facts->items[item].booking = answer->booking;
    facts->items[item].seat_count = answer->seat_count;
    memcpy(facts->items[item].seats, answer->seats, answer->seat_count * sizeof answer->seats[0]);
}

/* Of several refusals the one of the lowest item counts. */
static void keep_refusal(struct order_run *run, uint8_t item, const struct answer *answer)
{
    if (run->step == ORDER_STEP_POST || run->step == ORDER_STEP_VOID ||
        run->step == ORDER_STEP_READ)
        return; /* it has come to its end in another way */
    if (run->refusal.result != RESULT_OK && run->refusal.refusal.item <= item)
        return;
    memcpy(&run->refusal, answer, answer_bytes(answer));
    run->refusal.refusal.item = item;
}

void worker_order_part(struct worker *worker, const struct answer *answer)
{
    assert(answer->to.connection < ORDER_RUNS_MAX);
    struct order_run *run = &worker->order_runs[answer->to.connection];
    uint8_t item = (uint8_t)answer->to.slot;
    assert(run->used && run->generation == answer->to.generation);
    assert(((uint32_t)run->waiting >> item & 1U) != 0);

    shard_settle_part(worker->shard, answer);
    run->waiting &= (uint8_t) ~(1U << item);
    if (answer->result == RESULT_OK)
        keep_facts(run, item, answer);
    else if (must_try_again(run, answer->result))
        run->again |= (uint8_t)(1U << item);
    else
        keep_refusal(run, item, answer);
    advance(worker, run);
}

static void go_on(struct worker *worker, struct order_run *run)
{
    if (!run->used || run->waiting != 0)
        return;
    if (run->step == ORDER_STEP_DECIDE)
        decide(worker, run);
    else if (run->again != 0)
        send_parts(worker, run, 0);
}

void worker_orders_go_on(struct worker *worker)
{
    worker_orders_resume(worker);
    for (uint32_t i = 0; worker->order_run_count > 0 && i < ORDER_RUNS_MAX; i++)
        go_on(worker, &worker->order_runs[i]);
}

bool worker_orders_wait(const struct worker *worker)
{
    for (uint32_t i = 0; worker->order_run_count > 0 && i < ORDER_RUNS_MAX; i++) {
        const struct order_run *run = &worker->order_runs[i];
        if (run->used && run->waiting == 0)
            return true;
    }
    return false;
}

void worker_order_step(struct worker *worker, struct order_run *run, enum order_step step,
                       uint8_t parts)
{
    run->parts = parts;
    if (step == ORDER_STEP_DECIDE)
        decide(worker, run);
    else if (step == ORDER_STEP_VOID)
        void_all(worker, run, parts);
    else
        begin_step(worker, run, step, parts, 0);
}
