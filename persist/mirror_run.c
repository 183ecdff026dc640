/* The loop: connect, read the cursor, open a reader a shard behind it, and then
 * poll. Whatever goes wrong with PostgreSQL leads back to the start of that: the
 * cursor it holds is the only truth about what it has.
 *
 * A poll fixes how far it goes before it reads: first the ends of shards 1 and
 * up, then shard 0's. Shard 0 is applied first. A booking's zone was durable in
 * shard 0 before the booking was in its own shard, so it is always known. */
#include "mirror_run.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../engine/logger.h"
#include "log_reader.h"
#include "log_scan.h"
#include "mirror_report.h"
#include "mirror_store.h"
#include "replay_lock.h"

enum {
    BACKOFF_FIRST_MS = 250,
    BACKOFF_MAX_MS = 30000,
    ONCE_PATIENCE_MS = 30000, /* --once gives up on PostgreSQL after so long */
    EPOCH_LOOK_MS = 1000,
    ROWS_PER_RECORD = 8 /* expiries make many rows of one record: bounds memory */
};

struct mirror {
    const struct replay_options *options;
    struct mirror_report *report;
    struct data_dir *dir;
    struct mirror_store store;
    struct mirror_zones zones;
    struct mirror_batch batch;
    struct data_dir_epoch epoch;
    bool sealed; /* a newer epoch exists, so this one has an end */
    struct log_reader *readers[SHARD_COUNT_MAX];
    uint64_t positions[SHARD_COUNT_MAX]; /* what PostgreSQL has */
    uint32_t records_max;                /* in one batch; smaller while looking for a culprit */
    uint64_t suspect_records;            /* of a refused batch, still to be tried in small ones */
    bool had_lock;
    uint32_t backoff_ms;
    uint32_t waited_ms; /* for PostgreSQL, since it last worked */
    int exit_code;
    char error[LOG_ERROR_TEXT_BYTES];
};

enum step {
    STEP_GO,
    STEP_DONE,  /* caught up or asked to stop */
    STEP_RETRY, /* PostgreSQL: wait, then connect again */
    STEP_AGAIN, /* connect again at once */
    STEP_FAIL   /* exit_code and error are set */
};

static enum step fail(struct mirror *mirror, int exit_code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static enum step fail(struct mirror *mirror, int exit_code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(mirror->error, sizeof mirror->error, format, arguments);
    va_end(arguments);
    mirror->exit_code = exit_code;
    return STEP_FAIL;
}

static enum step fail_with(struct mirror *mirror, const struct log_error *error)
{
    return fail(mirror, error->exit_code, "%s", error->text);
}

/* --- readers --- */

static void readers_close(struct mirror *mirror)
{
    for (uint16_t shard = 0; shard < SHARD_COUNT_MAX; shard++) {
        log_reader_close(mirror->readers[shard]);
        mirror->readers[shard] = NULL;
    }
}

static void report_positions(struct mirror *mirror)
{
    for (uint16_t shard = 0; shard < mirror->epoch.shard_count; shard++) {
        if (mirror->readers[shard] != NULL)
            mirror_report_position(mirror->report, shard, mirror->positions[shard],
                                   log_reader_durable(mirror->readers[shard]));
    }
}

/* Whether the log has what PostgreSQL has. After a power cut the durable mark may
 * be older than the log, until the engine starts again: so the log itself is asked. */
static enum step log_reaches(struct mirror *mirror, uint16_t shard)
{
    const uint64_t position = mirror->positions[shard];
    const struct log_scan_options options = {.dir = mirror->dir,
                                             .epoch = mirror->epoch,
                                             .shard = shard,
                                             .sealed = mirror->sealed,
                                             .live =
                                                 replay_engine_runs(data_dir_path(mirror->dir))};
    struct log_scan_end end = {0};
    struct log_error error = {0};
    if (log_scan(&options, &end, &error) != 0)
        return fail_with(mirror, &error);
    if (end.next_sequence > position)
        return STEP_GO;
    return fail(mirror, LOG_EXIT_CORRUPT,
                "PostgreSQL has shard %u of epoch %" PRIu32 " up to sequence %" PRIu64
                ", the log ends at %" PRIu64 ": the log has lost acknowledged records, or the "
                "database is of another copy; mirror the right log, or into an empty database",
                (unsigned)shard, mirror->epoch.number, position, end.next_sequence - 1);
}

static enum step readers_open(struct mirror *mirror)
{
    readers_close(mirror);
    mirror_report_epoch(mirror->report, mirror->epoch.number, mirror->epoch.shard_count);
    for (uint16_t shard = 0; shard < mirror->epoch.shard_count; shard++) {
        const struct log_reader_options options = {.dir = mirror->dir,
                                                   .epoch = mirror->epoch.number,
                                                   .shard = shard,
                                                   .sequence = mirror->positions[shard] + 1};
        struct log_error error = {0};
        if (log_reader_open(&mirror->readers[shard], &options, &error) != 0)
            return fail_with(mirror, &error);
        if (mirror->positions[shard] > log_reader_durable(mirror->readers[shard])) {
            const enum step step = log_reaches(mirror, shard);
            if (step != STEP_GO)
                return step;
        }
    }
    report_positions(mirror);
    return mirror_batch_reset(&mirror->batch, mirror->epoch.number, mirror->positions,
                              mirror->epoch.shard_count)
               ? STEP_GO
               : fail(mirror, LOG_EXIT_BUG, "out of memory");
}

/* --- where to begin --- */

/* The epoch with this number, or with 0 the oldest. found: it exists; newer:
 * there is one after it. */
static enum step epoch_find(struct mirror *mirror, uint32_t number, struct data_dir_epoch *epoch,
                            bool *found, bool *newer)
{
    struct data_dir_epoch *epochs = NULL;
    uint32_t count = 0;
    struct log_error error = {0};
    if (data_dir_epochs(mirror->dir, &epochs, &count, &error) != 0)
        return fail_with(mirror, &error);
    *found = *newer = false;
    for (uint32_t i = 0; i < count && !*found; i++) {
        if (number == 0 || epochs[i].number == number) {
            *epoch = epochs[i];
            *found = true;
            *newer = i + 1 < count;
        }
    }
    free(epochs);
    return STEP_GO;
}

static enum step epoch_begin(struct mirror *mirror, uint32_t number)
{
    bool found = false;
    const enum step step = epoch_find(mirror, number, &mirror->epoch, &found, &mirror->sealed);
    if (step != STEP_GO)
        return step;
    if (!found)
        return fail(mirror, LOG_EXIT_CORRUPT,
                    "PostgreSQL is at epoch %" PRIu32 ", which the log in %s does not have: the "
                    "log was replaced by an older one, or the database is of another copy",
                    number, data_dir_path(mirror->dir));
    for (uint16_t shard = 0; shard < mirror->epoch.shard_count; shard++)
        mirror->positions[shard] = mirror->epoch.first_sequence - 1;
    return STEP_GO;
}

static enum step store_step(struct mirror *mirror, enum mirror_store_outcome outcome)
{
    const char *error = mirror->store.session.error;
    switch (outcome) {
    case MIRROR_STORE_OK:
        return STEP_GO;
    case MIRROR_STORE_RETRY:
        return STEP_RETRY;
    case MIRROR_STORE_REFUSED:
        return fail(mirror, LOG_EXIT_CORRUPT, "PostgreSQL refuses: %s", error);
    case MIRROR_STORE_LOCKED:
        /* After a broken connection it may be our own, which the server has not
         * given up yet. */
        return mirror->had_lock ? STEP_RETRY : fail(mirror, LOG_EXIT_LOCKED, "%s", error);
    }
    return STEP_RETRY;
}

static enum step positions_load(struct mirror *mirror)
{
    struct mirror_cursor *cursors = NULL;
    uint32_t count = 0;
    enum step step =
        store_step(mirror, mirror_store_cursors(&mirror->store.session, mirror->store.cluster_text,
                                                &cursors, &count));
    if (step != STEP_GO)
        return step;
    /* Cursors of an epoch are made before its first record is mirrored, and only
     * when the epoch before is done: the newest is where to go on. */
    const uint32_t number = count > 0 ? cursors[count - 1].position.epoch : 0;
    step = epoch_begin(mirror, number);
    for (uint32_t i = 0; i < count && step == STEP_GO; i++) {
        const struct log_position *position = &cursors[i].position;
        if (position->epoch != number)
            continue;
        if (position->shard >= mirror->epoch.shard_count)
            step = fail(mirror, LOG_EXIT_CORRUPT,
                        "PostgreSQL knows shard %u of epoch %" PRIu32 ", which had %u shards",
                        (unsigned)position->shard, number, (unsigned)mirror->epoch.shard_count);
        else
            mirror->positions[position->shard] = position->sequence;
    }
    free(cursors);
    return step;
}

static enum step begin(struct mirror *mirror)
{
    const char *url = mirror->options->config.mirror.postgres;
    enum step step = store_step(mirror, mirror_store_open(&mirror->store, url));
    if (step == STEP_GO) {
        mirror->had_lock = true;
        step = positions_load(mirror);
    }
    if (step == STEP_GO)
        step = store_step(mirror, mirror_store_begin_epoch(&mirror->store, &mirror->epoch));
    if (step == STEP_GO)
        step = store_step(mirror, mirror_store_zones(&mirror->store, &mirror->zones));
    if (step == STEP_GO)
        step = readers_open(mirror);
    if (step != STEP_GO)
        return step;
    char where[256];
    postgres_describe(&mirror->store.session, where, sizeof where);
    logger_log(LOGGER_INFO, "mirror_connected", LOG_TEXT("postgres", where),
               LOG_TEXT("cluster", mirror->store.cluster_text),
               LOG_INT("epoch", mirror->epoch.number), LOG_INT("shards", mirror->epoch.shard_count),
               LOG_INT("zones", mirror->zones.count));
    mirror_report_state(mirror->report, MIRROR_FOLLOWING);
    return STEP_GO;
}

/* --- batches --- */

/* A refused batch is tried again in halves until the one record is found that
 * PostgreSQL does not take; all before it are mirrored by then. */
static enum step refused(struct mirror *mirror)
{
    const struct mirror_batch *batch = &mirror->batch;
    if (batch->records > 1) {
        mirror->suspect_records = batch->records;
        mirror->records_max = batch->records / 2;
        return STEP_AGAIN;
    }
    for (uint16_t shard = 0; shard < mirror->epoch.shard_count; shard++) {
        if (batch->spans[shard].through != batch->spans[shard].after)
            return fail(mirror, LOG_EXIT_CORRUPT,
                        "the mirror stops before record %" PRIu64 " of shard %u, epoch %" PRIu32
                        ": PostgreSQL refuses: %s. Nothing is skipped: compare with `boxreplay "
                        "diff`, undo what was changed by hand, start again",
                        batch->spans[shard].through, (unsigned)shard, mirror->epoch.number,
                        mirror->store.session.error);
    }
    return fail(mirror, LOG_EXIT_CORRUPT, "PostgreSQL refuses: %s", mirror->store.session.error);
}

static void batch_written(struct mirror *mirror)
{
    const struct mirror_batch *batch = &mirror->batch;
    uint64_t newest_ms = 0;
    for (uint16_t shard = 0; shard < mirror->epoch.shard_count; shard++) {
        mirror->positions[shard] = batch->spans[shard].through;
        if (batch->spans[shard].stamp_ms > newest_ms)
            newest_ms = batch->spans[shard].stamp_ms;
    }
    mirror_report_batch(mirror->report, batch->records, batch->rows);
    report_positions(mirror);
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

static enum step flush(struct mirror *mirror)
{
    if (mirror->batch.records == 0)
        return STEP_GO;
    if (!mirror_batch_seal(&mirror->batch))
        return fail(mirror, LOG_EXIT_BUG, "out of memory for a batch: lower batch_rows_max");
    mirror_report_oldest(mirror->report, mirror->batch.first_ms);
    const enum mirror_store_outcome outcome =
        mirror_store_write(&mirror->store, &mirror->batch, mirror->epoch.shard_count);
    if (outcome == MIRROR_STORE_REFUSED)
        return refused(mirror);
    if (outcome != MIRROR_STORE_OK)
        return STEP_RETRY;
    batch_written(mirror);
    works_again(mirror);
    if (!mirror_batch_reset(&mirror->batch, mirror->epoch.number, mirror->positions,
                            mirror->epoch.shard_count))
        return fail(mirror, LOG_EXIT_BUG, "out of memory for a batch: lower batch_rows_max");
    return mirror_report_stopping(mirror->report) ? STEP_DONE : STEP_GO;
}

static enum step take(struct mirror *mirror, uint16_t shard, const struct record *record)
{
    struct mirror_batch *batch = &mirror->batch;
    const enum mirror_batch_result result = mirror_batch_add(batch, shard, record);
    if (result == MIRROR_BATCH_OUT_OF_MEMORY)
        return fail(mirror, LOG_EXIT_BUG, "out of memory for a batch: lower batch_rows_max");
    if (result == MIRROR_BATCH_IMPOSSIBLE) {
        const enum step step = flush(mirror); /* all before it */
        if (step != STEP_GO && step != STEP_DONE)
            return step;
        return fail(mirror, LOG_EXIT_BUG,
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
static enum step drain(struct mirror *mirror, uint16_t shard, uint64_t until, bool *ended)
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
            const enum step step = flush(mirror); /* all before it */
            return step == STEP_GO || step == STEP_DONE ? fail_with(mirror, &error) : step;
        }
        }
        const enum step step = take(mirror, shard, &record);
        if (step != STEP_GO)
            return step;
    }
    return STEP_GO;
}

/* all_ended: every shard of the epoch is read to its end. */
static enum step poll_once(struct mirror *mirror, bool *all_ended)
{
    uint64_t until[SHARD_COUNT_MAX];
    for (uint16_t shard = 1; shard < mirror->epoch.shard_count; shard++)
        until[shard] = log_reader_durable(mirror->readers[shard]);
    until[0] = log_reader_durable(mirror->readers[0]);
    enum step step = STEP_GO;
    *all_ended = true;
    for (uint16_t shard = 0; shard < mirror->epoch.shard_count && step == STEP_GO; shard++) {
        bool ended = false;
        step = drain(mirror, shard, mirror->sealed ? UINT64_MAX : until[shard], &ended);
        *all_ended = *all_ended && ended;
    }
    return step == STEP_GO ? flush(mirror) : step;
}

static enum step next_epoch(struct mirror *mirror)
{
    enum step step = epoch_begin(mirror, mirror->epoch.number + 1);
    if (step == STEP_GO)
        step = store_step(mirror, mirror_store_begin_epoch(&mirror->store, &mirror->epoch));
    if (step == STEP_GO)
        step = readers_open(mirror);
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
static enum step follow(struct mirror *mirror)
{
    const uint32_t poll_ms = mirror->options->config.mirror.poll_ms;
    uint32_t since_look_ms = EPOCH_LOOK_MS;
    for (;;) {
        if (!mirror->sealed && since_look_ms >= EPOCH_LOOK_MS) {
            struct data_dir_epoch same;
            bool found = false;
            const enum step step =
                epoch_find(mirror, mirror->epoch.number, &same, &found, &mirror->sealed);
            if (step != STEP_GO)
                return step;
            since_look_ms = 0;
        }
        bool all_ended = false;
        enum step step = poll_once(mirror, &all_ended);
        if (step == STEP_GO && all_ended && mirror->sealed)
            step = next_epoch(mirror);
        if (step != STEP_GO)
            return step;
        works_again(mirror);
        report_positions(mirror);
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

static enum step back_off(struct mirror *mirror)
{
    const char *error = mirror->store.session.error;
    mirror_store_close(&mirror->store);
    mirror_report_state(mirror->report, MIRROR_CONNECTING);
    mirror_report_error(mirror->report, error);
    if (mirror->options->once && mirror->waited_ms >= ONCE_PATIENCE_MS)
        return fail(mirror, REPLAY_EXIT_UNAVAILABLE,
                    "PostgreSQL cannot be used: %s. Check that it runs and [mirror] postgres",
                    error);
    logger_log(LOGGER_WARN, "mirror_retry", LOG_TEXT("error", error),
               LOG_INT("retry_ms", mirror->backoff_ms));
    for (uint32_t waited = 0; waited < mirror->backoff_ms; waited += BACKOFF_FIRST_MS) {
        report_positions(mirror); /* the log goes on: show how far behind we are */
        if (mirror_report_wait(mirror->report, BACKOFF_FIRST_MS))
            return STEP_DONE;
    }
    mirror->waited_ms += mirror->backoff_ms;
    mirror->backoff_ms =
        mirror->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : mirror->backoff_ms * 2;
    return STEP_GO;
}

static enum step log_open(struct mirror *mirror)
{
    struct log_error error = {0};
    for (bool said = false;; said = true) {
        const int code =
            data_dir_open_reader(&mirror->dir, mirror->options->config.storage.data_dir, &error);
        if (code == 0)
            return STEP_GO;
        if (code != LOG_EXIT_NO_DATA || mirror->options->once)
            return fail_with(mirror, &error);
        mirror_report_state(mirror->report, MIRROR_WAITING);
        if (!said)
            logger_log(LOGGER_WARN, "mirror_waits", LOG_TEXT("error", error.text));
        if (mirror_report_wait(mirror->report, 1000))
            return STEP_DONE;
    }
}

static enum step run(struct mirror *mirror)
{
    enum step step = log_open(mirror);
    if (step != STEP_GO)
        return step;
    mirror_store_init(&mirror->store, data_dir_cluster(mirror->dir));
    mirror_report_cluster(mirror->report, mirror->store.cluster_text);
    mirror_report_state(mirror->report, MIRROR_CONNECTING);
    for (;;) {
        step = begin(mirror);
        if (step == STEP_GO)
            step = follow(mirror);
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
                            .backoff_ms = BACKOFF_FIRST_MS};
    mirror.report = mirror_report_new(options->config.storage.data_dir);
    if (mirror.report == NULL || !mirror_zones_init(&mirror.zones) ||
        !mirror_batch_init(&mirror.batch, &mirror.zones)) {
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
    readers_close(&mirror);
    mirror_store_close(&mirror.store);
    mirror_report_free(mirror.report);
    mirror_batch_release(&mirror.batch);
    mirror_zones_release(&mirror.zones);
    data_dir_close(mirror.dir);
    return mirror.exit_code;
}
