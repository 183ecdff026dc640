/* Which snapshot a start begins with: the newest that is good. */
#include <stdlib.h>
#include <string.h>

#include "../engine/logger.h"
#include "../engine/shard_import.h"
#include "header_file.h"
#include "log_behind.h"
#include "snapshot_load.h"

bool snapshot_make_shards(const struct shard_options *options, struct shard **shards)
{
    struct shard_options one = *options;
    uint16_t count = options->partitions->shard_count;
    for (uint16_t i = 0; i < count; i++)
        shards[i] = NULL;
    for (uint16_t i = 0; i < count; i++) {
        one.index = i;
        shards[i] = shard_new(&one);
        if (shards[i])
            continue;
        snapshot_free_shards(shards, i);
        return false;
    }
    return true;
}

void snapshot_free_shards(struct shard **shards, uint16_t shard_count)
{
    for (uint16_t i = 0; i < shard_count; i++) {
        shard_free(shards[i]);
        shards[i] = NULL;
    }
}

static int no_memory(struct log_error *error)
{
    return log_error_set(error, SNAPSHOT_EXIT_MEMORY, NULL, "no memory for the shards' tables");
}

struct choice {
    const struct data_dir *dir;
    const struct shard_options *options;
    snapshot_accept *accept;
    void *context;
    struct shard **shards; /* fresh ones between tries */
    struct snapshot_file file;
};

enum { TRIED_BAD = -1, TRIED_UNWANTED = -2 };

/* 0 loaded, passed over as above, else the exit code. */
static int try_one(struct choice *choice, uint64_t number, struct log_error *error)
{
    struct log_error why = {0};
    uint16_t count = choice->options->partitions->shard_count;
    int code = snapshot_file_open(&choice->file, choice->dir, number, NULL, &why);
    if (code == 0 && choice->accept && !choice->accept(choice->context, &choice->file.cut))
        return TRIED_UNWANTED;
    if (code == 0) {
        code = snapshot_load(&choice->file, choice->shards, choice->options->partitions, &why);
        if (code == 0)
            return 0;
        snapshot_free_shards(choice->shards, count);
        if (!snapshot_make_shards(choice->options, choice->shards))
            return no_memory(error);
    }
    if (code == SNAPSHOT_EXIT_MEMORY || code == LOG_EXIT_CONFIG) {
        *error = why;
        return code;
    }
    logger_log(LOGGER_ERROR, "snapshot_bad", LOG_INT("number", number),
               LOG_TEXT("reason", why.text));
    return TRIED_BAD;
}

static int choose(struct choice *choice, const uint64_t *numbers, uint32_t count,
                  struct snapshot_cut *cut, struct log_error *error)
{
    bool any_bad = false;
    for (uint32_t i = 0; i < count; i++) {
        int code = try_one(choice, numbers[i], error);
        if (code == 0) {
            *cut = choice->file.cut;
            if (any_bad)
                logger_log(LOGGER_ERROR, "snapshot_older_used", LOG_TEXT("case", "RO"),
                           LOG_INT("number", cut->number));
            return 0;
        }
        if (code > 0)
            return code;
        any_bad = any_bad || code == TRIED_BAD;
    }
    if (any_bad && !choice->accept)
        logger_log(LOGGER_ERROR, "snapshots_all_bad", LOG_TEXT("case", "RP"),
                   LOG_INT("count", count));
    return 0;
}

/* Without a snapshot all comes from the log. */
static void expect_log(const struct choice *choice, const struct snapshot_cut *none)
{
    uint16_t count = choice->options->partitions->shard_count;
    uint64_t bytes = log_behind_bytes(choice->dir, none) / count;
    for (uint16_t i = 0; i < count; i++)
        shard_import_expect(choice->shards[i], bytes / LOG_BYTES_PER_BOOKING, 0,
                            bytes / LOG_BYTES_PER_KEY);
}

int snapshot_restore_if(const struct data_dir *dir, const struct shard_options *options,
                        snapshot_accept *accept, void *context, struct shard **shards,
                        struct snapshot_cut *cut, struct log_error *error)
{
    char path[LOG_PATH_BYTES];
    uint64_t *numbers;
    uint32_t count;
    memset(cut, 0, sizeof *cut);
    if (!snapshot_make_shards(options, shards))
        return no_memory(error);
    struct choice *choice = calloc(1, sizeof *choice);
    if (!choice)
        return no_memory(error);
    choice->dir = dir;
    choice->options = options;
    choice->accept = accept;
    choice->context = context;
    choice->shards = shards;
    int result = snapshot_list(dir, &numbers, &count);
    int code = result < 0 ? header_file_fail(error, "read", snapshot_directory(dir, path), result)
                          : choose(choice, numbers, count, cut, error);
    if (result == 0)
        free(numbers);
    if (code == 0 && cut->number == 0)
        expect_log(choice, cut);
    free(choice);
    return code;
}

int snapshot_restore(const struct data_dir *dir, const struct shard_options *options,
                     struct shard **shards, struct snapshot_cut *cut, struct log_error *error)
{
    return snapshot_restore_if(dir, options, NULL, NULL, shards, cut, error);
}
