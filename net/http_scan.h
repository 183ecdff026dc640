/* The gate's first pass: finds where a request's head ends and refuses every byte
 * that has no place in one, before anything interprets it. Resumable, and its
 * verdict depends on the bytes only, never on how they were cut into receives.
 *
 * Refused here: control bytes (TAB is allowed inside field values), DEL, a CR or
 * LF that is not part of CR LF, folded lines, more than one leading empty line,
 * and whatever is over a limit. */
#ifndef NET_HTTP_SCAN_H
#define NET_HTTP_SCAN_H

#include <stdbool.h>
#include <stdint.h>

enum {
    HTTP_REQUEST_LINE_BYTES_MAX = 8192,
    HTTP_FIELDS_BYTES_MAX = 16384, /* all field lines with their line ends */
    HTTP_FIELDS_MAX = 64
};

/* Zeroed before a request's first byte. Offsets count from that byte. */
struct http_scan {
    uint32_t at;           /* checked so far */
    uint32_t line;         /* start of the line being read */
    uint32_t start;        /* of the request line: 2 after an empty line */
    uint32_t fields_start; /* 0: the request line is not complete yet */
    uint16_t lines;        /* complete lines, the request line included */
};

enum http_scan_result {
    HTTP_SCAN_MORE,         /* no end yet; call again with more bytes behind these */
    HTTP_SCAN_REQUEST_LINE, /* first line complete: [start, fields_start - 2); call again */
    HTTP_SCAN_HEAD,         /* the head is the first `at` bytes */
    HTTP_SCAN_BAD,          /* a byte out of place: 400 */
    HTTP_SCAN_LINE_LONG,    /* 414 */
    HTTP_SCAN_FIELDS_LARGE  /* too many or too long: 431 */
};

enum http_scan_result http_scan(struct http_scan *scan, const char *bytes, uint32_t length);

#endif
