/* The array that doubles: what is in it stays, and full is an answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../persist/growing_array.h"

enum { LEAST = 2, MOST = 8 };
static const struct growing_array_limits limits = {LEAST, MOST};

/* It doubles when it is full, not before, and what was put in is still there. */
static void test_doubles(void **state)
{
    uint64_t *items = NULL;
    uint32_t capacity = 0;
    const uint32_t capacities[MOST] = {2, 2, 4, 4, 8, 8, 8, 8};
    (void)state;

    for (uint32_t count = 0; count < MOST; count++) {
        items = growing_array_room(items, count, &capacity, sizeof *items, limits);
        assert_non_null(items);
        assert_int_equal(capacity, capacities[count]);
        items[count] = count * 7;
    }
    for (uint32_t i = 0; i < MOST; i++)
        assert_int_equal(items[i], i * 7);
    free(items);
}

/* Past its most there is no room, and array and capacity are as they were. */
static void test_full(void **state)
{
    uint32_t capacity = MOST;
    uint64_t *items = calloc(MOST, sizeof *items);
    (void)state;

    assert_non_null(items);
    items[MOST - 1] = 5;
    assert_null(growing_array_room(items, MOST, &capacity, sizeof *items, limits));
    assert_int_equal(capacity, MOST);
    assert_int_equal(items[MOST - 1], 5);
    free(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_doubles), cmocka_unit_test(test_full)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
