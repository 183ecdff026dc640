#include "base64url.h"

enum { NOT_A_DIGIT = 64 };

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

#define A(c) [c] = (uint8_t)((c) - 'A' + 1)
#define B(c) [c] = (uint8_t)((c) - 'a' + 27)
#define C(c) [c] = (uint8_t)((c) - '0' + 53)

/* A character's value and one more; 0: not in the alphabet. */
static const uint8_t digits[256] = {
    A('A'), A('B'), A('C'), A('D'), A('E'), A('F'), A('G'), A('H'),     A('I'),     A('J'), A('K'),
    A('L'), A('M'), A('N'), A('O'), A('P'), A('Q'), A('R'), A('S'),     A('T'),     A('U'), A('V'),
    A('W'), A('X'), A('Y'), A('Z'), B('a'), B('b'), B('c'), B('d'),     B('e'),     B('f'), B('g'),
    B('h'), B('i'), B('j'), B('k'), B('l'), B('m'), B('n'), B('o'),     B('p'),     B('q'), B('r'),
    B('s'), B('t'), B('u'), B('v'), B('w'), B('x'), B('y'), B('z'),     C('0'),     C('1'), C('2'),
    C('3'), C('4'), C('5'), C('6'), C('7'), C('8'), C('9'), ['-'] = 63, ['_'] = 64,
};

#undef A
#undef B
#undef C

/* `count` characters as one number. False: one is not in the alphabet. */
static inline bool gather(const char *text, size_t count, uint32_t *bits)
{
    uint32_t value = 0;
    bool valid = true;
    for (size_t i = 0; i < count; i++) {
        uint32_t digit = digits[(unsigned char)text[i]];
        valid &= digit != 0;
        value = value << 6 | (digit - 1);
    }
    *bits = value;
    return valid;
}

bool base64url_decode(const char *text, size_t length, uint8_t *out, size_t out_bytes,
                      size_t *decoded)
{
    size_t tail = length % 4;
    size_t bytes = length / 4 * 3 + (tail == 0 ? 0 : tail - 1);
    if (tail == 1 || bytes > out_bytes)
        return false;
    *decoded = bytes;
    uint32_t bits;
    bool valid = true;
    for (size_t i = 0; i < length / 4; i++, text += 4) {
        valid &= gather(text, 4, &bits);
        *out++ = (uint8_t)(bits >> 16);
        *out++ = (uint8_t)(bits >> 8);
        *out++ = (uint8_t)bits;
    }
    if (tail == 2) {
        valid &= gather(text, 2, &bits) && (bits & 0xf) == 0;
        *out++ = (uint8_t)(bits >> 4);
    } else if (tail == 3) {
        valid &= gather(text, 3, &bits) && (bits & 0x3) == 0;
        *out++ = (uint8_t)(bits >> 10);
        *out++ = (uint8_t)(bits >> 2);
    }
    return valid;
}

char *base64url_encode(const uint8_t *bytes, size_t length, char *out)
{
    size_t i = 0;
    for (; i + 3 <= length; i += 3) {
        uint32_t bits = (uint32_t)bytes[i] << 16 | (uint32_t)bytes[i + 1] << 8 | bytes[i + 2];
        *out++ = alphabet[bits >> 18];
        *out++ = alphabet[bits >> 12 & 63];
        *out++ = alphabet[bits >> 6 & 63];
        *out++ = alphabet[bits & 63];
    }
    if (length - i == 1) {
        *out++ = alphabet[bytes[i] >> 2];
        *out++ = alphabet[(bytes[i] & 3) << 4];
    } else if (length - i == 2) {
        uint32_t bits = (uint32_t)bytes[i] << 8 | bytes[i + 1];
        *out++ = alphabet[bits >> 10];
        *out++ = alphabet[bits >> 4 & 63];
        *out++ = alphabet[(bits & 15) << 2];
    }
    return out;
}
