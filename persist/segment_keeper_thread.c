#include "segment_keeper_thread.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

struct segment_keeper_thread {
    struct segment_keeper *keeper;
    struct segment_keeper_thread_options options;
    pthread_t thread;
    sem_t bell;
    _Atomic bool stop;
};

static void wait_bell(struct segment_keeper_thread *thread, bool unserved)
{
    struct timespec until;
    uint64_t wait_ms = unserved ? thread->options.retry_ms : thread->options.watch_ms;
    clock_gettime(CLOCK_REALTIME, &until);
    uint64_t ns = (uint64_t)until.tv_nsec + wait_ms * 1000000u;
    until.tv_sec += (time_t)(ns / 1000000000u);
    until.tv_nsec = (long)(ns % 1000000000u);
    sem_timedwait(&thread->bell, &until); /* early or late, the loop looks again */
}

static void *run(void *context)
{
    struct segment_keeper_thread *thread = context;
    bool unserved = false;
    while (!atomic_load(&thread->stop)) {
        wait_bell(thread, unserved);
        segment_keeper_watch(thread->keeper);
        unserved = false;
        for (uint16_t shard = 0; shard < thread->options.shard_count; shard++)
            unserved |= segment_keeper_step(thread->keeper, shard);
    }
    return NULL;
}

int segment_keeper_thread_start(struct segment_keeper_thread **out, struct segment_keeper *keeper,
                                const struct segment_keeper_thread_options *options)
{
    struct segment_keeper_thread *thread = calloc(1, sizeof *thread);
    if (!thread)
        return ENOMEM;
    thread->keeper = keeper;
    thread->options = *options;
    sem_init(&thread->bell, 0, 0);
    int error = pthread_create(&thread->thread, NULL, run, thread);
    if (error != 0) {
        sem_destroy(&thread->bell);
        free(thread);
        return error;
    }
    pthread_setname_np(thread->thread, "log-keeper");
    *out = thread;
    return 0;
}

void segment_keeper_thread_ring(struct segment_keeper_thread *thread)
{
    sem_post(&thread->bell);
}

void segment_keeper_thread_stop(struct segment_keeper_thread *thread)
{
    atomic_store(&thread->stop, true);
    sem_post(&thread->bell);
    pthread_join(thread->thread, NULL);
    sem_destroy(&thread->bell);
    free(thread);
}
