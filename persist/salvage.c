#include "salvage.h"

#include <stdlib.h>
#include <string.h>

#include "header_file.h"
#include "log_window.h"
#include "record_codec.h"
#include "segment.h"
#include "snapshot_load.h"

enum { WINDOW_BYTES = 4 * LOG_BLOCK_BYTES_MAX };

struct salvage {
    const struct salvage_options *options;
    struct log_fold *fold;
    struct log_error *error;
    struct restore restore;
    struct record_scratch scratch;
    struct record record;
    struct log_window window;
    char path[LOG_PATH_BYTES];
    uint32_t epoch;
    uint16_t shard;
    uint64_t covered; /* in the snapshot */
    uint64_t next_sequence;
};

static void tell(struct salvage *salvage, struct salvage_loss loss)
{
    loss.epoch = salvage->epoch;
    loss.shard = salvage->shard;
    if (!loss.file)
        loss.file = salvage->path;
    salvage->options->report(salvage->options->context, &loss);
}

/* --- records --- */

static void apply(struct salvage *salvage)
{
    enum shard_replay_result result = restore_record(&salvage->restore, &salvage->record);
    if (result == SHARD_REPLAY_OK)
        result = restore_finish(&salvage->restore);
    if (result == SHARD_REPLAY_OK)
        salvage->fold->records++;
    else
        tell(salvage, (struct salvage_loss){.what = SALVAGE_RECORD,
                                            .reason = shard_replay_result_name(result),
                                            .first = salvage->record.sequence,
                                            .last = salvage->record.sequence,
                                            .record = &salvage->record});
}

static void take_block(struct salvage *salvage, const struct log_block_header *block)
{
    const uint8_t *at = (const uint8_t *)block + LOG_BLOCK_HEADER_BYTES;
    const uint8_t *limit = at + block->bytes;
    uint64_t sequence = block->first_sequence, last = log_block_last_sequence(block);
    if (sequence > salvage->next_sequence)
        tell(salvage, (struct salvage_loss){.what = SALVAGE_SEQUENCES,
                                            .reason = "missing",
                                            .first = salvage->next_sequence,
                                            .last = sequence - 1});
    for (; sequence <= last; sequence++) {
        int32_t used = record_decode(&salvage->record, &salvage->scratch, at, (size_t)(limit - at));
        if (used < 0) {
            tell(salvage, (struct salvage_loss){.what = SALVAGE_SEQUENCES,
                                                .reason = record_decode_error_name(used),
                                                .first = sequence,
                                                .last = last});
            break;
        }
        at += used;
        salvage->record.sequence = sequence;
        if (sequence >= salvage->next_sequence)
            apply(salvage);
    }
    if (last >= salvage->next_sequence)
        salvage->next_sequence = last + 1;
}

/* --- segments --- */

/* The nonce of the segment's life; 0: its header is gone, any good block will do. */
static uint64_t read_nonce(struct salvage *salvage)
{
    struct log_segment_header header;
    const uint8_t *bytes;
    size_t available;
    if (log_window_read(&salvage->window, 0, LOG_SEGMENT_HEADER_BYTES, &bytes, &available) == 0 &&
        available == LOG_SEGMENT_HEADER_BYTES &&
        log_file_header_check(bytes, LOG_SEGMENT_MAGIC) == LOG_HEADER_GOOD) {
        memcpy(&header, bytes, sizeof header);
        if (uuid_equal(&header.cluster, data_dir_cluster(salvage->options->dir)))
            return header.nonce;
    }
    tell(salvage, (struct salvage_loss){.what = SALVAGE_BYTES,
                                        .reason = "the segment's header is damaged",
                                        .bytes = LOG_SEGMENT_HEADER_BYTES});
    return 0;
}

/* Looks at every place for a block that is good and goes on. Blocks of an earlier
 * life have another nonce, or sequences that were seen. */
static void walk_segment(struct salvage *salvage)
{
    uint64_t nonce = read_nonce(salvage), bad_from = 0, bad_to = 0;
    const struct log_block_header *block;
    enum log_block_state state;
    for (uint64_t offset = LOG_SEGMENT_HEADER_BYTES; offset < salvage->window.file_bytes;) {
        int result = log_window_block(&salvage->window, offset, &state, &block);
        bool good = result == 0 && state == LOG_BLOCK_GOOD && block->shard == salvage->shard &&
                    (nonce == 0 || block->nonce == nonce);
        bool blank = result == 0 && (state == LOG_BLOCK_ZERO || state == LOG_BLOCK_GOOD);
        uint64_t size = good ? log_block_size(block) : LOG_ALIGNMENT;
        if (!good && !blank) {
            bad_from = bad_from ? bad_from : offset;
            bad_to = offset + size;
        }
        if (good && bad_from != 0) {
            tell(salvage, (struct salvage_loss){.what = SALVAGE_BYTES,
                                                .reason = result < 0 ? "unreadable" : "damaged",
                                                .offset = bad_from,
                                                .bytes = bad_to - bad_from});
            bad_from = 0;
        }
        if (good)
            take_block(salvage, block);
        offset += size;
    }
    if (bad_from != 0)
        tell(salvage, (struct salvage_loss){.what = SALVAGE_BYTES,
                                            .reason = "damaged, or never finished",
                                            .offset = bad_from,
                                            .bytes = bad_to - bad_from});
}

static void walk_shard(struct salvage *salvage, const char *shard_path, const uint64_t *numbers,
                       uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        segment_path(shard_path, numbers[i], salvage->path);
        int result = log_window_open(&salvage->window, salvage->path);
        if (result == 0)
            walk_segment(salvage);
        else
            tell(salvage,
                 (struct salvage_loss){.what = SALVAGE_SEGMENT, .reason = strerror(-result)});
        log_window_close(&salvage->window);
    }
}

static void take_shard(struct salvage *salvage, const struct data_dir_epoch *epoch, uint16_t shard)
{
    struct log_start *at = &salvage->fold->cut.positions[shard];
    const struct storage *storage = data_dir_storage(salvage->options->dir);
    char shard_path[LOG_PATH_BYTES];
    uint64_t *numbers = NULL;
    uint32_t count = 0;
    salvage->epoch = epoch->number;
    salvage->shard = shard;
    salvage->covered = at->sequence;
    salvage->next_sequence = at->sequence + 1;
    data_dir_shard_path(salvage->options->dir, epoch->number, shard, shard_path);
    int result = segment_list(storage, shard_path, false, &numbers, &count);
    if (result < 0)
        tell(salvage, (struct salvage_loss){.what = SALVAGE_SEGMENT,
                                            .reason = strerror(-result),
                                            .file = shard_path});
    walk_shard(salvage, shard_path, numbers, count);
    free(numbers);
    *at = (struct log_start){.sequence = salvage->next_sequence - 1};
}

/* --- all --- */

static int begin(struct salvage *salvage, uint16_t shard_count)
{
    struct log_fold *fold = salvage->fold;
    struct shard_options options = salvage->options->shard;
    partition_map_init(&fold->partitions, shard_count);
    options.partitions = &fold->partitions;
    int code =
        snapshot_restore(salvage->options->dir, &options, fold->shards, &fold->cut, salvage->error);
    salvage->restore = (struct restore){
        .shards = fold->shards, .partitions = &fold->partitions, .stamp_ms = fold->cut.stamp_ms};
    log_window_init(&salvage->window, data_dir_storage(salvage->options->dir), WINDOW_BYTES);
    return code;
}

static void take_epoch(struct salvage *salvage, const struct data_dir_epoch *epoch)
{
    struct snapshot_cut *cut = &salvage->fold->cut;
    if (cut->epoch != epoch->number) {
        cut->epoch = epoch->number;
        cut->shard_count = epoch->shard_count;
        for (uint16_t i = 0; i < epoch->shard_count; i++)
            cut->positions[i] = (struct log_start){.sequence = epoch->first_sequence - 1};
    }
    for (uint16_t shard = 0; shard < epoch->shard_count; shard++)
        take_shard(salvage, epoch, shard);
}

int salvage_run(struct log_fold *fold, const struct salvage_options *options,
                struct log_error *error)
{
    struct data_dir_epoch *epochs = NULL;
    uint32_t count = 0;
    memset(fold, 0, sizeof *fold);
    struct salvage *salvage = calloc(1, sizeof *salvage);
    if (!salvage)
        return log_error_set(error, LOG_EXIT_IO, NULL, "out of memory");
    int code = data_dir_epochs(options->dir, &epochs, &count, error);
    if (code == 0 && count == 0)
        code = log_error_set(error, LOG_EXIT_NO_DATA, "RA", "%s has no log",
                             data_dir_path(options->dir));
    if (code == 0) {
        *salvage = (struct salvage){.options = options, .fold = fold, .error = error};
        code = begin(salvage, epochs[count - 1].shard_count);
        for (uint32_t i = 0; i < count && code == 0; i++)
            if (epochs[i].number >= fold->cut.epoch)
                take_epoch(salvage, &epochs[i]);
        fold->cut.stamp_ms = salvage->restore.stamp_ms;
        log_window_release(&salvage->window);
    }
    free(epochs);
    free(salvage);
    return code;
}
