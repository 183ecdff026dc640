/* Events, shows, zones and bookings as JSON, field by field in the order of
 * docs/openapi.yaml. */
#include "rest_call.h"

#include <assert.h>

#include "../engine/currency.h"
#include "json_text.h"

/* Names, ids, times and numbers of each object, without its free texts. */
enum { EVENT_BYTES = 640, SHOW_BYTES = 384, ZONE_BYTES = 512, BOOKING_BYTES = 768 };

const char *rest_event_status_name(enum event_status status)
{
    static const char *const names[] = {"draft", "published", "cancelled"};
    return names[status];
}

static uint32_t published(const _Atomic uint32_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static char *put_name(char *at, const char *name)
{
    *at++ = '"';
    at = stpcpy(at, name);
    *at++ = '"';
    return at;
}

/* A zone's currency was checked when the zone was made. */
static const struct currency *currency_of(const struct catalog_zone *zone)
{
    int index = currency_index(zone->currency, strlen(zone->currency));
    assert(index >= 0);
    return currency_at(index);
}

/* --- events --- */

size_t rest_event_bytes(const struct catalog_event *event, bool description)
{
    return EVENT_BYTES + json_text_bytes(event->title) + json_text_bytes(event->slug) +
           json_text_bytes(event->venue) + json_text_bytes(event->city) +
           json_text_bytes(event->image_url) +
           (description ? json_text_bytes(event->description) : 0);
}

char *rest_put_event(char *at, const struct catalog_event *event, bool description)
{
    at = JSON_PUT(at, "{\"id\":");
    at = json_put_uuid(at, &event->id);
    at = JSON_PUT(at, ",\"tenant_id\":");
    at = uuid_is_nil(&event->tenant_id) ? JSON_PUT(at, "null")
                                        : json_put_uuid(at, &event->tenant_id);
    at = JSON_PUT(at, ",\"organizer_id\":");
    at = json_put_uuid(at, &event->organizer_id);
    at = JSON_PUT(at, ",\"category_id\":null,\"title\":");
    at = json_put_text(at, event->title);
    at = JSON_PUT(at, ",\"slug\":");
    at = json_put_text(at, event->slug);
    if (description) {
        at = JSON_PUT(at, ",\"description\":");
        at = json_put_text_or_null(at, event->description);
    }
    at = JSON_PUT(at, ",\"venue\":");
    at = json_put_text_or_null(at, event->venue);
    at = JSON_PUT(at, ",\"city\":");
    at = json_put_text_or_null(at, event->city);
    at = JSON_PUT(at, ",\"image_url\":");
    at = json_put_text_or_null(at, event->image_url);
    at = JSON_PUT(at, ",\"status\":");
    at = put_name(at, rest_event_status_name(event->status));
    at = JSON_PUT(at, ",\"sale_start_at\":");
    at = json_put_time_or_null(at, event->sale_start_ms);
    at = JSON_PUT(at, ",\"sale_end_at\":");
    at = json_put_time_or_null(at, event->sale_end_ms);
    at = JSON_PUT(at, ",\"max_per_user\":");
    at = json_put_count(at, event->max_per_user);
    at = JSON_PUT(at, ",\"created_at\":");
    at = json_put_time(at, event->created_ms);
    at = JSON_PUT(at, ",\"updated_at\":");
    at = json_put_time(at, event->updated_ms);
    return JSON_PUT(at, "}");
}

/* --- shows --- */

size_t rest_show_bytes(const struct catalog_show *show)
{
    return SHOW_BYTES + json_text_bytes(show->name);
}

/* A show has no state of its own: it is on sale as its event is. */
char *rest_put_show(char *at, const struct catalog *catalog, const struct catalog_show *show)
{
    const struct catalog_event *event = catalog_event(catalog, &show->event_id);
    const struct catalog_zone *zone;
    uint64_t total = 0, available = 0;
    for (uint32_t i = 0; (zone = catalog_show_zone(catalog, &show->id, i)) != NULL; i++) {
        total += zone->total_seats;
        available += published(&zone->counters->available);
    }
    at = JSON_PUT(at, "{\"id\":");
    at = json_put_uuid(at, &show->id);
    at = JSON_PUT(at, ",\"event_id\":");
    at = json_put_uuid(at, &show->event_id);
    at = JSON_PUT(at, ",\"name\":");
    at = json_put_text_or_null(at, show->name);
    at = JSON_PUT(at, ",\"show_date\":");
    at = json_put_time(at, show->show_date_ms);
    at = JSON_PUT(at, ",\"status\":");
    at = put_name(at, rest_event_status_name(event == NULL ? EVENT_DRAFT : event->status));
    at = JSON_PUT(at, ",\"total_seats\":");
    at = json_put_count(at, total);
    at = JSON_PUT(at, ",\"available_seats\":");
    at = json_put_count(at, available);
    at = JSON_PUT(at, ",\"created_at\":");
    at = json_put_time(at, show->created_ms);
    at = JSON_PUT(at, ",\"updated_at\":");
    at = json_put_time(at, show->updated_ms);
    return JSON_PUT(at, "}");
}

/* --- zones --- */

size_t rest_zone_bytes(const struct catalog_zone *zone)
{
    return ZONE_BYTES + json_text_bytes(zone->name);
}

char *rest_put_zone(char *at, const struct catalog_zone *zone)
{
    at = JSON_PUT(at, "{\"id\":");
    at = json_put_uuid(at, &zone->id);
    at = JSON_PUT(at, ",\"show_id\":");
    at = json_put_uuid(at, &zone->show_id);
    at = JSON_PUT(at, ",\"event_id\":");
    at = json_put_uuid(at, &zone->event_id);
    at = JSON_PUT(at, ",\"name\":");
    at = json_put_text(at, zone->name);
    at = JSON_PUT(at, ",\"price\":");
    at = money_format(at, zone->price_minor, currency_of(zone)->decimals);
    at = JSON_PUT(at, ",\"currency\":");
    at = put_name(at, zone->currency);
    at = JSON_PUT(at, ",\"kind\":");
    at = put_name(at, zone->kind == ZONE_GENERAL ? "general" : "seated");
    at = JSON_PUT(at, ",\"total_seats\":");
    at = json_put_count(at, zone->total_seats);
    at = JSON_PUT(at, ",\"available_seats\":");
    at = json_put_count(at, published(&zone->counters->available));
    at = JSON_PUT(at, ",\"reserved_seats\":");
    at = json_put_count(at, published(&zone->counters->reserved));
    at = JSON_PUT(at, ",\"sold_seats\":");
    at = json_put_count(at, published(&zone->counters->sold));
    at = JSON_PUT(at, ",\"created_at\":");
    at = json_put_time(at, zone->created_ms);
    at = JSON_PUT(at, ",\"updated_at\":");
    at = json_put_time(at, zone->updated_ms);
    return JSON_PUT(at, "}");
}

/* --- bookings --- */

size_t rest_booking_bytes(const struct catalog *catalog, const struct catalog_zone *zone,
                          bool named)
{
    if (!named)
        return BOOKING_BYTES;
    const struct catalog_event *event = catalog_event(catalog, &zone->event_id);
    return BOOKING_BYTES + json_text_bytes(zone->name) +
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
    unsigned decimals = currency_of(zone)->decimals;
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
                       const struct booking_facts *booking, enum booking_status as, bool named)
{
    at = JSON_PUT(at, "{\"booking_id\":");
    at = json_put_uuid(at, &booking->booking_id);
    at = JSON_PUT(at, ",\"status\":");
    at = put_name(at, booking_status_name(as));
    at = JSON_PUT(at, ",\"user_id\":");
    at = json_put_uuid(at, &booking->user_id);
    at = JSON_PUT(at, ",\"event_id\":");
    at = json_put_uuid(at, &zone->event_id);
    at = JSON_PUT(at, ",\"show_id\":");
    at = json_put_uuid(at, &zone->show_id);
    at = JSON_PUT(at, ",\"zone_id\":");
    at = json_put_uuid(at, &booking->zone_id);
    if (named)
        at = put_names(at, catalog, zone);
    at = JSON_PUT(at, ",\"quantity\":");
    at = json_put_count(at, booking->quantity);
    at = JSON_PUT(at, ",\"seats\":[]");
    at = put_amounts(at, zone, booking);
    at = JSON_PUT(at, ",\"created_at\":");
    at = json_put_time(at, booking->created_ms);
    at = JSON_PUT(at, ",\"expires_at\":");
    at = json_put_time(at, booking->expires_ms);
    /* Only reads tell of it: a repeat of a confirm must not speak of a later cancel. */
    if (named) {
        at = JSON_PUT(at, ",\"changed_at\":");
        at = json_put_time_or_null(at, booking->changed_ms);
    }
    return at;
}
