/* Recounting a shard from its bookings and blocks: what the counts, the seat maps
 * and the state's hash must agree with. Memory for the recount is malloc'd (through
 * memory.h) and freed again; nothing is changed. */
#include <string.h>

#include "memory.h"
#include "shard.h"
#include "shard_state.h"

/* Of one zone, from nothing. */
struct recount {
    uint64_t reserved, sold;
    uint64_t *segments; /* reserved, sold and drawn of each, three in a row */
    uint8_t *seats;     /* [segment][seat]: 0, 1 reserved, 2 sold; NULL: a general zone */
};

struct audit {
    const struct shard *shard;
    struct recount *recounts;
    uint32_t *drawn; /* of each block, on its segments, one block behind the other */
    uint32_t *drawn_at;
    struct inquiry_audit *out;
};

static void violation(struct audit *audit, const char *what, const struct uuid *id)
{
    char *text = audit->out->first_violation;
    size_t length = strlen(what);

    if (audit->out->violations++ > 0)
        return;
    memcpy(text, what, length);
    text[length++] = ':';
    text[length++] = ' ';
    uuid_format(id, text + length);
    text[length + UUID_TEXT_LENGTH] = '\0';
}

/* --- counting --- */

static void count_seats(struct audit *audit, const struct booking *booking, struct recount *recount,
                        const struct zone *zone, uint8_t mark)
{
    uint32_t seats[RECORD_SEATS_MAX];
    uint32_t count = booking_seats(&audit->shard->bookings, booking, seats);
    uint32_t zone_seats = seat_map_plan(zone->map)->seat_count;

    if (count != booking->quantity)
        violation(audit, "booking with another number of seats than places", &booking->id);
    for (uint32_t i = 0; i < count; i++) {
        for (uint16_t segment = booking->from_segment; segment < booking->to_segment; segment++) {
            uint8_t *seat = &recount->seats[(size_t)segment * zone_seats + seats[i]];
            if (seats[i] >= zone_seats || *seat != 0) {
                violation(audit, "seat sold twice, by booking", &booking->id);
                return;
            }
            *seat = mark;
        }
    }
}

static void count_booking(struct audit *audit, const struct booking *booking)
{
    const struct shard *shard = audit->shard;
    const struct zone *zone = shard_zone_at(shard, booking->zone);
    struct recount *recount = &audit->recounts[booking->zone];
    bool sold = booking->status == BOOKING_CONFIRMED;
    uint32_t block = booking_block(&shard->bookings, booking);

    if (booking->status != BOOKING_RESERVED && !sold)
        return;
    *(sold ? &recount->sold : &recount->reserved) += booking->quantity;
    for (uint16_t i = booking->from_segment; i < booking->to_segment; i++) {
        recount->segments[3U * i + sold] += booking->quantity;
        if (block != SLAB_NONE && block_at(&shard->blocks, block)->active) {
            recount->segments[3U * i + 2] += booking->quantity;
            audit->drawn[audit->drawn_at[block] + i] += booking->quantity;
        }
    }
    if (zone->map)
        count_seats(audit, booking, recount, zone, sold ? 2 : 1);
}

/* --- comparing --- */

static void compare_segments(struct audit *audit, const struct zone *zone,
                             const struct recount *recount)
{
    for (uint16_t i = 0; i < zone->segment_count; i++) {
        const struct zone_segment *segment = &zone->segments[i];
        uint64_t blocked = 0;
        for (uint32_t at = 0; at < zone->block_count; at++)
            blocked += block_at(&audit->shard->blocks, zone->blocks[at].block)->quantity;
        blocked -= recount->segments[3U * i + 2];
        if (segment->reserved != recount->segments[3U * i] ||
            segment->sold != recount->segments[3U * i + 1] || segment->blocked != blocked)
            violation(audit, "segment counts differ from the zone's bookings", &zone->id);
        if (recount->segments[3U * i] + recount->segments[3U * i + 1] + blocked > zone->total)
            violation(audit, "zone oversold", &zone->id);
    }
}

static bool is_blocked(const struct audit *audit, const struct zone *zone, uint32_t seat)
{
    for (uint32_t i = 0; i < zone->block_count; i++)
        if (block_has_seat(block_at(&audit->shard->blocks, zone->blocks[i].block), seat))
            return true;
    return false;
}

static void compare_map(struct audit *audit, const struct zone *zone, const struct recount *recount)
{
    uint32_t zone_seats = seat_map_plan(zone->map)->seat_count, free_count = 0;
    static const enum seat_state states[] = {SEAT_FREE, SEAT_RESERVED, SEAT_SOLD};

    for (uint32_t seat = 0; seat < zone_seats; seat++) {
        bool blocked = is_blocked(audit, zone, seat), taken = false;
        for (uint16_t i = 0; i < zone->segment_count; i++) {
            uint8_t mark = recount->seats[(size_t)i * zone_seats + seat];
            enum seat_state wanted = mark == 0 && blocked ? SEAT_BLOCKED : states[mark];
            taken = taken || mark != 0;
            if (seat_map_state(zone->map, seat, i, (uint16_t)(i + 1)) != wanted)
                violation(audit, "seat map differs from the zone's bookings", &zone->id);
        }
        free_count += !taken && !blocked;
    }
    if (free_count != seat_map_free_count(zone->map, 0, zone->segment_count))
        violation(audit, "free seats differ from the seat map", &zone->id);
}

static void compare_zone(struct audit *audit, const struct zone *zone,
                         const struct recount *recount)
{
    if (recount->reserved != zone->reserved || recount->sold != zone->sold)
        violation(audit, "zone counters differ from its bookings", &zone->id);
    compare_segments(audit, zone, recount);
    if (zone->map)
        compare_map(audit, zone, recount);
    if (zone->total != zone->target && zone->total != zone_used(zone))
        violation(audit, "a drain holds more than is used", &zone->id);
}

static void compare_blocks(struct audit *audit)
{
    const struct block_table *blocks = &audit->shard->blocks;

    for (uint32_t slot = 0; slot < blocks->blocks.used; slot++) {
        const struct block *block = block_at(blocks, slot);
        if (block->active && memcmp(block->drawn, audit->drawn + audit->drawn_at[slot],
                                    block->segment_count * sizeof block->drawn[0]) != 0)
            violation(audit, "what is drawn from a block differs from its bookings", &block->id);
    }
}

/* --- the whole --- */

static bool make_recounts(struct audit *audit)
{
    const struct shard *shard = audit->shard;
    bool made = true;

    audit->recounts = memory_new((shard->zones.used + 1) * sizeof audit->recounts[0]);
    for (uint32_t i = 0; audit->recounts && i < shard->zones.used; i++) {
        const struct zone *zone = shard_zone_at(shard, i);
        struct recount *recount = &audit->recounts[i];
        recount->segments = memory_new(3U * zone->segment_count * sizeof recount->segments[0]);
        made = made && recount->segments;
        if (!zone->map)
            continue;
        recount->seats =
            memory_new((size_t)zone->segment_count * seat_map_plan(zone->map)->seat_count);
        made = made && recount->seats;
    }
    return audit->recounts && made;
}

static bool make_drawn(struct audit *audit)
{
    const struct block_table *blocks = &audit->shard->blocks;
    uint32_t at = 0;

    audit->drawn_at = memory_new((blocks->blocks.used + 1) * sizeof audit->drawn_at[0]);
    for (uint32_t i = 0; audit->drawn_at && i < blocks->blocks.used; i++) {
        audit->drawn_at[i] = at;
        at += block_at(blocks, i)->segment_count;
    }
    audit->drawn = memory_new((at + 1) * sizeof audit->drawn[0]);
    return audit->drawn_at && audit->drawn;
}

static void free_recounts(struct audit *audit)
{
    for (uint32_t i = 0; audit->recounts && i < audit->shard->zones.used; i++) {
        memory_free(audit->recounts[i].segments);
        memory_free(audit->recounts[i].seats);
    }
    memory_free(audit->recounts);
    memory_free(audit->drawn);
    memory_free(audit->drawn_at);
}

/* The parts of shard_zone_hash, each against what it is a sum of. */
static bool are_hashes_kept(const struct shard *shard)
{
    uint64_t bookings = 0, blocks = 0, zones = 0;

    for (uint32_t slot = 0; slot < shard->bookings.bookings.used; slot++)
        bookings += booking_state_hash(&shard->bookings, slot);
    for (uint32_t slot = 0; slot < shard->blocks.blocks.used; slot++)
        blocks += block_state_hash(block_at(&shard->blocks, slot));
    for (uint32_t number = 0; number < shard->zones.used; number++) {
        const struct zone *zone = shard_zone_at(shard, number);
        zones += zone->state_hash;
        if (!zone->hash_outdated && zone->state_hash != zone_state_hash(zone))
            return false;
    }
    return bookings == shard->bookings.state_hash && blocks == shard->blocks.state_hash &&
           zones == shard->zones_hash;
}

static void compare_all(struct audit *audit)
{
    static const struct uuid none;
    const struct shard *shard = audit->shard;

    for (uint32_t slot = 0; slot < shard->bookings.bookings.used; slot++)
        count_booking(audit, booking_at(&shard->bookings, slot));
    for (uint32_t number = 0; number < shard->zones.used; number++)
        compare_zone(audit, shard_zone_at(shard, number), &audit->recounts[number]);
    compare_blocks(audit);
    if (!are_hashes_kept(shard))
        violation(audit, "the state's hash differs from the state", &none);
}

void shard_audit(const struct shard *shard, struct inquiry_audit *out)
{
    static const struct uuid none;
    struct audit audit = {.shard = shard, .out = out};

    *out = (struct inquiry_audit){.zones = shard->zones.live,
                                  .bookings = shard->bookings.bookings.live};
    if (make_recounts(&audit) && make_drawn(&audit))
        compare_all(&audit);
    else
        violation(&audit, "no memory for the audit", &none);
    free_recounts(&audit);
}

uint64_t shard_state_hash(const struct shard *shard)
{
    uint64_t sum = 0;

    for (uint32_t slot = 0; slot < shard->bookings.bookings.used; slot++)
        sum += booking_state_hash(&shard->bookings, slot);
    for (uint32_t slot = 0; slot < shard->blocks.blocks.used; slot++)
        sum += block_state_hash(block_at(&shard->blocks, slot));
    for (uint32_t number = 0; number < shard->zones.used; number++)
        sum += zone_state_hash(shard_zone_at(shard, number));
    return sum;
}
