/* Amounts of money: decimal text in major units to and from integer minor units,
 * by the currency's own number of decimals. Never through a binary float. */
#ifndef NET_MONEY_H
#define NET_MONEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MONEY_TEXT_BYTES_MAX = 24 };

enum money_result {
    MONEY_OK,
    MONEY_MALFORMED, /* not digits with at most one point; negative; an exponent */
    MONEY_PRECISION, /* more decimals than the currency has */
    MONEY_OVERFLOW   /* beyond 64 bits of minor units */
};

/* "1500", "1500.0" and "1500.00" are the same for a currency of 2 decimals. */
enum money_result money_parse(const char *text, size_t length, unsigned decimals, int64_t *minor);

/* Writes e.g. 150000 as "1500.00", always with all decimals, without a
 * terminator; at most MONEY_TEXT_BYTES_MAX bytes. Returns the end. */
char *money_format(char *out, int64_t minor, unsigned decimals);

/* price x quantity, exactly. False: the product does not fit. */
bool money_multiply(int64_t minor, uint32_t quantity, int64_t *product);

#endif
