/* Two buffers take turns: one fills while the other is being made durable. A
 * buffer is one block, header first, so that sealing it moves no byte.
 *
 *   filling --flush()--> in flight --done--> free, and filled next
 *
 * Nothing is appended that could not be written: `limit` is what the filling
 * buffer may hold given the room in the current segment and the next one. The
 * last 4 KiB of a segment without successor are kept for the clean-stop mark. */
#include "log_writer.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../engine/logger.h"
#include "crash_point.h"
#include "durable_mark.h"
#include "header_file.h"
#include "log_format.h"
#include "record_codec.h"
#include "segment.h"

/* Less room than this is no room: a few of the longest records. */
enum { FULL_BYTES = 4 * RECORD_BYTES_MAX, CLEAN_STOP_BYTES = LOG_ALIGNMENT };

struct batch {
    uint8_t *bytes;
    uint32_t used; /* header included */
    uint32_t count;
    uint64_t stamp_ms;
};

struct log_writer {
    struct journal journal;
    struct batch batches[2];
    struct batch *filling;
    uint32_t limit; /* filling->used may grow to this */
    bool in_flight;
    bool failed;
    bool has_next;
    uint64_t appended;
    uint64_t durable;
    uint64_t flushing_last; /* last sequence of the block in flight */
    uint64_t flush_begin_ns;
    uint64_t previous_hash;
    /* the current segment; `offset` is behind the block in flight */
    int fd;
    uint64_t number, nonce, bytes, offset;
    struct segment_spare next;
    uint32_t capacity;
    struct durable_page *mark;
    const struct storage *files;
    struct log_writer_options options;
};

static uint64_t room_of(const struct log_writer *writer)
{
    return writer->bytes - writer->offset;
}

/* Takes the next segment when it is ready; recomputes the limit. */
static void provision(struct log_writer *writer)
{
    if (!writer->has_next)
        writer->has_next =
            segment_keeper_take(writer->options.keeper, writer->options.shard, &writer->next);
    uint64_t room = room_of(writer);
    if (writer->has_next && writer->offset == LOG_SEGMENT_HEADER_BYTES) {
        /* A segment is never left empty: what is appended fits into it. */
    } else if (writer->has_next) {
        uint64_t next_room = writer->next.bytes - LOG_SEGMENT_HEADER_BYTES;
        room = room > next_room ? room : next_room;
    } else {
        room = room > CLEAN_STOP_BYTES ? room - CLEAN_STOP_BYTES : 0;
    }
    writer->limit = room < writer->capacity ? (uint32_t)room : writer->capacity;
    if (writer->options.metrics)
        metric_set(&writer->options.metrics->log_segments_spare, writer->has_next);
}

/* --- the port --- */

static bool find_room(struct log_writer *writer, const struct record *record, uint32_t bytes)
{
    provision(writer);
    if (record->kind == RECORD_CLEAN_STOP && !writer->has_next)
        writer->limit =
            room_of(writer) < writer->capacity ? (uint32_t)room_of(writer) : writer->capacity;
    return writer->filling->used + bytes <= writer->limit;
}

static uint64_t append(void *context, const struct record *record)
{
    struct log_writer *writer = context;
    struct batch *batch = writer->filling;
    uint32_t bytes = record_encoded_bytes_max(record);
    assert(bytes > 0); /* the deciding modules keep texts within the catalog's limits */
    if (writer->failed)
        return 0;
    if (batch->used + bytes > writer->limit && !find_room(writer, record, bytes))
        return 0;
    batch->used += record_encode(record, batch->bytes + batch->used);
    batch->count++;
    batch->stamp_ms = record->stamp_ms;
    writer->appended++;
    if (writer->options.metrics)
        metric_set(&writer->options.metrics->log_appended, writer->appended);
    return writer->appended;
}

static void roll(struct log_writer *writer)
{
    assert(writer->has_next && writer->offset > LOG_SEGMENT_HEADER_BYTES); /* limit's promise */
    crash_point("roll");
    writer->files->close(writer->files->context, writer->fd);
    writer->fd = writer->next.fd;
    writer->number = writer->next.number;
    writer->nonce = writer->next.nonce;
    writer->bytes = writer->next.bytes;
    writer->offset = LOG_SEGMENT_HEADER_BYTES;
    writer->has_next = false;
    segment_keeper_want(writer->options.keeper, writer->options.shard, writer->number + 1);
}

static uint64_t now_ns(const struct log_writer *writer)
{
    return writer->options.monotonic_ns
               ? writer->options.monotonic_ns(writer->options.clock_context)
               : 0;
}

static struct log_block_header *seal(struct log_writer *writer, const struct batch *batch)
{
    struct log_block_header *header = (struct log_block_header *)(void *)batch->bytes;
    *header = (struct log_block_header){
        .magic = LOG_BLOCK_MAGIC,
        .shard = writer->options.shard,
        .count = batch->count,
        .bytes = batch->used - LOG_BLOCK_HEADER_BYTES,
        .nonce = writer->nonce,
        .first_sequence = writer->appended - batch->count + 1,
        .stamp_ms = batch->stamp_ms,
        .previous_hash = writer->previous_hash,
    };
    /* The watermark a block carries: all before it is durable. */
    assert(log_block_watermark(header) == writer->durable);
    log_block_seal(header);
    writer->previous_hash = header->header_hash;
    return header;
}

static void count_block(struct log_writer *writer, const struct log_block_header *header)
{
    struct worker_metrics *metrics = writer->options.metrics;
    if (!metrics)
        return;
    metric_add(&metrics->log_blocks, 1);
    metric_add(&metrics->log_bytes, log_block_size(header));
    metric_add(&metrics->log_records, header->count);
    metric_set(&metrics->log_segment, writer->number);
    metric_set(&metrics->log_segment_offset, writer->offset);
    metric_set(&metrics->log_segment_bytes, writer->bytes);
}

static void flush(void *context)
{
    struct log_writer *writer = context;
    struct batch *batch = writer->filling;
    if (writer->in_flight || batch->count == 0 || writer->failed)
        return;
    if (log_round_up(batch->used) > room_of(writer))
        roll(writer);
    const struct log_block_header *header = seal(writer, batch);
    uint64_t size = log_block_size(header), at = writer->offset;
    assert(size <= room_of(writer));
    writer->offset += size;
    writer->in_flight = true;
    writer->flushing_last = writer->appended;
    writer->flush_begin_ns = now_ns(writer);
    count_block(writer, header);
    writer->filling = batch == &writer->batches[0] ? &writer->batches[1] : &writer->batches[0];
    writer->filling->used = LOG_BLOCK_HEADER_BYTES;
    writer->filling->count = 0;
    provision(writer);
    crash_point("flush.submit");
    log_storage_submit(writer->options.storage, writer->fd, batch->bytes, (uint32_t)size, at);
}

static uint64_t durable(void *context)
{
    return ((struct log_writer *)context)->durable;
}

static uint64_t appended(void *context)
{
    return ((struct log_writer *)context)->appended;
}

/* The first failure is final: what the disk holds now nobody knows, and a second
 * sync would report success for data that is gone. */
static void fail(struct log_writer *writer, int status)
{
    writer->failed = true;
    logger_log(LOGGER_ERROR, "log_failed", LOG_INT("shard", writer->options.shard),
               LOG_INT("segment", writer->number), LOG_INT("offset", writer->offset),
               LOG_INT("durable", writer->durable), LOG_INT("appended", writer->appended),
               LOG_TEXT("reason", strerror(-status)));
}

static enum journal_state state(void *context)
{
    struct log_writer *writer = context;
    if (!writer->failed && segment_keeper_lost(writer->options.keeper))
        fail(writer, -ENOENT);
    if (writer->failed)
        return JOURNAL_FAILED;
    if (writer->has_next)
        return JOURNAL_OK;
    provision(writer);
    if (writer->has_next)
        return JOURNAL_OK;
    if (room_of(writer) < writer->filling->used + (uint64_t)FULL_BYTES + CLEAN_STOP_BYTES)
        return JOURNAL_FULL;
    enum segment_keeper_state keeper =
        segment_keeper_state(writer->options.keeper, writer->options.shard);
    return keeper == SEGMENT_LOW ? JOURNAL_STORAGE_LOW : JOURNAL_OK;
}

static void flush_done(void *context, int status)
{
    struct log_writer *writer = context;
    assert(writer->in_flight);
    writer->in_flight = false;
    if (status < 0 && !writer->failed)
        fail(writer, status);
    if (writer->failed)
        return;
    writer->durable = writer->flushing_last;
    durable_mark_publish(writer->mark, writer->durable);
    struct worker_metrics *metrics = writer->options.metrics;
    if (!metrics)
        return;
    metric_set(&metrics->log_durable, writer->durable);
    if (writer->options.monotonic_ns)
        histogram_record(&metrics->flush, now_ns(writer) - writer->flush_begin_ns);
}

/* --- lifecycle --- */

static int open_segment(struct log_writer *writer, const char *shard_path, struct log_error *error)
{
    char path[LOG_PATH_BYTES];
    struct log_segment_header header = {.bytes = 0};
    segment_path(shard_path, writer->number, path);
    writer->fd = writer->files->open(writer->files->context, path, STORAGE_WRITE);
    if (writer->fd < 0)
        return header_file_fail(error, "open", path, writer->fd);
    uint8_t *page = writer->batches[0].bytes;
    int64_t got =
        writer->files->read(writer->files->context, writer->fd, page, LOG_SEGMENT_HEADER_BYTES, 0);
    int64_t bytes = writer->files->size(writer->files->context, writer->fd);
    if (got < 0 || bytes < 0)
        return header_file_fail(error, "read", path, (int)(got < 0 ? got : bytes));
    if (got != LOG_SEGMENT_HEADER_BYTES ||
        log_file_header_check(page, LOG_SEGMENT_MAGIC) != LOG_HEADER_GOOD ||
        (uint64_t)bytes < writer->offset)
        return log_error_set(error, LOG_EXIT_CORRUPT, "RK", "%s is not a segment to go on with",
                             path);
    memcpy(&header, page, sizeof header);
    writer->nonce = header.nonce;
    writer->bytes = (uint64_t)bytes & ~(uint64_t)(LOG_ALIGNMENT - 1);
    return 0;
}

static void publish_start(struct log_writer *writer)
{
    struct worker_metrics *metrics = writer->options.metrics;
    if (!metrics)
        return;
    metric_set(&metrics->log_appended, writer->appended);
    metric_set(&metrics->log_durable, writer->durable);
    metric_set(&metrics->log_segment, writer->number);
    metric_set(&metrics->log_segment_offset, writer->offset);
    metric_set(&metrics->log_segment_bytes, writer->bytes);
}

static int start(struct log_writer *writer, struct log_error *error)
{
    const struct log_writer_options *options = &writer->options;
    char path[LOG_PATH_BYTES];
    data_dir_shard_path(options->dir, options->epoch, options->shard, path);
    int code = open_segment(writer, path, error);
    if (code != 0)
        return code;
    int result = durable_mark_open(writer->files, path, true, &writer->mark);
    if (result < 0)
        return header_file_fail(error, "map the durable mark in", path, result);
    durable_mark_publish(writer->mark, writer->durable);
    log_storage_bind(options->storage, flush_done, writer);
    segment_keeper_want(options->keeper, options->shard, writer->number + 1);
    provision(writer);
    publish_start(writer);
    return 0;
}

static struct log_writer *writer_new(const struct log_writer_options *options)
{
    struct log_writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return NULL;
    writer->options = *options;
    writer->files = data_dir_storage(options->dir);
    writer->journal = (struct journal){writer, append, flush, durable, appended, state};
    writer->fd = -1;
    writer->number = options->tail.segment;
    writer->offset = options->tail.offset;
    writer->previous_hash = options->tail.previous_hash;
    writer->appended = writer->durable = options->tail.next_sequence - 1;
    writer->capacity = options->batch_bytes_max;
    writer->filling = &writer->batches[0];
    for (int i = 0; i < 2; i++) {
        writer->batches[i].bytes = aligned_alloc(LOG_ALIGNMENT, writer->capacity);
        writer->batches[i].used = LOG_BLOCK_HEADER_BYTES;
    }
    return writer;
}

int log_writer_new(struct log_writer **out, const struct log_writer_options *options,
                   struct log_error *error)
{
    if (options->batch_bytes_max % LOG_ALIGNMENT != 0 ||
        options->batch_bytes_max < 2 * RECORD_BYTES_MAX ||
        options->batch_bytes_max > LOG_BLOCK_BYTES_MAX)
        return log_error_set(error, LOG_EXIT_CONFIG, NULL,
                             "a batch of %u bytes: want a multiple of 4096 in %d..%d",
                             options->batch_bytes_max, 2 * RECORD_BYTES_MAX, LOG_BLOCK_BYTES_MAX);
    struct log_writer *writer = writer_new(options);
    if (!writer || !writer->batches[0].bytes || !writer->batches[1].bytes) {
        log_writer_free(writer);
        return log_error_set(error, LOG_EXIT_IO, NULL, "out of memory");
    }
    int code = start(writer, error);
    if (code != 0) {
        log_writer_free(writer);
        return code;
    }
    *out = writer;
    return 0;
}

void log_writer_free(struct log_writer *writer)
{
    if (!writer)
        return;
    if (writer->fd >= 0)
        writer->files->close(writer->files->context, writer->fd);
    if (writer->has_next)
        writer->files->close(writer->files->context, writer->next.fd);
    durable_mark_close(writer->files, writer->mark);
    free(writer->batches[0].bytes);
    free(writer->batches[1].bytes);
    free(writer);
}

const struct journal *log_writer_journal(struct log_writer *writer)
{
    return &writer->journal;
}

bool log_writer_busy(const struct log_writer *writer)
{
    return writer->in_flight;
}
