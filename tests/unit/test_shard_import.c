/* Pieces of state that no shard could have exported: each is refused, and the piece as
 * it was is taken. */
#include "inventory_rig.h"

#include "../../engine/shard_import.h"

enum { FOREIGN = 900 };

static uint32_t import_zone(struct rig *rig, uint64_t number)
{
    const struct shard_zone_state zone = {
        .id = rig_zone_id(number), .total = PLACES, .target = PLACES};
    uint32_t at;
    assert_int_equal(shard_import_zone(rig->shards[0], &zone, &at), SHARD_REPLAY_OK);
    return at;
}

static struct shard_booking_state booking(uint64_t number, uint32_t zone)
{
    return (struct shard_booking_state){.id = uuid_v7(RIG_START_MS, 0, number),
                                        .user_id = rig_user_id(1),
                                        .zone = zone,
                                        .status = BOOKING_CONFIRMED,
                                        .quantity = 2,
                                        .ttl_ms = RIG_TTL_MS,
                                        .to_segment = 1,
                                        .unit_price_minor = PRICE};
}

static enum shard_replay_result put_booking(struct rig *rig, const struct shard_booking_state *one)
{
    return shard_import_bookings(rig->shards[0], one, 1);
}

static struct shard_block_state block(uint64_t number, uint64_t zone)
{
    return (struct shard_block_state){.record = {.block_id = rig_id(5, number),
                                                 .zone_id = rig_zone_id(zone),
                                                 .kind = BLOCK_ALLOTMENT,
                                                 .cause = CAUSE_CREATED,
                                                 .quantity = 4,
                                                 .key_digest = {1}},
                                      .created_ms = RIG_START_MS,
                                      .active = true};
}

/* --- tests --- */

/* A zone nobody knows or of impossible totals is refused. */
static void test_zones(void **state)
{
    struct rig rig;
    uint32_t at;
    (void)state;
    inventory_open(&rig, true);
    const struct shard_zone_state good = {
        .id = rig_zone_id(0), .total = PLACES, .target = PLACES - 5, .closed = true};
    struct shard_zone_state bad[] = {good, good, good, good};
    bad[0].id = rig_zone_id(FOREIGN);
    bad[1].target = PLACES + 1;
    bad[2].total = CATALOG_ZONE_SEATS_MAX + 1;
    bad[3].id = rig_zone_id(SEATED); /* it has as many as its plan */
    bad[3].total = PLACES + 1;
    assert_int_equal(shard_import_zone(rig.shards[0], &bad[0], &at), SHARD_REPLAY_UNKNOWN_ZONE);
    for (int i = 1; i < 4; i++)
        assert_int_equal(shard_import_zone(rig.shards[0], &bad[i], &at), SHARD_REPLAY_BAD_STATE);
    assert_int_equal(shard_import_zone(rig.shards[0], &good, &at), SHARD_REPLAY_OK);
    rig_close(&rig);
}

/* A booking that is there already, of no zone or block, or that says the impossible. */
static void test_bookings(void **state)
{
    struct rig rig;
    (void)state;
    inventory_open(&rig, true);
    uint32_t at = import_zone(&rig, 0);
    struct shard_booking_state good = booking(1, at);
    struct shard_booking_state bad[8];
    for (int i = 0; i < 8; i++)
        bad[i] = booking(1, at);
    bad[0].from_segment = 1;
    bad[1].to_segment = 2;
    bad[2].quantity = 0;
    bad[3].changed_after_ms = UINT64_C(1) << 40;
    bad[4].status = (enum booking_status)(BOOKING_REFUNDED + 1);
    bad[5].seat_count = 1; /* of two places */
    bad[6].zone = FOREIGN;
    bad[7].block_id = rig_id(5, FOREIGN);
    for (int i = 0; i < 6; i++)
        assert_int_equal(put_booking(&rig, &bad[i]), SHARD_REPLAY_BAD_STATE);
    assert_int_equal(put_booking(&rig, &bad[6]), SHARD_REPLAY_UNKNOWN_ZONE);
    assert_int_equal(put_booking(&rig, &bad[7]), SHARD_REPLAY_UNKNOWN_BLOCK);
    assert_int_equal(put_booking(&rig, &good), SHARD_REPLAY_OK);
    assert_int_equal(put_booking(&rig, &good), SHARD_REPLAY_DUPLICATE_BOOKING);
    good = booking(2, at);
    good.quantity = PLACES - 1; /* two are gone */
    assert_int_equal(put_booking(&rig, &good), SHARD_REPLAY_OVERSOLD);
    good.status = BOOKING_CANCELLED; /* it takes none */
    assert_int_equal(put_booking(&rig, &good), SHARD_REPLAY_OK);
    assert_int_equal(inventory_counts(&rig, 0).sold, 2);
    rig_close(&rig);
}

/* Seats that are not of the zone, named twice or taken already. */
static void test_seats(void **state)
{
    struct rig rig;
    (void)state;
    inventory_open(&rig, true);
    struct shard_booking_state one = booking(1, import_zone(&rig, SEATED));
    assert_int_not_equal(put_booking(&rig, &one), SHARD_REPLAY_OK); /* none named */
    one.seat_count = 2;
    one.seats[0] = 3;
    one.seats[1] = PLACES;
    assert_int_equal(put_booking(&rig, &one), SHARD_REPLAY_BAD_SEATS);
    one.seats[1] = 3;
    assert_int_equal(put_booking(&rig, &one), SHARD_REPLAY_BAD_SEATS);
    one.seats[1] = 4;
    assert_int_equal(put_booking(&rig, &one), SHARD_REPLAY_OK);
    one.id = uuid_v7(RIG_START_MS, 0, 2);
    assert_int_equal(put_booking(&rig, &one), SHARD_REPLAY_BAD_SEATS);
    rig_close(&rig);
}

/* A block of no zone, with seats that are none, or there already; one that ended is kept
 * for the bookings that name it. */
static void test_blocks(void **state)
{
    static const uint32_t seats[4] = {1, 2, 3, 4}, beyond[4] = {1, 2, 3, PLACES};
    struct rig rig;
    struct shard *shard;
    (void)state;
    inventory_open(&rig, true);
    shard = rig.shards[0];
    uint32_t at = import_zone(&rig, 0), other = import_zone(&rig, GENERAL_TRIP);
    import_zone(&rig, SEATED);
    struct shard_block_state one = block(1, FOREIGN);
    assert_int_equal(shard_import_block(shard, &one), SHARD_REPLAY_UNKNOWN_ZONE);
    one = block(1, 0);
    one.record.quantity = PLACES + 1;
    assert_int_not_equal(shard_import_block(shard, &one), SHARD_REPLAY_OK);
    one = block(1, 0);
    assert_int_equal(shard_import_block(shard, &one), SHARD_REPLAY_OK);
    one.active = false;
    assert_int_equal(shard_import_block(shard, &one), SHARD_REPLAY_BAD_STATE);
    one = block(2, SEATED);
    one.active = false;
    one.record.seat_count = 4;
    one.record.seats = beyond;
    assert_int_equal(shard_import_block(shard, &one), SHARD_REPLAY_BAD_SEATS);
    one.record.seats = seats;
    assert_int_equal(shard_import_block(shard, &one), SHARD_REPLAY_OK);
    /* Drawn from the block: no more than it has, in its own zone. */
    struct shard_booking_state drawn = booking(1, at);
    drawn.block_id = rig_id(5, 1);
    drawn.quantity = 5;
    assert_int_equal(put_booking(&rig, &drawn), SHARD_REPLAY_OVERSOLD);
    drawn.quantity = 4;
    drawn.zone = other;
    assert_int_equal(put_booking(&rig, &drawn), SHARD_REPLAY_UNKNOWN_BLOCK);
    drawn.zone = at;
    assert_int_equal(put_booking(&rig, &drawn), SHARD_REPLAY_OK);
    rig_close(&rig);
}

/* An order of no or too many items, in no state, of no kind or there already. */
static void test_orders(void **state)
{
    struct rig rig;
    struct order_facts *facts = test_calloc(1, sizeof *facts);
    (void)state;
    inventory_open(&rig, true);
    const struct order good = {.id = rig_id(6, 1),
                               .user_id = rig_user_id(1),
                               .state = ORDER_HELD,
                               .count = 2,
                               .created = facts,
                               .ended = facts};
    struct order bad[] = {good, good, good, good};
    bad[0].count = 0;
    bad[1].count = ORDER_ITEMS_MAX + 1;
    bad[2].state = ORDER_ENDED + 1;
    bad[3].kind = ORDER_EXCHANGE + 1;
    for (int i = 0; i < 4; i++)
        assert_int_equal(shard_import_order(rig.shards[0], &bad[i]), SHARD_REPLAY_BAD_STATE);
    assert_int_equal(shard_import_order(rig.shards[0], &good), SHARD_REPLAY_OK);
    assert_int_equal(shard_import_order(rig.shards[0], &good), SHARD_REPLAY_BAD_STATE);
    test_free(facts);
    rig_close(&rig);
}

/* A key that is there is left as it is; the object of one that came again is let go. */
static void test_keys(void **state)
{
    struct rig rig;
    (void)state;
    inventory_open(&rig, true);
    const struct catalog *catalog = shard_catalog(rig.shards[0]);
    const struct uuid event_id = rig_event_id(0), show_id = rig_id(2, 0), zone_id = rig_zone_id(0);
    for (int again = 0; again < 2; again++) {
        struct shard_key_state keys[4] = {
            {.kind = SHARD_KEY_BOOKING, .booking_id = uuid_v7(RIG_START_MS, 0, 1)},
            {.kind = SHARD_KEY_EVENT, .event = catalog_event(catalog, &event_id)},
            {.kind = SHARD_KEY_SHOW, .show = catalog_show(catalog, &show_id)},
            {.kind = SHARD_KEY_ZONE, .zone = catalog_zone(catalog, &zone_id)}};
        catalog_event_share(keys[1].event);
        catalog_show_share(keys[2].show);
        catalog_zone_share(keys[3].zone);
        for (uint64_t i = 0; i < 4; i++) {
            keys[i].key = (struct request_key){100 + i, 1};
            keys[i].accepted_ms = RIG_START_MS;
        }
        assert_int_equal(shard_import_keys(rig.shards[0], keys, 4), SHARD_REPLAY_OK);
        struct shard_totals totals;
        shard_totals(rig.shards[0], &totals);
        assert_int_equal(totals.idempotency_keys, 4);
    }
    rig_close(&rig);
}

/* The tickets of a user are counted from what he holds and owns, and nothing else. */
static void test_settle(void **state)
{
    struct rig rig;
    struct shard_totals totals;
    (void)state;
    inventory_open(&rig, true);
    uint32_t at = import_zone(&rig, 0);
    const enum booking_status statuses[] = {BOOKING_RESERVED, BOOKING_CONFIRMED, BOOKING_CANCELLED,
                                            BOOKING_EXPIRED, BOOKING_REFUNDED};
    for (uint64_t i = 0; i < 5; i++) {
        struct shard_booking_state one = booking(i + 1, at);
        one.status = statuses[i];
        one.user_id = rig_user_id(i);
        assert_int_equal(put_booking(&rig, &one), SHARD_REPLAY_OK);
    }
    assert_int_equal(shard_import_settle(rig.shards[0], rig.shards, 1), SHARD_REPLAY_OK);
    shard_totals(rig.shards[0], &totals);
    assert_int_equal(totals.quota_entries, 2);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zones),  cmocka_unit_test(test_bookings),
        cmocka_unit_test(test_seats),  cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_orders), cmocka_unit_test(test_keys),
        cmocka_unit_test(test_settle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
