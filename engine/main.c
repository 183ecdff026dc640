/* boxoffice: starts the modules in order, waits for a signal, stops them in
 * reverse. The only file that knows engine/, net/, persist/ and admin/. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../admin/control.h"
#include "../net/http.h"
#include "../net/listener.h"
#include "../net/reactor.h"
#include "../net/server.h"
#include "../persist/crash_point.h"
#include "../persist/log_upkeep.h"
#include "../persist/log_writer.h"
#include "../persist/recovery.h"
#include "../persist/snapshot_load.h"
#include "command_line.h"
#include "config.h"
#include "cpu.h"
#include "jwt_keys.h"
#include "logger.h"
#include "memory.h"
#include "restore.h"
#include "version.h"
#include "worker.h"

enum {
    EXIT_UNAVAILABLE = 69,
    EXIT_BUG = 70,
    EXIT_RESOURCES = 71,
    EXIT_CONFIGURATION = 78,
    STOP_GRACE_MS = 5000, /* from SIGTERM to the last resort */
    ERROR_BYTES = 1024,
    LOG_TAG = REACTOR_TAG_LOG_FIRST
};

struct boxoffice;

/* What one worker's thread makes and frees. */
struct worker_thread {
    pthread_t thread;
    bool started;
    struct boxoffice *boxoffice;
    struct worker *worker;
    int listener;
    int exit_code;
    struct reactor *reactor;
    struct log_storage *storage;
    struct log_writer *writer;
    struct rest *rest;
    struct server *server;
};

struct boxoffice {
    struct config config;
    bool init;
    struct data_dir *dir;
    struct recovery_result recovery;
    struct snapshot_cut cut; /* the snapshot it began with */
    struct segment_keeper *keeper;
    struct log_upkeep upkeep;
    const char *config_path; /* argv's; NULL: none */
    enum log_storage_method method;
    struct bells *bells;
    struct control *control;
    struct worker_group group;
    struct shard *shards[SHARD_COUNT_MAX];
    struct worker_thread threads[SHARD_COUNT_MAX];
    char bound[LISTENER_ADDRESS_BYTES];
    _Atomic int threads_ready;
    _Atomic int threads_ended;
};

static int fail_config(const char *error)
{
    fprintf(stderr, "boxoffice: %s\n", error);
    return EXIT_CONFIGURATION;
}

/* --- the log --- */

static int fail_log(const struct log_error *error)
{
    logger_log(LOGGER_ERROR, "start_refused", LOG_TEXT("case", error->label),
               LOG_TEXT("reason", error->text), LOG_INT("exit_code", error->exit_code));
    fprintf(stderr, "boxoffice: %s\n", error->text);
    return error->exit_code;
}

static int open_data_dir(struct boxoffice *boxoffice)
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
        return fail_log(&error);
    if (boxoffice->init && !jwt_keys_create(config, text, sizeof text))
        return fail_config(text);
    if (!jwt_keys_load(config, text, sizeof text))
        return fail_config(text);
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

static int recover(struct boxoffice *boxoffice)
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
        return fail_log(&error);
    replay.restore.stamp_ms = boxoffice->cut.stamp_ms;
    options.cut = &boxoffice->cut;
    int code = data_dir_epochs(boxoffice->dir, &replay.epochs, &epoch_count, &error);
    if (code == 0)
        code = recovery_run(boxoffice->dir, &options, visit_record, &replay, &boxoffice->recovery,
                            &error);
    free(replay.epochs);
    if (code != 0)
        return fail_log(&error);
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

static int start_keeper(struct boxoffice *boxoffice)
{
    struct segment_keeper_options options = {.dir = boxoffice->dir,
                                             .epoch = boxoffice->recovery.epoch,
                                             .shard_count = boxoffice->group.shard_count,
                                             .segment_bytes =
                                                 boxoffice->config.storage.segment_bytes};
    struct log_error error = {0};

    boxoffice->method = log_storage_calibrate(data_dir_path(boxoffice->dir));
    if (segment_keeper_new(&boxoffice->keeper, &options, &error) != 0)
        return fail_log(&error);
    return 0;
}

/* --- a worker's thread --- */

static void complete_log(void *context, uint64_t user_data, int32_t result, uint32_t flags)
{
    (void)flags;
    log_storage_complete(context, user_data, result);
}

static uint64_t writer_clock(void *context)
{
    const struct clock *clock = context;
    return clock->monotonic_ns(clock->context);
}

static bool open_journal(struct worker_thread *self)
{
    struct boxoffice *boxoffice = self->boxoffice;
    uint16_t index = worker_index(self->worker);
    struct log_error error = {0};

    self->storage = log_storage_uring_new(reactor_ring(self->reactor), LOG_TAG, boxoffice->method);
    if (!self->storage)
        return false;
    reactor_on(self->reactor, LOG_TAG, LOG_TAG, complete_log, self->storage);
    struct log_writer_options options = {.dir = boxoffice->dir,
                                         .epoch = boxoffice->recovery.epoch,
                                         .shard = index,
                                         .tail = boxoffice->recovery.tails[index],
                                         .batch_bytes_max =
                                             boxoffice->config.storage.batch_bytes_max,
                                         .keeper = boxoffice->keeper,
                                         .storage = self->storage,
                                         .metrics = &boxoffice->group.metrics[index],
                                         .monotonic_ns = writer_clock,
                                         .clock_context = &boxoffice->group.clock};
    if (log_writer_new(&self->writer, &options, &error) == 0)
        return true;
    self->exit_code = fail_log(&error);
    return false;
}

static bool set_up(struct worker_thread *self)
{
    struct boxoffice *boxoffice = self->boxoffice;
    char error[ERROR_BYTES];
    struct transport transport;

    if (boxoffice->config.engine.pin)
        cpu_pin(worker_index(self->worker));
    self->exit_code = EXIT_RESOURCES;
    self->reactor = reactor_new(boxoffice->bells, worker_index(self->worker), error, sizeof error);
    if (!self->reactor) {
        self->exit_code = fail_config(error);
        return false;
    }
    if (!open_journal(self))
        return false;
    self->rest = rest_new(self->worker, &boxoffice->config);
    if (!self->rest)
        return false;
    self->server =
        server_new(self->worker, self->reactor, self->rest, &boxoffice->config, self->listener);
    if (!self->server)
        return false;
    self->listener = -1;
    server_transport(self->server, &transport);
    worker_attach(self->worker, log_writer_journal(self->writer), &transport);
    worker_start_clock(self->worker,
                       boxoffice->recovery.tails[worker_index(self->worker)].stamp_ms);
    self->exit_code = 0;
    return true;
}

/* The kernel may still write to a batch: its end is waited for, but not for ever. */
static void finish_flush(struct worker_thread *self)
{
    for (int i = 0; i < 1000 && self->writer && log_writer_busy(self->writer); i++) {
        reactor_submit_and_wait(self->reactor, 1000000);
        reactor_reap(self->reactor);
    }
}

static void tear_down(struct worker_thread *self)
{
    if (self->server)
        server_free(self->server);
    if (self->reactor)
        finish_flush(self);
    log_writer_free(self->writer);
    if (self->rest)
        rest_free(self->rest);
    if (self->reactor)
        reactor_free(self->reactor);
    log_storage_free(self->storage);
    if (self->listener >= 0)
        close(self->listener);
}

static void *run_worker(void *context)
{
    struct worker_thread *self = context;
    struct worker_group *group = &self->boxoffice->group;
    char name[16];

    snprintf(name, sizeof name, "shard-%u", worker_index(self->worker) & 0xffU);
    pthread_setname_np(pthread_self(), name);
    if (set_up(self)) {
        atomic_fetch_add(&self->boxoffice->threads_ready, 1);
        /* All or none: a worker that cannot start stops the others. */
        while (atomic_load(&self->boxoffice->threads_ready) < group->shard_count &&
               atomic_load(&group->stop) == WORKER_RUN)
            nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
        server_start(self->server);
        self->exit_code = worker_run(self->worker);
    } else {
        atomic_store(&group->stop, WORKER_STOP_NOW);
    }
    tear_down(self);
    atomic_fetch_add(&self->boxoffice->threads_ended, 1);
    return NULL;
}

/* --- starting --- */

static int make_workers(struct boxoffice *boxoffice)
{
    struct worker_group *group = &boxoffice->group;
    uint16_t count = group->shard_count;
    int listeners[SHARD_COUNT_MAX];
    char error[ERROR_BYTES];

    group->mailboxes =
        mailbox_grid_new((uint16_t)(count + 1), boxoffice->config.engine.mailbox_slots);
    group->metrics = memory_new_aligned(64, count * sizeof *group->metrics);
    boxoffice->bells = bells_new((uint16_t)(count + 1));
    if (!group->mailboxes || !group->metrics || !boxoffice->bells) {
        fputs("boxoffice: no memory for mailboxes\n", stderr);
        return EXIT_RESOURCES;
    }
    if (listener_open(boxoffice->config.server.listen, count, listeners, boxoffice->bound, error,
                      sizeof error) != 0) {
        fprintf(stderr, "boxoffice: %s\n", error);
        return EXIT_UNAVAILABLE;
    }
    for (uint16_t i = 0; i < count; i++) {
        struct worker_thread *thread = &boxoffice->threads[i];
        *thread = (struct worker_thread){.boxoffice = boxoffice, .listener = listeners[i]};
        thread->worker = worker_new(group, i, boxoffice->shards[i]);
        if (!thread->worker)
            return EXIT_RESOURCES;
        boxoffice->shards[i] = NULL; /* the worker's now */
    }
    return 0;
}

static int start_threads(struct boxoffice *boxoffice)
{
    char error[ERROR_BYTES];

    for (uint16_t i = 0; i < boxoffice->group.shard_count; i++) {
        struct worker_thread *thread = &boxoffice->threads[i];
        if (pthread_create(&thread->thread, NULL, run_worker, thread) != 0) {
            fputs("boxoffice: no thread for a worker\n", stderr);
            atomic_store(&boxoffice->group.stop, WORKER_STOP_NOW);
            return EXIT_RESOURCES;
        }
        thread->started = true;
    }
    boxoffice->control =
        control_new(&boxoffice->group, boxoffice->bells, &boxoffice->config, error, sizeof error);
    if (boxoffice->control && control_start(boxoffice->control))
        return 0;
    fprintf(stderr, "boxoffice: admin socket: %s\n", error);
    atomic_store(&boxoffice->group.stop, WORKER_STOP_NOW);
    return EXIT_UNAVAILABLE;
}

static bool wait_until_ready(struct boxoffice *boxoffice)
{
    while (atomic_load(&boxoffice->threads_ready) < boxoffice->group.shard_count) {
        if (atomic_load(&boxoffice->group.stop) != WORKER_RUN)
            return false;
        nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
    }
    logger_log(LOGGER_INFO, "ready", LOG_TEXT("listen", boxoffice->bound),
               LOG_INT("shards", boxoffice->group.shard_count),
               LOG_TEXT("data_dir", boxoffice->config.storage.data_dir),
               LOG_TEXT("version", BOXOFFICE_VERSION));
    return true;
}

/* --- stopping --- */

static void ring_all(const struct boxoffice *boxoffice)
{
    for (uint16_t i = 0; i < boxoffice->group.shard_count; i++)
        bell_ring(boxoffice->bells, i);
}

static uint64_t now_ms(const struct boxoffice *boxoffice)
{
    const struct clock *clock = &boxoffice->group.clock;
    return clock->monotonic_ns(clock->context) / 1000000;
}

static void keep_up(struct boxoffice *boxoffice)
{
    uint64_t log_bytes = 0;

    for (uint16_t i = 0; i < boxoffice->group.shard_count; i++)
        log_bytes += metric_get(&boxoffice->group.metrics[i].log_bytes);
    /* A snapshot compares what the logs say of the state with its own. */
    if (log_upkeep_step(&boxoffice->upkeep, log_bytes, now_ms(boxoffice)))
        atomic_fetch_add(&boxoffice->group.states_asked, 1);
}

/* The first signal drains, a second stops at once, and so does a drain that
 * takes too long. Returns when the workers have ended. */
static void wait_for_end(struct boxoffice *boxoffice, const sigset_t *signals)
{
    struct worker_group *group = &boxoffice->group;
    const struct log_upkeep_options upkeep = {.dir = boxoffice->dir,
                                              .epoch = boxoffice->recovery.epoch,
                                              .config_path = boxoffice->config_path,
                                              .config = &boxoffice->config,
                                              .metrics = &group->upkeep,
                                              .unsaved_bytes = boxoffice->recovery.bytes};
    uint64_t stop_asked_ms = 0;

    log_upkeep_init(&boxoffice->upkeep, &upkeep);
    while (atomic_load(&boxoffice->threads_ended) < group->shard_count) {
        int signal = sigtimedwait(signals, NULL, &(struct timespec){.tv_nsec = 50000000});
        int stop = atomic_load(&group->stop);
        if (signal > 0) {
            stop = stop == WORKER_RUN ? WORKER_DRAIN : WORKER_STOP_NOW;
            logger_log(LOGGER_INFO, stop == WORKER_DRAIN ? "draining" : "stopping_at_once",
                       LOG_INT("signal", signal));
            atomic_store(&group->stop, stop);
            ring_all(boxoffice);
        }
        if (stop == WORKER_RUN)
            keep_up(boxoffice);
        else if (stop_asked_ms == 0)
            stop_asked_ms = now_ms(boxoffice);
        if (stop_asked_ms != 0 && now_ms(boxoffice) > stop_asked_ms + STOP_GRACE_MS)
            _exit(atomic_load(&group->exit_code)); /* as a crash would: the log is good */
    }
}

static void close_all(struct boxoffice *boxoffice)
{
    uint16_t count = boxoffice->group.shard_count;

    log_upkeep_stop(&boxoffice->upkeep);
    for (uint16_t i = 0; i < count; i++)
        if (boxoffice->threads[i].started)
            pthread_join(boxoffice->threads[i].thread, NULL);
    if (boxoffice->control)
        control_stop(boxoffice->control);
    control_free(boxoffice->control);
    segment_keeper_free(boxoffice->keeper);
    data_dir_close(boxoffice->dir);
    for (uint16_t i = 0; i < count; i++) {
        worker_free(boxoffice->threads[i].worker);
        shard_free(boxoffice->shards[i]);
    }
    mailbox_grid_free(boxoffice->group.mailboxes);
    memory_free(boxoffice->group.metrics);
    if (boxoffice->bells)
        bells_free(boxoffice->bells);
}

static int end_code(const struct boxoffice *boxoffice)
{
    int code = atomic_load(&boxoffice->group.exit_code);

    for (uint16_t i = 0; i < boxoffice->group.shard_count && code == 0; i++)
        code = boxoffice->threads[i].exit_code;
    return code;
}

static int serve(struct boxoffice *boxoffice)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* inherited by every thread */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a size limit fails the write, and that stops us in order */

    int code = open_data_dir(boxoffice);
    if (code == 0)
        code = recover(boxoffice);
    if (code == 0)
        code = start_keeper(boxoffice);
    if (code == 0)
        code = make_workers(boxoffice);
    if (code != 0)
        return code;
    code = start_threads(boxoffice);
    if (code == 0 && wait_until_ready(boxoffice))
        wait_for_end(boxoffice, &signals);
    return code != 0 ? code : -1;
}

int main(int argc, char **argv)
{
    struct command_line command_line;
    int code = command_line_parse(&command_line, argc, argv);
    if (code >= 0)
        return code;

    struct boxoffice *boxoffice = memory_new_aligned(64, sizeof *boxoffice);
    char error[ERROR_BYTES];
    if (!boxoffice)
        return EXIT_RESOURCES;
    crash_point_init();
    if (!command_line_configure(&command_line, &boxoffice->config, error, sizeof error)) {
        memory_free(boxoffice);
        return fail_config(error);
    }
    boxoffice->init = command_line.init;
    boxoffice->config_path = command_line.config;
    boxoffice->group.config = &boxoffice->config;
    boxoffice->group.clock = clock_system();
    boxoffice->group.process = boxoffice->group.clock.random(boxoffice->group.clock.context);
    boxoffice->group.shard_count = boxoffice->config.engine.shards;
    partition_map_init(&boxoffice->group.partitions, boxoffice->group.shard_count);
    code = serve(boxoffice);
    close_all(boxoffice);
    if (code < 0)
        code = end_code(boxoffice);
    logger_log(LOGGER_INFO, "stopped", LOG_INT("exit_code", code));
    memory_free(boxoffice);
    return code;
}
