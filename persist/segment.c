#include "segment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../engine/logger.h"
#include "crash_point.h"
#include "numbered_file.h"

enum { READ_BYTES = 1 << 20 };

const char *segment_path(const char *shard_path, uint64_t number, char *out)
{
    snprintf(out, LOG_PATH_BYTES, "%s/segment-%010llu.log", shard_path, (unsigned long long)number);
    return out;
}

int segment_nonce(const struct storage *storage, uint64_t *nonce)
{
    int result = 0;
    *nonce = 0;
    while (*nonce == 0 && result == 0)
        result = storage->random(storage->context, nonce, sizeof *nonce);
    return result;
}

/* --- listing --- */

static bool known_name(const char *name)
{
    size_t length = strlen(name);
    return numbered_file_parse(name, "free-", ".log") != 0 || strcmp(name, "durable") == 0 ||
           strcmp(name, "quarantine") == 0 ||
           (length > 4 && strcmp(name + length - 4, ".new") == 0);
}

struct listing {
    const char *shard_path;
    bool report;
    struct number_list list;
};

static int list_name(void *context, const char *name)
{
    struct listing *listing = context;
    uint64_t number = numbered_file_parse(name, "segment-", ".log");
    if (number != 0)
        return number_list_append(&listing->list, number);
    if (listing->report && name[0] != '.' && !known_name(name))
        logger_log(LOGGER_WARN, "log_unknown_file", LOG_TEXT("case", "RV"),
                   LOG_TEXT("directory", listing->shard_path), LOG_TEXT("name", name));
    return 0;
}

int segment_list(const struct storage *storage, const char *shard_path, bool report,
                 uint64_t **numbers, uint32_t *count)
{
    struct listing listing = {.shard_path = shard_path, .report = report};
    *numbers = NULL;
    *count = 0;
    int result = storage->list(storage->context, shard_path, list_name, &listing);
    if (result < 0) {
        free(listing.list.numbers);
        return result;
    }
    number_list_sort(&listing.list, NUMBER_LIST_OLDEST_FIRST);
    *numbers = listing.list.numbers;
    *count = listing.list.count;
    return 0;
}

/* --- making --- */

struct recycling {
    const struct storage *storage;
    const char *shard_path;
    uint64_t bytes;
    char from[LOG_PATH_BYTES + 256]; /* a free segment of that size */
};

static int find_free(void *context, const char *name)
{
    struct recycling *recycling = context;
    struct storage_status status;
    if (numbered_file_parse(name, "free-", ".log") == 0)
        return 0;
    snprintf(recycling->from, sizeof recycling->from, "%s/%s", recycling->shard_path, name);
    return recycling->storage->status(recycling->storage->context, recycling->from, &status) == 0 &&
           status.bytes == recycling->bytes;
}

/* Moves a free segment of the right size to `path`. False: there is none. */
static bool take_free(const struct storage *storage, const char *shard_path, uint64_t bytes,
                      const char *path)
{
    struct recycling recycling = {storage, shard_path, bytes, ""};
    return storage->list(storage->context, shard_path, find_free, &recycling) > 0 &&
           storage->rename(storage->context, recycling.from, path) == 0;
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
    if (!(header->head.flags & LOG_SEGMENT_RECYCLED))
        result = storage->zero(storage->context, fd, header->bytes);
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
    int result = segment_nonce(storage, &identity->nonce);
    if (result < 0)
        return result;
    int made =
        storage->open(storage->context, temporary, recycled ? STORAGE_WRITE : STORAGE_CREATE);
    if (made < 0)
        return made;
    result = fill(storage, made, identity);
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

/* Its header says that it is one to be written from the start. */
static bool fits(const uint8_t *page, const struct log_segment_header *identity,
                 struct log_segment_header *found)
{
    if (log_file_header_check(page, LOG_SEGMENT_MAGIC) != LOG_HEADER_GOOD)
        return false;
    memcpy(found, page, sizeof *found);
    return found->head.version == LOG_FORMAT_VERSION && found->head.flags == 0 &&
           uuid_equal(&found->cluster, &identity->cluster) && found->epoch == identity->epoch &&
           found->shard == identity->shard && found->number == identity->number &&
           found->bytes >= identity->bytes;
}

static bool is_zero_behind_header(const struct storage *storage, int fd, uint64_t file_bytes)
{
    uint8_t *bytes = aligned_alloc(STORAGE_ALIGNMENT, READ_BYTES);
    uint64_t at = LOG_SEGMENT_HEADER_BYTES;
    int64_t got = 1;
    while (bytes && at < file_bytes && got > 0) {
        got = storage->read(storage->context, fd, bytes, READ_BYTES, at);
        if (got > 0 && !log_bytes_zero(bytes, (size_t)got))
            got = 0;
        at += got > 0 ? (uint64_t)got : 0;
    }
    free(bytes);
    return at == file_bytes;
}

int segment_provide(const struct storage *storage, const char *shard_path, bool zeros_seen,
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
                 fits(page, identity, &found) &&
                 (zeros_seen || is_zero_behind_header(storage, opened, found.bytes));
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
