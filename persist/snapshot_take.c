#include "snapshot_take.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "header_file.h"
#include "snapshot_load.h"
#include "snapshot_write.h"

int snapshot_check(const struct data_dir *dir, const struct shard_options *shard, uint64_t number,
                   const char *path, struct log_error *error)
{
    struct shard *shards[SHARD_COUNT_MAX] = {NULL};
    struct partition_map partitions;
    struct shard_options options = *shard;
    struct snapshot_file *file = calloc(1, sizeof *file);
    if (!file)
        return log_error_set(error, LOG_EXIT_IO, NULL, "out of memory");
    int code = snapshot_file_open(file, dir, number, path, error);
    if (code == 0) {
        partition_map_init(&partitions, file->cut.shard_count);
        options.partitions = &partitions;
        if (!snapshot_make_shards(&options, shards))
            code = log_error_set(error, SNAPSHOT_EXIT_MEMORY, NULL, "out of memory");
    }
    if (code == 0)
        code = snapshot_load(file, shards, &partitions, error);
    if (code == 0 && snapshot_state_hash(shards, file->cut.shard_count, file->cut.stamp_ms) !=
                         file->trailer.state_hash)
        code = log_error_set(error, LOG_EXIT_BUG, "RT",
                             "%s: loading it gives another state than the one it was written from",
                             file->path);
    snapshot_free_shards(shards, SHARD_COUNT_MAX);
    free(file);
    return code;
}

static int next_number(const struct data_dir *dir, uint64_t *number, struct log_error *error)
{
    char path[LOG_PATH_BYTES];
    uint64_t *numbers;
    uint32_t count;
    int result = snapshot_list(dir, &numbers, &count);
    if (result < 0)
        return header_file_fail(error, "read", snapshot_directory(dir, path), result);
    *number = count > 0 ? numbers[0] + 1 : 1;
    free(numbers);
    return 0;
}

/* --- the steps --- */

static int write_file(const struct snapshot_take_options *options, struct log_fold *fold,
                      struct snapshot_taken *taken, struct log_error *error)
{
    struct snapshot_trailer *trailer = calloc(1, sizeof *trailer);
    struct snapshot_write_options *write = calloc(1, sizeof *write);
    if (!trailer || !write) {
        free(trailer);
        free(write);
        return log_error_set(error, LOG_EXIT_IO, NULL, "out of memory");
    }
    *write = (struct snapshot_write_options){.dir = options->dir,
                                             .cut = fold->cut,
                                             .shards = fold->shards,
                                             .shard_count = fold->cut.shard_count,
                                             .mb_per_second = options->mb_per_second,
                                             .out = trailer};
    write->cut.number = taken->number;
    write->cut.created_ms = options->now_ms;
    int code = snapshot_write(write, error);
    taken->cut = write->cut;
    taken->bookings = trailer->bookings;
    taken->keys = trailer->keys;
    taken->state_hash = trailer->state_hash;
    free(trailer);
    free(write);
    return code;
}

static int write_and_verify(const struct snapshot_take_options *options, struct log_fold *fold,
                            struct snapshot_taken *taken, struct log_error *error)
{
    char name[LOG_PATH_BYTES], path[LOG_PATH_BYTES + 8];
    int code = next_number(options->dir, &taken->number, error);
    if (code == 0)
        code = write_file(options, fold, taken, error);
    /* The fold's memory first: no more than one copy of the state at a time. */
    log_fold_release(fold);
    if (code != 0)
        return code;
    snprintf(path, sizeof path, "%s.new", snapshot_path(options->dir, taken->number, name));
    code = snapshot_check(options->dir, &options->shard, taken->number, path, error);
    if (code == 0)
        code = snapshot_publish(options->dir, taken->number, error);
    if (code != 0)
        return code;
    int result = snapshot_prune(options->dir, SNAPSHOT_KEPT);
    return result < 0 ? header_file_fail(error, "remove old snapshots beside", path, result) : 0;
}

static int take(const struct snapshot_take_options *options, struct snapshot_taken *taken,
                struct log_error *error)
{
    const struct log_fold_options fold_options = {.dir = options->dir, .shard = options->shard};
    struct log_fold *fold = calloc(1, sizeof *fold);
    if (!fold)
        return log_error_set(error, LOG_EXIT_IO, NULL, "out of memory");
    int code = log_fold_run(fold, &fold_options, error);
    taken->records = fold->records;
    taken->cut = fold->cut;
    if (code == 0 && (fold->records > 0 || fold->cut.number == 0))
        code = write_and_verify(options, fold, taken, error);
    log_fold_release(fold);
    free(fold);
    return code;
}

int snapshot_take(const struct snapshot_take_options *options, struct snapshot_taken *taken,
                  struct log_error *error)
{
    const struct storage *storage = data_dir_storage(options->dir);
    char directory[LOG_PATH_BYTES], path[LOG_PATH_BYTES + 8], owner[32];
    memset(taken, 0, sizeof *taken);
    snapshot_directory(options->dir, directory);
    int result = storage->make_directory(storage->context, directory);
    snprintf(path, sizeof path, "%s/LOCK", directory);
    if (result == 0 || result == -EEXIST)
        result = storage->lock(storage->context, path, owner, sizeof owner);
    if (result == -EWOULDBLOCK)
        return log_error_set(error, LOG_EXIT_LOCKED, NULL, "process %s is taking a snapshot of %s",
                             owner, data_dir_path(options->dir));
    if (result < 0)
        return header_file_fail(error, "lock", path, result);
    int code = take(options, taken, error);
    storage->unlock(storage->context, result);
    return code;
}
