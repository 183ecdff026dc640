/* A storage that spreads what is read and written over time, in small pieces, so
 * that others who use the device wait no longer than for one of them. What was not
 * used meanwhile is not made up for: a pause of computing is followed by no burst.
 * Any thread; the pace is that of all together. */
#ifndef PERSIST_PACED_STORAGE_H
#define PERSIST_PACED_STORAGE_H

#include <stdatomic.h>

#include "storage.h"

enum { PACED_PIECE_BYTES = 128 << 10 };

struct paced_storage {
    struct storage storage; /* to be used */
    const struct storage *inner;
    uint32_t read_mb_per_second, write_mb_per_second; /* 0: as fast as it goes */
    _Atomic uint64_t read_due_ns, write_due_ns;       /* when the next piece may begin */
};

/* `inner` outlives it; it stays where it is while it is used. */
void paced_storage_init(struct paced_storage *paced, const struct storage *inner,
                        uint32_t read_mb_per_second, uint32_t write_mb_per_second);

#endif
