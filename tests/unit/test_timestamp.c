#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "../../net/timestamp.h"

static void expect(const char *text, bool valid, uint64_t wanted_ms)
{
    uint64_t ms = 0;
    if (timestamp_parse(text, strlen(text), &ms) != valid || ms != wanted_ms)
        fail_msg("%s: %llu", text, (unsigned long long)ms);
}

/* Offsets and fractions are understood; the value is UTC milliseconds. */
static void test_parse(void **state)
{
    (void)state;
    expect("1970-01-01T00:00:00Z", true, 0);
    expect("2026-02-28T19:30:00.000Z", true, 1772307000000);
    expect("2026-02-28T19:30:00.5Z", true, 1772307000500);
    expect("2026-02-28T19:30:00.123000Z", true, 1772307000123);
    expect("2026-03-01T01:00:00+05:30", true, 1772307000000);
    expect("2026-02-28T11:30:00-08:00", true, 1772307000000);
    expect("2024-02-29T00:00:00Z", true, 1709164800000);
    expect("2000-02-29T00:00:00Z", true, 951782400000);
    expect("9999-12-31T23:59:59.999Z", true, 253402300799999);
}

/* J22: dates that do not exist, leap seconds, zone tricks, other spellings. */
static void test_refusals_J22(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "2026-02-30T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2016-12-31T23:59:60Z",
        "9999999999999",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2026-01-01 00:00:00Z",
        "2026-01-01t00:00:00z",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00+00:60",
        "2026-01-01T00:00:00+0000",
        "2026-01-01T00:00:00+5",
        "2026-01-01T00:00:00Z ",
        " 2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00.0001Z",
        "2026-1-1T0:0:0Z",
        "+2026-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "10000-01-01T00:00:00Z",
        "2026-01-01T00:00:00[Europe/Paris]",
        "",
        "Z",
        "tomorrow",
        "2026-01-01T00:00:00,5Z",
        "2026-01-01T00:00Z",
        "2026-W01-1T00:00:00Z",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        expect(bad[i], false, 0);
}

/* Written times agree with the C library over eight thousand years, and read back. */
static void test_format(void **state)
{
    (void)state;
    for (uint64_t day = 0; day < 2932897; day++) {
        uint64_t ms = day * 86400000 + day * 7919 % 86400000;
        char text[TIMESTAMP_TEXT_LENGTH + 1];
        *timestamp_format(text, ms) = '\0';
        uint64_t back = 0;
        assert_true(timestamp_parse(text, TIMESTAMP_TEXT_LENGTH, &back) && back == ms);
        if (day % 97 != 0)
            continue;
        time_t seconds = (time_t)(ms / 1000);
        struct tm tm;
        char wanted[64];
        gmtime_r(&seconds, &tm);
        size_t length = strftime(wanted, sizeof wanted, "%Y-%m-%dT%H:%M:%S", &tm);
        snprintf(wanted + length, sizeof wanted - length, ".%03uZ", (unsigned)(ms % 1000));
        assert_string_equal(text, wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_refusals_J22),
        cmocka_unit_test(test_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
