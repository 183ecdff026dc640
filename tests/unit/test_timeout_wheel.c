#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../net/timeout_wheel.h"

enum { OBJECTS = 2000 };

#define MS 1000000ULL
#define TICK (1ULL << TIMEOUT_TICK_SHIFT)

struct rig {
    struct timeout_wheel wheel;
    struct timeout timeouts[OBJECTS];
    uint64_t deadlines[OBJECTS]; /* 0: not in the wheel */
};

static struct timeout *timeout_of(void *context, uint32_t index)
{
    struct rig *rig = context;
    return &rig->timeouts[index];
}

static int setup(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    timeout_wheel_init(&rig->wheel, 5000 * MS, rig, timeout_of);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

/* Nobody is visited long before the deadline, everybody within two ticks after. */
static void test_visits(void **state)
{
    struct rig *rig = *state;
    uint32_t seed = 7, index, left = OBJECTS;
    for (uint32_t i = 0; i < OBJECTS; i++) {
        seed = seed * 1664525 + 1013904223;
        rig->deadlines[i] = 5000 * MS + seed % 60000 * MS;
        timeout_wheel_put(&rig->wheel, i, rig->deadlines[i]);
    }
    for (uint64_t now = 5000 * MS; left > 0; now += 10 * MS) {
        while (timeout_wheel_next(&rig->wheel, now, &index)) {
            assert_true(rig->deadlines[index] != 0 && rig->deadlines[index] <= now);
            assert_true(now - rig->deadlines[index] <= 2 * TICK + 10 * MS);
            rig->deadlines[index] = 0;
            left--;
        }
        assert_true(now < 70000 * MS);
    }
    assert_int_equal(rig->wheel.count, 0);
}

/* A deadline that moves away is met at the visit; one that comes nearer is kept. */
static void test_moves(void **state)
{
    struct rig *rig = *state;
    uint32_t index;
    timeout_wheel_put(&rig->wheel, 0, 15000 * MS);
    timeout_wheel_put(&rig->wheel, 0, 20000 * MS); /* later: visited at the first all the same */
    assert_false(timeout_wheel_next(&rig->wheel, 14900 * MS, &index));
    assert_true(timeout_wheel_next(&rig->wheel, 15200 * MS, &index));
    timeout_wheel_put(&rig->wheel, 0, 20000 * MS);
    timeout_wheel_put(&rig->wheel, 0, 16000 * MS);
    assert_int_equal(rig->wheel.count, 1);
    assert_true(timeout_wheel_next(&rig->wheel, 16200 * MS, &index));
    assert_false(timeout_wheel_next(&rig->wheel, 30000 * MS, &index));
}

/* Beyond the horizon an object is visited on the way, never too late. */
static void test_horizon(void **state)
{
    struct rig *rig = *state;
    uint32_t index, visits = 0;
    uint64_t deadline = 5000 * MS + 3600 * 1000 * MS, now;
    timeout_wheel_put(&rig->wheel, 3, deadline);
    for (now = 5000 * MS; now < deadline; now += 100 * MS)
        if (timeout_wheel_next(&rig->wheel, now, &index)) {
            timeout_wheel_put(&rig->wheel, 3, deadline);
            visits++;
        }
    assert_in_range(visits, 52, 56);
    assert_true(timeout_wheel_next(&rig->wheel, deadline + 2 * TICK, &index));
}

/* A sleeper wakes in time and not without need. */
static void test_wait(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(timeout_wheel_wait(&rig->wheel, 5000 * MS, 250 * MS), 250 * MS);
    timeout_wheel_put(&rig->wheel, 1, 5100 * MS);
    uint64_t wait = timeout_wheel_wait(&rig->wheel, 5000 * MS, 250 * MS);
    assert_in_range(wait, 1, 250 * MS - 1);
    assert_int_equal(timeout_wheel_wait(&rig->wheel, 5000 * MS, MS), MS);
    uint32_t index;
    assert_true(timeout_wheel_next(&rig->wheel, 5000 * MS + wait, &index));
}

/* Taken out, an object is never visited; its neighbours are. */
static void test_remove(void **state)
{
    struct rig *rig = *state;
    uint32_t index, seen = 0;
    for (uint32_t i = 0; i < 5; i++)
        timeout_wheel_put(&rig->wheel, i, 6000 * MS);
    timeout_wheel_remove(&rig->wheel, 4); /* first in its slot */
    timeout_wheel_remove(&rig->wheel, 2);
    timeout_wheel_remove(&rig->wheel, 2);
    timeout_wheel_remove(&rig->wheel, 0); /* last */
    while (timeout_wheel_next(&rig->wheel, 7000 * MS, &index))
        seen |= 1U << index;
    assert_int_equal(seen, 1 << 1 | 1 << 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_visits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_moves, setup, teardown),
        cmocka_unit_test_setup_teardown(test_horizon, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(test_remove, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
