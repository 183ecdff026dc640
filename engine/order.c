#include "order.h"

#include <assert.h>

#include "hash.h"
#include "memory.h"

enum { ORDERS_MAX = 1 << 24 };

static bool order_matches(const void *slab, uint32_t slot, const void *id)
{
    const struct order *order = slab_at(slab, slot);
    return uuid_equal(&order->id, id);
}

static uint64_t order_hash(const void *slab, uint32_t slot)
{
    const struct order *order = slab_at(slab, slot);
    return hash_uuid(&order->id);
}

bool order_table_init(struct order_table *table)
{
    *table = (struct order_table){0};
    if (slab_init(&table->orders, sizeof(struct order), ORDERS_MAX) &&
        hash_index_init(&table->by_id, ORDERS_MAX, &table->orders, order_matches, order_hash))
        return true;
    order_table_release(table);
    return false;
}

void order_table_release(struct order_table *table)
{
    for (uint32_t i = 0; i < table->orders.used; i++) {
        struct order *order = slab_at(&table->orders, i);
        memory_free(order->created);
        memory_free(order->ended);
    }
    hash_index_release(&table->by_id);
    slab_release(&table->orders);
}

struct order *order_find(const struct order_table *table, const struct uuid *id)
{
    uint32_t slot = hash_index_find(&table->by_id, hash_uuid(id), id);
    return slot == HASH_INDEX_MISSING ? NULL : slab_at(&table->orders, slot);
}

struct order *order_open(struct order_table *table, const struct uuid *id,
                         const struct uuid *user_id, uint8_t count)
{
    assert(count >= 1 && count <= ORDER_ITEMS_MAX);
    uint32_t slot = slab_take(&table->orders);
    if (slot == SLAB_NONE)
        return NULL;
    struct order *order = slab_at(&table->orders, slot);
    order->id = *id;
    order->user_id = *user_id;
    order->count = count;
    order->state = ORDER_HOLDING;
    bool inserted = hash_index_insert(&table->by_id, hash_uuid(id), slot);
    assert(inserted); /* the index has room for every slot of the slab */
    return order;
}

void order_close(struct order_table *table, struct order *order)
{
    uint32_t slot =
        (uint32_t)((size_t)((char *)order - table->orders.entries) / table->orders.entry_bytes);

    hash_index_remove(&table->by_id, hash_uuid(&order->id), slot);
    slab_give(&table->orders, slot);
}

void order_set_booking(struct order *order, uint8_t item, const struct uuid *booking_id)
{
    assert(item < order->count);
    order->bookings[item] = *booking_id;
    order->known |= (uint8_t)(1U << item);
}

void order_decided(struct order *order, const struct record_order *decided, uint64_t decided_ms)
{
    order->posted = decided->decision == ORDER_POSTED;
    order->voided = decided->decision == ORDER_VOIDED;
    order->end = (uint8_t)decided->end;
    order->expires_ms = decided->expires_ms;
    order->payment_id = decided->payment_id;
    order->decided_ms = decided_ms;
}

enum booking_status order_status_of(const struct order_facts *facts)
{
    enum booking_status status = facts->items[0].booking.status;

    for (uint32_t i = 1; i < facts->count; i++)
        if (facts->items[i].booking.status < status)
            status = facts->items[i].booking.status;
    return status;
}

uint64_t order_created_ms(const struct uuid bookings[], uint32_t count)
{
    uint64_t created_ms = 0;

    for (uint32_t i = 0; i < count; i++)
        if (uuid_v7_ms(&bookings[i]) > created_ms)
            created_ms = uuid_v7_ms(&bookings[i]);
    return created_ms;
}

/* --- replay --- */

static struct order *open_exchange(struct order_table *table, const struct uuid *id,
                                   const struct uuid *user_id)
{
    struct order *order = order_find(table, id);

    if (order)
        return order->kind == ORDER_EXCHANGE ? order : NULL;
    order = order_open(table, id, user_id, 2);
    if (order)
        order->kind = ORDER_EXCHANGE;
    return order;
}

static bool learn_booking(struct order *order, uint8_t item, const struct uuid *booking_id)
{
    if (((uint32_t)order->known >> item & 1U) != 0)
        return uuid_equal(&order->bookings[item], booking_id);
    order_set_booking(order, item, booking_id);
    return true;
}

bool order_replay_reserved(struct order_table *table, const struct record_reserved *reserved)
{
    const struct order_part *part = &reserved->order;
    struct order *order;

    if (part->count == 0) {
        order = open_exchange(table, &part->id, &reserved->user_id);
        return order && part->item == 1; /* order_try says which try holds places still */
    }
    if (part->count > ORDER_ITEMS_MAX || part->item >= part->count)
        return false;
    order = order_find(table, &part->id);
    if (!order)
        order = order_open(table, &part->id, &reserved->user_id, part->count);
    if (!order || order->kind != ORDER_CONFIRM || order->count != part->count ||
        !uuid_equal(&order->user_id, &reserved->user_id))
        return false;
    return learn_booking(order, part->item, &reserved->booking_id);
}

bool order_replay_pinned(struct order_table *table, const struct record_changed *changed)
{
    if (changed->order.count != 0)
        return true;
    struct order *order = open_exchange(table, &changed->order.id, &changed->user_id);
    if (!order || changed->order.item > 1)
        return false;
    return changed->order.item == 1 || learn_booking(order, 0, &changed->booking_id);
}

void order_try(struct order *order, const struct uuid *booking_id)
{
    assert(order->kind == ORDER_EXCHANGE);
    if (!order->posted)
        order_set_booking(order, 1, booking_id);
}

static struct order *order_of_decision(struct order_table *table,
                                       const struct record_order *decided)
{
    struct order *order;

    if (decided->kind == ORDER_EXCHANGE)
        return decided->count == 2 ? open_exchange(table, &decided->order_id, &decided->user_id)
                                   : NULL;
    if (decided->count < 1 || decided->count > ORDER_ITEMS_MAX)
        return NULL;
    order = order_find(table, &decided->order_id);
    return order
               ? order
               : order_open(table, &decided->order_id, &decided->user_id, (uint8_t)decided->count);
}

/* Logs are replayed one after the other: the decision may come before or after
 * the bookings it is about. */
struct order *order_replay_decided(struct order_table *table, const struct record_order *decided,
                                   uint64_t decided_ms)
{
    struct order *order = order_of_decision(table, decided);

    if (!order || order->kind != decided->kind || order->count != decided->count || order->posted ||
        order->voided)
        return NULL;
    for (uint8_t i = 0; i < order->count; i++) {
        if (order->kind == ORDER_EXCHANGE)
            order_set_booking(order, i, &decided->bookings[i]);
        else if (!learn_booking(order, i, &decided->bookings[i]))
            return NULL;
    }
    order_decided(order, decided, decided_ms);
    return order;
}

static void recover_exchange(struct order *order, uint8_t pending)
{
    order->state = ORDER_ENDED;
    if (pending != 0)
        order->recovery = order->posted ? ORDER_RECOVERY_POST : ORDER_RECOVERY_VOID;
}

void order_recover(struct order *order, const enum booking_status statuses[ORDER_ITEMS_MAX],
                   uint8_t pending)
{
    uint32_t reserved = 0;

    order->busy = false;
    order->recovery = ORDER_RECOVERY_NONE;
    if (order->kind == ORDER_EXCHANGE) {
        recover_exchange(order, pending);
        return;
    }
    for (uint8_t i = 0; i < order->count; i++)
        if (((uint32_t)order->known >> i & 1U) != 0 && statuses[i] == BOOKING_RESERVED)
            reserved++;
    if (order->posted) {
        order->state = ORDER_CONFIRMED;
        order->recovery = reserved > 0 ? ORDER_RECOVERY_POST : ORDER_RECOVERY_NONE;
    } else if (reserved == order->count && pending == 0 && !order->voided) {
        order->state = ORDER_HELD;
    } else {
        order->state = ORDER_ENDED;
        order->recovery = reserved > 0 ? ORDER_RECOVERY_VOID : ORDER_RECOVERY_NONE;
    }
}

uint64_t order_table_bytes(const struct order_table *table)
{
    return (uint64_t)table->orders.used * table->orders.entry_bytes +
           hash_index_bytes(&table->by_id);
}
