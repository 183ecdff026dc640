#include "clock.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

/* getrandom is a system call of some 300 ns; one a page keeps it off the path
 * of ids. A word is wiped when it is given out. */
enum { POOL_WORDS = 64 };

struct pool {
    uint32_t left;
    uint64_t words[POOL_WORDS];
};

static _Thread_local struct pool pool;

static uint64_t clock_read(clockid_t id)
{
    struct timespec now;
    const int result = clock_gettime(id, &now);
    assert(result == 0);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t system_wall_ms(void *context)
{
    (void)context;
    return clock_read(CLOCK_REALTIME) / 1000000u;
}

static uint64_t system_monotonic_ns(void *context)
{
    (void)context;
    return clock_read(CLOCK_BOOTTIME);
}

static void pool_fill(void)
{
    size_t have = 0;
    while (have < sizeof pool.words) {
        const ssize_t got = getrandom((char *)pool.words + have, sizeof pool.words - have, 0);
        /* Only a signal may interrupt it; without randomness ids could repeat. */
        assert(got > 0 || errno == EINTR);
        if (got > 0)
            have += (size_t)got;
    }
    pool.left = POOL_WORDS;
}

static uint64_t system_random(void *context)
{
    (void)context;
    if (pool.left == 0)
        pool_fill();
    const uint64_t word = pool.words[--pool.left];
    pool.words[pool.left] = 0;
    return word;
}

struct clock clock_system(void)
{
    return (struct clock){NULL, system_wall_ms, system_monotonic_ns, system_random};
}
