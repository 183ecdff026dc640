/* The least a client must read of an HTTP/1.1 answer: status, length, and the
 * few values a scenario needs. Answers of one kind look alike, so the places of
 * the last one are tried first and a search is the exception. Pure. */
#ifndef BENCH_BOXLOAD_RESPONSE_H
#define BENCH_BOXLOAD_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where things stood in the last answer of this kind; zero to begin with. */
struct response_layout {
    uint32_t length_at;   /* of the Content-Length value */
    uint32_t head_bytes;  /* with the empty line */
    uint32_t position_at; /* of the X-Log-Position value */
    uint32_t booking_at;  /* of the booking id, from the start of the body */
};

/* Texts point into the bytes scanned. */
struct response {
    int status;
    bool close; /* the server will close the connection */
    uint32_t head_bytes;
    uint32_t body_bytes;
    const char *body;
};

enum response_scan { RESPONSE_BAD = -1, RESPONSE_MORE = 0, RESPONSE_WHOLE = 1 };

/* Scans bytes that begin an answer. WHOLE: it ends after head_bytes + body_bytes.
 * BAD: not HTTP/1.1, or without a Content-Length we understand. */
enum response_scan response_scan(struct response *response, struct response_layout *layout,
                                 const char *bytes, size_t length);

/* The X-Log-Position of a whole answer. NULL: none. */
const char *response_position(const struct response *response, struct response_layout *layout,
                              const char *bytes, uint32_t *length);

/* The 36 characters of data.booking_id. NULL: none. */
const char *response_booking(const struct response *response, struct response_layout *layout);

/* error.code of a failure envelope. NULL: none. */
const char *response_code(const struct response *response, uint32_t *length);

/* An unsigned JSON number by its name's first occurrence. False: none. */
bool response_number(const struct response *response, const char *name, uint64_t *value);

/* Whether the body contains the text. */
bool response_contains(const struct response *response, const char *text);

#endif
