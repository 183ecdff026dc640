/* The decoder agrees with msgpack-c about every byte string both accept. */
#include "record_random.h"

#include <msgpack.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_differential_with_msgpack_c),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
