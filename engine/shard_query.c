/* Looking into a shard without changing it: a user's bookings, totals, audit. */
#include <assert.h>
#include <stdio.h>

#include "memory.h"
#include "shard.h"
#include "hash.h"
#include "shard_state.h"

enum { LIST_WALK_MAX = 10000 };

void shard_booking_facts(const struct shard *shard, uint32_t slot, uint64_t now_ms,
                         struct booking_facts *facts)
{
    const struct booking *booking = booking_at(&shard->bookings, slot);
    uint64_t created_ms = booking_created_ms(booking), deadline_ms = booking_deadline_ms(booking);

    *facts = (struct booking_facts){.booking_id = booking->id,
                                    .user_id = *booking_user_id(&shard->bookings, booking),
                                    .zone_id = shard_zone_at(shard, booking->zone)->id,
                                    .status = booking->status,
                                    .quantity = booking->quantity,
                                    .unit_price_minor = booking->unit_price_minor,
                                    .created_ms = created_ms,
                                    .expires_ms = deadline_ms};
    if (booking->status == BOOKING_RESERVED) {
        if (now_ms < deadline_ms)
            return;
        facts->status = BOOKING_EXPIRED;
        facts->changed_ms = deadline_ms;
        return;
    }
    facts->changed_ms = created_ms + ((uint64_t)booking->changed_after_ms_high << 32 |
                                      booking->changed_after_ms_low);
}

bool shard_booking(const struct shard *shard, const struct uuid *booking_id, uint64_t now_ms,
                   struct booking_facts *facts, uint32_t *seats, uint32_t *seat_count)
{
    (void)seats;
    *seat_count = 0;
    uint32_t slot = booking_find(&shard->bookings, booking_id);

    if (slot == HASH_INDEX_MISSING)
        return false;
    shard_booking_facts(shard, slot, now_ms, facts);
    return true;
}

/* --- a user's bookings --- */

static bool list_matches(const struct booking_facts *facts, const struct command_list *query,
                         const struct zone *zone)
{
    if (query->filter == BOOKING_FILTER_PENDING && facts->status != BOOKING_RESERVED)
        return false;
    return uuid_is_nil(&query->event_id) || uuid_equal(&query->event_id, &zone->event_id);
}

/* How many bookings are in a user's chain; looks at no more than `most`. */
static uint32_t chain_length(const struct shard *shard, uint32_t slot, uint64_t most)
{
    uint32_t length = 0;

    for (; slot != SLAB_NONE && length < most; length++)
        slot = booking_at(&shard->bookings, slot)->older_of_user;
    return length;
}

struct booking_list *shard_list(const struct shard *shard, const struct uuid *user_id,
                                const struct command_list *query, uint64_t now_ms)
{
    uint64_t wanted = (uint64_t)query->page * query->per_page;
    uint32_t slot = booking_newest_of_user(&shard->bookings, user_id);
    uint32_t capacity = chain_length(shard, slot, wanted < LIST_WALK_MAX ? wanted : LIST_WALK_MAX);
    struct booking_list *list = memory_new(sizeof *list + capacity * sizeof list->items[0]);

    if (!list)
        return NULL;
    for (uint32_t walked = 0; slot != SLAB_NONE && walked < LIST_WALK_MAX; walked++) {
        const struct booking *booking = booking_at(&shard->bookings, slot);
        struct booking_facts facts;
        shard_booking_facts(shard, slot, now_ms, &facts);
        if (list_matches(&facts, query, shard_zone_at(shard, booking->zone))) {
            if (list->count < capacity)
                list->items[list->count++] = facts;
            list->total++;
        }
        slot = booking->older_of_user;
    }
    return list;
}

void shard_summary(const struct shard *shard, const struct uuid *user_id,
                   const struct uuid *event_id, uint64_t now_ms, struct booking_summary *summary)
{
    const struct catalog_event *event = catalog_event(shard->catalog, event_id);
    uint32_t slot = booking_newest_of_user(&shard->bookings, user_id);

    *summary = (struct booking_summary){.limit = event ? event->max_per_user : 0};
    for (uint32_t walked = 0; slot != SLAB_NONE && walked < LIST_WALK_MAX; walked++) {
        const struct booking *booking = booking_at(&shard->bookings, slot);
        struct booking_facts facts;
        shard_booking_facts(shard, slot, now_ms, &facts);
        slot = booking->older_of_user;
        if (!uuid_equal(&shard_zone_at(shard, booking->zone)->event_id, event_id))
            continue;
        summary->bookings++;
        if (facts.status == BOOKING_RESERVED)
            summary->reserved += facts.quantity;
        else if (facts.status == BOOKING_CONFIRMED)
            summary->confirmed += facts.quantity;
    }
}

/* --- all of it --- */

static struct inquiry_zone zone_counts(const struct zone *zone)
{
    return (struct inquiry_zone){.total = zone->total,
                                 .available = zone_available_throughout(zone),
                                 .reserved = zone->reserved,
                                 .sold = zone->sold};
}

void shard_totals(const struct shard *shard, struct shard_totals *totals)
{
    const uint64_t *by_status = shard->bookings.count_by_status;

    *totals = (struct shard_totals){.bookings = shard->bookings.bookings.live,
                                    .reserved = by_status[BOOKING_RESERVED],
                                    .confirmed = by_status[BOOKING_CONFIRMED],
                                    .cancelled = by_status[BOOKING_CANCELLED],
                                    .expired = by_status[BOOKING_EXPIRED],
                                    .idempotency_keys = shard->keys.entries.live,
                                    .quota_entries = shard->quotas.entries.live,
                                    .users = shard->bookings.users.live,
                                    .zones = shard->zones.live,
                                    .memory_bytes = booking_table_bytes(&shard->bookings) +
                                                    quota_table_bytes(&shard->quotas) +
                                                    idempotency_table_bytes(&shard->keys)};
}

/* Every fact is hashed by itself and the hashes are added, so order is no matter. */
uint64_t shard_state_hash(const struct shard *shard)
{
    uint64_t sum = 0;

    for (uint32_t slot = 0; slot < shard->bookings.bookings.used; slot++) {
        struct booking_facts facts;
        shard_booking_facts(shard, slot, 0, &facts);
        uint64_t words[] = {
            hash_uuid(&facts.booking_id),
            hash_uuid(&facts.user_id),
            hash_uuid(&facts.zone_id),
            facts.status,
            facts.quantity,
            (uint64_t)facts.unit_price_minor,
            facts.expires_ms,
            facts.changed_ms,
        };
        sum += hash_bytes(words, sizeof words);
    }
    for (uint32_t number = 0; number < shard->zones.used; number++) {
        const struct zone *zone = shard_zone_at(shard, number);
        uint64_t words[] = {hash_uuid(&zone->id), zone->total, zone->reserved, zone->sold};
        sum += hash_bytes(words, sizeof words);
    }
    return sum;
}

/* --- audit --- */

struct recount {
    uint64_t reserved, sold;
};

static void violation(struct inquiry_audit *audit, const char *what, const struct uuid *id)
{
    char text[UUID_TEXT_LENGTH + 1] = {0};

    if (audit->violations++ > 0)
        return;
    uuid_format(id, text);
    snprintf(audit->first_violation, sizeof audit->first_violation, "%s: %s", what, text);
}

static void audit_zone(const struct zone *zone, const struct recount *recount,
                       struct inquiry_audit *audit)
{
    if (recount->reserved != zone->reserved || recount->sold != zone->sold)
        violation(audit, "zone counters differ from its bookings", &zone->id);
    if (zone->segment_count == 1 && recount->reserved + recount->sold > zone->total)
        violation(audit, "zone oversold", &zone->id);
}

static void audit_shard(const struct shard *shard, struct inquiry_audit *audit)
{
    struct recount *recounts = memory_new((shard->zones.used + 1) * sizeof *recounts);

    *audit = (struct inquiry_audit){.zones = shard->zones.live,
                                    .bookings = shard->bookings.bookings.live};
    if (!recounts) {
        audit->violations = 1;
        snprintf(audit->first_violation, sizeof audit->first_violation, "no memory for the audit");
        return;
    }
    for (uint32_t slot = 0; slot < shard->bookings.bookings.used; slot++) {
        const struct booking *booking = booking_at(&shard->bookings, slot);
        if (booking->status == BOOKING_RESERVED)
            recounts[booking->zone].reserved += booking->quantity;
        else if (booking->status == BOOKING_CONFIRMED)
            recounts[booking->zone].sold += booking->quantity;
    }
    for (uint32_t number = 0; number < shard->zones.used; number++)
        audit_zone(shard_zone_at(shard, number), &recounts[number], audit);
    memory_free(recounts);
}

static void inquire_user(const struct shard *shard, struct inquiry *inquiry)
{
    struct inquiry_user *user = &inquiry->user;
    uint32_t slot = booking_newest_of_user(&shard->bookings, &inquiry->id);

    user->booking_count = user->listed = 0;
    for (; slot != SLAB_NONE && user->booking_count < LIST_WALK_MAX; user->booking_count++) {
        if (user->listed < INQUIRY_BOOKINGS_MAX)
            shard_booking_facts(shard, slot, 0, &user->bookings[user->listed++]);
        slot = booking_at(&shard->bookings, slot)->older_of_user;
    }
    user->is_home =
        partition_shard_of(shard->options.partitions, &inquiry->id) == shard->options.index;
    user->idempotency_keys = shard->keys.entries.live;
    user->quota_entries = shard->quotas.entries.live;
    inquiry->found = user->booking_count > 0;
}

void shard_inquire(struct shard *shard, struct inquiry *inquiry)
{
    uint32_t number, seat_count;

    inquiry->shard = shard->options.index;
    switch (inquiry->kind) {
    case INQUIRY_ZONE:
        number = shard_zone_number(shard, &inquiry->id);
        inquiry->found = number != HASH_INDEX_MISSING;
        if (inquiry->found)
            inquiry->zone = zone_counts(shard_zone_at(shard, number));
        break;
    case INQUIRY_BOOKING:
        inquiry->found =
            shard_booking(shard, &inquiry->id, 0, &inquiry->booking, NULL, &seat_count);
        break;
    case INQUIRY_USER:
        inquire_user(shard, inquiry);
        break;
    case INQUIRY_AUDIT:
        inquiry->found = true;
        audit_shard(shard, &inquiry->audit);
        break;
    }
}

/* --- still to come --- */

void shard_order_bookings(const struct shard *shard, shard_order_booking each, void *context)
{
    (void)shard, (void)each, (void)context;
}

bool shard_zone_facts(struct shard *shard, const struct uuid *zone_id, struct zone_facts *facts)
{
    uint32_t number = shard_zone_number(shard, zone_id);

    if (number == HASH_INDEX_MISSING)
        return false;
    const struct zone *zone = shard_zone_at(shard, number);
    *facts = (struct zone_facts){.zone_id = zone->id,
                                 .total = zone->total,
                                 .target = zone->total,
                                 .available = zone_available_throughout(zone),
                                 .reserved = zone->reserved,
                                 .sold = zone->sold};
    return true;
}

struct block_facts *shard_block(const struct shard *shard, const struct uuid *block_id)
{
    (void)shard, (void)block_id;
    return NULL;
}

struct block_list *shard_blocks(struct shard *shard, const struct uuid *zone_id)
{
    (void)shard, (void)zone_id;
    return NULL;
}

struct seat_states *shard_seat_states(struct shard *shard, const struct command_zone *query)
{
    (void)shard, (void)query;
    return NULL;
}

uint64_t shard_zone_hash(struct shard *shard)
{
    return shard_state_hash(shard);
}

enum shard_replay_result shard_replay_state(struct shard *shard, const struct record *record)
{
    return record->state_hash == shard_zone_hash(shard) ? SHARD_REPLAY_OK
                                                        : SHARD_REPLAY_STATE_DIFFERS;
}
