/* The C shim over simdjson's On-Demand parser. On-Demand validates lazily, so
 * the walk below touches every value of the document (numbers by get_number,
 * atoms by is_null/get_bool, strings by unescaping) and then asks for the end:
 * nothing is handed out that was not checked. Nesting is bounded before each
 * descent, so the recursion below is at most JSON_DEPTH_MAX frames. */
#include "json.h"

#include <cstring>
#include <memory>
#include <new>

#include <simdjson.h>

namespace ondemand = simdjson::ondemand;

struct json_parser {
    ondemand::parser parser;
    std::unique_ptr<char[]> padded; /* the document and SIMDJSON_PADDING bytes */
    size_t document_bytes_max = 0;
    uint32_t node_count = 0;
    uint32_t key_count = 0;
    uint32_t node_count_max = JSON_NODES_MAX;
    bool large = false; /* keys are counted for each object */
    std::unique_ptr<json_node[]> nodes;
};

namespace
{

json_result walk(json_parser &json, ondemand::value value, uint32_t index, unsigned depth);

/* The next free node with its key. NULL: none left. */
json_node *add_node(json_parser &json, uint32_t *index)
{
    if (json.node_count == json.node_count_max)
        return nullptr;
    *index = json.node_count++;
    json_node *node = &json.nodes[*index];
    node->key = nullptr;
    node->key_length = 0;
    node->text = nullptr;
    node->text_length = 0;
    return node;
}

/* Linear in the keys before it: at most JSON_KEYS_MAX, compared by length first.
 * A hash table here would invite collisions for no gain. */
bool key_repeats(const json_parser &json, uint32_t object, uint32_t index)
{
    const json_node &last = json.nodes[index];
    for (uint32_t i = object + 1; i < index; i = json.nodes[i].next) {
        const json_node &node = json.nodes[i];
        if (node.key_length == last.key_length &&
            std::memcmp(node.key, last.key, last.key_length) == 0)
            return true;
    }
    return false;
}

json_result walk_object(json_parser &json, ondemand::object &object, uint32_t parent,
                        unsigned depth)
{
    uint32_t own_keys = 0;
    for (auto field : object) {
        if (field.error())
            return JSON_INVALID;
        uint32_t index;
        json_node *node = add_node(json, &index);
        uint32_t &keys = json.large ? own_keys : json.key_count;
        if (node == nullptr || ++keys > JSON_KEYS_MAX)
            return JSON_TOO_MANY;
        std::string_view key;
        if (field.unescaped_key().get(key))
            return JSON_INVALID;
        node->key = key.data();
        node->key_length = static_cast<uint32_t>(key.size());
        if (key_repeats(json, parent, index))
            return JSON_DUPLICATE_KEY;
        ondemand::value value;
        if (field.value().get(value))
            return JSON_INVALID;
        json_result result = walk(json, value, index, depth);
        if (result != JSON_OK)
            return result;
    }
    return JSON_OK;
}

json_result walk_array(json_parser &json, ondemand::array &array, unsigned depth)
{
    for (auto element : array) {
        ondemand::value value;
        if (element.get(value))
            return JSON_INVALID;
        uint32_t index;
        if (add_node(json, &index) == nullptr)
            return JSON_TOO_MANY;
        json_result result = walk(json, value, index, depth);
        if (result != JSON_OK)
            return result;
    }
    return JSON_OK;
}

bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The number as written. The token runs up to the next one, blanks included. */
json_result walk_number(json_node &node, ondemand::value &value)
{
    std::string_view token = value.raw_json_token();
    ondemand::number number;
    simdjson::error_code error = value.get_number().get(number);
    /* A number no 64-bit type holds is still JSON; its field refuses it. */
    if (error && error != simdjson::NUMBER_OUT_OF_RANGE && error != simdjson::NUMBER_ERROR)
        return JSON_INVALID;
    size_t length = 0;
    while (length < token.size() && !is_blank(token[length]))
        length++;
    node.type = JSON_NUMBER;
    node.text = token.data();
    node.text_length = static_cast<uint32_t>(length);
    return JSON_OK;
}

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* RFC 8259's number, exactly. Checked by us because simdjson reports a number
 * that is too big for its types with the same code as one that is no number. */
bool is_number(const char *text, size_t length)
{
    const char *end = text + length;
    if (text < end && *text == '-')
        text++;
    if (text == end || !is_digit(*text))
        return false;
    if (*text == '0')
        text++;
    else
        while (text < end && is_digit(*text))
            text++;
    if (text < end && *text == '.') {
        const char *first = ++text;
        while (text < end && is_digit(*text))
            text++;
        if (text == first)
            return false;
    }
    if (text < end && (*text == 'e' || *text == 'E')) {
        text++;
        if (text < end && (*text == '+' || *text == '-'))
            text++;
        const char *first = text;
        while (text < end && is_digit(*text))
            text++;
        if (text == first)
            return false;
    }
    return text == end;
}

json_result walk_container(json_parser &json, ondemand::value &value, uint32_t index, bool object,
                           unsigned depth)
{
    if (depth == JSON_DEPTH_MAX)
        return JSON_TOO_DEEP;
    json_result result;
    if (object) {
        ondemand::object children;
        json.nodes[index].type = JSON_OBJECT;
        result = value.get_object().get(children) ? JSON_INVALID
                                                  : walk_object(json, children, index, depth + 1);
    } else {
        ondemand::array children;
        json.nodes[index].type = JSON_ARRAY;
        result =
            value.get_array().get(children) ? JSON_INVALID : walk_array(json, children, depth + 1);
    }
    return result;
}

json_result walk_atom(json_node &node, ondemand::value &value, bool null)
{
    if (null) {
        bool is_null;
        node.type = JSON_NULL;
        return value.is_null().get(is_null) || !is_null ? JSON_INVALID : JSON_OK;
    }
    bool truth;
    if (value.get_bool().get(truth))
        return JSON_INVALID;
    node.type = truth ? JSON_TRUE : JSON_FALSE;
    return JSON_OK;
}

json_result walk_string(json_node &node, ondemand::value &value)
{
    std::string_view text;
    if (value.get_string().get(text))
        return JSON_INVALID;
    node.type = JSON_STRING;
    node.text = text.data();
    node.text_length = static_cast<uint32_t>(text.size());
    return JSON_OK;
}

json_result walk(json_parser &json, ondemand::value value, uint32_t index, unsigned depth)
{
    ondemand::json_type type;
    if (value.type().get(type))
        return JSON_INVALID;
    json_result result = JSON_INVALID;
    switch (type) {
    case ondemand::json_type::object:
    case ondemand::json_type::array:
        result = walk_container(json, value, index, type == ondemand::json_type::object, depth);
        break;
    case ondemand::json_type::number:
        result = walk_number(json.nodes[index], value);
        if (result == JSON_OK && !is_number(json.nodes[index].text, json.nodes[index].text_length))
            result = JSON_INVALID;
        break;
    case ondemand::json_type::string:
        result = walk_string(json.nodes[index], value);
        break;
    default:
        result = walk_atom(json.nodes[index], value, type == ondemand::json_type::null);
        break;
    }
    json.nodes[index].next = json.node_count;
    return result;
}

json_result parse(json_parser &json, size_t length)
{
    ondemand::document document;
    simdjson::padded_string_view view(json.padded.get(), length,
                                      length + simdjson::SIMDJSON_PADDING);
    if (json.parser.iterate(view).get(document))
        return JSON_INVALID;
    ondemand::json_type type;
    if (document.type().get(type))
        return JSON_INVALID;
    if (type != ondemand::json_type::object)
        return JSON_NOT_OBJECT;
    ondemand::object top;
    if (document.get_object().get(top))
        return JSON_INVALID;
    uint32_t index;
    json_node *node = add_node(json, &index);
    node->type = JSON_OBJECT;
    json_result result = walk_object(json, top, index, 1);
    if (result != JSON_OK)
        return result;
    /* At the end there is no current location; anywhere else is trailing text. */
    if (document.current_location().error() != simdjson::OUT_OF_BOUNDS)
        return JSON_INVALID;
    node->next = json.node_count;
    return JSON_OK;
}

} // namespace

static struct json_parser *parser_new(size_t document_bytes_max, bool large)
{
    json_parser *json = new (std::nothrow) json_parser();
    if (json == nullptr)
        return nullptr;
    json->document_bytes_max = document_bytes_max;
    json->large = large;
    json->node_count_max = large ? JSON_LARGE_NODES_MAX : JSON_NODES_MAX;
    json->nodes.reset(new (std::nothrow) json_node[json->node_count_max]);
    json->padded.reset(new (std::nothrow) char[document_bytes_max + simdjson::SIMDJSON_PADDING]());
    if (!json->nodes || !json->padded ||
        json->parser.allocate(document_bytes_max, JSON_DEPTH_MAX + 2)) {
        delete json;
        return nullptr;
    }
    return json;
}

extern "C" struct json_parser *json_parser_new(size_t document_bytes_max)
{
    return parser_new(document_bytes_max, false);
}

extern "C" struct json_parser *json_parser_new_large(size_t document_bytes_max)
{
    return parser_new(document_bytes_max, true);
}

extern "C" void json_parser_free(struct json_parser *parser)
{
    delete parser;
}

extern "C" enum json_result json_parse(struct json_parser *parser, const char *text, size_t length,
                                       const struct json_node **nodes, uint32_t *count)
{
    *nodes = parser->nodes.get();
    *count = 0;
    if (length > parser->document_bytes_max)
        return JSON_TOO_LONG;
    if (length == 0)
        return JSON_INVALID;
    std::memcpy(parser->padded.get(), text, length);
    std::memset(parser->padded.get() + length, ' ', simdjson::SIMDJSON_PADDING);
    parser->node_count = 0;
    parser->key_count = 0;
    json_result result = parse(*parser, length);
    if (result == JSON_OK)
        *count = parser->node_count;
    return result;
}
