/* Flushes: what the log's writers have in flight, in the order in which it will be
 * done. A flight is copied when it is submitted, since nobody says when a device
 * takes the bytes; that the writer leaves them alone until then is checked. */
#include <errno.h>
#include <stdlib.h>

#include "disk_private.h"

enum { INTERRUPTIONS_MAX = 16, SECTOR = SIM_DISK_SECTOR_BYTES, WRITE_BACK_MILLIONTHS = 2000 };

struct disk_flight {
    struct log_storage base;
    struct sim_disk *disk;
    struct disk_flight *next;
    struct disk_node *node; /* NULL: nothing in flight */
    const void *bytes;      /* the writer's */
    uint8_t *copy;
    uint32_t length, capacity;
    uint64_t offset, due, order;
    uint32_t interruptions;
};

/* --- the line of flights --- */

static void enqueue(struct disk_flight *flight)
{
    struct sim_disk *disk = flight->disk;
    struct disk_flight **at = &disk->flights;
    uint64_t ticks = disk->faults.latency_ticks_min;
    if (disk->faults.latency_ticks_max > ticks)
        ticks = sim_random_between(&disk->latency_random, ticks, disk->faults.latency_ticks_max);
    if (disk_meets(disk, SIM_DISK_CLOG))
        ticks += disk->faults.clog_ticks;
    flight->due = disk->now + ticks;
    flight->order = ++disk->order;
    while (*at && (*at)->due <= flight->due)
        at = &(*at)->next;
    flight->next = *at;
    *at = flight;
}

static void dequeue(struct disk_flight *flight)
{
    struct disk_flight **at = &flight->disk->flights;
    while (*at != flight)
        at = &(*at)->next;
    *at = flight->next;
}

static void end_flight(struct disk_flight *flight)
{
    disk_node_drop(flight->node);
    flight->node = NULL;
}

static void submit(struct log_storage *storage, int fd, const void *bytes, uint32_t length,
                   uint64_t offset)
{
    struct disk_flight *flight = (struct disk_flight *)storage;
    const struct disk_handle *handle = disk_handle_of(flight->disk, fd);
    assert(!flight->node && "one flush at a time");
    assert(length > 0 && length % STORAGE_ALIGNMENT == 0 && offset % STORAGE_ALIGNMENT == 0);
    if (!disk_operate(flight->disk))
        return;
    assert(handle && handle->writable);
    if (length > flight->capacity) {
        free(flight->copy);
        flight->copy = disk_allocate(length);
        flight->capacity = length;
    }
    memcpy(flight->copy, bytes, length);
    flight->bytes = bytes;
    flight->length = length;
    flight->offset = offset;
    flight->interruptions = 0;
    flight->node = handle->node;
    disk_node_hold(flight->node);
    enqueue(flight);
}

/* --- landing --- */

/* The first `length` bytes are written; nothing is synced. */
static void leave(const struct disk_flight *flight, uint32_t length)
{
    if (length > 0)
        disk_file_write(flight->node, flight->offset, flight->copy, length);
}

static uint32_t some_sectors(struct sim_disk *disk, const struct disk_flight *flight)
{
    return (uint32_t)sim_random_below(&disk->fault_random, flight->length / SECTOR) * SECTOR;
}

/* False: the file has no other place for it. */
static bool misdirect(struct sim_disk *disk, const struct disk_flight *flight)
{
    uint64_t places = flight->node->durable_bytes / STORAGE_ALIGNMENT;
    uint64_t length = flight->length / STORAGE_ALIGNMENT;
    if (places < 2 * length || flight->offset / STORAGE_ALIGNMENT + length > places)
        return false;
    uint64_t wrong = sim_random_below(&disk->fault_random, places - length) * STORAGE_ALIGNMENT;
    if (wrong + flight->length > flight->offset && wrong < flight->offset + flight->length)
        return false;
    disk_file_misdirect(flight->node, flight->offset, wrong, flight->copy, flight->length);
    return true;
}

/* 0, -errno, or -EAGAIN: it goes again. */
static int land_with_faults(struct sim_disk *disk, struct disk_flight *flight)
{
    if (disk_meets(disk, SIM_DISK_INTERRUPTED))
        return ++flight->interruptions > INTERRUPTIONS_MAX ? -EINTR : -EAGAIN;
    if (disk_meets(disk, SIM_DISK_FLUSH_ENOSPC))
        return -ENOSPC;
    if (disk_meets(disk, SIM_DISK_FLUSH_EIO)) {
        leave(flight, some_sectors(disk, flight));
        return -EIO;
    }
    if (disk_meets(disk, SIM_DISK_SHORT_WRITE)) {
        leave(flight, some_sectors(disk, flight));
        return -EIO;
    }
    if (disk_meets(disk, SIM_DISK_CANCELED)) {
        leave(flight, flight->length);
        return -ECANCELED;
    }
    if (disk_meets(disk, SIM_DISK_FLUSH_LOST)) {
        leave(flight, flight->length);
        disk_file_lose(flight->node);
        return -EIO;
    }
    if (disk->faults.lie) {
        leave(flight, flight->length);
        disk_file_promise(flight->node);
        return 0;
    }
    if (disk_meets(disk, SIM_DISK_MISDIRECTED) && misdirect(disk, flight))
        return 0;
    disk_file_write_through(flight->node, flight->offset, flight->copy, flight->length);
    return 0;
}

static void rot_somewhere(struct sim_disk *disk, struct disk_node *node)
{
    struct sim_random *random = &disk->fault_random;
    while (node->directory && node->settled.count > 0)
        node = node->settled.entries[sim_random_below(random, node->settled.count)].node;
    if (!node->directory && node->durable_bytes > 0)
        disk_file_rot(node, sim_random_below(random, node->durable_bytes),
                      (uint8_t)(1u << sim_random_below(random, 8)));
}

static void land(struct sim_disk *disk, struct disk_flight *flight)
{
    int status = 0;
    assert(memcmp(flight->copy, flight->bytes, flight->length) == 0 &&
           "the bytes of a flush in flight were changed");
    if (disk->armed || disk->faults.lie)
        status = land_with_faults(disk, flight);
    else
        disk_file_write_through(flight->node, flight->offset, flight->copy, flight->length);
    if (status == -EAGAIN) {
        enqueue(flight);
        return;
    }
    end_flight(flight);
    if (disk_meets(disk, SIM_DISK_ROT))
        rot_somewhere(disk, disk->root);
    flight->base.done(flight->base.context, status);
}

/* The kernel writes shared pages out when it likes. */
static void write_back(struct sim_disk *disk)
{
    for (struct disk_page *page = disk->pages; page; page = page->next)
        if (page->node && sim_random_chance(&disk->latency_random, WRITE_BACK_MILLIONTHS)) {
            disk_file_write(page->node, 0, page->bytes, STORAGE_ALIGNMENT);
            disk_file_sync(page->node);
        }
}

void sim_disk_advance(struct sim_disk *disk, uint64_t now)
{
    uint64_t before = disk->order;
    assert(now >= disk->now);
    disk->now = now;
    if (disk->dark)
        return;
    while (disk->flights && disk->flights->due <= now && disk->flights->order <= before) {
        struct disk_flight *flight = disk->flights;
        if (!disk_operate(disk))
            return; /* it stays in flight for ever */
        disk->flights = flight->next;
        land(disk, flight);
    }
    if (disk->pages)
        write_back(disk);
}

uint64_t sim_disk_due(const struct sim_disk *disk)
{
    return disk->flights && !disk->dark ? disk->flights->due : UINT64_MAX;
}

/* --- ends --- */

static void take_sample(struct sim_disk *disk, const struct disk_flight *flight)
{
    if (disk->sample_count == DISK_SAMPLES_MAX)
        return;
    struct disk_sample *sample = &disk->samples[disk->sample_count++];
    uint64_t sector = sim_random_below(&disk->crash_random, flight->length / SECTOR);
    sample->node = flight->node;
    memcpy(sample->bytes, flight->copy + sector * SECTOR, SECTOR);
}

void disk_flights_end(struct sim_disk *disk, bool power)
{
    disk->sample_count = 0;
    while (disk->flights) {
        struct disk_flight *flight = disk->flights;
        uint32_t length = flight->length;
        disk->flights = flight->next;
        if (power)
            take_sample(disk, flight);
        else
            length = (uint32_t)sim_random_between(&disk->crash_random, 0, 2) * (length / 2);
        leave(flight, length / SECTOR * SECTOR);
        end_flight(flight);
    }
}

static void no_completion(struct log_storage *storage, uint64_t user_data, int32_t result)
{
    (void)storage, (void)user_data, (void)result;
    assert(false && "a simulated flush is completed by the disk");
}

static void free_flight(struct log_storage *storage)
{
    struct disk_flight *flight = (struct disk_flight *)storage;
    if (flight->node) {
        dequeue(flight);
        leave(flight, flight->length); /* on its way: a power cut may still decide */
        end_flight(flight);
    }
    free(flight->copy);
    free(flight);
}

struct log_storage *sim_disk_log_storage_new(struct sim_disk *disk)
{
    struct disk_flight *flight = disk_allocate(sizeof *flight);
    flight->base.submit = submit;
    flight->base.complete = no_completion;
    flight->base.free = free_flight;
    flight->disk = disk;
    return &flight->base;
}
