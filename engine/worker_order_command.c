/* Commands on orders at their user's home shard: what begins, and what the
 * client is answered when it has come to its end. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "worker_order.h"

/* --- runs --- */

static struct order_run *open_run(struct worker *worker)
{
    for (uint32_t i = 0; i < ORDER_RUNS_MAX; i++) {
        struct order_run *run = &worker->order_runs[i];
        if (run->used)
            continue;
        uint32_t generation = run->generation + 1;
        struct order_facts *facts = calloc(1, sizeof *facts);
        if (!facts)
            return NULL;
        memset(run, 0, sizeof *run);
        run->used = true;
        run->generation = generation;
        run->facts = facts;
        worker->order_run_count++;
        return run;
    }
    return NULL;
}

static void close_run(struct worker *worker, struct order_run *run)
{
    free(run->facts);
    command_release(&run->command);
    run->used = false;
    worker->order_run_count--;
}

void worker_orders_release(struct worker *worker)
{
    for (uint32_t i = 0; worker->order_runs && i < ORDER_RUNS_MAX; i++)
        if (worker->order_runs[i].used)
            close_run(worker, &worker->order_runs[i]);
    memory_free(worker->order_runs);
}

bool worker_orders_init(struct worker *worker)
{
    worker->order_runs = memory_new(ORDER_RUNS_MAX * sizeof *worker->order_runs);
    return worker->order_runs != NULL;
}

/* --- beginning --- */

static struct order *order_of(const struct worker *worker, const struct order_run *run)
{
    return order_find(shard_orders(worker->shard), &run->order_id);
}

static void begin_create(struct worker *worker, struct order_run *run)
{
    const struct clock *clock = &worker->group->clock;
    const struct order_draft *draft = run->command.order_draft;
    const struct uuid *user_id = &run->command.actor.id;

    run->count = (uint8_t)draft->count;
    run->order_id = uuid_v7(worker->now_ms, partition_of(user_id), clock->random(clock->context));
    struct order *order =
        order_open(shard_orders(worker->shard), &run->order_id, user_id, run->count);
    if (order)
        order->busy = true;
    else
        run->refusal.result = RESULT_OVERLOADED; /* what is held will be given back */
    worker_order_step(worker, run, ORDER_STEP_HOLD, order_all(run->count));
}

static void know_order(struct order_run *run, const struct order *order)
{
    run->order_id = order->id;
    run->count = order->kind == ORDER_EXCHANGE ? 0 : order->count;
    run->payment_id = order->payment_id;
    run->end = (enum booking_status)order->end;
    run->expires_ms = order->expires_ms;
    run->decided_ms = order->decided_ms;
    memcpy(run->bookings, order->bookings, sizeof run->bookings);
}

static void begin_change(struct worker *worker, struct order_run *run)
{
    struct order *order = order_find(shard_orders(worker->shard), &run->command.order.order_id);
    assert(order && !order->busy && order->kind == ORDER_CONFIRM); /* shard_admit looked */
    enum order_step step = ORDER_STEP_READ;

    know_order(run, order);
    order->busy = true;
    if (order->state == ORDER_HELD && run->command.kind == COMMAND_ORDER_CONFIRM) {
        step = ORDER_STEP_PIN;
        run->end = BOOKING_CONFIRMED;
        run->payment_id = run->command.order.payment_id;
        order->state = ORDER_CONFIRMING;
    } else if (order->state == ORDER_HELD) {
        step = ORDER_STEP_DECIDE;
    }
    worker_order_step(worker, run, step, order_all(run->count));
}

/* An exchange has the old booking's id: the new one names what it took the place of. */
static void begin_exchange(struct worker *worker, struct order_run *run)
{
    run->order_id = run->bookings[0] = run->command.booking.booking_id;
    worker_order_step(worker, run, ORDER_STEP_PIN, 1);
}

static void refuse_here(struct worker *worker, struct command *command, enum result result)
{
    struct message message;
    struct answer *answer = &message.answer;

    worker_begin_answer(worker, command, answer);
    answer->result = result;
    if (command->kind == COMMAND_ORDER_CREATE)
        shard_retract_order(worker->shard, command);
    shard_settle(worker->shard, answer, worker->now_ms);
    command_release(command);
    message.kind = MESSAGE_ANSWER;
    worker_deliver(worker, answer->position_sequence, answer->to.worker, &message);
}

void worker_order_start(struct worker *worker, struct command *command)
{
    struct order_run *run = open_run(worker);

    if (!run) {
        refuse_here(worker, command, RESULT_OVERLOADED);
        return;
    }
    memcpy(&run->command, command, command_bytes(command));
    run->has_client = true;
    if (command->kind == COMMAND_ORDER_CREATE)
        begin_create(worker, run);
    else if (command->kind == COMMAND_EXCHANGE_ZONE)
        begin_exchange(worker, run);
    else
        begin_change(worker, run);
}

void worker_order_read(struct worker *worker, struct command *command)
{
    const struct order *order = order_find(shard_orders(worker->shard), &command->order.order_id);

    if (!order || order->kind != ORDER_CONFIRM || order->state == ORDER_HOLDING ||
        !uuid_equal(&order->user_id, &command->actor.id)) {
        worker_refuse(worker, command, RESULT_NOT_FOUND);
        return;
    }
    struct order_run *run = open_run(worker);
    if (!run) {
        worker_refuse(worker, command, RESULT_OVERLOADED);
        return;
    }
    memcpy(&run->command, command, command_bytes(command));
    run->has_client = true;
    know_order(run, order);
    worker_order_step(worker, run, ORDER_STEP_READ, order_all(run->count));
}

/* --- the new zone of an exchange --- */

/* The stop of the show at another's stop's station. False: it does not call there. */
static bool find_stop(const struct catalog_show *show, const struct catalog_stop *stop,
                      uint16_t *found)
{
    for (uint32_t i = 0; i < show->stop_count; i++)
        if (uuid_equal(&show->stops[i].station_id, &stop->station_id)) {
            *found = (uint16_t)i;
            return true;
        }
    return false;
}

/* The booking's way in another show: between the same stations. False: not there. */
static bool find_way(const struct catalog_show *old_show, const struct catalog_show *show,
                     const struct booking_facts *old, struct command_reserve *reserve)
{
    uint16_t from = old->from_segment, to = old->to_segment;

    if ((old_show->stop_count == 0) != (show->stop_count == 0))
        return false;
    if (show->stop_count != 0 && (!find_stop(show, &old_show->stops[old->from_segment], &from) ||
                                  !find_stop(show, &old_show->stops[old->to_segment], &to)))
        return false;
    reserve->from_segment = from;
    reserve->to_segment = to;
    return from < to;
}

static enum result check_exchange(struct worker *worker, struct order_run *run,
                                  struct refusal_detail *detail)
{
    const struct catalog *catalog = shard_catalog(worker->shard);
    const struct booking_facts *old = &run->facts->items[0].booking;
    struct command_reserve *reserve = &run->new_reserve, way = {0};
    const struct catalog_event *event;
    uint32_t number;
    const struct catalog_zone *zone =
        catalog_zone_and_event(catalog, &run->command.booking.zone_id, &event, &number);
    const struct catalog_zone *old_zone = catalog_zone(catalog, &old->zone_id);
    const struct catalog_show *show = zone ? catalog_show(catalog, &zone->show_id) : NULL;

    if (!show || !old_zone || !uuid_equal(&zone->event_id, &old_zone->event_id) ||
        uuid_equal(&zone->id, &old_zone->id))
        return RESULT_NOT_FOUND;
    const struct catalog_show *old_show = catalog_show(catalog, &old_zone->show_id);
    if (!old_show || !find_way(old_show, show, old, &way) ||
        (zone->kind == ZONE_GENERAL && run->command.seat_count > 0))
        return RESULT_KIND_UNSUPPORTED;
    detail->limit = zone->kind == ZONE_SEATED && old->quantity > RECORD_SEATS_MAX ? RECORD_SEATS_MAX
                                                                                  : old->quantity;
    if (old->quantity > detail->limit ||
        (run->command.seat_count > 0 && run->command.seat_count != old->quantity))
        return RESULT_QUANTITY_INVALID;
    *reserve = (struct command_reserve){.zone_id = zone->id,
                                        .quantity = old->quantity,
                                        .has_price = old->status == BOOKING_CONFIRMED,
                                        .unit_price_minor = old->unit_price_minor,
                                        .event_id = event->id,
                                        .event_number = number,
                                        .from_segment = way.from_segment,
                                        .to_segment = way.to_segment,
                                        .allow_split = run->command.booking.allow_split};
    return shard_take_exchange(worker->shard, &run->command.actor.id, number, old->quantity)
               ? RESULT_OK
               : RESULT_OVERLOADED;
}

bool worker_order_prepare_exchange(struct worker *worker, struct order_run *run)
{
    const struct booking_facts *old = &run->facts->items[0].booking;

    run->parts = 3;
    run->end = old->status;
    run->expires_ms = old->expires_ms;
    run->refusal.result = check_exchange(worker, run, &run->refusal.refusal);
    return run->refusal.result == RESULT_OK;
}

/* --- the end --- */

void worker_order_decided(struct worker *worker, struct order_run *run, const struct record *record)
{
    struct order *order = order_of(worker, run);

    run->decided_ms = record->stamp_ms;
    if (order) /* not an exchange: that is known by its bookings */
        order_decided(order, &record->order, record->stamp_ms);
}

/* A booking that is another's by now is none of the caller's. */
static void gather_facts(struct order_run *run)
{
    struct order_facts *facts = run->facts;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < run->count; i++)
        if (((uint32_t)run->held >> i & 1U) != 0)
            facts->items[kept++] = facts->items[i];
    facts->count = kept;
    facts->order_id = run->order_id;
    facts->user_id = run->command.actor.id;
    facts->status = order_status_of(facts);
}

/* Confirming or cancelling what had come to an end before. */
static enum result result_of_ended(const struct order_run *run, struct refusal_detail *detail)
{
    enum booking_status wanted =
        run->command.kind == COMMAND_ORDER_CONFIRM ? BOOKING_CONFIRMED : BOOKING_CANCELLED;
    const struct booking_facts *first = &run->facts->items[0].booking;

    *detail = (struct refusal_detail){.status = run->facts->status, .at_ms = first->expires_ms};
    if (run->facts->status == wanted)
        return RESULT_OK;
    return run->facts->status == BOOKING_EXPIRED ? RESULT_RESERVATION_EXPIRED
                                                 : RESULT_INVALID_STATE;
}

static enum result result_of(struct order_run *run, struct refusal_detail *detail)
{
    enum command_kind kind = run->command.kind;

    *detail = run->refusal.refusal;
    if (run->refusal.result != RESULT_OK || kind == COMMAND_EXCHANGE_ZONE)
        return run->refusal.result;
    gather_facts(run);
    if (run->facts->count == 0)
        return RESULT_NOT_FOUND;
    bool is_end = kind == COMMAND_ORDER_CONFIRM || kind == COMMAND_ORDER_CANCEL;
    return is_end ? result_of_ended(run, detail) : RESULT_OK;
}

static void update_order(struct worker *worker, const struct order_run *run, enum result result)
{
    struct order *order = order_of(worker, run);

    if (order && order->kind == ORDER_EXCHANGE && !run->has_client)
        order->busy = false;
    if (!order || order->kind != ORDER_CONFIRM)
        return;
    order->recovery = ORDER_RECOVERY_NONE;
    if (run->command.kind != COMMAND_ORDER_GET)
        order->busy = false;
    switch (run->command.kind) {
    case COMMAND_ORDER_CREATE:
        if (result != RESULT_OK) {
            order_close(shard_orders(worker->shard), order);
            break;
        }
        for (uint8_t i = 0; i < run->count; i++)
            order_set_booking(order, i, &run->bookings[i]);
        order->state = ORDER_HELD;
        break;
    case COMMAND_ORDER_CONFIRM:
        if (run->step == ORDER_STEP_POST)
            order->state = ORDER_CONFIRMED;
        else if (run->step == ORDER_STEP_VOID)
            order->state = ORDER_ENDED;
        break;
    case COMMAND_ORDER_CANCEL:
        if (run->step == ORDER_STEP_VOID)
            order->state = ORDER_ENDED;
        break;
    default:
        break;
    }
}

static void fill_exchange(const struct order_run *run, struct answer *answer)
{
    answer->booking = run->facts->items[1].booking;
    answer->booking.exchanged_from = run->bookings[0];
    answer->booking.order = (struct order_part){0};
    answer->seat_count = run->facts->items[1].seat_count;
    memcpy(answer->seats, run->facts->items[1].seats, answer->seat_count * sizeof answer->seats[0]);
}

/* When what the key stands for was logged, as a start will read it from the log. */
static uint64_t accepted_ms(const struct worker *worker, const struct order_run *run)
{
    if (run->command.kind == COMMAND_ORDER_CREATE)
        return order_created_ms(run->bookings, run->count);
    return run->step == ORDER_STEP_READ ? worker->now_ms : run->decided_ms;
}

static void answer_client(struct worker *worker, struct order_run *run, enum result result,
                          const struct refusal_detail *detail)
{
    struct message message = {.kind = MESSAGE_ANSWER};
    struct answer *answer = &message.answer;

    worker_begin_answer(worker, &run->command, answer);
    answer->result = result;
    if (result != RESULT_OK) {
        answer->refusal = *detail;
        answer->seat_count = run->refusal.seat_count;
        memcpy(answer->seats, run->refusal.seats, answer->seat_count * sizeof answer->seats[0]);
    } else if (run->command.kind == COMMAND_EXCHANGE_ZONE) {
        fill_exchange(run, answer);
    } else {
        answer->order = run->facts;
        run->facts = NULL;
    }
    if (result == RESULT_OK)
        answer->settlement.stamp_ms = accepted_ms(worker, run);
    if (run->command.kind != COMMAND_ORDER_GET)
        shard_settle(worker->shard, answer, worker->now_ms);
    if (run->has_client)
        worker_deliver(worker, answer->position_sequence, answer->to.worker, &message);
    else
        answer_release(answer);
}

void worker_order_finish(struct worker *worker, struct order_run *run)
{
    struct refusal_detail detail;
    enum result result = result_of(run, &detail);

    update_order(worker, run, result);
    answer_client(worker, run, result, &detail);
    close_run(worker, run);
}

/* --- what a crash cut off --- */

static void resume(struct worker *worker, struct order_run *run, struct order *order)
{
    bool is_post = order->recovery == ORDER_RECOVERY_POST;

    /* Its client is gone, but may come again with its key. */
    run->command.kind = order->kind == ORDER_EXCHANGE ? COMMAND_EXCHANGE_ZONE
                        : is_post                     ? COMMAND_ORDER_CONFIRM
                                                      : COMMAND_ORDER_CANCEL;
    run->command.actor = (struct actor){order->user_id, ROLE_SYSTEM};
    if (order->posted || order->voided)
        run->command.key = order->end_key;
    shard_reopen_key(worker->shard, &run->command.key, worker->now_ms);
    order->end_key = (struct request_key){0};
    order->recovery = ORDER_RECOVERY_NONE;
    order->busy = true;
    know_order(run, order);
    worker_order_step(worker, run, is_post ? ORDER_STEP_POST : ORDER_STEP_VOID, order->known);
}

void worker_orders_resume(struct worker *worker)
{
    struct order_table *orders = shard_orders(worker->shard);

    for (; worker->order_resumed < orders->orders.used; worker->order_resumed++) {
        struct order *order = slab_at(&orders->orders, worker->order_resumed);
        if (order->recovery == ORDER_RECOVERY_NONE)
            continue;
        struct order_run *run = open_run(worker);
        if (!run)
            return; /* in a later turn */
        resume(worker, run, order);
    }
}

void worker_fail_orders(struct worker *worker, uint64_t durable)
{
    for (uint32_t i = 0; i < ORDER_RUNS_MAX; i++) {
        struct order_run *run = &worker->order_runs[i];
        struct answer answer;
        if (!run->used || !run->has_client || run->command.to.worker != worker->index)
            continue;
        worker_begin_answer(worker, &run->command, &answer);
        answer.result = RESULT_INDETERMINATE;
        answer.position_sequence = durable;
        run->has_client = false;
        worker_answer(worker, &answer);
    }
}
