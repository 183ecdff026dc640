#include "booking.h"

#include "hash.h"

#include <assert.h>

enum { BOOKINGS_MAX = 1 << 26, USERS_MAX = 1 << 26 };

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

bool booking_table_init(struct booking_table *table)
{
    *table = (struct booking_table){.soonest = SLAB_NONE, .latest = SLAB_NONE, .added = SLAB_NONE};
    if (slab_init(&table->bookings, sizeof(struct booking), BOOKINGS_MAX) &&
        slab_init(&table->users, sizeof(struct booking_user), USERS_MAX) &&
        hash_index_init(&table->by_id, BOOKINGS_MAX, &table->bookings, booking_matches,
                        booking_hash) &&
        hash_index_init(&table->user_by_id, USERS_MAX, &table->users, user_matches, user_hash)) {
        hash_index_entries(&table->by_id, table->bookings.entries, table->bookings.entry_bytes);
        hash_index_entries(&table->user_by_id, table->users.entries, table->users.entry_bytes);
        return true;
    }
    booking_table_release(table);
    return false;
}

void booking_table_release(struct booking_table *table)
{
    hash_index_release(&table->user_by_id);
    hash_index_release(&table->by_id);
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
           table->users.used < table->users.capacity;
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
    user->newest = SLAB_NONE;
    bool inserted = hash_index_insert(&table->user_by_id, hash, slot);
    assert(inserted);
    return slot;
}

/* Into the deadline list, behind those of the same deadline; looking from where
 * the last one went. */
static void deadline_insert(struct booking_table *table, uint32_t slot)
{
    struct booking *booking = booking_at(table, slot);
    uint64_t deadline_ms = booking_deadline_ms(booking);
    uint32_t before = table->added;
    uint32_t after = before == SLAB_NONE ? table->soonest : booking_at(table, before)->later;

    while (after != SLAB_NONE && booking_deadline_ms(booking_at(table, after)) <= deadline_ms) {
        before = after;
        after = booking_at(table, after)->later;
    }
    while (before != SLAB_NONE && booking_deadline_ms(booking_at(table, before)) > deadline_ms) {
        after = before;
        before = booking_at(table, before)->sooner;
    }
    booking->sooner = before;
    booking->later = after;
    if (before == SLAB_NONE)
        table->soonest = slot;
    else
        booking_at(table, before)->later = slot;
    if (after == SLAB_NONE)
        table->latest = slot;
    else
        booking_at(table, after)->sooner = slot;
    table->added = slot;
}

static void deadline_remove(struct booking_table *table, uint32_t slot)
{
    const struct booking *booking = booking_at(table, slot);

    if (table->added == slot)
        table->added = booking->sooner;
    if (booking->sooner == SLAB_NONE)
        table->soonest = booking->later;
    else
        booking_at(table, booking->sooner)->later = booking->later;
    if (booking->later == SLAB_NONE)
        table->latest = booking->sooner;
    else
        booking_at(table, booking->later)->sooner = booking->sooner;
}

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
    deadline_insert(table, slot);
    bool inserted = hash_index_insert(&table->by_id, hash_uuid(&booking->id), slot);
    assert(inserted);
    table->count_by_status[BOOKING_RESERVED]++;
    return slot;
}

void booking_end(struct booking_table *table, uint32_t slot, enum booking_status status,
                 uint64_t stamp_ms)
{
    struct booking *booking = booking_at(table, slot);
    uint64_t after_ms = stamp_ms - booking_created_ms(booking);

    assert(booking->status == BOOKING_RESERVED);
    assert(status != BOOKING_RESERVED);
    deadline_remove(table, slot);
    booking->status = (uint8_t)status;
    booking->changed_after_ms_low = (uint32_t)after_ms;
    booking->changed_after_ms_high = (uint8_t)(after_ms >> 32);
    table->count_by_status[BOOKING_RESERVED]--;
    table->count_by_status[status]++;
}

const struct uuid *booking_user_id(const struct booking_table *table, const struct booking *booking)
{
    const struct booking_user *user = slab_at(&table->users, booking->user);
    return &user->id;
}

uint32_t booking_newest_of_user(const struct booking_table *table, const struct uuid *user_id)
{
    uint32_t slot = hash_index_find(&table->user_by_id, hash_uuid(user_id), user_id);
    if (slot == HASH_INDEX_MISSING)
        return SLAB_NONE;
    const struct booking_user *user = slab_at(&table->users, slot);
    return user->newest;
}

uint64_t booking_table_bytes(const struct booking_table *table)
{
    return (uint64_t)table->bookings.used * table->bookings.entry_bytes +
           (uint64_t)table->users.used * table->users.entry_bytes +
           hash_index_bytes(&table->by_id) + hash_index_bytes(&table->user_by_id);
}
