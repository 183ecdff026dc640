/* The zone's shard decides: reserve, confirm, cancel, expire. Nothing here changes
 * state: a decision is a record. */
#include <assert.h>

#include "shard.h"
#include "shard_state.h"

/* What a reservation touches: at home its user's count, in the zone's shard its
 * user's chain and its own id. */
static void prefetch_reservation(const struct shard *shard, const struct uuid *zone_id,
                                 const struct uuid *user_id, const struct uuid *booking_id,
                                 enum shard_prefetch_step step)
{
    bool is_first = step == SHARD_PREFETCH_BUCKETS;
    const struct catalog_event *event;
    uint32_t number;

    if (shard_is_home_of(shard, user_id) &&
        catalog_zone_and_event(shard->catalog, zone_id, &event, &number)) {
        if (is_first)
            quota_prefetch(&shard->quotas, user_id, number);
        else
            quota_prefetch_entry(&shard->quotas, user_id, number);
    }
    if (!shard_owns_zone(shard, zone_id))
        return;
    if (is_first) {
        booking_prefetch_user(&shard->bookings, user_id);
        booking_prefetch(&shard->bookings, booking_id);
    } else {
        booking_prefetch_user_entry(&shard->bookings, user_id);
    }
}

static void prefetch_booking(const struct shard *shard, const struct uuid *booking_id,
                             enum shard_prefetch_step step)
{
    if (step == SHARD_PREFETCH_BUCKETS)
        booking_prefetch(&shard->bookings, booking_id);
    else
        booking_prefetch_entry(&shard->bookings, booking_id);
}

static void prefetch_key(const struct shard *shard, const struct request_key *key,
                         enum shard_prefetch_step step)
{
    if (key->hash != 0 && step == SHARD_PREFETCH_BUCKETS)
        idempotency_prefetch(&shard->keys, key->hash);
}

void shard_prefetch(const struct shard *shard, const struct command *command,
                    enum shard_prefetch_step step)
{
    const struct uuid *user_id = &command->actor.id;

    prefetch_key(shard, &command->key, step);
    switch (command->kind) {
    case COMMAND_RESERVE:
        prefetch_reservation(shard, &command->reserve.zone_id, user_id,
                             &command->reserve.booking_id, step);
        break;
    case COMMAND_CONFIRM:
    case COMMAND_CANCEL:
    case COMMAND_BOOKING_GET:
        prefetch_booking(shard, &command->booking.booking_id, step);
        break;
    default:
        break;
    }
}

void shard_prefetch_record(const struct shard *shard, const struct record *record,
                           enum shard_prefetch_step step)
{
    prefetch_key(shard, &record->key, step);
    if (record->kind == RECORD_RESERVED)
        prefetch_reservation(shard, &record->reserved.zone_id, &record->reserved.user_id,
                             &record->reserved.booking_id, step);
    else
        prefetch_booking(shard, &record->settled.booking_id, step);
}

enum result shard_check_offer(const struct zone *zone, const struct command_reserve *reserve,
                              struct refusal_detail *detail)
{
    uint32_t available = zone_available(zone, 0, zone->segment_count);

    *detail = (struct refusal_detail){
        .requested = reserve->quantity, .available = available, .price_minor = zone->price_minor};
    if (reserve->has_price && reserve->unit_price_minor != zone->price_minor)
        return RESULT_PRICE_CHANGED;
    return reserve->quantity > available ? RESULT_INSUFFICIENT_STOCK : RESULT_OK;
}

static enum result decide_reserve(struct shard *shard, const struct command *command,
                                  uint64_t now_ms, struct record *record,
                                  struct refusal_detail *detail)
{
    const struct command_reserve *reserve = &command->reserve;
    uint32_t number = shard_zone_number(shard, &reserve->zone_id);
    assert(number != HASH_INDEX_MISSING); /* the worker asked shard_knows_zone */
    const struct zone *zone = shard_zone_at(shard, number);
    enum result result = shard_check_offer(zone, reserve, detail);

    if (result != RESULT_OK)
        return result;
    if (!booking_table_has_room(&shard->bookings))
        return RESULT_OVERLOADED;

    record->kind = RECORD_RESERVED;
    record->reserved = (struct record_reserved){.booking_id = reserve->booking_id,
                                                .user_id = command->actor.id,
                                                .zone_id = zone->id,
                                                .quantity = reserve->quantity,
                                                .from_segment = 0,
                                                .to_segment = zone->segment_count,
                                                .unit_price_minor = zone->price_minor,
                                                .ttl_ms = shard->options.reservation_ttl_ms,
                                                .remaining = detail->available - reserve->quantity};
    assert(uuid_v7_ms(&reserve->booking_id) == now_ms);
    return RESULT_OK;
}

/* What stands between a booking and the end it is to come to. RESULT_OK with
 * *already set: it has come to that end before. */
static enum result check_end(const struct booking *booking, enum booking_status end,
                             uint64_t now_ms, struct refusal_detail *detail, bool *already)
{
    uint64_t deadline_ms = booking_deadline_ms(booking);

    detail->status = booking->status;
    *already = booking->status == end;
    if (*already)
        return RESULT_OK;
    if (booking->status == BOOKING_EXPIRED ||
        (booking->status == BOOKING_RESERVED && now_ms >= deadline_ms)) {
        detail->status = BOOKING_EXPIRED;
        detail->at_ms = deadline_ms;
        return RESULT_RESERVATION_EXPIRED;
    }
    return booking->status == BOOKING_RESERVED ? RESULT_OK : RESULT_INVALID_STATE;
}

static enum result decide_end(struct shard *shard, const struct command *command,
                              enum booking_status end, uint64_t now_ms, struct record *record,
                              struct refusal_detail *detail)
{
    uint32_t slot = booking_find(&shard->bookings, &command->booking.booking_id);
    bool already;

    *detail = (struct refusal_detail){0};
    if (slot == HASH_INDEX_MISSING)
        return RESULT_NOT_FOUND;
    const struct booking *booking = booking_at(&shard->bookings, slot);
    const struct uuid *owner = booking_user_id(&shard->bookings, booking);
    if (!uuid_equal(owner, &command->actor.id))
        return RESULT_NOT_FOUND; /* another's is as good as unknown */
    enum result result = check_end(booking, end, now_ms, detail, &already);
    if (result != RESULT_OK || already)
        return result;

    record->kind = end == BOOKING_CONFIRMED ? RECORD_CONFIRMED : RECORD_CANCELLED;
    record->settled = (struct record_settled){.booking_id = booking->id,
                                              .user_id = *owner,
                                              .zone_id = shard_zone_at(shard, booking->zone)->id,
                                              .quantity = booking->quantity,
                                              .payment_id = command->booking.payment_id};
    return RESULT_OK;
}

enum result shard_decide(struct shard *shard, const struct command *command, uint64_t now_ms,
                         struct record *record, struct refusal_facts *refusal)
{
    struct refusal_detail *detail = &refusal->detail;

    refusal->seat_count = 0;
    record->kind = 0;
    record->stamp_ms = now_ms;
    record->actor = command->actor;
    record->key = command->key;
    switch (command->kind) {
    case COMMAND_RESERVE:
        return decide_reserve(shard, command, now_ms, record, detail);
    case COMMAND_CONFIRM:
        return decide_end(shard, command, BOOKING_CONFIRMED, now_ms, record, detail);
    case COMMAND_CANCEL:
        return decide_end(shard, command, BOOKING_CANCELLED, now_ms, record, detail);
    default:
        assert(false && "a command of the zone role");
        return RESULT_NOT_FOUND;
    }
}

bool shard_is_premature(const struct shard *shard, const struct command *command,
                        enum result result, uint64_t now_ms)
{
    (void)command;
    return result == RESULT_INSUFFICIENT_STOCK && shard_next_deadline_ms(shard) <= now_ms;
}

uint64_t shard_next_deadline_ms(const struct shard *shard)
{
    uint32_t slot = shard->bookings.soonest;
    return slot == SLAB_NONE ? UINT64_MAX : booking_deadline_ms(booking_at(&shard->bookings, slot));
}

bool shard_expire(struct shard *shard, uint64_t now_ms, struct record *record)
{
    uint32_t slot = shard->bookings.soonest;
    uint32_t count = 0, zone = 0;

    while (slot != SLAB_NONE && count < RECORD_EXPIRED_MAX) {
        const struct booking *booking = booking_at(&shard->bookings, slot);
        if (booking_deadline_ms(booking) > now_ms || (count > 0 && booking->zone != zone))
            break;
        zone = booking->zone;
        record->expired.items[count++] =
            (struct record_expired_item){.booking_id = booking->id,
                                         .user_id = *booking_user_id(&shard->bookings, booking),
                                         .quantity = booking->quantity};
        slot = booking->later;
    }
    if (count == 0)
        return false;
    record->kind = RECORD_EXPIRED;
    record->stamp_ms = now_ms;
    record->actor = (struct actor){.role = ROLE_SYSTEM};
    record->key = (struct request_key){0};
    record->expired.zone_id = shard_zone_at(shard, zone)->id;
    record->expired.count = count;
    return true;
}
