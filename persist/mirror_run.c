/* The loop: connect, read the cursor, open a reader a shard behind it, and then
 * poll. Whatever goes wrong with PostgreSQL leads back to the start of that: the
 * cursor it holds is the only truth about what it has. While one batch is written the
 * next is filled; a poll ends when all it read is written.
 *
 * A poll fixes how far it goes before it reads: first the ends of shards 1 and
 * up, then shard 0's. Shard 0 is applied first. A booking's zone was durable in
 * shard 0 before the booking was in its own shard, so it is always known. */
#include "mirror_run.h"

#include "mirror_run_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../engine/logger.h"

enum {
    BACKOFF_FIRST_MS = 250,
    BACKOFF_MAX_MS = 30000,
    ONCE_PATIENCE_MS = 30000, /* --once gives up on PostgreSQL after so long */
    EPOCH_LOOK_MS = 1000,
    ROWS_PER_RECORD = 8 /* expiries make many rows of one record: bounds memory */
};

/* --- batches --- */

/* A refused batch is tried again in halves until the one record is found that
 * PostgreSQL does not take; all before it are mirrored by then. */
static enum mirror_step refused(struct mirror *mirror, const struct mirror_batch *batch)
{
    if (batch->records > 1) {
        mirror->suspect_records = batch->records;
        mirror->records_max = batch->records / 2;
        return STEP_AGAIN;
    }
    for (uint16_t shard = 0; shard < mirror->epoch.shard_count; shard++) {
        if (batch->spans[shard].through != batch->spans[shard].after)
            return mirror_fail(
                mirror, LOG_EXIT_CORRUPT,
                "the mirror stops before record %" PRIu64 " of shard %u, epoch %" PRIu32
                ": PostgreSQL refuses: %s. Nothing is skipped: compare with `boxreplay "
                "diff`, undo what was changed by hand, start again",
                batch->spans[shard].through, (unsigned)shard, mirror->epoch.number,
                mirror->store.session.error);
    }
    return mirror_fail(mirror, LOG_EXIT_CORRUPT, "PostgreSQL refuses: %s",
                       mirror->store.session.error);
}

static void batch_written(struct mirror *mirror, const struct mirror_batch *batch)
{
    uint64_t newest_ms = 0;
    for (uint16_t shard = 0; shard < mirror->epoch.shard_count; shard++) {
        mirror->positions[shard] = batch->spans[shard].through;
        if (batch->spans[shard].stamp_ms > newest_ms)
            newest_ms = batch->spans[shard].stamp_ms;
    }
    mirror->unpublished = true;
    mirror_publish_cursor(mirror, false);
    mirror_report_batch(mirror->report, batch->records, batch->rows);
    mirror_report_positions(mirror);
    mirror_report_oldest(mirror->report, newest_ms);
    if (mirror->suspect_records > batch->records) {
        mirror->suspect_records -= batch->records;
    } else if (mirror->suspect_records > 0) {
        mirror->suspect_records = 0;
        mirror->records_max = mirror->options->config.mirror.batch_rows_max;
    }
}

static void works_again(struct mirror *mirror)
{
    if (mirror->waited_ms > 0)
        mirror_report_error(mirror->report, "");
    mirror->backoff_ms = BACKOFF_FIRST_MS;
    mirror->waited_ms = 0;
}

/* Waits for the batch that is being written. The one that is being filled counts for
 * nothing if it failed: all begins again behind the cursor. */
static enum mirror_step settle(struct mirror *mirror)
{
    const struct mirror_batch *batch = mirror->writer.batch;
    if (batch == NULL)
        return STEP_GO;
    const enum mirror_store_outcome outcome = mirror_writer_end(&mirror->writer);
    if (outcome == MIRROR_STORE_REFUSED)
        return refused(mirror, batch);
    if (outcome != MIRROR_STORE_OK)
        return STEP_RETRY;
    batch_written(mirror, batch);
    works_again(mirror);
    return mirror_report_stopping(mirror->report) ? STEP_DONE : STEP_GO;
}

/* The other batch goes on behind the one that is handed over. */
static bool begin_next(struct mirror *mirror)
{
    const struct mirror_batch *before = mirror->batch;
    uint64_t positions[SHARD_COUNT_MAX];
    for (uint16_t shard = 0; shard < mirror->epoch.shard_count; shard++)
        positions[shard] = before->spans[shard].through;
    mirror->batch = &mirror->batches[before == mirror->batches];
    return mirror_batch_reset(mirror->batch, mirror->epoch.number, positions,
                              mirror->epoch.shard_count);
}

/* Hands the batch over to be written, when the one before it is. */
static enum mirror_step flush(struct mirror *mirror)
{
    struct mirror_batch *batch = mirror->batch;
    if (batch->records == 0)
        return STEP_GO;
    if (!mirror_batch_seal(batch))
        return mirror_fail(mirror, LOG_EXIT_BUG, "out of memory for a batch: lower batch_rows_max");
    const enum mirror_step step = settle(mirror);
    if (step != STEP_GO)
        return step;
    mirror_report_oldest(mirror->report, batch->first_ms);
    mirror_writer_begin(&mirror->writer, &mirror->store, batch, mirror->epoch.shard_count);
    return begin_next(mirror) ? STEP_GO
                              : mirror_fail(mirror, LOG_EXIT_BUG,
                                            "out of memory for a batch: lower batch_rows_max");
}

/* All that was read is written. */
static enum mirror_step finish(struct mirror *mirror)
{
    const enum mirror_step step = flush(mirror);
    return step == STEP_GO ? settle(mirror) : step;
}

/* Whatever ended the following: the store is ours again, and what got there counts. */
static void take_back(struct mirror *mirror)
{
    const struct mirror_batch *batch = mirror->writer.batch;
    if (batch != NULL && mirror_writer_end(&mirror->writer) == MIRROR_STORE_OK)
        batch_written(mirror, batch);
}

static enum mirror_step take(struct mirror *mirror, uint16_t shard, const struct record *record)
{
    struct mirror_batch *batch = mirror->batch;
    const enum mirror_batch_result result = mirror_batch_add(batch, shard, record);
    if (result == MIRROR_BATCH_OUT_OF_MEMORY)
        return mirror_fail(mirror, LOG_EXIT_BUG, "out of memory for a batch: lower batch_rows_max");
    if (result == MIRROR_BATCH_IMPOSSIBLE) {
        const enum mirror_step step = finish(mirror); /* all before it */
        if (step != STEP_GO && step != STEP_DONE)
            return step;
        return mirror_fail(mirror, LOG_EXIT_BUG,
                           "record %" PRIu64 " of shard %u, epoch %" PRIu32 " (%s at %" PRIu64
                           ") cannot follow what came before: %s; run `boxreplay verify`",
                           record->sequence, (unsigned)shard, mirror->epoch.number,
                           log_reader_file(mirror->readers[shard]),
                           log_reader_offset(mirror->readers[shard]), batch->error);
    }
    if (batch->records >= mirror->records_max ||
        batch->rows / ROWS_PER_RECORD >= mirror->records_max)
        return flush(mirror);
    return STEP_GO;
}

/* --- polling --- */

/* Reads a shard through sequence `until`. ended: the epoch has no more. */
static enum mirror_step drain(struct mirror *mirror, uint16_t shard, uint64_t until, bool *ended)
{
    struct log_reader *reader = mirror->readers[shard];
    struct record record;
    struct log_error error = {0};
    *ended = false;
    while (log_reader_sequence(reader) <= until) {
        switch (log_reader_next(reader, &record, &error)) {
        case LOG_READER_RECORD:
            break;
        case LOG_READER_IDLE:
            return STEP_GO;
        case LOG_READER_EPOCH_END:
            *ended = true;
            return STEP_GO;
        case LOG_READER_ERROR: {
            const enum mirror_step step = finish(mirror); /* all before it */
            return step == STEP_GO || step == STEP_DONE ? mirror_fail_reading(mirror, shard, &error)
                                                        : step;
        }
        }
        const enum mirror_step step = take(mirror, shard, &record);
        if (step != STEP_GO)
            return step;
    }
    return STEP_GO;
}

/* all_ended: every shard of the epoch is read to its end. */
static enum mirror_step poll_once(struct mirror *mirror, bool *all_ended)
{
    uint64_t until[SHARD_COUNT_MAX];
    for (uint16_t shard = 1; shard < mirror->epoch.shard_count; shard++)
        until[shard] = log_reader_durable(mirror->readers[shard]);
    until[0] = log_reader_durable(mirror->readers[0]);
    enum mirror_step step = STEP_GO;
    *all_ended = true;
    for (uint16_t shard = 0; shard < mirror->epoch.shard_count && step == STEP_GO; shard++) {
        bool ended = false;
        step = drain(mirror, shard, mirror->sealed ? UINT64_MAX : until[shard], &ended);
        *all_ended = *all_ended && ended;
    }
    return step == STEP_GO ? finish(mirror) : step;
}

static enum mirror_step next_epoch(struct mirror *mirror)
{
    enum mirror_step step = mirror_epoch_begin(mirror, mirror->epoch.number + 1);
    if (step == STEP_GO)
        step = mirror_store_step(mirror, mirror_store_begin_epoch(&mirror->store, &mirror->epoch));
    if (step == STEP_GO)
        step = mirror_readers_open(mirror);
    if (step == STEP_GO)
        logger_log(LOGGER_INFO, "mirror_epoch", LOG_INT("epoch", mirror->epoch.number),
                   LOG_INT("shards", mirror->epoch.shard_count));
    return step;
}

static bool caught_up(const struct mirror *mirror)
{
    for (uint16_t shard = 0; shard < mirror->epoch.shard_count; shard++) {
        if (mirror->positions[shard] < log_reader_durable(mirror->readers[shard]))
            return false;
    }
    return true;
}

/* Until PostgreSQL fails, a stop is asked for, or all is done. */
static enum mirror_step follow(struct mirror *mirror)
{
    const uint32_t poll_ms = mirror->options->config.mirror.poll_ms;
    uint32_t since_look_ms = EPOCH_LOOK_MS;
    for (;;) {
        if (!mirror->sealed && since_look_ms >= EPOCH_LOOK_MS) {
            struct data_dir_epoch same;
            bool found = false;
            const enum mirror_step step =
                mirror_epoch_find(mirror, mirror->epoch.number, &same, &found, &mirror->sealed);
            if (step != STEP_GO)
                return step;
            since_look_ms = 0;
        }
        bool all_ended = false;
        enum mirror_step step = poll_once(mirror, &all_ended);
        if (step == STEP_GO && all_ended && mirror->sealed)
            step = next_epoch(mirror);
        if (step != STEP_GO)
            return step;
        works_again(mirror);
        mirror_report_positions(mirror);
        mirror_publish_cursor(mirror, false);
        /* One poll goes to the end as it was when the poll began. */
        if (mirror->options->once && !mirror->sealed)
            return STEP_DONE;
        if (!mirror->sealed && !caught_up(mirror))
            continue;
        if (mirror_report_wait(mirror->report, poll_ms))
            return STEP_DONE;
        since_look_ms += poll_ms;
    }
}

/* --- around it --- */

static enum mirror_step back_off(struct mirror *mirror)
{
    const char *error = mirror->store.session.error;
    mirror_store_close(&mirror->store);
    mirror_report_state(mirror->report, MIRROR_CONNECTING);
    mirror_report_error(mirror->report, error);
    if (mirror->options->once && mirror->waited_ms >= ONCE_PATIENCE_MS)
        return mirror_fail(
            mirror, REPLAY_EXIT_UNAVAILABLE,
            "PostgreSQL cannot be used: %s. Check that it runs and [mirror] postgres", error);
    logger_log(LOGGER_WARN, "mirror_retry", LOG_TEXT("error", error),
               LOG_INT("retry_ms", mirror->backoff_ms));
    for (uint32_t waited = 0; waited < mirror->backoff_ms; waited += BACKOFF_FIRST_MS) {
        mirror_report_positions(mirror); /* the log goes on: show how far behind we are */
        if (mirror_report_wait(mirror->report, BACKOFF_FIRST_MS))
            return STEP_DONE;
    }
    mirror->waited_ms += mirror->backoff_ms;
    mirror->backoff_ms =
        mirror->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : mirror->backoff_ms * 2;
    return STEP_GO;
}

static enum mirror_step log_open(struct mirror *mirror)
{
    struct log_error error = {0};
    for (bool said = false;; said = true) {
        const int code =
            data_dir_open_reader(&mirror->dir, mirror->options->config.storage.data_dir, &error);
        if (code == 0)
            return STEP_GO;
        if (code != LOG_EXIT_NO_DATA || mirror->options->once)
            return mirror_fail_with(mirror, &error);
        mirror_report_state(mirror->report, MIRROR_WAITING);
        if (!said)
            logger_log(LOGGER_WARN, "mirror_waits", LOG_TEXT("error", error.text));
        if (mirror_report_wait(mirror->report, 1000))
            return STEP_DONE;
    }
}

static enum mirror_step run(struct mirror *mirror)
{
    enum mirror_step step = log_open(mirror);
    if (step != STEP_GO)
        return step;
    mirror_store_init(&mirror->store, data_dir_cluster(mirror->dir));
    mirror_report_cluster(mirror->report, mirror->store.cluster_text);
    mirror_report_state(mirror->report, MIRROR_CONNECTING);
    for (;;) {
        step = mirror_begin(mirror);
        if (step == STEP_GO)
            step = follow(mirror);
        take_back(mirror);
        if (step == STEP_RETRY)
            step = back_off(mirror);
        if (step == STEP_DONE || step == STEP_FAIL)
            return step;
        if (mirror_report_stopping(mirror->report))
            return STEP_DONE;
    }
}

int mirror_run(const struct replay_options *options)
{
    struct mirror mirror = {.options = options,
                            .records_max = options->config.mirror.batch_rows_max,
                            .backoff_ms = BACKOFF_FIRST_MS,
                            .batch = mirror.batches};
    mirror.report = mirror_report_new(options->config.storage.data_dir);
    if (mirror.report == NULL || !mirror_zones_init(&mirror.zones) ||
        !mirror_batch_init(&mirror.batches[0], &mirror.zones) ||
        !mirror_batch_init(&mirror.batches[1], &mirror.zones)) {
        (void)fprintf(stderr, "boxreplay: not enough memory or threads to start\n");
        return LOG_EXIT_BUG;
    }
    if (run(&mirror) == STEP_FAIL) {
        mirror_report_error(mirror.report, mirror.error);
        logger_log(LOGGER_ERROR, "mirror_stopped", LOG_TEXT("error", mirror.error),
                   LOG_INT("exit_code", mirror.exit_code));
    } else {
        logger_log(LOGGER_INFO, "mirror_stopped", LOG_INT("exit_code", 0));
    }
    if (mirror.dir != NULL)
        mirror_publish_cursor(&mirror, true);
    mirror_readers_close(&mirror);
    mirror_store_close(&mirror.store);
    mirror_report_free(mirror.report);
    mirror_batch_release(&mirror.batches[0]);
    mirror_batch_release(&mirror.batches[1]);
    mirror_zones_release(&mirror.zones);
    data_dir_close(mirror.dir);
    return mirror.exit_code;
}
