/* How often a user may reserve: a generic cell rate algorithm (ITU-T I.371), one
 * theoretical arrival time per user. Lives on the user's home shard, in memory
 * only; users who have not come for a while make room. Pure. */
#ifndef ENGINE_RATE_LIMIT_H
#define ENGINE_RATE_LIMIT_H

#include "hash_index.h"
#include "slab.h"
#include "uuid.h"

struct rate_limit_table {
    struct slab entries;
    struct hash_index by_user;
    uint32_t sweep;      /* the entry looked at next for reuse */
    uint32_t per_minute; /* 0: no limit */
    uint32_t burst;
};

bool rate_limit_table_init(struct rate_limit_table *table, uint32_t per_minute, uint32_t burst);
void rate_limit_table_release(struct rate_limit_table *table);

/* 0: let it through, and count it. Else Unix milliseconds of when to try again. */
uint64_t rate_limit_take(struct rate_limit_table *table, const struct uuid *user_id,
                         uint64_t now_ms);

#endif
