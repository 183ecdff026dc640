/* Records survive encoding, in as many bytes as they are allowed and in the forms that
 * older logs have. */
#include "record_random.h"

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
        cmocka_unit_test(test_wide_integers_are_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
