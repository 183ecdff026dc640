#include "idempotency.h"

#include <assert.h>

enum {
    NO_NEWER = (1 << 26) - 1,
    ENTRIES_MAX = NO_NEWER,
    FORGET_PER_CALL = 64,
    /* For the answers of requests that are under way: all workers' at once. */
    ROOM_FOR_PENDING = ANSWER_MEMORY_CHUNKS_MAX / 4
};

static bool entry_matches(const void *slab, uint32_t slot, const void *key)
{
    const struct idempotency_entry *entry = slab_at(slab, slot);
    return entry->hash == *(const uint64_t *)key;
}

static uint64_t entry_hash(const void *slab, uint32_t slot)
{
    const struct idempotency_entry *entry = slab_at(slab, slot);
    return entry->hash;
}

bool idempotency_table_init(struct idempotency_table *table, uint64_t keep_ms)
{
    *table =
        (struct idempotency_table){.oldest = SLAB_NONE, .newest = SLAB_NONE, .keep_ms = keep_ms};
    if (!answer_memory_init(&table->answers, ANSWER_MEMORY_CHUNKS_MAX))
        return false;
    if (!slab_init(&table->entries, sizeof(struct idempotency_entry), ENTRIES_MAX)) {
        answer_memory_release(&table->answers);
        return false;
    }
    if (hash_index_init(&table->by_hash, ENTRIES_MAX, &table->entries, entry_matches, entry_hash)) {
        hash_index_entries(&table->by_hash, table->entries.entries, table->entries.entry_bytes);
        return true;
    }
    slab_release(&table->entries);
    answer_memory_release(&table->answers);
    return false;
}

static void release_object(struct idempotency_table *table, const struct idempotency_entry *entry)
{
    switch ((enum idempotency_state)entry->state) {
    case IDEMPOTENCY_EVENT:
        catalog_event_release(entry->event);
        break;
    case IDEMPOTENCY_SHOW:
        catalog_show_release(entry->show);
        break;
    case IDEMPOTENCY_ZONE:
        catalog_zone_release(entry->zone);
        break;
    case IDEMPOTENCY_ANSWER:
        answer_memory_forget(&table->answers, entry->answer);
        break;
    case IDEMPOTENCY_STATION:
        catalog_station_release(entry->station);
        break;
    case IDEMPOTENCY_ROUTE:
        catalog_route_release(entry->route);
        break;
    case IDEMPOTENCY_PENDING:
    case IDEMPOTENCY_BOOKING:
        break;
    }
}

void idempotency_table_release(struct idempotency_table *table)
{
    for (uint32_t slot = table->oldest; table->entries.entries && slot != SLAB_NONE;) {
        struct idempotency_entry *entry = slab_at(&table->entries, slot);
        release_object(table, entry);
        slot = entry->newer == NO_NEWER ? SLAB_NONE : entry->newer;
    }
    hash_index_release(&table->by_hash);
    slab_release(&table->entries);
    answer_memory_release(&table->answers);
}

static bool is_over_age(const struct idempotency_table *table,
                        const struct idempotency_entry *entry, uint64_t now_ms)
{
    return entry->state != IDEMPOTENCY_PENDING && now_ms >= entry->accepted_ms + table->keep_ms;
}

struct idempotency_entry *idempotency_find(struct idempotency_table *table, uint64_t hash,
                                           uint64_t now_ms)
{
    uint32_t slot = hash_index_find(&table->by_hash, hash, &hash);
    if (slot == HASH_INDEX_MISSING)
        return NULL;
    struct idempotency_entry *entry = slab_at(&table->entries, slot);
    if (!is_over_age(table, entry, now_ms))
        return entry;
    /* Out of the index at once, so that the key can begin anew; the list lets
     * go of the slot when its turn comes. A zero hash marks it. */
    hash_index_remove(&table->by_hash, hash, slot);
    entry->hash = 0;
    return NULL;
}

void idempotency_prefetch(const struct idempotency_table *table, uint64_t hash)
{
    hash_index_prefetch(&table->by_hash, hash);
}

struct idempotency_entry *idempotency_begin(struct idempotency_table *table,
                                            const struct request_key *key)
{
    if (answer_memory_room(&table->answers) < ROOM_FOR_PENDING)
        return NULL;
    uint32_t slot = slab_take(&table->entries);
    if (slot == SLAB_NONE)
        return NULL;
    struct idempotency_entry *entry = slab_at(&table->entries, slot);
    entry->hash = key->hash;
    entry->fingerprint = key->fingerprint;
    entry->state = IDEMPOTENCY_PENDING;
    entry->newer = NO_NEWER;
    if (hash_index_insert(&table->by_hash, key->hash, slot))
        return entry;
    slab_give(&table->entries, slot);
    return NULL;
}

static uint32_t slot_of(const struct idempotency_table *table,
                        const struct idempotency_entry *entry)
{
    return (uint32_t)(entry - (struct idempotency_entry *)slab_at(&table->entries, 0));
}

void idempotency_abandon(struct idempotency_table *table, struct idempotency_entry *entry)
{
    assert(entry->state == IDEMPOTENCY_PENDING);
    uint32_t slot = slot_of(table, entry);
    hash_index_remove(&table->by_hash, entry->hash, slot);
    slab_give(&table->entries, slot);
}

void idempotency_accept(struct idempotency_table *table, struct idempotency_entry *entry,
                        enum idempotency_state state, enum command_kind made_by,
                        uint64_t accepted_ms)
{
    uint32_t slot = slot_of(table, entry);

    assert(entry->state == IDEMPOTENCY_PENDING && state != IDEMPOTENCY_PENDING);
    entry->state = state & 15;
    entry->made_by = made_by & 63U;
    entry->accepted_ms = accepted_ms & ((1ULL << 44) - 1);
    if (table->newest == SLAB_NONE) {
        table->oldest = slot;
    } else {
        struct idempotency_entry *newest = slab_at(&table->entries, table->newest);
        newest->newer = slot & NO_NEWER;
    }
    table->newest = slot;
}

static void drop_oldest(struct idempotency_table *table)
{
    uint32_t slot = table->oldest;
    struct idempotency_entry *entry = slab_at(&table->entries, slot);

    if (entry->hash != 0)
        hash_index_remove(&table->by_hash, entry->hash, slot);
    release_object(table, entry);
    table->oldest = entry->newer == NO_NEWER ? SLAB_NONE : entry->newer;
    if (table->oldest == SLAB_NONE)
        table->newest = SLAB_NONE;
    slab_give(&table->entries, slot);
}

void idempotency_forget(struct idempotency_table *table, uint64_t now_ms)
{
    for (int i = 0; i < FORGET_PER_CALL && table->oldest != SLAB_NONE; i++) {
        if (!is_over_age(table, slab_at(&table->entries, table->oldest), now_ms))
            return;
        drop_oldest(table);
    }
}

uint64_t idempotency_table_bytes(const struct idempotency_table *table)
{
    return (uint64_t)table->entries.used * table->entries.entry_bytes +
           hash_index_bytes(&table->by_hash) + answer_memory_bytes(&table->answers);
}
