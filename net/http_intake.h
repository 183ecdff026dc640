/* One request out of a stream of bytes, in as many pieces as they come: head, then
 * body. The verdict depends on the bytes alone, not on how they were cut. */
#ifndef NET_HTTP_INTAKE_H
#define NET_HTTP_INTAKE_H

#include "http_chunk.h"
#include "http_head.h"

/* How far the request has been taken in. Zeroed before its first byte. */
struct http_intake {
    struct http_scan scan;
    struct http_chunk chunk;
    uint32_t head_bytes; /* 0: the head is not complete */
    uint32_t content_length;
    bool chunked;
    bool continue_wanted; /* the client waits for 100 before it sends its body */
};

enum http_intake_result {
    HTTP_INTAKE_MORE,
    HTTP_INTAKE_DONE,
    HTTP_INTAKE_REFUSED /* nothing after this byte may be interpreted */
};

/* What a refusal answers. */
struct http_refusal {
    int status;
    const char *reason; /* for a person */
};

/* While head_bytes is 0. The request begins at bytes[0]. DONE: `head` is filled and
 * holds while the bytes stay where they are. REFUSED: as far as it was understood. */
enum http_intake_result http_intake_head(struct http_intake *intake, struct http_fields *fields,
                                         const char *bytes, uint32_t length,
                                         uint32_t body_bytes_max, struct http_head *head,
                                         struct http_refusal *refusal);

/* After the head. DONE: the body lies behind the head, and the next request begins
 * at bytes + *next. MORE: chunks have been joined, and *length is what is left. */
enum http_intake_result http_intake_body(struct http_intake *intake, char *bytes, uint32_t *length,
                                         uint32_t body_bytes_max, uint32_t *next,
                                         struct http_refusal *refusal);

/* The whole request, after DONE for its body: fills in the body, and the head too if
 * that was parsed when the bytes lay elsewhere (`head_fresh` false); decodes the path. */
void http_intake_request(struct http_intake *intake, struct http_fields *fields, char *bytes,
                         bool head_fresh, struct http_head *head);

#endif
