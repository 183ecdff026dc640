/* What a client sees of an answer, as a number. */
#include "clients.h"

static uint64_t fold(uint64_t hash, uint64_t value)
{
    return sim_mix(hash ^ (value + 0x9e3779b97f4a7c15u));
}

static uint64_t of_booking(uint64_t hash, const struct booking_facts *booking)
{
    hash = fold(hash, sim_uuid_hash(&booking->booking_id));
    hash = fold(hash, sim_uuid_hash(&booking->user_id));
    hash = fold(hash, sim_uuid_hash(&booking->zone_id));
    hash = fold(hash, (uint64_t)booking->status << 32 | booking->quantity);
    hash = fold(hash, (uint64_t)booking->unit_price_minor);
    hash = fold(hash, booking->created_ms);
    hash = fold(hash, booking->expires_ms);
    hash = fold(hash, booking->changed_ms);
    return fold(hash, (uint64_t)booking->from_segment << 48 ^ (uint64_t)booking->to_segment << 32 ^
                          booking->remaining);
}

static uint64_t of_refusal(uint64_t hash, const struct refusal_detail *refusal)
{
    hash = fold(hash, (uint64_t)refusal->requested << 32 | refusal->available);
    hash = fold(hash, (uint64_t)refusal->limit << 32 | refusal->held);
    hash = fold(hash, refusal->at_ms);
    hash = fold(hash, (uint64_t)refusal->price_minor);
    return fold(hash, (uint64_t)refusal->status << 32 | refusal->together);
}

static uint64_t of_block(uint64_t hash, const struct block_facts *block)
{
    hash = fold(hash, sim_uuid_hash(&block->block_id));
    hash = fold(hash, (uint64_t)block->quantity << 32 | (uint64_t)block->kind << 1 | block->active);
    hash = fold(hash, block->created_ms);
    hash = fold(hash, block->expires_ms);
    for (uint32_t i = 0; i < block->seat_count; i++)
        hash = fold(hash, block->seats[i]);
    return hash;
}

static uint64_t of_zone(uint64_t hash, const struct zone_facts *zone)
{
    hash = fold(hash, sim_uuid_hash(&zone->zone_id));
    hash = fold(hash, (uint64_t)zone->total << 32 | zone->target);
    hash = fold(hash, (uint64_t)zone->available << 32 | zone->reserved);
    return fold(hash, (uint64_t)zone->sold << 33 ^ (uint64_t)zone->blocked << 1 ^ zone->closed);
}

static uint64_t of_order(uint64_t hash, const struct order_facts *order)
{
    hash = fold(hash, sim_uuid_hash(&order->order_id));
    hash = fold(hash, (uint64_t)order->status << 32 | order->count);
    for (uint32_t i = 0; i < order->count; i++) {
        hash = of_booking(hash, &order->items[i].booking);
        for (uint32_t s = 0; s < order->items[i].seat_count; s++)
            hash = fold(hash, order->items[i].seats[s]);
    }
    return hash;
}

static uint64_t of_facts(uint64_t hash, const struct answer *answer)
{
    switch (answer->kind) {
    case COMMAND_BOOKING_LIST:
        hash = fold(hash, answer->list->total);
        for (uint32_t i = 0; i < answer->list->count; i++)
            hash = of_booking(hash, &answer->list->items[i].facts);
        return hash;
    case COMMAND_BOOKING_SUMMARY:
        hash = fold(hash, (uint64_t)answer->summary.limit << 32 | answer->summary.reserved);
        return fold(hash, (uint64_t)answer->summary.confirmed << 32 | answer->summary.bookings);
    case COMMAND_EVENT_CREATE:
    case COMMAND_EVENT_STATUS:
    case COMMAND_EVENT_SALE:
        hash = fold(hash, sim_uuid_hash(&answer->event->id));
        hash = fold(hash, (uint64_t)answer->event->status << 1 | answer->event->sale_closed);
        return fold(hash, answer->event->updated_ms);
    case COMMAND_SHOW_CREATE:
        return fold(hash, sim_uuid_hash(&answer->show->id));
    case COMMAND_ZONE_CREATE:
        return fold(hash, sim_uuid_hash(&answer->zone->id));
    case COMMAND_STATION_CREATE:
        return fold(hash, sim_uuid_hash(&answer->station->id));
    case COMMAND_ROUTE_CREATE:
        return fold(hash, sim_uuid_hash(&answer->route->id));
    case COMMAND_BLOCK_CREATE:
    case COMMAND_BLOCK_END:
        return of_block(hash, answer->block);
    case COMMAND_BLOCK_LIST:
        for (uint32_t i = 0; i < answer->blocks->count; i++)
            hash = of_block(hash, answer->blocks->items[i]);
        return hash;
    case COMMAND_CAPACITY:
    case COMMAND_ZONE_SALE:
        return of_zone(hash, &answer->zone_facts);
    case COMMAND_SEAT_MAP:
        for (uint32_t i = 0; i < answer->seat_states->length; i++)
            hash = fold(hash, answer->seat_states->states[i]);
        return fold(hash, answer->seat_states->changes);
    case COMMAND_ORDER_CREATE:
    case COMMAND_ORDER_CONFIRM:
    case COMMAND_ORDER_CANCEL:
    case COMMAND_ORDER_GET:
        return of_order(hash, answer->order);
    default:
        return of_booking(hash, &answer->booking);
    }
}

uint64_t sim_answer_digest(const struct answer *answer)
{
    uint64_t hash = fold((uint64_t)answer->kind << 8, answer->result);

    hash =
        answer->result == RESULT_OK ? of_facts(hash, answer) : of_refusal(hash, &answer->refusal);
    for (uint32_t i = 0; i < answer->seat_count; i++)
        hash = fold(hash, answer->seats[i]);
    return hash;
}
