#include "json_text.h"

static const char hex[] = "0123456789abcdef";

#define HEX_ROW(d)                                                                                 \
    d "0" d "1" d "2" d "3" d "4" d "5" d "6" d "7" d "8" d "9" d "a" d "b" d "c" d "d" d "e" d "f"

static const char hex_pairs[] = HEX_ROW("0") HEX_ROW("1") HEX_ROW("2") HEX_ROW("3") HEX_ROW("4")
    HEX_ROW("5") HEX_ROW("6") HEX_ROW("7") HEX_ROW("8") HEX_ROW("9") HEX_ROW("a") HEX_ROW("b")
        HEX_ROW("c") HEX_ROW("d") HEX_ROW("e") HEX_ROW("f");

static inline char *put_pair(char *at, uint8_t byte)
{
    memcpy(at, hex_pairs + 2 * (size_t)byte, 2);
    return at + 2;
}

char *json_put_uuid(char *at, const struct uuid *uuid)
{
    const uint8_t *byte = uuid->bytes;
    *at++ = '"';
    for (int i = 0; i < 4; i++)
        at = put_pair(at, *byte++);
    for (int group = 0; group < 3; group++) {
        *at++ = '-';
        at = put_pair(at, *byte++);
        at = put_pair(at, *byte++);
    }
    *at++ = '-';
    for (int i = 0; i < 6; i++)
        at = put_pair(at, *byte++);
    *at++ = '"';
    return at;
}

/* What a byte is written as: 1 itself, 2 backslash and a letter, 6 \u00xx. */
static inline size_t escaped_bytes(unsigned char byte)
{
    if (byte == '"' || byte == '\\' || byte == '\n' || byte == '\r' || byte == '\t')
        return 2;
    return byte < 0x20 || byte == 0x7f ? 6 : 1;
}

static char *put_escaped(char *at, unsigned char byte)
{
    *at++ = '\\';
    switch (byte) {
    case '\n':
        *at++ = 'n';
        return at;
    case '\r':
        *at++ = 'r';
        return at;
    case '\t':
        *at++ = 't';
        return at;
    case '"':
    case '\\':
        *at++ = (char)byte;
        return at;
    default:
        at = JSON_PUT(at, "u00");
        *at++ = hex[byte >> 4];
        *at++ = hex[byte & 15];
        return at;
    }
}

char *json_put_text(char *at, struct text text)
{
    *at++ = '"';
    for (uint32_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.bytes[i];
        if (escaped_bytes(byte) == 1)
            *at++ = (char)byte;
        else
            at = put_escaped(at, byte);
    }
    *at++ = '"';
    return at;
}

char *json_put_text_or_null(char *at, struct text text)
{
    return text.length == 0 ? JSON_PUT(at, "null") : json_put_text(at, text);
}

size_t json_text_bytes(struct text text)
{
    size_t bytes = 4; /* the quotes, or null */
    for (uint32_t i = 0; i < text.length; i++)
        bytes += escaped_bytes((unsigned char)text.bytes[i]);
    return bytes;
}
