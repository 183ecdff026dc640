/* Time as a port, so that a simulator may bring its own. */
#ifndef ENGINE_CLOCK_H
#define ENGINE_CLOCK_H

#include <stdint.h>

struct clock {
    void *context;
    uint64_t (*wall_ms)(void *context);      /* Unix milliseconds; may jump */
    uint64_t (*monotonic_ns)(void *context); /* CLOCK_BOOTTIME; never goes back */
    uint64_t (*random)(void *context);       /* 64 unpredictable bits; any thread */
};

/* The operating system's clocks and getrandom (buffered per thread). */
struct clock clock_system(void);

#endif
