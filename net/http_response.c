/* A head is put together from blocks rendered beforehand:
 *
 *   status line | fixed block with Date, up to "X-Request-ID: " | the id
 *   | CORS block of the origin | what rest adds | Cache-Control, type, length
 *
 * The length is not known before the body: its digits are set into a field as wide
 * as the largest body asks for, blanks before them. */
#include "http_response.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DATE_FORM "Thu, 01 Jan 1970 00:00:00 GMT"

/* Bytes of a head beyond the blocks: status line, id, cache, type, length, close. */
enum { HEAD_BYTES_MAX = 384 };

static const char cache_control_default[] = "Cache-Control: no-store\r\n";
static const char json_type[] = "Content-Type: application/json\r\n";

struct status_line {
    int status;
    const char *line;
};

#define STATUS_LINE(status, reason)                                                                \
    {                                                                                              \
        status, "HTTP/1.1 " #status " " reason "\r\n"                                              \
    }

static const struct status_line status_lines[] = {
    STATUS_LINE(200, "OK"),
    STATUS_LINE(201, "Created"),
    STATUS_LINE(202, "Accepted"),
    STATUS_LINE(204, "No Content"),
    STATUS_LINE(304, "Not Modified"),
    STATUS_LINE(400, "Bad Request"),
    STATUS_LINE(401, "Unauthorized"),
    STATUS_LINE(402, "Payment Required"),
    STATUS_LINE(403, "Forbidden"),
    STATUS_LINE(404, "Not Found"),
    STATUS_LINE(405, "Method Not Allowed"),
    STATUS_LINE(406, "Not Acceptable"),
    STATUS_LINE(408, "Request Timeout"),
    STATUS_LINE(409, "Conflict"),
    STATUS_LINE(410, "Gone"),
    STATUS_LINE(412, "Precondition Failed"),
    STATUS_LINE(413, "Content Too Large"),
    STATUS_LINE(414, "URI Too Long"),
    STATUS_LINE(415, "Unsupported Media Type"),
    STATUS_LINE(417, "Expectation Failed"),
    STATUS_LINE(421, "Misdirected Request"),
    STATUS_LINE(422, "Unprocessable Content"),
    STATUS_LINE(425, "Too Early"),
    STATUS_LINE(428, "Precondition Required"),
    STATUS_LINE(429, "Too Many Requests"),
    STATUS_LINE(431, "Request Header Fields Too Large"),
    STATUS_LINE(500, "Internal Server Error"),
    STATUS_LINE(501, "Not Implemented"),
    STATUS_LINE(503, "Service Unavailable"),
    STATUS_LINE(505, "HTTP Version Not Supported"),
};

static const char *status_line_find(int status)
{
    for (size_t i = 0; i < sizeof status_lines / sizeof status_lines[0]; i++)
        if (status_lines[i].status == status)
            return status_lines[i].line;
    assert(false && "a status without a reason phrase");
    return NULL;
}

static uint32_t origin_block(char *block, size_t bytes, const char *origin, bool vary)
{
    int length;
    if (origin)
        length = snprintf(block, bytes,
                          "Access-Control-Allow-Origin: %s\r\n"
                          "Access-Control-Expose-Headers: X-Request-ID, X-Log-Position, "
                          "Idempotent-Replayed, Retry-After, X-RateLimit-Limit, "
                          "X-RateLimit-Remaining, X-RateLimit-Reset\r\n%s",
                          origin, vary ? "Vary: Origin\r\n" : "");
    else
        length = snprintf(block, bytes, "%s", vary ? "Vary: Origin\r\n" : "");
    assert(length >= 0 && (size_t)length < bytes);
    return (uint32_t)length;
}

void http_head_blocks_init(struct http_head_blocks *blocks, const struct config *config)
{
    static const char before_date[] = "Server: boxoffice\r\n"
                                      "X-Content-Type-Options: nosniff\r\n"
                                      "X-Frame-Options: DENY\r\n"
                                      "Content-Security-Policy: default-src 'none'; "
                                      "frame-ancestors 'none'\r\n"
                                      "Referrer-Policy: no-referrer\r\n"
                                      "Date: ";
    memset(blocks, 0, sizeof *blocks);
    int length = snprintf(blocks->fixed, sizeof blocks->fixed,
                          "%s%s\r\nX-Request-ID: ", before_date, DATE_FORM);
    assert(length > 0 && (size_t)length < sizeof blocks->fixed);
    blocks->fixed_bytes = (uint32_t)length;
    blocks->date_at = sizeof before_date - 1;
    uint32_t count = config->cors.origin_count;
    for (uint32_t i = 0; i <= count; i++)
        blocks->origin_bytes[i] =
            origin_block(blocks->origin[i], sizeof blocks->origin[i],
                         i > 0 ? config->cors.origins[i - 1] : NULL, count > 0);
}

void http_head_blocks_tick(struct http_head_blocks *blocks, uint64_t now_ms)
{
    uint64_t second = now_ms / 1000;
    if (second == blocks->second)
        return;
    blocks->second = second;
    struct tm tm;
    char date[sizeof DATE_FORM];
    time_t time = (time_t)second;
    gmtime_r(&time, &tm);
    /* The C locale's names are the RFC's; nothing here sets another. */
    size_t length = strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    assert(length == sizeof DATE_FORM - 1);
    memcpy(blocks->fixed + blocks->date_at, date, length);
}

struct http_response http_response_to(struct http_head_blocks *blocks,
                                      struct http_output_pool *pool, struct http_output *output,
                                      const struct http_memo *memo)
{
    return (struct http_response){.blocks = blocks, .pool = pool, .output = output, .memo = memo};
}

const struct http_memo *http_response_memo(const struct http_response *response)
{
    return response->memo;
}

/* Room has been reserved by the caller. */
static void put(struct http_response *response, const char *bytes, size_t length)
{
    struct http_output *output = response->output;
    assert(length <= output->capacity - output->length);
    memcpy(output->bytes + output->length, bytes, length);
    output->length += (uint32_t)length;
}

void http_response_begin(struct http_response *response, int status, size_t body_bytes_max)
{
    const struct http_head_blocks *blocks = response->blocks;
    const struct http_memo *memo = response->memo;
    assert(response->status == 0 && body_bytes_max < UINT32_MAX / 2);
    assert(memo->origin_index <= CONFIG_ORIGINS_MAX);
    response->status = status;
    response->body_bytes_max = (uint32_t)body_bytes_max;
    response->start = response->output->length;
    uint32_t origin_bytes = blocks->origin_bytes[memo->origin_index];
    http_output_reserve(response->pool, response->output,
                        HEAD_BYTES_MAX + blocks->fixed_bytes + origin_bytes +
                            (uint32_t)body_bytes_max);
    const char *line = status_line_find(status);
    put(response, line, strlen(line));
    put(response, blocks->fixed, blocks->fixed_bytes);
    put(response, memo->request_id, memo->request_id_length);
    put(response, "\r\n", 2);
    put(response, blocks->origin[memo->origin_index], origin_bytes);
    if (memo->close_after)
        put(response, "Connection: close\r\n", 19);
}

static bool printable(const char *bytes, size_t length)
{
    unsigned char bad = 0;
    for (size_t i = 0; i < length; i++)
        bad |= (unsigned char)bytes[i] < 0x20 || (unsigned char)bytes[i] > 0x7e;
    return !bad;
}

void http_response_header(struct http_response *response, const char *name, const char *value,
                          size_t value_length)
{
    size_t name_length = strlen(name);
    assert(response->status != 0 && response->body_start == 0);
    /* What lets no line end in lets no response be split. */
    assert(printable(name, name_length) && printable(value, value_length));
    if (name_length == 13 && memcmp(name, "Cache-Control", 13) == 0)
        response->cache_control = true;
    http_output_reserve(response->pool, response->output,
                        (uint32_t)(name_length + value_length) + 4 + HEAD_BYTES_MAX +
                            response->body_bytes_max);
    put(response, name, name_length);
    put(response, ": ", 2);
    put(response, value, value_length);
    put(response, "\r\n", 2);
}

static bool never_has_body(int status)
{
    return status == 204 || status == 304;
}

static uint32_t digit_count(uint32_t value)
{
    uint32_t digits = 1;
    while (value >= 10) {
        value /= 10;
        digits++;
    }
    return digits;
}

char *http_response_body(struct http_response *response, const char *content_type)
{
    static const char length_name[] = "Content-Length: ";
    struct http_output *output = response->output;
    assert(response->status != 0 && response->body_start == 0);
    bool body = !never_has_body(response->status);
    assert(body || response->body_bytes_max == 0);
    if (!response->cache_control)
        put(response, cache_control_default, sizeof cache_control_default - 1);
    if (content_type) {
        size_t type_length = strlen(content_type);
        assert(type_length < 128 && printable(content_type, type_length));
        put(response, "Content-Type: ", 14);
        put(response, content_type, type_length);
        put(response, "\r\n", 2);
    } else if (response->body_bytes_max > 0) {
        put(response, json_type, sizeof json_type - 1);
    }
    if (body) {
        static const char blanks[] = "          ";
        put(response, length_name, sizeof length_name - 1);
        put(response, blanks, digit_count(response->body_bytes_max));
        response->length_end = output->length;
        put(response, "\r\n", 2);
    }
    put(response, "\r\n", 2);
    response->body_start = output->length;
    return output->bytes + output->length;
}

static void length_set(struct http_response *response, uint32_t length)
{
    char *digit = response->output->bytes + response->length_end;
    do {
        *--digit = (char)('0' + length % 10);
        length /= 10;
    } while (length > 0);
}

void http_response_end(struct http_response *response, size_t body_bytes)
{
    if (response->body_start == 0)
        http_response_body(response, NULL);
    assert(!response->ended && body_bytes <= response->body_bytes_max);
    response->ended = true;
    if (response->length_end > 0)
        length_set(response, (uint32_t)body_bytes);
    if (response->memo->method != HTTP_HEAD)
        response->output->length += (uint32_t)body_bytes;
}
