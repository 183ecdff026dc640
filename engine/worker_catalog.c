/* Catalog changes: shard 0 decides and logs; when the record is durable every
 * worker gets the new version, shard 0's own too, and the answer leaves when all
 * have it. So whoever saw the answer finds the object everywhere, and nobody saw
 * or sold before what a crash could still undo. Shard 0 decides the next change
 * when it has this one: one change a flush. */
#include <assert.h>

#include "worker_state.h"

static struct message version_message(const struct record *record, const struct answer *answer)
{
    struct message message = {0};

    switch (record->kind) {
    case RECORD_EVENT:
        message.kind = MESSAGE_CATALOG_EVENT;
        message.event = catalog_event_share(answer->event);
        break;
    case RECORD_SHOW:
        message.kind = MESSAGE_CATALOG_SHOW;
        message.show = catalog_show_share(answer->show);
        break;
    case RECORD_STATION:
        message.kind = MESSAGE_CATALOG_STATION;
        message.station = catalog_station_share(answer->station);
        break;
    case RECORD_ROUTE:
        message.kind = MESSAGE_CATALOG_ROUTE;
        message.route = catalog_route_share(answer->route);
        break;
    default:
        message.kind = MESSAGE_CATALOG_ZONE;
        message.zone = catalog_zone_share(answer->zone);
        break;
    }
    return message;
}

/* Makes the version that the record describes; the answer gets a reference. */
static bool make_version(const struct record *record, struct answer *answer)
{
    switch (record->kind) {
    case RECORD_EVENT:
        answer->event = catalog_event_new(&record->event);
        return answer->event != NULL;
    case RECORD_SHOW:
        answer->show = catalog_show_new(&record->show);
        return answer->show != NULL;
    case RECORD_STATION:
        answer->station = catalog_station_new(&record->station);
        return answer->station != NULL;
    case RECORD_ROUTE:
        answer->route = catalog_route_new(&record->route);
        return answer->route != NULL;
    default:
        answer->zone = catalog_zone_new(&record->zone);
        return answer->zone != NULL;
    }
}

static bool put_here(struct worker *worker, const struct message *version)
{
    switch (version->kind) {
    case MESSAGE_CATALOG_EVENT:
        return shard_put_event(worker->shard, version->event);
    case MESSAGE_CATALOG_SHOW:
        return shard_put_show(worker->shard, version->show);
    case MESSAGE_CATALOG_STATION:
        return shard_put_station(worker->shard, version->station);
    case MESSAGE_CATALOG_ROUTE:
        return shard_put_route(worker->shard, version->route);
    default:
        return shard_put_zone(worker->shard, version->zone);
    }
}

static struct catalog_round *open_round(struct worker *worker)
{
    for (uint32_t i = 0; i < CATALOG_ROUNDS_MAX; i++)
        if (!worker->rounds[i].used)
            return &worker->rounds[i];
    return NULL;
}

/* The object as it is, for a change that changes nothing. */
static void answer_unchanged(struct worker *worker, const struct command *command,
                             struct answer *answer)
{
    assert(command->kind == COMMAND_EVENT_STATUS || command->kind == COMMAND_EVENT_SALE);
    const struct catalog_event *event =
        catalog_event(shard_catalog(worker->shard), &command->event_status.event_id);
    answer->event = catalog_event_share(event);
}

static void spread(struct worker *worker, const struct command *command,
                   const struct record *record, const struct answer *answer,
                   struct catalog_round *round)
{
    uint16_t shard_count = worker->group->shard_count;

    round->used = true;
    round->missing = shard_count;
    round->message = (struct message){.kind = MESSAGE_ANSWER_HOME, .answer = *answer};
    round->to = worker_home_of(worker, &command->actor.id);
    worker->catalog_changing = true;
    for (uint16_t to = 0; to < shard_count; to++) {
        struct message version = version_message(record, answer);
        version.round = (uint32_t)(round - worker->rounds);
        worker_deliver(worker, record->sequence, to, &version);
    }
}

static void refuse_change(struct worker *worker, struct command *command, enum result result)
{
    struct message message;
    struct answer *answer = &message.answer;

    worker_begin_answer(worker, command, answer);
    answer->result = result;
    worker_answer_home(worker, &message, answer->position_sequence);
}

static void name_new_object(struct worker *worker, struct command *command)
{
    const struct clock *clock = &worker->group->clock;
    uint64_t random = clock->random(clock->context);
    struct uuid id =
        uuid_v7(worker->now_ms, (uint16_t)(random >> 8 & 0xfff), clock->random(clock->context));

    command_name_object(command, &id);
}

static void decide_change(struct worker *worker, struct command *command)
{
    struct catalog_round *round = open_round(worker);
    struct message message;
    struct answer *answer = &message.answer;
    struct record record;
    enum result result = RESULT_STORAGE_LOW;

    if (worker->journal.state(worker->journal.context) == JOURNAL_OK) {
        name_new_object(worker, command);
        result = shard_decide_catalog(worker->shard, command, worker->now_ms, &record);
    }
    if (result == RESULT_OK && !round)
        result = RESULT_OVERLOADED;
    worker_begin_answer(worker, command, answer);
    if (result == RESULT_OK && record.kind == 0) {
        answer_unchanged(worker, command, answer);
        worker_answer_home(worker, &message, answer->position_sequence);
    } else if (result == RESULT_OK && make_version(&record, answer)) {
        record.sequence = worker->journal.append(worker->journal.context, &record);
        answer->position_sequence = record.sequence;
        if (record.sequence != 0) {
            spread(worker, command, &record, answer, round);
        } else {
            answer_release(answer);
            refuse_change(worker, command, RESULT_OVERLOADED);
        }
    } else {
        refuse_change(worker, command, result == RESULT_OK ? RESULT_OVERLOADED : result);
    }
}

void worker_change_catalog(struct worker *worker, struct command *command)
{
    if (!worker->catalog_changing)
        decide_change(worker, command);
    else if (worker_defer(worker, STAGE_CATALOG, command))
        return;
    else
        refuse_change(worker, command, RESULT_OVERLOADED);
    command_release(command);
}

void worker_put_version(struct worker *worker, uint16_t from, struct message *message)
{
    struct message applied = {.kind = MESSAGE_CATALOG_APPLIED, .round = message->round};
    bool placed = put_here(worker, message);

    assert(placed); /* parents are known, and deciding saw room */
    if (from == worker->index)
        worker->catalog_changing = false;
    worker_deliver(worker, 0, from, &applied);
}

void worker_version_applied(struct worker *worker, uint32_t number)
{
    assert(number < CATALOG_ROUNDS_MAX);
    struct catalog_round *round = &worker->rounds[number];
    assert(round->used && round->missing > 0);

    if (--round->missing > 0)
        return;
    round->used = false;
    if (round->to == worker->index) {
        shard_settle(worker->shard, &round->message.answer, worker->now_ms);
        round->message.kind = MESSAGE_ANSWER;
        worker_deliver(worker, 0, round->message.answer.to.worker, &round->message);
    } else {
        worker_deliver(worker, 0, round->to, &round->message);
    }
}

void worker_fail_changes(struct worker *worker, uint64_t durable)
{
    for (uint32_t i = 0; i < CATALOG_ROUNDS_MAX; i++) {
        struct catalog_round *round = &worker->rounds[i];
        struct answer *answer = &round->message.answer;
        if (!round->used || answer->to.worker != worker->index)
            continue;
        round->used = false;
        answer_release(answer);
        answer->result = RESULT_INDETERMINATE;
        answer->position_sequence = durable;
        worker_answer(worker, answer);
    }
}
