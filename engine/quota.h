/* Tickets a user holds or owns of an event, over all orders, for ever: the limit
 * per user counts them. Lives on the user's home shard. Pure.
 *
 * `under_way` counts the user's commands that other shards have not decided yet;
 * their tickets are in the count already, so a limit that is reached only
 * because of them is not yet a fact to refuse by. */
#ifndef ENGINE_QUOTA_H
#define ENGINE_QUOTA_H

#include "hash_index.h"
#include "slab.h"
#include "uuid.h"

struct quota_entry {
    struct uuid user_id;
    uint32_t event; /* number in the catalog replica */
    uint32_t tickets : 24;
    uint32_t under_way : 8;
};

enum { QUOTA_TICKETS_MAX = (1 << 24) - 1, QUOTA_UNDER_WAY_MAX = 255 };

struct quota_table {
    struct slab entries;
    struct hash_index by_key;
};

bool quota_table_init(struct quota_table *table);
void quota_table_release(struct quota_table *table);

/* NULL: the user holds nothing of the event. */
struct quota_entry *quota_find(const struct quota_table *table, const struct uuid *user_id,
                               uint32_t event);
/* Loading ahead: first the bucket, then the entry it leads to. */
void quota_prefetch(const struct quota_table *table, const struct uuid *user_id, uint32_t event);
void quota_prefetch_entry(const struct quota_table *table, const struct uuid *user_id,
                          uint32_t event);

/* The entry, made empty if there is none. NULL: full. */
struct quota_entry *quota_open(struct quota_table *table, const struct uuid *user_id,
                               uint32_t event);
/* Takes tickets back (asserted to be there) and drops an entry that is empty. */
void quota_return(struct quota_table *table, struct quota_entry *entry, uint32_t tickets);
/* Drops the entry if it counts nothing any more. */
void quota_close(struct quota_table *table, struct quota_entry *entry);

uint64_t quota_table_bytes(const struct quota_table *table);

#endif
