/* The bookings of one shard: a slab of 64-byte records, an index by id, a chain
 * per user (newest first) and the reservations in deadline order.
 *
 * Reservations of one TTL arrive in deadline order, so the order is a list and
 * the place of the next is looked for where the last one went: at the end, or
 * among older ones of a longer TTL when that was changed between two starts.
 * Each of those is passed once, so the time is constant in the long run.
 * Bookings are kept in every state. Pure. */
#ifndef ENGINE_BOOKING_H
#define ENGINE_BOOKING_H

#include "command.h"
#include "hash_index.h"
#include "slab.h"

struct booking {
    struct uuid id; /* version 7: carries the milliseconds it was reserved at */
    int64_t unit_price_minor;
    uint32_t user;          /* slot in the users table */
    uint32_t zone;          /* number in the shard's zones */
    uint32_t older_of_user; /* next in the user's chain */
    uint32_t sooner, later; /* neighbours by deadline, while reserved */
    uint32_t quantity;
    uint32_t ttl_ms;
    uint32_t changed_after_ms_low; /* 40 bits: since reserved; 0 while reserved */
    uint8_t changed_after_ms_high;
    uint8_t status; /* enum booking_status */
    uint8_t from_segment, to_segment;
};

_Static_assert(sizeof(struct booking) == 64, "a booking is one cache line");

struct booking_user {
    struct uuid id;
    uint32_t newest; /* booking */
};

struct booking_table {
    struct slab bookings;
    struct slab users;
    struct hash_index by_id;
    struct hash_index user_by_id;
    uint32_t soonest, latest; /* ends of the deadline list */
    uint32_t added;           /* the last put into it, or what stands before its place */
    uint64_t count_by_status[BOOKING_REFUNDED + 1];
};

/* False: out of memory. */
bool booking_table_init(struct booking_table *table);
void booking_table_release(struct booking_table *table);

static inline struct booking *booking_at(const struct booking_table *table, uint32_t slot)
{
    return slab_at(&table->bookings, slot);
}

/* SLAB_NONE: unknown. */
uint32_t booking_find(const struct booking_table *table, const struct uuid *id);
/* Loading ahead: first the buckets, then the entries they lead to. */
void booking_prefetch(const struct booking_table *table, const struct uuid *id);
void booking_prefetch_user(const struct booking_table *table, const struct uuid *user_id);
void booking_prefetch_entry(const struct booking_table *table, const struct uuid *id);
void booking_prefetch_user_entry(const struct booking_table *table, const struct uuid *user_id);
/* True: one more booking surely fits. */
bool booking_table_has_room(const struct booking_table *table);

/* Adds a reservation; its id must be new and there must be room (asserted). */
uint32_t booking_add(struct booking_table *table, const struct record_reserved *reserved,
                     uint32_t zone);

/* A reservation ends: confirmed, cancelled or expired at stamp_ms. */
void booking_end(struct booking_table *table, uint32_t slot, enum booking_status status,
                 uint64_t stamp_ms);

static inline uint64_t booking_created_ms(const struct booking *booking)
{
    return uuid_v7_ms(&booking->id);
}

static inline uint64_t booking_deadline_ms(const struct booking *booking)
{
    return booking_created_ms(booking) + booking->ttl_ms;
}

const struct uuid *booking_user_id(const struct booking_table *table,
                                   const struct booking *booking);
/* The user's newest booking; follow older_of_user. SLAB_NONE: none. */
uint32_t booking_newest_of_user(const struct booking_table *table, const struct uuid *user_id);

uint64_t booking_table_bytes(const struct booking_table *table);

#endif
