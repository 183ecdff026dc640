#include "log_upkeep.h"

#include <string.h>

#include "../engine/logger.h"

enum { LOOK_MS = 2000 };

void log_upkeep_init(struct log_upkeep *upkeep, const struct log_upkeep_options *options)
{
    memset(upkeep, 0, sizeof *upkeep);
    upkeep->options = *options;
}

/* --- snapshots --- */

static bool is_due(const struct log_upkeep *upkeep, uint64_t log_bytes)
{
    uint64_t wanted = upkeep->options.config->snapshot.log_mb * UINT64_C(1000000);
    return wanted != 0 && upkeep->child.pid == 0 &&
           upkeep->options.unsaved_bytes + log_bytes >= upkeep->saved_bytes + wanted;
}

static void step_snapshot(struct log_upkeep *upkeep, uint64_t log_bytes)
{
    int code;
    if (snapshot_child_ended(&upkeep->child, &code))
        logger_log(code == 0 ? LOGGER_INFO : LOGGER_ERROR,
                   code == 0 ? "snapshot_taken" : "snapshot_failed", LOG_INT("exit_code", code));
    if (!upkeep->due) {
        upkeep->due = is_due(upkeep, log_bytes);
        return;
    }
    upkeep->due = false;
    /* Whatever becomes of it, the next is tried after as much log again. */
    upkeep->saved_bytes = upkeep->options.unsaved_bytes + log_bytes;
    int result = snapshot_child_start(&upkeep->child, upkeep->options.config_path,
                                      data_dir_path(upkeep->options.dir));
    if (result < 0)
        logger_log(LOGGER_ERROR, "snapshot_failed", LOG_TEXT("reason", strerror(-result)));
    else
        logger_log(LOGGER_INFO, "snapshot_begun", LOG_INT("pid", upkeep->child.pid));
}

/* --- retention --- */

static void report_size(struct log_upkeep *upkeep)
{
    const struct retention_report *report = &upkeep->report;
    uint64_t most = upkeep->options.config->retention.log_mb_max * UINT64_C(1000000);
    bool over = most != 0 && report->kept_bytes > most;
    if (over && !upkeep->over)
        logger_log(LOGGER_ERROR, "log_too_large", LOG_INT("bytes", report->kept_bytes),
                   LOG_TEXT("held_by", report->held_by[0] ? report->held_by : "no snapshot"));
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
        /* Until the mirror has said where it is, it needs everything. */
        .required = config->mirror.postgres[0] != '\0' ? "mirror" : NULL};
    struct log_error error = {0};
    int code = retention_step(&options, &upkeep->report, &error);
    if (code != 0 && !upkeep->failed)
        logger_log(LOGGER_ERROR, "retention_failed", LOG_TEXT("reason", error.text));
    upkeep->failed = code != 0;
    if (upkeep->report.recycled > 0)
        logger_log(LOGGER_INFO, "log_given_up", LOG_INT("segments", upkeep->report.recycled),
                   LOG_INT("snapshot", upkeep->report.previous));
    if (code == 0)
        report_size(upkeep);
}

bool log_upkeep_step(struct log_upkeep *upkeep, uint64_t log_bytes, uint64_t now_ms)
{
    step_snapshot(upkeep, log_bytes);
    if (upkeep->options.config->retention.enabled && now_ms >= upkeep->next_ms) {
        upkeep->next_ms = now_ms + LOOK_MS;
        step_retention(upkeep);
    }
    return upkeep->due;
}

void log_upkeep_stop(struct log_upkeep *upkeep)
{
    snapshot_child_stop(&upkeep->child);
}
