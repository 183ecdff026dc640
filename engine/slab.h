/* Equal-sized entries by 32-bit index in one reserved range. A freed entry's
 * first four bytes link the free list. Pure; one thread. */
#ifndef ENGINE_SLAB_H
#define ENGINE_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLAB_NONE UINT32_MAX

struct slab {
    char *entries;
    size_t entry_bytes;
    uint32_t capacity;
    uint32_t used;      /* high-water mark */
    uint32_t free_head; /* SLAB_NONE: none */
    uint32_t live;
};

/* entry_bytes is at least 4. False: out of memory. */
bool slab_init(struct slab *slab, size_t entry_bytes, uint32_t capacity);
void slab_release(struct slab *slab);

/* A zeroed entry's index. SLAB_NONE: full. */
uint32_t slab_take(struct slab *slab);
void slab_give(struct slab *slab, uint32_t index);

static inline void *slab_at(const struct slab *slab, uint32_t index)
{
    return slab->entries + (size_t)index * slab->entry_bytes;
}

#endif
