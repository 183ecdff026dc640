/* Applying records from the disk to the home role: the tickets a user holds. Every fact is checked
 * before it is used. */
#include <assert.h>

#include "shard.h"
#include "shard_state.h"

static enum shard_replay_result count_tickets(struct shard *shard, const struct uuid *user_id,
                                              const struct uuid *zone_id, uint32_t tickets)
{
    const struct catalog_zone *zone = catalog_zone(shard->catalog, zone_id);
    if (!zone)
        return SHARD_REPLAY_UNKNOWN_ZONE;
    uint32_t event = catalog_event_number(shard->catalog, &zone->event_id);
    struct quota_entry *entry = quota_open(&shard->quotas, user_id, event);
    if (!entry)
        return SHARD_REPLAY_OUT_OF_MEMORY;
    if (entry->tickets + (uint64_t)tickets > QUOTA_TICKETS_MAX)
        return SHARD_REPLAY_BAD_STATE;
    entry->tickets = (entry->tickets + tickets) & QUOTA_TICKETS_MAX;
    return SHARD_REPLAY_OK;
}

static enum shard_replay_result give_back(struct shard *shard, const struct uuid *user_id,
                                          const struct uuid *zone_id, uint32_t tickets)
{
    const struct catalog_zone *zone = catalog_zone(shard->catalog, zone_id);
    if (!zone)
        return SHARD_REPLAY_UNKNOWN_ZONE;
    return shard_quota_return(shard, user_id, &zone->event_id, tickets) ? SHARD_REPLAY_OK
                                                                        : SHARD_REPLAY_BAD_STATE;
}

static enum shard_replay_result replay_reserved_at_home(struct shard *shard,
                                                        const struct record *record)
{
    const struct record_reserved *reserved = &record->reserved;

    if (!shard_is_home_of(shard, &reserved->user_id))
        return SHARD_REPLAY_OK;
    return count_tickets(shard, &reserved->user_id, &reserved->zone_id, reserved->quantity);
}

static enum shard_replay_result replay_settled_at_home(struct shard *shard,
                                                       const struct record *record)
{
    const struct record_settled *settled = &record->settled;

    if (record->kind != RECORD_CANCELLED || !shard_is_home_of(shard, &settled->user_id))
        return SHARD_REPLAY_OK;
    return give_back(shard, &settled->user_id, &settled->zone_id, settled->quantity);
}

static enum shard_replay_result replay_changed_at_home(struct shard *shard,
                                                       const struct record *record)
{
    const struct record_changed *changed = &record->changed;
    const struct uuid *user_id;
    enum shard_replay_result result = SHARD_REPLAY_OK;

    if (changed->quantity > changed->previous_quantity)
        return SHARD_REPLAY_BAD_STATE;
    uint32_t returned = record_changed_returns(changed, &user_id);
    if (returned > 0 && shard_is_home_of(shard, user_id))
        result = give_back(shard, user_id, &changed->zone_id, returned);
    if (result == SHARD_REPLAY_OK && changed->cause == CAUSE_TRANSFERRED &&
        shard_is_home_of(shard, &changed->user_id))
        result = count_tickets(shard, &changed->user_id, &changed->zone_id, changed->quantity);
    return result;
}

static enum shard_replay_result replay_expired_at_home(struct shard *shard,
                                                       const struct record *record)
{
    const struct record_expired *expired = &record->expired;

    for (uint32_t i = 0; i < expired->count; i++) {
        const struct record_expired_item *item = &expired->items[i];
        if (!shard_is_home_of(shard, &item->user_id))
            continue;
        enum shard_replay_result result =
            give_back(shard, &item->user_id, &expired->zone_id, item->quantity);
        if (result != SHARD_REPLAY_OK)
            return result;
    }
    return SHARD_REPLAY_OK;
}

enum shard_replay_result shard_replay_home(struct shard *shard, const struct record *record)
{
    if (!shard_replay_order(shard, record))
        return SHARD_REPLAY_BAD_STATE;
    switch (record->kind) {
    case RECORD_RESERVED:
        return replay_reserved_at_home(shard, record);
    case RECORD_EXPIRED:
        return replay_expired_at_home(shard, record);
    case RECORD_CONFIRMED:
    case RECORD_CANCELLED:
        return replay_settled_at_home(shard, record);
    case RECORD_CHANGED:
        return replay_changed_at_home(shard, record);
    default:
        return SHARD_REPLAY_OK;
    }
}
