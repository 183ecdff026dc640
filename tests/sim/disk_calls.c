/* The port's blocking calls. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "disk_private.h"

/* A descriptor is a place in the table and the life of the process it belongs to:
 * what an earlier process left open is never another's file. */
enum { FD_BASE = 1 << 28, GENERATIONS = 1 << 15 };

/* For calls that can be done although nobody hears of it: true, do it. */
static bool begin(struct sim_disk *disk)
{
    bool dark = disk->dark;
    return disk_operate(disk) ||
           (!dark && sim_random_chance(&disk->crash_random, SIM_RANDOM_MILLION / 2));
}

static int end(const struct sim_disk *disk, int result)
{
    return disk->dark ? -EIO : result;
}

/* For full_ticks from when the fault is met. */
static bool is_full(struct sim_disk *disk)
{
    if (disk->now < disk->full_until)
        return true;
    if (!disk_meets(disk, SIM_DISK_FULL))
        return false;
    disk->full_until = disk->now + (disk->faults.full_ticks ? disk->faults.full_ticks : 1);
    return true;
}

/* --- descriptors --- */

static int handle_new(struct sim_disk *disk, struct disk_node *node, bool writable, bool direct)
{
    uint32_t slot = disk->free_handle;
    if (slot == DISK_HANDLES_MAX)
        return -EMFILE;
    disk->free_handle = disk->handles[slot].next_free;
    disk->handles[slot] = (struct disk_handle){node, writable, direct, 0};
    disk_node_hold(node);
    return (int)(FD_BASE | disk->generation % GENERATIONS * DISK_HANDLES_MAX | slot);
}

struct disk_handle *disk_handle_of(struct sim_disk *disk, int fd)
{
    uint32_t bits = (uint32_t)fd & ~(uint32_t)FD_BASE;
    struct disk_handle *handle = &disk->handles[bits % DISK_HANDLES_MAX];
    bool ours = fd >= FD_BASE && bits / DISK_HANDLES_MAX == disk->generation % GENERATIONS;
    return ours && handle->node ? handle : NULL;
}

static void handle_free(struct sim_disk *disk, struct disk_handle *handle)
{
    disk_node_drop(handle->node);
    handle->node = NULL;
    handle->next_free = disk->free_handle;
    disk->free_handle = (uint32_t)(handle - disk->handles);
}

/* --- files --- */

/* The node of `path`, made if need be. One reference is the caller's. */
static int take_node(struct sim_disk *disk, const char *path, bool create, struct disk_node **out)
{
    struct disk_node *node = disk_find(disk, path);
    *out = node;
    if (node) {
        disk_node_hold(node);
        return node->directory ? -EISDIR : 0;
    }
    if (!create)
        return -ENOENT;
    if (is_full(disk))
        return -ENOSPC;
    *out = disk_node_new(disk, false);
    return disk_add(disk, path, *out);
}

static int open_node(struct sim_disk *disk, const char *path, enum storage_open how)
{
    struct disk_node *node;
    int result = take_node(disk, path, how == STORAGE_CREATE, &node);
    if (result == 0 && how == STORAGE_CREATE)
        disk_file_truncate(node);
    if (result == 0)
        result = handle_new(disk, node, how == STORAGE_WRITE || how == STORAGE_CREATE,
                            how != STORAGE_READ_BUFFERED);
    if (node)
        disk_node_drop(node);
    return result;
}

static int call_open(void *context, const char *path, enum storage_open how)
{
    struct sim_disk *disk = context;
    if (!disk_operate(disk))
        return -EIO;
    return open_node(disk, path, how);
}

static void call_close(void *context, int fd)
{
    struct sim_disk *disk = context;
    struct disk_handle *handle = disk_handle_of(disk, fd);
    if (handle)
        handle_free(disk, handle);
}

static bool aligned(const struct disk_handle *handle, const void *bytes, size_t length,
                    uint64_t offset)
{
    return !handle->direct || ((uintptr_t)bytes | length | offset) % STORAGE_ALIGNMENT == 0;
}

static int64_t call_read(void *context, int fd, void *bytes, size_t length, uint64_t offset)
{
    struct sim_disk *disk = context;
    const struct disk_handle *handle = disk_handle_of(disk, fd);
    if (!disk_operate(disk))
        return -EIO;
    if (!handle)
        return -EBADF;
    if (!aligned(handle, bytes, length, offset))
        return -EINVAL;
    if (disk_meets(disk, SIM_DISK_READ_EIO))
        return -EIO;
    return (int64_t)disk_file_read(handle->node, offset, bytes, length);
}

/* bytes NULL: zeros. */
static int write_bytes(struct sim_disk *disk, int fd, const void *bytes, size_t length,
                       uint64_t offset)
{
    const struct disk_handle *handle = disk_handle_of(disk, fd);
    if (!begin(disk))
        return -EIO;
    if (!handle || !handle->writable)
        return -EBADF;
    if (!aligned(handle, bytes, length, offset))
        return -EINVAL;
    if (offset + length > handle->node->bytes && is_full(disk))
        return -ENOSPC;
    if (disk_meets(disk, SIM_DISK_WRITE_EIO))
        return -EIO;
    disk_file_write(handle->node, offset, bytes, length);
    return end(disk, 0);
}

static int call_write(void *context, int fd, const void *bytes, size_t length, uint64_t offset)
{
    return write_bytes(context, fd, bytes, length, offset);
}

static int call_zero(void *context, int fd, uint64_t length)
{
    return write_bytes(context, fd, NULL, length, 0);
}

static int64_t call_size(void *context, int fd)
{
    struct sim_disk *disk = context;
    const struct disk_handle *handle = disk_handle_of(disk, fd);
    if (!disk_operate(disk))
        return -EIO;
    return handle ? (int64_t)handle->node->bytes : -EBADF;
}

static void page_to_node(struct sim_disk *disk, struct disk_node *node)
{
    uint8_t there[STORAGE_ALIGNMENT];
    for (struct disk_page *page = disk->pages; page; page = page->next) {
        if (page->node != node)
            continue;
        disk_file_read(node, 0, there, sizeof there);
        if (memcmp(there, page->bytes, sizeof there) != 0)
            disk_file_write(node, 0, page->bytes, STORAGE_ALIGNMENT);
    }
}

/* A page that is mapped is a part of its file. */
static int call_sync(void *context, int fd)
{
    struct sim_disk *disk = context;
    const struct disk_handle *handle = disk_handle_of(disk, fd);
    if (!begin(disk))
        return -EIO;
    if (!handle)
        return -EBADF;
    page_to_node(disk, handle->node);
    if (disk_meets(disk, SIM_DISK_SYNC_EIO)) {
        disk_file_lose(handle->node);
        return -EIO;
    }
    if (disk->faults.lie)
        disk_file_promise(handle->node);
    else
        disk_file_sync(handle->node);
    return end(disk, 0);
}

/* --- shared pages --- */

static struct disk_page *page_of(struct sim_disk *disk, struct disk_node *node)
{
    for (struct disk_page *page = disk->pages; page; page = page->next)
        if (page->node == node)
            return page;
    struct disk_page *page = disk_allocate(sizeof *page);
    page->bytes = aligned_alloc(STORAGE_ALIGNMENT, STORAGE_ALIGNMENT);
    assert(page->bytes);
    disk_file_read(node, 0, page->bytes, STORAGE_ALIGNMENT);
    page->node = node;
    disk_node_hold(node);
    page->next = disk->pages;
    disk->pages = page;
    return page;
}

static int map_node(struct sim_disk *disk, struct disk_node *node, bool writable, void **out)
{
    if (node->bytes < STORAGE_ALIGNMENT && !writable)
        return -ENOENT;
    if (node->bytes < STORAGE_ALIGNMENT && is_full(disk))
        return -ENOSPC;
    if (node->bytes < STORAGE_ALIGNMENT)
        disk_file_write(node, node->bytes, NULL, STORAGE_ALIGNMENT - node->bytes);
    struct disk_page *page = page_of(disk, node);
    page->users++;
    *out = page->bytes;
    return 0;
}

static int call_map(void *context, const char *path, bool writable, void **out)
{
    struct sim_disk *disk = context;
    struct disk_node *node;
    if (!disk_operate(disk))
        return -EIO;
    int result = take_node(disk, path, writable, &node);
    if (result == 0)
        result = map_node(disk, node, writable, out);
    if (node)
        disk_node_drop(node);
    return result;
}

/* What the process left in its page is the file's now, but not the medium's. */
static void page_to_file(struct disk_page *page, const void *bytes)
{
    uint8_t there[STORAGE_ALIGNMENT];
    disk_file_read(page->node, 0, there, sizeof there);
    if (memcmp(there, bytes, sizeof there) != 0)
        disk_file_write(page->node, 0, bytes, STORAGE_ALIGNMENT);
    disk_node_drop(page->node);
    page->node = NULL;
}

static void call_unmap(void *context, void *bytes)
{
    struct sim_disk *disk = context;
    struct disk_page **at = &disk->pages;
    while (*at && (*at)->bytes != bytes)
        at = &(*at)->next;
    struct disk_page *page = *at;
    assert(page && page->users > 0);
    if (--page->users > 0)
        return;
    *at = page->next;
    if (page->node)
        page_to_file(page, disk->dark ? page->frozen : page->bytes);
    free(page->bytes);
    free(page);
}

/* A page that is being written out while its words change. */
static void tear(struct sim_disk *disk, const struct disk_page *page, uint8_t *bytes)
{
    const struct disk_node *node = page->node;
    if (node->durable_bytes < STORAGE_ALIGNMENT || sim_random_below(&disk->crash_random, 4) > 0)
        return;
    for (size_t at = 0; at < SIM_DISK_SECTOR_BYTES; at += sizeof(uint64_t))
        if (sim_random_below(&disk->crash_random, 2) == 0)
            memcpy(bytes + at, node->durable + at, sizeof(uint64_t));
}

void disk_pages_end(struct sim_disk *disk, bool power)
{
    for (struct disk_page *page = disk->pages; page; page = page->next) {
        uint8_t bytes[STORAGE_ALIGNMENT];
        if (!page->node)
            continue;
        memcpy(bytes, disk->dark ? page->frozen : page->bytes, sizeof bytes);
        if (power)
            tear(disk, page, bytes);
        page_to_file(page, bytes);
    }
}

/* --- names --- */

static int call_rename(void *context, const char *from, const char *to)
{
    struct sim_disk *disk = context;
    return begin(disk) ? end(disk, disk_move(disk, from, to)) : -EIO;
}

static int call_unlink(void *context, const char *path)
{
    struct sim_disk *disk = context;
    if (!begin(disk))
        return -EIO;
    const struct disk_node *node = disk_find(disk, path);
    return node && node->directory ? -EISDIR : end(disk, disk_remove(disk, path));
}

static int call_make_directory(void *context, const char *path)
{
    struct sim_disk *disk = context;
    if (!begin(disk))
        return -EIO;
    if (disk_find(disk, path))
        return -EEXIST;
    if (is_full(disk))
        return -ENOSPC;
    struct disk_node *node = disk_node_new(disk, true);
    int result = disk_add(disk, path, node);
    disk_node_drop(node);
    return end(disk, result);
}

static int call_remove_tree(void *context, const char *path)
{
    struct sim_disk *disk = context;
    if (!begin(disk))
        return -EIO;
    int result = disk_remove(disk, path);
    return end(disk, result == -ENOENT ? 0 : result);
}

static int list_node(struct sim_disk *disk, struct disk_node *node, storage_visit *visit,
                     void *visit_context)
{
    char(*names)[256] = NULL;
    uint32_t count = node->now.count;
    int result = 0;
    if (count == 0)
        return 0;
    /* Copies: the visitor may rename. In no order: begins anywhere. */
    names = disk_allocate(count * sizeof *names);
    for (uint32_t i = 0; i < count; i++)
        snprintf(names[i], sizeof names[i], "%s", node->now.entries[i].name);
    uint32_t first = (uint32_t)sim_random_below(&disk->name_random, count);
    for (uint32_t i = 0; i < count && result == 0; i++)
        result = visit(visit_context, names[(first + i) % count]);
    free(names);
    return result;
}

static int call_list(void *context, const char *path, storage_visit *visit, void *visit_context)
{
    struct sim_disk *disk = context;
    if (!disk_operate(disk))
        return -EIO;
    struct disk_node *node = disk_find(disk, path);
    if (!node || !node->directory)
        return node ? -ENOTDIR : -ENOENT;
    return list_node(disk, node, visit, visit_context);
}

static int call_status(void *context, const char *path, struct storage_status *status)
{
    struct sim_disk *disk = context;
    if (!disk_operate(disk))
        return -EIO;
    const struct disk_node *node = disk_find(disk, path);
    if (!node)
        return -ENOENT;
    *status = (struct storage_status){node->bytes, disk->device, node->number, node->directory};
    return 0;
}

static int call_sync_directory(void *context, const char *path)
{
    struct sim_disk *disk = context;
    if (!begin(disk))
        return -EIO;
    struct disk_node *node = disk_find(disk, path);
    if (!node || !node->directory)
        return node ? -ENOTDIR : -ENOENT;
    disk_sync_names(node);
    return end(disk, 0);
}

/* --- the owner --- */

static int call_lock(void *context, const char *path, char *owner, size_t owner_bytes)
{
    struct sim_disk *disk = context;
    struct disk_node *node;
    if (!disk_operate(disk))
        return -EIO;
    snprintf(owner, owner_bytes, "%s", "");
    int result = take_node(disk, path, true, &node);
    if (result == 0 && node->locked) {
        snprintf(owner, owner_bytes, "%u", disk->generation);
        result = -EWOULDBLOCK;
    }
    if (result == 0)
        result = handle_new(disk, node, false, false);
    if (result >= 0)
        node->locked = true;
    if (node)
        disk_node_drop(node);
    return result;
}

static void call_unlock(void *context, int fd)
{
    const struct disk_handle *handle = disk_handle_of(context, fd);
    if (handle)
        handle->node->locked = false;
    call_close(context, fd);
}

static int call_random(void *context, void *bytes, size_t length)
{
    struct sim_disk *disk = context;
    sim_random_fill(&disk->secret_random, bytes, length);
    return 0;
}

const struct storage disk_calls = {
    .open = call_open,
    .close = call_close,
    .read = call_read,
    .write = call_write,
    .zero = call_zero,
    .size = call_size,
    .sync = call_sync,
    .map = call_map,
    .unmap = call_unmap,
    .rename = call_rename,
    .unlink = call_unlink,
    .make_directory = call_make_directory,
    .remove_tree = call_remove_tree,
    .list = call_list,
    .status = call_status,
    .sync_directory = call_sync_directory,
    .lock = call_lock,
    .unlock = call_unlock,
    .random = call_random,
};
