#include "segment.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "../engine/logger.h"
#include "crash_point.h"

enum { ZERO_BYTES = 1 << 20 };

const char *segment_path(const char *shard_path, uint64_t number, char *out)
{
    snprintf(out, LOG_PATH_BYTES, "%s/segment-%010llu.log", shard_path, (unsigned long long)number);
    return out;
}

uint64_t segment_nonce(void)
{
    uint64_t nonce = 0;
    while (nonce == 0)
        if (getrandom(&nonce, sizeof nonce, 0) != (ssize_t)sizeof nonce)
            nonce = 0;
    return nonce;
}

/* --- listing --- */

static bool parse_number(const char *name, const char *prefix, uint64_t *number)
{
    size_t length = strlen(prefix);
    if (strncmp(name, prefix, length) != 0 || strlen(name) != length + 14 ||
        strcmp(name + length + 10, ".log") != 0)
        return false;
    *number = 0;
    for (const char *at = name + length; at < name + length + 10; at++) {
        if (*at < '0' || *at > '9')
            return false;
        *number = *number * 10 + (uint64_t)(*at - '0');
    }
    return *number > 0;
}

static bool known_name(const char *name)
{
    uint64_t number;
    size_t length = strlen(name);
    return parse_number(name, "free-", &number) || strcmp(name, "durable") == 0 ||
           strcmp(name, "quarantine") == 0 ||
           (length > 4 && strcmp(name + length - 4, ".new") == 0);
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static int append_number(uint64_t **numbers, uint32_t *count, uint64_t number)
{
    if ((*count & (*count - 1)) == 0) { /* full at powers of two */
        uint64_t *more = realloc(*numbers, (*count ? *count * 2 : 1) * sizeof **numbers);
        if (!more)
            return -ENOMEM;
        *numbers = more;
    }
    (*numbers)[(*count)++] = number;
    return 0;
}

int segment_list(const char *shard_path, bool report, uint64_t **numbers, uint32_t *count)
{
    DIR *directory = opendir(shard_path);
    struct dirent *entry;
    uint64_t number;
    int result = 0;
    *numbers = NULL;
    *count = 0;
    if (!directory)
        return -errno;
    while (result == 0 && (entry = readdir(directory)) != NULL) {
        if (parse_number(entry->d_name, "segment-", &number))
            result = append_number(numbers, count, number);
        else if (report && entry->d_name[0] != '.' && !known_name(entry->d_name))
            logger_log(LOGGER_WARN, "log_unknown_file", LOG_TEXT("case", "RV"),
                       LOG_TEXT("directory", shard_path), LOG_TEXT("name", entry->d_name));
    }
    closedir(directory);
    if (result < 0) {
        free(*numbers);
        *numbers = NULL;
        return result;
    }
    if (*count > 0)
        qsort(*numbers, *count, sizeof **numbers, compare_numbers);
    return 0;
}

/* --- making --- */

static int write_zeros(const struct storage *storage, int fd, uint64_t bytes)
{
    uint8_t *zeros = aligned_alloc(STORAGE_ALIGNMENT, ZERO_BYTES);
    if (!zeros)
        return -ENOMEM;
    memset(zeros, 0, ZERO_BYTES);
    int result = 0;
    for (uint64_t at = 0; result == 0 && at < bytes; at += ZERO_BYTES) {
        uint64_t length = bytes - at < ZERO_BYTES ? bytes - at : ZERO_BYTES;
        result = storage->write(storage->context, fd, zeros, length, at);
    }
    free(zeros);
    return result;
}

/* Moves a free segment of the right size to `path`. False: there is none. */
static bool take_free(const struct storage *storage, const char *shard_path, uint64_t bytes,
                      const char *path)
{
    DIR *directory = opendir(shard_path);
    struct dirent *entry;
    bool taken = false;
    if (!directory)
        return false;
    while (!taken && (entry = readdir(directory)) != NULL) {
        char from[LOG_PATH_BYTES + 256];
        struct stat stat_buffer;
        uint64_t number;
        if (!parse_number(entry->d_name, "free-", &number))
            continue;
        snprintf(from, sizeof from, "%s/%s", shard_path, entry->d_name);
        taken = stat(from, &stat_buffer) == 0 && (uint64_t)stat_buffer.st_size == bytes &&
                storage->rename(storage->context, from, path) == 0;
    }
    closedir(directory);
    return taken;
}

static int write_header(const struct storage *storage, int fd,
                        const struct log_segment_header *header)
{
    uint8_t *page = aligned_alloc(STORAGE_ALIGNMENT, LOG_SEGMENT_HEADER_BYTES);
    if (!page)
        return -ENOMEM;
    memcpy(page, header, sizeof *header);
    log_file_header_seal(page, sizeof *header);
    int result = storage->write(storage->context, fd, page, LOG_SEGMENT_HEADER_BYTES, 0);
    free(page);
    return result;
}

static int fill(const struct storage *storage, int fd, const struct log_segment_header *header)
{
    int result = 0;
    /* Real zeros, not fallocate: a flush must not have to convert extents. */
    if (!(header->head.flags & LOG_SEGMENT_RECYCLED))
        result = write_zeros(storage, fd, header->bytes);
    if (result == 0)
        result = write_header(storage, fd, header);
    return result < 0 ? result : storage->sync(storage->context, fd);
}

int segment_make(const struct storage *storage, const char *shard_path,
                 struct log_segment_header *identity, int *fd)
{
    char path[LOG_PATH_BYTES], temporary[LOG_PATH_BYTES + 8];
    segment_path(shard_path, identity->number, path);
    snprintf(temporary, sizeof temporary, "%s.new", path);
    bool recycled = take_free(storage, shard_path, identity->bytes, temporary);
    identity->head = (struct log_file_head){LOG_SEGMENT_MAGIC, LOG_FORMAT_VERSION,
                                            recycled ? LOG_SEGMENT_RECYCLED : 0};
    identity->nonce = segment_nonce();
    int made =
        storage->open(storage->context, temporary, recycled ? STORAGE_WRITE : STORAGE_CREATE);
    if (made < 0)
        return made;
    int result = fill(storage, made, identity);
    crash_point("segment.filled");
    if (result == 0)
        result = storage->rename(storage->context, temporary, path);
    crash_point("segment.renamed");
    if (result == 0)
        result = storage->sync_directory(storage->context, shard_path);
    if (result < 0 || !fd) {
        storage->close(storage->context, made);
        if (result < 0) /* half a segment would only keep the disk full */
            storage->unlink(storage->context, temporary);
        return result;
    }
    *fd = made;
    return 0;
}

/* --- taking what is there --- */

static bool unused_and_whole(const struct storage *storage, int fd, const uint8_t *page,
                             const struct log_segment_header *identity,
                             struct log_segment_header *found)
{
    if (log_file_header_check(page, LOG_SEGMENT_MAGIC) != LOG_HEADER_GOOD)
        return false;
    memcpy(found, page, sizeof *found);
    if (found->head.flags != 0 || !uuid_equal(&found->cluster, &identity->cluster) ||
        found->epoch != identity->epoch || found->shard != identity->shard ||
        found->number != identity->number || found->bytes < identity->bytes)
        return false;
    uint8_t *bytes = aligned_alloc(STORAGE_ALIGNMENT, ZERO_BYTES);
    uint64_t at = LOG_SEGMENT_HEADER_BYTES;
    int64_t got = 1;
    while (bytes && at < found->bytes && got > 0) {
        got = storage->read(storage->context, fd, bytes, ZERO_BYTES, at);
        if (got > 0 && !log_bytes_zero(bytes, (size_t)got))
            got = 0;
        at += got > 0 ? (uint64_t)got : 0;
    }
    free(bytes);
    return at == found->bytes;
}

int segment_provide(const struct storage *storage, const char *shard_path,
                    struct log_segment_header *identity, int *fd)
{
    char path[LOG_PATH_BYTES];
    struct log_segment_header found;
    segment_path(shard_path, identity->number, path);
    int opened = storage->open(storage->context, path, STORAGE_WRITE);
    if (opened < 0)
        return segment_make(storage, shard_path, identity, fd);
    uint8_t *page = aligned_alloc(STORAGE_ALIGNMENT, LOG_SEGMENT_HEADER_BYTES);
    bool whole = page &&
                 storage->read(storage->context, opened, page, LOG_SEGMENT_HEADER_BYTES, 0) ==
                     LOG_SEGMENT_HEADER_BYTES &&
                 unused_and_whole(storage, opened, page, identity, &found);
    free(page);
    if (!whole || !fd)
        storage->close(storage->context, opened);
    if (!whole)
        return segment_make(storage, shard_path, identity, fd);
    *identity = found;
    if (fd)
        *fd = opened;
    return 0;
}

int segment_recycle(const struct storage *storage, const char *shard_path, uint64_t number)
{
    char from[LOG_PATH_BYTES], to[LOG_PATH_BYTES];
    segment_path(shard_path, number, from);
    snprintf(to, sizeof to, "%s/free-%010llu.log", shard_path, (unsigned long long)number);
    int result = storage->rename(storage->context, from, to);
    return result < 0 ? result : storage->sync_directory(storage->context, shard_path);
}
