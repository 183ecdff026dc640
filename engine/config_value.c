#include "config_value.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "logger.h"

enum { DESCRIPTION_BYTES = 96 };

bool complain(const struct complaint *complaint, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(complaint->text, complaint->bytes, format, arguments);
    va_end(arguments);
    return false;
}

/* --- what was found, as a message may show it --- */

void found_text(char *out, size_t out_bytes, const char *text, size_t length)
{
    size_t at = 0;
    out[at++] = '"';
    for (size_t i = 0; i < length; i++) {
        if (at + 6 > out_bytes) { /* room for the mark, the quote and the end */
            memcpy(out + at, "...", 3);
            at += 3;
            break;
        }
        const char c = text[i];
        out[at++] = c >= 0x20 && c < 0x7f ? c : '?';
    }
    out[at++] = '"';
    out[at] = '\0';
}

static void found_describe(char *out, size_t out_bytes, const struct config_key *key,
                           const struct config_toml_value *value)
{
    if (key->secret && value->type == CONFIG_TOML_TEXT)
        (void)snprintf(out, out_bytes, "another text (not shown: it may hold a password)");
    else if (value->type == CONFIG_TOML_TEXT)
        found_text(out, out_bytes, value->text, value->text_bytes);
    else if (value->type == CONFIG_TOML_INTEGER)
        (void)snprintf(out, out_bytes, "%lld", (long long)value->integer);
    else if (value->type == CONFIG_TOML_BOOL)
        (void)snprintf(out, out_bytes, "%s", value->boolean ? "true" : "false");
    else
        (void)snprintf(out, out_bytes, "%s", value->type_name);
}

static void expected_describe(char *out, size_t out_bytes, const struct config_key *key)
{
    switch (key->kind) {
    case CONFIG_TEXT:
        (void)snprintf(out, out_bytes, "a text of at most %u bytes", key->field_bytes - 1);
        break;
    case CONFIG_ADDRESS:
        (void)snprintf(out, out_bytes, "ADDRESS:PORT");
        break;
    case CONFIG_COUNT:
        (void)snprintf(out, out_bytes, "an integer from %llu to %llu (%s)",
                       (unsigned long long)key->least, (unsigned long long)key->most, key->unit);
        break;
    case CONFIG_BOOL:
        (void)snprintf(out, out_bytes, "true or false");
        break;
    case CONFIG_ORIGINS:
        (void)snprintf(out, out_bytes, "at most %d texts like \"https://tickets.example\"",
                       CONFIG_ORIGINS_MAX);
        break;
    case CONFIG_LEVEL:
        (void)snprintf(out, out_bytes, "debug, info, warn or error");
        break;
    }
}

/* --- storing --- */

static bool port_is_valid(const char *text)
{
    const size_t length = strlen(text);
    if (length == 0 || length > 5 || strspn(text, "0123456789") != length)
        return false;
    const unsigned long port = strtoul(text, NULL, 10);
    return port >= 1 && port <= 65535;
}

static bool address_is_valid(const char *text)
{
    char host[INET6_ADDRSTRLEN];
    struct in6_addr address; /* room for either family */
    const bool v6 = text[0] == '[';
    const char *end = v6 ? strstr(text, "]:") : strchr(text, ':');
    if (end == NULL)
        return false;
    const char *start = v6 ? text + 1 : text;
    const size_t length = (size_t)(end - start);
    if (length >= sizeof host)
        return false;
    memcpy(host, start, length);
    host[length] = '\0';
    return inet_pton(v6 ? AF_INET6 : AF_INET, host, &address) == 1 &&
           port_is_valid(end + (v6 ? 2 : 1));
}

/* An origin as a browser sends it (RFC 6454): scheme, host, maybe a port. */
static bool origin_is_valid(const char *text)
{
    const char *host = NULL;
    if (strncmp(text, "https://", 8) == 0)
        host = text + 8;
    else if (strncmp(text, "http://", 7) == 0)
        host = text + 7;
    if (host == NULL || *host == '\0' || strlen(text) >= CONFIG_TEXT_BYTES)
        return false;
    /* Lower case, as browsers write it; comparing bytes is then enough. */
    return strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-:[]") == strlen(host);
}

static bool text_store(struct config *config, const struct config_key *key, const char *text,
                       size_t length)
{
    if (length >= key->field_bytes || memchr(text, '\0', length) != NULL)
        return false;
    if (key->kind == CONFIG_ADDRESS && !address_is_valid(text))
        return false;
    enum logger_level level;
    if (key->kind == CONFIG_LEVEL && !logger_level_parse(text, &level))
        return false;
    char *field = (char *)config + key->field_offset;
    memset(field, 0, key->field_bytes);
    memcpy(field, text, length);
    return true;
}

static bool count_store(struct config *config, const struct config_key *key, int64_t value)
{
    if (value < 0 || (uint64_t)value < key->least || (uint64_t)value > key->most)
        return false;
    void *field = (char *)config + key->field_offset;
    if (key->field_bytes == sizeof(uint16_t)) {
        assert(key->most <= UINT16_MAX);
        *(uint16_t *)field = (uint16_t)value;
    } else {
        assert(key->field_bytes == sizeof(uint32_t));
        assert(key->most <= UINT32_MAX);
        *(uint32_t *)field = (uint32_t)value;
    }
    return true;
}

static bool origins_store(struct config *config, const char *const *texts, size_t count)
{
    if (count > CONFIG_ORIGINS_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!origin_is_valid(texts[i]))
            return false;
    }
    memset(config->cors.origins, 0, sizeof config->cors.origins);
    for (size_t i = 0; i < count; i++)
        memcpy(config->cors.origins[i], texts[i], strlen(texts[i]));
    config->cors.origin_count = (uint32_t)count;
    return true;
}

bool value_store(struct config *config, const struct config_key *key,
                 const struct config_toml_value *value)
{
    switch (key->kind) {
    case CONFIG_TEXT:
    case CONFIG_ADDRESS:
    case CONFIG_LEVEL:
        return value->type == CONFIG_TOML_TEXT &&
               text_store(config, key, value->text, value->text_bytes);
    case CONFIG_COUNT:
        return value->type == CONFIG_TOML_INTEGER && count_store(config, key, value->integer);
    case CONFIG_BOOL:
        if (value->type == CONFIG_TOML_BOOL)
            *(bool *)((char *)config + key->field_offset) = value->boolean;
        return value->type == CONFIG_TOML_BOOL;
    case CONFIG_ORIGINS:
        return value->type == CONFIG_TOML_TEXTS &&
               origins_store(config, value->texts, value->text_count);
    }
    return false;
}

bool value_take(struct config *config, const char *origin, const struct config_key *key,
                const struct config_toml_value *value, const struct complaint *complaint)
{
    if (value_store(config, key, value))
        return true;
    char expected[DESCRIPTION_BYTES];
    char found[DESCRIPTION_BYTES];
    expected_describe(expected, sizeof expected, key);
    found_describe(found, sizeof found, key, value);
    return complain(complaint, "%s: [%s] %s: expected %s, found %s", origin, key->section,
                    key->name, expected, found);
}
