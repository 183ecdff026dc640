/* Flushes by pwrite and fdatasync on the calling thread, with faults on demand:
 * the unit tests' disk. A fault leaves in the file what the real one would. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "crash_point.h"
#include "storage.h"

struct blocking {
    struct log_storage base;
    enum log_storage_fault fault;
    uint32_t after; /* flushes that still go well before the fault */
};

static enum log_storage_fault fault_take(struct blocking *blocking)
{
    enum log_storage_fault fault = blocking->fault;
    if (fault == LOG_STORAGE_FAULT_NONE || blocking->after-- > 0)
        return LOG_STORAGE_FAULT_NONE;
    blocking->fault = LOG_STORAGE_FAULT_NONE;
    return fault;
}

static int flush(struct blocking *blocking, int fd, const void *bytes, uint32_t length,
                 uint64_t offset)
{
    enum log_storage_fault fault = fault_take(blocking);
    if (fault == LOG_STORAGE_FAULT_WRITE_EINTR) /* nothing written: simply again */
        fault = LOG_STORAGE_FAULT_NONE;
    if (fault == LOG_STORAGE_FAULT_WRITE_EIO)
        return -EIO;
    if (fault == LOG_STORAGE_FAULT_WRITE_ENOSPC)
        return -ENOSPC;
    uint32_t take = fault == LOG_STORAGE_FAULT_SHORT_WRITE ? length / 2 & ~511u : length;
    int result = storage_system(true)->write(NULL, fd, bytes, take, offset);
    if (result < 0)
        return result;
    if (fault == LOG_STORAGE_FAULT_SHORT_WRITE || fault == LOG_STORAGE_FAULT_SYNC_EIO)
        return -EIO;
    if (fault == LOG_STORAGE_FAULT_CANCELED)
        return -ECANCELED;
    crash_point("flush.written");
    result = fdatasync(fd) < 0 ? -errno : 0;
    crash_point("flush.synced");
    return result;
}

static void blocking_submit(struct log_storage *storage, int fd, const void *bytes, uint32_t length,
                            uint64_t offset)
{
    struct blocking *blocking = (struct blocking *)storage;
    if (blocking->fault == LOG_STORAGE_FAULT_HANG && blocking->after == 0)
        return;
    storage->done(storage->context, flush(blocking, fd, bytes, length, offset));
}

static void blocking_complete(struct log_storage *storage, uint64_t user_data, int32_t result)
{
    (void)storage, (void)user_data, (void)result;
    assert(false && "a blocking flush has no completion");
}

static void blocking_free(struct log_storage *storage)
{
    free(storage);
}

struct log_storage *log_storage_blocking_new(void)
{
    struct blocking *blocking = calloc(1, sizeof *blocking);
    if (!blocking)
        return NULL;
    blocking->base.submit = blocking_submit;
    blocking->base.complete = blocking_complete;
    blocking->base.free = blocking_free;
    return &blocking->base;
}

void log_storage_inject(struct log_storage *storage, enum log_storage_fault fault, uint32_t after)
{
    struct blocking *blocking = (struct blocking *)storage;
    assert(storage->submit == blocking_submit);
    blocking->fault = fault;
    blocking->after = after;
}
