#include "replay_fold.h"

/* Keys are not asked for here, so they need not be kept long. */
enum { FOLD_IDEMPOTENCY_MS = 1000, FOLD_TTL_MS = 600000 };

bool replay_fold_init(struct replay_fold *fold, uint32_t max_per_order)
{
    *fold = (struct replay_fold){0};
    partition_map_init(&fold->partitions, 1);
    const struct shard_options options = {.index = 0,
                                          .partitions = &fold->partitions,
                                          .reservation_ttl_ms = FOLD_TTL_MS,
                                          .max_per_order = max_per_order,
                                          .idempotency_ms = FOLD_IDEMPOTENCY_MS};
    fold->shard = shard_new(&options);
    return fold->shard != NULL;
}

void replay_fold_release(struct replay_fold *fold)
{
    if (fold->shard != NULL)
        shard_free(fold->shard);
    fold->shard = NULL;
}

static bool put_event(struct shard *shard, const struct record *record)
{
    struct catalog_event *event = catalog_event_new(&record->event);
    if (event == NULL)
        return false;
    if (shard_put_event(shard, event))
        return true;
    catalog_event_release(event);
    return false;
}

static bool put_show(struct shard *shard, const struct record *record)
{
    struct catalog_show *show = catalog_show_new(&record->show);
    if (show == NULL)
        return false;
    if (shard_put_show(shard, show))
        return true;
    catalog_show_release(show);
    return false;
}

static bool put_zone(struct shard *shard, const struct record *record)
{
    /* A new version of a zone goes on with the counters of the one before. */
    const struct catalog_zone *known = catalog_zone(shard_catalog(shard), &record->zone.id);
    struct catalog_zone draft = record->zone;
    draft.counters = known != NULL ? known->counters : NULL;
    struct catalog_zone *zone = catalog_zone_new(&draft);
    if (zone == NULL)
        return false;
    if (shard_put_zone(shard, zone))
        return true;
    catalog_zone_release(zone);
    return false;
}

static bool put_station(struct shard *shard, const struct record *record)
{
    struct catalog_station *station = catalog_station_new(&record->station);
    if (station == NULL)
        return false;
    if (shard_put_station(shard, station))
        return true;
    catalog_station_release(station);
    return false;
}

static bool put_route(struct shard *shard, const struct record *record)
{
    struct catalog_route *route = catalog_route_new(&record->route);
    if (route == NULL)
        return false;
    if (shard_put_route(shard, route))
        return true;
    catalog_route_release(route);
    return false;
}

enum shard_replay_result replay_fold_apply(struct replay_fold *fold, const struct record *record)
{
    bool good = true;
    enum shard_replay_result result = SHARD_REPLAY_OK;
    switch (record->kind) {
    case RECORD_EVENT:
        good = put_event(fold->shard, record);
        break;
    case RECORD_SHOW:
        good = put_show(fold->shard, record);
        break;
    case RECORD_ZONE:
        good = put_zone(fold->shard, record);
        break;
    case RECORD_STATION:
        good = put_station(fold->shard, record);
        break;
    case RECORD_ROUTE:
        good = put_route(fold->shard, record);
        break;
    case RECORD_STATE: /* of the shard that wrote it: this one has all partitions */
    case RECORD_CLEAN_STOP:
        break;
    default:
        result = shard_replay(fold->shard, record);
        break;
    }
    if (!good)
        result = SHARD_REPLAY_OUT_OF_MEMORY;
    if (result == SHARD_REPLAY_OK) {
        fold->records++;
        shard_forget(fold->shard, record->stamp_ms);
    }
    return result;
}
