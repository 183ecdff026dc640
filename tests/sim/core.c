#include "core.h"

/* False: no room in the log. */
static bool append(struct sim_core *core, const struct record *record)
{
    if (core->append) /* a log enters it in the books itself */
        return core->append(core, record) != 0;
    sim_run_record(core->run, 0, record);
    return true;
}

static struct uuid name(struct sim_core *core, uint16_t partition)
{
    return uuid_v7(core->run->now_ms, partition, sim_random_next(&core->run->names));
}

/* --- tickets that leave a user's count --- */

static void released(struct sim_core *core, const struct uuid *zone_id, const struct uuid *user_id,
                     uint32_t quantity)
{
    const struct catalog_zone *zone = catalog_zone(shard_catalog(core->shard), zone_id);

    if (quantity > 0)
        shard_released(core->shard, user_id, &zone->event_id, quantity);
}

static void give_back(struct sim_core *core, const struct record *record)
{
    const struct uuid *user_id;

    if (record->kind == RECORD_CANCELLED) {
        released(core, &record->settled.zone_id, &record->settled.user_id,
                 record->settled.quantity);
    } else if (record->kind == RECORD_CHANGED) {
        uint32_t quantity = record_changed_returns(&record->changed, &user_id);
        released(core, &record->changed.zone_id, user_id, quantity);
    } else if (record->kind == RECORD_EXPIRED) {
        for (uint32_t i = 0; i < record->expired.count; i++)
            released(core, &record->expired.zone_id, &record->expired.items[i].user_id,
                     record->expired.items[i].quantity);
    }
}

bool sim_core_expire(struct sim_core *core)
{
    struct record record;

    while (shard_expire(core->shard, core->run->now_ms, &record)) {
        if (!append(core, &record))
            return false;
        shard_apply(core->shard, &record);
        give_back(core, &record);
        if (core->run->failed)
            return false;
    }
    return true;
}

/* --- catalog --- */

static void put_version(struct sim_core *core, struct answer *answer)
{
    const struct record *record = &core->record;
    bool placed;

    sim_opinion_catalog(&core->opinion, record);

    switch (record->kind) {
    case RECORD_EVENT:
        answer->event = catalog_event_new(&record->event);
        placed = shard_put_event(core->shard, catalog_event_share(answer->event));
        break;
    case RECORD_SHOW:
        answer->show = catalog_show_new(&record->show);
        placed = shard_put_show(core->shard, catalog_show_share(answer->show));
        break;
    case RECORD_ZONE:
        answer->zone = catalog_zone_new(&record->zone);
        placed = shard_put_zone(core->shard, catalog_zone_share(answer->zone));
        break;
    case RECORD_STATION:
        answer->station = catalog_station_new(&record->station);
        placed = shard_put_station(core->shard, catalog_station_share(answer->station));
        break;
    default:
        answer->route = catalog_route_new(&record->route);
        placed = shard_put_route(core->shard, catalog_route_share(answer->route));
        break;
    }
    if (!placed)
        abort();
}

static void name_object(struct sim_core *core, struct command *command)
{
    struct uuid id = name(core, (uint16_t)(sim_random_next(&core->run->names) & 0xfff));

    command_name_object(command, &id);
}

static void change_catalog(struct sim_core *core)
{
    struct answer *answer = &core->answer;

    name_object(core, &core->command);
    answer->result =
        shard_decide_catalog(core->shard, &core->command, core->run->now_ms, &core->record);
    if (answer->result != RESULT_OK)
        return;
    if (core->record.kind == 0) {
        answer->event = catalog_event_share(
            catalog_event(shard_catalog(core->shard), &core->command.event_status.event_id));
        return;
    }
    if (append(core, &core->record))
        put_version(core, answer);
    else
        answer->result = RESULT_OVERLOADED;
}

/* --- bookings and zones --- */

static bool is_on_catalog(enum command_kind kind)
{
    return kind == COMMAND_EVENT_CREATE || kind == COMMAND_EVENT_STATUS ||
           kind == COMMAND_EVENT_SALE || kind == COMMAND_SHOW_CREATE ||
           kind == COMMAND_ZONE_CREATE || kind == COMMAND_STATION_CREATE ||
           kind == COMMAND_ROUTE_CREATE;
}

static bool is_on_zone(enum command_kind kind)
{
    return kind == COMMAND_BLOCK_CREATE || kind == COMMAND_BLOCK_END || kind == COMMAND_CAPACITY ||
           kind == COMMAND_ZONE_SALE;
}

static void state_facts(struct sim_core *core)
{
    const struct command *command = &core->command;
    struct answer *answer = &core->answer;
    const struct uuid *id = &command->booking.booking_id;

    switch (command->kind) {
    case COMMAND_BLOCK_CREATE:
        answer->block = shard_block(core->shard, &command->zone_change.block->block_id);
        return;
    case COMMAND_BLOCK_END:
        answer->block = shard_block(core->shard, &command->zone_change.block_id);
        return;
    case COMMAND_CAPACITY:
    case COMMAND_ZONE_SALE:
        shard_zone_facts(core->shard, &command->zone_change.zone_id, &answer->zone_facts);
        return;
    case COMMAND_RESERVE:
        id = &command->reserve.booking_id;
        break;
    default:
        break;
    }
    if (!shard_booking(core->shard, id, core->run->now_ms, &answer->booking, answer->seats,
                       &answer->seat_count))
        abort();
    if (command->kind == COMMAND_RESERVE)
        answer->booking.remaining = core->record.reserved.remaining;
}

static void fill_settlement(struct sim_core *core)
{
    const struct command *command = &core->command;
    struct settlement *settlement = &core->answer.settlement;

    settlement->key = command->key;
    settlement->user_id = command->actor.id;
    settlement->stamp_ms = core->run->now_ms;
    if (command->kind == COMMAND_RESERVE) {
        settlement->event_id = command->reserve.event_id;
        settlement->event_number = command->reserve.event_number;
        settlement->tickets = command->reserve.quantity;
    } else if (command->kind == COMMAND_TRANSFER) {
        settlement->receiver_id = command->booking.user_id;
        settlement->tickets = command->booking.quantity;
    }
}

static bool decide_exactly(struct sim_core *core, struct refusal_facts *refusal)
{
    struct record due;

    for (;;) {
        refusal->seat_count = 0;
        core->answer.result =
            shard_decide(core->shard, &core->command, core->run->now_ms, &core->record, refusal);
        if (!shard_is_premature(core->shard, &core->command, core->answer.result,
                                core->run->now_ms))
            return true;
        if (!shard_expire(core->shard, core->run->now_ms, &due) || !append(core, &due))
            return false;
        shard_apply(core->shard, &due);
        give_back(core, &due);
    }
}

static void prepare(struct sim_core *core)
{
    struct command *command = &core->command;

    if (command->kind == COMMAND_RESERVE)
        command->reserve.booking_id =
            name(core, shard_zone_partition(core->shard, &command->reserve.zone_id));
    else if (command->kind == COMMAND_BLOCK_CREATE)
        command->zone_change.block->block_id =
            name(core, shard_zone_partition(core->shard, &command->zone_change.zone_id));
}

static void decide(struct sim_core *core)
{
    struct answer *answer = &core->answer;
    struct refusal_facts refusal = {0};

    prepare(core);
    if (!decide_exactly(core, &refusal))
        answer->result = RESULT_OVERLOADED;
    if (answer->result == RESULT_OK && core->record.kind != 0 && !append(core, &core->record))
        answer->result = RESULT_OVERLOADED;
    if (answer->result != RESULT_OK) {
        core->record.kind = 0;
        answer->refusal = refusal.detail;
        answer->seat_count = refusal.seat_count;
        memcpy(answer->seats, refusal.seats, refusal.seat_count * sizeof refusal.seats[0]);
        return;
    }
    if (core->record.kind != 0) {
        shard_apply(core->shard, &core->record);
        give_back(core, &core->record);
    }
    state_facts(core);
}

/* A look, the receiver's count, and then the decision. */
static void transfer(struct sim_core *core)
{
    struct answer *answer = &core->answer;
    struct refusal_facts refusal = {0};

    answer->result =
        shard_decide(core->shard, &core->command, core->run->now_ms, &core->record, &refusal);
    if (answer->result != RESULT_OK) {
        answer->refusal = refusal.detail;
        core->record.kind = 0;
        fill_settlement(core);
        core->answer.settlement.tickets = 0;
        return;
    }
    core->command.booking.zone_id = core->record.changed.zone_id;
    core->command.booking.quantity = core->record.changed.quantity;
    if (shard_count_transfer(core->shard, &core->command, answer) != SHARD_ADMIT) {
        core->record.kind = 0;
        fill_settlement(core);
        core->answer.settlement.tickets = 0;
        return;
    }
    decide(core);
    fill_settlement(core);
    const struct catalog_zone *zone =
        catalog_zone(shard_catalog(core->shard), &core->command.booking.zone_id);
    answer->settlement.event_id = zone->event_id;
    shard_settle_transfer(core->shard, answer);
}

/* --- reads --- */

static bool may_organize(struct sim_core *core)
{
    const struct catalog_event *event;
    uint32_t number;
    const struct actor *actor = &core->command.actor;

    return catalog_zone_and_event(shard_catalog(core->shard), &core->command.zone_change.zone_id,
                                  &event, &number) &&
           (actor->role == ROLE_ADMIN ||
            (actor->role == ROLE_ORGANIZER && uuid_equal(&actor->id, &event->organizer_id)));
}

static void read(struct sim_core *core)
{
    const struct command *command = &core->command;
    struct answer *answer = &core->answer;
    uint64_t now_ms = core->run->now_ms;
    bool known = true;

    switch (command->kind) {
    case COMMAND_BOOKING_GET:
        known = shard_booking(core->shard, &command->booking.booking_id, now_ms, &answer->booking,
                              answer->seats, &answer->seat_count) &&
                uuid_equal(&answer->booking.user_id, &command->actor.id);
        break;
    case COMMAND_BOOKING_LIST:
        answer->list = shard_list(core->shard, &command->actor.id, &command->list, now_ms);
        break;
    case COMMAND_BOOKING_SUMMARY:
        shard_summary(core->shard, &command->actor.id, &command->list.event_id, now_ms,
                      &answer->summary);
        break;
    case COMMAND_SEAT_MAP:
        answer->seat_states = shard_seat_states(core->shard, &command->zone_change);
        known = answer->seat_states != NULL;
        break;
    default:
        known = may_organize(core);
        if (known)
            answer->blocks = shard_blocks(core->shard, &command->zone_change.zone_id);
        break;
    }
    if (known)
        return;
    answer->result = RESULT_NOT_FOUND;
    answer->refusal = (struct refusal_detail){0};
    answer->seat_count = 0;
}

static bool is_read(enum command_kind kind)
{
    return kind == COMMAND_BOOKING_GET || kind == COMMAND_BOOKING_LIST ||
           kind == COMMAND_BOOKING_SUMMARY || kind == COMMAND_SEAT_MAP ||
           kind == COMMAND_BLOCK_LIST;
}

/* --- a command --- */

static void go_on(struct sim_core *core)
{
    if (is_on_catalog(core->command.kind)) {
        change_catalog(core);
        fill_settlement(core);
    } else if (core->command.kind == COMMAND_TRANSFER) {
        transfer(core);
    } else {
        if (is_on_zone(core->command.kind) &&
            !shard_knows_zone(core->shard, &core->command.zone_change.zone_id))
            abort(); /* home lets only known zones through */
        decide(core);
        fill_settlement(core);
    }
    shard_settle(core->shard, &core->answer, core->run->now_ms);
}

static void ask(struct sim_core *core)
{
    struct answer *answer = &core->answer;

    memset(answer, 0, offsetof(struct answer, seats));
    answer->kind = core->command.kind;
    answer->settlement.stamp_ms = core->run->now_ms;
    core->record.kind = 0;
    sim_opinion_hear(&core->opinion, &core->command);
    if (is_read(core->command.kind)) {
        read(core);
        return;
    }
    switch (shard_admit(core->shard, &core->command, core->run->now_ms, answer)) {
    case SHARD_ADMIT:
        go_on(core);
        break;
    case SHARD_REPEAT:
        shard_repeat(core->shard, &core->command, answer);
        break;
    case SHARD_ANSWERED:
        break;
    case SHARD_WAIT:
        sim_run_fail(core->run, "waits although nothing is under way");
        break;
    }
    const char *fault =
        sim_opinion_judge(&core->opinion, &core->command, answer, core->run->now_ms);
    if (fault)
        sim_run_fail(core->run, fault);
    command_release(&core->command);
}

void sim_core_ask(struct sim_core *core, const struct sim_operation *operation)
{
    sim_command_of(&core->run->clients, operation, &core->command);
    sim_clients_sent(&core->run->clients, operation, &core->command);
    ask(core);
}

void sim_core_ask_again(struct sim_core *core, const struct sim_operation *operation)
{
    sim_command_of(&core->run->clients, operation, &core->command);
    ask(core);
}
