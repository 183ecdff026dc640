#include "rest_form.h"

#include <assert.h>
#include <stddef.h>
#include <xxhash.h>

#include "../engine/currency.h"
#include "json_text.h"
#include "rest_text.h"

enum { FIELD_NAME_BYTES_MAX = 64, KEY_BYTES_MAX = 255 };

void form_fault(struct form_faults *faults, const char *field, const char *expected)
{
    if (faults->count == FORM_FAULTS_MAX)
        return;
    faults->faults[faults->count].field = (struct text){field, (uint32_t)strlen(field)};
    faults->faults[faults->count++].expected = expected;
}

/* An unknown name is shown, but not all of an absurd one; cut between characters. */
static void fault_unknown(struct form_faults *faults, const struct json_node *node)
{
    uint32_t length = node->key_length;
    if (length > FIELD_NAME_BYTES_MAX) {
        length = FIELD_NAME_BYTES_MAX;
        while (length > 0 && ((unsigned char)node->key[length] & 0xc0) == 0x80)
            length--;
    }
    if (faults->count == FORM_FAULTS_MAX)
        return;
    faults->faults[faults->count].field = (struct text){node->key, length};
    faults->faults[faults->count++].expected = "no such field";
}

static bool read_text(const struct form_field *field, const struct json_node *node,
                      struct text *text)
{
    if (node->type != JSON_STRING || node->text_length > (uint32_t)field->max)
        return false;
    *text = (struct text){node->text, node->text_length};
    switch ((enum form_kind)field->kind) {
    case FORM_LINE:
        return rest_text_is_line(*text);
    case FORM_PROSE:
        return rest_text_is_prose(*text);
    case FORM_SLUG:
        return rest_text_is_slug(*text);
    case FORM_URL:
        return rest_text_is_url(*text);
    default:
        return true;
    }
}

static bool read_currency(const struct json_node *node, int *currency)
{
    if (node->type != JSON_STRING)
        return false;
    *currency = currency_index(node->text, node->text_length) + 1;
    return *currency != 0;
}

static bool read_count(const struct form_field *field, const struct json_node *node, int64_t *count)
{
    return json_integer(node, count) && *count >= field->min && *count <= field->max;
}

/* False: not what the field takes. */
static bool read_value(const struct form_field *field, const struct json_node *node, void *member)
{
    switch ((enum form_kind)field->kind) {
    case FORM_ID: {
        struct uuid *id = member;
        return node->type == JSON_STRING && uuid_parse(id, node->text, node->text_length) &&
               !uuid_is_nil(id);
    }
    case FORM_COUNT:
        return read_count(field, node, member);
    case FORM_TIME:
        return node->type == JSON_STRING && timestamp_parse(node->text, node->text_length, member);
    case FORM_DECIMAL: {
        struct text *text = member;
        *text = (struct text){node->text, node->text_length};
        return node->type == JSON_NUMBER;
    }
    case FORM_CURRENCY:
        return read_currency(node, member);
    case FORM_LATER:
        return false;
    default:
        return read_text(field, node, member);
    }
}

static const struct form_field *find_field(const struct form_field *fields, size_t field_count,
                                           const struct json_node *node)
{
    for (size_t i = 0; i < field_count; i++)
        if (json_key_is(node, fields[i].name, fields[i].name_length))
            return &fields[i];
    return NULL;
}

static void read_fields(const struct form_field *fields, size_t field_count,
                        const struct json_node *nodes, uint32_t node_count, void *out,
                        struct form_faults *faults)
{
    uint64_t seen = 0;
    for (uint32_t i = 1; i < node_count; i = nodes[i].next) {
        const struct form_field *field = find_field(fields, field_count, &nodes[i]);
        if (field == NULL) {
            fault_unknown(faults, &nodes[i]);
            continue;
        }
        if (nodes[i].type == JSON_NULL)
            continue;
        seen |= UINT64_C(1) << (field - fields);
        if (!read_value(field, &nodes[i], (char *)out + field->offset))
            form_fault(faults, field->name, field->expected);
    }
    for (size_t i = 0; i < field_count; i++)
        if (fields[i].required && (seen >> i & 1) == 0)
            form_fault(faults, fields[i].name, fields[i].expected);
}

/* "application/json", perhaps with "; charset=utf-8", in any case. */
static bool is_json_type(struct text type)
{
    static const char json[] = "application/json";
    static const char charset[] = "charset=utf-8";
    enum { JSON_LENGTH = sizeof json - 1, CHARSET_LENGTH = sizeof charset - 1 };
    if (type.bytes == NULL || type.length < JSON_LENGTH ||
        strncasecmp(type.bytes, json, JSON_LENGTH) != 0)
        return false;
    const char *at = type.bytes + JSON_LENGTH;
    const char *end = type.bytes + type.length;
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    if (at == end)
        return true;
    if (*at++ != ';')
        return false;
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    return end - at == CHARSET_LENGTH && strncasecmp(at, charset, CHARSET_LENGTH) == 0;
}

/* False: 415; the response is complete. */
static bool accept_media(struct rest_call *call)
{
    const struct http_request *request = call->request;
    if (request->content_encoding.bytes == NULL && is_json_type(request->content_type))
        return true;
    rest_problem(call->response,
                 &(struct rest_problem){.status = 415,
                                        .code = "VALIDATION_ERROR",
                                        .message = "Send the body as application/json in UTF-8, "
                                                   "without a content coding.",
                                        .details = ""});
    return false;
}

bool form_read(struct rest_call *call, const struct form_field *fields, size_t field_count,
               void *out, size_t out_bytes, struct form_faults *faults)
{
    assert(field_count <= 64);
    static const struct json_node empty = {.type = JSON_OBJECT, .next = 1};
    const struct json_node *nodes = &empty;
    uint32_t node_count = 1;
    struct text body = call->request->body;
    memset(out, 0, out_bytes);
    faults->count = 0;
    if (body.length > 0) {
        if (!accept_media(call))
            return false;
        enum json_result result =
            json_parse(call->rest->json, body.bytes, body.length, &nodes, &node_count);
        if (result != JSON_OK) {
            rest_problem(call->response,
                         &(struct rest_problem){.status = 400,
                                                .code = "VALIDATION_ERROR",
                                                .message = json_result_message(result),
                                                .details = ""});
            return false;
        }
    }
    read_fields(fields, field_count, nodes, node_count, out, faults);
    return true;
}

enum rest_outcome form_refuse(struct rest_call *call, const struct form_faults *faults)
{
    char details[FORM_FAULTS_MAX * (6 * FIELD_NAME_BYTES_MAX + 256) + 32];
    char *at = JSON_PUT(details, "\"fields\":[");
    for (uint32_t i = 0; i < faults->count; i++) {
        assert(faults->faults[i].field.length <= FIELD_NAME_BYTES_MAX &&
               strlen(faults->faults[i].expected) < 200);
        if (i > 0)
            *at++ = ',';
        at = JSON_PUT(at, "{\"field\":");
        at = json_put_text(at, faults->faults[i].field);
        at = JSON_PUT(at, ",\"expected\":\"");
        at = stpcpy(at, faults->faults[i].expected);
        at = JSON_PUT(at, "\"}");
    }
    at = JSON_PUT(at, "],");
    return rest_problem(call->response,
                        &(struct rest_problem){.status = 400,
                                               .code = "VALIDATION_ERROR",
                                               .message = "Some fields are not as expected.",
                                               .details = details,
                                               .details_length = (size_t)(at - details)});
}

enum rest_outcome rest_field_problem(struct rest_call *call, const char *field,
                                     const char *expected)
{
    struct form_faults faults = {.count = 0};
    form_fault(&faults, field, expected);
    return form_refuse(call, &faults);
}

static bool is_key(struct text key)
{
    bool visible = key.length > 0 && key.length <= KEY_BYTES_MAX;
    for (uint32_t i = 0; visible && i < key.length; i++)
        visible = key.bytes[i] > ' ' && key.bytes[i] <= '~';
    return visible;
}

/* Method and route are part of the fingerprint: a key used for another operation
 * is another request. */
static uint32_t fingerprint(const struct rest_call *call, uint64_t fields)
{
    const char *pattern = call->route->pattern;
    uint64_t seed = fields ^ (uint64_t)call->route->method;
    return (uint32_t)XXH3_64bits_withSeed(pattern, strlen(pattern), seed);
}

struct request_key form_key(struct rest_call *call, struct text body_key, uint64_t fields,
                            struct form_faults *faults)
{
    struct request_key key = {0, 0};
    struct text header = call->request->idempotency_key;
    struct text chosen = header.bytes != NULL ? header : body_key;
    if (chosen.bytes == NULL)
        return key;
    bool differ = header.bytes != NULL && body_key.bytes != NULL &&
                  (header.length != body_key.length ||
                   memcmp(header.bytes, body_key.bytes, header.length) != 0);
    if (!is_key(chosen) || differ) {
        form_fault(faults, header.bytes != NULL ? "Idempotency-Key" : "idempotency_key",
                   FORM_KEY_EXPECTED);
        return key;
    }
    key.hash = request_key_hash(&call->actor.id, chosen.bytes, chosen.length);
    key.fingerprint = fingerprint(call, fields);
    return key;
}
