#include "verify_snapshots.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "header_file.h"
#include "segment.h"
#include "snapshot_load.h"
#include "snapshot_take.h"

/* Whether every shard of every epoch still has its first segment. */
static int is_complete(const struct data_dir *dir, bool *complete, struct log_error *error)
{
    const struct storage *storage = data_dir_storage(dir);
    struct storage_status status;
    struct data_dir_epoch *epochs;
    char shard_path[LOG_PATH_BYTES], path[LOG_PATH_BYTES];
    uint32_t count;
    int code = data_dir_epochs(dir, &epochs, &count, error);
    *complete = count == 0 || epochs[0].first_sequence == 1;
    for (uint32_t i = 0; i < count; i++) {
        for (uint16_t shard = 0; shard < epochs[i].shard_count; shard++) {
            data_dir_shard_path(dir, epochs[i].number, shard, shard_path);
            *complete =
                *complete &&
                storage->status(storage->context, segment_path(shard_path, 1, path), &status) == 0;
        }
    }
    free(epochs);
    return code;
}

static int begin_with(const struct data_dir *dir, uint64_t number, struct replay_fold *fold,
                      struct snapshot_cut *cut, struct log_error *error)
{
    struct snapshot_file *file = calloc(1, sizeof *file);
    if (!file)
        return log_error_set(error, LOG_EXIT_IO, NULL, "out of memory");
    int code = snapshot_file_open(file, dir, number, NULL, error);
    if (code == 0)
        code = snapshot_load(file, &fold->shard, &fold->partitions, error);
    *cut = file->cut;
    free(file);
    return code;
}

/* The oldest good one's number, 0: none. */
static uint64_t check_all(const struct verify_snapshots_options *options, const uint64_t *numbers,
                          uint32_t count, uint32_t *bad)
{
    uint64_t oldest = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct log_error why = {0};
        int code = snapshot_check(options->dir, &options->shard, numbers[i], NULL, &why);
        (void)printf("snapshot %" PRIu64 ": %s\n", numbers[i], code == 0 ? "ok" : why.text);
        *bad += code != 0;
        oldest = code == 0 ? numbers[i] : oldest;
    }
    return oldest;
}

int verify_snapshots(const struct verify_snapshots_options *options, struct replay_fold *fold,
                     struct snapshot_cut *cut, uint32_t *bad, struct log_error *error)
{
    char path[LOG_PATH_BYTES];
    uint64_t *numbers;
    uint32_t count;
    bool complete;
    memset(cut, 0, sizeof *cut);
    *bad = 0;
    int code = is_complete(options->dir, &complete, error);
    if (code != 0)
        return code;
    int result = snapshot_list(options->dir, &numbers, &count);
    if (result < 0)
        return header_file_fail(error, "read", snapshot_directory(options->dir, path), result);
    uint64_t oldest = check_all(options, numbers, count, bad);
    free(numbers);
    return complete || oldest == 0 ? 0 : begin_with(options->dir, oldest, fold, cut, error);
}
