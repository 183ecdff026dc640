#include "diff_state.h"

#include <stdlib.h>
#include <string.h>

#include "../engine/block.h"
#include "../engine/command.h"
#include "../engine/hash.h"
#include "growing_array.h"
#include "replay_record.h"

enum { DIFF_BOOKINGS_MIN = 4096, DIFF_BOOKINGS_MAX = 1 << 28, DIFF_BLOCKS_MIN = 64 };

static uint64_t hash_of(const void *table, uint32_t slot)
{
    const struct diff_state *state = table;
    return hash_uuid(&state->bookings[slot].id);
}

static bool match(const void *table, uint32_t slot, const void *key)
{
    const struct diff_state *state = table;
    return uuid_equal(&state->bookings[slot].id, key);
}

static uint64_t block_hash_of(const void *table, uint32_t slot)
{
    const struct diff_state *state = table;
    return hash_uuid(&state->blocks[slot].id);
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

struct diff_booking *diff_state_booking(const struct diff_state *state, const struct uuid *id)
{
    const uint32_t slot = hash_index_find(&state->by_id, hash_uuid(id), id);
    return slot == HASH_INDEX_MISSING ? NULL : &state->bookings[slot];
}

bool diff_state_add_booking(struct diff_state *state, const struct diff_booking *booking,
                            const uint32_t *seats, uint32_t seat_count)
{
    struct diff_booking *bookings = growing_array_room(
        state->bookings, state->booking_count, &state->booking_capacity, sizeof *bookings,
        (struct growing_array_limits){DIFF_BOOKINGS_MIN, DIFF_BOOKINGS_MAX});
    if (bookings == NULL)
        return false;
    state->bookings = bookings;
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
        struct diff_booking *booking = diff_state_booking(state, id);
        if (booking != NULL)
            note_update(booking, record);
    }
}

/* A booking's record other than its first and its expiry. */
static enum shard_replay_result note_step(struct diff_state *state, const struct record *record)
{
    const bool settled = record->kind != RECORD_CHANGED;
    const struct uuid *id = settled ? &record->settled.booking_id : &record->changed.booking_id;
    struct diff_booking *booking = diff_state_booking(state, id);
    if (booking == NULL)
        return SHARD_REPLAY_UNKNOWN_BOOKING;
    const struct uuid *payment_id =
        settled ? &record->settled.payment_id : &record->changed.payment_id;
    const bool confirmed =
        settled ? record->kind == RECORD_CONFIRMED : record->changed.status == BOOKING_CONFIRMED;
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

struct diff_block *diff_state_block(const struct diff_state *state, const struct uuid *id)
{
    const uint32_t slot = hash_index_find(&state->by_block, hash_uuid(id), id);
    return slot == HASH_INDEX_MISSING ? NULL : &state->blocks[slot];
}

bool diff_state_add_block(struct diff_state *state, const struct diff_block *block)
{
    struct diff_block *blocks = growing_array_room(
        state->blocks, state->block_count, &state->block_capacity, sizeof *blocks,
        (struct growing_array_limits){DIFF_BLOCKS_MIN, BLOCKS_MAX});
    if (blocks == NULL)
        return false;
    state->blocks = blocks;
    const uint32_t slot = state->block_count;
    state->blocks[slot] = *block;
    if (!hash_index_insert(&state->by_block, block_hash_of(state, slot), slot))
        return false;
    state->block_count++;
    return true;
}

static bool keep_block(struct diff_state *state, const struct record *record)
{
    struct diff_block *known = diff_state_block(state, &record->block.block_id);
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

/* --- rows --- */

bool diff_state_row(struct diff_state *state, enum diff_table table, const struct diff_key *key,
                    struct diff_row *row)
{
    diff_row_reset(row);
    switch ((int)table) {
    case DIFF_BLOCKS:
        return diff_block_row(state, key, row);
    case DIFF_BOOKINGS:
        return diff_booking_row(state, key, row);
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
