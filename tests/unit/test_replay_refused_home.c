/* What a disk may say to the home of a user and no shard ever wrote: tickets that were
 * never counted, zones that nobody knows, orders that contradict themselves. */
#include "shard_rig.h"

#include "../../engine/order.h"

enum { SHARDS = 2 };

static struct rig rig;

static int setup(void **state)
{
    (void)state;
    rig_open(&rig, SHARDS);
    rig_event(&rig, 0, 100);
    for (uint64_t zone = 0; zone < 8; zone++)
        rig_zone(&rig, zone, 0, 50, 100);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

/* --- tickets --- */

static uint64_t number_at(uint16_t shard, struct uuid (*id_of)(uint64_t))
{
    for (uint64_t number = 0;; number++) {
        struct uuid id = id_of(number);
        if (partition_shard_of(&rig.partitions, &id) == shard)
            return number;
    }
}

/* A user at home in shard 0, and a zone of shard 1. */
static struct uuid user_id(void)
{
    return rig_user_id(number_at(0, rig_user_id));
}

static struct uuid zone_id(void)
{
    return rig_zone_id(number_at(1, rig_zone_id));
}

static enum shard_replay_result home(const struct record *record)
{
    return shard_replay(rig.shards[0], record);
}

static struct record reserved(uint32_t quantity)
{
    struct record record = rig_record(RECORD_RESERVED, 1);
    record.reserved = (struct record_reserved){.booking_id = rig_id(0, 1),
                                               .user_id = user_id(),
                                               .zone_id = zone_id(),
                                               .quantity = quantity,
                                               .to_segment = 1};
    return record;
}

static struct record cancelled(uint32_t quantity)
{
    struct record record = rig_record(RECORD_CANCELLED, 1);
    record.settled =
        (struct record_settled){.user_id = user_id(), .zone_id = zone_id(), .quantity = quantity};
    return record;
}

/* A home counts what the zone's shard has logged, and gives back no more than it counted. */
static void test_no_more_than_was_counted(void **state)
{
    struct record taken = reserved(3), back = cancelled(4);
    (void)state;
    assert_int_equal(home(&back), SHARD_REPLAY_BAD_STATE);
    assert_int_equal(home(&taken), SHARD_REPLAY_OK);
    assert_int_equal(home(&back), SHARD_REPLAY_BAD_STATE);
    back.settled.quantity = 3;
    assert_int_equal(home(&back), SHARD_REPLAY_OK);
    assert_int_equal(home(&back), SHARD_REPLAY_BAD_STATE);
}

/* A zone that the catalog does not have is unknown to a home too. */
static void test_unknown_zone(void **state)
{
    struct record taken = reserved(3), back = cancelled(3);
    struct uuid unknown = rig_zone_id(8);
    for (uint64_t number = 8; partition_shard_of(&rig.partitions, &unknown) != 1; number++)
        unknown = rig_zone_id(number);
    (void)state;
    taken.reserved.zone_id = back.settled.zone_id = unknown;
    assert_int_equal(home(&taken), SHARD_REPLAY_UNKNOWN_ZONE);
    assert_int_equal(home(&back), SHARD_REPLAY_UNKNOWN_ZONE);
}

/* A change gives back at most what there was, and a transfer takes from one who has it. */
static void test_changed(void **state)
{
    struct record taken = reserved(3), record = rig_record(RECORD_CHANGED, 1);
    (void)state;
    record.changed = (struct record_changed){.user_id = user_id(),
                                             .previous_user_id = user_id(),
                                             .zone_id = zone_id(),
                                             .cause = CAUSE_RELEASED,
                                             .quantity = 2,
                                             .previous_quantity = 1};
    assert_int_equal(home(&record), SHARD_REPLAY_BAD_STATE);
    record.changed.previous_quantity = 3;
    assert_int_equal(home(&record), SHARD_REPLAY_BAD_STATE); /* nothing is counted */
    assert_int_equal(home(&taken), SHARD_REPLAY_OK);
    assert_int_equal(home(&record), SHARD_REPLAY_OK);
    record.changed.cause = CAUSE_TRANSFERRED;
    record.changed.user_id = rig_user_id(number_at(1, rig_user_id));
    record.changed.quantity = record.changed.previous_quantity = 3;
    assert_int_equal(home(&record), SHARD_REPLAY_BAD_STATE); /* two are left */
    record.changed.quantity = record.changed.previous_quantity = 2;
    assert_int_equal(home(&record), SHARD_REPLAY_OK);
    assert_int_equal(home(&record), SHARD_REPLAY_BAD_STATE);
}

/* Of those that time ended the ones at home here are given back, the others are passed over. */
static void test_expired(void **state)
{
    struct record taken = reserved(3);
    static struct record record;
    (void)state;
    record = rig_record(RECORD_EXPIRED, 1);
    record.expired.zone_id = zone_id();
    record.expired.count = 2;
    record.expired.items[0] = (struct record_expired_item){
        .user_id = rig_user_id(number_at(1, rig_user_id)), .quantity = 9};
    record.expired.items[1] = (struct record_expired_item){.user_id = user_id(), .quantity = 3};
    assert_int_equal(home(&record), SHARD_REPLAY_BAD_STATE);
    assert_int_equal(home(&taken), SHARD_REPLAY_OK);
    assert_int_equal(home(&record), SHARD_REPLAY_OK);
    record.expired.count = RECORD_EXPIRED_MAX + 1;
    assert_int_equal(home(&record), SHARD_REPLAY_BAD_STATE);
}

/* A home that is told the impossible of an order says so, whoever wrote it. */
static void test_orders_at_home(void **state)
{
    struct record record = rig_record(RECORD_ORDER, 1), taken = reserved(1);
    struct record pinned = rig_record(RECORD_CHANGED, 1);
    (void)state;
    record.order = (struct record_order){.order_id = rig_id(6, 1), .user_id = user_id()};
    assert_int_equal(home(&record), SHARD_REPLAY_BAD_STATE);
    record.order.user_id = rig_user_id(number_at(1, rig_user_id)); /* not at home here */
    assert_int_equal(home(&record), SHARD_REPLAY_OK);
    taken.reserved.order = (struct order_part){rig_id(6, 2), 3, 2};
    assert_int_equal(home(&taken), SHARD_REPLAY_BAD_STATE);
    pinned.changed = (struct record_changed){.user_id = user_id(),
                                             .zone_id = zone_id(),
                                             .cause = CAUSE_PINNED,
                                             .order = {rig_id(6, 3), 2, 0}};
    assert_int_equal(home(&pinned), SHARD_REPLAY_BAD_STATE);
}

/* --- orders --- */

static struct order_table orders;

static int open_orders(void **state)
{
    (void)state;
    return order_table_init(&orders) ? 0 : -1;
}

static int close_orders(void **state)
{
    (void)state;
    order_table_release(&orders);
    return 0;
}

static bool reserve_part(uint64_t order, uint8_t item, uint8_t count, uint64_t booking,
                         uint64_t user)
{
    const struct record_reserved reserved = {.booking_id = rig_id(0, booking),
                                             .user_id = rig_user_id(user),
                                             .order = {rig_id(6, order), item, count}};
    return order_replay_reserved(&orders, &reserved);
}

static bool pin_part(uint64_t order, uint8_t item, uint8_t count, uint64_t booking)
{
    const struct record_changed changed = {.booking_id = rig_id(0, booking),
                                           .user_id = rig_user_id(1),
                                           .order = {rig_id(6, order), item, count}};
    return order_replay_pinned(&orders, &changed);
}

static struct record_order decision(uint64_t order, enum order_kind kind, uint32_t count)
{
    struct record_order decided = {
        .order_id = rig_id(6, order), .user_id = rig_user_id(1), .kind = kind, .count = count};
    for (uint32_t i = 0; i < count && i < ORDER_ITEMS_MAX; i++)
        decided.bookings[i] = rig_id(0, i);
    return decided;
}

static bool decide(const struct record_order *decided)
{
    return order_replay_decided(&orders, decided, RIG_START_MS) != NULL;
}

/* An order has 1 to 8 items of one user, each item one booking. */
static void test_items_of_an_order(void **state)
{
    (void)state;
    assert_false(reserve_part(1, 0, ORDER_ITEMS_MAX + 1, 0, 1));
    assert_false(reserve_part(1, 2, 2, 0, 1));
    assert_true(reserve_part(1, 0, 2, 0, 1));
    assert_false(reserve_part(1, 1, 3, 1, 1)); /* of three */
    assert_false(reserve_part(1, 1, 2, 1, 2)); /* another's */
    assert_false(reserve_part(1, 0, 2, 7, 1)); /* another booking */
    assert_true(reserve_part(1, 0, 2, 0, 1));
    assert_true(reserve_part(1, 1, 2, 1, 1));
    assert_true(pin_part(1, 0, 2, 0)); /* says nothing new of an order */
}

/* An exchange has an old booking and a new one, and is no order. */
static void test_items_of_an_exchange(void **state)
{
    (void)state;
    assert_false(reserve_part(2, 0, 0, 0, 1)); /* the new one is item 1 */
    assert_true(reserve_part(2, 1, 0, 1, 1));
    assert_false(pin_part(2, 2, 0, 1));
    assert_true(pin_part(2, 0, 0, 0));
    assert_false(pin_part(2, 0, 0, 5));        /* another old one */
    assert_true(pin_part(2, 1, 0, 3));         /* a second try */
    assert_false(reserve_part(2, 0, 2, 0, 1)); /* as an order */
    assert_true(reserve_part(3, 0, 2, 0, 1));
    assert_false(reserve_part(3, 1, 0, 1, 1)); /* an order as an exchange */
    assert_false(pin_part(3, 0, 0, 0));
}

/* A decision fits what is known: its kind, its items, and that nothing was decided. */
static void test_decisions(void **state)
{
    struct record_order decided = decision(4, ORDER_EXCHANGE, 1);
    (void)state;
    assert_false(decide(&decided));
    decided = decision(4, ORDER_CONFIRM, 0);
    assert_false(decide(&decided));
    decided = decision(4, ORDER_CONFIRM, ORDER_ITEMS_MAX + 1);
    assert_false(decide(&decided));
    assert_true(reserve_part(4, 1, 2, 9, 1));
    decided = decision(4, ORDER_CONFIRM, 3);
    assert_false(decide(&decided)); /* it has two */
    decided = decision(4, ORDER_CONFIRM, 2);
    assert_false(decide(&decided)); /* its second booking is another */
    assert_true(reserve_part(5, 0, 2, 0, 1));
    decided = decision(5, ORDER_EXCHANGE, 2);
    assert_false(decide(&decided)); /* it is no exchange */
    decided = decision(5, ORDER_CONFIRM, 2);
    decided.decision = ORDER_VOIDED;
    assert_true(decide(&decided));
    assert_false(decide(&decided)); /* twice */
    assert_true(pin_part(6, 0, 0, 0));
    decided = decision(6, ORDER_CONFIRM, 2);
    assert_false(decide(&decided)); /* it is an exchange */
}

static enum order_recovery recovery_of(struct order *order, enum booking_status first,
                                       enum booking_status second, uint8_t pending)
{
    const enum booking_status statuses[ORDER_ITEMS_MAX] = {first, second};
    order_recover(order, statuses, pending);
    return (enum order_recovery)order->recovery;
}

/* What a start does with an order: one held as a whole stands; one that a pin, a decision
 * to let go or a missing part makes less than that is voided as far as it is reserved; one
 * that was decided is posted as far as it is not. */
static void test_recovery(void **state)
{
    struct uuid id = rig_id(6, 7), user = rig_user_id(1), booking = rig_id(0, 1);
    struct order *order = order_open(&orders, &id, &user, 2);
    (void)state;
    order_set_booking(order, 0, &booking);
    assert_int_equal(recovery_of(order, BOOKING_RESERVED, BOOKING_RESERVED, 0),
                     ORDER_RECOVERY_VOID); /* one part is not known */
    order_set_booking(order, 1, &booking);
    assert_int_equal(recovery_of(order, BOOKING_RESERVED, BOOKING_RESERVED, 0),
                     ORDER_RECOVERY_NONE);
    assert_int_equal(order->state, ORDER_HELD);
    assert_int_equal(recovery_of(order, BOOKING_RESERVED, BOOKING_RESERVED, 1),
                     ORDER_RECOVERY_VOID);
    assert_int_equal(recovery_of(order, BOOKING_RESERVED, BOOKING_EXPIRED, 0), ORDER_RECOVERY_VOID);
    assert_int_equal(recovery_of(order, BOOKING_EXPIRED, BOOKING_CANCELLED, 0),
                     ORDER_RECOVERY_NONE);
    assert_int_equal(order->state, ORDER_ENDED);
    order->voided = true;
    assert_int_equal(recovery_of(order, BOOKING_RESERVED, BOOKING_RESERVED, 0),
                     ORDER_RECOVERY_VOID);
    order->voided = false;
    order->posted = true;
    assert_int_equal(recovery_of(order, BOOKING_RESERVED, BOOKING_CONFIRMED, 3),
                     ORDER_RECOVERY_POST);
    assert_int_equal(order->state, ORDER_CONFIRMED);
    assert_int_equal(recovery_of(order, BOOKING_CONFIRMED, BOOKING_CONFIRMED, 0),
                     ORDER_RECOVERY_NONE);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define ORDER_CASE(test) cmocka_unit_test_setup_teardown(test, open_orders, close_orders)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_no_more_than_was_counted),
        CASE(test_unknown_zone),
        CASE(test_changed),
        CASE(test_expired),
        CASE(test_orders_at_home),
        ORDER_CASE(test_items_of_an_order),
        ORDER_CASE(test_items_of_an_exchange),
        ORDER_CASE(test_decisions),
        ORDER_CASE(test_recovery),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
