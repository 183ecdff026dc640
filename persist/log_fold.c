#include "log_fold.h"

#include <stdlib.h>
#include <string.h>

#include "durable_mark.h"
#include "header_file.h"
#include "log_reader.h"
#include "snapshot_load.h"

struct folding {
    struct log_fold *fold;
    const struct log_fold_options *options;
    struct log_error *error;
    struct restore restore;
    struct data_dir_epoch *epochs;
    uint32_t epoch_count;
};

static int impossible(struct folding *folding, uint32_t epoch, uint16_t shard,
                      enum shard_replay_result result)
{
    if (result == SHARD_REPLAY_OK)
        return 0;
    return log_error_set(
        folding->error, LOG_EXIT_BUG, result == SHARD_REPLAY_STATE_DIFFERS ? "RT" : "RS",
        "epoch %u shard %u: the record (%s) at or before sequence %llu: %s", epoch, shard,
        record_kind_name(folding->restore.failed_kind),
        (unsigned long long)folding->restore.failed_sequence, shard_replay_result_name(result));
}

/* --- how far --- */

static int read_mark(const struct folding *folding, uint32_t epoch, uint16_t shard, uint64_t *mark)
{
    const struct storage *storage = data_dir_storage(folding->options->dir);
    struct durable_page *page;
    char path[LOG_PATH_BYTES];
    data_dir_shard_path(folding->options->dir, epoch, shard, path);
    int result = durable_mark_open(storage, path, false, &page);
    if (result < 0)
        return header_file_fail(folding->error, "map the durable mark in", path, result);
    *mark = durable_mark_read(page);
    durable_mark_close(storage, page);
    return 0;
}

/* The marks of an epoch, the catalog's last. */
static int read_marks(const struct folding *folding, const struct data_dir_epoch *epoch,
                      uint64_t *marks)
{
    const struct log_fold_limit *limit = &folding->options->limit;
    int code = 0;
    for (uint16_t i = epoch->shard_count; i-- > 0 && code == 0;)
        code = read_mark(folding, epoch->number, i, &marks[i]);
    for (uint16_t i = 0; code == 0 && epoch->number == limit->epoch && i < limit->sequence_count;
         i++) {
        if (limit->sequences[i] > marks[i])
            return log_error_set(folding->error, LOG_EXIT_NO_DATA, NULL,
                                 "epoch %u shard %u ends with sequence %llu, before %llu",
                                 epoch->number, i, (unsigned long long)marks[i],
                                 (unsigned long long)limit->sequences[i]);
        marks[i] = limit->sequences[i];
    }
    return code;
}

/* A snapshot is of use if the fold is to go at least that far. */
static bool accept_cut(void *context, const struct snapshot_cut *cut)
{
    const struct log_fold_limit *limit = context;
    if (limit->stamp_ms != 0 && cut->stamp_ms > limit->stamp_ms)
        return false;
    if (limit->epoch == 0 || cut->epoch < limit->epoch)
        return true;
    bool before = cut->epoch == limit->epoch;
    for (uint16_t i = 0; before && i < limit->sequence_count; i++)
        before = cut->positions[i].sequence <= limit->sequences[i];
    return before;
}

/* --- one shard's log --- */

/* Notes that all up to this record is in the fold; true: it ends its block. */
static bool note_position(struct log_start *at, const struct log_reader *reader,
                          const struct record *record)
{
    struct log_start end;
    log_reader_position(reader, &end);
    if (end.sequence == record->sequence)
        *at = end;
    at->sequence = record->sequence;
    at->clean_stop = record->kind == RECORD_CLEAN_STOP;
    return end.sequence == record->sequence;
}

/* Reads on to `last`, or to the first record stamped later than the limit. */
static int fold_records(struct folding *folding, struct log_reader *reader, uint32_t epoch,
                        uint16_t shard, uint64_t last)
{
    uint64_t stamp_max = folding->options->limit.stamp_ms;
    struct record record;
    bool whole = true;
    int code = 0;
    while (code == 0 && log_reader_sequence(reader) <= last) {
        enum log_reader_status status = log_reader_next(reader, &record, folding->error);
        if (status == LOG_READER_ERROR)
            return folding->error->exit_code;
        if (status != LOG_READER_RECORD)
            return log_error_set(folding->error, LOG_EXIT_IO, NULL,
                                 "epoch %u shard %u: the log ends before its durable mark", epoch,
                                 shard);
        if (stamp_max != 0 && record.stamp_ms > stamp_max)
            break;
        code = impossible(
            folding, epoch, shard,
            restore_record_of(&folding->restore, shard, folding->fold->cut.shard_count, &record));
        whole = note_position(&folding->fold->cut.positions[shard], reader, &record);
        folding->fold->records++;
    }
    folding->fold->whole_blocks &= whole;
    return code;
}

static int fold_shard(struct folding *folding, uint32_t epoch, uint16_t shard, uint64_t last)
{
    const struct log_reader_options options = {
        .dir = folding->options->dir,
        .epoch = epoch,
        .shard = shard,
        .sequence = folding->fold->cut.positions[shard].sequence + 1};
    struct log_reader *reader;
    if (options.sequence > last)
        return 0;
    int code = log_reader_open(&reader, &options, folding->error);
    if (code != 0)
        return code;
    code = fold_records(folding, reader, epoch, shard, last);
    if (code == 0)
        code = impossible(folding, epoch, shard, restore_finish(&folding->restore));
    log_reader_close(reader);
    return code;
}

static int fold_epoch(struct folding *folding, const struct data_dir_epoch *epoch)
{
    struct snapshot_cut *cut = &folding->fold->cut;
    uint64_t marks[SHARD_COUNT_MAX];
    int code = read_marks(folding, epoch, marks);
    if (cut->epoch != epoch->number) {
        cut->epoch = epoch->number;
        cut->shard_count = epoch->shard_count;
        for (uint16_t i = 0; i < epoch->shard_count; i++)
            cut->positions[i] = (struct log_start){.sequence = epoch->first_sequence - 1};
    }
    for (uint16_t i = 0; i < epoch->shard_count && code == 0; i++)
        code = fold_shard(folding, epoch->number, i, marks[i]);
    return code;
}

/* --- all --- */

static int begin(struct folding *folding)
{
    const struct log_fold_options *options = folding->options;
    struct log_fold *fold = folding->fold;
    struct shard_options shard = options->shard;
    int code =
        data_dir_epochs(options->dir, &folding->epochs, &folding->epoch_count, folding->error);
    if (code != 0)
        return code;
    if (folding->epoch_count == 0)
        return log_error_set(folding->error, LOG_EXIT_NO_DATA, "RA", "%s has no log",
                             data_dir_path(options->dir));
    uint32_t last = options->limit.epoch ? options->limit.epoch : folding->epoch_count;
    if (last > folding->epoch_count)
        return log_error_set(folding->error, LOG_EXIT_NO_DATA, NULL, "%s has no epoch %u",
                             data_dir_path(options->dir), last);
    folding->epoch_count = last;
    partition_map_init(&fold->partitions, folding->epochs[last - 1].shard_count);
    shard.partitions = &fold->partitions;
    code = snapshot_restore_if(options->dir, &shard, accept_cut, (void *)(uintptr_t)&options->limit,
                               fold->shards, &fold->cut, folding->error);
    folding->restore = (struct restore){
        .shards = fold->shards, .partitions = &fold->partitions, .stamp_ms = fold->cut.stamp_ms};
    return code;
}

int log_fold_run(struct log_fold *fold, const struct log_fold_options *options,
                 struct log_error *error)
{
    memset(fold, 0, sizeof *fold);
    fold->whole_blocks = true;
    struct folding *folding = calloc(1, sizeof *folding);
    if (!folding)
        return log_error_set(error, LOG_EXIT_IO, NULL, "out of memory");
    folding->fold = fold;
    folding->options = options;
    folding->error = error;
    int code = begin(folding);
    for (uint32_t i = 0; i < folding->epoch_count && code == 0; i++)
        if (folding->epochs[i].number >= fold->cut.epoch)
            code = fold_epoch(folding, &folding->epochs[i]);
    fold->cut.stamp_ms = folding->restore.stamp_ms;
    free(folding->epochs);
    free(folding);
    return code;
}

void log_fold_release(struct log_fold *fold)
{
    for (uint16_t i = 0; i < SHARD_COUNT_MAX; i++) {
        shard_free(fold->shards[i]);
        fold->shards[i] = NULL;
    }
}
