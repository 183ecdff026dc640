/* Encodes rows for PostgreSQL's COPY … FROM STDIN (FORMAT binary), as its
 * manual's chapter on COPY has it: a signature, tuples of length-prefixed fields
 * in network byte order, a trailer. Fields must be put in the order and number
 * copy_row announced. Failure sticks in the buffer. */
#ifndef PERSIST_POSTGRES_COPY_H
#define PERSIST_POSTGRES_COPY_H

#include "../engine/catalog.h"
#include "replay_amount.h"
#include "replay_buffer.h"

void copy_begin(struct replay_buffer *out);
void copy_row(struct replay_buffer *out, uint16_t field_count);
void copy_end(struct replay_buffer *out);

void copy_null(struct replay_buffer *out);
void copy_bool(struct replay_buffer *out, bool value);
void copy_smallint(struct replay_buffer *out, uint16_t value); /* at most 32,767 */
void copy_integer(struct replay_buffer *out, int32_t value);
void copy_bigint(struct replay_buffer *out, int64_t value);
void copy_uuid(struct replay_buffer *out, const struct uuid *uuid);
void copy_uuid_or_null(struct replay_buffer *out, const struct uuid *uuid); /* nil: NULL */
void copy_time(struct replay_buffer *out, uint64_t unix_ms);                /* timestamptz */
void copy_time_or_null(struct replay_buffer *out, uint64_t unix_ms);        /* 0: NULL */
void copy_amount(struct replay_buffer *out, replay_minor minor, const char *currency);
/* Broken UTF-8 and U+0000 are replaced, see replay_text_clean. */
void copy_text(struct replay_buffer *out, const char *bytes, size_t length);
void copy_string(struct replay_buffer *out, const char *text);
void copy_text_or_null(struct replay_buffer *out, const struct text *text); /* empty: NULL */

/* Arrays of one dimension; empty: NULL. */
void copy_integers(struct replay_buffer *out, const uint32_t *items, uint32_t count);
void copy_uuids(struct replay_buffer *out, const struct uuid *items, uint32_t count);
void copy_amounts(struct replay_buffer *out, const int64_t *items, uint32_t count,
                  const char *currency);

/* A field whose length is known only when it has been written: begin, append to
 * the buffer, end. The mark is begin's answer. */
size_t copy_field_begin(struct replay_buffer *out);
void copy_field_end(struct replay_buffer *out, size_t mark);
/* The same for jsonb, which carries a version byte before its text. */
size_t copy_jsonb_begin(struct replay_buffer *out);

/* The clock of PostgreSQL's timestamps: microseconds since 2000-01-01 UTC. */
int64_t copy_timestamp_us(uint64_t unix_ms);

#endif
