#include "replay_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */

size_t replay_time_format(char out[REPLAY_TIME_BYTES_MAX], uint64_t unix_ms)
{
    const time_t seconds = (time_t)(unix_ms / 1000);
    struct tm at;
    if (gmtime_r(&seconds, &at) == NULL)
        memset(&at, 0, sizeof at);
    const int length = snprintf(out, REPLAY_TIME_BYTES_MAX, "%04lld-%02d-%02dT%02d:%02d:%02d.%03dZ",
                                (long long)at.tm_year + 1900, at.tm_mon + 1, at.tm_mday, at.tm_hour,
                                at.tm_min, at.tm_sec, (int)(unix_ms % 1000));
    return (size_t)length;
}

/* The length of the well-formed UTF-8 sequence at the start (RFC 3629: no
 * overlong forms, no surrogates, nothing above U+10FFFF). 0: broken. */
static size_t utf8_length(const uint8_t *bytes, size_t length)
{
    const uint8_t first = bytes[0];
    if (first < 0x80)
        return 1;
    uint8_t least = 0x80;
    uint8_t most = 0xBF;
    size_t wanted;
    if (first >= 0xC2 && first <= 0xDF) {
        wanted = 2;
    } else if (first >= 0xE0 && first <= 0xEF) {
        wanted = 3;
        least = first == 0xE0 ? 0xA0 : 0x80;
        most = first == 0xED ? 0x9F : 0xBF;
    } else if (first >= 0xF0 && first <= 0xF4) {
        wanted = 4;
        least = first == 0xF0 ? 0x90 : 0x80;
        most = first == 0xF4 ? 0x8F : 0xBF;
    } else {
        return 0;
    }
    if (length < wanted || bytes[1] < least || bytes[1] > most)
        return 0;
    for (size_t i = 2; i < wanted; i++) {
        if (bytes[i] < 0x80 || bytes[i] > 0xBF)
            return 0;
    }
    return wanted;
}

void replay_text_clean(struct replay_buffer *out, const char *bytes, size_t length)
{
    for (size_t at = 0; at < length;) {
        const size_t step = utf8_length((const uint8_t *)bytes + at, length - at);
        if (step == 0 || bytes[at] == '\0') {
            replay_buffer_text(out, replacement);
            at++;
        } else {
            replay_buffer_append(out, bytes + at, step);
            at += step;
        }
    }
}

static void separate(struct replay_json *json)
{
    if (json->comma)
        replay_buffer_append(json->out, ",", 1);
    json->comma = true;
}

void replay_json_open(struct replay_json *json, char bracket)
{
    separate(json);
    replay_buffer_append(json->out, &bracket, 1);
    json->comma = false;
}

void replay_json_close(struct replay_json *json, char bracket)
{
    replay_buffer_append(json->out, &bracket, 1);
    json->comma = true;
}

void replay_json_key(struct replay_json *json, const char *name)
{
    replay_json_string(json, name);
    replay_buffer_append(json->out, ":", 1);
    json->comma = false;
}

static void put_escaped(struct replay_json *json, uint8_t byte)
{
    switch (byte) {
    case '"':
        replay_buffer_text(json->out, "\\\"");
        return;
    case '\\':
        replay_buffer_text(json->out, "\\\\");
        return;
    case '\n':
        replay_buffer_text(json->out, "\\n");
        return;
    case '\r':
        replay_buffer_text(json->out, "\\r");
        return;
    case '\t':
        replay_buffer_text(json->out, "\\t");
        return;
    default:
        if (byte == 0 && json->without_nul)
            replay_buffer_text(json->out, replacement);
        else
            replay_buffer_format(json->out, "\\u%04x", (unsigned)byte);
    }
}

static bool plain(uint8_t byte)
{
    return byte >= 0x20 && byte < 0x7F && byte != '"' && byte != '\\';
}

void replay_json_text(struct replay_json *json, const char *bytes, size_t length)
{
    separate(json);
    replay_buffer_append(json->out, "\"", 1);
    const uint8_t *text = (const uint8_t *)bytes;
    for (size_t at = 0; at < length;) {
        size_t run = 0;
        while (at + run < length && plain(text[at + run]))
            run++;
        replay_buffer_append(json->out, text + at, run);
        at += run;
        if (at == length)
            break;
        const size_t step = utf8_length(text + at, length - at);
        if (step > 1)
            replay_buffer_append(json->out, text + at, step);
        else if (step == 1)
            put_escaped(json, text[at]);
        else
            replay_buffer_text(json->out, replacement);
        at += step > 0 ? step : 1;
    }
    replay_buffer_append(json->out, "\"", 1);
}

void replay_json_string(struct replay_json *json, const char *text)
{
    replay_json_text(json, text, strlen(text));
}

/* Most numbers here are short and there is one in nearly every field, so they
 * do not go through printf. */
void replay_json_unsigned(struct replay_json *json, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + (int)(value % 10));
        value /= 10;
    } while (value > 0);
    separate(json);
    replay_buffer_append(json->out, digits + at, sizeof digits - at);
}

void replay_json_signed(struct replay_json *json, int64_t value)
{
    separate(json);
    replay_buffer_format(json->out, "%" PRId64, value);
}

void replay_json_bool(struct replay_json *json, bool value)
{
    separate(json);
    replay_buffer_text(json->out, value ? "true" : "false");
}

void replay_json_null(struct replay_json *json)
{
    separate(json);
    replay_buffer_text(json->out, "null");
}

void replay_json_uuid(struct replay_json *json, const struct uuid *uuid)
{
    if (uuid_is_nil(uuid)) {
        replay_json_null(json);
        return;
    }
    char text[UUID_TEXT_LENGTH + 2] = {'"'};
    (void)uuid_format(uuid, text + 1);
    text[UUID_TEXT_LENGTH + 1] = '"';
    separate(json);
    replay_buffer_append(json->out, text, sizeof text);
}

void replay_json_time(struct replay_json *json, uint64_t unix_ms)
{
    if (unix_ms == 0) {
        replay_json_null(json);
        return;
    }
    char text[REPLAY_TIME_BYTES_MAX];
    const size_t length = replay_time_format(text, unix_ms);
    replay_json_text(json, text, length);
}

void replay_json_amount(struct replay_json *json, replay_minor minor, const char *currency)
{
    separate(json);
    replay_amount_text(json->out, minor, replay_currency_decimals(currency));
}
