#include "restore.h"

#include <assert.h>

static uint16_t shard_of(const struct restore *restore, const struct uuid *id)
{
    return partition_shard_of(restore->partitions, id);
}

static enum shard_replay_result restore_event(struct restore *restore, const struct record *record)
{
    /* Times do not tell: a change may be of the millisecond that made it. */
    bool is_new = !catalog_event(shard_catalog(restore->shards[0]), &record->event.id);
    struct catalog_event *event = catalog_event_new(&record->event);
    bool placed = event != NULL;

    for (uint16_t i = 0; placed && i < restore->partitions->shard_count; i++) {
        placed = shard_put_event(restore->shards[i], catalog_event_share(event));
        if (!placed)
            catalog_event_release(event); /* that one is ours still */
    }
    if (placed)
        shard_remember_event(restore->shards[shard_of(restore, &record->actor.id)], record, event,
                             is_new);
    catalog_event_release(event);
    return placed ? SHARD_REPLAY_OK : SHARD_REPLAY_OUT_OF_MEMORY;
}

static enum shard_replay_result restore_station(struct restore *restore,
                                                const struct record *record)
{
    const struct catalog *catalog = shard_catalog(restore->shards[0]);
    const struct text *code = &record->station.code;
    const struct catalog_station *same =
        catalog_station_by_code(catalog, code->bytes, code->length);
    if (code->length == 0 || code->length > CATALOG_STATION_CODE_BYTES_MAX ||
        (same && !uuid_equal(&same->id, &record->station.id)))
        return SHARD_REPLAY_BAD_STATE;
    struct catalog_station *station = catalog_station_new(&record->station);
    bool placed = station != NULL;

    for (uint16_t i = 0; placed && i < restore->partitions->shard_count; i++) {
        placed = shard_put_station(restore->shards[i], catalog_station_share(station));
        if (!placed)
            catalog_station_release(station); /* that one is ours still */
    }
    if (placed)
        shard_remember_station(restore->shards[shard_of(restore, &record->actor.id)], record,
                               station);
    catalog_station_release(station);
    return placed ? SHARD_REPLAY_OK : SHARD_REPLAY_OUT_OF_MEMORY;
}

static bool route_is_possible(const struct catalog *catalog, const struct catalog_route *route)
{
    if (route->stop_count < 2 || route->stop_count > CATALOG_STOPS_MAX)
        return false;
    for (uint32_t i = 0; i < route->stop_count; i++)
        if (!catalog_station(catalog, &route->stations[i]))
            return false;
    return true;
}

static enum shard_replay_result restore_route(struct restore *restore, const struct record *record)
{
    if (!route_is_possible(shard_catalog(restore->shards[0]), &record->route))
        return SHARD_REPLAY_BAD_STATE;
    struct catalog_route *route = catalog_route_new(&record->route);
    bool placed = route != NULL;

    for (uint16_t i = 0; placed && i < restore->partitions->shard_count; i++) {
        placed = shard_put_route(restore->shards[i], catalog_route_share(route));
        if (!placed)
            catalog_route_release(route); /* that one is ours still */
    }
    if (placed)
        shard_remember_route(restore->shards[shard_of(restore, &record->actor.id)], record, route);
    catalog_route_release(route);
    return placed ? SHARD_REPLAY_OK : SHARD_REPLAY_OUT_OF_MEMORY;
}

/* Of a trip: its stops in themselves, and that its stations are known. */
static bool stops_are_possible(const struct catalog *catalog, const struct catalog_show *show)
{
    const struct catalog_show *before = catalog_show(catalog, &show->id);
    uint32_t at;

    if (before && before->stop_count != show->stop_count)
        return false;
    if (show->stop_count == 0)
        return true;
    if (show->segment_count + 1 != show->stop_count ||
        catalog_check_stops(show->stops, show->stop_count, &at) != CATALOG_STOPS_OK)
        return false;
    for (uint32_t i = 0; i < show->stop_count; i++)
        if (!catalog_station(catalog, &show->stops[i].station_id))
            return false;
    return true;
}

static enum shard_replay_result restore_show(struct restore *restore, const struct record *record)
{
    if (!catalog_event(shard_catalog(restore->shards[0]), &record->show.event_id) ||
        record->show.segment_count < 1 || record->show.segment_count > CATALOG_SEGMENTS_MAX ||
        !stops_are_possible(shard_catalog(restore->shards[0]), &record->show))
        return SHARD_REPLAY_BAD_STATE;
    struct catalog_show *show = catalog_show_new(&record->show);
    bool placed = show != NULL;

    for (uint16_t i = 0; placed && i < restore->partitions->shard_count; i++) {
        placed = shard_put_show(restore->shards[i], catalog_show_share(show));
        if (!placed)
            catalog_show_release(show); /* that one is ours still */
    }
    if (placed)
        shard_remember_show(restore->shards[shard_of(restore, &record->actor.id)], record, show);
    catalog_show_release(show);
    return placed ? SHARD_REPLAY_OK : SHARD_REPLAY_OUT_OF_MEMORY;
}

/* A general zone has no plan, a seated one has one of as many seats. */
static bool plan_is_possible(const struct catalog_zone *zone)
{
    enum seat_plan_error error;

    if (zone->kind != ZONE_SEATED)
        return zone->plan_length == 0;
    struct seat_plan *plan = seat_plan_decode(zone->plan_bytes, zone->plan_length, &error);
    bool fits = plan && plan->seat_count == zone->total_seats;
    seat_plan_free(plan);
    return fits || (!plan && error == SEAT_PLAN_OUT_OF_MEMORY);
}

static bool prices_are_possible(const struct catalog_zone *zone, const struct catalog_show *show)
{
    int64_t sum;

    if (zone->segment_price_count == 0)
        return true;
    return zone->segment_price_count == show->segment_count &&
           catalog_sum_prices(zone->segment_prices, zone->segment_price_count, &sum) &&
           sum == zone->price_minor;
}

static enum shard_replay_result restore_zone(struct restore *restore, const struct record *record)
{
    const struct catalog_show *show =
        catalog_show(shard_catalog(restore->shards[0]), &record->zone.show_id);
    if (!show || !plan_is_possible(&record->zone) || !prices_are_possible(&record->zone, show))
        return SHARD_REPLAY_BAD_STATE;
    struct catalog_zone draft = record->zone;
    draft.segment_count = show->segment_count;
    const struct catalog_zone *before =
        catalog_zone(shard_catalog(restore->shards[0]), &record->zone.id);
    draft.counters = before ? before->counters : NULL;
    struct catalog_zone *zone = catalog_zone_new(&draft);
    bool placed = zone != NULL;

    for (uint16_t i = 0; placed && i < restore->partitions->shard_count; i++) {
        placed = shard_put_zone(restore->shards[i], catalog_zone_share(zone));
        if (!placed)
            catalog_zone_release(zone); /* that one is ours still */
    }
    if (placed)
        shard_remember_zone(restore->shards[shard_of(restore, &record->actor.id)], record, zone);
    catalog_zone_release(zone);
    return placed ? SHARD_REPLAY_OK : SHARD_REPLAY_OUT_OF_MEMORY;
}

/* --- records about one booking --- */

static bool is_about_one_booking(enum record_kind kind)
{
    return kind == RECORD_RESERVED || kind == RECORD_CONFIRMED || kind == RECORD_CANCELLED;
}

/* The zone's shard and the homes of the booking's user and of who acted. */
static void find_concerned(const struct restore *restore, const struct record *record,
                           struct restore_waiting *waiting)
{
    bool is_reserve = record->kind == RECORD_RESERVED;
    const struct uuid *ids[3] = {is_reserve ? &record->reserved.zone_id : &record->settled.zone_id,
                                 is_reserve ? &record->reserved.user_id : &record->settled.user_id,
                                 &record->actor.id};

    int id_count = uuid_equal(ids[1], ids[2]) ? 2 : 3; /* it is mostly the user who acts */

    waiting->shard_count = 0;
    for (int i = 0; i < id_count; i++) {
        uint16_t shard = shard_of(restore, ids[i]);
        bool listed = false;
        for (uint32_t j = 0; j < waiting->shard_count; j++)
            listed = listed || waiting->shards[j] == shard;
        if (!listed)
            waiting->shards[waiting->shard_count++] = shard;
    }
}

static void unpack(const struct restore_waiting *waiting, struct record *record)
{
    record->kind = waiting->kind;
    record->sequence = waiting->sequence;
    record->stamp_ms = waiting->stamp_ms;
    record->actor = waiting->actor;
    record->key = waiting->key;
    if (waiting->kind == RECORD_RESERVED)
        record->reserved = waiting->reserved;
    else
        record->settled = waiting->settled;
}

static struct restore_waiting *waiting_at(struct restore *restore, uint32_t number)
{
    return &restore->waiting[number % RESTORE_AHEAD_MAX];
}

static void load_ahead(const struct restore *restore, const struct restore_waiting *waiting,
                       const struct record *record, enum shard_prefetch_step step)
{
    for (uint16_t i = 0; i < waiting->shard_count; i++)
        shard_prefetch_record(restore->shards[waiting->shards[i]], record, step);
}

static void hold_back(struct restore *restore, const struct record *record)
{
    struct restore_waiting *waiting = waiting_at(restore, restore->waiting_end++);

    waiting->kind = record->kind;
    waiting->sequence = record->sequence;
    waiting->stamp_ms = record->stamp_ms;
    waiting->actor = record->actor;
    waiting->key = record->key;
    if (record->kind == RECORD_RESERVED)
        waiting->reserved = record->reserved;
    else
        waiting->settled = record->settled;
    find_concerned(restore, record, waiting);
    load_ahead(restore, waiting, record, SHARD_PREFETCH_BUCKETS);
}

/* The entries of the records that came up to `end`. */
static void load_entries(struct restore *restore, uint32_t end)
{
    struct record record;

    for (; restore->waiting_entries != end; restore->waiting_entries++) {
        const struct restore_waiting *waiting = waiting_at(restore, restore->waiting_entries);
        unpack(waiting, &record);
        load_ahead(restore, waiting, &record, SHARD_PREFETCH_ENTRIES);
    }
}

/* When every role has the record: what its key's request was answered. */
static void remember(const struct restore *restore, const struct record *record)
{
    const struct uuid *zone_id = record_zone_id(record);

    if (record->key.hash != 0 && zone_id)
        shard_remember_answer(restore->shards[shard_of(restore, &record->actor.id)],
                              restore->shards[shard_of(restore, zone_id)], record);
    restore_remember_order(restore, record);
}

static enum shard_replay_result apply_one(struct restore *restore,
                                          const struct restore_waiting *waiting)
{
    enum shard_replay_result result = SHARD_REPLAY_OK;
    struct record record;

    unpack(waiting, &record);
    restore->failed_sequence = record.sequence;
    restore->failed_kind = record.kind;
    for (uint16_t i = 0; i < waiting->shard_count && result == SHARD_REPLAY_OK; i++)
        result = shard_replay(restore->shards[waiting->shards[i]], &record);
    if (result == SHARD_REPLAY_OK)
        remember(restore, &record);
    return result;
}

/* Until only so many wait. After a failure none does. */
static enum shard_replay_result apply_until(struct restore *restore, uint32_t left)
{
    enum shard_replay_result result = SHARD_REPLAY_OK;

    while (result == SHARD_REPLAY_OK && restore->waiting_end - restore->waiting_first > left)
        result = apply_one(restore, waiting_at(restore, restore->waiting_first++));
    if (result != SHARD_REPLAY_OK)
        restore->waiting_first = restore->waiting_entries = restore->waiting_end;
    return result;
}

enum shard_replay_result restore_finish(struct restore *restore)
{
    load_entries(restore, restore->waiting_end);
    return apply_until(restore, 0);
}

static enum shard_replay_result pass_through(struct restore *restore, const struct record *record)
{
    hold_back(restore, record);
    if (restore->waiting_end - restore->waiting_entries > RESTORE_AHEAD_ENTRIES)
        load_entries(restore, restore->waiting_end - RESTORE_AHEAD_ENTRIES);
    return apply_until(restore, RESTORE_AHEAD_MAX - 1);
}

/* --- all records --- */

static enum shard_replay_result apply_now(struct restore *restore, const struct record *record)
{
    enum shard_replay_result result = SHARD_REPLAY_OK;

    restore->failed_sequence = record->sequence;
    restore->failed_kind = record->kind;
    if (record->kind == RECORD_EVENT)
        return restore_event(restore, record);
    if (record->kind == RECORD_SHOW)
        return restore_show(restore, record);
    if (record->kind == RECORD_ZONE)
        return restore_zone(restore, record);
    if (record->kind == RECORD_STATION)
        return restore_station(restore, record);
    if (record->kind == RECORD_ROUTE)
        return restore_route(restore, record);
    for (uint16_t i = 0; i < restore->partitions->shard_count && result == SHARD_REPLAY_OK; i++)
        result = shard_replay(restore->shards[i], record);
    if (result == SHARD_REPLAY_OK)
        remember(restore, record);
    return result;
}

enum shard_replay_result restore_record(struct restore *restore, const struct record *record)
{
    restore->records++;
    if (record->stamp_ms > restore->stamp_ms)
        restore->stamp_ms = record->stamp_ms;
    if (is_about_one_booking(record->kind))
        return pass_through(restore, record);
    enum shard_replay_result result = restore_finish(restore);
    return result == SHARD_REPLAY_OK ? apply_now(restore, record) : result;
}

enum shard_replay_result restore_record_of(struct restore *restore, uint16_t shard,
                                           uint16_t shard_count, const struct record *record)
{
    enum shard_replay_result result = restore_record(restore, record);

    if (result != SHARD_REPLAY_OK || record->kind != RECORD_STATE ||
        shard_count != restore->partitions->shard_count)
        return result;
    restore->failed_sequence = record->sequence;
    restore->failed_kind = record->kind;
    return shard_replay_state(restore->shards[shard], record);
}

/* --- counts --- */

static void publish(const struct shard *shard, const struct shard_zone_counts *counts)
{
    struct zone_counters *counters = counts->counters;
    uint32_t pairs[SHARD_PAIRS_MAX];

    atomic_store(&counters->total, counts->total);
    atomic_store(&counters->available, counts->available);
    atomic_store(&counters->reserved, counts->reserved);
    atomic_store(&counters->sold, counts->sold);
    atomic_store(&counters->blocked, counts->blocked);
    atomic_store(&counters->closed, counts->closed);
    atomic_store(&counters->changes, counts->changes);
    if (!counters->pairs)
        return;
    uint32_t count = shard_zone_pairs(shard, counts->number, pairs);
    assert(count == counters->pair_count);
    for (uint32_t i = 0; i < count; i++)
        atomic_store(&counters->pairs[i], pairs[i]);
}

void restore_publish(const struct restore *restore)
{
    struct shard_zone_counts counts[64];
    uint32_t count;

    for (uint16_t i = 0; i < restore->partitions->shard_count; i++)
        while ((count = shard_take_changed_zones(restore->shards[i], counts, 64)) > 0)
            for (uint32_t j = 0; j < count; j++)
                publish(restore->shards[i], &counts[j]);
}
