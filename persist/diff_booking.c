/* Rows of bookings and of the blocks they draw from. */
#include "../engine/command.h"
#include "../engine/memory.h"
#include "diff_state.h"
#include "replay_record.h"

static const uint32_t *booking_seats(const struct diff_state *state,
                                     const struct diff_booking *booking)
{
    return booking->seat_count == 0
               ? NULL
               : (const uint32_t *)(const void *)(state->seats.bytes + booking->seats_at);
}

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

bool diff_booking_row(struct diff_state *state, const struct diff_key *key, struct diff_row *row)
{
    struct booking_facts facts;
    uint32_t seat_count;
    struct diff_booking *booking = diff_state_booking(state, &key->id);
    if (booking == NULL ||
        !shard_booking(state->fold.shard, &key->id, 0, &facts, NULL, &seat_count))
        return false;
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

bool diff_block_row(const struct diff_state *state, const struct diff_key *key,
                    struct diff_row *row)
{
    const struct diff_block *block = diff_state_block(state, &key->id);
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
