/* The seam between HTTP framing (http_*.c, connection.c: bytes to requests and
 * back) and the REST API (rest*.c: requests to commands, answers to bodies).
 * Everything here belongs to one worker's thread. */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../engine/catalog.h"
#include "../engine/command.h"

enum { HTTP_REQUEST_ID_BYTES_MAX = 64, HTTP_TRACEPARENT_BYTES = 55 };

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_METHOD_OTHER
};

/* One complete request whose framing has been checked. The texts point into the
 * receive buffer and hold until rest_handle returns. Absent headers have
 * bytes NULL; a header that must not repeat and did was refused before. */
struct http_request {
    enum http_method method;
    struct text path;  /* without the query; percent-decoded once, "." and ".." refused */
    struct text query; /* raw, without '?' */
    struct text authorization;
    struct text content_type;
    struct text content_encoding;
    struct text idempotency_key; /* Idempotency-Key or X-Idempotency-Key */
    struct text origin;
    struct text access_control_request_method;
    struct text if_none_match;
    struct text body;
    uint64_t received_ns;
};

/* What a connection keeps about a request until its answer has left. Filled by
 * the framing layer before rest_handle; the `rest` part is rest's own. */
struct http_memo {
    enum http_method method;
    bool close_after; /* answer carries Connection: close */
    uint8_t request_id_length;
    uint8_t traceparent_length; /* 0: none came */
    uint8_t origin_index;       /* allowed CORS origin + 1; 0: none */
    uint8_t rest_flags;
    uint16_t rest_route;
    uint32_t
        rest_page; /* of a list, from 1; of a change that names seats, its place in rest_lookup */
    uint8_t rest_secret[16]; /* the key of an allotment being made */
    struct uuid rest_zone;   /* that a reserve or an exchange is about; else nil */
    char request_id[HTTP_REQUEST_ID_BYTES_MAX];
    char traceparent[HTTP_TRACEPARENT_BYTES];
};

/* --- responses: implemented by http_response.c, used by rest*.c --- */

/* A response being written straight into its connection's output. */
struct http_response;

/* Starts the response: status line, Date, request id, security and CORS headers.
 * `body_bytes_max` bounds the body; HEAD sends its length but not the body. */
void http_response_begin(struct http_response *response, int status, size_t body_bytes_max);
/* One more header; value must be printable ASCII (asserted). */
void http_response_header(struct http_response *response, const char *name, const char *value,
                          size_t value_length);
/* Ends the headers; the body is written from the returned place on. Its type is
 * application/json unless another is given. NULL type and 0 max: no body. */
char *http_response_body(struct http_response *response, const char *content_type);
/* Ends the response with the number of body bytes written (<= body_bytes_max). */
void http_response_end(struct http_response *response, size_t body_bytes);

const struct http_memo *http_response_memo(const struct http_response *response);

/* --- the API: implemented by rest.c, used by connection.c --- */

struct rest;
struct worker;
struct config;

/* One per worker. NULL: out of memory or a bad key. */
struct rest *rest_new(struct worker *worker, const struct config *config);
void rest_free(struct rest *rest);

/* A token check is worth remembering: the bytes last verified on a connection
 * and what they meant. Kept by the connection, filled and read by rest. */
struct rest_token_cache {
    uint64_t token_hash; /* XXH3-64 of token_length bytes; the bytes are compared too */
    uint16_t token_length;
    uint8_t role;
    uint64_t expires_ms;
    struct uuid subject;
    struct uuid tenant;
    char *token; /* malloc; freed with the connection */
};

enum rest_outcome {
    REST_ANSWERED, /* the response is complete */
    REST_SUBMITTED /* a command carries reply_to; rest_answer will be called */
};

/* Never blocks; allocates only for catalog changes. */
enum rest_outcome rest_handle(struct rest *rest, const struct http_request *request,
                              struct http_memo *memo, struct rest_token_cache *token_cache,
                              struct reply_to to, struct http_response *response);

/* Writes the response of an answer that the engine gave back; or, where the answer
 * was only the first of two steps, submits the second. Frees nothing. */
enum rest_outcome rest_answer(struct rest *rest, const struct answer *answer,
                              struct http_response *response);
/* An answer whose connection is gone. */
void rest_drop(struct rest *rest, const struct answer *answer);

/* An error envelope for what framing itself refuses: status and API code, e.g.
 * 431 "VALIDATION_ERROR". */
void rest_error(struct rest *rest, int status, const char *code, const char *message,
                struct http_response *response);

/* Stops a request before its body is read: 0 go on, else the status to answer
 * (e.g. 503 while overloaded). Called when the head of a request with a body is
 * complete. */
int rest_admission(struct rest *rest);

#endif
