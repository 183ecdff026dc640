/* Named points at which a test may kill the process: BOXOFFICE_CRASH_AT=name:n
 * raises SIGKILL on the n-th pass (from 1). Unset: one predictable branch. */
#ifndef PERSIST_CRASH_POINT_H
#define PERSIST_CRASH_POINT_H

#include <stdbool.h>

/* Reads the environment; call once before threads start. */
void crash_point_init(void);

extern bool crash_point_armed; /* written by crash_point_init only */
void crash_point_pass(const char *name);

static inline void crash_point(const char *name)
{
    if (__builtin_expect(crash_point_armed, 0))
        crash_point_pass(name);
}

#endif
