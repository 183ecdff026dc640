#include "rest_form.h"

#include <assert.h>
#include <stddef.h>
#include <xxhash.h>

#include "../engine/currency.h"
#include "json_text.h"
#include "rest_text.h"

enum { SHOWN_BYTES_MAX = 64, KEY_BYTES_MAX = 255 };

/* What a client sent is shown, but not all of something absurd; cut between characters. */
static struct text shown(struct text text)
{
    if (text.bytes == NULL || text.length <= SHOWN_BYTES_MAX)
        return text;
    text.length = SHOWN_BYTES_MAX;
    while (text.length > 0 && ((unsigned char)text.bytes[text.length] & 0xc0) == 0x80)
        text.length--;
    return text;
}

static void note(struct form_faults *faults, struct text field, const char *expected,
                 struct text value)
{
    if (faults->count == FORM_FAULTS_MAX)
        return;
    faults->faults[faults->count].field = shown(field);
    faults->faults[faults->count].expected = expected;
    faults->faults[faults->count].value = shown(value);
    faults->faults[faults->count++].item = faults->item;
}

void form_fault(struct form_faults *faults, const char *field, const char *expected)
{
    form_fault_value(faults, field, expected, (struct text){NULL, 0});
}

void form_fault_value(struct form_faults *faults, const char *field, const char *expected,
                      struct text value)
{
    note(faults, (struct text){field, (uint32_t)strlen(field)}, expected, value);
}

static void fault_unknown(struct form_faults *faults, const struct json_node *node)
{
    note(faults, (struct text){node->key, node->key_length}, "no such field",
         (struct text){NULL, 0});
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

static bool read_flag(const struct json_node *node, bool *flag)
{
    *flag = node->type == JSON_TRUE;
    return node->type == JSON_TRUE || node->type == JSON_FALSE;
}

static bool read_list(const struct form_field *field, const struct json_node *nodes, uint32_t index,
                      struct form_list *list)
{
    if (nodes[index].type != JSON_ARRAY)
        return false;
    list->nodes = nodes;
    list->first = index + 1;
    list->end = nodes[index].next;
    for (uint32_t i = list->first; i < list->end; i = nodes[i].next)
        list->count++;
    return list->count >= (uint32_t)field->min && list->count <= (uint32_t)field->max;
}

static bool read_stop(const struct form_field *field, const struct json_node *node,
                      const struct json_node **stop)
{
    int64_t number;
    *stop = node;
    if (node->type == JSON_STRING)
        return node->text_length > 0 && node->text_length <= (uint32_t)field->max;
    return json_integer(node, &number) && number >= field->min;
}

/* False: not what the field takes. */
static bool read_value(const struct form_field *field, const struct json_node *nodes,
                       uint32_t index, void *member)
{
    const struct json_node *node = &nodes[index];
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
    case FORM_FLAG:
        return read_flag(node, member);
    case FORM_LIST:
        return read_list(field, nodes, index, member);
    case FORM_STOP:
        return read_stop(field, node, member);
    case FORM_CHOICE: {
        struct form_choice *choice = member;
        choice->sent = true;
        return read_flag(node, &choice->value);
    }
    case FORM_OBJECT:
        if (node->type != JSON_OBJECT)
            return false;
        *(const struct json_node **)member = node;
        return true;
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
                        const struct json_node *nodes, uint32_t object, void *out,
                        struct form_faults *faults)
{
    uint64_t seen = 0;
    for (uint32_t i = object + 1; i < nodes[object].next; i = nodes[i].next) {
        const struct form_field *field = find_field(fields, field_count, &nodes[i]);
        if (field == NULL) {
            fault_unknown(faults, &nodes[i]);
            continue;
        }
        if (nodes[i].type == JSON_NULL)
            continue;
        seen |= UINT64_C(1) << (field - fields);
        if (!read_value(field, nodes, i, (char *)out + field->offset))
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

static bool read_with(struct rest_call *call, struct json_parser *json,
                      const struct form_field *fields, size_t field_count, void *out,
                      size_t out_bytes, struct form_faults *faults)
{
    assert(field_count <= 64);
    static const struct json_node empty = {.type = JSON_OBJECT, .next = 1};
    const struct json_node *nodes = &empty;
    uint32_t node_count = 1;
    struct text body = call->request->body;
    memset(out, 0, out_bytes);
    faults->count = faults->item = 0;
    if (body.length > 0) {
        if (!accept_media(call))
            return false;
        enum json_result result = json_parse(json, body.bytes, body.length, &nodes, &node_count);
        if (result != JSON_OK) {
            rest_problem(call->response,
                         &(struct rest_problem){.status = 400,
                                                .code = "VALIDATION_ERROR",
                                                .message = json_result_message(result),
                                                .details = ""});
            return false;
        }
    }
    read_fields(fields, field_count, nodes, 0, out, faults);
    return true;
}

bool form_read(struct rest_call *call, const struct form_field *fields, size_t field_count,
               void *out, size_t out_bytes, struct form_faults *faults)
{
    return read_with(call, call->rest->json, fields, field_count, out, out_bytes, faults);
}

bool form_read_large(struct rest_call *call, const struct form_field *fields, size_t field_count,
                     void *out, size_t out_bytes, struct form_faults *faults)
{
    return read_with(call, call->rest->json_large, fields, field_count, out, out_bytes, faults);
}

void form_read_element(const struct form_field *fields, size_t field_count,
                       const struct form_list *list, uint32_t index, void *out, size_t out_bytes,
                       struct form_faults *faults)
{
    assert(field_count <= 64 && index >= list->first && index < list->end);
    memset(out, 0, out_bytes);
    if (list->nodes[index].type == JSON_OBJECT)
        read_fields(fields, field_count, list->nodes, index, out, faults);
    else
        form_fault(faults, "", "an object");
}

/* {"field":"items[1].seats","expected":"...","value":"Z-1"} */
static char *put_fault(char *at, const struct form_faults *faults, uint32_t index)
{
    struct text field = faults->faults[index].field, value = faults->faults[index].value;
    char name[SHOWN_BYTES_MAX + 32];
    char *end = name;
    assert(field.length <= SHOWN_BYTES_MAX && strlen(faults->faults[index].expected) < 200);
    if (faults->faults[index].item > 0) {
        end = JSON_PUT(end, "items[");
        end = json_put_count(end, faults->faults[index].item - 1);
        end = field.length > 0 ? JSON_PUT(end, "].") : JSON_PUT(end, "]");
    }
    end = json_put_bytes(end, field.bytes, field.length);
    at = JSON_PUT(at, "{\"field\":");
    at = json_put_text(at, (struct text){name, (uint32_t)(end - name)});
    at = JSON_PUT(at, ",\"expected\":\"");
    at = stpcpy(at, faults->faults[index].expected);
    at = JSON_PUT(at, "\"");
    if (value.bytes != NULL) {
        at = JSON_PUT(at, ",\"value\":");
        at = json_put_text(at, value);
    }
    return JSON_PUT(at, "}");
}

enum rest_outcome form_refuse(struct rest_call *call, const struct form_faults *faults)
{
    char details[FORM_FAULTS_MAX * (2 * 6 * SHOWN_BYTES_MAX + 320) + 32];
    char *at = JSON_PUT(details, "\"fields\":[");
    for (uint32_t i = 0; i < faults->count; i++) {
        if (i > 0)
            *at++ = ',';
        at = put_fault(at, faults, i);
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
