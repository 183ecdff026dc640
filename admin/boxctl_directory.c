#include "boxctl_directory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "../persist/backup.h"
#include "../persist/cursor.h"
#include "../persist/durable_mark.h"
#include "../persist/replay_shards.h"
#include "../persist/retention.h"
#include "../persist/paced_storage.h"
#include "../persist/snapshot_process.h"
#include "../persist/snapshot_take.h"

static uint64_t unix_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int complain(const struct log_error *error)
{
    fprintf(stderr, "boxctl: %s\n", error->text);
    return error->exit_code;
}

/* --- snapshot --- */

static void print_taken(const struct snapshot_taken *taken, bool json)
{
    if (json)
        printf("{\"number\":%" PRIu64 ",\"bookings\":%" PRIu64 ",\"keys\":%" PRIu64
               ",\"records\":%" PRIu64 ",\"state_hash\":\"%016" PRIx64 "\"}\n",
               taken->number, taken->bookings, taken->keys, taken->records, taken->state_hash);
    else if (taken->number == 0)
        puts("the newest snapshot has all that is durable");
    else
        printf("snapshot %" PRIu64 ": %" PRIu64 " bookings, %" PRIu64 " keys, %" PRIu64
               " records replayed\n",
               taken->number, taken->bookings, taken->keys, taken->records);
}

int boxctl_snapshot(const struct boxctl_options *options, const struct config *config)
{
    struct log_error error = {0};
    struct paced_storage paced;
    struct snapshot_taken taken;
    struct data_dir *dir = NULL;
    snapshot_idle();
    paced_storage_init(&paced, storage_system(true), config->snapshot.read_mb_per_second,
                       config->snapshot.write_mb_per_second);
    int code = data_dir_open_reader_on(&dir, &paced.storage, config->storage.data_dir, &error);
    if (code == 0) {
        const struct snapshot_take_options take = {
            .dir = dir, .shard = replay_shard_options(config), .now_ms = unix_ms()};
        code = snapshot_take(&take, &taken, &error);
    }
    data_dir_close(dir);
    if (code != 0)
        return complain(&error);
    print_taken(&taken, options->json);
    return 0;
}

/* --- cursors --- */

/* The newest epoch and how far each of its shards is durable. */
static int read_heads(const struct data_dir *dir, struct cursor_position *heads,
                      struct log_error *error)
{
    const struct storage *storage = data_dir_storage(dir);
    struct data_dir_epoch *epochs;
    uint32_t count;
    char path[LOG_PATH_BYTES];
    int code = data_dir_epochs(dir, &epochs, &count, error);
    memset(heads, 0, sizeof *heads);
    if (code != 0 || count == 0)
        return code;
    heads->epoch = count;
    heads->shard_count = epochs[count - 1].shard_count;
    for (uint16_t i = 0; i < heads->shard_count; i++) {
        struct durable_page *page;
        data_dir_shard_path(dir, count, i, path);
        if (durable_mark_open(storage, path, false, &page) == 0) {
            heads->sequences[i] = durable_mark_read(page);
            durable_mark_close(storage, page);
        }
    }
    free(epochs);
    return 0;
}

/* Records behind; of an earlier epoch nobody counts. */
static uint64_t records_behind(const struct cursor_position *cursor,
                               const struct cursor_position *heads)
{
    uint64_t behind = 0;
    for (uint16_t i = 0; i < heads->shard_count; i++)
        if (heads->sequences[i] > cursor->sequences[i])
            behind += heads->sequences[i] - cursor->sequences[i];
    return behind;
}

static void print_cursor(const char *name, const struct cursor_position *cursor,
                         const struct cursor_position *heads, bool json, bool first)
{
    bool here = cursor->epoch == heads->epoch;
    double age_s = (double)(unix_ms() - cursor->published_ms) / 1000;
    if (json) {
        printf("%s{\"name\":\"%s\",\"epoch\":%u,\"same_epoch\":%s,\"behind\":%" PRIu64
               ",\"age_s\":%.1f}",
               first ? "" : ",", name, cursor->epoch, here ? "true" : "false",
               records_behind(cursor, heads), age_s);
        return;
    }
    printf("%-24s %6u ", name, cursor->epoch);
    if (here)
        printf("%14" PRIu64, records_behind(cursor, heads));
    else
        printf("%14s", "an epoch");
    if (cursor->published_ms == 0)
        printf(" %12s\n", "-");
    else
        printf(" %10.1f s\n", age_s);
}

static void print_retention(const struct data_dir *dir, const struct config *config, bool json)
{
    const struct retention_options options = {
        .dir = dir,
        .segment_bytes = config->storage.segment_bytes,
        .required = config->mirror.postgres[0] != '\0' ? "mirror" : NULL,
        .look_only = true};
    struct retention_report report;
    struct log_error error = {0};
    int code = retention_step(&options, &report, &error);
    const char *held_by = code != 0                   ? error.text
                          : report.held_by[0] != '\0' ? report.held_by
                          : report.previous == 0      ? "too few snapshots"
                                                      : "";
    uint64_t most = config->retention.log_mb_max * UINT64_C(1000000);
    bool over = most != 0 && report.kept_bytes > most;
    if (json)
        printf("],\"log_bytes\":%" PRIu64 ",\"log_bytes_max\":%" PRIu64
               ",\"over\":%s,\"snapshot\":%" PRIu64 ",\"held_by\":\"%s\"}\n",
               report.kept_bytes, most, over ? "true" : "false", report.snapshot, held_by);
    else
        printf("\nlog kept: %.1f MB%s, newest snapshot %" PRIu64 "%s%s\n",
               (double)report.kept_bytes / 1e6, over ? ", more than [retention] log_mb_max" : "",
               report.snapshot, held_by[0] ? ", held by: " : "", held_by);
}

static int list_cursors(const struct data_dir *dir, const struct config *config, bool json,
                        struct log_error *error)
{
    char(*names)[CURSOR_NAME_BYTES] = NULL;
    struct cursor_position heads, cursor;
    uint32_t count = 0;
    int code = read_heads(dir, &heads, error);
    if (code == 0)
        code = cursor_list(dir, &names, &count, error);
    if (code != 0)
        return code;
    if (json)
        fputs("{\"cursors\":[", stdout);
    else
        printf("%-24s %6s %14s %12s\n", "cursor", "epoch", "records behind", "published");
    bool first = true;
    for (uint32_t i = 0; i < count; i++) {
        if (cursor_read(dir, names[i], &cursor, error) == 0)
            print_cursor(names[i], &cursor, &heads, json, first);
        else
            fprintf(stderr, "boxctl: %s\n", error->text);
        first = false;
    }
    free(names);
    print_retention(dir, config, json);
    return 0;
}

int boxctl_cursors(const struct boxctl_options *options, const struct config *config)
{
    struct log_error error = {0};
    struct data_dir *dir = NULL;
    bool drop = options->argument != NULL && strcmp(options->argument, "drop") == 0;
    if (options->argument != NULL && (!drop || options->second == NULL)) {
        fputs("boxctl: cursors takes nothing, or: boxctl cursors drop NAME\n", stderr);
        return EX_USAGE;
    }
    int code = data_dir_open_reader(&dir, config->storage.data_dir, &error);
    if (code == 0)
        code = drop ? cursor_drop(dir, options->second, &error)
                    : list_cursors(dir, config, options->json, &error);
    data_dir_close(dir);
    if (code != 0)
        return complain(&error);
    if (drop)
        printf("dropped %s: log it held may go\n", options->second);
    return 0;
}

/* --- backup --- */

static void print_copy(const struct backup_result *result, bool json)
{
    if (json)
        printf("{\"files\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"epoch\":%u,\"positions\":[",
               result->files, result->bytes, result->epoch);
    else
        printf("%" PRIu64 " files, %.1f MB: epoch %u up to", result->files,
               (double)result->bytes / 1e6, result->epoch);
    for (uint16_t i = 0; i < result->shard_count; i++)
        printf("%s%" PRIu64, !json ? " " : i > 0 ? "," : "", result->positions[i]);
    puts(json ? "]}" : "");
}

int boxctl_backup(const struct boxctl_options *options, const struct config *config)
{
    struct log_error error = {0};
    struct backup_result result;
    struct data_dir *dir = NULL;
    if (options->argument == NULL) {
        fputs("boxctl: backup takes the directory to make: boxctl backup DIR\n", stderr);
        return EX_USAGE;
    }
    int code = data_dir_open_reader(&dir, config->storage.data_dir, &error);
    if (code == 0)
        code = backup_make(dir, options->argument, &result, &error);
    data_dir_close(dir);
    if (code != 0)
        return complain(&error);
    print_copy(&result, options->json);
    return 0;
}
