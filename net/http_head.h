/* From the bytes of a head to a checked request: scan, llhttp, and the rules that
 * llhttp leaves open. One parser, no lenient mode; docs/decisions/0032 lists what
 * is refused beyond RFC 9112 and why. */
#ifndef NET_HTTP_HEAD_H
#define NET_HTTP_HEAD_H

#include "http.h"
#include "http_fields.h"
#include "http_scan.h"
#include "http_target.h"

struct http_head {
    struct http_request request; /* all but body and received_ns */
    struct http_target target;
    struct text request_id;  /* NULL unless well formed */
    struct text traceparent; /* NULL unless well formed */
    uint32_t bytes;          /* of the head, what came before its first byte included */
    uint32_t content_length;
    bool chunked;
    bool expect_continue; /* and a body will follow */
    bool close;           /* asked for, or HTTP/1.0 */
    bool connect;         /* CONNECT: no path, and not offered */
};

enum { HTTP_HEAD_COMPLETE = 0, HTTP_HEAD_MORE = -1 };

/* Parses the request that begins at bytes[0], going on where `scan` stands (zeroed
 * before a request's first byte). COMPLETE, MORE, or the status to refuse with;
 * then *reason says why, for a person. Changes no byte, so that a head may be
 * parsed again after its body has arrived and the buffer has moved. */
int http_head_parse(struct http_head *head, struct http_scan *scan, struct http_fields *fields,
                    const char *bytes, uint32_t length, uint32_t body_bytes_max,
                    const char **reason);

/* Last step before rest_handle: decodes the path where it lies. */
void http_head_decode(struct http_head *head, char *bytes);

#endif
