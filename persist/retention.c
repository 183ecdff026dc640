#include "retention.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash_point.h"
#include "header_file.h"
#include "log_window.h"
#include "segment.h"
#include "snapshot_read.h"

struct holder {
    char name[CURSOR_NAME_BYTES];
    struct cursor_position position;
};

struct retention {
    const struct retention_options *options;
    const struct storage *storage;
    struct retention_report *report;
    struct log_error *error;
    struct holder *holders;
    uint32_t holder_count;
};

/* --- who holds what --- */

static int add_holder(struct retention *retention, const char *name,
                      const struct cursor_position *position)
{
    struct holder *more = realloc(retention->holders, (retention->holder_count + 1) * sizeof *more);
    if (!more)
        return log_error_set(retention->error, LOG_EXIT_IO, NULL, "out of memory");
    retention->holders = more;
    struct holder *holder = &more[retention->holder_count++];
    snprintf(holder->name, sizeof holder->name, "%s", name);
    holder->position = *position;
    return 0;
}

static int add_snapshot(struct retention *retention, uint64_t number)
{
    struct cursor_position position = {0};
    struct snapshot_file *file = calloc(1, sizeof *file);
    if (!file)
        return log_error_set(retention->error, LOG_EXIT_IO, NULL, "out of memory");
    int code = snapshot_file_open(file, retention->options->dir, number, NULL, retention->error);
    position.epoch = file->cut.epoch;
    position.shard_count = file->cut.shard_count;
    for (uint16_t i = 0; i < file->cut.shard_count; i++)
        position.sequences[i] = file->cut.positions[i].sequence;
    free(file);
    return code != 0 ? code : add_holder(retention, "snapshot", &position);
}

/* The snapshot before the newest; the newest must be readable too. */
static int find_snapshot(struct retention *retention)
{
    struct retention_report *report = retention->report;
    char path[LOG_PATH_BYTES];
    uint64_t *numbers;
    uint32_t count;
    int code = 0;
    int result = snapshot_list(retention->options->dir, &numbers, &count);
    if (result < 0)
        return header_file_fail(retention->error, "read",
                                snapshot_directory(retention->options->dir, path), result);
    report->snapshot = count > 0 ? numbers[0] : 0;
    report->previous = count > 1 ? numbers[1] : 0;
    for (uint32_t i = 0; i < count && i < 2 && code == 0; i++)
        code = add_snapshot(retention, numbers[i]);
    free(numbers);
    return code;
}

/* A cursor that cannot be read is an error: then nothing goes. */
static int find_cursors(struct retention *retention)
{
    const struct data_dir *dir = retention->options->dir;
    const char *required = retention->options->required;
    bool found = required == NULL;
    char(*names)[CURSOR_NAME_BYTES];
    uint32_t count;
    int code = cursor_list(dir, &names, &count, retention->error);
    for (uint32_t i = 0; i < count && code == 0; i++) {
        struct cursor_position position;
        code = cursor_read(dir, names[i], &position, retention->error);
        if (code == LOG_EXIT_NO_DATA) { /* dropped just now */
            code = 0;
            continue;
        }
        if (code == 0)
            code = add_holder(retention, names[i], &position);
        found = found || strcmp(names[i], required) == 0;
        retention->report->cursors++;
    }
    free(names);
    if (code == 0 && !found) {
        const struct cursor_position nowhere = {0};
        code = add_holder(retention, required, &nowhere);
    }
    return code;
}

static bool is_past(const struct cursor_position *position, uint32_t epoch, uint16_t shard,
                    uint64_t last)
{
    if (position->epoch != epoch)
        return position->epoch > epoch;
    return shard < position->shard_count && position->sequences[shard] >= last;
}

/* True: nobody needs the records up to `last`. */
static bool may_go(const struct retention *retention, uint32_t epoch, uint16_t shard, uint64_t last)
{
    if (retention->report->previous == 0)
        return false; /* and the report says that there is none */
    for (uint32_t i = 0; i < retention->holder_count; i++) {
        const struct holder *holder = &retention->holders[i];
        if (is_past(&holder->position, epoch, shard, last))
            continue;
        /* A cursor is the better answer to "who holds it" than our own snapshots. */
        if (retention->report->held_by[0] == '\0' ||
            strcmp(retention->report->held_by, "snapshot") == 0)
            snprintf(retention->report->held_by, sizeof retention->report->held_by, "%s",
                     holder->name);
        return false;
    }
    return true;
}

/* --- segments --- */

/* The first sequence of a segment; 0: it has no records. */
static int first_sequence(const struct retention *retention, const char *path, uint64_t *first)
{
    struct log_window window;
    struct log_segment_header header;
    const uint8_t *bytes;
    size_t available;
    *first = 0;
    log_window_init(&window, retention->storage, (size_t)LOG_ALIGNMENT * 2);
    int result = log_window_open(&window, path);
    if (result == 0)
        result = log_window_read(&window, 0, LOG_ALIGNMENT * 2, &bytes, &available);
    if (result == 0 && available == LOG_ALIGNMENT * 2 &&
        log_file_header_check(bytes, LOG_SEGMENT_MAGIC) == LOG_HEADER_GOOD) {
        const struct log_block_header *block =
            (const struct log_block_header *)(const void *)(bytes + LOG_ALIGNMENT);
        memcpy(&header, bytes, sizeof header);
        if (log_block_header_good(block, UINT64_MAX) && block->nonce == header.nonce)
            *first = block->first_sequence;
    }
    log_window_release(&window);
    return result;
}

static int give_up(const struct retention *retention, uint32_t epoch, const char *shard_path,
                   uint64_t number)
{
    char path[LOG_PATH_BYTES];
    segment_path(shard_path, number, path);
    crash_point("retention.before");
    int result = epoch == retention->options->epoch
                     ? segment_recycle(retention->storage, shard_path, number)
                     : retention->storage->unlink(retention->storage->context, path);
    crash_point("retention.given_up");
    retention->report->recycled += result == 0;
    return result;
}

/* From the oldest on, as long as the one behind says that all of it may go. The last
 * sequence of a segment is known from the first block of the next only. */
static int step_segments(struct retention *retention, uint32_t epoch, uint16_t shard,
                         const char *shard_path, const uint64_t *numbers, uint32_t count)
{
    char path[LOG_PATH_BYTES];
    int result = 0;
    bool going = true;
    for (uint32_t i = 0; i < count && result == 0; i++) {
        struct storage_status status;
        uint64_t next = 0;
        if (going && i + 1 < count && numbers[i + 1] == numbers[i] + 1)
            result =
                first_sequence(retention, segment_path(shard_path, numbers[i + 1], path), &next);
        going = going && next > 0 && may_go(retention, epoch, shard, next - 1) &&
                !retention->options->look_only;
        if (result == 0 && going)
            result = give_up(retention, epoch, shard_path, numbers[i]);
        else if (retention->storage->status(retention->storage->context,
                                            segment_path(shard_path, numbers[i], path),
                                            &status) == 0)
            retention->report->kept_bytes += status.bytes;
    }
    return result;
}

/* --- free segments: a few for reuse, the rest goes --- */

struct surplus {
    const struct retention *retention;
    const char *shard_path;
    uint32_t kept;
    char path[LOG_PATH_BYTES + 256];
};

static int find_surplus(void *context, const char *name)
{
    struct surplus *surplus = context;
    const struct storage *storage = surplus->retention->storage;
    struct storage_status status;
    if (strncmp(name, "free-", 5) != 0)
        return 0;
    snprintf(surplus->path, sizeof surplus->path, "%s/%s", surplus->shard_path, name);
    if (storage->status(storage->context, surplus->path, &status) != 0)
        return 0;
    return status.bytes != surplus->retention->options->segment_bytes ||
           ++surplus->kept > RETENTION_FREE_MAX;
}

static int step_free(const struct retention *retention, const char *shard_path)
{
    const struct storage *storage = retention->storage;
    struct surplus surplus = {.retention = retention, .shard_path = shard_path};
    int result;
    while ((result = storage->list(storage->context, shard_path, find_surplus, &surplus)) > 0) {
        result = storage->unlink(storage->context, surplus.path);
        if (result < 0 && result != -ENOENT) /* the keeper may have taken it */
            return result;
        surplus.kept = 0;
    }
    return result;
}

static int step_shard(struct retention *retention, uint32_t epoch, uint16_t shard)
{
    char shard_path[LOG_PATH_BYTES];
    uint64_t *numbers;
    uint32_t count;
    data_dir_shard_path(retention->options->dir, epoch, shard, shard_path);
    int result = segment_list(retention->storage, shard_path, false, &numbers, &count);
    if (result < 0)
        return header_file_fail(retention->error, "read", shard_path, result);
    result = step_segments(retention, epoch, shard, shard_path, numbers, count);
    free(numbers);
    if (result == 0 && epoch == retention->options->epoch && !retention->options->look_only)
        result = step_free(retention, shard_path);
    return result < 0 ? header_file_fail(retention->error, "give up log in", shard_path, result)
                      : 0;
}

static int step_epochs(struct retention *retention)
{
    struct data_dir_epoch *epochs;
    uint32_t count;
    int code = data_dir_epochs(retention->options->dir, &epochs, &count, retention->error);
    for (uint32_t i = 0; i < count && code == 0; i++)
        for (uint16_t shard = 0; shard < epochs[i].shard_count && code == 0; shard++)
            code = step_shard(retention, epochs[i].number, shard);
    free(epochs);
    return code;
}

int retention_step(const struct retention_options *options, struct retention_report *report,
                   struct log_error *error)
{
    struct retention retention = {.options = options,
                                  .storage = data_dir_storage(options->dir),
                                  .report = report,
                                  .error = error};
    memset(report, 0, sizeof *report);
    int code = find_snapshot(&retention);
    if (code == 0)
        code = find_cursors(&retention);
    if (code == 0)
        code = step_epochs(&retention);
    free(retention.holders);
    return code;
}
