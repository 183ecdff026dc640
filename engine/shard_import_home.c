/* The home role's part of an import: keys, and the tickets of users. */
#include <assert.h>

#include "memory.h"
#include "shard_import.h"
#include "shard_state.h"

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
        catalog_station_release(state->station);
        break;
    case SHARD_KEY_ROUTE:
        catalog_route_release(state->route);
        break;
    case SHARD_KEY_BOOKING:
    case SHARD_KEY_ANSWER:
        break;
    }
}

static void fill_entry(struct idempotency_table *table, struct idempotency_entry *entry,
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
    /* idempotency_begin saw room. */
    assert(state->kind != SHARD_KEY_ANSWER || entry->answer != SLAB_NONE);
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
    fill_entry(table, entry, state);
    idempotency_accept(table, entry, states[state->kind], state->made_by, state->accepted_ms);
    return true;
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

/* --- home role: orders --- */

static bool copy_facts(struct order_facts **to, const struct order_facts *from)
{
    *to = NULL;
    if (!from)
        return true;
    *to = memory_new(sizeof **to);
    if (*to)
        **to = *from;
    return *to != NULL;
}

enum shard_replay_result shard_import_order(struct shard *shard, const struct order *state)
{
    if (state->count < 1 || state->count > ORDER_ITEMS_MAX || state->state > ORDER_ENDED ||
        state->kind > ORDER_EXCHANGE || order_find(&shard->orders, &state->id))
        return SHARD_REPLAY_BAD_STATE;
    struct order *order = order_open(&shard->orders, &state->id, &state->user_id, state->count);
    struct order_facts *created, *ended;
    if (!order || !copy_facts(&created, state->created))
        return SHARD_REPLAY_OUT_OF_MEMORY;
    if (!copy_facts(&ended, state->ended)) {
        memory_free(created);
        return SHARD_REPLAY_OUT_OF_MEMORY;
    }
    *order = *state;
    order->created = created;
    order->ended = ended;
    order->busy = false;
    order->recovery = ORDER_RECOVERY_NONE;
    return SHARD_REPLAY_OK;
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

void shard_import_expect(struct shard *shard, uint64_t bookings, uint64_t users, uint64_t keys)
{
    hash_index_expect(&shard->bookings.by_id, bookings);
    hash_index_expect(&shard->bookings.user_by_id, users);
    hash_index_expect(&shard->keys.by_hash, keys);
    hash_index_expect(&shard->quotas.by_key, users);
}
