/* The accountant on the catalog, blocks, zones and changes of bookings. */
#include "ledger_private.h"

/* --- catalog --- */

static const char *enter_event(struct sim_ledger *ledger, const struct catalog_event *event)
{
    uint32_t at = sim_ledger_find(ledger, &event->id);

    if (at == SIM_TABLE_MISSING) {
        at = ledger->event_count++;
        ledger->events = sim_grow(ledger->events, at, &ledger->event_room, sizeof *ledger->events);
        sim_ledger_name(ledger, &event->id, at);
    }
    ledger->events[at] =
        (struct sim_ledger_event){.id = event->id, .max_per_user = event->max_per_user};
    return NULL;
}

static const char *enter_show(struct sim_ledger *ledger, const struct catalog_show *show)
{
    uint32_t at = sim_ledger_find(ledger, &show->id);

    if (sim_ledger_find(ledger, &show->event_id) >= ledger->event_count)
        return sim_ledger_fail(ledger, "unknown event");
    if (at == SIM_TABLE_MISSING) {
        at = ledger->show_count++;
        ledger->shows = sim_grow(ledger->shows, at, &ledger->show_room, sizeof *ledger->shows);
        sim_ledger_name(ledger, &show->id, at);
    }
    ledger->shows[at] = (struct sim_ledger_show){.id = show->id, .segments = show->segment_count};
    return NULL;
}

static void open_seats(struct sim_ledger_zone *zone, const struct catalog_zone *draft)
{
    enum seat_plan_error error;
    struct seat_plan *plan = seat_plan_decode(draft->plan_bytes, draft->plan_length, &error);

    zone->seat_count = plan ? plan->seat_count : 0;
    zone->owner = calloc((size_t)zone->seat_count * zone->segments + 1, sizeof zone->owner[0]);
    zone->blocked = calloc(zone->seat_count + 1, sizeof zone->blocked[0]);
    zone->special = calloc(zone->seat_count + 1, 1);
    if (!zone->owner || !zone->blocked || !zone->special)
        abort();
    for (uint32_t i = 0; i < zone->seat_count; i++)
        zone->special[i] = (plan->seats[i].flags & (SEAT_ACCESSIBLE | SEAT_COMPANION)) != 0;
    seat_plan_free(plan);
}

static const char *enter_zone(struct sim_ledger *ledger, const struct catalog_zone *draft)
{
    uint32_t event = sim_ledger_find(ledger, &draft->event_id);
    uint32_t show = sim_ledger_find(ledger, &draft->show_id), at = ledger->zone_count;

    if (sim_ledger_find(ledger, &draft->id) != SIM_TABLE_MISSING)
        return sim_ledger_fail(ledger, "I14 the zone is not new");
    if (event >= ledger->event_count || show >= ledger->show_count)
        return sim_ledger_fail(ledger, "unknown event or show");
    ledger->zones = sim_grow(ledger->zones, at, &ledger->zone_room, sizeof *ledger->zones);
    struct sim_ledger_zone *zone = &ledger->zones[at];
    *zone = (struct sim_ledger_zone){.id = draft->id,
                                     .event = event,
                                     .segments = (uint16_t)ledger->shows[show].segments,
                                     .seated = draft->kind == ZONE_SEATED,
                                     .total = draft->total_seats,
                                     .target = draft->total_seats,
                                     .price = draft->price_minor,
                                     .by_segment = draft->segment_price_count > 0};
    for (uint32_t i = 0; i < draft->segment_price_count; i++)
        zone->prices[i] = draft->segment_prices[i];
    if (zone->seated)
        open_seats(zone, draft);
    ledger->zone_count++;
    sim_ledger_name(ledger, &zone->id, at);
    return NULL;
}

const char *sim_ledger_catalog(struct sim_ledger *ledger)
{
    switch (ledger->record->kind) {
    case RECORD_EVENT:
        return enter_event(ledger, &ledger->record->event);
    case RECORD_SHOW:
        return enter_show(ledger, &ledger->record->show);
    case RECORD_ZONE:
        return enter_zone(ledger, &ledger->record->zone);
    default: /* stations and routes hold no places */
        return NULL;
    }
}

/* --- blocks --- */

static const char *check_block(struct sim_ledger *ledger, const struct sim_ledger_zone *zone,
                               const struct record_block *block)
{
    for (uint32_t i = 0; i < block->seat_count; i++) {
        if (block->seats[i] >= zone->seat_count || zone->blocked[block->seats[i]] != 0)
            return sim_ledger_fail(ledger, "I2 seat %u is blocked already", block->seats[i]);
        for (uint32_t segment = 0; segment < zone->segments; segment++)
            if (zone->owner[(size_t)segment * zone->seat_count + block->seats[i]] != 0)
                return sim_ledger_fail(ledger, "I2 seat %u is taken", block->seats[i]);
    }
    if (block->seat_count != (zone->seated ? block->quantity : 0))
        return sim_ledger_fail(ledger, "%u seats for %u", block->seat_count, block->quantity);
    if (sim_ledger_used(zone) + block->quantity > zone->total)
        return sim_ledger_fail(ledger, "I3 %u places wanted, %u left", block->quantity,
                               zone->total - sim_ledger_used(zone));
    return NULL;
}

static const char *make_block(struct sim_ledger *ledger, uint32_t number)
{
    const struct record_block *record = &ledger->record->block;
    struct sim_ledger_zone *zone = &ledger->zones[number];
    uint32_t at = ledger->block_count;
    const char *fault = check_block(ledger, zone, record);

    if (fault)
        return fault;
    if (sim_ledger_find(ledger, &record->block_id) != SIM_TABLE_MISSING)
        return sim_ledger_fail(ledger, "I14 the block's id is not new");
    ledger->blocks = sim_grow(ledger->blocks, at, &ledger->block_room, sizeof *ledger->blocks);
    struct sim_ledger_block *block = &ledger->blocks[at];
    *block = (struct sim_ledger_block){.id = record->block_id,
                                       .zone = number,
                                       .quantity = record->quantity,
                                       .expires_ms = record->expires_ms,
                                       .active = true,
                                       .allotment = record->kind == BLOCK_ALLOTMENT,
                                       .seat_count = record->seat_count,
                                       .seats = malloc((record->seat_count + 1) * 4)};
    if (!block->seats)
        abort();
    memcpy(block->seats, record->seats, record->seat_count * sizeof block->seats[0]);
    ledger->block_count++;
    sim_ledger_name(ledger, &block->id, at);
    for (uint32_t i = 0; i < block->seat_count; i++)
        zone->blocked[block->seats[i]] = at + 1;
    for (uint16_t i = 0; i < zone->segments; i++)
        zone->kept[i] += block->quantity;
    return NULL;
}

static const char *end_block(struct sim_ledger *ledger, uint32_t number)
{
    const struct record_block *record = &ledger->record->block;
    uint32_t at = sim_ledger_find(ledger, &record->block_id);
    struct sim_ledger_zone *zone = &ledger->zones[number];

    if (at >= ledger->block_count || !uuid_equal(&ledger->blocks[at].id, &record->block_id) ||
        ledger->blocks[at].zone != number || !ledger->blocks[at].active)
        return sim_ledger_fail(ledger, "I5 no active block of the zone");
    struct sim_ledger_block *block = &ledger->blocks[at];
    if (record->cause == CAUSE_EXPIRED &&
        (block->expires_ms == 0 || block->expires_ms > ledger->record->stamp_ms))
        return sim_ledger_fail(ledger, "I6 it has until %llu",
                               (unsigned long long)block->expires_ms);
    block->active = false;
    for (uint32_t i = 0; i < block->seat_count; i++)
        zone->blocked[block->seats[i]] = 0;
    for (uint16_t i = 0; i < zone->segments; i++)
        zone->kept[i] -= block->quantity - block->drawn[i];
    sim_ledger_drain(zone);
    return NULL;
}

static uint32_t zone_of(const struct sim_ledger *ledger, const struct uuid *id)
{
    uint32_t zone = sim_ledger_find(ledger, id);
    return zone < ledger->zone_count && uuid_equal(&ledger->zones[zone].id, id) ? zone
                                                                                : SIM_TABLE_MISSING;
}

const char *sim_ledger_block(struct sim_ledger *ledger)
{
    uint32_t zone = zone_of(ledger, &ledger->record->block.zone_id);

    if (zone == SIM_TABLE_MISSING)
        return sim_ledger_fail(ledger, "unknown zone");
    return ledger->record->block.cause == CAUSE_CREATED ? make_block(ledger, zone)
                                                        : end_block(ledger, zone);
}

const char *sim_ledger_zone_changed(struct sim_ledger *ledger)
{
    const struct record_zone_changed *changed = &ledger->record->zone_changed;
    uint32_t number = zone_of(ledger, &changed->zone_id);

    if (number == SIM_TABLE_MISSING)
        return sim_ledger_fail(ledger, "unknown zone");
    struct sim_ledger_zone *zone = &ledger->zones[number];
    uint32_t used = sim_ledger_used(zone);
    bool capacity = changed->cause == CAUSE_CAPACITY || changed->cause == CAUSE_DRAIN;
    if (changed->total < used || changed->target > changed->total)
        return sim_ledger_fail(ledger, "I3 total %u, target %u, %u used", changed->total,
                               changed->target, used);
    if (capacity ? changed->closed != zone->closed
                 : changed->total != zone->total || changed->target != zone->target)
        return sim_ledger_fail(ledger, "more changed than was asked");
    if (changed->cause == CAUSE_DRAIN && changed->total != used)
        return sim_ledger_fail(ledger, "a drain to %u starts at %u", changed->total, used);
    zone->total = changed->total;
    zone->target = changed->target;
    zone->closed = changed->closed;
    return NULL;
}

/* --- a booking changed --- */

static const char *check_edges(struct sim_ledger *ledger, const struct sim_ledger_booking *booking,
                               const struct record_changed *changed)
{
    bool was_confirmed = booking->status == BOOKING_CONFIRMED;
    bool reserved_only = changed->cause == CAUSE_EXTENDED || changed->cause == CAUSE_RELEASED ||
                         changed->cause == CAUSE_CONFIRMED_PART;
    bool in_order = changed->cause >= CAUSE_PINNED && changed->cause <= CAUSE_POSTED;

    if (booking->status > BOOKING_CONFIRMED || (reserved_only && was_confirmed) ||
        (changed->cause == CAUSE_REFUNDED && !was_confirmed))
        return sim_ledger_fail(ledger, "I5 the booking is %s",
                               booking_status_name(booking->status));
    if (!was_confirmed && !in_order && ledger->record->stamp_ms >= booking->deadline_ms)
        return sim_ledger_fail(ledger, "I6 its deadline was %llu",
                               (unsigned long long)booking->deadline_ms);
    if (!in_order && changed->cause != CAUSE_EXTENDED && booking->order.count > 0 && !was_confirmed)
        return sim_ledger_fail(ledger, "I29 it is a part of an order");
    return NULL;
}

static const char *check_causes(struct sim_ledger *ledger, const struct sim_ledger_booking *booking,
                                const struct record_changed *changed)
{
    bool smaller = changed->quantity < booking->quantity;
    bool later = booking->created_ms + changed->ttl_ms > booking->deadline_ms;
    bool shrinks = changed->cause == CAUSE_RELEASED || changed->cause == CAUSE_CONFIRMED_PART;
    enum booking_status end = changed->cause == CAUSE_CONFIRMED_PART ? BOOKING_CONFIRMED
                              : changed->cause == CAUSE_REFUNDED     ? BOOKING_REFUNDED
                                                                     : booking->status;
    bool in_order = changed->cause >= CAUSE_PINNED && changed->cause <= CAUSE_POSTED;

    if (changed->previous_quantity != booking->quantity || changed->quantity < 1 ||
        shrinks != smaller || changed->quantity > booking->quantity)
        return sim_ledger_fail(ledger, "%u places of %u", changed->quantity, booking->quantity);
    if (in_order)
        return NULL;
    if (changed->status != end)
        return sim_ledger_fail(ledger, "I5 ends %s", booking_status_name(changed->status));
    if ((changed->cause == CAUSE_EXTENDED) != later ||
        changed->ttl_ms > ledger->options.hold_ms_max)
        return sim_ledger_fail(ledger, "I6 time to live %u", changed->ttl_ms);
    if (changed->unit_price_minor != booking->price)
        return sim_ledger_fail(ledger, "I15 price %lld", (long long)changed->unit_price_minor);
    if (uuid_equal(&changed->user_id, &booking->user_id) == (changed->cause == CAUSE_TRANSFERRED) ||
        !uuid_equal(&changed->previous_user_id, &booking->user_id))
        return sim_ledger_fail(ledger, "I16 the wrong owner");
    return NULL;
}

/* What is kept of the seats was there before, unless they were exchanged. */
static const char *check_kept_seats(struct sim_ledger *ledger,
                                    const struct sim_ledger_booking *booking,
                                    const struct record_changed *changed)
{
    uint32_t at = 0;

    if (changed->seat_count != (booking->seat_count > 0 ? changed->quantity : 0))
        return sim_ledger_fail(ledger, "%u seats for %u", changed->seat_count, changed->quantity);
    if (changed->cause == CAUSE_EXCHANGED)
        return NULL;
    for (uint32_t i = 0; i < changed->seat_count; i++) {
        while (at < booking->seat_count && booking->seats[at] < changed->seats[i])
            at++;
        if (at == booking->seat_count || booking->seats[at] != changed->seats[i])
            return sim_ledger_fail(ledger, "I2 seat %u was not the booking's", changed->seats[i]);
    }
    return NULL;
}

static const char *move(struct sim_ledger *ledger, uint32_t at)
{
    const struct record_changed *changed = &ledger->record->changed;
    struct sim_ledger_booking *booking = &ledger->bookings[at];
    uint32_t event = ledger->zones[booking->zone].event;
    bool lives = changed->status <= BOOKING_CONFIRMED;
    const char *fault = NULL;

    sim_ledger_place(ledger, at, -1);
    if (!booking->uncounted)
        sim_ledger_count_of(ledger, &booking->user_id, event)->tickets -= booking->quantity;
    booking->status = changed->status;
    booking->user_id = changed->user_id;
    booking->quantity = changed->quantity;
    booking->deadline_ms = booking->created_ms + changed->ttl_ms;
    booking->price = changed->unit_price_minor;
    booking->pinned = changed->pinned;
    booking->order = changed->order;
    booking->seat_count = changed->seat_count;
    memcpy(booking->seats, changed->seats, changed->seat_count * sizeof booking->seats[0]);
    if (lives) {
        fault = sim_ledger_place_check(ledger, at);
        if (!booking->uncounted)
            sim_ledger_count_of(ledger, &booking->user_id, event)->tickets += booking->quantity;
    }
    if (lives && !fault)
        sim_ledger_place(ledger, at, 1);
    sim_ledger_drain(&ledger->zones[booking->zone]);
    return fault;
}

const char *sim_ledger_changed(struct sim_ledger *ledger)
{
    const struct record_changed *changed = &ledger->record->changed;
    uint32_t at = sim_ledger_find(ledger, &changed->booking_id);
    const char *fault;

    if (at >= ledger->booking_count || !uuid_equal(&ledger->bookings[at].id, &changed->booking_id))
        return sim_ledger_fail(ledger, "unknown booking");
    const struct sim_ledger_booking *booking = &ledger->bookings[at];
    const struct sim_ledger_zone *zone = &ledger->zones[booking->zone];
    /* While a trip is drained the number is an estimate from below. */
    bool estimate = zone->segments > 1 && zone->total > zone->target;
    if ((fault = check_edges(ledger, booking, changed)) != NULL ||
        (fault = check_causes(ledger, booking, changed)) != NULL ||
        (fault = check_kept_seats(ledger, booking, changed)) != NULL ||
        (fault = sim_ledger_part(ledger, at, changed->cause,
                                 changed->status == BOOKING_CONFIRMED)) != NULL ||
        (fault = move(ledger, at)) != NULL)
        return fault;
    /* What gives nothing back says what the zone has, allotment or not. */
    bool returns =
        changed->previous_quantity > changed->quantity || changed->status == BOOKING_REFUNDED;
    if (!estimate && (returns || booking->block == 0) &&
        sim_ledger_left(ledger, booking) != changed->remaining)
        return sim_ledger_fail(
            ledger, "I1 says %u remain, there are %u (cause %u, total %u, target %u, %s)",
            changed->remaining, sim_ledger_left(ledger, booking), changed->cause,
            ledger->zones[booking->zone].total, ledger->zones[booking->zone].target,
            booking->block ? "of an allotment" : "general sale");
    const struct sim_ledger_count *count =
        sim_ledger_count_of(ledger, &booking->user_id, ledger->zones[booking->zone].event);
    if (ledger->options.live && changed->cause == CAUSE_TRANSFERRED &&
        count->tickets > ledger->events[count->event].max_per_user)
        return sim_ledger_fail(ledger, "I4 the receiver has %u tickets", count->tickets);
    return NULL;
}

/* --- a hash of the books --- */

static uint64_t fold(uint64_t hash, uint64_t value)
{
    return sim_mix(hash ^ (value + 0x9e3779b97f4a7c15u));
}

static uint64_t booking_hash(const struct sim_ledger *ledger,
                             const struct sim_ledger_booking *booking)
{
    uint64_t hash = sim_uuid_hash(&booking->id);

    hash = fold(hash, sim_uuid_hash(&booking->user_id));
    hash = fold(hash, sim_uuid_hash(&ledger->zones[booking->zone].id));
    hash = fold(hash, (uint64_t)booking->status << 32 | booking->quantity);
    hash = fold(hash, booking->deadline_ms);
    hash = fold(hash, (uint64_t)booking->price);
    for (uint32_t i = 0; i < booking->seat_count; i++)
        hash = fold(hash, booking->seats[i]);
    return hash;
}

uint64_t sim_ledger_hash(const struct sim_ledger *ledger)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < ledger->booking_count; i++)
        sum += booking_hash(ledger, &ledger->bookings[i]);
    for (uint32_t i = 0; i < ledger->zone_count; i++) {
        const struct sim_ledger_zone *zone = &ledger->zones[i];
        uint64_t hash = fold(sim_uuid_hash(&zone->id), (uint64_t)zone->total << 32 | zone->target);
        sum +=
            fold(hash, (uint64_t)zone->closed << 32 ^ zone->reserved ^ (uint64_t)zone->sold << 33);
    }
    for (uint32_t i = 0; i < ledger->block_count; i++)
        sum += fold(sim_uuid_hash(&ledger->blocks[i].id), ledger->blocks[i].active);
    for (uint32_t i = 0; i < ledger->count_count; i++)
        sum += fold(sim_uuid_hash(&ledger->counts[i].user_id),
                    ledger->counts[i].tickets + ((uint64_t)ledger->counts[i].event << 32)) &
               (ledger->counts[i].tickets ? UINT64_MAX : 0);
    return sum;
}
