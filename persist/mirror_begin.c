/* Where the mirror begins: the cursor in PostgreSQL, the epoch it names, a reader a
 * shard behind it; and what it tells the engine of how far it is. */
#include "mirror_run_private.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../engine/logger.h"
#include "cursor.h"
#include "log_scan.h"
#include "replay_lock.h"
#include "snapshot_read.h"

enum mirror_step mirror_fail(struct mirror *mirror, int exit_code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(mirror->error, sizeof mirror->error, format, arguments);
    va_end(arguments);
    mirror->exit_code = exit_code;
    return STEP_FAIL;
}

enum mirror_step mirror_fail_with(struct mirror *mirror, const struct log_error *error)
{
    return mirror_fail(mirror, error->exit_code, "%s", error->text);
}

/* --- readers --- */

enum mirror_step mirror_fail_reading(struct mirror *mirror, uint16_t shard,
                                     const struct log_error *error)
{
    if (error->exit_code != LOG_EXIT_NO_DATA)
        return mirror_fail_with(mirror, error);
    return mirror_fail(mirror, LOG_EXIT_NO_DATA,
                       "PostgreSQL needs shard %u of epoch %" PRIu32 " from sequence %" PRIu64
                       " on; %s. Mirror into the database that has what came before, or into a "
                       "backup of it; an empty one cannot be filled any more",
                       (unsigned)shard, mirror->epoch.number, mirror->positions[shard] + 1,
                       error->text);
}

void mirror_readers_close(struct mirror *mirror)
{
    for (uint16_t shard = 0; shard < SHARD_COUNT_MAX; shard++) {
        log_reader_close(mirror->readers[shard]);
        mirror->readers[shard] = NULL;
    }
}

void mirror_report_positions(struct mirror *mirror)
{
    for (uint16_t shard = 0; shard < mirror->epoch.shard_count; shard++) {
        if (mirror->readers[shard] != NULL)
            mirror_report_position(mirror->report, shard, mirror->positions[shard],
                                   log_reader_durable(mirror->readers[shard]));
    }
}

/* Where the log may begin, since a snapshot has what is before: of the newest that
 * can be read; number 0: none. */
static void snapshot_begins(const struct mirror *mirror, struct snapshot_cut *cut)
{
    struct log_error error = {0};
    uint64_t *numbers = NULL;
    uint32_t count = 0;
    struct snapshot_file *file = malloc(sizeof *file);
    *cut = (struct snapshot_cut){0};
    if (file == NULL || snapshot_list(mirror->dir, &numbers, &count) != 0)
        count = 0;
    for (uint32_t i = 0; i < count && cut->number == 0; i++)
        if (snapshot_file_open(file, mirror->dir, numbers[i], NULL, &error) == 0)
            *cut = file->cut;
    free(numbers);
    free(file);
}

/* Whether the log has what PostgreSQL has. After a power cut the durable mark may
 * be older than the log, until the engine starts again: so the log itself is asked. */
static enum mirror_step log_reaches(struct mirror *mirror, uint16_t shard)
{
    const uint64_t position = mirror->positions[shard];
    struct snapshot_cut cut;
    snapshot_begins(mirror, &cut);
    const bool covered = cut.epoch == mirror->epoch.number && shard < cut.shard_count;
    const struct log_scan_options options = {.dir = mirror->dir,
                                             .epoch = mirror->epoch,
                                             .shard = shard,
                                             .start = covered ? &cut.positions[shard] : NULL,
                                             .sealed = mirror->sealed,
                                             .live =
                                                 replay_engine_runs(data_dir_path(mirror->dir))};
    struct log_scan_end end = {0};
    struct log_error error = {0};
    if (log_scan(&options, &end, &error) != 0)
        return mirror_fail_with(mirror, &error);
    if (end.next_sequence > position)
        return STEP_GO;
    return mirror_fail(
        mirror, LOG_EXIT_CORRUPT,
        "PostgreSQL has shard %u of epoch %" PRIu32 " up to sequence %" PRIu64
        ", the log ends at %" PRIu64 ": the log has lost acknowledged records, or the "
        "database is of another copy; mirror the right log, or into an empty database",
        (unsigned)shard, mirror->epoch.number, position, end.next_sequence - 1);
}

enum mirror_step mirror_readers_open(struct mirror *mirror)
{
    mirror_readers_close(mirror);
    mirror_report_epoch(mirror->report, mirror->epoch.number, mirror->epoch.shard_count);
    for (uint16_t shard = 0; shard < mirror->epoch.shard_count; shard++) {
        const struct log_reader_options options = {.dir = mirror->dir,
                                                   .epoch = mirror->epoch.number,
                                                   .shard = shard,
                                                   .sequence = mirror->positions[shard] + 1};
        struct log_error error = {0};
        if (log_reader_open(&mirror->readers[shard], &options, &error) != 0)
            return mirror_fail_with(mirror, &error);
        if (mirror->positions[shard] > log_reader_durable(mirror->readers[shard])) {
            const enum mirror_step step = log_reaches(mirror, shard);
            if (step != STEP_GO)
                return step;
        }
    }
    mirror_report_positions(mirror);
    return mirror_batch_reset(mirror->batch, mirror->epoch.number, mirror->positions,
                              mirror->epoch.shard_count)
               ? STEP_GO
               : mirror_fail(mirror, LOG_EXIT_BUG, "out of memory");
}

/* --- where to begin --- */

/* The epoch with this number, or with 0 the oldest. found: it exists; newer:
 * there is one after it. */
enum mirror_step mirror_epoch_find(struct mirror *mirror, uint32_t number,
                                   struct data_dir_epoch *epoch, bool *found, bool *newer)
{
    struct data_dir_epoch *epochs = NULL;
    uint32_t count = 0;
    struct log_error error = {0};
    if (data_dir_epochs(mirror->dir, &epochs, &count, &error) != 0)
        return mirror_fail_with(mirror, &error);
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

enum mirror_step mirror_epoch_begin(struct mirror *mirror, uint32_t number)
{
    bool found = false;
    const enum mirror_step step =
        mirror_epoch_find(mirror, number, &mirror->epoch, &found, &mirror->sealed);
    if (step != STEP_GO)
        return step;
    if (!found)
        return mirror_fail(mirror, LOG_EXIT_CORRUPT,
                           "PostgreSQL is at epoch %" PRIu32
                           ", which the log in %s does not have: the "
                           "log was replaced by an older one, or the database is of another copy",
                           number, data_dir_path(mirror->dir));
    for (uint16_t shard = 0; shard < mirror->epoch.shard_count; shard++)
        mirror->positions[shard] = mirror->epoch.first_sequence - 1;
    return STEP_GO;
}

enum mirror_step mirror_store_step(struct mirror *mirror, enum mirror_store_outcome outcome)
{
    const char *error = mirror->store.session.error;
    switch (outcome) {
    case MIRROR_STORE_OK:
        return STEP_GO;
    case MIRROR_STORE_RETRY:
        return STEP_RETRY;
    case MIRROR_STORE_REFUSED:
        return mirror_fail(mirror, LOG_EXIT_CORRUPT, "PostgreSQL refuses: %s", error);
    case MIRROR_STORE_LOCKED:
        /* After a broken connection it may be our own, which the server has not
         * given up yet. */
        return mirror->had_lock ? STEP_RETRY : mirror_fail(mirror, LOG_EXIT_LOCKED, "%s", error);
    }
    return STEP_RETRY;
}

static enum mirror_step positions_load(struct mirror *mirror)
{
    struct mirror_cursor *cursors = NULL;
    uint32_t count = 0;
    enum mirror_step step = mirror_store_step(
        mirror,
        mirror_store_cursors(&mirror->store.session, mirror->store.cluster_text, &cursors, &count));
    if (step != STEP_GO)
        return step;
    /* Cursors of an epoch are made before its first record is mirrored, and only
     * when the epoch before is done: the newest is where to go on. */
    const uint32_t number = count > 0 ? cursors[count - 1].position.epoch : 0;
    step = mirror_epoch_begin(mirror, number);
    for (uint32_t i = 0; i < count && step == STEP_GO; i++) {
        const struct log_position *position = &cursors[i].position;
        if (position->epoch != number)
            continue;
        if (position->shard >= mirror->epoch.shard_count)
            step =
                mirror_fail(mirror, LOG_EXIT_CORRUPT,
                            "PostgreSQL knows shard %u of epoch %" PRIu32 ", which had %u shards",
                            (unsigned)position->shard, number, (unsigned)mirror->epoch.shard_count);
        else
            mirror->positions[position->shard] = position->sequence;
    }
    free(cursors);
    return step;
}

enum mirror_step mirror_begin(struct mirror *mirror)
{
    const char *url = mirror->options->config.mirror.postgres;
    enum mirror_step step = mirror_store_step(mirror, mirror_store_open(&mirror->store, url));
    if (step == STEP_GO) {
        mirror->had_lock = true;
        step = positions_load(mirror);
    }
    if (step == STEP_GO)
        step = mirror_store_step(mirror, mirror_store_begin_epoch(&mirror->store, &mirror->epoch));
    if (step == STEP_GO)
        step = mirror_store_step(mirror, mirror_store_zones(&mirror->store, &mirror->zones));
    if (step == STEP_GO)
        step = mirror_readers_open(mirror);
    if (step != STEP_GO)
        return step;
    char where[256];
    postgres_describe(&mirror->store.session, where, sizeof where);
    logger_log(LOGGER_INFO, "mirror_connected", LOG_TEXT("postgres", where),
               LOG_TEXT("cluster", mirror->store.cluster_text),
               LOG_INT("epoch", mirror->epoch.number), LOG_INT("shards", mirror->epoch.shard_count),
               LOG_INT("zones", mirror->zones.count));
    mirror_report_state(mirror->report, MIRROR_FOLLOWING);
    mirror->unpublished = true;
    return STEP_GO;
}

/* --- what the engine may give up --- */

enum { PUBLISH_EVERY_MS = 1000 };

static uint64_t monotonic_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t unix_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void mirror_publish_cursor(struct mirror *mirror, bool now)
{
    const uint64_t now_ms = monotonic_ms();
    if (!mirror->unpublished || (!now && now_ms - mirror->published_ms < PUBLISH_EVERY_MS))
        return;
    struct cursor_position position = {.epoch = mirror->epoch.number,
                                       .shard_count = mirror->epoch.shard_count,
                                       .published_ms = unix_ms()};
    for (uint16_t shard = 0; shard < mirror->epoch.shard_count; shard++)
        position.sequences[shard] = mirror->positions[shard];
    struct log_error error = {0};
    mirror->published_ms = now_ms;
    if (cursor_publish(mirror->dir, "mirror", &position, &error) == 0)
        mirror->unpublished = false;
    else
        logger_log(LOGGER_WARN, "mirror_cursor", LOG_TEXT("error", error.text));
}
