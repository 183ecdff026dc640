#include "log_window.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { READ_TRIES = 3 };

void log_window_init(struct log_window *window, const struct storage *storage, size_t capacity_max)
{
    memset(window, 0, sizeof *window);
    window->storage = storage;
    window->fd = -1;
    window->capacity_max = capacity_max;
}

/* No more buffer than the file can fill. */
static int reserve(struct log_window *window, uint64_t file_bytes)
{
    size_t wanted = window->capacity_max;
    if (file_bytes < wanted)
        wanted = (size_t)log_round_up(file_bytes + LOG_ALIGNMENT);
    if (wanted <= window->capacity)
        return 0;
    free(window->buffer);
    window->buffer = aligned_alloc(LOG_ALIGNMENT, wanted);
    window->capacity = window->buffer ? wanted : 0;
    return window->buffer ? 0 : -ENOMEM;
}

void log_window_release(struct log_window *window)
{
    log_window_close(window);
    free(window->buffer);
    window->buffer = NULL;
}

void log_window_close(struct log_window *window)
{
    if (window->fd >= 0)
        window->storage->close(window->storage->context, window->fd);
    window->fd = -1;
    log_window_refresh(window);
}

void log_window_refresh(struct log_window *window)
{
    window->start = 0;
    window->length = 0;
}

int log_window_open(struct log_window *window, const char *path)
{
    log_window_close(window);
    int fd = window->storage->open(window->storage->context, path, STORAGE_READ);
    if (fd < 0)
        return fd;
    int64_t bytes = window->storage->size(window->storage->context, fd);
    int error = bytes < 0 ? (int)bytes : reserve(window, (uint64_t)bytes);
    if (error < 0) {
        window->storage->close(window->storage->context, fd);
        return error;
    }
    window->fd = fd;
    window->file_bytes = (uint64_t)bytes;
    return 0;
}

static int load(struct log_window *window, uint64_t offset)
{
    int64_t got = -EIO;
    log_window_refresh(window);
    for (int i = 0; i < READ_TRIES && got < 0; i++)
        got = window->storage->read(window->storage->context, window->fd, window->buffer,
                                    window->capacity, offset);
    if (got < 0)
        return (int)got;
    window->start = offset;
    window->length = (size_t)got;
    return 0;
}

int log_window_read(struct log_window *window, uint64_t offset, size_t length,
                    const uint8_t **bytes, size_t *available)
{
    bool inside = offset >= window->start && offset <= window->start + window->length &&
                  (offset + length <= window->start + window->length ||
                   window->start + window->length >= window->file_bytes) &&
                  window->length > 0;
    if (!inside) {
        int error = load(window, offset & ~(uint64_t)(LOG_ALIGNMENT - 1));
        if (error < 0)
            return error;
    }
    size_t from = (size_t)(offset - window->start);
    *bytes = window->buffer + from;
    *available = from >= window->length ? 0 : window->length - from;
    if (*available > length)
        *available = length;
    return 0;
}

int log_window_block(struct log_window *window, uint64_t offset, enum log_block_state *state,
                     const struct log_block_header **block)
{
    const uint8_t *bytes;
    size_t available;
    int error = log_window_read(window, offset, LOG_ALIGNMENT, &bytes, &available);
    if (error < 0)
        return error;
    *block = (const struct log_block_header *)(const void *)bytes;
    if (log_bytes_zero(bytes, available)) {
        *state = LOG_BLOCK_ZERO;
        return 0;
    }
    *state = LOG_BLOCK_BAD_HEADER;
    if (available < LOG_BLOCK_HEADER_BYTES || !log_block_header_good(*block, UINT64_MAX))
        return 0;
    size_t size = (size_t)log_block_size(*block);
    error = log_window_read(window, offset, size, &bytes, &available);
    if (error < 0)
        return error;
    *block = (const struct log_block_header *)(const void *)bytes;
    /* Read again, so judged again: on a live file the two reads may differ. */
    if (available < LOG_BLOCK_HEADER_BYTES || !log_block_header_good(*block, size))
        return 0;
    bool good = available == size && log_block_payload_good(*block);
    *state = good ? LOG_BLOCK_GOOD : LOG_BLOCK_BAD_PAYLOAD;
    return 0;
}
