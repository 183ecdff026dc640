#include "durable_mark.h"

#include <errno.h>
#include <stdio.h>

#include "log_error.h"

#define DURABLE_MAGIC 0x31525544584f42ull /* "BOXDUR1" */

int durable_mark_open(const struct storage *storage, const char *shard_path, bool writable,
                      struct durable_page **out)
{
    char path[LOG_PATH_BYTES + 16];
    void *mapped;
    *out = NULL;
    snprintf(path, sizeof path, "%s/durable", shard_path);
    int result = storage->map(storage->context, path, writable, &mapped);
    if (result < 0)
        return result;
    struct durable_page *page = mapped;
    if (page->magic != DURABLE_MAGIC && !writable) {
        durable_mark_close(storage, page);
        return -ENOENT;
    }
    if (page->magic != DURABLE_MAGIC) {
        durable_mark_publish(page, 0);
        page->magic = DURABLE_MAGIC;
    }
    *out = page;
    return 0;
}

void durable_mark_close(const struct storage *storage, struct durable_page *page)
{
    if (page)
        storage->unmap(storage->context, page);
}

int durable_mark_settle(const struct storage *storage, const char *shard_path)
{
    char path[LOG_PATH_BYTES + 16];
    snprintf(path, sizeof path, "%s/durable", shard_path);
    int fd = storage->open(storage->context, path, STORAGE_READ_BUFFERED);
    if (fd < 0)
        return fd;
    int result = storage->sync(storage->context, fd);
    storage->close(storage->context, fd);
    return result < 0 ? result : storage->sync_directory(storage->context, shard_path);
}
