/* Bytes to the records of what is on sale. */
#include <assert.h>

#include "record_cursor.h"

static void take_event(struct cursor *cursor, struct catalog_event *event, bool grown)
{
    memset(event, 0, sizeof *event);
    take_uuid(cursor, &event->id);
    take_uuid(cursor, &event->tenant_id);
    take_uuid(cursor, &event->organizer_id);
    event->status = (enum event_status)take_uint(cursor, EVENT_CANCELLED);
    event->sale_start_ms = take_uint(cursor, UINT64_MAX);
    event->sale_end_ms = take_uint(cursor, UINT64_MAX);
    event->created_ms = take_uint(cursor, UINT64_MAX);
    event->updated_ms = take_uint(cursor, UINT64_MAX);
    event->max_per_user = take_uint32(cursor);
    event->title = take_text(cursor, CATALOG_TITLE_BYTES_MAX);
    event->slug = take_text(cursor, CATALOG_SLUG_BYTES_MAX);
    event->description = take_text(cursor, CATALOG_DESCRIPTION_BYTES_MAX);
    event->venue = take_text(cursor, CATALOG_TEXT_BYTES_MAX);
    event->city = take_text(cursor, CATALOG_TEXT_BYTES_MAX);
    event->image_url = take_text(cursor, CATALOG_URL_BYTES_MAX);
    if (!grown)
        return;
    event->sale_closed = take_bool(cursor);
    event->allow_orphans = take_bool(cursor);
}

static void take_stops(struct cursor *cursor, struct catalog_show *show,
                       struct record_scratch *scratch)
{
    show->stop_count = take_list(cursor, CATALOG_STOPS_MAX);
    if (show->stop_count == 0)
        return;
    if (show->stop_count != show->segment_count + 1)
        cursor_fail(cursor, RECORD_DECODE_RANGE);
    show->stops = scratch->stops;
    for (uint32_t i = 0; i < show->stop_count; i++) {
        struct catalog_stop *stop = &scratch->stops[i];
        expect_array(cursor, RECORD_SHOW_STOP_FIELDS);
        take_uuid(cursor, &stop->station_id);
        stop->arrives_ms = take_uint(cursor, UINT64_MAX);
        stop->departs_ms = take_uint(cursor, UINT64_MAX);
    }
}

static void take_show(struct cursor *cursor, struct catalog_show *show,
                      struct record_scratch *scratch, bool grown)
{
    memset(show, 0, sizeof *show);
    take_uuid(cursor, &show->id);
    take_uuid(cursor, &show->event_id);
    show->segment_count = (uint32_t)take_uint(cursor, CATALOG_SEGMENTS_MAX);
    show->show_date_ms = take_uint(cursor, UINT64_MAX);
    show->created_ms = take_uint(cursor, UINT64_MAX);
    show->updated_ms = take_uint(cursor, UINT64_MAX);
    show->name = take_text(cursor, CATALOG_TEXT_BYTES_MAX);
    if (!grown)
        return;
    take_stops(cursor, show, scratch);
    take_uuid_or_nil(cursor, &show->route_id);
}

static void take_zone(struct cursor *cursor, struct catalog_zone *zone,
                      struct record_scratch *scratch, bool grown)
{
    memset(zone, 0, sizeof *zone);
    take_uuid(cursor, &zone->id);
    take_uuid(cursor, &zone->show_id);
    take_uuid(cursor, &zone->event_id);
    zone->kind = (enum zone_kind)take_uint(cursor, ZONE_SEATED);
    zone->price_minor = take_int64(cursor);
    struct text currency = take_text(cursor, RECORD_CURRENCY_BYTES);
    if (currency.length != RECORD_CURRENCY_BYTES)
        cursor_fail(cursor, RECORD_DECODE_RANGE);
    else
        memcpy(zone->currency, currency.bytes, RECORD_CURRENCY_BYTES);
    zone->total_seats = take_uint32(cursor);
    zone->created_ms = take_uint(cursor, UINT64_MAX);
    zone->updated_ms = take_uint(cursor, UINT64_MAX);
    zone->name = take_text(cursor, CATALOG_TEXT_BYTES_MAX);
    if (!grown)
        return;
    zone->segment_price_count = take_list(cursor, CATALOG_SEGMENTS_MAX);
    for (uint32_t i = 0; i < zone->segment_price_count; i++)
        scratch->segment_prices[i] = take_int64(cursor);
    if (zone->segment_price_count > 0)
        zone->segment_prices = scratch->segment_prices;
    zone->plan_bytes = take_bytes_or_nil(cursor, SEAT_PLAN_BYTES_MAX, &zone->plan_length);
}

static void take_station(struct cursor *cursor, struct catalog_station *station)
{
    memset(station, 0, sizeof *station);
    take_uuid(cursor, &station->id);
    station->created_ms = take_uint(cursor, UINT64_MAX);
    station->code = take_text(cursor, CATALOG_STATION_CODE_BYTES_MAX);
    station->name = take_text(cursor, CATALOG_TEXT_BYTES_MAX);
    station->city = take_text(cursor, CATALOG_TEXT_BYTES_MAX);
}

static void take_route(struct cursor *cursor, struct catalog_route *route,
                       struct record_scratch *scratch)
{
    memset(route, 0, sizeof *route);
    take_uuid(cursor, &route->id);
    route->created_ms = take_uint(cursor, UINT64_MAX);
    route->name = take_text(cursor, CATALOG_TEXT_BYTES_MAX);
    route->stop_count = take_list(cursor, CATALOG_STOPS_MAX);
    route->stations = scratch->stations;
    for (uint32_t i = 0; i < route->stop_count; i++)
        take_uuid(cursor, &scratch->stations[i]);
}

void record_take_catalog(struct cursor *cursor, struct record *record,
                         struct record_scratch *scratch, bool grown)
{
    switch ((int)record->kind) {
    case RECORD_EVENT:
        take_event(cursor, &record->event, grown);
        break;
    case RECORD_SHOW:
        take_show(cursor, &record->show, scratch, grown);
        break;
    case RECORD_ZONE:
        take_zone(cursor, &record->zone, scratch, grown);
        break;
    case RECORD_STATION:
        take_station(cursor, &record->station);
        break;
    case RECORD_ROUTE:
        take_route(cursor, &record->route, scratch);
        break;
    default:
        assert(false && "not a record of the catalog");
    }
}
