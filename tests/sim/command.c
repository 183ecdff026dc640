/* Operations as the engine's commands. */
#include <stdlib.h>

#include "clients.h"

/* What the engine made for an operation; an id of nobody's if it made nothing. Of an order
 * the item's booking, or with UINT32_MAX the order. */
static struct uuid made_by(struct sim_clients *clients, uint32_t number, uint32_t of_item)
{
    const struct sim_past *past = sim_past(clients, number);

    if (past && past->accepted && past->operation.kind == SIM_ORDER && of_item != UINT32_MAX)
        return past->items[of_item % past->operation.value];
    return past && past->accepted ? past->made
                                  : uuid_v7(SIM_START_MS, number & 0xfff, sim_mix(number));
}

static struct uuid zone_id(const struct sim_world *world, uint32_t zone)
{
    return uuid_is_nil(&world->zones[zone]) ? uuid_v7(SIM_START_MS, 1, zone) : world->zones[zone];
}

/* Ascending, each once, none behind the zone's end: what the REST layer lets through. */
static uint32_t name_seats(const struct sim_zone *zone, const struct sim_operation *operation,
                           uint32_t most, uint32_t *seats)
{
    uint32_t step = operation->flags & SIM_SPREAD ? 2 : 1, count = 0;

    for (uint32_t i = 0; i < operation->quantity && count < most; i++) {
        uint32_t seat = operation->seat + i * step;
        if (seat < zone->seat_count)
            seats[count++] = seat;
    }
    return count;
}

static void key_digest(uint32_t number, uint8_t digest[16])
{
    uint64_t words[2] = {sim_mix(number), sim_mix(number + 77)};
    memcpy(digest, words, sizeof words);
}

static void command_reserve(struct sim_clients *clients, const struct sim_operation *operation,
                            struct command *command)
{
    const struct sim_world *world = clients->world;
    const struct sim_zone *zone = &world->zone[operation->zone];
    struct command_reserve *reserve = &command->reserve;

    command->kind = COMMAND_RESERVE;
    reserve->zone_id = zone_id(world, operation->zone);
    reserve->quantity = operation->quantity;
    if (operation->from < operation->to && operation->to <= zone->segments) {
        reserve->from_segment = operation->from;
        reserve->to_segment = operation->to;
    }
    if (operation->flags & SIM_NAMED && zone->seated) {
        command->seat_count = name_seats(zone, operation, RECORD_SEATS_MAX, command->seats);
        reserve->quantity = command->seat_count ? command->seat_count : operation->quantity;
    }
    reserve->allow_split = operation->flags & SIM_SPLIT;
    reserve->has_price = operation->flags & SIM_PRICED;
    if (reserve->has_price)
        reserve->unit_price_minor = zone->price + operation->value;
    if (operation->flags & SIM_ALLOTTED)
        key_digest(operation->other, reserve->allotment_digest);
    if (operation->flags & SIM_WRONG_PARENT)
        reserve->show_id = uuid_v7(SIM_START_MS, 5, operation->number);
}

static void command_booking(struct sim_clients *clients, const struct sim_operation *operation,
                            struct command *command)
{
    static const enum command_kind kinds[] = {
        [SIM_CONFIRM] = COMMAND_CONFIRM,   [SIM_CANCEL] = COMMAND_CANCEL,
        [SIM_EXTEND] = COMMAND_EXTEND,     [SIM_RELEASE] = COMMAND_RELEASE,
        [SIM_EXCHANGE] = COMMAND_EXCHANGE, [SIM_TRANSFER] = COMMAND_TRANSFER,
        [SIM_REFUND] = COMMAND_REFUND,     [SIM_GET] = COMMAND_BOOKING_GET};
    struct command_booking *booking = &command->booking;

    command->kind = kinds[operation->kind];
    booking->booking_id = made_by(clients, operation->target, operation->seat);
    booking->quantity = operation->quantity;
    if (operation->flags & SIM_NAMED && operation->kind != SIM_CANCEL) {
        booking->quantity = 0;
        command->seat_count = name_seats(&clients->world->zone[operation->zone], operation,
                                         RECORD_SEATS_MAX, command->seats);
    }
    /* The API wants seats or a quantity, and a part of nothing is no part. */
    if (operation->kind == SIM_RELEASE && command->seat_count == 0 && booking->quantity == 0)
        booking->quantity = 1;
    if (operation->kind == SIM_CONFIRM || operation->kind == SIM_REFUND)
        booking->payment_id = uuid_v7(SIM_START_MS, 9, operation->number);
    if (operation->kind == SIM_TRANSFER) /* to oneself is a bad request, no command */
        booking->user_id =
            sim_user_id(operation->other == operation->user ? UINT16_MAX : operation->other);
    booking->seconds = operation->value;
    booking->allow_split = operation->flags & SIM_SPLIT;
}

static struct order_draft *draft_order(struct sim_clients *clients,
                                       const struct sim_operation *operation)
{
    struct order_draft *draft = calloc(1, sizeof *draft);
    struct sim_operation item = *operation;

    if (!draft)
        abort();
    for (uint32_t i = 0; i < operation->value; i++) {
        struct command part = {.seat_count = 0};
        item.zone = sim_item_zone(clients->world, operation, i);
        item.seat = operation->seat + i;
        item.other = item.value = 0;
        command_reserve(clients, &item, &part);
        draft->items[i].reserve = part.reserve;
        draft->items[i].seat_count = part.seat_count;
        memcpy(draft->items[i].seats, part.seats, part.seat_count * sizeof part.seats[0]);
    }
    draft->count = operation->value;
    return draft;
}

static void command_order(struct sim_clients *clients, const struct sim_operation *operation,
                          struct command *command)
{
    static const enum command_kind kinds[] = {[SIM_ORDER_CONFIRM] = COMMAND_ORDER_CONFIRM,
                                              [SIM_ORDER_CANCEL] = COMMAND_ORDER_CANCEL,
                                              [SIM_ORDER_GET] = COMMAND_ORDER_GET};

    if (operation->kind == SIM_ORDER) {
        command->kind = COMMAND_ORDER_CREATE;
        command->order_draft = draft_order(clients, operation);
        return;
    }
    command->kind = kinds[operation->kind];
    command->order.order_id = made_by(clients, operation->target, UINT32_MAX);
    if (operation->kind == SIM_ORDER_CONFIRM)
        command->order.payment_id = uuid_v7(SIM_START_MS, 9, operation->number);
}

static void command_exchange_zone(struct sim_clients *clients,
                                  const struct sim_operation *operation, struct command *command)
{
    struct command_booking *booking = &command->booking;

    command->kind = COMMAND_EXCHANGE_ZONE;
    booking->booking_id = made_by(clients, operation->target, operation->seat);
    booking->zone_id = zone_id(clients->world, operation->zone);
    booking->allow_split = operation->flags & SIM_SPLIT;
    if (operation->flags & SIM_NAMED)
        command->seat_count = name_seats(&clients->world->zone[operation->zone], operation,
                                         RECORD_SEATS_MAX, command->seats);
}

static struct block_facts *draft_block(struct sim_clients *clients,
                                       const struct sim_operation *operation)
{
    const struct sim_zone *zone = &clients->world->zone[operation->zone];
    struct block_facts *draft = calloc(1, sizeof *draft + RECORD_SEATS_MAX * sizeof(uint32_t));
    bool house = operation->flags & SIM_SPREAD;

    if (!draft)
        abort();
    uint32_t *seats = (uint32_t *)(draft + 1);
    draft->zone_id = zone_id(clients->world, operation->zone);
    draft->kind = house ? BLOCK_HOUSE_HOLD : BLOCK_ALLOTMENT;
    draft->quantity = operation->quantity > 0 ? operation->quantity : 1;
    draft->seats = seats;
    if (zone->seated)
        draft->seat_count = name_seats(zone, operation, RECORD_SEATS_MAX, seats);
    if (!house)
        key_digest(operation->key ? operation->key : operation->number, draft->key_digest);
    if (operation->value != 0)
        draft->expires_ms = SIM_START_MS + operation->value;
    draft->reason = (struct text){"press", 5};
    return draft;
}

static void command_zone(struct sim_clients *clients, const struct sim_operation *operation,
                         struct command *command)
{
    struct command_zone *zone = &command->zone_change;

    zone->zone_id = zone_id(clients->world, operation->zone);
    switch (operation->kind) {
    case SIM_BLOCK:
        command->kind = COMMAND_BLOCK_CREATE;
        zone->block = draft_block(clients, operation);
        break;
    case SIM_BLOCK_END:
        command->kind = COMMAND_BLOCK_END;
        zone->block_id = made_by(clients, operation->target, UINT32_MAX);
        break;
    case SIM_SET_CAPACITY:
        command->kind = COMMAND_CAPACITY;
        zone->total = operation->value;
        zone->drain = operation->flags & SIM_DRAIN;
        break;
    case SIM_ZONE_SALE:
        command->kind = COMMAND_ZONE_SALE;
        zone->closed = operation->flags & SIM_CLOSE;
        break;
    case SIM_BLOCK_LIST:
        command->kind = COMMAND_BLOCK_LIST;
        break;
    default:
        command->kind = COMMAND_SEAT_MAP;
        if (operation->from < operation->to &&
            operation->to <= clients->world->zone[operation->zone].segments) {
            zone->from_segment = operation->from;
            zone->to_segment = operation->to;
        }
        break;
    }
}

static void command_catalog(struct sim_clients *clients, const struct sim_operation *operation,
                            struct command *command)
{
    const struct sim_world *world = clients->world;

    switch (operation->kind) {
    case SIM_MAKE_EVENT:
        command->kind = COMMAND_EVENT_CREATE;
        command->event = sim_draft_event(world, operation->zone);
        break;
    case SIM_MAKE_SHOW:
        command->kind = COMMAND_SHOW_CREATE;
        command->show = sim_draft_show(world, operation->zone);
        break;
    case SIM_MAKE_ZONE:
        command->kind = COMMAND_ZONE_CREATE;
        command->zone = sim_draft_zone(world, operation->zone);
        break;
    case SIM_MAKE_STATION:
        command->kind = COMMAND_STATION_CREATE;
        command->station = sim_draft_station(world, operation->zone);
        break;
    case SIM_MAKE_ROUTE:
        command->kind = COMMAND_ROUTE_CREATE;
        command->route = sim_draft_route(world);
        break;
    default:
        command->kind =
            operation->kind == SIM_EVENT_SALE ? COMMAND_EVENT_SALE : COMMAND_EVENT_STATUS;
        command->event_status.event_id = world->events[operation->zone];
        command->event_status.status = (enum event_status)operation->value;
        command->event_status.closed = operation->flags & SIM_CLOSE;
        break;
    }
}

static void command_list(const struct sim_clients *clients, const struct sim_operation *operation,
                         struct command *command)
{
    bool summary = operation->kind == SIM_SUMMARY;

    command->kind = summary ? COMMAND_BOOKING_SUMMARY : COMMAND_BOOKING_LIST;
    command->list.page = 1;
    command->list.per_page = 20;
    if (summary)
        command->list.event_id =
            clients->world->events[operation->zone % clients->world->event_count];
}

void sim_command_of(struct sim_clients *clients, const struct sim_operation *operation,
                    struct command *command)
{
    memset(command, 0, offsetof(struct command, seats));
    command->actor = sim_actor(clients->world, operation);
    if (operation->key != 0) {
        command->key.hash = request_key_hash(&command->actor.id, (const char *)&operation->key,
                                             sizeof operation->key);
        command->key.fingerprint = sim_operation_fingerprint(operation);
    }
    if (operation->kind == SIM_RESERVE)
        command_reserve(clients, operation, command);
    else if (operation->kind <= SIM_GET)
        command_booking(clients, operation, command);
    else if (operation->kind <= SIM_SUMMARY)
        command_list(clients, operation, command);
    else if (operation->kind <= SIM_ZONE_SALE)
        command_zone(clients, operation, command);
    else if (operation->kind == SIM_EXCHANGE_ZONE)
        command_exchange_zone(clients, operation, command);
    else if (operation->kind >= SIM_ORDER)
        command_order(clients, operation, command);
    else
        command_catalog(clients, operation, command);
}
