#include "model_private.h"

#include <assert.h>

bool model_has(const uint32_t *seats, uint32_t count, uint32_t seat)
{
    for (uint32_t i = 0; i < count; i++)
        if (seats[i] == seat)
            return true;
    return false;
}

uint32_t model_zone_index(const struct model *model, const struct uuid *zone_id)
{
    return model_map_get(&model->maps[MODEL_ZONE_IDS], zone_id, NULL);
}

int64_t model_price(const struct model_zone *zone, uint32_t from, uint32_t to)
{
    if (zone->segment_price_count == 0)
        return zone->price_minor;
    int64_t sum = 0;
    for (uint32_t segment = from; segment < to; segment++)
        sum += zone->segment_prices[segment];
    return sum;
}

/* --- counting --- */

uint32_t model_tickets(const struct model *model, const struct uuid *user_id, uint32_t event)
{
    uint32_t tickets =
        model_map_get(&model->maps[MODEL_TICKETS], user_id, &model_event_at(model, event)->id);
    return tickets == MODEL_NONE ? 0 : tickets;
}

static void count_tickets(struct model *model, const struct model_booking *booking, uint32_t more,
                          uint32_t less)
{
    uint32_t event = model_zone_at(model, booking->zone)->event;
    uint32_t tickets = model_tickets(model, &booking->facts.user_id, event) + more;
    assert(tickets >= less);
    model_map_set(&model->maps[MODEL_TICKETS], &booking->facts.user_id,
                  &model_event_at(model, event)->id, tickets - less);
}

enum model_seat_state model_taken(const struct model *model, const struct model_zone *zone,
                                  uint32_t seat, uint32_t from, uint32_t to, uint32_t except)
{
    enum model_seat_state state = MODEL_SEAT_FREE;
    for (uint32_t segment = from; segment < to; segment++) {
        uint32_t cell = *model_cell(model, zone, seat, segment);
        if (cell == 0 || cell - 1 == except)
            continue;
        if (model_booking_at(model, cell - 1)->facts.status == BOOKING_CONFIRMED)
            return MODEL_SEAT_SOLD;
        state = MODEL_SEAT_RESERVED;
    }
    return state;
}

static bool block_is_active(const struct model *model, uint32_t block)
{
    return block != MODEL_NONE && model_block_at(model, block)->facts.active;
}

void model_tally(const struct model *model, const struct model_zone *zone,
                 struct model_tally *tally)
{
    uint32_t blocked = 0;
    for (uint32_t i = zone->block_first; i != MODEL_NONE; i = model_block_at(model, i)->next)
        blocked += model_block_at(model, i)->facts.quantity;
    for (uint32_t segment = 0; segment < zone->segment_count; segment++) {
        tally->reserved[segment] = tally->sold[segment] = 0;
        tally->blocked[segment] = blocked;
    }
    for (uint32_t i = zone->live_first; i != MODEL_NONE;) {
        const struct model_booking *booking = model_booking_at(model, i);
        bool drawn = block_is_active(model, booking->block);
        bool sold = booking->facts.status == BOOKING_CONFIRMED;
        for (uint32_t s = booking->facts.from_segment; s < booking->facts.to_segment; s++) {
            *(sold ? &tally->sold[s] : &tally->reserved[s]) += booking->facts.quantity;
            if (drawn)
                tally->blocked[s] -= booking->facts.quantity;
        }
        i = booking->live_next;
    }
}

uint32_t model_used(const struct model *model, const struct model_zone *zone)
{
    struct model_tally tally;
    model_tally(model, zone, &tally);
    uint32_t used = 0;
    for (uint32_t s = 0; s < zone->segment_count; s++) {
        uint32_t here = tally.reserved[s] + tally.sold[s] + tally.blocked[s];
        used = here > used ? here : used;
    }
    return used;
}

uint32_t model_left(const struct model *model, const struct model_zone *zone, uint32_t from,
                    uint32_t to)
{
    uint32_t left = 0;
    if (zone->kind == ZONE_SEATED) {
        for (uint32_t seat = 0; seat < zone->place_count; seat++)
            left += model_place_at(model, zone, seat)->block == 0 &&
                    model_taken(model, zone, seat, from, to, MODEL_NONE) == MODEL_SEAT_FREE;
        return left;
    }
    struct model_tally tally;
    model_tally(model, zone, &tally);
    left = UINT32_MAX;
    for (uint32_t s = from; s < to; s++) {
        uint32_t used = tally.reserved[s] + tally.sold[s] + tally.blocked[s];
        assert(used <= zone->total);
        left = zone->total - used < left ? zone->total - used : left;
    }
    return left;
}

/* Places drawn from a block on its fullest segment of [from, to). */
static uint32_t drawn_on(const struct model *model, uint32_t block, uint32_t from, uint32_t to)
{
    const struct model_zone *zone = model_zone_at(model, model_block_at(model, block)->zone);
    uint32_t most = 0;
    for (uint32_t segment = from; segment < to; segment++) {
        uint32_t drawn = 0;
        for (uint32_t i = zone->live_first; i != MODEL_NONE;) {
            const struct model_booking *booking = model_booking_at(model, i);
            if (booking->block == block && booking->facts.from_segment <= segment &&
                segment < booking->facts.to_segment)
                drawn += booking->facts.quantity;
            i = booking->live_next;
        }
        most = drawn > most ? drawn : most;
    }
    return most;
}

uint32_t model_block_left(const struct model *model, uint32_t block, uint32_t from, uint32_t to)
{
    const struct model_block *of = model_block_at(model, block);
    const struct model_zone *zone = model_zone_at(model, of->zone);
    if (zone->kind != ZONE_SEATED)
        return of->facts.quantity - drawn_on(model, block, from, to);
    uint32_t left = 0;
    for (uint32_t seat = 0; seat < zone->place_count; seat++)
        left += model_place_at(model, zone, seat)->block == block + 1 &&
                model_taken(model, zone, seat, from, to, MODEL_NONE) == MODEL_SEAT_FREE;
    return left;
}

void model_block_facts(const struct model *model, uint32_t block, struct block_facts *facts)
{
    *facts = model_block_at(model, block)->facts;
    uint32_t zone = model_block_at(model, block)->zone;
    facts->drawn = drawn_on(model, block, 0, model_zone_at(model, zone)->segment_count);
}

/* --- taking and giving back --- */

void model_drain(struct model *model, struct model_zone *zone)
{
    if (zone->total == zone->target)
        return;
    uint32_t used = model_used(model, zone);
    assert(used <= zone->total);
    zone->total = used > zone->target ? used : zone->target;
}

static void set_cells(struct model *model, const struct model_booking *booking, uint32_t was,
                      uint32_t now)
{
    const struct model_zone *zone = model_zone_at(model, booking->zone);
    for (uint32_t i = 0; i < booking->seat_count; i++)
        for (uint32_t s = booking->facts.from_segment; s < booking->facts.to_segment; s++) {
            uint32_t *cell = model_cell(model, zone, booking->seats[i], s);
            assert(*cell == was);
            *cell = now;
        }
}

static void link_live(struct model *model, uint32_t index)
{
    struct model_booking *booking = model_booking_at(model, index);
    struct model_zone *zone = model_zone_at(model, booking->zone);
    booking->live_previous = MODEL_NONE;
    booking->live_next = zone->live_first;
    if (zone->live_first != MODEL_NONE)
        model_booking_at(model, zone->live_first)->live_previous = index;
    zone->live_first = index;
}

static void unlink_live(struct model *model, const struct model_booking *booking)
{
    if (booking->live_next != MODEL_NONE)
        model_booking_at(model, booking->live_next)->live_previous = booking->live_previous;
    if (booking->live_previous != MODEL_NONE)
        model_booking_at(model, booking->live_previous)->live_next = booking->live_next;
    else
        model_zone_at(model, booking->zone)->live_first = booking->live_next;
}

void model_booking_deadline(struct model *model, uint32_t index, uint64_t expires_ms)
{
    struct model_booking *booking = model_booking_at(model, index);
    struct model_zone *zone = model_zone_at(model, booking->zone);
    booking->facts.expires_ms = expires_ms;
    if (expires_ms < zone->quiet_until_ms)
        zone->quiet_until_ms = expires_ms;
}

uint32_t model_booking_make(struct model *model, const struct model_want *want,
                            const struct booking_facts *facts)
{
    uint32_t index = model->vectors[MODEL_BOOKINGS].count;
    struct model_booking *booking =
        model_vector_add(&model->vectors[MODEL_BOOKINGS], 1, sizeof *booking);
    booking->facts = *facts;
    booking->zone = want->zone;
    booking->block = want->block;
    booking->order = MODEL_NONE;
    booking->seat_count = want->chosen_count;
    memcpy(booking->seats, want->chosen, sizeof want->chosen);
    set_cells(model, booking, 0, index + 1);
    link_live(model, index);
    count_tickets(model, booking, facts->quantity, 0);
    model_booking_deadline(model, index, facts->expires_ms);
    return index;
}

void model_booking_name(struct model *model, uint32_t index)
{
    const struct uuid *id = &model_booking_at(model, index)->facts.booking_id;
    assert(model_map_get(&model->maps[MODEL_BOOKING_IDS], id, NULL) == MODEL_NONE);
    model_map_set(&model->maps[MODEL_BOOKING_IDS], id, NULL, index);
}

void model_booking_end(struct model *model, uint32_t index, enum booking_status status,
                       uint64_t at_ms)
{
    struct model_booking *booking = model_booking_at(model, index);
    set_cells(model, booking, index + 1, 0);
    unlink_live(model, booking);
    count_tickets(model, booking, 0, booking->facts.quantity);
    booking->facts.status = status;
    booking->facts.changed_ms = at_ms;
    model_drain(model, model_zone_at(model, booking->zone));
}

void model_booking_unmake(struct model *model, uint32_t index)
{
    assert(index + 1 == model->vectors[MODEL_BOOKINGS].count);
    model_booking_end(model, index, BOOKING_CANCELLED, 0);
    model->vectors[MODEL_BOOKINGS].count = index;
}

void model_booking_keep(struct model *model, uint32_t index, uint32_t quantity,
                        const uint32_t *seats)
{
    struct model_booking *booking = model_booking_at(model, index);
    set_cells(model, booking, index + 1, 0);
    if (booking->seat_count != 0) {
        booking->seat_count = quantity;
        memcpy(booking->seats, seats, quantity * sizeof *seats);
    }
    set_cells(model, booking, 0, index + 1);
    count_tickets(model, booking, 0, booking->facts.quantity - quantity);
    booking->facts.quantity = quantity;
    model_drain(model, model_zone_at(model, booking->zone));
}

void model_booking_owner(struct model *model, uint32_t index, const struct uuid *user_id)
{
    struct model_booking *booking = model_booking_at(model, index);
    count_tickets(model, booking, 0, booking->facts.quantity);
    booking->facts.user_id = *user_id;
    count_tickets(model, booking, booking->facts.quantity, 0);
}

void model_block_end(struct model *model, uint32_t index)
{
    struct model_block *block = model_block_at(model, index);
    struct model_zone *zone = model_zone_at(model, block->zone);
    uint32_t *link = &zone->block_first;
    while (*link != index)
        link = &model_block_at(model, *link)->next;
    *link = block->next;
    block->facts.active = false;
    for (uint32_t seat = 0; seat < zone->place_count; seat++)
        if (model_place_at(model, zone, seat)->block == index + 1)
            model_place_at(model, zone, seat)->block = 0;
    model_drain(model, zone);
}

void model_lapse(struct model *model, uint32_t zone_index, uint64_t now_ms)
{
    struct model_zone *zone = model_zone_at(model, zone_index);
    if (now_ms < zone->quiet_until_ms)
        return;
    uint64_t quiet = UINT64_MAX;
    for (uint32_t i = zone->live_first, next; i != MODEL_NONE; i = next) {
        const struct booking_facts *facts = &model_booking_at(model, i)->facts;
        next = model_booking_at(model, i)->live_next;
        if (facts->status != BOOKING_RESERVED)
            continue;
        if (facts->expires_ms <= now_ms)
            model_booking_end(model, i, BOOKING_EXPIRED, facts->expires_ms);
        else if (facts->expires_ms < quiet)
            quiet = facts->expires_ms;
    }
    for (uint32_t i = zone->block_first, next; i != MODEL_NONE; i = next) {
        uint64_t expires_ms = model_block_at(model, i)->facts.expires_ms;
        next = model_block_at(model, i)->next;
        if (expires_ms != 0 && expires_ms <= now_ms)
            model_block_end(model, i);
        else if (expires_ms != 0 && expires_ms < quiet)
            quiet = expires_ms;
    }
    zone->quiet_until_ms = quiet;
}
