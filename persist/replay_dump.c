#include "replay_dump.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log_reader.h"
#include "replay_plans.h"
#include "replay_record.h"
#include "snapshot_read.h"

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
        .sequence = options->from_sequence > epoch->first_sequence ? options->from_sequence : 0,
        .from_oldest = options->from_sequence == 0};
    struct log_reader *reader = NULL;
    int code = log_reader_open(&reader, &reader_options, &dump->error);
    if (code == 0)
        code = dump_records(dump, reader, epoch->number, shard);
    log_reader_close(reader);
    return code;
}

/* --- plans of zones whose record was given up --- */

static int note_catalog(struct dump *dump, const struct snapshot_file *file)
{
    struct snapshot_reader *reader = NULL;
    struct snapshot_entry *entry = malloc(sizeof *entry);
    int code = entry == NULL ? log_error_set(&dump->error, LOG_EXIT_IO, NULL, "out of memory")
                             : snapshot_reader_open(&reader, file, SNAPSHOT_CATALOG, &dump->error);
    while (code == 0 && entry != NULL) {
        const int got = snapshot_reader_next(reader, entry, &dump->error);
        if (got == 0)
            break;
        if (got < 0)
            code = dump->error.exit_code;
        else if (entry->kind == SNAPSHOT_RECORD && !replay_plans_note(&dump->plans, &entry->record))
            code = log_error_set(&dump->error, LOG_EXIT_IO, NULL, "out of memory");
    }
    snapshot_reader_close(reader);
    free(entry);
    return code;
}

/* From the newest snapshot that can be read: one that cannot leaves seats without
 * labels, no more. */
static void note_plans(struct dump *dump)
{
    uint64_t *numbers = NULL;
    uint32_t count = 0;
    struct snapshot_file *file = malloc(sizeof *file);
    if (file == NULL || snapshot_list(dump->dir, &numbers, &count) != 0)
        count = 0;
    for (uint32_t i = 0; i < count; i++)
        if (snapshot_file_open(file, dump->dir, numbers[i], NULL, &dump->error) == 0 &&
            note_catalog(dump, file) == 0)
            break;
    dump->error = (struct log_error){0};
    free(numbers);
    free(file);
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
    if (code == 0) {
        note_plans(&dump);
        code = dump_all(&dump);
    }
    replay_plans_release(&dump.plans);
    data_dir_close(dir);
    if (dump.error.exit_code != 0)
        (void)fprintf(stderr, "boxreplay: %s\n", dump.error.text);
    if (fflush(stdout) != 0 && code == 0)
        code = LOG_EXIT_IO;
    return code;
}
