/* A sliding view of one segment file: reads ahead in large aligned pieces and
 * shows blocks in place. Where the storage can read while we work (read_begin), the
 * next piece is on its way as soon as a file is seen to be read on. Private to the
 * log's readers. */
#ifndef PERSIST_LOG_WINDOW_H
#define PERSIST_LOG_WINDOW_H

#include "log_format.h"
#include "storage.h"

struct log_window {
    const struct storage *storage;
    int fd;          /* -1: no file */
    uint8_t *buffer; /* aligned: `headroom` bytes for what is kept of the piece before, */
    size_t headroom; /* then `capacity` */
    size_t capacity;
    size_t capacity_max;
    const uint8_t *view; /* the byte at file offset `start` */
    uint64_t start;
    size_t length; /* bytes to be seen */
    uint64_t file_bytes;
    struct storage_ahead *ahead; /* reads the piece behind the view; NULL: nothing does */
    uint8_t *other;              /* the buffer it reads into; NULL: not needed so far */
};

/* capacity_max: how much is read at once, at least twice the longest block. Calls
 * return 0 or -errno; a failing read is tried three times before it counts. */
void log_window_init(struct log_window *window, const struct storage *storage, size_t capacity_max);
void log_window_release(struct log_window *window);

/* Opens a file in place of the current one. */
int log_window_open(struct log_window *window, const char *path);
void log_window_close(struct log_window *window);

/* Forgets what was read: the file may have grown or changed. */
void log_window_refresh(struct log_window *window);

/* Makes `length` bytes at `offset` visible, fewer at the end of the file:
 * *bytes and *available. Both hold until the next call. */
int log_window_read(struct log_window *window, uint64_t offset, size_t length,
                    const uint8_t **bytes, size_t *available);
/* The same for the LOG_ALIGNMENT bytes at an aligned offset, without reading ahead:
 * for a header of a file of which nothing else may be wanted. */
int log_window_page(struct log_window *window, uint64_t offset, const uint8_t **bytes,
                    size_t *available);

enum log_block_state {
    LOG_BLOCK_GOOD,
    LOG_BLOCK_ZERO, /* 4 KiB of zeros, or the end of the file */
    LOG_BLOCK_BAD_HEADER,
    LOG_BLOCK_BAD_PAYLOAD
};

/* Judges the block at `offset` by its own bytes alone. *block (with its payload)
 * holds until the next call; for a bad payload only the header does. */
int log_window_block(struct log_window *window, uint64_t offset, enum log_block_state *state,
                     const struct log_block_header **block);

#endif
