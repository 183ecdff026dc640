/* One mapped page per shard in which the writer says how far the log is durable,
 * so that followers in other processes never read past it. A lower bound only:
 * the page itself reaches the disk when the kernel likes. */
#ifndef PERSIST_DURABLE_MARK_H
#define PERSIST_DURABLE_MARK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "storage.h"

struct durable_page {
    uint64_t magic;
    _Atomic uint64_t sequence;
    _Atomic uint64_t inverse; /* ~sequence: a page written out half-way is seen */
};

/* Maps <shard_path>/durable. writable: makes it when missing or damaged. 0, or
 * -errno; a reader's missing or damaged file is -ENOENT. */
int durable_mark_open(const struct storage *storage, const char *shard_path, bool writable,
                      struct durable_page **page);
void durable_mark_close(const struct storage *storage,
                        struct durable_page *page); /* NULL: nothing */

/* Makes the mark itself, and its name, survive a power cut: of a log that ends here
 * nobody publishes it again. 0, or -errno. */
int durable_mark_settle(const struct storage *storage, const char *shard_path);

static inline void durable_mark_publish(struct durable_page *page, uint64_t sequence)
{
    atomic_store_explicit(&page->sequence, sequence, memory_order_release);
    atomic_store_explicit(&page->inverse, ~sequence, memory_order_release);
}

/* For followers of a live writer. */
static inline uint64_t durable_mark_read(const struct durable_page *page)
{
    return atomic_load_explicit(&page->sequence, memory_order_acquire);
}

/* For recovery: what a stopped writer certainly said; 0: nothing certain. */
static inline uint64_t durable_mark_settled(const struct durable_page *page)
{
    uint64_t sequence = atomic_load_explicit(&page->sequence, memory_order_acquire);
    return atomic_load_explicit(&page->inverse, memory_order_acquire) == ~sequence ? sequence : 0;
}

#endif
