#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../../engine/order.h"

/* What a start learns of orders from records of several logs, in whatever order those come. */

static struct uuid an_id(uint8_t last)
{
    return (struct uuid){{[0] = 1, [15] = last}};
}

static void assert_posts_the_decided(struct order_table *orders)
{
    struct uuid old_id = an_id(1), decided_id = an_id(3);
    const struct order *order = order_find(orders, &old_id);

    assert_non_null(order);
    assert_true(order->posted);
    assert_true(uuid_equal(&order->bookings[0], &old_id));
    assert_true(uuid_equal(&order->bookings[1], &decided_id));
}

/* An exchange tried twice: the booking that its decision names counts, whether the log of the
 * one made in vain is read before the decision or after it. */
static void test_exchange_tried_twice(void **state)
{
    struct record_reserved in_vain = {
        .booking_id = an_id(2), .user_id = an_id(9), .order = {.id = an_id(1), .item = 1}};
    struct record_reserved made = in_vain;
    struct record_order decided = {.order_id = an_id(1),
                                   .user_id = an_id(9),
                                   .kind = ORDER_EXCHANGE,
                                   .decision = ORDER_POSTED,
                                   .count = 2,
                                   .bookings = {an_id(1), an_id(3)}};
    struct order_table orders;
    (void)state;

    made.booking_id = an_id(3);
    assert_true(order_table_init(&orders));
    assert_true(order_replay_reserved(&orders, &in_vain));
    assert_true(order_replay_reserved(&orders, &made));
    assert_non_null(order_replay_decided(&orders, &decided, 1));
    assert_posts_the_decided(&orders);
    order_table_release(&orders);

    assert_true(order_table_init(&orders));
    assert_true(order_replay_reserved(&orders, &made));
    assert_non_null(order_replay_decided(&orders, &decided, 1));
    assert_true(order_replay_reserved(&orders, &in_vain));
    assert_posts_the_decided(&orders);
    order_table_release(&orders);
}

/* What was decided once is not decided again: the log is damaged. */
static void test_decided_twice(void **state)
{
    struct record_order decided = {.order_id = an_id(1),
                                   .user_id = an_id(9),
                                   .kind = ORDER_CONFIRM,
                                   .decision = ORDER_POSTED,
                                   .count = 1,
                                   .bookings = {an_id(2)}};
    struct order_table orders;
    (void)state;

    assert_true(order_table_init(&orders));
    assert_non_null(order_replay_decided(&orders, &decided, 1));
    assert_null(order_replay_decided(&orders, &decided, 1));
    decided.order_id = an_id(4);
    decided.count = ORDER_ITEMS_MAX + 1;
    assert_null(order_replay_decided(&orders, &decided, 1));
    order_table_release(&orders);
}

/* A freed order's place is as new: nothing of the one before shows in the next. */
static void test_place_of_a_closed_order(void **state)
{
    struct uuid first_id = an_id(1), second_id = an_id(2), user_id = an_id(9);
    struct order_table orders;
    (void)state;

    assert_true(order_table_init(&orders));
    struct order *first = order_open(&orders, &first_id, &user_id, 8);
    order_set_booking(first, 7, &user_id);
    first->busy = first->posted = true;
    order_close(&orders, first);
    assert_null(order_find(&orders, &first_id));
    const struct order *second = order_open(&orders, &second_id, &user_id, 1);
    assert_ptr_equal(second, first);
    assert_int_equal(second->known, 0);
    assert_false(second->busy);
    assert_false(second->posted);
    order_table_release(&orders);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exchange_tried_twice),
        cmocka_unit_test(test_decided_twice),
        cmocka_unit_test(test_place_of_a_closed_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
