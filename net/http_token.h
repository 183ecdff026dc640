/* Character classes of RFC 9110 and RFC 3986. */
#ifndef NET_HTTP_TOKEN_H
#define NET_HTTP_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

enum {
    HTTP_CLASS_TOKEN = 1,      /* method, field name */
    HTTP_CLASS_TARGET = 2,     /* raw in a request target: pchar, '/', '?', no '%' */
    HTTP_CLASS_HOST = 4,       /* registered name or IPv4 address */
    HTTP_CLASS_REQUEST_ID = 8, /* X-Request-ID: [A-Za-z0-9._-] */
};

extern const uint8_t http_class[256];

static inline bool http_is_token(unsigned char byte)
{
    return http_class[byte] & HTTP_CLASS_TOKEN;
}

#endif
