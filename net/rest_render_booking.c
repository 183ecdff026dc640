/* Bookings and orders as JSON, field by field in the order of docs/openapi.yaml. */
#include <assert.h>

#include "../engine/currency.h"
#include "json_text.h"
#include "rest_seats.h"

/* Names, ids, times and numbers, without free texts and seats. */
enum { BOOKING_BYTES = 832, STOP_BYTES = 128 };

/* --- stops --- */

/* The trip a booking is a part of. NULL: its show is not one. */
static const struct catalog_show *trip_of(const struct catalog *catalog,
                                          const struct catalog_zone *zone)
{
    const struct catalog_show *show = catalog_show(catalog, &zone->show_id);
    return show != NULL && show->stop_count > 0 ? show : NULL;
}

static size_t stop_bytes(const struct catalog *catalog, const struct catalog_show *trip,
                         uint32_t place)
{
    const struct catalog_station *station =
        catalog_station(catalog, &trip->stops[place].station_id);
    return STOP_BYTES +
           (station == NULL ? 0 : json_text_bytes(station->name) + json_text_bytes(station->code));
}

static char *put_stop(char *at, const struct catalog *catalog, const struct catalog_show *trip,
                      uint32_t place)
{
    static const struct text none = {NULL, 0};
    const struct catalog_station *station =
        catalog_station(catalog, &trip->stops[place].station_id);
    at = JSON_PUT(at, "{\"place\":");
    at = json_put_count(at, place);
    at = JSON_PUT(at, ",\"station_id\":");
    at = json_put_uuid(at, &trip->stops[place].station_id);
    at = JSON_PUT(at, ",\"code\":");
    at = json_put_text_or_null(at, station == NULL ? none : station->code);
    at = JSON_PUT(at, ",\"name\":");
    at = json_put_text_or_null(at, station == NULL ? none : station->name);
    return JSON_PUT(at, "}");
}

static char *put_stops(char *at, const struct catalog *catalog, const struct catalog_zone *zone,
                       const struct booking_facts *facts)
{
    const struct catalog_show *trip = trip_of(catalog, zone);
    if (trip == NULL)
        return JSON_PUT(at, ",\"from_stop\":null,\"to_stop\":null");
    assert(facts->from_segment < facts->to_segment && facts->to_segment < trip->stop_count);
    at = JSON_PUT(at, ",\"from_stop\":");
    at = put_stop(at, catalog, trip, facts->from_segment);
    at = JSON_PUT(at, ",\"to_stop\":");
    return put_stop(at, catalog, trip, facts->to_segment);
}

/* --- bookings --- */

size_t rest_booking_bytes(const struct catalog *catalog, const struct catalog_zone *zone,
                          const struct rest_booking *booking)
{
    const struct booking_facts *facts = booking->facts;
    const struct catalog_show *trip = trip_of(catalog, zone);
    size_t bytes = BOOKING_BYTES + rest_seats_bytes(booking->seat_count);
    if (trip != NULL)
        bytes += stop_bytes(catalog, trip, facts->from_segment) +
                 stop_bytes(catalog, trip, facts->to_segment);
    if (!booking->named)
        return bytes;
    const struct catalog_event *event = catalog_event(catalog, &zone->event_id);
    return bytes + json_text_bytes(zone->name) +
           (event == NULL ? 4 : json_text_bytes(event->title));
}

static char *put_names(char *at, const struct catalog *catalog, const struct catalog_zone *zone)
{
    const struct catalog_event *event = catalog_event(catalog, &zone->event_id);
    at = JSON_PUT(at, ",\"event_title\":");
    at = json_put_text_or_null(at, event == NULL ? (struct text){NULL, 0} : event->title);
    at = JSON_PUT(at, ",\"zone_name\":");
    return json_put_text(at, zone->name);
}

/* Unit price, total and currency. No order is accepted whose total overflows:
 * the zone's price was bounded by its seats. */
static char *put_amounts(char *at, const struct catalog_zone *zone,
                         const struct booking_facts *booking)
{
    unsigned decimals = rest_zone_currency(zone)->decimals;
    int64_t total_minor = 0;
    bool fits = money_multiply(booking->unit_price_minor, booking->quantity, &total_minor);
    assert(fits);
    at = JSON_PUT(at, ",\"unit_price\":");
    at = money_format(at, booking->unit_price_minor, decimals);
    at = JSON_PUT(at, ",\"total_amount\":");
    at = money_format(at, total_minor, decimals);
    at = JSON_PUT(at, ",\"currency\":\"");
    at = json_put_bytes(at, zone->currency, 3);
    return JSON_PUT(at, "\"");
}

char *rest_put_booking(char *at, const struct catalog *catalog, const struct catalog_zone *zone,
                       const struct rest_booking *booking)
{
    const struct booking_facts *facts = booking->facts;
    at = JSON_PUT(at, "{\"booking_id\":");
    at = json_put_uuid(at, &facts->booking_id);
    at = JSON_PUT(at, ",\"status\":");
    at = json_put_name(at, booking_status_name(booking->as));
    at = JSON_PUT(at, ",\"user_id\":");
    at = json_put_uuid(at, &facts->user_id);
    at = JSON_PUT(at, ",\"event_id\":");
    at = json_put_uuid(at, &zone->event_id);
    at = JSON_PUT(at, ",\"show_id\":");
    at = json_put_uuid(at, &zone->show_id);
    at = JSON_PUT(at, ",\"zone_id\":");
    at = json_put_uuid(at, &facts->zone_id);
    if (booking->named)
        at = put_names(at, catalog, zone);
    at = JSON_PUT(at, ",\"quantity\":");
    at = json_put_count(at, facts->quantity);
    at = JSON_PUT(at, ",\"seats\":");
    at = rest_put_seats(at, zone->plan, booking->seats, booking->seat_count);
    at = put_stops(at, catalog, zone, facts);
    at = put_amounts(at, zone, facts);
    at = JSON_PUT(at, ",\"created_at\":");
    at = json_put_time(at, facts->created_ms);
    at = JSON_PUT(at, ",\"expires_at\":");
    at = json_put_time(at, facts->expires_ms);
    at = JSON_PUT(at, ",\"order_id\":");
    at = facts->order.count > 0 ? json_put_uuid(at, &facts->order.id) : JSON_PUT(at, "null");
    at = JSON_PUT(at, ",\"exchanged_from\":");
    at = json_put_uuid_or_null(at, &facts->exchanged_from);
    /* Only reads tell of it: a repeat of a confirm must not speak of a later cancel. */
    if (booking->named) {
        at = JSON_PUT(at, ",\"changed_at\":");
        at = json_put_time_or_null(at, facts->changed_ms);
    }
    return at;
}
