#include "../engine/command.h"
#include "replay_member.h"
#include "replay_record.h"

const char *replay_cause_name(enum change_cause cause)
{
    static const char *const names[CAUSE_COUNT] = {
        [CAUSE_REQUEST] = "requested",   [CAUSE_EXTENDED] = "extended",
        [CAUSE_RELEASED] = "released",   [CAUSE_CONFIRMED_PART] = "confirmed_part",
        [CAUSE_EXCHANGED] = "exchanged", [CAUSE_TRANSFERRED] = "transferred",
        [CAUSE_REFUNDED] = "refunded",   [CAUSE_PINNED] = "pinned",
        [CAUSE_UNPINNED] = "unpinned",   [CAUSE_VOIDED] = "voided",
        [CAUSE_POSTED] = "posted",       [CAUSE_CREATED] = "created",
        [CAUSE_EXPIRED] = "expired",     [CAUSE_CAPACITY] = "capacity",
        [CAUSE_DRAIN] = "drain",         [CAUSE_CLOSED] = "closed",
        [CAUSE_REOPENED] = "reopened"};
    return (unsigned)cause < CAUSE_COUNT ? names[cause] : "unknown";
}

const char *replay_block_kind_name(enum block_kind kind)
{
    return kind == BLOCK_ALLOTMENT ? "allotment" : "house_hold";
}

void replay_order_part_json(struct replay_json *json, const struct order_part *part)
{
    if (uuid_is_nil(&part->id))
        return;
    member_uuid(json, "order_id", &part->id);
    member_unsigned(json, "order_item", part->item);
    member_unsigned(json, "order_items", part->count);
}

static void labels_json(struct replay_json *json, const uint32_t *seats, uint32_t count)
{
    replay_json_key(json, "seat_labels");
    replay_json_open(json, '[');
    for (uint32_t i = 0; i < count; i++) {
        char label[SEAT_FULL_LABEL_BYTES];
        if (seats[i] < json->plan->seat_count)
            replay_json_text(json, label, seat_plan_label(json->plan, seats[i], label));
        else
            replay_json_null(json);
    }
    replay_json_close(json, ']');
}

void replay_seats_json(struct replay_json *json, const uint32_t *seats, uint32_t count)
{
    if (count == 0)
        return;
    replay_json_key(json, "seats");
    replay_json_open(json, '[');
    for (uint32_t i = 0; i < count; i++)
        replay_json_unsigned(json, seats[i]);
    replay_json_close(json, ']');
    if (json->plan != NULL)
        labels_json(json, seats, count);
}

static void station_json(struct replay_json *json, const struct catalog_station *station)
{
    member_uuid(json, "id", &station->id);
    member_text(json, "code", &station->code);
    member_text(json, "name", &station->name);
    member_text(json, "city", &station->city);
    member_time(json, "created_at", station->created_ms);
}

static void uuids_json(struct replay_json *json, const char *name, const struct uuid *ids,
                       uint32_t count)
{
    replay_json_key(json, name);
    replay_json_open(json, '[');
    for (uint32_t i = 0; i < count; i++)
        replay_json_uuid(json, &ids[i]);
    replay_json_close(json, ']');
}

static void route_json(struct replay_json *json, const struct catalog_route *route)
{
    member_uuid(json, "id", &route->id);
    member_text(json, "name", &route->name);
    uuids_json(json, "stations", route->stations, route->stop_count);
    member_time(json, "created_at", route->created_ms);
}

static void changed_json(struct replay_json *json, const struct record_changed *changed)
{
    member_uuid(json, "booking_id", &changed->booking_id);
    member_uuid(json, "user_id", &changed->user_id);
    if (!uuid_equal(&changed->previous_user_id, &changed->user_id))
        member_uuid(json, "previous_user_id", &changed->previous_user_id);
    member_uuid(json, "zone_id", &changed->zone_id);
    member_string(json, "cause", replay_cause_name(changed->cause));
    member_string(json, "status", booking_status_name(changed->status));
    member_uuid(json, "payment_id", &changed->payment_id);
    replay_json_key(json, "unit_price_minor");
    replay_json_signed(json, changed->unit_price_minor);
    member_unsigned(json, "quantity", changed->quantity);
    member_unsigned(json, "previous_quantity", changed->previous_quantity);
    member_unsigned(json, "ttl_ms", changed->ttl_ms);
    member_unsigned(json, "remaining", changed->remaining);
    member_bool(json, "pinned", changed->pinned);
    replay_order_part_json(json, &changed->order);
    replay_seats_json(json, changed->seats, changed->seat_count);
}

static void block_json(struct replay_json *json, const struct record_block *block)
{
    member_uuid(json, "block_id", &block->block_id);
    member_uuid(json, "zone_id", &block->zone_id);
    member_string(json, "kind", replay_block_kind_name(block->kind));
    member_string(json, "cause", replay_cause_name(block->cause));
    member_unsigned(json, "quantity", block->quantity);
    member_time(json, "expires_at", block->expires_ms);
    member_uuid(json, "owner_id", &block->owner_id);
    member_text(json, "reason", &block->reason);
    replay_seats_json(json, block->seats, block->seat_count);
}

static void zone_changed_json(struct replay_json *json, const struct record_zone_changed *changed)
{
    member_uuid(json, "zone_id", &changed->zone_id);
    member_string(json, "cause", replay_cause_name(changed->cause));
    member_unsigned(json, "total", changed->total);
    member_unsigned(json, "target", changed->target);
    member_bool(json, "closed", changed->closed);
}

static void order_json(struct replay_json *json, const struct record_order *order)
{
    member_uuid(json, "order_id", &order->order_id);
    member_uuid(json, "user_id", &order->user_id);
    member_string(json, "kind", order->kind == ORDER_EXCHANGE ? "exchange" : "confirm");
    member_string(json, "decision", order->decision == ORDER_POSTED ? "posted" : "voided");
    member_uuid(json, "payment_id", &order->payment_id);
    member_string(json, "status", booking_status_name(order->end));
    member_time(json, "expires_at", order->expires_ms);
    uuids_json(json, "bookings", order->bookings, order->count);
}

void replay_inventory_json(struct replay_json *json, const struct record *record)
{
    switch ((int)record->kind) {
    case RECORD_STATION:
        station_json(json, &record->station);
        break;
    case RECORD_ROUTE:
        route_json(json, &record->route);
        break;
    case RECORD_CHANGED:
        changed_json(json, &record->changed);
        break;
    case RECORD_BLOCK:
        block_json(json, &record->block);
        break;
    case RECORD_ZONE_CHANGED:
        zone_changed_json(json, &record->zone_changed);
        break;
    default:
        order_json(json, &record->order);
        break;
    }
}
