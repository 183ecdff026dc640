/* The zone's shard: commands become records, records become answers. */
#include <assert.h>
#include <string.h>

#include "worker_state.h"

/* What the log's state lets through: when it is low only what gives places back
 * or keeps a promise. */
static enum result storage_allows(const struct worker *worker, enum command_kind kind)
{
    switch (worker->journal.state(worker->journal.context)) {
    case JOURNAL_OK:
        return RESULT_OK;
    case JOURNAL_STORAGE_LOW:
        return kind == COMMAND_CONFIRM || kind == COMMAND_CANCEL || kind == COMMAND_RELEASE ||
                       kind == COMMAND_REFUND || kind == COMMAND_PIN || kind == COMMAND_POST ||
                       kind == COMMAND_VOID
                   ? RESULT_OK
                   : RESULT_STORAGE_LOW;
    case JOURNAL_FULL:
        return RESULT_STORAGE_LOW;
    case JOURNAL_FAILED:
        return RESULT_INDETERMINATE;
    }
    return RESULT_INDETERMINATE;
}

static const struct uuid *event_of_zone(const struct worker *worker, const struct uuid *zone_id)
{
    const struct catalog_zone *zone = catalog_zone(shard_catalog(worker->shard), zone_id);
    assert(zone); /* its inventory was opened from it */
    return &zone->event_id;
}

/* --- tickets that leave a user's count --- */

/* Tickets may be taken again when the record that gave them back is durable, on
 * this shard as on any other: another shard's log might keep what was taken
 * instead while ours loses the giving back. */
static void release_one(struct worker *worker, const struct uuid *zone_id,
                        const struct uuid *user_id, uint32_t quantity, uint64_t sequence)
{
    struct message message;

    message.kind = MESSAGE_RELEASED;
    message.round = 0;
    message.released.event_id = *event_of_zone(worker, zone_id);
    message.released.count = 1;
    message.released.items[0].user_id = *user_id;
    message.released.items[0].quantity = quantity;
    worker_deliver(worker, sequence, worker_home_of(worker, user_id), &message);
}

static void release_changed(struct worker *worker, const struct record *record)
{
    const struct uuid *user_id;
    uint32_t quantity = record_changed_returns(&record->changed, &user_id);

    if (quantity > 0)
        release_one(worker, &record->changed.zone_id, user_id, quantity, record->sequence);
}

static void release_tickets(struct worker *worker, const struct record *record)
{
    if (record->kind == RECORD_CANCELLED)
        release_one(worker, &record->settled.zone_id, &record->settled.user_id,
                    record->settled.quantity, record->sequence);
    else if (record->kind == RECORD_CHANGED)
        release_changed(worker, record);
}

/* --- answers --- */

static bool is_on_zone(enum command_kind kind)
{
    return kind == COMMAND_BLOCK_CREATE || kind == COMMAND_BLOCK_END || kind == COMMAND_CAPACITY ||
           kind == COMMAND_ZONE_SALE;
}

static void fill_settlement(const struct worker *worker, const struct command *command,
                            struct answer *answer)
{
    struct settlement *settlement = &answer->settlement;

    if (command->kind == COMMAND_RESERVE) {
        settlement->event_id = command->reserve.event_id;
        settlement->event_number = command->reserve.event_number;
        settlement->tickets = command->reserve.quantity;
    } else if (command->kind == COMMAND_TRANSFER) {
        settlement->event_id = *event_of_zone(worker, &command->booking.zone_id);
        settlement->receiver_id = command->booking.user_id;
        settlement->tickets = command->booking.quantity;
    }
}

static void state_booking(struct worker *worker, const struct uuid *id, struct answer *answer)
{
    bool known = shard_booking(worker->shard, id, worker->now_ms, &answer->booking, answer->seats,
                               &answer->seat_count);
    assert(known);
}

static void state_facts(struct worker *worker, const struct command *command,
                        const struct record *record, struct answer *answer)
{
    bool known = true;

    switch (command->kind) {
    case COMMAND_RESERVE:
        state_booking(worker, &command->reserve.booking_id, answer);
        answer->booking.remaining = record->reserved.remaining;
        break;
    case COMMAND_BLOCK_CREATE:
        answer->block = shard_block(worker->shard, &command->zone_change.block->block_id);
        known = answer->block != NULL;
        break;
    case COMMAND_BLOCK_END:
        answer->block = shard_block(worker->shard, &command->zone_change.block_id);
        known = answer->block != NULL;
        break;
    case COMMAND_CAPACITY:
    case COMMAND_ZONE_SALE:
        known = shard_zone_facts(worker->shard, &command->zone_change.zone_id, &answer->zone_facts);
        break;
    default:
        state_booking(worker, &command->booking.booking_id, answer);
        break;
    }
    assert(known); /* it was decided on just now */
}

/* Seats are indices in a plan, prices are in a currency; who answers the client must
 * know whose. */
static void name_zone_of_seats(const struct worker *worker, const struct command *command,
                               struct refusal_detail *detail)
{
    struct booking_facts facts;
    uint32_t seat_count;

    if (command->kind == COMMAND_RESERVE)
        detail->zone_id = command->reserve.zone_id;
    else if (command->kind == COMMAND_BLOCK_CREATE)
        detail->zone_id = command->zone_change.block->zone_id;
    else if (shard_booking(worker->shard, &command->booking.booking_id, worker->now_ms, &facts,
                           NULL, &seat_count))
        detail->zone_id = facts.zone_id;
}

static void answer_decision(struct worker *worker, const struct command *command,
                            enum result result, const struct record *record,
                            const struct refusal_facts *refusal)
{
    struct message message;
    struct answer *answer = &message.answer;

    worker_begin_answer(worker, command, answer);
    answer->result = result;
    fill_settlement(worker, command, answer);
    if (result != RESULT_OK) {
        answer->refusal = refusal->detail;
        answer->seat_count = refusal->seat_count;
        memcpy(answer->seats, refusal->seats, refusal->seat_count * sizeof refusal->seats[0]);
        if (answer->seat_count > 0 || result == RESULT_PRICE_CHANGED)
            name_zone_of_seats(worker, command, &answer->refusal);
    } else {
        state_facts(worker, command, record, answer);
        release_tickets(worker, record); /* reach home before the answer does */
    }
    worker_answer_home(worker, &message, answer->position_sequence);
}

/* --- deciding --- */

bool worker_log_and_apply(struct worker *worker, struct record *record)
{
    if (record->kind == 0)
        return true; /* it is so already: nothing to log */
    record->sequence = worker->journal.append(worker->journal.context, record);
    if (record->sequence == 0)
        return false;
    shard_apply(worker->shard, record);
    return true;
}

static void name(struct worker *worker, const struct uuid *zone_id, struct uuid *id)
{
    const struct clock *clock = &worker->group->clock;

    *id = uuid_v7(worker->now_ms, shard_zone_partition(worker->shard, zone_id),
                  clock->random(clock->context));
}

void worker_name_booking(struct worker *worker, struct command *command)
{
    struct uuid *id = &command->reserve.booking_id;

    if (command->kind != COMMAND_RESERVE ||
        !shard_knows_zone(worker->shard, &command->reserve.zone_id))
        return;
    /* Named in this millisecond already: the id carries the record's stamp. */
    if (uuid_is_nil(id) || uuid_v7_ms(id) != worker->now_ms)
        name(worker, &command->reserve.zone_id, id);
}

/* False: the zone's catalog version is still on the way here. */
static bool prepare(struct worker *worker, struct command *command)
{
    if (command->kind == COMMAND_RESERVE) {
        if (!shard_knows_zone(worker->shard, &command->reserve.zone_id))
            return false;
        worker_name_booking(worker, command);
    } else if (is_on_zone(command->kind)) {
        if (!shard_knows_zone(worker->shard, &command->zone_change.zone_id))
            return false;
        if (command->kind == COMMAND_BLOCK_CREATE)
            name(worker, &command->zone_change.zone_id, &command->zone_change.block->block_id);
    }
    return true;
}

/* Decides, after all that time has ended in the zone. False: there is more of
 * that than this turn may take. */
static bool decide_exactly(struct worker *worker, const struct command *command,
                           enum result *result, struct record *record,
                           struct refusal_facts *refusal)
{
    for (;;) {
        *result = shard_decide(worker->shard, command, worker->now_ms, record, refusal);
        if (!shard_is_premature(worker->shard, command, *result, worker->now_ms))
            return true;
        if (!worker_expire_one(worker, command))
            return false;
    }
}

void worker_decide(struct worker *worker, struct command *command)
{
    struct refusal_facts refusal;
    struct record record;
    bool ready = true;

    refusal.detail = (struct refusal_detail){0};
    refusal.seat_count = 0;
    record.kind = 0;
    enum result result = storage_allows(worker, command->kind);
    if (result == RESULT_OK)
        ready =
            prepare(worker, command) && decide_exactly(worker, command, &result, &record, &refusal);
    if (ready && result == RESULT_OK)
        ready = worker_log_and_apply(worker, &record);
    if (!ready && worker_defer(worker, STAGE_ZONE, command))
        return;
    if (!ready) {
        record.kind = 0;
        refusal.seat_count = 0;
        result = RESULT_OVERLOADED;
    }
    answer_decision(worker, command, result, &record, &refusal);
    command_release(command);
}

/* --- transfers: what the receiver's home must know first --- */

/* The receiver's home counts, which needs to know how many places of which event.
 * Nothing is decided yet; a booking only ever gets smaller. */
void worker_look_at_transfer(struct worker *worker, struct command *command)
{
    struct refusal_facts refusal;
    struct record record;
    struct message message;
    enum result result = storage_allows(worker, command->kind);

    refusal.detail = (struct refusal_detail){0};
    refusal.seat_count = 0;
    if (result == RESULT_OK)
        result = shard_decide(worker->shard, command, worker->now_ms, &record, &refusal);
    if (result == RESULT_OK) {
        assert(record.kind == RECORD_CHANGED);
        message_carry(&message, MESSAGE_TRANSFER_COUNT, command);
        message.command.booking.zone_id = record.changed.zone_id;
        message.command.booking.quantity = record.changed.quantity;
        if (worker_dispatch(worker, worker_home_of(worker, &command->booking.user_id), &message))
            return;
        result = RESULT_OVERLOADED;
    }
    worker_begin_answer(worker, command, &message.answer);
    message.answer.result = result;
    message.answer.refusal = refusal.detail;
    worker_answer_home(worker, &message, message.answer.position_sequence);
}

void worker_count_transfer(struct worker *worker, struct command *command)
{
    struct message message;
    struct answer *answer = &message.answer;

    worker_begin_answer(worker, command, answer);
    enum shard_admission admission = shard_count_transfer(worker->shard, command, answer);
    if (admission == SHARD_WAIT) {
        if (worker_defer(worker, STAGE_COUNT, command))
            return;
        answer->result = RESULT_OVERLOADED;
    } else if (admission == SHARD_ADMIT) {
        message_carry(&message, MESSAGE_COMMAND_ZONE, command);
        if (worker_dispatch(worker, worker_zone_shard_of(worker, command), &message))
            return;
        worker_begin_answer(worker, command, answer);
        fill_settlement(worker, command, answer);
        answer->result = RESULT_OVERLOADED;
    }
    worker_answer_home(worker, &message, answer->position_sequence);
}

/* --- reading --- */

static void read_booking(struct worker *worker, const struct command *command,
                         struct answer *answer)
{
    bool known = shard_booking(worker->shard, &command->booking.booking_id, worker->now_ms,
                               &answer->booking, answer->seats, &answer->seat_count);
    if (known && uuid_equal(&answer->booking.user_id, &command->actor.id))
        return;
    struct uuid zone_id = known ? answer->booking.zone_id : (struct uuid){0};
    answer->booking = (struct booking_facts){0};
    answer->refusal.zone_id = zone_id;
    answer->seat_count = 0;
    answer->result = RESULT_NOT_FOUND; /* another's is as good as unknown */
}

static bool may_organize(struct worker *worker, const struct command *command)
{
    const struct catalog *catalog = shard_catalog(worker->shard);
    const struct catalog_event *event =
        catalog_event(catalog, event_of_zone(worker, &command->zone_change.zone_id));

    return command->actor.role == ROLE_ADMIN ||
           (command->actor.role == ROLE_ORGANIZER && event &&
            uuid_equal(&event->organizer_id, &command->actor.id));
}

static void read_blocks(struct worker *worker, const struct command *command, struct answer *answer)
{
    if (!shard_knows_zone(worker->shard, &command->zone_change.zone_id) ||
        !may_organize(worker, command)) {
        answer->result = RESULT_NOT_FOUND;
        return;
    }
    answer->blocks = shard_blocks(worker->shard, &command->zone_change.zone_id);
    if (!answer->blocks)
        answer->result = RESULT_OVERLOADED;
}

void worker_read(struct worker *worker, const struct command *command)
{
    struct message message;
    struct answer *answer = &message.answer;

    worker_begin_answer(worker, command, answer);
    if (command->kind == COMMAND_BOOKING_GET)
        read_booking(worker, command, answer);
    else if (command->kind == COMMAND_BLOCK_LIST)
        read_blocks(worker, command, answer);
    else
        worker_read_seat_map(worker, command, answer);
    worker_answer_directly(worker, &message);
}

void worker_repeat(struct worker *worker, const struct command *command)
{
    struct message message;
    struct answer *answer = &message.answer;

    worker_begin_answer(worker, command, answer);
    shard_repeat(worker->shard, command, answer);
    worker_answer_directly(worker, &message);
}
