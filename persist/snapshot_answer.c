#include "snapshot_answer.h"

#include "record_pack.h"

enum {
    BOOKING_FIELDS = 18, /* without what it is */
    BLOCK_FIELDS = 13,
    ZONE_FIELDS = 8,
    ORDER_FIELDS = 5,
    REASON_BYTES_MAX = 4 * CATALOG_TEXT_BYTES_MAX
};

/* --- to bytes --- */

/* In the order they were said, whatever that is. */
static void pack_seat_list(msgpack_packer *packer, const uint32_t *seats, uint32_t count)
{
    msgpack_pack_array(packer, count);
    for (uint32_t i = 0; i < count; i++)
        msgpack_pack_uint32(packer, seats[i]);
}

static void pack_booking(msgpack_packer *packer, const struct booking_facts *facts,
                         const uint32_t *seats, uint32_t seat_count)
{
    msgpack_pack_array(packer, BOOKING_FIELDS);
    pack_uuid_or_nil(packer, &facts->booking_id);
    pack_uuid_or_nil(packer, &facts->user_id);
    pack_uuid_or_nil(packer, &facts->zone_id);
    msgpack_pack_uint8(packer, (uint8_t)facts->status);
    msgpack_pack_uint32(packer, facts->quantity);
    msgpack_pack_int64(packer, facts->unit_price_minor);
    msgpack_pack_uint64(packer, facts->created_ms);
    msgpack_pack_uint64(packer, facts->expires_ms);
    msgpack_pack_uint64(packer, facts->changed_ms);
    msgpack_pack_uint32(packer, facts->remaining);
    msgpack_pack_uint16(packer, facts->from_segment);
    msgpack_pack_uint16(packer, facts->to_segment);
    pack_bool(packer, facts->pinned);
    pack_uuid_or_nil(packer, &facts->order.id);
    msgpack_pack_uint8(packer, facts->order.item);
    msgpack_pack_uint8(packer, facts->order.count);
    pack_uuid_or_nil(packer, &facts->exchanged_from);
    pack_seat_list(packer, seats, seat_count);
}

static void pack_block(msgpack_packer *packer, const uint8_t *kept)
{
    struct block_facts facts;
    uint32_t seats[RECORD_BLOCK_SEATS_MAX];
    memcpy(&facts, kept, sizeof facts);
    assert(facts.seat_count <= RECORD_BLOCK_SEATS_MAX);
    size_t seat_bytes = facts.seat_count * sizeof seats[0];
    memcpy(seats, kept + sizeof facts, seat_bytes);
    facts.reason.bytes = (const char *)kept + sizeof facts + seat_bytes;
    msgpack_pack_array(packer, BLOCK_FIELDS);
    msgpack_pack_uint8(packer, ANSWER_FACTS_BLOCK);
    pack_uuid_or_nil(packer, &facts.block_id);
    pack_uuid_or_nil(packer, &facts.zone_id);
    pack_uuid_or_nil(packer, &facts.owner_id);
    msgpack_pack_uint8(packer, (uint8_t)facts.kind);
    pack_bool(packer, facts.active);
    msgpack_pack_uint32(packer, facts.quantity);
    msgpack_pack_uint32(packer, facts.drawn);
    msgpack_pack_uint64(packer, facts.created_ms);
    msgpack_pack_uint64(packer, facts.expires_ms);
    msgpack_pack_bin(packer, sizeof facts.key_digest);
    msgpack_pack_bin_body(packer, facts.key_digest, sizeof facts.key_digest);
    pack_text(packer, &facts.reason);
    pack_seat_list(packer, seats, facts.seat_count);
}

static void pack_zone(msgpack_packer *packer, const uint8_t *kept)
{
    struct zone_facts facts;
    memcpy(&facts, kept, sizeof facts);
    msgpack_pack_array(packer, 1 + ZONE_FIELDS);
    msgpack_pack_uint8(packer, ANSWER_FACTS_ZONE);
    pack_uuid_or_nil(packer, &facts.zone_id);
    msgpack_pack_uint32(packer, facts.total);
    msgpack_pack_uint32(packer, facts.target);
    msgpack_pack_uint32(packer, facts.available);
    msgpack_pack_uint32(packer, facts.reserved);
    msgpack_pack_uint32(packer, facts.sold);
    msgpack_pack_uint32(packer, facts.blocked);
    pack_bool(packer, facts.closed);
}

/* Of an order whose items are still being noted, each at its place: up to the last. */
static uint32_t places_of(const struct order_facts *facts)
{
    uint32_t places = ORDER_ITEMS_MAX;
    while (places > facts->count && uuid_is_nil(&facts->items[places - 1].booking.booking_id))
        places--;
    return places;
}

static void pack_order(msgpack_packer *packer, const struct order_facts *facts, uint32_t places)
{
    assert(places <= ORDER_ITEMS_MAX);
    msgpack_pack_array(packer, ORDER_FIELDS);
    msgpack_pack_uint8(packer, ANSWER_FACTS_ORDER);
    pack_uuid_or_nil(packer, &facts->order_id);
    pack_uuid_or_nil(packer, &facts->user_id);
    msgpack_pack_uint8(packer, (uint8_t)facts->status);
    msgpack_pack_array(packer, places);
    for (uint32_t i = 0; i < places; i++)
        pack_booking(packer, &facts->items[i].booking, facts->items[i].seats,
                     facts->items[i].seat_count);
}

void snapshot_pack_order_facts(msgpack_packer *packer, const struct order_facts *facts)
{
    if (!facts)
        msgpack_pack_nil(packer);
    else
        pack_order(packer, facts, places_of(facts));
}

static void pack_kept_booking(msgpack_packer *packer, const uint8_t *kept, uint32_t length)
{
    struct booking_facts facts;
    uint32_t seats[RECORD_SEATS_MAX];
    size_t seat_bytes = length - sizeof facts;
    assert(length >= sizeof facts && seat_bytes <= sizeof seats);
    memcpy(&facts, kept, sizeof facts);
    memcpy(seats, kept + sizeof facts, seat_bytes);
    msgpack_pack_array(packer, 2);
    msgpack_pack_uint8(packer, ANSWER_FACTS_BOOKING);
    pack_booking(packer, &facts, seats, (uint32_t)(seat_bytes / sizeof seats[0]));
}

void snapshot_pack_answer(msgpack_packer *packer, enum command_kind kind, const uint8_t *kept,
                          uint32_t length)
{
    struct order_facts order;
    switch (answer_facts_of(kind)) {
    case ANSWER_FACTS_BOOKING:
        pack_kept_booking(packer, kept, length);
        break;
    case ANSWER_FACTS_BLOCK:
        pack_block(packer, kept);
        break;
    case ANSWER_FACTS_ZONE:
        pack_zone(packer, kept);
        break;
    case ANSWER_FACTS_ORDER:
        assert(length <= sizeof order);
        memcpy(&order, kept, length);
        pack_order(packer, &order, order.count);
        break;
    }
}

/* --- from bytes --- */

static uint32_t take_seat_list(struct cursor *cursor, uint32_t *seats, uint32_t max)
{
    uint32_t count = take_list(cursor, max);
    for (uint32_t i = 0; i < count && cursor->error == 0; i++)
        seats[i] = (uint32_t)take_uint(cursor, SEAT_PLAN_SEATS_MAX - 1);
    return cursor->error == 0 ? count : 0;
}

static uint32_t take_booking(struct cursor *cursor, struct booking_facts *facts, uint32_t *seats)
{
    memset(facts, 0, sizeof *facts); /* the gaps, too */
    expect_array(cursor, BOOKING_FIELDS);
    take_uuid_or_nil(cursor, &facts->booking_id);
    take_uuid_or_nil(cursor, &facts->user_id);
    take_uuid_or_nil(cursor, &facts->zone_id);
    facts->status = (enum booking_status)take_uint(cursor, BOOKING_REFUNDED);
    facts->quantity = take_uint32(cursor);
    facts->unit_price_minor = take_int64(cursor);
    facts->created_ms = take_uint(cursor, UINT64_MAX);
    facts->expires_ms = take_uint(cursor, UINT64_MAX);
    facts->changed_ms = take_uint(cursor, UINT64_MAX);
    facts->remaining = take_uint32(cursor);
    facts->from_segment = (uint16_t)take_uint(cursor, CATALOG_SEGMENTS_MAX);
    facts->to_segment = (uint16_t)take_uint(cursor, CATALOG_SEGMENTS_MAX);
    facts->pinned = take_bool(cursor);
    take_uuid_or_nil(cursor, &facts->order.id);
    facts->order.item = (uint8_t)take_uint(cursor, UINT8_MAX);
    facts->order.count = (uint8_t)take_uint(cursor, UINT8_MAX);
    take_uuid_or_nil(cursor, &facts->exchanged_from);
    return take_seat_list(cursor, seats, RECORD_SEATS_MAX);
}

static void take_digest(struct cursor *cursor, struct block_facts *facts)
{
    uint32_t length;
    const uint8_t *digest = take_bytes_or_nil(cursor, sizeof facts->key_digest, &length);
    if (digest && length == sizeof facts->key_digest)
        memcpy(facts->key_digest, digest, length);
    else
        cursor_fail(cursor, RECORD_DECODE_RANGE);
}

/* Behind the array's head and what it is. */
static uint32_t take_block(struct cursor *cursor, uint8_t *kept)
{
    struct block_facts facts;
    uint32_t seats[RECORD_BLOCK_SEATS_MAX];
    memset(&facts, 0, sizeof facts);
    take_uuid_or_nil(cursor, &facts.block_id);
    take_uuid_or_nil(cursor, &facts.zone_id);
    take_uuid_or_nil(cursor, &facts.owner_id);
    facts.kind = (enum block_kind)take_uint(cursor, BLOCK_ALLOTMENT);
    facts.active = take_bool(cursor);
    facts.quantity = take_uint32(cursor);
    facts.drawn = take_uint32(cursor);
    facts.created_ms = take_uint(cursor, UINT64_MAX);
    facts.expires_ms = take_uint(cursor, UINT64_MAX);
    take_digest(cursor, &facts);
    struct text reason = take_text(cursor, REASON_BYTES_MAX);
    facts.reason.length = reason.length;
    facts.seat_count = take_seat_list(cursor, seats, RECORD_BLOCK_SEATS_MAX);
    if (cursor->error != 0)
        return 0;
    size_t seat_bytes = facts.seat_count * sizeof seats[0];
    memcpy(kept, &facts, sizeof facts);
    memcpy(kept + sizeof facts, seats, seat_bytes);
    memcpy(kept + sizeof facts + seat_bytes, reason.bytes, reason.length);
    return (uint32_t)(sizeof facts + seat_bytes + reason.length);
}

static uint32_t take_zone(struct cursor *cursor, uint8_t *kept)
{
    struct zone_facts facts;
    memset(&facts, 0, sizeof facts);
    take_uuid_or_nil(cursor, &facts.zone_id);
    facts.total = take_uint32(cursor);
    facts.target = take_uint32(cursor);
    facts.available = take_uint32(cursor);
    facts.reserved = take_uint32(cursor);
    facts.sold = take_uint32(cursor);
    facts.blocked = take_uint32(cursor);
    facts.closed = take_bool(cursor);
    memcpy(kept, &facts, sizeof facts);
    return sizeof facts;
}

static void take_order(struct cursor *cursor, struct order_facts *facts)
{
    memset(facts, 0, sizeof *facts);
    take_uuid_or_nil(cursor, &facts->order_id);
    take_uuid_or_nil(cursor, &facts->user_id);
    facts->status = (enum booking_status)take_uint(cursor, BOOKING_REFUNDED);
    const uint32_t places = take_list(cursor, ORDER_ITEMS_MAX);
    for (uint32_t i = 0; i < places && cursor->error == 0; i++)
        facts->items[i].seat_count =
            take_booking(cursor, &facts->items[i].booking, facts->items[i].seats);
    for (uint32_t i = 0; i < places; i++)
        facts->count += !uuid_is_nil(&facts->items[i].booking.booking_id);
}

static void expect_facts(struct cursor *cursor, uint32_t fields, enum answer_facts facts)
{
    expect_array(cursor, fields);
    if (take_uint(cursor, ANSWER_FACTS_ORDER) != facts)
        cursor_fail(cursor, RECORD_DECODE_RANGE);
}

struct order_facts *snapshot_take_order_facts(struct cursor *cursor, struct order_facts *facts)
{
    if (cursor->at < cursor->end && *cursor->at == 0xc0) { /* nil */
        cursor->at++;
        return NULL;
    }
    expect_facts(cursor, ORDER_FIELDS, ANSWER_FACTS_ORDER);
    take_order(cursor, facts);
    return cursor->error == 0 ? facts : NULL;
}

static uint32_t take_kept_booking(struct cursor *cursor, uint8_t *kept)
{
    struct booking_facts facts;
    uint32_t seats[RECORD_SEATS_MAX];
    uint32_t count = take_booking(cursor, &facts, seats);
    memcpy(kept, &facts, sizeof facts);
    memcpy(kept + sizeof facts, seats, count * sizeof seats[0]);
    return (uint32_t)(sizeof facts + count * sizeof seats[0]);
}

static uint32_t take_kept_order(struct cursor *cursor, uint8_t *kept)
{
    struct order_facts facts;
    take_order(cursor, &facts);
    if (cursor->error != 0)
        return 0;
    memcpy(kept, &facts, order_facts_bytes(&facts));
    return (uint32_t)order_facts_bytes(&facts);
}

uint32_t snapshot_take_answer(struct cursor *cursor, enum command_kind kind, uint8_t *kept)
{
    static const uint32_t fields[] = {[ANSWER_FACTS_BOOKING] = 2,
                                      [ANSWER_FACTS_BLOCK] = BLOCK_FIELDS,
                                      [ANSWER_FACTS_ZONE] = 1 + ZONE_FIELDS,
                                      [ANSWER_FACTS_ORDER] = ORDER_FIELDS};
    enum answer_facts facts = answer_facts_of(kind);
    expect_facts(cursor, fields[facts], facts);
    switch (facts) {
    case ANSWER_FACTS_BOOKING:
        return take_kept_booking(cursor, kept);
    case ANSWER_FACTS_BLOCK:
        return take_block(cursor, kept);
    case ANSWER_FACTS_ZONE:
        return take_zone(cursor, kept);
    case ANSWER_FACTS_ORDER:
        return take_kept_order(cursor, kept);
    }
    return 0;
}
