#include "snapshot_entry.h"

#include "record_cursor.h"
#include "record_pack.h"
#include "snapshot_answer.h"

enum {
    ZONE_FIELDS = 5,
    ZONE_END_FIELDS = 3,
    BLOCK_FIELDS = 11,
    BOOKING_FIELDS = 11,
    BOOKING_FIELDS_ALL = 22,
    KEY_FIELDS = 10,
    ORDER_FIELDS = 20
};

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

uint32_t snapshot_encode_zone_end(uint32_t index, uint32_t changes, uint8_t *out)
{
    uint8_t *at = out;
    msgpack_packer packer;
    msgpack_packer_init(&packer, &at, put);
    pack_entry(&packer, ZONE_END_FIELDS, SNAPSHOT_ZONE_END);
    msgpack_pack_uint32(&packer, index);
    msgpack_pack_uint32(&packer, changes);
    return (uint32_t)(at - out);
}

uint32_t snapshot_encode_block(const struct shard_block_state *block, uint8_t *out)
{
    const struct record_block *record = &block->record;
    uint8_t *at = out;
    msgpack_packer packer;
    assert(record->reason.length <= CATALOG_URL_BYTES_MAX);
    msgpack_packer_init(&packer, &at, put);
    pack_entry(&packer, BLOCK_FIELDS, SNAPSHOT_BLOCK);
    pack_uuid(&packer, &record->block_id);
    msgpack_pack_uint32(&packer, block->zone);
    msgpack_pack_uint8(&packer, (uint8_t)record->kind);
    msgpack_pack_uint32(&packer, record->quantity);
    msgpack_pack_uint64(&packer, record->expires_ms);
    msgpack_pack_uint64(&packer, block->created_ms);
    pack_uuid_or_nil(&packer, &record->owner_id);
    msgpack_pack_bin(&packer, sizeof record->key_digest + 1);
    msgpack_pack_bin_body(&packer, record->key_digest, sizeof record->key_digest);
    msgpack_pack_bin_body(&packer, &block->active, 1);
    pack_text(&packer, &record->reason);
    pack_seats(&packer, record->seats, record->seat_count);
    return (uint32_t)(at - out);
}

static inline void pack_part(msgpack_packer *packer, const struct order_part *part)
{
    pack_uuid_or_nil(packer, &part->id);
    msgpack_pack_uint8(packer, part->item);
    msgpack_pack_uint8(packer, part->count);
}

static bool is_plain(const struct shard_booking_state *booking)
{
    return !booking->pinned && uuid_is_nil(&booking->block_id) &&
           uuid_is_nil(&booking->reserver_id) && uuid_is_nil(&booking->order.id) &&
           uuid_is_nil(&booking->pinned_by.id) && uuid_is_nil(&booking->exchanged_from) &&
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
    pack_uuid_or_nil(&packer, &booking->reserver_id);
    pack_uuid_or_nil(&packer, &booking->block_id);
    pack_part(&packer, &booking->order);
    pack_part(&packer, &booking->pinned_by);
    pack_uuid_or_nil(&packer, &booking->exchanged_from);
    pack_seats(&packer, booking->seats, booking->seat_count);
    return (uint32_t)(at - out);
}

uint32_t snapshot_encode_order(const struct order *order, uint8_t *out)
{
    uint8_t *at = out;
    msgpack_packer packer;
    msgpack_packer_init(&packer, &at, put);
    pack_entry(&packer, ORDER_FIELDS, SNAPSHOT_ORDER);
    pack_uuid(&packer, &order->id);
    pack_uuid(&packer, &order->user_id);
    msgpack_pack_uint8(&packer, order->state);
    msgpack_pack_uint8(&packer, order->count);
    msgpack_pack_uint8(&packer, order->known);
    msgpack_pack_uint8(&packer, order->kind);
    msgpack_pack_uint8(&packer, order->end);
    pack_bool(&packer, order->posted);
    pack_bool(&packer, order->voided);
    msgpack_pack_uint64(&packer, order->expires_ms);
    msgpack_pack_uint64(&packer, order->decided_ms);
    msgpack_pack_uint64(&packer, order->create_key.hash);
    msgpack_pack_uint32(&packer, order->create_key.fingerprint);
    msgpack_pack_uint64(&packer, order->end_key.hash);
    msgpack_pack_uint32(&packer, order->end_key.fingerprint);
    pack_uuid_or_nil(&packer, &order->payment_id);
    msgpack_pack_array(&packer, order->count);
    for (uint8_t i = 0; i < order->count; i++)
        pack_uuid_or_nil(&packer, &order->bookings[i]);
    snapshot_pack_order_facts(&packer, order->created);
    snapshot_pack_order_facts(&packer, order->ended);
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
        snapshot_pack_answer(&packer, key->made_by, key->answer, key->answer_length);
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

static void take_part(struct cursor *cursor, struct order_part *part)
{
    take_uuid_or_nil(cursor, &part->id);
    part->item = (uint8_t)take_uint(cursor, UINT8_MAX);
    part->count = (uint8_t)take_uint(cursor, UINT8_MAX);
}

/* zone_id is the caller's to fill. */
static void take_block(struct cursor *cursor, struct shard_block_state *block,
                       struct record_scratch *scratch, uint32_t fields)
{
    struct record_block *record = &block->record;
    uint32_t length;
    memset(block, 0, sizeof *block);
    if (fields != BLOCK_FIELDS)
        cursor_fail(cursor, RECORD_DECODE_RANGE);
    record->cause = CAUSE_CREATED;
    take_uuid(cursor, &record->block_id);
    block->zone = take_uint32(cursor);
    record->kind = (enum block_kind)take_uint(cursor, BLOCK_ALLOTMENT);
    record->quantity = take_uint32(cursor);
    record->expires_ms = take_uint(cursor, UINT64_MAX / 2);
    block->created_ms = take_uint(cursor, UINT64_MAX / 2);
    take_uuid_or_nil(cursor, &record->owner_id);
    const uint8_t *digest = take_bytes_or_nil(cursor, sizeof record->key_digest + 1, &length);
    if (digest && length == sizeof record->key_digest + 1) {
        memcpy(record->key_digest, digest, sizeof record->key_digest);
        block->active = digest[sizeof record->key_digest] != 0;
    } else {
        cursor_fail(cursor, RECORD_DECODE_RANGE);
    }
    record->reason = take_text(cursor, CATALOG_URL_BYTES_MAX);
    record->seat_count = take_seats(cursor, scratch->seats, RECORD_BLOCK_SEATS_MAX);
    record->seats = scratch->seats;
}

static void take_rare(struct cursor *cursor, struct shard_booking_state *booking, uint32_t fields)
{
    booking->pinned = false;
    booking->reserver_id = booking->block_id = booking->exchanged_from = (struct uuid){{0}};
    booking->order = booking->pinned_by = (struct order_part){.count = 0};
    booking->seat_count = 0;
    if (fields == BOOKING_FIELDS)
        return;
    if (fields != BOOKING_FIELDS_ALL)
        cursor_fail(cursor, RECORD_DECODE_RANGE);
    booking->pinned = take_bool(cursor);
    take_uuid_or_nil(cursor, &booking->reserver_id);
    take_uuid_or_nil(cursor, &booking->block_id);
    take_part(cursor, &booking->order);
    take_part(cursor, &booking->pinned_by);
    take_uuid_or_nil(cursor, &booking->exchanged_from);
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

static void take_order(struct cursor *cursor, struct snapshot_entry *entry, uint32_t fields)
{
    struct order *order = &entry->order.order;
    memset(order, 0, sizeof *order);
    if (fields != ORDER_FIELDS)
        cursor_fail(cursor, RECORD_DECODE_RANGE);
    take_uuid(cursor, &order->id);
    take_uuid(cursor, &order->user_id);
    order->state = (uint8_t)take_uint(cursor, ORDER_ENDED);
    order->count = (uint8_t)take_uint(cursor, ORDER_ITEMS_MAX);
    order->known = (uint8_t)take_uint(cursor, UINT8_MAX);
    order->kind = (uint8_t)take_uint(cursor, ORDER_EXCHANGE);
    order->end = (uint8_t)take_uint(cursor, BOOKING_REFUNDED);
    order->posted = take_bool(cursor);
    order->voided = take_bool(cursor);
    order->expires_ms = take_uint(cursor, UINT64_MAX);
    order->decided_ms = take_uint(cursor, UINT64_MAX);
    order->create_key.hash = take_uint(cursor, UINT64_MAX);
    order->create_key.fingerprint = take_uint32(cursor);
    order->end_key.hash = take_uint(cursor, UINT64_MAX);
    order->end_key.fingerprint = take_uint32(cursor);
    take_uuid_or_nil(cursor, &order->payment_id);
    expect_array(cursor, order->count);
    for (uint8_t i = 0; i < order->count && cursor->error == 0; i++)
        take_uuid_or_nil(cursor, &order->bookings[i]);
    order->created = snapshot_take_order_facts(cursor, &entry->order.created);
    order->ended = snapshot_take_order_facts(cursor, &entry->order.ended);
}

static void take_key(struct cursor *cursor, struct snapshot_entry *entry, uint32_t fields)
{
    struct shard_key_state *key = &entry->key;
    key->answer = NULL;
    key->answer_length = 0;
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
    if (key->kind == SHARD_KEY_ANSWER) {
        key->answer = entry->answer;
        key->answer_length = snapshot_take_answer(cursor, key->made_by, entry->answer);
    } else {
        take_uuid_or_nil(cursor, &key->booking_id);
    }
    if (key->kind < SHARD_KEY_BOOKING || key->key.hash == 0)
        cursor_fail(cursor, RECORD_DECODE_RANGE);
}

static void take_body(struct cursor *cursor, struct snapshot_entry *entry,
                      struct record_scratch *scratch, uint32_t fields)
{
    switch (entry->kind) {
    case SNAPSHOT_ZONE:
        take_zone(cursor, &entry->zone, fields);
        break;
    case SNAPSHOT_ZONE_END:
        if (fields != ZONE_END_FIELDS)
            cursor_fail(cursor, RECORD_DECODE_RANGE);
        entry->zone_end.zone = take_uint32(cursor);
        entry->zone_end.changes = take_uint32(cursor);
        break;
    case SNAPSHOT_BLOCK:
        take_block(cursor, &entry->block, scratch, fields);
        break;
    case SNAPSHOT_BOOKING:
        take_booking(cursor, &entry->booking, fields);
        break;
    case SNAPSHOT_ORDER:
        take_order(cursor, entry, fields);
        break;
    case SNAPSHOT_KEY:
        take_key(cursor, entry, fields);
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
    take_body(&cursor, entry, scratch, fields);
    return cursor.error != 0 ? cursor.error : (int32_t)(cursor.at - bytes);
}
