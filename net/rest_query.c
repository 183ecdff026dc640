/* Query strings and pages. Parameters that no operation knows are ignored. */
#include "rest_call.h"

#include <stdio.h>

#include "../engine/hex.h"
#include "json_text.h"

enum { PAGE_DEFAULT = 20, PAGE_SIZE_MAX = 100, PAGE_NUMBER_MAX = 1000000 };

/* Percent-decodes a value, '+' as a blank. False: a bad escape, or no room. */
static bool decode(struct text raw, char *buffer, size_t buffer_bytes, struct text *value)
{
    size_t length = 0;
    for (uint32_t i = 0; i < raw.length; i++) {
        char c = raw.bytes[i] == '+' ? ' ' : raw.bytes[i];
        if (c == '%') {
            int high = i + 2 < raw.length ? hex_digit_value(raw.bytes[i + 1]) : -1;
            int low = high >= 0 ? hex_digit_value(raw.bytes[i + 2]) : -1;
            if (low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (length == buffer_bytes)
            return false;
        buffer[length++] = c;
    }
    *value = (struct text){buffer, (uint32_t)length};
    return true;
}

/* Cuts the next "name=value" off the query. */
static struct text next_pair(struct text *query)
{
    const char *end = memchr(query->bytes, '&', query->length);
    uint32_t length = end == NULL ? query->length : (uint32_t)(end - query->bytes);
    struct text pair = {query->bytes, length};
    uint32_t used = end == NULL ? length : length + 1;
    query->bytes += used;
    query->length -= used;
    return pair;
}

enum rest_query rest_query_text(struct text query, const char *name, char *buffer,
                                size_t buffer_bytes, struct text *value)
{
    size_t name_length = strlen(name);
    enum rest_query found = REST_QUERY_ABSENT;
    while (query.length > 0) {
        struct text pair = next_pair(&query);
        if (pair.length <= name_length || pair.bytes[name_length] != '=' ||
            memcmp(pair.bytes, name, name_length) != 0)
            continue;
        /* Twice the same name would leave two readers with two answers. */
        if (found != REST_QUERY_ABSENT)
            return REST_QUERY_BAD;
        struct text raw = {pair.bytes + name_length + 1, pair.length - (uint32_t)name_length - 1};
        if (!decode(raw, buffer, buffer_bytes, value))
            return REST_QUERY_BAD;
        found = REST_QUERY_FOUND;
    }
    return found;
}

/* A plain integer in 1..max; `number` is left alone when the parameter is absent. */
static bool query_number(struct text query, const char *name, uint32_t max, uint32_t *number)
{
    char buffer[16];
    struct text value;
    enum rest_query found = rest_query_text(query, name, buffer, sizeof buffer, &value);
    if (found == REST_QUERY_ABSENT)
        return true;
    if (found == REST_QUERY_BAD || value.length == 0 || value.length > 9 || value.bytes[0] == '0')
        return false;
    uint32_t parsed = 0;
    for (uint32_t i = 0; i < value.length; i++) {
        if (value.bytes[i] < '0' || value.bytes[i] > '9')
            return false;
        parsed = parsed * 10 + (uint32_t)(value.bytes[i] - '0');
    }
    if (parsed > max)
        return false;
    *number = parsed;
    return true;
}

static bool refuse_query(struct rest_call *call, const char *field, uint32_t max)
{
    char expected[64];
    snprintf(expected, sizeof expected, "an integer from 1 to %u", (unsigned)max);
    rest_field_problem(call, field, expected);
    return false;
}

bool rest_page(struct rest_call *call, struct rest_page *page)
{
    struct text query = call->request->query;
    *page = (struct rest_page){1, PAGE_DEFAULT};
    if (!query_number(query, "page", PAGE_NUMBER_MAX, &page->number))
        return refuse_query(call, "page", PAGE_NUMBER_MAX);
    if (!query_number(query, "per_page", PAGE_SIZE_MAX, &page->size))
        return refuse_query(call, "per_page", PAGE_SIZE_MAX);
    return true;
}

char *rest_put_meta(char *at, struct rest_page page, uint64_t total)
{
    at = JSON_PUT(at, ",\"meta\":{\"page\":");
    at = json_put_count(at, page.number);
    at = JSON_PUT(at, ",\"per_page\":");
    at = json_put_count(at, page.size);
    at = JSON_PUT(at, ",\"total\":");
    at = json_put_count(at, total);
    at = JSON_PUT(at, ",\"total_pages\":");
    at = json_put_count(at, (total + page.size - 1) / page.size);
    return JSON_PUT(at, "}");
}
