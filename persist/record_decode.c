/* Bytes to records: a cursor that pulls what the schema asks for. It believes no
 * length it has not compared with what is left, never recurses and allocates
 * nothing. The first error sticks and empties the cursor, so that a record's
 * decoder reads straight down and asks once, at its end. */
#include "record_codec.h"

#include <assert.h>
#include <string.h>

#include "record_schema.h"

struct cursor {
    const uint8_t *at, *end;
    int32_t error;
};

static void cursor_fail(struct cursor *cursor, int32_t error)
{
    if (cursor->error == 0)
        cursor->error = error;
    cursor->at = cursor->end;
}

static inline uint8_t take_byte(struct cursor *cursor)
{
    if (cursor->at == cursor->end) {
        cursor_fail(cursor, RECORD_DECODE_TRUNCATED);
        return 0;
    }
    return *cursor->at++;
}

static inline uint64_t take_big_endian(struct cursor *cursor, size_t bytes)
{
    if ((size_t)(cursor->end - cursor->at) < bytes) {
        cursor_fail(cursor, RECORD_DECODE_TRUNCATED);
        return 0;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | cursor->at[i];
    cursor->at += bytes;
    return value;
}

/* An integer of any width and sign: `*negative` tells how to read the result. */
static uint64_t take_integer(struct cursor *cursor, bool *negative)
{
    uint8_t tag = take_byte(cursor);
    *negative = false;
    if (tag < 0x80)
        return tag;
    uint64_t value;
    switch (tag) {
    case 0xcc:
        return take_big_endian(cursor, 1);
    case 0xcd:
        return take_big_endian(cursor, 2);
    case 0xce:
        return take_big_endian(cursor, 4);
    case 0xcf:
        return take_big_endian(cursor, 8);
    case 0xd0:
        value = (uint64_t)(int8_t)take_big_endian(cursor, 1);
        break;
    case 0xd1:
        value = (uint64_t)(int16_t)take_big_endian(cursor, 2);
        break;
    case 0xd2:
        value = (uint64_t)(int32_t)take_big_endian(cursor, 4);
        break;
    case 0xd3:
        value = take_big_endian(cursor, 8);
        break;
    default:
        if (tag < 0xe0) {
            cursor_fail(cursor, RECORD_DECODE_TYPE);
            return 0;
        }
        value = (uint64_t)(int8_t)tag;
    }
    *negative = (int64_t)value < 0;
    return value;
}

static inline uint64_t take_uint(struct cursor *cursor, uint64_t max)
{
    bool negative;
    uint64_t value = take_integer(cursor, &negative);
    if (negative || value > max) {
        cursor_fail(cursor, RECORD_DECODE_RANGE);
        return 0;
    }
    return value;
}

static inline uint32_t take_uint32(struct cursor *cursor)
{
    return (uint32_t)take_uint(cursor, UINT32_MAX);
}

static int64_t take_int64(struct cursor *cursor)
{
    bool negative;
    uint64_t value = take_integer(cursor, &negative);
    if (!negative && value > INT64_MAX) {
        cursor_fail(cursor, RECORD_DECODE_RANGE);
        return 0;
    }
    return (int64_t)value;
}

static uint32_t take_array(struct cursor *cursor)
{
    uint8_t tag = take_byte(cursor);
    if ((tag & 0xf0) == 0x90)
        return tag & 0x0f;
    if (tag == 0xdc)
        return (uint32_t)take_big_endian(cursor, 2);
    if (tag == 0xdd)
        return (uint32_t)take_big_endian(cursor, 4);
    cursor_fail(cursor, RECORD_DECODE_TYPE);
    return 0;
}

static void expect_array(struct cursor *cursor, uint32_t count)
{
    if (take_array(cursor) != count)
        cursor_fail(cursor, RECORD_DECODE_RANGE);
}

/* The 16 bytes behind a bin header whose tag has been taken. */
static void take_uuid_body(struct cursor *cursor, uint8_t tag, struct uuid *uuid)
{
    if (tag != 0xc4) {
        cursor_fail(cursor, RECORD_DECODE_TYPE);
        return;
    }
    if (take_byte(cursor) != sizeof uuid->bytes) {
        cursor_fail(cursor, RECORD_DECODE_RANGE);
        return;
    }
    if ((size_t)(cursor->end - cursor->at) < sizeof uuid->bytes) {
        cursor_fail(cursor, RECORD_DECODE_TRUNCATED);
        return;
    }
    memcpy(uuid->bytes, cursor->at, sizeof uuid->bytes);
    cursor->at += sizeof uuid->bytes;
}

static inline void take_uuid(struct cursor *cursor, struct uuid *uuid)
{
    take_uuid_body(cursor, take_byte(cursor), uuid);
}

static void take_uuid_or_nil(struct cursor *cursor, struct uuid *uuid)
{
    uint8_t tag = take_byte(cursor);
    if (tag == 0xc0)
        memset(uuid, 0, sizeof *uuid);
    else
        take_uuid_body(cursor, tag, uuid);
}

static struct text take_text(struct cursor *cursor, uint32_t length_max)
{
    uint8_t tag = take_byte(cursor);
    uint64_t length = 0;
    if ((tag & 0xe0) == 0xa0)
        length = tag & 0x1f;
    else if (tag == 0xd9)
        length = take_big_endian(cursor, 1);
    else if (tag == 0xda)
        length = take_big_endian(cursor, 2);
    else if (tag == 0xdb)
        length = take_big_endian(cursor, 4);
    else
        cursor_fail(cursor, RECORD_DECODE_TYPE);
    if (length > length_max)
        cursor_fail(cursor, RECORD_DECODE_RANGE);
    else if (length > (size_t)(cursor->end - cursor->at))
        cursor_fail(cursor, RECORD_DECODE_TRUNCATED);
    if (cursor->error != 0)
        return (struct text){"", 0};
    struct text text = {(const char *)cursor->at, (uint32_t)length};
    cursor->at += length;
    return text;
}

/* True: the actor is the record's user, whose id comes later. */
static bool take_actor(struct cursor *cursor, struct actor *actor)
{
    actor->role = (enum role)take_uint(cursor, ROLE_ADMIN);
    memset(&actor->id, 0, sizeof actor->id);
    uint8_t tag = take_byte(cursor);
    if (tag == 0xc3)
        return true;
    if (tag != 0xc0)
        take_uuid_body(cursor, tag, &actor->id);
    return false;
}

static void take_reserved(struct cursor *cursor, struct record_reserved *reserved)
{
    take_uuid(cursor, &reserved->booking_id);
    take_uuid(cursor, &reserved->user_id);
    take_uuid(cursor, &reserved->zone_id);
    reserved->quantity = take_uint32(cursor);
    reserved->from_segment = (uint16_t)take_uint(cursor, CATALOG_SEGMENTS_MAX);
    reserved->to_segment = (uint16_t)take_uint(cursor, CATALOG_SEGMENTS_MAX);
    reserved->unit_price_minor = take_int64(cursor);
    reserved->ttl_ms = take_uint32(cursor);
    reserved->remaining = take_uint32(cursor);
}

static void take_settled(struct cursor *cursor, struct record_settled *settled)
{
    take_uuid(cursor, &settled->booking_id);
    take_uuid(cursor, &settled->user_id);
    take_uuid(cursor, &settled->zone_id);
    settled->quantity = take_uint32(cursor);
    take_uuid_or_nil(cursor, &settled->payment_id);
}

static void take_expired(struct cursor *cursor, struct record_expired *expired)
{
    take_uuid(cursor, &expired->zone_id);
    expired->count = take_array(cursor);
    if (expired->count < 1 || expired->count > RECORD_EXPIRED_MAX) {
        cursor_fail(cursor, RECORD_DECODE_RANGE);
        return;
    }
    for (uint32_t i = 0; i < expired->count; i++) {
        expect_array(cursor, RECORD_EXPIRED_ITEM_FIELDS);
        take_uuid(cursor, &expired->items[i].booking_id);
        take_uuid(cursor, &expired->items[i].user_id);
        expired->items[i].quantity = take_uint32(cursor);
    }
}

static void take_event(struct cursor *cursor, struct catalog_event *event)
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
}

static void take_show(struct cursor *cursor, struct catalog_show *show)
{
    memset(show, 0, sizeof *show);
    take_uuid(cursor, &show->id);
    take_uuid(cursor, &show->event_id);
    show->segment_count = (uint32_t)take_uint(cursor, CATALOG_SEGMENTS_MAX);
    show->show_date_ms = take_uint(cursor, UINT64_MAX);
    show->created_ms = take_uint(cursor, UINT64_MAX);
    show->updated_ms = take_uint(cursor, UINT64_MAX);
    show->name = take_text(cursor, CATALOG_TEXT_BYTES_MAX);
}

static void take_zone(struct cursor *cursor, struct catalog_zone *zone)
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
}

/* Fields behind the head, or UINT32_MAX for a kind we do not know. */
static uint32_t kind_fields(uint64_t kind)
{
    switch (kind) {
    case RECORD_EVENT:
        return RECORD_EVENT_FIELDS;
    case RECORD_SHOW:
        return RECORD_SHOW_FIELDS;
    case RECORD_ZONE:
        return RECORD_ZONE_FIELDS;
    case RECORD_RESERVED:
        return RECORD_RESERVED_FIELDS;
    case RECORD_CONFIRMED:
    case RECORD_CANCELLED:
        return RECORD_SETTLED_FIELDS;
    case RECORD_EXPIRED:
        return RECORD_EXPIRED_FIELDS;
    case RECORD_STATION:
    case RECORD_ROUTE:
    case RECORD_CHANGED:
    case RECORD_BLOCK:
    case RECORD_ZONE_CHANGED:
    case RECORD_ORDER:
    case RECORD_STATE:
    case RECORD_CLEAN_STOP:
        return 0;
    default:
        return UINT32_MAX;
    }
}

/* Returns the user whose id the actor may share; NULL: this kind has none. */
static const struct uuid *take_body(struct cursor *cursor, struct record *record)
{
    switch (record->kind) {
    case RECORD_RESERVED:
        take_reserved(cursor, &record->reserved);
        return &record->reserved.user_id;
    case RECORD_CONFIRMED:
    case RECORD_CANCELLED:
        take_settled(cursor, &record->settled);
        return &record->settled.user_id;
    case RECORD_EXPIRED:
        take_expired(cursor, &record->expired);
        return NULL;
    case RECORD_EVENT:
        take_event(cursor, &record->event);
        return NULL;
    case RECORD_SHOW:
        take_show(cursor, &record->show);
        return NULL;
    case RECORD_ZONE:
        take_zone(cursor, &record->zone);
        return NULL;
    case RECORD_STATION:
    case RECORD_ROUTE:
    case RECORD_CHANGED:
    case RECORD_BLOCK:
    case RECORD_ZONE_CHANGED:
    case RECORD_ORDER:
    case RECORD_STATE:
    case RECORD_CLEAN_STOP:
        return NULL;
    }
    assert(false && "kind_fields let a kind through");
    return NULL;
}

int32_t record_decode(struct record *record, const uint8_t *bytes, size_t length)
{
    struct cursor cursor = {bytes, bytes + length, 0};
    uint32_t fields = take_array(&cursor);
    uint64_t kind = take_uint(&cursor, UINT8_MAX);
    uint32_t expected = kind_fields(kind);
    if (cursor.error == 0 && expected == UINT32_MAX)
        return RECORD_DECODE_UNKNOWN;
    if (cursor.error == 0 && fields != RECORD_HEAD_FIELDS + expected)
        return RECORD_DECODE_RANGE;
    if (cursor.error != 0)
        return cursor.error;
    record->kind = (enum record_kind)kind;
    record->stamp_ms = take_uint(&cursor, UINT64_MAX);
    bool actor_is_user = take_actor(&cursor, &record->actor);
    record->key.hash = take_uint(&cursor, UINT64_MAX);
    record->key.fingerprint = take_uint32(&cursor);
    const struct uuid *user = take_body(&cursor, record);
    if (actor_is_user && !user)
        cursor_fail(&cursor, RECORD_DECODE_TYPE);
    if (cursor.error != 0)
        return cursor.error;
    if (actor_is_user)
        record->actor.id = *user;
    return (int32_t)(cursor.at - bytes);
}

int32_t record_decode_exact(struct record *record, const uint8_t *bytes, size_t length)
{
    int32_t used = record_decode(record, bytes, length);
    if (used < 0)
        return used;
    return (size_t)used == length ? 0 : RECORD_DECODE_TRAILING;
}

const char *record_decode_error_name(int32_t error)
{
    switch (error) {
    case RECORD_DECODE_TRUNCATED:
        return "truncated";
    case RECORD_DECODE_TYPE:
        return "wrong type";
    case RECORD_DECODE_RANGE:
        return "value out of range";
    case RECORD_DECODE_UNKNOWN:
        return "unknown kind of record";
    case RECORD_DECODE_TRAILING:
        return "bytes behind the record";
    default:
        return "no error";
    }
}
