#include "snapshot_process.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../engine/partition.h"

/* --- pauses --- */

uint64_t snapshot_monotonic_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000U + (uint64_t)time.tv_nsec;
}

void snapshot_sleep_ns(uint64_t ns)
{
    if (ns > 0)
        nanosleep(&(struct timespec){.tv_sec = (time_t)(ns / 1000000000U),
                                     .tv_nsec = (long)(ns % 1000000000U)},
                  NULL);
}

void snapshot_pace_begin(struct snapshot_pace *pace, uint32_t mb_per_second)
{
    *pace = (struct snapshot_pace){mb_per_second, mb_per_second ? snapshot_monotonic_ns() : 0};
}

void snapshot_pace_keep(const struct snapshot_pace *pace, uint64_t bytes)
{
    if (pace->mb_per_second == 0)
        return;
    uint64_t due_ns = bytes / pace->mb_per_second * 1000U; /* 1 MB/s is a byte in 1,000 ns */
    uint64_t gone_ns = snapshot_monotonic_ns() - pace->began_ns;
    if (due_ns > gone_ns)
        snapshot_sleep_ns(due_ns - gone_ns);
}

/* --- threads --- */

void snapshot_side_by_side(snapshot_work *work, void *const *contexts, uint16_t count)
{
    pthread_t threads[SHARD_COUNT_MAX];
    bool started[SHARD_COUNT_MAX] = {false};
    for (uint16_t i = 0; i < count; i++) {
        started[i] = i + 1 < count && pthread_create(&threads[i], NULL, work, contexts[i]) == 0;
        if (!started[i])
            work(contexts[i]);
    }
    for (uint16_t i = 0; i < count; i++)
        if (started[i])
            pthread_join(threads[i], NULL);
}

/* --- priority --- */

void snapshot_idle(void)
{
    enum { IOPRIO_WHO_PROCESS = 1, IOPRIO_CLASS_IDLE = 3, IOPRIO_CLASS_SHIFT = 13 };
    const struct sched_param none = {0};
    /* What is refused leaves it as it was: slower for others, not wrong. */
    (void)sched_setscheduler(0, SCHED_IDLE, &none);
    (void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_CLASS_IDLE << IOPRIO_CLASS_SHIFT);
    (void)setpriority(PRIO_PROCESS, 0, 19);
}
