/* A data directory of a test's own, on memory where there is some, and short
 * words for what log tests do all the time. */
#ifndef TESTS_UNIT_LOG_FIXTURE_H
#define TESTS_UNIT_LOG_FIXTURE_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../engine/logger.h"
#include "../../persist/data_dir.h"
#include "../../persist/durable_mark.h"
#include "../../persist/log_format.h"
#include "../../persist/log_scan.h"
#include "../../persist/log_writer.h"
#include "../../persist/record_codec.h"
#include "../../persist/recovery.h"
#include "../../persist/segment.h"

enum { FIXTURE_SEGMENT_BYTES = 65536, FIXTURE_BATCH_BYTES = 16384, FIXTURE_RECORDS_MAX = 100000 };

struct fixture {
    char path[LOG_PATH_BYTES / 2];
    struct data_dir *dir;
    uint16_t shard_count;
    uint32_t segment_bytes;
    uint32_t batch_bytes;
    struct recovery_result recovered;
    struct log_error error;
    /* shard 0's writer */
    struct segment_keeper *keeper;
    struct log_storage *storage;
    struct log_writer *writer;
    const struct journal *journal;
    /* what recovery visited: the quantity of each record, in order */
    uint32_t visited[FIXTURE_RECORDS_MAX];
    uint32_t visited_count;
};

static inline int fixture_remove_entry(const char *path, const struct stat *info, int type,
                                       struct FTW *place)
{
    (void)info, (void)type, (void)place;
    return remove(path);
}

static inline void fixture_remove(const char *path)
{
    nftw(path, fixture_remove_entry, 32, FTW_DEPTH | FTW_PHYS);
}

static inline void fixture_init_at(struct fixture *fixture, const char *base)
{
    memset(fixture, 0, sizeof *fixture);
    logger_init(LOGGER_ERROR);
    snprintf(fixture->path, sizeof fixture->path, "%s/boxoffice-log-XXXXXX", base);
    assert_non_null(mkdtemp(fixture->path));
    fixture->shard_count = 1;
    fixture->segment_bytes = FIXTURE_SEGMENT_BYTES;
    fixture->batch_bytes = FIXTURE_BATCH_BYTES;
}

static inline void fixture_init(struct fixture *fixture)
{
    fixture_init_at(fixture, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
}

static inline int fixture_visit(void *context, uint32_t epoch, uint16_t shard,
                                const struct record *record)
{
    struct fixture *fixture = context;
    (void)epoch, (void)shard;
    if (record->kind != RECORD_RESERVED)
        return 0;
    assert_true(fixture->visited_count < FIXTURE_RECORDS_MAX);
    fixture->visited[fixture->visited_count++] = record->reserved.quantity;
    return 0;
}

/* Opens the directory and recovers it; the exit code. */
static inline int fixture_recover(struct fixture *fixture, bool init)
{
    struct data_dir_options options = {.path = fixture->path, .init = init, .allow_buffered = true};
    struct recovery_options recovery = {.shard_count = fixture->shard_count,
                                        .segment_bytes = fixture->segment_bytes,
                                        .now_ms = 1000};
    fixture->visited_count = 0;
    memset(&fixture->error, 0, sizeof fixture->error);
    int code = data_dir_open(&fixture->dir, &options, &fixture->error);
    if (code != 0)
        return code;
    code = recovery_run(fixture->dir, &recovery, fixture_visit, fixture, &fixture->recovered,
                        &fixture->error);
    if (code != 0) {
        data_dir_close(fixture->dir);
        fixture->dir = NULL;
    }
    return code;
}

/* Of shard 0's writer, once there are a keeper and a storage. */
static inline struct log_writer_options fixture_writer_options(const struct fixture *fixture)
{
    return (struct log_writer_options){.dir = fixture->dir,
                                       .epoch = fixture->recovered.epoch,
                                       .tail = fixture->recovered.tails[0],
                                       .batch_bytes_max = fixture->batch_bytes,
                                       .keeper = fixture->keeper,
                                       .storage = fixture->storage};
}

static inline void fixture_write(struct fixture *fixture)
{
    struct segment_keeper_options keeper = {.dir = fixture->dir,
                                            .epoch = fixture->recovered.epoch,
                                            .shard_count = fixture->recovered.shard_count,
                                            .segment_bytes = fixture->segment_bytes,
                                            .retry_ms = 5,
                                            .watch_ms = 5};
    assert_int_equal(segment_keeper_new(&fixture->keeper, &keeper, &fixture->error), 0);
    fixture->storage = log_storage_blocking_new();
    struct log_writer_options writer = fixture_writer_options(fixture);
    assert_int_equal(log_writer_new(&fixture->writer, &writer, &fixture->error), 0);
    fixture->journal = log_writer_journal(fixture->writer);
}

static inline void fixture_stop(struct fixture *fixture)
{
    log_writer_free(fixture->writer);
    segment_keeper_free(fixture->keeper);
    log_storage_free(fixture->storage);
    data_dir_close(fixture->dir);
    fixture->writer = NULL;
    fixture->keeper = NULL;
    fixture->storage = NULL;
    fixture->dir = NULL;
}

/* One that only recovered: nothing writes. */
static inline void fixture_close(struct fixture *fixture)
{
    data_dir_close(fixture->dir);
    fixture_remove(fixture->path);
}

static inline void fixture_release(struct fixture *fixture)
{
    fixture_stop(fixture);
    fixture_remove(fixture->path);
}

/* A reservation that can be told apart by its quantity. */
static inline struct record fixture_record(uint32_t quantity)
{
    struct record record;
    memset(&record, 0, sizeof record);
    record.kind = RECORD_RESERVED;
    record.stamp_ms = 1700000000000u + quantity;
    record.actor.role = ROLE_USER;
    memset(record.actor.id.bytes, 0x11, 16);
    record.key.hash = quantity * 0x9e3779b97f4a7c15u;
    memset(record.reserved.booking_id.bytes, (int)(quantity & 0xff), 16);
    memset(record.reserved.user_id.bytes, 0x11, 16);
    memset(record.reserved.zone_id.bytes, 0x22, 16);
    record.reserved.quantity = quantity;
    record.reserved.to_segment = 1;
    record.reserved.ttl_ms = 600000;
    return record;
}

static inline uint64_t fixture_append(struct fixture *fixture, uint32_t quantity)
{
    struct record record = fixture_record(quantity);
    return fixture->journal->append(fixture->journal->context, &record);
}

static inline uint64_t fixture_append_clean_stop(struct fixture *fixture)
{
    struct record record;
    memset(&record, 0, sizeof record);
    record.kind = RECORD_CLEAN_STOP;
    record.stamp_ms = 1800000000000u;
    return fixture->journal->append(fixture->journal->context, &record);
}

static inline void fixture_flush(struct fixture *fixture)
{
    fixture->journal->flush(fixture->journal->context);
}

static inline uint64_t fixture_durable(struct fixture *fixture)
{
    return fixture->journal->durable(fixture->journal->context);
}

static inline enum journal_state fixture_state(struct fixture *fixture)
{
    return fixture->journal->state(fixture->journal->context);
}

/* Waits until the keeper has made the next segment. */
static inline void fixture_await_spare(struct fixture *fixture)
{
    for (int i = 0; i < 5000; i++) {
        enum segment_keeper_state state = segment_keeper_state(fixture->keeper, 0);
        if (state == SEGMENT_READY || state == SEGMENT_NONE)
            return;
        usleep(1000);
    }
    fail_msg("the keeper made no segment within 5 s");
}

/* Appends quantities first..last, `per_block` in each block. */
static inline void fixture_fill(struct fixture *fixture, uint32_t first, uint32_t last,
                                uint32_t per_block)
{
    uint32_t in_block = 0;
    for (uint32_t quantity = first; quantity <= last; quantity++) {
        uint64_t sequence = fixture_append(fixture, quantity);
        for (int tries = 0; sequence == 0 && tries < 5000; tries++) {
            fixture_flush(fixture);
            usleep(500);
            sequence = fixture_append(fixture, quantity);
            in_block = 0;
        }
        assert_true(sequence > 0);
        if (++in_block == per_block) {
            fixture_flush(fixture);
            in_block = 0;
        }
    }
    fixture_flush(fixture);
    assert_int_equal(fixture_durable(fixture),
                     fixture->journal->appended(fixture->journal->context));
}

static inline void fixture_assert_visited(const struct fixture *fixture, uint32_t first,
                                          uint32_t last)
{
    assert_int_equal(fixture->visited_count, last + 1 - first);
    for (uint32_t i = 0; i < fixture->visited_count; i++)
        assert_int_equal(fixture->visited[i], first + i);
}

/* --- the files, behind the log's back --- */

static inline const char *fixture_shard_path(const struct fixture *fixture, uint32_t epoch,
                                             uint16_t shard)
{
    static char path[LOG_PATH_BYTES];
    snprintf(path, sizeof path, "%s/epoch-%06u/shard-%03u", fixture->path, epoch, shard);
    return path;
}

static inline const char *fixture_segment(const struct fixture *fixture, uint64_t number)
{
    static char path[LOG_PATH_BYTES];
    return segment_path(fixture_shard_path(fixture, 1, 0), number, path);
}

static inline uint64_t file_bytes(const char *path)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return (uint64_t)info.st_size;
}

static inline void file_read(const char *path, uint64_t offset, void *bytes, size_t length)
{
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, bytes, length, (off_t)offset), length);
    close(fd);
}

static inline void file_write(const char *path, uint64_t offset, const void *bytes, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, length, (off_t)offset), length);
    fsync(fd);
    close(fd);
}

static inline void file_flip(const char *path, uint64_t offset, uint8_t bits)
{
    uint8_t byte;
    file_read(path, offset, &byte, 1);
    byte ^= bits;
    file_write(path, offset, &byte, 1);
}

static inline void file_copy(const char *from, const char *to)
{
    uint64_t bytes = file_bytes(from);
    uint8_t *content = malloc(bytes + 1);
    file_read(from, 0, content, bytes);
    unlink(to);
    file_write(to, 0, content, bytes);
    free(content);
}

/* The offset of block `index` (from 0) of a segment, by walking headers. */
static inline uint64_t block_offset(const char *path, uint32_t index)
{
    uint64_t offset = LOG_SEGMENT_HEADER_BYTES;
    for (uint32_t i = 0; i < index; i++) {
        struct log_block_header header;
        file_read(path, offset, &header, sizeof header);
        assert_int_equal(header.magic, LOG_BLOCK_MAGIC);
        offset += log_block_size(&header);
    }
    return offset;
}

/* As after a power cut: the mark's page never reached the disk. */
static inline void fixture_forget_mark(const struct fixture *fixture)
{
    char path[LOG_PATH_BYTES + 16];
    snprintf(path, sizeof path, "%s/durable", fixture_shard_path(fixture, 1, 0));
    unlink(path);
}

#endif
