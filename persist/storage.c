/* The blocking half: the operating system's files. Every descriptor is
 * close-on-exec; O_DIRECT keeps the page cache out of what we believe. Only `open`
 * looks at its context. */
#include "storage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../engine/logger.h"

enum { ZERO_BYTES = 1 << 20 };

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

/* --- a read while the caller works --- */

/* A thread for each: a piece of some megabytes takes milliseconds, a thread some
 * microseconds, and there is nothing to stop or to share. */
struct storage_ahead {
    pthread_t thread;
    int fd;
    void *bytes;
    size_t length;
    uint64_t offset;
    int64_t result;
};

static void *read_ahead(void *context)
{
    struct storage_ahead *ahead = context;
    ahead->result = system_read(NULL, ahead->fd, ahead->bytes, ahead->length, ahead->offset);
    return NULL;
}

static struct storage_ahead *system_read_begin(void *context, int fd, void *bytes, size_t length,
                                               uint64_t offset)
{
    (void)context;
    struct storage_ahead *ahead = malloc(sizeof *ahead);
    if (!ahead)
        return NULL;
    *ahead = (struct storage_ahead){
        .fd = fd, .bytes = bytes, .length = length, .offset = offset, .result = -EIO};
    if (pthread_create(&ahead->thread, NULL, read_ahead, ahead) == 0)
        return ahead;
    free(ahead);
    return NULL;
}

static int64_t system_read_end(void *context, struct storage_ahead *ahead)
{
    (void)context;
    pthread_join(ahead->thread, NULL);
    int64_t result = ahead->result;
    free(ahead);
    return result;
}

/* --- writing --- */

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

static int system_zero(void *context, int fd, uint64_t length)
{
    uint8_t *zeros = aligned_alloc(STORAGE_ALIGNMENT, ZERO_BYTES);
    if (!zeros)
        return -ENOMEM;
    memset(zeros, 0, ZERO_BYTES);
    int result = 0;
    for (uint64_t at = 0; result == 0 && at < length; at += ZERO_BYTES) {
        size_t part = length - at < ZERO_BYTES ? (size_t)(length - at) : ZERO_BYTES;
        result = system_write(context, fd, zeros, part, at);
    }
    free(zeros);
    return result;
}

static int64_t system_size(void *context, int fd)
{
    (void)context;
    struct stat info;
    return fstat(fd, &info) < 0 ? -errno : info.st_size;
}

static int system_sync(void *context, int fd)
{
    (void)context;
    return fsync(fd) < 0 ? -errno : 0;
}

/* --- the shared page --- */

static int map_file(int fd, bool writable, void **page)
{
    struct stat info;
    /* posix_fallocate: a page that cannot be written back would kill us by SIGBUS. */
    int error = writable ? posix_fallocate(fd, 0, STORAGE_ALIGNMENT) : 0;
    if (error != 0)
        return -error;
    if (fstat(fd, &info) < 0)
        return -errno;
    if (info.st_size < STORAGE_ALIGNMENT)
        return -ENOENT;
    *page = mmap(NULL, STORAGE_ALIGNMENT, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED,
                 fd, 0);
    return *page == MAP_FAILED ? -errno : 0;
}

static int system_map(void *context, const char *path, bool writable, void **page)
{
    (void)context;
    int fd = open(path, (writable ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int result = map_file(fd, writable, page);
    close(fd);
    return result;
}

static void system_unmap(void *context, void *page)
{
    (void)context;
    munmap(page, STORAGE_ALIGNMENT);
}

/* --- names --- */

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

static int system_make_directory(void *context, const char *path)
{
    (void)context;
    return mkdir(path, 0700) < 0 ? -errno : 0;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info, (void)type, (void)place;
    return remove(path);
}

static int system_remove_tree(void *context, const char *path)
{
    (void)context;
    return nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT ? 0 : -errno;
}

static int system_list(void *context, const char *path, storage_visit *visit, void *visit_context)
{
    (void)context;
    DIR *directory = opendir(path);
    const struct dirent *entry;
    int result = 0;
    if (!directory)
        return -errno;
    errno = 0;
    while (result == 0 && (entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            result = visit(visit_context, entry->d_name);
        errno = 0;
    }
    if (result == 0)
        result = -errno;
    closedir(directory);
    return result;
}

static int system_status(void *context, const char *path, struct storage_status *status)
{
    (void)context;
    struct stat info;
    if (stat(path, &info) < 0)
        return -errno;
    *status = (struct storage_status){(uint64_t)info.st_size, info.st_dev, info.st_ino,
                                      S_ISDIR(info.st_mode)};
    return 0;
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

/* --- the owner --- */

static int take_lock(int fd, char *owner, size_t owner_bytes)
{
    char own[32];
    owner[0] = '\0';
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        int error = errno;
        ssize_t n = pread(fd, owner, owner_bytes - 1, 0);
        owner[n < 0 ? 0 : n] = '\0';
        owner[strcspn(owner, "\n")] = '\0';
        return -error;
    }
    int length = snprintf(own, sizeof own, "%ld\n", (long)getpid());
    return ftruncate(fd, 0) < 0 || pwrite(fd, own, (size_t)length, 0) < 0 ? -errno : 0;
}

static int system_lock(void *context, const char *path, char *owner, size_t owner_bytes)
{
    (void)context;
    owner[0] = '\0';
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int result = take_lock(fd, owner, owner_bytes);
    if (result == 0)
        return fd;
    close(fd);
    return result;
}

static int system_random(void *context, void *bytes, size_t length)
{
    (void)context;
    size_t got = 0;
    while (got < length) {
        ssize_t n = getrandom((uint8_t *)bytes + got, length - got, 0);
        if (n < 0 && errno != EINTR)
            return -errno;
        got += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

#define SYSTEM_CALLS                                                                               \
    .open = system_open, .close = system_close, .read = system_read, .write = system_write,        \
    .zero = system_zero, .size = system_size, .sync = system_sync, .map = system_map,              \
    .unmap = system_unmap, .rename = system_rename, .unlink = system_unlink,                       \
    .make_directory = system_make_directory, .remove_tree = system_remove_tree,                    \
    .list = system_list, .status = system_status, .sync_directory = system_sync_directory,         \
    .lock = system_lock, .unlock = system_close, .random = system_random,                          \
    .read_begin = system_read_begin, .read_end = system_read_end

const struct storage *storage_system(bool allow_buffered)
{
    static bool choices[2] = {false, true};
    static const struct storage systems[2] = {
        {.context = &choices[0], SYSTEM_CALLS},
        {.context = &choices[1], SYSTEM_CALLS},
    };
    return &systems[allow_buffered];
}

/* --- flushes: what all kinds share --- */

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
    if (storage)
        storage->free(storage);
}
