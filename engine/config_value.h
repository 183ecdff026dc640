/* Checks one found value against its key and stores it in struct config. */
#ifndef ENGINE_CONFIG_VALUE_H
#define ENGINE_CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "config_schema.h"
#include "config_toml.h"

struct config;

/* Where a refusal is explained. */
struct complaint {
    char *text;
    size_t bytes;
};

/* Writes the explanation; always false. */
__attribute__((format(printf, 2, 3))) bool complain(const struct complaint *complaint,
                                                    const char *format, ...);

/* A name or text as a message may show it: quoted, cut to fit, printable. */
void found_text(char *out, size_t out_bytes, const char *text, size_t length);

/* False: the value is not what the key wants; nothing changed. */
bool value_store(struct config *config, const struct config_key *key,
                 const struct config_toml_value *value);

/* The same with an explanation: "ORIGIN: [section] key: expected ..., found ...". */
bool value_take(struct config *config, const char *origin, const struct config_key *key,
                const struct config_toml_value *value, const struct complaint *complaint);

#endif
