/* Records of the full inventory against a real PostgreSQL: each batch is split in
 * every way, and the tables must come out the same. Runs where the variable
 * BOXOFFICE_TEST_POSTGRES names an empty database (tests/live/test_mirror.py). */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../persist/mirror_store.h"

enum { EVENT = 1, SHOW, TRIP, HALL, FLOOR, COACH, USER, FRIEND, BLOCK, ALLOTMENT, ORDER };
enum { RECORDS_MAX = 64 };

static struct record records[RECORDS_MAX];
static uint32_t record_count;

static struct uuid id_of(uint32_t number)
{
    struct uuid id = {{0}};
    memcpy(id.bytes, &number, sizeof number);
    id.bytes[15] = 1;
    return id;
}

static struct record *make(enum record_kind kind)
{
    assert_true(record_count < RECORDS_MAX);
    struct record *record = &records[record_count++];
    memset(record, 0, sizeof *record);
    record->kind = kind;
    record->sequence = record_count;
    record->stamp_ms = 1700000000000 + record_count * 1000;
    record->actor = (struct actor){id_of(USER), ROLE_USER};
    return record;
}

static void make_show(uint32_t id, uint32_t segments)
{
    static struct catalog_stop stops[4];
    for (uint32_t i = 0; i < 4; i++)
        stops[i] = (struct catalog_stop){id_of(50 + i), 1700000000000 + i, 1700000000001 + i};
    struct record *record = make(RECORD_SHOW);
    record->show = (struct catalog_show){.id = id_of(id),
                                         .event_id = id_of(EVENT),
                                         .segment_count = segments,
                                         .created_ms = 1,
                                         .updated_ms = 1};
    if (segments > 1) {
        record->show.stop_count = segments + 1;
        record->show.stops = stops;
    }
}

static void make_zone(uint32_t id, uint32_t show, uint32_t total)
{
    struct record *record = make(RECORD_ZONE);
    record->zone = (struct catalog_zone){.id = id_of(id),
                                         .show_id = id_of(show),
                                         .event_id = id_of(EVENT),
                                         .price_minor = 10000,
                                         .currency = "THB",
                                         .total_seats = total,
                                         .created_ms = 1,
                                         .updated_ms = 1,
                                         .name = {"Z", 1}};
}

static struct record_reserved *reserve(uint32_t booking, uint32_t zone, uint32_t quantity)
{
    struct record *record = make(RECORD_RESERVED);
    record->reserved = (struct record_reserved){.booking_id = id_of(booking),
                                                .user_id = id_of(USER),
                                                .zone_id = id_of(zone),
                                                .quantity = quantity,
                                                .to_segment = 1,
                                                .unit_price_minor = 10000,
                                                .ttl_ms = 600000};
    return &record->reserved;
}

static void settle(enum record_kind kind, uint32_t booking, uint32_t zone, uint32_t quantity,
                   enum change_cause cause)
{
    struct record *record = make(kind);
    record->settled = (struct record_settled){.booking_id = id_of(booking),
                                              .user_id = id_of(USER),
                                              .zone_id = id_of(zone),
                                              .quantity = quantity,
                                              .cause = cause};
}

static struct record_changed *change(uint32_t booking, uint32_t zone, enum change_cause cause,
                                     enum booking_status status, uint32_t before, uint32_t after)
{
    struct record *record = make(RECORD_CHANGED);
    record->changed = (struct record_changed){.booking_id = id_of(booking),
                                              .user_id = id_of(USER),
                                              .previous_user_id = id_of(USER),
                                              .zone_id = id_of(zone),
                                              .cause = cause,
                                              .status = status,
                                              .unit_price_minor = 10000,
                                              .quantity = after,
                                              .previous_quantity = before,
                                              .ttl_ms = 600000};
    return &record->changed;
}

static void block(uint32_t id, uint32_t zone, enum block_kind kind, enum change_cause cause,
                  uint32_t quantity)
{
    struct record *record = make(RECORD_BLOCK);
    record->block = (struct record_block){.block_id = id_of(id),
                                          .zone_id = id_of(zone),
                                          .kind = kind,
                                          .cause = cause,
                                          .quantity = quantity};
}

static void resize(uint32_t zone, enum change_cause cause, uint32_t total, uint32_t target)
{
    struct record *record = make(RECORD_ZONE_CHANGED);
    record->zone_changed = (struct record_zone_changed){
        .zone_id = id_of(zone), .cause = cause, .total = total, .target = target};
}

static void make_catalog(void)
{
    static const struct uuid stations[] = {{{50, [15] = 1}}, {{51, [15] = 1}}};
    struct record *event = make(RECORD_EVENT);
    event->event = (struct catalog_event){
        .id = id_of(EVENT), .created_ms = 1, .updated_ms = 1, .title = {"T", 1}, .slug = {"t", 1}};
    make(RECORD_STATION)->station = (struct catalog_station){
        .id = id_of(50), .created_ms = 1, .code = {"A", 1}, .name = {"Ayutthaya", 9}};
    make(RECORD_ROUTE)->route = (struct catalog_route){.id = id_of(60),
                                                       .stop_count = 2,
                                                       .created_ms = 1,
                                                       .name = {"North", 5},
                                                       .stations = stations};
    make_show(SHOW, 1);
    make_show(TRIP, 3);
    make_zone(HALL, SHOW, 100);
    make_zone(FLOOR, SHOW, 100);
    make_zone(COACH, TRIP, 10);
}

/* 20 reserved 5 -> 3 confirmed in part -> refunded; 21 confirmed, given away, then
 * exchanged for 22; 23 extended; 24 expires. */
static void make_hall(void)
{
    static const uint32_t seats[] = {4, 5, 6};
    reserve(20, HALL, 5);
    struct record_changed *part = change(20, HALL, CAUSE_CONFIRMED_PART, BOOKING_CONFIRMED, 5, 3);
    part->seat_count = 3;
    memcpy(part->seats, seats, sizeof seats);
    change(20, HALL, CAUSE_REFUNDED, BOOKING_REFUNDED, 3, 3);
    reserve(21, HALL, 2);
    settle(RECORD_CONFIRMED, 21, HALL, 2, CAUSE_REQUEST);
    change(21, HALL, CAUSE_TRANSFERRED, BOOKING_CONFIRMED, 2, 2)->user_id = id_of(FRIEND);
    reserve(22, HALL, 2)->order = (struct order_part){id_of(ORDER), 0, 1};
    struct record *order = make(RECORD_ORDER);
    order->order = (struct record_order){.order_id = id_of(ORDER),
                                         .user_id = id_of(USER),
                                         .kind = ORDER_EXCHANGE,
                                         .end = BOOKING_CONFIRMED,
                                         .count = 2,
                                         .bookings = {id_of(21), id_of(22)}};
    settle(RECORD_CANCELLED, 21, HALL, 2, CAUSE_EXCHANGED);
    settle(RECORD_CONFIRMED, 22, HALL, 2, CAUSE_POSTED);
    reserve(23, HALL, 1);
    change(23, HALL, CAUSE_EXTENDED, BOOKING_RESERVED, 1, 1)->ttl_ms = 900000;
    reserve(24, HALL, 1);
    struct record *expired = make(RECORD_EXPIRED);
    expired->expired.zone_id = id_of(HALL);
    expired->expired.count = 1;
    expired->expired.items[0] = (struct record_expired_item){id_of(24), id_of(USER), 1};
}

/* House hold of 10, allotment of 20 with 6 drawn (2 given back) which ends; then
 * the capacity drains from 100 to 3 while 6 are used, and one comes back. */
static void make_floor(void)
{
    block(BLOCK, FLOOR, BLOCK_HOUSE_HOLD, CAUSE_CREATED, 10);
    block(ALLOTMENT, FLOOR, BLOCK_ALLOTMENT, CAUSE_CREATED, 20);
    reserve(30, FLOOR, 4)->block_id = id_of(ALLOTMENT);
    reserve(31, FLOOR, 2)->block_id = id_of(ALLOTMENT);
    reserve(32, FLOOR, 2);
    settle(RECORD_CANCELLED, 31, FLOOR, 2, CAUSE_REQUEST);
    settle(RECORD_CONFIRMED, 30, FLOOR, 4, CAUSE_REQUEST);
    block(ALLOTMENT, FLOOR, BLOCK_ALLOTMENT, CAUSE_RELEASED, 0);
    block(BLOCK, FLOOR, BLOCK_HOUSE_HOLD, CAUSE_EXPIRED, 0);
    resize(FLOOR, CAUSE_DRAIN, 6, 3);
    change(32, FLOOR, CAUSE_RELEASED, BOOKING_RESERVED, 2, 1);
}

/* On three segments: [0, 2) confirmed, [1, 3) refunded in the end, [2, 3) reserved;
 * 1 place blocked. */
static void make_coach(void)
{
    reserve(40, COACH, 2)->to_segment = 2;
    struct record_reserved *back = reserve(41, COACH, 3);
    back->from_segment = 1;
    back->to_segment = 3;
    struct record_reserved *last = reserve(42, COACH, 1);
    last->from_segment = 2;
    last->to_segment = 3;
    settle(RECORD_CONFIRMED, 40, COACH, 2, CAUSE_REQUEST);
    settle(RECORD_CONFIRMED, 41, COACH, 3, CAUSE_REQUEST);
    block(70, COACH, BLOCK_HOUSE_HOLD, CAUSE_CREATED, 1);
    change(41, COACH, CAUSE_REFUNDED, BOOKING_REFUNDED, 3, 3);
}

struct stage {
    struct mirror_store store;
    struct mirror_zones zones;
    struct mirror_batch batch;
    uint64_t position;
};

static void fail_with(const struct stage *stage)
{
    fail_msg("%s %s", stage->store.session.error, stage->batch.error);
}

static void write_batch(struct stage *stage)
{
    if (!mirror_batch_seal(&stage->batch) ||
        mirror_store_write(&stage->store, &stage->batch, 1) != MIRROR_STORE_OK)
        fail_with(stage);
    stage->position = stage->batch.spans[0].through;
    assert_true(mirror_batch_reset(&stage->batch, 1, &stage->position, 1));
}

/* All records, `step` of them in a batch; reconnect: what the mirror has in memory
 * comes from the database before each batch. */
static void mirror_all(struct stage *stage, uint32_t step, bool reconnect)
{
    stage->position = 0;
    assert_true(mirror_zones_init(&stage->zones));
    assert_true(mirror_batch_init(&stage->batch, &stage->zones));
    assert_true(mirror_batch_reset(&stage->batch, 1, &stage->position, 1));
    for (uint32_t i = 0; i < record_count; i++) {
        if (mirror_batch_add(&stage->batch, 0, &records[i]) != MIRROR_BATCH_OK)
            fail_with(stage);
        if ((i + 1) % step != 0 && i + 1 != record_count)
            continue;
        write_batch(stage);
        if (!reconnect)
            continue;
        mirror_zones_release(&stage->zones);
        assert_true(mirror_zones_init(&stage->zones));
        assert_int_equal(mirror_store_zones(&stage->store, &stage->zones), MIRROR_STORE_OK);
    }
    mirror_batch_release(&stage->batch);
    mirror_zones_release(&stage->zones);
}

static void expect(struct stage *stage, const char *sql, const char *wanted)
{
    PGresult *rows = NULL;
    char all[1024];
    (void)snprintf(all, sizeof all,
                   "SELECT coalesce(string_agg(concat_ws(' ', VARIADIC t.f), '; '), '') FROM (%s)"
                   " AS t (f)",
                   sql);
    if (postgres_query(&stage->store.session, &rows, all, 0, NULL) != POSTGRES_OK)
        fail_with(stage);
    assert_string_equal(PQgetvalue(rows, 0, 0), wanted);
    PQclear(rows);
}

static void expect_tables(struct stage *stage)
{
    expect(stage,
           "SELECT ARRAY[coalesce(available_seats::text, '-'), reserved_seats::text,"
           " sold_seats::text, coalesce(blocked_seats::text, '-'), total_seats::text,"
           " target_seats::text] FROM seat_zones ORDER BY id",
           "97 1 2 0 100 100; 0 1 4 0 5 3; - 1 2 - 10 10");
    expect(stage,
           "SELECT ARRAY[segment, reserved, sold, blocked]::text[] FROM seat_zone_segments"
           " ORDER BY segment",
           "0 0 2 1; 1 0 2 1; 2 1 0 1");
    expect(stage,
           "SELECT ARRAY[left(id::text, 2), status, quantity::text, left(user_id::text, 2),"
           " num_nonnulls(confirmed_at, cancelled_at, expired_at, refunded_at)::text,"
           " array_to_string(seats, ','), extract(epoch FROM expires_at - created_at)::int::text]"
           " FROM bookings ORDER BY id",
           "14 refunded 3 07 2 4,5,6 600; 15 cancelled 2 08 2 600; 16 confirmed 2 07 1 600;"
           " 17 reserved 1 07 0 900; 18 expired 1 07 1 600; 1e confirmed 4 07 1 600;"
           " 1f cancelled 2 07 1 600; 20 reserved 1 07 0 600; 28 confirmed 2 07 1 600;"
           " 29 refunded 3 07 2 600; 2a reserved 1 07 0 600");
    expect(stage,
           "SELECT ARRAY[left(booking_id::text, 2), cause, previous_quantity::text,"
           " quantity::text] FROM booking_changes ORDER BY log_sequence",
           "14 confirmed_part 5 3; 14 refunded 3 3; 15 transferred 2 2; 17 extended 1 1;"
           " 20 released 2 1; 29 refunded 3 3");
    expect(stage,
           "SELECT ARRAY[left(id::text, 2), kind, quantity::text, end_cause] FROM blocks"
           " ORDER BY id",
           "09 house_hold 10 expired; 0a allotment 20 released; 46 house_hold 1");
    expect(stage, "SELECT ARRAY[kind, decision, cardinality(bookings)::text] FROM orders",
           "exchange posted 2");
    expect(stage,
           "SELECT ARRAY[stop::text, left(station_id::text, 2)] FROM show_stops ORDER BY stop",
           "0 32; 1 33; 2 34; 3 35");
    expect(stage, "SELECT ARRAY[stop::text, left(station_id::text, 2)] FROM route_stops",
           "0 32; 1 33");
}

static void start(struct stage *stage)
{
    const char *url = getenv("BOXOFFICE_TEST_POSTGRES");
    if (url == NULL)
        skip();
    const struct uuid cluster = id_of(99);
    const struct data_dir_epoch epoch = {.number = 1, .shard_count = 1, .first_sequence = 1};
    memset(stage, 0, sizeof *stage);
    mirror_store_init(&stage->store, &cluster);
    if (mirror_store_open(&stage->store, url) != MIRROR_STORE_OK ||
        postgres_run(&stage->store.session,
                     "TRUNCATE mirror_cursor, events, shows, seat_zones, seat_zone_segments, seats,"
                     " show_stops, bookings, booking_changes, blocks, orders, stations, routes,"
                     " route_stops, outbox, audit_logs CASCADE",
                     NULL) != POSTGRES_OK ||
        mirror_store_begin_epoch(&stage->store, &epoch) != MIRROR_STORE_OK)
        fail_with(stage);
}

/* However the log is cut into batches, and wherever the mirror starts again, the
 * tables say the same. */
static void test_every_cut_gives_the_same(void **state)
{
    (void)state;
    for (uint32_t step = 1; step <= record_count; step += step < 8 ? 1 : 7) {
        for (int reconnect = 0; reconnect <= 1; reconnect++) {
            struct stage stage;
            start(&stage);
            mirror_all(&stage, step, reconnect);
            expect_tables(&stage);
            mirror_store_close(&stage.store);
        }
    }
}

/* A hall of 100,000 seats comes in as one record, and its batch stays bounded. */
static void test_large_plan(void **state)
{
    (void)state;
    struct stage stage;
    start(&stage);
    struct seat_plan_builder *builder = seat_plan_builder_new();
    for (int row = 0; row < 100; row++) {
        char label[16];
        const int length = snprintf(label, sizeof label, "R%d", row);
        seat_plan_add_row(builder, label, (size_t)length);
        seat_plan_add_run(builder, 1, 1, 1000, 0, 1, 0, false);
    }
    size_t length = 0;
    enum seat_plan_error error = SEAT_PLAN_OK;
    uint8_t *bytes = seat_plan_encode(builder, &length, &error);
    assert_non_null(bytes);
    const uint32_t count = record_count;
    record_count = 0;
    make_catalog();
    make_zone(80, SHOW, 100000);
    records[record_count - 1].zone.kind = ZONE_SEATED;
    records[record_count - 1].zone.plan_bytes = bytes;
    records[record_count - 1].zone.plan_length = (uint32_t)length;
    mirror_all(&stage, record_count, false);
    expect(&stage,
           "SELECT ARRAY[count(*)::text, min(label), max(rank)::text, sum(opens_block::int)::text]"
           " FROM seats",
           "100000 R0-1 999 100");
    record_count = count;
    mirror_store_close(&stage.store);
    free(bytes);
    seat_plan_builder_free(builder);
}

static int make_records(void **state)
{
    (void)state;
    make_catalog();
    make_hall();
    make_floor();
    make_coach();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cut_gives_the_same),
        cmocka_unit_test(test_large_plan),
    };
    return cmocka_run_group_tests(tests, make_records, NULL);
}
