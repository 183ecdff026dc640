/* An array that doubles: for what is appended one by one and looked up by an index
 * beside it. One thread at a time. */
#ifndef PERSIST_GROWING_ARRAY_H
#define PERSIST_GROWING_ARRAY_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct growing_array_limits {
    uint32_t least; /* the first capacity */
    uint32_t most;
};

/* Room for one more behind `count`. The array, which may have moved; it is the
 * caller's to free. NULL: out of memory, or `most` are in it; nothing has changed. */
static inline void *growing_array_room(void *items, uint32_t count, uint32_t *capacity,
                                       size_t item_bytes, struct growing_array_limits limits)
{
    if (count < *capacity)
        return items;
    const uint32_t wanted = *capacity > 0 ? *capacity * 2 : limits.least;
    void *moved = wanted <= limits.most ? realloc(items, wanted * item_bytes) : NULL;
    if (moved != NULL)
        *capacity = wanted;
    return moved;
}

#endif
