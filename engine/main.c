/* boxoffice: starts the modules in order, waits for a signal, stops them in
 * reverse. It and the files of boxoffice.h alone know engine/, net/, persist/ and
 * admin/. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "../admin/control.h"
#include "../net/reactor.h"
#include "../persist/crash_point.h"
#include "boxoffice.h"
#include "command_line.h"
#include "logger.h"
#include "memory.h"
#include "version.h"

enum { STOP_GRACE_MS = 5000 }; /* from SIGTERM to the last resort */

int boxoffice_fail_config(const char *error)
{
    fprintf(stderr, "boxoffice: %s\n", error);
    return EXIT_CONFIGURATION;
}

/* --- starting --- */

static int start_control(struct boxoffice *boxoffice)
{
    char error[ERROR_BYTES];

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

    int code = boxoffice_open_data_dir(boxoffice);
    if (code == 0)
        code = boxoffice_recover(boxoffice);
    if (code == 0)
        code = boxoffice_start_keeper(boxoffice);
    if (code == 0)
        code = boxoffice_make_workers(boxoffice);
    if (code != 0)
        return code;
    code = boxoffice_start_threads(boxoffice);
    if (code == 0)
        code = start_control(boxoffice);
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
        return boxoffice_fail_config(error);
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
