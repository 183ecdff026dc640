/* The zone's shard decides what its organizer may do to a zone: blocks, capacity,
 * closing and reopening its sale. Nothing here changes state: a decision is a
 * record. */
#include <assert.h>
#include <string.h>

#include "shard.h"
#include "shard_state.h"

bool shard_may_manage(const struct shard *shard, const struct actor *actor, const struct zone *zone)
{
    const struct catalog_event *event;

    if (actor->role == ROLE_ADMIN)
        return true;
    event = catalog_event(shard->catalog, &zone->event_id);
    return actor->role == ROLE_ORGANIZER && event && uuid_equal(&actor->id, &event->organizer_id);
}

/* --- blocks --- */

static enum result check_block_seats(const struct zone *zone, const struct block_facts *draft,
                                     struct refusal_facts *refusal)
{
    uint32_t seat_count = seat_map_plan(zone->map)->seat_count;

    for (uint32_t i = 0; i < draft->seat_count; i++)
        if (draft->seats[i] >= seat_count || (i > 0 && draft->seats[i] <= draft->seats[i - 1]))
            return RESULT_NOT_FOUND; /* not a list of the zone's seats */
    for (uint32_t i = 0; i < draft->seat_count; i++) {
        enum seat_state state = seat_map_state(zone->map, draft->seats[i], 0, zone->segment_count);
        if (state != SEAT_FREE && refusal->seat_count < RECORD_SEATS_MAX)
            refusal->seats[refusal->seat_count++] = draft->seats[i] | (uint32_t)state << 24;
    }
    return refusal->seat_count > 0 ? RESULT_SEAT_UNAVAILABLE : RESULT_OK;
}

static enum result check_block(const struct zone *zone, const struct block_facts *draft,
                               struct refusal_facts *refusal)
{
    if ((zone->map != NULL) != (draft->seat_count > 0))
        return RESULT_KIND_UNSUPPORTED;
    if (draft->seat_count > RECORD_BLOCK_SEATS_MAX || zone->block_count >= ZONE_BLOCKS_MAX)
        return RESULT_INVALID_STATE;
    if (zone->map)
        return check_block_seats(zone, draft, refusal);
    refusal->detail.requested = draft->quantity;
    refusal->detail.available = zone_available_throughout(zone);
    if (draft->quantity == 0) {
        refusal->detail.limit = refusal->detail.available;
        return RESULT_QUANTITY_INVALID;
    }
    return draft->quantity > refusal->detail.available ? RESULT_INSUFFICIENT_STOCK : RESULT_OK;
}

static enum result decide_block_create(const struct shard *shard, const struct zone *zone,
                                       const struct command *command, struct record *record,
                                       struct refusal_facts *refusal)
{
    const struct block_facts *draft = command->zone_change.block;
    enum result result = check_block(zone, draft, refusal);

    if (result != RESULT_OK)
        return result;
    if (shard->blocks.blocks.live == shard->blocks.blocks.capacity)
        return RESULT_OVERLOADED;
    record->kind = RECORD_BLOCK;
    record->block =
        (struct record_block){.block_id = draft->block_id,
                              .zone_id = zone->id,
                              .kind = draft->kind,
                              .cause = CAUSE_CREATED,
                              .quantity = zone->map ? draft->seat_count : draft->quantity,
                              .expires_ms = draft->expires_ms,
                              .owner_id = draft->owner_id,
                              .reason = draft->reason,
                              .seat_count = draft->seat_count,
                              .seats = draft->seats};
    if (draft->kind == BLOCK_ALLOTMENT)
        memcpy(record->block.key_digest, draft->key_digest, sizeof draft->key_digest);
    return RESULT_OK;
}

void shard_record_block_end(const struct shard *shard, uint32_t slot, enum change_cause cause,
                            struct record *record)
{
    const struct block *block = block_at(&shard->blocks, slot);

    record->kind = RECORD_BLOCK;
    record->block = (struct record_block){.block_id = block->id,
                                          .zone_id = shard_zone_at(shard, block->zone)->id,
                                          .kind = (enum block_kind)block->kind,
                                          .cause = cause,
                                          .expires_ms = block->expires_ms,
                                          .owner_id = block->owner_id};
}

static enum result decide_block_end(const struct shard *shard, uint32_t zone_number,
                                    const struct command *command, struct record *record)
{
    uint32_t slot = block_find(&shard->blocks, &command->zone_change.block_id);

    if (slot == HASH_INDEX_MISSING || block_at(&shard->blocks, slot)->zone != zone_number)
        return RESULT_NOT_FOUND;
    if (block_at(&shard->blocks, slot)->active)
        shard_record_block_end(shard, slot, CAUSE_RELEASED, record);
    return RESULT_OK;
}

/* --- capacity --- */

static enum result decide_capacity(const struct zone *zone, const struct command *command,
                                   struct record *record, struct refusal_detail *detail)
{
    uint32_t wanted = command->zone_change.total, used = zone_used(zone);
    bool fits = wanted >= used;

    if (zone->map)
        return RESULT_KIND_UNSUPPORTED;
    detail->requested = wanted;
    detail->held = used;
    detail->limit = CATALOG_ZONE_SEATS_MAX;
    if (wanted > CATALOG_ZONE_SEATS_MAX)
        return RESULT_QUANTITY_INVALID;
    if (!fits && !command->zone_change.drain)
        return RESULT_CAPACITY_BELOW_SOLD;
    uint32_t total = fits ? wanted : used;
    if (total == zone->total && wanted == zone->target)
        return RESULT_OK;
    record->kind = RECORD_ZONE_CHANGED;
    record->zone_changed =
        (struct record_zone_changed){.zone_id = zone->id,
                                     .cause = fits ? CAUSE_CAPACITY : CAUSE_DRAIN,
                                     .total = total,
                                     .target = wanted,
                                     .closed = zone->closed};
    return RESULT_OK;
}

/* --- sale --- */

static enum result decide_sale(const struct zone *zone, const struct command *command,
                               struct record *record)
{
    bool closed = command->zone_change.closed;

    if (closed == zone->closed)
        return RESULT_OK;
    record->kind = RECORD_ZONE_CHANGED;
    record->zone_changed =
        (struct record_zone_changed){.zone_id = zone->id,
                                     .cause = closed ? CAUSE_CLOSED : CAUSE_REOPENED,
                                     .total = zone->total,
                                     .target = zone->target,
                                     .closed = closed};
    return RESULT_OK;
}

enum result shard_decide_zone(struct shard *shard, const struct command *command,
                              struct record *record, struct refusal_facts *refusal)
{
    uint32_t number = shard_zone_number(shard, &command->zone_change.zone_id);

    refusal->detail = (struct refusal_detail){0};
    if (number == HASH_INDEX_MISSING)
        return RESULT_NOT_FOUND;
    const struct zone *zone = shard_zone_at(shard, number);
    if (!shard_may_manage(shard, &command->actor, zone))
        return RESULT_NOT_FOUND;
    switch (command->kind) {
    case COMMAND_BLOCK_CREATE:
        return decide_block_create(shard, zone, command, record, refusal);
    case COMMAND_BLOCK_END:
        return decide_block_end(shard, number, command, record);
    case COMMAND_CAPACITY:
        return decide_capacity(zone, command, record, &refusal->detail);
    case COMMAND_ZONE_SALE:
        return decide_sale(zone, command, record);
    default:
        assert(false && "a command on a zone");
        return RESULT_NOT_FOUND;
    }
}
