/* One loader for each section: it reads entries and collects them by the shard
 * they go to, a batch for each, so that the engine can load ahead. */
#include "snapshot_load.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../engine/logger.h"
#include "../engine/restore.h"
#include "../engine/shard_import.h"
#include "log_behind.h"
#include "snapshot_process.h"

struct zone_place {
    struct uuid id;
    uint16_t shard;
    uint32_t number;
};

struct batch {
    struct shard_booking_state bookings[SHARD_IMPORT_BATCH];
    uint32_t booking_count;
};

struct loader {
    const struct snapshot_file *file;
    struct shard *const *shards;
    const struct partition_map *partitions;
    bool same; /* the file has as many shards */
    uint16_t shard;
    int code;
    struct log_error error;
    struct snapshot_reader *reader;
    struct snapshot_entry entry;
    struct zone_place *zones; /* by their index in the section */
    uint32_t zone_count, zone_capacity;
    struct batch *batches; /* by shard */
    struct shard_key_state keys[SHARD_IMPORT_BATCH];
    uint32_t key_count;
    bool needs_object; /* the last key waits for its object */
};

static int impossible(struct loader *loader, enum shard_replay_result result)
{
    if (result == SHARD_REPLAY_OK)
        return 0;
    if (result == SHARD_REPLAY_OUT_OF_MEMORY)
        return log_error_set(&loader->error, SNAPSHOT_EXIT_MEMORY, NULL, "%s: out of memory",
                             loader->file->path);
    return log_error_set(&loader->error, LOG_EXIT_BUG, "RS", "%s: %s", loader->file->path,
                         shard_replay_result_name(result));
}

static int misplaced(struct loader *loader)
{
    return log_error_set(&loader->error, LOG_EXIT_BUG, "RS", "%s: an entry in a wrong section",
                         loader->file->path);
}

/* --- the catalog --- */

static int take_catalog(struct loader *loader)
{
    struct restore restore = {.shards = (struct shard **)(uintptr_t)loader->shards,
                              .partitions = loader->partitions};
    int got;
    int code =
        snapshot_reader_open(&loader->reader, loader->file, SNAPSHOT_CATALOG, &loader->error);
    while (code == 0 &&
           (got = snapshot_reader_next(loader->reader, &loader->entry, &loader->error)) != 0) {
        if (got < 0)
            code = -got;
        else if (loader->entry.kind != SNAPSHOT_RECORD)
            code = misplaced(loader);
        else
            code = impossible(loader, restore_record(&restore, &loader->entry.record));
    }
    if (code == 0)
        code = impossible(loader, restore_finish(&restore));
    snapshot_reader_close(loader->reader);
    loader->reader = NULL;
    return code;
}

/* --- the zone role --- */

static int flush_bookings(struct loader *loader, uint16_t shard)
{
    struct batch *batch = &loader->batches[shard];
    uint32_t count = batch->booking_count;
    batch->booking_count = 0;
    return count == 0 ? 0
                      : impossible(loader, shard_import_bookings(loader->shards[shard],
                                                                 batch->bookings, count));
}

static int take_zone(struct loader *loader)
{
    const struct shard_zone_state *zone = &loader->entry.zone;
    uint16_t shard = partition_shard_of(loader->partitions, &zone->id);
    if (loader->same && shard != loader->shard)
        return misplaced(loader);
    if (loader->zone_count == loader->zone_capacity) {
        uint32_t capacity = loader->zone_capacity ? 2 * loader->zone_capacity : 64;
        struct zone_place *more = realloc(loader->zones, capacity * sizeof *more);
        if (!more)
            return impossible(loader, SHARD_REPLAY_OUT_OF_MEMORY);
        loader->zones = more;
        loader->zone_capacity = capacity;
    }
    struct zone_place *place = &loader->zones[loader->zone_count++];
    place->id = zone->id;
    place->shard = shard;
    return impossible(loader, shard_import_zone(loader->shards[shard], zone, &place->number));
}

static int take_block(struct loader *loader)
{
    struct shard_block_state *block = &loader->entry.block;
    if (block->zone >= loader->zone_count)
        return impossible(loader, SHARD_REPLAY_UNKNOWN_ZONE);
    const struct zone_place *place = &loader->zones[block->zone];
    block->zone = place->number;
    block->record.zone_id = place->id;
    return impossible(loader, shard_import_block(loader->shards[place->shard], block));
}

static int take_zone_end(struct loader *loader)
{
    uint32_t index = loader->entry.zone_end.zone;
    if (index >= loader->zone_count)
        return impossible(loader, SHARD_REPLAY_UNKNOWN_ZONE);
    const struct zone_place *place = &loader->zones[index];
    int code = flush_bookings(loader, place->shard);
    shard_import_zone_end(loader->shards[place->shard], place->number,
                          loader->entry.zone_end.changes);
    return code;
}

static int take_booking(struct loader *loader)
{
    uint32_t index = loader->entry.booking.zone;
    if (index >= loader->zone_count)
        return impossible(loader, SHARD_REPLAY_UNKNOWN_ZONE);
    const struct zone_place *place = &loader->zones[index];
    struct batch *batch = &loader->batches[place->shard];
    struct shard_booking_state *booking = &batch->bookings[batch->booking_count++];
    memcpy(booking, &loader->entry.booking,
           offsetof(struct shard_booking_state, seats) +
               loader->entry.booking.seat_count * sizeof booking->seats[0]);
    booking->zone = place->number;
    return batch->booking_count == SHARD_IMPORT_BATCH ? flush_bookings(loader, place->shard) : 0;
}

/* --- the home role --- */

static void share_object(const struct shard_key_state *key)
{
    switch (key->kind) {
    case SHARD_KEY_EVENT:
        catalog_event_share(key->event);
        break;
    case SHARD_KEY_SHOW:
        catalog_show_share(key->show);
        break;
    case SHARD_KEY_ZONE:
        catalog_zone_share(key->zone);
        break;
    case SHARD_KEY_STATION:
        catalog_station_share(key->station);
        break;
    case SHARD_KEY_ROUTE:
        catalog_route_share(key->route);
        break;
    case SHARD_KEY_BOOKING:
    case SHARD_KEY_ANSWER:
        break;
    }
}

/* A key does not say whose it is, only its hash does. With another number of
 * shards every one gets it: nobody else's requests have that hash. */
static int flush_keys(struct loader *loader)
{
    enum shard_replay_result result = SHARD_REPLAY_OK;
    uint16_t count = loader->partitions->shard_count;
    for (uint16_t i = 1; !loader->same && i < count; i++)
        for (uint32_t j = 0; j < loader->key_count; j++)
            share_object(&loader->keys[j]);
    if (loader->same)
        result = shard_import_keys(loader->shards[loader->shard], loader->keys, loader->key_count);
    for (uint16_t i = 0; !loader->same && i < count; i++) {
        enum shard_replay_result one =
            shard_import_keys(loader->shards[i], loader->keys, loader->key_count);
        result = result == SHARD_REPLAY_OK ? one : result;
    }
    loader->key_count = 0;
    return impossible(loader, result);
}

static int take_order(struct loader *loader)
{
    const struct order *order = &loader->entry.order.order;
    uint16_t shard = partition_shard_of(loader->partitions, &order->user_id);
    if (loader->same && shard != loader->shard)
        return misplaced(loader);
    return impossible(loader, shard_import_order(loader->shards[shard], order));
}

static int take_key(struct loader *loader)
{
    const struct shard_key_state *key = &loader->entry.key;
    loader->keys[loader->key_count] = *key;
    loader->needs_object = key->kind != SHARD_KEY_BOOKING && key->kind != SHARD_KEY_ANSWER;
    if (loader->needs_object)
        return 0;
    loader->key_count++;
    /* A kept answer lies in the entry. */
    bool flush = key->kind == SHARD_KEY_ANSWER || loader->key_count == SHARD_IMPORT_BATCH;
    return flush ? flush_keys(loader) : 0;
}

static int take_object(struct loader *loader)
{
    const struct record *record = &loader->entry.record;
    struct shard_key_state *key = &loader->keys[loader->key_count];
    const struct catalog *catalog = shard_catalog(loader->shards[0]);
    if (!loader->needs_object)
        return misplaced(loader);
    if (key->kind == SHARD_KEY_EVENT && record->kind == RECORD_EVENT) {
        key->event = catalog_event_new(&record->event);
    } else if (key->kind == SHARD_KEY_SHOW && record->kind == RECORD_SHOW) {
        key->show = catalog_show_new(&record->show);
    } else if (key->kind == SHARD_KEY_ZONE && record->kind == RECORD_ZONE) {
        const struct catalog_zone *now = catalog_zone(catalog, &record->zone.id);
        struct catalog_zone draft = record->zone;
        const struct catalog_show *show = catalog_show(catalog, &record->zone.show_id);
        if (!show)
            return impossible(loader, SHARD_REPLAY_BAD_STATE);
        draft.segment_count = show->segment_count;
        draft.counters = now ? now->counters : NULL;
        key->zone = catalog_zone_new(&draft);
    } else if (key->kind == SHARD_KEY_STATION && record->kind == RECORD_STATION) {
        key->station = catalog_station_new(&record->station);
    } else if (key->kind == SHARD_KEY_ROUTE && record->kind == RECORD_ROUTE) {
        key->route = catalog_route_new(&record->route);
    } else {
        return misplaced(loader);
    }
    loader->needs_object = false;
    if (!key->event) /* whichever it is */
        return impossible(loader, SHARD_REPLAY_OUT_OF_MEMORY);
    loader->key_count++;
    return loader->key_count == SHARD_IMPORT_BATCH ? flush_keys(loader) : 0;
}

/* --- a section --- */

static int take_entry(struct loader *loader)
{
    if (loader->needs_object && loader->entry.kind != SNAPSHOT_RECORD)
        return misplaced(loader);
    switch (loader->entry.kind) {
    case SNAPSHOT_ZONE:
        return take_zone(loader);
    case SNAPSHOT_BOOKING:
        return take_booking(loader);
    case SNAPSHOT_KEY:
        return take_key(loader);
    case SNAPSHOT_RECORD:
        return take_object(loader);
    case SNAPSHOT_BLOCK:
        return take_block(loader);
    case SNAPSHOT_ZONE_END:
        return take_zone_end(loader);
    case SNAPSHOT_ORDER:
        return take_order(loader);
    }
    return misplaced(loader);
}

static int take_section(struct loader *loader, uint16_t section)
{
    int got;
    int code = snapshot_reader_open(&loader->reader, loader->file, section, &loader->error);
    while (code == 0 &&
           (got = snapshot_reader_next(loader->reader, &loader->entry, &loader->error)) != 0)
        code = got < 0 ? -got : take_entry(loader);
    if (code == 0 && loader->needs_object)
        code = misplaced(loader);
    for (uint16_t i = 0; code == 0 && i < loader->partitions->shard_count; i++)
        code = flush_bookings(loader, i);
    if (code == 0)
        code = flush_keys(loader);
    snapshot_reader_close(loader->reader);
    loader->reader = NULL;
    loader->zone_count = 0;
    return code;
}

static void loader_release(struct loader *loader)
{
    if (!loader)
        return;
    free(loader->zones);
    free(loader->batches);
    free(loader);
}

static struct loader *loader_new(const struct snapshot_file *file, struct shard *const *shards,
                                 const struct partition_map *partitions, uint16_t shard)
{
    struct loader *loader = calloc(1, sizeof *loader);
    if (!loader)
        return NULL;
    loader->file = file;
    loader->shards = shards;
    loader->partitions = partitions;
    loader->same = partitions->shard_count == file->cut.shard_count;
    loader->shard = shard;
    loader->batches = calloc(partitions->shard_count, sizeof *loader->batches);
    if (loader->batches)
        return loader;
    loader_release(loader);
    return NULL;
}

/* --- all of them --- */

static void *load_shard(void *context)
{
    struct loader *loader = context;
    assert(loader);
    loader->code = take_section(loader, snapshot_zone_section(loader->shard));
    if (loader->code == 0)
        loader->code = take_section(loader, snapshot_home_section(loader->shard));
    return NULL;
}

static void *settle_shard(void *context)
{
    struct loader *loader = context;
    assert(loader);
    loader->code =
        impossible(loader, shard_import_settle(loader->shards[loader->shard], loader->shards,
                                               loader->partitions->shard_count));
    return NULL;
}

/* Does the work for each loader, side by side if that is allowed; else one after the
 * other until one fails. The first failure. */
static int run_all(struct loader **loaders, uint16_t count, bool parallel, snapshot_work *work,
                   struct log_error *error)
{
    void *contexts[SHARD_COUNT_MAX] = {NULL};
    for (uint16_t i = 0; i < count; i++)
        contexts[i] = loaders[i];
    if (parallel)
        snapshot_side_by_side(work, contexts, count);
    for (uint16_t i = 0; i < count; i++) {
        assert(loaders[i]); /* load_sections made one for each */
        if (!parallel)
            work(contexts[i]);
        if (loaders[i]->code != 0) {
            *error = loaders[i]->error;
            return loaders[i]->code;
        }
    }
    return 0;
}

/* What the log behind it will bring comes on top. */
static void expect(const struct snapshot_file *file, struct shard *const *shards,
                   const struct partition_map *partitions)
{
    const struct snapshot_trailer *trailer = &file->trailer;
    uint16_t count = partitions->shard_count;
    bool same = file->cut.shard_count == count;
    uint64_t behind = log_behind_bytes(file->dir, &file->cut) / count;
    for (uint16_t i = 0; i < count; i++)
        shard_import_expect(shards[i], trailer->bookings / count + behind / LOG_BYTES_PER_BOOKING,
                            trailer->users / count,
                            trailer->keys / (same ? count : 1) + behind / LOG_BYTES_PER_KEY);
}

static int load_sections(const struct snapshot_file *file, struct shard *const *shards,
                         const struct partition_map *partitions, struct loader **loaders,
                         struct log_error *error)
{
    bool same = file->cut.shard_count == partitions->shard_count;
    uint16_t most = same ? partitions->shard_count : file->cut.shard_count;
    if (most < partitions->shard_count)
        most = partitions->shard_count;
    for (uint16_t i = 0; i < most; i++)
        if (!(loaders[i] = loader_new(file, shards, partitions, i))) {
            log_error_set(error, SNAPSHOT_EXIT_MEMORY, NULL, "out of memory");
            return SNAPSHOT_EXIT_MEMORY;
        }
    expect(file, shards, partitions);
    assert(loaders[0]); /* there is at least one shard */
    int code = take_catalog(loaders[0]);
    if (code != 0)
        *error = loaders[0]->error;
    if (code == 0)
        code = run_all(loaders, file->cut.shard_count, same, load_shard, error);
    if (code == 0)
        code = run_all(loaders, partitions->shard_count, true, settle_shard, error);
    return code;
}

int snapshot_load(const struct snapshot_file *file, struct shard *const *shards,
                  const struct partition_map *partitions, struct log_error *error)
{
    struct loader *loaders[SHARD_COUNT_MAX] = {NULL};
    int code = load_sections(file, shards, partitions, loaders, error);
    for (uint16_t i = 0; i < SHARD_COUNT_MAX; i++)
        loader_release(loaders[i]);
    return code;
}
