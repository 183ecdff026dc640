/* The accountant on orders: which bookings belong together, and what their homes count. */
#include "../../engine/shard_state.h"
#include "ledger_private.h"

static struct sim_ledger_order *order_of(struct sim_ledger *ledger, const struct uuid *id)
{
    uint32_t at = sim_ledger_find(ledger, id);

    return at < ledger->order_count && uuid_equal(&ledger->orders[at].id, id) ? &ledger->orders[at]
                                                                              : NULL;
}

static struct sim_ledger_order *open_order(struct sim_ledger *ledger, const struct order_part *part)
{
    uint32_t at = ledger->order_count;

    ledger->orders = sim_grow(ledger->orders, at, &ledger->order_room, sizeof *ledger->orders);
    ledger->orders[at] = (struct sim_ledger_order){
        .id = part->id, .key = ledger->record->key.hash, .count = part->count};
    sim_ledger_name(ledger, &part->id, at);
    ledger->order_count++;
    return &ledger->orders[at];
}

/* What the key made before came to nothing: not all of it was held, or a crash cut it
 * off (it is void, even before that is recorded), or it has ended void. */
static bool may_try_again(const struct sim_ledger *ledger, uint64_t key)
{
    uint32_t before = sim_table_find(&ledger->order_keys, key);

    if (before == SIM_TABLE_MISSING)
        return false;
    const struct sim_ledger_order *order = &ledger->orders[before];
    if (order->known != (1U << order->count) - 1U)
        return true;
    for (uint32_t i = 0; i < order->count; i++)
        if (((uint32_t)order->known >> i & 1U) != 0 &&
            ledger->bookings[order->bookings[i]].status <= BOOKING_CONFIRMED)
            return false;
    return !order->posted;
}

static const char *order_key_fault(struct sim_ledger *ledger, uint64_t key)
{
    uint32_t before = sim_table_find(&ledger->order_keys, key);

    if (before == SIM_TABLE_MISSING)
        return sim_ledger_fail(ledger, "I8 its key made a record that is no order's");
    const struct sim_ledger_order *order = &ledger->orders[before];
    return sim_ledger_fail(ledger, "I8 its key made an order of %u already: items %x%s%s",
                           order->count, order->known, order->posted ? ", posted" : "",
                           order->voided ? ", void" : "");
}

static const char *enter_order_key(struct sim_ledger *ledger, const struct sim_ledger_order *order)
{
    uint64_t key = ledger->record->key.hash;
    uint32_t number = (uint32_t)(order - ledger->orders);

    if (key != order->key)
        return sim_ledger_fail(ledger, "I8 items of one order have different keys");
    if (key == 0)
        return NULL;
    if (order->known == 0 && sim_ledger_key_made(ledger) && !may_try_again(ledger, key))
        return order_key_fault(ledger, key);
    if (order->known == 0)
        sim_table_put(&ledger->keys, key, sim_ledger_second(ledger->record->stamp_ms));
    sim_table_put(&ledger->order_keys, key, number);
    return NULL;
}

const char *sim_ledger_item(struct sim_ledger *ledger, uint32_t number)
{
    struct sim_ledger_booking *booking = &ledger->bookings[number];
    const struct order_part *part = &booking->order;
    const char *fault;

    if (uuid_is_nil(&part->id))
        return NULL;
    booking->uncounted = part->count == 0;
    if (part->count == 0)
        return NULL;
    struct sim_ledger_order *order = order_of(ledger, &part->id);
    if (!order)
        order = open_order(ledger, part);
    if (part->count != order->count || part->item >= order->count ||
        ((uint32_t)order->known >> part->item & 1U) != 0)
        return sim_ledger_fail(ledger, "I29 item %u of %u", part->item, part->count);
    if (order->posted || order->voided)
        return sim_ledger_fail(ledger, "I29 an item of an order that is decided");
    if ((fault = enter_order_key(ledger, order)) != NULL)
        return fault;
    order->known = (uint8_t)(order->known | 1U << part->item);
    order->bookings[part->item] = number;
    return NULL;
}

/* --- decisions --- */

static uint32_t booking_of(const struct sim_ledger *ledger, const struct uuid *id)
{
    uint32_t at = sim_ledger_find(ledger, id);

    return at < ledger->booking_count && uuid_equal(&ledger->bookings[at].id, id)
               ? at
               : SIM_TABLE_MISSING;
}

/* The user's count goes over from the old booking to the new one. */
static const char *decide_exchange(struct sim_ledger *ledger)
{
    const struct record_order *decided = &ledger->record->order;
    uint32_t old = booking_of(ledger, &decided->bookings[0]);
    uint32_t new = booking_of(ledger, &decided->bookings[1]), at = ledger->exchange_count;

    if (old == SIM_TABLE_MISSING || new == SIM_TABLE_MISSING)
        return sim_ledger_fail(ledger, "unknown booking");
    struct sim_ledger_booking *from = &ledger->bookings[old], *to = &ledger->bookings[new];
    if (!from->pinned || from->status > BOOKING_CONFIRMED || to->status != BOOKING_RESERVED ||
        !to->uncounted || from->quantity != to->quantity)
        return sim_ledger_fail(
            ledger, "I29 an exchange of what is not held: old %s%s until %llu, new %s until %llu",
            booking_status_name(from->status), from->pinned ? ", pinned" : "",
            (unsigned long long)from->deadline_ms, booking_status_name(to->status),
            (unsigned long long)to->deadline_ms);
    from->uncounted = true;
    to->uncounted = false;
    ledger->exchanges =
        sim_grow(ledger->exchanges, at, &ledger->exchange_room, sizeof *ledger->exchanges);
    ledger->exchanges[at] = (struct sim_ledger_exchange){.old = old, .new = new};
    ledger->exchange_count++;
    return NULL;
}

static const char *post_order(struct sim_ledger *ledger, struct sim_ledger_order *order)
{
    if (order->known != (1U << order->count) - 1U)
        return sim_ledger_fail(ledger, "I29 not all items were held");
    for (uint32_t i = 0; i < order->count; i++) {
        const struct sim_ledger_booking *booking = &ledger->bookings[order->bookings[i]];
        if (!booking->pinned || booking->status != BOOKING_RESERVED)
            return sim_ledger_fail(ledger, "I29 item %u is %s and not pinned", i,
                                   booking_status_name(booking->status));
    }
    order->posted = true;
    return NULL;
}

const char *sim_ledger_order(struct sim_ledger *ledger)
{
    const struct record_order *decided = &ledger->record->order;

    if (decided->kind == ORDER_EXCHANGE)
        return decide_exchange(ledger);
    struct sim_ledger_order *order = order_of(ledger, &decided->order_id);
    if (!order)
        return sim_ledger_fail(ledger, "unknown order");
    if (order->posted || order->voided)
        return sim_ledger_fail(ledger, "I29 it was decided before");
    if (decided->decision == ORDER_POSTED)
        return post_order(ledger, order);
    order->voided = true;
    return NULL;
}

static bool is_exchanged(const struct sim_ledger *ledger, uint32_t booking)
{
    for (uint32_t i = ledger->exchange_count; i > 0; i--)
        if (ledger->exchanges[i - 1].old == booking || ledger->exchanges[i - 1].new == booking)
            return true;
    return false;
}

const char *sim_ledger_part(struct sim_ledger *ledger, uint32_t number, enum change_cause cause,
                            bool confirms)
{
    struct sim_ledger_booking *booking = &ledger->bookings[number];
    bool in_order = cause >= CAUSE_PINNED && cause <= CAUSE_POSTED;

    if (!ledger->options.live || !in_order)
        return NULL;
    const struct sim_ledger_order *order = order_of(ledger, &booking->order.id);
    bool decided = order ? order->posted : is_exchanged(ledger, number);
    if (cause == CAUSE_PINNED && booking->status == BOOKING_RESERVED &&
        ledger->record->stamp_ms >= booking->deadline_ms)
        return sim_ledger_fail(ledger, "I6 pinned, its deadline was %llu",
                               (unsigned long long)booking->deadline_ms);
    if (cause == CAUSE_POSTED && !decided)
        return sim_ledger_fail(ledger, "I29 posted before it was decided");
    if (cause == CAUSE_VOIDED && order && order->posted)
        return sim_ledger_fail(ledger, "I29 voided, but its order was decided otherwise");
    if (order && confirms && booking->status == BOOKING_RESERVED && !order->posted)
        return sim_ledger_fail(ledger, "I29 confirmed before its order was decided");
    booking->posted = booking->posted || cause == CAUSE_POSTED;
    return NULL;
}

/* --- with nothing under way --- */

static const char *check_whole(struct sim_ledger *ledger, uint32_t number)
{
    const struct sim_ledger_order *order = &ledger->orders[number];
    uint32_t reserved = 0, cancelled = 0, posted = 0, known = 0;

    for (uint32_t i = 0; i < order->count; i++) {
        if (((uint32_t)order->known >> i & 1U) == 0)
            continue;
        const struct sim_ledger_booking *booking = &ledger->bookings[order->bookings[i]];
        known++;
        posted += booking->posted;
        reserved += booking->status == BOOKING_RESERVED;
        cancelled += booking->status == BOOKING_CANCELLED && !booking->posted;
    }
    bool whole = order->posted
                     ? posted == order->count
                     : posted == 0 && (reserved == 0 || (cancelled == 0 && known == order->count));
    return whole ? NULL
                 : sim_ledger_fail(ledger,
                                   "I29 order %u of %u items, %s: %u made, %u reserved, %u "
                                   "cancelled, %u posted",
                                   number, order->count,
                                   order->posted   ? "confirmed"
                                   : order->voided ? "void"
                                                   : "undecided",
                                   known, reserved, cancelled, posted);
}

static const char *check_exchange(struct sim_ledger *ledger,
                                  const struct sim_ledger_exchange *exchange)
{
    const struct sim_ledger_booking *old = &ledger->bookings[exchange->old];
    const struct sim_ledger_booking *new = &ledger->bookings[exchange->new];

    if (old->status == BOOKING_CANCELLED && new->posted)
        return NULL;
    return sim_ledger_fail(ledger, "I29 a decided exchange is not done: old %s, new %s%s",
                           booking_status_name(old->status), booking_status_name(new->status),
                           new->posted ? ", posted" : "");
}

const char *sim_ledger_check_orders(struct sim_ledger *ledger)
{
    const char *fault = NULL;

    for (uint32_t i = 0; i < ledger->booking_count; i++) {
        const struct sim_ledger_booking *booking = &ledger->bookings[i];
        if (booking->pinned && booking->status <= BOOKING_CONFIRMED)
            return sim_ledger_fail(ledger, "I29 a booking stays pinned");
        if (booking->uncounted && booking->status <= BOOKING_CONFIRMED)
            return sim_ledger_fail(ledger, "I29 an exchange stays half done");
    }
    for (uint32_t i = 0; i < ledger->order_count && !fault; i++)
        fault = check_whole(ledger, i);
    for (uint32_t i = 0; i < ledger->exchange_count && !fault; i++)
        fault = check_exchange(ledger, &ledger->exchanges[i]);
    return fault;
}

const char *sim_ledger_compare_counts(struct sim_ledger *ledger, struct shard *const *shards,
                                      const struct partition_map *partitions)
{
    for (uint32_t i = 0; i < ledger->count_count; i++) {
        const struct sim_ledger_count *count = &ledger->counts[i];
        const struct shard *home = shards[partition_shard_of(partitions, &count->user_id)];
        uint32_t number = catalog_event_number(home->catalog, &ledger->events[count->event].id);
        const struct quota_entry *entry = quota_find(&home->quotas, &count->user_id, number);
        uint32_t tickets = entry ? entry->tickets : 0;
        if (tickets != count->tickets || (entry && entry->under_way != 0))
            return sim_ledger_fail(ledger,
                                   "I4 a user's home counts %u tickets, %u under way; "
                                   "the books: %u",
                                   tickets, entry ? entry->under_way : 0, count->tickets);
    }
    return NULL;
}
