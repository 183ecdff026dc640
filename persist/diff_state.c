#include "diff_state.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "../engine/block.h"
#include "../engine/command.h"
#include "../engine/memory.h"
#include "replay_record.h"

enum { DIFF_BOOKINGS_MIN = 4096, DIFF_BOOKINGS_MAX = 1 << 28 };

static uint64_t id_hash(const struct uuid *id)
{
    return XXH3_64bits(id->bytes, sizeof id->bytes);
}

static uint64_t hash_of(const void *table, uint32_t slot)
{
    const struct diff_state *state = table;
    return id_hash(&state->bookings[slot].id);
}

static bool match(const void *table, uint32_t slot, const void *key)
{
    const struct diff_state *state = table;
    return uuid_equal(&state->bookings[slot].id, key);
}

static uint64_t block_hash_of(const void *table, uint32_t slot)
{
    const struct diff_state *state = table;
    return id_hash(&state->blocks[slot].id);
}

static bool block_match(const void *table, uint32_t slot, const void *key)
{
    const struct diff_state *state = table;
    return uuid_equal(&state->blocks[slot].id, key);
}

bool diff_state_init(struct diff_state *state, uint32_t max_per_order)
{
    *state = (struct diff_state){0};
    replay_buffer_init(&state->seats);
    replay_buffer_init(&state->scratch.text);
    return replay_fold_init(&state->fold, max_per_order) && diff_kept_init(&state->kept) &&
           hash_index_init(&state->by_id, DIFF_BOOKINGS_MAX, state, match, hash_of) &&
           hash_index_init(&state->by_block, BLOCKS_MAX, state, block_match, block_hash_of);
}

void diff_state_release(struct diff_state *state)
{
    hash_index_release(&state->by_id);
    hash_index_release(&state->by_block);
    replay_fold_release(&state->fold);
    diff_kept_release(&state->kept);
    replay_buffer_release(&state->seats);
    replay_buffer_release(&state->scratch.text);
    free(state->bookings);
    free(state->blocks);
    free(state->segments);
    state->bookings = NULL;
    state->blocks = NULL;
    state->segments = NULL;
}

/* --- folding --- */

static void keep_seats(struct diff_state *state, struct diff_booking *booking,
                       const uint32_t *seats, uint32_t count)
{
    if (count == 0)
        return;
    booking->seats_at = state->seats.length;
    booking->seat_count = count;
    replay_buffer_append(&state->seats, seats, count * sizeof *seats);
}

static const uint32_t *booking_seats(const struct diff_state *state,
                                     const struct diff_booking *booking)
{
    return booking->seat_count == 0
               ? NULL
               : (const uint32_t *)(const void *)(state->seats.bytes + booking->seats_at);
}

bool diff_state_add_booking(struct diff_state *state, const struct diff_booking *booking,
                            const uint32_t *seats, uint32_t seat_count)
{
    if (state->booking_count == state->booking_capacity) {
        const uint32_t capacity =
            state->booking_capacity > 0 ? state->booking_capacity * 2 : DIFF_BOOKINGS_MIN;
        if (capacity > DIFF_BOOKINGS_MAX)
            return false;
        struct diff_booking *bookings = realloc(state->bookings, capacity * sizeof *bookings);
        if (bookings == NULL)
            return false;
        state->bookings = bookings;
        state->booking_capacity = capacity;
    }
    const uint32_t slot = state->booking_count;
    state->bookings[slot] = *booking;
    keep_seats(state, &state->bookings[slot], seats, seat_count);
    if (state->seats.failed || !hash_index_insert(&state->by_id, hash_of(state, slot), slot))
        return false;
    state->booking_count++;
    return true;
}

static bool remember(struct diff_state *state, uint32_t epoch, uint16_t shard,
                     const struct record *record)
{
    const struct diff_booking booking = {.id = record->reserved.booking_id,
                                         .key_hash = record->key.hash,
                                         .sequence = record->sequence,
                                         .epoch = epoch,
                                         .shard = shard,
                                         .updated_ms = record->stamp_ms,
                                         .block_id = record->reserved.block_id,
                                         .order_id = record->reserved.order.id,
                                         .order_item = record->reserved.order.item,
                                         .from_segment = record->reserved.from_segment,
                                         .to_segment = record->reserved.to_segment};
    return diff_state_add_booking(state, &booking, record->reserved.seats,
                                  record->reserved.seat_count);
}

static void note_update(struct diff_booking *booking, const struct record *record)
{
    booking->updated_ms = record->stamp_ms;
    booking->updated_unknown = false;
}

/* The fold has found them all there. */
static void note_expired(struct diff_state *state, const struct record *record)
{
    for (uint32_t i = 0; i < record->expired.count; i++) {
        const struct uuid *id = &record->expired.items[i].booking_id;
        const uint32_t slot = hash_index_find(&state->by_id, id_hash(id), id);
        if (slot != HASH_INDEX_MISSING)
            note_update(&state->bookings[slot], record);
    }
}

/* A booking's record other than its first and its expiry. */
static enum shard_replay_result note_step(struct diff_state *state, const struct record *record)
{
    const bool settled = record->kind != RECORD_CHANGED;
    const struct uuid *id = settled ? &record->settled.booking_id : &record->changed.booking_id;
    const uint32_t slot = hash_index_find(&state->by_id, id_hash(id), id);
    if (slot == HASH_INDEX_MISSING)
        return SHARD_REPLAY_UNKNOWN_BOOKING;
    const struct uuid *payment_id =
        settled ? &record->settled.payment_id : &record->changed.payment_id;
    const bool confirmed =
        settled ? record->kind == RECORD_CONFIRMED : record->changed.status == BOOKING_CONFIRMED;
    struct diff_booking *booking = &state->bookings[slot];
    note_update(booking, record);
    if (!uuid_is_nil(payment_id))
        booking->payment_id = *payment_id;
    if (confirmed && booking->confirmed_ms == 0)
        booking->confirmed_ms = record->stamp_ms;
    if (settled)
        return SHARD_REPLAY_OK;
    booking->order_id = record->changed.order.id;
    booking->order_item = record->changed.order.item;
    keep_seats(state, booking, record->changed.seats, record->changed.seat_count);
    return state->seats.failed ? SHARD_REPLAY_OUT_OF_MEMORY : SHARD_REPLAY_OK;
}

static bool keep_change(struct diff_state *state, uint32_t epoch, uint16_t shard,
                        const struct record *record)
{
    const struct record_changed *changed = &record->changed;
    const struct catalog_zone *zone =
        catalog_zone(shard_catalog(state->fold.shard), &changed->zone_id);
    const struct diff_key key = {changed->booking_id, record->sequence};
    struct diff_row *row = &state->scratch;
    diff_row_reset(row);
    diff_field_string(row, replay_cause_name(changed->cause));
    diff_field_time(row, record->stamp_ms);
    diff_field_uuid(row, &record->actor.id);
    diff_field_string(row, replay_role_name(record->actor.role));
    diff_field_string(row, booking_status_name(changed->status));
    diff_field_uuid(row, &changed->user_id);
    diff_field_uuid(row, &changed->previous_user_id);
    diff_field_number(row, changed->quantity);
    diff_field_number(row, changed->previous_quantity);
    diff_field_amount(row, changed->unit_price_minor, zone->currency);
    diff_field_string(row, zone->currency);
    diff_field_integers(row, changed->seats, changed->seat_count);
    diff_field_number(row, epoch);
    diff_field_number(row, shard);
    return diff_kept_put(&state->kept, DIFF_BOOKING_CHANGES, &key, row);
}

static bool keep_order(struct diff_state *state, const struct record *record)
{
    const struct record_order *order = &record->order;
    const struct diff_key key = {order->order_id, 0};
    struct diff_row *row = &state->scratch;
    diff_row_reset(row);
    diff_field_uuid(row, &order->user_id);
    diff_field_string(row, order->kind == ORDER_EXCHANGE ? "exchange" : "confirm");
    diff_field_string(row, order->decision == ORDER_POSTED ? "posted" : "voided");
    diff_field_uuid(row, &order->payment_id);
    diff_field_uuids(row, order->bookings, order->count);
    diff_field_time(row, record->stamp_ms);
    return diff_kept_put(&state->kept, DIFF_ORDERS, &key, row);
}

static struct diff_block *find_block(const struct diff_state *state, const struct uuid *id)
{
    const uint32_t slot = hash_index_find(&state->by_block, id_hash(id), id);
    return slot == HASH_INDEX_MISSING ? NULL : &state->blocks[slot];
}

bool diff_state_add_block(struct diff_state *state, const struct diff_block *block)
{
    if (state->block_count == state->block_capacity) {
        const uint32_t capacity = state->block_capacity > 0 ? state->block_capacity * 2 : 64;
        struct diff_block *blocks = realloc(state->blocks, capacity * sizeof *blocks);
        if (blocks == NULL)
            return false;
        state->blocks = blocks;
        state->block_capacity = capacity;
    }
    const uint32_t slot = state->block_count;
    assert(state->blocks != NULL);
    state->blocks[slot] = *block;
    if (!hash_index_insert(&state->by_block, block_hash_of(state, slot), slot))
        return false;
    state->block_count++;
    return true;
}

static bool keep_block(struct diff_state *state, const struct record *record)
{
    struct diff_block *known = find_block(state, &record->block.block_id);
    if (known == NULL)
        return diff_state_add_block(state, &(struct diff_block){.id = record->block.block_id});
    known->ended_ms = record->stamp_ms;
    known->end_cause = record->block.cause;
    return true;
}

enum shard_replay_result diff_state_apply(struct diff_state *state, uint32_t epoch, uint16_t shard,
                                          const struct record *record)
{
    const enum shard_replay_result result = replay_fold_apply(&state->fold, record);
    if (result != SHARD_REPLAY_OK)
        return result;
    bool kept = true;
    switch ((int)record->kind) {
    case RECORD_RESERVED:
        kept = remember(state, epoch, shard, record);
        break;
    case RECORD_EXPIRED:
        note_expired(state, record);
        break;
    case RECORD_CONFIRMED:
    case RECORD_CANCELLED:
        return note_step(state, record);
    case RECORD_CHANGED:
        kept = keep_change(state, epoch, shard, record);
        return kept ? note_step(state, record) : SHARD_REPLAY_OUT_OF_MEMORY;
    case RECORD_BLOCK:
        kept = keep_block(state, record);
        break;
    case RECORD_ORDER:
        kept = keep_order(state, record);
        break;
    default:
        break;
    }
    return kept ? SHARD_REPLAY_OK : SHARD_REPLAY_OUT_OF_MEMORY;
}

/* --- counting --- */

/* False: unknown, or it has ended. The texts and seats of the facts are gone. */
static bool block_places(const struct diff_state *state, const struct uuid *block_id,
                         struct block_facts *facts)
{
    struct block_facts *found = shard_block(state->fold.shard, block_id);
    if (found == NULL)
        return false;
    *facts = *found;
    memory_free(found);
    return facts->active;
}

static void count_booking(struct diff_state *state, const struct diff_booking *booking)
{
    struct booking_facts facts;
    struct block_facts block;
    uint32_t seat_count;
    if (!shard_booking(state->fold.shard, &booking->id, 0, &facts, NULL, &seat_count) ||
        (facts.status != BOOKING_RESERVED && facts.status != BOOKING_CONFIRMED))
        return;
    struct diff_segments *segments = diff_segments_of(state, &facts.zone_id);
    if (segments == NULL)
        return;
    const bool drawn =
        !uuid_is_nil(&booking->block_id) && block_places(state, &booking->block_id, &block);
    for (uint32_t i = booking->from_segment; i < booking->to_segment && i < segments->count; i++) {
        if (facts.status == BOOKING_RESERVED)
            segments->reserved[i] += facts.quantity;
        else
            segments->sold[i] += facts.quantity;
        if (drawn)
            segments->blocked[i] -= facts.quantity;
    }
}

bool diff_state_count(struct diff_state *state)
{
    if (!diff_segments_count(state))
        return false;
    for (uint32_t n = 0; n < state->block_count; n++) {
        struct block_facts block;
        if (!block_places(state, &state->blocks[n].id, &block))
            continue;
        struct diff_segments *segments = diff_segments_of(state, &block.zone_id);
        for (uint32_t i = 0; segments != NULL && i < segments->count; i++)
            segments->blocked[i] += block.quantity;
    }
    for (uint32_t i = 0; i < state->booking_count; i++)
        count_booking(state, &state->bookings[i]);
    return true;
}

/* --- rows --- */

/* Nothing follows the end of a booking. */
static void end_field(struct diff_row *row, const struct diff_booking *booking,
                      enum booking_status now, enum booking_status end)
{
    diff_field_time(row, now == end ? booking->updated_ms : 0);
}

/* A snapshot no longer knows the order of an exchange that is done. */
static void order_fields(struct diff_row *row, const struct diff_booking *booking)
{
    const bool none = uuid_is_nil(&booking->order_id);
    if (none && booking->from_snapshot) {
        diff_field_unknown(row);
        diff_field_unknown(row);
        return;
    }
    diff_field_uuid(row, &booking->order_id);
    if (none)
        diff_field_null(row);
    else
        diff_field_number(row, booking->order_item);
}

/* Its key, and where the log has the reservation. */
static void origin_fields(struct diff_row *row, const struct diff_booking *booking)
{
    if (booking->from_snapshot) {
        for (int i = 0; i < 4; i++)
            diff_field_unknown(row);
        return;
    }
    if (booking->key_hash == 0)
        diff_field_null(row);
    else
        diff_field_number(row, (int64_t)booking->key_hash);
    diff_field_number(row, booking->epoch);
    diff_field_number(row, booking->shard);
    diff_field_number(row, (int64_t)booking->sequence);
}

static bool booking_row(struct diff_state *state, const struct diff_key *key, struct diff_row *row)
{
    struct booking_facts facts;
    uint32_t seat_count;
    const uint32_t slot = hash_index_find(&state->by_id, id_hash(&key->id), &key->id);
    if (slot == HASH_INDEX_MISSING ||
        !shard_booking(state->fold.shard, &key->id, 0, &facts, NULL, &seat_count))
        return false;
    struct diff_booking *booking = &state->bookings[slot];
    booking->seen = true;
    const struct catalog_zone *zone =
        catalog_zone(shard_catalog(state->fold.shard), &facts.zone_id);
    diff_field_uuid(row, &facts.user_id);
    diff_field_uuid(row, &zone->event_id);
    diff_field_uuid(row, &zone->show_id);
    diff_field_uuid(row, &facts.zone_id);
    diff_field_number(row, facts.quantity);
    diff_field_number(row, booking->from_segment);
    diff_field_number(row, booking->to_segment);
    diff_field_amount(row, facts.unit_price_minor, zone->currency);
    diff_field_amount(row, (replay_minor)facts.unit_price_minor * facts.quantity, zone->currency);
    diff_field_string(row, zone->currency);
    diff_field_string(row, booking_status_name(facts.status));
    if (booking->from_snapshot && uuid_is_nil(&booking->payment_id))
        diff_field_unknown(row);
    else
        diff_field_uuid(row, &booking->payment_id);
    diff_field_time(row, facts.created_ms);
    diff_field_time(row, facts.created_ms);
    diff_field_time(row, facts.expires_ms);
    if (booking->from_snapshot && booking->confirmed_ms == 0)
        diff_field_unknown(row);
    else
        diff_field_time(row, booking->confirmed_ms);
    end_field(row, booking, facts.status, BOOKING_CANCELLED);
    end_field(row, booking, facts.status, BOOKING_EXPIRED);
    end_field(row, booking, facts.status, BOOKING_REFUNDED);
    diff_field_uuid(row, &booking->block_id);
    order_fields(row, booking);
    diff_field_integers(row, booking_seats(state, booking), booking->seat_count);
    if (booking->updated_unknown)
        diff_field_unknown(row);
    else
        diff_field_time(row, booking->updated_ms);
    origin_fields(row, booking);
    return true;
}

static bool block_row(const struct diff_state *state, const struct diff_key *key,
                      struct diff_row *row)
{
    const struct diff_block *block = find_block(state, &key->id);
    struct block_facts *facts = shard_block(state->fold.shard, &key->id);
    if (block == NULL || facts == NULL) {
        memory_free(facts);
        return false;
    }
    diff_field_uuid(row, &facts->zone_id);
    diff_field_string(row, replay_block_kind_name(facts->kind));
    diff_field_number(row, facts->quantity);
    diff_field_uuid(row, &facts->owner_id);
    diff_field_text_or_null(row, &facts->reason);
    diff_field_integers(row, facts->seats, facts->seat_count);
    diff_field_time(row, facts->expires_ms);
    diff_field_time(row, facts->created_ms);
    if (block->end_unknown)
        diff_field_unknown(row);
    else
        diff_field_time(row, block->ended_ms);
    if (block->end_unknown)
        diff_field_unknown(row);
    else if (facts->active)
        diff_field_null(row);
    else
        diff_field_string(row, replay_cause_name(block->end_cause));
    memory_free(facts);
    return true;
}

bool diff_state_row(struct diff_state *state, enum diff_table table, const struct diff_key *key,
                    struct diff_row *row)
{
    diff_row_reset(row);
    switch ((int)table) {
    case DIFF_BLOCKS:
        return block_row(state, key, row);
    case DIFF_BOOKINGS:
        return booking_row(state, key, row);
    case DIFF_BOOKING_CHANGES:
    case DIFF_ORDERS:
        return diff_kept_get(&state->kept, table, key, row);
    default:
        return diff_catalog_row(state, table, key, row);
    }
}

static void each_booking(const struct diff_state *state, diff_visit *visit, void *context)
{
    for (uint32_t i = 0; i < state->booking_count; i++) {
        const struct diff_key key = {state->bookings[i].id, 0};
        if (!state->bookings[i].seen && !visit(context, &key))
            return;
    }
}

static void each_block(const struct diff_state *state, diff_visit *visit, void *context)
{
    for (uint32_t i = 0; i < state->block_count; i++) {
        const struct diff_key key = {state->blocks[i].id, 0};
        if (!visit(context, &key))
            return;
    }
}

void diff_state_each(const struct diff_state *state, enum diff_table table, diff_visit *visit,
                     void *context)
{
    switch ((int)table) {
    case DIFF_BOOKINGS:
        each_booking(state, visit, context);
        return;
    case DIFF_BLOCKS:
        each_block(state, visit, context);
        return;
    case DIFF_BOOKING_CHANGES:
    case DIFF_ORDERS:
        for (uint32_t i = 0; i < state->kept.count; i++) {
            if (state->kept.rows[i].table == table && !visit(context, &state->kept.rows[i].key))
                return;
        }
        return;
    default:
        diff_catalog_each(state, table, visit, context);
        return;
    }
}
