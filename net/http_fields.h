/* The field lines of a head that the gate let through, taken apart by llhttp
 * (strict, no lenient flag). This is the only module that knows llhttp: its names
 * would clash with ours. */
#ifndef NET_HTTP_FIELDS_H
#define NET_HTTP_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include "http_scan.h"

struct http_field {
    const char *name;
    const char *value; /* without the blanks around it */
    uint32_t name_bytes;
    uint32_t value_bytes;
};

struct http_fields;

/* One per thread. NULL: out of memory. */
struct http_fields *http_fields_new(void);
void http_fields_free(struct http_fields *fields);

/* Takes a whole head, request line to empty line. False: llhttp refuses it; the
 * fields seen before the fault are there all the same. */
bool http_fields_parse(struct http_fields *fields, const char *head, uint32_t bytes);

/* Of the last parse; the texts point into the head. */
const struct http_field *http_fields_all(const struct http_fields *fields, uint32_t *count);

#endif
