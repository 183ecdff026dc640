/* What trips, numbered seats, blocks, capacity, orders and changed bookings bring
 * to a batch. */
#include "mirror_batch_private.h"

#include <stdio.h>
#include <string.h>

void mirror_batch_add_stops(struct mirror_batch *batch, const struct record *record)
{
    for (uint32_t stop = 0; stop < record->show.stop_count; stop++) {
        mirror_row_stop(&batch->tables[MIRROR_STOPS].copy, record, stop);
        mirror_batch_count(batch, MIRROR_STOPS);
    }
}

enum mirror_batch_result mirror_batch_add_seats(struct mirror_batch *batch,
                                                const struct record *record)
{
    const struct catalog_zone *zone = &record->zone;
    if (zone->plan_length == 0)
        return MIRROR_BATCH_OK;
    enum seat_plan_error error = SEAT_PLAN_OK;
    struct seat_plan *plan = seat_plan_decode(zone->plan_bytes, zone->plan_length, &error);
    if (plan == NULL && error == SEAT_PLAN_OUT_OF_MEMORY)
        return MIRROR_BATCH_OUT_OF_MEMORY;
    if (plan == NULL)
        return mirror_batch_impossible(batch, seat_plan_error_name(error), &zone->id);
    for (uint32_t seat = 0; seat < plan->seat_count; seat++) {
        mirror_row_seat(&batch->tables[MIRROR_SEATS].copy, &zone->id, plan, seat);
        mirror_batch_count(batch, MIRROR_SEATS);
    }
    seat_plan_free(plan);
    return MIRROR_BATCH_OK;
}

/* --- changed bookings --- */

/* How a booking was before the first change of it that this batch sees. False: only
 * PostgreSQL knows. */
static bool status_before(const struct record_changed *changed, enum booking_status *status)
{
    *status = changed->status;
    if (changed->cause == CAUSE_REFUNDED)
        *status = BOOKING_CONFIRMED;
    if (changed->cause == CAUSE_CONFIRMED_PART || changed->cause == CAUSE_POSTED)
        *status = BOOKING_RESERVED;
    return *status == BOOKING_RESERVED || *status == BOOKING_CONFIRMED;
}

static bool keep_older(struct mirror_batch *batch, const struct mirror_zone *zone,
                       const struct record_changed *changed)
{
    struct mirror_booking older = {.id = changed->booking_id,
                                   .zone_id = zone->id,
                                   .quantity = changed->previous_quantity,
                                   .quantity_before = changed->previous_quantity};
    older.before_known = status_before(changed, &older.status_before);
    older.status = older.status_before;
    older.counted = zone->trip || !older.before_known;
    memcpy(older.currency, zone->currency, sizeof older.currency);
    return mirror_batch_keep(batch, &older);
}

static void apply_changed(struct mirror_batch *batch, struct mirror_zone *zone,
                          struct mirror_booking *booking, const struct record *record)
{
    const struct record_changed *changed = &record->changed;
    mirror_batch_move(batch, zone, booking,
                      (struct mirror_places){booking->status, booking->quantity},
                      (struct mirror_places){changed->status, changed->quantity});
    mirror_batch_become(booking, changed->status, record->stamp_ms);
    booking->whole = !booking->fresh;
    booking->user_id = changed->user_id;
    booking->unit_price_minor = changed->unit_price_minor;
    booking->ttl_ms = changed->ttl_ms;
    if (booking->fresh)
        booking->expires_ms = booking->reserved_ms + changed->ttl_ms;
    booking->order = changed->order;
    if (!uuid_is_nil(&changed->payment_id))
        booking->payment_id = changed->payment_id;
    /* What ended keeps the quantity and seats that it had. */
    if (changed->quantity > 0)
        booking->quantity = changed->quantity;
    if (changed->seat_count > 0)
        mirror_batch_put_seats(batch, booking, changed->seats, changed->seat_count);
}

static enum mirror_batch_result add_changed(struct mirror_batch *batch,
                                            const struct mirror_origin *origin,
                                            const struct record *record)
{
    const struct record_changed *changed = &record->changed;
    struct mirror_zone *zone = mirror_zones_find(batch->zones, &changed->zone_id);
    if (zone == NULL)
        return mirror_batch_impossible(batch, "the change of a booking in the unknown zone",
                                       &changed->zone_id);
    struct mirror_booking *booking = mirror_batch_find(batch, &changed->booking_id);
    if (booking != NULL && booking->status != BOOKING_RESERVED &&
        booking->status != BOOKING_CONFIRMED)
        return mirror_batch_impossible(batch, "a change after the end of the booking",
                                       &changed->booking_id);
    if (booking != NULL && (booking->quantity != changed->previous_quantity ||
                            !uuid_equal(&booking->zone_id, &zone->id)))
        return mirror_batch_impossible(batch, "another zone or quantity at a change of the booking",
                                       &changed->booking_id);
    if (booking == NULL) {
        if (!mirror_batch_grow(batch, 1) || !keep_older(batch, zone, changed))
            return MIRROR_BATCH_OUT_OF_MEMORY;
        booking = mirror_batch_find(batch, &changed->booking_id);
    }
    apply_changed(batch, zone, booking, record);
    mirror_row_booking_change(&batch->tables[MIRROR_BOOKING_CHANGES].copy, origin, record,
                              zone->currency);
    mirror_batch_count(batch, MIRROR_BOOKING_CHANGES);
    return MIRROR_BATCH_OK;
}

/* --- blocks and capacity --- */

static enum mirror_batch_result add_block(struct mirror_batch *batch, const struct record *record)
{
    struct mirror_zone *zone = mirror_zones_find(batch->zones, &record->block.zone_id);
    if (zone == NULL)
        return mirror_batch_impossible(batch, "a block in the unknown zone",
                                       &record->block.zone_id);
    zone->recount = true;
    mirror_zones_change(batch->zones, zone, 0, 0, 0);
    mirror_row_block(&batch->tables[MIRROR_BLOCKS].copy, record);
    mirror_batch_count(batch, MIRROR_BLOCKS);
    return MIRROR_BATCH_OK;
}

static enum mirror_batch_result add_zone_changed(struct mirror_batch *batch,
                                                 const struct record *record)
{
    const struct record_zone_changed *changed = &record->zone_changed;
    struct mirror_zone *zone = mirror_zones_find(batch->zones, &changed->zone_id);
    if (zone == NULL)
        return mirror_batch_impossible(batch, "a change of the unknown zone", &changed->zone_id);
    zone->resized = true;
    zone->total = changed->total;
    zone->target = changed->target;
    zone->closed = changed->closed;
    zone->recount = zone->recount || changed->target < changed->total;
    mirror_zones_change(batch->zones, zone, 0, 0, 0);
    return MIRROR_BATCH_OK;
}

enum mirror_batch_result mirror_batch_add_inventory(struct mirror_batch *batch,
                                                    const struct mirror_origin *origin,
                                                    const struct record *record)
{
    enum mirror_batch_result result = MIRROR_BATCH_OK;
    switch ((int)record->kind) {
    case RECORD_STATION:
        mirror_row_station(&batch->tables[MIRROR_STATIONS].copy, record);
        mirror_batch_count(batch, MIRROR_STATIONS);
        break;
    case RECORD_ROUTE:
        mirror_row_route(&batch->tables[MIRROR_ROUTES].copy, record);
        mirror_batch_count(batch, MIRROR_ROUTES);
        break;
    case RECORD_CHANGED:
        result = add_changed(batch, origin, record);
        break;
    case RECORD_BLOCK:
        result = add_block(batch, record);
        break;
    case RECORD_ZONE_CHANGED:
        result = add_zone_changed(batch, record);
        break;
    default:
        mirror_row_order(&batch->tables[MIRROR_ORDERS].copy, record);
        mirror_batch_count(batch, MIRROR_ORDERS);
        break;
    }
    if (result == MIRROR_BATCH_OK &&
        mirror_row_inventory_history(&batch->tables[MIRROR_OUTBOX].copy,
                                     &batch->tables[MIRROR_AUDIT].copy, origin, record)) {
        mirror_batch_count(batch, MIRROR_OUTBOX);
        mirror_batch_count(batch, MIRROR_AUDIT);
    }
    return result;
}
