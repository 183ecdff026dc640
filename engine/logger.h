/* Operational messages: one JSON object a line on standard error, with time,
 * level, event and the given fields. Each line is one write(2); any thread.
 * Not for the request path: nothing per request is logged at level info. */
#ifndef ENGINE_LOGGER_H
#define ENGINE_LOGGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum logger_level { LOGGER_DEBUG, LOGGER_INFO, LOGGER_WARN, LOGGER_ERROR };

enum logger_field_kind { LOGGER_FIELD_TEXT, LOGGER_FIELD_INTEGER, LOGGER_FIELD_BOOL };

struct logger_field {
    const char *name;
    enum logger_field_kind kind;
    const char *text; /* escaped on the way out */
    int64_t integer;
};

#define LOG_TEXT(name, value) ((struct logger_field){(name), LOGGER_FIELD_TEXT, (value), 0})
#define LOG_INT(name, value)                                                                       \
    ((struct logger_field){(name), LOGGER_FIELD_INTEGER, NULL, (int64_t)(value)})
#define LOG_BOOL(name, value)                                                                      \
    ((struct logger_field){(name), LOGGER_FIELD_BOOL, NULL, (value) ? 1 : 0})

void logger_init(enum logger_level least);
bool logger_level_parse(const char *name, enum logger_level *level);
bool logger_enabled(enum logger_level level);
void logger_write(enum logger_level level, const char *event, const struct logger_field *fields,
                  size_t count);

/* Lines that could not be written (standard error closed or its disk full). */
uint64_t logger_dropped(void);

/* logger_log(LOGGER_INFO, "ready", LOG_TEXT("listen", address), LOG_INT("shards", n)); */
#define logger_log(level, event, ...)                                                              \
    do {                                                                                           \
        if (logger_enabled(level)) {                                                               \
            const struct logger_field logger_fields_[] = {__VA_ARGS__};                            \
            logger_write((level), (event), logger_fields_,                                         \
                         sizeof logger_fields_ / sizeof logger_fields_[0]);                        \
        }                                                                                          \
    } while (0)

#endif
