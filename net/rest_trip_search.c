/* Stations, routes and trips, answered from the worker's own replica: no command, no
 * other thread. */
#include "../engine/currency.h"
#include "../engine/trip_search.h"
#include "json_text.h"
#include "rest_call.h"
#include "rest_routes.h"

enum { ENVELOPE_BYTES = 64, TRIP_BYTES = 512, CLASS_BYTES = 320, CLASSES_MAX = 32, PAGE_MAX = 100 };

static const uint64_t DAY_MS = 86400000;

static const struct catalog *replica(const struct rest_call *call)
{
    return worker_catalog(call->rest->worker);
}

static char *open_list(struct rest_call *call, size_t bytes_max, char **body)
{
    http_response_begin(call->response, 200, ENVELOPE_BYTES + REST_META_BYTES_MAX + bytes_max);
    *body = http_response_body(call->response, NULL);
    return JSON_PUT(*body, "{\"success\":true,\"data\":[");
}

static enum rest_outcome close_list(struct rest_call *call, char *body, char *at,
                                    struct rest_page page, uint64_t total)
{
    *at++ = ']';
    at = JSON_PUT(rest_put_meta(at, page, total), "}");
    http_response_end(call->response, (size_t)(at - body));
    return REST_ANSWERED;
}

/* The first item of a page, and one past its last. */
static void page_bounds(struct rest_page page, uint32_t count, uint32_t *first, uint32_t *end)
{
    uint64_t start = (uint64_t)(page.number - 1) * page.size;
    *first = start > count ? count : (uint32_t)start;
    *end = count - *first > page.size ? *first + page.size : count;
}

enum rest_outcome rest_station_list(struct rest_call *call)
{
    struct rest_page page;
    uint32_t first, end, count = catalog_station_count(replica(call));
    size_t bytes_max = 0;
    char *body;
    if (!rest_page(call, &page))
        return REST_ANSWERED;
    page_bounds(page, count, &first, &end);
    for (uint32_t i = first; i < end; i++)
        bytes_max += rest_station_bytes(catalog_station_at(replica(call), i)) + 1;
    char *at = open_list(call, bytes_max, &body);
    for (uint32_t i = first; i < end; i++) {
        if (i > first)
            *at++ = ',';
        at = rest_put_station(at, catalog_station_at(replica(call), i));
    }
    return close_list(call, body, at, page, count);
}

enum rest_outcome rest_route_list(struct rest_call *call)
{
    const struct catalog *catalog = replica(call);
    struct rest_page page;
    uint32_t first, end, count = catalog_route_count(catalog);
    size_t bytes_max = 0;
    char *body;
    if (!rest_page(call, &page))
        return REST_ANSWERED;
    page_bounds(page, count, &first, &end);
    for (uint32_t i = first; i < end; i++)
        bytes_max += rest_route_bytes(catalog, catalog_route_at(catalog, i)) + 1;
    char *at = open_list(call, bytes_max, &body);
    for (uint32_t i = first; i < end; i++) {
        if (i > first)
            *at++ = ',';
        at = rest_put_route(at, catalog, catalog_route_at(catalog, i));
    }
    return close_list(call, body, at, page, count);
}

/* --- what a search asks --- */

static const struct catalog_station *query_station(struct rest_call *call, const char *name)
{
    char buffer[64];
    struct text value;
    struct uuid id;
    const struct catalog_station *station = NULL;
    enum rest_query found =
        rest_query_text(call->request->query, name, buffer, sizeof buffer, &value);
    if (found == REST_QUERY_FOUND && uuid_parse(&id, value.bytes, value.length))
        station = catalog_station(replica(call), &id);
    else if (found == REST_QUERY_FOUND)
        station = catalog_station_by_code(replica(call), value.bytes, value.length);
    if (station == NULL)
        rest_field_problem(call, name, "the id or code of a station that there is");
    return station;
}

/* The day `date` of clocks at `offset` ("Z", "+06:00"), as its midnight in Unix ms. */
static bool midnight_of(struct text date, struct text offset, uint64_t *ms)
{
    char text[40];
    if (date.length != 10 || offset.length > 6)
        return false;
    char *end = json_put_bytes(text, date.bytes, date.length);
    end = json_put_bytes(JSON_PUT(end, "T00:00:00"), offset.bytes, offset.length);
    return timestamp_parse(text, (size_t)(end - text), ms);
}

/* False: the response is complete. */
static bool query_day(struct rest_call *call, struct trip_query *query)
{
    char date_buffer[16], offset_buffer[8];
    struct text date, offset = {"Z", 1};
    enum rest_query found = rest_query_text(call->request->query, "tz_offset", offset_buffer,
                                            sizeof offset_buffer, &offset);
    uint64_t unused;
    if (found == REST_QUERY_BAD ||
        (found == REST_QUERY_FOUND &&
         !midnight_of((struct text){"2000-01-01", 10}, offset, &unused))) {
        rest_field_problem(call, "tz_offset", "Z, or an offset such as %2B06:00");
        return false;
    }
    found = rest_query_text(call->request->query, "date", date_buffer, sizeof date_buffer, &date);
    if (found != REST_QUERY_FOUND || !midnight_of(date, offset, &query->since_ms)) {
        rest_field_problem(call, "date", "a date such as 2026-12-24");
        return false;
    }
    query->until_ms = query->since_ms + DAY_MS;
    return true;
}

/* --- a trip found --- */

static bool may_see(const struct rest_call *call, const struct catalog_show *show)
{
    const struct catalog_event *event = catalog_event(replica(call), &show->event_id);
    return event != NULL && event->status == EVENT_PUBLISHED;
}

static size_t trip_bytes(const struct catalog *catalog, const struct trip *trip)
{
    const struct catalog_zone *zone;
    size_t bytes = TRIP_BYTES + json_text_bytes(trip->show->name);
    for (uint32_t i = 0; i < CLASSES_MAX; i++) {
        if ((zone = catalog_show_zone(catalog, &trip->show->id, i)) == NULL)
            break;
        bytes += CLASS_BYTES + json_text_bytes(zone->name);
    }
    return bytes;
}

static char *put_class(char *at, const struct catalog_zone *zone, const struct trip *trip)
{
    bool closed = atomic_load_explicit(&zone->counters->closed, memory_order_relaxed) != 0;
    at = JSON_PUT(at, "{\"zone_id\":");
    at = json_put_uuid(at, &zone->id);
    at = JSON_PUT(at, ",\"name\":");
    at = json_put_text(at, zone->name);
    at = zone->kind == ZONE_SEATED ? JSON_PUT(at, ",\"kind\":\"seated\",\"price\":")
                                   : JSON_PUT(at, ",\"kind\":\"general\",\"price\":");
    at = money_format(at, catalog_zone_price(zone, trip->from_stop, trip->to_stop),
                      rest_zone_currency(zone)->decimals);
    at = JSON_PUT(at, ",\"currency\":\"");
    at = json_put_bytes(at, zone->currency, 3);
    at = JSON_PUT(at, "\",\"available_seats\":");
    at = json_put_count(at, catalog_zone_left(zone, trip->from_stop, trip->to_stop));
    return closed ? JSON_PUT(at, ",\"closed\":true}") : JSON_PUT(at, ",\"closed\":false}");
}

static char *put_trip(char *at, const struct catalog *catalog, const struct trip *trip)
{
    const struct catalog_show *show = trip->show;
    const struct catalog_zone *zone;
    at = JSON_PUT(at, "{\"show_id\":");
    at = json_put_uuid(at, &show->id);
    at = JSON_PUT(at, ",\"event_id\":");
    at = json_put_uuid(at, &show->event_id);
    at = JSON_PUT(at, ",\"name\":");
    at = json_put_text_or_null(at, show->name);
    at = JSON_PUT(at, ",\"route_id\":");
    at = json_put_uuid_or_null(at, &show->route_id);
    at = JSON_PUT(at, ",\"from_stop\":");
    at = json_put_count(at, trip->from_stop);
    at = JSON_PUT(at, ",\"to_stop\":");
    at = json_put_count(at, trip->to_stop);
    at = JSON_PUT(at, ",\"departs_at\":");
    at = json_put_time(at, show->stops[trip->from_stop].departs_ms);
    at = JSON_PUT(at, ",\"arrives_at\":");
    at = json_put_time(at, show->stops[trip->to_stop].arrives_ms);
    at = JSON_PUT(at, ",\"classes\":[");
    for (uint32_t i = 0; i < CLASSES_MAX; i++) {
        if ((zone = catalog_show_zone(catalog, &show->id, i)) == NULL)
            break;
        if (i > 0)
            *at++ = ',';
        at = put_class(at, zone, trip);
    }
    return JSON_PUT(at, "]}");
}

/* The trips of a page; returns how many there are on all pages. */
static uint64_t collect(const struct rest_call *call, const struct trip_query *query,
                        struct rest_page page, struct trip trips[PAGE_MAX], uint32_t *count)
{
    struct trip_cursor cursor = trip_search(replica(call), query);
    uint64_t total = 0, first = (uint64_t)(page.number - 1) * page.size;
    struct trip trip;
    *count = 0;
    while (trip_search_next(&cursor, &trip)) {
        if (!may_see(call, trip.show))
            continue;
        if (total++ >= first && *count < page.size)
            trips[(*count)++] = trip;
    }
    return total;
}

enum rest_outcome rest_trip_search(struct rest_call *call)
{
    struct rest_page page;
    struct trip_query query;
    struct trip trips[PAGE_MAX];
    uint32_t count;
    size_t bytes_max = 0;
    char *body;
    const struct catalog_station *from, *to;
    if ((from = query_station(call, "from")) == NULL || (to = query_station(call, "to")) == NULL ||
        !query_day(call, &query) || !rest_page(call, &page))
        return REST_ANSWERED;
    if (from == to)
        return rest_field_problem(call, "to", "another station than from");
    query.from = from->id;
    query.to = to->id;
    uint64_t total = collect(call, &query, page, trips, &count);
    for (uint32_t i = 0; i < count; i++)
        bytes_max += trip_bytes(replica(call), &trips[i]) + 1;
    char *at = open_list(call, bytes_max, &body);
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            *at++ = ',';
        at = put_trip(at, replica(call), &trips[i]);
    }
    return close_list(call, body, at, page, total);
}
