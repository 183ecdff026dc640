#include "control_watchdog.h"

#include "../engine/logger.h"

enum { STEP_MS_MAX = 500 }; /* more than that between two checks, and we slept too */

static void watch(struct control_watch *watch, uint16_t shard, uint64_t turns, uint64_t step_ns)
{
    bool moved = turns != watch->turns;
    watch->turns = turns;
    watch->still_ns = moved ? 0 : watch->still_ns + step_ns;
    bool stuck = watch->still_ns >= CONTROL_STUCK_MS * UINT64_C(1000000);
    if (stuck && !watch->stuck) {
        logger_log(LOGGER_WARN, "worker_stuck", LOG_INT("shard", shard),
                   LOG_INT("still_ms", watch->still_ns / 1000000), LOG_INT("turns", turns));
    } else if (!stuck && watch->stuck) {
        logger_log(LOGGER_INFO, "worker_moves_again", LOG_INT("shard", shard));
    }
    watch->stuck = stuck;
}

int control_watchdog_check(struct control_watchdog *watchdog, struct worker_group *group,
                           uint32_t watchdog_ms, uint64_t now_ns)
{
    uint64_t step_ns = watchdog->checked_ns == 0 ? 0 : now_ns - watchdog->checked_ns;
    if (step_ns > STEP_MS_MAX * UINT64_C(1000000)) {
        step_ns = STEP_MS_MAX * UINT64_C(1000000);
    }
    watchdog->checked_ns = now_ns;
    int hung = -1;
    uint64_t stuck = 0;
    for (uint16_t shard = 0; shard < group->shard_count; shard++) {
        watch(&watchdog->workers[shard], shard, metric_get(&group->metrics[shard].turns), step_ns);
        if (watchdog_ms != 0 &&
            watchdog->workers[shard].still_ns >= watchdog_ms * UINT64_C(1000000)) {
            hung = shard;
        }
        stuck |= (uint64_t)watchdog->workers[shard].stuck << shard;
    }
    atomic_store_explicit(&group->stuck, stuck, memory_order_relaxed);
    return hung;
}
