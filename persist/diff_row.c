#include "diff_row.h"

#include <inttypes.h>

#include "replay_json.h"

void diff_row_reset(struct diff_row *row)
{
    replay_buffer_reset(&row->text);
    row->count = 0;
}

static void field_end(struct diff_row *row)
{
    row->unknown[row->count] = false;
    row->null[row->count] = false;
    row->ends[row->count++] = row->text.length;
}

void diff_field_null(struct diff_row *row)
{
    field_end(row);
    row->null[row->count - 1] = true;
}

void diff_field_unknown(struct diff_row *row)
{
    field_end(row);
    row->unknown[row->count - 1] = true;
}

void diff_field_string(struct diff_row *row, const char *text)
{
    replay_buffer_text(&row->text, text);
    field_end(row);
}

void diff_field_text(struct diff_row *row, const struct text *text)
{
    replay_text_clean(&row->text, text->bytes, text->length);
    field_end(row);
}

void diff_field_text_or_null(struct diff_row *row, const struct text *text)
{
    if (text->length == 0)
        diff_field_null(row);
    else
        diff_field_text(row, text);
}

void diff_field_number(struct diff_row *row, int64_t number)
{
    replay_buffer_format(&row->text, "%" PRId64, number);
    field_end(row);
}

void diff_field_bool(struct diff_row *row, bool value)
{
    diff_field_string(row, value ? "true" : "false");
}

static void put_uuid(struct diff_row *row, const struct uuid *id)
{
    char *at = replay_buffer_extend(&row->text, UUID_TEXT_LENGTH);
    if (at != NULL)
        (void)uuid_format(id, at);
}

void diff_field_uuid(struct diff_row *row, const struct uuid *id)
{
    if (uuid_is_nil(id)) {
        diff_field_null(row);
        return;
    }
    put_uuid(row, id);
    field_end(row);
}

/* Times are compared as microseconds since 1970, PostgreSQL's own grain. */
void diff_field_time(struct diff_row *row, uint64_t unix_ms)
{
    if (unix_ms == 0)
        diff_field_null(row);
    else
        diff_field_number(row, (int64_t)unix_ms * 1000);
}

void diff_field_amount(struct diff_row *row, replay_minor minor, const char *currency)
{
    replay_amount_text(&row->text, minor, replay_currency_decimals(currency));
    field_end(row);
}

/* --- arrays, as {1,2} --- */

static void array_item(struct diff_row *row, uint32_t index)
{
    replay_buffer_text(&row->text, index == 0 ? "{" : ",");
}

static void array_end(struct diff_row *row, uint32_t count)
{
    if (count == 0) {
        diff_field_null(row);
        return;
    }
    replay_buffer_text(&row->text, "}");
    field_end(row);
}

void diff_field_integers(struct diff_row *row, const uint32_t *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        array_item(row, i);
        replay_buffer_format(&row->text, "%" PRIu32, items[i]);
    }
    array_end(row, count);
}

void diff_field_uuids(struct diff_row *row, const struct uuid *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        array_item(row, i);
        put_uuid(row, &items[i]);
    }
    array_end(row, count);
}

void diff_field_amounts(struct diff_row *row, const int64_t *items, uint32_t count,
                        const char *currency)
{
    for (uint32_t i = 0; i < count; i++) {
        array_item(row, i);
        replay_amount_text(&row->text, items[i], replay_currency_decimals(currency));
    }
    array_end(row, count);
}
