/* 128-bit identifiers (RFC 9562), kept in network byte order. Pure; any thread. */
#ifndef ENGINE_UUID_H
#define ENGINE_UUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { UUID_TEXT_LENGTH = 36 };

struct uuid {
    uint8_t bytes[16];
};

static inline bool uuid_equal(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static inline bool uuid_is_nil(const struct uuid *uuid)
{
    static const struct uuid nil;
    return uuid_equal(uuid, &nil);
}

/* Exactly 36 characters, hexadecimal of either case, dashes in their places. */
bool uuid_parse(struct uuid *uuid, const char *text, size_t length);

/* Writes 36 lower-case characters and no terminator; returns the end. */
char *uuid_format(const struct uuid *uuid, char *out);

/* A version 7 UUID: 48 bits of Unix milliseconds, the 12 `rand_a` bits set to
 * `partition`, and 62 bits of `random`, so that a booking's id routes itself. */
struct uuid uuid_v7(uint64_t unix_ms, uint16_t partition, uint64_t random);

/* The milliseconds and the partition a version 7 UUID was made with. */
uint64_t uuid_v7_ms(const struct uuid *uuid);
uint16_t uuid_v7_partition(const struct uuid *uuid);

#endif
