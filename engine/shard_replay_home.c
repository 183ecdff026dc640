/* Applying records from the disk to the home role: the tickets a user holds and
 * the keys that made them. Every fact is checked before it is used. */
#include <assert.h>

#include "shard.h"
#include "shard_state.h"

static struct idempotency_entry *open_key(struct shard *shard, const struct record *record)
{
    if (record->key.hash == 0)
        return NULL;
    if (idempotency_find(&shard->keys, record->key.hash, record->stamp_ms))
        return NULL; /* only a damaged log says it twice; the first stands */
    return idempotency_begin(&shard->keys, &record->key);
}

static void keep_booking_key(struct shard *shard, const struct record *record,
                             const struct uuid *booking_id, uint32_t remaining)
{
    struct idempotency_entry *entry = open_key(shard, record);
    if (!entry)
        return;
    entry->booking_id = *booking_id;
    entry->remaining = remaining;
    idempotency_accept(&shard->keys, entry, IDEMPOTENCY_BOOKING, COMMAND_RESERVE, record->stamp_ms);
}

void shard_remember_event(struct shard *shard, const struct record *record,
                          const struct catalog_event *event)
{
    struct idempotency_entry *entry = open_key(shard, record);
    if (!entry)
        return;
    entry->event = catalog_event_share(event);
    idempotency_accept(&shard->keys, entry, IDEMPOTENCY_EVENT, COMMAND_EVENT_CREATE,
                       record->stamp_ms);
}

void shard_remember_show(struct shard *shard, const struct record *record,
                         const struct catalog_show *show)
{
    struct idempotency_entry *entry = open_key(shard, record);
    if (!entry)
        return;
    entry->show = catalog_show_share(show);
    idempotency_accept(&shard->keys, entry, IDEMPOTENCY_SHOW, COMMAND_SHOW_CREATE,
                       record->stamp_ms);
}

void shard_remember_zone(struct shard *shard, const struct record *record,
                         const struct catalog_zone *zone)
{
    struct idempotency_entry *entry = open_key(shard, record);
    if (!entry)
        return;
    entry->zone = catalog_zone_share(zone);
    idempotency_accept(&shard->keys, entry, IDEMPOTENCY_ZONE, COMMAND_ZONE_CREATE,
                       record->stamp_ms);
}

void shard_remember_station(struct shard *shard, const struct record *record,
                            const struct catalog_station *station)
{
    struct idempotency_entry *entry = open_key(shard, record);
    if (!entry)
        return;
    entry->station = catalog_station_share(station);
    idempotency_accept(&shard->keys, entry, IDEMPOTENCY_STATION, COMMAND_STATION_CREATE,
                       record->stamp_ms);
}

void shard_remember_route(struct shard *shard, const struct record *record,
                          const struct catalog_route *route)
{
    struct idempotency_entry *entry = open_key(shard, record);
    if (!entry)
        return;
    entry->route = catalog_route_share(route);
    idempotency_accept(&shard->keys, entry, IDEMPOTENCY_ROUTE, COMMAND_ROUTE_CREATE,
                       record->stamp_ms);
}

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
    keep_booking_key(shard, record, &reserved->booking_id, reserved->remaining);
    return count_tickets(shard, &reserved->user_id, &reserved->zone_id, reserved->quantity);
}

static enum shard_replay_result replay_settled_at_home(struct shard *shard,
                                                       const struct record *record)
{
    const struct record_settled *settled = &record->settled;

    if (shard_is_home_of(shard, &record->actor.id))
        keep_booking_key(shard, record, &settled->booking_id, 0);
    if (record->kind != RECORD_CANCELLED || !shard_is_home_of(shard, &settled->user_id))
        return SHARD_REPLAY_OK;
    return give_back(shard, &settled->user_id, &settled->zone_id, settled->quantity);
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
    switch (record->kind) {
    case RECORD_RESERVED:
        return replay_reserved_at_home(shard, record);
    case RECORD_EXPIRED:
        return replay_expired_at_home(shard, record);
    case RECORD_CONFIRMED:
    case RECORD_CANCELLED:
        return replay_settled_at_home(shard, record);
    default:
        return SHARD_REPLAY_OK;
    }
}
