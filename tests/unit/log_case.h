/* A data directory for each test, gone when the test is. */
#ifndef TESTS_UNIT_LOG_CASE_H
#define TESTS_UNIT_LOG_CASE_H

#include "log_fixture.h"

static struct fixture f;

static inline int setup(void **state)
{
    (void)state;
    fixture_init(&f);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    fixture_release(&f);
    return 0;
}

/* The writer is gone; a start finds quantities 1..last. */
static inline void recover_to(uint32_t last)
{
    fixture_stop(&f);
    assert_int_equal(fixture_recover(&f, false), 0);
    fixture_assert_visited(&f, 1, last);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
