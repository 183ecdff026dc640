#include "replay_rebuild.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log_fold.h"
#include "replay_shards.h"
#include "snapshot_seed.h"

static int bad_point(const char *to)
{
    (void)fprintf(stderr,
                  "boxreplay: --to takes a time, a sequence, or SHARD:SEQ,SHARD:SEQ..., not %s\n",
                  to);
    return REPLAY_EXIT_USAGE;
}

/* "0:120,1:98": every shard once. */
static bool parse_positions(struct log_fold_limit *limit, const char *text)
{
    bool set[SHARD_COUNT_MAX] = {false};
    while (*text != '\0') {
        char *end;
        unsigned long shard = strtoul(text, &end, 10);
        if (end == text || *end != ':' || shard >= SHARD_COUNT_MAX || set[shard])
            return false;
        text = end + 1;
        limit->sequences[shard] = strtoull(text, &end, 10);
        if (end == text || (*end != ',' && *end != '\0'))
            return false;
        set[shard] = true;
        if (shard + 1 > limit->sequence_count)
            limit->sequence_count = (uint16_t)(shard + 1);
        text = *end == ',' ? end + 1 : end;
    }
    for (uint16_t i = 0; i < limit->sequence_count; i++)
        if (!set[i])
            return false;
    return limit->sequence_count > 0;
}

/* RFC 3339, to the millisecond. */
static bool parse_time(const char *text, uint64_t *unix_ms)
{
    struct tm time = {0};
    uint64_t ms = 0;
    const char *at = strptime(text, "%Y-%m-%dT%H:%M:%S", &time);
    if (!at)
        return false;
    if (*at == '.') {
        uint64_t unit = 100;
        for (at++; *at >= '0' && *at <= '9'; at++, unit /= 10)
            ms += (uint64_t)(*at - '0') * unit;
    }
    time_t seconds = timegm(&time);
    if (*at == '+' || *at == '-') {
        char *end;
        long hours = strtol(at + 1, &end, 10);
        long minutes = end == at + 3 && *end == ':' ? strtol(end + 1, &end, 10) : -1;
        if (minutes < 0 || minutes > 59 || hours < 0 || hours > 23 || end != at + 6 || *end != '\0')
            return false;
        long offset = hours * 3600 + minutes * 60;
        seconds = *at == '+' ? seconds - offset : seconds + offset;
    } else if (strcmp(at, "Z") != 0) {
        return false;
    }
    *unix_ms = (uint64_t)seconds * 1000U + ms;
    return seconds > 0;
}

/* The point in words of the fold; false: it is none. */
static bool parse_point(struct log_fold_limit *limit, const char *to)
{
    if (strchr(to, 'T'))
        return parse_time(to, &limit->stamp_ms);
    if (strchr(to, ':'))
        return parse_positions(limit, to);
    char *end;
    limit->sequences[0] = strtoull(to, &end, 10);
    limit->sequence_count = 1;
    return end != to && *end == '\0';
}

static int newest_epoch(const struct data_dir *dir, struct log_fold_limit *limit,
                        struct log_error *error)
{
    struct data_dir_epoch *epochs;
    uint32_t count;
    int code = data_dir_epochs(dir, &epochs, &count, error);
    if (code == 0 && limit->epoch == 0)
        limit->epoch = count;
    if (code == 0 && limit->epoch >= 1 && limit->epoch <= count &&
        epochs[limit->epoch - 1].shard_count != limit->sequence_count)
        code = log_error_set(error, REPLAY_EXIT_USAGE, NULL,
                             "epoch %u has %u shards: --to must name a sequence of each",
                             limit->epoch, epochs[limit->epoch - 1].shard_count);
    free(epochs);
    return code;
}

static int rebuild(const struct replay_options *options, const struct data_dir *dir,
                   const struct log_fold_options *fold_options, struct log_error *error)
{
    struct log_fold *fold = calloc(1, sizeof *fold);
    struct timespec time;
    if (!fold)
        return log_error_set(error, LOG_EXIT_IO, NULL, "out of memory");
    clock_gettime(CLOCK_REALTIME, &time);
    uint64_t now_ms = (uint64_t)time.tv_sec * 1000U + (uint64_t)time.tv_nsec / 1000000U;
    int code = log_fold_run(fold, fold_options, error);
    if (code == 0)
        code = snapshot_seed(options->out, dir, fold, &fold_options->shard, now_ms, error);
    if (code == 0) {
        (void)printf("%s: the state after", options->out);
        for (uint16_t i = 0; i < fold->cut.shard_count; i++)
            (void)printf(" %u:%" PRIu64, i, fold->cut.positions[i].sequence);
        (void)printf(" of epoch %u, %" PRIu64 " records replayed\n", fold->cut.epoch,
                     fold->records);
    }
    log_fold_release(fold);
    free(fold);
    return code;
}

int replay_rebuild(const struct replay_options *options)
{
    struct log_error error = {0};
    struct data_dir *dir = NULL;
    struct log_fold_options fold = {.shard = replay_shard_options(&options->config),
                                    .limit = {.epoch = options->epoch}};
    if (options->to && !parse_point(&fold.limit, options->to))
        return bad_point(options->to);
    int code = data_dir_open_reader(&dir, options->config.storage.data_dir, &error);
    fold.dir = dir;
    if (code == 0 && fold.limit.sequence_count > 0)
        code = newest_epoch(dir, &fold.limit, &error);
    if (code == 0)
        code = rebuild(options, dir, &fold, &error);
    data_dir_close(dir);
    return code == 0 ? 0 : replay_complain(&error);
}
