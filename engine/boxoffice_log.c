/* The start's way to the state: the data directory, the newest snapshot and the
 * logs after it. */
#include <stdio.h>
#include <stdlib.h>

#include "boxoffice.h"
#include "jwt_keys.h"
#include "logger.h"
#include "restore.h"

int boxoffice_fail_log(const struct log_error *error)
{
    logger_log(LOGGER_ERROR, "start_refused", LOG_TEXT("case", error->label),
               LOG_TEXT("reason", error->text), LOG_INT("exit_code", error->exit_code));
    fprintf(stderr, "boxoffice: %s\n", error->text);
    return error->exit_code;
}

int boxoffice_open_data_dir(struct boxoffice *boxoffice)
{
    struct config *config = &boxoffice->config;
    const struct clock *clock = &boxoffice->group.clock;
    struct data_dir_options options = {.path = config->storage.data_dir,
                                       .init = boxoffice->init,
                                       .allow_buffered = config->storage.allow_buffered,
                                       .now_ms = clock->wall_ms(clock->context)};
    struct log_error error = {0};
    char text[ERROR_BYTES];

    if (data_dir_open(&boxoffice->dir, &options, &error) != 0)
        return boxoffice_fail_log(&error);
    if (boxoffice->init && !jwt_keys_create(config, text, sizeof text))
        return boxoffice_fail_config(text);
    if (!jwt_keys_load(config, text, sizeof text))
        return boxoffice_fail_config(text);
    return 0;
}

/* 0, or -1 with the impossible record in the log. */
static int judge_restored(const struct restore *restore, enum shard_replay_result result)
{
    if (result == SHARD_REPLAY_OK)
        return 0;
    logger_log(LOGGER_ERROR, "record_impossible", LOG_INT("sequence", restore->failed_sequence),
               LOG_TEXT("kind", record_kind_name(restore->failed_kind)),
               LOG_TEXT("reason", shard_replay_result_name(result)));
    return -1;
}

struct replay {
    struct restore restore;
    struct data_dir_epoch *epochs; /* by number - 1 */
};

static int visit_record(void *context, uint32_t epoch, uint16_t shard, const struct record *record)
{
    struct replay *replay = context;
    enum shard_replay_result result =
        restore_record_of(&replay->restore, shard, replay->epochs[epoch - 1].shard_count, record);

    if (judge_restored(&replay->restore, result) == 0)
        return 0;
    return result == SHARD_REPLAY_STATE_DIFFERS ? LOG_VISIT_STATE_DIFFERS : -1;
}

static struct shard_options shard_options(const struct boxoffice *boxoffice)
{
    const struct config *config = &boxoffice->config;
    return (struct shard_options){
        .partitions = &boxoffice->group.partitions,
        .reservation_ttl_ms = config->booking.reservation_ttl_seconds * 1000,
        .hold_ms_max = config->booking.hold_extend_max_seconds * 1000,
        .max_per_order = config->booking.max_per_order,
        .idempotency_ms = config->booking.idempotency_seconds * 1000ULL,
        .reserve_per_minute =
            config->rate_limit.enabled ? config->rate_limit.reserve_per_minute : 0,
        .reserve_burst = config->rate_limit.reserve_burst};
}

int boxoffice_recover(struct boxoffice *boxoffice)
{
    const struct clock clock = boxoffice->group.clock;
    struct replay replay = {
        .restore = {.shards = boxoffice->shards, .partitions = &boxoffice->group.partitions}};
    struct recovery_options options = {.shard_count = boxoffice->group.shard_count,
                                       .segment_bytes = boxoffice->config.storage.segment_bytes,
                                       .now_ms = clock.wall_ms(clock.context)};
    const struct shard_options shard = shard_options(boxoffice);
    uint32_t epoch_count;
    struct log_error error = {0};
    uint64_t begun_ns = clock.monotonic_ns(clock.context);

    if (snapshot_restore(boxoffice->dir, &shard, boxoffice->shards, &boxoffice->cut, &error) != 0)
        return boxoffice_fail_log(&error);
    replay.restore.stamp_ms = boxoffice->cut.stamp_ms;
    options.cut = &boxoffice->cut;
    int code = data_dir_epochs(boxoffice->dir, &replay.epochs, &epoch_count, &error);
    if (code == 0)
        code = recovery_run(boxoffice->dir, &options, visit_record, &replay, &boxoffice->recovery,
                            &error);
    free(replay.epochs);
    if (code != 0)
        return boxoffice_fail_log(&error);
    if (judge_restored(&replay.restore, restore_finish(&replay.restore)) != 0)
        return EXIT_BUG;
    restore_orders(&replay.restore);
    restore_publish(&replay.restore);
    logger_log(LOGGER_INFO, "recovered", LOG_INT("snapshot", boxoffice->cut.number),
               LOG_INT("records", boxoffice->recovery.records),
               LOG_INT("epoch", boxoffice->recovery.epoch),
               LOG_BOOL("clean", boxoffice->recovery.clean),
               LOG_BOOL("resharded", boxoffice->recovery.resharded),
               LOG_INT("ms", (clock.monotonic_ns(clock.context) - begun_ns) / 1000000));
    return 0;
}

int boxoffice_start_keeper(struct boxoffice *boxoffice)
{
    struct segment_keeper_options options = {.dir = boxoffice->dir,
                                             .epoch = boxoffice->recovery.epoch,
                                             .shard_count = boxoffice->group.shard_count,
                                             .segment_bytes =
                                                 boxoffice->config.storage.segment_bytes};
    struct log_error error = {0};

    boxoffice->method = log_storage_calibrate(data_dir_path(boxoffice->dir));
    if (segment_keeper_new(&boxoffice->keeper, &options, &error) != 0)
        return boxoffice_fail_log(&error);
    return 0;
}
