/* What an allotment's key is to the engine: the key itself stays at the connection
 * and is never logged. Pure; any thread. */
#ifndef NET_KEY_DIGEST_H
#define NET_KEY_DIGEST_H

#include <stddef.h>
#include <stdint.h>

enum { KEY_DIGEST_BYTES = 16 };

/* The first bytes of the key's SHA-256 (FIPS 180-4); never all zeros, which stand
 * for "no key". */
void key_digest(const char *key, size_t length, uint8_t digest[KEY_DIGEST_BYTES]);

#endif
