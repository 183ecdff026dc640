/* JSON written into a bounded buffer, on one line. Commas are kept by the
 * writer; text is escaped, and bytes that are not UTF-8 become U+FFFD, so that
 * the result always parses. Any one thread. */
#ifndef ADMIN_JSON_WRITER_H
#define ADMIN_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../engine/uuid.h"

struct json_writer {
    char *bytes;
    size_t capacity;
    size_t length;
    bool overflow; /* the buffer was too small; what is in it is not JSON */
    bool comma;    /* a value stands before the next one */
};

void json_writer_init(struct json_writer *writer, char *bytes, size_t capacity);

/* Every value takes a name inside an object, and NULL inside an array or at the
 * top. Names are literals of ours and are not escaped. */
void json_writer_object(struct json_writer *writer, const char *name);
void json_writer_object_end(struct json_writer *writer);
void json_writer_array(struct json_writer *writer, const char *name);
void json_writer_array_end(struct json_writer *writer);
void json_writer_count(struct json_writer *writer, const char *name, uint64_t value);
void json_writer_integer(struct json_writer *writer, const char *name, int64_t value);
void json_writer_bool(struct json_writer *writer, const char *name, bool value);
void json_writer_null(struct json_writer *writer, const char *name);
void json_writer_text(struct json_writer *writer, const char *name, const char *value);
void json_writer_bytes(struct json_writer *writer, const char *name, const char *value,
                       size_t length);
void json_writer_uuid(struct json_writer *writer, const char *name, const struct uuid *value);
/* Unix milliseconds as RFC 3339 in UTC with milliseconds; 0 as null. */
void json_writer_time(struct json_writer *writer, const char *name, uint64_t unix_ms);
/* A value that is JSON already. */
void json_writer_raw(struct json_writer *writer, const char *name, const char *json, size_t length);

#endif
