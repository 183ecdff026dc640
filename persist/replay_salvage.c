#include "replay_salvage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "replay_json.h"
#include "replay_record.h"
#include "replay_shards.h"
#include "salvage.h"
#include "snapshot_seed.h"

struct report {
    FILE *file;
    uint64_t losses;
};

static void write_loss(void *context, const struct salvage_loss *loss)
{
    static const char *const names[] = {[SALVAGE_BYTES] = "bytes",
                                        [SALVAGE_SEQUENCES] = "records",
                                        [SALVAGE_RECORD] = "record",
                                        [SALVAGE_SEGMENT] = "file"};
    struct report *report = context;
    (void)fprintf(
        report->file, "%s\n    {\"lost\":\"%s\",\"reason\":\"%s\",\"epoch\":%u,\"shard\":%u",
        report->losses++ ? "," : "", names[loss->what], loss->reason, loss->epoch, loss->shard);
    if (loss->what == SALVAGE_BYTES || loss->what == SALVAGE_SEGMENT)
        (void)fprintf(report->file, ",\"file\":\"%s\",\"offset\":%" PRIu64 ",\"bytes\":%" PRIu64,
                      loss->file, loss->offset, loss->bytes);
    if (loss->what == SALVAGE_SEQUENCES || loss->what == SALVAGE_RECORD)
        (void)fprintf(report->file, ",\"first\":%" PRIu64 ",\"last\":%" PRIu64, loss->first,
                      loss->last);
    if (loss->record) {
        struct replay_buffer buffer;
        replay_buffer_init(&buffer);
        struct replay_json json = replay_json_start(&buffer);
        replay_record_json(&json, loss->epoch, loss->shard, loss->record);
        (void)fprintf(report->file, ",\"record\":%s", replay_buffer_string(&buffer));
        replay_buffer_release(&buffer);
    }
    (void)fputc('}', report->file);
}

static int finish_report(struct report *report, const struct log_fold *fold, const char *from)
{
    (void)fprintf(report->file,
                  "\n  ],\n  \"from\": \"%s\",\n  \"snapshot\": %" PRIu64
                  ",\n  \"records_applied\": %" PRIu64 ",\n  \"losses\": %" PRIu64 "\n}\n",
                  from, fold->cut.number, fold->records, report->losses);
    bool good = fflush(report->file) == 0 && fsync(fileno(report->file)) == 0;
    return fclose(report->file) == 0 && good ? 0 : LOG_EXIT_IO;
}

static int make(const struct replay_options *options, const struct data_dir *dir,
                const struct log_fold *fold, const char *report_path, struct log_error *error)
{
    const struct shard_options shard = replay_shard_options(&options->config);
    char target[LOG_PATH_BYTES + 16];
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    int code =
        snapshot_seed(options->out, dir, fold, &shard,
                      (uint64_t)time.tv_sec * 1000U + (uint64_t)time.tv_nsec / 1000000U, error);
    (void)snprintf(target, sizeof target, "%s/report.json", options->out);
    if (code == 0 && rename(report_path, target) != 0)
        code = log_error_set(error, LOG_EXIT_IO, NULL, "cannot write %s", target);
    return code;
}

static int salvage(const struct replay_options *options, const struct data_dir *dir,
                   struct log_error *error)
{
    char path[LOG_PATH_BYTES + 16];
    (void)snprintf(path, sizeof path, "%s.report.json", options->out);
    struct report report = {.file = fopen(path, "we")};
    struct log_fold *fold = calloc(1, sizeof *fold);
    if (!fold || !report.file) {
        if (report.file)
            (void)fclose(report.file);
        free(fold);
        return log_error_set(error, LOG_EXIT_IO, NULL, "cannot write %s", path);
    }
    (void)fputs("{\n  \"lost\": [", report.file);
    const struct salvage_options run = {.dir = dir,
                                        .shard = replay_shard_options(&options->config),
                                        .report = write_loss,
                                        .context = &report};
    int code = salvage_run(fold, &run, error);
    if (finish_report(&report, fold, options->config.storage.data_dir) != 0 && code == 0)
        code = log_error_set(error, LOG_EXIT_IO, NULL, "cannot write %s", path);
    if (code == 0)
        code = make(options, dir, fold, path, error);
    if (code == 0)
        (void)printf("%s: %" PRIu64 " records, %" PRIu64 " losses: see %s/report.json\n",
                     options->out, fold->records, report.losses, options->out);
    log_fold_release(fold);
    free(fold);
    return code;
}

int replay_salvage(const struct replay_options *options)
{
    struct log_error error = {0};
    struct data_dir *dir = NULL;
    int code = data_dir_open_reader(&dir, options->config.storage.data_dir, &error);
    if (code == 0)
        code = salvage(options, dir, &error);
    data_dir_close(dir);
    return code == 0 ? 0 : replay_complain(&error);
}
