#include "model_private.h"

#include <assert.h>

static enum result answer_order(struct model_step *step, uint32_t index)
{
    model_order(step->model, &model_order_at(step->model, index)->id, step->now_ms,
                &step->answer->order);
    return RESULT_OK;
}

/* --- creating --- */

/* Places that the items before this one take of the same event. */
static uint32_t ordered_before(const struct model *model, const struct model_want *wants,
                               uint32_t item, const struct uuid *zone_id)
{
    uint32_t zone = model_zone_index(model, zone_id);
    uint32_t ordered = 0;
    for (uint32_t i = 0; i < item && zone != MODEL_NONE; i++)
        if (model_zone_at(model, wants[i].zone)->event == model_zone_at(model, zone)->event)
            ordered += wants[i].quantity;
    return ordered;
}

/* What the home checks, of all items before any zone is asked. */
static enum result admit(struct model_step *step, const struct order_draft *draft,
                         struct model_want *wants)
{
    for (uint32_t i = 0; i < draft->count; i++) {
        const struct command_reserve *reserve = &draft->items[i].reserve;
        uint32_t ordered = ordered_before(step->model, wants, i, &reserve->zone_id);
        enum result result = model_reserve_home(step, reserve, draft->items[i].seat_count,
                                                draft->items[i].seats, ordered, &wants[i]);
        step->answer->detail.item = i;
        if (result != RESULT_OK)
            return result;
    }
    return RESULT_OK;
}

/* Holds item after item; at the first refusal gives back what it holds. */
static enum result hold(struct model_step *step, const struct uuid *booking_ids,
                        struct model_want *wants, struct model_order *order)
{
    const struct order_draft *draft = step->command->order_draft;
    for (uint32_t i = 0; i < draft->count; i++) {
        struct order_part part = {order->id, (uint8_t)i, (uint8_t)draft->count};
        enum result result = model_reserve_zone(step, &draft->items[i].reserve, &wants[i]);
        step->answer->detail.item = i;
        if (result != RESULT_OK) {
            while (i-- > 0)
                model_booking_unmake(step->model, order->bookings[i]);
            return result;
        }
        order->bookings[i] = model_reserve_book(step, &wants[i], &booking_ids[i], &part);
    }
    return RESULT_OK;
}

static enum result create(struct model_step *step, const struct uuid *booking_ids)
{
    struct model *model = step->model;
    const struct order_draft *draft = step->command->order_draft;
    struct model_want wants[ORDER_ITEMS_MAX];
    assert(draft->count >= 1 && draft->count <= ORDER_ITEMS_MAX);
    struct model_order order = {.user_id = step->command->actor.id, .count = draft->count};
    enum result result = admit(step, draft, wants);
    if (result != RESULT_OK)
        return result;
    order.id = step->named ? *step->named : order.id;
    order.status = BOOKING_RESERVED;
    result = hold(step, booking_ids, wants, &order);
    if (result != RESULT_OK)
        return result;
    uint32_t index = model->vectors[MODEL_ORDERS].count;
    *(struct model_order *)model_vector_add(&model->vectors[MODEL_ORDERS], 1, sizeof order) = order;
    model_map_set(&model->maps[MODEL_ORDER_IDS], &order.id, NULL, index);
    for (uint32_t i = 0; i < order.count; i++) {
        model_booking_at(model, order.bookings[i])->order = index;
        model_booking_name(model, order.bookings[i]);
    }
    answer_order(step, index);
    for (uint32_t i = 0; i < order.count; i++)
        step->answer->order.items[i].booking.remaining = model_reserve_left(model, &wants[i]);
    step->answer->detail.item = 0;
    return RESULT_OK;
}

/* --- ending --- */

static void end_reserved(struct model_step *step, struct model_order *order,
                         enum booking_status status)
{
    for (uint32_t i = 0; i < order->count; i++) {
        struct booking_facts *facts = &model_booking_at(step->model, order->bookings[i])->facts;
        if (facts->status != BOOKING_RESERVED)
            continue;
        if (status == BOOKING_CONFIRMED) {
            facts->status = BOOKING_CONFIRMED;
            facts->changed_ms = step->now_ms;
        } else {
            model_booking_end(step->model, order->bookings[i], BOOKING_CANCELLED, step->now_ms);
        }
    }
}

/* The lowest item that is so; MODEL_NONE: none is. */
static uint32_t find_item(const struct model *model, const struct model_order *order,
                          enum booking_status status)
{
    for (uint32_t i = 0; i < order->count; i++)
        if (model_booking_at(model, order->bookings[i])->facts.status == status)
            return i;
    return MODEL_NONE;
}

/* Confirms or cancels. Confirming voids an order of which an item has lapsed; cancelling
 * cancels what has not. */
static enum result settle(struct model_step *step, uint32_t index, enum booking_status end)
{
    struct model_order *order = model_order_at(step->model, index);
    uint32_t expired = find_item(step->model, order, BOOKING_EXPIRED);
    step->same = order->status != BOOKING_RESERVED;
    if (order->status == end)
        return answer_order(step, index);
    if (order->status == BOOKING_CONFIRMED || order->status == BOOKING_CANCELLED) {
        step->answer->detail.status = order->status;
        return RESULT_INVALID_STATE;
    }
    bool all = end == BOOKING_CONFIRMED && expired == MODEL_NONE;
    end_reserved(step, order, all ? BOOKING_CONFIRMED : BOOKING_CANCELLED);
    bool done = all || (end == BOOKING_CANCELLED &&
                        find_item(step->model, order, BOOKING_CANCELLED) != MODEL_NONE);
    if (order->status == BOOKING_RESERVED)
        order->status = done ? end : BOOKING_EXPIRED;
    if (done)
        return answer_order(step, index);
    step->answer->detail.at_ms =
        model_booking_at(step->model, order->bookings[expired])->facts.expires_ms;
    return RESULT_RESERVATION_EXPIRED;
}

enum result model_order_step(struct model_step *step, const struct uuid *booking_ids)
{
    const struct command *command = step->command;
    if (command->kind == COMMAND_ORDER_CREATE)
        return create(step, booking_ids);
    uint32_t index =
        model_map_get(&step->model->maps[MODEL_ORDER_IDS], &command->order.order_id, NULL);
    if (index == MODEL_NONE ||
        !uuid_equal(&model_order_at(step->model, index)->user_id, &command->actor.id))
        return RESULT_NOT_FOUND;
    const struct model_order *order = model_order_at(step->model, index);
    for (uint32_t i = 0; i < order->count; i++)
        model_lapse(step->model, model_booking_at(step->model, order->bookings[i])->zone,
                    step->now_ms);
    return settle(step, index,
                  command->kind == COMMAND_ORDER_CONFIRM ? BOOKING_CONFIRMED : BOOKING_CANCELLED);
}
