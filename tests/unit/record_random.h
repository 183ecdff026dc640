/* Records of every kind, drawn from a seed, and where their encoding goes. */
#ifndef TESTS_UNIT_RECORD_RANDOM_H
#define TESTS_UNIT_RECORD_RANDOM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../persist/record_codec.h"
#include "../../persist/record_schema.h"

static inline uint64_t random_next(uint64_t *state)
{
    /* splitmix64: https://prng.di.unimi.it/splitmix64.c */
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Numbers of every msgpack width, the edges of each among them. */
static inline uint64_t random_number(uint64_t *state, uint64_t max)
{
    uint64_t bits = random_next(state) % 65;
    uint64_t value = bits == 64 ? UINT64_MAX : ((uint64_t)1 << bits) - random_next(state) % 2;
    if (random_next(state) % 2)
        value ^= random_next(state) & (value >> 1);
    return max == UINT64_MAX ? value : value % (max + 1);
}

static inline struct uuid random_uuid(uint64_t *state)
{
    struct uuid uuid;
    uint64_t halves[2] = {random_next(state), random_next(state)};
    memcpy(uuid.bytes, halves, sizeof uuid.bytes);
    return uuid;
}

static char text_bytes[CATALOG_DESCRIPTION_BYTES_MAX];

/* What the records made here point to. */
static struct {
    struct catalog_stop stops[CATALOG_STOPS_MAX];
    struct uuid stations[CATALOG_STOPS_MAX];
    int64_t segment_prices[CATALOG_SEGMENTS_MAX];
    uint32_t seats[RECORD_BLOCK_SEATS_MAX];
    uint8_t plan[SEAT_PLAN_BYTES_MAX];
} lists;

static struct record_scratch scratch;
static uint8_t bytes[RECORD_ZONE_BYTES_MAX + 1];

static inline struct text random_text(uint64_t *state, uint32_t max)
{
    return (struct text){text_bytes, (uint32_t)random_number(state, max)};
}

/* Most plans are short, so that most records are made quickly. */
static uint32_t plan_length_max = 1024;

static inline void random_event(uint64_t *state, struct catalog_event *event)
{
    memset(event, 0, sizeof *event);
    event->id = random_uuid(state);
    event->tenant_id = random_uuid(state);
    event->organizer_id = random_uuid(state);
    event->status = (enum event_status)(random_next(state) % 3);
    event->sale_start_ms = random_number(state, UINT64_MAX);
    event->sale_end_ms = random_number(state, UINT64_MAX);
    event->created_ms = random_number(state, UINT64_MAX);
    event->updated_ms = random_number(state, UINT64_MAX);
    event->max_per_user = (uint32_t)random_number(state, UINT32_MAX);
    event->title = random_text(state, CATALOG_TITLE_BYTES_MAX);
    event->slug = random_text(state, CATALOG_SLUG_BYTES_MAX);
    event->description = random_text(state, CATALOG_DESCRIPTION_BYTES_MAX);
    event->venue = random_text(state, CATALOG_TEXT_BYTES_MAX);
    event->city = random_text(state, CATALOG_TEXT_BYTES_MAX);
    event->image_url = random_text(state, CATALOG_URL_BYTES_MAX);
    event->sale_closed = random_next(state) % 4 == 0;
    event->allow_orphans = random_next(state) % 4 == 0;
}

static inline void random_show(uint64_t *state, struct catalog_show *show)
{
    memset(show, 0, sizeof *show);
    show->id = random_uuid(state);
    show->event_id = random_uuid(state);
    show->segment_count = (uint32_t)random_number(state, CATALOG_SEGMENTS_MAX);
    show->show_date_ms = random_number(state, UINT64_MAX);
    show->created_ms = random_number(state, UINT64_MAX);
    show->updated_ms = random_number(state, UINT64_MAX);
    show->name = random_text(state, CATALOG_TEXT_BYTES_MAX);
    if (random_next(state) % 4 == 0)
        show->route_id = random_uuid(state);
    if (random_next(state) % 2)
        return;
    show->stop_count = show->segment_count + 1;
    show->stops = lists.stops;
    for (uint32_t i = 0; i < show->stop_count; i++)
        lists.stops[i] = (struct catalog_stop){random_uuid(state), random_number(state, UINT64_MAX),
                                               random_number(state, UINT64_MAX)};
}

static inline void random_zone(uint64_t *state, struct catalog_zone *zone)
{
    memset(zone, 0, sizeof *zone);
    zone->id = random_uuid(state);
    zone->show_id = random_uuid(state);
    zone->event_id = random_uuid(state);
    zone->kind = (enum zone_kind)(random_next(state) % 2);
    zone->price_minor = (int64_t)random_number(state, UINT64_MAX);
    memcpy(zone->currency, "EUR", 4);
    zone->total_seats = (uint32_t)random_number(state, UINT32_MAX);
    zone->created_ms = random_number(state, UINT64_MAX);
    zone->updated_ms = random_number(state, UINT64_MAX);
    zone->name = random_text(state, CATALOG_TEXT_BYTES_MAX);
    if (random_next(state) % 2) {
        zone->segment_price_count = (uint32_t)random_number(state, CATALOG_SEGMENTS_MAX);
        zone->segment_prices = lists.segment_prices;
        for (uint32_t i = 0; i < zone->segment_price_count; i++)
            lists.segment_prices[i] = (int64_t)random_number(state, UINT64_MAX);
    }
    if (random_next(state) % 2) {
        zone->plan_length = (uint32_t)random_number(state, plan_length_max);
        zone->plan_bytes = lists.plan;
        for (uint32_t i = 0; i < zone->plan_length && i < 64; i++)
            lists.plan[i] = (uint8_t)random_next(state);
    }
}

static inline void random_station(uint64_t *state, struct catalog_station *station)
{
    memset(station, 0, sizeof *station);
    station->id = random_uuid(state);
    station->created_ms = random_number(state, UINT64_MAX);
    station->code = random_text(state, CATALOG_STATION_CODE_BYTES_MAX);
    station->name = random_text(state, CATALOG_TEXT_BYTES_MAX);
    station->city = random_text(state, CATALOG_TEXT_BYTES_MAX);
}

static inline void random_route(uint64_t *state, struct catalog_route *route)
{
    memset(route, 0, sizeof *route);
    route->id = random_uuid(state);
    route->created_ms = random_number(state, UINT64_MAX);
    route->name = random_text(state, CATALOG_TEXT_BYTES_MAX);
    route->stop_count = (uint32_t)random_number(state, CATALOG_STOPS_MAX);
    route->stations = lists.stations;
    for (uint32_t i = 0; i < route->stop_count; i++)
        lists.stations[i] = random_uuid(state);
}

/* Ascending, each once; near each other or far apart. */
static inline void random_seats(uint64_t *state, uint32_t *seats, uint32_t count)
{
    const uint64_t stride = random_next(state) % 2 ? SEAT_PLAN_SEATS_MAX / (count + 1) : 1;
    uint32_t next = (uint32_t)(random_next(state) % stride);
    for (uint32_t i = 0; i < count; i++) {
        seats[i] = next;
        next += 1 + (uint32_t)(random_next(state) % stride);
    }
}

static inline struct order_part random_part(uint64_t *state)
{
    if (random_next(state) % 2)
        return (struct order_part){.item = 0};
    /* 0: an exchange, of an old booking and a new one. */
    const uint8_t count = (uint8_t)(random_next(state) % (ORDER_ITEMS_MAX + 1));
    const uint8_t items = count == 0 ? 2 : count;
    return (struct order_part){random_uuid(state), (uint8_t)(random_next(state) % items), count};
}

static inline enum change_cause random_cause(uint64_t *state)
{
    return (enum change_cause)(random_next(state) % CAUSE_COUNT);
}

static inline void random_expired(uint64_t *state, struct record_expired *expired)
{
    expired->zone_id = random_uuid(state);
    expired->count = 1 + (uint32_t)(random_next(state) % RECORD_EXPIRED_MAX);
    for (uint32_t i = 0; i < expired->count; i++)
        expired->items[i] = (struct record_expired_item){
            random_uuid(state), random_uuid(state), (uint32_t)random_number(state, UINT32_MAX)};
}

static inline void random_reserved(uint64_t *state, struct record_reserved *reserved)
{
    *reserved = (struct record_reserved){
        .booking_id = random_uuid(state),
        .user_id = random_uuid(state),
        .zone_id = random_uuid(state),
        .quantity = (uint32_t)random_number(state, UINT32_MAX),
        .from_segment = (uint16_t)random_number(state, CATALOG_SEGMENTS_MAX),
        .to_segment = (uint16_t)random_number(state, CATALOG_SEGMENTS_MAX),
        .unit_price_minor = (int64_t)random_number(state, UINT64_MAX),
        .ttl_ms = (uint32_t)random_number(state, UINT32_MAX),
        .remaining = (uint32_t)random_number(state, UINT32_MAX),
    };
    if (random_next(state) % 2)
        return;
    reserved->order = random_part(state);
    if (random_next(state) % 2)
        reserved->block_id = random_uuid(state);
    if (random_next(state) % 2)
        return;
    reserved->quantity = reserved->seat_count =
        (uint32_t)(random_next(state) % (RECORD_SEATS_MAX + 1));
    random_seats(state, reserved->seats, reserved->seat_count);
}

static inline void random_settled(uint64_t *state, struct record_settled *settled)
{
    *settled = (struct record_settled){.booking_id = random_uuid(state),
                                       .user_id = random_uuid(state),
                                       .zone_id = random_uuid(state),
                                       .quantity = (uint32_t)random_number(state, UINT32_MAX)};
    if (random_next(state) % 2)
        settled->payment_id = random_uuid(state);
    if (random_next(state) % 2)
        settled->cause = random_cause(state);
}

static inline void random_changed(uint64_t *state, struct record_changed *changed)
{
    *changed =
        (struct record_changed){.booking_id = random_uuid(state),
                                .user_id = random_uuid(state),
                                .zone_id = random_uuid(state),
                                .cause = random_cause(state),
                                .status = (enum booking_status)(random_next(state) % 5),
                                .unit_price_minor = (int64_t)random_number(state, UINT64_MAX),
                                .quantity = (uint32_t)random_number(state, UINT32_MAX),
                                .previous_quantity = (uint32_t)random_number(state, UINT32_MAX),
                                .ttl_ms = (uint32_t)random_number(state, UINT32_MAX),
                                .remaining = (uint32_t)random_number(state, UINT32_MAX),
                                .pinned = random_next(state) % 2,
                                .order = random_part(state),
                                .seat_count = (uint32_t)(random_next(state) % 33)};
    changed->previous_user_id = random_next(state) % 2 ? changed->user_id : random_uuid(state);
    if (random_next(state) % 2)
        changed->payment_id = random_uuid(state);
    random_seats(state, changed->seats, changed->seat_count);
}

static inline void random_block(uint64_t *state, struct record_block *block)
{
    *block =
        (struct record_block){.block_id = random_uuid(state),
                              .zone_id = random_uuid(state),
                              .kind = (enum block_kind)(random_next(state) % 2),
                              .cause = random_cause(state),
                              .quantity = (uint32_t)random_number(state, UINT32_MAX),
                              .expires_ms = random_number(state, UINT64_MAX),
                              .reason = random_text(state, CATALOG_TEXT_BYTES_MAX),
                              .seat_count = (uint32_t)random_number(state, RECORD_BLOCK_SEATS_MAX),
                              .seats = lists.seats};
    if (random_next(state) % 2)
        block->owner_id = random_uuid(state);
    if (random_next(state) % 2)
        memcpy(block->key_digest, random_uuid(state).bytes, sizeof block->key_digest);
    random_seats(state, lists.seats, block->seat_count);
}

static inline void random_zone_changed(uint64_t *state, struct record_zone_changed *changed)
{
    *changed = (struct record_zone_changed){.zone_id = random_uuid(state),
                                            .cause = random_cause(state),
                                            .total = (uint32_t)random_number(state, UINT32_MAX),
                                            .target = (uint32_t)random_number(state, UINT32_MAX),
                                            .closed = random_next(state) % 2};
}

static inline void random_order(uint64_t *state, struct record_order *order)
{
    *order = (struct record_order){.order_id = random_uuid(state),
                                   .user_id = random_uuid(state),
                                   .kind = (enum order_kind)(random_next(state) % 2),
                                   .decision = (enum order_decision)(random_next(state) % 2),
                                   .end = (enum booking_status)(random_next(state) % 5),
                                   .expires_ms = random_number(state, UINT64_MAX),
                                   .count = 1 + (uint32_t)(random_next(state) % ORDER_ITEMS_MAX)};
    if (random_next(state) % 2)
        order->payment_id = random_uuid(state);
    for (uint32_t i = 0; i < order->count; i++)
        order->bookings[i] = random_uuid(state);
}

static const enum record_kind kinds[] = {
    RECORD_EVENT,      RECORD_SHOW,     RECORD_ZONE,     RECORD_STATION,      RECORD_ROUTE,
    RECORD_RESERVED,   RECORD_RESERVED, RECORD_RESERVED, RECORD_CONFIRMED,    RECORD_CANCELLED,
    RECORD_EXPIRED,    RECORD_CHANGED,  RECORD_BLOCK,    RECORD_ZONE_CHANGED, RECORD_ORDER,
    RECORD_CLEAN_STOP, RECORD_STATE};
enum { KIND_COUNT = sizeof kinds / sizeof kinds[0] };

static inline void random_record(uint64_t *state, struct record *record)
{
    memset(record, 0, sizeof *record);
    record->kind = kinds[random_next(state) % KIND_COUNT];
    record->stamp_ms = random_number(state, UINT64_MAX);
    record->key.hash = random_number(state, UINT64_MAX);
    record->key.fingerprint = (uint32_t)random_number(state, UINT32_MAX);
    record->actor.role = (enum role)(random_next(state) % 4);
    bool own = random_next(state) % 2;
    if (random_next(state) % 3)
        record->actor.id = random_uuid(state);
    switch (record->kind) {
    case RECORD_EVENT:
        random_event(state, &record->event);
        break;
    case RECORD_SHOW:
        random_show(state, &record->show);
        break;
    case RECORD_ZONE:
        random_zone(state, &record->zone);
        break;
    case RECORD_RESERVED:
        random_reserved(state, &record->reserved);
        if (own)
            record->actor.id = record->reserved.user_id;
        break;
    case RECORD_EXPIRED:
        random_expired(state, &record->expired);
        break;
    case RECORD_CONFIRMED:
    case RECORD_CANCELLED:
        random_settled(state, &record->settled);
        if (own)
            record->actor.id = record->settled.user_id;
        break;
    case RECORD_STATION:
        random_station(state, &record->station);
        break;
    case RECORD_ROUTE:
        random_route(state, &record->route);
        break;
    case RECORD_CHANGED:
        random_changed(state, &record->changed);
        if (own)
            record->actor.id = record->changed.user_id;
        break;
    case RECORD_BLOCK:
        random_block(state, &record->block);
        break;
    case RECORD_ZONE_CHANGED:
        random_zone_changed(state, &record->zone_changed);
        break;
    case RECORD_ORDER:
        random_order(state, &record->order);
        if (own)
            record->actor.id = record->order.user_id;
        break;
    case RECORD_STATE:
        record->state_hash = random_number(state, UINT64_MAX);
        break;
    case RECORD_CLEAN_STOP:
        break;
    }
}

#endif
