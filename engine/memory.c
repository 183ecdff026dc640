#include "memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { LARGE_PAGE_BYTES = 2 << 20 };

void *memory_reserve(size_t bytes)
{
    void *range = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return range == MAP_FAILED ? NULL : range;
}

void *memory_reserve_scattered(size_t bytes)
{
    void *range = memory_reserve(bytes);

    if (range && bytes >= LARGE_PAGE_BYTES)
        madvise(range, bytes, MADV_HUGEPAGE); /* a refusal costs speed only */
    return range;
}

void memory_release(void *range, size_t bytes)
{
    if (range)
        munmap(range, bytes);
}

void *memory_new(size_t bytes)
{
    return calloc(1, bytes);
}

void *memory_new_aligned(size_t alignment, size_t bytes)
{
    void *object = NULL;

    if (posix_memalign(&object, alignment, bytes) != 0)
        return NULL;
    memset(object, 0, bytes);
    return object;
}

void memory_free(void *object)
{
    free(object);
}
