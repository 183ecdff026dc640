/* Where commands go and how answers come back:
 *
 *   connection's worker -> home shard (rate, key, limit) -> zone's shard (decide,
 *   log) -> [durable] -> home shard (settle) -> connection's worker
 *
 * Steps on the same worker are plain calls. */
#include <assert.h>
#include <string.h>

#include "worker_state.h"

enum { NS_PER_MS = 1000000, DEFERRED_AGE_MS_MAX = 1000 };

uint16_t worker_home_of(const struct worker *worker, const struct uuid *user_id)
{
    return partition_shard_of(&worker->group->partitions, user_id);
}

/* --- delivering --- */

void worker_answer(struct worker *worker, struct answer *answer)
{
    assert(answer->to.worker == worker->index && worker->in_flight > 0);
    worker->in_flight--;
    metric_add(&worker->metrics->results[answer->kind][answer->result], 1);
    if (answer->replayed)
        metric_add(&worker->metrics->idempotent_replays, 1);
    worker->transport.answer(worker->transport.context, answer);
}

bool worker_dispatch(struct worker *worker, uint16_t to, struct message *message)
{
    if (to == worker->index) {
        worker_receive(worker, to, message);
        return true;
    }
    if (mailbox_push(worker->group->mailboxes, worker->index, to, message))
        return true;
    metric_add(&worker->metrics->mailbox_full, 1);
    return false;
}

void worker_deliver(struct worker *worker, uint64_t sequence, uint16_t to, struct message *message)
{
    uint64_t durable = worker->journal.durable(worker->journal.context);

    /* Nothing in the gate can rest on more than this does, and answers of one
     * connection find their order in its pipeline: it may overtake. */
    if (sequence <= durable && worker_dispatch(worker, to, message))
        return;
    gate_push(&worker->gate,
              sequence > worker->gate.last_sequence ? sequence : worker->gate.last_sequence, to,
              message);
}

void worker_begin_answer(const struct worker *worker, const struct command *command,
                         struct answer *answer)
{
    memset(answer, 0, sizeof *answer);
    answer->kind = command->kind;
    answer->to = command->to;
    answer->received_ns = command->received_ns;
    answer->position_shard = worker->index;
    answer->position_sequence = worker->journal.appended(worker->journal.context);
    answer->settlement.key = command->key;
    answer->settlement.user_id = command->actor.id;
}

/* To the connection's worker, when this shard's log is durable so far. */
static void answer_directly(struct worker *worker, struct message *message)
{
    message->kind = MESSAGE_ANSWER;
    worker_deliver(worker, worker->journal.appended(worker->journal.context),
                   message->answer.to.worker, message);
}

/* Tickets of ours may be taken again when the record that gave them back is
 * durable, on this shard as on any other: another shard's log might keep what
 * was taken instead while ours loses the giving back. */
static void release_when_durable(struct worker *worker, const struct message_released *released,
                                 uint64_t sequence)
{
    struct message message = {.kind = MESSAGE_RELEASED, .released = *released};
    worker_deliver(worker, sequence, worker_home_of(worker, &released->items[0].user_id), &message);
}

/* Takes the tickets of a cancel out of what home settles at once. */
static void give_back_tickets(struct worker *worker, struct answer *answer, uint64_t sequence)
{
    struct settlement *settlement = &answer->settlement;

    if (answer->kind != COMMAND_CANCEL || answer->result != RESULT_OK || settlement->tickets == 0)
        return;
    struct message_released released = {
        settlement->event_id, 1, {{settlement->user_id, settlement->tickets}}};
    settlement->tickets = 0;
    release_when_durable(worker, &released, sequence);
}

void worker_answer_home(struct worker *worker, struct message *message, uint64_t sequence)
{
    struct answer *answer = &message->answer;
    uint16_t home = worker_home_of(worker, &answer->settlement.user_id);

    if (home != worker->index) {
        message->kind = MESSAGE_ANSWER_HOME;
        worker_deliver(worker, sequence, home, message);
        return;
    }
    give_back_tickets(worker, answer, sequence);
    shard_settle(worker->shard, answer, worker->now_ms);
    message->kind = MESSAGE_ANSWER;
    worker_deliver(worker, sequence, answer->to.worker, message);
}

void worker_refuse(struct worker *worker, struct command *command, enum result result)
{
    struct message message;
    struct answer *answer = &message.answer;

    worker_begin_answer(worker, command, answer);
    answer->result = result;
    command_release(command);
    answer_directly(worker, &message);
}

bool worker_defer(struct worker *worker, enum stage stage, const struct command *command)
{
    /* The connection's worker may be in a later turn than ours: received after now. */
    bool too_old =
        worker->now_ns > command->received_ns + (uint64_t)DEFERRED_AGE_MS_MAX * NS_PER_MS;

    if (worker->deferred_count == DEFERRED_MAX || too_old)
        return false;
    worker->deferred[worker->deferred_count++] = (struct deferred){stage, *command};
    return true;
}

/* --- the zone's shard --- */

/* What the log's state lets through. */
static enum result storage_allows(const struct worker *worker, enum command_kind kind)
{
    switch (worker->journal.state(worker->journal.context)) {
    case JOURNAL_OK:
        return RESULT_OK;
    case JOURNAL_STORAGE_LOW:
        return kind == COMMAND_CONFIRM || kind == COMMAND_CANCEL ? RESULT_OK : RESULT_STORAGE_LOW;
    case JOURNAL_FULL:
        return RESULT_STORAGE_LOW;
    case JOURNAL_FAILED:
        return RESULT_INDETERMINATE;
    }
    return RESULT_INDETERMINATE;
}

static void fill_settlement(const struct worker *worker, const struct command *command,
                            const struct record *record, struct answer *answer)
{
    struct settlement *settlement = &answer->settlement;

    if (command->kind == COMMAND_RESERVE) {
        settlement->event_id = command->reserve.event_id;
        settlement->event_number = command->reserve.event_number;
        settlement->tickets = command->reserve.quantity;
    } else if (record->kind == RECORD_CANCELLED) {
        const struct catalog_zone *zone =
            catalog_zone(shard_catalog(worker->shard), &record->settled.zone_id);
        assert(zone); /* its inventory was opened from it */
        settlement->event_id = zone->event_id;
        settlement->tickets = record->settled.quantity;
    }
}

static void answer_decision(struct worker *worker, const struct command *command,
                            enum result result, const struct record *record,
                            const struct refusal_facts *refusal)
{
    struct message message;
    struct answer *answer = &message.answer;

    worker_begin_answer(worker, command, answer);
    answer->result = result;
    fill_settlement(worker, command, record, answer);
    if (result != RESULT_OK) {
        answer->refusal = refusal->detail;
        answer->seat_count = refusal->seat_count;
        memcpy(answer->seats, refusal->seats, refusal->seat_count * sizeof refusal->seats[0]);
    } else {
        const struct uuid *id = command->kind == COMMAND_RESERVE ? &command->reserve.booking_id
                                                                 : &command->booking.booking_id;
        bool known = shard_booking(worker->shard, id, worker->now_ms, &answer->booking,
                                   answer->seats, &answer->seat_count);
        assert(known);
        if (command->kind == COMMAND_RESERVE)
            answer->booking.remaining = record->reserved.remaining;
    }
    worker_answer_home(worker, &message, answer->position_sequence);
}

/* False: the log has no room until a flush ends. */
static bool log_and_apply(struct worker *worker, struct record *record)
{
    if (record->kind == 0)
        return true; /* it is so already: nothing to log */
    record->sequence = worker->journal.append(worker->journal.context, record);
    if (record->sequence == 0)
        return false;
    shard_apply(worker->shard, record);
    return true;
}

void worker_name_booking(struct worker *worker, struct command *command)
{
    const struct clock *clock = &worker->group->clock;
    struct uuid *id = &command->reserve.booking_id;

    if (command->kind != COMMAND_RESERVE ||
        !shard_knows_zone(worker->shard, &command->reserve.zone_id))
        return;
    /* Named in this millisecond already: the id carries the record's stamp. */
    if (!uuid_is_nil(id) && uuid_v7_ms(id) == worker->now_ms)
        return;
    *id = uuid_v7(worker->now_ms, shard_zone_partition(worker->shard, &command->reserve.zone_id),
                  clock->random(clock->context));
}

static void decide(struct worker *worker, struct command *command)
{
    struct refusal_facts refusal;
    struct record record;

    refusal.detail = (struct refusal_detail){0};
    refusal.seat_count = 0;
    record.kind = 0;
    enum result result = storage_allows(worker, command->kind);
    if (result == RESULT_OK && command->kind == COMMAND_RESERVE) {
        if (!shard_knows_zone(worker->shard, &command->reserve.zone_id))
            goto later; /* its catalog version is still on the way here */
        worker_name_booking(worker, command);
    }
    if (result == RESULT_OK)
        result = shard_decide(worker->shard, command, worker->now_ms, &record, &refusal);
    if (shard_is_premature(worker->shard, command, result, worker->now_ms))
        goto later;
    if (result == RESULT_OK && !log_and_apply(worker, &record))
        goto later;
    answer_decision(worker, command, result, &record, &refusal);
    return;
later:
    if (!worker_defer(worker, STAGE_ZONE, command)) {
        record.kind = 0;
        answer_decision(worker, command, RESULT_OVERLOADED, &record, &refusal);
    }
}

/* --- the home shard --- */

static uint16_t zone_shard_of(const struct worker *worker, const struct command *command)
{
    const struct partition_map *map = &worker->group->partitions;

    return command->kind == COMMAND_RESERVE
               ? partition_shard_of(map, &command->reserve.zone_id)
               : partition_shard_of_booking(map, &command->booking.booking_id);
}

static bool is_on_catalog(enum command_kind kind)
{
    return kind == COMMAND_EVENT_CREATE || kind == COMMAND_EVENT_STATUS ||
           kind == COMMAND_SHOW_CREATE || kind == COMMAND_ZONE_CREATE ||
           kind == COMMAND_EVENT_SALE || kind == COMMAND_STATION_CREATE ||
           kind == COMMAND_ROUTE_CREATE;
}

/* The next shard's mailbox is full: undo the admission and say so. */
static void retract(struct worker *worker, struct command *command)
{
    struct message message;
    struct answer *answer = &message.answer;
    struct record none = {.kind = 0};

    worker_begin_answer(worker, command, answer);
    answer->result = RESULT_OVERLOADED;
    fill_settlement(worker, command, &none, answer);
    command_release(command);
    shard_settle(worker->shard, answer, worker->now_ms);
    answer_directly(worker, &message);
}

static void send_on(struct worker *worker, struct command *command)
{
    bool on_catalog = is_on_catalog(command->kind);
    uint16_t to = on_catalog ? 0 : zone_shard_of(worker, command);

    if (to == worker->index) {
        if (on_catalog)
            worker_change_catalog(worker, command);
        else
            decide(worker, command);
        return;
    }
    struct message message = {.kind = on_catalog ? MESSAGE_COMMAND_CATALOG : MESSAGE_COMMAND_ZONE,
                              .command = *command};
    if (!worker_dispatch(worker, to, &message))
        retract(worker, command);
}

static void repeat_here(struct worker *worker, const struct command *command)
{
    struct message message;
    struct answer *answer = &message.answer;

    worker_begin_answer(worker, command, answer);
    shard_repeat(worker->shard, command, answer);
    answer_directly(worker, &message);
}

static void repeat(struct worker *worker, struct command *command)
{
    uint16_t to =
        partition_shard_of_booking(&worker->group->partitions, command->kind == COMMAND_RESERVE
                                                                   ? &command->reserve.booking_id
                                                                   : &command->booking.booking_id);
    struct message message = {.kind = MESSAGE_COMMAND_REPEAT, .command = *command};

    if (to == worker->index)
        repeat_here(worker, command);
    else if (!worker_dispatch(worker, to, &message))
        worker_refuse(worker, command, RESULT_OVERLOADED);
}

static void admit(struct worker *worker, struct command *command)
{
    struct message message;
    struct answer *answer = &message.answer;

    worker_begin_answer(worker, command, answer);
    switch (shard_admit(worker->shard, command, worker->now_ms, answer)) {
    case SHARD_ADMIT:
        send_on(worker, command);
        break;
    case SHARD_REPEAT:
        repeat(worker, command);
        break;
    case SHARD_ANSWERED:
        command_release(command);
        answer_directly(worker, &message);
        break;
    case SHARD_WAIT:
        if (!worker_defer(worker, STAGE_HOME, command))
            worker_refuse(worker, command, RESULT_OVERLOADED);
        break;
    }
}

/* --- reading one booking --- */

static void read_booking(struct worker *worker, const struct command *command)
{
    struct message message;
    struct answer *answer = &message.answer;

    worker_begin_answer(worker, command, answer);
    bool known = shard_booking(worker->shard, &command->booking.booking_id, worker->now_ms,
                               &answer->booking, answer->seats, &answer->seat_count);
    if (!known || !uuid_equal(&answer->booking.user_id, &command->actor.id)) {
        struct uuid zone_id = known ? answer->booking.zone_id : (struct uuid){0};
        answer->booking = (struct booking_facts){0};
        answer->refusal.zone_id = zone_id;
        answer->seat_count = 0;
        answer->result = RESULT_NOT_FOUND; /* another's is as good as unknown */
    }
    answer_directly(worker, &message);
}

/* --- the entry points --- */

void worker_route(struct worker *worker, struct command *command)
{
    struct message message = {.kind = MESSAGE_COMMAND_HOME};
    uint16_t to = worker_home_of(worker, &command->actor.id);

    if (command->kind == COMMAND_BOOKING_LIST || command->kind == COMMAND_BOOKING_SUMMARY) {
        worker_gather_start(worker, command);
        return;
    }
    if (command->kind == COMMAND_BOOKING_GET) {
        message.kind = MESSAGE_COMMAND_READ;
        to = zone_shard_of(worker, command);
    }
    if (to != worker->index) {
        message.command = *command;
        if (!worker_dispatch(worker, to, &message))
            worker_refuse(worker, command, RESULT_OVERLOADED);
    } else if (command->kind == COMMAND_BOOKING_GET) {
        read_booking(worker, command);
    } else {
        admit(worker, command);
    }
}

static void settle(struct worker *worker, struct message *message)
{
    shard_settle(worker->shard, &message->answer, worker->now_ms);
    message->kind = MESSAGE_ANSWER;
    /* Durable where it was decided; nothing of ours is in it. */
    worker_deliver(worker, 0, message->answer.to.worker, message);
}

void worker_receive(struct worker *worker, uint16_t from, struct message *message)
{
    switch (message->kind) {
    case MESSAGE_COMMAND_HOME:
        admit(worker, &message->command);
        break;
    case MESSAGE_COMMAND_ZONE:
        decide(worker, &message->command);
        break;
    case MESSAGE_COMMAND_REPEAT:
        repeat_here(worker, &message->command);
        break;
    case MESSAGE_COMMAND_READ:
        if (message->command.kind == COMMAND_BOOKING_GET)
            read_booking(worker, &message->command);
        else
            worker_gather_part(worker, &message->command);
        break;
    case MESSAGE_COMMAND_CATALOG:
        worker_change_catalog(worker, &message->command);
        break;
    case MESSAGE_ANSWER_HOME:
        settle(worker, message);
        break;
    case MESSAGE_TRANSFER_LOOK:
    case MESSAGE_TRANSFER_COUNT:
    case MESSAGE_ANSWER_RECEIVER:
        assert(false && "still to come");
        break;
    case MESSAGE_ANSWER:
        worker_answer(worker, &message->answer);
        break;
    case MESSAGE_GATHERED:
        worker_gathered(worker, &message->answer);
        break;
    case MESSAGE_RELEASED:
        shard_released(worker->shard, &message->released.items[0].user_id,
                       &message->released.event_id, message->released.items[0].quantity);
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

void worker_retry_deferred(struct worker *worker)
{
    uint32_t count = worker->deferred_count;
    uint32_t kept_from = 0;

    /* Each waits its turn again at most once; what defers anew goes behind. */
    worker->deferred_count = 0;
    for (; kept_from < count; kept_from++) {
        struct deferred waiting = worker->deferred[kept_from];
        switch (waiting.stage) {
        case STAGE_HOME:
            admit(worker, &waiting.command);
            break;
        case STAGE_ZONE:
            decide(worker, &waiting.command);
            break;
        case STAGE_CATALOG:
            worker_change_catalog(worker, &waiting.command);
            break;
        }
        assert(worker->deferred_count <= kept_from + 1);
    }
    metric_set(&worker->metrics->deferred, worker->deferred_count);
}

static void release_tickets(struct worker *worker, const struct record *record)
{
    const struct catalog_zone *zone =
        catalog_zone(shard_catalog(worker->shard), &record->expired.zone_id);
    assert(zone);

    for (uint32_t i = 0; i < record->expired.count; i++) {
        const struct record_expired_item *item = &record->expired.items[i];
        struct message_released released = {zone->event_id, 1, {{item->user_id, item->quantity}}};
        release_when_durable(worker, &released, record->sequence);
    }
}

/* A stop waits for requests only; what else is due expires at the next start. */
static bool may_expire(const struct worker *worker)
{
    return !worker->draining || worker->in_flight > 0 || worker->deferred_count > 0;
}

void worker_expire(struct worker *worker)
{
    struct record record;

    worker->expiry_goes_on = false;
    if (!may_expire(worker))
        return;
    for (int i = 0; i < EXPIRE_RECORDS_PER_TURN; i++) {
        if (gate_room(&worker->gate) < worker->gate_kept + RECORD_EXPIRED_MAX ||
            !shard_expire(worker->shard, worker->now_ms, &record) ||
            worker->journal.state(worker->journal.context) >= JOURNAL_FULL ||
            !log_and_apply(worker, &record))
            return;
        metric_add(&worker->metrics->expired, record.expired.count);
        release_tickets(worker, &record);
    }
    worker->expiry_goes_on = true;
}
