#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../engine/rate_limit.h"

static const uint64_t now_ms = 1700000000000;

/* In place: the index knows where the table is. */
static void given_limit(struct rate_limit_table *table, uint32_t per_minute, uint32_t burst)
{
    assert_true(rate_limit_table_init(table, per_minute, burst));
}

/* How many of a minute's tries, `per_ms` in each millisecond, are let through. */
static uint32_t minute_of(struct rate_limit_table *table, uint32_t per_ms)
{
    struct uuid user = {{7}};
    uint32_t passed = 0;
    for (uint64_t ms = 0; ms < 60000; ms++)
        for (uint32_t n = 0; n < per_ms; n++)
            passed += rate_limit_take(table, &user, now_ms + ms) == 0;
    return passed;
}

/* Every rate that can be configured is kept, those faster than one a millisecond too. */
static void test_rates(void **state)
{
    (void)state;
    static const uint32_t rates[] = {1, 20, 700, 40000, 60000, 90000, 1000000};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct rate_limit_table table;
        given_limit(&table, rates[i], 100);
        uint32_t passed = minute_of(&table, 20);
        assert_in_range(passed, rates[i], rates[i] + rates[i] / 400 + 100);
        rate_limit_table_release(&table);
    }
}

/* A burst passes at once; then it is said exactly when the next may come. */
static void test_burst(void **state)
{
    (void)state;
    struct rate_limit_table table;
    given_limit(&table, 20, 3);
    struct uuid user = {{7}}, other = {{8}};
    for (int n = 0; n < 3; n++)
        assert_int_equal(rate_limit_take(&table, &user, now_ms), 0);
    assert_int_equal(rate_limit_take(&table, &user, now_ms), now_ms + 3000);
    assert_int_equal(rate_limit_take(&table, &other, now_ms), 0);
    assert_int_equal(rate_limit_take(&table, &user, now_ms + 2999), now_ms + 3000);
    assert_int_equal(rate_limit_take(&table, &user, now_ms + 3000), 0);
    rate_limit_table_release(&table);
}

/* Users who went away make room; their entries are used again. */
static void test_room_is_made(void **state)
{
    (void)state;
    struct rate_limit_table table;
    given_limit(&table, 60, 1);
    for (uint64_t n = 0; n < 100000; n++) {
        struct uuid user = uuid_v7(now_ms, 0, n);
        assert_int_equal(rate_limit_take(&table, &user, now_ms + n), 0);
    }
    assert_true(table.entries.used < 10000);
    rate_limit_table_release(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_burst),
        cmocka_unit_test(test_room_is_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
