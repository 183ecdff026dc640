/* Flushes on the shard's own ring: one O_DIRECT write linked to an fdatasync, or
 * one write with RWF_DSYNC. A short write breaks the link, so the sync comes back
 * cancelled; either alone makes the flush a failure. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../engine/logger.h"
#include "crash_point.h"
#include "storage.h"

enum { OP_WRITE = 0, OP_SYNC = 1, OP_NONE_YET = INT32_MIN, RETRIES_MAX = 16 };
enum { LARGE_FLUSH_BYTES = 12 << 10 }; /* some hundred reservations */

struct uring {
    struct log_storage base;
    struct io_uring *ring;
    uint64_t tag; /* in place */
    enum log_storage_method method;
    /* the flush in flight */
    int fd;
    const void *bytes;
    uint32_t length;
    uint64_t offset;
    uint32_t retries;
    uint16_t generation; /* completions of an earlier flush are a bug, not news */
    uint8_t waiting;     /* completions still to come */
    int32_t write_result, sync_result;
};

static uint64_t user_data_of(const struct uring *uring, unsigned op)
{
    return uring->tag | (uint64_t)uring->generation << 8 | op;
}

static struct io_uring_sqe *take_sqe(struct io_uring *ring)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    assert(sqe); /* start made room */
    return sqe;
}

/* A synchronous write ends on whichever processor the device interrupts, and waits
 * there for its turn: milliseconds if that one is busy with others. So it is for
 * large blocks, when a shard is busy and its own processor's time counts. */
static bool takes_one_write(const struct uring *uring)
{
    return uring->method == LOG_STORAGE_WRITE_DSYNC && uring->length >= LARGE_FLUSH_BYTES;
}

static void start(struct uring *uring)
{
    unsigned operations = takes_one_write(uring) ? 1 : 2;
    /* A link must not be torn apart by a full submission queue. */
    if (io_uring_sq_space_left(uring->ring) < operations)
        io_uring_submit(uring->ring);
    uring->generation++;
    uring->waiting = (uint8_t)operations;
    uring->sync_result = operations == 2 ? OP_NONE_YET : 0;
    struct io_uring_sqe *sqe = take_sqe(uring->ring);
    io_uring_prep_write(sqe, uring->fd, uring->bytes, uring->length, uring->offset);
    io_uring_sqe_set_data64(sqe, user_data_of(uring, OP_WRITE));
    if (operations == 1) {
        sqe->rw_flags = RWF_DSYNC;
        return;
    }
    sqe->flags |= IOSQE_IO_LINK;
    sqe = take_sqe(uring->ring);
    io_uring_prep_fsync(sqe, uring->fd, IORING_FSYNC_DATASYNC);
    io_uring_sqe_set_data64(sqe, user_data_of(uring, OP_SYNC));
}

static void uring_submit(struct log_storage *storage, int fd, const void *bytes, uint32_t length,
                         uint64_t offset)
{
    struct uring *uring = (struct uring *)storage;
    assert(uring->waiting == 0);
    uring->fd = fd;
    uring->bytes = bytes;
    uring->length = length;
    uring->offset = offset;
    uring->retries = 0;
    start(uring);
}

/* Only a write that did nothing, whose sync therefore never ran, may go again. */
static bool may_retry(const struct uring *uring)
{
    bool nothing_done = uring->write_result == -EINTR || uring->write_result == -EAGAIN;
    bool sync_not_run = uring->sync_result == -ECANCELED || uring->sync_result == 0;
    return nothing_done && sync_not_run && uring->retries < RETRIES_MAX;
}

static int outcome(const struct uring *uring)
{
    if (uring->write_result < 0)
        return uring->write_result;
    if ((uint32_t)uring->write_result != uring->length)
        return -EIO;
    return uring->sync_result;
}

static void uring_complete(struct log_storage *storage, uint64_t user_data, int32_t result)
{
    struct uring *uring = (struct uring *)storage;
    assert(uring->waiting > 0);
    assert((user_data >> 8 & 0xffff) == uring->generation);
    if ((user_data & 0xff) == OP_WRITE) {
        uring->write_result = result;
        crash_point("flush.written");
    } else {
        uring->sync_result = result;
    }
    if (--uring->waiting > 0)
        return;
    if (may_retry(uring)) {
        uring->retries++;
        start(uring);
        return;
    }
    crash_point("flush.synced");
    storage->done(storage->context, outcome(uring));
}

static void uring_free(struct log_storage *storage)
{
    free(storage);
}

struct log_storage *log_storage_uring_new(struct io_uring *ring, uint8_t tag,
                                          enum log_storage_method method)
{
    struct uring *uring = calloc(1, sizeof *uring);
    if (!uring)
        return NULL;
    uring->base.submit = uring_submit;
    uring->base.complete = uring_complete;
    uring->base.free = uring_free;
    uring->ring = ring;
    uring->tag = (uint64_t)tag << 56;
    uring->method = method;
    return &uring->base;
}

const char *log_storage_method_name(enum log_storage_method method)
{
    return method == LOG_STORAGE_WRITE_DSYNC ? "large blocks with RWF_DSYNC"
                                             : "write and fdatasync";
}

/* --- calibration --- */

enum { CALIBRATE_BYTES = 16384, CALIBRATE_ROUNDS = 15 };

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void note_status(void *context, int status)
{
    *(int *)context = status;
}

/* One flush, waited for; UINT64_MAX: it failed. */
static uint64_t time_flush(struct io_uring *ring, enum log_storage_method method, int fd,
                           const void *bytes, uint64_t offset)
{
    int status = 1;
    struct log_storage *storage = log_storage_uring_new(ring, 0, method);
    if (!storage)
        return UINT64_MAX;
    uint64_t begin = now_ns();
    log_storage_bind(storage, note_status, &status);
    log_storage_submit(storage, fd, bytes, CALIBRATE_BYTES, offset);
    while (status > 0) {
        struct io_uring_cqe *cqe;
        io_uring_submit_and_wait(ring, 1);
        if (io_uring_peek_cqe(ring, &cqe) < 0)
            continue;
        log_storage_complete(storage, cqe->user_data, cqe->res);
        io_uring_cqe_seen(ring, cqe);
    }
    log_storage_free(storage);
    return status == 0 ? now_ns() - begin : UINT64_MAX;
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static enum log_storage_method calibrate_on(struct io_uring *ring, int fd, uint8_t *bytes)
{
    uint64_t times[2][CALIBRATE_ROUNDS], offset = 0;
    const struct storage *disk = storage_system(true);
    for (int i = 0; i < 2 * CALIBRATE_ROUNDS; i++)
        if (disk->write(disk->context, fd, bytes, CALIBRATE_BYTES, (uint64_t)i * CALIBRATE_BYTES))
            return LOG_STORAGE_WRITE_SYNC;
    if (disk->sync(disk->context, fd))
        return LOG_STORAGE_WRITE_SYNC;
    for (int round = 0; round < CALIBRATE_ROUNDS; round++)
        for (int method = 0; method < 2; method++, offset += CALIBRATE_BYTES)
            times[method][round] =
                time_flush(ring, (enum log_storage_method)method, fd, bytes, offset);
    for (int method = 0; method < 2; method++)
        qsort(times[method], CALIBRATE_ROUNDS, sizeof times[method][0], compare_u64);
    /* The lower quartile: a neighbour on the device lengthens the others. */
    uint64_t sync_ns = times[LOG_STORAGE_WRITE_SYNC][CALIBRATE_ROUNDS / 4];
    uint64_t dsync_ns = times[LOG_STORAGE_WRITE_DSYNC][CALIBRATE_ROUNDS / 4];
    /* A failed try counts as endless. Within noise the single write wins: it leaves
     * no sync to a kernel thread that shares the shard's core. */
    bool sync = sync_ns < dsync_ns - dsync_ns / 4 || dsync_ns == UINT64_MAX;
    enum log_storage_method method = sync ? LOG_STORAGE_WRITE_SYNC : LOG_STORAGE_WRITE_DSYNC;
    logger_log(LOGGER_INFO, "log_backend", LOG_TEXT("method", log_storage_method_name(method)),
               LOG_INT("write_sync_us", sync_ns / 1000),
               LOG_INT("write_dsync_us", dsync_ns / 1000));
    return method;
}

enum log_storage_method log_storage_calibrate(const char *directory)
{
    enum log_storage_method method = LOG_STORAGE_WRITE_SYNC;
    const struct storage *disk = storage_system(true);
    char path[1024];
    uint8_t *bytes = aligned_alloc(STORAGE_ALIGNMENT, CALIBRATE_BYTES);
    struct io_uring ring;
    snprintf(path, sizeof path, "%s/calibrate.tmp", directory);
    int fd = disk->open(disk->context, path, STORAGE_CREATE);
    if (bytes && fd >= 0 && io_uring_queue_init(4, &ring, 0) == 0) {
        memset(bytes, 0, CALIBRATE_BYTES);
        method = calibrate_on(&ring, fd, bytes);
        io_uring_queue_exit(&ring);
    }
    if (fd >= 0) {
        disk->close(disk->context, fd);
        disk->unlink(disk->context, path);
    }
    free(bytes);
    return method;
}
