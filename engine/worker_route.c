/* Where commands go:
 *
 *   connection's worker -> home shard (rate, key, limit) -> zone's shard (decide,
 *   log) -> [durable] -> home shard (settle) -> connection's worker
 *
 *   a transfer: home shard (key) -> booking's shard (look) -> receiver's home
 *   (limit, count) -> booking's shard (decide, log) -> [durable] -> receiver's home
 *   (settle the count) -> home shard (settle the key) -> connection's worker
 *
 * Steps on the same worker are plain calls. */
#include <assert.h>

#include "worker_state.h"

static bool is_on_catalog(enum command_kind kind)
{
    return kind == COMMAND_EVENT_CREATE || kind == COMMAND_EVENT_STATUS ||
           kind == COMMAND_EVENT_SALE || kind == COMMAND_SHOW_CREATE ||
           kind == COMMAND_ZONE_CREATE || kind == COMMAND_STATION_CREATE ||
           kind == COMMAND_ROUTE_CREATE;
}

/* What the user's home shard coordinates. */
static bool is_on_order(enum command_kind kind)
{
    return kind == COMMAND_ORDER_CREATE || kind == COMMAND_ORDER_CONFIRM ||
           kind == COMMAND_ORDER_CANCEL || kind == COMMAND_EXCHANGE_ZONE;
}

static bool is_read(enum command_kind kind)
{
    return kind == COMMAND_BOOKING_GET || kind == COMMAND_BLOCK_LIST || kind == COMMAND_SEAT_MAP;
}

uint16_t worker_zone_shard_of(const struct worker *worker, const struct command *command)
{
    const struct partition_map *map = &worker->group->partitions;

    switch (command->kind) {
    case COMMAND_RESERVE:
        return partition_shard_of(map, &command->reserve.zone_id);
    case COMMAND_BLOCK_CREATE:
    case COMMAND_BLOCK_END:
    case COMMAND_BLOCK_LIST:
    case COMMAND_CAPACITY:
    case COMMAND_ZONE_SALE:
    case COMMAND_SEAT_MAP:
        return partition_shard_of(map, &command->zone_change.zone_id);
    default:
        return partition_shard_of_booking(map, &command->booking.booking_id);
    }
}

/* --- the home shard --- */

/* The next shard's mailbox is full: undo the admission and say so. */
static void retract(struct worker *worker, struct command *command)
{
    struct message message;
    struct answer *answer = &message.answer;

    worker_begin_answer(worker, command, answer);
    answer->result = RESULT_OVERLOADED;
    if (command->kind == COMMAND_RESERVE) {
        answer->settlement.event_number = command->reserve.event_number;
        answer->settlement.tickets = command->reserve.quantity;
    }
    command_release(command);
    shard_settle(worker->shard, answer, worker->now_ms);
    worker_answer_directly(worker, &message);
}

static void decide_here(struct worker *worker, enum message_kind kind, struct command *command)
{
    if (kind == MESSAGE_COMMAND_CATALOG)
        worker_change_catalog(worker, command);
    else if (kind == MESSAGE_TRANSFER_LOOK)
        worker_look_at_transfer(worker, command);
    else
        worker_decide(worker, command);
}

static void send_on(struct worker *worker, struct command *command)
{
    enum message_kind kind = is_on_catalog(command->kind)        ? MESSAGE_COMMAND_CATALOG
                             : command->kind == COMMAND_TRANSFER ? MESSAGE_TRANSFER_LOOK
                                                                 : MESSAGE_COMMAND_ZONE;
    uint16_t to = kind == MESSAGE_COMMAND_CATALOG ? 0 : worker_zone_shard_of(worker, command);
    struct message message;

    if (to == worker->index) {
        decide_here(worker, kind, command);
        return;
    }
    message_carry(&message, kind, command);
    if (!worker_dispatch(worker, to, &message))
        retract(worker, command);
}

/* To the worker `to`, which states facts and decides nothing. */
static void ask(struct worker *worker, struct command *command, uint16_t to, enum message_kind kind,
                void (*state)(struct worker *worker, const struct command *command))
{
    struct message message;

    if (to == worker->index) {
        state(worker, command);
        return;
    }
    message_carry(&message, kind, command);
    if (!worker_dispatch(worker, to, &message))
        worker_refuse(worker, command, RESULT_OVERLOADED);
}

static void repeat(struct worker *worker, struct command *command)
{
    uint16_t to =
        partition_shard_of_booking(&worker->group->partitions, &command->repeat.booking_id);

    ask(worker, command, to, MESSAGE_COMMAND_REPEAT, worker_repeat);
}

static void admit(struct worker *worker, struct command *command)
{
    struct message message;
    struct answer *answer = &message.answer;

    worker_begin_answer(worker, command, answer);
    switch (shard_admit(worker->shard, command, worker->now_ms, answer)) {
    case SHARD_ADMIT:
        if (is_on_order(command->kind))
            worker_order_start(worker, command);
        else
            send_on(worker, command);
        break;
    case SHARD_REPEAT:
        repeat(worker, command);
        break;
    case SHARD_ANSWERED:
        command_release(command);
        worker_answer_directly(worker, &message);
        break;
    case SHARD_WAIT:
        if (!worker_defer(worker, STAGE_HOME, command))
            worker_refuse(worker, command, RESULT_OVERLOADED);
        break;
    }
}

/* --- the entry points --- */

static void route_read(struct worker *worker, struct command *command)
{
    ask(worker, command, worker_zone_shard_of(worker, command), MESSAGE_COMMAND_READ, worker_read);
}

static void admit_or_read(struct worker *worker, struct command *command)
{
    if (command->kind == COMMAND_ORDER_GET)
        worker_order_read(worker, command);
    else
        admit(worker, command);
}

static void route_home(struct worker *worker, struct command *command)
{
    uint16_t to = worker_home_of(worker, &command->actor.id);
    struct message message;

    if (to == worker->index) {
        admit_or_read(worker, command);
        return;
    }
    message_carry(&message, MESSAGE_COMMAND_HOME, command);
    if (!worker_dispatch(worker, to, &message))
        worker_refuse(worker, command, RESULT_OVERLOADED);
}

void worker_route(struct worker *worker, struct command *command)
{
    if (command->kind == COMMAND_BOOKING_LIST || command->kind == COMMAND_BOOKING_SUMMARY)
        worker_gather_start(worker, command);
    else if (is_read(command->kind))
        route_read(worker, command);
    else
        route_home(worker, command);
}

static void settle(struct worker *worker, struct message *message)
{
    shard_settle(worker->shard, &message->answer, worker->now_ms);
    message->kind = MESSAGE_ANSWER;
    /* Durable where it was decided; nothing of ours is in it. */
    worker_deliver(worker, 0, message->answer.to.worker, message);
}

static void lower_counts(struct worker *worker, const struct message_released *released)
{
    for (uint32_t i = 0; i < released->count; i++)
        shard_released(worker->shard, &released->items[i].user_id, &released->event_id,
                       released->items[i].quantity);
}

static void receive_command(struct worker *worker, enum message_kind kind, struct command *command)
{
    if (kind == MESSAGE_COMMAND_HOME)
        admit_or_read(worker, command);
    else if (kind == MESSAGE_COMMAND_REPEAT)
        worker_repeat(worker, command);
    else if (kind == MESSAGE_TRANSFER_COUNT)
        worker_count_transfer(worker, command);
    else if (kind == MESSAGE_COMMAND_READ && is_read(command->kind))
        worker_read(worker, command);
    else if (kind == MESSAGE_COMMAND_READ)
        worker_gather_part(worker, command);
    else
        decide_here(worker, kind, command);
}

void worker_receive(struct worker *worker, uint16_t from, struct message *message)
{
    switch (message->kind) {
    case MESSAGE_COMMAND_HOME:
    case MESSAGE_COMMAND_ZONE:
    case MESSAGE_COMMAND_REPEAT:
    case MESSAGE_COMMAND_READ:
    case MESSAGE_TRANSFER_LOOK:
    case MESSAGE_TRANSFER_COUNT:
    case MESSAGE_COMMAND_CATALOG:
        receive_command(worker, message->kind, &message->command);
        break;
    case MESSAGE_ANSWER_RECEIVER:
        worker_answer_home(worker, message, 0); /* durable where it was decided */
        break;
    case MESSAGE_ANSWER_HOME:
        settle(worker, message);
        break;
    case MESSAGE_ANSWER:
        worker_answer(worker, &message->answer);
        break;
    case MESSAGE_ORDER_PART:
        worker_order_part(worker, &message->answer);
        break;
    case MESSAGE_GATHERED:
        worker_gathered(worker, &message->answer);
        break;
    case MESSAGE_RELEASED:
        lower_counts(worker, &message->released);
        break;
    case MESSAGE_CATALOG_EVENT:
    case MESSAGE_CATALOG_SHOW:
    case MESSAGE_CATALOG_ZONE:
    case MESSAGE_CATALOG_STATION:
    case MESSAGE_CATALOG_ROUTE:
        worker_put_version(worker, from, message);
        break;
    case MESSAGE_CATALOG_APPLIED:
        worker_version_applied(worker, message->round);
        break;
    case MESSAGE_INQUIRY:
        shard_inquire(worker->shard, message->inquiry);
        message->kind = MESSAGE_INQUIRY_DONE;
        worker_deliver(worker, 0, from, message);
        break;
    case MESSAGE_INQUIRY_DONE:
        assert(false && "a message to a worker");
        break;
    }
}

void worker_resume(struct worker *worker, enum stage stage, struct command *command)
{
    switch (stage) {
    case STAGE_HOME:
        admit(worker, command);
        break;
    case STAGE_ZONE:
        worker_decide(worker, command);
        break;
    case STAGE_COUNT:
        worker_count_transfer(worker, command);
        break;
    case STAGE_CATALOG:
        worker_change_catalog(worker, command);
        break;
    }
}
