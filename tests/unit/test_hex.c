/* Hexadecimal digits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../../engine/hex.h"

/* Of all bytes the 22 digits have the value that strtoul would give, the others none. */
static void test_every_byte(void **state)
{
    (void)state;
    for (int byte = -128; byte <= 127; byte++) {
        const char *digits = "0123456789abcdefABCDEF";
        const char *at = memchr(digits, byte & 255, strlen(digits));
        int position = at != NULL ? (int)(at - digits) : -1;
        assert_int_equal(hex_digit_value((char)byte), position < 16 ? position : position - 6);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_byte)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
