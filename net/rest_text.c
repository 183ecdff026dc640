#include "rest_text.h"

#include <string.h>

struct code_range {
    uint32_t first, last;
};

/* Unicode's control-like characters: those of general category Cc, Zl and Zp, and
 * those of Cf that reorder or hide text. The joiners U+200C and U+200D stay: Persian
 * and emoji are written with them. */
static const struct code_range refused[] = {
    {0x0000, 0x001f}, {0x007f, 0x009f}, {0x061c, 0x061c},   {0x180e, 0x180e},
    {0x200b, 0x200b}, {0x200e, 0x200f}, {0x2028, 0x202e},   {0x2060, 0x206f},
    {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe001f},
};

/* The code point at *at, which moves behind it. The text is valid UTF-8. */
static uint32_t next_code_point(const unsigned char **at)
{
    const unsigned char *byte = *at;
    unsigned length = byte[0] < 0x80 ? 1 : byte[0] < 0xe0 ? 2 : byte[0] < 0xf0 ? 3 : 4;
    static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t code_point = byte[0] & masks[length];
    for (unsigned i = 1; i < length; i++)
        code_point = code_point << 6 | (byte[i] & 0x3f);
    *at += length;
    return code_point;
}

static bool is_refused(uint32_t code_point)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (code_point >= refused[i].first && code_point <= refused[i].last)
            return true;
    return false;
}

static bool is_blank(uint32_t code_point)
{
    return code_point == ' ' || code_point == 0xa0 || code_point == 0x1680 ||
           (code_point >= 0x2000 && code_point <= 0x200d) || code_point == 0x202f ||
           code_point == 0x205f || code_point == 0x3000;
}

bool rest_text_is_line(struct text text)
{
    const unsigned char *at = (const unsigned char *)text.bytes;
    const unsigned char *end = at + text.length;
    bool visible = false;
    while (at < end) {
        uint32_t code_point = next_code_point(&at);
        if (is_refused(code_point))
            return false;
        visible |= !is_blank(code_point);
    }
    return visible;
}

bool rest_text_is_prose(struct text text)
{
    const unsigned char *at = (const unsigned char *)text.bytes;
    const unsigned char *end = at + text.length;
    while (at < end) {
        uint32_t code_point = next_code_point(&at);
        if (code_point != '\n' && code_point != '\t' && is_refused(code_point))
            return false;
    }
    return true;
}

static bool is_lower_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool rest_text_is_slug(struct text text)
{
    struct uuid uuid;
    if (text.length == 0 || text.bytes[0] == '-' || text.bytes[text.length - 1] == '-')
        return false;
    for (uint32_t i = 0; i < text.length; i++)
        if (!is_lower_or_digit(text.bytes[i]) && text.bytes[i] != '-')
            return false;
    bool reserved = text.length == 2 && memcmp(text.bytes, "my", 2) == 0;
    return !reserved && !uuid_parse(&uuid, text.bytes, text.length);
}

bool rest_text_is_url(struct text text)
{
    size_t scheme = 0;
    if (text.length > 7 && memcmp(text.bytes, "http://", 7) == 0)
        scheme = 7;
    else if (text.length > 8 && memcmp(text.bytes, "https://", 8) == 0)
        scheme = 8;
    else
        return false;
    char host = text.bytes[scheme];
    if (!is_lower_or_digit(host) && !(host >= 'A' && host <= 'Z') && host != '[')
        return false;
    for (uint32_t i = 0; i < text.length; i++) {
        char c = text.bytes[i];
        if (c <= ' ' || c > '~' || strchr("\"<>\\^`{|}", c) != NULL)
            return false;
    }
    return true;
}

size_t rest_slug_of(struct text title, char *out, size_t max)
{
    size_t length = 0;
    for (uint32_t i = 0; i < title.length && length < max; i++) {
        char c = title.bytes[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (is_lower_or_digit(c))
            out[length++] = c;
        else if (length > 0 && out[length - 1] != '-')
            out[length++] = '-';
    }
    while (length > 0 && out[length - 1] == '-')
        length--;
    return length;
}
