#include "snapshot_seed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "header_file.h"
#include "snapshot_take.h"
#include "snapshot_write.h"

enum { SEED_SEGMENT_BYTES = 4 << 20, KEYS_BYTES_MAX = 1 << 20 };

/* The log goes on behind every position of the fold. */
static struct snapshot_cut first_cut(const struct log_fold *fold, uint64_t now_ms)
{
    struct snapshot_cut cut = {.number = 1,
                               .epoch = 1,
                               .shard_count = fold->cut.shard_count,
                               .created_ms = now_ms,
                               .stamp_ms = fold->cut.stamp_ms};
    uint64_t last = 0;
    for (uint16_t i = 0; i < cut.shard_count; i++)
        if (fold->cut.positions[i].sequence > last)
            last = fold->cut.positions[i].sequence;
    for (uint16_t i = 0; i < cut.shard_count; i++)
        cut.positions[i] = (struct log_start){.sequence = last, .stamp_ms = fold->cut.stamp_ms};
    return cut;
}

/* Keys are small and not the log's: plain files. 0 or -errno; none is fine. */
static int copy_keys(const char *from, const char *to)
{
    char path[LOG_PATH_BYTES + 16];
    char *bytes = malloc(KEYS_BYTES_MAX);
    snprintf(path, sizeof path, "%s/jwt-keys", from);
    int source = open(path, O_RDONLY | O_CLOEXEC);
    if (source < 0 || !bytes) {
        free(bytes);
        return source < 0 && errno == ENOENT ? 0 : -errno;
    }
    ssize_t got = read(source, bytes, KEYS_BYTES_MAX);
    close(source);
    snprintf(path, sizeof path, "%s/jwt-keys", to);
    int target = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool done =
        got >= 0 && target >= 0 && write(target, bytes, (size_t)got) == got && fsync(target) == 0;
    int result = done ? 0 : -errno;
    if (target >= 0)
        close(target);
    free(bytes);
    return result;
}

static int write_snapshot(const struct data_dir *dir, const struct log_fold *fold,
                          const struct snapshot_cut *cut, const struct shard_options *shard,
                          struct log_error *error)
{
    struct snapshot_write_options *write = calloc(1, sizeof *write);
    if (!write)
        return log_error_set(error, LOG_EXIT_IO, NULL, "out of memory");
    *write = (struct snapshot_write_options){
        .dir = dir, .cut = *cut, .shards = fold->shards, .shard_count = cut->shard_count};
    int code = snapshot_write(write, error);
    free(write);
    if (code == 0)
        code = snapshot_publish(dir, cut->number, error);
    return code != 0 ? code : snapshot_check(dir, shard, cut->number, NULL, error);
}

static int fill(const char *path, const struct data_dir *from, const struct log_fold *fold,
                const struct shard_options *shard, uint64_t now_ms, struct log_error *error)
{
    const struct snapshot_cut cut = first_cut(fold, now_ms);
    const struct data_dir_epoch epoch = {1, cut.shard_count, cut.positions[0].sequence + 1, now_ms};
    const struct data_dir_options options = {
        .path = path, .init = true, .allow_buffered = true, .now_ms = now_ms};
    struct data_dir *dir = NULL;
    int code = data_dir_open(&dir, &options, error);
    if (code == 0)
        code = data_dir_add_epoch(dir, &epoch, SEED_SEGMENT_BYTES, error);
    if (code == 0)
        code = write_snapshot(dir, fold, &cut, shard, error);
    int result = code == 0 ? copy_keys(data_dir_path(from), path) : 0;
    data_dir_close(dir);
    return result < 0 ? header_file_fail(error, "copy the signing keys to", path, result) : code;
}

int snapshot_seed(const char *path, const struct data_dir *from, const struct log_fold *fold,
                  const struct shard_options *shard, uint64_t now_ms, struct log_error *error)
{
    const struct storage *storage = data_dir_storage(from);
    struct storage_status status;
    char temporary[LOG_PATH_BYTES], parent[LOG_PATH_BYTES];
    if (strlen(path) == 0 || strlen(path) + 8 > sizeof temporary)
        return log_error_set(error, LOG_EXIT_CONFIG, NULL, "cannot use \"%.200s\"", path);
    if (storage->status(storage->context, path, &status) == 0)
        return log_error_set(error, SNAPSHOT_EXIT_EXISTS, NULL, "%s exists already", path);
    snprintf(temporary, sizeof temporary, "%s.new", path);
    snprintf(parent, sizeof parent, "%s/..", path);
    int result = storage->remove_tree(storage->context, temporary);
    if (result < 0)
        return header_file_fail(error, "remove", temporary, result);
    int code = fill(temporary, from, fold, shard, now_ms, error);
    if (code != 0)
        return code;
    result = storage->rename(storage->context, temporary, path);
    if (result == 0)
        result = storage->sync_directory(storage->context, parent);
    return result < 0 ? header_file_fail(error, "rename", temporary, result) : 0;
}
