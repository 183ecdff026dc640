#include "key_digest.h"

#include <openssl/sha.h>
#include <string.h>

void key_digest(const char *key, size_t length, uint8_t digest[KEY_DIGEST_BYTES])
{
    static const uint8_t none[KEY_DIGEST_BYTES];
    uint8_t whole[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)key, length, whole);
    memcpy(digest, whole, KEY_DIGEST_BYTES);
    if (memcmp(digest, none, KEY_DIGEST_BYTES) == 0)
        digest[0] = 1;
}
