/* The epochs of a data directory: reading them and making the next. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../engine/partition.h"
#include "crash_point.h"
#include "data_dir.h"
#include "durable_mark.h"
#include "header_file.h"
#include "segment.h"

static int read_epoch(const struct data_dir *dir, uint32_t number, struct data_dir_epoch *epoch,
                      struct log_error *error)
{
    char path[LOG_PATH_BYTES];
    struct log_epoch_header header;
    data_dir_epoch_path(dir, number, path);
    int code = header_file_read(data_dir_storage(dir), path, "epoch", LOG_EPOCH_MAGIC, &header,
                                sizeof header, error);
    if (code == LOG_EXIT_NO_DATA)
        return log_error_set(error, LOG_EXIT_CORRUPT, "RM", "%s/epoch is missing", path);
    if (code != 0)
        return code;
    if (header.number != number || !uuid_equal(&header.cluster, data_dir_cluster(dir)))
        return log_error_set(error, LOG_EXIT_CORRUPT, "RK",
                             "%s/epoch belongs to another epoch or cluster", path);
    if (header.shard_count < 1 || header.shard_count > SHARD_COUNT_MAX)
        return log_error_set(error, LOG_EXIT_CORRUPT, "RK", "%s/epoch has %u shards", path,
                             header.shard_count);
    *epoch = (struct data_dir_epoch){number, header.shard_count, header.first_sequence,
                                     header.created_ms};
    return 0;
}

static int note_newest(void *context, const char *name)
{
    uint32_t *newest = context, number = data_dir_epoch_of_name(name);
    if (number > *newest)
        *newest = number;
    return 0;
}

/* The greatest epoch number that has a directory. */
static int newest_epoch(const struct data_dir *dir, uint32_t *newest, struct log_error *error)
{
    const struct storage *storage = data_dir_storage(dir);
    *newest = 0;
    int result = storage->list(storage->context, data_dir_path(dir), note_newest, newest);
    return result < 0 ? header_file_fail(error, "read", data_dir_path(dir), result) : 0;
}

int data_dir_epochs(const struct data_dir *dir, struct data_dir_epoch **epochs, uint32_t *count,
                    struct log_error *error)
{
    uint32_t newest;
    *epochs = NULL;
    *count = 0;
    int code = newest_epoch(dir, &newest, error);
    if (code == 0 && newest < data_dir_noted_epoch(dir))
        return log_error_set(error, LOG_EXIT_CORRUPT, "RM",
                             "%s/epoch-%06u is missing; try `boxreplay verify`", data_dir_path(dir),
                             data_dir_noted_epoch(dir));
    if (code != 0 || newest == 0)
        return code;
    struct data_dir_epoch *list = calloc(newest, sizeof *list);
    if (!list)
        return log_error_set(error, LOG_EXIT_IO, NULL, "out of memory");
    for (uint32_t i = 0; i < newest && code == 0; i++)
        code = read_epoch(dir, i + 1, &list[i], error);
    if (code != 0) {
        free(list);
        return code;
    }
    *epochs = list;
    *count = newest;
    return 0;
}

/* --- making --- */

static int make_shard(const struct data_dir *dir, const struct data_dir_epoch *epoch,
                      const char *epoch_path, uint16_t shard, uint64_t segment_bytes)
{
    const struct storage *storage = data_dir_storage(dir);
    char path[LOG_PATH_BYTES + 32], quarantine[LOG_PATH_BYTES + 64];
    snprintf(path, sizeof path, "%s/shard-%03u", epoch_path, shard);
    snprintf(quarantine, sizeof quarantine, "%s/quarantine", path);
    int result = storage->make_directory(storage->context, path);
    if (result == 0)
        result = storage->make_directory(storage->context, quarantine);
    if (result < 0)
        return result;
    struct log_segment_header identity = {
        .cluster = *data_dir_cluster(dir),
        .epoch = epoch->number,
        .shard = shard,
        .number = 1,
        .bytes = segment_bytes,
    };
    struct durable_page *page;
    result = segment_make(storage, path, &identity, NULL);
    if (result == 0)
        result = durable_mark_open(storage, path, true, &page);
    if (result < 0)
        return result;
    durable_mark_publish(page, epoch->first_sequence - 1);
    durable_mark_close(storage, page);
    return storage->sync_directory(storage->context, path);
}

int data_dir_add_epoch(struct data_dir *dir, const struct data_dir_epoch *epoch,
                       uint64_t segment_bytes, struct log_error *error)
{
    const struct storage *storage = data_dir_storage(dir);
    char path[LOG_PATH_BYTES], temporary[LOG_PATH_BYTES + 8];
    data_dir_epoch_path(dir, epoch->number, path);
    snprintf(temporary, sizeof temporary, "%s.new", path);
    int result = storage->remove_tree(storage->context, temporary); /* left by a crash */
    if (result == 0)
        result = storage->make_directory(storage->context, temporary);
    if (result < 0)
        return header_file_fail(error, "make directory", temporary, result);
    struct log_epoch_header header = {
        .head = {LOG_EPOCH_MAGIC, LOG_FORMAT_VERSION, 0},
        .cluster = *data_dir_cluster(dir),
        .created_ms = epoch->created_ms,
        .first_sequence = epoch->first_sequence,
        .number = epoch->number,
        .shard_count = epoch->shard_count,
    };
    int code = header_file_write(storage, temporary, "epoch", &header, sizeof header, error);
    if (code != 0)
        return code;
    for (uint16_t shard = 0; shard < epoch->shard_count && result == 0; shard++)
        result = make_shard(dir, epoch, temporary, shard, segment_bytes);
    if (result == 0)
        result = storage->sync_directory(storage->context, temporary);
    crash_point("epoch.filled");
    if (result == 0)
        result = storage->rename(storage->context, temporary, path);
    crash_point("epoch.renamed");
    if (result == 0)
        result = storage->sync_directory(storage->context, data_dir_path(dir));
    if (result < 0)
        return header_file_fail(error, "make epoch", path, result);
    return data_dir_note_epoch(dir, epoch->number, error);
}
