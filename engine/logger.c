/* A line is built on the stack and leaves in one write(2), so that lines of
 * different threads never mix and nothing waits for a lock.
 *
 * Whatever comes from outside is escaped down to printable ASCII: a value can
 * forge neither a field nor a line, nor steer a terminal. */
#include "logger.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    LINE_BYTES = 8192,
    TEXT_BYTES_MAX = 1024, /* of one value, before escaping */
    TAIL_BYTES = 24,       /* kept free for ,"truncated":true} and the newline */
    ESCAPED_BYTES_MAX = 12 /* of one character: a surrogate pair */
};

/* The process's one standard error has one threshold and one count; they are
 * atomics beside it, not state of ours that a caller could want two of. */
static _Atomic int least_level = LOGGER_INFO;
static _Atomic uint64_t lines_dropped;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void logger_init(enum logger_level least)
{
    atomic_store_explicit(&least_level, (int)least, memory_order_relaxed);
}

bool logger_level_parse(const char *name, enum logger_level *level)
{
    for (int i = LOGGER_DEBUG; i <= LOGGER_ERROR; i++) {
        if (strcmp(level_names[i], name) == 0) {
            *level = (enum logger_level)i;
            return true;
        }
    }
    return false;
}

bool logger_enabled(enum logger_level level)
{
    return (int)level >= atomic_load_explicit(&least_level, memory_order_relaxed);
}

uint64_t logger_dropped(void)
{
    return atomic_load_explicit(&lines_dropped, memory_order_relaxed);
}

struct line {
    size_t length;
    bool truncated;
    char bytes[LINE_BYTES];
};

static bool line_room(const struct line *line, size_t bytes)
{
    return line->length + bytes <= sizeof line->bytes - TAIL_BYTES;
}

static void line_bytes(struct line *line, const char *bytes, size_t length)
{
    if (!line_room(line, length)) {
        line->truncated = true;
        return;
    }
    memcpy(line->bytes + line->length, bytes, length);
    line->length += length;
}

/* Decodes one UTF-8 character; what is not well-formed is U+FFFD, one byte long. */
static uint32_t utf8_next(const unsigned char *at, size_t left, size_t *used)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char lead = at[0];
    const size_t length = lead < 0x80             ? 1
                          : (lead & 0xe0) == 0xc0 ? 2
                          : (lead & 0xf0) == 0xe0 ? 3
                          : (lead & 0xf8) == 0xf0 ? 4
                                                  : 0;
    *used = 1;
    if (length == 1)
        return lead;
    if (length == 0 || length > left)
        return 0xfffd;
    uint32_t character = lead & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0xfffd;
        character = character << 6 | (at[i] & 0x3fu);
    }
    if (character < least[length] || character > 0x10ffff ||
        (character >= 0xd800 && character <= 0xdfff))
        return 0xfffd;
    *used = length;
    return character;
}

static void line_character(struct line *line, uint32_t character)
{
    char escaped[ESCAPED_BYTES_MAX + 1];
    int length;
    if (character == '"' || character == '\\') {
        length = snprintf(escaped, sizeof escaped, "\\%c", (char)character);
    } else if (character >= 0x20 && character < 0x7f) {
        escaped[0] = (char)character;
        length = 1;
    } else if (character < 0x10000) {
        length = snprintf(escaped, sizeof escaped, "\\u%04x", character);
    } else {
        const uint32_t above = character - 0x10000;
        length = snprintf(escaped, sizeof escaped, "\\u%04x\\u%04x", 0xd800 + (above >> 10),
                          0xdc00 + (above & 0x3ff));
    }
    line_bytes(line, escaped, (size_t)length);
}

static void line_text(struct line *line, const char *text)
{
    const size_t length = strnlen(text, TEXT_BYTES_MAX + 1);
    const size_t shown = length > TEXT_BYTES_MAX ? TEXT_BYTES_MAX : length;
    size_t used = 1;
    line_bytes(line, "\"", 1);
    /* The closing quote must fit, or the line would not be JSON. */
    for (size_t i = 0; i < shown && line_room(line, ESCAPED_BYTES_MAX + 1); i += used)
        line_character(line, utf8_next((const unsigned char *)text + i, shown - i, &used));
    if (length > TEXT_BYTES_MAX || !line_room(line, ESCAPED_BYTES_MAX + 1))
        line->truncated = true;
    line_bytes(line, "\"", 1);
}

static void line_field(struct line *line, const struct logger_field *field)
{
    char number[32];
    /* A field goes in with its name and an empty value, or not at all. */
    if (!line_room(line, strlen(field->name) + sizeof number + 2 * ESCAPED_BYTES_MAX)) {
        line->truncated = true;
        return;
    }
    line_bytes(line, ",\"", 2);
    line_bytes(line, field->name, strlen(field->name));
    line_bytes(line, "\":", 2);
    switch (field->kind) {
    case LOGGER_FIELD_TEXT:
        if (field->text == NULL)
            line_bytes(line, "null", 4);
        else
            line_text(line, field->text);
        break;
    case LOGGER_FIELD_INTEGER:
        line_bytes(line, number,
                   (size_t)snprintf(number, sizeof number, "%lld", (long long)field->integer));
        break;
    case LOGGER_FIELD_BOOL:
        line_bytes(line, field->integer != 0 ? "true" : "false", field->integer != 0 ? 4 : 5);
        break;
    }
}

static void line_begin(struct line *line, enum logger_level level, const char *event)
{
    struct timespec now;
    struct tm utc;
    char head[96];
    char second[32];
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &utc);
    (void)strftime(second, sizeof second, "%Y-%m-%dT%H:%M:%S", &utc);
    const int length = snprintf(head, sizeof head, "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\"",
                                second, now.tv_nsec / 1000000, level_names[level]);
    line->length = 0;
    line->truncated = false;
    line_bytes(line, head, (size_t)length);
    const struct logger_field name = {"event", LOGGER_FIELD_TEXT, event, 0};
    line_field(line, &name);
}

void logger_write(enum logger_level level, const char *event, const struct logger_field *fields,
                  size_t count)
{
    struct line line;
    line_begin(&line, level, event);
    for (size_t i = 0; i < count; i++)
        line_field(&line, &fields[i]);
    /* TAIL_BYTES were kept free for this. */
    const char *tail = line.truncated ? ",\"truncated\":true}\n" : "}\n";
    memcpy(line.bytes + line.length, tail, strlen(tail));
    line.length += strlen(tail);
    if (write(STDERR_FILENO, line.bytes, line.length) != (ssize_t)line.length)
        atomic_fetch_add_explicit(&lines_dropped, 1, memory_order_relaxed);
}
