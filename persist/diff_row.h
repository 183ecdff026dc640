/* A row as PostgreSQL would print it, field by field, for `boxreplay diff`. One
 * thread. */
#ifndef PERSIST_DIFF_ROW_H
#define PERSIST_DIFF_ROW_H

#include "../engine/catalog.h"
#include "replay_amount.h"

enum { DIFF_FIELDS_MAX = 32 };

struct diff_row {
    struct replay_buffer text;
    size_t ends[DIFF_FIELDS_MAX];
    bool null[DIFF_FIELDS_MAX];
    bool unknown[DIFF_FIELDS_MAX]; /* only log that was given up said it: anything is right */
    int count;
};

/* Which row of its table. part: 0 where the id alone names it. */
struct diff_key {
    struct uuid id;
    uint64_t part;
};

void diff_row_reset(struct diff_row *row);

void diff_field_null(struct diff_row *row);
void diff_field_unknown(struct diff_row *row);
void diff_field_string(struct diff_row *row, const char *text);
void diff_field_text(struct diff_row *row, const struct text *text);
void diff_field_text_or_null(struct diff_row *row, const struct text *text);
void diff_field_number(struct diff_row *row, int64_t number);
void diff_field_bool(struct diff_row *row, bool value);
/* The nil id is NULL, as are time 0 and arrays of nothing. */
void diff_field_uuid(struct diff_row *row, const struct uuid *id);
void diff_field_time(struct diff_row *row, uint64_t unix_ms);
void diff_field_amount(struct diff_row *row, replay_minor minor, const char *currency);
void diff_field_integers(struct diff_row *row, const uint32_t *items, uint32_t count);
void diff_field_uuids(struct diff_row *row, const struct uuid *items, uint32_t count);
void diff_field_amounts(struct diff_row *row, const int64_t *items, uint32_t count,
                        const char *currency);

#endif
