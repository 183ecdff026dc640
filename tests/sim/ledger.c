#include "ledger_private.h"

#include <stdarg.h>
#include <stdio.h>

const char *sim_ledger_fail(struct sim_ledger *ledger, const char *format, ...)
{
    va_list args;
    int length = 0;

    if (ledger->record)
        length = snprintf(ledger->text, sizeof ledger->text,
                          "%s record at %llu: ", record_kind_name(ledger->record->kind),
                          (unsigned long long)ledger->record->stamp_ms);
    va_start(args, format);
    vsnprintf(ledger->text + length, sizeof ledger->text - (size_t)length, format, args);
    va_end(args);
    return ledger->text;
}

struct sim_ledger *sim_ledger_new(const struct sim_ledger_options *options)
{
    struct sim_ledger *ledger = calloc(1, sizeof *ledger);
    if (!ledger)
        abort();
    ledger->options = *options;
    return ledger;
}

void sim_ledger_free(struct sim_ledger *ledger)
{
    if (!ledger)
        return;
    for (uint32_t i = 0; i < ledger->zone_count; i++) {
        free(ledger->zones[i].owner);
        free(ledger->zones[i].blocked);
        free(ledger->zones[i].special);
    }
    for (uint32_t i = 0; i < ledger->block_count; i++)
        free(ledger->blocks[i].seats);
    free(ledger->events);
    free(ledger->shows);
    free(ledger->zones);
    free(ledger->bookings);
    free(ledger->blocks);
    free(ledger->counts);
    free(ledger->orders);
    free(ledger->exchanges);
    sim_table_release(&ledger->ids);
    sim_table_release(&ledger->counts_by_id);
    sim_table_release(&ledger->keys);
    sim_table_release(&ledger->order_keys);
    free(ledger);
}

/* --- names --- */

uint32_t sim_ledger_find(const struct sim_ledger *ledger, const struct uuid *id)
{
    return sim_table_find(&ledger->ids, sim_uuid_hash(id));
}

void sim_ledger_name(struct sim_ledger *ledger, const struct uuid *id, uint32_t number)
{
    sim_table_put(&ledger->ids, sim_uuid_hash(id), number);
}

struct sim_ledger_count *sim_ledger_count_of(struct sim_ledger *ledger, const struct uuid *user_id,
                                             uint32_t event)
{
    uint64_t key = sim_mix(sim_uuid_hash(user_id) + event);
    uint32_t at = sim_table_find(&ledger->counts_by_id, key);

    if (at == SIM_TABLE_MISSING) {
        at = ledger->count_count++;
        ledger->counts = sim_grow(ledger->counts, at, &ledger->count_room, sizeof *ledger->counts);
        ledger->counts[at] = (struct sim_ledger_count){.user_id = *user_id, .event = event};
        sim_table_put(&ledger->counts_by_id, key, at);
    }
    return &ledger->counts[at];
}

bool sim_ledger_has_key(const struct sim_ledger *ledger, uint64_t key_hash, uint64_t stamp_ms)
{
    return sim_table_find(&ledger->keys, key_hash) == sim_ledger_second(stamp_ms);
}

/* Near the window's end either is right. A mirror may come to the later of two
 * records first, when they are in two shards' logs. */
bool sim_ledger_key_counts(const struct sim_ledger *ledger, uint64_t key_hash, uint64_t stamp_ms)
{
    uint32_t one_s = sim_table_find(&ledger->keys, key_hash);
    uint32_t other_s = sim_ledger_second(stamp_ms);
    if (one_s == SIM_TABLE_MISSING)
        return false;
    uint32_t apart_s = one_s < other_s ? other_s - one_s : one_s - other_s;
    return apart_s + 3 < ledger->options.key_ms / 1000;
}

bool sim_ledger_key_made(const struct sim_ledger *ledger)
{
    return sim_ledger_key_counts(ledger, ledger->record->key.hash, ledger->record->stamp_ms);
}

bool sim_ledger_status(const struct sim_ledger *ledger, const struct uuid *booking_id,
                       enum booking_status *status)
{
    uint32_t at = sim_ledger_find(ledger, booking_id);
    if (at == SIM_TABLE_MISSING || at >= ledger->booking_count ||
        !uuid_equal(&ledger->bookings[at].id, booking_id))
        return false;
    *status = ledger->bookings[at].status;
    return true;
}

uint32_t sim_ledger_bookings(const struct sim_ledger *ledger)
{
    return ledger->booking_count;
}

/* --- the life of a booking --- */

static struct sim_ledger_booking *known(struct sim_ledger *ledger, const struct uuid *id,
                                        uint32_t *at)
{
    *at = sim_ledger_find(ledger, id);
    if (*at >= ledger->booking_count || !uuid_equal(&ledger->bookings[*at].id, id))
        return NULL;
    return &ledger->bookings[*at];
}

static const char *check_limit(struct sim_ledger *ledger, const struct uuid *user_id,
                               uint32_t event)
{
    const struct sim_ledger_count *count = sim_ledger_count_of(ledger, user_id, event);
    if (ledger->options.live && count->tickets > ledger->events[event].max_per_user)
        return sim_ledger_fail(ledger, "I4 limit: %u tickets of at most %u", count->tickets,
                               ledger->events[event].max_per_user);
    return NULL;
}

static int64_t price_of(const struct sim_ledger_zone *zone, uint16_t from, uint16_t to)
{
    int64_t sum = 0;
    if (!zone->by_segment)
        return zone->price;
    for (uint16_t i = from; i < to; i++)
        sum += zone->prices[i];
    return sum;
}

static const char *check_reserved(struct sim_ledger *ledger, const struct sim_ledger_zone *zone,
                                  const struct record_reserved *reserved)
{
    uint32_t most = ledger->options.max_per_order;

    if (zone->seated && most > RECORD_SEATS_MAX)
        most = RECORD_SEATS_MAX;
    if (reserved->quantity < 1 || reserved->quantity > most)
        return sim_ledger_fail(ledger, "quantity %u of at most %u", reserved->quantity, most);
    if (reserved->from_segment >= reserved->to_segment || reserved->to_segment > zone->segments)
        return sim_ledger_fail(ledger, "way %u to %u of %u", reserved->from_segment,
                               reserved->to_segment, zone->segments);
    if (zone->closed)
        return sim_ledger_fail(ledger, "the zone is closed");
    if (reserved->seat_count != (zone->seated ? reserved->quantity : 0))
        return sim_ledger_fail(ledger, "%u seats for %u", reserved->seat_count, reserved->quantity);
    if (uuid_v7_ms(&reserved->booking_id) != ledger->record->stamp_ms)
        return sim_ledger_fail(ledger, "the id's time is %llu",
                               (unsigned long long)uuid_v7_ms(&reserved->booking_id));
    return NULL;
}

static const char *check_reserve_price(struct sim_ledger *ledger,
                                       const struct sim_ledger_zone *zone,
                                       const struct record_reserved *reserved)
{
    int64_t price = price_of(zone, reserved->from_segment, reserved->to_segment);
    bool exchange = !uuid_is_nil(&reserved->order.id) && reserved->order.count == 0;

    if (reserved->unit_price_minor != price)
        return sim_ledger_fail(ledger, "I15 price %lld, the zone's is %lld",
                               (long long)reserved->unit_price_minor, (long long)price);
    if (reserved->ttl_ms != ledger->options.ttl_ms && !exchange)
        return sim_ledger_fail(ledger, "time to live %u", reserved->ttl_ms);
    return NULL;
}

static const char *enter_reserved(struct sim_ledger *ledger)
{
    const struct record_reserved *reserved = &ledger->record->reserved;
    uint32_t zone = sim_ledger_find(ledger, &reserved->zone_id), at, block = 0;
    const char *fault;

    if (zone >= ledger->zone_count || !uuid_equal(&ledger->zones[zone].id, &reserved->zone_id))
        return sim_ledger_fail(ledger, "unknown zone");
    if (sim_ledger_find(ledger, &reserved->booking_id) != SIM_TABLE_MISSING)
        return sim_ledger_fail(ledger, "I14 the booking's id is not new");
    if ((fault = check_reserved(ledger, &ledger->zones[zone], reserved)) != NULL ||
        (fault = check_reserve_price(ledger, &ledger->zones[zone], reserved)) != NULL)
        return fault;
    if (!uuid_is_nil(&reserved->block_id)) {
        block = sim_ledger_find(ledger, &reserved->block_id) + 1;
        if (block == 0 || block > ledger->block_count || !ledger->blocks[block - 1].active ||
            ledger->blocks[block - 1].zone != zone || !ledger->blocks[block - 1].allotment)
            return sim_ledger_fail(ledger, "no active allotment of the zone");
    }
    at = ledger->booking_count;
    ledger->bookings =
        sim_grow(ledger->bookings, at, &ledger->booking_room, sizeof *ledger->bookings);
    struct sim_ledger_booking *booking = &ledger->bookings[at];
    *booking =
        (struct sim_ledger_booking){.id = reserved->booking_id,
                                    .user_id = reserved->user_id,
                                    .zone = zone,
                                    .quantity = reserved->quantity,
                                    .block = block,
                                    .from = reserved->from_segment,
                                    .to = reserved->to_segment,
                                    .order = reserved->order,
                                    .created_ms = ledger->record->stamp_ms,
                                    .deadline_ms = ledger->record->stamp_ms + reserved->ttl_ms,
                                    .price = reserved->unit_price_minor,
                                    .seat_count = reserved->seat_count};
    memcpy(booking->seats, reserved->seats, reserved->seat_count * sizeof booking->seats[0]);
    if ((fault = sim_ledger_place_check(ledger, at)) != NULL)
        return fault;
    ledger->booking_count++;
    sim_ledger_name(ledger, &booking->id, at);
    sim_ledger_place(ledger, at, 1);
    if (sim_ledger_left(ledger, booking) != reserved->remaining)
        return sim_ledger_fail(ledger, "I1 says %u remain, there are %u", reserved->remaining,
                               sim_ledger_left(ledger, booking));
    if (ledger->options.live && (fault = sim_ledger_item(ledger, at)) != NULL)
        return fault;
    if (booking->uncounted)
        return NULL;
    sim_ledger_count_of(ledger, &booking->user_id, ledger->zones[zone].event)->tickets +=
        booking->quantity;
    return check_limit(ledger, &booking->user_id, ledger->zones[zone].event);
}

static void leave(struct sim_ledger *ledger, uint32_t at, enum booking_status end)
{
    struct sim_ledger_booking *booking = &ledger->bookings[at];

    sim_ledger_place(ledger, at, -1);
    booking->status = end;
    booking->pinned = false;
    if (!booking->uncounted)
        sim_ledger_count_of(ledger, &booking->user_id, ledger->zones[booking->zone].event)
            ->tickets -= booking->quantity;
    sim_ledger_drain(&ledger->zones[booking->zone]);
}

static const char *enter_settled(struct sim_ledger *ledger)
{
    const struct record_settled *settled = &ledger->record->settled;
    uint32_t at;
    struct sim_ledger_booking *booking = known(ledger, &settled->booking_id, &at);
    bool order = settled->cause != CAUSE_REQUEST;

    if (!booking)
        return sim_ledger_fail(ledger, "unknown booking");
    bool ends_confirmed = settled->cause == CAUSE_EXCHANGED || settled->cause == CAUSE_POSTED;
    if (booking->status != BOOKING_RESERVED &&
        !(ends_confirmed && booking->status == BOOKING_CONFIRMED))
        return sim_ledger_fail(ledger, "I5 the booking is %s already",
                               booking_status_name(booking->status));
    if (!order && ledger->record->stamp_ms >= booking->deadline_ms)
        return sim_ledger_fail(ledger, "I6 its deadline was %llu",
                               (unsigned long long)booking->deadline_ms);
    if (!order && !uuid_is_nil(&booking->order.id))
        return sim_ledger_fail(ledger, "I29 it is a part of an order");
    if (settled->quantity != booking->quantity || !uuid_equal(&settled->user_id, &booking->user_id))
        return sim_ledger_fail(ledger, "%u places or a user that are not the booking's",
                               settled->quantity);
    const char *fault =
        sim_ledger_part(ledger, at, settled->cause, ledger->record->kind == RECORD_CONFIRMED);
    if (fault)
        return fault;
    if (ledger->record->kind == RECORD_CANCELLED) {
        leave(ledger, at, BOOKING_CANCELLED);
        return NULL;
    }
    booking->status = BOOKING_CONFIRMED;
    booking->pinned = false;
    ledger->zones[booking->zone].reserved -= booking->quantity;
    ledger->zones[booking->zone].sold += booking->quantity;
    return NULL;
}

static const char *enter_expired(struct sim_ledger *ledger)
{
    const struct record_expired *expired = &ledger->record->expired;
    uint64_t before_ms = 0;

    if (expired->count < 1 || expired->count > RECORD_EXPIRED_MAX)
        return sim_ledger_fail(ledger, "%u items", expired->count);
    for (uint32_t i = 0; i < expired->count; i++) {
        const struct record_expired_item *item = &expired->items[i];
        uint32_t at;
        const struct sim_ledger_booking *booking = known(ledger, &item->booking_id, &at);
        if (!booking || !uuid_equal(&ledger->zones[booking->zone].id, &expired->zone_id))
            return sim_ledger_fail(ledger, "item %u: unknown booking", i);
        if (booking->status != BOOKING_RESERVED || booking->pinned)
            return sim_ledger_fail(ledger, "I5 item %u is %s%s", i,
                                   booking_status_name(booking->status),
                                   booking->pinned ? ", pinned" : "");
        if (booking->deadline_ms > ledger->record->stamp_ms)
            return sim_ledger_fail(ledger, "I6 item %u has until %llu", i,
                                   (unsigned long long)booking->deadline_ms);
        if (booking->deadline_ms < before_ms)
            return sim_ledger_fail(ledger, "item %u is not in the order of deadlines", i);
        before_ms = booking->deadline_ms;
        if (item->quantity != booking->quantity || !uuid_equal(&item->user_id, &booking->user_id))
            return sim_ledger_fail(ledger, "item %u is not as the booking", i);
        leave(ledger, at, BOOKING_EXPIRED);
    }
    return NULL;
}

/* --- all --- */

static const char *enter_key(struct sim_ledger *ledger)
{
    const struct record *record = ledger->record;
    uint64_t hash = record->key.hash;

    if (hash == 0)
        return NULL;
    if (record->kind == RECORD_RESERVED && !uuid_is_nil(&record->reserved.order.id))
        return NULL; /* one key for all items: sim_ledger_item */
    if (sim_ledger_key_made(ledger))
        return sim_ledger_fail(ledger, "I8 its key made a record already");
    sim_table_put(&ledger->keys, hash, sim_ledger_second(record->stamp_ms));
    return NULL;
}

static const char *enter(struct sim_ledger *ledger)
{
    switch (ledger->record->kind) {
    case RECORD_RESERVED:
        return enter_reserved(ledger);
    case RECORD_CONFIRMED:
    case RECORD_CANCELLED:
        return enter_settled(ledger);
    case RECORD_EXPIRED:
        return enter_expired(ledger);
    case RECORD_CHANGED:
        return sim_ledger_changed(ledger);
    case RECORD_BLOCK:
        return sim_ledger_block(ledger);
    case RECORD_ZONE_CHANGED:
        return sim_ledger_zone_changed(ledger);
    case RECORD_EVENT:
    case RECORD_SHOW:
    case RECORD_ZONE:
    case RECORD_STATION:
    case RECORD_ROUTE:
        return sim_ledger_catalog(ledger);
    case RECORD_ORDER:
        return ledger->options.live ? sim_ledger_order(ledger) : NULL;
    case RECORD_CLEAN_STOP:
    case RECORD_STATE:
        return NULL;
    }
    return sim_ledger_fail(ledger, "a kind nobody knows");
}

const char *sim_ledger_record(struct sim_ledger *ledger, uint16_t shard,
                              const struct record *record)
{
    ledger->record = record;
    const char *fault = NULL;
    if (record->stamp_ms < ledger->stamps[shard])
        fault = sim_ledger_fail(ledger, "I23 the one before had %llu",
                                (unsigned long long)ledger->stamps[shard]);
    ledger->stamps[shard] = record->stamp_ms;
    if (!fault)
        fault = enter_key(ledger);
    if (!fault)
        fault = enter(ledger);
    ledger->record = NULL;
    return fault;
}
