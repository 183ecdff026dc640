#include "block.h"

#include <assert.h>
#include <string.h>

#include "hash.h"
#include "memory.h"
#include "state_hash.h"

static bool block_matches(const void *slab, uint32_t slot, const void *id)
{
    const struct block *block = slab_at(slab, slot);
    return uuid_equal(&block->id, id);
}

static uint64_t block_hash(const void *slab, uint32_t slot)
{
    const struct block *block = slab_at(slab, slot);
    return hash_uuid(&block->id);
}

static void deadline_moved(void *owner, uint32_t item, uint32_t position)
{
    const struct block_table *table = owner;
    block_at(table, item)->deadline = position;
}

bool block_table_init(struct block_table *table)
{
    *table = (struct block_table){0};
    if (slab_init(&table->blocks, sizeof(struct block), BLOCKS_MAX) &&
        hash_index_init(&table->by_id, BLOCKS_MAX, &table->blocks, block_matches, block_hash) &&
        deadline_heap_init(&table->deadlines, BLOCKS_MAX, table, deadline_moved))
        return true;
    block_table_release(table);
    return false;
}

void block_table_release(struct block_table *table)
{
    for (uint32_t i = 0; table->blocks.entries && i < table->blocks.used; i++) {
        memory_free(block_at(table, i)->drawn);
        memory_free(block_at(table, i)->only);
    }
    deadline_heap_release(&table->deadlines);
    hash_index_release(&table->by_id);
    slab_release(&table->blocks);
}

uint32_t block_find(const struct block_table *table, const struct uuid *id)
{
    return hash_index_find(&table->by_id, hash_uuid(id), id);
}

/* Counts, seats and text in one piece of memory, found by `drawn`. */
static bool block_place(struct block *block, const struct record_block *record)
{
    size_t drawn_bytes = block->segment_count * sizeof block->drawn[0];
    size_t seats_bytes = record->seat_count * sizeof block->seats[0];
    char *piece = memory_new(drawn_bytes + seats_bytes + record->reason.length);

    if (!piece)
        return false;
    block->drawn = (uint32_t *)(void *)piece;
    block->seats = block->drawn + block->segment_count;
    if (record->seat_count > 0)
        memcpy(piece + drawn_bytes, record->seats, seats_bytes);
    if (record->reason.length > 0)
        memcpy(piece + drawn_bytes + seats_bytes, record->reason.bytes, record->reason.length);
    block->reason = (struct text){piece + drawn_bytes + seats_bytes, record->reason.length};
    return true;
}

static bool block_map(struct block *block, uint32_t zone_seats)
{
    if (block->seat_count == 0)
        return true;
    block->only = memory_new(block_bitmap_bytes(zone_seats));
    for (uint32_t i = 0; block->only && i < block->seat_count; i++)
        block->only[block->seats[i] / 64] |= UINT64_C(1) << block->seats[i] % 64;
    return block->only != NULL;
}

uint32_t block_add(struct block_table *table, const struct record_block *record, uint32_t zone,
                   uint16_t segment_count, uint32_t zone_seats, uint64_t stamp_ms)
{
    uint32_t slot = slab_take(&table->blocks);

    if (slot == SLAB_NONE)
        return SLAB_NONE;
    struct block *block = block_at(table, slot);
    *block = (struct block){.id = record->block_id,
                            .owner_id = record->owner_id,
                            .created_ms = stamp_ms,
                            .expires_ms = record->expires_ms,
                            .zone = zone,
                            .quantity = record->quantity,
                            .seat_count = record->seat_count,
                            .segment_count = segment_count,
                            .kind = (uint8_t)record->kind,
                            .active = true};
    memcpy(block->key_digest, record->key_digest, sizeof block->key_digest);
    if (!block_place(block, record) || !block_map(block, zone_seats)) {
        memory_free(block->drawn);
        *block = (struct block){0};
        slab_give(&table->blocks, slot);
        return SLAB_NONE;
    }
    bool inserted = hash_index_insert(&table->by_id, hash_uuid(&block->id), slot);
    assert(inserted);
    if (block->expires_ms != 0)
        deadline_heap_insert(&table->deadlines, block->expires_ms, slot);
    table->state_hash += block_state_hash(block);
    return slot;
}

void block_end(struct block_table *table, uint32_t slot)
{
    struct block *block = block_at(table, slot);

    assert(block->active);
    table->state_hash -= block_state_hash(block);
    if (block->expires_ms != 0)
        deadline_heap_remove(&table->deadlines, block->deadline);
    block->active = false;
    memory_free(block->only);
    block->only = NULL;
}

uint32_t block_drawn(const struct block *block, uint16_t from, uint16_t to)
{
    uint32_t most = 0;

    assert(from < to && to <= block->segment_count);
    for (uint16_t i = from; i < to; i++)
        most = block->drawn[i] > most ? block->drawn[i] : most;
    assert(most <= block->quantity);
    return most;
}

uint64_t block_state_hash(const struct block *block)
{
    uint64_t digest[2];

    if (!block->active)
        return 0;
    memcpy(digest, block->key_digest, sizeof digest);
    uint64_t hash = state_hash_mix(state_hash_uuid(&block->id), state_hash_uuid(&block->owner_id));
    hash = state_hash_mix(hash ^ block->expires_ms, block->created_ms);
    hash = state_hash_mix(hash ^ digest[0], digest[1]);
    hash = state_hash_mix(hash, (uint64_t)block->quantity << 8 | block->kind);
    for (uint32_t i = 0; i < block->seat_count; i++)
        hash = state_hash_mix(hash, block->seats[i]);
    return hash;
}

uint64_t block_table_bytes(const struct block_table *table)
{
    uint64_t bytes = (uint64_t)table->blocks.used * table->blocks.entry_bytes +
                     hash_index_bytes(&table->by_id) +
                     (uint64_t)table->deadlines.count * sizeof(struct deadline);

    for (uint32_t i = 0; i < table->blocks.used; i++) {
        const struct block *block = block_at(table, i);
        bytes += (block->segment_count + (uint64_t)block->seat_count) * sizeof(uint32_t) +
                 block->reason.length;
    }
    return bytes;
}
