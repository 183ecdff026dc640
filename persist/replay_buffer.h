/* Bytes that grow at the end. Failure sticks: after running out of memory every
 * append does nothing, so that a builder checks `failed` once, before it uses
 * what it built. One thread at a time. */
#ifndef PERSIST_REPLAY_BUFFER_H
#define PERSIST_REPLAY_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct replay_buffer {
    char *bytes;
    size_t length;
    size_t capacity;
    bool failed;
};

void replay_buffer_init(struct replay_buffer *buffer);
void replay_buffer_release(struct replay_buffer *buffer);

/* Keeps the memory, forgets the bytes and the failure. */
void replay_buffer_reset(struct replay_buffer *buffer);

/* Room for `length` more bytes, counted as written. NULL: failed. The pointer
 * holds until the next call. */
char *replay_buffer_extend(struct replay_buffer *buffer, size_t length);

void replay_buffer_append(struct replay_buffer *buffer, const void *bytes, size_t length);
void replay_buffer_text(struct replay_buffer *buffer, const char *text);
void replay_buffer_format(struct replay_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The bytes as a string (a terminator is kept behind the length); "" when empty. */
const char *replay_buffer_string(struct replay_buffer *buffer);

#endif
