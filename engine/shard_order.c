/* Orders at their user's home shard: what is against one before its bookings are
 * asked, what a user's count makes of it, and what a start learns from records. */
#include <assert.h>
#include <string.h>

#include "memory.h"
#include "shard.h"
#include "shard_state.h"

struct order_table *shard_orders(struct shard *shard)
{
    return &shard->orders;
}

/* --- admission --- */

static void give_back_items(struct shard *shard, const struct order_draft *draft, uint32_t count,
                            const struct uuid *user_id)
{
    for (uint32_t i = 0; i < count; i++)
        shard_give_back_quota(shard, user_id, draft->items[i].reserve.event_number,
                              draft->items[i].reserve.quantity);
}

/* An item found the limit full of what is under way. If that was the order itself,
 * given back by now, it is over the limit for good. */
static enum result judge_wait(const struct shard *shard, const struct command *item,
                              struct refusal_detail *detail, bool *wait)
{
    const struct quota_entry *entry =
        quota_find(&shard->quotas, &item->actor.id, item->reserve.event_number);

    *wait = entry && entry->under_way > 0;
    detail->held = entry ? entry->tickets : 0;
    return *wait ? RESULT_OK : RESULT_MAX_PER_USER_EXCEEDED;
}

/* Each item as a reserve by itself; those before it are counted already. */
static enum result admit_items(struct shard *shard, struct command *command, uint64_t now_ms,
                               struct refusal_detail *detail, bool *wait)
{
    struct order_draft *draft = command->order_draft;
    struct command item;

    assert(draft->count >= 1 && draft->count <= ORDER_ITEMS_MAX);
    item.kind = COMMAND_RESERVE;
    item.actor = command->actor;
    for (uint32_t i = 0; i < draft->count; i++) {
        item.reserve = draft->items[i].reserve;
        item.reserve.order.count = (uint8_t)draft->count;
        *detail = (struct refusal_detail){0};
        enum result result = shard_admit_reserve(shard, &item, now_ms, detail, wait);
        draft->items[i].reserve = item.reserve;
        if (result == RESULT_OK && !*wait)
            continue;
        give_back_items(shard, draft, i, &command->actor.id);
        if (result == RESULT_OK)
            result = judge_wait(shard, &item, detail, wait);
        detail->item = i;
        return result;
    }
    return RESULT_OK;
}

/* What a start found of an exchange of this booking comes first: it may be this
 * very request, that its key then repeats. */
static bool is_being_mended(const struct shard *shard, const struct uuid *booking_id)
{
    const struct order *order = order_find(&shard->orders, booking_id);
    return order && (order->busy || order->recovery != ORDER_RECOVERY_NONE);
}

enum result shard_admit_order(struct shard *shard, struct command *command, uint64_t now_ms,
                              struct refusal_detail *detail, bool *wait)
{
    if (command->kind == COMMAND_ORDER_CREATE)
        return admit_items(shard, command, now_ms, detail, wait);
    if (command->kind == COMMAND_EXCHANGE_ZONE) {
        *wait = is_being_mended(shard, &command->booking.booking_id);
        return RESULT_OK;
    }
    const struct order *order = order_find(&shard->orders, &command->order.order_id);
    if (!order || order->kind != ORDER_CONFIRM || order->state == ORDER_HOLDING ||
        !uuid_equal(&order->user_id, &command->actor.id))
        return RESULT_NOT_FOUND;
    *wait = order->busy || order->recovery != ORDER_RECOVERY_NONE;
    return RESULT_OK;
}

void shard_retract_order(struct shard *shard, const struct command *command)
{
    give_back_items(shard, command->order_draft, command->order_draft->count, &command->actor.id);
}

bool shard_take_exchange(struct shard *shard, const struct uuid *user_id, uint32_t event_number,
                         uint32_t quantity)
{
    return shard_take_quota(shard, user_id, event_number, quantity) == RESULT_OK;
}

void shard_settle_part(struct shard *shard, const struct answer *answer)
{
    const struct settlement *settlement = &answer->settlement;

    if (answer->kind == COMMAND_RESERVE)
        shard_give_back_quota(shard, &settlement->user_id, settlement->event_number,
                              answer->result == RESULT_OK ? 0 : settlement->tickets);
}

/* --- after a start --- */

static bool replay_decided(struct shard *shard, const struct record *record)
{
    if (!shard_is_home_of(shard, &record->order.user_id))
        return true;
    struct order *order = order_replay_decided(&shard->orders, &record->order, record->stamp_ms);
    if (order)
        order->end_key = record->key;
    return order != NULL;
}

bool shard_replay_order(struct shard *shard, const struct record *record)
{
    switch (record->kind) {
    case RECORD_RESERVED:
        return uuid_is_nil(&record->reserved.order.id) ||
               !shard_is_home_of(shard, &record->reserved.user_id) ||
               order_replay_reserved(&shard->orders, &record->reserved);
    case RECORD_CHANGED:
        return record->changed.cause != CAUSE_PINNED ||
               !shard_is_home_of(shard, &record->changed.user_id) ||
               order_replay_pinned(&shard->orders, &record->changed);
    case RECORD_ORDER:
        return replay_decided(shard, record);
    default:
        return true;
    }
}

bool shard_next_try(const struct shard *shard, uint32_t *at, struct uuid *booking_id,
                    struct uuid *exchange_id, struct uuid *user_id)
{
    const struct booking_table *table = &shard->bookings;

    while (++*at < table->extras.used) { /* slot 0 is never used */
        const struct booking_extra *extra = slab_at(&table->extras, *at);
        if (extra->order == SLAB_NONE)
            continue;
        const struct booking *booking = booking_at(table, extra->booking);
        const struct booking_order *order = booking_order(table, booking);
        if (booking->status != BOOKING_RESERVED || uuid_is_nil(&order->part.id) ||
            order->part.count != 0)
            continue;
        *booking_id = booking->id;
        *exchange_id = order->part.id;
        *user_id = *booking_user_id(table, booking);
        return true;
    }
    return false;
}

/* Which of an order's two answers a record is part of. */
enum part_of { PART_OF_NONE, PART_OF_CREATED, PART_OF_ENDED };

static enum part_of part_of(const struct record *record)
{
    if (record->kind == RECORD_RESERVED)
        return PART_OF_CREATED;
    if (record->kind == RECORD_CONFIRMED)
        return record->settled.cause == CAUSE_POSTED ? PART_OF_ENDED : PART_OF_NONE;
    if (record->kind == RECORD_CANCELLED)
        return record->settled.cause == CAUSE_VOIDED ? PART_OF_ENDED : PART_OF_NONE;
    if (record->kind == RECORD_CHANGED)
        return record->changed.cause == CAUSE_POSTED ? PART_OF_ENDED : PART_OF_NONE;
    return PART_OF_NONE;
}

static bool is_posted(const struct record *record)
{
    return part_of(record) == PART_OF_ENDED && record->kind != RECORD_CANCELLED;
}

static const struct uuid *booking_of(const struct record *record)
{
    if (record->kind == RECORD_RESERVED)
        return &record->reserved.booking_id;
    return record->kind == RECORD_CHANGED ? &record->changed.booking_id
                                          : &record->settled.booking_id;
}

static const struct uuid *user_of(const struct record *record)
{
    if (record->kind == RECORD_RESERVED)
        return &record->reserved.user_id;
    return record->kind == RECORD_CHANGED ? &record->changed.user_id : &record->settled.user_id;
}

/* The order of a booking as it is right after the record. */
static struct order *order_of(struct shard *shard, const struct record *record,
                              const struct booking_facts *facts)
{
    /* The new booking of an exchange has left its order by then. */
    const struct uuid *id =
        uuid_is_nil(&facts->order.id) ? &facts->exchanged_from : &facts->order.id;
    struct order *order = uuid_is_nil(id) ? NULL : order_find(&shard->orders, id);

    return order && (order->kind == ORDER_CONFIRM || is_posted(record)) ? order : NULL;
}

static void keep_part(struct order_facts *facts, uint32_t item, const struct answer *answer)
{
    facts->items[item].booking = answer->booking;
    facts->items[item].seat_count = answer->seat_count;
    memcpy(facts->items[item].seats, answer->seats, answer->seat_count * sizeof answer->seats[0]);
    facts->count++;
}

/* Of an exchange only the new booking is posted. */
static uint32_t item_of(const struct order *order, const struct uuid *booking_id)
{
    uint32_t item = 0;

    if (order->kind == ORDER_EXCHANGE)
        return 1;

    while (item < order->count && !uuid_equal(&order->bookings[item], booking_id))
        item++;
    return item;
}

/* All parts are there, and the key: what the client was, or would have been, answered. */
static void remember_created(struct shard *shard, struct order *order)
{
    struct answer answer;

    if (order->created->count < order->count)
        return;
    memset(&answer, 0, offsetof(struct answer, seats));
    answer.kind = COMMAND_ORDER_CREATE;
    answer.settlement.stamp_ms = order_created_ms(order->bookings, order->count);
    answer.order = order->created;
    answer.order->status = order_status_of(answer.order);
    shard_keep_answer(shard, &order->create_key, &answer);
    memory_free(order->created);
    order->created = NULL;
}

static void fill_exchange(const struct order *order, struct answer *answer)
{
    answer->kind = COMMAND_EXCHANGE_ZONE;
    answer->booking = order->ended->items[1].booking;
    answer->booking.exchanged_from = order->id;
    answer->seat_count = order->ended->items[1].seat_count;
    memcpy(answer->seats, order->ended->items[1].seats,
           answer->seat_count * sizeof answer->seats[0]);
}

static void remember_ended(struct shard *shard, struct order *order)
{
    bool is_exchange = order->kind == ORDER_EXCHANGE;
    struct answer answer;

    if (!order->ended || order->end_key.hash == 0 ||
        order->ended->count < (is_exchange ? 1U : order->count))
        return;
    memset(&answer, 0, offsetof(struct answer, seats));
    answer.seat_count = 0;
    answer.settlement.stamp_ms = order->decided_ms;
    if (is_exchange) {
        fill_exchange(order, &answer);
    } else {
        answer.kind = order->posted ? COMMAND_ORDER_CONFIRM : COMMAND_ORDER_CANCEL;
        answer.order = order->ended;
        answer.order->status = order_status_of(answer.order);
    }
    if (is_exchange ||
        answer.order->status == (order->posted ? BOOKING_CONFIRMED : BOOKING_CANCELLED))
        shard_keep_answer(shard, &order->end_key, &answer);
    memory_free(order->ended);
    order->ended = NULL;
    order->end_key.hash = 0;
}

static struct order_facts **facts_of(struct order *order, enum part_of part)
{
    struct order_facts **facts = part == PART_OF_CREATED ? &order->created : &order->ended;

    if (!*facts) {
        *facts = memory_new(sizeof **facts);
        if (!*facts)
            return NULL;
        (*facts)->order_id = order->id;
        (*facts)->user_id = order->user_id;
    }
    return facts;
}

static void remember_part(struct shard *shard, struct order *order, const struct record *record,
                          const struct answer *answer)
{
    enum part_of part = part_of(record);
    uint32_t item = item_of(order, &answer->booking.booking_id);
    struct order_facts **facts = item < order->count ? facts_of(order, part) : NULL;

    if (!facts)
        return;
    keep_part(*facts, item, answer);
    if (part == PART_OF_CREATED)
        remember_created(shard, order);
    else
        remember_ended(shard, order);
}

void shard_remember_lapsed(struct shard *shard, struct order *order, uint32_t item,
                           const struct answer *answer)
{
    struct order_facts **facts = facts_of(order, PART_OF_ENDED);

    if (!facts || !uuid_is_nil(&(*facts)->items[item].booking.booking_id))
        return;
    keep_part(*facts, item, answer);
    remember_ended(shard, order);
}

void shard_remember_order(struct shard *shard, struct shard *zone_shard,
                          const struct record *record)
{
    struct answer answer;

    if (record->kind == RECORD_ORDER) {
        struct order *order = order_find(&shard->orders, &record->order.order_id);
        if (order)
            remember_ended(shard, order);
        return;
    }
    if (part_of(record) == PART_OF_NONE || !shard_is_home_of(shard, user_of(record)))
        return;
    memset(&answer, 0, offsetof(struct answer, seats));
    if (!shard_booking(zone_shard, booking_of(record), record->stamp_ms, &answer.booking,
                       answer.seats, &answer.seat_count))
        return;
    struct order *order = order_of(shard, record, &answer.booking);
    if (!order)
        return;
    if (record->kind == RECORD_RESERVED) {
        order->create_key = record->key;
        answer.booking.remaining = record->reserved.remaining;
    }
    remember_part(shard, order, record, &answer);
}
