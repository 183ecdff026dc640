#include "replay_dump.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log_reader.h"
#include "replay_plans.h"
#include "replay_record.h"

enum { DUMP_FLUSH_BYTES = 1 << 16 };

static int write_out(struct replay_buffer *lines)
{
    const bool good =
        !lines->failed && fwrite(lines->bytes, 1, lines->length, stdout) == lines->length;
    replay_buffer_reset(lines);
    if (good)
        return 0;
    if (errno != EPIPE)
        (void)fprintf(stderr, "boxreplay: cannot write the output: %s\n", strerror(errno));
    return LOG_EXIT_IO;
}

struct dump {
    const struct data_dir *dir;
    const struct replay_options *options;
    struct replay_plans plans;
    struct log_error error;
};

static int dump_record(struct dump *dump, uint32_t epoch, uint16_t shard,
                       const struct record *record, struct replay_buffer *lines)
{
    struct replay_json json = replay_json_start(lines);
    if (!replay_plans_note(&dump->plans, record))
        return log_error_set(&dump->error, LOG_EXIT_IO, NULL, "out of memory");
    json.plan = replay_plans_of(&dump->plans, record);
    replay_record_json(&json, epoch, shard, record);
    replay_buffer_append(lines, "\n", 1);
    return lines->length >= DUMP_FLUSH_BYTES ? write_out(lines) : 0;
}

static int dump_records(struct dump *dump, struct log_reader *reader, uint32_t epoch,
                        uint16_t shard)
{
    struct replay_buffer lines;
    replay_buffer_init(&lines);
    struct record record;
    int code = 0;
    while (code == 0) {
        const enum log_reader_status status = log_reader_next(reader, &record, &dump->error);
        if (status == LOG_READER_ERROR)
            code = dump->error.exit_code;
        if (status != LOG_READER_RECORD || record.sequence > dump->options->to_sequence)
            break;
        code = dump_record(dump, epoch, shard, &record, &lines);
    }
    if (lines.length > 0) {
        const int written = write_out(&lines);
        code = code != 0 ? code : written;
    }
    replay_buffer_release(&lines);
    return code;
}

static int dump_shard(struct dump *dump, const struct data_dir_epoch *epoch, uint16_t shard)
{
    const struct replay_options *options = dump->options;
    const struct log_reader_options reader_options = {
        .dir = dump->dir,
        .epoch = epoch->number,
        .shard = shard,
        .sequence = options->from_sequence > epoch->first_sequence ? options->from_sequence : 0};
    struct log_reader *reader = NULL;
    int code = log_reader_open(&reader, &reader_options, &dump->error);
    if (code == 0)
        code = dump_records(dump, reader, epoch->number, shard);
    log_reader_close(reader);
    return code;
}

static int dump_all(struct dump *dump)
{
    const struct replay_options *options = dump->options;
    struct data_dir_epoch *epochs = NULL;
    uint32_t count = 0;
    bool any = false;
    int code = data_dir_epochs(dump->dir, &epochs, &count, &dump->error);
    for (uint32_t i = 0; i < count && code == 0; i++) {
        if (options->epoch != 0 && epochs[i].number != options->epoch)
            continue;
        for (uint16_t shard = 0; shard < epochs[i].shard_count && code == 0; shard++) {
            if (options->has_shard && options->shard != shard)
                continue;
            any = true;
            code = dump_shard(dump, &epochs[i], shard);
        }
    }
    free(epochs);
    if (code == 0 && !any)
        return log_error_set(&dump->error, LOG_EXIT_NO_DATA, NULL,
                             "%s has no such epoch or shard; `boxreplay verify` lists them",
                             data_dir_path(dump->dir));
    return code;
}

int replay_dump(const struct replay_options *options)
{
    struct data_dir *dir = NULL;
    struct dump dump = {.options = options};
    int code = data_dir_open_reader(&dir, options->config.storage.data_dir, &dump.error);
    dump.dir = dir;
    if (code == 0 && !replay_plans_init(&dump.plans))
        code = log_error_set(&dump.error, LOG_EXIT_IO, NULL, "out of memory");
    if (code == 0)
        code = dump_all(&dump);
    replay_plans_release(&dump.plans);
    data_dir_close(dir);
    if (dump.error.exit_code != 0)
        (void)fprintf(stderr, "boxreplay: %s\n", dump.error.text);
    if (fflush(stdout) != 0 && code == 0)
        code = LOG_EXIT_IO;
    return code;
}
