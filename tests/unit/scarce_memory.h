/* An allocator of which chosen calls find no memory, whoever makes them: the test's
 * program defines malloc and its kin, and hands on to the next library's. Include it in
 * one file of a program. Not with a sanitizer, whose allocator is its own. */
#ifndef TESTS_UNIT_SCARCE_MEMORY_H
#define TESTS_UNIT_SCARCE_MEMORY_H

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SCARCE_MEMORY 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SCARCE_MEMORY 0
#else
#define SCARCE_MEMORY 1
#endif
#else
#define SCARCE_MEMORY 1
#endif

static _Atomic uint32_t scarce_calls, scarce_at, scarce_count;

/* From now on allocation number `at` fails (the first is 1; 0: none), and the `count` - 1
 * behind it. */
static inline void scarce_arm(uint32_t at, uint32_t count)
{
    scarce_at = 0;
    scarce_calls = 0;
    scarce_count = count;
    scarce_at = at;
}

static inline bool scarce_struck(void)
{
    return scarce_at != 0 && scarce_calls >= scarce_at;
}

#if SCARCE_MEMORY

static inline bool scarce_hit(void)
{
    const uint32_t at = scarce_at;
    const uint32_t call = ++scarce_calls;
    const bool hit = at != 0 && call >= at && call < at + scarce_count;
    if (hit)
        errno = ENOMEM;
    return hit;
}

/* The next library's function of that name; it is cast by whoever calls it. */
static inline void *scarce_next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

void *malloc(size_t bytes)
{
    static void *(*next)(size_t);
    if (!next)
        *(void **)&next = scarce_next("malloc");
    return scarce_hit() ? NULL : next(bytes);
}

void *calloc(size_t count, size_t bytes)
{
    static void *(*next)(size_t, size_t);
    if (!next)
        *(void **)&next = scarce_next("calloc");
    return scarce_hit() ? NULL : next(count, bytes);
}

void *realloc(void *old, size_t bytes)
{
    static void *(*next)(void *, size_t);
    if (!next)
        *(void **)&next = scarce_next("realloc");
    return scarce_hit() ? NULL : next(old, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    static void *(*next)(size_t, size_t);
    if (!next)
        *(void **)&next = scarce_next("aligned_alloc");
    return scarce_hit() ? NULL : next(alignment, bytes);
}

int posix_memalign(void **out, size_t alignment, size_t bytes)
{
    static int (*next)(void **, size_t, size_t);
    if (!next)
        *(void **)&next = scarce_next("posix_memalign");
    return scarce_hit() ? ENOMEM : next(out, alignment, bytes);
}

#endif
#endif
