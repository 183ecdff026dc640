#include "backup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cursor.h"
#include "durable_mark.h"
#include "header_file.h"
#include "log_reader.h"
#include "segment.h"
#include "snapshot.h"

enum { COPY_BYTES = 1 << 20, TRIES = 3, PATH_ROOM = LOG_PATH_BYTES + 64 };

struct backup {
    const struct data_dir *from;
    const struct storage *storage;
    char to[LOG_PATH_BYTES];
    struct backup_result *result;
    struct log_error *error;
    uint8_t *bytes; /* COPY_BYTES, aligned */
};

/* --- files --- */

static int copy_range(const struct backup *backup, int from, int to, uint64_t length)
{
    const struct storage *storage = backup->storage;
    for (uint64_t at = 0; at < length; at += COPY_BYTES) {
        size_t part = length - at < COPY_BYTES ? (size_t)(length - at) : COPY_BYTES;
        int64_t got = storage->read(storage->context, from, backup->bytes, part, at);
        if (got < (int64_t)part)
            return got < 0 ? (int)got : -EIO;
        int result = storage->write(storage->context, to, backup->bytes, part, at);
        if (result < 0)
            return result;
    }
    return storage->sync(storage->context, to);
}

/* The first `length` bytes (a multiple of 4 KiB; 0: all there are). */
static int copy_file(const struct backup *backup, const char *from, const char *to, uint64_t length)
{
    const struct storage *storage = backup->storage;
    int source = storage->open(storage->context, from, STORAGE_READ);
    if (source < 0)
        return source;
    int64_t size = storage->size(storage->context, source);
    int target = size < 0 ? (int)size : storage->open(storage->context, to, STORAGE_CREATE);
    int result = target;
    if (target >= 0) {
        length = length ? length : (uint64_t)size;
        result = copy_range(backup, source, target, length);
        storage->close(storage->context, target);
        backup->result->files++;
        backup->result->bytes += length;
    }
    storage->close(storage->context, source);
    return result;
}

static int fail(const struct backup *backup, const char *path, int result)
{
    if (result >= 0)
        return 0;
    int code = header_file_fail(backup->error, "copy", path, result);
    /* Given up between our look and our copy: worth another try. */
    return result == -ENOENT ? LOG_EXIT_NO_DATA : code;
}

static int copy_named(const struct backup *backup, const char *name)
{
    char from[PATH_ROOM], to[PATH_ROOM];
    snprintf(from, sizeof from, "%s/%s", data_dir_path(backup->from), name);
    snprintf(to, sizeof to, "%s/%s", backup->to, name);
    return fail(backup, from, copy_file(backup, from, to, 0));
}

static int make_directory(const struct backup *backup, const char *name)
{
    char path[PATH_ROOM];
    snprintf(path, sizeof path, "%s/%s", backup->to, name);
    int result = backup->storage->make_directory(backup->storage->context, path);
    return result < 0 && result != -EEXIST
               ? header_file_fail(backup->error, "make directory", path, result)
               : 0;
}

/* --- snapshots --- */

static int copy_snapshots(const struct backup *backup)
{
    uint64_t *numbers;
    uint32_t count;
    char name[64];
    int result = snapshot_list(backup->from, &numbers, &count);
    if (result < 0)
        return header_file_fail(backup->error, "read", "snapshots", result);
    int code = make_directory(backup, "snapshots");
    for (uint32_t i = 0; i < count && code == 0; i++) {
        snprintf(name, sizeof name, "snapshots/snapshot-%010llu.snap",
                 (unsigned long long)numbers[i]);
        code = copy_named(backup, name);
    }
    free(numbers);
    return code;
}

/* --- logs --- */

/* Where the block that ends with this sequence ends. */
static int find_end(const struct backup *backup, uint32_t epoch, uint16_t shard, uint64_t last,
                    uint64_t *segment, uint64_t *offset)
{
    const struct log_reader_options options = {
        .dir = backup->from, .epoch = epoch, .shard = shard, .sequence = last};
    struct log_reader *reader;
    struct log_start position;
    struct record record;
    int code = log_reader_open(&reader, &options, backup->error);
    if (code != 0)
        return code;
    enum log_reader_status status = log_reader_next(reader, &record, backup->error);
    log_reader_position(reader, &position);
    *segment = position.segment;
    *offset = log_reader_block_end(reader);
    log_reader_close(reader);
    if (status == LOG_READER_ERROR)
        return backup->error->exit_code;
    return status == LOG_READER_RECORD && position.sequence == last
               ? 0
               : log_error_set(backup->error, LOG_EXIT_IO, NULL,
                               "epoch %u shard %u: no block ends with sequence %llu", epoch, shard,
                               (unsigned long long)last);
}

static int write_mark(const struct backup *backup, const char *shard_path, uint64_t last)
{
    struct durable_page *page;
    int result = durable_mark_open(backup->storage, shard_path, true, &page);
    if (result < 0)
        return header_file_fail(backup->error, "map the durable mark in", shard_path, result);
    durable_mark_publish(page, last);
    durable_mark_close(backup->storage, page);
    result = backup->storage->sync_directory(backup->storage->context, shard_path);
    return result < 0 ? header_file_fail(backup->error, "sync", shard_path, result) : 0;
}

/* Segments up to (segment, offset); segment 0: no records, the first one's header. */
static int copy_segments(const struct backup *backup, const char *from, const char *to,
                         uint64_t segment, uint64_t offset)
{
    uint64_t *numbers;
    uint32_t count;
    char source[LOG_PATH_BYTES], target[LOG_PATH_BYTES];
    int result = segment_list(backup->storage, from, false, &numbers, &count);
    if (result < 0)
        return header_file_fail(backup->error, "read", from, result);
    int code = 0;
    for (uint32_t i = 0; i < count && code == 0; i++) {
        bool last = segment == 0 ? i == 0 : numbers[i] == segment;
        if (segment == 0 ? i > 0 : numbers[i] > segment)
            break;
        segment_path(from, numbers[i], source);
        segment_path(to, numbers[i], target);
        code = fail(backup, source, copy_file(backup, source, target, last ? offset : 0));
    }
    free(numbers);
    return code;
}

static int copy_shard(const struct backup *backup, const struct data_dir_epoch *epoch,
                      uint16_t shard, uint64_t last)
{
    char name[64], from[LOG_PATH_BYTES], to[LOG_PATH_BYTES];
    uint64_t segment = 0, offset = LOG_SEGMENT_HEADER_BYTES;
    data_dir_shard_path(backup->from, epoch->number, shard, from);
    snprintf(name, sizeof name, "epoch-%06u/shard-%03u", epoch->number, shard);
    if ((size_t)snprintf(to, sizeof to, "%s/%s", backup->to, name) >= sizeof to)
        return log_error_set(backup->error, LOG_EXIT_CONFIG, NULL, "%s is too long", backup->to);
    int code = make_directory(backup, name);
    if (code == 0 && last >= epoch->first_sequence)
        code = find_end(backup, epoch->number, shard, last, &segment, &offset);
    /* A log that a snapshot has all of may have no segment with records left. */
    if (code == LOG_EXIT_NO_DATA)
        return code;
    if (code == 0)
        code = copy_segments(backup, from, to, segment, offset);
    snprintf(name, sizeof name, "epoch-%06u/shard-%03u/quarantine", epoch->number, shard);
    if (code == 0)
        code = make_directory(backup, name);
    return code == 0 ? write_mark(backup, to, last) : code;
}

static int read_mark(const struct backup *backup, uint32_t epoch, uint16_t shard, uint64_t *mark)
{
    struct durable_page *page;
    char path[LOG_PATH_BYTES];
    data_dir_shard_path(backup->from, epoch, shard, path);
    int result = durable_mark_open(backup->storage, path, false, &page);
    if (result < 0)
        return header_file_fail(backup->error, "map the durable mark in", path, result);
    *mark = durable_mark_read(page);
    durable_mark_close(backup->storage, page);
    return 0;
}

static int copy_epoch(const struct backup *backup, const struct data_dir_epoch *epoch)
{
    struct backup_result *result = backup->result;
    char name[64];
    snprintf(name, sizeof name, "epoch-%06u", epoch->number);
    int code = make_directory(backup, name);
    snprintf(name, sizeof name, "epoch-%06u/epoch", epoch->number);
    if (code == 0)
        code = copy_named(backup, name);
    result->epoch = epoch->number;
    result->shard_count = epoch->shard_count;
    /* The catalog's last: no shard refers to what is not in the copy. */
    for (uint16_t shard = epoch->shard_count; shard-- > 0 && code == 0;)
        code = read_mark(backup, epoch->number, shard, &result->positions[shard]);
    for (uint16_t shard = 0; shard < epoch->shard_count && code == 0; shard++)
        code = copy_shard(backup, epoch, shard, result->positions[shard]);
    return code;
}

/* --- all --- */

static int copy_all(const struct backup *backup)
{
    const struct storage *storage = backup->storage;
    struct data_dir_epoch *epochs;
    uint32_t count;
    memset(backup->result, 0, sizeof *backup->result);
    int result = storage->remove_tree(storage->context, backup->to);
    if (result == 0)
        result = storage->make_directory(storage->context, backup->to);
    if (result < 0)
        return header_file_fail(backup->error, "make directory", backup->to, result);
    /* Snapshots first: the log that is copied after must reach beyond them. */
    int code = copy_snapshots(backup);
    if (code == 0)
        code = data_dir_epochs(backup->from, &epochs, &count, backup->error);
    if (code != 0)
        return code;
    for (uint32_t i = 0; i < count && code == 0; i++)
        code = copy_epoch(backup, &epochs[i]);
    free(epochs);
    if (code == 0 && copy_named(backup, "jwt-keys") == LOG_EXIT_NO_DATA)
        memset(backup->error, 0, sizeof *backup->error); /* kept elsewhere */
    return code == 0 ? copy_named(backup, "cluster") : code;
}

/* Stands before everything: nothing goes while it is there. */
static int hold_log(const struct data_dir *from, const char *name, struct log_error *error)
{
    const struct cursor_position nowhere = {0};
    return cursor_publish(from, name, &nowhere, error);
}

static int copy_held(struct backup *backup)
{
    int code = LOG_EXIT_NO_DATA;
    for (int i = 0; i < TRIES && code == LOG_EXIT_NO_DATA; i++)
        code = copy_all(backup);
    return code;
}

int backup_make(const struct data_dir *from, const char *path, struct backup_result *result,
                struct log_error *error)
{
    const struct storage *storage = data_dir_storage(from);
    struct storage_status status;
    struct log_error ignored;
    char name[CURSOR_NAME_BYTES], parent[PATH_ROOM];
    struct backup backup = {.from = from, .storage = storage, .result = result, .error = error};
    if (storage->status(storage->context, path, &status) == 0)
        return log_error_set(error, BACKUP_EXIT_EXISTS, NULL, "%s exists already", path);
    if (strlen(path) + 64 > sizeof backup.to)
        return log_error_set(error, LOG_EXIT_CONFIG, NULL, "%s is too long", path);
    snprintf(backup.to, sizeof backup.to, "%s.new", path);
    snprintf(parent, sizeof parent, "%s/..", path);
    snprintf(name, sizeof name, "backup-%d", (int)getpid());
    backup.bytes = aligned_alloc(STORAGE_ALIGNMENT, COPY_BYTES);
    int code = backup.bytes ? hold_log(from, name, error)
                            : log_error_set(error, LOG_EXIT_IO, NULL, "out of memory");
    if (code == 0) {
        code = copy_held(&backup);
        cursor_drop(from, name, &ignored);
    }
    free(backup.bytes);
    if (code != 0)
        return code;
    int renamed = storage->rename(storage->context, backup.to, path);
    if (renamed == 0)
        renamed = storage->sync_directory(storage->context, parent);
    return renamed < 0 ? header_file_fail(error, "rename", backup.to, renamed) : 0;
}
