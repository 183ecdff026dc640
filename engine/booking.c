#include "booking.h"

#include "hash.h"
#include "state_hash.h"

#include <assert.h>

enum {
    BOOKINGS_MAX = 1 << 26,
    USERS_MAX = 1 << 26,
    CHUNKS_MAX = 1 << 27,
    CHUNKS_PER_BOOKING = (RECORD_SEATS_MAX + SEAT_CHUNK_SEATS - 1) / SEAT_CHUNK_SEATS
};

static bool booking_matches(const void *slab, uint32_t slot, const void *id)
{
    const struct booking *booking = slab_at(slab, slot);
    return uuid_equal(&booking->id, id);
}

static uint64_t booking_hash(const void *slab, uint32_t slot)
{
    const struct booking *booking = slab_at(slab, slot);
    return hash_uuid(&booking->id);
}

static bool user_matches(const void *slab, uint32_t slot, const void *id)
{
    const struct booking_user *user = slab_at(slab, slot);
    return uuid_equal(&user->id, id);
}

static uint64_t user_hash(const void *slab, uint32_t slot)
{
    const struct booking_user *user = slab_at(slab, slot);
    return hash_uuid(&user->id);
}

static bool init_tables(struct booking_table *table)
{
    return slab_init(&table->bookings, sizeof(struct booking), BOOKINGS_MAX) &&
           slab_init(&table->users, sizeof(struct booking_user), USERS_MAX) &&
           /* One of each at most for a booking; slot 0 of the extras is not used. */
           slab_init(&table->extras, sizeof(struct booking_extra), BOOKINGS_MAX + 1) &&
           slab_init(&table->orders, sizeof(struct booking_order), BOOKINGS_MAX) &&
           slab_init(&table->links, sizeof(struct received), BOOKINGS_MAX) &&
           slab_init(&table->chunks, sizeof(struct seat_chunk), CHUNKS_MAX) &&
           booking_deadlines_init(table, BOOKINGS_MAX) &&
           hash_index_init(&table->by_id, BOOKINGS_MAX, &table->bookings, booking_matches,
                           booking_hash) &&
           hash_index_init(&table->user_by_id, USERS_MAX, &table->users, user_matches, user_hash);
}

bool booking_table_init(struct booking_table *table)
{
    *table = (struct booking_table){0};
    if (!init_tables(table)) {
        booking_table_release(table);
        return false;
    }
    uint32_t unused = slab_take(&table->extras);
    assert(unused == 0);
    hash_index_entries(&table->by_id, table->bookings.entries, table->bookings.entry_bytes);
    hash_index_entries(&table->user_by_id, table->users.entries, table->users.entry_bytes);
    return true;
}

void booking_table_release(struct booking_table *table)
{
    hash_index_release(&table->user_by_id);
    hash_index_release(&table->by_id);
    booking_deadlines_release(table);
    slab_release(&table->chunks);
    slab_release(&table->links);
    slab_release(&table->orders);
    slab_release(&table->extras);
    slab_release(&table->users);
    slab_release(&table->bookings);
}

uint32_t booking_find(const struct booking_table *table, const struct uuid *id)
{
    return hash_index_find(&table->by_id, hash_uuid(id), id);
}

void booking_prefetch(const struct booking_table *table, const struct uuid *id)
{
    hash_index_prefetch(&table->by_id, hash_uuid(id));
}

void booking_prefetch_user(const struct booking_table *table, const struct uuid *user_id)
{
    hash_index_prefetch(&table->user_by_id, hash_uuid(user_id));
}

void booking_prefetch_entry(const struct booking_table *table, const struct uuid *id)
{
    hash_index_prefetch_entry(&table->by_id, hash_uuid(id));
}

void booking_prefetch_user_entry(const struct booking_table *table, const struct uuid *user_id)
{
    hash_index_prefetch_entry(&table->user_by_id, hash_uuid(user_id));
}

bool booking_table_has_room(const struct booking_table *table)
{
    return table->bookings.used < table->bookings.capacity &&
           table->users.used < table->users.capacity &&
           table->chunks.live + CHUNKS_PER_BOOKING <= table->chunks.capacity;
}

/* The user's slot, made when it is the first booking of the user here. */
static uint32_t user_slot(struct booking_table *table, const struct uuid *id)
{
    uint64_t hash = hash_uuid(id);
    uint32_t slot = hash_index_find(&table->user_by_id, hash, id);

    if (slot != HASH_INDEX_MISSING)
        return slot;
    slot = slab_take(&table->users);
    assert(slot != SLAB_NONE);
    struct booking_user *user = slab_at(&table->users, slot);
    user->id = *id;
    user->newest = user->received = SLAB_NONE;
    bool inserted = hash_index_insert(&table->user_by_id, hash, slot);
    assert(inserted);
    return slot;
}

/* --- the state's hash --- */

/* 0 for one without anything to say, whatever side slabs it once came to use. */
static uint64_t extra_state_hash(const struct booking_table *table, const struct booking *booking)
{
    uint32_t seats[RECORD_SEATS_MAX];
    uint32_t count = booking_seats(table, booking, seats);
    const struct booking_order *order = booking_order(table, booking);
    uint64_t hash = 0;

    for (uint32_t i = 0; i < count; i++)
        hash = state_hash_mix(hash, seats[i]);
    if (!order)
        return hash;
    if (!uuid_is_nil(&order->part.id))
        hash = state_hash_mix(hash ^ state_hash_uuid(&order->part.id),
                              (uint64_t)order->part.item << 8 | order->part.count);
    if (booking_is_pinned(table, booking))
        hash = state_hash_mix(hash, state_hash_uuid(&order->pinned_by.id));
    if (!uuid_is_nil(&order->exchanged_from))
        hash = state_hash_mix(hash, state_hash_uuid(&order->exchanged_from));
    return hash;
}

uint64_t booking_state_hash(const struct booking_table *table, uint32_t slot)
{
    const struct booking *booking = booking_at(table, slot);
    uint64_t id = state_hash_uuid(&booking->id);
    uint64_t user = state_hash_uuid(booking_user_id(table, booking));
    uint64_t amount = (uint64_t)booking->quantity << 32 | (uint64_t)booking->from_segment << 24 |
                      (uint64_t)booking->to_segment << 16 | booking->status;
    uint64_t times = (uint64_t)booking->ttl_ms << 32 | booking->changed_after_ms_low;
    uint64_t hash = state_hash_mix(id ^ (uint64_t)booking->unit_price_minor,
                                   state_hash_mix(user ^ amount, times)) ^
                    (uint64_t)booking->changed_after_ms_high << 32;

    uint64_t extra = booking->extra == 0 ? 0 : extra_state_hash(table, booking);
    return extra == 0 ? hash : state_hash_mix(hash, extra);
}

/* --- changes --- */

uint32_t booking_add(struct booking_table *table, const struct record_reserved *reserved,
                     uint32_t zone)
{
    uint32_t slot = slab_take(&table->bookings);
    assert(slot != SLAB_NONE);
    uint32_t user = user_slot(table, &reserved->user_id);
    struct booking_user *owner = slab_at(&table->users, user);
    struct booking *booking = booking_at(table, slot);

    *booking = (struct booking){.id = reserved->booking_id,
                                .unit_price_minor = reserved->unit_price_minor,
                                .user = user,
                                .zone = zone,
                                .older_of_user = owner->newest,
                                .quantity = reserved->quantity,
                                .ttl_ms = reserved->ttl_ms,
                                .status = BOOKING_RESERVED,
                                .from_segment = (uint8_t)reserved->from_segment,
                                .to_segment = (uint8_t)reserved->to_segment};
    owner->newest = slot;
    booking_deadline_append(table, slot);
    bool inserted = hash_index_insert(&table->by_id, hash_uuid(&booking->id), slot);
    assert(inserted);
    if (reserved->seat_count > 0)
        booking_set_seats(table, slot, reserved->seats, reserved->seat_count);
    if (!uuid_is_nil(&reserved->order.id))
        booking_order_open(table, slot)->part = reserved->order;
    table->count_by_status[BOOKING_RESERVED]++;
    table->state_hash += booking_state_hash(table, slot);
    return slot;
}

static void set_status(struct booking_table *table, struct booking *booking,
                       enum booking_status status, uint64_t stamp_ms)
{
    uint64_t after_ms = stamp_ms - booking_created_ms(booking);

    table->count_by_status[booking->status]--;
    table->count_by_status[status]++;
    booking->status = (uint8_t)status;
    booking->changed_after_ms_low = (uint32_t)after_ms;
    booking->changed_after_ms_high = (uint8_t)(after_ms >> 32);
}

static bool is_due(const struct booking_table *table, const struct booking *booking)
{
    return booking->status == BOOKING_RESERVED && !booking_is_pinned(table, booking);
}

void booking_end(struct booking_table *table, uint32_t slot, enum booking_status status,
                 uint64_t stamp_ms)
{
    struct booking *booking = booking_at(table, slot);

    assert(booking->status == BOOKING_RESERVED ||
           (booking->status == BOOKING_CONFIRMED && status == BOOKING_CANCELLED));
    assert(status != BOOKING_RESERVED);
    table->state_hash -= booking_state_hash(table, slot);
    if (is_due(table, booking))
        booking_deadline_remove(table, slot);
    if (booking->extra != 0)
        booking_extra_open(table, slot)->pinned = false;
    set_status(table, booking, status, stamp_ms);
    table->state_hash += booking_state_hash(table, slot);
}

static void change_deadline(struct booking_table *table, uint32_t slot,
                            const struct record_changed *changed)
{
    struct booking *booking = booking_at(table, slot);
    bool was_due = is_due(table, booking);
    bool will_be = changed->status == BOOKING_RESERVED && !changed->pinned;

    if (was_due && will_be && booking->ttl_ms == changed->ttl_ms)
        return;
    if (was_due)
        booking_deadline_remove(table, slot);
    booking->ttl_ms = changed->ttl_ms;
    if (will_be)
        booking_deadline_insert(table, slot);
}

/* Whose order it is: pinning keeps the booking's own beside the one that pins. */
static void change_order(struct booking_table *table, uint32_t slot,
                         const struct record_changed *changed)
{
    struct booking *booking = booking_at(table, slot);

    if (changed->pinned != booking_is_pinned(table, booking))
        booking_extra_open(table, slot)->pinned = changed->pinned;
    if (uuid_is_nil(&changed->order.id) && !booking_order(table, booking))
        return;
    struct booking_order *order = booking_order_open(table, slot);
    if (changed->cause == CAUSE_PINNED) {
        order->pinned_by = changed->order;
        return;
    }
    if (changed->cause == CAUSE_POSTED)
        order->exchanged_from = order->part.id;
    order->part = changed->order;
}

void booking_change(struct booking_table *table, uint32_t slot,
                    const struct record_changed *changed, uint64_t stamp_ms)
{
    struct booking *booking = booking_at(table, slot);

    table->state_hash -= booking_state_hash(table, slot);
    change_deadline(table, slot, changed);
    change_order(table, slot, changed);
    if (changed->seat_count > 0)
        booking_set_seats(table, slot, changed->seats, changed->seat_count);
    booking->quantity = changed->quantity;
    booking->unit_price_minor = changed->unit_price_minor;
    if (changed->status != booking->status)
        set_status(table, booking, changed->status, stamp_ms);
    if (!uuid_equal(&changed->user_id, booking_user_id(table, booking)))
        booking_give_to(table, slot, user_slot(table, &changed->user_id));
    table->state_hash += booking_state_hash(table, slot);
}

const struct uuid *booking_user_id(const struct booking_table *table, const struct booking *booking)
{
    const struct booking_user *user = slab_at(&table->users, booking->user);
    return &user->id;
}

struct booking_walk booking_walk_begin(const struct booking_table *table,
                                       const struct uuid *user_id)
{
    uint32_t slot = hash_index_find(&table->user_by_id, hash_uuid(user_id), user_id);

    if (slot == HASH_INDEX_MISSING)
        return (struct booking_walk){SLAB_NONE, SLAB_NONE, SLAB_NONE, 0};
    const struct booking_user *user = slab_at(&table->users, slot);
    return (struct booking_walk){slot, user->newest, user->received, 0};
}

uint32_t booking_walk_next(const struct booking_table *table, struct booking_walk *walk)
{
    while (walk->next != SLAB_NONE) {
        uint32_t slot = walk->next;
        const struct booking *booking = booking_at(table, slot);
        walk->next = booking->older_of_user;
        walk->steps++;
        if (booking->user == walk->user)
            return slot;
    }
    if (walk->next_link == SLAB_NONE)
        return SLAB_NONE;
    const struct received *link = slab_at(&table->links, walk->next_link);
    walk->next_link = link->older;
    walk->steps++;
    return link->booking;
}

static uint64_t slab_bytes(const struct slab *slab)
{
    return (uint64_t)slab->used * slab->entry_bytes;
}

uint64_t booking_table_bytes(const struct booking_table *table)
{
    return slab_bytes(&table->bookings) + slab_bytes(&table->users) + slab_bytes(&table->extras) +
           slab_bytes(&table->orders) + slab_bytes(&table->links) + slab_bytes(&table->chunks) +
           (uint64_t)(table->deadlines.count + table->zones.count) * sizeof(struct deadline) +
           hash_index_bytes(&table->by_id) + hash_index_bytes(&table->user_by_id);
}
