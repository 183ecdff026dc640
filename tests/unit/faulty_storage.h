/* The operating system's storage, of which one chosen call fails, whatever it is. */
#ifndef TESTS_UNIT_FAULTY_STORAGE_H
#define TESTS_UNIT_FAULTY_STORAGE_H

#include <errno.h>

#include "../../persist/storage.h"

struct faulty_storage {
    struct storage storage;
    const struct storage *below;
    uint32_t calls;
    uint32_t fails_at; /* the first is 1; 0: none */
    uint32_t fails;    /* so many from there on: a read is tried again */
    int error;         /* -errno */
};

static inline bool faulty_hit(void *context)
{
    struct faulty_storage *faulty = context;
    faulty->calls++;
    return faulty->fails_at != 0 && faulty->calls >= faulty->fails_at &&
           faulty->calls < faulty->fails_at + faulty->fails;
}

#define BELOW(context) (((struct faulty_storage *)(context))->below)
#define PASS(context, call, ...)                                                                   \
    (faulty_hit(context) ? ((struct faulty_storage *)(context))->error                             \
                         : BELOW(context)->call(BELOW(context)->context, __VA_ARGS__))

static inline int faulty_open(void *context, const char *path, enum storage_open how)
{
    return PASS(context, open, path, how);
}
static inline void faulty_close(void *context, int fd)
{
    BELOW(context)->close(BELOW(context)->context, fd);
}
static inline int64_t faulty_read(void *context, int fd, void *bytes, size_t length,
                                  uint64_t offset)
{
    return PASS(context, read, fd, bytes, length, offset);
}
static inline int faulty_write(void *context, int fd, const void *bytes, size_t length,
                               uint64_t offset)
{
    return PASS(context, write, fd, bytes, length, offset);
}
static inline int faulty_zero(void *context, int fd, uint64_t length)
{
    return PASS(context, zero, fd, length);
}
static inline int64_t faulty_size(void *context, int fd)
{
    return PASS(context, size, fd);
}
static inline int faulty_sync(void *context, int fd)
{
    return PASS(context, sync, fd);
}
static inline int faulty_map(void *context, const char *path, bool writable, void **page)
{
    return PASS(context, map, path, writable, page);
}
static inline void faulty_unmap(void *context, void *page)
{
    BELOW(context)->unmap(BELOW(context)->context, page);
}
static inline int faulty_rename(void *context, const char *from, const char *to)
{
    return PASS(context, rename, from, to);
}
static inline int faulty_unlink(void *context, const char *path)
{
    return PASS(context, unlink, path);
}
static inline int faulty_make_directory(void *context, const char *path)
{
    return PASS(context, make_directory, path);
}
static inline int faulty_remove_tree(void *context, const char *path)
{
    return PASS(context, remove_tree, path);
}
static inline int faulty_list(void *context, const char *path, storage_visit *visit,
                              void *visit_context)
{
    return PASS(context, list, path, visit, visit_context);
}
static inline int faulty_status(void *context, const char *path, struct storage_status *status)
{
    return PASS(context, status, path, status);
}
static inline int faulty_sync_directory(void *context, const char *path)
{
    return PASS(context, sync_directory, path);
}
static inline int faulty_lock(void *context, const char *path, char *owner, size_t owner_bytes)
{
    return PASS(context, lock, path, owner, owner_bytes);
}
static inline void faulty_unlock(void *context, int fd)
{
    BELOW(context)->unlock(BELOW(context)->context, fd);
}
static inline int faulty_random(void *context, void *bytes, size_t length)
{
    return PASS(context, random, bytes, length);
}

#undef PASS
#undef BELOW

static inline void faulty_init(struct faulty_storage *faulty)
{
    *faulty = (struct faulty_storage){.storage = {.context = faulty,
                                                  .open = faulty_open,
                                                  .close = faulty_close,
                                                  .read = faulty_read,
                                                  .write = faulty_write,
                                                  .zero = faulty_zero,
                                                  .size = faulty_size,
                                                  .sync = faulty_sync,
                                                  .map = faulty_map,
                                                  .unmap = faulty_unmap,
                                                  .rename = faulty_rename,
                                                  .unlink = faulty_unlink,
                                                  .make_directory = faulty_make_directory,
                                                  .remove_tree = faulty_remove_tree,
                                                  .list = faulty_list,
                                                  .status = faulty_status,
                                                  .sync_directory = faulty_sync_directory,
                                                  .lock = faulty_lock,
                                                  .unlock = faulty_unlock,
                                                  .random = faulty_random},
                                      .below = storage_system(true),
                                      .fails = 1,
                                      .error = -EIO};
}

/* From now on the call number `fails_at` fails and `fails` - 1 after it. */
static inline void faulty_arm(struct faulty_storage *faulty, uint32_t fails_at, uint32_t fails,
                              int error)
{
    faulty->calls = 0;
    faulty->fails_at = fails_at;
    faulty->fails = fails;
    faulty->error = error;
}

static inline bool faulty_struck(const struct faulty_storage *faulty)
{
    return faulty->fails_at != 0 && faulty->calls >= faulty->fails_at;
}

#endif
