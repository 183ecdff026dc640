#include "rate_limit.h"

#include "hash.h"

#include <assert.h>

enum { ENTRIES_MAX = 1 << 20, SWEEP_PER_TAKE = 4, US_PER_MS = 1000, US_PER_MINUTE = 60000000 };

struct rate_limit_entry {
    struct uuid user_id;
    uint64_t arrival_us; /* theoretical arrival time; 0: unused */
};

static bool entry_matches(const void *slab, uint32_t slot, const void *id)
{
    const struct rate_limit_entry *entry = slab_at(slab, slot);
    return uuid_equal(&entry->user_id, id);
}

static uint64_t entry_hash(const void *slab, uint32_t slot)
{
    const struct rate_limit_entry *entry = slab_at(slab, slot);
    return hash_uuid(&entry->user_id);
}

bool rate_limit_table_init(struct rate_limit_table *table, uint32_t per_minute, uint32_t burst)
{
    *table = (struct rate_limit_table){.per_minute = per_minute, .burst = burst ? burst : 1};
    if (!slab_init(&table->entries, sizeof(struct rate_limit_entry), ENTRIES_MAX))
        return false;
    if (hash_index_init(&table->by_user, ENTRIES_MAX, &table->entries, entry_matches, entry_hash))
        return true;
    slab_release(&table->entries);
    return false;
}

void rate_limit_table_release(struct rate_limit_table *table)
{
    hash_index_release(&table->by_user);
    slab_release(&table->entries);
}

/* Frees a few entries whose time has passed: they would let anything through,
 * so forgetting them changes no answer. */
static void sweep(struct rate_limit_table *table, uint64_t now_ms)
{
    for (int i = 0; i < SWEEP_PER_TAKE && table->entries.used > 0; i++) {
        /* Not modulo the growing count: that kept step with it, and looked at the
         * same few for ever. */
        uint32_t slot = table->sweep < table->entries.used ? table->sweep : 0;
        table->sweep = slot + 1;
        struct rate_limit_entry *entry = slab_at(&table->entries, slot);
        if (entry->arrival_us == 0 || entry->arrival_us > now_ms * US_PER_MS)
            continue;
        hash_index_remove(&table->by_user, hash_uuid(&entry->user_id), slot);
        entry->arrival_us = 0;
        slab_give(&table->entries, slot);
    }
}

static struct rate_limit_entry *open_entry(struct rate_limit_table *table,
                                           const struct uuid *user_id, uint64_t now_ms)
{
    uint64_t hash = hash_uuid(user_id);
    uint32_t slot = hash_index_find(&table->by_user, hash, user_id);

    if (slot != HASH_INDEX_MISSING)
        return slab_at(&table->entries, slot);
    slot = slab_take(&table->entries);
    if (slot == SLAB_NONE)
        return NULL;
    struct rate_limit_entry *entry = slab_at(&table->entries, slot);
    entry->user_id = *user_id;
    entry->arrival_us = now_ms * US_PER_MS;
    bool inserted = hash_index_insert(&table->by_user, hash, slot);
    assert(inserted); /* the index has room for every slot of the slab */
    return entry;
}

uint64_t rate_limit_take(struct rate_limit_table *table, const struct uuid *user_id,
                         uint64_t now_ms)
{
    if (table->per_minute == 0)
        return 0;
    sweep(table, now_ms);
    struct rate_limit_entry *entry = open_entry(table, user_id, now_ms);
    if (!entry)
        return now_ms + 1000; /* the table is full of users over their rate */

    uint64_t now_us = now_ms * US_PER_MS;
    uint64_t interval_us = US_PER_MINUTE / table->per_minute;
    uint64_t arrival_us = entry->arrival_us > now_us ? entry->arrival_us : now_us;
    uint64_t tolerance_us = interval_us * (table->burst - 1);
    if (arrival_us > now_us + tolerance_us)
        return (arrival_us - tolerance_us + US_PER_MS - 1) / US_PER_MS;
    entry->arrival_us = arrival_us + interval_us;
    return 0;
}
