#include "log_upkeep.h"

#include <stdlib.h>
#include <string.h>

#include "../engine/logger.h"
#include "snapshot_read.h"

enum { LOOK_MS = 2000 };

static uint64_t limit_bytes(const struct log_upkeep *upkeep)
{
    return upkeep->options.config->retention.log_mb_max * UINT64_C(1000000);
}

void log_upkeep_init(struct log_upkeep *upkeep, const struct log_upkeep_options *options)
{
    memset(upkeep, 0, sizeof *upkeep);
    upkeep->options = *options;
    if (upkeep->options.metrics == NULL)
        upkeep->options.metrics = &upkeep->unread;
    metric_set(&upkeep->options.metrics->log_limit_bytes, limit_bytes(upkeep));
}

/* --- snapshots --- */

static bool is_due(const struct log_upkeep *upkeep, uint64_t log_bytes)
{
    uint64_t wanted = upkeep->options.config->snapshot.log_mb * UINT64_C(1000000);
    return wanted != 0 && upkeep->child.pid == 0 &&
           upkeep->options.unsaved_bytes + log_bytes >= upkeep->saved_bytes + wanted;
}

/* What there is to say of the newest snapshot, whoever took it. */
static void publish_newest(struct log_upkeep *upkeep, uint64_t number)
{
    struct upkeep_metrics *metrics = upkeep->options.metrics;
    struct log_error error = {0};
    if (metric_get(&metrics->snapshot_number) == number)
        return;
    struct snapshot_file *file = calloc(1, sizeof *file);
    if (file && number > 0 &&
        snapshot_file_open(file, upkeep->options.dir, number, NULL, &error) == 0) {
        metric_set(&metrics->snapshot_created_ms, file->cut.created_ms);
        metric_set(&metrics->snapshot_bytes, file->bytes);
        metric_set(&metrics->snapshot_number, number);
    }
    free(file);
}

static void note_end(struct log_upkeep *upkeep, uint64_t now_ms, int code)
{
    struct upkeep_metrics *metrics = upkeep->options.metrics;
    const uint64_t took_ms = now_ms - upkeep->begun_ms;
    metric_set(&metrics->snapshot_running, 0);
    if (code == 0) {
        metric_add(&metrics->snapshots_taken, 1);
        metric_set(&metrics->snapshot_took_ms, took_ms);
        upkeep->next_ms = now_ms; /* look at what it made */
        logger_log(LOGGER_INFO, "snapshot_taken", LOG_INT("exit_code", code),
                   LOG_INT("milliseconds", took_ms));
    } else {
        metric_add(&metrics->snapshots_failed, 1);
        logger_log(LOGGER_ERROR, "snapshot_failed", LOG_INT("exit_code", code),
                   LOG_INT("milliseconds", took_ms));
    }
}

static void begin_snapshot(struct log_upkeep *upkeep, uint64_t now_ms)
{
    struct upkeep_metrics *metrics = upkeep->options.metrics;
    int result = snapshot_child_start(&upkeep->child, upkeep->options.config_path,
                                      data_dir_path(upkeep->options.dir));
    upkeep->begun_ms = now_ms;
    if (result < 0) {
        metric_add(&metrics->snapshots_failed, 1);
        logger_log(LOGGER_ERROR, "snapshot_failed", LOG_TEXT("reason", strerror(-result)));
        return;
    }
    metric_set(&metrics->snapshot_running, 1);
    logger_log(LOGGER_INFO, "snapshot_begun", LOG_INT("pid", upkeep->child.pid));
}

static void step_snapshot(struct log_upkeep *upkeep, uint64_t log_bytes, uint64_t now_ms)
{
    int code;
    if (snapshot_child_ended(&upkeep->child, &code))
        note_end(upkeep, now_ms, code);
    if (!upkeep->due) {
        upkeep->due = is_due(upkeep, log_bytes);
        return;
    }
    upkeep->due = false;
    /* Whatever becomes of it, the next is tried after as much log again. */
    upkeep->saved_bytes = upkeep->options.unsaved_bytes + log_bytes;
    begin_snapshot(upkeep, now_ms);
}

/* --- retention --- */

static void report_size(struct log_upkeep *upkeep)
{
    const struct retention_report *report = &upkeep->report;
    struct upkeep_metrics *metrics = upkeep->options.metrics;
    const uint64_t most = limit_bytes(upkeep);
    const char *held_by = report->previous == 0 ? "no snapshot" : report->held_by;
    bool over = most != 0 && report->kept_bytes > most;
    metric_set(&metrics->log_kept_bytes, report->kept_bytes);
    metric_set(&metrics->log_over_limit, over);
    upkeep_metrics_set_holder(metrics, held_by);
    if (over && !upkeep->over)
        logger_log(LOGGER_ERROR, "log_too_large", LOG_INT("bytes", report->kept_bytes),
                   LOG_TEXT("held_by", held_by));
    if (!over && upkeep->over)
        logger_log(LOGGER_INFO, "log_small_again", LOG_INT("bytes", report->kept_bytes));
    upkeep->over = over;
}

static void step_retention(struct log_upkeep *upkeep)
{
    const struct config *config = upkeep->options.config;
    const struct retention_options options = {
        .dir = upkeep->options.dir,
        .epoch = upkeep->options.epoch,
        .segment_bytes = config->storage.segment_bytes,
        .look_only = !config->retention.enabled,
        /* Until the mirror has said where it is, it needs everything. */
        .required = config->mirror.postgres[0] != '\0' ? "mirror" : NULL};
    struct log_error error = {0};
    int code = retention_step(&options, &upkeep->report, &error);
    if (code != 0 && !upkeep->failed)
        logger_log(LOGGER_ERROR, "retention_failed", LOG_TEXT("reason", error.text));
    upkeep->failed = code != 0;
    metric_add(&upkeep->options.metrics->upkeep_failures, code != 0);
    metric_add(&upkeep->options.metrics->segments_given_up, upkeep->report.recycled);
    publish_newest(upkeep, upkeep->report.snapshot);
    if (upkeep->report.recycled > 0)
        logger_log(LOGGER_INFO, "log_given_up", LOG_INT("segments", upkeep->report.recycled),
                   LOG_INT("snapshot", upkeep->report.previous));
    if (code == 0)
        report_size(upkeep);
}

bool log_upkeep_step(struct log_upkeep *upkeep, uint64_t log_bytes, uint64_t now_ms)
{
    step_snapshot(upkeep, log_bytes, now_ms);
    if (now_ms >= upkeep->next_ms) {
        upkeep->next_ms = now_ms + LOOK_MS;
        step_retention(upkeep);
    }
    return upkeep->due;
}

void log_upkeep_stop(struct log_upkeep *upkeep)
{
    snapshot_child_stop(&upkeep->child);
}
