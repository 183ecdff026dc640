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

static void free_buffers(struct log_window *window)
{
    free(window->buffer);
    free(window->other);
    window->buffer = window->other = NULL;
    window->capacity = 0;
}

/* No more buffer than the file can fill. */
static int reserve(struct log_window *window, uint64_t file_bytes)
{
    size_t wanted = window->capacity_max;
    if (file_bytes < wanted)
        wanted = (size_t)log_round_up(file_bytes + LOG_ALIGNMENT);
    if (wanted <= window->capacity)
        return 0;
    free_buffers(window);
    window->headroom = wanted >= 2 * LOG_BLOCK_BYTES_MAX ? LOG_BLOCK_BYTES_MAX : 0;
    window->buffer = aligned_alloc(LOG_ALIGNMENT, window->headroom + wanted);
    window->capacity = window->buffer ? wanted : 0;
    return window->buffer ? 0 : -ENOMEM;
}

void log_window_release(struct log_window *window)
{
    log_window_close(window);
    free_buffers(window);
}

void log_window_close(struct log_window *window)
{
    log_window_refresh(window);
    if (window->fd >= 0)
        window->storage->close(window->storage->context, window->fd);
    window->fd = -1;
}

/* --- the piece behind the view --- */

static uint64_t end_of(const struct log_window *window)
{
    return window->start + window->length;
}

static void begin_ahead(struct log_window *window)
{
    const struct storage *storage = window->storage;
    uint64_t end = end_of(window);
    if (!storage->read_begin || window->headroom == 0 || end >= window->file_bytes ||
        end % LOG_ALIGNMENT != 0)
        return;
    if (!window->other)
        window->other = aligned_alloc(LOG_ALIGNMENT, window->headroom + window->capacity);
    if (window->other)
        window->ahead = storage->read_begin(
            storage->context, window->fd, window->other + window->headroom, window->capacity, end);
}

static int64_t end_ahead(struct log_window *window)
{
    struct storage_ahead *ahead = window->ahead;
    window->ahead = NULL;
    return ahead ? window->storage->read_end(window->storage->context, ahead) : -EIO;
}

/* Shows the piece that was read ahead, and before it what the view has from `offset`
 * on. False: there is none, or it does not go on there; then nothing is changed. */
static bool take_ahead(struct log_window *window, uint64_t offset)
{
    uint64_t end = end_of(window);
    int64_t got = end_ahead(window);
    if (got < 0 || offset < window->start || offset > end || end - offset > window->headroom)
        return false;
    size_t kept = (size_t)(end - offset);
    uint8_t *piece = window->other + window->headroom;
    memcpy(piece - kept, window->view + (offset - window->start), kept);
    window->other = window->buffer;
    window->buffer = piece - window->headroom;
    window->view = piece - kept;
    window->start = offset;
    window->length = kept + (size_t)got;
    return true;
}

void log_window_refresh(struct log_window *window)
{
    end_ahead(window);
    window->view = window->buffer;
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

static int load(struct log_window *window, uint64_t offset, size_t length)
{
    uint8_t *bytes = window->buffer + window->headroom;
    int64_t got = -EIO;
    log_window_refresh(window);
    for (int i = 0; i < READ_TRIES && got < 0; i++)
        got = window->storage->read(window->storage->context, window->fd, bytes, length, offset);
    if (got < 0)
        return (int)got;
    window->view = bytes;
    window->start = offset;
    window->length = (size_t)got;
    return 0;
}

/* The next piece. What goes on where the view ends will go on again. */
static int load_next(struct log_window *window, uint64_t offset)
{
    bool goes_on = window->length > 0 && offset > window->start && offset <= end_of(window);
    int error = goes_on && take_ahead(window, offset) ? 0 : load(window, offset, window->capacity);
    if (error == 0 && goes_on)
        begin_ahead(window);
    return error;
}

static bool is_inside(const struct log_window *window, uint64_t offset, size_t length)
{
    return window->length > 0 && offset >= window->start && offset <= end_of(window) &&
           (offset + length <= end_of(window) || end_of(window) >= window->file_bytes);
}

static void show(const struct log_window *window, uint64_t offset, size_t length,
                 const uint8_t **bytes, size_t *available)
{
    size_t from = (size_t)(offset - window->start);
    *bytes = window->view + from;
    *available = from >= window->length ? 0 : window->length - from;
    if (*available > length)
        *available = length;
}

int log_window_read(struct log_window *window, uint64_t offset, size_t length,
                    const uint8_t **bytes, size_t *available)
{
    int error = is_inside(window, offset, length)
                    ? 0
                    : load_next(window, offset & ~(uint64_t)(LOG_ALIGNMENT - 1));
    if (error < 0)
        return error;
    show(window, offset, length, bytes, available);
    return 0;
}

int log_window_page(struct log_window *window, uint64_t offset, const uint8_t **bytes,
                    size_t *available)
{
    int error = is_inside(window, offset, LOG_ALIGNMENT) ? 0 : load(window, offset, LOG_ALIGNMENT);
    if (error < 0)
        return error;
    show(window, offset, LOG_ALIGNMENT, bytes, available);
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
