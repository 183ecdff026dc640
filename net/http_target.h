/* Request targets (RFC 3986): what may stand in one, and the one decoding. */
#ifndef NET_HTTP_TARGET_H
#define NET_HTTP_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "../engine/catalog.h"

struct http_target {
    struct text authority; /* absolute form only; else NULL */
    struct text path;      /* raw; "*" for the asterisk form */
    struct text query;     /* raw, without '?'; NULL if there is none */
    bool encoded;          /* the path holds percent escapes */
};

/* Origin, absolute (http, https) or asterisk form. False, so 400, for: a byte that
 * RFC 3986 does not allow raw, a broken escape, an escape that hides a control
 * byte, '/' or '\', escapes that are not UTF-8 (overlong forms included), and the
 * segments "." and ".." however written. */
bool http_target_parse(struct http_target *target, const char *bytes, uint32_t length);

/* Decodes the escapes of a parsed path where it lies; once. */
void http_target_decode(struct http_target *target, char *path);

/* Name or IPv4 address or [IPv6], then optionally ":" and a port. */
bool http_authority_valid(const char *bytes, uint32_t length);

#endif
