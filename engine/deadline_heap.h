/* Things with a time each, the soonest first: a binary heap (Williams, 1964) whose
 * items are told where they are, so that any of them can be taken out. Insertion
 * and removal take logarithmic time whatever the order of the times. Pure. */
#ifndef ENGINE_DEADLINE_HEAP_H
#define ENGINE_DEADLINE_HEAP_H

#include <stdbool.h>
#include <stdint.h>

struct deadline {
    uint64_t at_ms;
    uint32_t item;
};

struct deadline_heap {
    struct deadline *entries;
    uint32_t capacity, count;
    void *owner;
    void (*moved)(void *owner, uint32_t item, uint32_t position);
};

/* `moved` tells the owner of an item's position, now and whenever it changes.
 * False: out of memory. */
bool deadline_heap_init(struct deadline_heap *heap, uint32_t capacity, void *owner,
                        void (*moved)(void *owner, uint32_t item, uint32_t position));
void deadline_heap_release(struct deadline_heap *heap);

/* There must be room (asserted). */
void deadline_heap_insert(struct deadline_heap *heap, uint64_t at_ms, uint32_t item);
void deadline_heap_remove(struct deadline_heap *heap, uint32_t position);
/* The item's time is another one now. */
void deadline_heap_move(struct deadline_heap *heap, uint32_t position, uint64_t at_ms);

/* UINT64_MAX: empty. */
static inline uint64_t deadline_heap_soonest_ms(const struct deadline_heap *heap)
{
    return heap->count == 0 ? UINT64_MAX : heap->entries[0].at_ms;
}

enum { DEADLINE_HEAP_DUE_MAX = 64 };

/* Up to DEADLINE_HEAP_DUE_MAX of what is due at now_ms, the soonest among them,
 * in the order of time. Returns how many. */
uint32_t deadline_heap_due(const struct deadline_heap *heap, uint64_t now_ms,
                           struct deadline due[DEADLINE_HEAP_DUE_MAX]);

#endif
