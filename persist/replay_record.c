#include "replay_record.h"

#include "replay_member.h"

#include <inttypes.h>
#include <stdio.h>

const char *replay_role_name(enum role role)
{
    switch (role) {
    case ROLE_SYSTEM:
        return "system";
    case ROLE_USER:
        return "user";
    case ROLE_ORGANIZER:
        return "organizer";
    case ROLE_ADMIN:
        return "admin";
    }
    return "unknown";
}

const char *replay_event_status_name(enum event_status status)
{
    switch (status) {
    case EVENT_DRAFT:
        return "draft";
    case EVENT_PUBLISHED:
        return "published";
    case EVENT_CANCELLED:
        return "cancelled";
    }
    return "unknown";
}

const char *replay_zone_kind_name(enum zone_kind kind)
{
    switch (kind) {
    case ZONE_GENERAL:
        return "general";
    case ZONE_SEATED:
        return "seated";
    }
    return "unknown";
}

void replay_event_json(struct replay_json *json, const struct catalog_event *event)
{
    member_uuid(json, "id", &event->id);
    member_uuid(json, "tenant_id", &event->tenant_id);
    member_uuid(json, "organizer_id", &event->organizer_id);
    member_text(json, "title", &event->title);
    member_text(json, "slug", &event->slug);
    member_text(json, "description", &event->description);
    member_text(json, "venue", &event->venue);
    member_text(json, "city", &event->city);
    member_text(json, "image_url", &event->image_url);
    member_string(json, "status", replay_event_status_name(event->status));
    member_time(json, "sale_start_at", event->sale_start_ms);
    member_time(json, "sale_end_at", event->sale_end_ms);
    member_unsigned(json, "max_per_user", event->max_per_user);
    member_bool(json, "sale_closed", event->sale_closed);
    member_bool(json, "prevent_orphans", !event->allow_orphans);
    member_time(json, "created_at", event->created_ms);
    member_time(json, "updated_at", event->updated_ms);
}

void replay_show_json(struct replay_json *json, const struct catalog_show *show)
{
    member_uuid(json, "id", &show->id);
    member_uuid(json, "event_id", &show->event_id);
    member_text(json, "name", &show->name);
    member_time(json, "show_date", show->show_date_ms);
    member_unsigned(json, "segment_count", show->segment_count);
    if (show->stop_count > 0) {
        member_uuid(json, "route_id", &show->route_id);
        replay_json_key(json, "stops");
        replay_json_open(json, '[');
        for (uint32_t i = 0; i < show->stop_count; i++) {
            replay_json_open(json, '{');
            member_uuid(json, "station_id", &show->stops[i].station_id);
            member_time(json, "arrives_at", show->stops[i].arrives_ms);
            member_time(json, "departs_at", show->stops[i].departs_ms);
            replay_json_close(json, '}');
        }
        replay_json_close(json, ']');
    }
    member_time(json, "created_at", show->created_ms);
    member_time(json, "updated_at", show->updated_ms);
}

void replay_zone_json(struct replay_json *json, const struct catalog_zone *zone)
{
    member_uuid(json, "id", &zone->id);
    member_uuid(json, "show_id", &zone->show_id);
    member_uuid(json, "event_id", &zone->event_id);
    member_text(json, "name", &zone->name);
    member_string(json, "kind", replay_zone_kind_name(zone->kind));
    replay_json_key(json, "price");
    replay_json_amount(json, zone->price_minor, zone->currency);
    member_string(json, "currency", zone->currency);
    if (zone->segment_price_count > 0) {
        replay_json_key(json, "segment_prices");
        replay_json_open(json, '[');
        for (uint32_t i = 0; i < zone->segment_price_count; i++)
            replay_json_amount(json, zone->segment_prices[i], zone->currency);
        replay_json_close(json, ']');
    }
    member_unsigned(json, "total_seats", zone->total_seats);
    member_time(json, "created_at", zone->created_ms);
    member_time(json, "updated_at", zone->updated_ms);
}

static void reserved_json(struct replay_json *json, const struct record *record)
{
    const struct record_reserved *reserved = &record->reserved;
    member_uuid(json, "booking_id", &reserved->booking_id);
    member_uuid(json, "user_id", &reserved->user_id);
    member_uuid(json, "zone_id", &reserved->zone_id);
    member_unsigned(json, "quantity", reserved->quantity);
    member_unsigned(json, "from_segment", reserved->from_segment);
    member_unsigned(json, "to_segment", reserved->to_segment);
    /* The record names no currency, so the price stays in minor units here. */
    replay_json_key(json, "unit_price_minor");
    replay_json_signed(json, reserved->unit_price_minor);
    member_unsigned(json, "ttl_ms", reserved->ttl_ms);
    member_time(json, "expires_at", record->stamp_ms + reserved->ttl_ms);
    member_unsigned(json, "remaining", reserved->remaining);
    if (!uuid_is_nil(&reserved->block_id))
        member_uuid(json, "block_id", &reserved->block_id);
    replay_order_part_json(json, &reserved->order);
    replay_seats_json(json, reserved->seats, reserved->seat_count);
}

static void settled_json(struct replay_json *json, const struct record_settled *settled)
{
    member_uuid(json, "booking_id", &settled->booking_id);
    member_uuid(json, "user_id", &settled->user_id);
    member_uuid(json, "zone_id", &settled->zone_id);
    member_unsigned(json, "quantity", settled->quantity);
    member_uuid(json, "payment_id", &settled->payment_id);
    member_string(json, "cause", replay_cause_name(settled->cause));
}

static void expired_json(struct replay_json *json, const struct record_expired *expired)
{
    member_uuid(json, "zone_id", &expired->zone_id);
    replay_json_key(json, "bookings");
    replay_json_open(json, '[');
    for (uint32_t i = 0; i < expired->count; i++) {
        replay_json_open(json, '{');
        member_uuid(json, "booking_id", &expired->items[i].booking_id);
        member_uuid(json, "user_id", &expired->items[i].user_id);
        member_unsigned(json, "quantity", expired->items[i].quantity);
        replay_json_close(json, '}');
    }
    replay_json_close(json, ']');
}

static void facts_json(struct replay_json *json, const struct record *record)
{
    switch (record->kind) {
    case RECORD_EVENT:
        replay_event_json(json, &record->event);
        break;
    case RECORD_SHOW:
        replay_show_json(json, &record->show);
        break;
    case RECORD_ZONE:
        replay_zone_json(json, &record->zone);
        break;
    case RECORD_RESERVED:
        reserved_json(json, record);
        break;
    case RECORD_CONFIRMED:
    case RECORD_CANCELLED:
        settled_json(json, &record->settled);
        break;
    case RECORD_EXPIRED:
        expired_json(json, &record->expired);
        break;
    case RECORD_STATION:
    case RECORD_ROUTE:
    case RECORD_CHANGED:
    case RECORD_BLOCK:
    case RECORD_ZONE_CHANGED:
    case RECORD_ORDER:
        replay_inventory_json(json, record);
        break;
    case RECORD_STATE: {
        char hash[17];
        (void)snprintf(hash, sizeof hash, "%016" PRIx64, record->state_hash);
        member_string(json, "hash", hash);
        break;
    }
    case RECORD_CLEAN_STOP:
        break;
    }
}

static void key_json(struct replay_json *json, const struct request_key *key)
{
    replay_json_key(json, "key");
    if (key->hash == 0) {
        replay_json_null(json);
        return;
    }
    /* Hexadecimal text: JSON readers lose bits of 64-bit numbers. */
    char hash[17];
    (void)snprintf(hash, sizeof hash, "%016" PRIx64, key->hash);
    replay_json_open(json, '{');
    member_string(json, "hash", hash);
    member_unsigned(json, "fingerprint", key->fingerprint);
    replay_json_close(json, '}');
}

void replay_record_json(struct replay_json *json, uint32_t epoch, uint16_t shard,
                        const struct record *record)
{
    const char *kind = record_kind_name(record->kind);
    replay_json_open(json, '{');
    member_unsigned(json, "epoch", epoch);
    member_unsigned(json, "shard", shard);
    member_unsigned(json, "sequence", record->sequence);
    member_string(json, "kind", kind != NULL ? kind : "unknown");
    member_time(json, "at", record->stamp_ms);
    replay_json_key(json, "actor");
    replay_json_open(json, '{');
    member_uuid(json, "id", &record->actor.id);
    member_string(json, "role", replay_role_name(record->actor.role));
    replay_json_close(json, '}');
    key_json(json, &record->key);
    replay_json_key(json, "facts");
    replay_json_open(json, '{');
    facts_json(json, record);
    replay_json_close(json, '}');
    replay_json_close(json, '}');
}
