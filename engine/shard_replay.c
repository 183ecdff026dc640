/* Applying records from the disk: every fact is checked before it is used. */
#include <assert.h>

#include "shard.h"
#include "shard_state.h"

static const char *const replay_names[] = {
    [SHARD_REPLAY_OK] = "ok",
    [SHARD_REPLAY_UNKNOWN_ZONE] = "unknown zone",
    [SHARD_REPLAY_UNKNOWN_BOOKING] = "unknown booking",
    [SHARD_REPLAY_DUPLICATE_BOOKING] = "booking id used twice",
    [SHARD_REPLAY_OVERSOLD] = "more tickets than the zone has",
    [SHARD_REPLAY_BAD_STATE] = "not possible in this state",
    [SHARD_REPLAY_UNKNOWN_BLOCK] = "unknown block",
    [SHARD_REPLAY_BAD_SEATS] = "seats that cannot be had",
    [SHARD_REPLAY_STATE_DIFFERS] = "another state than when it was written",
    [SHARD_REPLAY_OUT_OF_MEMORY] = "out of memory",
};

const char *shard_replay_result_name(enum shard_replay_result result)
{
    return (unsigned)result <= SHARD_REPLAY_OUT_OF_MEMORY ? replay_names[result] : "unknown";
}

/* --- zone role --- */

static enum shard_replay_result check_reserved(struct shard *shard, const struct record *record)
{
    const struct record_reserved *reserved = &record->reserved;
    uint32_t number = shard_zone_number(shard, &reserved->zone_id);

    if (number == HASH_INDEX_MISSING)
        return SHARD_REPLAY_UNKNOWN_ZONE;
    const struct zone *zone = shard_zone_at(shard, number);
    if (reserved->from_segment >= reserved->to_segment ||
        reserved->to_segment > zone->segment_count || reserved->quantity == 0 ||
        uuid_v7_ms(&reserved->booking_id) != record->stamp_ms)
        return SHARD_REPLAY_BAD_STATE;
    if (reserved->quantity > zone_available(zone, reserved->from_segment, reserved->to_segment))
        return SHARD_REPLAY_OVERSOLD;
    if (booking_find(&shard->bookings, &reserved->booking_id) != HASH_INDEX_MISSING)
        return SHARD_REPLAY_DUPLICATE_BOOKING;
    if (!booking_table_has_room(&shard->bookings))
        return SHARD_REPLAY_OUT_OF_MEMORY;
    return SHARD_REPLAY_OK;
}

/* `end` says what the record claims of the booking that ends. */
static enum shard_replay_result check_end(const struct shard *shard,
                                          const struct record_expired_item *end,
                                          const struct uuid *zone_id, const struct record *record)
{
    uint32_t slot = booking_find(&shard->bookings, &end->booking_id);

    if (slot == HASH_INDEX_MISSING)
        return SHARD_REPLAY_UNKNOWN_BOOKING;
    const struct booking *booking = booking_at(&shard->bookings, slot);
    bool past_deadline = record->stamp_ms >= booking_deadline_ms(booking);
    bool is_expiry = record->kind == RECORD_EXPIRED;
    if (booking->status != BOOKING_RESERVED || past_deadline != is_expiry ||
        record->stamp_ms < booking_created_ms(booking) || end->quantity != booking->quantity ||
        !uuid_equal(&end->user_id, booking_user_id(&shard->bookings, booking)) ||
        !uuid_equal(&shard_zone_at(shard, booking->zone)->id, zone_id))
        return SHARD_REPLAY_BAD_STATE;
    return SHARD_REPLAY_OK;
}

static enum shard_replay_result check_settled(const struct shard *shard,
                                              const struct record *record)
{
    const struct record_settled *settled = &record->settled;
    const struct record_expired_item end = {settled->booking_id, settled->user_id,
                                            settled->quantity};
    return check_end(shard, &end, &settled->zone_id, record);
}

/* A record may name a booking twice; the second naming must fail too. */
static enum shard_replay_result check_expired(const struct shard *shard,
                                              const struct record *record)
{
    const struct record_expired *expired = &record->expired;

    for (uint32_t i = 0; i < expired->count; i++) {
        enum shard_replay_result result =
            check_end(shard, &expired->items[i], &expired->zone_id, record);
        if (result != SHARD_REPLAY_OK)
            return result;
        for (uint32_t before = 0; before < i; before++)
            if (uuid_equal(&expired->items[i].booking_id, &expired->items[before].booking_id))
                return SHARD_REPLAY_BAD_STATE;
    }
    return SHARD_REPLAY_OK;
}

static enum shard_replay_result replay_zone_role(struct shard *shard, const struct record *record)
{
    enum shard_replay_result result = SHARD_REPLAY_OK;

    if (record->kind == RECORD_RESERVED)
        result = check_reserved(shard, record);
    else if (record->kind == RECORD_EXPIRED)
        result = check_expired(shard, record);
    else
        result = check_settled(shard, record);
    if (result == SHARD_REPLAY_OK)
        shard_apply(shard, record);
    return result;
}

static const struct uuid *zone_of(const struct record *record)
{
    switch (record->kind) {
    case RECORD_RESERVED:
        return &record->reserved.zone_id;
    case RECORD_EXPIRED:
        return &record->expired.zone_id;
    default:
        return &record->settled.zone_id;
    }
}

enum shard_replay_result shard_replay(struct shard *shard, const struct record *record)
{
    enum shard_replay_result result = SHARD_REPLAY_OK;

    switch (record->kind) {
    case RECORD_EVENT:
    case RECORD_SHOW:
    case RECORD_ZONE:
    case RECORD_STATION:
    case RECORD_ROUTE:
    case RECORD_CHANGED:
    case RECORD_BLOCK:
    case RECORD_ZONE_CHANGED:
    case RECORD_ORDER:
    case RECORD_STATE:
    case RECORD_CLEAN_STOP:
        return SHARD_REPLAY_OK;
    case RECORD_RESERVED:
    case RECORD_CONFIRMED:
    case RECORD_CANCELLED:
    case RECORD_EXPIRED:
        break;
    }
    if (record->kind == RECORD_EXPIRED &&
        (record->expired.count == 0 || record->expired.count > RECORD_EXPIRED_MAX))
        return SHARD_REPLAY_BAD_STATE;
    if (shard_owns_zone(shard, zone_of(record)))
        result = replay_zone_role(shard, record);
    if (result != SHARD_REPLAY_OK)
        return result;
    return shard_replay_home(shard, record);
}
