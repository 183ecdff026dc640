#include "http_head.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "http_token.h"

enum seen {
    SEEN_HOST = 1,
    SEEN_CONTENT_LENGTH = 2,
    SEEN_TRANSFER_ENCODING = 4,
    SEEN_AUTHORIZATION = 8,
    SEEN_IDEMPOTENCY_KEY = 16,
    SEEN_ORIGIN = 32,
    SEEN_EXPECT = 64,
    SEEN_CORS_METHOD = 128
};

struct head_parse {
    struct http_head *head;
    const char *reason;
    struct text host;
    unsigned seen;
    uint32_t body_bytes_max;
    bool http_1_0;
    bool may_have_body;
    bool expect;
};

static int refuse(struct head_parse *parse, int status, const char *reason)
{
    parse->reason = reason;
    return status;
}

/* `lower` is in lower case and holds only letters, digits and '-'. */
static bool equals(const char *bytes, uint32_t length, const char *lower)
{
    if (strlen(lower) != length)
        return false;
    for (uint32_t i = 0; i < length; i++)
        if ((bytes[i] | 0x20) != lower[i])
            return false;
    return true;
}

static bool all_of_class(const char *bytes, uint32_t length, uint8_t class)
{
    for (uint32_t i = 0; i < length; i++)
        if (!(http_class[(unsigned char)bytes[i]] & class))
            return false;
    return true;
}

static int method_parse(struct head_parse *parse, const char *bytes, uint32_t length)
{
    static const struct {
        const char *name;
        enum http_method method;
        bool may_have_body;
    } methods[] = {
        {"GET", HTTP_GET, false},
        {"POST", HTTP_POST, true},
        {"HEAD", HTTP_HEAD, false},
        {"DELETE", HTTP_DELETE, false},
        {"PUT", HTTP_PUT, true},
        {"OPTIONS", HTTP_OPTIONS, false},
        {"PATCH", HTTP_METHOD_OTHER, true},
        {"TRACE", HTTP_METHOD_OTHER, false},
        {"CONNECT", HTTP_METHOD_OTHER, false},
    };
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (strlen(methods[i].name) == length && memcmp(methods[i].name, bytes, length) == 0) {
            parse->head->request.method = methods[i].method;
            parse->may_have_body = methods[i].may_have_body;
            parse->head->connect = bytes[0] == 'C';
            return 0;
        }
    if (length == 0 || !all_of_class(bytes, length, HTTP_CLASS_TOKEN))
        return refuse(parse, 400, "The method is malformed.");
    if (length == 3 && memcmp(bytes, "PRI", 3) == 0)
        return refuse(parse, 400, "HTTP/2 is not spoken here.");
    return refuse(parse, 501, "The method is not implemented.");
}

static int version_parse(struct head_parse *parse, const char *bytes, uint32_t length)
{
    if (length != 8 || memcmp(bytes, "HTTP/", 5) != 0 || bytes[6] != '.' || bytes[5] < '0' ||
        bytes[5] > '9' || bytes[7] < '0' || bytes[7] > '9')
        return refuse(parse, 400, "The request line is malformed.");
    if (bytes[5] != '1' || bytes[7] > '1')
        return refuse(parse, 505, "Only HTTP/1.1 and HTTP/1.0 are spoken here.");
    parse->http_1_0 = bytes[7] == '0';
    return 0;
}

static int target_parse(struct head_parse *parse, const char *bytes, uint32_t length)
{
    struct http_head *head = parse->head;
    if (head->connect) /* authority form; answered without a look at it */
        return all_of_class(bytes, length, HTTP_CLASS_TARGET)
                   ? 0
                   : refuse(parse, 400, "The request target is malformed.");
    if (!http_target_parse(&head->target, bytes, length))
        return refuse(parse, 400, "The request target is malformed.");
    if (head->target.path.bytes[0] == '*' && head->request.method != HTTP_OPTIONS)
        return refuse(parse, 400, "The target * is for OPTIONS only.");
    return 0;
}

/* The line without its end. Single blanks only, and exactly two of them. */
static int request_line_parse(struct head_parse *parse, const char *line, uint32_t length)
{
    const char *end = line + length;
    const char *first = memchr(line, ' ', length);
    if (!first)
        return refuse(parse, 400, "The request line is malformed.");
    const char *target = first + 1;
    const char *second = memchr(target, ' ', (size_t)(end - target));
    if (!second || second == target)
        return refuse(parse, 400, "The request line is malformed.");
    int status = method_parse(parse, line, (uint32_t)(first - line));
    if (status == 0)
        status = version_parse(parse, second + 1, (uint32_t)(end - second - 1));
    if (status == 0)
        status = target_parse(parse, target, (uint32_t)(second - target));
    return status;
}

/* A request line over its limit whose method never ended is an unknown method. */
static int long_line_refuse(struct head_parse *parse, const char *line, uint32_t length)
{
    if (!memchr(line, ' ', length) && all_of_class(line, length, HTTP_CLASS_TOKEN))
        return refuse(parse, 501, "The method is not implemented.");
    return refuse(parse, 414, "The request line is longer than 8192 bytes.");
}

static bool once(struct head_parse *parse, enum seen field)
{
    bool first = !(parse->seen & field);
    parse->seen |= field;
    return first;
}

static int content_length_parse(struct head_parse *parse, const struct http_field *field)
{
    uint64_t value = 0;
    if (!once(parse, SEEN_CONTENT_LENGTH))
        return refuse(parse, 400, "Content-Length is repeated.");
    if (field->value_bytes == 0 || (field->value_bytes > 1 && field->value[0] == '0'))
        return refuse(parse, 400, "Content-Length is malformed.");
    for (uint32_t i = 0; i < field->value_bytes; i++) {
        if (field->value[i] < '0' || field->value[i] > '9')
            return refuse(parse, 400, "Content-Length is malformed.");
        if (value < UINT64_MAX / 10 - 1)
            value = value * 10 + (uint64_t)(field->value[i] - '0');
    }
    if (field->value_bytes > 18)
        return refuse(parse, 400, "Content-Length is malformed.");
    /* Over any limit is all that matters of a larger number. */
    parse->head->content_length = value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
    return 0;
}

/* Anything but exactly "chunked" is refused: 501 for codings that are well formed
 * but not offered, 400 for lists that could be read in two ways. */
static int transfer_encoding_parse(struct head_parse *parse, const struct http_field *field)
{
    if (!once(parse, SEEN_TRANSFER_ENCODING))
        return refuse(parse, 400, "Transfer-Encoding is repeated.");
    if (equals(field->value, field->value_bytes, "chunked")) {
        parse->head->chunked = true;
        return 0;
    }
    const char *at = field->value, *end = at + field->value_bytes;
    for (;;) {
        const char *start = at;
        while (at < end && http_is_token((unsigned char)*at))
            at++;
        bool last = at == end;
        if (at == start ||
            (!last && (*at != ',' || equals(start, (uint32_t)(at - start), "chunked"))))
            return refuse(parse, 400, "Transfer-Encoding is malformed.");
        if (last)
            return refuse(parse, 501, "No transfer coding but chunked is implemented.");
        for (at++; at < end && (*at == ' ' || *at == '\t');)
            at++;
    }
}

static void connection_parse(struct head_parse *parse, const struct http_field *field)
{
    const char *at = field->value, *end = at + field->value_bytes;
    while (at < end) {
        const char *start = at;
        while (at < end && http_is_token((unsigned char)*at))
            at++;
        if (equals(start, (uint32_t)(at - start), "close"))
            parse->head->close = true;
        while (at < end && !http_is_token((unsigned char)*at))
            at++;
    }
}

static int expect_parse(struct head_parse *parse, const struct http_field *field)
{
    if (parse->http_1_0)
        return 0;
    if (!once(parse, SEEN_EXPECT) || !equals(field->value, field->value_bytes, "100-continue"))
        return refuse(parse, 417, "Only the expectation 100-continue can be met.");
    parse->expect = true;
    return 0;
}

static int keep_once(struct head_parse *parse, enum seen name, struct text *text,
                     const struct http_field *field)
{
    if (!once(parse, name))
        return refuse(parse, 400, "A header that may stand only once is repeated.");
    *text = (struct text){field->value, field->value_bytes};
    return 0;
}

static void keep_first(struct text *text, const struct http_field *field)
{
    if (!text->bytes)
        *text = (struct text){field->value, field->value_bytes};
}

/* Two types cannot both hold: the empty one is supported by nobody, so 415. */
static void content_type_keep(struct text *text, const struct http_field *field)
{
    if (text->bytes)
        text->length = 0;
    else
        *text = (struct text){field->value, field->value_bytes};
}

static void request_id_keep(struct http_head *head, const struct http_field *field)
{
    if (field->value_bytes >= 1 && field->value_bytes <= HTTP_REQUEST_ID_BYTES_MAX &&
        all_of_class(field->value, field->value_bytes, HTTP_CLASS_REQUEST_ID))
        keep_first(&head->request_id, field);
}

/* W3C Trace Context, version 00: 00-<32 hex>-<16 hex>-<2 hex>, ids not all zero. */
static void traceparent_keep(struct http_head *head, const struct http_field *field)
{
    const char *value = field->value;
    if (field->value_bytes != HTTP_TRACEPARENT_BYTES || memcmp(value, "00-", 3) != 0)
        return;
    char digits[2] = {'0', '0'};
    for (uint32_t i = 3; i < HTTP_TRACEPARENT_BYTES; i++) {
        if (i == 35 || i == 52) {
            if (value[i] != '-')
                return;
            continue;
        }
        if (!(value[i] >= '0' && value[i] <= '9') && !(value[i] >= 'a' && value[i] <= 'f'))
            return;
        if (i < 52)
            digits[i > 35] |= (char)(value[i] ^ '0');
    }
    if (digits[0] != '0' && digits[1] != '0')
        keep_first(&head->traceparent, field);
}

static int field_parse(struct head_parse *parse, const struct http_field *field)
{
    struct http_request *request = &parse->head->request;
    const char *name = field->name;
    uint32_t length = field->name_bytes;
    switch (length) {
    case 4:
        if (equals(name, length, "host"))
            return keep_once(parse, SEEN_HOST, &parse->host, field);
        break;
    case 6:
        if (equals(name, length, "origin"))
            return keep_once(parse, SEEN_ORIGIN, &request->origin, field);
        if (equals(name, length, "expect"))
            return expect_parse(parse, field);
        break;
    case 10:
        if (equals(name, length, "connection"))
            connection_parse(parse, field);
        break;
    case 11:
        if (equals(name, length, "traceparent"))
            traceparent_keep(parse->head, field);
        break;
    case 12:
        if (equals(name, length, "content-type"))
            content_type_keep(&request->content_type, field);
        else if (equals(name, length, "x-request-id"))
            request_id_keep(parse->head, field);
        break;
    case 13:
        if (equals(name, length, "authorization"))
            return keep_once(parse, SEEN_AUTHORIZATION, &request->authorization, field);
        if (equals(name, length, "if-none-match"))
            keep_first(&request->if_none_match, field);
        break;
    case 14:
        if (equals(name, length, "content-length"))
            return content_length_parse(parse, field);
        break;
    case 15:
        if (equals(name, length, "idempotency-key"))
            return keep_once(parse, SEEN_IDEMPOTENCY_KEY, &request->idempotency_key, field);
        break;
    case 16:
        if (equals(name, length, "content-encoding"))
            keep_first(&request->content_encoding, field);
        break;
    case 17:
        if (equals(name, length, "transfer-encoding"))
            return transfer_encoding_parse(parse, field);
        if (equals(name, length, "x-idempotency-key"))
            return keep_once(parse, SEEN_IDEMPOTENCY_KEY, &request->idempotency_key, field);
        break;
    case 29:
        if (equals(name, length, "access-control-request-method"))
            return keep_once(parse, SEEN_CORS_METHOD, &request->access_control_request_method,
                             field);
        break;
    }
    return 0;
}

static int host_check(struct head_parse *parse)
{
    const struct text *host = &parse->host, *authority = &parse->head->target.authority;
    if (!host->bytes && !parse->http_1_0)
        return refuse(parse, 400, "Host is missing.");
    if (host->bytes && !http_authority_valid(host->bytes, host->length))
        return refuse(parse, 400, "Host is malformed.");
    if (!authority->bytes)
        return 0;
    if (!http_authority_valid(authority->bytes, authority->length))
        return refuse(parse, 400, "The request target is malformed.");
    /* Which of two names was meant is not for us to guess. */
    if (host->bytes && (host->length != authority->length ||
                        strncasecmp(host->bytes, authority->bytes, host->length) != 0))
        return refuse(parse, 400, "Host and the request target name different servers.");
    return 0;
}

static int body_check(struct head_parse *parse)
{
    struct http_head *head = parse->head;
    if (head->chunked && parse->seen & SEEN_CONTENT_LENGTH)
        return refuse(parse, 400, "Content-Length and Transfer-Encoding exclude each other.");
    if (head->chunked && parse->http_1_0)
        return refuse(parse, 400, "Transfer-Encoding is not part of HTTP/1.0.");
    bool body = head->chunked || head->content_length > 0;
    if (body && !parse->may_have_body)
        return refuse(parse, 400, "This method takes no body.");
    if (head->content_length > parse->body_bytes_max)
        return refuse(parse, 413, "The body is too large.");
    head->expect_continue = body && parse->expect;
    return 0;
}

static int fields_check(struct head_parse *parse, struct http_fields *fields, const char *head,
                        uint32_t bytes)
{
    uint32_t count;
    bool parsed = http_fields_parse(fields, head, bytes);
    const struct http_field *all = http_fields_all(fields, &count);
    int status = 0;
    for (uint32_t i = 0; i < count && status == 0; i++)
        status = field_parse(parse, &all[i]);
    if (status == 0 && !parsed)
        status = refuse(parse, 400, "The header fields are malformed.");
    if (status == 0)
        status = host_check(parse);
    if (status == 0)
        status = body_check(parse);
    return status;
}

int http_head_parse(struct http_head *head, struct http_scan *scan, struct http_fields *fields,
                    const char *bytes, uint32_t length, uint32_t body_bytes_max,
                    const char **reason)
{
    struct head_parse parse = {.head = head, .body_bytes_max = body_bytes_max};
    int status = 0;
    memset(head, 0, sizeof *head);
    bool line_known = scan->fields_start > 0; /* checked in an earlier call */
    enum http_scan_result result = http_scan(scan, bytes, length);
    if (result == HTTP_SCAN_REQUEST_LINE || (line_known && result != HTTP_SCAN_MORE))
        status =
            request_line_parse(&parse, bytes + scan->start, scan->fields_start - 2 - scan->start);
    if (status == 0 && result == HTTP_SCAN_REQUEST_LINE)
        result = http_scan(scan, bytes, length);
    if (status == 0)
        switch (result) {
        case HTTP_SCAN_MORE:
            return HTTP_HEAD_MORE;
        case HTTP_SCAN_BAD:
            status = refuse(&parse, 400, "The request holds a byte that has no place there.");
            break;
        case HTTP_SCAN_LINE_LONG:
            status = long_line_refuse(&parse, bytes + scan->start, HTTP_REQUEST_LINE_BYTES_MAX);
            break;
        case HTTP_SCAN_FIELDS_LARGE:
            status = refuse(&parse, 431, "The header fields are too many or too large.");
            break;
        default:
            assert(result == HTTP_SCAN_HEAD);
            status = fields_check(&parse, fields, bytes + scan->start, scan->at - scan->start);
        }
    *reason = parse.reason;
    if (status != 0)
        return status;
    head->bytes = scan->at;
    head->close |= parse.http_1_0;
    head->request.path = head->target.path;
    head->request.query = head->target.query;
    return HTTP_HEAD_COMPLETE;
}

void http_head_decode(struct http_head *head, char *bytes)
{
    if (!head->target.encoded)
        return;
    http_target_decode(&head->target, bytes + (head->target.path.bytes - bytes));
    head->request.path = head->target.path;
}
