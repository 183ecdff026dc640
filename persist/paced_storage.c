/* The pace is Turner's leaky bucket as a meter ("New directions in communications",
 * 1986) with room for one piece: the virtual scheduling of ITU-T I.371. */
#include "paced_storage.h"

#include "snapshot_process.h"

/* --- the pace --- */

/* Takes the next place in time for so many bytes, and waits for it. */
static void wait_turn(_Atomic uint64_t *due_ns, uint32_t mb_per_second, uint64_t bytes)
{
    if (mb_per_second == 0)
        return;
    const uint64_t now_ns = snapshot_monotonic_ns();
    uint64_t due = atomic_load(due_ns), begin;
    do
        begin = due > now_ns ? due : now_ns;
    while (!atomic_compare_exchange_weak(due_ns, &due, begin + bytes * 1000 / mb_per_second));
    snapshot_sleep_ns(begin - now_ns);
}

static size_t piece_of(size_t length)
{
    return length < PACED_PIECE_BYTES ? length : PACED_PIECE_BYTES;
}

static int64_t paced_read(void *context, int fd, void *bytes, size_t length, uint64_t offset)
{
    struct paced_storage *paced = context;
    size_t done = 0;
    while (done < length) {
        const size_t piece = piece_of(length - done);
        wait_turn(&paced->read_due_ns, paced->read_mb_per_second, piece);
        const int64_t got = paced->inner->read(paced->inner->context, fd, (char *)bytes + done,
                                               piece, offset + done);
        if (got < 0)
            return got;
        done += (size_t)got;
        if ((size_t)got < piece)
            break;
    }
    return (int64_t)done;
}

static int paced_write(void *context, int fd, const void *bytes, size_t length, uint64_t offset)
{
    struct paced_storage *paced = context;
    int result = 0;
    for (size_t done = 0; done < length && result == 0;) {
        const size_t piece = piece_of(length - done);
        wait_turn(&paced->write_due_ns, paced->write_mb_per_second, piece);
        result = paced->inner->write(paced->inner->context, fd, (const char *)bytes + done, piece,
                                     offset + done);
        done += piece;
    }
    return result;
}

/* --- all else goes through --- */

#define INNER(context) (((struct paced_storage *)(context))->inner)
#define PASS(call, context, ...) INNER(context)->call(INNER(context)->context, __VA_ARGS__)

static int pass_open(void *context, const char *path, enum storage_open how)
{
    return PASS(open, context, path, how);
}

static void pass_close(void *context, int fd)
{
    PASS(close, context, fd);
}

static int pass_zero(void *context, int fd, uint64_t length)
{
    return PASS(zero, context, fd, length);
}

static int64_t pass_size(void *context, int fd)
{
    return PASS(size, context, fd);
}

static int pass_sync(void *context, int fd)
{
    return PASS(sync, context, fd);
}

static int pass_map(void *context, const char *path, bool writable, void **page)
{
    return PASS(map, context, path, writable, page);
}

static void pass_unmap(void *context, void *page)
{
    PASS(unmap, context, page);
}

static int pass_rename(void *context, const char *from, const char *to)
{
    return PASS(rename, context, from, to);
}

static int pass_unlink(void *context, const char *path)
{
    return PASS(unlink, context, path);
}

static int pass_make_directory(void *context, const char *path)
{
    return PASS(make_directory, context, path);
}

static int pass_remove_tree(void *context, const char *path)
{
    return PASS(remove_tree, context, path);
}

static int pass_list(void *context, const char *path, storage_visit *visit, void *visit_context)
{
    return PASS(list, context, path, visit, visit_context);
}

static int pass_status(void *context, const char *path, struct storage_status *status)
{
    return PASS(status, context, path, status);
}

static int pass_sync_directory(void *context, const char *path)
{
    return PASS(sync_directory, context, path);
}

static int pass_lock(void *context, const char *path, char *owner, size_t owner_bytes)
{
    return PASS(lock, context, path, owner, owner_bytes);
}

static void pass_unlock(void *context, int fd)
{
    PASS(unlock, context, fd);
}

static int pass_random(void *context, void *bytes, size_t length)
{
    return PASS(random, context, bytes, length);
}

void paced_storage_init(struct paced_storage *paced, const struct storage *inner,
                        uint32_t read_mb_per_second, uint32_t write_mb_per_second)
{
    *paced = (struct paced_storage){.inner = inner,
                                    .read_mb_per_second = read_mb_per_second,
                                    .write_mb_per_second = write_mb_per_second,
                                    .storage = {.context = paced,
                                                .open = pass_open,
                                                .close = pass_close,
                                                .read = paced_read,
                                                .write = paced_write,
                                                .zero = pass_zero,
                                                .size = pass_size,
                                                .sync = pass_sync,
                                                .map = pass_map,
                                                .unmap = pass_unmap,
                                                .rename = pass_rename,
                                                .unlink = pass_unlink,
                                                .make_directory = pass_make_directory,
                                                .remove_tree = pass_remove_tree,
                                                .list = pass_list,
                                                .status = pass_status,
                                                .sync_directory = pass_sync_directory,
                                                .lock = pass_lock,
                                                .unlock = pass_unlock,
                                                .random = pass_random}};
}
