#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../persist/replay_record.h"

static void expect_text(const char *bytes, size_t length, bool without_nul, const char *wanted)
{
    struct replay_buffer out;
    replay_buffer_init(&out);
    struct replay_json json = replay_json_start(&out);
    json.without_nul = without_nul;
    replay_json_text(&json, bytes, length);
    assert_string_equal(replay_buffer_string(&out), wanted);
    replay_buffer_release(&out);
}

/* Quotes, backslashes and every control character are escaped. */
static void test_escapes(void **state)
{
    (void)state;
    expect_text("a\"b\\c", 5, false, "\"a\\\"b\\\\c\"");
    expect_text("\n\r\t\x01\x1f\x7f", 6, false, "\"\\n\\r\\t\\u0001\\u001f\\u007f\"");
    expect_text("", 0, false, "\"\"");
}

/* U+0000 is kept in a dump and replaced for PostgreSQL, whose jsonb has none. */
static void test_nul(void **state)
{
    (void)state;
    expect_text("a\0b", 3, false, "\"a\\u0000b\"");
    expect_text("a\0b", 3, true,
                "\"a\xEF\xBF\xBD"
                "b\"");
}

/* Output is valid UTF-8 whatever the bytes: cut, overlong, surrogate, too high. */
static void test_broken_utf8(void **state)
{
    (void)state;
    expect_text("\xe0\xb8\x81", 3, false, "\"\xe0\xb8\x81\"");
    expect_text("\xe0\xb8", 2, false, "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
    expect_text("\xc1\xbf", 2, false, "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
    expect_text("\xed\xbf\xbf", 3, false, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
    expect_text("\xf4\x90\x80\x80", 4, false,
                "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

/* Times are RFC 3339 with milliseconds, also on a leap day and past 2038. */
static void test_times(void **state)
{
    (void)state;
    char text[REPLAY_TIME_BYTES_MAX];
    assert_int_equal(replay_time_format(text, 0), 24);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    (void)replay_time_format(text, UINT64_C(1709251199007));
    assert_string_equal(text, "2024-02-29T23:59:59.007Z");
    (void)replay_time_format(text, UINT64_C(253402300799999));
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
}

static struct uuid id_of(uint8_t byte)
{
    struct uuid id;
    memset(id.bytes, byte, sizeof id.bytes);
    return id;
}

static void expect_record(const struct record *record, const char *wanted)
{
    struct replay_buffer out;
    replay_buffer_init(&out);
    struct replay_json json = replay_json_start(&out);
    replay_record_json(&json, 1, 2, record);
    assert_string_equal(replay_buffer_string(&out), wanted);
    replay_buffer_release(&out);
}

/* A record shows its position, actor, key and facts; what was not given is null. */
static void test_reserved(void **state)
{
    (void)state;
    const struct record record = {.kind = RECORD_RESERVED,
                                  .sequence = 7,
                                  .stamp_ms = 1000,
                                  .actor = {id_of(0x11), ROLE_USER},
                                  .key = {UINT64_MAX, 5},
                                  .reserved = {.booking_id = id_of(0x22),
                                               .user_id = id_of(0x11),
                                               .zone_id = id_of(0x33),
                                               .quantity = 2,
                                               .to_segment = 1,
                                               .unit_price_minor = 150000,
                                               .ttl_ms = 500,
                                               .remaining = 98}};
    expect_record(&record,
                  "{\"epoch\":1,\"shard\":2,\"sequence\":7,\"kind\":\"reserved\","
                  "\"at\":\"1970-01-01T00:00:01.000Z\",\"actor\":{"
                  "\"id\":\"11111111-1111-1111-1111-111111111111\",\"role\":\"user\"},"
                  "\"key\":{\"hash\":\"ffffffffffffffff\",\"fingerprint\":5},\"facts\":{"
                  "\"booking_id\":\"22222222-2222-2222-2222-222222222222\","
                  "\"user_id\":\"11111111-1111-1111-1111-111111111111\","
                  "\"zone_id\":\"33333333-3333-3333-3333-333333333333\",\"quantity\":2,"
                  "\"from_segment\":0,\"to_segment\":1,\"unit_price_minor\":150000,\"ttl_ms\":500,"
                  "\"expires_at\":\"1970-01-01T00:00:01.500Z\",\"remaining\":98}}");
}

/* Lists are separated by commas, empty facts are an empty object. */
static void test_expired_and_stop(void **state)
{
    (void)state;
    struct record record = {.kind = RECORD_EXPIRED, .sequence = 1, .stamp_ms = 1};
    record.expired.zone_id = id_of(0x33);
    record.expired.count = 2;
    record.expired.items[0] =
        (struct record_expired_item){.booking_id = id_of(1), .user_id = id_of(2), .quantity = 3};
    record.expired.items[1] =
        (struct record_expired_item){.booking_id = id_of(4), .user_id = id_of(5), .quantity = 6};
    expect_record(&record, "{\"epoch\":1,\"shard\":2,\"sequence\":1,\"kind\":\"expired\","
                           "\"at\":\"1970-01-01T00:00:00.001Z\",\"actor\":{\"id\":null,"
                           "\"role\":\"system\"},\"key\":null,\"facts\":{"
                           "\"zone_id\":\"33333333-3333-3333-3333-333333333333\",\"bookings\":["
                           "{\"booking_id\":\"01010101-0101-0101-0101-010101010101\","
                           "\"user_id\":\"02020202-0202-0202-0202-020202020202\",\"quantity\":3},"
                           "{\"booking_id\":\"04040404-0404-0404-0404-040404040404\","
                           "\"user_id\":\"05050505-0505-0505-0505-050505050505\",\"quantity\":6}"
                           "]}}");
    const struct record stop = {.kind = RECORD_CLEAN_STOP, .sequence = 9, .stamp_ms = 1};
    expect_record(&stop, "{\"epoch\":1,\"shard\":2,\"sequence\":9,\"kind\":\"clean_stop\","
                         "\"at\":\"1970-01-01T00:00:00.001Z\",\"actor\":{\"id\":null,"
                         "\"role\":\"system\"},\"key\":null,\"facts\":{}}");
}

static void expect_facts(const struct record *record, const char *wanted)
{
    struct replay_buffer out;
    replay_buffer_init(&out);
    struct replay_json json = replay_json_start(&out);
    replay_record_json(&json, 1, 2, record);
    const char *facts = strstr(replay_buffer_string(&out), "\"facts\":");
    assert_non_null(facts);
    assert_string_equal(facts + strlen("\"facts\":"), wanted);
    replay_buffer_release(&out);
}

/* What changed of a booking: who had it, its order and its seats, when there are any. */
static void test_changed(void **state)
{
    (void)state;
    struct record record = {.kind = RECORD_CHANGED,
                            .changed = {.booking_id = id_of(0x22),
                                        .user_id = id_of(0x11),
                                        .previous_user_id = id_of(0x44),
                                        .zone_id = id_of(0x33),
                                        .cause = CAUSE_TRANSFERRED,
                                        .status = BOOKING_CONFIRMED,
                                        .unit_price_minor = 5,
                                        .quantity = 2,
                                        .previous_quantity = 2,
                                        .ttl_ms = 9,
                                        .remaining = 1,
                                        .order = {id_of(0x55), 1, 2},
                                        .seat_count = 2,
                                        .seats = {7, 8}}};
    expect_facts(&record, "{\"booking_id\":\"22222222-2222-2222-2222-222222222222\","
                          "\"user_id\":\"11111111-1111-1111-1111-111111111111\","
                          "\"previous_user_id\":\"44444444-4444-4444-4444-444444444444\","
                          "\"zone_id\":\"33333333-3333-3333-3333-333333333333\","
                          "\"cause\":\"transferred\",\"status\":\"confirmed\",\"payment_id\":null,"
                          "\"unit_price_minor\":5,\"quantity\":2,\"previous_quantity\":2,"
                          "\"ttl_ms\":9,\"remaining\":1,\"pinned\":false,"
                          "\"order_id\":\"55555555-5555-5555-5555-555555555555\","
                          "\"order_item\":1,\"order_items\":2,\"seats\":[7,8]}}");
    record.changed.previous_user_id = record.changed.user_id;
    record.changed.order.id = id_of(0);
    record.changed.seat_count = 0;
    record.changed.cause = CAUSE_EXTENDED;
    expect_facts(&record, "{\"booking_id\":\"22222222-2222-2222-2222-222222222222\","
                          "\"user_id\":\"11111111-1111-1111-1111-111111111111\","
                          "\"zone_id\":\"33333333-3333-3333-3333-333333333333\","
                          "\"cause\":\"extended\",\"status\":\"confirmed\",\"payment_id\":null,"
                          "\"unit_price_minor\":5,\"quantity\":2,\"previous_quantity\":2,"
                          "\"ttl_ms\":9,\"remaining\":1,\"pinned\":false}}");
}

/* Blocks (without their key), changes of a zone, orders and state hashes. */
static void test_inventory(void **state)
{
    (void)state;
    static const uint32_t seats[] = {0, 99999};
    struct record record = {.kind = RECORD_BLOCK,
                            .block = {.block_id = id_of(0x22),
                                      .zone_id = id_of(0x33),
                                      .kind = BLOCK_ALLOTMENT,
                                      .cause = CAUSE_CREATED,
                                      .quantity = 2,
                                      .expires_ms = 1,
                                      .key_digest = {1},
                                      .reason = {"a\"b", 3},
                                      .seat_count = 2,
                                      .seats = seats}};
    expect_facts(&record, "{\"block_id\":\"22222222-2222-2222-2222-222222222222\","
                          "\"zone_id\":\"33333333-3333-3333-3333-333333333333\","
                          "\"kind\":\"allotment\",\"cause\":\"created\",\"quantity\":2,"
                          "\"expires_at\":\"1970-01-01T00:00:00.001Z\",\"owner_id\":null,"
                          "\"reason\":\"a\\\"b\",\"seats\":[0,99999]}}");
    record = (struct record){
        .kind = RECORD_ZONE_CHANGED,
        .zone_changed = {.zone_id = id_of(0x33), .cause = CAUSE_DRAIN, .total = 9, .target = 7}};
    expect_facts(&record, "{\"zone_id\":\"33333333-3333-3333-3333-333333333333\","
                          "\"cause\":\"drain\",\"total\":9,\"target\":7,\"closed\":false}}");
    record = (struct record){.kind = RECORD_ORDER,
                             .order = {.order_id = id_of(0x22),
                                       .user_id = id_of(0x11),
                                       .decision = ORDER_VOIDED,
                                       .end = BOOKING_CANCELLED,
                                       .count = 2,
                                       .bookings = {id_of(0x44), id_of(0x55)}}};
    expect_facts(&record, "{\"order_id\":\"22222222-2222-2222-2222-222222222222\","
                          "\"user_id\":\"11111111-1111-1111-1111-111111111111\","
                          "\"kind\":\"confirm\",\"decision\":\"voided\",\"payment_id\":null,"
                          "\"status\":\"cancelled\",\"expires_at\":null,\"bookings\":["
                          "\"44444444-4444-4444-4444-444444444444\","
                          "\"55555555-5555-5555-5555-555555555555\"]}}");
    record = (struct record){.kind = RECORD_STATE, .state_hash = UINT64_MAX - 1};
    expect_facts(&record, "{\"hash\":\"fffffffffffffffe\"}}");
}

/* Money in a catalog object is a number with its currency's own decimals. */
static void test_zone_money(void **state)
{
    (void)state;
    struct catalog_zone zone = {.id = id_of(1),
                                .show_id = id_of(2),
                                .event_id = id_of(3),
                                .kind = ZONE_GENERAL,
                                .price_minor = 1500,
                                .currency = "KWD",
                                .total_seats = 10,
                                .name = {"A", 1}};
    struct replay_buffer out;
    replay_buffer_init(&out);
    struct replay_json json = replay_json_start(&out);
    replay_json_open(&json, '{');
    replay_zone_json(&json, &zone);
    replay_json_close(&json, '}');
    assert_non_null(strstr(replay_buffer_string(&out), "\"price\":1.500,\"currency\":\"KWD\""));
    replay_buffer_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escapes),     cmocka_unit_test(test_nul),
        cmocka_unit_test(test_broken_utf8), cmocka_unit_test(test_times),
        cmocka_unit_test(test_reserved),    cmocka_unit_test(test_expired_and_stop),
        cmocka_unit_test(test_zone_money),  cmocka_unit_test(test_changed),
        cmocka_unit_test(test_inventory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
