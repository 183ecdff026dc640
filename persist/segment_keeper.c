/* One slot per shard. Ownership of a slot's spare goes back and forth with its
 * state: the keeper fills it while MAKING or LOW and gives it away with READY;
 * the shard takes it and sets NONE. */
#include "segment_keeper.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "../engine/logger.h"
#include "../engine/partition.h"
#include "crash_point.h"
#include "header_file.h"
#include "segment.h"
#include "segment_keeper_thread.h"

struct slot {
    _Alignas(64) _Atomic int state; /* enum segment_keeper_state */
    _Atomic uint64_t wanted;
    struct segment_spare spare;
};

struct segment_keeper {
    struct slot slots[SHARD_COUNT_MAX];
    struct segment_keeper_options options;
    struct segment_keeper_thread *thread; /* NULL: threadless */
    _Atomic bool lost;
    uint64_t device, number; /* of the epoch's directory when we began */
};

static int make(struct segment_keeper *keeper, uint16_t shard, uint64_t number,
                struct segment_spare *spare)
{
    const struct data_dir *dir = keeper->options.dir;
    char path[LOG_PATH_BYTES];
    struct log_segment_header identity = {
        .cluster = *data_dir_cluster(dir),
        .epoch = keeper->options.epoch,
        .shard = shard,
        .number = number,
        .bytes = keeper->options.segment_bytes,
    };
    int fd = -1;
    data_dir_shard_path(dir, keeper->options.epoch, shard, path);
    int result = segment_provide(data_dir_storage(dir), path, false, &identity, &fd);
    *spare = (struct segment_spare){fd, number, identity.nonce, identity.bytes};
    return result;
}

static void report(uint16_t shard, int before, int result)
{
    if (result < 0 && before != SEGMENT_LOW)
        logger_log(LOGGER_ERROR, "log_storage_low", LOG_INT("shard", shard),
                   LOG_TEXT("reason", strerror(-result)));
    if (result == 0 && before == SEGMENT_LOW)
        logger_log(LOGGER_INFO, "log_storage_back", LOG_INT("shard", shard));
}

bool segment_keeper_step(struct segment_keeper *keeper, uint16_t shard)
{
    struct slot *slot = &keeper->slots[shard];
    int state = atomic_load_explicit(&slot->state, memory_order_acquire);
    if (state != SEGMENT_MAKING && state != SEGMENT_LOW)
        return false;
    int result = make(keeper, shard, atomic_load(&slot->wanted), &slot->spare);
    report(shard, state, result);
    crash_point("keeper.ready");
    atomic_store_explicit(&slot->state, result == 0 ? SEGMENT_READY : SEGMENT_LOW,
                          memory_order_release);
    return result < 0;
}

static int look_at_place(const struct segment_keeper *keeper, char *path,
                         struct storage_status *status)
{
    const struct storage *storage = data_dir_storage(keeper->options.dir);
    data_dir_epoch_path(keeper->options.dir, keeper->options.epoch, path);
    return storage->status(storage->context, path, status);
}

/* An unmounted or replaced volume still takes writes through open descriptors;
 * only its name tells. */
void segment_keeper_watch(struct segment_keeper *keeper)
{
    char path[LOG_PATH_BYTES];
    struct storage_status status;
    if (look_at_place(keeper, path, &status) == 0 && status.device == keeper->device &&
        status.number == keeper->number)
        return;
    if (!atomic_exchange(&keeper->lost, true))
        logger_log(LOGGER_ERROR, "log_volume_lost", LOG_TEXT("path", path));
}

static int remember_place(struct segment_keeper *keeper, struct log_error *error)
{
    char path[LOG_PATH_BYTES];
    struct storage_status status;
    int result = look_at_place(keeper, path, &status);
    if (result < 0)
        return header_file_fail(error, "find", path, result);
    keeper->device = status.device;
    keeper->number = status.number;
    return 0;
}

static int start_thread(struct segment_keeper *keeper, struct log_error *error)
{
    const struct segment_keeper_thread_options options = {
        .shard_count = keeper->options.shard_count,
        .retry_ms = keeper->options.retry_ms ? keeper->options.retry_ms : 500,
        .watch_ms = keeper->options.watch_ms ? keeper->options.watch_ms : 2000,
    };
    int result = segment_keeper_thread_start(&keeper->thread, keeper, &options);
    return result == 0 ? 0
                       : log_error_set(error, LOG_EXIT_CONFIG, NULL,
                                       "cannot start the segment keeper: %s", strerror(result));
}

int segment_keeper_new(struct segment_keeper **out, const struct segment_keeper_options *options,
                       struct log_error *error)
{
    struct segment_keeper *keeper = aligned_alloc(64, sizeof *keeper);
    if (!keeper)
        return log_error_set(error, LOG_EXIT_IO, NULL, "out of memory");
    memset(keeper, 0, sizeof *keeper);
    keeper->options = *options;
    int code = remember_place(keeper, error);
    if (code == 0 && !options->threadless)
        code = start_thread(keeper, error);
    if (code != 0) {
        free(keeper);
        return code;
    }
    *out = keeper;
    return 0;
}

void segment_keeper_free(struct segment_keeper *keeper)
{
    if (!keeper)
        return;
    const struct storage *storage = data_dir_storage(keeper->options.dir);
    if (keeper->thread)
        segment_keeper_thread_stop(keeper->thread);
    for (uint16_t shard = 0; shard < keeper->options.shard_count; shard++)
        if (atomic_load(&keeper->slots[shard].state) == SEGMENT_READY)
            storage->close(storage->context, keeper->slots[shard].spare.fd);
    free(keeper);
}

void segment_keeper_want(struct segment_keeper *keeper, uint16_t shard, uint64_t number)
{
    atomic_store(&keeper->slots[shard].wanted, number);
    atomic_store_explicit(&keeper->slots[shard].state, SEGMENT_MAKING, memory_order_release);
    if (keeper->thread)
        segment_keeper_thread_ring(keeper->thread);
}

bool segment_keeper_take(struct segment_keeper *keeper, uint16_t shard, struct segment_spare *spare)
{
    struct slot *slot = &keeper->slots[shard];
    if (atomic_load_explicit(&slot->state, memory_order_acquire) != SEGMENT_READY)
        return false;
    *spare = slot->spare;
    atomic_store_explicit(&slot->state, SEGMENT_NONE, memory_order_release);
    return true;
}

enum segment_keeper_state segment_keeper_state(const struct segment_keeper *keeper, uint16_t shard)
{
    return (enum segment_keeper_state)atomic_load_explicit(&keeper->slots[shard].state,
                                                           memory_order_acquire);
}

bool segment_keeper_lost(const struct segment_keeper *keeper)
{
    return atomic_load_explicit(&keeper->lost, memory_order_relaxed);
}
