#include "http_fields.h"

#include <assert.h>
#include <llhttp.h>
#include <stdlib.h>

/* Else blanks would pass in field names. */
static_assert(LLHTTP_STRICT_MODE == 1, "llhttp built strict");

struct http_fields {
    llhttp_t parser;
    llhttp_settings_t settings;
    bool value_open; /* the newest field has had its value */
    uint32_t count;
    struct http_field all[HTTP_FIELDS_MAX];
};

static int on_name(llhttp_t *parser, const char *at, size_t length)
{
    struct http_fields *fields = parser->data;
    if (fields->count == HTTP_FIELDS_MAX || length == 0)
        return -1;
    fields->all[fields->count++] = (struct http_field){at, at, (uint32_t)length, 0};
    fields->value_open = false;
    return 0;
}

static int on_value(llhttp_t *parser, const char *at, size_t length)
{
    struct http_fields *fields = parser->data;
    /* The head is in one piece and unfolded: a value comes at once, after its name. */
    if (fields->count == 0 || fields->value_open)
        return -1;
    struct http_field *field = &fields->all[fields->count - 1];
    while (length > 0 && (at[length - 1] == ' ' || at[length - 1] == '\t'))
        length--;
    field->value = at;
    field->value_bytes = (uint32_t)length;
    fields->value_open = true;
    return 0;
}

struct http_fields *http_fields_new(void)
{
    struct http_fields *fields = calloc(1, sizeof *fields);
    if (!fields)
        return NULL;
    llhttp_settings_init(&fields->settings);
    fields->settings.on_header_field = on_name;
    fields->settings.on_header_value = on_value;
    llhttp_init(&fields->parser, HTTP_REQUEST, &fields->settings);
    fields->parser.data = fields;
    return fields;
}

void http_fields_free(struct http_fields *fields)
{
    free(fields);
}

bool http_fields_parse(struct http_fields *fields, const char *head, uint32_t bytes)
{
    fields->count = 0;
    fields->value_open = false;
    llhttp_reset(&fields->parser);
    llhttp_errno_t error = llhttp_execute(&fields->parser, head, bytes);
    /* An upgrade asked for is ignored by us and ends the parse for llhttp. */
    return error == HPE_OK || error == HPE_PAUSED_UPGRADE;
}

const struct http_field *http_fields_all(const struct http_fields *fields, uint32_t *count)
{
    *count = fields->count;
    return fields->all;
}
