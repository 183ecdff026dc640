/* The file of signing keys: `kid:secret` a line, '#' starts a comment, the last
 * key signs new tokens, every key checks. The HMAC key is the secret's own text:
 * 32 to 255 printable characters. The engine and `boxctl token` share it. */
#ifndef ENGINE_JWT_KEYS_H
#define ENGINE_JWT_KEYS_H

#include <stdbool.h>
#include <stddef.h>

struct config;

/* Fills config->auth from config->auth.jwt_keys_file (resolved by config_check).
 * False with one line in `error`, which never shows a secret: unreadable, open
 * to others than its owner, malformed, a key that is short or easily guessed. */
bool jwt_keys_load(struct config *config, char *error, size_t error_bytes);

/* Makes the file with one random key of 256 bits, mode 0600, durably. An
 * existing file is left alone and is a success. */
bool jwt_keys_create(const struct config *config, char *error, size_t error_bytes);

#endif
