#include "snapshot_entry.h"

#include "record_cursor.h"
#include "record_pack.h"

enum { ZONE_FIELDS = 5, BOOKING_FIELDS = 11, BOOKING_FIELDS_ALL = 18, KEY_FIELDS = 10 };

/* --- to bytes --- */

static inline int put(void *data, const char *bytes, size_t length)
{
    uint8_t **at = data;
    memcpy(*at, bytes, length);
    *at += length;
    return 0;
}

static inline void pack_entry(msgpack_packer *packer, uint32_t fields,
                              enum snapshot_entry_kind kind)
{
    msgpack_pack_array(packer, fields);
    msgpack_pack_uint8(packer, (uint8_t)kind);
}

uint32_t snapshot_encode_zone(const struct shard_zone_state *zone, uint8_t *out)
{
    uint8_t *at = out;
    msgpack_packer packer;
    msgpack_packer_init(&packer, &at, put);
    pack_entry(&packer, ZONE_FIELDS, SNAPSHOT_ZONE);
    pack_uuid(&packer, &zone->id);
    msgpack_pack_uint32(&packer, zone->total);
    msgpack_pack_uint32(&packer, zone->target);
    pack_bool(&packer, zone->closed);
    return (uint32_t)(at - out);
}

static bool is_plain(const struct shard_booking_state *booking)
{
    return !booking->pinned && uuid_is_nil(&booking->block_id) &&
           uuid_is_nil(&booking->payment_id) && uuid_is_nil(&booking->order.id) &&
           booking->seat_count == 0;
}

uint32_t snapshot_encode_booking(const struct shard_booking_state *booking, uint8_t *out)
{
    uint8_t *at = out;
    bool plain = is_plain(booking);
    msgpack_packer packer;
    msgpack_packer_init(&packer, &at, put);
    pack_entry(&packer, plain ? BOOKING_FIELDS : BOOKING_FIELDS_ALL, SNAPSHOT_BOOKING);
    pack_uuid(&packer, &booking->id);
    pack_uuid(&packer, &booking->user_id);
    msgpack_pack_uint32(&packer, booking->zone);
    msgpack_pack_uint8(&packer, (uint8_t)booking->status);
    msgpack_pack_uint32(&packer, booking->quantity);
    msgpack_pack_uint32(&packer, booking->ttl_ms);
    msgpack_pack_uint16(&packer, booking->from_segment);
    msgpack_pack_uint16(&packer, booking->to_segment);
    msgpack_pack_int64(&packer, booking->unit_price_minor);
    msgpack_pack_uint64(&packer, booking->changed_after_ms);
    if (plain)
        return (uint32_t)(at - out);
    pack_bool(&packer, booking->pinned);
    pack_uuid_or_nil(&packer, &booking->block_id);
    pack_uuid_or_nil(&packer, &booking->payment_id);
    pack_uuid_or_nil(&packer, &booking->order.id);
    msgpack_pack_uint8(&packer, booking->order.item);
    msgpack_pack_uint8(&packer, booking->order.count);
    pack_seats(&packer, booking->seats, booking->seat_count);
    return (uint32_t)(at - out);
}

uint32_t snapshot_encode_key(const struct shard_key_state *key, uint8_t *out)
{
    uint8_t *at = out;
    msgpack_packer packer;
    msgpack_packer_init(&packer, &at, put);
    pack_entry(&packer, KEY_FIELDS, SNAPSHOT_KEY);
    msgpack_pack_uint64(&packer, key->key.hash);
    msgpack_pack_uint32(&packer, key->key.fingerprint);
    msgpack_pack_uint8(&packer, (uint8_t)key->kind);
    msgpack_pack_uint8(&packer, (uint8_t)key->made_by);
    msgpack_pack_uint64(&packer, key->accepted_ms);
    msgpack_pack_uint32(&packer, key->quantity);
    msgpack_pack_uint32(&packer, key->ttl_ms);
    msgpack_pack_uint32(&packer, key->remaining);
    if (key->kind == SHARD_KEY_ANSWER) {
        assert(key->answer_length <= ANSWER_MEMORY_BYTES_MAX);
        msgpack_pack_bin(&packer, key->answer_length);
        msgpack_pack_bin_body(&packer, key->answer, key->answer_length);
    } else {
        pack_uuid_or_nil(&packer, &key->booking_id);
    }
    return (uint32_t)(at - out);
}

/* --- from bytes --- */

static void take_zone(struct cursor *cursor, struct shard_zone_state *zone, uint32_t fields)
{
    if (fields != ZONE_FIELDS)
        cursor_fail(cursor, RECORD_DECODE_RANGE);
    take_uuid(cursor, &zone->id);
    zone->total = take_uint32(cursor);
    zone->target = take_uint32(cursor);
    zone->closed = take_bool(cursor);
}

static void take_rare(struct cursor *cursor, struct shard_booking_state *booking, uint32_t fields)
{
    booking->pinned = false;
    booking->block_id = booking->payment_id = (struct uuid){{0}};
    booking->order = (struct order_part){.count = 0};
    booking->seat_count = 0;
    if (fields == BOOKING_FIELDS)
        return;
    if (fields != BOOKING_FIELDS_ALL)
        cursor_fail(cursor, RECORD_DECODE_RANGE);
    booking->pinned = take_bool(cursor);
    take_uuid_or_nil(cursor, &booking->block_id);
    take_uuid_or_nil(cursor, &booking->payment_id);
    take_uuid_or_nil(cursor, &booking->order.id);
    booking->order.item = (uint8_t)take_uint(cursor, UINT8_MAX);
    booking->order.count = (uint8_t)take_uint(cursor, UINT8_MAX);
    booking->seat_count = take_seats(cursor, booking->seats, RECORD_SEATS_MAX);
}

static void take_booking(struct cursor *cursor, struct shard_booking_state *booking,
                         uint32_t fields)
{
    take_uuid(cursor, &booking->id);
    take_uuid(cursor, &booking->user_id);
    booking->zone = take_uint32(cursor);
    booking->status = (enum booking_status)take_uint(cursor, BOOKING_REFUNDED);
    booking->quantity = take_uint32(cursor);
    booking->ttl_ms = take_uint32(cursor);
    booking->from_segment = (uint16_t)take_uint(cursor, CATALOG_SEGMENTS_MAX);
    booking->to_segment = (uint16_t)take_uint(cursor, CATALOG_SEGMENTS_MAX);
    booking->unit_price_minor = take_int64(cursor);
    booking->changed_after_ms = take_uint(cursor, UINT64_MAX >> 24);
    take_rare(cursor, booking, fields);
}

static void take_key(struct cursor *cursor, struct shard_key_state *key, uint32_t fields)
{
    if (fields != KEY_FIELDS)
        cursor_fail(cursor, RECORD_DECODE_RANGE);
    key->key.hash = take_uint(cursor, UINT64_MAX);
    key->key.fingerprint = take_uint32(cursor);
    key->kind = (enum shard_key_kind)take_uint(cursor, SHARD_KEY_ROUTE);
    key->made_by = (enum command_kind)take_uint(cursor, COMMAND_KIND_COUNT - 1);
    key->accepted_ms = take_uint(cursor, UINT64_MAX >> 20);
    key->quantity = (uint32_t)take_uint(cursor, (1U << 14) - 1);
    key->ttl_ms = take_uint32(cursor);
    key->remaining = take_uint32(cursor);
    key->booking_id = (struct uuid){{0}};
    if (key->kind == SHARD_KEY_ANSWER)
        key->answer = take_bytes_or_nil(cursor, ANSWER_MEMORY_BYTES_MAX, &key->answer_length);
    else
        take_uuid_or_nil(cursor, &key->booking_id);
    if (key->kind < SHARD_KEY_BOOKING || key->key.hash == 0)
        cursor_fail(cursor, RECORD_DECODE_RANGE);
}

static void take_body(struct cursor *cursor, struct snapshot_entry *entry, uint32_t fields)
{
    switch (entry->kind) {
    case SNAPSHOT_ZONE:
        take_zone(cursor, &entry->zone, fields);
        break;
    case SNAPSHOT_BOOKING:
        take_booking(cursor, &entry->booking, fields);
        break;
    case SNAPSHOT_KEY:
        take_key(cursor, &entry->key, fields);
        break;
    default:
        cursor_fail(cursor, RECORD_DECODE_UNKNOWN);
    }
}

int32_t snapshot_decode(struct snapshot_entry *entry, struct record_scratch *scratch,
                        const uint8_t *bytes, size_t length)
{
    struct cursor cursor = {bytes, bytes + length, 0};
    uint32_t fields = take_array(&cursor);
    uint32_t kind = (uint32_t)take_uint(&cursor, 127);
    if (cursor.error == 0 && kind < SNAPSHOT_ZONE) {
        entry->kind = SNAPSHOT_RECORD;
        return record_decode(&entry->record, scratch, bytes, length);
    }
    entry->kind = (enum snapshot_entry_kind)kind;
    take_body(&cursor, entry, fields);
    return cursor.error != 0 ? cursor.error : (int32_t)(cursor.at - bytes);
}
