// toml++ behind a C interface. Header-only and without exceptions, so that the
// program needs neither the shared library nor unwinding through C frames.
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
// Version 3.3 asserts that a key follows "[", and then reports the same as an
// error like any other (github.com/marzer/tomlplusplus/pull/301). A file must not
// abort the program, so its asserts are neither checked nor assumed; the fuzzer
// stands guard instead.
#define TOML_ASSERT(expression) static_cast<void>(0)
#include <toml++/toml.h>

#include <cstdio>
#include <string>
#include <vector>

#include "config_toml.h"

namespace
{

struct walk {
    config_toml_visit *visit;
    void *context;
};

config_toml_place place_of(const toml::source_region &region)
{
    return {region.begin.line, region.begin.column};
}

const char *type_name_of(const toml::node &node)
{
    switch (node.type()) {
    case toml::node_type::string:
        return "a text";
    case toml::node_type::integer:
        return "an integer";
    case toml::node_type::floating_point:
        return "a fractional number";
    case toml::node_type::boolean:
        return "a boolean";
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time:
        return "a date or time";
    case toml::node_type::array:
        return "an array";
    case toml::node_type::table:
        return "a table";
    default:
        return "nothing";
    }
}

// Returns false unless every element is a text without a NUL inside.
bool texts_of(const toml::array &array, std::vector<const char *> &texts)
{
    for (const toml::node &element : array) {
        const toml::value<std::string> *text = element.as_string();
        if (text == nullptr || text->get().find('\0') != std::string::npos)
            return false;
        texts.push_back(text->get().c_str());
    }
    return true;
}

// A NUL inside a name must not make it equal to a known one.
const char *name_of(const toml::key &key)
{
    return key.str().find('\0') == std::string_view::npos ? key.data() : "?";
}

bool visit_value(const walk &walk, const char *section, const toml::key &key,
                 const toml::node &node)
{
    std::vector<const char *> texts;
    config_toml_value value = {};
    value.section = section;
    value.key = name_of(key);
    value.type = CONFIG_TOML_OTHER;
    value.type_name = type_name_of(node);
    value.key_place = place_of(key.source());
    value.value_place = place_of(node.source());
    if (const auto *text = node.as_string()) {
        value.type = CONFIG_TOML_TEXT;
        value.text = text->get().c_str();
        value.text_bytes = text->get().size();
    } else if (const auto *integer = node.as_integer()) {
        value.type = CONFIG_TOML_INTEGER;
        value.integer = integer->get();
    } else if (const auto *boolean = node.as_boolean()) {
        value.type = CONFIG_TOML_BOOL;
        value.boolean = boolean->get();
    } else if (const auto *array = node.as_array(); array != nullptr && texts_of(*array, texts)) {
        value.type = CONFIG_TOML_TEXTS;
        value.texts = texts.data();
        value.text_count = texts.size();
    }
    return walk.visit(walk.context, &value);
}

bool visit_section(const walk &walk, const toml::key &name, const toml::table &table)
{
    config_toml_value section = {};
    section.section = name_of(name);
    section.key = "";
    section.type = CONFIG_TOML_OTHER;
    section.type_name = "a table";
    section.key_place = section.value_place = place_of(name.source());
    if (!walk.visit(walk.context, &section))
        return false;
    for (const auto &entry : table) {
        if (!visit_value(walk, name_of(name), entry.first, entry.second))
            return false;
    }
    return true;
}

// U+FE86 to U+FEFE, three bytes each. toml++ 3.3 tables the spaces beyond ASCII
// such that looking one of these up runs off the table.
bool is_off_the_table(const unsigned char *at)
{
    return at[0] == 0xef && ((at[1] == 0xba && at[2] >= 0x86) || (at[1] == 0xbb && at[2] < 0xbf));
}

bool find_off_the_table(std::string_view text, config_toml_place &place)
{
    const auto *bytes = reinterpret_cast<const unsigned char *>(text.data());
    place = {1, 1};
    for (size_t i = 0; i + 2 < text.size(); i++) {
        if (is_off_the_table(bytes + i))
            return true;
        if (bytes[i] == '\n')
            place = {place.line + 1, 1};
        else if ((bytes[i] & 0xc0) != 0x80) // not inside a character
            place.column++;
    }
    return false;
}

} // namespace

extern "C" bool config_toml_walk(const char *bytes, size_t length, config_toml_visit *visit,
                                 void *context, config_toml_place *place, char *message,
                                 size_t message_bytes)
{
    const std::string_view text(bytes, length);
    if (find_off_the_table(text, *place)) {
        std::snprintf(message, message_bytes, "a character from U+FE86 to U+FEFE");
        return false;
    }
    const toml::parse_result result = toml::parse(text);
    if (!result) {
        const toml::parse_error &error = result.error();
        *place = place_of(error.source());
        std::snprintf(message, message_bytes, "%.*s", static_cast<int>(error.description().size()),
                      error.description().data());
        return false;
    }
    const walk walk = {visit, context};
    for (const auto &entry : result.table()) {
        const toml::table *section = entry.second.as_table();
        const bool on = section != nullptr ? visit_section(walk, entry.first, *section)
                                           : visit_value(walk, "", entry.first, entry.second);
        if (!on)
            break;
    }
    return true;
}
