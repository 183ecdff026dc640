/* A booking's beginning and its ends in a batch. An end is checked before anything
 * of its record is written. */
#include <string.h>

#include "mirror_batch_private.h"

static void add_history(struct mirror_batch *batch, const struct mirror_origin *origin,
                        const struct mirror_step *step)
{
    mirror_row_outbox(&batch->tables[MIRROR_OUTBOX].copy, origin, step);
    mirror_batch_count(batch, MIRROR_OUTBOX);
    mirror_row_audit(&batch->tables[MIRROR_AUDIT].copy, origin, step);
    mirror_batch_count(batch, MIRROR_AUDIT);
}

static int64_t places(enum booking_status status, enum booking_status counted, uint32_t quantity)
{
    return status == counted ? quantity : 0;
}

void mirror_batch_move(struct mirror_batch *batch, struct mirror_zone *zone,
                       const struct mirror_booking *booking, struct mirror_places from,
                       struct mirror_places to)
{
    if (booking->counted) {
        if (zone->recount)
            mirror_zones_change(batch->zones, zone, 0, 0, 0);
        return;
    }
    const int64_t reserved = places(to.status, BOOKING_RESERVED, to.quantity) -
                             places(from.status, BOOKING_RESERVED, from.quantity);
    const int64_t sold = places(to.status, BOOKING_CONFIRMED, to.quantity) -
                         places(from.status, BOOKING_CONFIRMED, from.quantity);
    mirror_zones_change(batch->zones, zone, -(reserved + sold), reserved, sold);
}

void mirror_batch_put_seats(struct mirror_batch *batch, struct mirror_booking *booking,
                            const uint32_t *seats, uint32_t count)
{
    booking->seats_at = batch->seats.length;
    booking->seat_count = count;
    replay_buffer_append(&batch->seats, seats, count * sizeof *seats);
}

enum mirror_batch_result mirror_batch_add_reserved(struct mirror_batch *batch,
                                                   const struct mirror_origin *origin,
                                                   const struct record *record)
{
    const struct record_reserved *reserved = &record->reserved;
    struct mirror_zone *zone = mirror_zones_find(batch->zones, &reserved->zone_id);
    if (zone == NULL)
        return mirror_batch_impossible(batch, "a reservation in the unknown zone",
                                       &reserved->zone_id);
    if (mirror_batch_find(batch, &reserved->booking_id) != NULL)
        return mirror_batch_impossible(batch, "a second reservation with the id",
                                       &reserved->booking_id);
    struct mirror_booking booking = {
        .fresh = true,
        .counted = zone->trip,
        .status = BOOKING_RESERVED,
        .id = reserved->booking_id,
        .user_id = reserved->user_id,
        .zone_id = reserved->zone_id,
        .show_id = zone->show_id,
        .event_id = zone->event_id,
        .quantity = reserved->quantity,
        .from_segment = reserved->from_segment,
        .to_segment = reserved->to_segment,
        .unit_price_minor = reserved->unit_price_minor,
        .currency = {zone->currency[0], zone->currency[1], zone->currency[2], '\0'},
        .reserved_ms = record->stamp_ms,
        .updated_ms = record->stamp_ms,
        .block_id = reserved->block_id,
        .order = reserved->order,
        .expires_ms = record->stamp_ms + reserved->ttl_ms,
        .key_hash = record->key.hash,
        .shard = origin->shard,
        .sequence = record->sequence};
    if (reserved->seat_count > 0)
        mirror_batch_put_seats(batch, &booking, reserved->seats, reserved->seat_count);
    if (!mirror_batch_grow(batch, 1) || !mirror_batch_keep(batch, &booking))
        return MIRROR_BATCH_OUT_OF_MEMORY;
    mirror_batch_move(batch, zone, &booking, (struct mirror_places){BOOKING_EXPIRED, 0},
                      (struct mirror_places){BOOKING_RESERVED, reserved->quantity});
    const struct mirror_step step = {.status = BOOKING_RESERVED,
                                     .item = 1,
                                     .booking_id = reserved->booking_id,
                                     .user_id = reserved->user_id,
                                     .zone = zone,
                                     .quantity = reserved->quantity,
                                     .unit_price_minor = reserved->unit_price_minor,
                                     .expires_ms = booking.expires_ms,
                                     .remaining = reserved->remaining};
    add_history(batch, origin, &step);
    return MIRROR_BATCH_OK;
}

/* Checks one end of a reservation without changing anything. */
static enum mirror_batch_result end_check(struct mirror_batch *batch,
                                          const struct mirror_step *step)
{
    const struct mirror_booking *booking = mirror_batch_find(batch, &step->booking_id);
    if (booking == NULL)
        return MIRROR_BATCH_OK; /* from before: PostgreSQL will check it */
    const bool exchanged = step->status == BOOKING_CANCELLED && step->cause == CAUSE_EXCHANGED;
    if (booking->status != BOOKING_RESERVED && !(exchanged && booking->status == BOOKING_CONFIRMED))
        return mirror_batch_impossible(batch, "a second end of the booking", &step->booking_id);
    if (booking->quantity != step->quantity || !uuid_equal(&booking->zone_id, &step->zone->id))
        return mirror_batch_impossible(batch, "another zone or quantity at the end of the booking",
                                       &step->booking_id);
    return MIRROR_BATCH_OK;
}

void mirror_batch_become(struct mirror_booking *booking, enum booking_status status,
                         uint64_t now_ms)
{
    if (status == BOOKING_CONFIRMED && booking->status != BOOKING_CONFIRMED)
        booking->confirmed_ms = now_ms;
    else if (status != BOOKING_RESERVED && status != BOOKING_CONFIRMED)
        booking->ended_ms = now_ms;
    booking->status = status;
    booking->updated_ms = now_ms;
}

static enum mirror_batch_result end_apply(struct mirror_batch *batch,
                                          const struct mirror_origin *origin,
                                          const struct mirror_step *step)
{
    struct mirror_booking *booking = mirror_batch_find(batch, &step->booking_id);
    if (booking == NULL) {
        /* What is exchanged away may have been confirmed: PostgreSQL knows. */
        const bool known = step->status == BOOKING_CONFIRMED || step->cause != CAUSE_EXCHANGED;
        struct mirror_booking older = {.id = step->booking_id,
                                       .zone_id = step->zone->id,
                                       .quantity = step->quantity,
                                       .quantity_before = step->quantity,
                                       .before_known = known,
                                       .status_before = BOOKING_RESERVED,
                                       .status = BOOKING_RESERVED,
                                       .counted = !known || step->zone->trip};
        memcpy(older.currency, step->zone->currency, sizeof older.currency);
        if (!mirror_batch_keep(batch, &older))
            return MIRROR_BATCH_OUT_OF_MEMORY;
        booking = &batch->bookings[batch->booking_count - 1];
    }
    mirror_batch_move(batch, step->zone, booking,
                      (struct mirror_places){booking->status, booking->quantity},
                      (struct mirror_places){step->status, step->quantity});
    mirror_batch_become(booking, step->status, origin->stamp_ms);
    if (step->status == BOOKING_CONFIRMED || !uuid_is_nil(&step->payment_id))
        booking->payment_id = step->payment_id;
    add_history(batch, origin, step);
    return MIRROR_BATCH_OK;
}

enum mirror_batch_result mirror_batch_add_settled(struct mirror_batch *batch,
                                                  const struct mirror_origin *origin,
                                                  const struct record *record)
{
    const struct record_settled *settled = &record->settled;
    const struct mirror_step step = {.status = record->kind == RECORD_CONFIRMED ? BOOKING_CONFIRMED
                                                                                : BOOKING_CANCELLED,
                                     .item = 1,
                                     .booking_id = settled->booking_id,
                                     .user_id = settled->user_id,
                                     .zone = mirror_zones_find(batch->zones, &settled->zone_id),
                                     .quantity = settled->quantity,
                                     .cause = settled->cause,
                                     .payment_id = settled->payment_id};
    if (step.zone == NULL)
        return mirror_batch_impossible(batch, "the end of a booking in the unknown zone",
                                       &settled->zone_id);
    const enum mirror_batch_result result = end_check(batch, &step);
    if (result != MIRROR_BATCH_OK)
        return result;
    return mirror_batch_grow(batch, 1) ? end_apply(batch, origin, &step)
                                       : MIRROR_BATCH_OUT_OF_MEMORY;
}

static bool named_before(const struct record_expired *expired, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++) {
        if (uuid_equal(&expired->items[i].booking_id, &expired->items[index].booking_id))
            return true;
    }
    return false;
}

enum mirror_batch_result mirror_batch_add_expired(struct mirror_batch *batch,
                                                  const struct mirror_origin *origin,
                                                  const struct record *record)
{
    const struct record_expired *expired = &record->expired;
    struct mirror_step step = {.status = BOOKING_EXPIRED,
                               .zone = mirror_zones_find(batch->zones, &expired->zone_id)};
    if (step.zone == NULL)
        return mirror_batch_impossible(batch, "an expiry in the unknown zone", &expired->zone_id);
    enum mirror_batch_result result = MIRROR_BATCH_OK;
    for (int applying = 0; applying <= 1; applying++) {
        for (uint32_t i = 0; i < expired->count && result == MIRROR_BATCH_OK; i++) {
            step.item = (uint16_t)(i + 1);
            step.booking_id = expired->items[i].booking_id;
            step.user_id = expired->items[i].user_id;
            step.quantity = expired->items[i].quantity;
            if (applying)
                result = end_apply(batch, origin, &step);
            else if (named_before(expired, i))
                result = mirror_batch_impossible(batch, "two ends in one record of the booking",
                                                 &step.booking_id);
            else
                result = end_check(batch, &step);
        }
        if (result == MIRROR_BATCH_OK && !mirror_batch_grow(batch, expired->count))
            result = MIRROR_BATCH_OUT_OF_MEMORY;
    }
    return result;
}
