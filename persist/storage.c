/* The blocking half: the operating system's files. Every descriptor is
 * close-on-exec; O_DIRECT keeps the page cache out of what we believe. */
#include "storage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../engine/logger.h"
#include "storage_private.h"

static int flags_of(enum storage_open how)
{
    switch (how) {
    case STORAGE_READ:
        return O_RDONLY | O_DIRECT | O_CLOEXEC;
    case STORAGE_WRITE:
        return O_RDWR | O_DIRECT | O_CLOEXEC;
    case STORAGE_CREATE:
        return O_RDWR | O_DIRECT | O_CLOEXEC | O_CREAT | O_TRUNC;
    case STORAGE_READ_BUFFERED:
        return O_RDONLY | O_CLOEXEC;
    }
    return O_RDONLY | O_CLOEXEC;
}

static int system_open(void *context, const char *path, enum storage_open how)
{
    const bool *allow_buffered = context;
    static atomic_flag said = ATOMIC_FLAG_INIT;
    int fd = open(path, flags_of(how), 0600);
    if (fd < 0 && errno == EINVAL && *allow_buffered) {
        if (!atomic_flag_test_and_set(&said))
            logger_log(LOGGER_WARN, "log_buffered", LOG_TEXT("file", path),
                       LOG_TEXT("reason", "the file system refuses O_DIRECT"));
        fd = open(path, flags_of(how) & ~O_DIRECT, 0600);
    }
    return fd < 0 ? -errno : fd;
}

static void system_close(void *context, int fd)
{
    (void)context;
    close(fd);
}

static int64_t system_read(void *context, int fd, void *bytes, size_t length, uint64_t offset)
{
    (void)context;
    size_t got = 0;
    while (got < length) {
        ssize_t n = pread(fd, (uint8_t *)bytes + got, length - got, (off_t)(offset + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        got += (size_t)n;
        /* A read that is not a multiple of the alignment met the end of the file. */
        if (n == 0 || (size_t)n % STORAGE_ALIGNMENT != 0)
            break;
    }
    return (int64_t)got;
}

static int system_write(void *context, int fd, const void *bytes, size_t length, uint64_t offset)
{
    (void)context;
    size_t put = 0;
    while (put < length) {
        ssize_t n = pwrite(fd, (const uint8_t *)bytes + put, length - put, (off_t)(offset + put));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return -EIO;
        put += (size_t)n;
    }
    return 0;
}

static int system_sync(void *context, int fd)
{
    (void)context;
    return fsync(fd) < 0 ? -errno : 0;
}

static int system_rename(void *context, const char *from, const char *to)
{
    (void)context;
    return rename(from, to) < 0 ? -errno : 0;
}

static int system_unlink(void *context, const char *path)
{
    (void)context;
    return unlink(path) < 0 ? -errno : 0;
}

static int system_sync_directory(void *context, const char *path)
{
    (void)context;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int result = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return result;
}

const struct storage *storage_system(bool allow_buffered)
{
    static bool choices[2] = {false, true};
    static const struct storage systems[2] = {
        {&choices[0], system_open, system_close, system_read, system_write, system_sync,
         system_rename, system_unlink, system_sync_directory},
        {&choices[1], system_open, system_close, system_read, system_write, system_sync,
         system_rename, system_unlink, system_sync_directory},
    };
    return &systems[allow_buffered];
}

void log_storage_bind(struct log_storage *storage, log_storage_done *done, void *context)
{
    storage->done = done;
    storage->context = context;
}

void log_storage_submit(struct log_storage *storage, int fd, const void *bytes, uint32_t length,
                        uint64_t offset)
{
    storage->submit(storage, fd, bytes, length, offset);
}

void log_storage_complete(struct log_storage *storage, uint64_t user_data, int32_t result)
{
    storage->complete(storage, user_data, result);
}

void log_storage_free(struct log_storage *storage)
{
    free(storage);
}
