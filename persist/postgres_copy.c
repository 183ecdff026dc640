#include "postgres_copy.h"

#include "replay_json.h"

#include <assert.h>
#include <string.h>

enum { COPY_JSONB_VERSION = 1 };

static const char copy_signature[11] = {'P', 'G', 'C', 'O', 'P', 'Y', '\n', '\377', '\r', '\n', 0};

static void store_be32(char *at, uint32_t value)
{
    const uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                              (uint8_t)value};
    memcpy(at, bytes, sizeof bytes);
}

static void store_be64(char *at, uint64_t value)
{
    store_be32(at, (uint32_t)(value >> 32));
    store_be32(at + 4, (uint32_t)value);
}

static void put_be16(struct replay_buffer *out, uint16_t value)
{
    const uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    replay_buffer_append(out, bytes, sizeof bytes);
}

/* A field of known length: its prefix is written, the place of its bytes returned. */
static char *put_field(struct replay_buffer *out, uint32_t length)
{
    char *at = replay_buffer_extend(out, 4 + (size_t)length);
    if (at == NULL)
        return NULL;
    store_be32(at, length);
    return at + 4;
}

void copy_begin(struct replay_buffer *out)
{
    replay_buffer_append(out, copy_signature, sizeof copy_signature);
    char *at = replay_buffer_extend(out, 8);
    if (at != NULL)
        memset(at, 0, 8); /* no flags, no header extension */
}

void copy_row(struct replay_buffer *out, uint16_t field_count)
{
    put_be16(out, field_count);
}

void copy_end(struct replay_buffer *out)
{
    put_be16(out, UINT16_MAX); /* -1 */
}

void copy_null(struct replay_buffer *out)
{
    char *at = replay_buffer_extend(out, 4);
    if (at != NULL)
        store_be32(at, UINT32_MAX);
}

void copy_bool(struct replay_buffer *out, bool value)
{
    char *at = put_field(out, 1);
    if (at != NULL)
        *at = value ? 1 : 0;
}

void copy_smallint(struct replay_buffer *out, uint16_t value)
{
    assert(value <= INT16_MAX);
    char *at = put_field(out, 2);
    if (at == NULL)
        return;
    at[0] = (char)(value >> 8);
    at[1] = (char)(value & 0xFF);
}

void copy_integer(struct replay_buffer *out, int32_t value)
{
    char *at = put_field(out, 4);
    if (at != NULL)
        store_be32(at, (uint32_t)value);
}

void copy_bigint(struct replay_buffer *out, int64_t value)
{
    char *at = put_field(out, 8);
    if (at != NULL)
        store_be64(at, (uint64_t)value);
}

void copy_uuid(struct replay_buffer *out, const struct uuid *uuid)
{
    char *at = put_field(out, sizeof uuid->bytes);
    if (at != NULL)
        memcpy(at, uuid->bytes, sizeof uuid->bytes);
}

void copy_uuid_or_null(struct replay_buffer *out, const struct uuid *uuid)
{
    if (uuid_is_nil(uuid))
        copy_null(out);
    else
        copy_uuid(out, uuid);
}

int64_t copy_timestamp_us(uint64_t unix_ms)
{
    const int64_t epoch_2000_ms = INT64_C(946684800000);
    return ((int64_t)unix_ms - epoch_2000_ms) * 1000;
}

void copy_time(struct replay_buffer *out, uint64_t unix_ms)
{
    copy_bigint(out, copy_timestamp_us(unix_ms));
}

void copy_time_or_null(struct replay_buffer *out, uint64_t unix_ms)
{
    if (unix_ms == 0)
        copy_null(out);
    else
        copy_time(out, unix_ms);
}

void copy_amount(struct replay_buffer *out, replay_minor minor, const char *currency)
{
    const size_t mark = copy_field_begin(out);
    replay_amount_numeric(out, minor, replay_currency_decimals(currency));
    copy_field_end(out, mark);
}

void copy_text(struct replay_buffer *out, const char *bytes, size_t length)
{
    const size_t mark = copy_field_begin(out);
    replay_text_clean(out, bytes, length);
    copy_field_end(out, mark);
}

void copy_string(struct replay_buffer *out, const char *text)
{
    const size_t length = strlen(text);
    char *at = put_field(out, (uint32_t)length);
    if (at != NULL)
        memcpy(at, text, length);
}

void copy_text_or_null(struct replay_buffer *out, const struct text *text)
{
    if (text->length == 0)
        copy_null(out);
    else
        copy_text(out, text->bytes, text->length);
}

size_t copy_field_begin(struct replay_buffer *out)
{
    (void)replay_buffer_extend(out, 4);
    return out->length;
}

void copy_field_end(struct replay_buffer *out, size_t mark)
{
    if (out->failed)
        return;
    assert(mark >= 4 && mark <= out->length);
    store_be32(out->bytes + mark - 4, (uint32_t)(out->length - mark));
}

size_t copy_jsonb_begin(struct replay_buffer *out)
{
    const size_t mark = copy_field_begin(out);
    const char version = COPY_JSONB_VERSION;
    replay_buffer_append(out, &version, 1);
    return mark;
}

/* Types by their numbers in pg_type.dat. */
enum { TYPE_INT4 = 23, TYPE_NUMERIC = 1700, TYPE_UUID = 2950 };

static size_t array_begin(struct replay_buffer *out, uint32_t type, uint32_t count)
{
    const size_t mark = copy_field_begin(out);
    char *at = replay_buffer_extend(out, 20);
    if (at == NULL)
        return mark;
    store_be32(at, 1);     /* dimension */
    store_be32(at + 4, 0); /* no element is NULL */
    store_be32(at + 8, type);
    store_be32(at + 12, count);
    store_be32(at + 16, 1); /* the first element's subscript */
    return mark;
}

void copy_integers(struct replay_buffer *out, const uint32_t *items, uint32_t count)
{
    if (count == 0) {
        copy_null(out);
        return;
    }
    const size_t mark = array_begin(out, TYPE_INT4, count);
    for (uint32_t i = 0; i < count; i++)
        copy_integer(out, (int32_t)items[i]);
    copy_field_end(out, mark);
}

void copy_uuids(struct replay_buffer *out, const struct uuid *items, uint32_t count)
{
    if (count == 0) {
        copy_null(out);
        return;
    }
    const size_t mark = array_begin(out, TYPE_UUID, count);
    for (uint32_t i = 0; i < count; i++)
        copy_uuid(out, &items[i]);
    copy_field_end(out, mark);
}

void copy_amounts(struct replay_buffer *out, const int64_t *items, uint32_t count,
                  const char *currency)
{
    if (count == 0) {
        copy_null(out);
        return;
    }
    const size_t mark = array_begin(out, TYPE_NUMERIC, count);
    for (uint32_t i = 0; i < count; i++)
        copy_amount(out, items[i], currency);
    copy_field_end(out, mark);
}
