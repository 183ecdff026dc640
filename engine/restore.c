#include "restore.h"

#include <assert.h>

static struct shard *home_of(const struct restore *restore, const struct uuid *user_id)
{
    return restore->shards[partition_shard_of(restore->partitions, user_id)];
}

static enum shard_replay_result restore_event(struct restore *restore, const struct record *record)
{
    struct catalog_event *event = catalog_event_new(&record->event);
    bool placed = event != NULL;

    for (uint16_t i = 0; placed && i < restore->partitions->shard_count; i++)
        placed = shard_put_event(restore->shards[i], catalog_event_share(event));
    if (placed)
        shard_remember_event(home_of(restore, &record->actor.id), record, event);
    catalog_event_release(event);
    return placed ? SHARD_REPLAY_OK : SHARD_REPLAY_OUT_OF_MEMORY;
}

static enum shard_replay_result restore_show(struct restore *restore, const struct record *record)
{
    if (!catalog_event(shard_catalog(restore->shards[0]), &record->show.event_id) ||
        record->show.segment_count < 1 || record->show.segment_count > CATALOG_SEGMENTS_MAX)
        return SHARD_REPLAY_BAD_STATE;
    struct catalog_show *show = catalog_show_new(&record->show);
    bool placed = show != NULL;

    for (uint16_t i = 0; placed && i < restore->partitions->shard_count; i++)
        placed = shard_put_show(restore->shards[i], catalog_show_share(show));
    if (placed)
        shard_remember_show(home_of(restore, &record->actor.id), record, show);
    catalog_show_release(show);
    return placed ? SHARD_REPLAY_OK : SHARD_REPLAY_OUT_OF_MEMORY;
}

static enum shard_replay_result restore_zone(struct restore *restore, const struct record *record)
{
    if (!catalog_show(shard_catalog(restore->shards[0]), &record->zone.show_id))
        return SHARD_REPLAY_BAD_STATE;
    struct catalog_zone draft = record->zone;
    const struct catalog_zone *before =
        catalog_zone(shard_catalog(restore->shards[0]), &record->zone.id);
    draft.counters = before ? before->counters : NULL;
    struct catalog_zone *zone = catalog_zone_new(&draft);
    bool placed = zone != NULL;

    for (uint16_t i = 0; placed && i < restore->partitions->shard_count; i++)
        placed = shard_put_zone(restore->shards[i], catalog_zone_share(zone));
    if (placed)
        shard_remember_zone(home_of(restore, &record->actor.id), record, zone);
    catalog_zone_release(zone);
    return placed ? SHARD_REPLAY_OK : SHARD_REPLAY_OUT_OF_MEMORY;
}

enum shard_replay_result restore_record(struct restore *restore, const struct record *record)
{
    enum shard_replay_result result = SHARD_REPLAY_OK;

    restore->records++;
    if (record->stamp_ms > restore->stamp_ms)
        restore->stamp_ms = record->stamp_ms;
    switch (record->kind) {
    case RECORD_EVENT:
        return restore_event(restore, record);
    case RECORD_SHOW:
        return restore_show(restore, record);
    case RECORD_ZONE:
        return restore_zone(restore, record);
    case RECORD_RESERVED:
    case RECORD_CONFIRMED:
    case RECORD_CANCELLED:
    case RECORD_EXPIRED:
    case RECORD_CLEAN_STOP:
        break;
    }
    for (uint16_t i = 0; i < restore->partitions->shard_count && result == SHARD_REPLAY_OK; i++)
        result = shard_replay(restore->shards[i], record);
    return result;
}
