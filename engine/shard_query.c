/* Looking into a shard without changing it: bookings, a user's list, totals.
 * Lists are made with malloc (through memory.h) and leave with the answer. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "shard.h"
#include "shard_state.h"

enum { LIST_WALK_MAX = 10000 };

static void order_facts(const struct shard *shard, const struct booking *booking,
                        struct booking_facts *facts)
{
    const struct booking_order *order = booking_order(&shard->bookings, booking);
    const size_t rare = offsetof(struct booking_facts, pinned);

    /* With the padding behind them: answers are kept, and compared, as bytes. */
    memset((char *)facts + rare, 0, sizeof *facts - rare);
    if (!order)
        return;
    facts->pinned = booking_is_pinned(&shard->bookings, booking);
    facts->order = facts->pinned ? order->pinned_by : order->part;
    facts->exchanged_from = order->exchanged_from;
}

void shard_booking_facts(const struct shard *shard, uint32_t slot, uint64_t now_ms,
                         struct booking_facts *facts)
{
    const struct booking *booking = booking_at(&shard->bookings, slot);
    uint64_t created_ms = booking_created_ms(booking), deadline_ms = booking_deadline_ms(booking);

    facts->booking_id = booking->id;
    facts->user_id = *booking_user_id(&shard->bookings, booking);
    facts->zone_id = shard_zone_at(shard, booking->zone)->id;
    facts->status = booking->status;
    facts->quantity = booking->quantity;
    facts->unit_price_minor = booking->unit_price_minor;
    facts->created_ms = created_ms;
    facts->expires_ms = deadline_ms;
    facts->changed_ms = 0;
    facts->remaining = 0;
    facts->from_segment = booking->from_segment;
    facts->to_segment = booking->to_segment;
    order_facts(shard, booking, facts);
    if (booking->status == BOOKING_RESERVED) {
        if (now_ms < deadline_ms || facts->pinned)
            return;
        facts->status = BOOKING_EXPIRED;
    }
    if (facts->status == BOOKING_EXPIRED) { /* then, whenever it is written down */
        facts->changed_ms = deadline_ms;
        return;
    }
    facts->changed_ms = created_ms + ((uint64_t)booking->changed_after_ms_high << 32 |
                                      booking->changed_after_ms_low);
}

static uint32_t seats_of(const struct shard *shard, uint32_t slot, uint32_t *seats)
{
    const struct booking *booking = booking_at(&shard->bookings, slot);

    return booking->extra == 0 ? 0 : booking_seats(&shard->bookings, booking, seats);
}

bool shard_booking(const struct shard *shard, const struct uuid *booking_id, uint64_t now_ms,
                   struct booking_facts *facts, uint32_t *seats, uint32_t *seat_count)
{
    uint32_t slot = booking_find(&shard->bookings, booking_id);

    *seat_count = 0;
    if (slot == HASH_INDEX_MISSING)
        return false;
    shard_booking_facts(shard, slot, now_ms, facts);
    if (seats)
        *seat_count = seats_of(shard, slot, seats);
    return true;
}

void shard_order_bookings(const struct shard *shard, shard_order_booking each, void *context)
{
    const struct slab *extras = &shard->bookings.extras;

    for (uint32_t i = 1; i < extras->used; i++) {
        const struct booking_extra *extra = slab_at(extras, i);
        const struct booking *booking = booking_at(&shard->bookings, extra->booking);
        const struct booking_order *order = booking_order(&shard->bookings, booking);
        bool waits = order && booking->status == BOOKING_RESERVED && !uuid_is_nil(&order->part.id);
        if (!waits && !extra->pinned)
            continue;
        struct booking_facts facts;
        shard_booking_facts(shard, extra->booking, 0, &facts);
        each(context, &facts);
    }
}

/* --- a user's bookings --- */

static bool list_matches(const struct booking_facts *facts, const struct command_list *query,
                         const struct zone *zone)
{
    if (query->filter == BOOKING_FILTER_PENDING && facts->status != BOOKING_RESERVED)
        return false;
    return uuid_is_nil(&query->event_id) || uuid_equal(&query->event_id, &zone->event_id);
}

/* How many bookings a user has; looks at no more than `most`. */
static uint32_t count_of_user(const struct shard *shard, const struct uuid *user_id, uint64_t most)
{
    struct booking_walk walk = booking_walk_begin(&shard->bookings, user_id);
    uint32_t count = 0;

    while (walk.steps < most && booking_walk_next(&shard->bookings, &walk) != SLAB_NONE)
        count++;
    return count;
}

static int newest_first(const void *a, const void *b)
{
    const struct booking_facts *one = &((const struct booking_item *)a)->facts;
    const struct booking_facts *other = &((const struct booking_item *)b)->facts;
    return (one->created_ms < other->created_ms) - (one->created_ms > other->created_ms);
}

/* What was received comes last on the walk and goes where it belongs: a page is cut
 * from all of it. Without any, the walk is in order and ends with the page. */
static uint32_t list_capacity(const struct shard *shard, const struct uuid *user_id,
                              uint64_t wanted, bool *in_order)
{
    struct booking_walk walk = booking_walk_begin(&shard->bookings, user_id);

    *in_order = walk.next_link == SLAB_NONE;
    return count_of_user(shard, user_id,
                         *in_order && wanted < LIST_WALK_MAX ? wanted : LIST_WALK_MAX);
}

struct booking_list *shard_list(const struct shard *shard, const struct uuid *user_id,
                                const struct command_list *query, uint64_t now_ms)
{
    uint64_t wanted = (uint64_t)query->page * query->per_page;
    bool in_order;
    uint32_t capacity = list_capacity(shard, user_id, wanted, &in_order), slot;
    struct booking_list *list = memory_new(sizeof *list + capacity * sizeof list->items[0]);
    struct booking_walk walk = booking_walk_begin(&shard->bookings, user_id);

    if (!list)
        return NULL;
    while (walk.steps < LIST_WALK_MAX &&
           (slot = booking_walk_next(&shard->bookings, &walk)) != SLAB_NONE) {
        const struct booking *booking = booking_at(&shard->bookings, slot);
        struct booking_facts facts;
        shard_booking_facts(shard, slot, now_ms, &facts);
        if (!list_matches(&facts, query, shard_zone_at(shard, booking->zone)))
            continue;
        if (list->count < capacity) {
            struct booking_item *item = &list->items[list->count++];
            item->facts = facts;
            item->seat_count = seats_of(shard, slot, item->seats);
        }
        list->total++;
    }
    if (!in_order)
        qsort(list->items, list->count, sizeof list->items[0], newest_first);
    if (list->count > wanted)
        list->count = (uint32_t)wanted;
    return list;
}

void shard_summary(const struct shard *shard, const struct uuid *user_id,
                   const struct uuid *event_id, uint64_t now_ms, struct booking_summary *summary)
{
    const struct catalog_event *event = catalog_event(shard->catalog, event_id);
    struct booking_walk walk = booking_walk_begin(&shard->bookings, user_id);
    uint32_t slot;

    *summary = (struct booking_summary){.limit = event ? event->max_per_user : 0};
    while (walk.steps < LIST_WALK_MAX &&
           (slot = booking_walk_next(&shard->bookings, &walk)) != SLAB_NONE) {
        const struct booking *booking = booking_at(&shard->bookings, slot);
        struct booking_facts facts;
        if (!uuid_equal(&shard_zone_at(shard, booking->zone)->event_id, event_id))
            continue;
        shard_booking_facts(shard, slot, now_ms, &facts);
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

    *totals = (struct shard_totals){
        .bookings = shard->bookings.bookings.live,
        .reserved = by_status[BOOKING_RESERVED],
        .confirmed = by_status[BOOKING_CONFIRMED],
        .cancelled = by_status[BOOKING_CANCELLED],
        .expired = by_status[BOOKING_EXPIRED],
        .idempotency_keys = shard->keys.entries.live,
        .quota_entries = shard->quotas.entries.live,
        .users = shard->bookings.users.live,
        .zones = shard->zones.live,
        .memory_bytes = shard->zones_bytes + booking_table_bytes(&shard->bookings) +
                        quota_table_bytes(&shard->quotas) + idempotency_table_bytes(&shard->keys)};
}

static void inquire_user(const struct shard *shard, struct inquiry *inquiry)
{
    struct inquiry_user *user = &inquiry->user;
    struct booking_walk walk = booking_walk_begin(&shard->bookings, &inquiry->id);
    uint32_t slot;

    user->booking_count = user->listed = 0;
    while (walk.steps < LIST_WALK_MAX &&
           (slot = booking_walk_next(&shard->bookings, &walk)) != SLAB_NONE) {
        if (user->listed < INQUIRY_BOOKINGS_MAX)
            shard_booking_facts(shard, slot, 0, &user->bookings[user->listed++]);
        user->booking_count++;
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
        shard_audit(shard, &inquiry->audit);
        break;
    }
}
