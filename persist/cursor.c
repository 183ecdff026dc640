#include "cursor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash_point.h"
#include "header_file.h"

#define CURSOR_MAGIC 0x31525543584f42ull /* "BOXCUR1" */

struct cursor_header {
    struct log_file_head head;
    struct uuid cluster;
    uint64_t published_ms;
    uint32_t epoch;
    uint16_t shard_count;
    uint16_t reserved;
    uint64_t sequences[SHARD_COUNT_MAX];
};
static_assert(sizeof(struct cursor_header) == 48 + 8 * SHARD_COUNT_MAX, "on-disk format");

bool cursor_name_good(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && length < CURSOR_NAME_BYTES &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") == length;
}

static int check_name(const char *name, struct log_error *error)
{
    return cursor_name_good(name)
               ? 0
               : log_error_set(error, CURSOR_EXIT_USAGE, NULL,
                               "\"%s\" is no name of a cursor: 1 to %d of a-z, 0-9, - and _", name,
                               CURSOR_NAME_BYTES - 1);
}

static const char *directory_path(const struct data_dir *dir, char *out)
{
    snprintf(out, LOG_PATH_BYTES, "%s/cursors", data_dir_path(dir));
    return out;
}

int cursor_publish(const struct data_dir *dir, const char *name,
                   const struct cursor_position *position, struct log_error *error)
{
    const struct storage *storage = data_dir_storage(dir);
    char directory[LOG_PATH_BYTES];
    struct cursor_header header = {.head = {CURSOR_MAGIC, LOG_FORMAT_VERSION, 0},
                                   .cluster = *data_dir_cluster(dir),
                                   .published_ms = position->published_ms,
                                   .epoch = position->epoch,
                                   .shard_count = position->shard_count};
    int code = check_name(name, error);
    if (code != 0)
        return code;
    memcpy(header.sequences, position->sequences, sizeof header.sequences);
    int result = storage->make_directory(storage->context, directory_path(dir, directory));
    if (result == 0)
        result = storage->sync_directory(storage->context, data_dir_path(dir));
    if (result < 0 && result != -EEXIST)
        return header_file_fail(error, "make directory", directory, result);
    return header_file_write(storage, directory, name, &header, sizeof header, error);
}

int cursor_read(const struct data_dir *dir, const char *name, struct cursor_position *position,
                struct log_error *error)
{
    char directory[LOG_PATH_BYTES];
    struct cursor_header header;
    int code = check_name(name, error);
    if (code == 0)
        code = header_file_read(data_dir_storage(dir), directory_path(dir, directory), name,
                                CURSOR_MAGIC, &header, sizeof header, error);
    if (code != 0)
        return code;
    if (!uuid_equal(&header.cluster, data_dir_cluster(dir)) || header.shard_count > SHARD_COUNT_MAX)
        return log_error_set(error, LOG_EXIT_CORRUPT, "RK", "%s/%s belongs to another cluster",
                             directory, name);
    *position = (struct cursor_position){.epoch = header.epoch,
                                         .shard_count = header.shard_count,
                                         .published_ms = header.published_ms};
    memcpy(position->sequences, header.sequences, sizeof header.sequences);
    return 0;
}

int cursor_drop(const struct data_dir *dir, const char *name, struct log_error *error)
{
    const struct storage *storage = data_dir_storage(dir);
    char directory[LOG_PATH_BYTES], path[LOG_PATH_BYTES + CURSOR_NAME_BYTES + 1];
    int code = check_name(name, error);
    if (code != 0)
        return code;
    snprintf(path, sizeof path, "%s/%s", directory_path(dir, directory), name);
    int result = storage->unlink(storage->context, path);
    if (result == -ENOENT)
        return log_error_set(error, LOG_EXIT_NO_DATA, NULL, "there is no cursor %s", name);
    if (result == 0)
        result = storage->sync_directory(storage->context, directory);
    return result < 0 ? header_file_fail(error, "remove", path, result) : 0;
}

struct listing {
    char (*names)[CURSOR_NAME_BYTES];
    uint32_t count;
};

static int list_name(void *context, const char *name)
{
    struct listing *listing = context;
    if (!cursor_name_good(name)) /* a half-written one has a dot in its name */
        return 0;
    char(*more)[CURSOR_NAME_BYTES] =
        realloc(listing->names, (listing->count + 1) * sizeof *listing->names);
    if (!more)
        return -ENOMEM;
    listing->names = more;
    snprintf(more[listing->count++], CURSOR_NAME_BYTES, "%s", name);
    return 0;
}

int cursor_list(const struct data_dir *dir, char (**names)[CURSOR_NAME_BYTES], uint32_t *count,
                struct log_error *error)
{
    const struct storage *storage = data_dir_storage(dir);
    struct listing listing = {NULL, 0};
    char directory[LOG_PATH_BYTES];
    int result =
        storage->list(storage->context, directory_path(dir, directory), list_name, &listing);
    *names = listing.names;
    *count = listing.count;
    if (result == 0 || result == -ENOENT)
        return 0;
    free(listing.names);
    *names = NULL;
    *count = 0;
    return header_file_fail(error, "read", directory, result);
}
