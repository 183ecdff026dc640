#include "boxload_response.h"

#include <string.h>
#include <strings.h>

/* The value after `name` (written ": " and all) at the start of a header line.
 * `hint` is tried first. 0: absent. */
static uint32_t header_value_at(const char *bytes, uint32_t head_bytes, const char *name,
                                uint32_t name_length, uint32_t hint)
{
    if (hint > name_length && hint < head_bytes &&
        memcmp(bytes + hint - name_length, name, name_length) == 0)
        return hint;
    const char *at = bytes, *end = bytes + head_bytes;
    while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        at++;
        if ((size_t)(end - at) <= name_length)
            return 0;
        if (strncasecmp(at, name, name_length) == 0)
            return (uint32_t)(at - bytes) + name_length;
    }
    return 0;
}

static uint32_t head_end(const char *bytes, size_t length, uint32_t hint)
{
    /* A body of JSON holds no bare CRLF pairs, so a pair at the usual place ends
     * the head; the length check of the caller would notice a wrong guess. */
    if (hint >= 4 && hint <= length && memcmp(bytes + hint - 4, "\r\n\r\n", 4) == 0)
        return hint;
    const char *found = memmem(bytes, length, "\r\n\r\n", 4);
    return found ? (uint32_t)(found - bytes) + 4 : 0;
}

static bool digits_parse(const char *at, const char *end, uint64_t *value)
{
    const char *start = at;
    *value = 0;
    for (; at < end && *at >= '0' && *at <= '9' && at - start < 18; at++)
        *value = *value * 10 + (uint64_t)(*at - '0');
    return at > start;
}

static bool status_parse(const char *bytes, int *status)
{
    if (memcmp(bytes, "HTTP/1.1 ", 9) != 0)
        return false;
    for (int i = 9; i < 12; i++)
        if (bytes[i] < '0' || bytes[i] > '9')
            return false;
    *status = (bytes[9] - '0') * 100 + (bytes[10] - '0') * 10 + (bytes[11] - '0');
    return true;
}

enum response_scan response_scan(struct response *response, struct response_layout *layout,
                                 const char *bytes, size_t length)
{
    static const char length_name[] = "Content-Length: ";
    static const char connection_close[] = "\nConnection: close\r";
    uint64_t body_bytes = 0;
    if (length < 12)
        return RESPONSE_MORE;
    if (!status_parse(bytes, &response->status))
        return RESPONSE_BAD;
    uint32_t head_bytes = head_end(bytes, length, layout->head_bytes);
    if (head_bytes == 0)
        return length > 65536 ? RESPONSE_BAD : RESPONSE_MORE;
    uint32_t at =
        header_value_at(bytes, head_bytes, length_name, sizeof length_name - 1, layout->length_at);
    if (at == 0 && response->status != 204 && response->status != 304)
        return RESPONSE_BAD;
    const char *digits = bytes + at;
    while (at != 0 && *digits == ' ') /* a server may leave room for more of them */
        digits++;
    if (at != 0 && !digits_parse(digits, bytes + head_bytes, &body_bytes))
        return RESPONSE_BAD;
    if (body_bytes > 1u << 30)
        return RESPONSE_BAD;
    /* Seen only when the layout changes: the same server keeps its headers. */
    response->close = head_bytes != layout->head_bytes &&
                      memmem(bytes, head_bytes, connection_close, sizeof connection_close - 1);
    if (!response->close)
        layout->head_bytes = head_bytes;
    layout->length_at = at;
    response->head_bytes = head_bytes;
    response->body_bytes = (uint32_t)body_bytes;
    response->body = bytes + head_bytes;
    return length < head_bytes + body_bytes ? RESPONSE_MORE : RESPONSE_WHOLE;
}

const char *response_position(const struct response *response, struct response_layout *layout,
                              const char *bytes, uint32_t *length)
{
    static const char name[] = "X-Log-Position: ";
    uint32_t at =
        header_value_at(bytes, response->head_bytes, name, sizeof name - 1, layout->position_at);
    if (at == 0)
        return NULL;
    const char *end = memchr(bytes + at, '\r', response->head_bytes - at);
    layout->position_at = at;
    *length = end ? (uint32_t)(end - (bytes + at)) : 0;
    return end ? bytes + at : NULL;
}

const char *response_booking(const struct response *response, struct response_layout *layout)
{
    static const char name[] = "\"booking_id\":\"";
    const uint32_t name_length = sizeof name - 1;
    const char *found;
    uint32_t at = layout->booking_at;
    if (at < name_length || at + 37 > response->body_bytes ||
        memcmp(response->body + at - name_length, name, name_length) != 0) {
        found = memmem(response->body, response->body_bytes, name, name_length);
        if (!found)
            return NULL;
        at = (uint32_t)(found - response->body) + name_length;
        if (at + 37 > response->body_bytes)
            return NULL;
        layout->booking_at = at;
    }
    return response->body[at + 36] == '"' ? response->body + at : NULL;
}

const char *response_code(const struct response *response, uint32_t *length)
{
    static const char name[] = "\"code\":\"";
    const char *found = memmem(response->body, response->body_bytes, name, sizeof name - 1);
    if (!found)
        return NULL;
    found += sizeof name - 1;
    const char *end = memchr(found, '"', (size_t)(response->body + response->body_bytes - found));
    *length = end ? (uint32_t)(end - found) : 0;
    return end ? found : NULL;
}

bool response_number(const struct response *response, const char *name, uint64_t *value)
{
    const char *end = response->body + response->body_bytes, *at = response->body;
    size_t name_length = strlen(name);
    while ((at = memmem(at, (size_t)(end - at), name, name_length)) != NULL) {
        at += name_length;
        if (at > response->body + name_length && *(at - name_length - 1) == '"' && end - at > 2 &&
            at[0] == '"' && at[1] == ':')
            return digits_parse(at + 2, end, value);
    }
    return false;
}

bool response_contains(const struct response *response, const char *text)
{
    return memmem(response->body, response->body_bytes, text, strlen(text)) != NULL;
}
