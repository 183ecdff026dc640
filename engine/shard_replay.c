/* Applying records from the disk: every fact is checked before it is used.
 * shard_replay_change.c has changed bookings, blocks and zones. */
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

static bool is_late(const struct shard *shard, const struct booking *booking, uint64_t stamp_ms)
{
    return booking->status == BOOKING_RESERVED && !booking_is_pinned(&shard->bookings, booking) &&
           stamp_ms >= booking_deadline_ms(booking);
}

static bool is_named_by(const struct shard *shard, const struct booking *booking,
                        const struct uuid *user_id, const struct uuid *zone_id)
{
    return uuid_equal(user_id, booking_user_id(&shard->bookings, booking)) &&
           uuid_equal(zone_id, &shard_zone_at(shard, booking->zone)->id);
}

enum shard_replay_result shard_replay_check_seats(const struct zone *zone,
                                                  const struct zone_places *places,
                                                  uint32_t seat_count,
                                                  const struct zone_places *own)
{
    uint32_t at = 0, zone_seats = zone->map ? seat_map_plan(zone->map)->seat_count : 0;
    bool drawn = places->block && places->block->active;

    if (seat_count != (zone->map ? places->quantity : 0) || seat_count > RECORD_SEATS_MAX)
        return SHARD_REPLAY_BAD_SEATS;
    for (uint32_t i = 0; i < seat_count; i++) {
        uint32_t seat = places->seats[i];
        if (seat >= zone_seats || (i > 0 && seat <= places->seats[i - 1]))
            return SHARD_REPLAY_BAD_SEATS;
        while (own && at < own->quantity && own->seats[at] < seat)
            at++;
        if (own && at < own->quantity && own->seats[at] == seat)
            continue;
        enum seat_state state = seat_map_state(zone->map, seat, places->from, places->to);
        bool can_be_had = drawn ? state == SEAT_BLOCKED && block_has_seat(places->block, seat)
                                : state == SEAT_FREE;
        if (!can_be_had)
            return SHARD_REPLAY_BAD_SEATS;
    }
    return SHARD_REPLAY_OK;
}

static enum shard_replay_result find_block(const struct shard *shard, const struct record *record,
                                           uint32_t zone, struct block **block)
{
    const struct uuid *id = &record->reserved.block_id;

    *block = NULL;
    if (uuid_is_nil(id))
        return SHARD_REPLAY_OK;
    uint32_t slot = block_find(&shard->blocks, id);
    if (slot == HASH_INDEX_MISSING)
        return SHARD_REPLAY_UNKNOWN_BLOCK;
    *block = block_at(&shard->blocks, slot);
    bool over = (*block)->expires_ms != 0 && (*block)->expires_ms <= record->stamp_ms;
    return (*block)->active && !over && (*block)->kind == BLOCK_ALLOTMENT && (*block)->zone == zone
               ? SHARD_REPLAY_OK
               : SHARD_REPLAY_BAD_STATE;
}

static enum shard_replay_result check_reserved(struct shard *shard, const struct record *record)
{
    const struct record_reserved *reserved = &record->reserved;
    uint32_t number = shard_zone_number(shard, &reserved->zone_id);
    struct block *block;

    if (number == HASH_INDEX_MISSING)
        return SHARD_REPLAY_UNKNOWN_ZONE;
    const struct zone *zone = shard_zone_at(shard, number);
    uint16_t from = reserved->from_segment, to = reserved->to_segment;
    if (from >= to || to > zone->segment_count || reserved->quantity == 0 ||
        uuid_v7_ms(&reserved->booking_id) != record->stamp_ms)
        return SHARD_REPLAY_BAD_STATE;
    enum shard_replay_result result = find_block(shard, record, number, &block);
    if (result != SHARD_REPLAY_OK)
        return result;
    uint32_t left =
        block ? block->quantity - block_drawn(block, from, to) : zone_available(zone, from, to);
    if (reserved->quantity > left)
        return SHARD_REPLAY_OVERSOLD;
    const struct zone_places places = {.from = from,
                                       .to = to,
                                       .quantity = reserved->quantity,
                                       .seats = reserved->seats,
                                       .block = block};
    result = shard_replay_check_seats(zone, &places, reserved->seat_count, NULL);
    if (result != SHARD_REPLAY_OK)
        return result;
    if (booking_find(&shard->bookings, &reserved->booking_id) != HASH_INDEX_MISSING)
        return SHARD_REPLAY_DUPLICATE_BOOKING;
    if (!booking_table_has_room(&shard->bookings))
        return SHARD_REPLAY_OUT_OF_MEMORY;
    return SHARD_REPLAY_OK;
}

/* Whether a booking may end so: by time only what is late, and else only what is
 * not, but for what an order decided in time; by a request only what none keeps. */
static bool may_end(const struct shard *shard, const struct booking *booking,
                    const struct record *record)
{
    bool pinned = booking_is_pinned(&shard->bookings, booking);
    bool late = is_late(shard, booking, record->stamp_ms);

    if (record->kind == RECORD_EXPIRED)
        return late;
    if (booking->status == BOOKING_CONFIRMED)
        return pinned && record->kind == RECORD_CANCELLED &&
               record->settled.cause == CAUSE_EXCHANGED;
    if (booking->status != BOOKING_RESERVED)
        return false;
    switch (record->settled.cause) {
    case CAUSE_REQUEST:
        return !pinned && !late;
    case CAUSE_POSTED:
        return record->kind == RECORD_CONFIRMED;
    case CAUSE_VOIDED:
        return record->kind == RECORD_CANCELLED && !late;
    case CAUSE_EXCHANGED:
        return record->kind == RECORD_CANCELLED;
    default:
        return false;
    }
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
    if (!may_end(shard, booking, record) || record->stamp_ms < booking_created_ms(booking) ||
        end->quantity != booking->quantity || !is_named_by(shard, booking, &end->user_id, zone_id))
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

    if (expired->count == 0 || expired->count > RECORD_EXPIRED_MAX)
        return SHARD_REPLAY_BAD_STATE;
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

static enum shard_replay_result check(struct shard *shard, const struct record *record)
{
    switch (record->kind) {
    case RECORD_RESERVED:
        return check_reserved(shard, record);
    case RECORD_EXPIRED:
        return check_expired(shard, record);
    case RECORD_CHANGED:
        return shard_replay_check_changed(shard, record);
    case RECORD_BLOCK:
        return shard_replay_check_block(shard, record);
    case RECORD_ZONE_CHANGED:
        return shard_replay_check_zone(shard, record);
    default:
        return check_settled(shard, record);
    }
}

enum shard_replay_result shard_replay(struct shard *shard, const struct record *record)
{
    const struct uuid *zone_id = record_zone_id(record);

    if (record->kind == RECORD_EXPIRED && record->expired.count > RECORD_EXPIRED_MAX)
        return SHARD_REPLAY_BAD_STATE; /* for both roles */
    if (zone_id && shard_owns_zone(shard, zone_id)) {
        enum shard_replay_result result = check(shard, record);
        if (result != SHARD_REPLAY_OK)
            return result;
        shard_apply(shard, record);
    }
    return shard_replay_home(shard, record);
}

enum shard_replay_result shard_replay_state(struct shard *shard, const struct record *record)
{
    return record->state_hash == shard_zone_hash(shard) ? SHARD_REPLAY_OK
                                                        : SHARD_REPLAY_STATE_DIFFERS;
}
