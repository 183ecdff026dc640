/* Base64 with the URL alphabet and no padding (RFC 4648, section 5), canonical
 * only: one text for each byte string. */
#ifndef NET_BASE64URL_H
#define NET_BASE64URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BASE64URL_LENGTH(bytes) (((bytes)*4 + 2) / 3)

/* False: a character outside the alphabet ('=' and blanks included), a length
 * that no byte string has, unused bits that are not zero, or no room. */
bool base64url_decode(const char *text, size_t length, uint8_t *out, size_t out_bytes,
                      size_t *decoded);

/* Writes BASE64URL_LENGTH(length) characters, no terminator; returns the end. */
char *base64url_encode(const uint8_t *bytes, size_t length, char *out);

#endif
