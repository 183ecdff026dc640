/* Records survive encoding; the decoder believes nothing it has not checked and
 * agrees with msgpack-c about every byte string both accept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <msgpack.h>

#include "../../persist/record_codec.h"
#include "../../persist/record_schema.h"

static uint64_t random_next(uint64_t *state)
{
    /* splitmix64: https://prng.di.unimi.it/splitmix64.c */
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Numbers of every msgpack width, the edges of each among them. */
static uint64_t random_number(uint64_t *state, uint64_t max)
{
    uint64_t bits = random_next(state) % 65;
    uint64_t value = bits == 64 ? UINT64_MAX : ((uint64_t)1 << bits) - random_next(state) % 2;
    if (random_next(state) % 2)
        value ^= random_next(state) & (value >> 1);
    return max == UINT64_MAX ? value : value % (max + 1);
}

static struct uuid random_uuid(uint64_t *state)
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

static struct text random_text(uint64_t *state, uint32_t max)
{
    return (struct text){text_bytes, (uint32_t)random_number(state, max)};
}

/* Most plans are short, so that most records are made quickly. */
static uint32_t plan_length_max = 1024;

static void random_event(uint64_t *state, struct catalog_event *event)
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

static void random_show(uint64_t *state, struct catalog_show *show)
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

static void random_zone(uint64_t *state, struct catalog_zone *zone)
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

static void random_station(uint64_t *state, struct catalog_station *station)
{
    memset(station, 0, sizeof *station);
    station->id = random_uuid(state);
    station->created_ms = random_number(state, UINT64_MAX);
    station->code = random_text(state, CATALOG_STATION_CODE_BYTES_MAX);
    station->name = random_text(state, CATALOG_TEXT_BYTES_MAX);
    station->city = random_text(state, CATALOG_TEXT_BYTES_MAX);
}

static void random_route(uint64_t *state, struct catalog_route *route)
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
static void random_seats(uint64_t *state, uint32_t *seats, uint32_t count)
{
    const uint64_t stride = random_next(state) % 2 ? SEAT_PLAN_SEATS_MAX / (count + 1) : 1;
    uint32_t next = (uint32_t)(random_next(state) % stride);
    for (uint32_t i = 0; i < count; i++) {
        seats[i] = next;
        next += 1 + (uint32_t)(random_next(state) % stride);
    }
}

static struct order_part random_part(uint64_t *state)
{
    if (random_next(state) % 2)
        return (struct order_part){.item = 0};
    /* 0: an exchange, of an old booking and a new one. */
    const uint8_t count = (uint8_t)(random_next(state) % (ORDER_ITEMS_MAX + 1));
    const uint8_t items = count == 0 ? 2 : count;
    return (struct order_part){random_uuid(state), (uint8_t)(random_next(state) % items), count};
}

static enum change_cause random_cause(uint64_t *state)
{
    return (enum change_cause)(random_next(state) % CAUSE_COUNT);
}

static void random_expired(uint64_t *state, struct record_expired *expired)
{
    expired->zone_id = random_uuid(state);
    expired->count = 1 + (uint32_t)(random_next(state) % RECORD_EXPIRED_MAX);
    for (uint32_t i = 0; i < expired->count; i++)
        expired->items[i] = (struct record_expired_item){
            random_uuid(state), random_uuid(state), (uint32_t)random_number(state, UINT32_MAX)};
}

static void random_reserved(uint64_t *state, struct record_reserved *reserved)
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

static void random_settled(uint64_t *state, struct record_settled *settled)
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

static void random_changed(uint64_t *state, struct record_changed *changed)
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

static void random_block(uint64_t *state, struct record_block *block)
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

static void random_zone_changed(uint64_t *state, struct record_zone_changed *changed)
{
    *changed = (struct record_zone_changed){.zone_id = random_uuid(state),
                                            .cause = random_cause(state),
                                            .total = (uint32_t)random_number(state, UINT32_MAX),
                                            .target = (uint32_t)random_number(state, UINT32_MAX),
                                            .closed = random_next(state) % 2};
}

static void random_order(uint64_t *state, struct record_order *order)
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

static void random_record(uint64_t *state, struct record *record)
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

static bool text_equal(const struct text *a, const struct text *b)
{
    return a->length == b->length && (a->length == 0 || memcmp(a->bytes, b->bytes, a->length) == 0);
}

static void assert_event_equal(const struct catalog_event *a, const struct catalog_event *b)
{
    assert_true(uuid_equal(&a->id, &b->id) && uuid_equal(&a->tenant_id, &b->tenant_id));
    assert_true(uuid_equal(&a->organizer_id, &b->organizer_id));
    assert_int_equal(a->status, b->status);
    assert_true(a->sale_start_ms == b->sale_start_ms && a->sale_end_ms == b->sale_end_ms);
    assert_true(a->created_ms == b->created_ms && a->updated_ms == b->updated_ms);
    assert_int_equal(a->max_per_user, b->max_per_user);
    assert_true(text_equal(&a->title, &b->title) && text_equal(&a->slug, &b->slug));
    assert_true(text_equal(&a->description, &b->description));
    assert_true(text_equal(&a->venue, &b->venue) && text_equal(&a->city, &b->city));
    assert_true(text_equal(&a->image_url, &b->image_url));
    assert_true(a->sale_closed == b->sale_closed && a->allow_orphans == b->allow_orphans);
}

static void assert_show_equal(const struct catalog_show *a, const struct catalog_show *b)
{
    assert_true(uuid_equal(&a->id, &b->id) && uuid_equal(&a->event_id, &b->event_id));
    assert_int_equal(a->segment_count, b->segment_count);
    assert_true(a->show_date_ms == b->show_date_ms);
    assert_true(a->created_ms == b->created_ms && a->updated_ms == b->updated_ms);
    assert_true(text_equal(&a->name, &b->name));
    assert_true(uuid_equal(&a->route_id, &b->route_id));
    assert_int_equal(a->stop_count, b->stop_count);
    for (uint32_t i = 0; i < a->stop_count; i++) {
        assert_true(uuid_equal(&a->stops[i].station_id, &b->stops[i].station_id));
        assert_true(a->stops[i].arrives_ms == b->stops[i].arrives_ms &&
                    a->stops[i].departs_ms == b->stops[i].departs_ms);
    }
}

static void assert_zone_equal(const struct catalog_zone *a, const struct catalog_zone *b)
{
    assert_true(uuid_equal(&a->id, &b->id) && uuid_equal(&a->show_id, &b->show_id));
    assert_true(uuid_equal(&a->event_id, &b->event_id));
    assert_int_equal(a->kind, b->kind);
    assert_true(a->price_minor == b->price_minor);
    assert_string_equal(a->currency, b->currency);
    assert_int_equal(a->total_seats, b->total_seats);
    assert_true(a->created_ms == b->created_ms && a->updated_ms == b->updated_ms);
    assert_true(text_equal(&a->name, &b->name));
    assert_int_equal(a->segment_price_count, b->segment_price_count);
    if (a->segment_price_count > 0)
        assert_memory_equal(a->segment_prices, b->segment_prices,
                            a->segment_price_count * sizeof a->segment_prices[0]);
    assert_int_equal(a->plan_length, b->plan_length);
    if (a->plan_length > 0)
        assert_memory_equal(a->plan_bytes, b->plan_bytes, a->plan_length);
}

static void assert_station_equal(const struct catalog_station *a, const struct catalog_station *b)
{
    assert_true(uuid_equal(&a->id, &b->id) && a->created_ms == b->created_ms);
    assert_true(text_equal(&a->code, &b->code) && text_equal(&a->name, &b->name));
    assert_true(text_equal(&a->city, &b->city));
}

static void assert_route_equal(const struct catalog_route *a, const struct catalog_route *b)
{
    assert_true(uuid_equal(&a->id, &b->id) && a->created_ms == b->created_ms);
    assert_true(text_equal(&a->name, &b->name));
    assert_int_equal(a->stop_count, b->stop_count);
    assert_memory_equal(a->stations, b->stations, a->stop_count * sizeof a->stations[0]);
}

static void assert_part_equal(const struct order_part *a, const struct order_part *b)
{
    assert_true(uuid_equal(&a->id, &b->id));
    assert_int_equal(a->item, b->item);
    assert_int_equal(a->count, b->count);
}

static void assert_reserved_equal(const struct record_reserved *a, const struct record_reserved *b)
{
    assert_true(uuid_equal(&a->booking_id, &b->booking_id) && uuid_equal(&a->user_id, &b->user_id));
    assert_true(uuid_equal(&a->zone_id, &b->zone_id) && uuid_equal(&a->block_id, &b->block_id));
    assert_int_equal(a->quantity, b->quantity);
    assert_int_equal(a->from_segment, b->from_segment);
    assert_int_equal(a->to_segment, b->to_segment);
    assert_true(a->unit_price_minor == b->unit_price_minor);
    assert_int_equal(a->ttl_ms, b->ttl_ms);
    assert_int_equal(a->remaining, b->remaining);
    assert_part_equal(&a->order, &b->order);
    assert_int_equal(a->seat_count, b->seat_count);
    assert_memory_equal(a->seats, b->seats, a->seat_count * sizeof a->seats[0]);
}

static void assert_settled_equal(const struct record_settled *a, const struct record_settled *b)
{
    assert_true(uuid_equal(&a->booking_id, &b->booking_id) && uuid_equal(&a->user_id, &b->user_id));
    assert_true(uuid_equal(&a->zone_id, &b->zone_id) && uuid_equal(&a->payment_id, &b->payment_id));
    assert_int_equal(a->quantity, b->quantity);
    assert_int_equal(a->cause, b->cause);
}

static void assert_changed_equal(const struct record_changed *a, const struct record_changed *b)
{
    assert_true(uuid_equal(&a->booking_id, &b->booking_id) && uuid_equal(&a->user_id, &b->user_id));
    assert_true(uuid_equal(&a->zone_id, &b->zone_id) && uuid_equal(&a->payment_id, &b->payment_id));
    assert_true(uuid_equal(&a->previous_user_id, &b->previous_user_id));
    assert_int_equal(a->cause, b->cause);
    assert_int_equal(a->status, b->status);
    assert_true(a->unit_price_minor == b->unit_price_minor);
    assert_int_equal(a->quantity, b->quantity);
    assert_int_equal(a->previous_quantity, b->previous_quantity);
    assert_int_equal(a->ttl_ms, b->ttl_ms);
    assert_int_equal(a->remaining, b->remaining);
    assert_int_equal(a->pinned, b->pinned);
    assert_part_equal(&a->order, &b->order);
    assert_int_equal(a->seat_count, b->seat_count);
    assert_memory_equal(a->seats, b->seats, a->seat_count * sizeof a->seats[0]);
}

static void assert_block_equal(const struct record_block *a, const struct record_block *b)
{
    assert_true(uuid_equal(&a->block_id, &b->block_id) && uuid_equal(&a->zone_id, &b->zone_id));
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->cause, b->cause);
    assert_int_equal(a->quantity, b->quantity);
    assert_true(a->expires_ms == b->expires_ms && uuid_equal(&a->owner_id, &b->owner_id));
    assert_memory_equal(a->key_digest, b->key_digest, sizeof a->key_digest);
    assert_true(text_equal(&a->reason, &b->reason));
    assert_int_equal(a->seat_count, b->seat_count);
    assert_memory_equal(a->seats, b->seats, a->seat_count * sizeof a->seats[0]);
}

static void assert_zone_changed_equal(const struct record_zone_changed *a,
                                      const struct record_zone_changed *b)
{
    assert_true(uuid_equal(&a->zone_id, &b->zone_id));
    assert_int_equal(a->cause, b->cause);
    assert_int_equal(a->total, b->total);
    assert_int_equal(a->target, b->target);
    assert_int_equal(a->closed, b->closed);
}

static void assert_order_equal(const struct record_order *a, const struct record_order *b)
{
    assert_true(uuid_equal(&a->order_id, &b->order_id) && uuid_equal(&a->user_id, &b->user_id));
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->decision, b->decision);
    assert_true(uuid_equal(&a->payment_id, &b->payment_id));
    assert_int_equal(a->end, b->end);
    assert_true(a->expires_ms == b->expires_ms);
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->bookings, b->bookings, a->count * sizeof a->bookings[0]);
}

static void assert_expired_equal(const struct record_expired *a, const struct record_expired *b)
{
    assert_true(uuid_equal(&a->zone_id, &b->zone_id));
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->items, b->items, a->count * sizeof a->items[0]);
}

static void assert_record_equal(const struct record *a, const struct record *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_true(a->stamp_ms == b->stamp_ms);
    assert_int_equal(a->actor.role, b->actor.role);
    assert_memory_equal(&a->actor.id, &b->actor.id, sizeof a->actor.id);
    assert_true(a->key.hash == b->key.hash);
    assert_int_equal(a->key.fingerprint, b->key.fingerprint);
    switch (a->kind) {
    case RECORD_EVENT:
        assert_event_equal(&a->event, &b->event);
        break;
    case RECORD_SHOW:
        assert_show_equal(&a->show, &b->show);
        break;
    case RECORD_ZONE:
        assert_zone_equal(&a->zone, &b->zone);
        break;
    case RECORD_STATION:
        assert_station_equal(&a->station, &b->station);
        break;
    case RECORD_ROUTE:
        assert_route_equal(&a->route, &b->route);
        break;
    case RECORD_RESERVED:
        assert_reserved_equal(&a->reserved, &b->reserved);
        break;
    case RECORD_EXPIRED:
        assert_expired_equal(&a->expired, &b->expired);
        break;
    case RECORD_CONFIRMED:
    case RECORD_CANCELLED:
        assert_settled_equal(&a->settled, &b->settled);
        break;
    case RECORD_CHANGED:
        assert_changed_equal(&a->changed, &b->changed);
        break;
    case RECORD_BLOCK:
        assert_block_equal(&a->block, &b->block);
        break;
    case RECORD_ZONE_CHANGED:
        assert_zone_changed_equal(&a->zone_changed, &b->zone_changed);
        break;
    case RECORD_ORDER:
        assert_order_equal(&a->order, &b->order);
        break;
    case RECORD_STATE:
        assert_true(a->state_hash == b->state_hash);
        break;
    case RECORD_CLEAN_STOP:
        break;
    }
}

/* What goes in comes out, for every kind and every width of number, and never
 * takes more room than promised. */
static void test_round_trip(void **unused)
{
    (void)unused;
    uint64_t state = 1;
    static struct record in, out;
    for (size_t i = 0; i < sizeof text_bytes; i++)
        text_bytes[i] = (char)random_next(&state);
    for (int i = 0; i < 200000; i++) {
        random_record(&state, &in);
        uint32_t bound = record_encoded_bytes_max(&in);
        uint32_t length = record_encode(&in, bytes);
        assert_true(bound <= RECORD_BYTES_MAX && length > 0 && length <= bound);
        assert_true(length <= sizeof bytes);
        memset(&out, 0xa5, sizeof out);
        memset(&scratch, 0xa5, sizeof scratch);
        assert_int_equal(record_decode_exact(&out, &scratch, bytes, length), 0);
        assert_record_equal(&in, &out);
    }
}

/* The bound is reached by the longest record there can be. */
static void test_longest_event(void **unused)
{
    (void)unused;
    static struct record record;
    memset(&record, 0, sizeof record);
    record.kind = RECORD_EVENT;
    record.event.title = (struct text){text_bytes, CATALOG_TITLE_BYTES_MAX};
    record.event.slug = (struct text){text_bytes, CATALOG_SLUG_BYTES_MAX};
    record.event.description = (struct text){text_bytes, CATALOG_DESCRIPTION_BYTES_MAX};
    record.event.venue = (struct text){text_bytes, CATALOG_TEXT_BYTES_MAX};
    record.event.city = (struct text){text_bytes, CATALOG_TEXT_BYTES_MAX};
    record.event.image_url = (struct text){text_bytes, CATALOG_URL_BYTES_MAX};
    assert_true(record_encoded_bytes_max(&record) > 0);
    assert_true(record_encode(&record, bytes) <= record_encoded_bytes_max(&record));
    record.event.title.length++;
    assert_int_equal(record_encoded_bytes_max(&record), 0);
}

/* A zone with the largest plan there can be, and nothing larger. */
static void test_longest_plan(void **unused)
{
    (void)unused;
    uint64_t state = 4;
    static struct record in, out;
    memset(&in, 0, sizeof in);
    in.kind = RECORD_ZONE;
    memcpy(in.zone.currency, "EUR", 4);
    in.zone.kind = ZONE_SEATED;
    in.zone.plan_bytes = lists.plan;
    in.zone.plan_length = SEAT_PLAN_BYTES_MAX;
    for (size_t i = 0; i < sizeof lists.plan; i++)
        lists.plan[i] = (uint8_t)random_next(&state);
    const uint32_t length = record_encode(&in, bytes);
    assert_true(length <= record_encoded_bytes_max(&in));
    assert_true(record_encoded_bytes_max(&in) <= RECORD_ZONE_BYTES_MAX);
    assert_int_equal(record_decode_exact(&out, &scratch, bytes, length), 0);
    assert_record_equal(&in, &out);
    assert_int_equal(record_decode(&out, &scratch, bytes, length - 1), RECORD_DECODE_TRUNCATED);
    in.zone.plan_length++;
    assert_int_equal(record_encoded_bytes_max(&in), 0);
}

/* A block of as many seats as one can have, as far apart as they can be. */
static void test_longest_block(void **unused)
{
    (void)unused;
    static struct record in, out;
    memset(&in, 0, sizeof in);
    in.kind = RECORD_BLOCK;
    in.block.cause = CAUSE_CREATED;
    in.block.reason = (struct text){text_bytes, CATALOG_TEXT_BYTES_MAX};
    in.block.seats = lists.seats;
    in.block.seat_count = in.block.quantity = RECORD_BLOCK_SEATS_MAX;
    for (uint32_t i = 0; i < RECORD_BLOCK_SEATS_MAX; i++)
        lists.seats[i] = (i + 1) * (SEAT_PLAN_SEATS_MAX / RECORD_BLOCK_SEATS_MAX) - 1;
    const uint32_t length = record_encode(&in, bytes);
    assert_true(length <= RECORD_BYTES_MAX);
    assert_int_equal(record_decode_exact(&out, &scratch, bytes, length), 0);
    assert_record_equal(&in, &out);
    in.block.seat_count++;
    assert_int_equal(record_encoded_bytes_max(&in), 0);
}

/* Evolution: while what was appended has its default, a record has the bytes of
 * version 1, and those are read as that default. */
static void test_short_forms_are_version_1(void **unused)
{
    (void)unused;
    static const uint8_t reserved[] = {
        0x9f, 16, 1, 1,    0xc3, 0,    0,                                           /* head */
        0xc4, 16, 1, 1,    1,    1,    1,    1,    1,    1, 1, 1, 1, 1, 1, 1, 1, 1, /* booking */
        0xc4, 16, 2, 2,    2,    2,    2,    2,    2,    2, 2, 2, 2, 2, 2, 2, 2, 2, /* user */
        0xc4, 16, 3, 3,    3,    3,    3,    3,    3,    3, 3, 3, 3, 3, 3, 3, 3, 3, /* zone */
        2,    0,  1, 0xcd, 0x03, 0xe8, 0xcd, 0x02, 0x58, 7};
    static struct record out;
    memset(&out, 0xa5, sizeof out);
    assert_int_equal(record_decode_exact(&out, &scratch, reserved, sizeof reserved), 0);
    assert_int_equal(out.reserved.quantity, 2);
    assert_int_equal(out.reserved.remaining, 7);
    assert_int_equal(out.reserved.seat_count, 0);
    assert_true(uuid_is_nil(&out.reserved.block_id) && uuid_is_nil(&out.reserved.order.id));
    assert_int_equal(record_encode(&out, bytes), sizeof reserved);
    assert_memory_equal(bytes, reserved, sizeof reserved);
    out.reserved.order = (struct order_part){out.reserved.zone_id, 0, 1};
    assert_true(record_encode(&out, bytes) > sizeof reserved);
}

/* Seats that go past the last there can be, an item outside its order, a cause,
 * status or trip that cannot be: out of range. */
static void test_values_out_of_range(void **unused)
{
    (void)unused;
    static struct record in, out;
    uint64_t state = 5;
    memset(&in, 0, sizeof in);
    in.kind = RECORD_RESERVED;
    in.reserved.order = (struct order_part){random_uuid(&state), 7, 8};
    in.reserved.quantity = in.reserved.seat_count = 1;
    in.reserved.seats[0] = SEAT_PLAN_SEATS_MAX - 1;
    const uint32_t length = record_encode(&in, bytes);
    /* ... item, count, an array of one, and the seat: 0xce and four bytes */
    uint8_t *end = bytes + length;
    assert_int_equal(record_decode_exact(&out, &scratch, bytes, length), 0);
    end[-1]++;
    assert_int_equal(record_decode(&out, &scratch, bytes, length), RECORD_DECODE_RANGE);
    end[-1]--;
    end[-8] = 8;
    assert_int_equal(record_decode(&out, &scratch, bytes, length), RECORD_DECODE_RANGE);
    end[-8] = 7;
    end[-7] = 7;
    assert_int_equal(record_decode(&out, &scratch, bytes, length), RECORD_DECODE_RANGE);
    end[-7] = 0; /* an exchange has two */
    assert_int_equal(record_decode(&out, &scratch, bytes, length), RECORD_DECODE_RANGE);
    end[-8] = 1;
    assert_int_equal(record_decode_exact(&out, &scratch, bytes, length), 0);

    memset(&in, 0, sizeof in);
    in.kind = RECORD_CANCELLED;
    in.settled.cause = CAUSE_COUNT;
    assert_int_equal(record_decode(&out, &scratch, bytes, record_encode(&in, bytes)),
                     RECORD_DECODE_RANGE);
    in.kind = RECORD_CHANGED;
    memset(&in.changed, 0, sizeof in.changed);
    in.changed.status = (enum booking_status)(BOOKING_REFUNDED + 1);
    assert_int_equal(record_decode(&out, &scratch, bytes, record_encode(&in, bytes)),
                     RECORD_DECODE_RANGE);
    in.kind = RECORD_SHOW;
    memset(&in.show, 0, sizeof in.show);
    in.show.segment_count = 3;
    in.show.stop_count = 3;
    in.show.stops = lists.stops;
    assert_int_equal(record_decode(&out, &scratch, bytes, record_encode(&in, bytes)),
                     RECORD_DECODE_RANGE);
}

/* Every strict prefix of a record is refused, and so is one byte more. */
static void test_truncated_and_trailing(void **unused)
{
    (void)unused;
    uint64_t state = 2;
    static struct record in, out;
    for (int i = 0; i < 600; i++) {
        random_record(&state, &in);
        uint32_t length = record_encode(&in, bytes);
        for (uint32_t cut = 0; cut < length; cut++) {
            uint8_t *exact = malloc(cut + 1); /* so that a sanitizer sees one byte too far */
            memcpy(exact, bytes, cut);
            assert_true(record_decode(&out, &scratch, exact, cut) < 0);
            free(exact);
        }
        bytes[length] = 0xc0;
        assert_int_equal(record_decode(&out, &scratch, bytes, length + 1u), (int)length);
        assert_int_equal(record_decode_exact(&out, &scratch, bytes, length + 1u),
                         RECORD_DECODE_TRAILING);
    }
}

/* Every field of a decoded record, as msgpack-c sees the same bytes. */
static const msgpack_object *field(const msgpack_object *array, uint32_t index)
{
    assert_true(index < array->via.array.size);
    return &array->via.array.ptr[index];
}

static void assert_field_uint(const msgpack_object *array, uint32_t index, uint64_t value)
{
    assert_int_equal(field(array, index)->type, MSGPACK_OBJECT_POSITIVE_INTEGER);
    assert_true(field(array, index)->via.u64 == value);
}

static void assert_field_uuid(const msgpack_object *array, uint32_t index, const struct uuid *uuid)
{
    assert_int_equal(field(array, index)->type, MSGPACK_OBJECT_BIN);
    assert_int_equal(field(array, index)->via.bin.size, sizeof uuid->bytes);
    assert_memory_equal(field(array, index)->via.bin.ptr, uuid->bytes, sizeof uuid->bytes);
}

/* The body has one of two lengths. */
static void assert_size(const msgpack_object *array, uint32_t least, uint32_t most)
{
    const uint32_t size = array->via.array.size - RECORD_HEAD_FIELDS;
    assert_true(size == least || size == most);
}

static void assert_seats(const msgpack_object *array, const uint32_t *seats, uint32_t count)
{
    assert_int_equal(array->type, MSGPACK_OBJECT_ARRAY);
    assert_int_equal(array->via.array.size, count);
    uint64_t next = 0;
    for (uint32_t i = 0; i < count; i++) {
        next += field(array, i)->via.u64;
        assert_int_equal(seats[i], next++);
    }
}

static void assert_inventory_agrees(const msgpack_object *array, const struct record *record)
{
    const uint32_t at = RECORD_HEAD_FIELDS;
    switch ((int)record->kind) {
    case RECORD_STATION:
        assert_field_uuid(array, at, &record->station.id);
        assert_int_equal(field(array, at + 4)->via.str.size, record->station.city.length);
        assert_size(array, RECORD_STATION_FIELDS, RECORD_STATION_FIELDS);
        break;
    case RECORD_ROUTE:
        for (uint32_t i = 0; i < record->route.stop_count; i++)
            assert_field_uuid(field(array, at + 3), i, &record->route.stations[i]);
        assert_size(array, RECORD_ROUTE_FIELDS, RECORD_ROUTE_FIELDS);
        break;
    case RECORD_CHANGED:
        assert_field_uuid(array, at, &record->changed.booking_id);
        assert_field_uint(array, at + 3, (uint64_t)record->changed.cause);
        assert_field_uint(array, at + 8, record->changed.quantity);
        assert_true(field(array, at + 12)->via.boolean == record->changed.pinned);
        assert_seats(field(array, at + 14), record->changed.seats, record->changed.seat_count);
        assert_size(array, RECORD_CHANGED_FIELDS, RECORD_CHANGED_FIELDS);
        break;
    case RECORD_BLOCK:
        assert_field_uuid(array, at, &record->block.block_id);
        assert_field_uint(array, at + 5, record->block.expires_ms);
        assert_seats(field(array, at + 9), record->block.seats, record->block.seat_count);
        assert_size(array, RECORD_BLOCK_FIELDS, RECORD_BLOCK_FIELDS);
        break;
    case RECORD_ZONE_CHANGED:
        assert_field_uuid(array, at, &record->zone_changed.zone_id);
        assert_field_uint(array, at + 3, record->zone_changed.target);
        assert_size(array, RECORD_ZONE_CHANGED_FIELDS, RECORD_ZONE_CHANGED_FIELDS);
        break;
    case RECORD_ORDER:
        assert_field_uuid(array, at, &record->order.order_id);
        assert_field_uint(array, at + 6, record->order.expires_ms);
        assert_int_equal(field(array, at + 7)->via.array.size, record->order.count);
        assert_size(array, RECORD_ORDER_FIELDS, RECORD_ORDER_FIELDS);
        break;
    case RECORD_STATE:
        assert_field_uint(array, at, record->state_hash);
        assert_size(array, RECORD_STATE_FIELDS, RECORD_STATE_FIELDS);
        break;
    case RECORD_CLEAN_STOP:
        assert_size(array, 0, 0);
        break;
    default:
        fail();
    }
}

static void assert_agrees(const msgpack_object *array, const struct record *record)
{
    assert_int_equal(array->type, MSGPACK_OBJECT_ARRAY);
    assert_field_uint(array, 0, (uint64_t)record->kind);
    assert_field_uint(array, 1, record->stamp_ms);
    assert_field_uint(array, 2, (uint64_t)record->actor.role);
    assert_field_uint(array, 4, record->key.hash);
    assert_field_uint(array, 5, record->key.fingerprint);
    uint32_t at = RECORD_HEAD_FIELDS;
    switch ((int)record->kind) {
    case RECORD_RESERVED:
        assert_field_uuid(array, at, &record->reserved.booking_id);
        assert_field_uuid(array, at + 1, &record->reserved.user_id);
        assert_field_uuid(array, at + 2, &record->reserved.zone_id);
        assert_field_uint(array, at + 3, record->reserved.quantity);
        assert_field_uint(array, at + 4, record->reserved.from_segment);
        assert_field_uint(array, at + 5, record->reserved.to_segment);
        assert_true(field(array, at + 6)->via.i64 == record->reserved.unit_price_minor);
        assert_field_uint(array, at + 7, record->reserved.ttl_ms);
        assert_field_uint(array, at + 8, record->reserved.remaining);
        assert_size(array, RECORD_RESERVED_FIELDS, RECORD_RESERVED_LONG_FIELDS);
        if (array->via.array.size > at + RECORD_RESERVED_FIELDS)
            assert_seats(field(array, at + 11), record->reserved.seats,
                         record->reserved.seat_count);
        break;
    case RECORD_CONFIRMED:
    case RECORD_CANCELLED:
        assert_field_uuid(array, at, &record->settled.booking_id);
        assert_field_uint(array, at + 3, record->settled.quantity);
        assert_size(array, RECORD_SETTLED_FIELDS, RECORD_SETTLED_LONG_FIELDS);
        break;
    case RECORD_EXPIRED:
        assert_field_uuid(array, at, &record->expired.zone_id);
        assert_int_equal(field(array, at + 1)->via.array.size, record->expired.count);
        for (uint32_t i = 0; i < record->expired.count; i++)
            assert_field_uint(field(field(array, at + 1), i), 2, record->expired.items[i].quantity);
        break;
    case RECORD_EVENT:
        assert_field_uuid(array, at, &record->event.id);
        assert_field_uint(array, at + 4, record->event.sale_start_ms);
        assert_int_equal(field(array, at + 11)->type, MSGPACK_OBJECT_STR);
        assert_int_equal(field(array, at + 11)->via.str.size, record->event.description.length);
        assert_size(array, RECORD_EVENT_FIELDS, RECORD_EVENT_LONG_FIELDS);
        break;
    case RECORD_SHOW:
        assert_field_uint(array, at + 2, record->show.segment_count);
        assert_size(array, RECORD_SHOW_FIELDS, RECORD_SHOW_LONG_FIELDS);
        for (uint32_t i = 0; i < record->show.stop_count; i++)
            assert_field_uint(field(field(array, at + 7), i), 2, record->show.stops[i].departs_ms);
        break;
    case RECORD_ZONE:
        assert_field_uint(array, at + 6, record->zone.total_seats);
        assert_size(array, RECORD_ZONE_FIELDS, RECORD_ZONE_LONG_FIELDS);
        if (record->zone.plan_length > 0)
            assert_int_equal(field(array, at + 11)->via.bin.size, record->zone.plan_length);
        break;
    default:
        assert_inventory_agrees(array, record);
        break;
    }
}

/* Damaged records: what our cursor accepts, msgpack-c accepts with the same
 * length and values; both were made from the same bytes by different code. */
static void test_differential_with_msgpack_c(void **unused)
{
    (void)unused;
    uint64_t state = 3;
    static struct record in, out;
    uint32_t accepted = 0, refused = 0;
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    for (int i = 0; i < 200000; i++) {
        random_record(&state, &in);
        uint32_t length = record_encode(&in, bytes);
        for (uint64_t flips = random_next(&state) % 4; flips > 0; flips--)
            bytes[random_next(&state) % (random_next(&state) % 2 ? length : 20)] ^=
                (uint8_t)(1u << random_next(&state) % 8);
        int32_t used = record_decode(&out, &scratch, bytes, length);
        if (used < 0) {
            refused++;
            continue;
        }
        accepted++;
        size_t offset = 0;
        assert_int_equal(msgpack_unpack_next(&unpacked, (const char *)bytes, length, &offset) > 0,
                         1);
        assert_int_equal(offset, (size_t)used);
        assert_agrees(&unpacked.data, &out);
    }
    msgpack_unpacked_destroy(&unpacked);
    assert_true(accepted > 10000 && refused > 10000);
}

/* J17: sizes that promise more than there is, wrong types, deep nesting. */
static void test_hostile_bytes(void **unused)
{
    (void)unused;
    static struct record out;
    static const uint8_t huge_array[] = {0xdd, 0xff, 0xff, 0xff, 0xff, 0x10};
    static const uint8_t huge_text[] = {0x9d, 0x02, 0x01, 0x00, 0xc0, 0x00, 0x00,
                                        0xdb, 0xff, 0xff, 0xff, 0xff, 0x61};
    static const uint8_t unknown[] = {0x96, 0x7f, 0x01, 0x00, 0xc0, 0x00, 0x00};
    static const uint8_t ext[] = {0x96, 0xd4, 0x01, 0x00};
    static const uint8_t negative_stamp[] = {0x96, 0x20, 0xff, 0x00, 0xc0, 0x00, 0x00};
    static const uint8_t own_actor_without_user[] = {0x96, 0x20, 0x01, 0x00, 0xc3, 0x00, 0x00};
    assert_int_equal(record_decode(&out, &scratch, huge_array, sizeof huge_array),
                     RECORD_DECODE_RANGE);
    assert_true(record_decode(&out, &scratch, huge_text, sizeof huge_text) < 0);
    assert_int_equal(record_decode(&out, &scratch, unknown, sizeof unknown), RECORD_DECODE_UNKNOWN);
    assert_int_equal(record_decode(&out, &scratch, ext, sizeof ext), RECORD_DECODE_TYPE);
    assert_int_equal(record_decode(&out, &scratch, negative_stamp, sizeof negative_stamp),
                     RECORD_DECODE_RANGE);
    assert_int_equal(
        record_decode(&out, &scratch, own_actor_without_user, sizeof own_actor_without_user),
        RECORD_DECODE_TYPE);
    uint8_t deep[4096];
    memset(deep, 0x91, sizeof deep);
    assert_true(record_decode(&out, &scratch, deep, sizeof deep) < 0);
}

/* Numbers in a wider form than needed mean the same. */
static void test_wide_integers_are_accepted(void **unused)
{
    (void)unused;
    static struct record out;
    static const uint8_t wide[] = {0xdc, 0x00, 0x06, 0xcd, 0x00, 0x20, 0xd3, 0,    0, 0, 0,
                                   0,    0,    0,    7,    0xd0, 0x02, 0xc0, 0xcf, 0, 0, 0,
                                   0,    0,    0,    0,    9,    0xce, 0,    0,    0, 5};
    assert_int_equal(record_decode_exact(&out, &scratch, wide, sizeof wide), 0);
    assert_int_equal(out.kind, RECORD_CLEAN_STOP);
    assert_true(out.stamp_ms == 7 && out.key.hash == 9 && out.key.fingerprint == 5);
    assert_int_equal(out.actor.role, ROLE_ORGANIZER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_longest_event),
        cmocka_unit_test(test_longest_plan),
        cmocka_unit_test(test_longest_block),
        cmocka_unit_test(test_short_forms_are_version_1),
        cmocka_unit_test(test_values_out_of_range),
        cmocka_unit_test(test_truncated_and_trailing),
        cmocka_unit_test(test_differential_with_msgpack_c),
        cmocka_unit_test(test_hostile_bytes),
        cmocka_unit_test(test_wide_integers_are_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
