#include "http_target.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "../engine/hex.h"
#include "http_token.h"

/* The byte an escape at `at` stands for; -1 if it is broken. */
static int escape_value(const char *at, const char *end)
{
    if (end - at < 3)
        return -1;
    int high = hex_digit_value(at[1]), low = hex_digit_value(at[2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* Well-formed UTF-8 (Unicode 15, table 3-7), one byte at a time. */
struct utf8 {
    uint8_t pending;   /* continuation bytes still to come */
    uint8_t low, high; /* bounds of the next one */
};

static bool utf8_first(struct utf8 *utf8, unsigned byte)
{
    utf8->low = 0x80;
    utf8->high = 0xbf;
    if (byte >= 0xc2 && byte <= 0xdf) {
        utf8->pending = 1;
    } else if (byte >= 0xe0 && byte <= 0xef) {
        utf8->pending = 2;
        if (byte == 0xe0)
            utf8->low = 0xa0;
        if (byte == 0xed)
            utf8->high = 0x9f;
    } else if (byte >= 0xf0 && byte <= 0xf4) {
        utf8->pending = 3;
        if (byte == 0xf0)
            utf8->low = 0x90;
        if (byte == 0xf4)
            utf8->high = 0x8f;
    } else {
        return false;
    }
    return true;
}

static bool utf8_step(struct utf8 *utf8, unsigned byte)
{
    if (utf8->pending == 0)
        return byte < 0x80 || utf8_first(utf8, byte);
    if (byte < utf8->low || byte > utf8->high)
        return false;
    utf8->low = 0x80;
    utf8->high = 0xbf;
    utf8->pending--;
    return true;
}

/* Most targets hold nothing but plain characters and no segment begins with a dot. */
static bool plain(const char *bytes, uint32_t length)
{
    uint8_t common = HTTP_CLASS_TARGET;
    bool dotted = false;
    unsigned char before = 0;
    for (uint32_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        common &= http_class[byte];
        dotted |= byte == '.' && before == '/';
        before = byte;
    }
    return common != 0 && !dotted;
}

/* Path or query, byte by byte. */
static bool part_valid(const char *at, const char *end, bool path)
{
    struct utf8 utf8 = {0};
    uint32_t segment = 0, dots = 0; /* decoded length, and how much of it is dots */
    while (at < end) {
        int byte = (unsigned char)*at;
        if (byte == '%') {
            byte = escape_value(at, end);
            if (byte < 0x20 || byte == 0x7f || (path && (byte == '/' || byte == '\\')))
                return false;
            at += 2;
        } else if (!(http_class[byte] & HTTP_CLASS_TARGET)) {
            return false;
        } else if (path && byte == '/') {
            if (segment == dots && (dots == 1 || dots == 2))
                return false;
            segment = dots = 0;
            at++;
            if (utf8.pending)
                return false;
            continue;
        }
        if (!utf8_step(&utf8, (unsigned)byte))
            return false;
        segment++;
        dots += byte == '.';
        at++;
    }
    return utf8.pending == 0 && !(path && segment == dots && (dots == 1 || dots == 2));
}

static uint32_t scheme_bytes(const char *bytes, uint32_t length)
{
    if (length > 7 && strncasecmp(bytes, "http://", 7) == 0)
        return 7;
    if (length > 8 && strncasecmp(bytes, "https://", 8) == 0)
        return 8;
    return 0;
}

bool http_target_parse(struct http_target *target, const char *bytes, uint32_t length)
{
    const char *end = bytes + length, *start = bytes;
    memset(target, 0, sizeof *target);
    if (length == 1 && *bytes == '*') {
        target->path = (struct text){bytes, 1};
        return true;
    }
    uint32_t scheme = scheme_bytes(bytes, length);
    if (scheme > 0) {
        for (start = bytes + scheme; start < end && *start != '/' && *start != '?'; start++)
            ;
        target->authority = (struct text){bytes + scheme, (uint32_t)(start - bytes) - scheme};
    } else if (length == 0 || *bytes != '/') {
        return false;
    }
    const char *question = memchr(start, '?', (size_t)(end - start));
    const char *path_end = question ? question : end;
    if (question)
        target->query = (struct text){question + 1, (uint32_t)(end - question - 1)};
    target->path = (struct text){start, (uint32_t)(path_end - start)};
    if (target->path.length == 0)
        target->path = (struct text){"/", 1};
    if (plain(start, (uint32_t)(end - start)))
        return true;
    target->encoded = memchr(start, '%', (size_t)(path_end - start)) != NULL;
    return part_valid(start, path_end, true) && (!question || part_valid(question + 1, end, false));
}

void http_target_decode(struct http_target *target, char *path)
{
    assert(path == target->path.bytes && target->encoded);
    const char *from = path, *end = path + target->path.length;
    char *to = path;
    while (from < end) {
        if (*from == '%') {
            *to++ = (char)escape_value(from, end);
            from += 3;
        } else {
            *to++ = *from++;
        }
    }
    target->path.length = (uint32_t)(to - path);
    target->encoded = false;
}

static bool port_valid(const char *bytes, const char *end)
{
    if (end - bytes > 5)
        return false;
    for (; bytes < end; bytes++)
        if (*bytes < '0' || *bytes > '9')
            return false;
    return true;
}

bool http_authority_valid(const char *bytes, uint32_t length)
{
    const char *at = bytes, *end = bytes + length;
    if (length == 0)
        return false;
    if (*at == '[') {
        for (at++; at < end && (hex_digit_value(*at) >= 0 || *at == ':' || *at == '.');)
            at++;
        if (at == end || *at != ']' || at == bytes + 1)
            return false;
        at++;
    } else {
        while (at < end && http_class[(unsigned char)*at] & HTTP_CLASS_HOST)
            at++;
        if (at == bytes)
            return false;
    }
    return at == end || (*at == ':' && port_valid(at + 1, end));
}
