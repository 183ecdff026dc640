/* Hexadecimal digits in what others send: ids, escapes, sizes. */
#ifndef ENGINE_HEX_H
#define ENGINE_HEX_H

/* A digit's value, of either case; -1: it is none. */
static inline int hex_digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

#endif
