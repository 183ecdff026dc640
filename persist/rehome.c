#include "rehome.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../engine/logger.h"
#include "crash_point.h"
#include "durable_mark.h"
#include "header_file.h"
#include "segment.h"

enum { COPY_BYTES = 1 << 20 };

struct rehome {
    struct data_dir *dir;
    const struct storage *storage;
    const struct log_scan_end *end;
    struct log_error *error;
    uint32_t epoch;
    uint16_t shard;
    uint64_t segment_bytes;
    char shard_path[LOG_PATH_BYTES];
};

/* Copies `length` bytes; past the end of the source come zeros. `first` (NULL:
 * none) takes the place of the first 4 KiB. */
static int copy_bytes(const struct storage *storage, int from, uint64_t offset, uint64_t length,
                      int to, const void *first)
{
    uint8_t *bytes = aligned_alloc(STORAGE_ALIGNMENT, COPY_BYTES);
    int64_t got = bytes ? 0 : -ENOMEM;
    for (uint64_t at = 0; at < length && got >= 0; at += COPY_BYTES) {
        size_t part = length - at < COPY_BYTES ? (size_t)(length - at) : COPY_BYTES;
        got = storage->read(storage->context, from, bytes, part, offset + at);
        if (got < 0)
            break;
        memset(bytes + got, 0, part - (size_t)got);
        if (first && at == 0)
            memcpy(bytes, first, LOG_SEGMENT_HEADER_BYTES);
        got = storage->write(storage->context, to, bytes, part, at);
    }
    free(bytes);
    return got < 0 ? (int)got : 0;
}

static int copy_to(const struct storage *storage, int from, uint64_t offset, uint64_t length,
                   const char *path, const void *first)
{
    int to = storage->open(storage->context, path, STORAGE_CREATE);
    if (to < 0)
        return to;
    int result = copy_bytes(storage, from, offset, length, to, first);
    if (result == 0)
        result = storage->sync(storage->context, to);
    storage->close(storage->context, to);
    return result;
}

/* --- keeping what is cut --- */

static int keep_torn(const struct rehome *rehome)
{
    const struct storage *storage = rehome->storage;
    const struct log_scan_end *end = rehome->end;
    char from[LOG_PATH_BYTES], directory[LOG_PATH_BYTES + 16], to[LOG_PATH_BYTES + 128];
    segment_path(rehome->shard_path, end->torn_segment, from);
    snprintf(directory, sizeof directory, "%s/quarantine", rehome->shard_path);
    snprintf(to, sizeof to, "%s/segment-%010llu-%llu-%llu.torn", directory,
             (unsigned long long)end->torn_segment, (unsigned long long)end->torn_offset,
             (unsigned long long)end->next_sequence);
    int result = storage->make_directory(storage->context, directory);
    if (result < 0 && result != -EEXIST)
        return header_file_fail(rehome->error, "make directory", directory, result);
    int fd = storage->open(storage->context, from, STORAGE_READ);
    result = fd;
    if (fd >= 0) {
        result = copy_to(storage, fd, end->torn_offset, end->torn_bytes, to, NULL);
        storage->close(storage->context, fd);
    }
    if (result == 0)
        result = storage->sync_directory(storage->context, directory);
    crash_point("recovery.kept");
    logger_log(LOGGER_WARN, "log_torn", LOG_TEXT("case", end->label), LOG_TEXT("file", from),
               LOG_INT("offset", end->torn_offset), LOG_INT("bytes", end->torn_bytes),
               LOG_INT("sequence", end->next_sequence), LOG_TEXT("kept", to));
    return result < 0 ? header_file_fail(rehome->error, "keep a copy of", from, result) : 0;
}

/* --- moving the good part --- */

static int read_header(const struct rehome *rehome, int fd, uint8_t *page)
{
    int64_t got =
        rehome->storage->read(rehome->storage->context, fd, page, LOG_SEGMENT_HEADER_BYTES, 0);
    if (got < 0)
        return (int)got;
    return got == LOG_SEGMENT_HEADER_BYTES ? 0 : -EIO;
}

/* Already moved, and nothing was written since. */
static bool is_rehomed(const struct rehome *rehome, int fd, const uint8_t *page)
{
    struct log_segment_header header;
    memcpy(&header, page, sizeof header);
    return (header.head.flags & LOG_SEGMENT_REHOMED) != 0 &&
           rehome->storage->size(rehome->storage->context, fd) == (int64_t)rehome->end->offset;
}

static int replace(const struct rehome *rehome, int fd, uint8_t *page, const char *path)
{
    const struct storage *storage = rehome->storage;
    struct log_segment_header header;
    char temporary[LOG_PATH_BYTES + 8];
    snprintf(temporary, sizeof temporary, "%s.new", path);
    memcpy(&header, page, sizeof header);
    header.head.flags |= LOG_SEGMENT_REHOMED;
    memcpy(page, &header, sizeof header);
    log_file_header_seal(page, sizeof header);
    /* The nonce stays, so that hashes, chain and followers' offsets stay good. */
    int result = copy_to(storage, fd, 0, rehome->end->offset, temporary, page);
    crash_point("recovery.copied");
    if (result == 0)
        result = storage->rename(storage->context, temporary, path);
    crash_point("recovery.renamed");
    return result < 0 ? result : storage->sync_directory(storage->context, rehome->shard_path);
}

static int move_good_part(const struct rehome *rehome)
{
    const struct storage *storage = rehome->storage;
    char path[LOG_PATH_BYTES];
    uint8_t *page = aligned_alloc(STORAGE_ALIGNMENT, LOG_SEGMENT_HEADER_BYTES);
    segment_path(rehome->shard_path, rehome->end->segment, path);
    int fd = page ? storage->open(storage->context, path, STORAGE_READ) : -ENOMEM;
    int result = fd;
    if (fd >= 0) {
        result = read_header(rehome, fd, page);
        if (result == 0 && !is_rehomed(rehome, fd, page))
            result = replace(rehome, fd, page, path);
        storage->close(storage->context, fd);
    }
    free(page);
    return result < 0 ? header_file_fail(rehome->error, "rewrite", path, result) : 0;
}

/* --- where to go on --- */

static int provide_next(const struct rehome *rehome, uint64_t number, struct log_tail *tail)
{
    struct log_segment_header identity = {
        .cluster = *data_dir_cluster(rehome->dir),
        .epoch = rehome->epoch,
        .shard = rehome->shard,
        .number = number,
        .bytes = rehome->segment_bytes < REHOME_SEGMENT_BYTES ? rehome->segment_bytes
                                                              : REHOME_SEGMENT_BYTES,
    };
    int result = segment_provide(rehome->storage, rehome->shard_path,
                                 rehome->end->unused_segment == number, &identity, NULL);
    tail->segment = number;
    tail->offset = LOG_SEGMENT_HEADER_BYTES;
    return result < 0
               ? header_file_fail(rehome->error, "make a segment in", rehome->shard_path, result)
               : 0;
}

/* A segment says with its format version which records may stand in it: an older
 * program that knows the version must be able to read all of it. */
static bool is_of_this_format(const struct rehome *rehome, const char *path)
{
    const struct storage *storage = rehome->storage;
    struct log_file_head head = {.version = 0};
    uint8_t *page = aligned_alloc(STORAGE_ALIGNMENT, LOG_SEGMENT_HEADER_BYTES);
    const int fd = page ? storage->open(storage->context, path, STORAGE_READ) : -ENOMEM;
    if (fd >= 0) {
        if (read_header(rehome, fd, page) == 0)
            memcpy(&head, page, sizeof head);
        storage->close(storage->context, fd);
    }
    free(page);
    return head.version == LOG_FORMAT_VERSION;
}

/* After a clean stop nothing is suspect and the last segment goes on where it
 * ended, if that is not its very end and the format has not changed. */
static bool may_go_on(const struct rehome *rehome)
{
    char path[LOG_PATH_BYTES];
    struct storage_status status;
    segment_path(rehome->shard_path, rehome->end->segment, path);
    return rehome->end->clean_stop && rehome->end->segment != 0 && rehome->end->torn_segment == 0 &&
           rehome->storage->status(rehome->storage->context, path, &status) == 0 &&
           status.bytes >= rehome->end->offset + 2 * LOG_BLOCK_BYTES_MAX &&
           is_of_this_format(rehome, path);
}

static int publish_mark(const struct rehome *rehome)
{
    struct durable_page *page;
    int result = durable_mark_open(rehome->storage, rehome->shard_path, true, &page);
    if (result < 0)
        return header_file_fail(rehome->error, "map the durable mark in", rehome->shard_path,
                                result);
    durable_mark_publish(page, rehome->end->next_sequence - 1);
    durable_mark_close(rehome->storage, page);
    return 0;
}

static int settle(const struct rehome *rehome, struct log_tail *tail)
{
    const struct log_scan_end *end = rehome->end;
    int code = 0;
    tail->segment = end->segment;
    tail->offset = end->offset;
    if (may_go_on(rehome))
        return 0;
    if (end->torn_segment != 0)
        code = keep_torn(rehome);
    if (code == 0 && end->segment != 0)
        code = move_good_part(rehome);
    uint64_t next = end->fresh_segment != 0 ? end->fresh_segment : end->segment + 1;
    return code != 0 ? code : provide_next(rehome, next, tail);
}

int rehome_shard(struct data_dir *dir, uint32_t epoch, uint16_t shard, uint32_t segment_bytes,
                 const struct log_scan_end *end, struct log_tail *tail, struct log_error *error)
{
    struct rehome rehome = {.dir = dir,
                            .storage = data_dir_storage(dir),
                            .end = end,
                            .error = error,
                            .epoch = epoch,
                            .shard = shard,
                            .segment_bytes = segment_bytes};
    data_dir_shard_path(dir, epoch, shard, rehome.shard_path);
    *tail = (struct log_tail){.next_sequence = end->next_sequence,
                              .previous_hash = end->previous_hash,
                              .stamp_ms = end->stamp_ms};
    int code = settle(&rehome, tail);
    /* Last: what is now durable may be shown to followers. */
    return code != 0 ? code : publish_mark(&rehome);
}
