#include "slab.h"

#include <assert.h>
#include <string.h>

#include "memory.h"

bool slab_init(struct slab *slab, size_t entry_bytes, uint32_t capacity)
{
    assert(entry_bytes >= sizeof(uint32_t) && capacity < SLAB_NONE);
    *slab = (struct slab){.entries = memory_reserve(entry_bytes * capacity),
                          .entry_bytes = entry_bytes,
                          .capacity = capacity,
                          .free_head = SLAB_NONE};
    return slab->entries != NULL;
}

void slab_release(struct slab *slab)
{
    memory_release(slab->entries, slab->entry_bytes * slab->capacity);
    slab->entries = NULL;
}

uint32_t slab_take(struct slab *slab)
{
    uint32_t index = slab->free_head;

    if (index != SLAB_NONE) {
        memcpy(&slab->free_head, slab_at(slab, index), sizeof slab->free_head);
        memset(slab_at(slab, index), 0, slab->entry_bytes);
    } else if (slab->used < slab->capacity) {
        index = slab->used++; /* fresh from the reserve, so zero already */
    } else {
        return SLAB_NONE;
    }
    slab->live++;
    return index;
}

void slab_give(struct slab *slab, uint32_t index)
{
    assert(index < slab->used && slab->live > 0);
    memcpy(slab_at(slab, index), &slab->free_head, sizeof slab->free_head);
    slab->free_head = index;
    slab->live--;
}
