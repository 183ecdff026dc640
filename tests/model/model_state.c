/* What is taken, and by whom, told from the bookings and blocks there are. */
#include "model_private.h"

#include <assert.h>

void *model_memory(size_t bytes)
{
    void *memory = calloc(1, bytes);
    if (memory == NULL)
        abort();
    return memory;
}

void model_list_add(struct model_list *list, void *item)
{
    list->items = sim_grow(list->items, list->count, &list->room, sizeof *list->items);
    list->items[list->count++] = item;
}

void *model_list_new(struct model_list *list, size_t bytes)
{
    void *item = model_memory(bytes);
    model_list_add(list, item);
    return item;
}

static void list_remove(struct model_list *list, const void *item)
{
    uint32_t at = 0;
    while (list->items[at] != item)
        at++;
    list->count--;
    memmove(list->items + at, list->items + at + 1, (list->count - at) * sizeof *list->items);
}

void *model_list_find(const struct model_list *list, const struct uuid *id)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (uuid_equal(list->items[i], id))
            return list->items[i];
    return NULL;
}

struct model_booking *model_find_booking(const struct model *model, const struct uuid *id)
{
    uint32_t at = sim_table_find(&model->booking_ids, sim_uuid_hash(id));
    bool known = at < model->bookings.count && uuid_equal(model->bookings.items[at], id);
    return known ? model->bookings.items[at] : NULL;
}

bool model_has(const uint32_t *seats, uint32_t count, uint32_t seat)
{
    for (uint32_t i = 0; i < count; i++)
        if (seats[i] == seat)
            return true;
    return false;
}

/* --- counting --- */

int64_t model_price(const struct model_zone *zone, uint32_t from, uint32_t to)
{
    int64_t sum = 0;
    for (uint32_t segment = from; segment < to && zone->segment_price_count != 0; segment++)
        sum += zone->segment_prices[segment];
    return zone->segment_price_count != 0 ? sum : zone->price_minor;
}

uint32_t model_user_tickets(const struct model *model, const struct uuid *user_id,
                            const struct uuid *event_id)
{
    uint32_t tickets = 0;
    for (uint32_t z = 0; z < model->zones.count; z++) {
        const struct model_zone *zone = model->zones.items[z];
        for (uint32_t i = 0; i < zone->live.count && uuid_equal(&zone->event->id, event_id); i++) {
            const struct model_booking *booking = zone->live.items[i];
            if (uuid_equal(&booking->facts.user_id, user_id))
                tickets += booking->facts.quantity;
        }
    }
    return tickets;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

struct model_counts model_count(const struct model_zone *zone, const struct model_block *block,
                                uint32_t from, uint32_t to)
{
    struct model_counts most = {0};
    for (uint32_t segment = from; segment < to; segment++) {
        uint32_t taken = 0, blocked = 0, drawn = 0;
        for (uint32_t i = 0; i < zone->blocks.count; i++)
            blocked += ((const struct model_block *)zone->blocks.items[i])->facts.quantity;
        for (uint32_t i = 0; i < zone->live.count; i++) {
            const struct model_booking *booking = zone->live.items[i];
            const struct booking_facts *facts = &booking->facts;
            if (segment < facts->from_segment || segment >= facts->to_segment)
                continue;
            taken += facts->quantity;
            blocked -= booking->block && booking->block->facts.active ? facts->quantity : 0;
            drawn += booking->block == block ? facts->quantity : 0;
        }
        most.used = larger(most.used, taken + blocked);
        most.blocked = larger(most.blocked, blocked);
        most.drawn = larger(most.drawn, drawn);
    }
    assert(most.used <= zone->total);
    return most;
}

uint32_t model_left(const struct model_zone *zone, const struct model_block *block, uint32_t from,
                    uint32_t to)
{
    if (zone->kind == ZONE_GENERAL) {
        struct model_counts counts = model_count(zone, block, from, to);
        return block ? block->facts.quantity - counts.drawn : zone->total - counts.used;
    }
    uint32_t left = 0;
    model_look(zone, NULL);
    for (uint32_t i = 0; i < zone->seat_count; i++)
        left += zone->seats[i].block == block &&
                model_taken(&zone->seats[i], from, to) == MODEL_SEAT_FREE;
    return left;
}

struct zone_facts model_zone_facts(const struct model *model, const struct uuid *zone_id)
{
    const struct model_zone *zone = model_list_find(&model->zones, zone_id);
    struct zone_facts facts = {.zone_id = zone->id,
                               .total = zone->total,
                               .target = zone->target,
                               .available = model_left(zone, NULL, 0, zone->segment_count),
                               .blocked = model_count(zone, NULL, 0, zone->segment_count).blocked,
                               .closed = zone->closed};
    for (uint32_t i = 0; i < zone->live.count; i++) {
        const struct booking_facts *booking = zone->live.items[i];
        bool sold = booking->status == BOOKING_CONFIRMED;
        *(sold ? &facts.sold : &facts.reserved) += booking->quantity;
    }
    return facts;
}

/* --- seats --- */

/* The segments of a way, as bits. */
static uint64_t way_bits(uint32_t from, uint32_t to)
{
    return (UINT64_MAX >> (64 - (to - from))) << from;
}

void model_look(const struct model_zone *zone, const struct model_booking *except)
{
    for (uint32_t i = 0; i < zone->seat_count; i++)
        zone->seats[i].reserved = zone->seats[i].sold = 0;
    for (uint32_t i = 0; i < zone->live.count; i++) {
        const struct model_booking *booking = zone->live.items[i];
        uint64_t way = way_bits(booking->facts.from_segment, booking->facts.to_segment);
        for (uint32_t k = 0; k < booking->seat_count && booking != except; k++) {
            struct model_seat *seat = &zone->seats[booking->seats[k]];
            assert(((seat->reserved | seat->sold) & way) == 0); /* one owner */
            *(booking->facts.status == BOOKING_CONFIRMED ? &seat->sold : &seat->reserved) |= way;
        }
    }
}

enum model_seat_state model_taken(const struct model_seat *seat, uint32_t from, uint32_t to)
{
    if (seat->sold & way_bits(from, to))
        return MODEL_SEAT_SOLD;
    return seat->reserved & way_bits(from, to) ? MODEL_SEAT_RESERVED : MODEL_SEAT_FREE;
}

/* --- taking and giving back --- */

struct model_booking *model_book(struct model_step *step, const struct model_want *want,
                                 const struct uuid *booking_id)
{
    struct model *model = step->model;
    assert(model_find_booking(model, booking_id) == NULL);
    sim_table_put(&model->booking_ids, sim_uuid_hash(booking_id), model->bookings.count);
    struct model_booking *booking = model_list_new(&model->bookings, sizeof *booking);
    booking->facts = (struct booking_facts){
        .booking_id = *booking_id,
        .user_id = step->command->actor.id,
        .zone_id = want->zone->id,
        .status = BOOKING_RESERVED,
        .quantity = want->quantity,
        .unit_price_minor = model_price(want->zone, want->from, want->to),
        .created_ms = step->now_ms,
        .expires_ms = step->now_ms + model->options.reservation_ttl_ms,
        .from_segment = (uint16_t)want->from,
        .to_segment = (uint16_t)want->to,
    };
    booking->zone = want->zone;
    booking->block = want->block;
    booking->seat_count = want->chosen_count;
    memcpy(booking->seats, want->chosen, want->chosen_count * sizeof want->chosen[0]);
    model_list_add(&want->zone->live, booking);
    return booking;
}

void model_unbook(struct model *model)
{
    struct model_booking *booking = model->bookings.items[--model->bookings.count];
    list_remove(&booking->zone->live, booking);
    free(booking);
}

/* A draining zone's total follows what is used. */
static void drain(struct model_zone *zone)
{
    if (zone->total == zone->target)
        return;
    uint32_t used = model_count(zone, NULL, 0, zone->segment_count).used;
    zone->total = larger(used, zone->target);
}

void model_settle(struct model_booking *booking, enum booking_status status, uint64_t at_ms)
{
    booking->facts.status = status;
    booking->facts.changed_ms = at_ms;
    if (status != BOOKING_CONFIRMED)
        list_remove(&booking->zone->live, booking);
    drain(booking->zone);
}

void model_keep(struct model_booking *booking, uint32_t quantity, const uint32_t *seats)
{
    assert(quantity <= booking->facts.quantity);
    booking->facts.quantity = quantity;
    if (booking->seat_count != 0) {
        booking->seat_count = quantity;
        memcpy(booking->seats, seats, quantity * sizeof *seats);
    }
    drain(booking->zone);
}

void model_end_block(struct model_block *block)
{
    struct model_zone *zone = block->zone;
    list_remove(&zone->blocks, block);
    block->facts.active = false;
    for (uint32_t i = 0; i < zone->seat_count; i++)
        if (zone->seats[i].block == block)
            zone->seats[i].block = NULL;
    drain(zone);
}

/* Backwards, because what ends leaves the list. */
void model_lapse(struct model *model, uint64_t now_ms)
{
    for (uint32_t z = 0; z < model->zones.count; z++) {
        const struct model_zone *zone = model->zones.items[z];
        for (uint32_t i = zone->live.count; i-- > 0;) {
            struct model_booking *booking = zone->live.items[i];
            if (booking->facts.status == BOOKING_RESERVED && booking->facts.expires_ms <= now_ms)
                model_settle(booking, BOOKING_EXPIRED, booking->facts.expires_ms);
        }
        for (uint32_t i = zone->blocks.count; i-- > 0;) {
            struct model_block *block = zone->blocks.items[i];
            if (block->facts.expires_ms != 0 && block->facts.expires_ms <= now_ms)
                model_end_block(block);
        }
    }
}

void model_check(const struct model *model)
{
    for (uint32_t z = 0; z < model->zones.count; z++) {
        const struct model_zone *zone = model->zones.items[z];
        uint32_t used = model_count(zone, NULL, 0, zone->segment_count).used;
        assert(zone->total == zone->target || (zone->total > zone->target && zone->total == used));
        for (uint32_t i = 0; i < zone->live.count; i++) {
            const struct model_booking *booking = zone->live.items[i];
            assert(booking->facts.status <= BOOKING_CONFIRMED && booking->facts.quantity > 0);
            assert(booking->seat_count == (zone->seats ? booking->facts.quantity : 0));
        }
        /* What the seats say is what bookings and blocks say. */
        for (uint32_t s = 0; s < zone->segment_count; s++)
            assert(model_left(zone, NULL, s, s + 1) + model_count(zone, NULL, s, s + 1).used ==
                   zone->total);
    }
}
