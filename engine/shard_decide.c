/* The zone's shard decides: reserve, confirm, cancel, and what time ends. Nothing
 * here changes state: a decision is a record. */
#include <assert.h>
#include <string.h>

#include "shard.h"
#include "shard_state.h"

/* --- reserve --- */

bool shard_way(const struct zone *zone, const struct command_reserve *reserve, uint16_t *from,
               uint16_t *to)
{
    bool whole = reserve->from_segment == 0 && reserve->to_segment == 0;

    *from = whole ? 0 : reserve->from_segment;
    *to = whole ? zone->segment_count : reserve->to_segment;
    return *from < *to && *to <= zone->segment_count;
}

enum result shard_check_offer(const struct zone *zone, const struct command_reserve *reserve,
                              struct refusal_detail *detail)
{
    static const uint8_t none[sizeof reserve->allotment_digest];
    uint16_t from, to;

    *detail = (struct refusal_detail){.requested = reserve->quantity};
    if (!shard_way(zone, reserve, &from, &to))
        return RESULT_NOT_FOUND;
    detail->price_minor = zone_price(zone, from, to);
    if (zone->closed)
        return RESULT_SALE_CLOSED;
    if (memcmp(reserve->allotment_digest, none, sizeof none) != 0)
        return RESULT_OK;
    if (reserve->has_price && reserve->unit_price_minor != detail->price_minor)
        return RESULT_PRICE_CHANGED;
    if (zone->map)
        return RESULT_OK;
    detail->available = zone_available(zone, from, to);
    return reserve->quantity > detail->available ? RESULT_INSUFFICIENT_STOCK : RESULT_OK;
}

/* The allotment a reserve draws from, if it names one. */
static enum result find_allotment(const struct shard *shard, const struct zone *zone,
                                  const struct command_reserve *reserve, uint64_t now_ms,
                                  const struct block **block)
{
    static const uint8_t none[sizeof reserve->allotment_digest];

    *block = NULL;
    if (memcmp(reserve->allotment_digest, none, sizeof none) == 0)
        return RESULT_OK;
    uint32_t slot = zone_allotment(zone, reserve->allotment_digest);
    if (slot == SLAB_NONE)
        return RESULT_ALLOTMENT_UNKNOWN;
    *block = block_at(&shard->blocks, slot);
    bool over = (*block)->expires_ms != 0 && (*block)->expires_ms <= now_ms;
    return over ? RESULT_ALLOTMENT_UNKNOWN : RESULT_OK;
}

uint32_t shard_block_left(const struct zone *zone, const struct block *block, uint16_t from,
                          uint16_t to)
{
    uint32_t left = 0;

    if (!zone->map)
        return block->quantity - block_drawn(block, from, to);
    for (uint32_t i = 0; i < block->seat_count; i++) {
        enum seat_state state = seat_map_state(zone->map, block->seats[i], from, to);
        left += state == SEAT_FREE || state == SEAT_BLOCKED;
    }
    return left;
}

static enum result choose_places(const struct shard *shard, const struct zone *zone,
                                 const struct command *command, const struct block *block,
                                 struct record_reserved *reserved, struct refusal_facts *refusal)
{
    const struct command_reserve *reserve = &command->reserve;

    if (!zone->map) {
        refusal->detail.available = reserved->remaining;
        if (command->seat_count > 0)
            return RESULT_KIND_UNSUPPORTED;
        return reserve->quantity > reserved->remaining ? RESULT_INSUFFICIENT_STOCK : RESULT_OK;
    }
    const struct seat_request request = {.from = reserved->from_segment,
                                         .to = reserved->to_segment,
                                         .quantity = reserve->quantity,
                                         .allow_split = reserve->allow_split,
                                         .allow_orphans = shard_allows_orphans(shard, zone),
                                         .block = block,
                                         .named = command->seat_count > 0 ? command->seats : NULL};
    if ((request.named && command->seat_count != reserve->quantity) || reserve->quantity == 0 ||
        reserve->quantity > RECORD_SEATS_MAX) {
        refusal->detail.limit = RECORD_SEATS_MAX;
        return RESULT_QUANTITY_INVALID;
    }
    reserved->seat_count = reserve->quantity;
    return shard_choose_seats(zone, &request, reserved->seats, refusal);
}

/* What is free for the one who asks, before the step: of the allotment, or of the
 * zone. In a seated zone it is not what can be chosen from. */
static uint32_t left_for(const struct zone *zone, const struct block *block, uint16_t from,
                         uint16_t to)
{
    return block ? shard_block_left(zone, block, from, to) : zone_available(zone, from, to);
}

/* Member by member, for a literal would clear the seats as well. */
static void fill_reserved(struct record_reserved *reserved, const struct zone *zone,
                          const struct command *command)
{
    reserved->booking_id = command->reserve.booking_id;
    reserved->user_id = command->actor.id;
    reserved->zone_id = zone->id;
    reserved->quantity = command->reserve.quantity;
    reserved->order = command->reserve.order;
    reserved->seat_count = 0;
}

static enum result decide_reserve(struct shard *shard, const struct command *command,
                                  uint64_t now_ms, struct record *record,
                                  struct refusal_facts *refusal)
{
    const struct command_reserve *reserve = &command->reserve;
    struct record_reserved *reserved = &record->reserved;
    uint32_t number = shard_zone_number(shard, &reserve->zone_id);
    assert(number != HASH_INDEX_MISSING); /* the worker asked shard_knows_zone */
    const struct zone *zone = shard_zone_at(shard, number);
    const struct block *block;
    uint16_t from, to;

    refusal->detail = (struct refusal_detail){.requested = reserve->quantity};
    if (!shard_way(zone, reserve, &from, &to))
        return RESULT_NOT_FOUND;
    if (zone->closed)
        return RESULT_SALE_CLOSED;
    enum result result = find_allotment(shard, zone, reserve, now_ms, &block);
    if (result != RESULT_OK)
        return result;
    refusal->detail.price_minor = zone_price(zone, from, to);
    if (reserve->has_price && reserve->unit_price_minor != refusal->detail.price_minor)
        return RESULT_PRICE_CHANGED;
    fill_reserved(reserved, zone, command);
    reserved->from_segment = from;
    reserved->to_segment = to;
    reserved->unit_price_minor = refusal->detail.price_minor;
    reserved->ttl_ms = shard->options.reservation_ttl_ms;
    reserved->remaining = left_for(zone, block, from, to);
    reserved->block_id = block ? block->id : (struct uuid){0};
    result = choose_places(shard, zone, command, block, reserved, refusal);
    if (result != RESULT_OK)
        return result;
    if (!booking_table_has_room(&shard->bookings))
        return RESULT_OVERLOADED;
    reserved->remaining -= reserve->quantity;
    record->kind = RECORD_RESERVED;
    assert(uuid_v7_ms(&reserve->booking_id) == now_ms);
    return RESULT_OK;
}

/* --- confirm, cancel --- */

uint32_t shard_own_booking(const struct shard *shard, const struct command *command)
{
    uint32_t slot = booking_find(&shard->bookings, &command->booking.booking_id);

    if (slot == HASH_INDEX_MISSING)
        return slot;
    const struct booking *booking = booking_at(&shard->bookings, slot);
    const struct uuid *owner = booking_user_id(&shard->bookings, booking);
    return uuid_equal(owner, &command->actor.id) ? slot : HASH_INDEX_MISSING;
}

enum result shard_check_state(const struct shard *shard, const struct booking *booking,
                              uint64_t now_ms, unsigned allowed, struct refusal_detail *detail)
{
    const struct booking_order *order = booking_order(&shard->bookings, booking);
    uint64_t deadline_ms = booking_deadline_ms(booking);

    detail->status = booking->status;
    if (booking_is_pinned(&shard->bookings, booking)) {
        detail->order_id = order->pinned_by.id;
        return RESULT_PART_OF_ORDER;
    }
    if (booking->status == BOOKING_EXPIRED ||
        (booking->status == BOOKING_RESERVED && now_ms >= deadline_ms)) {
        detail->status = BOOKING_EXPIRED;
        detail->at_ms = deadline_ms;
        return RESULT_RESERVATION_EXPIRED;
    }
    if (booking->status == BOOKING_CONFIRMED)
        return allowed & SHARD_ALLOW_CONFIRMED ? RESULT_OK : RESULT_INVALID_STATE;
    if (booking->status != BOOKING_RESERVED)
        return RESULT_INVALID_STATE;
    if (order && !uuid_is_nil(&order->part.id) && !(allowed & SHARD_ALLOW_ORDER)) {
        detail->order_id = order->part.id;
        return RESULT_PART_OF_ORDER;
    }
    return RESULT_OK;
}

enum result shard_decide_settled(struct shard *shard, uint32_t slot, enum booking_status end,
                                 const struct command *command, struct record *record)
{
    const struct booking *booking = booking_at(&shard->bookings, slot);

    record->kind = end == BOOKING_CONFIRMED ? RECORD_CONFIRMED : RECORD_CANCELLED;
    record->settled =
        (struct record_settled){.booking_id = booking->id,
                                .user_id = *booking_user_id(&shard->bookings, booking),
                                .zone_id = shard_zone_at(shard, booking->zone)->id,
                                .quantity = booking->quantity,
                                .payment_id = command->booking.payment_id};
    return RESULT_OK;
}

static enum result decide_end(struct shard *shard, const struct command *command,
                              enum booking_status end, uint64_t now_ms, struct record *record,
                              struct refusal_facts *refusal)
{
    uint32_t slot = shard_own_booking(shard, command);

    refusal->detail = (struct refusal_detail){0};
    if (slot == HASH_INDEX_MISSING)
        return RESULT_NOT_FOUND; /* another's is as good as unknown */
    const struct booking *booking = booking_at(&shard->bookings, slot);
    if (booking->status == end)
        return RESULT_OK;
    enum result result = shard_check_state(shard, booking, now_ms, 0, &refusal->detail);
    return result == RESULT_OK ? shard_decide_settled(shard, slot, end, command, record) : result;
}

/* --- any command --- */

static bool is_part(const struct command *command)
{
    return command->booking.quantity != 0 || command->seat_count != 0;
}

enum result shard_decide(struct shard *shard, const struct command *command, uint64_t now_ms,
                         struct record *record, struct refusal_facts *refusal)
{
    refusal->seat_count = 0;
    record->kind = 0;
    record->stamp_ms = now_ms;
    record->actor = command->actor;
    record->key = command->key;
    switch (command->kind) {
    case COMMAND_RESERVE:
        return decide_reserve(shard, command, now_ms, record, refusal);
    case COMMAND_CONFIRM:
        if (is_part(command))
            return shard_decide_change(shard, command, now_ms, record, refusal);
        return decide_end(shard, command, BOOKING_CONFIRMED, now_ms, record, refusal);
    case COMMAND_CANCEL:
        return decide_end(shard, command, BOOKING_CANCELLED, now_ms, record, refusal);
    case COMMAND_EXTEND:
    case COMMAND_RELEASE:
    case COMMAND_EXCHANGE:
    case COMMAND_TRANSFER:
    case COMMAND_REFUND:
        return shard_decide_change(shard, command, now_ms, record, refusal);
    case COMMAND_PIN:
    case COMMAND_POST:
    case COMMAND_VOID:
        return shard_decide_pin(shard, command, now_ms, record, refusal);
    case COMMAND_BLOCK_CREATE:
    case COMMAND_BLOCK_END:
    case COMMAND_CAPACITY:
    case COMMAND_ZONE_SALE:
        return shard_decide_zone(shard, command, record, refusal);
    default:
        assert(false && "a command of the zone role");
        return RESULT_NOT_FOUND;
    }
}

static bool is_of_seats(struct shard *shard, const struct command *command)
{
    if (command->kind == COMMAND_EXCHANGE)
        return true;
    if (command->kind != COMMAND_RESERVE)
        return false;
    uint32_t number = shard_zone_number(shard, &command->reserve.zone_id);
    return number != HASH_INDEX_MISSING && shard_zone_at(shard, number)->map;
}

/* HASH_INDEX_MISSING: it names no zone of ours. */
static uint32_t zone_of_command(struct shard *shard, const struct command *command)
{
    uint32_t slot;

    switch (command->kind) {
    case COMMAND_RESERVE:
        return shard_zone_number(shard, &command->reserve.zone_id);
    case COMMAND_BLOCK_CREATE:
    case COMMAND_BLOCK_END:
    case COMMAND_CAPACITY:
    case COMMAND_ZONE_SALE:
        return shard_zone_number(shard, &command->zone_change.zone_id);
    default:
        slot = booking_find(&shard->bookings, &command->booking.booking_id);
        return slot == HASH_INDEX_MISSING ? slot : booking_at(&shard->bookings, slot)->zone;
    }
}

static bool rests_on_places(struct shard *shard, const struct command *command, enum result result)
{
    switch (result) {
    case RESULT_INSUFFICIENT_STOCK:
    case RESULT_SEAT_UNAVAILABLE:
    case RESULT_SEATS_NOT_TOGETHER:
    case RESULT_ORPHAN_SEAT:
    case RESULT_CAPACITY_BELOW_SOLD:
        return true;
    case RESULT_OK:
        return command->kind == COMMAND_CAPACITY || is_of_seats(shard, command);
    default:
        return false;
    }
}

bool shard_zone_is_overdue(const struct shard *shard, uint32_t number, uint64_t now_ms)
{
    return booking_is_overdue(&shard->bookings, number, now_ms) ||
           deadline_heap_soonest_ms(&shard->blocks.deadlines) <= now_ms;
}

bool shard_is_premature(struct shard *shard, const struct command *command, enum result result,
                        uint64_t now_ms)
{
    if (!rests_on_places(shard, command, result))
        return false;
    uint32_t number = zone_of_command(shard, command);
    return number != HASH_INDEX_MISSING && shard_zone_is_overdue(shard, number, now_ms);
}

/* --- what time ends --- */

uint64_t shard_next_deadline_ms(const struct shard *shard)
{
    uint64_t booking_ms = booking_next_deadline_ms(&shard->bookings);
    uint64_t block_ms = deadline_heap_soonest_ms(&shard->blocks.deadlines);

    return booking_ms < block_ms ? booking_ms : block_ms;
}

static bool expire_bookings(const struct shard *shard, const uint32_t *slots, uint32_t count,
                            struct record *record)
{
    static_assert((int)DEADLINE_HEAP_DUE_MAX <= (int)RECORD_EXPIRED_MAX, "they fit a record");

    if (count == 0)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const struct booking *booking = booking_at(&shard->bookings, slots[i]);
        record->expired.items[i] =
            (struct record_expired_item){.booking_id = booking->id,
                                         .user_id = *booking_user_id(&shard->bookings, booking),
                                         .quantity = booking->quantity};
    }
    record->kind = RECORD_EXPIRED;
    record->expired.zone_id =
        shard_zone_at(shard, booking_at(&shard->bookings, slots[0])->zone)->id;
    record->expired.count = count;
    return true;
}

static void begin_expiry(struct record *record, uint64_t now_ms)
{
    record->stamp_ms = now_ms;
    record->actor = (struct actor){.role = ROLE_SYSTEM};
    record->key = (struct request_key){0};
}

static bool expire_block(const struct shard *shard, uint64_t now_ms, struct record *record)
{
    if (deadline_heap_soonest_ms(&shard->blocks.deadlines) > now_ms)
        return false;
    shard_record_block_end(shard, shard->blocks.deadlines.entries[0].item, CAUSE_EXPIRED, record);
    return true;
}

bool shard_expire(struct shard *shard, uint64_t now_ms, struct record *record)
{
    uint32_t slots[DEADLINE_HEAP_DUE_MAX];

    begin_expiry(record, now_ms);
    return expire_block(shard, now_ms, record) ||
           expire_bookings(shard, slots, booking_due(&shard->bookings, now_ms, slots), record);
}

bool shard_expire_for(struct shard *shard, const struct command *command, uint64_t now_ms,
                      struct record *record)
{
    uint32_t slots[DEADLINE_HEAP_DUE_MAX], number = zone_of_command(shard, command);

    begin_expiry(record, now_ms);
    if (expire_block(shard, now_ms, record))
        return true;
    uint32_t count =
        number == HASH_INDEX_MISSING ? 0 : booking_overdue(&shard->bookings, number, now_ms, slots);
    return expire_bookings(shard, slots, count, record);
}
