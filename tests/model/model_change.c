/* Commands on one booking. */
#include "model_private.h"

#include <assert.h>

/* How many places the command names, by seats or by quantity. 0: it names none. */
static uint32_t part_quantity(const struct command *command)
{
    return command->seat_count != 0 ? command->seat_count : command->booking.quantity;
}

/* The part that a confirm or release is about is one the booking has. */
static enum result check_part(struct model_step *step)
{
    struct model_answer *answer = step->answer;
    const struct command *command = step->command;
    const struct model_booking *booking = step->booking;
    for (uint32_t i = 0; i < command->seat_count; i++)
        if (!model_has(booking->seats, booking->seat_count, command->seats[i]))
            answer->seats[answer->seat_count++] = command->seats[i];
    answer->detail.limit = booking->facts.quantity;
    if (answer->seat_count != 0)
        return RESULT_SEAT_NOT_IN_BOOKING;
    return part_quantity(command) > booking->facts.quantity ? RESULT_QUANTITY_INVALID : RESULT_OK;
}

/* Keeps `quantity` places: the named seats if `named`, if not the ones that are not
 * named. Where the command names none that is the lowest. */
static void keep_part(struct model_step *step, uint32_t quantity, bool named)
{
    const struct command *command = step->command;
    const struct model_booking *booking = step->booking;
    uint32_t kept[RECORD_SEATS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < booking->seat_count && count < quantity; i++)
        if (command->seat_count == 0 ||
            model_has(command->seats, command->seat_count, booking->seats[i]) == named)
            kept[count++] = booking->seats[i];
    assert(count == quantity || booking->seat_count == 0);
    model_keep(step->booking, quantity, kept);
}

static enum result confirm(struct model_step *step)
{
    if (part_quantity(step->command) != 0)
        keep_part(step, part_quantity(step->command), true);
    model_settle(step->booking, BOOKING_CONFIRMED, step->now_ms);
    return RESULT_OK;
}

/* Cancels or refunds. */
static enum result end(struct model_step *step)
{
    bool refunds = step->command->kind == COMMAND_REFUND;
    model_settle(step->booking, refunds ? BOOKING_REFUNDED : BOOKING_CANCELLED, step->now_ms);
    return RESULT_OK;
}

static enum result release(struct model_step *step)
{
    uint32_t given = part_quantity(step->command), had = step->booking->facts.quantity;
    if (given == 0 || given == had)
        return end(step);
    keep_part(step, had - given, false);
    return RESULT_OK;
}

static enum result extend(struct model_step *step)
{
    struct booking_facts *facts = &step->booking->facts;
    uint64_t ceiling_ms = facts->created_ms + step->model->options.hold_ms_max;
    uint64_t more_ms = step->command->booking.seconds * UINT64_C(1000);
    step->detail->at_ms = ceiling_ms;
    if (facts->expires_ms >= ceiling_ms)
        return RESULT_HOLD_LIMIT_REACHED;
    uint64_t deadline_ms =
        step->now_ms + (more_ms != 0 ? more_ms : step->model->options.reservation_ttl_ms);
    deadline_ms = deadline_ms < ceiling_ms ? deadline_ms : ceiling_ms;
    step->same = deadline_ms <= facts->expires_ms;
    facts->expires_ms = step->same ? facts->expires_ms : deadline_ms;
    return RESULT_OK;
}

static enum result transfer(struct model_step *step)
{
    struct booking_facts *facts = &step->booking->facts;
    const struct uuid *receiver = &step->command->booking.user_id;
    const struct model_event *event = step->booking->zone->event;
    assert(!uuid_equal(receiver, &facts->user_id));
    uint64_t held = model_user_tickets(step->model, receiver, &event->id);
    step->detail->limit = event->facts.max_per_user;
    if (held + facts->quantity > event->facts.max_per_user)
        return RESULT_MAX_PER_USER_EXCEEDED;
    facts->user_id = *receiver;
    return RESULT_OK;
}

/* May the booking go there? NULL: an unknown zone. */
static enum result check_target(const struct model_step *step, const struct model_zone *zone)
{
    const struct model_booking *booking = step->booking;
    if (step->command->kind == COMMAND_EXCHANGE)
        return zone->kind == ZONE_SEATED ? RESULT_OK : RESULT_KIND_UNSUPPORTED;
    if (zone == NULL || zone == booking->zone || zone->event != booking->zone->event)
        return RESULT_NOT_FOUND;
    bool suits = booking->facts.to_segment <= zone->segment_count &&
                 (step->command->seat_count == 0 || zone->kind == ZONE_SEATED);
    return suits ? RESULT_OK : RESULT_KIND_UNSUPPORTED;
}

/* As many places as the booking has. */
static enum result find_target(struct model_step *step, struct model_want *want)
{
    uint32_t asked = part_quantity(step->command);
    step->detail->limit = want->quantity;
    if (want->zone->kind == ZONE_SEATED && step->detail->limit > RECORD_SEATS_MAX)
        step->detail->limit = RECORD_SEATS_MAX;
    if ((asked != 0 && asked != want->quantity) || want->quantity > step->detail->limit)
        return RESULT_QUANTITY_INVALID;
    const struct model_booking *old = step->booking;
    if (want->own == NULL && want->zone->closed)
        return RESULT_SALE_CLOSED;
    step->detail->price_minor = model_price(want->zone, want->from, want->to);
    if (want->own == NULL && old->facts.status == BOOKING_CONFIRMED &&
        old->facts.unit_price_minor != step->detail->price_minor)
        return RESULT_PRICE_CHANGED;
    return model_find(step, want);
}

/* Of seats, or into another zone: there the old booking keeps its id and ends, and the
 * new one is answered. */
static enum result exchange(struct model_step *step)
{
    const struct command *command = step->command;
    struct model_booking *old = step->booking;
    bool moves = command->kind == COMMAND_EXCHANGE_ZONE;
    struct model_zone *zone =
        moves ? model_list_find(&step->model->zones, &command->booking.zone_id) : old->zone;
    enum result result = check_target(step, zone);
    if (result != RESULT_OK)
        return result;
    bool draws = !moves && old->block != NULL && old->block->facts.active;
    struct model_want want = {.zone = zone,
                              .quantity = old->facts.quantity,
                              .from = old->facts.from_segment,
                              .to = old->facts.to_segment,
                              .allow_split = command->booking.allow_split,
                              .block = draws ? old->block : NULL,
                              .own = moves ? NULL : old,
                              .seat_count = command->seat_count,
                              .seats = command->seats};
    result = find_target(step, &want);
    if (result != RESULT_OK)
        return result;
    if (!moves) {
        step->same = memcmp(want.chosen, old->seats, want.quantity * sizeof *want.chosen) == 0;
        model_keep(old, want.quantity, want.chosen);
        return RESULT_OK;
    }
    step->booking = model_book(step, &want, step->ids);
    struct booking_facts *facts = &step->booking->facts;
    facts->exchanged_from = old->facts.booking_id;
    facts->status = old->facts.status;
    facts->changed_ms = facts->status == BOOKING_CONFIRMED ? step->now_ms : 0;
    facts->expires_ms = old->facts.expires_ms;
    model_settle(old, BOOKING_CANCELLED, step->now_ms);
    return RESULT_OK;
}

/* --- which command when --- */

/* A state among others. */
#define IN(status) (1 << BOOKING_##status)

static const struct rule {
    enum result (*apply)(struct model_step *);
    uint8_t on;    /* the states it applies to */
    uint8_t done;  /* those in which it is answered as it is */
    bool part;     /* a quantity or seats ask for a part: then nothing is done yet */
    bool of_order; /* also while an order decides over the booking */
} rules[COMMAND_KIND_COUNT] = {
    [COMMAND_BOOKING_GET] = {.done = UINT8_MAX},
    [COMMAND_CONFIRM] = {.apply = confirm, .on = IN(RESERVED), .done = IN(CONFIRMED), .part = true},
    [COMMAND_CANCEL] = {.apply = end, .on = IN(RESERVED), .done = IN(CANCELLED)},
    [COMMAND_RELEASE] = {.apply = release, .on = IN(RESERVED), .part = true},
    [COMMAND_EXTEND] = {.apply = extend, .on = IN(RESERVED), .of_order = true},
    [COMMAND_EXCHANGE] = {.apply = exchange, .on = IN(RESERVED) | IN(CONFIRMED)},
    [COMMAND_EXCHANGE_ZONE] = {.apply = exchange, .on = IN(RESERVED) | IN(CONFIRMED)},
    [COMMAND_TRANSFER] = {.apply = transfer, .on = IN(RESERVED) | IN(CONFIRMED)},
    [COMMAND_REFUND] = {.apply = end, .on = IN(CONFIRMED), .done = IN(REFUNDED)},
};

static bool may_see(const struct command *command, const struct model_booking *booking)
{
    if (command->kind == COMMAND_REFUND)
        return model_may_organize(&command->actor, booking->zone->event);
    return uuid_equal(&booking->facts.user_id, &command->actor.id);
}

static enum result check_state(struct model_step *step, const struct rule *rule)
{
    const struct booking_facts *facts = &step->booking->facts;
    step->detail->status = facts->status;
    step->detail->at_ms = facts->status == BOOKING_EXPIRED ? facts->expires_ms : 0;
    step->detail->order_id = facts->order.id;
    if (facts->status == BOOKING_EXPIRED && rule->on & IN(RESERVED))
        return RESULT_RESERVATION_EXPIRED;
    if (!(rule->on & 1 << facts->status))
        return RESULT_INVALID_STATE;
    if (facts->status == BOOKING_RESERVED && !rule->of_order && !uuid_is_nil(&facts->order.id))
        return RESULT_PART_OF_ORDER;
    return RESULT_OK;
}

enum result model_change(struct model_step *step)
{
    const struct command *command = step->command;
    const struct rule *rule = &rules[command->kind];
    struct model_booking *booking = model_find_booking(step->model, &command->booking.booking_id);
    assert(rule->on != 0 || rule->done != 0);
    if (booking == NULL || !may_see(command, booking))
        return RESULT_NOT_FOUND;
    step->booking = booking;
    step->same =
        rule->done & 1 << booking->facts.status && !(rule->part && part_quantity(command) != 0);
    if (step->same)
        return RESULT_OK;
    enum result result = check_state(step, rule);
    if (result == RESULT_OK && rule->part)
        result = check_part(step);
    return result == RESULT_OK ? rule->apply(step) : result;
}
