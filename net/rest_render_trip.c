/* Stations, routes and stops as JSON, field by field in the order of docs/openapi.yaml. */
#include "json_text.h"
#include "rest_call.h"

enum { STATION_BYTES = 192, ROUTE_BYTES = 160, STOP_BYTES = 192 };

size_t rest_station_bytes(const struct catalog_station *station)
{
    return STATION_BYTES + json_text_bytes(station->code) + json_text_bytes(station->name) +
           json_text_bytes(station->city);
}

char *rest_put_station(char *at, const struct catalog_station *station)
{
    at = JSON_PUT(at, "{\"id\":");
    at = json_put_uuid(at, &station->id);
    at = JSON_PUT(at, ",\"code\":");
    at = json_put_text(at, station->code);
    at = JSON_PUT(at, ",\"name\":");
    at = json_put_text(at, station->name);
    at = JSON_PUT(at, ",\"city\":");
    at = json_put_text_or_null(at, station->city);
    at = JSON_PUT(at, ",\"created_at\":");
    at = json_put_time(at, station->created_ms);
    return JSON_PUT(at, "}");
}

/* Left open: {"station_id":...,"code":...,"name":... */
static char *put_stop(char *at, const struct catalog *catalog, const struct uuid *station_id)
{
    const struct catalog_station *station = catalog_station(catalog, station_id);
    struct text none = {NULL, 0};
    at = JSON_PUT(at, "{\"station_id\":");
    at = json_put_uuid(at, station_id);
    at = JSON_PUT(at, ",\"code\":");
    at = json_put_text_or_null(at, station == NULL ? none : station->code);
    at = JSON_PUT(at, ",\"name\":");
    return json_put_text_or_null(at, station == NULL ? none : station->name);
}

static size_t stop_bytes(const struct catalog *catalog, const struct uuid *station_id)
{
    const struct catalog_station *station = catalog_station(catalog, station_id);
    if (station == NULL)
        return STOP_BYTES;
    return STOP_BYTES + json_text_bytes(station->code) + json_text_bytes(station->name);
}

size_t rest_route_bytes(const struct catalog *catalog, const struct catalog_route *route)
{
    size_t bytes = ROUTE_BYTES + json_text_bytes(route->name);
    for (uint32_t i = 0; i < route->stop_count; i++)
        bytes += stop_bytes(catalog, &route->stations[i]);
    return bytes;
}

char *rest_put_route(char *at, const struct catalog *catalog, const struct catalog_route *route)
{
    at = JSON_PUT(at, "{\"id\":");
    at = json_put_uuid(at, &route->id);
    at = JSON_PUT(at, ",\"name\":");
    at = json_put_text(at, route->name);
    at = JSON_PUT(at, ",\"stations\":[");
    for (uint32_t i = 0; i < route->stop_count; i++) {
        if (i > 0)
            *at++ = ',';
        at = put_stop(at, catalog, &route->stations[i]);
        *at++ = '}';
    }
    at = JSON_PUT(at, "],\"created_at\":");
    at = json_put_time(at, route->created_ms);
    return JSON_PUT(at, "}");
}

size_t rest_stops_bytes(const struct catalog *catalog, const struct catalog_show *show)
{
    size_t bytes = 2;
    for (uint32_t i = 0; i < show->stop_count; i++)
        bytes += stop_bytes(catalog, &show->stops[i].station_id);
    return bytes;
}

char *rest_put_stops(char *at, const struct catalog *catalog, const struct catalog_show *show)
{
    *at++ = '[';
    for (uint32_t i = 0; i < show->stop_count; i++) {
        const struct catalog_stop *stop = &show->stops[i];
        if (i > 0)
            *at++ = ',';
        at = put_stop(at, catalog, &stop->station_id);
        at = JSON_PUT(at, ",\"arrives_at\":");
        at = json_put_time(at, stop->arrives_ms);
        at = JSON_PUT(at, ",\"departs_at\":");
        at = json_put_time(at, stop->departs_ms);
        *at++ = '}';
    }
    return JSON_PUT(at, "]");
}
