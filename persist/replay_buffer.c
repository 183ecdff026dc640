#include "replay_buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPLAY_BUFFER_BYTES_MIN = 256 };

void replay_buffer_init(struct replay_buffer *buffer)
{
    *buffer = (struct replay_buffer){0};
}

void replay_buffer_release(struct replay_buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct replay_buffer){0};
}

void replay_buffer_reset(struct replay_buffer *buffer)
{
    buffer->length = 0;
    buffer->failed = false;
}

static bool buffer_grow(struct replay_buffer *buffer, size_t needed)
{
    size_t capacity = buffer->capacity > 0 ? buffer->capacity : REPLAY_BUFFER_BYTES_MIN;
    while (capacity < needed) {
        if (capacity > SIZE_MAX / 2)
            return false;
        capacity *= 2;
    }
    char *bytes = realloc(buffer->bytes, capacity);
    if (bytes == NULL)
        return false;
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return true;
}

char *replay_buffer_extend(struct replay_buffer *buffer, size_t length)
{
    if (buffer->failed)
        return NULL;
    if (length > SIZE_MAX / 4 || (buffer->capacity - buffer->length < length &&
                                  !buffer_grow(buffer, buffer->length + length))) {
        buffer->failed = true;
        return NULL;
    }
    char *at = buffer->bytes + buffer->length;
    buffer->length += length;
    return at;
}

void replay_buffer_append(struct replay_buffer *buffer, const void *bytes, size_t length)
{
    if (length == 0)
        return;
    char *at = replay_buffer_extend(buffer, length);
    if (at != NULL)
        memcpy(at, bytes, length);
}

void replay_buffer_text(struct replay_buffer *buffer, const char *text)
{
    replay_buffer_append(buffer, text, strlen(text));
}

void replay_buffer_format(struct replay_buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) {
        buffer->failed = true;
        return;
    }
    /* vsnprintf ends with a terminator, which is written but not counted. */
    char *at = replay_buffer_extend(buffer, (size_t)length + 1);
    if (at == NULL)
        return;
    va_start(arguments, format);
    (void)vsnprintf(at, (size_t)length + 1, format, arguments);
    va_end(arguments);
    buffer->length--;
}

const char *replay_buffer_string(struct replay_buffer *buffer)
{
    char *end = replay_buffer_extend(buffer, 1);
    if (end == NULL)
        return "";
    *end = '\0';
    buffer->length--;
    return buffer->bytes;
}
