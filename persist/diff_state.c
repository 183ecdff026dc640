#include "diff_state.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "replay_json.h"
#include "replay_record.h"

enum { DIFF_BOOKINGS_MIN = 4096, DIFF_BOOKINGS_MAX = 1 << 28 };

static uint64_t id_hash(const struct uuid *id)
{
    return XXH3_64bits(id->bytes, sizeof id->bytes);
}

static uint64_t hash_of(const void *table, uint32_t slot)
{
    const struct diff_state *state = table;
    return id_hash(&state->bookings[slot].id);
}

static bool match(const void *table, uint32_t slot, const void *key)
{
    const struct diff_state *state = table;
    return uuid_equal(&state->bookings[slot].id, key);
}

bool diff_state_init(struct diff_state *state, uint32_t max_per_order)
{
    *state = (struct diff_state){0};
    return replay_fold_init(&state->fold, max_per_order) &&
           hash_index_init(&state->by_id, DIFF_BOOKINGS_MAX, state, match, hash_of);
}

void diff_state_release(struct diff_state *state)
{
    hash_index_release(&state->by_id);
    replay_fold_release(&state->fold);
    free(state->bookings);
    state->bookings = NULL;
}

/* --- folding --- */

static bool remember(struct diff_state *state, uint32_t epoch, uint16_t shard,
                     const struct record *record)
{
    if (state->booking_count == state->booking_capacity) {
        const uint32_t capacity =
            state->booking_capacity > 0 ? state->booking_capacity * 2 : DIFF_BOOKINGS_MIN;
        if (capacity > DIFF_BOOKINGS_MAX)
            return false;
        struct diff_booking *bookings = realloc(state->bookings, capacity * sizeof *bookings);
        if (bookings == NULL)
            return false;
        state->bookings = bookings;
        state->booking_capacity = capacity;
    }
    const uint32_t slot = state->booking_count;
    state->bookings[slot] = (struct diff_booking){.id = record->reserved.booking_id,
                                                  .key_hash = record->key.hash,
                                                  .sequence = record->sequence,
                                                  .epoch = epoch,
                                                  .shard = shard,
                                                  .updated_ms = record->stamp_ms,
                                                  .block_id = record->reserved.block_id,
                                                  .from_segment = record->reserved.from_segment,
                                                  .to_segment = record->reserved.to_segment};
    if (!hash_index_insert(&state->by_id, hash_of(state, slot), slot))
        return false;
    state->booking_count++;
    return true;
}

/* The fold has found them all there. */
static void note_expired(struct diff_state *state, const struct record *record)
{
    for (uint32_t i = 0; i < record->expired.count; i++) {
        const struct uuid *id = &record->expired.items[i].booking_id;
        const uint32_t slot = hash_index_find(&state->by_id, id_hash(id), id);
        if (slot != HASH_INDEX_MISSING)
            state->bookings[slot].updated_ms = record->stamp_ms;
    }
}

enum shard_replay_result diff_state_apply(struct diff_state *state, uint32_t epoch, uint16_t shard,
                                          const struct record *record)
{
    const enum shard_replay_result result = replay_fold_apply(&state->fold, record);
    if (result != SHARD_REPLAY_OK)
        return result;
    if (record->kind == RECORD_RESERVED && !remember(state, epoch, shard, record))
        return SHARD_REPLAY_OUT_OF_MEMORY;
    if (record->kind == RECORD_EXPIRED)
        note_expired(state, record);
    const bool settled = record->kind == RECORD_CONFIRMED || record->kind == RECORD_CANCELLED;
    if (!settled && record->kind != RECORD_CHANGED)
        return SHARD_REPLAY_OK;
    const struct uuid *id = settled ? &record->settled.booking_id : &record->changed.booking_id;
    const uint32_t slot = hash_index_find(&state->by_id, id_hash(id), id);
    if (slot == HASH_INDEX_MISSING)
        return SHARD_REPLAY_UNKNOWN_BOOKING;
    const struct uuid *payment_id =
        settled ? &record->settled.payment_id : &record->changed.payment_id;
    const bool confirmed =
        settled ? record->kind == RECORD_CONFIRMED : record->changed.status == BOOKING_CONFIRMED;
    struct diff_booking *booking = &state->bookings[slot];
    booking->updated_ms = record->stamp_ms;
    if (!uuid_is_nil(payment_id))
        booking->payment_id = *payment_id;
    if (confirmed && booking->confirmed_ms == 0)
        booking->confirmed_ms = record->stamp_ms;
    return SHARD_REPLAY_OK;
}

/* --- fields --- */

static void field_end(struct diff_row *row)
{
    row->null[row->count] = false;
    row->ends[row->count++] = row->text.length;
}

static void field_null(struct diff_row *row)
{
    row->null[row->count] = true;
    row->ends[row->count++] = row->text.length;
}

static void field_string(struct diff_row *row, const char *text)
{
    replay_buffer_text(&row->text, text);
    field_end(row);
}

static void field_text(struct diff_row *row, const struct text *text)
{
    replay_text_clean(&row->text, text->bytes, text->length);
    field_end(row);
}

static void field_text_or_null(struct diff_row *row, const struct text *text)
{
    if (text->length == 0)
        field_null(row);
    else
        field_text(row, text);
}

static void field_number(struct diff_row *row, int64_t number)
{
    replay_buffer_format(&row->text, "%" PRId64, number);
    field_end(row);
}

static void field_uuid(struct diff_row *row, const struct uuid *id)
{
    if (uuid_is_nil(id)) {
        field_null(row);
        return;
    }
    char *at = replay_buffer_extend(&row->text, UUID_TEXT_LENGTH);
    if (at != NULL)
        (void)uuid_format(id, at);
    field_end(row);
}

/* Times are compared as microseconds since 1970, PostgreSQL's own grain. */
static void field_time(struct diff_row *row, uint64_t unix_ms)
{
    if (unix_ms == 0)
        field_null(row);
    else
        field_number(row, (int64_t)unix_ms * 1000);
}

static void field_amount(struct diff_row *row, replay_minor minor, const char *currency)
{
    replay_amount_text(&row->text, minor, replay_currency_decimals(currency));
    field_end(row);
}

/* --- rows --- */

#define US(column) "(extract(epoch FROM " column ") * 1000000)::bigint AS " column

static const struct table {
    const char *name;
    const char *select;
} tables[DIFF_TABLE_COUNT] = {
    [DIFF_EVENTS] =
        {"events",
         "SELECT id, tenant_id, organizer_id, title, slug, description, venue, city,"
         " image_url, status, " US("sale_start_at") ", " US("sale_end_at") ", max_per_user, " US(
             "created_at") ", " US("updated_at") " FROM "
                                                 "events"},
    [DIFF_SHOWS] = {"shows", "SELECT id, event_id, name, " US("show_date") ", segment_count, " US(
                                 "created_at") ", " US("updated_at") " FROM shows"},
    [DIFF_ZONES] = {"seat_zones",
                    "SELECT id, show_id, event_id, name, kind, price, currency, total_seats,"
                    " available_seats, reserved_seats, sold_seats, blocked_seats, target_seats, "
                    "closed::text, " US("created_at") ", " US("updated_at") " FROM seat_zones"},
    [DIFF_BOOKINGS] =
        {"bookings",
         "SELECT id, user_id, event_id, show_id, zone_id, quantity, from_segment,"
         " to_segment, unit_price, total_amount, currency, status, payment_id,"
         " " US("created_at") ", " US("reserved_at") ", " US("expires_at") ", " US(
             "confirmed_"
             "at") ", " US("cancelled_at") ", " US("expired_at") ", " US("refunded_at") ", "
                                                                                        "block_id,"
                                                                                        " " US("upd"
                                                                                               "ate"
                                                                                               "d_"
                                                                                               "at") ", "
                                                                                                     "idempotency_"
                                                                                                     "key_hash, "
                                                                                                     "log_epoch, "
                                                                                                     "log_shard, "
                                                                                                     "log_sequence"
                                                                                                     " FROM "
                                                                                                     "bookings"},
};

const char *diff_table_name(enum diff_table table)
{
    return tables[table].name;
}

const char *diff_table_select(enum diff_table table)
{
    return tables[table].select;
}

static bool event_row(const struct diff_state *state, const struct uuid *id, struct diff_row *row)
{
    const struct catalog_event *event = catalog_event(shard_catalog(state->fold.shard), id);
    if (event == NULL)
        return false;
    field_uuid(row, id);
    field_uuid(row, &event->tenant_id);
    field_uuid(row, &event->organizer_id);
    field_text(row, &event->title);
    field_text(row, &event->slug);
    field_text_or_null(row, &event->description);
    field_text_or_null(row, &event->venue);
    field_text_or_null(row, &event->city);
    field_text_or_null(row, &event->image_url);
    field_string(row, replay_event_status_name(event->status));
    field_time(row, event->sale_start_ms);
    field_time(row, event->sale_end_ms);
    field_number(row, event->max_per_user);
    field_time(row, event->created_ms);
    field_time(row, event->updated_ms);
    return true;
}

static bool show_row(const struct diff_state *state, const struct uuid *id, struct diff_row *row)
{
    const struct catalog_show *show = catalog_show(shard_catalog(state->fold.shard), id);
    if (show == NULL)
        return false;
    field_uuid(row, id);
    field_uuid(row, &show->event_id);
    field_text_or_null(row, &show->name);
    field_time(row, show->show_date_ms);
    field_number(row, show->segment_count);
    field_time(row, show->created_ms);
    field_time(row, show->updated_ms);
    return true;
}

static bool zone_row(const struct diff_state *state, const struct uuid *id, struct diff_row *row)
{
    const struct catalog_zone *zone = catalog_zone(shard_catalog(state->fold.shard), id);
    if (zone == NULL)
        return false;
    struct zone_facts facts;
    if (!shard_zone_facts(state->fold.shard, id, &facts))
        return false;
    const struct catalog_show *show =
        catalog_show(shard_catalog(state->fold.shard), &zone->show_id);
    const bool trip = show != NULL && show->segment_count > 1;
    field_uuid(row, id);
    field_uuid(row, &zone->show_id);
    field_uuid(row, &zone->event_id);
    field_text(row, &zone->name);
    field_string(row, replay_zone_kind_name(zone->kind));
    field_amount(row, zone->price_minor, zone->currency);
    field_string(row, zone->currency);
    field_number(row, facts.total);
    if (trip)
        field_null(row);
    else
        field_number(row, (int64_t)facts.total - facts.reserved - facts.sold - facts.blocked);
    field_number(row, facts.reserved);
    field_number(row, facts.sold);
    if (trip)
        field_null(row);
    else
        field_number(row, facts.blocked);
    field_number(row, facts.target);
    field_string(row, facts.closed ? "true" : "false");
    field_time(row, zone->created_ms);
    field_time(row, zone->updated_ms);
    return true;
}

/* Nothing follows the end of a booking. */
static void end_field(struct diff_row *row, const struct diff_booking *booking,
                      enum booking_status now, enum booking_status end)
{
    field_time(row, now == end ? booking->updated_ms : 0);
}

static bool booking_row(struct diff_state *state, const struct uuid *id, struct diff_row *row)
{
    struct booking_facts facts;
    uint32_t seat_count;
    const uint32_t slot = hash_index_find(&state->by_id, id_hash(id), id);
    if (slot == HASH_INDEX_MISSING ||
        !shard_booking(state->fold.shard, id, 0, &facts, NULL, &seat_count))
        return false;
    struct diff_booking *booking = &state->bookings[slot];
    booking->seen = true;
    const struct catalog_zone *zone =
        catalog_zone(shard_catalog(state->fold.shard), &facts.zone_id);
    field_uuid(row, id);
    field_uuid(row, &facts.user_id);
    field_uuid(row, &zone->event_id);
    field_uuid(row, &zone->show_id);
    field_uuid(row, &facts.zone_id);
    field_number(row, facts.quantity);
    field_number(row, booking->from_segment);
    field_number(row, booking->to_segment);
    field_amount(row, facts.unit_price_minor, zone->currency);
    field_amount(row, (replay_minor)facts.unit_price_minor * facts.quantity, zone->currency);
    field_string(row, zone->currency);
    field_string(row, booking_status_name(facts.status));
    field_uuid(row, &booking->payment_id);
    field_time(row, facts.created_ms);
    field_time(row, facts.created_ms);
    field_time(row, facts.expires_ms);
    field_time(row, booking->confirmed_ms);
    end_field(row, booking, facts.status, BOOKING_CANCELLED);
    end_field(row, booking, facts.status, BOOKING_EXPIRED);
    end_field(row, booking, facts.status, BOOKING_REFUNDED);
    field_uuid(row, &booking->block_id);
    field_time(row, booking->updated_ms);
    if (booking->key_hash == 0)
        field_null(row);
    else
        field_number(row, (int64_t)booking->key_hash);
    field_number(row, booking->epoch);
    field_number(row, booking->shard);
    field_number(row, (int64_t)booking->sequence);
    return true;
}

bool diff_state_row(struct diff_state *state, enum diff_table table, const struct uuid *id,
                    struct diff_row *row)
{
    replay_buffer_reset(&row->text);
    row->count = 0;
    switch (table) {
    case DIFF_EVENTS:
        return event_row(state, id, row);
    case DIFF_SHOWS:
        return show_row(state, id, row);
    case DIFF_ZONES:
        return zone_row(state, id, row);
    default:
        return booking_row(state, id, row);
    }
}

/* --- all ids --- */

typedef bool id_visit(void *context, const struct uuid *id);

static void each_show(const struct catalog *catalog, id_visit *visit, void *context)
{
    for (uint32_t i = 0; i < catalog_event_count(catalog); i++) {
        const struct uuid *event_id = &catalog_event_by_number(catalog, i)->id;
        const struct catalog_show *show;
        for (uint32_t n = 0; (show = catalog_event_show(catalog, event_id, n)) != NULL; n++) {
            if (!visit(context, &show->id))
                return;
        }
    }
}

void diff_state_each(const struct diff_state *state, enum diff_table table,
                     bool (*visit)(void *context, const struct uuid *id), void *context)
{
    const struct catalog *catalog = shard_catalog(state->fold.shard);
    switch (table) {
    case DIFF_EVENTS:
        for (uint32_t i = 0; i < catalog_event_count(catalog); i++) {
            if (!visit(context, &catalog_event_by_number(catalog, i)->id))
                return;
        }
        return;
    case DIFF_SHOWS:
        each_show(catalog, visit, context);
        return;
    case DIFF_ZONES:
        for (uint32_t i = 0; i < catalog_zone_count(catalog); i++) {
            if (!visit(context, &catalog_zone_at(catalog, i)->id))
                return;
        }
        return;
    default:
        for (uint32_t i = 0; i < state->booking_count; i++) {
            if (!state->bookings[i].seen && !visit(context, &state->bookings[i].id))
                return;
        }
    }
}
