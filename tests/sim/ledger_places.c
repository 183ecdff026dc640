/* The accountant's zones: who has which place. */
#include "ledger_private.h"

static bool bit_of(const uint32_t *seats, uint32_t count, uint32_t seat)
{
    for (uint32_t i = 0; i < count; i++)
        if (seats[i] == seat)
            return true;
    return false;
}

static uint32_t *owner_at(const struct sim_ledger_zone *zone, uint32_t segment, uint32_t seat)
{
    return &zone->owner[(size_t)segment * zone->seat_count + seat];
}

uint32_t sim_ledger_used(const struct sim_ledger_zone *zone)
{
    uint32_t used = 0;
    for (uint16_t i = 0; i < zone->segments; i++)
        if (zone->taken[i] + zone->kept[i] > used)
            used = zone->taken[i] + zone->kept[i];
    return used;
}

void sim_ledger_drain(struct sim_ledger_zone *zone)
{
    uint32_t used = sim_ledger_used(zone);
    if (zone->total > zone->target)
        zone->total = used > zone->target ? used : zone->target;
}

static const struct sim_ledger_block *active_block(const struct sim_ledger *ledger,
                                                   const struct sim_ledger_booking *booking)
{
    const struct sim_ledger_block *block =
        booking->block ? &ledger->blocks[booking->block - 1] : NULL;
    return block && block->active ? block : NULL;
}

static bool seat_is_free(const struct sim_ledger_zone *zone, uint32_t seat, uint16_t from,
                         uint16_t to)
{
    for (uint16_t i = from; i < to; i++)
        if (*owner_at(zone, i, seat) != 0)
            return false;
    return true;
}

static uint32_t seats_left(const struct sim_ledger *ledger, const struct sim_ledger_zone *zone,
                           const struct sim_ledger_booking *booking)
{
    const struct sim_ledger_block *block = active_block(ledger, booking);
    uint32_t left = 0;

    for (uint32_t seat = 0; seat < zone->seat_count; seat++) {
        bool mine = block ? zone->blocked[seat] == booking->block : zone->blocked[seat] == 0;
        left += mine && seat_is_free(zone, seat, booking->from, booking->to);
    }
    return left;
}

uint32_t sim_ledger_left(const struct sim_ledger *ledger, const struct sim_ledger_booking *booking)
{
    const struct sim_ledger_zone *zone = &ledger->zones[booking->zone];
    const struct sim_ledger_block *block = active_block(ledger, booking);
    uint32_t left = UINT32_MAX;

    if (zone->seated)
        return seats_left(ledger, zone, booking);
    for (uint16_t i = booking->from; i < booking->to; i++) {
        uint32_t here = block ? block->quantity - block->drawn[i]
                              : zone->total - zone->taken[i] - zone->kept[i];
        left = here < left ? here : left;
    }
    return left;
}

static const char *check_seats(struct sim_ledger *ledger, const struct sim_ledger_zone *zone,
                               const struct sim_ledger_booking *booking)
{
    const struct sim_ledger_block *block = active_block(ledger, booking);

    for (uint32_t i = 0; i < booking->seat_count; i++) {
        uint32_t seat = booking->seats[i];
        if (seat >= zone->seat_count || (i > 0 && seat <= booking->seats[i - 1]))
            return sim_ledger_fail(ledger, "seat %u at %u is not a seat in order", seat, i);
        if (!seat_is_free(zone, seat, booking->from, booking->to))
            return sim_ledger_fail(ledger, "I2 seat %u is another's", seat);
        if (zone->blocked[seat] != (block ? booking->block : 0))
            return sim_ledger_fail(ledger, "I2 seat %u is blocked, or not of the allotment", seat);
    }
    return NULL;
}

const char *sim_ledger_place_check(struct sim_ledger *ledger, uint32_t at)
{
    const struct sim_ledger_booking *booking = &ledger->bookings[at];
    const struct sim_ledger_zone *zone = &ledger->zones[booking->zone];

    if (zone->seated)
        return check_seats(ledger, zone, booking);
    uint32_t left = sim_ledger_left(ledger, booking);
    if (left < booking->quantity)
        return sim_ledger_fail(ledger, "I3 %u places wanted, %u left", booking->quantity, left);
    return NULL;
}

void sim_ledger_place(struct sim_ledger *ledger, uint32_t at, int sign)
{
    const struct sim_ledger_booking *booking = &ledger->bookings[at];
    struct sim_ledger_zone *zone = &ledger->zones[booking->zone];
    struct sim_ledger_block *block = booking->block ? &ledger->blocks[booking->block - 1] : NULL;
    uint32_t quantity = sign > 0 ? booking->quantity : 0u - booking->quantity;

    if (booking->status == BOOKING_CONFIRMED)
        zone->sold += quantity;
    else
        zone->reserved += quantity;
    for (uint16_t i = booking->from; i < booking->to; i++) {
        zone->taken[i] += quantity;
        for (uint32_t n = 0; n < booking->seat_count; n++)
            *owner_at(zone, i, booking->seats[n]) = sign > 0 ? at + 1 : 0;
        if (block) {
            block->drawn[i] += quantity;
            if (block->active)
                zone->kept[i] -= quantity;
        }
    }
}

/* --- recounting --- */

static const char *recount_zone(struct sim_ledger *ledger, uint32_t number)
{
    const struct sim_ledger_zone *zone = &ledger->zones[number];
    uint32_t reserved = 0, sold = 0;
    uint32_t taken[CATALOG_SEGMENTS_MAX] = {0}, kept[CATALOG_SEGMENTS_MAX] = {0};

    for (uint32_t i = 0; i < ledger->booking_count; i++) {
        const struct sim_ledger_booking *booking = &ledger->bookings[i];
        if (booking->zone != number || booking->status > BOOKING_CONFIRMED)
            continue;
        *(booking->status == BOOKING_CONFIRMED ? &sold : &reserved) += booking->quantity;
        for (uint16_t s = booking->from; s < booking->to; s++)
            taken[s] += booking->quantity;
    }
    for (uint32_t i = 0; i < ledger->block_count; i++)
        for (uint16_t s = 0; s < zone->segments; s++)
            if (ledger->blocks[i].zone == number && ledger->blocks[i].active)
                kept[s] += ledger->blocks[i].quantity - ledger->blocks[i].drawn[s];
    for (uint16_t s = 0; s < zone->segments; s++)
        if (taken[s] != zone->taken[s] || kept[s] != zone->kept[s] ||
            taken[s] + kept[s] > zone->total)
            return sim_ledger_fail(ledger, "I1 zone %u segment %u: %u taken, %u kept of %u", number,
                                   s, taken[s], kept[s], zone->total);
    if (reserved != zone->reserved || sold != zone->sold)
        return sim_ledger_fail(ledger, "I1 zone %u: %u reserved, %u sold", number, reserved, sold);
    return NULL;
}

static const char *recount_seats(struct sim_ledger *ledger, uint32_t number)
{
    const struct sim_ledger_zone *zone = &ledger->zones[number];

    for (uint32_t segment = 0; segment < zone->segments; segment++)
        for (uint32_t seat = 0; seat < zone->seat_count; seat++) {
            uint32_t owner = *owner_at(zone, segment, seat);
            if (owner == 0)
                continue;
            const struct sim_ledger_booking *booking = &ledger->bookings[owner - 1];
            if (booking->zone != number || booking->status > BOOKING_CONFIRMED ||
                segment < booking->from || segment >= booking->to ||
                !bit_of(booking->seats, booking->seat_count, seat))
                return sim_ledger_fail(ledger, "I2 zone %u seat %u has an owner that has not it",
                                       number, seat);
        }
    return NULL;
}

const char *sim_ledger_recount(struct sim_ledger *ledger)
{
    const char *fault = NULL;

    for (uint32_t i = 0; i < ledger->zone_count && !fault; i++) {
        fault = recount_zone(ledger, i);
        if (!fault && ledger->zones[i].seated)
            fault = recount_seats(ledger, i);
    }
    return fault;
}

const char *sim_ledger_check_limits(struct sim_ledger *ledger)
{
    for (uint32_t i = 0; i < ledger->count_count; i++) {
        const struct sim_ledger_count *count = &ledger->counts[i];
        if (count->tickets > ledger->events[count->event].max_per_user)
            return sim_ledger_fail(ledger, "I4 a user has %u tickets of at most %u", count->tickets,
                                   ledger->events[count->event].max_per_user);
    }
    return NULL;
}

/* --- beside the engine --- */

static const char *compare_zone(struct sim_ledger *ledger, const struct sim_ledger_zone *zone,
                                struct shard *shard)
{
    struct zone_facts facts;
    uint32_t kept = 0, used = sim_ledger_used(zone);

    if (!shard_zone_facts(shard, &zone->id, &facts))
        return sim_ledger_fail(ledger, "the engine does not know a zone");
    for (uint16_t i = 0; i < zone->segments; i++)
        kept = zone->kept[i] > kept ? zone->kept[i] : kept;
    if (facts.total != zone->total || facts.target != zone->target ||
        facts.closed != zone->closed || facts.reserved != zone->reserved ||
        facts.sold != zone->sold || facts.blocked != kept)
        return sim_ledger_fail(
            ledger,
            "I1 engine: %u of %u, %u reserved, %u sold, %u blocked; books: %u of %u, %u, %u, %u",
            facts.total, facts.target, facts.reserved, facts.sold, facts.blocked, zone->total,
            zone->target, zone->reserved, zone->sold, kept);
    struct sim_ledger_booking way = {.zone = (uint32_t)(zone - ledger->zones),
                                     .to = zone->segments};
    uint32_t left = zone->seated ? sim_ledger_left(ledger, &way) : zone->total - used;
    if (facts.available != left)
        return sim_ledger_fail(ledger, "I1 engine: %u available; books: %u", facts.available, left);
    return NULL;
}

static const char *compare_booking(struct sim_ledger *ledger,
                                   const struct sim_ledger_booking *booking, struct shard *shard)
{
    struct booking_facts facts;
    uint32_t seats[RECORD_SEATS_MAX], seat_count;

    if (!shard_booking(shard, &booking->id, 0, &facts, seats, &seat_count))
        return sim_ledger_fail(ledger, "I9 the engine does not know a booking");
    if (facts.status != booking->status || facts.quantity != booking->quantity ||
        facts.expires_ms != booking->deadline_ms || facts.unit_price_minor != booking->price ||
        facts.created_ms != booking->created_ms || facts.pinned != booking->pinned ||
        !uuid_equal(&facts.user_id, &booking->user_id))
        return sim_ledger_fail(ledger, "I13 engine: %s, %u places; books: %s, %u",
                               booking_status_name(facts.status), facts.quantity,
                               booking_status_name(booking->status), booking->quantity);
    if (booking->status <= BOOKING_CONFIRMED &&
        (seat_count != booking->seat_count ||
         memcmp(seats, booking->seats, seat_count * sizeof seats[0]) != 0))
        return sim_ledger_fail(ledger, "I2 a booking's seats are not as in the books");
    return NULL;
}

const char *sim_ledger_compare(struct sim_ledger *ledger, struct shard *const *shards,
                               const struct partition_map *partitions, uint64_t now_ms)
{
    const char *fault = NULL;

    for (uint32_t i = 0; i < ledger->zone_count && !fault; i++)
        fault = compare_zone(ledger, &ledger->zones[i],
                             shards[partition_shard_of(partitions, &ledger->zones[i].id)]);
    for (uint32_t i = 0; i < ledger->booking_count && !fault; i++) {
        const struct sim_ledger_booking *booking = &ledger->bookings[i];
        fault = compare_booking(ledger, booking,
                                shards[partition_shard_of_booking(partitions, &booking->id)]);
    }
    if (!fault && now_ms != 0 && sim_ledger_deadline(ledger) <= now_ms)
        fault = sim_ledger_fail(ledger, "I7 something is due since %llu",
                                (unsigned long long)sim_ledger_deadline(ledger));
    return fault;
}

uint64_t sim_ledger_deadline(const struct sim_ledger *ledger)
{
    uint64_t earliest = UINT64_MAX;

    for (uint32_t i = 0; i < ledger->booking_count; i++) {
        const struct sim_ledger_booking *booking = &ledger->bookings[i];
        if (booking->status == BOOKING_RESERVED && !booking->pinned &&
            booking->deadline_ms < earliest)
            earliest = booking->deadline_ms;
    }
    for (uint32_t i = 0; i < ledger->block_count; i++) {
        const struct sim_ledger_block *block = &ledger->blocks[i];
        if (block->active && block->expires_ms != 0 && block->expires_ms < earliest)
            earliest = block->expires_ms;
    }
    return earliest;
}
