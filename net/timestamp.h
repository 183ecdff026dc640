/* Times of the API: RFC 3339 text to and from Unix milliseconds. */
#ifndef NET_TIMESTAMP_H
#define NET_TIMESTAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TIMESTAMP_TEXT_LENGTH = 24 };

/* "2026-02-28T19:30:00.000Z": exactly 24 bytes, no terminator; returns the end.
 * Years 1970 to 9999. Calendar algorithm: Hinnant, "chrono-compatible
 * low-level date algorithms" (2013). */
char *timestamp_format(char *out, uint64_t unix_ms);

/* A date of the Gregorian calendar, 'T', hours, minutes, seconds, any number of
 * decimals (those beyond milliseconds must be zero) and Z or +hh:mm or -hh:mm.
 * False: anything else, a day that does not exist, a leap second, or a time
 * before 1970 or after 9999. */
bool timestamp_parse(const char *text, size_t length, uint64_t *unix_ms);

#endif
