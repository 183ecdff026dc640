/* How long a record can be when encoded. */
#include <assert.h>

#include "record_codec.h"

/* The sums below add the longest form of each field of the schema. */
enum {
    UINT_BYTES = 9,
    UUID_BYTES = 18,
    TEXT_HEAD_BYTES = 3,
    HEAD_BYTES = 3 + 2 + UINT_BYTES + 2 + UUID_BYTES + UINT_BYTES + 5,
    SEAT_BYTES = 5,
    ORDER_PART_BYTES = 1 + UUID_BYTES + 2 + 2,
    RESERVED_BYTES =
        HEAD_BYTES + 4 * UUID_BYTES + 5 + 3 + 3 + UINT_BYTES + 5 + 5 + ORDER_PART_BYTES + 3,
    SETTLED_BYTES = HEAD_BYTES + 4 * UUID_BYTES + 5 + 2,
    EXPIRED_BYTES = HEAD_BYTES + UUID_BYTES + 3,
    EXPIRED_ITEM_BYTES = 1 + 2 * UUID_BYTES + 5,
    CHANGED_BYTES =
        HEAD_BYTES + 5 * UUID_BYTES + 2 + 2 + UINT_BYTES + 4 * 5 + 1 + ORDER_PART_BYTES + 3,
    BLOCK_BYTES = HEAD_BYTES + 4 * UUID_BYTES + 2 + 2 + 5 + UINT_BYTES + TEXT_HEAD_BYTES + 3,
    ZONE_CHANGED_BYTES = HEAD_BYTES + UUID_BYTES + 2 + 5 + 5 + 1,
    ORDER_BYTES = HEAD_BYTES + 3 * UUID_BYTES + 3 * 2 + UINT_BYTES + 1,
    EVENT_BYTES = HEAD_BYTES + 3 * UUID_BYTES + 2 + 4 * UINT_BYTES + 5 + 6 * TEXT_HEAD_BYTES + 2,
    SHOW_BYTES = HEAD_BYTES + 3 * UUID_BYTES + 5 + 3 * UINT_BYTES + TEXT_HEAD_BYTES + 3,
    SHOW_STOP_BYTES = 1 + UUID_BYTES + 2 * UINT_BYTES,
    ZONE_BYTES = HEAD_BYTES + 3 * UUID_BYTES + 2 + 3 * UINT_BYTES + 4 + 5 + TEXT_HEAD_BYTES + 3 + 5,
    STATION_BYTES = HEAD_BYTES + UUID_BYTES + UINT_BYTES + 3 * TEXT_HEAD_BYTES,
    ROUTE_BYTES = HEAD_BYTES + UUID_BYTES + UINT_BYTES + TEXT_HEAD_BYTES + 3
};
static_assert(EVENT_BYTES + CATALOG_TITLE_BYTES_MAX + CATALOG_SLUG_BYTES_MAX +
                      CATALOG_DESCRIPTION_BYTES_MAX + 2 * CATALOG_TEXT_BYTES_MAX +
                      CATALOG_URL_BYTES_MAX <=
                  RECORD_BYTES_MAX,
              "the longest event fits");
static_assert(EXPIRED_BYTES + RECORD_EXPIRED_MAX * EXPIRED_ITEM_BYTES <= RECORD_BYTES_MAX,
              "the longest expiry fits");
static_assert(BLOCK_BYTES + CATALOG_TEXT_BYTES_MAX + RECORD_BLOCK_SEATS_MAX * SEAT_BYTES <=
                  RECORD_BYTES_MAX,
              "the longest block fits");
static_assert(SHOW_BYTES + CATALOG_TEXT_BYTES_MAX + CATALOG_STOPS_MAX * SHOW_STOP_BYTES <=
                  RECORD_BYTES_MAX,
              "the longest trip fits");
static_assert(ROUTE_BYTES + CATALOG_TEXT_BYTES_MAX + CATALOG_STOPS_MAX * UUID_BYTES <=
                  RECORD_BYTES_MAX,
              "the longest route fits");
static_assert(ZONE_BYTES + CATALOG_TEXT_BYTES_MAX + CATALOG_SEGMENTS_MAX * UINT_BYTES <=
                  RECORD_BYTES_MAX,
              "the longest zone fits, but for its plan");

static uint32_t event_bytes_max(const struct catalog_event *event)
{
    if (event->title.length > CATALOG_TITLE_BYTES_MAX ||
        event->slug.length > CATALOG_SLUG_BYTES_MAX ||
        event->description.length > CATALOG_DESCRIPTION_BYTES_MAX ||
        event->venue.length > CATALOG_TEXT_BYTES_MAX ||
        event->city.length > CATALOG_TEXT_BYTES_MAX ||
        event->image_url.length > CATALOG_URL_BYTES_MAX)
        return 0;
    return EVENT_BYTES + event->title.length + event->slug.length + event->description.length +
           event->venue.length + event->city.length + event->image_url.length;
}

static uint32_t show_bytes_max(const struct catalog_show *show)
{
    if (show->name.length > CATALOG_TEXT_BYTES_MAX || show->stop_count > CATALOG_STOPS_MAX)
        return 0;
    return SHOW_BYTES + show->name.length + show->stop_count * SHOW_STOP_BYTES;
}

static uint32_t zone_bytes_max(const struct catalog_zone *zone)
{
    if (zone->name.length > CATALOG_TEXT_BYTES_MAX ||
        zone->segment_price_count > CATALOG_SEGMENTS_MAX || zone->plan_length > SEAT_PLAN_BYTES_MAX)
        return 0;
    return ZONE_BYTES + zone->name.length + zone->segment_price_count * UINT_BYTES +
           zone->plan_length;
}

static uint32_t station_bytes_max(const struct catalog_station *station)
{
    if (station->code.length > CATALOG_STATION_CODE_BYTES_MAX ||
        station->name.length > CATALOG_TEXT_BYTES_MAX ||
        station->city.length > CATALOG_TEXT_BYTES_MAX)
        return 0;
    return STATION_BYTES + station->code.length + station->name.length + station->city.length;
}

static uint32_t route_bytes_max(const struct catalog_route *route)
{
    if (route->name.length > CATALOG_TEXT_BYTES_MAX || route->stop_count > CATALOG_STOPS_MAX)
        return 0;
    return ROUTE_BYTES + route->name.length + route->stop_count * UUID_BYTES;
}

static uint32_t block_bytes_max(const struct record_block *block)
{
    if (block->reason.length > CATALOG_TEXT_BYTES_MAX || block->seat_count > RECORD_BLOCK_SEATS_MAX)
        return 0;
    return BLOCK_BYTES + block->reason.length + block->seat_count * SEAT_BYTES;
}

uint32_t record_encoded_bytes_max(const struct record *record)
{
    switch (record->kind) {
    case RECORD_RESERVED:
        return RESERVED_BYTES + record->reserved.seat_count * SEAT_BYTES;
    case RECORD_CONFIRMED:
    case RECORD_CANCELLED:
        return SETTLED_BYTES;
    case RECORD_EXPIRED:
        return EXPIRED_BYTES + record->expired.count * EXPIRED_ITEM_BYTES;
    case RECORD_CHANGED:
        return CHANGED_BYTES + record->changed.seat_count * SEAT_BYTES;
    case RECORD_BLOCK:
        return block_bytes_max(&record->block);
    case RECORD_ZONE_CHANGED:
        return ZONE_CHANGED_BYTES;
    case RECORD_ORDER:
        return ORDER_BYTES + record->order.count * UUID_BYTES;
    case RECORD_EVENT:
        return event_bytes_max(&record->event);
    case RECORD_SHOW:
        return show_bytes_max(&record->show);
    case RECORD_ZONE:
        return zone_bytes_max(&record->zone);
    case RECORD_STATION:
        return station_bytes_max(&record->station);
    case RECORD_ROUTE:
        return route_bytes_max(&record->route);
    case RECORD_STATE:
        return HEAD_BYTES + UINT_BYTES;
    case RECORD_CLEAN_STOP:
        return HEAD_BYTES;
    }
    return 0;
}
