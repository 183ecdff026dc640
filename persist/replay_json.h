/* Writes JSON text into a buffer: commas, escapes and the project's ways of
 * showing ids (text), times (RFC 3339 UTC with milliseconds) and money (decimal
 * number). Output is valid UTF-8 whatever the input: a broken sequence becomes
 * U+FFFD. One thread at a time. */
#ifndef PERSIST_REPLAY_JSON_H
#define PERSIST_REPLAY_JSON_H

#include "../engine/catalog.h"
#include "replay_amount.h"
#include "replay_buffer.h"

struct replay_json {
    struct replay_buffer *out;
    bool comma;                   /* the next value needs one before it */
    bool without_nul;             /* PostgreSQL stores no U+0000: write U+FFFD for it */
    const struct seat_plan *plan; /* seats are shown by label too; NULL: by index only */
};

static inline struct replay_json replay_json_start(struct replay_buffer *out)
{
    return (struct replay_json){.out = out};
}

void replay_json_open(struct replay_json *json, char bracket); /* '{' or '[' */
void replay_json_close(struct replay_json *json, char bracket);
void replay_json_key(struct replay_json *json, const char *name);

void replay_json_text(struct replay_json *json, const char *bytes, size_t length);
void replay_json_string(struct replay_json *json, const char *text);
void replay_json_unsigned(struct replay_json *json, uint64_t value);
void replay_json_signed(struct replay_json *json, int64_t value);
void replay_json_bool(struct replay_json *json, bool value);
void replay_json_null(struct replay_json *json);
void replay_json_uuid(struct replay_json *json, const struct uuid *uuid); /* nil: null */
void replay_json_time(struct replay_json *json, uint64_t unix_ms);        /* 0: null */
void replay_json_amount(struct replay_json *json, replay_minor minor, const char *currency);

/* Appends the text with broken UTF-8 and U+0000 replaced by U+FFFD, as
 * PostgreSQL can store it. */
void replay_text_clean(struct replay_buffer *out, const char *bytes, size_t length);

enum { REPLAY_TIME_BYTES_MAX = 40 };

/* E.g. "2026-03-01T09:30:00.125Z", terminated; returns the length. */
size_t replay_time_format(char out[REPLAY_TIME_BYTES_MAX], uint64_t unix_ms);

#endif
