#include "deadline_heap.h"

#include <assert.h>

#include "memory.h"

bool deadline_heap_init(struct deadline_heap *heap, uint32_t capacity, void *owner,
                        void (*moved)(void *owner, uint32_t item, uint32_t position))
{
    *heap = (struct deadline_heap){.entries = memory_reserve(capacity * sizeof heap->entries[0]),
                                   .capacity = capacity,
                                   .owner = owner,
                                   .moved = moved};
    return heap->entries != NULL;
}

void deadline_heap_release(struct deadline_heap *heap)
{
    memory_release(heap->entries, heap->capacity * sizeof heap->entries[0]);
    heap->entries = NULL;
}

static void put(struct deadline_heap *heap, uint32_t position, struct deadline deadline)
{
    heap->entries[position] = deadline;
    heap->moved(heap->owner, deadline.item, position);
}

static void sift_up(struct deadline_heap *heap, uint32_t position, struct deadline deadline)
{
    while (position > 0) {
        uint32_t parent = (position - 1) / 2;
        if (heap->entries[parent].at_ms <= deadline.at_ms)
            break;
        put(heap, position, heap->entries[parent]);
        position = parent;
    }
    put(heap, position, deadline);
}

static void sift_down(struct deadline_heap *heap, uint32_t position, struct deadline deadline)
{
    for (;;) {
        uint32_t child = 2 * position + 1;
        if (child >= heap->count)
            break;
        if (child + 1 < heap->count && heap->entries[child + 1].at_ms < heap->entries[child].at_ms)
            child++;
        if (deadline.at_ms <= heap->entries[child].at_ms)
            break;
        put(heap, position, heap->entries[child]);
        position = child;
    }
    put(heap, position, deadline);
}

void deadline_heap_insert(struct deadline_heap *heap, uint64_t at_ms, uint32_t item)
{
    assert(heap->count < heap->capacity);
    sift_up(heap, heap->count++, (struct deadline){at_ms, item});
}

void deadline_heap_remove(struct deadline_heap *heap, uint32_t position)
{
    assert(position < heap->count);
    uint64_t removed_ms = heap->entries[position].at_ms;
    struct deadline last = heap->entries[--heap->count];

    if (position == heap->count)
        return;
    if (last.at_ms < removed_ms)
        sift_up(heap, position, last);
    else
        sift_down(heap, position, last);
}

void deadline_heap_move(struct deadline_heap *heap, uint32_t position, uint64_t at_ms)
{
    assert(position < heap->count);
    struct deadline moved = {at_ms, heap->entries[position].item};
    uint64_t before_ms = heap->entries[position].at_ms;

    if (at_ms < before_ms)
        sift_up(heap, position, moved);
    else if (at_ms > before_ms)
        sift_down(heap, position, moved);
}

static void insert_in_order(struct deadline *due, uint32_t count, struct deadline deadline)
{
    for (; count > 0 && due[count - 1].at_ms > deadline.at_ms; count--)
        due[count] = due[count - 1];
    due[count] = deadline;
}

/* What is due lies connected at the top: it is visited from the root, parents
 * before children, and a visit adds at most two places to look at. */
uint32_t deadline_heap_due(const struct deadline_heap *heap, uint64_t now_ms,
                           struct deadline due[DEADLINE_HEAP_DUE_MAX])
{
    uint32_t waiting[DEADLINE_HEAP_DUE_MAX + 1] = {0};
    uint32_t waiting_count = heap->count > 0 && heap->entries[0].at_ms <= now_ms;
    uint32_t count = 0;

    for (uint32_t next = 0; next < waiting_count && count < DEADLINE_HEAP_DUE_MAX; next++) {
        uint32_t child = 2 * waiting[next] + 1;
        insert_in_order(due, count++, heap->entries[waiting[next]]);
        for (uint32_t end = child + 2; child < end && child < heap->count; child++)
            if (heap->entries[child].at_ms <= now_ms && waiting_count < DEADLINE_HEAP_DUE_MAX)
                waiting[waiting_count++] = child;
    }
    return count;
}
