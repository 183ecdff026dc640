/* The records of what is on sale to bytes. */
#include "record_pack.h"

static void pack_event(msgpack_packer *packer, const struct record *record)
{
    const struct catalog_event *event = &record->event;
    const bool grown = event->sale_closed || event->allow_orphans;
    pack_head(packer, record, grown ? RECORD_EVENT_LONG_FIELDS : RECORD_EVENT_FIELDS, NULL);
    pack_uuid(packer, &event->id);
    pack_uuid(packer, &event->tenant_id);
    pack_uuid(packer, &event->organizer_id);
    msgpack_pack_uint8(packer, (uint8_t)event->status);
    msgpack_pack_uint64(packer, event->sale_start_ms);
    msgpack_pack_uint64(packer, event->sale_end_ms);
    msgpack_pack_uint64(packer, event->created_ms);
    msgpack_pack_uint64(packer, event->updated_ms);
    msgpack_pack_uint32(packer, event->max_per_user);
    pack_text(packer, &event->title);
    pack_text(packer, &event->slug);
    pack_text(packer, &event->description);
    pack_text(packer, &event->venue);
    pack_text(packer, &event->city);
    pack_text(packer, &event->image_url);
    if (!grown)
        return;
    pack_bool(packer, event->sale_closed);
    pack_bool(packer, event->allow_orphans);
}

static void pack_stops(msgpack_packer *packer, const struct catalog_show *show)
{
    msgpack_pack_array(packer, show->stop_count);
    for (uint32_t i = 0; i < show->stop_count; i++) {
        msgpack_pack_array(packer, RECORD_SHOW_STOP_FIELDS);
        pack_uuid(packer, &show->stops[i].station_id);
        msgpack_pack_uint64(packer, show->stops[i].arrives_ms);
        msgpack_pack_uint64(packer, show->stops[i].departs_ms);
    }
}

static void pack_show(msgpack_packer *packer, const struct record *record)
{
    const struct catalog_show *show = &record->show;
    const bool grown = show->stop_count > 0 || !uuid_is_nil(&show->route_id);
    pack_head(packer, record, grown ? RECORD_SHOW_LONG_FIELDS : RECORD_SHOW_FIELDS, NULL);
    pack_uuid(packer, &show->id);
    pack_uuid(packer, &show->event_id);
    msgpack_pack_uint32(packer, show->segment_count);
    msgpack_pack_uint64(packer, show->show_date_ms);
    msgpack_pack_uint64(packer, show->created_ms);
    msgpack_pack_uint64(packer, show->updated_ms);
    pack_text(packer, &show->name);
    if (!grown)
        return;
    pack_stops(packer, show);
    pack_uuid_or_nil(packer, &show->route_id);
}

static void pack_zone(msgpack_packer *packer, const struct record *record)
{
    const struct catalog_zone *zone = &record->zone;
    const bool grown = zone->segment_price_count > 0 || zone->plan_length > 0;
    pack_head(packer, record, grown ? RECORD_ZONE_LONG_FIELDS : RECORD_ZONE_FIELDS, NULL);
    pack_uuid(packer, &zone->id);
    pack_uuid(packer, &zone->show_id);
    pack_uuid(packer, &zone->event_id);
    msgpack_pack_uint8(packer, (uint8_t)zone->kind);
    msgpack_pack_int64(packer, zone->price_minor);
    msgpack_pack_str(packer, RECORD_CURRENCY_BYTES);
    msgpack_pack_str_body(packer, zone->currency, RECORD_CURRENCY_BYTES);
    msgpack_pack_uint32(packer, zone->total_seats);
    msgpack_pack_uint64(packer, zone->created_ms);
    msgpack_pack_uint64(packer, zone->updated_ms);
    pack_text(packer, &zone->name);
    if (!grown)
        return;
    msgpack_pack_array(packer, zone->segment_price_count);
    for (uint32_t i = 0; i < zone->segment_price_count; i++)
        msgpack_pack_int64(packer, zone->segment_prices[i]);
    if (zone->plan_length == 0) {
        msgpack_pack_nil(packer);
        return;
    }
    msgpack_pack_bin(packer, zone->plan_length);
    msgpack_pack_bin_body(packer, zone->plan_bytes, zone->plan_length);
}

static void pack_station(msgpack_packer *packer, const struct record *record)
{
    const struct catalog_station *station = &record->station;
    pack_head(packer, record, RECORD_STATION_FIELDS, NULL);
    pack_uuid(packer, &station->id);
    msgpack_pack_uint64(packer, station->created_ms);
    pack_text(packer, &station->code);
    pack_text(packer, &station->name);
    pack_text(packer, &station->city);
}

static void pack_route(msgpack_packer *packer, const struct record *record)
{
    const struct catalog_route *route = &record->route;
    pack_head(packer, record, RECORD_ROUTE_FIELDS, NULL);
    pack_uuid(packer, &route->id);
    msgpack_pack_uint64(packer, route->created_ms);
    pack_text(packer, &route->name);
    msgpack_pack_array(packer, route->stop_count);
    for (uint32_t i = 0; i < route->stop_count; i++)
        pack_uuid(packer, &route->stations[i]);
}

void record_pack_catalog(msgpack_packer *packer, const struct record *record)
{
    switch ((int)record->kind) {
    case RECORD_EVENT:
        pack_event(packer, record);
        break;
    case RECORD_SHOW:
        pack_show(packer, record);
        break;
    case RECORD_ZONE:
        pack_zone(packer, record);
        break;
    case RECORD_STATION:
        pack_station(packer, record);
        break;
    case RECORD_ROUTE:
        pack_route(packer, record);
        break;
    default:
        assert(false && "not a record of the catalog");
    }
}
