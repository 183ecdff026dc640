#include "load.h"

void sim_load_init(struct sim_load *load, const struct sim_plan *plan, struct sim_clients *clients)
{
    uint32_t sum = 0;

    *load = (struct sim_load){.plan = plan, .clients = clients, .world = clients->world};
    sim_random_init(&load->random, plan->seed, "load");
    for (uint32_t i = SIM_W_RESERVE; i <= SIM_W_TIME; i++)
        load->weights[i - SIM_W_RESERVE] = sum += plan->value[i];
}

static uint32_t below(struct sim_load *load, uint32_t limit)
{
    return (uint32_t)sim_random_below(&load->random, limit);
}

static bool percent(struct sim_load *load, enum sim_parameter parameter)
{
    return sim_percent(&load->random, load->plan->value[parameter]);
}

static enum sim_parameter draw_weight(struct sim_load *load)
{
    uint32_t last = SIM_W_TIME - SIM_W_RESERVE, draw = below(load, load->weights[last]), i = 0;

    while (draw >= load->weights[i])
        i++;
    return SIM_W_RESERVE + i;
}

/* --- what it is about --- */

/* A booking made not long ago; the newer the likelier. 0: there is none. */
static uint32_t some_booking(struct sim_load *load)
{
    const struct sim_clients *clients = load->clients;
    uint32_t there = clients->recent_count < SIM_RECENT ? clients->recent_count : SIM_RECENT;

    if (there == 0)
        return 0;
    uint32_t most = 1 + below(load, there), back = 1 + below(load, most);
    return clients->recent[(clients->recent_count - back) % SIM_RECENT];
}

static void aim_at_booking(struct sim_load *load, struct sim_operation *operation)
{
    operation->target = some_booking(load);
    const struct sim_past *past = sim_past(load->clients, operation->target);
    if (!past)
        return;
    operation->zone = past->operation.zone;
    operation->user = past->operation.user;
    operation->role = past->operation.role;
    if (past->operation.kind == SIM_ORDER)
        operation->seat = below(load, ORDER_ITEMS_MAX);
    if (percent(load, SIM_STRANGER))
        operation->user = (uint16_t)below(load, load->plan->value[SIM_USERS]);
}

/* Of the same event, if chance finds one. */
static void another_zone(struct sim_load *load, struct sim_operation *operation)
{
    const struct sim_world *world = load->world;
    uint16_t old = operation->zone;

    for (int i = 0; i < 8; i++) {
        operation->zone = (uint16_t)below(load, world->zone_count);
        if (operation->zone != old &&
            sim_event_of_zone(world, operation->zone) == sim_event_of_zone(world, old))
            break;
    }
}

static void some_way(struct sim_load *load, struct sim_operation *operation)
{
    uint16_t segments = load->world->zone[operation->zone].segments;

    if (segments == 1 || below(load, 4) == 0)
        return;
    operation->from = (uint16_t)below(load, segments);
    operation->to = (uint16_t)(operation->from + 1 + below(load, segments - operation->from));
}

static void some_seats(struct sim_load *load, struct sim_operation *operation)
{
    const struct sim_zone *zone = &load->world->zone[operation->zone];

    if (!zone->seated || below(load, 3) == 0)
        return;
    operation->flags |= SIM_NAMED;
    operation->seat = below(load, zone->seat_count);
    if (below(load, 4) == 0)
        operation->flags |= SIM_SPREAD;
}

static uint32_t some_block(struct sim_load *load)
{
    const struct sim_clients *clients = load->clients;
    uint32_t there =
        clients->block_count < SIM_RECENT_BLOCKS ? clients->block_count : SIM_RECENT_BLOCKS;

    return there ? clients->blocks[below(load, there)] : 0;
}

/* --- kinds --- */

static void draw_reserve(struct sim_load *load, struct sim_operation *operation)
{
    operation->kind = SIM_RESERVE;
    operation->quantity = 1 + below(load, below(load, 4) == 0 ? 8 : 3);
    some_way(load, operation);
    some_seats(load, operation);
    if (below(load, 2) == 0)
        operation->flags |= SIM_SPLIT;
    if (below(load, 4) == 0) {
        operation->flags |= SIM_PRICED;
        operation->value = below(load, 8) == 0;
    }
    uint32_t block = below(load, 6) == 0 ? some_block(load) : 0;
    const struct sim_past *past = sim_past(load->clients, block);
    if (past) {
        operation->flags |= SIM_ALLOTTED;
        operation->other = block;
        operation->zone = past->operation.zone;
        operation->seat = past->operation.seat + below(load, past->operation.quantity + 1);
        operation->from = operation->to = 0;
    }
    if (percent(load, SIM_MALFORMED) && below(load, 4) == 0)
        operation->flags |= SIM_WRONG_PARENT;
}

static void draw_end(struct sim_load *load, struct sim_operation *operation,
                     enum sim_operation_kind kind)
{
    operation->kind = (uint8_t)kind;
    aim_at_booking(load, operation);
    bool part = kind == SIM_RELEASE || (kind == SIM_CONFIRM && below(load, 4) == 0);
    if (part)
        operation->quantity = 1 + below(load, 3);
    const struct sim_past *past = sim_past(load->clients, operation->target);
    if (part && past && below(load, 2) == 0 && load->world->zone[operation->zone].seated) {
        operation->flags |= SIM_NAMED;
        operation->seat = past->operation.seat + below(load, 3);
    }
}

static void draw_change(struct sim_load *load, struct sim_operation *operation,
                        enum sim_parameter weight)
{
    if (weight == SIM_W_EXTEND) {
        operation->kind = SIM_EXTEND;
        aim_at_booking(load, operation);
        operation->value =
            below(load, 2) ? 0 : 1 + below(load, load->plan->value[SIM_HOLD_MS] / 1000 + 2);
    } else if (weight == SIM_W_EXCHANGE) {
        operation->kind = SIM_EXCHANGE;
        aim_at_booking(load, operation);
        const struct sim_past *past = sim_past(load->clients, operation->target);
        some_seats(load, operation);
        operation->flags |= below(load, 2) ? SIM_SPLIT : 0;
        if (past && below(load, 4) > 0)
            operation->quantity = past->operation.quantity;
    } else if (weight == SIM_W_TRANSFER) {
        operation->kind = SIM_TRANSFER;
        aim_at_booking(load, operation);
        operation->other = below(load, load->plan->value[SIM_USERS]);
    } else {
        operation->kind = SIM_REFUND;
        aim_at_booking(load, operation);
        operation->role = below(load, 8) == 0   ? SIM_USER
                          : below(load, 8) == 0 ? SIM_OTHER_ORGANIZER
                                                : SIM_ORGANIZER;
    }
}

static void draw_read(struct sim_load *load, struct sim_operation *operation)
{
    static const uint8_t kinds[] = {SIM_GET,     SIM_GET,      SIM_GET,       SIM_LIST,
                                    SIM_SUMMARY, SIM_SEAT_MAP, SIM_BLOCK_LIST};

    operation->kind = kinds[below(load, sizeof kinds)];
    if (operation->kind == SIM_GET)
        aim_at_booking(load, operation);
    else if (operation->kind == SIM_SEAT_MAP)
        some_way(load, operation);
    else if (operation->kind == SIM_BLOCK_LIST)
        operation->role = SIM_ORGANIZER;
}

static void draw_block(struct sim_load *load, struct sim_operation *operation)
{
    operation->kind = below(load, 2) ? SIM_BLOCK : SIM_BLOCK_END;
    if (operation->kind == SIM_BLOCK_END) {
        operation->target = some_block(load);
        const struct sim_past *past = sim_past(load->clients, operation->target);
        operation->zone = past ? past->operation.zone : operation->zone;
        return;
    }
    operation->quantity = 1 + below(load, 12);
    operation->seat = load->world->zone[operation->zone].seated
                          ? below(load, load->world->zone[operation->zone].seat_count)
                          : 0;
    if (below(load, 2) == 0)
        operation->value = 1 + below(load, 4 * load->plan->value[SIM_TTL_MS]);
    if (below(load, 3) == 0)
        operation->flags |= SIM_SPREAD; /* a house hold */
}

static void draw_sale(struct sim_load *load, struct sim_operation *operation)
{
    uint32_t draw = below(load, 10);

    operation->flags |= below(load, 3) == 0 ? SIM_CLOSE : 0;
    operation->kind = draw < 6 ? SIM_ZONE_SALE : draw < 9 ? SIM_EVENT_SALE : SIM_EVENT_STATUS;
    if (operation->kind != SIM_ZONE_SALE)
        operation->zone = (uint16_t)below(load, load->world->event_count);
    if (operation->kind == SIM_EVENT_STATUS)
        operation->value = below(load, 40) == 0  ? EVENT_CANCELLED
                           : below(load, 4) == 0 ? EVENT_DRAFT
                                                 : EVENT_PUBLISHED;
}

/* Of an organizer's commands now and then one by somebody who may not. */
static void draw_organizer(struct sim_load *load, struct sim_operation *operation)
{
    uint32_t draw = below(load, 100);

    operation->role = draw < 3 ? SIM_USER : draw < 6 ? SIM_OTHER_ORGANIZER : SIM_ORGANIZER;
    if (draw > 90)
        operation->role = SIM_ADMIN;
}

static void draw_catalog(struct sim_load *load, struct sim_operation *operation)
{
    bool route = load->world->station_count > 1 && below(load, 4) == 0;

    operation->kind = route ? SIM_MAKE_ROUTE : SIM_MAKE_ZONE;
    if (operation->kind == SIM_MAKE_ZONE) {
        operation->zone = (uint16_t)(load->world->zone_count +
                                     below(load, SIM_ZONES_MAX - load->world->zone_count));
        if (operation->zone / 2u >= load->world->show_count ||
            !uuid_is_nil(&load->world->zones[operation->zone]))
            operation->kind = SIM_EVENT_SALE;
    }
    if (operation->kind == SIM_EVENT_SALE)
        operation->zone = (uint16_t)below(load, load->world->event_count);
}

/* --- orders --- */

static void draw_create(struct sim_load *load, struct sim_operation *operation)
{
    operation->kind = SIM_ORDER;
    operation->value = 1 + below(load, below(load, 3) == 0 ? ORDER_ITEMS_MAX : 3);
    operation->other = 1 + below(load, load->world->zone_count);
    operation->quantity = 1 + below(load, 2);
    some_way(load, operation);
    if (below(load, 3) == 0)
        some_seats(load, operation);
    if (below(load, 2) == 0)
        operation->flags |= SIM_SPLIT;
    if (below(load, 6) == 0)
        operation->flags |= SIM_PRICED;
}

static void aim_at_order(struct sim_load *load, struct sim_operation *operation,
                         enum sim_operation_kind kind)
{
    struct sim_clients *clients = load->clients;
    uint32_t there =
        clients->order_count < SIM_RECENT_ORDERS ? clients->order_count : SIM_RECENT_ORDERS;

    operation->kind = (uint8_t)kind;
    operation->target = there ? clients->orders[below(load, there)] : 0;
    const struct sim_past *past = sim_past(clients, operation->target);
    if (past && !percent(load, SIM_STRANGER))
        operation->user = past->operation.user;
}

static void draw_exchange_zone(struct sim_load *load, struct sim_operation *operation)
{
    operation->kind = SIM_EXCHANGE_ZONE;
    aim_at_booking(load, operation);
    another_zone(load, operation);
    const struct sim_past *past = sim_past(load->clients, operation->target);
    operation->quantity = past ? past->operation.quantity : 1;
    if (below(load, 3) == 0)
        some_seats(load, operation);
    operation->flags |= below(load, 2) ? SIM_SPLIT : 0;
}

static void draw_order(struct sim_load *load, struct sim_operation *operation)
{
    uint32_t draw = below(load, 100);

    if (percent(load, SIM_EXCHANGES))
        draw_exchange_zone(load, operation);
    else if (draw < 50)
        draw_create(load, operation);
    else if (draw < 75)
        aim_at_order(load, operation, SIM_ORDER_CONFIRM);
    else if (draw < 90)
        aim_at_order(load, operation, SIM_ORDER_CANCEL);
    else
        aim_at_order(load, operation, SIM_ORDER_GET);
}

/* Seats are named in the zone of the order's item. */
static void aim_at_item(const struct sim_load *load, struct sim_operation *operation)
{
    const struct sim_past *past = sim_past(load->clients, operation->target);

    if (operation->kind <= SIM_GET && past && past->operation.kind == SIM_ORDER)
        operation->zone =
            sim_item_zone(load->world, &past->operation, operation->seat % past->operation.value);
}

static void draw_wait(struct sim_load *load, uint64_t now_ms, struct sim_operation *operation)
{
    operation->kind = SIM_WAIT;
    operation->value = below(load, load->plan->value[SIM_STEP_MS] + 1);
    if (!percent(load, SIM_RACE))
        return;
    const struct sim_past *past = sim_past(load->clients, some_booking(load));
    uint64_t early = below(load, 5);
    if (past && past->expires_ms + early >= now_ms + 2 &&
        past->expires_ms < now_ms + 4ULL * load->plan->value[SIM_TTL_MS])
        operation->value = (uint32_t)(past->expires_ms + early - now_ms - 2);
}

/* --- tickets given back and taken again --- */

static void watch_giving_back(struct sim_load *load, const struct sim_operation *operation)
{
    bool gives = operation->kind == SIM_CANCEL || operation->kind == SIM_RELEASE ||
                 operation->kind == SIM_REFUND;

    if (gives && load->plan->value[SIM_AGAIN] != 0 && percent(load, SIM_AGAIN))
        load->giving_back = operation->target;
}

/* Elsewhere, so that another log may have it sooner. */
static bool draw_taking_again(struct sim_load *load, struct sim_operation *operation)
{
    const struct sim_past *past = sim_past(load->clients, load->giving_back);

    load->giving_back = 0;
    if (!past)
        return false;
    *operation = (struct sim_operation){.number = load->number,
                                        .kind = SIM_RESERVE,
                                        .user = past->operation.user,
                                        .zone = past->operation.zone,
                                        .quantity = past->operation.quantity};
    another_zone(load, operation);
    if (operation->quantity == 0)
        operation->quantity = 1;
    return true;
}

/* --- all --- */

static void draw_kind(struct sim_load *load, uint64_t now_ms, struct sim_operation *operation)
{
    enum sim_parameter weight = draw_weight(load);

    switch (weight) {
    case SIM_W_CONFIRM:
        draw_end(load, operation, SIM_CONFIRM);
        break;
    case SIM_W_CANCEL:
        draw_end(load, operation, SIM_CANCEL);
        break;
    case SIM_W_RELEASE:
        draw_end(load, operation, SIM_RELEASE);
        break;
    case SIM_W_EXTEND:
    case SIM_W_EXCHANGE:
    case SIM_W_TRANSFER:
    case SIM_W_REFUND:
        draw_change(load, operation, weight);
        break;
    case SIM_W_READ:
        draw_read(load, operation);
        break;
    case SIM_W_BLOCK:
        draw_block(load, operation);
        draw_organizer(load, operation);
        break;
    case SIM_W_CAPACITY:
        operation->kind = SIM_SET_CAPACITY;
        operation->value = below(load, 2 * load->world->zone[operation->zone].total + 2);
        operation->flags |= below(load, 2) ? SIM_DRAIN : 0;
        draw_organizer(load, operation);
        break;
    case SIM_W_SALE:
        draw_sale(load, operation);
        draw_organizer(load, operation);
        break;
    case SIM_W_CATALOG:
        draw_catalog(load, operation);
        draw_organizer(load, operation);
        break;
    case SIM_W_ORDER:
        draw_order(load, operation);
        break;
    case SIM_W_TIME:
        draw_wait(load, now_ms, operation);
        break;
    default:
        draw_reserve(load, operation);
        break;
    }
}

static void malform(struct sim_load *load, struct sim_operation *operation)
{
    switch (below(load, 4)) {
    case 0:
        operation->quantity = below(load, 2) ? 0 : below(load, 100);
        break;
    case 1:
        operation->target = load->number + 1000000; /* nobody's */
        break;
    case 2:
        operation->seat += below(load, 1000);
        break;
    default:
        operation->from = (uint16_t)below(load, 70);
        operation->to = (uint16_t)below(load, 70);
        break;
    }
}

/* Sends again what was sent lately, with the same body or another. */
static bool draw_again(struct sim_load *load, struct sim_operation *operation)
{
    bool retry = percent(load, SIM_RETRY), reuse = !retry && percent(load, SIM_REUSE);
    uint32_t back = 1 + below(load, 1 + below(load, 300));

    if ((!retry && !reuse) || load->number <= back)
        return false;
    const struct sim_past *past = sim_past(load->clients, load->number - back);
    if (!past || past->operation.key == 0)
        return false;
    *operation = past->operation;
    operation->number = load->number;
    const struct sim_past *owner = sim_past(load->clients, operation->key);
    if (reuse && below(load, 3) == 0 && owner && owner->stranger == UINT16_MAX)
        operation->user = (uint16_t)below(load, load->plan->value[SIM_USERS]);
    else if (reuse)
        operation->quantity++;
    return true;
}

void sim_load_next(struct sim_load *load, uint64_t now_ms, struct sim_operation *operation)
{
    load->number++;
    if (draw_taking_again(load, operation) || draw_again(load, operation))
        return;
    *operation = (struct sim_operation){.number = load->number,
                                        .user = (uint16_t)below(load, load->plan->value[SIM_USERS]),
                                        .zone = (uint16_t)below(load, load->world->zone_count)};
    draw_kind(load, now_ms, operation);
    if (!sim_is_command(operation))
        return;
    if (percent(load, SIM_MALFORMED))
        malform(load, operation);
    aim_at_item(load, operation);
    watch_giving_back(load, operation);
    bool read = (operation->kind >= SIM_GET && operation->kind <= SIM_BLOCK_LIST) ||
                operation->kind == SIM_ORDER_GET;
    if (!read && percent(load, SIM_KEYED))
        operation->key = operation->number;
}
