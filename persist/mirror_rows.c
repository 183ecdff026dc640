#include "mirror_rows.h"

#include "mirror_history.h"
#include "replay_record.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const event_types[] = {[BOOKING_RESERVED] = "booking.reserved",
                                          [BOOKING_CONFIRMED] = "booking.confirmed",
                                          [BOOKING_CANCELLED] = "booking.cancelled",
                                          [BOOKING_EXPIRED] = "booking.expired",
                                          [BOOKING_REFUNDED] = "booking.refunded"};

/* --- catalog --- */

static void event_row(struct replay_buffer *out, const struct catalog_event *event)
{
    copy_uuid(out, &event->id);
    copy_uuid_or_null(out, &event->tenant_id);
    copy_uuid_or_null(out, &event->organizer_id);
    copy_text(out, event->title.bytes, event->title.length);
    copy_text(out, event->slug.bytes, event->slug.length);
    copy_text_or_null(out, &event->description);
    copy_text_or_null(out, &event->venue);
    copy_text_or_null(out, &event->city);
    copy_text_or_null(out, &event->image_url);
    copy_string(out, replay_event_status_name(event->status));
    copy_time_or_null(out, event->sale_start_ms);
    copy_time_or_null(out, event->sale_end_ms);
    copy_integer(out, (int32_t)event->max_per_user);
    copy_bool(out, event->sale_closed);
    copy_bool(out, !event->allow_orphans);
    copy_time(out, event->created_ms);
    copy_time(out, event->updated_ms);
}

static void show_row(struct replay_buffer *out, const struct catalog_show *show)
{
    copy_uuid(out, &show->id);
    copy_uuid(out, &show->event_id);
    copy_text_or_null(out, &show->name);
    copy_time_or_null(out, show->show_date_ms);
    copy_integer(out, (int32_t)show->segment_count);
    copy_uuid_or_null(out, &show->route_id);
    copy_time(out, show->created_ms);
    copy_time(out, show->updated_ms);
}

static void zone_row(struct replay_buffer *out, const struct catalog_zone *zone, bool trip)
{
    copy_uuid(out, &zone->id);
    copy_uuid(out, &zone->show_id);
    copy_uuid(out, &zone->event_id);
    copy_text(out, zone->name.bytes, zone->name.length);
    copy_string(out, replay_zone_kind_name(zone->kind));
    copy_amount(out, zone->price_minor, zone->currency);
    copy_string(out, zone->currency);
    copy_integer(out, (int32_t)zone->total_seats);
    /* A new zone: all available, none reserved or sold, none blocked, not drained. */
    if (trip)
        copy_null(out);
    else
        copy_integer(out, (int32_t)zone->total_seats);
    copy_integer(out, 0);
    copy_integer(out, 0);
    if (trip)
        copy_null(out);
    else
        copy_integer(out, 0);
    copy_integer(out, (int32_t)zone->total_seats);
    copy_amounts(out, zone->segment_prices, zone->segment_price_count, zone->currency);
    copy_time(out, zone->created_ms);
    copy_time(out, zone->updated_ms);
}

void mirror_row_catalog(struct replay_buffer *out, const struct record *record, bool trip)
{
    if (record->kind == RECORD_EVENT) {
        copy_row(out, 18);
        event_row(out, &record->event);
    } else if (record->kind == RECORD_SHOW) {
        copy_row(out, 9);
        show_row(out, &record->show);
    } else {
        copy_row(out, 17);
        zone_row(out, &record->zone, trip);
    }
    copy_bigint(out, (int64_t)record->sequence);
}

/* --- bookings --- */

static void end_time(struct replay_buffer *out, const struct mirror_booking *booking,
                     enum booking_status status)
{
    copy_time_or_null(out, booking->status == status ? booking->ended_ms : 0);
}

/* Three fields. */
static void order_and_seats(struct replay_buffer *out, const struct mirror_booking *booking,
                            const char *seats)
{
    if (uuid_is_nil(&booking->order.id)) {
        copy_null(out);
        copy_null(out);
    } else {
        copy_uuid(out, &booking->order.id);
        copy_smallint(out, booking->order.item);
    }
    if (booking->seat_count == 0)
        copy_null(out);
    else
        copy_integers(out, (const uint32_t *)(const void *)(seats + booking->seats_at),
                      booking->seat_count);
}

void mirror_row_booking(struct replay_buffer *out, uint32_t epoch,
                        const struct mirror_booking *booking, const char *seats)
{
    const replay_minor total = (replay_minor)booking->unit_price_minor * booking->quantity;
    copy_row(out, 29);
    copy_uuid(out, &booking->id);
    copy_uuid(out, &booking->user_id);
    copy_uuid(out, &booking->event_id);
    copy_uuid(out, &booking->show_id);
    copy_uuid(out, &booking->zone_id);
    copy_integer(out, (int32_t)booking->quantity);
    copy_smallint(out, booking->from_segment);
    copy_smallint(out, booking->to_segment);
    copy_amount(out, booking->unit_price_minor, booking->currency);
    copy_amount(out, total, booking->currency);
    copy_string(out, booking->currency);
    copy_string(out, booking_status_name(booking->status));
    copy_uuid_or_null(out, &booking->payment_id);
    copy_time(out, booking->reserved_ms);
    copy_time(out, booking->reserved_ms);
    copy_time(out, booking->expires_ms);
    copy_time_or_null(out, booking->confirmed_ms);
    end_time(out, booking, BOOKING_CANCELLED);
    end_time(out, booking, BOOKING_EXPIRED);
    copy_time(out, booking->updated_ms);
    if (booking->key_hash == 0)
        copy_null(out);
    else
        copy_bigint(out, (int64_t)booking->key_hash);
    copy_integer(out, (int32_t)epoch);
    copy_smallint(out, booking->shard);
    copy_bigint(out, (int64_t)booking->sequence);
    end_time(out, booking, BOOKING_REFUNDED);
    copy_uuid_or_null(out, &booking->block_id);
    order_and_seats(out, booking, seats);
}

void mirror_row_settled(struct replay_buffer *out, const struct mirror_booking *booking)
{
    copy_row(out, 6);
    copy_uuid(out, &booking->id);
    copy_uuid(out, &booking->zone_id);
    copy_integer(out, (int32_t)booking->quantity);
    copy_string(out, booking_status_name(booking->status));
    copy_uuid_or_null(out, &booking->payment_id);
    copy_time(out, booking->updated_ms);
}

void mirror_row_changed(struct replay_buffer *out, const struct mirror_booking *booking,
                        const char *seats)
{
    copy_row(out, 17);
    copy_uuid(out, &booking->id);
    copy_uuid(out, &booking->zone_id);
    if (booking->before_known)
        copy_string(out, booking_status_name(booking->status_before));
    else
        copy_null(out);
    copy_integer(out, (int32_t)booking->quantity_before);
    copy_string(out, booking_status_name(booking->status));
    copy_integer(out, (int32_t)booking->quantity);
    copy_uuid_or_null(out, &booking->payment_id);
    copy_time_or_null(out, booking->confirmed_ms);
    copy_time_or_null(out, booking->ended_ms);
    copy_time(out, booking->updated_ms);
    copy_bool(out, booking->whole);
    copy_uuid_or_null(out, &booking->user_id);
    copy_amount(out, booking->unit_price_minor, booking->currency);
    copy_bigint(out, booking->ttl_ms);
    order_and_seats(out, booking, seats);
}

void mirror_row_zone_change(struct replay_buffer *out, const struct mirror_zone *zone)
{
    copy_row(out, 4);
    copy_uuid(out, &zone->id);
    copy_bigint(out, zone->available_change);
    copy_bigint(out, zone->reserved_change);
    copy_bigint(out, zone->sold_change);
}

void mirror_row_recount(struct replay_buffer *out, const struct mirror_zone *zone)
{
    copy_row(out, 6);
    copy_uuid(out, &zone->id);
    copy_bigint(out, zone->reserved_change);
    copy_bigint(out, zone->sold_change);
    if (zone->resized) {
        copy_integer(out, (int32_t)zone->total);
        copy_integer(out, (int32_t)zone->target);
        copy_bool(out, zone->closed);
    } else {
        copy_null(out);
        copy_null(out);
        copy_null(out);
    }
}

/* --- histories --- */

static void catalog_json(struct replay_buffer *out, const struct record *record)
{
    struct replay_json json = json_for_postgres(out);
    replay_json_open(&json, '{');
    if (record->kind == RECORD_EVENT)
        replay_event_json(&json, &record->event);
    else if (record->kind == RECORD_SHOW)
        replay_show_json(&json, &record->show);
    else
        replay_zone_json(&json, &record->zone);
    replay_json_close(&json, '}');
}

/* A version that is as old as its object is the first one. */
static const char *catalog_event_type(const struct record *record, const struct uuid **id)
{
    if (record->kind == RECORD_EVENT) {
        *id = &record->event.id;
        return record->event.created_ms == record->event.updated_ms ? "event.created"
                                                                    : "event.updated";
    }
    if (record->kind == RECORD_SHOW) {
        *id = &record->show.id;
        return record->show.created_ms == record->show.updated_ms ? "show.created" : "show.updated";
    }
    *id = &record->zone.id;
    return record->zone.created_ms == record->zone.updated_ms ? "zone.created" : "zone.updated";
}

void mirror_row_catalog_history(struct replay_buffer *outbox, struct replay_buffer *audit,
                                const struct mirror_origin *origin, const struct record *record)
{
    const struct uuid *id = NULL;
    const char *object = record_kind_name(record->kind);
    const char *event_type = catalog_event_type(record, &id);
    outbox_begin(outbox, origin, 1, object, id, event_type);
    size_t mark = copy_jsonb_begin(outbox);
    catalog_json(outbox, record);
    copy_field_end(outbox, mark);

    audit_begin(audit, origin, 1, event_type, object, id);
    copy_null(audit); /* old values: mirror_store looks up the version before */
    mark = copy_jsonb_begin(audit);
    catalog_json(audit, record);
    copy_field_end(audit, mark);
}

static void step_member_uuid(struct replay_json *json, const char *name, const struct uuid *id)
{
    replay_json_key(json, name);
    replay_json_uuid(json, id);
}

void mirror_row_outbox(struct replay_buffer *out, const struct mirror_origin *origin,
                       const struct mirror_step *step)
{
    const struct mirror_zone *zone = step->zone;
    outbox_begin(out, origin, step->item, "booking", &step->booking_id, event_types[step->status]);
    const size_t mark = copy_jsonb_begin(out);
    struct replay_json json = json_for_postgres(out);
    replay_json_open(&json, '{');
    /* jsonb has its keys by length, then by their bytes: in that order it need not sort. */
    const bool reserved = step->status == BOOKING_RESERVED;
    step_member_uuid(&json, "show_id", &zone->show_id);
    step_member_uuid(&json, "user_id", &step->user_id);
    step_member_uuid(&json, "zone_id", &zone->id);
    if (reserved) {
        replay_json_key(&json, "currency");
        replay_json_string(&json, zone->currency);
    }
    step_member_uuid(&json, "event_id", &zone->event_id);
    replay_json_key(&json, "quantity");
    replay_json_unsigned(&json, step->quantity);
    step_member_uuid(&json, "booking_id", &step->booking_id);
    if (reserved) {
        replay_json_key(&json, "expires_at");
        replay_json_time(&json, step->expires_ms);
    } else if (!uuid_is_nil(&step->payment_id)) {
        step_member_uuid(&json, "payment_id", &step->payment_id);
    }
    if (reserved) {
        replay_json_key(&json, "unit_price");
        replay_json_amount(&json, step->unit_price_minor, zone->currency);
        replay_json_key(&json, "remaining_seats");
        replay_json_unsigned(&json, step->remaining);
    }
    replay_json_close(&json, '}');
    copy_field_end(out, mark);
}

void mirror_row_audit(struct replay_buffer *out, const struct mirror_origin *origin,
                      const struct mirror_step *step)
{
    audit_begin(out, origin, step->item, event_types[step->status], "booking", &step->booking_id);
    /* What is exchanged away may have been confirmed. */
    if (step->status == BOOKING_RESERVED || step->cause == CAUSE_EXCHANGED) {
        copy_null(out);
    } else {
        const size_t mark = copy_jsonb_begin(out);
        replay_buffer_text(out, "{\"status\":\"reserved\"}");
        copy_field_end(out, mark);
    }
    const size_t mark = copy_jsonb_begin(out);
    struct replay_json json = json_for_postgres(out);
    replay_json_open(&json, '{');
    replay_json_key(&json, "status");
    replay_json_string(&json, booking_status_name(step->status));
    if (step->status == BOOKING_RESERVED) {
        replay_json_key(&json, "quantity");
        replay_json_unsigned(&json, step->quantity);
    }
    if (!uuid_is_nil(&step->payment_id))
        step_member_uuid(&json, "payment_id", &step->payment_id);
    replay_json_close(&json, '}');
    copy_field_end(out, mark);
}
