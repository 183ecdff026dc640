/* Zones and bookings are looked up by id; everything else is appended in the
 * order of the log. Nothing of a record is written before all of it is checked,
 * so an impossible record leaves the batch whole. */
#include "mirror_batch.h"

#include "mirror_batch_private.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { MIRROR_BOOKINGS_CAPACITY_MIN = 1024, MIRROR_BATCH_BOOKINGS_MAX = 1 << 24 };

static uint64_t id_hash(const struct uuid *id)
{
    return XXH3_64bits(id->bytes, sizeof id->bytes);
}

static uint64_t hash_of(const void *table, uint32_t slot)
{
    const struct mirror_batch *batch = table;
    return id_hash(&batch->bookings[slot].id);
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
    const uint32_t slot = hash_index_find(&batch->by_id, id_hash(id), id);
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

/* The caller has made room with bookings_grow. False: out of memory. */
bool mirror_batch_keep(struct mirror_batch *batch, const struct mirror_booking *booking)
{
    const uint32_t slot = batch->booking_count;
    assert(slot < batch->booking_capacity && batch->bookings != NULL);
    batch->bookings[slot] = *booking;
    if (!hash_index_insert(&batch->by_id, id_hash(&booking->id), slot))
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

/* --- bookings --- */

static void add_history(struct mirror_batch *batch, const struct mirror_origin *origin,
                        const struct mirror_step *step)
{
    mirror_row_outbox(&batch->tables[MIRROR_OUTBOX].copy, origin, step);
    mirror_batch_count(batch, MIRROR_OUTBOX);
    mirror_row_audit(&batch->tables[MIRROR_AUDIT].copy, origin, step);
    mirror_batch_count(batch, MIRROR_AUDIT);
}

static int64_t places(enum booking_status status, enum booking_status counted, uint32_t quantity)
{
    return status == counted ? quantity : 0;
}

void mirror_batch_move(struct mirror_batch *batch, struct mirror_zone *zone,
                       const struct mirror_booking *booking, struct mirror_places from,
                       struct mirror_places to)
{
    if (booking->counted) {
        if (zone->recount)
            mirror_zones_change(batch->zones, zone, 0, 0, 0);
        return;
    }
    const int64_t reserved = places(to.status, BOOKING_RESERVED, to.quantity) -
                             places(from.status, BOOKING_RESERVED, from.quantity);
    const int64_t sold = places(to.status, BOOKING_CONFIRMED, to.quantity) -
                         places(from.status, BOOKING_CONFIRMED, from.quantity);
    mirror_zones_change(batch->zones, zone, -(reserved + sold), reserved, sold);
}

void mirror_batch_put_seats(struct mirror_batch *batch, struct mirror_booking *booking,
                            const uint32_t *seats, uint32_t count)
{
    booking->seats_at = batch->seats.length;
    booking->seat_count = count;
    replay_buffer_append(&batch->seats, seats, count * sizeof *seats);
}

static enum mirror_batch_result add_reserved(struct mirror_batch *batch,
                                             const struct mirror_origin *origin,
                                             const struct record *record)
{
    const struct record_reserved *reserved = &record->reserved;
    struct mirror_zone *zone = mirror_zones_find(batch->zones, &reserved->zone_id);
    if (zone == NULL)
        return mirror_batch_impossible(batch, "a reservation in the unknown zone",
                                       &reserved->zone_id);
    if (mirror_batch_find(batch, &reserved->booking_id) != NULL)
        return mirror_batch_impossible(batch, "a second reservation with the id",
                                       &reserved->booking_id);
    struct mirror_booking booking = {
        .fresh = true,
        .counted = zone->trip,
        .status = BOOKING_RESERVED,
        .id = reserved->booking_id,
        .user_id = reserved->user_id,
        .zone_id = reserved->zone_id,
        .show_id = zone->show_id,
        .event_id = zone->event_id,
        .quantity = reserved->quantity,
        .from_segment = reserved->from_segment,
        .to_segment = reserved->to_segment,
        .unit_price_minor = reserved->unit_price_minor,
        .currency = {zone->currency[0], zone->currency[1], zone->currency[2], '\0'},
        .reserved_ms = record->stamp_ms,
        .updated_ms = record->stamp_ms,
        .block_id = reserved->block_id,
        .order = reserved->order,
        .expires_ms = record->stamp_ms + reserved->ttl_ms,
        .key_hash = record->key.hash,
        .shard = origin->shard,
        .sequence = record->sequence};
    if (reserved->seat_count > 0)
        mirror_batch_put_seats(batch, &booking, reserved->seats, reserved->seat_count);
    if (!mirror_batch_grow(batch, 1) || !mirror_batch_keep(batch, &booking))
        return MIRROR_BATCH_OUT_OF_MEMORY;
    mirror_batch_move(batch, zone, &booking, (struct mirror_places){BOOKING_EXPIRED, 0},
                      (struct mirror_places){BOOKING_RESERVED, reserved->quantity});
    const struct mirror_step step = {.status = BOOKING_RESERVED,
                                     .item = 1,
                                     .booking_id = reserved->booking_id,
                                     .user_id = reserved->user_id,
                                     .zone = zone,
                                     .quantity = reserved->quantity,
                                     .unit_price_minor = reserved->unit_price_minor,
                                     .expires_ms = booking.expires_ms,
                                     .remaining = reserved->remaining};
    add_history(batch, origin, &step);
    return MIRROR_BATCH_OK;
}

/* Checks one end of a reservation without changing anything. */
static enum mirror_batch_result end_check(struct mirror_batch *batch,
                                          const struct mirror_step *step)
{
    const struct mirror_booking *booking = mirror_batch_find(batch, &step->booking_id);
    if (booking == NULL)
        return MIRROR_BATCH_OK; /* from before: PostgreSQL will check it */
    const bool exchanged = step->status == BOOKING_CANCELLED && step->cause == CAUSE_EXCHANGED;
    if (booking->status != BOOKING_RESERVED && !(exchanged && booking->status == BOOKING_CONFIRMED))
        return mirror_batch_impossible(batch, "a second end of the booking", &step->booking_id);
    if (booking->quantity != step->quantity || !uuid_equal(&booking->zone_id, &step->zone->id))
        return mirror_batch_impossible(batch, "another zone or quantity at the end of the booking",
                                       &step->booking_id);
    return MIRROR_BATCH_OK;
}

void mirror_batch_become(struct mirror_booking *booking, enum booking_status status,
                         uint64_t now_ms)
{
    if (status == BOOKING_CONFIRMED && booking->status != BOOKING_CONFIRMED)
        booking->confirmed_ms = now_ms;
    else if (status != BOOKING_RESERVED && status != BOOKING_CONFIRMED)
        booking->ended_ms = now_ms;
    booking->status = status;
    booking->updated_ms = now_ms;
}

static enum mirror_batch_result end_apply(struct mirror_batch *batch,
                                          const struct mirror_origin *origin,
                                          const struct mirror_step *step)
{
    struct mirror_booking *booking = mirror_batch_find(batch, &step->booking_id);
    if (booking == NULL) {
        /* What is exchanged away may have been confirmed: PostgreSQL knows. */
        const bool known = step->status == BOOKING_CONFIRMED || step->cause != CAUSE_EXCHANGED;
        struct mirror_booking older = {.id = step->booking_id,
                                       .zone_id = step->zone->id,
                                       .quantity = step->quantity,
                                       .quantity_before = step->quantity,
                                       .before_known = known,
                                       .status_before = BOOKING_RESERVED,
                                       .status = BOOKING_RESERVED,
                                       .counted = !known || step->zone->trip};
        memcpy(older.currency, step->zone->currency, sizeof older.currency);
        if (!mirror_batch_keep(batch, &older))
            return MIRROR_BATCH_OUT_OF_MEMORY;
        booking = &batch->bookings[batch->booking_count - 1];
    }
    mirror_batch_move(batch, step->zone, booking,
                      (struct mirror_places){booking->status, booking->quantity},
                      (struct mirror_places){step->status, step->quantity});
    mirror_batch_become(booking, step->status, origin->stamp_ms);
    if (step->status == BOOKING_CONFIRMED || !uuid_is_nil(&step->payment_id))
        booking->payment_id = step->payment_id;
    add_history(batch, origin, step);
    return MIRROR_BATCH_OK;
}

static enum mirror_batch_result add_settled(struct mirror_batch *batch,
                                            const struct mirror_origin *origin,
                                            const struct record *record)
{
    const struct record_settled *settled = &record->settled;
    const struct mirror_step step = {.status = record->kind == RECORD_CONFIRMED ? BOOKING_CONFIRMED
                                                                                : BOOKING_CANCELLED,
                                     .item = 1,
                                     .booking_id = settled->booking_id,
                                     .user_id = settled->user_id,
                                     .zone = mirror_zones_find(batch->zones, &settled->zone_id),
                                     .quantity = settled->quantity,
                                     .cause = settled->cause,
                                     .payment_id = settled->payment_id};
    if (step.zone == NULL)
        return mirror_batch_impossible(batch, "the end of a booking in the unknown zone",
                                       &settled->zone_id);
    const enum mirror_batch_result result = end_check(batch, &step);
    if (result != MIRROR_BATCH_OK)
        return result;
    return mirror_batch_grow(batch, 1) ? end_apply(batch, origin, &step)
                                       : MIRROR_BATCH_OUT_OF_MEMORY;
}

static bool named_before(const struct record_expired *expired, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++) {
        if (uuid_equal(&expired->items[i].booking_id, &expired->items[index].booking_id))
            return true;
    }
    return false;
}

static enum mirror_batch_result add_expired(struct mirror_batch *batch,
                                            const struct mirror_origin *origin,
                                            const struct record *record)
{
    const struct record_expired *expired = &record->expired;
    struct mirror_step step = {.status = BOOKING_EXPIRED,
                               .zone = mirror_zones_find(batch->zones, &expired->zone_id)};
    if (step.zone == NULL)
        return mirror_batch_impossible(batch, "an expiry in the unknown zone", &expired->zone_id);
    enum mirror_batch_result result = MIRROR_BATCH_OK;
    for (int applying = 0; applying <= 1; applying++) {
        for (uint32_t i = 0; i < expired->count && result == MIRROR_BATCH_OK; i++) {
            step.item = (uint16_t)(i + 1);
            step.booking_id = expired->items[i].booking_id;
            step.user_id = expired->items[i].user_id;
            step.quantity = expired->items[i].quantity;
            if (applying)
                result = end_apply(batch, origin, &step);
            else if (named_before(expired, i))
                result = mirror_batch_impossible(batch, "two ends in one record of the booking",
                                                 &step.booking_id);
            else
                result = end_check(batch, &step);
        }
        if (result == MIRROR_BATCH_OK && !mirror_batch_grow(batch, expired->count))
            result = MIRROR_BATCH_OUT_OF_MEMORY;
    }
    return result;
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
        return add_reserved(batch, origin, record);
    case RECORD_CONFIRMED:
    case RECORD_CANCELLED:
        return add_settled(batch, origin, record);
    case RECORD_EXPIRED:
        return add_expired(batch, origin, record);
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
