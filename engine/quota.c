#include "quota.h"

#include "hash.h"

#include <assert.h>

enum { QUOTA_ENTRIES_MAX = 1 << 26 };

struct quota_key {
    const struct uuid *user_id;
    uint32_t event;
};

static uint64_t key_hash(const struct uuid *user_id, uint32_t event)
{
    return hash_uuid_seeded(user_id, event + 1ULL);
}

static bool entry_matches(const void *slab, uint32_t slot, const void *key)
{
    const struct quota_entry *entry = slab_at(slab, slot);
    const struct quota_key *sought = key;
    return entry->event == sought->event && uuid_equal(&entry->user_id, sought->user_id);
}

static uint64_t entry_hash(const void *slab, uint32_t slot)
{
    const struct quota_entry *entry = slab_at(slab, slot);
    return key_hash(&entry->user_id, entry->event);
}

bool quota_table_init(struct quota_table *table)
{
    if (!slab_init(&table->entries, sizeof(struct quota_entry), QUOTA_ENTRIES_MAX))
        return false;
    if (hash_index_init(&table->by_key, QUOTA_ENTRIES_MAX, &table->entries, entry_matches,
                        entry_hash)) {
        hash_index_entries(&table->by_key, table->entries.entries, table->entries.entry_bytes);
        return true;
    }
    slab_release(&table->entries);
    return false;
}

void quota_table_release(struct quota_table *table)
{
    hash_index_release(&table->by_key);
    slab_release(&table->entries);
}

static uint32_t find_slot(const struct quota_table *table, const struct uuid *user_id,
                          uint32_t event)
{
    struct quota_key key = {user_id, event};
    return hash_index_find(&table->by_key, key_hash(user_id, event), &key);
}

struct quota_entry *quota_find(const struct quota_table *table, const struct uuid *user_id,
                               uint32_t event)
{
    uint32_t slot = find_slot(table, user_id, event);
    return slot == HASH_INDEX_MISSING ? NULL : slab_at(&table->entries, slot);
}

void quota_prefetch(const struct quota_table *table, const struct uuid *user_id, uint32_t event)
{
    hash_index_prefetch(&table->by_key, key_hash(user_id, event));
}

void quota_prefetch_entry(const struct quota_table *table, const struct uuid *user_id,
                          uint32_t event)
{
    hash_index_prefetch_entry(&table->by_key, key_hash(user_id, event));
}

struct quota_entry *quota_open(struct quota_table *table, const struct uuid *user_id,
                               uint32_t event)
{
    uint32_t slot = find_slot(table, user_id, event);
    if (slot != HASH_INDEX_MISSING)
        return slab_at(&table->entries, slot);

    slot = slab_take(&table->entries);
    if (slot == SLAB_NONE)
        return NULL;
    struct quota_entry *entry = slab_at(&table->entries, slot);
    entry->user_id = *user_id;
    entry->event = event;
    if (hash_index_insert(&table->by_key, key_hash(user_id, event), slot))
        return entry;
    slab_give(&table->entries, slot);
    return NULL;
}

void quota_return(struct quota_table *table, struct quota_entry *entry, uint32_t tickets)
{
    assert(entry->tickets >= tickets);
    entry->tickets = (entry->tickets - tickets) & QUOTA_TICKETS_MAX;
    quota_close(table, entry);
}

void quota_close(struct quota_table *table, struct quota_entry *entry)
{
    if (entry->tickets != 0 || entry->under_way != 0)
        return;
    uint32_t slot = (uint32_t)(entry - (struct quota_entry *)slab_at(&table->entries, 0));
    hash_index_remove(&table->by_key, key_hash(&entry->user_id, entry->event), slot);
    slab_give(&table->entries, slot);
}

uint64_t quota_table_bytes(const struct quota_table *table)
{
    return (uint64_t)table->entries.used * table->entries.entry_bytes +
           hash_index_bytes(&table->by_key);
}
