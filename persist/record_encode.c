/* Records to bytes. msgpack-c's packer writes through a callback that only moves
 * a cursor; the compiler sees through it, so nothing is called or allocated. */
#include "record_codec.h"

#include <assert.h>
#include <msgpack.h>

#include "record_schema.h"

static inline int cursor_put(void *data, const char *bytes, size_t length)
{
    uint8_t **at = data;
    memcpy(*at, bytes, length);
    *at += length;
    return 0;
}

static inline void pack_uuid(msgpack_packer *packer, const struct uuid *uuid)
{
    msgpack_pack_bin(packer, sizeof uuid->bytes);
    msgpack_pack_bin_body(packer, uuid->bytes, sizeof uuid->bytes);
}

static inline void pack_text(msgpack_packer *packer, const struct text *text)
{
    msgpack_pack_str(packer, text->length);
    if (text->length > 0)
        msgpack_pack_str_body(packer, text->bytes, text->length);
}

/* Most actors are the booking's own user: one byte instead of eighteen. */
static inline void pack_actor(msgpack_packer *packer, const struct actor *actor,
                              const struct uuid *user)
{
    msgpack_pack_uint8(packer, (uint8_t)actor->role);
    if (uuid_is_nil(&actor->id))
        msgpack_pack_nil(packer);
    else if (user && uuid_equal(&actor->id, user))
        msgpack_pack_true(packer);
    else
        pack_uuid(packer, &actor->id);
}

static inline void pack_head(msgpack_packer *packer, const struct record *record, size_t fields,
                             const struct uuid *user)
{
    msgpack_pack_array(packer, RECORD_HEAD_FIELDS + fields);
    msgpack_pack_uint8(packer, (uint8_t)record->kind);
    msgpack_pack_uint64(packer, record->stamp_ms);
    pack_actor(packer, &record->actor, user);
    msgpack_pack_uint64(packer, record->key.hash);
    msgpack_pack_uint32(packer, record->key.fingerprint);
}

static inline void pack_reserved(msgpack_packer *packer, const struct record *record)
{
    const struct record_reserved *reserved = &record->reserved;
    pack_head(packer, record, RECORD_RESERVED_FIELDS, &reserved->user_id);
    pack_uuid(packer, &reserved->booking_id);
    pack_uuid(packer, &reserved->user_id);
    pack_uuid(packer, &reserved->zone_id);
    msgpack_pack_uint32(packer, reserved->quantity);
    msgpack_pack_uint16(packer, reserved->from_segment);
    msgpack_pack_uint16(packer, reserved->to_segment);
    msgpack_pack_int64(packer, reserved->unit_price_minor);
    msgpack_pack_uint32(packer, reserved->ttl_ms);
    msgpack_pack_uint32(packer, reserved->remaining);
}

static inline void pack_settled(msgpack_packer *packer, const struct record *record)
{
    const struct record_settled *settled = &record->settled;
    pack_head(packer, record, RECORD_SETTLED_FIELDS, &settled->user_id);
    pack_uuid(packer, &settled->booking_id);
    pack_uuid(packer, &settled->user_id);
    pack_uuid(packer, &settled->zone_id);
    msgpack_pack_uint32(packer, settled->quantity);
    if (uuid_is_nil(&settled->payment_id))
        msgpack_pack_nil(packer);
    else
        pack_uuid(packer, &settled->payment_id);
}

static void pack_expired(msgpack_packer *packer, const struct record *record)
{
    const struct record_expired *expired = &record->expired;
    assert(expired->count >= 1 && expired->count <= RECORD_EXPIRED_MAX);
    pack_head(packer, record, RECORD_EXPIRED_FIELDS, NULL);
    pack_uuid(packer, &expired->zone_id);
    msgpack_pack_array(packer, expired->count);
    for (uint32_t i = 0; i < expired->count; i++) {
        msgpack_pack_array(packer, RECORD_EXPIRED_ITEM_FIELDS);
        pack_uuid(packer, &expired->items[i].booking_id);
        pack_uuid(packer, &expired->items[i].user_id);
        msgpack_pack_uint32(packer, expired->items[i].quantity);
    }
}

static void pack_event(msgpack_packer *packer, const struct record *record)
{
    const struct catalog_event *event = &record->event;
    pack_head(packer, record, RECORD_EVENT_FIELDS, NULL);
    pack_uuid(packer, &event->id);
    pack_uuid(packer, &event->tenant_id);
    pack_uuid(packer, &event->organizer_id);
    msgpack_pack_uint8(packer, (uint8_t)event->status);
    msgpack_pack_uint64(packer, event->sale_start_ms);
    msgpack_pack_uint64(packer, event->sale_end_ms);
    msgpack_pack_uint64(packer, event->created_ms);
    msgpack_pack_uint64(packer, event->updated_ms);
    msgpack_pack_uint32(packer, event->max_per_user);
    pack_text(packer, &event->title);
    pack_text(packer, &event->slug);
    pack_text(packer, &event->description);
    pack_text(packer, &event->venue);
    pack_text(packer, &event->city);
    pack_text(packer, &event->image_url);
}

static void pack_show(msgpack_packer *packer, const struct record *record)
{
    const struct catalog_show *show = &record->show;
    pack_head(packer, record, RECORD_SHOW_FIELDS, NULL);
    pack_uuid(packer, &show->id);
    pack_uuid(packer, &show->event_id);
    msgpack_pack_uint32(packer, show->segment_count);
    msgpack_pack_uint64(packer, show->show_date_ms);
    msgpack_pack_uint64(packer, show->created_ms);
    msgpack_pack_uint64(packer, show->updated_ms);
    pack_text(packer, &show->name);
}

static void pack_zone(msgpack_packer *packer, const struct record *record)
{
    const struct catalog_zone *zone = &record->zone;
    pack_head(packer, record, RECORD_ZONE_FIELDS, NULL);
    pack_uuid(packer, &zone->id);
    pack_uuid(packer, &zone->show_id);
    pack_uuid(packer, &zone->event_id);
    msgpack_pack_uint8(packer, (uint8_t)zone->kind);
    msgpack_pack_int64(packer, zone->price_minor);
    msgpack_pack_str(packer, RECORD_CURRENCY_BYTES);
    msgpack_pack_str_body(packer, zone->currency, RECORD_CURRENCY_BYTES);
    msgpack_pack_uint32(packer, zone->total_seats);
    msgpack_pack_uint64(packer, zone->created_ms);
    msgpack_pack_uint64(packer, zone->updated_ms);
    pack_text(packer, &zone->name);
}

uint32_t record_encode(const struct record *record, uint8_t *out)
{
    uint8_t *at = out;
    msgpack_packer packer;
    msgpack_packer_init(&packer, &at, cursor_put);
    switch (record->kind) {
    case RECORD_RESERVED:
        pack_reserved(&packer, record);
        break;
    case RECORD_CONFIRMED:
    case RECORD_CANCELLED:
        pack_settled(&packer, record);
        break;
    case RECORD_EXPIRED:
        pack_expired(&packer, record);
        break;
    case RECORD_EVENT:
        pack_event(&packer, record);
        break;
    case RECORD_SHOW:
        pack_show(&packer, record);
        break;
    case RECORD_ZONE:
        pack_zone(&packer, record);
        break;
    case RECORD_STATION:
    case RECORD_ROUTE:
    case RECORD_CHANGED:
    case RECORD_BLOCK:
    case RECORD_ZONE_CHANGED:
    case RECORD_ORDER:
    case RECORD_STATE:
    case RECORD_CLEAN_STOP:
        pack_head(&packer, record, 0, NULL);
        break;
    default:
        assert(false && "a record of no known kind");
    }
    return (uint32_t)(at - out);
}

/* The sums below add the longest form of each field of the schema. */
enum {
    UINT_BYTES = 9,
    UUID_BYTES = 18,
    TEXT_HEAD_BYTES = 3,
    HEAD_BYTES = 3 + 2 + UINT_BYTES + 2 + UUID_BYTES + UINT_BYTES + 5,
    RESERVED_BYTES = HEAD_BYTES + 3 * UUID_BYTES + 5 + 3 + 3 + UINT_BYTES + 5 + 5,
    SETTLED_BYTES = HEAD_BYTES + 4 * UUID_BYTES + 5,
    EXPIRED_BYTES = HEAD_BYTES + UUID_BYTES + 3,
    EXPIRED_ITEM_BYTES = 1 + 2 * UUID_BYTES + 5,
    EVENT_BYTES = HEAD_BYTES + 3 * UUID_BYTES + 2 + 4 * UINT_BYTES + 5 + 6 * TEXT_HEAD_BYTES,
    SHOW_BYTES = HEAD_BYTES + 2 * UUID_BYTES + 5 + 3 * UINT_BYTES + TEXT_HEAD_BYTES,
    ZONE_BYTES = HEAD_BYTES + 3 * UUID_BYTES + 2 + 3 * UINT_BYTES + 4 + 5 + TEXT_HEAD_BYTES
};
static_assert(EVENT_BYTES + CATALOG_TITLE_BYTES_MAX + CATALOG_SLUG_BYTES_MAX +
                      CATALOG_DESCRIPTION_BYTES_MAX + 2 * CATALOG_TEXT_BYTES_MAX +
                      CATALOG_URL_BYTES_MAX <=
                  RECORD_BYTES_MAX,
              "the longest event fits");
static_assert(EXPIRED_BYTES + RECORD_EXPIRED_MAX * EXPIRED_ITEM_BYTES <= RECORD_BYTES_MAX,
              "the longest expiry fits");

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

uint32_t record_encoded_bytes_max(const struct record *record)
{
    switch (record->kind) {
    case RECORD_RESERVED:
        return RESERVED_BYTES;
    case RECORD_CONFIRMED:
    case RECORD_CANCELLED:
        return SETTLED_BYTES;
    case RECORD_EXPIRED:
        return EXPIRED_BYTES + record->expired.count * EXPIRED_ITEM_BYTES;
    case RECORD_EVENT:
        return event_bytes_max(&record->event);
    case RECORD_SHOW:
        if (record->show.name.length > CATALOG_TEXT_BYTES_MAX)
            return 0;
        return SHOW_BYTES + record->show.name.length;
    case RECORD_ZONE:
        if (record->zone.name.length > CATALOG_TEXT_BYTES_MAX)
            return 0;
        return ZONE_BYTES + record->zone.name.length;
    case RECORD_STATION:
    case RECORD_ROUTE:
    case RECORD_CHANGED:
    case RECORD_BLOCK:
    case RECORD_ZONE_CHANGED:
    case RECORD_ORDER:
    case RECORD_STATE:
    case RECORD_CLEAN_STOP:
        return HEAD_BYTES;
    }
    return 0;
}
