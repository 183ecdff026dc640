/* Every key of the configuration, once: the file's loader, the environment, the
 * defaults and the documentation are all driven by this table. */
#ifndef ENGINE_CONFIG_SCHEMA_H
#define ENGINE_CONFIG_SCHEMA_H

#include <stddef.h>
#include <stdint.h>

enum config_kind {
    CONFIG_TEXT,
    CONFIG_ADDRESS, /* ADDRESS:PORT, the address numeric */
    CONFIG_COUNT,   /* uint16_t or uint32_t by field_bytes */
    CONFIG_BOOL,
    CONFIG_ORIGINS, /* the array of texts in struct config.cors */
    CONFIG_LEVEL    /* a log level's name */
};

struct config_key {
    const char *section;
    const char *name;
    enum config_kind kind;
    uint32_t field_offset; /* in struct config */
    uint32_t field_bytes;
    uint64_t least, most;    /* of a count, both included */
    const char *value;       /* the default, written as the environment would */
    const char *unit;        /* NULL: it has none worth a word */
    const char *about;       /* lines of documentation, separated by '\n' */
    unsigned int secret : 1; /* never shown in a message */
};

struct config_section {
    const char *name;
    const char *about;
};

extern const struct config_key config_keys[];
extern const uint32_t config_key_count;
extern const struct config_section config_sections[];
extern const uint32_t config_section_count;

/* NULL: unknown. */
const struct config_key *config_key_find(const char *section, const char *name);

#endif
