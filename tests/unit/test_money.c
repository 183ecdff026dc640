#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../engine/currency.h"
#include "../../net/money.h"

static unsigned decimals_of(const char *code)
{
    int index = currency_index(code, strlen(code));
    assert_true(index >= 0);
    assert_string_equal(currency_at(index)->code, code);
    return currency_at(index)->decimals;
}

/* N07: each currency has its own decimals; what is no active currency is refused. */
static void test_currencies_N07(void **state)
{
    (void)state;
    assert_int_equal(decimals_of("EUR"), 2);
    assert_int_equal(decimals_of("AED"), 2);
    assert_int_equal(decimals_of("ZWG"), 2);
    assert_int_equal(decimals_of("JPY"), 0);
    assert_int_equal(decimals_of("KRW"), 0);
    assert_int_equal(decimals_of("KWD"), 3);
    assert_int_equal(decimals_of("TND"), 3);
    static const char *const unknown[] = {"eur",  "XXX", "XTS", "XAU", "EU",
                                          "EURO", "",    "AAA", "ZZZ"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
        assert_int_equal(currency_index(unknown[i], strlen(unknown[i])), -1);
}

struct parse_case {
    const char *text;
    unsigned decimals;
    enum money_result result;
    int64_t minor;
};

/* Decimal text becomes exact minor units, or a named refusal. */
static void test_parse(void **state)
{
    (void)state;
    static const struct parse_case cases[] = {
        {"1500.00", 2, MONEY_OK, 150000},
        {"1500.0", 2, MONEY_OK, 150000},
        {"1500", 2, MONEY_OK, 150000},
        {"1500.001", 2, MONEY_PRECISION, 0},
        {"1500.000", 2, MONEY_PRECISION, 0},
        {"0.1", 2, MONEY_OK, 10},
        {"0.29", 2, MONEY_OK, 29},
        {"1.005", 3, MONEY_OK, 1005},
        {"1.5", 3, MONEY_OK, 1500},
        {"100", 0, MONEY_OK, 100},
        {"100.0", 0, MONEY_PRECISION, 0},
        {"0", 2, MONEY_OK, 0},
        {"-1", 2, MONEY_MALFORMED, 0},
        {"-0", 2, MONEY_MALFORMED, 0},
        {"1e3", 2, MONEY_MALFORMED, 0},
        {"1.", 2, MONEY_MALFORMED, 0},
        {".5", 2, MONEY_MALFORMED, 0},
        {"", 2, MONEY_MALFORMED, 0},
        {".", 2, MONEY_MALFORMED, 0},
        {"1.2.3", 2, MONEY_MALFORMED, 0},
        {"92233720368547758.07", 2, MONEY_OK, INT64_MAX},
        {"92233720368547758.08", 2, MONEY_OVERFLOW, 0},
        {"92233720368547759", 2, MONEY_OVERFLOW, 0},
        {"9223372036854775807", 0, MONEY_OK, INT64_MAX},
        {"9223372036854775808", 0, MONEY_OVERFLOW, 0},
        {"99999999999999999999999999", 2, MONEY_OVERFLOW, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t minor = 0;
        enum money_result result =
            money_parse(cases[i].text, strlen(cases[i].text), cases[i].decimals, &minor);
        if (result != cases[i].result || minor != cases[i].minor)
            fail_msg("%s: result %d, %lld", cases[i].text, (int)result, (long long)minor);
    }
}

static void expect_text(int64_t minor, unsigned decimals, const char *wanted)
{
    char text[MONEY_TEXT_BYTES_MAX + 1];
    *money_format(text, minor, decimals) = '\0';
    assert_string_equal(text, wanted);
}

/* Minor units become text with all the currency's decimals. */
static void test_format(void **state)
{
    (void)state;
    expect_text(150000, 2, "1500.00");
    expect_text(0, 2, "0.00");
    expect_text(0, 0, "0");
    expect_text(5, 2, "0.05");
    expect_text(5, 3, "0.005");
    expect_text(1005, 3, "1.005");
    expect_text(1200, 0, "1200");
    expect_text(INT64_MAX, 2, "92233720368547758.07");
    expect_text(INT64_MIN, 3, "-9223372036854775.808");
    expect_text(-5, 2, "-0.05");
}

/* What is written is read back, for many amounts and all decimals. */
static void test_round_trip(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 200000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        int64_t minor = (int64_t)(seed >> 1 >> (i % 60));
        unsigned decimals = (unsigned)i % 3 == 1 ? 3 : (unsigned)i % 3;
        char text[MONEY_TEXT_BYTES_MAX];
        char *end = money_format(text, minor, decimals);
        int64_t back = -1;
        assert_true(end - text <= MONEY_TEXT_BYTES_MAX);
        assert_int_equal(money_parse(text, (size_t)(end - text), decimals, &back), MONEY_OK);
        assert_true(back == minor);
    }
}

/* N03: price x quantity near 2^63 is exact or refused, never wrapped. */
static void test_multiply_N03(void **state)
{
    (void)state;
    int64_t product = 0;
    assert_true(money_multiply(150000, 4, &product));
    assert_int_equal(product, 600000);
    assert_true(money_multiply(INT64_MAX, 1, &product));
    assert_true(product == INT64_MAX);
    assert_true(money_multiply(INT64_MAX / 10000000, 10000000, &product));
    assert_false(money_multiply(INT64_MAX / 2 + 1, 2, &product));
    assert_false(money_multiply(INT64_MAX, UINT32_MAX, &product));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_currencies_N07), cmocka_unit_test(test_parse),
        cmocka_unit_test(test_format),         cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_multiply_N03),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
