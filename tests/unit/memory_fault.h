/* memory.h as a machine gives it that has no more: the real calls, until the one that is
 * to fail. A test that includes this takes the place of engine/memory.c; once in a program. */
#ifndef TESTS_UNIT_MEMORY_FAULT_H
#define TESTS_UNIT_MEMORY_FAULT_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../../engine/memory.h"

static struct {
    unsigned left;   /* calls until the one that fails; 0: none fails */
    bool fired;      /* it has */
    size_t reserved; /* bytes of ranges that were not released */
} memory_fault;

/* The nth call from now on fails, the ones after it do not. */
static inline void memory_fail_at(unsigned nth)
{
    memory_fault.left = nth;
    memory_fault.fired = false;
}

/* Back to a machine with memory; whether a call failed. */
static inline bool memory_failed(void)
{
    memory_fault.left = 0;
    return memory_fault.fired;
}

static inline bool memory_is_refused(void)
{
    if (memory_fault.left == 0 || --memory_fault.left > 0)
        return false;
    memory_fault.fired = true;
    return true;
}

void *memory_reserve(size_t bytes)
{
    void *range = memory_is_refused() ? MAP_FAILED
                                      : mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (range == MAP_FAILED)
        return NULL;
    memory_fault.reserved += bytes;
    return range;
}

void *memory_reserve_scattered(size_t bytes)
{
    return memory_reserve(bytes);
}

void memory_release(void *range, size_t bytes)
{
    if (!range)
        return;
    munmap(range, bytes);
    memory_fault.reserved -= bytes;
}

void *memory_new(size_t bytes)
{
    return memory_is_refused() ? NULL : calloc(1, bytes);
}

void *memory_new_aligned(size_t alignment, size_t bytes)
{
    void *object = NULL;

    if (memory_is_refused() || posix_memalign(&object, alignment, bytes) != 0)
        return NULL;
    memset(object, 0, bytes);
    return object;
}

void memory_free(void *object)
{
    free(object);
}

#endif
