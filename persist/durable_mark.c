#include "durable_mark.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log_error.h"

enum { PAGE_BYTES = 4096 };
#define DURABLE_MAGIC 0x31525544584f42ull /* "BOXDUR1" */

static int open_page(const char *path, bool writable)
{
    int fd = open(path, (writable ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC, 0600);
    struct stat info;
    if (fd < 0)
        return -1;
    /* posix_fallocate: a page that cannot be written back would kill us by SIGBUS. */
    if (writable && (errno = posix_fallocate(fd, 0, PAGE_BYTES)) != 0)
        goto fail;
    if (fstat(fd, &info) < 0)
        goto fail;
    if (info.st_size < PAGE_BYTES) {
        errno = ENOENT;
        goto fail;
    }
    return fd;
fail:;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

struct durable_page *durable_mark_open(const char *shard_path, bool writable)
{
    char path[LOG_PATH_BYTES + 16];
    snprintf(path, sizeof path, "%s/durable", shard_path);
    int fd = open_page(path, writable);
    if (fd < 0)
        return NULL;
    struct durable_page *page =
        mmap(NULL, PAGE_BYTES, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (page == MAP_FAILED)
        return NULL;
    if (page->magic == DURABLE_MAGIC)
        return page;
    if (!writable) {
        durable_mark_close(page);
        errno = ENOENT;
        return NULL;
    }
    durable_mark_publish(page, 0);
    page->magic = DURABLE_MAGIC;
    return page;
}

void durable_mark_close(struct durable_page *page)
{
    if (page)
        munmap(page, PAGE_BYTES);
}
