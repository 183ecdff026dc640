/* The decoder believes nothing it has not checked. */
#include "record_random.h"

/* Seats that go past the last there can be, an item outside its order, a cause,
 * status or trip that cannot be: out of range. */
static void test_values_out_of_range(void **unused)
{
    (void)unused;
    static struct record in, out;
    uint64_t state = 5;
    memset(&in, 0, sizeof in);
    in.kind = RECORD_RESERVED;
    in.reserved.order = (struct order_part){random_uuid(&state), 7, 8};
    in.reserved.quantity = in.reserved.seat_count = 1;
    in.reserved.seats[0] = SEAT_PLAN_SEATS_MAX - 1;
    const uint32_t length = record_encode(&in, bytes);
    /* ... item, count, an array of one, and the seat: 0xce and four bytes */
    uint8_t *end = bytes + length;
    assert_int_equal(record_decode_exact(&out, &scratch, bytes, length), 0);
    end[-1]++;
    assert_int_equal(record_decode(&out, &scratch, bytes, length), RECORD_DECODE_RANGE);
    end[-1]--;
    end[-8] = 8;
    assert_int_equal(record_decode(&out, &scratch, bytes, length), RECORD_DECODE_RANGE);
    end[-8] = 7;
    end[-7] = 7;
    assert_int_equal(record_decode(&out, &scratch, bytes, length), RECORD_DECODE_RANGE);
    end[-7] = 0; /* an exchange has two */
    assert_int_equal(record_decode(&out, &scratch, bytes, length), RECORD_DECODE_RANGE);
    end[-8] = 1;
    assert_int_equal(record_decode_exact(&out, &scratch, bytes, length), 0);

    memset(&in, 0, sizeof in);
    in.kind = RECORD_CANCELLED;
    in.settled.cause = CAUSE_COUNT;
    assert_int_equal(record_decode(&out, &scratch, bytes, record_encode(&in, bytes)),
                     RECORD_DECODE_RANGE);
    in.kind = RECORD_CHANGED;
    memset(&in.changed, 0, sizeof in.changed);
    in.changed.status = (enum booking_status)(BOOKING_REFUNDED + 1);
    assert_int_equal(record_decode(&out, &scratch, bytes, record_encode(&in, bytes)),
                     RECORD_DECODE_RANGE);
    in.kind = RECORD_SHOW;
    memset(&in.show, 0, sizeof in.show);
    in.show.segment_count = 3;
    in.show.stop_count = 3;
    in.show.stops = lists.stops;
    assert_int_equal(record_decode(&out, &scratch, bytes, record_encode(&in, bytes)),
                     RECORD_DECODE_RANGE);
}

/* Every strict prefix of a record is refused, and so is one byte more. */
static void test_truncated_and_trailing(void **unused)
{
    (void)unused;
    uint64_t state = 2;
    static struct record in, out;
    for (int i = 0; i < 600; i++) {
        random_record(&state, &in);
        uint32_t length = record_encode(&in, bytes);
        for (uint32_t cut = 0; cut < length; cut++) {
            uint8_t *exact = malloc(cut + 1); /* so that a sanitizer sees one byte too far */
            memcpy(exact, bytes, cut);
            assert_true(record_decode(&out, &scratch, exact, cut) < 0);
            free(exact);
        }
        bytes[length] = 0xc0;
        assert_int_equal(record_decode(&out, &scratch, bytes, length + 1u), (int)length);
        assert_int_equal(record_decode_exact(&out, &scratch, bytes, length + 1u),
                         RECORD_DECODE_TRAILING);
    }
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
    assert_int_equal(record_decode(&out, &scratch, huge_array, sizeof huge_array),
                     RECORD_DECODE_RANGE);
    assert_true(record_decode(&out, &scratch, huge_text, sizeof huge_text) < 0);
    assert_int_equal(record_decode(&out, &scratch, unknown, sizeof unknown), RECORD_DECODE_UNKNOWN);
    assert_int_equal(record_decode(&out, &scratch, ext, sizeof ext), RECORD_DECODE_TYPE);
    assert_int_equal(record_decode(&out, &scratch, negative_stamp, sizeof negative_stamp),
                     RECORD_DECODE_RANGE);
    assert_int_equal(
        record_decode(&out, &scratch, own_actor_without_user, sizeof own_actor_without_user),
        RECORD_DECODE_TYPE);
    uint8_t deep[4096];
    memset(deep, 0x91, sizeof deep);
    assert_true(record_decode(&out, &scratch, deep, sizeof deep) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_out_of_range),
        cmocka_unit_test(test_truncated_and_trailing),
        cmocka_unit_test(test_hostile_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
