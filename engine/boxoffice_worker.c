/* The workers, and what the thread of each makes, runs and frees: its reactor, its
 * log and its server. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "../net/http.h"
#include "../net/reactor.h"
#include "../net/server.h"
#include "../persist/log_writer.h"
#include "boxoffice.h"
#include "cpu.h"
#include "memory.h"

enum { LOG_TAG = REACTOR_TAG_LOG_FIRST };

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
    self->exit_code = boxoffice_fail_log(&error);
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
        self->exit_code = boxoffice_fail_config(error);
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

int boxoffice_make_workers(struct boxoffice *boxoffice)
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

int boxoffice_start_threads(struct boxoffice *boxoffice)
{
    for (uint16_t i = 0; i < boxoffice->group.shard_count; i++) {
        struct worker_thread *thread = &boxoffice->threads[i];
        if (pthread_create(&thread->thread, NULL, run_worker, thread) != 0) {
            fputs("boxoffice: no thread for a worker\n", stderr);
            atomic_store(&boxoffice->group.stop, WORKER_STOP_NOW);
            return EXIT_RESOURCES;
        }
        thread->started = true;
    }
    return 0;
}
