/* Names that logs, metrics and answers show: every value of an enum has one of its own, and
 * what is none is not read beyond the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../engine/command.h"
#include "../../engine/result.h"
#include "../../engine/seat_plan.h"

enum { NAMES_MAX = 64 };

static const char *names[NAMES_MAX];
static int count;

static void take(const char *name)
{
    assert_non_null(name);
    assert_true(strlen(name) > 1);
    for (int i = 0; i < count; i++)
        assert_string_not_equal(name, names[i]);
    assert_true(count < NAMES_MAX);
    names[count++] = name;
}

static void test_commands(void **state)
{
    (void)state;
    count = 0;
    for (int kind = 0; kind < COMMAND_KIND_COUNT; kind++)
        take(command_kind_name((enum command_kind)kind));
    assert_string_equal(command_kind_name(COMMAND_KIND_COUNT), "unknown");
}

static void test_results(void **state)
{
    (void)state;
    count = 0;
    for (int result = 0; result < RESULT_COUNT; result++)
        take(result_name((enum result)result));
    assert_string_equal(result_name(RESULT_COUNT), "unknown");
}

static void test_seat_plan_errors(void **state)
{
    (void)state;
    count = 0;
    for (int error = SEAT_PLAN_OK; error <= SEAT_PLAN_DAMAGED; error++)
        take(seat_plan_error_name((enum seat_plan_error)error));
    assert_string_equal(seat_plan_error_name((enum seat_plan_error)(SEAT_PLAN_DAMAGED + 1)),
                        "UNKNOWN");
}

static void test_booking_statuses(void **state)
{
    (void)state;
    count = 0;
    for (int status = BOOKING_RESERVED; status <= BOOKING_REFUNDED; status++)
        take(booking_status_name((enum booking_status)status));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_seat_plan_errors),
        cmocka_unit_test(test_booking_statuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
