/* A TOML file as a flat list of section, key and value, each with its place.
 * The one file that knows toml++ (config_toml.cpp) implements it. */
#ifndef ENGINE_CONFIG_TOML_H
#define ENGINE_CONFIG_TOML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum config_toml_type {
    CONFIG_TOML_TEXT,
    CONFIG_TOML_INTEGER,
    CONFIG_TOML_BOOL,
    CONFIG_TOML_TEXTS, /* array of texts, possibly empty */
    CONFIG_TOML_OTHER  /* float, date, table, mixed array */
};

struct config_toml_place {
    uint32_t line, column; /* from 1 */
};

struct config_toml_value {
    const char *section; /* "" for a key above the first section */
    const char *key;     /* "" for a section as such, visited before its keys */
    enum config_toml_type type;
    const char *type_name; /* "an integer", "a date", ... */
    const char *text;      /* NUL-terminated; text_bytes tells of a NUL inside */
    size_t text_bytes;
    int64_t integer;
    bool boolean;
    const char *const *texts;
    size_t text_count;
    struct config_toml_place key_place, value_place;
};

/* All pointers hold during the call only. False stops the walk. */
typedef bool config_toml_visit(void *context, const struct config_toml_value *value);

/* False: the bytes are no TOML; *place and message tell where and why. True
 * also when a visitor stopped the walk. */
bool config_toml_walk(const char *bytes, size_t length, config_toml_visit *visit, void *context,
                      struct config_toml_place *place, char *message, size_t message_bytes);

#ifdef __cplusplus
}
#endif

#endif
