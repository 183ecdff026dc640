#include "model_private.h"

#include <assert.h>

enum result model_answer_booking(struct model_step *step, uint32_t index)
{
    const struct model_booking *booking = model_booking_at(step->model, index);
    step->answer->booking = booking->facts;
    step->answer->seat_count = booking->seat_count;
    memcpy(step->answer->seats, booking->seats, booking->seat_count * sizeof booking->seats[0]);
    return RESULT_OK;
}

/* RESULT_OK: it is reserved, before its deadline; or confirmed, if that will do. */
static enum result check_state(struct model_step *step, const struct model_booking *booking,
                               bool confirmed_too)
{
    struct refusal_detail *detail = &step->answer->detail;
    enum booking_status status = booking->facts.status;
    if (status == BOOKING_EXPIRED) { /* whatever is past its deadline is by now */
        detail->at_ms = booking->facts.expires_ms;
        return RESULT_RESERVATION_EXPIRED;
    }
    if (status == BOOKING_RESERVED || (confirmed_too && status == BOOKING_CONFIRMED))
        return RESULT_OK;
    detail->status = status;
    return RESULT_INVALID_STATE;
}

/* As check_state, and no order decides over it. */
static enum result check_single(struct model_step *step, const struct model_booking *booking,
                                bool confirmed_too)
{
    enum result result = check_state(step, booking, confirmed_too);
    if (result != RESULT_OK || booking->order == MODEL_NONE ||
        booking->facts.status != BOOKING_RESERVED)
        return result;
    step->answer->detail.order_id = model_order_at(step->model, booking->order)->id;
    return RESULT_PART_OF_ORDER;
}

static bool asks_part(const struct command *command)
{
    return command->seat_count != 0 || command->booking.quantity != 0;
}

/* The part that a confirm or release is about is one the booking has. */
static enum result check_part(struct model_step *step, const struct model_booking *booking)
{
    struct model_answer *answer = step->answer;
    const struct command *command = step->command;
    for (uint32_t i = 0; i < command->seat_count; i++)
        if (!model_has(booking->seats, booking->seat_count, command->seats[i]))
            answer->seats[answer->seat_count++] = command->seats[i];
    if (answer->seat_count != 0) {
        answer->detail.zone_id = booking->facts.zone_id;
        return RESULT_SEAT_NOT_IN_BOOKING;
    }
    if (command->seat_count == 0 && command->booking.quantity > booking->facts.quantity) {
        answer->detail.limit = booking->facts.quantity;
        return RESULT_QUANTITY_INVALID;
    }
    return RESULT_OK;
}

/* Keeps `quantity` places: the named seats if `named`, if not the ones that are not
 * named. Where the command names none that is the lowest. */
static void keep_part(struct model_step *step, uint32_t index, uint32_t quantity, bool named)
{
    const struct model_booking *booking = model_booking_at(step->model, index);
    uint32_t kept[RECORD_SEATS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < booking->seat_count && count < quantity; i++)
        if (step->command->seat_count == 0 ||
            model_has(step->command->seats, step->command->seat_count, booking->seats[i]) == named)
            kept[count++] = booking->seats[i];
    assert(count == quantity || booking->seat_count == 0);
    model_booking_keep(step->model, index, quantity, kept);
}

/* How many places the command names, by seats or by quantity. */
static uint32_t part_quantity(const struct command *command)
{
    return command->seat_count != 0 ? command->seat_count : command->booking.quantity;
}

static enum result confirm(struct model_step *step, uint32_t index)
{
    struct model_booking *booking = model_booking_at(step->model, index);
    if (booking->facts.status == BOOKING_CONFIRMED && !asks_part(step->command)) {
        step->same = true;
        return model_answer_booking(step, index);
    }
    enum result result = check_single(step, booking, false);
    if (result == RESULT_OK)
        result = check_part(step, booking);
    if (result != RESULT_OK)
        return result;
    if (asks_part(step->command))
        keep_part(step, index, part_quantity(step->command), true);
    booking->facts.status = BOOKING_CONFIRMED;
    booking->facts.changed_ms = step->now_ms;
    return model_answer_booking(step, index);
}

static enum result cancel(struct model_step *step, uint32_t index)
{
    const struct model_booking *booking = model_booking_at(step->model, index);
    if (booking->facts.status == BOOKING_CANCELLED) {
        step->same = true;
        return model_answer_booking(step, index);
    }
    enum result result = check_single(step, booking, false);
    if (result != RESULT_OK)
        return result;
    model_booking_end(step->model, index, BOOKING_CANCELLED, step->now_ms);
    return model_answer_booking(step, index);
}

static enum result release(struct model_step *step, uint32_t index)
{
    const struct model_booking *booking = model_booking_at(step->model, index);
    enum result result = check_single(step, booking, false);
    if (result == RESULT_OK)
        result = check_part(step, booking);
    if (result != RESULT_OK)
        return result;
    uint32_t given = part_quantity(step->command);
    if (!asks_part(step->command) || given == booking->facts.quantity)
        model_booking_end(step->model, index, BOOKING_CANCELLED, step->now_ms);
    else
        keep_part(step, index, booking->facts.quantity - given, false);
    return model_answer_booking(step, index);
}

static enum result extend(struct model_step *step, uint32_t index)
{
    const struct model_booking *booking = model_booking_at(step->model, index);
    enum result result = check_state(step, booking, false);
    if (result != RESULT_OK)
        return result;
    const struct model_options *options = &step->model->options;
    uint64_t ceiling_ms = booking->facts.created_ms + options->hold_ms_max;
    if (booking->facts.expires_ms >= ceiling_ms) {
        step->answer->detail.at_ms = ceiling_ms;
        return RESULT_HOLD_LIMIT_REACHED;
    }
    uint64_t seconds = step->command->booking.seconds;
    uint64_t deadline_ms =
        step->now_ms + (seconds != 0 ? seconds * 1000 : options->reservation_ttl_ms);
    if (deadline_ms > ceiling_ms)
        deadline_ms = ceiling_ms;
    step->same = deadline_ms <= booking->facts.expires_ms;
    if (!step->same)
        model_booking_deadline(step->model, index, deadline_ms);
    return model_answer_booking(step, index);
}

/* An exchange wants as many places as the booking has. */
static enum result want_same(struct model_step *step, const struct model_booking *booking,
                             uint32_t zone, struct model_want *want)
{
    *want = (struct model_want){.zone = zone,
                                .quantity = booking->facts.quantity,
                                .from = booking->facts.from_segment,
                                .to = booking->facts.to_segment,
                                .block = MODEL_NONE,
                                .own = MODEL_NONE,
                                .allow_split = step->command->booking.allow_split,
                                .seat_count = step->command->seat_count,
                                .seats = step->command->seats};
    if (part_quantity(step->command) == 0 || part_quantity(step->command) == want->quantity)
        return RESULT_OK;
    step->answer->detail.limit = want->quantity;
    return RESULT_QUANTITY_INVALID;
}

static enum result exchange(struct model_step *step, uint32_t index)
{
    struct model_want want;
    const struct model_booking *booking = model_booking_at(step->model, index);
    enum result result = check_single(step, booking, true);
    if (result != RESULT_OK)
        return result;
    if (model_zone_at(step->model, booking->zone)->kind != ZONE_SEATED)
        return RESULT_KIND_UNSUPPORTED;
    result = want_same(step, booking, booking->zone, &want);
    if (result != RESULT_OK)
        return result;
    want.own = index;
    if (booking->block != MODEL_NONE && model_block_at(step->model, booking->block)->facts.active)
        want.block = booking->block;
    result = model_find_seats(step, &want);
    if (result != RESULT_OK)
        return result;
    step->same = memcmp(want.chosen, booking->seats, want.quantity * sizeof *want.chosen) == 0;
    model_booking_keep(step->model, index, want.quantity, want.chosen);
    return model_answer_booking(step, index);
}

static enum result check_other_zone(struct model_step *step, const struct model_booking *booking,
                                    struct model_want *want)
{
    const struct model *model = step->model;
    uint32_t index = model_zone_index(model, &step->command->booking.zone_id);
    if (index == MODEL_NONE || index == booking->zone)
        return RESULT_NOT_FOUND;
    const struct model_zone *zone = model_zone_at(model, index);
    if (zone->event != model_zone_at(model, booking->zone)->event)
        return RESULT_NOT_FOUND;
    if (booking->facts.to_segment > zone->segment_count ||
        (step->command->seat_count != 0 && zone->kind != ZONE_SEATED))
        return RESULT_KIND_UNSUPPORTED;
    enum result result = want_same(step, booking, index, want);
    if (result != RESULT_OK)
        return result;
    if (zone->kind == ZONE_SEATED && want->quantity > MODEL_SEATED_ORDER_MAX) {
        step->answer->detail.limit = MODEL_SEATED_ORDER_MAX;
        return RESULT_QUANTITY_INVALID;
    }
    model_lapse(step->model, index, step->now_ms);
    return zone->closed ? RESULT_SALE_CLOSED : RESULT_OK;
}

static enum result exchange_zone(struct model_step *step, uint32_t index)
{
    struct model_want want;
    const struct model_booking *booking = model_booking_at(step->model, index);
    enum result result = check_single(step, booking, true);
    if (result == RESULT_OK)
        result = check_other_zone(step, booking, &want);
    if (result != RESULT_OK)
        return result;
    int64_t price_minor = model_price(model_zone_at(step->model, want.zone), want.from, want.to);
    if (booking->facts.status == BOOKING_CONFIRMED &&
        booking->facts.unit_price_minor != price_minor) {
        step->answer->detail.price_minor = price_minor;
        return RESULT_PRICE_CHANGED;
    }
    result = model_find(step, &want);
    if (result != RESULT_OK)
        return result;
    struct booking_facts old = booking->facts;
    uint32_t fresh = model_reserve_book(step, &want, step->named, &(struct order_part){0});
    struct booking_facts *facts = &model_booking_at(step->model, fresh)->facts;
    facts->exchanged_from = old.booking_id;
    facts->status = old.status;
    facts->changed_ms = old.status == BOOKING_CONFIRMED ? step->now_ms : 0;
    model_booking_deadline(step->model, fresh, old.expires_ms);
    model_booking_name(step->model, fresh);
    model_booking_end(step->model, index, BOOKING_CANCELLED, step->now_ms);
    return model_answer_booking(step, fresh);
}

static enum result transfer(struct model_step *step, uint32_t index)
{
    const struct model_booking *booking = model_booking_at(step->model, index);
    const struct uuid *receiver = &step->command->booking.user_id;
    uint32_t event = model_zone_at(step->model, booking->zone)->event;
    assert(!uuid_equal(receiver, &booking->facts.user_id));
    enum result result = check_single(step, booking, true);
    if (result != RESULT_OK)
        return result;
    uint32_t limit = model_event_at(step->model, event)->max_per_user;
    uint64_t held = model_tickets(step->model, receiver, event);
    if (held + booking->facts.quantity > limit) {
        step->answer->detail.limit = limit;
        return RESULT_MAX_PER_USER_EXCEEDED;
    }
    model_booking_owner(step->model, index, receiver);
    return model_answer_booking(step, index);
}

static enum result refund(struct model_step *step, uint32_t index)
{
    const struct model_booking *booking = model_booking_at(step->model, index);
    if (booking->facts.status == BOOKING_REFUNDED) {
        step->same = true;
        return model_answer_booking(step, index);
    }
    if (booking->facts.status != BOOKING_CONFIRMED) {
        step->answer->detail.status = booking->facts.status;
        return RESULT_INVALID_STATE;
    }
    model_booking_end(step->model, index, BOOKING_REFUNDED, step->now_ms);
    return model_answer_booking(step, index);
}

static bool may_see(const struct model_step *step, const struct model_booking *booking)
{
    const struct model_zone *zone = model_zone_at(step->model, booking->zone);
    if (step->command->kind == COMMAND_REFUND)
        return model_may_organize(&step->command->actor, model_event_at(step->model, zone->event));
    return uuid_equal(&booking->facts.user_id, &step->command->actor.id);
}

static enum result get(struct model_step *step, uint32_t index)
{
    model_answer_booking(step, index);
    model_booking(step->model, &step->command->booking.booking_id, step->now_ms,
                  &step->answer->booking, NULL, NULL);
    return RESULT_OK;
}

static enum result (*const changes[COMMAND_KIND_COUNT])(struct model_step *, uint32_t) = {
    [COMMAND_CONFIRM] = confirm,   [COMMAND_CANCEL] = cancel,
    [COMMAND_RELEASE] = release,   [COMMAND_EXTEND] = extend,
    [COMMAND_EXCHANGE] = exchange, [COMMAND_EXCHANGE_ZONE] = exchange_zone,
    [COMMAND_TRANSFER] = transfer, [COMMAND_REFUND] = refund,
};

enum result model_change(struct model_step *step)
{
    const struct command *command = step->command;
    uint32_t index =
        model_map_get(&step->model->maps[MODEL_BOOKING_IDS], &command->booking.booking_id, NULL);
    if (index == MODEL_NONE || !may_see(step, model_booking_at(step->model, index)))
        return RESULT_NOT_FOUND;
    if (command->kind == COMMAND_BOOKING_GET)
        return get(step, index);
    model_lapse(step->model, model_booking_at(step->model, index)->zone, step->now_ms);
    assert(command->kind < COMMAND_KIND_COUNT && changes[command->kind] != NULL);
    return changes[command->kind](step, index);
}
