#include "model_private.h"

#include <assert.h>

/* The zone, its show and its event are known and the event is no draft. */
static bool zone_on_sale(const struct model *model, const struct command_reserve *reserve,
                         uint32_t *index)
{
    *index = model_zone_index(model, &reserve->zone_id);
    if (*index == MODEL_NONE)
        return false;
    const struct model_zone *zone = model_zone_at(model, *index);
    const struct catalog_event *event = model_event_at(model, zone->event);
    if (!uuid_is_nil(&reserve->show_id) && !uuid_equal(&reserve->show_id, &zone->show_id))
        return false;
    if (!uuid_is_nil(&reserve->event_id) && !uuid_equal(&reserve->event_id, &event->id))
        return false;
    return event->status != EVENT_DRAFT;
}

static enum result check_sale(struct model_step *step, const struct catalog_event *event)
{
    if (event->status == EVENT_CANCELLED || event->sale_closed) {
        step->answer->detail.at_ms = event->updated_ms;
        return RESULT_SALE_CLOSED;
    }
    if (event->sale_start_ms != 0 && step->now_ms < event->sale_start_ms) {
        step->answer->detail.at_ms = event->sale_start_ms;
        return RESULT_SALE_NOT_OPEN;
    }
    if (event->sale_end_ms != 0 && step->now_ms >= event->sale_end_ms) {
        step->answer->detail.at_ms = event->sale_end_ms;
        return RESULT_SALE_CLOSED;
    }
    return RESULT_OK;
}

static enum result check_limits(struct model_step *step, const struct model_zone *zone,
                                uint32_t quantity, uint32_t ordered)
{
    struct refusal_detail *detail = &step->answer->detail;
    const struct catalog_event *event = model_event_at(step->model, zone->event);
    uint32_t most = step->model->options.max_per_order;
    if (zone->kind == ZONE_SEATED && most > MODEL_SEATED_ORDER_MAX)
        most = MODEL_SEATED_ORDER_MAX;
    if (quantity < 1 || quantity > most) {
        detail->limit = most;
        return RESULT_QUANTITY_INVALID;
    }
    uint32_t held = model_tickets(step->model, &step->command->actor.id, zone->event);
    if ((uint64_t)held + ordered + quantity > event->max_per_user) {
        detail->limit = event->max_per_user;
        detail->held = held;
        return RESULT_MAX_PER_USER_EXCEEDED;
    }
    return RESULT_OK;
}

enum result model_reserve_home(struct model_step *step, const struct command_reserve *reserve,
                               uint32_t seat_count, const uint32_t *seats, uint32_t ordered,
                               struct model_want *want)
{
    uint32_t index;
    if (!zone_on_sale(step->model, reserve, &index))
        return RESULT_NOT_FOUND;
    const struct model_zone *zone = model_zone_at(step->model, index);
    enum result result = check_sale(step, model_event_at(step->model, zone->event));
    if (result != RESULT_OK)
        return result;
    uint32_t to = reserve->to_segment == 0 ? zone->segment_count : reserve->to_segment;
    assert(reserve->from_segment < to && to <= zone->segment_count);
    assert(seat_count == 0 || zone->kind == ZONE_SEATED);
    want->zone = index;
    want->quantity = seat_count != 0 ? seat_count : reserve->quantity;
    want->from = reserve->from_segment;
    want->to = to;
    want->block = want->own = MODEL_NONE;
    want->allow_split = reserve->allow_split;
    want->seat_count = seat_count;
    want->seats = seats;
    want->chosen_count = 0;
    return check_limits(step, zone, want->quantity, ordered);
}

/* Of two with one key the oldest, which is the last. */
static bool find_allotment(const struct model *model, const uint8_t digest[16],
                           struct model_want *want)
{
    static const uint8_t none[16];
    if (memcmp(digest, none, sizeof none) == 0)
        return true;
    uint32_t i = model_zone_at(model, want->zone)->block_first;
    for (; i != MODEL_NONE; i = model_block_at(model, i)->next) {
        const struct block_facts *facts = &model_block_at(model, i)->facts;
        if (facts->kind == BLOCK_ALLOTMENT && memcmp(facts->key_digest, digest, 16) == 0)
            want->block = i;
    }
    return want->block != MODEL_NONE;
}

uint32_t model_reserve_left(const struct model *model, const struct model_want *want)
{
    if (want->block != MODEL_NONE)
        return model_block_left(model, want->block, want->from, want->to);
    return model_left(model, model_zone_at(model, want->zone), want->from, want->to);
}

enum result model_find(struct model_step *step, struct model_want *want)
{
    if (model_zone_at(step->model, want->zone)->kind == ZONE_SEATED)
        return model_find_seats(step, want);
    uint32_t left = model_reserve_left(step->model, want);
    if (left >= want->quantity)
        return RESULT_OK;
    step->answer->detail.requested = want->quantity;
    step->answer->detail.available = left;
    return RESULT_INSUFFICIENT_STOCK;
}

enum result model_reserve_zone(struct model_step *step, const struct command_reserve *reserve,
                               struct model_want *want)
{
    const struct model_zone *zone = model_zone_at(step->model, want->zone);
    model_lapse(step->model, want->zone, step->now_ms);
    if (zone->closed)
        return RESULT_SALE_CLOSED;
    if (!find_allotment(step->model, reserve->allotment_digest, want))
        return RESULT_ALLOTMENT_UNKNOWN;
    int64_t price_minor = model_price(zone, want->from, want->to);
    if (reserve->has_price && reserve->unit_price_minor != price_minor) {
        step->answer->detail.price_minor = price_minor;
        return RESULT_PRICE_CHANGED;
    }
    return model_find(step, want);
}

uint32_t model_reserve_book(struct model_step *step, const struct model_want *want,
                            const struct uuid *booking_id, const struct order_part *part)
{
    const struct model_zone *zone = model_zone_at(step->model, want->zone);
    struct booking_facts facts = {
        .booking_id = *booking_id,
        .user_id = step->command->actor.id,
        .zone_id = zone->id,
        .status = BOOKING_RESERVED,
        .quantity = want->quantity,
        .unit_price_minor = model_price(zone, want->from, want->to),
        .created_ms = step->now_ms,
        .expires_ms = step->now_ms + step->model->options.reservation_ttl_ms,
        .from_segment = (uint16_t)want->from,
        .to_segment = (uint16_t)want->to,
        .order = *part,
    };
    return model_booking_make(step->model, want, &facts);
}

enum result model_reserve(struct model_step *step)
{
    const struct command *command = step->command;
    struct model_want want;
    enum result result =
        model_reserve_home(step, &command->reserve, command->seat_count, command->seats, 0, &want);
    if (result != RESULT_OK)
        return result;
    result = model_reserve_zone(step, &command->reserve, &want);
    if (result != RESULT_OK)
        return result;
    uint32_t booking = model_reserve_book(step, &want, step->named, &(struct order_part){0});
    model_booking_name(step->model, booking);
    result = model_answer_booking(step, booking);
    step->answer->booking.remaining = model_reserve_left(step->model, &want);
    return result;
}
