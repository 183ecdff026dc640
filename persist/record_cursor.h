/* Bytes to values: a cursor that pulls what the schema asks for. It believes no
 * length it has not compared with what is left, never recurses and allocates
 * nothing. The first error sticks and empties the cursor, so that a record's
 * decoder reads straight down and asks once, at its end. Private to the decoder. */
#ifndef PERSIST_RECORD_CURSOR_H
#define PERSIST_RECORD_CURSOR_H

#include <assert.h>
#include <string.h>

#include "record_codec.h"
#include "record_schema.h"

struct cursor {
    const uint8_t *at, *end;
    int32_t error;
};

static inline void cursor_fail(struct cursor *cursor, int32_t error)
{
    if (cursor->error == 0)
        cursor->error = error;
    cursor->at = cursor->end;
}

static inline uint8_t take_byte(struct cursor *cursor)
{
    if (cursor->at == cursor->end) {
        cursor_fail(cursor, RECORD_DECODE_TRUNCATED);
        return 0;
    }
    return *cursor->at++;
}

static inline uint64_t take_big_endian(struct cursor *cursor, size_t bytes)
{
    if ((size_t)(cursor->end - cursor->at) < bytes) {
        cursor_fail(cursor, RECORD_DECODE_TRUNCATED);
        return 0;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | cursor->at[i];
    cursor->at += bytes;
    return value;
}

/* An integer of any width and sign: `*negative` tells how to read the result. */
static inline uint64_t take_integer(struct cursor *cursor, bool *negative)
{
    uint8_t tag = take_byte(cursor);
    *negative = false;
    if (tag < 0x80)
        return tag;
    uint64_t value;
    switch (tag) {
    case 0xcc:
        return take_big_endian(cursor, 1);
    case 0xcd:
        return take_big_endian(cursor, 2);
    case 0xce:
        return take_big_endian(cursor, 4);
    case 0xcf:
        return take_big_endian(cursor, 8);
    case 0xd0:
        value = (uint64_t)(int8_t)take_big_endian(cursor, 1);
        break;
    case 0xd1:
        value = (uint64_t)(int16_t)take_big_endian(cursor, 2);
        break;
    case 0xd2:
        value = (uint64_t)(int32_t)take_big_endian(cursor, 4);
        break;
    case 0xd3:
        value = take_big_endian(cursor, 8);
        break;
    default:
        if (tag < 0xe0) {
            cursor_fail(cursor, RECORD_DECODE_TYPE);
            return 0;
        }
        value = (uint64_t)(int8_t)tag;
    }
    *negative = (int64_t)value < 0;
    return value;
}

static inline uint64_t take_uint(struct cursor *cursor, uint64_t max)
{
    bool negative;
    uint64_t value = take_integer(cursor, &negative);
    if (negative || value > max) {
        cursor_fail(cursor, RECORD_DECODE_RANGE);
        return 0;
    }
    return value;
}

static inline uint32_t take_uint32(struct cursor *cursor)
{
    return (uint32_t)take_uint(cursor, UINT32_MAX);
}

static inline int64_t take_int64(struct cursor *cursor)
{
    bool negative;
    uint64_t value = take_integer(cursor, &negative);
    if (!negative && value > INT64_MAX) {
        cursor_fail(cursor, RECORD_DECODE_RANGE);
        return 0;
    }
    return (int64_t)value;
}

static inline uint32_t take_array(struct cursor *cursor)
{
    uint8_t tag = take_byte(cursor);
    if ((tag & 0xf0) == 0x90)
        return tag & 0x0f;
    if (tag == 0xdc)
        return (uint32_t)take_big_endian(cursor, 2);
    if (tag == 0xdd)
        return (uint32_t)take_big_endian(cursor, 4);
    cursor_fail(cursor, RECORD_DECODE_TYPE);
    return 0;
}

static inline void expect_array(struct cursor *cursor, uint32_t count)
{
    if (take_array(cursor) != count)
        cursor_fail(cursor, RECORD_DECODE_RANGE);
}

/* The 16 bytes behind a bin header whose tag has been taken. */
static inline void take_uuid_body(struct cursor *cursor, uint8_t tag, struct uuid *uuid)
{
    if (tag != 0xc4) {
        cursor_fail(cursor, RECORD_DECODE_TYPE);
        return;
    }
    if (take_byte(cursor) != sizeof uuid->bytes) {
        cursor_fail(cursor, RECORD_DECODE_RANGE);
        return;
    }
    if ((size_t)(cursor->end - cursor->at) < sizeof uuid->bytes) {
        cursor_fail(cursor, RECORD_DECODE_TRUNCATED);
        return;
    }
    memcpy(uuid->bytes, cursor->at, sizeof uuid->bytes);
    cursor->at += sizeof uuid->bytes;
}

static inline void take_uuid(struct cursor *cursor, struct uuid *uuid)
{
    take_uuid_body(cursor, take_byte(cursor), uuid);
}

static inline void take_uuid_or_nil(struct cursor *cursor, struct uuid *uuid)
{
    uint8_t tag = take_byte(cursor);
    if (tag == 0xc0)
        memset(uuid, 0, sizeof *uuid);
    else
        take_uuid_body(cursor, tag, uuid);
}

static inline struct text take_text(struct cursor *cursor, uint32_t length_max)
{
    uint8_t tag = take_byte(cursor);
    uint64_t length = 0;
    if ((tag & 0xe0) == 0xa0)
        length = tag & 0x1f;
    else if (tag == 0xd9)
        length = take_big_endian(cursor, 1);
    else if (tag == 0xda)
        length = take_big_endian(cursor, 2);
    else if (tag == 0xdb)
        length = take_big_endian(cursor, 4);
    else
        cursor_fail(cursor, RECORD_DECODE_TYPE);
    if (length > length_max)
        cursor_fail(cursor, RECORD_DECODE_RANGE);
    else if (length > (size_t)(cursor->end - cursor->at))
        cursor_fail(cursor, RECORD_DECODE_TRUNCATED);
    if (cursor->error != 0)
        return (struct text){"", 0};
    struct text text = {(const char *)cursor->at, (uint32_t)length};
    cursor->at += length;
    return text;
}

static inline bool take_bool(struct cursor *cursor)
{
    uint8_t tag = take_byte(cursor);
    if (tag != 0xc2 && tag != 0xc3)
        cursor_fail(cursor, RECORD_DECODE_TYPE);
    return tag == 0xc3;
}

/* A bin of at most length_max bytes, or nil: NULL and 0. */
static inline const uint8_t *take_bytes_or_nil(struct cursor *cursor, uint32_t length_max,
                                               uint32_t *length)
{
    uint8_t tag = take_byte(cursor);
    *length = 0;
    if (tag == 0xc0 || cursor->error != 0)
        return NULL;
    if (tag < 0xc4 || tag > 0xc6) {
        cursor_fail(cursor, RECORD_DECODE_TYPE);
        return NULL;
    }
    uint64_t bytes = take_big_endian(cursor, (size_t)1 << (tag - 0xc4));
    if (bytes > length_max)
        cursor_fail(cursor, RECORD_DECODE_RANGE);
    else if (bytes > (size_t)(cursor->end - cursor->at))
        cursor_fail(cursor, RECORD_DECODE_TRUNCATED);
    if (cursor->error != 0)
        return NULL;
    const uint8_t *at = cursor->at;
    assert(at);
    cursor->at += bytes;
    *length = (uint32_t)bytes;
    return at;
}

/* The length of a list, at most `max`; 0 also after an error. */
static inline uint32_t take_list(struct cursor *cursor, uint32_t max)
{
    uint32_t count = take_array(cursor);
    if (count > max)
        cursor_fail(cursor, RECORD_DECODE_RANGE);
    return cursor->error == 0 ? count : 0;
}

/* Ascending seats, each as the number of seats between it and the one before. */
static inline uint32_t take_seats(struct cursor *cursor, uint32_t *seats, uint32_t max)
{
    uint32_t count = take_list(cursor, max);
    uint32_t next = 0;
    for (uint32_t i = 0; i < count; i++) {
        next += (uint32_t)take_uint(cursor, SEAT_PLAN_SEATS_MAX - 1);
        if (next >= SEAT_PLAN_SEATS_MAX)
            cursor_fail(cursor, RECORD_DECODE_RANGE);
        seats[i] = next++;
        if (cursor->error != 0)
            return 0;
    }
    return count;
}

/* The body of a catalog record, of the long form if `grown` (record_decode_catalog.c). */
void record_take_catalog(struct cursor *cursor, struct record *record,
                         struct record_scratch *scratch, bool grown);

#endif
