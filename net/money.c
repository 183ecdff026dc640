#include "money.h"

#include <assert.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Shifts a decimal digit in. False: overflow. */
static bool append_digit(int64_t *minor, int digit)
{
    return !__builtin_mul_overflow(*minor, 10, minor) &&
           !__builtin_add_overflow(*minor, digit, minor);
}

enum money_result money_parse(const char *text, size_t length, unsigned decimals, int64_t *minor)
{
    const char *end = text + length;
    const char *point = memchr(text, '.', length);
    const char *whole_end = point == NULL ? end : point;
    const char *fraction = point == NULL ? end : point + 1;
    if (whole_end == text || (point != NULL && fraction == end))
        return MONEY_MALFORMED;
    for (const char *at = text; at < end; at++)
        if (at != point && !is_digit(*at))
            return MONEY_MALFORMED;
    if ((size_t)(end - fraction) > decimals)
        return MONEY_PRECISION;
    int64_t value = 0;
    for (const char *at = text; at < whole_end; at++)
        if (!append_digit(&value, *at - '0'))
            return MONEY_OVERFLOW;
    for (unsigned i = 0; i < decimals; i++)
        if (!append_digit(&value, fraction + i < end ? fraction[i] - '0' : 0))
            return MONEY_OVERFLOW;
    *minor = value;
    return MONEY_OK;
}

char *money_format(char *out, int64_t minor, unsigned decimals)
{
    assert(decimals < 4);
    char reversed[MONEY_TEXT_BYTES_MAX];
    size_t length = 0;
    uint64_t magnitude = minor < 0 ? 0 - (uint64_t)minor : (uint64_t)minor;
    for (unsigned digits = 0; magnitude > 0 || digits <= decimals; digits++) {
        if (digits == decimals && decimals > 0)
            reversed[length++] = '.';
        reversed[length++] = (char)('0' + magnitude % 10);
        magnitude /= 10;
    }
    if (minor < 0)
        *out++ = '-';
    while (length > 0)
        *out++ = reversed[--length];
    return out;
}

bool money_multiply(int64_t minor, uint32_t quantity, int64_t *product)
{
    /* Computed as if in infinite precision, then asked whether it fits. */
    return !__builtin_mul_overflow(minor, quantity, product);
}
