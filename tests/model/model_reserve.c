/* Reserves, and orders, which are several reserves or none. */
#include "model_private.h"

#include <assert.h>

static bool is_or_unsent(const struct uuid *sent, const struct uuid *id)
{
    return uuid_is_nil(sent) || uuid_equal(sent, id);
}

static enum result check_sale(struct model_step *step, const struct catalog_event *event)
{
    uint64_t *at_ms = &step->detail->at_ms;
    *at_ms = event->updated_ms;
    if (event->status == EVENT_CANCELLED || event->sale_closed)
        return RESULT_SALE_CLOSED;
    *at_ms = event->sale_start_ms;
    if (event->sale_start_ms != 0 && step->now_ms < event->sale_start_ms)
        return RESULT_SALE_NOT_OPEN;
    *at_ms = event->sale_end_ms;
    if (event->sale_end_ms != 0 && step->now_ms >= event->sale_end_ms)
        return RESULT_SALE_CLOSED;
    *at_ms = 0;
    return RESULT_OK;
}

/* ordered: places of the same event that earlier items of the order take. */
static enum result check_limits(struct model_step *step, const struct model_want *want,
                                uint32_t ordered)
{
    const struct model_event *event = want->zone->event;
    step->detail->limit = step->model->options.max_per_order;
    if (want->zone->kind == ZONE_SEATED && step->detail->limit > RECORD_SEATS_MAX)
        step->detail->limit = RECORD_SEATS_MAX;
    if (want->quantity < 1 || want->quantity > step->detail->limit)
        return RESULT_QUANTITY_INVALID;
    step->detail->limit = event->facts.max_per_user;
    step->detail->held = model_user_tickets(step->model, &step->command->actor.id, &event->id);
    if ((uint64_t)step->detail->held + ordered + want->quantity > step->detail->limit)
        return RESULT_MAX_PER_USER_EXCEEDED;
    return RESULT_OK;
}

/* What the home checks of an item, after those before it. */
static enum result admit(struct model_step *step, struct model_want *wants, uint32_t item)
{
    struct model_want *want = &wants[item];
    const struct command_reserve *reserve = want->reserve;
    struct model_zone *zone = model_list_find(&step->model->zones, &reserve->zone_id);
    if (zone == NULL || !is_or_unsent(&reserve->show_id, &zone->show_id) ||
        !is_or_unsent(&reserve->event_id, &zone->event->id) ||
        zone->event->facts.status == EVENT_DRAFT)
        return RESULT_NOT_FOUND;
    want->zone = zone;
    want->quantity = want->seat_count != 0 ? want->seat_count : reserve->quantity;
    want->from = reserve->from_segment;
    want->to = reserve->to_segment == 0 ? zone->segment_count : reserve->to_segment;
    want->allow_split = reserve->allow_split;
    assert(want->from < want->to && want->to <= zone->segment_count);
    assert(want->seat_count == 0 || zone->kind == ZONE_SEATED);
    uint32_t ordered = 0;
    for (uint32_t i = 0; i < item; i++)
        ordered += wants[i].zone->event == zone->event ? wants[i].quantity : 0;
    enum result result = check_sale(step, &zone->event->facts);
    return result == RESULT_OK ? check_limits(step, want, ordered) : result;
}

/* False: no active allotment of the zone has this key. Of two that have it the oldest counts. */
static bool find_allotment(const uint8_t digest[16], struct model_want *want)
{
    static const uint8_t none[16];
    if (memcmp(digest, none, sizeof none) == 0)
        return true;
    for (uint32_t i = 0; i < want->zone->blocks.count && want->block == NULL; i++) {
        const struct model_block *block = want->zone->blocks.items[i];
        if (block->facts.kind == BLOCK_ALLOTMENT &&
            memcmp(block->facts.key_digest, digest, sizeof none) == 0)
            want->block = block;
    }
    return want->block != NULL;
}

static uint32_t left_of(const struct model_want *want)
{
    return model_left(want->zone, want->block, want->from, want->to);
}

static enum result find_places(struct model_step *step, struct model_want *want)
{
    const struct command_reserve *reserve = want->reserve;
    if (want->zone->closed)
        return RESULT_SALE_CLOSED;
    if (!find_allotment(reserve->allotment_digest, want))
        return RESULT_ALLOTMENT_UNKNOWN;
    step->detail->price_minor = model_price(want->zone, want->from, want->to);
    if (reserve->has_price && reserve->unit_price_minor != step->detail->price_minor)
        return RESULT_PRICE_CHANGED;
    return model_find(step, want);
}

/* All are held or none: at the first refusal, what is held is given back. */
static enum result hold(struct model_step *step, struct model_want *wants,
                        struct model_order *order)
{
    bool is_order = step->command->kind == COMMAND_ORDER_CREATE;
    for (uint32_t i = 0; i < order->count; i++) {
        step->detail->item = i;
        enum result result = find_places(step, &wants[i]);
        if (result != RESULT_OK) {
            for (; i > 0; i--)
                model_unbook(step->model);
            return result;
        }
        order->bookings[i] = model_book(step, &wants[i], &step->ids[is_order + i]);
        if (is_order)
            order->bookings[i]->facts.order =
                (struct order_part){step->ids[0], (uint8_t)i, (uint8_t)order->count};
    }
    return RESULT_OK;
}

static enum result answer_order(struct model_step *step, const struct model_order *order)
{
    struct order_facts *facts = &step->answer->order;
    facts->order_id = order->id;
    facts->user_id = order->user_id;
    facts->status = order->status;
    facts->count = order->count;
    for (uint32_t i = 0; i < order->count; i++) {
        const struct model_booking *booking = order->bookings[i];
        facts->items[i].booking = booking->facts;
        facts->items[i].seat_count = booking->seat_count;
        memcpy(facts->items[i].seats, booking->seats, sizeof booking->seats);
    }
    return RESULT_OK;
}

/* The home looks at all items before any zone is asked. */
enum result model_reserve(struct model_step *step)
{
    const struct command *command = step->command;
    const struct order_draft *draft = command->order_draft;
    bool is_order = command->kind == COMMAND_ORDER_CREATE;
    struct model_want wants[ORDER_ITEMS_MAX];
    struct model_order held = {.user_id = command->actor.id, .count = is_order ? draft->count : 1};
    assert(held.count >= 1 && held.count <= ORDER_ITEMS_MAX);
    for (uint32_t i = 0; i < held.count; i++) {
        wants[i] = (struct model_want){
            .reserve = is_order ? &draft->items[i].reserve : &command->reserve,
            .seat_count = is_order ? draft->items[i].seat_count : command->seat_count,
            .seats = is_order ? draft->items[i].seats : command->seats};
        step->detail->item = i;
        enum result result = admit(step, wants, i);
        if (result != RESULT_OK)
            return result;
    }
    enum result result = hold(step, wants, &held);
    if (result != RESULT_OK)
        return result;
    if (!is_order) {
        step->booking = held.bookings[0];
        step->remaining = left_of(&wants[0]);
        return RESULT_OK;
    }
    held.id = step->ids[0];
    struct model_order *order = model_list_new(&step->model->orders, sizeof *order);
    *order = held;
    answer_order(step, order);
    for (uint32_t i = 0; i < held.count; i++)
        step->answer->order.items[i].booking.remaining = left_of(&wants[i]);
    return RESULT_OK;
}

/* Confirms or cancels. Confirming voids an order of which an item has lapsed; cancelling
 * cancels what has not. */
enum result model_end_order(struct model_step *step)
{
    const struct command *command = step->command;
    bool confirms = command->kind == COMMAND_ORDER_CONFIRM;
    enum booking_status end = confirms ? BOOKING_CONFIRMED : BOOKING_CANCELLED;
    struct model_order *order = model_list_find(&step->model->orders, &command->order.order_id);
    if (order == NULL || !uuid_equal(&order->user_id, &command->actor.id))
        return RESULT_NOT_FOUND;
    step->same = order->status != BOOKING_RESERVED;
    if (order->status == end)
        return answer_order(step, order);
    if (order->status == BOOKING_CONFIRMED || order->status == BOOKING_CANCELLED) {
        step->detail->status = order->status;
        return RESULT_INVALID_STATE;
    }
    const struct model_booking *lapsed = NULL; /* the first */
    bool cancelled = false;
    for (uint32_t i = order->count; i-- > 0;)
        lapsed = order->bookings[i]->facts.status == BOOKING_EXPIRED ? order->bookings[i] : lapsed;
    for (uint32_t i = 0; i < order->count; i++) {
        if (order->bookings[i]->facts.status == BOOKING_RESERVED)
            model_settle(order->bookings[i], lapsed ? BOOKING_CANCELLED : end, step->now_ms);
        cancelled |= order->bookings[i]->facts.status == BOOKING_CANCELLED;
    }
    bool done = confirms ? lapsed == NULL : cancelled;
    if (order->status == BOOKING_RESERVED)
        order->status = done ? end : BOOKING_EXPIRED;
    if (done)
        return answer_order(step, order);
    assert(lapsed != NULL);
    step->detail->at_ms = lapsed->facts.expires_ms;
    return RESULT_RESERVATION_EXPIRED;
}
