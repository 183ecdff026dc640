/* Any bytes as a JSON body: the parser never reads outside them, what it accepts is
 * a tree that adds up, and writing an accepted document anew gives one that parses
 * to the same tree. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../net/json.h"
#include "../../net/json_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BYTES_MAX = 65536, WRITTEN_MAX = 6 * BYTES_MAX + 4096 };

static char *write_node(const struct json_node *nodes, uint32_t index, char *at)
{
    static const char *const atoms[] = {"null", "false", "true"};
    const struct json_node *node = &nodes[index];
    if (node->key != NULL) {
        at = json_put_text(at, (struct text){node->key, node->key_length});
        *at++ = ':';
    }
    switch ((enum json_type)node->type) {
    case JSON_NUMBER:
        return json_put_bytes(at, node->text, node->text_length);
    case JSON_STRING:
        return json_put_text(at, (struct text){node->text, node->text_length});
    case JSON_ARRAY:
    case JSON_OBJECT:
        *at++ = node->type == JSON_ARRAY ? '[' : '{';
        for (uint32_t i = index + 1; i < node->next; i = nodes[i].next) {
            if (i > index + 1)
                *at++ = ',';
            at = write_node(nodes, i, at);
        }
        *at++ = node->type == JSON_ARRAY ? ']' : '}';
        return at;
    default:
        return stpcpy(at, atoms[node->type]);
    }
}

static void check_tree(const struct json_node *nodes, uint32_t count)
{
    assert(count >= 1 && count <= JSON_NODES_MAX);
    assert(nodes[0].type == JSON_OBJECT && nodes[0].next == count && nodes[0].key == NULL);
    uint32_t keys = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool container = nodes[i].type == JSON_ARRAY || nodes[i].type == JSON_OBJECT;
        assert(nodes[i].next > i && nodes[i].next <= count);
        assert(container || nodes[i].next == i + 1);
        keys += nodes[i].key != NULL;
        int64_t value;
        if (json_integer(&nodes[i], &value))
            assert(nodes[i].type == JSON_NUMBER &&
                   memchr(nodes[i].text, '.', nodes[i].text_length) == NULL);
    }
    assert(keys <= JSON_KEYS_MAX);
}

static void check_again(struct json_parser *again, const struct json_node *nodes, uint32_t count,
                        char *written)
{
    size_t length = (size_t)(write_node(nodes, 0, written) - written);
    const struct json_node *second;
    uint32_t second_count;
    enum json_result result = json_parse(again, written, length, &second, &second_count);
    assert(result == JSON_OK && second_count == count);
    for (uint32_t i = 0; i < count; i++) {
        assert(second[i].type == nodes[i].type && second[i].next == nodes[i].next);
        assert(second[i].key_length == nodes[i].key_length);
        assert(second[i].text_length == nodes[i].text_length);
        if (nodes[i].key_length > 0)
            assert(memcmp(second[i].key, nodes[i].key, nodes[i].key_length) == 0);
        if (nodes[i].text_length > 0)
            assert(memcmp(second[i].text, nodes[i].text, nodes[i].text_length) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct json_parser *parser, *again;
    static char *written;
    if (parser == NULL) {
        parser = json_parser_new(BYTES_MAX);
        again = json_parser_new(WRITTEN_MAX);
        written = malloc(WRITTEN_MAX);
        assert(parser != NULL && again != NULL && written != NULL);
    }
    const struct json_node *nodes;
    uint32_t count;
    enum json_result result = json_parse(parser, (const char *)data, size, &nodes, &count);
    if (result != JSON_OK) {
        assert(count == 0 && json_result_message(result)[0] != '\0');
        return 0;
    }
    check_tree(nodes, count);
    check_again(again, nodes, count, written);
    return 0;
}
