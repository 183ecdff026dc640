/* Zones and bookings are looked up by id; everything else is appended in the
 * order of the log. Nothing of a record is written before all of it is checked,
 * so an impossible record leaves the batch whole. */
#include "mirror_batch.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../engine/hash.h"
#include "mirror_batch_private.h"

enum { MIRROR_BOOKINGS_CAPACITY_MIN = 1024, MIRROR_BATCH_BOOKINGS_MAX = 1 << 24 };

static uint64_t hash_of(const void *table, uint32_t slot)
{
    const struct mirror_batch *batch = table;
    return hash_uuid(&batch->bookings[slot].id);
}

static bool match(const void *table, uint32_t slot, const void *key)
{
    const struct mirror_batch *batch = table;
    return uuid_equal(&batch->bookings[slot].id, key);
}

bool mirror_batch_init(struct mirror_batch *batch, struct mirror_zones *zones)
{
    *batch = (struct mirror_batch){.zones = zones};
    for (int table = 0; table < MIRROR_TABLE_COUNT; table++)
        replay_buffer_init(&batch->tables[table].copy);
    replay_buffer_init(&batch->seats);
    return hash_index_init(&batch->by_id, MIRROR_BATCH_BOOKINGS_MAX, batch, match, hash_of);
}

void mirror_batch_release(struct mirror_batch *batch)
{
    for (int table = 0; table < MIRROR_TABLE_COUNT; table++)
        replay_buffer_release(&batch->tables[table].copy);
    hash_index_release(&batch->by_id);
    replay_buffer_release(&batch->seats);
    free(batch->bookings);
    *batch = (struct mirror_batch){0};
}

bool mirror_batch_reset(struct mirror_batch *batch, uint32_t epoch, const uint64_t *positions,
                        uint16_t shard_count)
{
    mirror_zones_settle(batch->zones);
    for (int table = 0; table < MIRROR_TABLE_COUNT; table++) {
        replay_buffer_reset(&batch->tables[table].copy);
        copy_begin(&batch->tables[table].copy);
        batch->tables[table].count = 0;
    }
    replay_buffer_reset(&batch->seats);
    memset(batch->spans, 0, sizeof batch->spans);
    for (uint16_t shard = 0; shard < shard_count; shard++)
        batch->spans[shard].after = batch->spans[shard].through = positions[shard];
    batch->epoch = epoch;
    batch->records = batch->rows = batch->booking_count = 0;
    batch->first_ms = batch->last_ms = 0;
    hash_index_release(&batch->by_id);
    return hash_index_init(&batch->by_id, MIRROR_BATCH_BOOKINGS_MAX, batch, match, hash_of);
}

struct mirror_booking *mirror_batch_find(const struct mirror_batch *batch, const struct uuid *id)
{
    const uint32_t slot = hash_index_find(&batch->by_id, hash_uuid(id), id);
    return slot == HASH_INDEX_MISSING ? NULL : &batch->bookings[slot];
}

bool mirror_batch_grow(struct mirror_batch *batch, uint32_t more)
{
    if (batch->booking_capacity - batch->booking_count >= more)
        return true;
    const uint32_t capacity =
        batch->booking_capacity > 0 ? batch->booking_capacity * 2 : MIRROR_BOOKINGS_CAPACITY_MIN;
    if (capacity > MIRROR_BATCH_BOOKINGS_MAX)
        return false;
    struct mirror_booking *bookings = realloc(batch->bookings, capacity * sizeof *bookings);
    if (bookings == NULL)
        return false;
    batch->bookings = bookings;
    batch->booking_capacity = capacity;
    return true;
}

bool mirror_batch_keep(struct mirror_batch *batch, const struct mirror_booking *booking)
{
    const uint32_t slot = batch->booking_count;
    assert(slot < batch->booking_capacity && batch->bookings != NULL);
    batch->bookings[slot] = *booking;
    if (!hash_index_insert(&batch->by_id, hash_uuid(&booking->id), slot))
        return false;
    batch->booking_count++;
    batch->rows++;
    return true;
}

enum mirror_batch_result mirror_batch_impossible(struct mirror_batch *batch, const char *what,
                                                 const struct uuid *id)
{
    char text[UUID_TEXT_LENGTH + 1] = {0};
    (void)uuid_format(id, text);
    (void)snprintf(batch->error, sizeof batch->error, "%s %s", what, text);
    return MIRROR_BATCH_IMPOSSIBLE;
}

void mirror_batch_count(struct mirror_batch *batch, enum mirror_table table)
{
    batch->tables[table].count++;
    batch->rows++;
}

/* --- catalog --- */

static enum mirror_batch_result add_catalog(struct mirror_batch *batch,
                                            const struct mirror_origin *origin,
                                            const struct record *record)
{
    enum mirror_table table = MIRROR_EVENTS;
    bool trip = false;
    if (record->kind == RECORD_SHOW) {
        if (record->show.segment_count > 1 &&
            !mirror_zones_put_trip(batch->zones, &record->show.id))
            return MIRROR_BATCH_OUT_OF_MEMORY;
        mirror_batch_add_stops(batch, record);
        table = MIRROR_SHOWS;
    }
    if (record->kind == RECORD_ZONE) {
        struct mirror_zone facts = {.id = record->zone.id,
                                    .show_id = record->zone.show_id,
                                    .event_id = record->zone.event_id};
        memcpy(facts.currency, record->zone.currency, sizeof facts.currency);
        facts.trip = trip = mirror_zones_is_trip(batch->zones, &facts.show_id);
        if (!mirror_zones_put(batch->zones, &facts))
            return MIRROR_BATCH_OUT_OF_MEMORY;
        const enum mirror_batch_result result = mirror_batch_add_seats(batch, record);
        if (result != MIRROR_BATCH_OK)
            return result;
        table = MIRROR_ZONES;
    }
    mirror_row_catalog(&batch->tables[table].copy, record, trip);
    mirror_batch_count(batch, table);
    mirror_row_catalog_history(&batch->tables[MIRROR_OUTBOX].copy,
                               &batch->tables[MIRROR_AUDIT].copy, origin, record);
    mirror_batch_count(batch, MIRROR_OUTBOX);
    mirror_batch_count(batch, MIRROR_AUDIT);
    return MIRROR_BATCH_OK;
}

/* --- records --- */

static enum mirror_batch_result add(struct mirror_batch *batch, const struct mirror_origin *origin,
                                    const struct record *record)
{
    switch (record->kind) {
    case RECORD_EVENT:
    case RECORD_SHOW:
    case RECORD_ZONE:
        return add_catalog(batch, origin, record);
    case RECORD_RESERVED:
        return mirror_batch_add_reserved(batch, origin, record);
    case RECORD_CONFIRMED:
    case RECORD_CANCELLED:
        return mirror_batch_add_settled(batch, origin, record);
    case RECORD_EXPIRED:
        return mirror_batch_add_expired(batch, origin, record);
    case RECORD_STATION:
    case RECORD_ROUTE:
    case RECORD_CHANGED:
    case RECORD_BLOCK:
    case RECORD_ZONE_CHANGED:
    case RECORD_ORDER:
        return mirror_batch_add_inventory(batch, origin, record);
    case RECORD_STATE:
    case RECORD_CLEAN_STOP:
        return MIRROR_BATCH_OK; /* says nothing about any row */
    }
    (void)snprintf(batch->error, sizeof batch->error, "a record of unknown kind %d",
                   (int)record->kind);
    return MIRROR_BATCH_IMPOSSIBLE;
}

enum mirror_batch_result mirror_batch_add(struct mirror_batch *batch, uint16_t shard,
                                          const struct record *record)
{
    struct mirror_span *span = &batch->spans[shard];
    if (record->sequence != span->through + 1) {
        (void)snprintf(batch->error, sizeof batch->error, "sequence %" PRIu64 " follows %" PRIu64,
                       record->sequence, span->through);
        return MIRROR_BATCH_IMPOSSIBLE;
    }
    const struct mirror_origin origin = {.epoch = batch->epoch,
                                         .shard = shard,
                                         .sequence = record->sequence,
                                         .stamp_ms = record->stamp_ms,
                                         .actor = record->actor};
    const enum mirror_batch_result result = add(batch, &origin, record);
    if (result != MIRROR_BATCH_OK)
        return result;
    span->through = record->sequence;
    span->stamp_ms = record->stamp_ms;
    batch->records++;
    if (batch->first_ms == 0 || record->stamp_ms < batch->first_ms)
        batch->first_ms = record->stamp_ms;
    if (record->stamp_ms > batch->last_ms)
        batch->last_ms = record->stamp_ms;
    return MIRROR_BATCH_OK;
}

/* A reservation from before the batch that ended, with nothing else of note. */
static bool plain_end(const struct mirror_booking *booking)
{
    return !booking->whole && booking->before_known && booking->status_before == BOOKING_RESERVED &&
           (booking->confirmed_ms == 0 || booking->ended_ms == 0);
}

static void seal_booking(struct mirror_batch *batch, const struct mirror_booking *booking)
{
    enum mirror_table table = MIRROR_CHANGED;
    if (booking->fresh) {
        table = MIRROR_BOOKINGS;
        mirror_row_booking(&batch->tables[table].copy, batch->epoch, booking, batch->seats.bytes);
    } else if (plain_end(booking)) {
        table = MIRROR_SETTLED;
        mirror_row_settled(&batch->tables[table].copy, booking);
    } else {
        mirror_row_changed(&batch->tables[table].copy, booking, batch->seats.bytes);
    }
    batch->tables[table].count++;
    if (!booking->counted)
        return;
    struct mirror_rows *counted = &batch->tables[MIRROR_COUNTED];
    copy_row(&counted->copy, 1);
    copy_uuid(&counted->copy, &booking->id);
    counted->count++;
}

static void seal_zone(struct mirror_batch *batch, const struct mirror_zone *zone)
{
    const bool recount = zone->recount || zone->resized;
    struct mirror_rows *rows = &batch->tables[recount ? MIRROR_RECOUNTS : MIRROR_ZONE_CHANGES];
    if (recount)
        mirror_row_recount(&rows->copy, zone);
    else
        mirror_row_zone_change(&rows->copy, zone);
    rows->count++;
    batch->rows++;
}

bool mirror_batch_seal(struct mirror_batch *batch)
{
    for (uint32_t i = 0; i < batch->booking_count; i++)
        seal_booking(batch, &batch->bookings[i]);
    for (uint32_t i = 0; i < batch->zones->changed_count; i++)
        seal_zone(batch, &batch->zones->items[batch->zones->changed[i]]);
    bool good = !batch->seats.failed;
    for (int table = 0; table < MIRROR_TABLE_COUNT; table++) {
        copy_end(&batch->tables[table].copy);
        good = good && !batch->tables[table].copy.failed;
    }
    return good;
}
