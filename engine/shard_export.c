#include "shard_export.h"

#include <string.h>

#include "hash.h"
#include "shard_state.h"

/* --- zone role --- */

uint32_t shard_export_zone_count(const struct shard *shard)
{
    return shard->zones.used;
}

void shard_export_zone(const struct shard *shard, uint32_t number, struct shard_zone_state *out)
{
    const struct zone *zone = shard_zone_at(shard, number);

    *out = (struct shard_zone_state){.id = zone->id,
                                     .total = zone->total,
                                     .target = zone->target,
                                     .changes = zone->changes,
                                     .closed = zone->closed};
}

uint32_t shard_export_block_count(const struct shard *shard)
{
    return shard->blocks.blocks.used;
}

bool shard_export_block(const struct shard *shard, uint32_t slot, struct shard_block_state *out)
{
    const struct block *block = block_at(&shard->blocks, slot);

    if (!block->drawn) /* given back: it was never made */
        return false;
    *out = (struct shard_block_state){.record = {.block_id = block->id,
                                                 .zone_id = shard_zone_at(shard, block->zone)->id,
                                                 .kind = (enum block_kind)block->kind,
                                                 .cause = CAUSE_CREATED,
                                                 .quantity = block->quantity,
                                                 .expires_ms = block->expires_ms,
                                                 .owner_id = block->owner_id,
                                                 .reason = block->reason,
                                                 .seat_count = block->seat_count,
                                                 .seats = block->seats},
                                      .zone = block->zone,
                                      .created_ms = block->created_ms,
                                      .active = block->active};
    memcpy(out->record.key_digest, block->key_digest, sizeof block->key_digest);
    return true;
}

uint32_t shard_export_booking_count(const struct shard *shard)
{
    return shard->bookings.bookings.used;
}

static void export_extra(const struct shard *shard, const struct booking *booking,
                         struct shard_booking_state *out)
{
    const struct booking_table *table = &shard->bookings;
    const struct booking_extra *extra = booking_extra(table, booking);

    if (!extra)
        return;
    out->pinned = extra->pinned;
    out->seat_count = booking_seats(table, booking, out->seats);
    if (extra->reserver != SLAB_NONE)
        out->reserver_id =
            ((const struct booking_user *)slab_at(&table->users, extra->reserver))->id;
    if (extra->block != SLAB_NONE)
        out->block_id = block_at(&shard->blocks, extra->block)->id;
    const struct booking_order *order = booking_order(table, booking);
    if (!order)
        return;
    out->order = order->part;
    out->pinned_by = order->pinned_by;
    out->exchanged_from = order->exchanged_from;
}

bool shard_export_booking(const struct shard *shard, uint32_t slot, struct shard_booking_state *out)
{
    const struct booking *booking = booking_at(&shard->bookings, slot);

    *out = (struct shard_booking_state){.id = booking->id,
                                        .user_id = *booking_user_id(&shard->bookings, booking),
                                        .zone = booking->zone,
                                        .status = (enum booking_status)booking->status,
                                        .quantity = booking->quantity,
                                        .ttl_ms = booking->ttl_ms,
                                        .from_segment = booking->from_segment,
                                        .to_segment = booking->to_segment,
                                        .unit_price_minor = booking->unit_price_minor,
                                        .changed_after_ms = (uint64_t)booking->changed_after_ms_high
                                                                << 32 |
                                                            booking->changed_after_ms_low};
    export_extra(shard, booking, out);
    return true;
}

/* --- home role --- */

static const enum shard_key_kind kinds[] = {
    [IDEMPOTENCY_BOOKING] = SHARD_KEY_BOOKING, [IDEMPOTENCY_ANSWER] = SHARD_KEY_ANSWER,
    [IDEMPOTENCY_EVENT] = SHARD_KEY_EVENT,     [IDEMPOTENCY_SHOW] = SHARD_KEY_SHOW,
    [IDEMPOTENCY_ZONE] = SHARD_KEY_ZONE,       [IDEMPOTENCY_STATION] = SHARD_KEY_STATION,
    [IDEMPOTENCY_ROUTE] = SHARD_KEY_ROUTE};

static void export_entry(const struct idempotency_table *table,
                         const struct idempotency_entry *entry, uint8_t *answer,
                         struct shard_key_state *out)
{
    *out = (struct shard_key_state){.key = {entry->hash, entry->fingerprint},
                                    .kind = kinds[entry->state],
                                    .made_by = (enum command_kind)entry->made_by,
                                    .accepted_ms = entry->accepted_ms,
                                    .quantity = entry->quantity,
                                    .ttl_ms = entry->ttl_ms,
                                    .remaining = entry->remaining};
    if (entry->state == IDEMPOTENCY_BOOKING) {
        out->booking_id = entry->booking_id;
    } else if (entry->state == IDEMPOTENCY_ANSWER) {
        out->answer = answer;
        out->answer_length = answer_memory_read(&table->answers, entry->answer, answer);
    } else {
        out->event = entry->event; /* all are one pointer */
    }
}

/* The next in the order of acceptance. SLAB_NONE: none. */
static uint32_t newer_of(const struct idempotency_table *table, uint32_t slot)
{
    const struct idempotency_entry *entry = slab_at(&table->entries, slot);
    return slot == table->newest ? SLAB_NONE : entry->newer;
}

/* *at is the entry's slot + 1. */
bool shard_export_key(const struct shard *shard, uint64_t now_ms, uint32_t *at, uint8_t *answer,
                      struct shard_key_state *out)
{
    const struct idempotency_table *table = &shard->keys;
    uint32_t slot = *at == 0 ? table->oldest : newer_of(table, *at - 1);

    for (; slot != SLAB_NONE; slot = newer_of(table, slot)) {
        const struct idempotency_entry *entry = slab_at(&table->entries, slot);
        if (entry->hash == 0 || entry->state == IDEMPOTENCY_PENDING ||
            now_ms >= entry->accepted_ms + table->keep_ms)
            continue;
        export_entry(table, entry, answer, out);
        *at = slot + 1;
        return true;
    }
    return false;
}

uint32_t shard_export_order_count(const struct shard *shard)
{
    return shard->orders.orders.used;
}

const struct order *shard_export_order(const struct shard *shard, uint32_t slot)
{
    const struct order *order = slab_at(&shard->orders.orders, slot);

    return order_find(&shard->orders, &order->id) == order ? order : NULL;
}

static uint64_t hash_of_order(const struct order *order)
{
    uint64_t words[] = {hash_uuid(&order->id),
                        hash_uuid(&order->user_id),
                        (uint64_t)order->state << 32 | (uint64_t)order->count << 24 |
                            (uint64_t)order->known << 16 | (uint64_t)order->kind << 8 | order->end,
                        (uint64_t)order->posted << 1 | order->voided,
                        order->expires_ms,
                        order->decided_ms,
                        order->create_key.hash,
                        order->end_key.hash,
                        0};

    for (uint8_t i = 0; i < order->count; i++)
        words[8] = words[8] * 31 + hash_uuid(&order->bookings[i]);
    return hash_bytes(words, sizeof words);
}

static uint64_t hash_of_object(const struct shard_key_state *state)
{
    switch (state->kind) {
    case SHARD_KEY_BOOKING:
        return hash_uuid(&state->booking_id);
    case SHARD_KEY_ANSWER:
        return hash_bytes(state->answer, state->answer_length);
    case SHARD_KEY_EVENT:
        return hash_uuid(&state->event->id) ^ state->event->updated_ms;
    case SHARD_KEY_SHOW:
        return hash_uuid(&state->show->id) ^ state->show->updated_ms;
    case SHARD_KEY_ZONE:
        return hash_uuid(&state->zone->id) ^ state->zone->updated_ms;
    case SHARD_KEY_STATION:
        return hash_uuid(&state->station->id);
    case SHARD_KEY_ROUTE:
        return hash_uuid(&state->route->id);
    }
    return 0;
}

static uint64_t hash_of_key(const struct shard_key_state *state)
{
    uint64_t words[] = {state->key.hash,       state->key.fingerprint,
                        (uint64_t)state->kind, (uint64_t)state->made_by,
                        state->accepted_ms,    state->quantity,
                        state->ttl_ms,         state->remaining,
                        hash_of_object(state)};
    return hash_bytes(words, sizeof words);
}

uint64_t shard_home_hash(const struct shard *shard, uint64_t now_ms)
{
    struct shard_key_state state;
    uint8_t answer[ANSWER_MEMORY_BYTES_MAX];
    uint64_t sum = 0;

    for (uint32_t at = 0; shard_export_key(shard, now_ms, &at, answer, &state);)
        sum += hash_of_key(&state);
    for (uint32_t slot = 0; slot < shard->orders.orders.used; slot++) {
        const struct order *order = shard_export_order(shard, slot);
        sum += order ? hash_of_order(order) : 0;
    }
    for (uint32_t slot = 0; slot < shard->quotas.entries.used; slot++) {
        const struct quota_entry *entry = slab_at(&shard->quotas.entries, slot);
        /* A freed entry's first bytes are a link: only counted ones are looked at. */
        if (entry->tickets == 0)
            continue;
        const struct catalog_event *event = catalog_event_by_number(shard->catalog, entry->event);
        uint64_t words[] = {hash_uuid(&entry->user_id), hash_uuid(&event->id), entry->tickets};
        sum += hash_bytes(words, sizeof words);
    }
    return sum;
}
