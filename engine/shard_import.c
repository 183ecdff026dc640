/* The work is one random line of memory after the other, so it goes in batches:
 * what each piece will touch is loaded in two steps before the first is put in. */
#include "shard_import.h"

#include <assert.h>

#include "hash.h"
#include "memory.h"
#include "shard_state.h"

/* --- zone role --- */

enum shard_replay_result shard_import_zone(struct shard *shard,
                                           const struct shard_zone_state *state, uint32_t *number)
{
    *number = shard_zone_number(shard, &state->id);
    if (*number == HASH_INDEX_MISSING)
        return SHARD_REPLAY_UNKNOWN_ZONE;
    struct zone *zone = shard_zone_at(shard, *number);
    if (state->target > state->total)
        return SHARD_REPLAY_BAD_STATE;
    zone->total = state->total;
    shard_mark_changed(shard, *number);
    return SHARD_REPLAY_OK;
}

static void prefetch_bookings(const struct shard *shard, const struct shard_booking_state *bookings,
                              uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        booking_prefetch(&shard->bookings, &bookings[i].id);
        booking_prefetch_user(&shard->bookings, &bookings[i].user_id);
    }
    for (uint32_t i = 0; i < count; i++) {
        booking_prefetch_entry(&shard->bookings, &bookings[i].id);
        booking_prefetch_user_entry(&shard->bookings, &bookings[i].user_id);
    }
}

static enum shard_replay_result check_booking(const struct shard *shard,
                                              const struct shard_booking_state *state)
{
    if (state->zone >= shard->zones.used)
        return SHARD_REPLAY_UNKNOWN_ZONE;
    const struct zone *zone = shard_zone_at(shard, state->zone);
    if (state->from_segment >= state->to_segment || state->to_segment > zone->segment_count ||
        state->quantity == 0 || state->changed_after_ms >> 40 != 0 ||
        state->status > BOOKING_REFUNDED)
        return SHARD_REPLAY_BAD_STATE;
    bool takes = state->status == BOOKING_RESERVED || state->status == BOOKING_CONFIRMED;
    if (takes && state->quantity > zone_available(zone, state->from_segment, state->to_segment))
        return SHARD_REPLAY_OVERSOLD;
    if (booking_find(&shard->bookings, &state->id) != HASH_INDEX_MISSING)
        return SHARD_REPLAY_DUPLICATE_BOOKING;
    return booking_table_has_room(&shard->bookings) ? SHARD_REPLAY_OK : SHARD_REPLAY_OUT_OF_MEMORY;
}

static void take_places(struct zone *zone, const struct shard_booking_state *state)
{
    if (state->status != BOOKING_RESERVED && state->status != BOOKING_CONFIRMED)
        return;
    zone_reserve(zone, state->from_segment, state->to_segment, state->quantity);
    if (state->status == BOOKING_CONFIRMED)
        zone_sell(zone, state->from_segment, state->to_segment, state->quantity);
}

static void put_booking(struct shard *shard, const struct shard_booking_state *state)
{
    const struct record_reserved reserved = {.booking_id = state->id,
                                             .user_id = state->user_id,
                                             .quantity = state->quantity,
                                             .from_segment = state->from_segment,
                                             .to_segment = state->to_segment,
                                             .unit_price_minor = state->unit_price_minor,
                                             .ttl_ms = state->ttl_ms};
    uint32_t slot = booking_add(&shard->bookings, &reserved, state->zone);

    if (state->status != BOOKING_RESERVED)
        booking_end(&shard->bookings, slot, state->status,
                    uuid_v7_ms(&state->id) + state->changed_after_ms);
}

enum shard_replay_result shard_import_bookings(struct shard *shard,
                                               const struct shard_booking_state *bookings,
                                               uint32_t count)
{
    assert(count <= SHARD_IMPORT_BATCH);
    prefetch_bookings(shard, bookings, count);
    for (uint32_t i = 0; i < count; i++) {
        enum shard_replay_result result = check_booking(shard, &bookings[i]);
        if (result != SHARD_REPLAY_OK)
            return result;
        take_places(shard_zone_at(shard, bookings[i].zone), &bookings[i]);
        put_booking(shard, &bookings[i]);
    }
    return SHARD_REPLAY_OK;
}

/* --- home role: keys --- */

static void release_object(const struct shard_key_state *state)
{
    switch (state->kind) {
    case SHARD_KEY_EVENT:
        catalog_event_release(state->event);
        break;
    case SHARD_KEY_SHOW:
        catalog_show_release(state->show);
        break;
    case SHARD_KEY_ZONE:
        catalog_zone_release(state->zone);
        break;
    case SHARD_KEY_STATION:
    case SHARD_KEY_ROUTE:
    case SHARD_KEY_BOOKING:
    case SHARD_KEY_ANSWER:
        break;
    }
}

/* False: no room for the answer. */
static bool fill_entry(struct idempotency_table *table, struct idempotency_entry *entry,
                       const struct shard_key_state *state)
{
    entry->quantity = state->quantity & ((1U << 14) - 1);
    entry->ttl_ms = state->ttl_ms;
    entry->remaining = state->remaining;
    if (state->kind == SHARD_KEY_BOOKING)
        entry->booking_id = state->booking_id;
    else if (state->kind == SHARD_KEY_ANSWER)
        entry->answer = answer_memory_write(&table->answers, state->answer, state->answer_length);
    else
        entry->event = state->event; /* all are one pointer */
    return state->kind != SHARD_KEY_ANSWER || entry->answer != SLAB_NONE;
}

/* True: the table has the object. */
static bool put_key(struct idempotency_table *table, const struct shard_key_state *state,
                    bool *full)
{
    static const enum idempotency_state states[] = {
        [SHARD_KEY_BOOKING] = IDEMPOTENCY_BOOKING, [SHARD_KEY_ANSWER] = IDEMPOTENCY_ANSWER,
        [SHARD_KEY_EVENT] = IDEMPOTENCY_EVENT,     [SHARD_KEY_SHOW] = IDEMPOTENCY_SHOW,
        [SHARD_KEY_ZONE] = IDEMPOTENCY_ZONE,       [SHARD_KEY_STATION] = IDEMPOTENCY_STATION,
        [SHARD_KEY_ROUTE] = IDEMPOTENCY_ROUTE};
    if (idempotency_find(table, state->key.hash, state->accepted_ms))
        return false;
    struct idempotency_entry *entry = idempotency_begin(table, &state->key);
    *full = entry == NULL;
    if (!entry)
        return false;
    *full = !fill_entry(table, entry, state);
    if (*full)
        idempotency_abandon(table, entry);
    else
        idempotency_accept(table, entry, states[state->kind], state->made_by, state->accepted_ms);
    return !*full;
}

enum shard_replay_result shard_import_keys(struct shard *shard, const struct shard_key_state *keys,
                                           uint32_t count)
{
    bool full = false;

    assert(count <= SHARD_IMPORT_BATCH);
    for (uint32_t i = 0; i < count; i++)
        idempotency_prefetch(&shard->keys, keys[i].key.hash);
    for (uint32_t i = 0; i < count; i++)
        if (full || !put_key(&shard->keys, &keys[i], &full))
            release_object(&keys[i]);
    return full ? SHARD_REPLAY_OUT_OF_MEMORY : SHARD_REPLAY_OK;
}

/* --- home role: tickets --- */

struct ticket {
    struct uuid user_id;
    uint32_t event;
    uint32_t quantity;
};

struct tally {
    struct shard *home;
    struct ticket waiting[SHARD_IMPORT_BATCH];
    uint32_t count;
};

static enum shard_replay_result tally_flush(struct tally *tally)
{
    struct quota_table *quotas = &tally->home->quotas;

    for (uint32_t i = 0; i < tally->count; i++)
        quota_prefetch(quotas, &tally->waiting[i].user_id, tally->waiting[i].event);
    for (uint32_t i = 0; i < tally->count; i++)
        quota_prefetch_entry(quotas, &tally->waiting[i].user_id, tally->waiting[i].event);
    for (uint32_t i = 0; i < tally->count; i++) {
        const struct ticket *ticket = &tally->waiting[i];
        struct quota_entry *entry = quota_open(quotas, &ticket->user_id, ticket->event);
        if (!entry)
            return SHARD_REPLAY_OUT_OF_MEMORY;
        if (entry->tickets + (uint64_t)ticket->quantity > QUOTA_TICKETS_MAX)
            return SHARD_REPLAY_BAD_STATE;
        entry->tickets = (entry->tickets + ticket->quantity) & QUOTA_TICKETS_MAX;
    }
    tally->count = 0;
    return SHARD_REPLAY_OK;
}

/* The catalog number of each zone's event, by the zone's number in `shard`. */
static uint32_t *events_of_zones(const struct shard *home, const struct shard *shard)
{
    uint32_t *events = memory_new((shard->zones.used + 1) * sizeof *events);

    for (uint32_t i = 0; events && i < shard->zones.used; i++)
        events[i] = catalog_event_number(home->catalog, &shard_zone_at(shard, i)->event_id);
    return events;
}

/* Which users of `shard` are at home here: asked once for each user. */
static bool *homes_of_users(const struct shard *home, const struct shard *shard)
{
    bool *at_home = memory_new(shard->bookings.users.used + 1);

    for (uint32_t i = 0; at_home && i < shard->bookings.users.used; i++) {
        const struct booking_user *user = slab_at(&shard->bookings.users, i);
        at_home[i] = shard_is_home_of(home, &user->id);
    }
    return at_home;
}

static enum shard_replay_result tally_shard(struct tally *tally, const struct shard *shard)
{
    enum { AHEAD = 16 };
    enum shard_replay_result result = SHARD_REPLAY_OK;
    const struct booking_table *table = &shard->bookings;
    uint32_t *events = events_of_zones(tally->home, shard);
    bool *at_home = homes_of_users(tally->home, shard);

    if (!events || !at_home)
        result = SHARD_REPLAY_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < table->bookings.used && result == SHARD_REPLAY_OK; i++) {
        const struct booking *booking = booking_at(table, i);
        if (i + AHEAD < table->bookings.used)
            __builtin_prefetch(slab_at(&table->users, booking_at(table, i + AHEAD)->user));
        if ((booking->status != BOOKING_RESERVED && booking->status != BOOKING_CONFIRMED) ||
            !at_home[booking->user])
            continue;
        tally->waiting[tally->count++] = (struct ticket){*booking_user_id(table, booking),
                                                         events[booking->zone], booking->quantity};
        if (tally->count == SHARD_IMPORT_BATCH)
            result = tally_flush(tally);
    }
    memory_free(events);
    memory_free(at_home);
    return result;
}

enum shard_replay_result shard_import_settle(struct shard *shard, struct shard *const *shards,
                                             uint16_t shard_count)
{
    struct tally tally = {.home = shard};
    enum shard_replay_result result = SHARD_REPLAY_OK;

    for (uint16_t i = 0; i < shard_count && result == SHARD_REPLAY_OK; i++)
        result = tally_shard(&tally, shards[i]);
    return result == SHARD_REPLAY_OK ? tally_flush(&tally) : result;
}
