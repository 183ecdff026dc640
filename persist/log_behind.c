#include "log_behind.h"

#include <stdlib.h>

#include "segment.h"

/* The last segment is the spare: made ahead of use. */
static uint64_t shard_bytes(const struct data_dir *dir, uint32_t epoch, uint16_t shard,
                            uint64_t first)
{
    const struct storage *storage = data_dir_storage(dir);
    char directory[LOG_PATH_BYTES], path[LOG_PATH_BYTES];
    struct storage_status status;
    uint64_t *numbers, bytes = 0;
    uint32_t count;
    data_dir_shard_path(dir, epoch, shard, directory);
    if (segment_list(storage, directory, false, &numbers, &count) < 0)
        return 0;
    for (uint32_t i = 0; i + 1 < count; i++)
        if (numbers[i] >= first &&
            storage->status(storage->context, segment_path(directory, numbers[i], path), &status) ==
                0)
            bytes += status.bytes;
    free(numbers);
    return bytes;
}

uint64_t log_behind_bytes(const struct data_dir *dir, const struct snapshot_cut *cut)
{
    struct data_dir_epoch *epochs;
    struct log_error ignored;
    uint32_t count;
    uint64_t bytes = 0;
    if (data_dir_epochs(dir, &epochs, &count, &ignored) != 0)
        return 0;
    for (uint32_t i = 0; i < count; i++) {
        bool has_cut = cut->number > 0 && epochs[i].number == cut->epoch;
        if (cut->number > 0 && epochs[i].number < cut->epoch)
            continue;
        for (uint16_t shard = 0; shard < epochs[i].shard_count; shard++)
            bytes += shard_bytes(dir, epochs[i].number, shard,
                                 has_cut ? cut->positions[shard].segment : 0);
    }
    free(epochs);
    return bytes;
}
