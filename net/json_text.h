/* Writing JSON straight into a response's body: each function appends at `at`
 * and returns the new end. Room is the caller's to have asked for beforehand. */
#ifndef NET_JSON_TEXT_H
#define NET_JSON_TEXT_H

#include <stdint.h>
#include <string.h>

#include "../engine/catalog.h"
#include "money.h"
#include "timestamp.h"

enum { JSON_TEXT_UUID_BYTES = 38, JSON_TEXT_TIME_BYTES = 26, JSON_TEXT_NUMBER_BYTES = 20 };

/* Appends a literal; its length is known when compiling. */
#define JSON_PUT(at, literal)                                                                      \
    ((char *)memcpy((at), (literal), sizeof(literal) - 1) + sizeof(literal) - 1)

static inline char *json_put_bytes(char *at, const char *bytes, size_t length)
{
    memcpy(at, bytes, length);
    return at + length;
}

static inline char *json_put_count(char *at, uint64_t value)
{
    char digits[JSON_TEXT_NUMBER_BYTES];
    size_t first = sizeof digits;
    do {
        digits[--first] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return json_put_bytes(at, digits + first, sizeof digits - first);
}

/* Two digits a byte, from a table. */
char *json_put_uuid(char *at, const struct uuid *uuid);

/* null where the nil id stands for "none". */
static inline char *json_put_uuid_or_null(char *at, const struct uuid *uuid)
{
    return uuid_is_nil(uuid) ? JSON_PUT(at, "null") : json_put_uuid(at, uuid);
}

static inline char *json_put_flag(char *at, bool flag)
{
    return flag ? JSON_PUT(at, "true") : JSON_PUT(at, "false");
}

/* Quoted as it is: a name of ours, with nothing to escape. */
static inline char *json_put_name(char *at, const char *name)
{
    *at++ = '"';
    at = stpcpy(at, name);
    *at++ = '"';
    return at;
}

static inline char *json_put_time(char *at, uint64_t unix_ms)
{
    *at++ = '"';
    at = timestamp_format(at, unix_ms);
    *at++ = '"';
    return at;
}

/* null where 0 stands for "none". */
static inline char *json_put_time_or_null(char *at, uint64_t unix_ms)
{
    return unix_ms == 0 ? JSON_PUT(at, "null") : json_put_time(at, unix_ms);
}

/* Quoted and escaped; UTF-8 goes through as it is. */
char *json_put_text(char *at, struct text text);
/* null where an absent text stands for "none". */
char *json_put_text_or_null(char *at, struct text text);

/* How many bytes json_put_text will write. */
size_t json_text_bytes(struct text text);

#endif
