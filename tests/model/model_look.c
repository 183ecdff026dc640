/* Looking in from outside, and looking whether all is consistent. */
#include "model_private.h"

#include <assert.h>

void model_expire(struct model *model, uint64_t now_ms)
{
    for (uint32_t i = 0; i < model->vectors[MODEL_ZONES].count; i++)
        model_lapse(model, i, now_ms);
}

static const struct model_zone *find_zone(const struct model *model, const struct uuid *zone_id)
{
    uint32_t index = model_zone_index(model, zone_id);
    return index == MODEL_NONE ? NULL : model_zone_at(model, index);
}

bool model_zone_counts(const struct model *model, const struct uuid *zone_id, uint32_t segment,
                       struct model_counts *counts)
{
    const struct model_zone *zone = find_zone(model, zone_id);
    if (zone == NULL || segment >= zone->segment_count)
        return false;
    struct model_tally tally;
    model_tally(model, zone, &tally);
    *counts = (struct model_counts){.total = zone->total,
                                    .target = zone->target,
                                    .reserved = tally.reserved[segment],
                                    .sold = tally.sold[segment],
                                    .blocked = tally.blocked[segment],
                                    .closed = zone->closed};
    counts->free = zone->total - counts->reserved - counts->sold - counts->blocked;
    return true;
}

static uint32_t greatest(const uint32_t *numbers, uint32_t count)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < count; i++)
        most = numbers[i] > most ? numbers[i] : most;
    return most;
}

bool model_zone_facts(const struct model *model, const struct uuid *zone_id,
                      struct zone_facts *facts)
{
    const struct model_zone *zone = find_zone(model, zone_id);
    if (zone == NULL)
        return false;
    struct model_tally tally;
    model_tally(model, zone, &tally);
    *facts = (struct zone_facts){.zone_id = *zone_id,
                                 .total = zone->total,
                                 .target = zone->target,
                                 .available = model_left(model, zone, 0, zone->segment_count),
                                 .blocked = greatest(tally.blocked, zone->segment_count),
                                 .closed = zone->closed};
    for (uint32_t i = zone->live_first; i != MODEL_NONE;) {
        const struct model_booking *booking = model_booking_at(model, i);
        bool sold = booking->facts.status == BOOKING_CONFIRMED;
        *(sold ? &facts->sold : &facts->reserved) += booking->facts.quantity;
        i = booking->live_next;
    }
    return true;
}

uint32_t model_zone_left(const struct model *model, const struct uuid *zone_id, uint32_t from,
                         uint32_t to)
{
    const struct model_zone *zone = find_zone(model, zone_id);
    return zone ? model_left(model, zone, from, to) : 0;
}

uint32_t model_user_tickets(const struct model *model, const struct uuid *user_id,
                            const struct uuid *event_id)
{
    uint32_t event = model_map_get(&model->maps[MODEL_EVENT_IDS], event_id, NULL);
    return event == MODEL_NONE ? 0 : model_tickets(model, user_id, event);
}

bool model_booking(const struct model *model, const struct uuid *booking_id, uint64_t now_ms,
                   struct booking_facts *facts, uint32_t *seat_count, uint32_t *seats)
{
    uint32_t index = model_map_get(&model->maps[MODEL_BOOKING_IDS], booking_id, NULL);
    if (index == MODEL_NONE)
        return false;
    const struct model_booking *booking = model_booking_at(model, index);
    *facts = booking->facts;
    if (facts->status == BOOKING_RESERVED && facts->expires_ms <= now_ms) {
        facts->status = BOOKING_EXPIRED;
        facts->changed_ms = facts->expires_ms;
    }
    if (seat_count != NULL)
        *seat_count = booking->seat_count;
    if (seats != NULL)
        memcpy(seats, booking->seats, booking->seat_count * sizeof *seats);
    return true;
}

uint32_t model_booking_count(const struct model *model)
{
    return model->vectors[MODEL_BOOKINGS].count;
}

const struct uuid *model_booking_id(const struct model *model, uint32_t index)
{
    return &model_booking_at(model, index)->facts.booking_id;
}

enum model_seat_state model_seat_state(const struct model *model, const struct uuid *zone_id,
                                       uint32_t seat, uint32_t from, uint32_t to)
{
    const struct model_zone *zone = find_zone(model, zone_id);
    assert(zone != NULL && seat < zone->place_count && to <= zone->segment_count);
    enum model_seat_state taken = model_taken(model, zone, seat, from, to, MODEL_NONE);
    if (taken == MODEL_SEAT_FREE && model_place_at(model, zone, seat)->block != 0)
        return MODEL_SEAT_BLOCKED;
    return taken;
}

uint32_t model_block_count(const struct model *model, const struct uuid *zone_id)
{
    const struct model_zone *zone = find_zone(model, zone_id);
    uint32_t count = 0;
    for (uint32_t i = zone ? zone->block_first : MODEL_NONE; i != MODEL_NONE; count++)
        i = model_block_at(model, i)->next;
    return count;
}

bool model_order(const struct model *model, const struct uuid *order_id, uint64_t now_ms,
                 struct order_facts *facts)
{
    uint32_t index = model_map_get(&model->maps[MODEL_ORDER_IDS], order_id, NULL);
    if (index == MODEL_NONE)
        return false;
    const struct model_order *order = model_order_at(model, index);
    facts->order_id = order->id;
    facts->user_id = order->user_id;
    facts->status = order->status;
    facts->count = order->count;
    for (uint32_t i = 0; i < order->count; i++) {
        model_booking(model, model_booking_id(model, order->bookings[i]), now_ms,
                      &facts->items[i].booking, &facts->items[i].seat_count, facts->items[i].seats);
        if (order->status == BOOKING_RESERVED && facts->items[i].booking.status == BOOKING_EXPIRED)
            facts->status = BOOKING_EXPIRED;
    }
    return true;
}

/* --- consistency --- */

static bool is_live(const struct booking_facts *facts)
{
    return facts->status == BOOKING_RESERVED || facts->status == BOOKING_CONFIRMED;
}

static void check_zone(const struct model *model, const struct model_zone *zone)
{
    struct model_tally tally;
    model_tally(model, zone, &tally);
    assert(zone->total >= zone->target);
    uint32_t used = model_used(model, zone);
    assert(used <= zone->total);
    assert(zone->total == zone->target || zone->total == used);
    for (uint32_t s = 0; s < zone->segment_count && zone->kind == ZONE_SEATED; s++) {
        uint32_t count[4] = {0};
        for (uint32_t seat = 0; seat < zone->place_count; seat++)
            count[model_seat_state(model, &zone->id, seat, s, s + 1)]++;
        assert(count[MODEL_SEAT_RESERVED] == tally.reserved[s]);
        assert(count[MODEL_SEAT_SOLD] == tally.sold[s]);
        assert(count[MODEL_SEAT_BLOCKED] == tally.blocked[s]);
    }
}

/* Every live booking has its cells, and is counted for its user. */
static void check_booking(const struct model *model, uint32_t index)
{
    const struct model_booking *booking = model_booking_at(model, index);
    const struct model_zone *zone = model_zone_at(model, booking->zone);
    if (!is_live(&booking->facts))
        return;
    assert(booking->seat_count == (zone->kind == ZONE_SEATED ? booking->facts.quantity : 0));
    for (uint32_t i = 0; i < booking->seat_count; i++)
        for (uint32_t s = booking->facts.from_segment; s < booking->facts.to_segment; s++)
            assert(*model_cell(model, zone, booking->seats[i], s) == index + 1);
    uint32_t tickets = 0;
    for (uint32_t i = 0; i < model->vectors[MODEL_BOOKINGS].count; i++) {
        const struct model_booking *other = model_booking_at(model, i);
        if (is_live(&other->facts) && uuid_equal(&other->facts.user_id, &booking->facts.user_id) &&
            model_zone_at(model, other->zone)->event == zone->event)
            tickets += other->facts.quantity;
    }
    assert(tickets == model_tickets(model, &booking->facts.user_id, zone->event));
}

void model_check(const struct model *model)
{
    for (uint32_t i = 0; i < model->vectors[MODEL_ZONES].count; i++)
        check_zone(model, model_zone_at(model, i));
    for (uint32_t i = 0; i < model->vectors[MODEL_BOOKINGS].count; i++)
        check_booking(model, i);
}
