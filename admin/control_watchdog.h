/* Sees whether every worker still turns. A worker turns at least twice a second
 * even when it has nothing to do, so one that stands still hangs: it is
 * reported, and after the configured time the process is ended, because
 * connections of that worker would wait for ever. Control thread only. */
#ifndef ADMIN_CONTROL_WATCHDOG_H
#define ADMIN_CONTROL_WATCHDOG_H

#include "../engine/worker.h"

enum { CONTROL_STUCK_MS = 2000 };

struct control_watch {
    uint64_t turns;
    uint64_t still_ns; /* time we watched it stand still */
    bool stuck;
};

struct control_watchdog {
    uint64_t checked_ns; /* monotonic time of the last check; 0: none */
    struct control_watch workers[SHARD_COUNT_MAX];
};

/* Compares turns with the last check, logs who got stuck or woke up, and counts
 * only time in which this thread ran itself: a stopped process or a sleeping
 * machine is nobody's fault. Publishes group->stuck, which readiness
 * reads. Returns the index of a worker that stood still for
 * watchdog_ms (0: never asked), else -1. */
int control_watchdog_check(struct control_watchdog *watchdog, struct worker_group *group,
                           uint32_t watchdog_ms, uint64_t now_ns);

#endif
