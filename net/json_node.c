#include "json.h"

#include <string.h>

const char *json_result_message(enum json_result result)
{
    switch (result) {
    case JSON_OK:
        return "The body is well formed.";
    case JSON_INVALID:
        return "The body is not valid JSON in UTF-8.";
    case JSON_NOT_OBJECT:
        return "The body must be a JSON object.";
    case JSON_TOO_DEEP:
        return "The body nests deeper than 16 levels.";
    case JSON_TOO_MANY:
        return "The body has more than 128 keys or 512 values.";
    case JSON_DUPLICATE_KEY:
        return "The body names a key twice.";
    case JSON_TOO_LONG:
        return "The body is too long.";
    }
    return "The body was refused.";
}

bool json_integer(const struct json_node *node, int64_t *value)
{
    if (node->type != JSON_NUMBER)
        return false;
    const char *at = node->text;
    const char *end = at + node->text_length;
    bool negative = *at == '-';
    if (negative)
        at++;
    /* JSON has no leading zeros, so a negative zero can only be "-0". */
    if (negative && *at == '0')
        return false;
    uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    uint64_t magnitude = 0;
    for (; at < end; at++) {
        if (*at < '0' || *at > '9')
            return false;
        uint64_t digit = (uint64_t)(*at - '0');
        if (magnitude > (limit - digit) / 10)
            return false;
        magnitude = magnitude * 10 + digit;
    }
    *value = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

bool json_key_is(const struct json_node *node, const char *key, size_t length)
{
    return node->key != NULL && node->key_length == length && memcmp(node->key, key, length) == 0;
}

bool json_text_is(const struct json_node *node, const char *text, size_t length)
{
    return node->type == JSON_STRING && node->text_length == length &&
           memcmp(node->text, text, length) == 0;
}
