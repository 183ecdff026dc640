/* What a shard says of its zones: facts, blocks, the state of every seat. Answers
 * are made with malloc (through memory.h) and leave with the message. */
#include <string.h>

#include "memory.h"
#include "shard.h"
#include "shard_state.h"

bool shard_zone_facts(struct shard *shard, const struct uuid *zone_id, struct zone_facts *facts)
{
    uint32_t number = shard_zone_number(shard, zone_id);

    if (number == HASH_INDEX_MISSING)
        return false;
    const struct zone *zone = shard_zone_at(shard, number);
    *facts = (struct zone_facts){.zone_id = zone->id,
                                 .total = zone->total,
                                 .target = zone->target,
                                 .available = zone_available_throughout(zone),
                                 .reserved = zone->reserved,
                                 .sold = zone->sold,
                                 .blocked = zone_blocked(zone),
                                 .closed = zone->closed};
    return true;
}

/* --- blocks --- */

static struct block_facts *block_facts_new(const struct shard *shard, const struct block *block)
{
    size_t seats_bytes = block->seat_count * sizeof block->seats[0];
    struct block_facts *facts = memory_new(sizeof *facts + seats_bytes + block->reason.length);

    if (!facts)
        return NULL;
    uint32_t *seats = (uint32_t *)(facts + 1);
    char *reason = (char *)(facts + 1) + seats_bytes;
    if (seats_bytes > 0)
        memcpy(seats, block->seats, seats_bytes);
    if (block->reason.length > 0)
        memcpy(reason, block->reason.bytes, block->reason.length);
    *facts = (struct block_facts){
        .block_id = block->id,
        .zone_id = shard_zone_at(shard, block->zone)->id,
        .owner_id = block->owner_id,
        .kind = (enum block_kind)block->kind,
        .active = block->active,
        .quantity = block->quantity,
        .drawn = block->active ? block_drawn(block, 0, block->segment_count) : 0,
        .created_ms = block->created_ms,
        .expires_ms = block->expires_ms,
        .reason = {reason, block->reason.length},
        .seat_count = block->seat_count,
        .seats = seats};
    memcpy(facts->key_digest, block->key_digest, sizeof facts->key_digest);
    return facts;
}

struct block_facts *shard_block(const struct shard *shard, const struct uuid *block_id)
{
    uint32_t slot = block_find(&shard->blocks, block_id);

    return slot == HASH_INDEX_MISSING ? NULL
                                      : block_facts_new(shard, block_at(&shard->blocks, slot));
}

static void block_list_free(struct block_list *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        memory_free(list->items[i]);
    memory_free(list);
}

struct block_list *shard_blocks(struct shard *shard, const struct uuid *zone_id)
{
    uint32_t number = shard_zone_number(shard, zone_id);

    if (number == HASH_INDEX_MISSING)
        return NULL;
    const struct zone *zone = shard_zone_at(shard, number);
    struct block_list *list =
        memory_new(sizeof *list + zone->block_count * sizeof(struct block_facts *));
    for (uint32_t i = 0; list && i < zone->block_count; i++) {
        list->items[i] = block_facts_new(shard, block_at(&shard->blocks, zone->blocks[i].block));
        if (!list->items[i]) {
            block_list_free(list);
            return NULL;
        }
        list->count++;
    }
    return list;
}

/* --- seats --- */

struct seat_states *shard_seat_states(struct shard *shard, const struct command_zone *query)
{
    uint32_t number = shard_zone_number(shard, &query->zone_id);

    if (number == HASH_INDEX_MISSING)
        return NULL;
    const struct zone *zone = shard_zone_at(shard, number);
    bool whole = query->from_segment == 0 && query->to_segment == 0;
    uint16_t from = whole ? 0 : query->from_segment;
    uint16_t to = whole ? zone->segment_count : query->to_segment;
    if (from >= to || to > zone->segment_count)
        return NULL;
    bool is_known = query->has_known && query->known_changes == zone->changes;
    uint32_t seat_count = zone->map ? seat_map_plan(zone->map)->seat_count : 0;
    uint32_t length = is_known ? 0 : (seat_count + 3) / 4;
    struct seat_states *states = memory_new(sizeof *states + length);
    if (!states)
        return NULL;
    states->zone_id = zone->id;
    states->changes = zone->changes;
    states->from_segment = from;
    states->to_segment = to;
    states->seat_count = seat_count;
    states->length = length;
    if (length > 0)
        seat_map_states(zone->map, from, to, states->states);
    return states;
}
