/* Events, shows and zones as JSON, field by field in the order of docs/openapi.yaml. */
#include "rest_call.h"

#include <assert.h>

#include "../engine/currency.h"
#include "json_text.h"

/* Names, ids, times and numbers of each object, without its free texts. */
enum { EVENT_BYTES = 704, SHOW_BYTES = 448, ZONE_BYTES = 768 };

const char *rest_event_status_name(enum event_status status)
{
    static const char *const names[] = {"draft", "published", "cancelled"};
    return names[status];
}

static uint32_t published(const _Atomic uint32_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* It was checked when the zone was made. */
const struct currency *rest_zone_currency(const struct catalog_zone *zone)
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
    at = json_put_uuid_or_null(at, &event->tenant_id);
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
    at = json_put_name(at, rest_event_status_name(event->status));
    at = JSON_PUT(at, ",\"sale_start_at\":");
    at = json_put_time_or_null(at, event->sale_start_ms);
    at = JSON_PUT(at, ",\"sale_end_at\":");
    at = json_put_time_or_null(at, event->sale_end_ms);
    at = JSON_PUT(at, ",\"sale_closed\":");
    at = json_put_flag(at, event->sale_closed);
    at = JSON_PUT(at, ",\"prevent_orphans\":");
    at = json_put_flag(at, !event->allow_orphans);
    at = JSON_PUT(at, ",\"max_per_user\":");
    at = json_put_count(at, event->max_per_user);
    at = JSON_PUT(at, ",\"created_at\":");
    at = json_put_time(at, event->created_ms);
    at = JSON_PUT(at, ",\"updated_at\":");
    at = json_put_time(at, event->updated_ms);
    return JSON_PUT(at, "}");
}

/* --- shows --- */

size_t rest_show_bytes(const struct catalog *catalog, const struct catalog_show *show)
{
    return SHOW_BYTES + json_text_bytes(show->name) + rest_stops_bytes(catalog, show);
}

/* A show has no state of its own: it is on sale as its event is. */
static char *put_show(char *at, const struct catalog *catalog, const struct catalog_show *show,
                      uint64_t total, uint64_t available)
{
    const struct catalog_event *event = catalog_event(catalog, &show->event_id);
    at = JSON_PUT(at, "{\"id\":");
    at = json_put_uuid(at, &show->id);
    at = JSON_PUT(at, ",\"event_id\":");
    at = json_put_uuid(at, &show->event_id);
    at = JSON_PUT(at, ",\"name\":");
    at = json_put_text_or_null(at, show->name);
    at = JSON_PUT(at, ",\"show_date\":");
    at = json_put_time(at, show->show_date_ms);
    at = JSON_PUT(at, ",\"status\":");
    at = json_put_name(at, rest_event_status_name(event == NULL ? EVENT_DRAFT : event->status));
    at = JSON_PUT(at, ",\"total_seats\":");
    at = json_put_count(at, total);
    at = JSON_PUT(at, ",\"available_seats\":");
    at = json_put_count(at, available);
    at = JSON_PUT(at, ",\"route_id\":");
    at = json_put_uuid_or_null(at, &show->route_id);
    at = JSON_PUT(at, ",\"stops\":");
    at = rest_put_stops(at, catalog, show);
    at = JSON_PUT(at, ",\"created_at\":");
    at = json_put_time(at, show->created_ms);
    at = JSON_PUT(at, ",\"updated_at\":");
    at = json_put_time(at, show->updated_ms);
    return JSON_PUT(at, "}");
}

char *rest_put_show(char *at, const struct catalog *catalog, const struct catalog_show *show)
{
    const struct catalog_zone *zone;
    uint64_t total = 0, available = 0;
    for (uint32_t i = 0; (zone = catalog_show_zone(catalog, &show->id, i)) != NULL; i++) {
        total += published(&zone->counters->total);
        available += published(&zone->counters->available);
    }
    return put_show(at, catalog, show, total, available);
}

char *rest_put_new_show(char *at, const struct catalog *catalog, const struct catalog_show *show)
{
    return put_show(at, catalog, show, 0, 0);
}

/* --- zones --- */

size_t rest_zone_bytes(const struct catalog_zone *zone)
{
    return ZONE_BYTES + json_text_bytes(zone->name) +
           (size_t)zone->segment_price_count * (MONEY_TEXT_BYTES_MAX + 1);
}

/* null where the zone has one price for every way. */
static char *put_segment_prices(char *at, const struct catalog_zone *zone)
{
    if (zone->segment_price_count == 0)
        return JSON_PUT(at, "null");
    for (uint32_t i = 0; i < zone->segment_price_count; i++) {
        *at++ = i == 0 ? '[' : ',';
        at = money_format(at, zone->segment_prices[i], rest_zone_currency(zone)->decimals);
    }
    return JSON_PUT(at, "]");
}

struct zone_numbers {
    uint32_t total, available, reserved, sold, blocked;
    bool closed;
};

static char *put_zone_numbers(char *at, struct zone_numbers numbers)
{
    at = JSON_PUT(at, ",\"total_seats\":");
    at = json_put_count(at, numbers.total);
    at = JSON_PUT(at, ",\"available_seats\":");
    at = json_put_count(at, numbers.available);
    at = JSON_PUT(at, ",\"reserved_seats\":");
    at = json_put_count(at, numbers.reserved);
    at = JSON_PUT(at, ",\"sold_seats\":");
    at = json_put_count(at, numbers.sold);
    at = JSON_PUT(at, ",\"blocked_seats\":");
    at = json_put_count(at, numbers.blocked);
    at = JSON_PUT(at, ",\"closed\":");
    return json_put_flag(at, numbers.closed);
}

static char *put_zone(char *at, const struct catalog_zone *zone, struct zone_numbers numbers)
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
    at = money_format(at, zone->price_minor, rest_zone_currency(zone)->decimals);
    at = JSON_PUT(at, ",\"currency\":");
    at = json_put_name(at, zone->currency);
    at = JSON_PUT(at, ",\"kind\":");
    at = json_put_name(at, zone->kind == ZONE_GENERAL ? "general" : "seated");
    at = put_zone_numbers(at, numbers);
    at = JSON_PUT(at, ",\"row_count\":");
    at = zone->plan == NULL ? JSON_PUT(at, "null") : json_put_count(at, zone->plan->row_count);
    at = JSON_PUT(at, ",\"segment_prices\":");
    at = put_segment_prices(at, zone);
    at = JSON_PUT(at, ",\"created_at\":");
    at = json_put_time(at, zone->created_ms);
    at = JSON_PUT(at, ",\"updated_at\":");
    at = json_put_time(at, zone->updated_ms);
    return JSON_PUT(at, "}");
}

char *rest_put_zone(char *at, const struct catalog_zone *zone)
{
    const struct zone_counters *counters = zone->counters;
    return put_zone(at, zone,
                    (struct zone_numbers){.total = published(&counters->total),
                                          .available = published(&counters->available),
                                          .reserved = published(&counters->reserved),
                                          .sold = published(&counters->sold),
                                          .blocked = published(&counters->blocked),
                                          .closed = published(&counters->closed) != 0});
}

char *rest_put_new_zone(char *at, const struct catalog_zone *zone)
{
    return put_zone(
        at, zone,
        (struct zone_numbers){.total = zone->total_seats, .available = zone->total_seats});
}
