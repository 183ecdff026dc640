/* Records to bytes. msgpack-c's packer writes through a callback that only moves
 * a cursor; the compiler sees through it, so nothing is called or allocated. */
#include "record_codec.h"

#include <assert.h>
#include <msgpack.h>

#include "record_pack.h"

static inline int cursor_put(void *data, const char *bytes, size_t length)
{
    uint8_t **at = data;
    memcpy(*at, bytes, length);
    *at += length;
    return 0;
}

static void pack_order_part(msgpack_packer *packer, const struct order_part *part)
{
    if (uuid_is_nil(&part->id)) {
        msgpack_pack_nil(packer);
        return;
    }
    msgpack_pack_array(packer, RECORD_ORDER_PART_FIELDS);
    pack_uuid(packer, &part->id);
    msgpack_pack_uint8(packer, part->item);
    msgpack_pack_uint8(packer, part->count);
}

static inline void pack_reserved(msgpack_packer *packer, const struct record *record)
{
    const struct record_reserved *reserved = &record->reserved;
    const bool grown = reserved->seat_count > 0 || !uuid_is_nil(&reserved->order.id) ||
                       !uuid_is_nil(&reserved->block_id);
    pack_head(packer, record, grown ? RECORD_RESERVED_LONG_FIELDS : RECORD_RESERVED_FIELDS,
              &reserved->user_id);
    pack_uuid(packer, &reserved->booking_id);
    pack_uuid(packer, &reserved->user_id);
    pack_uuid(packer, &reserved->zone_id);
    msgpack_pack_uint32(packer, reserved->quantity);
    msgpack_pack_uint16(packer, reserved->from_segment);
    msgpack_pack_uint16(packer, reserved->to_segment);
    msgpack_pack_int64(packer, reserved->unit_price_minor);
    msgpack_pack_uint32(packer, reserved->ttl_ms);
    msgpack_pack_uint32(packer, reserved->remaining);
    if (!grown)
        return;
    assert(reserved->seat_count == 0 || reserved->seat_count == reserved->quantity);
    pack_uuid_or_nil(packer, &reserved->block_id);
    pack_order_part(packer, &reserved->order);
    pack_seats(packer, reserved->seats, reserved->seat_count);
}

static inline void pack_settled(msgpack_packer *packer, const struct record *record)
{
    const struct record_settled *settled = &record->settled;
    const bool grown = settled->cause != CAUSE_REQUEST;
    pack_head(packer, record, grown ? RECORD_SETTLED_LONG_FIELDS : RECORD_SETTLED_FIELDS,
              &settled->user_id);
    pack_uuid(packer, &settled->booking_id);
    pack_uuid(packer, &settled->user_id);
    pack_uuid(packer, &settled->zone_id);
    msgpack_pack_uint32(packer, settled->quantity);
    pack_uuid_or_nil(packer, &settled->payment_id);
    if (grown)
        msgpack_pack_uint8(packer, (uint8_t)settled->cause);
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

static void pack_changed(msgpack_packer *packer, const struct record *record)
{
    const struct record_changed *changed = &record->changed;
    assert(changed->seat_count <= RECORD_SEATS_MAX);
    pack_head(packer, record, RECORD_CHANGED_FIELDS, &changed->user_id);
    pack_uuid(packer, &changed->booking_id);
    pack_uuid(packer, &changed->user_id);
    pack_uuid(packer, &changed->zone_id);
    msgpack_pack_uint8(packer, (uint8_t)changed->cause);
    msgpack_pack_uint8(packer, (uint8_t)changed->status);
    if (uuid_equal(&changed->previous_user_id, &changed->user_id))
        msgpack_pack_nil(packer);
    else
        pack_uuid(packer, &changed->previous_user_id);
    pack_uuid_or_nil(packer, &changed->payment_id);
    msgpack_pack_int64(packer, changed->unit_price_minor);
    msgpack_pack_uint32(packer, changed->quantity);
    msgpack_pack_uint32(packer, changed->previous_quantity);
    msgpack_pack_uint32(packer, changed->ttl_ms);
    msgpack_pack_uint32(packer, changed->remaining);
    pack_bool(packer, changed->pinned);
    pack_order_part(packer, &changed->order);
    pack_seats(packer, changed->seats, changed->seat_count);
}

static void pack_block(msgpack_packer *packer, const struct record *record)
{
    static const uint8_t none[RECORD_KEY_DIGEST_BYTES];
    const struct record_block *block = &record->block;
    static_assert(sizeof block->key_digest == sizeof none, "on-disk format");
    pack_head(packer, record, RECORD_BLOCK_FIELDS, NULL);
    pack_uuid(packer, &block->block_id);
    pack_uuid(packer, &block->zone_id);
    msgpack_pack_uint8(packer, (uint8_t)block->kind);
    msgpack_pack_uint8(packer, (uint8_t)block->cause);
    msgpack_pack_uint32(packer, block->quantity);
    msgpack_pack_uint64(packer, block->expires_ms);
    pack_uuid_or_nil(packer, &block->owner_id);
    if (memcmp(block->key_digest, none, sizeof none) == 0) {
        msgpack_pack_nil(packer);
    } else {
        msgpack_pack_bin(packer, sizeof block->key_digest);
        msgpack_pack_bin_body(packer, block->key_digest, sizeof block->key_digest);
    }
    pack_text(packer, &block->reason);
    pack_seats(packer, block->seats, block->seat_count);
}

static void pack_zone_changed(msgpack_packer *packer, const struct record *record)
{
    const struct record_zone_changed *changed = &record->zone_changed;
    pack_head(packer, record, RECORD_ZONE_CHANGED_FIELDS, NULL);
    pack_uuid(packer, &changed->zone_id);
    msgpack_pack_uint8(packer, (uint8_t)changed->cause);
    msgpack_pack_uint32(packer, changed->total);
    msgpack_pack_uint32(packer, changed->target);
    pack_bool(packer, changed->closed);
}

static void pack_order(msgpack_packer *packer, const struct record *record)
{
    const struct record_order *order = &record->order;
    assert(order->count >= 1 && order->count <= ORDER_ITEMS_MAX);
    pack_head(packer, record, RECORD_ORDER_FIELDS, &order->user_id);
    pack_uuid(packer, &order->order_id);
    pack_uuid(packer, &order->user_id);
    msgpack_pack_uint8(packer, (uint8_t)order->kind);
    msgpack_pack_uint8(packer, (uint8_t)order->decision);
    pack_uuid_or_nil(packer, &order->payment_id);
    msgpack_pack_uint8(packer, (uint8_t)order->end);
    msgpack_pack_uint64(packer, order->expires_ms);
    msgpack_pack_array(packer, order->count);
    for (uint32_t i = 0; i < order->count; i++)
        pack_uuid(packer, &order->bookings[i]);
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
    case RECORD_CHANGED:
        pack_changed(&packer, record);
        break;
    case RECORD_BLOCK:
        pack_block(&packer, record);
        break;
    case RECORD_ZONE_CHANGED:
        pack_zone_changed(&packer, record);
        break;
    case RECORD_ORDER:
        pack_order(&packer, record);
        break;
    case RECORD_EVENT:
    case RECORD_SHOW:
    case RECORD_ZONE:
    case RECORD_STATION:
    case RECORD_ROUTE:
        record_pack_catalog(&packer, record);
        break;
    case RECORD_STATE:
        pack_head(&packer, record, RECORD_STATE_FIELDS, NULL);
        msgpack_pack_uint64(&packer, record->state_hash);
        break;
    case RECORD_CLEAN_STOP:
        pack_head(&packer, record, 0, NULL);
        break;
    default:
        assert(false && "a record of no known kind");
    }
    return (uint32_t)(at - out);
}
