#include "replay_amount.h"

#include <assert.h>
#include <string.h>

#include "../engine/currency.h"

__extension__ typedef unsigned __int128 minor_magnitude;

enum { AMOUNT_DIGITS_MAX = 48, NUMERIC_GROUPS_MAX = 16, NUMERIC_BASE = 10000 };
enum { NUMERIC_POSITIVE = 0x0000, NUMERIC_NEGATIVE = 0x4000 };

unsigned replay_currency_decimals(const char *currency)
{
    int index = currency_index(currency, strlen(currency));
    /* A log that passed its checks names no other; two decimals suit most. */
    return index < 0 ? 2 : currency_at(index)->decimals;
}

static minor_magnitude magnitude(replay_minor minor)
{
    return minor < 0 ? -(minor_magnitude)minor : (minor_magnitude)minor;
}

void replay_amount_text(struct replay_buffer *out, replay_minor minor, unsigned decimals)
{
    char digits[AMOUNT_DIGITS_MAX];
    size_t at = sizeof digits;
    minor_magnitude rest = magnitude(minor);
    for (unsigned place = 0; place <= decimals || rest > 0; place++) {
        if (place == decimals && decimals > 0)
            digits[--at] = '.';
        digits[--at] = (char)('0' + (int)(rest % 10));
        rest /= 10;
    }
    if (minor < 0)
        digits[--at] = '-';
    replay_buffer_append(out, digits + at, sizeof digits - at);
}

static void put_be16(struct replay_buffer *out, uint16_t value)
{
    const uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    replay_buffer_append(out, bytes, sizeof bytes);
}

void replay_amount_numeric(struct replay_buffer *out, replay_minor minor, unsigned decimals)
{
    assert(decimals <= 4);
    /* Groups of four digits are aligned at the decimal point, so a fraction is
     * first filled up to four places. */
    minor_magnitude rest = magnitude(minor);
    const int fraction_groups = decimals > 0 ? 1 : 0;
    for (unsigned place = decimals; place > 0 && place < 4; place++)
        rest *= 10;

    uint16_t groups[NUMERIC_GROUPS_MAX]; /* least significant first */
    int count = 0;
    for (; rest > 0; rest /= NUMERIC_BASE)
        groups[count++] = (uint16_t)(rest % NUMERIC_BASE);
    int zeros = 0; /* trailing groups of zero are not stored */
    while (zeros < count && groups[zeros] == 0)
        zeros++;

    put_be16(out, (uint16_t)(count - zeros));
    put_be16(out, count > 0 ? (uint16_t)(count - 1 - fraction_groups) : 0);
    put_be16(out, minor < 0 ? NUMERIC_NEGATIVE : NUMERIC_POSITIVE);
    put_be16(out, (uint16_t)decimals);
    for (int i = count - 1; i >= zeros; i--)
        put_be16(out, groups[i]);
}
