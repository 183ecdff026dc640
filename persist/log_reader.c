/* Follows blocks by sequence and chain, never past the durable mark. What was
 * read ahead may be older than the mark, so a block that is not there yet is
 * looked for again on the disk, then in the next segment, before it is missed. */
#include "log_reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "durable_mark.h"
#include "header_file.h"
#include "log_scan.h"
#include "log_window.h"
#include "record_codec.h"
#include "segment.h"

enum { WINDOW_BYTES = 2 * LOG_BLOCK_BYTES_MAX };

struct log_reader {
    struct log_reader_options options;
    char shard_path[LOG_PATH_BYTES];
    char path[LOG_PATH_BYTES]; /* of the open segment */
    const struct storage *storage;
    struct durable_page *mark;
    struct log_window window;
    struct record_scratch scratch;
    uint64_t segment; /* 0: none open */
    uint64_t nonce;
    uint64_t offset;        /* of the next block */
    uint64_t next_sequence; /* its first sequence; 0: whatever comes (just opened) */
    uint64_t previous_hash;
    uint64_t stamp_ms; /* of the block being handed out */
    bool chained;      /* previous_hash is known */
    /* the block being handed out */
    const uint8_t *at, *limit;
    uint32_t left;
    uint64_t sequence; /* of its next record */
    uint64_t block_offset;
    uint64_t wanted; /* records before this one are passed over */
};

static enum log_reader_status fail(const struct log_reader *reader, struct log_error *error,
                                   int exit_code, const char *what)
{
    log_error_set(error, exit_code, exit_code == LOG_EXIT_IO ? "RR" : "RF",
                  "%s: %s at offset %llu, expected sequence %llu",
                  reader->segment ? reader->path : reader->shard_path, what,
                  (unsigned long long)reader->offset, (unsigned long long)reader->next_sequence);
    snprintf(error->file, sizeof error->file, "%s", reader->path);
    error->offset = reader->offset;
    error->sequence = reader->next_sequence;
    return LOG_READER_ERROR;
}

/* --- segments --- */

/* Opens a segment of ours. 0, -ENOENT, or another -errno; -EBADMSG: not ours. */
static int open_segment(struct log_reader *reader, uint64_t number)
{
    struct log_segment_header header;
    const uint8_t *bytes;
    size_t available;
    segment_path(reader->shard_path, number, reader->path);
    int code = log_window_open(&reader->window, reader->path);
    if (code == 0)
        code = log_window_page(&reader->window, 0, &bytes, &available);
    if (code < 0)
        return code;
    if (available < LOG_SEGMENT_HEADER_BYTES ||
        log_file_header_check(bytes, LOG_SEGMENT_MAGIC) != LOG_HEADER_GOOD)
        return -EBADMSG;
    memcpy(&header, bytes, sizeof header);
    if (!uuid_equal(&header.cluster, data_dir_cluster(reader->options.dir)) ||
        header.epoch != reader->options.epoch || header.shard != reader->options.shard ||
        header.number != number)
        return -EBADMSG;
    reader->segment = number;
    reader->nonce = header.nonce;
    return 0;
}

/* The block expected at `offset` of the open segment. 1 yes, 0 no, or -errno. */
static int look(struct log_reader *reader, uint64_t offset, const struct log_block_header **block)
{
    enum log_block_state state;
    int code = log_window_block(&reader->window, offset, &state, block);
    if (code < 0)
        return code;
    return state == LOG_BLOCK_GOOD && (*block)->nonce == reader->nonce &&
           (*block)->shard == reader->options.shard &&
           (reader->next_sequence == 0 || (*block)->first_sequence == reader->next_sequence) &&
           (!reader->chained || (*block)->previous_hash == reader->previous_hash);
}

/* Where the next block is: here, or at the start of the next segment. */
static int find_block(struct log_reader *reader, const struct log_block_header **block)
{
    int found = look(reader, reader->offset, block);
    if (found != 0)
        return found;
    log_window_refresh(&reader->window);
    if ((found = look(reader, reader->offset, block)) != 0)
        return found;
    uint64_t here = reader->segment, nonce = reader->nonce;
    int code = open_segment(reader, here + 1);
    if (code == 0) {
        found = look(reader, LOG_SEGMENT_HEADER_BYTES, block);
        if (found > 0)
            reader->offset = LOG_SEGMENT_HEADER_BYTES;
        if (found != 0)
            return found;
    }
    /* Not there either. The file may have been replaced by recovery. */
    code = open_segment(reader, here);
    reader->segment = here;
    if (code < 0) {
        reader->nonce = nonce;
        return code;
    }
    return look(reader, reader->offset, block);
}

/* --- finding the start --- */

/* The first sequence of a segment's first block; 0: it has none. */
static int first_of(struct log_reader *reader, uint64_t number, uint64_t *first)
{
    const struct log_block_header *block;
    *first = 0;
    int code = open_segment(reader, number);
    if (code < 0)
        return code;
    int found = look(reader, LOG_SEGMENT_HEADER_BYTES, &block);
    if (found > 0)
        *first = block->first_sequence;
    return found < 0 ? found : 0;
}

/* Opens the last segment that begins at or before the wanted record. */
static int locate(struct log_reader *reader)
{
    uint64_t *numbers, first;
    uint32_t count;
    int code = segment_list(reader->storage, reader->shard_path, false, &numbers, &count);
    if (code < 0)
        return code;
    uint64_t low = 0, high = count; /* [low]: begins in time; [high]: does not */
    while (code == 0 && low + 1 < high) {
        uint64_t middle = low + (high - low) / 2;
        code = first_of(reader, numbers[middle], &first);
        if (first != 0 && first <= reader->wanted)
            low = middle;
        else
            high = middle;
    }
    if (code == 0)
        code = count == 0 ? -ENOENT : open_segment(reader, numbers[low]);
    free(numbers);
    reader->offset = LOG_SEGMENT_HEADER_BYTES;
    return code;
}

int log_reader_open(struct log_reader **out, const struct log_reader_options *options,
                    struct log_error *error)
{
    struct data_dir_epoch *epochs;
    uint32_t count;
    int code = data_dir_epochs(options->dir, &epochs, &count, error);
    if (code != 0)
        return code;
    bool known = options->epoch >= 1 && options->epoch <= count &&
                 options->shard < epochs[options->epoch - 1].shard_count;
    uint64_t first = known ? epochs[options->epoch - 1].first_sequence : 0;
    free(epochs);
    if (!known || (options->sequence != 0 && options->sequence < first))
        return log_error_set(error, LOG_EXIT_NO_DATA, NULL,
                             "%s has no epoch %u shard %u with sequence %llu",
                             data_dir_path(options->dir), options->epoch, options->shard,
                             (unsigned long long)options->sequence);
    struct log_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return log_error_set(error, LOG_EXIT_IO, NULL, "out of memory");
    reader->storage = data_dir_storage(options->dir);
    log_window_init(&reader->window, reader->storage, WINDOW_BYTES);
    reader->options = *options;
    reader->wanted = options->sequence ? options->sequence : first;
    data_dir_shard_path(options->dir, options->epoch, options->shard, reader->shard_path);
    int result = durable_mark_open(reader->storage, reader->shard_path, false, &reader->mark);
    if (result < 0) {
        code = header_file_fail(error, "map the durable mark in", reader->shard_path, result);
        log_reader_close(reader);
        return code;
    }
    *out = reader;
    return 0;
}

void log_reader_close(struct log_reader *reader)
{
    if (!reader)
        return;
    log_window_release(&reader->window);
    durable_mark_close(reader->storage, reader->mark);
    free(reader);
}

/* --- reading --- */

static bool newer_epoch(const struct log_reader *reader)
{
    char path[LOG_PATH_BYTES];
    struct storage_status status;
    data_dir_epoch_path(reader->options.dir, reader->options.epoch + 1, path);
    return reader->storage->status(reader->storage->context, path, &status) == 0;
}

/* Nothing more below the mark: wait, or has the epoch ended? The mark is read
 * again after the newer epoch was seen, since it was final before that. */
static enum log_reader_status idle(const struct log_reader *reader)
{
    if (!newer_epoch(reader))
        return LOG_READER_IDLE;
    return log_reader_durable(reader) < log_reader_sequence(reader) ? LOG_READER_EPOCH_END
                                                                    : LOG_READER_IDLE;
}

static enum log_reader_status given_up(struct log_reader *reader, uint64_t first,
                                       struct log_error *error)
{
    reader->segment = 0;
    log_error_set(error, LOG_EXIT_NO_DATA, NULL,
                  "%s begins with sequence %llu: what is before it, wanted from %llu on, was given "
                  "up when a snapshot had it",
                  reader->shard_path, (unsigned long long)first,
                  (unsigned long long)reader->wanted);
    return LOG_READER_ERROR;
}

static enum log_reader_status load(struct log_reader *reader, struct log_error *error)
{
    const struct log_block_header *block = NULL;
    int found = reader->segment == 0 ? locate(reader) : 0;
    if (found == 0)
        found = find_block(reader, &block);
    if (found == 0 || found == -EBADMSG)
        return fail(reader, error, LOG_EXIT_CORRUPT, "a durable block is damaged or missing");
    if (found < 0 || !block)
        return fail(reader, error, LOG_EXIT_IO, strerror(-found));
    if (!reader->chained && block->first_sequence > reader->wanted) {
        if (!reader->options.from_oldest)
            return given_up(reader, block->first_sequence, error);
        reader->wanted = block->first_sequence;
    }
    reader->at = (const uint8_t *)block + LOG_BLOCK_HEADER_BYTES;
    reader->limit = reader->at + block->bytes;
    reader->left = block->count;
    reader->sequence = block->first_sequence;
    reader->block_offset = reader->offset;
    reader->offset += log_block_size(block);
    reader->next_sequence = block->first_sequence + block->count;
    reader->previous_hash = block->header_hash;
    reader->stamp_ms = block->stamp_ms;
    reader->chained = true;
    return LOG_READER_RECORD;
}

static enum log_reader_status decode(struct log_reader *reader, struct record *record,
                                     struct log_error *error)
{
    int32_t used =
        record_decode(record, &reader->scratch, reader->at, (size_t)(reader->limit - reader->at));
    if (used < 0)
        return fail(reader, error, LOG_EXIT_BUG, record_decode_error_name(used));
    reader->at += used;
    reader->left--;
    record->sequence = reader->sequence++;
    return LOG_READER_RECORD;
}

enum log_reader_status log_reader_next(struct log_reader *reader, struct record *record,
                                       struct log_error *error)
{
    for (;;) {
        enum log_reader_status status;
        if (log_reader_durable(reader) < reader->wanted)
            return idle(reader);
        if (reader->left == 0 && (status = load(reader, error)) != LOG_READER_RECORD)
            return status;
        if (reader->next_sequence <= reader->wanted) { /* the whole block is before it */
            reader->left = 0;
            continue;
        }
        if ((status = decode(reader, record, error)) != LOG_READER_RECORD)
            return status;
        if (record->sequence < reader->wanted)
            continue;
        reader->wanted = record->sequence + 1;
        return LOG_READER_RECORD;
    }
}

uint64_t log_reader_sequence(const struct log_reader *reader)
{
    return reader->wanted;
}

void log_reader_position(const struct log_reader *reader, struct log_start *position)
{
    *position = (struct log_start){.sequence = reader->next_sequence - 1,
                                   .previous_hash = reader->previous_hash,
                                   .stamp_ms = reader->stamp_ms,
                                   .segment = reader->chained ? reader->segment : 0};
}

uint64_t log_reader_durable(const struct log_reader *reader)
{
    return durable_mark_read(reader->mark);
}

const char *log_reader_file(const struct log_reader *reader)
{
    return reader->path;
}

uint64_t log_reader_offset(const struct log_reader *reader)
{
    return reader->block_offset;
}

uint64_t log_reader_block_end(const struct log_reader *reader)
{
    return reader->offset;
}
