/* Orders after a replay: what records on their bookings say of the answers that
 * keys have, and what a crash left to be done. */
#include <string.h>

#include "order.h"
#include "restore.h"

static struct shard *shard_for(const struct restore *restore, const struct uuid *id)
{
    return restore->shards[partition_shard_of(restore->partitions, id)];
}

/* The zone and the user of a record on a booking of an order. NULL: it is none. */
static const struct uuid *zone_and_user(const struct record *record, const struct uuid **user_id)
{
    switch (record->kind) {
    case RECORD_RESERVED:
        *user_id = &record->reserved.user_id;
        return uuid_is_nil(&record->reserved.order.id) ? NULL : &record->reserved.zone_id;
    case RECORD_CONFIRMED:
    case RECORD_CANCELLED:
        *user_id = &record->settled.user_id;
        return record->settled.cause == CAUSE_POSTED || record->settled.cause == CAUSE_VOIDED
                   ? &record->settled.zone_id
                   : NULL;
    case RECORD_CHANGED:
        *user_id = &record->changed.user_id;
        return record->changed.cause == CAUSE_POSTED ? &record->changed.zone_id : NULL;
    default:
        return NULL;
    }
}

void restore_remember_order(const struct restore *restore, const struct record *record)
{
    const struct uuid *user_id;

    if (record->kind == RECORD_ORDER) {
        shard_remember_order(shard_for(restore, &record->order.user_id), NULL, record);
        return;
    }
    const struct uuid *zone_id = zone_and_user(record, &user_id);
    if (zone_id)
        shard_remember_order(shard_for(restore, user_id), shard_for(restore, zone_id), record);
}

/* An order that was let go while some of its bookings lapsed. */
static void complete_answer(const struct restore *restore, struct order *order)
{
    struct shard *home = shard_for(restore, &order->user_id);
    struct answer answer;

    memset(&answer, 0, offsetof(struct answer, seats));
    for (uint8_t i = 0; i < order->count && order->end_key.hash != 0; i++) {
        const struct shard *shard =
            restore->shards[partition_shard_of_booking(restore->partitions, &order->bookings[i])];
        if (shard_booking(shard, &order->bookings[i], 0, &answer.booking, answer.seats,
                          &answer.seat_count) &&
            answer.booking.status == BOOKING_EXPIRED)
            shard_remember_lapsed(home, order, i, &answer);
    }
}

static void recover_order(const struct restore *restore, struct order *order)
{
    enum booking_status statuses[ORDER_ITEMS_MAX] = {0};
    uint8_t pending = 0;

    for (uint8_t i = 0; i < order->count; i++) {
        const struct shard *shard =
            restore->shards[partition_shard_of_booking(restore->partitions, &order->bookings[i])];
        struct booking_facts facts;
        uint32_t seat_count;
        if (((uint32_t)order->known >> i & 1U) == 0)
            continue;
        if (!shard_booking(shard, &order->bookings[i], 0, &facts, NULL, &seat_count)) {
            order->known = (uint8_t)(order->known & ~(1U << i));
            continue;
        }
        statuses[i] = facts.status;
        bool is_new = order->kind == ORDER_EXCHANGE && i == 1;
        if (is_new ? !uuid_is_nil(&facts.order.id) && facts.status == BOOKING_RESERVED
                   : facts.pinned)
            pending = (uint8_t)(pending | 1U << i);
    }
    order_recover(order, statuses, pending);
    if (order->kind == ORDER_CONFIRM && order->recovery == ORDER_RECOVERY_NONE &&
        order->end_key.hash != 0)
        complete_answer(restore, order);
}

/* The exchanges under way learn what their last try holds. */
static void find_tries(const struct restore *restore, const struct shard *shard)
{
    struct uuid booking_id, exchange_id, user_id;
    uint32_t at = 0;

    while (shard_next_try(shard, &at, &booking_id, &exchange_id, &user_id)) {
        struct order *order = order_find(shard_orders(shard_for(restore, &user_id)), &exchange_id);
        if (order && order->kind == ORDER_EXCHANGE)
            order_try(order, &booking_id);
    }
}

void restore_orders(const struct restore *restore)
{
    for (uint16_t i = 0; i < restore->partitions->shard_count; i++)
        find_tries(restore, restore->shards[i]);
    for (uint16_t i = 0; i < restore->partitions->shard_count; i++) {
        struct order_table *orders = shard_orders(restore->shards[i]);
        for (uint32_t slot = 0; slot < orders->orders.used; slot++)
            recover_order(restore, slab_at(&orders->orders, slot));
    }
}
