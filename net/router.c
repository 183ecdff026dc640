#include "router.h"

#include <string.h>

#include "rest_routes.h"

/* Paths of operations answer at the root too: probes and scrapers expect them
 * there. */
static const struct route routes[] = {
    {HTTP_POST, ROUTE_AUTH_USER, "/api/v1/bookings/reserve", rest_booking_reserve},
    {HTTP_POST, ROUTE_AUTH_USER, "/api/v1/bookings/{booking_id}/confirm", rest_booking_confirm},
    {HTTP_POST, ROUTE_AUTH_USER, "/api/v1/bookings/{booking_id}/cancel", rest_booking_cancel},
    {HTTP_POST, ROUTE_AUTH_USER, "/api/v1/bookings/{booking_id}/extend", rest_booking_extend},
    {HTTP_POST, ROUTE_AUTH_USER, "/api/v1/bookings/{booking_id}/release", rest_booking_release},
    {HTTP_POST, ROUTE_AUTH_USER, "/api/v1/bookings/{booking_id}/exchange", rest_booking_exchange},
    {HTTP_POST, ROUTE_AUTH_USER, "/api/v1/bookings/{booking_id}/transfer", rest_booking_transfer},
    {HTTP_POST, ROUTE_AUTH_ORGANIZER, "/api/v1/bookings/{booking_id}/refund", rest_booking_refund},
    {HTTP_GET, ROUTE_AUTH_USER, "/api/v1/bookings", rest_booking_list},
    {HTTP_GET, ROUTE_AUTH_USER, "/api/v1/bookings/pending", rest_booking_pending},
    {HTTP_GET, ROUTE_AUTH_USER, "/api/v1/bookings/summary", rest_booking_summary},
    {HTTP_GET, ROUTE_AUTH_USER, "/api/v1/bookings/{booking_id}", rest_booking_get},
    {HTTP_DELETE, ROUTE_AUTH_USER, "/api/v1/bookings/{booking_id}", rest_booking_cancel},

    {HTTP_POST, ROUTE_AUTH_USER, "/api/v1/orders", rest_order_create},
    {HTTP_POST, ROUTE_AUTH_USER, "/api/v1/orders/{order_id}/confirm", rest_order_confirm},
    {HTTP_POST, ROUTE_AUTH_USER, "/api/v1/orders/{order_id}/cancel", rest_order_cancel},
    {HTTP_GET, ROUTE_AUTH_USER, "/api/v1/orders/{order_id}", rest_order_get},

    {HTTP_GET, ROUTE_AUTH_OPTIONAL, "/api/v1/shows/{show_id}/zones", rest_show_zones},
    {HTTP_POST, ROUTE_AUTH_ORGANIZER, "/api/v1/shows/{show_id}/zones", rest_zone_create},
    {HTTP_GET, ROUTE_AUTH_OPTIONAL, "/api/v1/shows/{show_id}", rest_show_get},
    {HTTP_GET, ROUTE_AUTH_OPTIONAL, "/api/v1/zones/{zone_id}/seats", rest_seat_map},
    {HTTP_GET, ROUTE_AUTH_OPTIONAL, "/api/v1/zones/{zone_id}", rest_zone_get},
    {HTTP_GET, ROUTE_AUTH_ORGANIZER, "/api/v1/zones/{zone_id}/blocks", rest_block_list},
    {HTTP_POST, ROUTE_AUTH_ORGANIZER, "/api/v1/zones/{zone_id}/blocks", rest_block_create},
    {HTTP_DELETE, ROUTE_AUTH_ORGANIZER, "/api/v1/zones/{zone_id}/blocks/{block_id}",
     rest_block_end},
    {HTTP_POST, ROUTE_AUTH_ORGANIZER, "/api/v1/zones/{zone_id}/capacity", rest_zone_capacity},
    {HTTP_POST, ROUTE_AUTH_ORGANIZER, "/api/v1/zones/{zone_id}/close", rest_zone_close},
    {HTTP_POST, ROUTE_AUTH_ORGANIZER, "/api/v1/zones/{zone_id}/reopen", rest_zone_reopen},
    {HTTP_GET, ROUTE_AUTH_OPTIONAL, "/api/v1/trips", rest_trip_search},
    {HTTP_GET, ROUTE_AUTH_OPTIONAL, "/api/v1/stations", rest_station_list},
    {HTTP_POST, ROUTE_AUTH_ORGANIZER, "/api/v1/stations", rest_station_create},
    {HTTP_GET, ROUTE_AUTH_OPTIONAL, "/api/v1/routes", rest_route_list},
    {HTTP_POST, ROUTE_AUTH_ORGANIZER, "/api/v1/routes", rest_route_create},
    {HTTP_GET, ROUTE_AUTH_OPTIONAL, "/api/v1/events", rest_event_list},
    {HTTP_POST, ROUTE_AUTH_ORGANIZER, "/api/v1/events", rest_event_create},
    {HTTP_GET, ROUTE_AUTH_OPTIONAL, "/api/v1/events/{event}/shows", rest_event_shows},
    {HTTP_POST, ROUTE_AUTH_ORGANIZER, "/api/v1/events/{event}/shows", rest_show_create},
    {HTTP_POST, ROUTE_AUTH_ORGANIZER, "/api/v1/events/{event}/publish", rest_event_publish},
    {HTTP_POST, ROUTE_AUTH_ORGANIZER, "/api/v1/events/{event}/unpublish", rest_event_unpublish},
    {HTTP_POST, ROUTE_AUTH_ORGANIZER, "/api/v1/events/{event}/cancel", rest_event_cancel},
    {HTTP_POST, ROUTE_AUTH_ORGANIZER, "/api/v1/events/{event}/close", rest_event_close},
    {HTTP_POST, ROUTE_AUTH_ORGANIZER, "/api/v1/events/{event}/reopen", rest_event_reopen},
    {HTTP_GET, ROUTE_AUTH_OPTIONAL, "/api/v1/events/{event}", rest_event_get},

    {HTTP_GET, ROUTE_AUTH_NONE, "/health", rest_health},
    {HTTP_GET, ROUTE_AUTH_NONE, "/ready", rest_ready},
    {HTTP_GET, ROUTE_AUTH_OPTIONAL, "/metrics", rest_metrics},
    {HTTP_GET, ROUTE_AUTH_NONE, "/api/v1/health", rest_health},
    {HTTP_GET, ROUTE_AUTH_NONE, "/api/v1/ready", rest_ready},
    {HTTP_GET, ROUTE_AUTH_OPTIONAL, "/api/v1/metrics", rest_metrics},
};

enum { ROUTE_COUNT = sizeof routes / sizeof routes[0] };

const struct route *router_table(size_t *count)
{
    *count = ROUTE_COUNT;
    return routes;
}

/* Walks pattern and path side by side; a brace takes the rest of a segment. */
static bool pattern_matches(const char *pattern, struct text path,
                            struct text parameters[ROUTE_PARAMETERS_MAX])
{
    uint32_t count = 0;
    const char *at = path.bytes;
    const char *end = at + path.length;
    for (uint32_t i = 0; i < ROUTE_PARAMETERS_MAX; i++)
        parameters[i] = (struct text){NULL, 0};
    while (*pattern != '\0') {
        if (*pattern != '{') {
            if (at == end || *at++ != *pattern++)
                return false;
            continue;
        }
        const char *start = at;
        while (at < end && *at != '/')
            at++;
        if (at == start)
            return false;
        parameters[count++] = (struct text){start, (uint32_t)(at - start)};
        pattern = strchr(pattern, '}') + 1;
    }
    return at == end;
}

struct route_match router_match(enum http_method method, struct text path)
{
    struct route_match match = {NULL, NULL, {{NULL, 0}, {NULL, 0}}};
    enum http_method wanted = method == HTTP_HEAD ? HTTP_GET : method;
    for (const struct route *route = routes; route < routes + ROUTE_COUNT; route++) {
        if (match.first == NULL) {
            if (!pattern_matches(route->pattern, path, match.parameters))
                continue;
            match.first = route;
        } else if (strcmp(route->pattern, match.first->pattern) != 0) {
            break;
        }
        if (route->method == wanted) {
            match.route = route;
            break;
        }
    }
    return match;
}

const char *http_method_name(enum http_method method)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "OTHER"};
    return names[method];
}

char *router_allow(const struct route *first, char *out)
{
    for (const struct route *route = first;
         route < routes + ROUTE_COUNT && strcmp(route->pattern, first->pattern) == 0; route++) {
        const char *name =
            route->method == HTTP_GET ? "GET, HEAD" : http_method_name(route->method);
        out = stpcpy(out, name);
        out = stpcpy(out, ", ");
    }
    return stpcpy(out, "OPTIONS");
}
