#include "recovery.h"

#include <stdlib.h>
#include <string.h>

#include "../engine/logger.h"
#include "crash_point.h"
#include "durable_mark.h"
#include "header_file.h"
#include "log_format.h"
#include "rehome.h"

struct recovery {
    struct data_dir *dir;
    const struct recovery_options *options;
    struct recovery_result *result;
    struct log_error *error;
    log_visit *visit;
    void *context;
};

static uint64_t mirror_sequence(const struct recovery_options *options, uint32_t epoch,
                                uint16_t shard)
{
    for (size_t i = 0; i < options->mirror_position_count; i++)
        if (options->mirror_positions[i].epoch == epoch &&
            options->mirror_positions[i].shard == shard)
            return options->mirror_positions[i].sequence;
    return 0;
}

static bool covers(const struct recovery_options *options, uint32_t epoch)
{
    return options->cut && options->cut->number > 0 && epoch == options->cut->epoch;
}

/* Epochs before the snapshot's are wholly in it. */
static bool is_passed(const struct recovery_options *options, uint32_t epoch)
{
    return options->cut && options->cut->number > 0 && epoch < options->cut->epoch;
}

static int replay_epoch(const struct recovery *recovery, const struct data_dir_epoch *epoch,
                        bool sealed, struct log_scan_end *ends)
{
    struct recovery_result *result = recovery->result;
    for (uint16_t shard = 0; shard < epoch->shard_count; shard++) {
        struct log_scan_options scan = {
            .dir = recovery->dir,
            .epoch = *epoch,
            .shard = shard,
            .start = covers(recovery->options, epoch->number)
                         ? &recovery->options->cut->positions[shard]
                         : NULL,
            .mirror_sequence = mirror_sequence(recovery->options, epoch->number, shard),
            .sealed = sealed,
            .visit = recovery->visit,
            .context = recovery->context,
        };
        int code = log_scan(&scan, &ends[shard], recovery->error);
        if (code != 0)
            return code;
        result->records += ends[shard].records;
        result->blocks += ends[shard].blocks;
        result->bytes += ends[shard].bytes;
        result->segments += ends[shard].segments;
        result->torn += ends[shard].torn_segment != 0;
        crash_point("recovery.scanned");
    }
    return 0;
}

/* --- a new epoch --- */

static int start_epoch(const struct recovery *recovery, uint32_t number, uint64_t first_sequence)
{
    struct data_dir_epoch epoch = {number, recovery->options->shard_count, first_sequence,
                                   recovery->options->now_ms};
    uint32_t bytes = recovery->options->segment_bytes;
    int code = data_dir_add_epoch(recovery->dir, &epoch,
                                  bytes < REHOME_SEGMENT_BYTES ? bytes : REHOME_SEGMENT_BYTES,
                                  recovery->error);
    recovery->result->epoch = number;
    recovery->result->shard_count = epoch.shard_count;
    return code;
}

/* Tails of an epoch that has just been made. Time goes on from the latest stamp. */
static void fresh_tails(const struct recovery *recovery, uint64_t first_sequence, uint64_t stamp_ms)
{
    for (uint16_t shard = 0; shard < recovery->result->shard_count; shard++)
        recovery->result->tails[shard] = (struct log_tail){.next_sequence = first_sequence,
                                                           .stamp_ms = stamp_ms,
                                                           .segment = 1,
                                                           .offset = LOG_SEGMENT_HEADER_BYTES};
}

/* The epoch ends here: followers that are still in it must find out how far it goes,
 * also after a power cut. */
static int settle_marks(const struct recovery *recovery, const struct data_dir_epoch *old)
{
    char path[LOG_PATH_BYTES];
    for (uint16_t shard = 0; shard < old->shard_count; shard++) {
        data_dir_shard_path(recovery->dir, old->number, shard, path);
        int result = durable_mark_settle(data_dir_storage(recovery->dir), path);
        if (result < 0)
            return header_file_fail(recovery->error, "sync the durable mark in", path, result);
    }
    return 0;
}

static int reshard(const struct recovery *recovery, const struct data_dir_epoch *old)
{
    uint64_t first_sequence = old->first_sequence, stamp_ms = 0;
    for (uint16_t shard = 0; shard < old->shard_count; shard++) {
        const struct log_tail *tail = &recovery->result->tails[shard];
        if (tail->next_sequence > first_sequence)
            first_sequence = tail->next_sequence;
        if (tail->stamp_ms > stamp_ms)
            stamp_ms = tail->stamp_ms;
    }
    int code = settle_marks(recovery, old);
    if (code == 0)
        code = start_epoch(recovery, old->number + 1, first_sequence);
    if (code != 0)
        return code;
    fresh_tails(recovery, first_sequence, stamp_ms);
    recovery->result->resharded = true;
    logger_log(LOGGER_INFO, "log_resharded", LOG_INT("epoch", recovery->result->epoch),
               LOG_INT("shards_before", old->shard_count),
               LOG_INT("shards", recovery->result->shard_count),
               LOG_INT("first_sequence", first_sequence));
    return 0;
}

static int start_first(const struct recovery *recovery)
{
    const struct recovery_options *options = recovery->options;
    for (size_t i = 0; i < options->mirror_position_count; i++)
        if (options->mirror_positions[i].sequence > 0)
            return log_error_set(recovery->error, LOG_EXIT_NO_DATA, "RB",
                                 "%s is empty, but the mirror has data of this cluster: the log "
                                 "is lost, not new",
                                 data_dir_path(recovery->dir));
    if (!data_dir_may_init(recovery->dir))
        return log_error_set(recovery->error, LOG_EXIT_NO_DATA, "RA",
                             "%s has no log; start with --init to make a new, empty one",
                             data_dir_path(recovery->dir));
    recovery->result->clean = true;
    int code = start_epoch(recovery, 1, 1);
    if (code == 0)
        fresh_tails(recovery, 1, 0);
    return code;
}

/* --- the last epoch --- */

static int settle_epoch(const struct recovery *recovery, const struct data_dir_epoch *epoch,
                        const struct log_scan_end *ends)
{
    struct recovery_result *result = recovery->result;
    result->epoch = epoch->number;
    result->shard_count = epoch->shard_count;
    result->clean = true;
    for (uint16_t shard = 0; shard < epoch->shard_count; shard++) {
        int code =
            rehome_shard(recovery->dir, epoch->number, shard, recovery->options->segment_bytes,
                         &ends[shard], &result->tails[shard], recovery->error);
        if (code != 0)
            return code;
        bool empty = ends[shard].segment == 0 && ends[shard].torn_segment == 0;
        result->clean = result->clean && (ends[shard].clean_stop || empty);
        crash_point("recovery.shard_ready");
    }
    return 0;
}

static int check_cut(const struct recovery *recovery, const struct data_dir_epoch *epochs,
                     uint32_t count)
{
    const struct snapshot_cut *cut = recovery->options->cut;
    if ((!cut || cut->number == 0) && epochs[0].first_sequence > 1)
        return log_error_set(recovery->error, LOG_EXIT_CORRUPT, "RM",
                             "%s begins with a snapshot, not with a log, and no snapshot is good",
                             data_dir_path(recovery->dir));
    if (!cut || cut->number == 0)
        return 0;
    if (cut->epoch >= 1 && cut->epoch <= count &&
        epochs[cut->epoch - 1].shard_count == cut->shard_count)
        return 0;
    return log_error_set(recovery->error, LOG_EXIT_CORRUPT, "RQ",
                         "snapshot %llu is of epoch %u with %u shards, which the log has not",
                         (unsigned long long)cut->number, cut->epoch, cut->shard_count);
}

static int run(const struct recovery *recovery, const struct data_dir_epoch *epochs, uint32_t count)
{
    struct log_scan_end *ends = calloc(SHARD_COUNT_MAX, sizeof *ends);
    if (!ends)
        return log_error_set(recovery->error, LOG_EXIT_IO, NULL, "out of memory");
    uint64_t stamp_ms = recovery->options->cut ? recovery->options->cut->stamp_ms : 0;
    int code = check_cut(recovery, epochs, count);
    /* Everything is judged before anything is changed. */
    for (uint32_t i = 0; i < count && code == 0; i++) {
        if (is_passed(recovery->options, epochs[i].number))
            continue;
        code = replay_epoch(recovery, &epochs[i], i + 1 < count, ends);
        for (uint16_t shard = 0; i + 1 < count && shard < epochs[i].shard_count; shard++)
            if (ends[shard].stamp_ms > stamp_ms)
                stamp_ms = ends[shard].stamp_ms;
    }
    const struct data_dir_epoch *last = &epochs[count - 1];
    if (code == 0 && last->number > data_dir_noted_epoch(recovery->dir))
        code = data_dir_note_epoch(recovery->dir, last->number, recovery->error);
    if (code == 0)
        code = settle_epoch(recovery, last, ends);
    /* A shard without a record in this epoch goes on from those before it. */
    for (uint16_t shard = 0; code == 0 && shard < last->shard_count; shard++)
        if (recovery->result->tails[shard].stamp_ms < stamp_ms)
            recovery->result->tails[shard].stamp_ms = stamp_ms;
    if (code == 0 && last->shard_count != recovery->options->shard_count)
        code = reshard(recovery, last);
    free(ends);
    return code;
}

int recovery_run(struct data_dir *dir, const struct recovery_options *options, log_visit *visit,
                 void *context, struct recovery_result *result, struct log_error *error)
{
    const struct recovery recovery = {dir, options, result, error, visit, context};
    struct data_dir_epoch *epochs;
    uint32_t count;
    memset(result, 0, sizeof *result);
    if (options->shard_count < 1 || options->shard_count > SHARD_COUNT_MAX ||
        options->segment_bytes < LOG_SEGMENT_BYTES_MIN || options->segment_bytes % 4096 != 0)
        return log_error_set(error, LOG_EXIT_CONFIG, NULL,
                             "%u shards with segments of %u bytes: want 1..%d shards and a "
                             "multiple of 4096 of at least %d bytes",
                             options->shard_count, options->segment_bytes, SHARD_COUNT_MAX,
                             LOG_SEGMENT_BYTES_MIN);
    int code = data_dir_epochs(dir, &epochs, &count, error);
    if (code != 0)
        return code;
    code = count == 0 ? start_first(&recovery) : run(&recovery, epochs, count);
    free(epochs);
    return code;
}
