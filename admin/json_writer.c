#include "json_writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../net/timestamp.h"

void json_writer_init(struct json_writer *writer, char *bytes, size_t capacity)
{
    *writer = (struct json_writer){.bytes = bytes, .capacity = capacity};
}

static void append(struct json_writer *writer, const char *bytes, size_t length)
{
    if (writer->overflow || length > writer->capacity - writer->length) {
        writer->overflow = true;
        return;
    }
    memcpy(writer->bytes + writer->length, bytes, length);
    writer->length += length;
}

static void append_text(struct json_writer *writer, const char *text)
{
    append(writer, text, strlen(text));
}

/* What stands before any value: the comma and the name. */
static void begin_value(struct json_writer *writer, const char *name)
{
    if (writer->comma) {
        append(writer, ",", 1);
    }
    if (name != NULL) {
        append(writer, "\"", 1);
        append_text(writer, name);
        append(writer, "\":", 2);
    }
    writer->comma = true;
}

void json_writer_object(struct json_writer *writer, const char *name)
{
    begin_value(writer, name);
    append(writer, "{", 1);
    writer->comma = false;
}

void json_writer_object_end(struct json_writer *writer)
{
    append(writer, "}", 1);
    writer->comma = true;
}

void json_writer_array(struct json_writer *writer, const char *name)
{
    begin_value(writer, name);
    append(writer, "[", 1);
    writer->comma = false;
}

void json_writer_array_end(struct json_writer *writer)
{
    append(writer, "]", 1);
    writer->comma = true;
}

void json_writer_count(struct json_writer *writer, const char *name, uint64_t value)
{
    char text[24];
    begin_value(writer, name);
    snprintf(text, sizeof text, "%" PRIu64, value);
    append_text(writer, text);
}

void json_writer_integer(struct json_writer *writer, const char *name, int64_t value)
{
    char text[24];
    begin_value(writer, name);
    snprintf(text, sizeof text, "%" PRId64, value);
    append_text(writer, text);
}

void json_writer_bool(struct json_writer *writer, const char *name, bool value)
{
    begin_value(writer, name);
    append_text(writer, value ? "true" : "false");
}

void json_writer_null(struct json_writer *writer, const char *name)
{
    begin_value(writer, name);
    append_text(writer, "null");
}

void json_writer_text(struct json_writer *writer, const char *name, const char *value)
{
    json_writer_bytes(writer, name, value, strlen(value));
}

/* The bytes of the UTF-8 character that starts here (RFC 3629: shortest form,
 * no surrogates, at most U+10FFFF). 0: none does. */
static size_t utf8_length(const unsigned char *at, size_t left)
{
    static const struct {
        unsigned char mask, lead, length;
        uint32_t least;
    } forms[] = {{0xe0, 0xc0, 2, 0x80}, {0xf0, 0xe0, 3, 0x800}, {0xf8, 0xf0, 4, 0x10000}};
    for (size_t form = 0; form < sizeof forms / sizeof forms[0]; form++) {
        if ((at[0] & forms[form].mask) != forms[form].lead) {
            continue;
        }
        if (left < forms[form].length) {
            return 0;
        }
        uint32_t point = at[0] & (unsigned char)~forms[form].mask;
        for (size_t i = 1; i < forms[form].length; i++) {
            if ((at[i] & 0xc0) != 0x80) {
                return 0;
            }
            point = point << 6 | (at[i] & 0x3f);
        }
        bool surrogate = point >= 0xd800 && point <= 0xdfff;
        return point >= forms[form].least && point <= 0x10ffff && !surrogate ? forms[form].length
                                                                             : 0;
    }
    return 0;
}

/* One character of a text; returns how many bytes of it were taken. */
static size_t append_character(struct json_writer *writer, const unsigned char *at, size_t left)
{
    if (*at == '"' || *at == '\\') {
        const char escaped[2] = {'\\', (char)*at};
        append(writer, escaped, 2);
        return 1;
    }
    if (*at < 0x20 || *at == 0x7f) {
        char escaped[8];
        snprintf(escaped, sizeof escaped, "\\u%04x", *at);
        append(writer, escaped, 6);
        return 1;
    }
    if (*at < 0x80) {
        append(writer, (const char *)at, 1);
        return 1;
    }
    size_t length = utf8_length(at, left);
    if (length == 0) {
        append_text(writer, "\xef\xbf\xbd");
        return 1;
    }
    append(writer, (const char *)at, length);
    return length;
}

void json_writer_bytes(struct json_writer *writer, const char *name, const char *value,
                       size_t length)
{
    begin_value(writer, name);
    append(writer, "\"", 1);
    for (size_t at = 0; at < length && !writer->overflow;) {
        at += append_character(writer, (const unsigned char *)value + at, length - at);
    }
    append(writer, "\"", 1);
}

void json_writer_uuid(struct json_writer *writer, const char *name, const struct uuid *value)
{
    char text[UUID_TEXT_LENGTH];
    uuid_format(value, text);
    json_writer_bytes(writer, name, text, sizeof text);
}

void json_writer_time(struct json_writer *writer, const char *name, uint64_t unix_ms)
{
    char text[TIMESTAMP_TEXT_LENGTH];
    if (unix_ms == 0) {
        json_writer_null(writer, name);
        return;
    }
    timestamp_format(text, unix_ms);
    json_writer_bytes(writer, name, text, sizeof text);
}

void json_writer_raw(struct json_writer *writer, const char *name, const char *json, size_t length)
{
    begin_value(writer, name);
    append(writer, json, length);
}
