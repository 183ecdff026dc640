#include "header_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash_point.h"

int header_file_fail(struct log_error *error, const char *what, const char *path, int code)
{
    return log_error_set(error, log_error_exit_of(-code), NULL, "cannot %s %s: %s", what, path,
                         strerror(-code));
}

static int write_page(const struct storage *storage, const char *path, const void *page)
{
    int fd = storage->open(storage->context, path, STORAGE_CREATE);
    if (fd < 0)
        return fd;
    int result = storage->write(storage->context, fd, page, LOG_SEGMENT_HEADER_BYTES, 0);
    if (result == 0)
        result = storage->sync(storage->context, fd);
    storage->close(storage->context, fd);
    return result;
}

int header_file_write(const struct storage *storage, const char *directory, const char *name,
                      const void *header, size_t used, struct log_error *error)
{
    char path[LOG_PATH_BYTES], temporary[LOG_PATH_BYTES + 8];
    uint8_t *page = aligned_alloc(LOG_ALIGNMENT, LOG_SEGMENT_HEADER_BYTES);
    if (!page)
        return log_error_set(error, LOG_EXIT_IO, NULL, "out of memory");
    memcpy(page, header, used);
    log_file_header_seal(page, used);
    snprintf(path, sizeof path, "%s/%s", directory, name);
    snprintf(temporary, sizeof temporary, "%s.new", path);
    int result = write_page(storage, temporary, page);
    free(page);
    crash_point("header.written");
    if (result == 0)
        result = storage->rename(storage->context, temporary, path);
    if (result == 0)
        result = storage->sync_directory(storage->context, directory);
    return result < 0 ? header_file_fail(error, "write", path, result) : 0;
}

static int read_page(const struct storage *storage, const char *path, uint8_t *page)
{
    int fd = storage->open(storage->context, path, STORAGE_READ);
    if (fd < 0)
        return fd;
    int64_t got = -EIO;
    for (int i = 0; i < 3 && got < 0; i++)
        got = storage->read(storage->context, fd, page, LOG_SEGMENT_HEADER_BYTES, 0);
    storage->close(storage->context, fd);
    if (got < 0)
        return (int)got;
    memset(page + got, 0, LOG_SEGMENT_HEADER_BYTES - (size_t)got);
    return 0;
}

int header_file_read(const struct storage *storage, const char *directory, const char *name,
                     uint64_t magic, void *header, size_t used, struct log_error *error)
{
    char path[LOG_PATH_BYTES];
    uint8_t *page = aligned_alloc(LOG_ALIGNMENT, LOG_SEGMENT_HEADER_BYTES);
    if (!page)
        return log_error_set(error, LOG_EXIT_IO, NULL, "out of memory");
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int result = read_page(storage, path, page);
    enum log_header_state state = log_file_header_check(page, magic);
    struct log_file_head head;
    memcpy(&head, page, sizeof head);
    memcpy(header, page, used);
    free(page);
    if (result == -ENOENT || result == -ENOTDIR)
        return log_error_set(error, LOG_EXIT_NO_DATA, "RA", "%s does not exist", path);
    if (result < 0)
        return header_file_fail(error, "read", path, result);
    if (state == LOG_HEADER_NEWER)
        return log_error_set(error, LOG_EXIT_CONFIG, "RL",
                             "%s has format version %u; this program knows up to %d", path,
                             head.version, LOG_FORMAT_VERSION);
    if (state != LOG_HEADER_GOOD)
        return log_error_set(error, LOG_EXIT_CORRUPT, "RK", "%s is damaged", path);
    return 0;
}
