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

static struct text random_text(uint64_t *state, uint32_t max)
{
    return (struct text){text_bytes, (uint32_t)random_number(state, max)};
}

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
}

static const enum record_kind kinds[] = {RECORD_EVENT,    RECORD_SHOW,      RECORD_ZONE,
                                         RECORD_RESERVED, RECORD_CONFIRMED, RECORD_CANCELLED,
                                         RECORD_EXPIRED,  RECORD_CLEAN_STOP};
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
        record->settled.booking_id = random_uuid(state);
        record->settled.user_id = random_uuid(state);
        record->settled.zone_id = random_uuid(state);
        record->settled.quantity = (uint32_t)random_number(state, UINT32_MAX);
        if (random_next(state) % 2)
            record->settled.payment_id = random_uuid(state);
        if (own)
            record->actor.id = record->settled.user_id;
        break;
    case RECORD_STATION:
    case RECORD_ROUTE:
    case RECORD_CHANGED:
    case RECORD_BLOCK:
    case RECORD_ZONE_CHANGED:
    case RECORD_ORDER:
    case RECORD_STATE:
    case RECORD_CLEAN_STOP:
        break;
    }
}

static bool text_equal(const struct text *a, const struct text *b)
{
    return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
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
}

static void assert_show_equal(const struct catalog_show *a, const struct catalog_show *b)
{
    assert_true(uuid_equal(&a->id, &b->id) && uuid_equal(&a->event_id, &b->event_id));
    assert_int_equal(a->segment_count, b->segment_count);
    assert_true(a->show_date_ms == b->show_date_ms);
    assert_true(a->created_ms == b->created_ms && a->updated_ms == b->updated_ms);
    assert_true(text_equal(&a->name, &b->name));
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
    case RECORD_RESERVED:
        assert_memory_equal(&a->reserved, &b->reserved, sizeof a->reserved);
        break;
    case RECORD_EXPIRED:
        assert_expired_equal(&a->expired, &b->expired);
        break;
    case RECORD_CONFIRMED:
    case RECORD_CANCELLED:
        assert_memory_equal(&a->settled, &b->settled, sizeof a->settled);
        break;
    case RECORD_STATION:
    case RECORD_ROUTE:
    case RECORD_CHANGED:
    case RECORD_BLOCK:
    case RECORD_ZONE_CHANGED:
    case RECORD_ORDER:
    case RECORD_STATE:
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
    static uint8_t bytes[RECORD_BYTES_MAX];
    for (size_t i = 0; i < sizeof text_bytes; i++)
        text_bytes[i] = (char)random_next(&state);
    for (int i = 0; i < 200000; i++) {
        random_record(&state, &in);
        uint32_t bound = record_encoded_bytes_max(&in);
        uint32_t length = record_encode(&in, bytes);
        assert_true(bound <= RECORD_BYTES_MAX && length > 0 && length <= bound);
        memset(&out, 0xa5, sizeof out);
        assert_int_equal(record_decode_exact(&out, bytes, length), 0);
        assert_record_equal(&in, &out);
    }
}

/* The bound is reached by the longest record there can be. */
static void test_longest_event(void **unused)
{
    (void)unused;
    static struct record record;
    static uint8_t bytes[RECORD_BYTES_MAX];
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

/* Every strict prefix of a record is refused, and so is one byte more. */
static void test_truncated_and_trailing(void **unused)
{
    (void)unused;
    uint64_t state = 2;
    static struct record in, out;
    static uint8_t bytes[RECORD_BYTES_MAX + 1];
    for (int i = 0; i < 300; i++) {
        random_record(&state, &in);
        uint32_t length = record_encode(&in, bytes);
        for (uint32_t cut = 0; cut < length; cut++) {
            uint8_t *exact = malloc(cut + 1); /* so that a sanitizer sees one byte too far */
            memcpy(exact, bytes, cut);
            assert_true(record_decode(&out, exact, cut) < 0);
            free(exact);
        }
        bytes[length] = 0xc0;
        assert_int_equal(record_decode(&out, bytes, length + 1u), (int)length);
        assert_int_equal(record_decode_exact(&out, bytes, length + 1u), RECORD_DECODE_TRAILING);
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

static void assert_agrees(const msgpack_object *array, const struct record *record)
{
    assert_int_equal(array->type, MSGPACK_OBJECT_ARRAY);
    assert_field_uint(array, 0, (uint64_t)record->kind);
    assert_field_uint(array, 1, record->stamp_ms);
    assert_field_uint(array, 2, (uint64_t)record->actor.role);
    assert_field_uint(array, 4, record->key.hash);
    assert_field_uint(array, 5, record->key.fingerprint);
    uint32_t at = RECORD_HEAD_FIELDS;
    switch (record->kind) {
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
        assert_int_equal(array->via.array.size, at + RECORD_RESERVED_FIELDS);
        break;
    case RECORD_CONFIRMED:
    case RECORD_CANCELLED:
        assert_field_uuid(array, at, &record->settled.booking_id);
        assert_field_uint(array, at + 3, record->settled.quantity);
        assert_int_equal(array->via.array.size, at + RECORD_SETTLED_FIELDS);
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
        assert_int_equal(array->via.array.size, at + RECORD_EVENT_FIELDS);
        break;
    case RECORD_SHOW:
        assert_field_uint(array, at + 2, record->show.segment_count);
        assert_int_equal(array->via.array.size, at + RECORD_SHOW_FIELDS);
        break;
    case RECORD_ZONE:
        assert_field_uint(array, at + 6, record->zone.total_seats);
        assert_int_equal(array->via.array.size, at + RECORD_ZONE_FIELDS);
        break;
    case RECORD_STATION:
    case RECORD_ROUTE:
    case RECORD_CHANGED:
    case RECORD_BLOCK:
    case RECORD_ZONE_CHANGED:
    case RECORD_ORDER:
    case RECORD_STATE:
    case RECORD_CLEAN_STOP:
        assert_int_equal(array->via.array.size, at);
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
    static uint8_t bytes[RECORD_BYTES_MAX];
    uint32_t accepted = 0, refused = 0;
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    for (int i = 0; i < 200000; i++) {
        random_record(&state, &in);
        uint32_t length = record_encode(&in, bytes);
        for (uint64_t flips = random_next(&state) % 4; flips > 0; flips--)
            bytes[random_next(&state) % (random_next(&state) % 2 ? length : 20)] ^=
                (uint8_t)(1u << random_next(&state) % 8);
        int32_t used = record_decode(&out, bytes, length);
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
    assert_int_equal(record_decode(&out, huge_array, sizeof huge_array), RECORD_DECODE_RANGE);
    assert_true(record_decode(&out, huge_text, sizeof huge_text) < 0);
    assert_int_equal(record_decode(&out, unknown, sizeof unknown), RECORD_DECODE_UNKNOWN);
    assert_int_equal(record_decode(&out, ext, sizeof ext), RECORD_DECODE_TYPE);
    assert_int_equal(record_decode(&out, negative_stamp, sizeof negative_stamp),
                     RECORD_DECODE_RANGE);
    assert_int_equal(record_decode(&out, own_actor_without_user, sizeof own_actor_without_user),
                     RECORD_DECODE_TYPE);
    uint8_t deep[4096];
    memset(deep, 0x91, sizeof deep);
    assert_true(record_decode(&out, deep, sizeof deep) < 0);
}

/* Numbers in a wider form than needed mean the same. */
static void test_wide_integers_are_accepted(void **unused)
{
    (void)unused;
    static struct record out;
    static const uint8_t wide[] = {0xdc, 0x00, 0x06, 0xcd, 0x00, 0x20, 0xd3, 0,    0, 0, 0,
                                   0,    0,    0,    7,    0xd0, 0x02, 0xc0, 0xcf, 0, 0, 0,
                                   0,    0,    0,    0,    9,    0xce, 0,    0,    0, 5};
    assert_int_equal(record_decode_exact(&out, wide, sizeof wide), 0);
    assert_int_equal(out.kind, RECORD_CLEAN_STOP);
    assert_true(out.stamp_ms == 7 && out.key.hash == 9 && out.key.fingerprint == 5);
    assert_int_equal(out.actor.role, ROLE_ORGANIZER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_longest_event),
        cmocka_unit_test(test_truncated_and_trailing),
        cmocka_unit_test(test_differential_with_msgpack_c),
        cmocka_unit_test(test_hostile_bytes),
        cmocka_unit_test(test_wide_integers_are_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
