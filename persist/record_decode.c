/* Bytes to records: the head, and the kinds about bookings, blocks and zones. */
#include "record_codec.h"

#include <assert.h>
#include <string.h>

#include "record_cursor.h"

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

static enum change_cause take_cause(struct cursor *cursor)
{
    return (enum change_cause)take_uint(cursor, CAUSE_COUNT - 1);
}

static void take_order_part(struct cursor *cursor, struct order_part *part)
{
    memset(part, 0, sizeof *part);
    if (cursor->at != cursor->end && *cursor->at == 0xc0) {
        cursor->at++;
        return;
    }
    expect_array(cursor, RECORD_ORDER_PART_FIELDS);
    take_uuid(cursor, &part->id);
    part->item = (uint8_t)take_uint(cursor, ORDER_ITEMS_MAX - 1);
    part->count = (uint8_t)take_uint(cursor, ORDER_ITEMS_MAX);
    /* Count 0 is an exchange between zones: item 0 the old booking, 1 the new one. */
    if (part->item >= (part->count == 0 ? 2 : part->count) || uuid_is_nil(&part->id))
        cursor_fail(cursor, RECORD_DECODE_RANGE);
}

static void take_reserved(struct cursor *cursor, struct record_reserved *reserved, bool grown)
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
    reserved->seat_count = 0;
    if (!grown) {
        memset(&reserved->block_id, 0, sizeof reserved->block_id);
        memset(&reserved->order, 0, sizeof reserved->order);
        return;
    }
    take_uuid_or_nil(cursor, &reserved->block_id);
    take_order_part(cursor, &reserved->order);
    reserved->seat_count = take_seats(cursor, reserved->seats, RECORD_SEATS_MAX);
    if (reserved->seat_count != 0 && reserved->seat_count != reserved->quantity)
        cursor_fail(cursor, RECORD_DECODE_RANGE);
}

static void take_settled(struct cursor *cursor, struct record_settled *settled, bool grown)
{
    take_uuid(cursor, &settled->booking_id);
    take_uuid(cursor, &settled->user_id);
    take_uuid(cursor, &settled->zone_id);
    settled->quantity = take_uint32(cursor);
    take_uuid_or_nil(cursor, &settled->payment_id);
    settled->cause = grown ? take_cause(cursor) : CAUSE_REQUEST;
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

static void take_changed(struct cursor *cursor, struct record_changed *changed)
{
    take_uuid(cursor, &changed->booking_id);
    take_uuid(cursor, &changed->user_id);
    take_uuid(cursor, &changed->zone_id);
    changed->cause = take_cause(cursor);
    changed->status = (enum booking_status)take_uint(cursor, BOOKING_REFUNDED);
    take_uuid_or_nil(cursor, &changed->previous_user_id);
    if (uuid_is_nil(&changed->previous_user_id))
        changed->previous_user_id = changed->user_id;
    take_uuid_or_nil(cursor, &changed->payment_id);
    changed->unit_price_minor = take_int64(cursor);
    changed->quantity = take_uint32(cursor);
    changed->previous_quantity = take_uint32(cursor);
    changed->ttl_ms = take_uint32(cursor);
    changed->remaining = take_uint32(cursor);
    changed->pinned = take_bool(cursor);
    take_order_part(cursor, &changed->order);
    changed->seat_count = take_seats(cursor, changed->seats, RECORD_SEATS_MAX);
}

static void take_block(struct cursor *cursor, struct record_block *block,
                       struct record_scratch *scratch)
{
    take_uuid(cursor, &block->block_id);
    take_uuid(cursor, &block->zone_id);
    block->kind = (enum block_kind)take_uint(cursor, BLOCK_ALLOTMENT);
    block->cause = take_cause(cursor);
    block->quantity = take_uint32(cursor);
    block->expires_ms = take_uint(cursor, UINT64_MAX);
    take_uuid_or_nil(cursor, &block->owner_id);
    uint32_t length;
    const uint8_t *digest = take_bytes_or_nil(cursor, RECORD_KEY_DIGEST_BYTES, &length);
    memset(block->key_digest, 0, sizeof block->key_digest);
    if (digest && length != RECORD_KEY_DIGEST_BYTES)
        cursor_fail(cursor, RECORD_DECODE_RANGE);
    else if (digest)
        memcpy(block->key_digest, digest, sizeof block->key_digest);
    block->reason = take_text(cursor, CATALOG_TEXT_BYTES_MAX);
    block->seats = scratch->seats;
    block->seat_count = take_seats(cursor, scratch->seats, RECORD_BLOCK_SEATS_MAX);
}

static void take_zone_changed(struct cursor *cursor, struct record_zone_changed *changed)
{
    take_uuid(cursor, &changed->zone_id);
    changed->cause = take_cause(cursor);
    changed->total = take_uint32(cursor);
    changed->target = take_uint32(cursor);
    changed->closed = take_bool(cursor);
}

static void take_order(struct cursor *cursor, struct record_order *order)
{
    take_uuid(cursor, &order->order_id);
    take_uuid(cursor, &order->user_id);
    order->kind = (enum order_kind)take_uint(cursor, ORDER_EXCHANGE);
    order->decision = (enum order_decision)take_uint(cursor, ORDER_VOIDED);
    take_uuid_or_nil(cursor, &order->payment_id);
    order->end = (enum booking_status)take_uint(cursor, BOOKING_REFUNDED);
    order->expires_ms = take_uint(cursor, UINT64_MAX);
    order->count = take_list(cursor, ORDER_ITEMS_MAX);
    if (order->count == 0)
        cursor_fail(cursor, RECORD_DECODE_RANGE);
    for (uint32_t i = 0; i < order->count; i++)
        take_uuid(cursor, &order->bookings[i]);
}

/* Fields behind the head, of the short form and of the long one. */
struct forms {
    uint32_t least, most;
};

static struct forms kind_forms(uint64_t kind)
{
    switch (kind) {
    case RECORD_EVENT:
        return (struct forms){RECORD_EVENT_FIELDS, RECORD_EVENT_LONG_FIELDS};
    case RECORD_SHOW:
        return (struct forms){RECORD_SHOW_FIELDS, RECORD_SHOW_LONG_FIELDS};
    case RECORD_ZONE:
        return (struct forms){RECORD_ZONE_FIELDS, RECORD_ZONE_LONG_FIELDS};
    case RECORD_STATION:
        return (struct forms){RECORD_STATION_FIELDS, RECORD_STATION_FIELDS};
    case RECORD_ROUTE:
        return (struct forms){RECORD_ROUTE_FIELDS, RECORD_ROUTE_FIELDS};
    case RECORD_RESERVED:
        return (struct forms){RECORD_RESERVED_FIELDS, RECORD_RESERVED_LONG_FIELDS};
    case RECORD_CONFIRMED:
    case RECORD_CANCELLED:
        return (struct forms){RECORD_SETTLED_FIELDS, RECORD_SETTLED_LONG_FIELDS};
    case RECORD_EXPIRED:
        return (struct forms){RECORD_EXPIRED_FIELDS, RECORD_EXPIRED_FIELDS};
    case RECORD_CHANGED:
        return (struct forms){RECORD_CHANGED_FIELDS, RECORD_CHANGED_FIELDS};
    case RECORD_BLOCK:
        return (struct forms){RECORD_BLOCK_FIELDS, RECORD_BLOCK_FIELDS};
    case RECORD_ZONE_CHANGED:
        return (struct forms){RECORD_ZONE_CHANGED_FIELDS, RECORD_ZONE_CHANGED_FIELDS};
    case RECORD_ORDER:
        return (struct forms){RECORD_ORDER_FIELDS, RECORD_ORDER_FIELDS};
    case RECORD_STATE:
        return (struct forms){RECORD_STATE_FIELDS, RECORD_STATE_FIELDS};
    case RECORD_CLEAN_STOP:
        return (struct forms){0, 0};
    default:
        return (struct forms){UINT32_MAX, UINT32_MAX};
    }
}

/* Returns the user whose id the actor may share; NULL: this kind has none. */
static const struct uuid *take_body(struct cursor *cursor, struct record *record,
                                    struct record_scratch *scratch, bool grown)
{
    switch (record->kind) {
    case RECORD_RESERVED:
        take_reserved(cursor, &record->reserved, grown);
        return &record->reserved.user_id;
    case RECORD_CONFIRMED:
    case RECORD_CANCELLED:
        take_settled(cursor, &record->settled, grown);
        return &record->settled.user_id;
    case RECORD_EXPIRED:
        take_expired(cursor, &record->expired);
        return NULL;
    case RECORD_CHANGED:
        take_changed(cursor, &record->changed);
        return &record->changed.user_id;
    case RECORD_BLOCK:
        take_block(cursor, &record->block, scratch);
        return NULL;
    case RECORD_ZONE_CHANGED:
        take_zone_changed(cursor, &record->zone_changed);
        return NULL;
    case RECORD_ORDER:
        take_order(cursor, &record->order);
        return &record->order.user_id;
    case RECORD_EVENT:
    case RECORD_SHOW:
    case RECORD_ZONE:
    case RECORD_STATION:
    case RECORD_ROUTE:
        record_take_catalog(cursor, record, scratch, grown);
        return NULL;
    case RECORD_STATE:
        record->state_hash = take_uint(cursor, UINT64_MAX);
        return NULL;
    case RECORD_CLEAN_STOP:
        return NULL;
    }
    assert(false && "kind_forms let a kind through");
    return NULL;
}

int32_t record_decode(struct record *record, struct record_scratch *scratch, const uint8_t *bytes,
                      size_t length)
{
    struct cursor cursor = {bytes, bytes + length, 0};
    uint32_t fields = take_array(&cursor);
    uint64_t kind = take_uint(&cursor, UINT8_MAX);
    const struct forms forms = kind_forms(kind);
    if (cursor.error == 0 && forms.least == UINT32_MAX)
        return RECORD_DECODE_UNKNOWN;
    if (cursor.error == 0 && fields != RECORD_HEAD_FIELDS + forms.least &&
        fields != RECORD_HEAD_FIELDS + forms.most)
        return RECORD_DECODE_RANGE;
    if (cursor.error != 0)
        return cursor.error;
    record->kind = (enum record_kind)kind;
    record->stamp_ms = take_uint(&cursor, UINT64_MAX);
    bool actor_is_user = take_actor(&cursor, &record->actor);
    record->key.hash = take_uint(&cursor, UINT64_MAX);
    record->key.fingerprint = take_uint32(&cursor);
    const struct uuid *user =
        take_body(&cursor, record, scratch, fields > RECORD_HEAD_FIELDS + forms.least);
    if (actor_is_user && !user)
        cursor_fail(&cursor, RECORD_DECODE_TYPE);
    if (cursor.error != 0)
        return cursor.error;
    if (actor_is_user)
        record->actor.id = *user;
    return (int32_t)(cursor.at - bytes);
}

int32_t record_decode_exact(struct record *record, struct record_scratch *scratch,
                            const uint8_t *bytes, size_t length)
{
    int32_t used = record_decode(record, scratch, bytes, length);
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
