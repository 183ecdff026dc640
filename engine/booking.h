/* The bookings of one shard: a slab of 64-byte records, an index by id, a chain
 * per user (newest first) and the reservations by deadline. Seats, blocks, orders
 * and transfers are in side slabs, which most bookings of a general zone never
 * touch. Bookings are kept in every state, with their seats.
 *
 * Reservations of one TTL arrive in the order of their deadlines, so a new one
 * goes to the end of its zone's list, and a small heap knows which zone's list
 * begins soonest. One whose deadline is sooner than the last of the list, or was
 * moved, goes into a heap of its own: nothing is ever searched for its place. A
 * pinned one is in neither. Pure. */
#ifndef ENGINE_BOOKING_H
#define ENGINE_BOOKING_H

#include "command.h"
#include "deadline_heap.h"
#include "hash_index.h"
#include "slab.h"

struct booking {
    struct uuid id; /* version 7: carries the milliseconds it was reserved at */
    int64_t unit_price_minor;
    uint32_t user;          /* slot in the users table */
    uint32_t zone;          /* number in the shard's zones */
    uint32_t older_of_user; /* next in the user's chain */
    /* Neighbours in the zone's list, while reserved; or later says BOOKING_IN_HEAP and
     * sooner is the position there. */
    uint32_t sooner, later;
    uint32_t quantity;
    uint32_t ttl_ms;
    uint32_t changed_after_ms_low; /* 40 bits: since reserved; 0 while reserved */
    uint8_t changed_after_ms_high;
    uint8_t status; /* enum booking_status */
    uint8_t from_segment, to_segment;
    uint32_t extra; /* 0: none */
};

/* No enumerators: those are ints. */
#define BOOKING_IN_HEAP (UINT32_MAX - 1)
#define BOOKING_NOT_DUE (UINT32_MAX - 2)

_Static_assert(sizeof(struct booking) == 64, "a booking is one cache line");

/* What a booking has that most have not. Its slot is never given back. */
struct booking_extra {
    uint32_t booking;
    uint32_t seats;    /* first chunk; SLAB_NONE: none */
    uint32_t block;    /* the allotment it is drawn from; SLAB_NONE: general sale */
    uint32_t order;    /* SLAB_NONE: never in one */
    uint32_t link;     /* in the list of the user who received it; SLAB_NONE: in none */
    uint32_t reserver; /* once transferred: the user in whose chain it is; else SLAB_NONE */
    bool pinned;
};

struct booking_order {
    struct order_part part; /* id nil: in none now */
    struct order_part pinned_by;
    struct uuid exchanged_from;
};

enum { SEAT_CHUNK_SEATS = 7 };

/* A list of seats, as many as the booking's quantity. Chunks are recycled when a
 * booking changes its seats, not when it ends: answers go on naming them. */
struct seat_chunk {
    uint32_t next;
    uint32_t seats[SEAT_CHUNK_SEATS];
};

/* A booking in the list of the user it was transferred to. */
struct received {
    uint32_t booking;
    uint32_t newer, older;
};

struct booking_user {
    struct uuid id;
    uint32_t newest;   /* booking reserved by the user, who may have it no more */
    uint32_t received; /* newest link; SLAB_NONE: none */
};

/* A zone's reservations by deadline. All zeros: it has none. */
struct booking_deadlines {
    uint32_t soonest, latest; /* ends of its list, unless that is empty */
    uint32_t listed;          /* on the list */
    uint32_t moved;           /* in the heap of those that have no place on a list */
    uint32_t position;        /* of the zone among the zones, while its list is not empty */
};

struct booking_table {
    struct slab bookings;
    struct slab users;
    struct slab extras; /* slot 0 is never used */
    struct slab orders;
    struct slab chunks;
    struct slab links;
    struct hash_index by_id;
    struct hash_index user_by_id;
    struct booking_deadlines *by_zone; /* [CATALOG_ZONES_MAX], by the zone's number */
    struct deadline_heap zones;        /* those with a list, by its soonest deadline */
    struct deadline_heap deadlines;    /* of bookings that are on no list */
    uint64_t state_hash;               /* of all bookings, added up */
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

/* Adds a reservation, with the record's seats and order; its id must be new and
 * there must be room (asserted). */
uint32_t booking_add(struct booking_table *table, const struct record_reserved *reserved,
                     uint32_t zone);
/* Right after booking_add: it is drawn from this block. */
void booking_set_block(struct booking_table *table, uint32_t slot, uint32_t block);

/* A booking ends, or is confirmed, at stamp_ms; it is pinned no more. */
void booking_end(struct booking_table *table, uint32_t slot, enum booking_status status,
                 uint64_t stamp_ms);

/* Any other change: the booking is as the record says. */
void booking_change(struct booking_table *table, uint32_t slot,
                    const struct record_changed *changed, uint64_t stamp_ms);

/* Reservations of one zone whose deadline is at or before now_ms, the soonest
 * first: up to DEADLINE_HEAP_DUE_MAX slots. Returns how many. */
uint32_t booking_due(const struct booking_table *table, uint64_t now_ms,
                     uint32_t slots[DEADLINE_HEAP_DUE_MAX]);
/* UINT64_MAX: none. */
uint64_t booking_next_deadline_ms(const struct booking_table *table);

/* True: a reservation of the zone may be overdue. One whose deadline was moved makes
 * this true of every zone that has such, so that neither must be searched. */
bool booking_is_overdue(const struct booking_table *table, uint32_t zone, uint64_t now_ms);
/* As booking_due, of what makes booking_is_overdue true: the zone's own first. */
uint32_t booking_overdue(const struct booking_table *table, uint32_t zone, uint64_t now_ms,
                         uint32_t slots[DEADLINE_HEAP_DUE_MAX]);

/* NULL: it has none. */
const struct booking_extra *booking_extra(const struct booking_table *table,
                                          const struct booking *booking);
const struct booking_order *booking_order(const struct booking_table *table,
                                          const struct booking *booking);
/* Its seats, ascending, to out[RECORD_SEATS_MAX]. Returns how many; 0: a general zone's. */
uint32_t booking_seats(const struct booking_table *table, const struct booking *booking,
                       uint32_t *out);
/* SLAB_NONE: general sale. */
uint32_t booking_block(const struct booking_table *table, const struct booking *booking);
bool booking_is_pinned(const struct booking_table *table, const struct booking *booking);

/* What the state hash has of one. */
uint64_t booking_state_hash(const struct booking_table *table, uint32_t slot);

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

/* A walk through a user's bookings: those reserved by the user, newest first, then
 * those received. SLAB_NONE: the end. `steps` counts what was looked at, for a bound. */
struct booking_walk {
    uint32_t user; /* slot; SLAB_NONE: unknown */
    uint32_t next, next_link;
    uint32_t steps;
};
struct booking_walk booking_walk_begin(const struct booking_table *table,
                                       const struct uuid *user_id);
uint32_t booking_walk_next(const struct booking_table *table, struct booking_walk *walk);

uint64_t booking_table_bytes(const struct booking_table *table);

/* --- booking_deadline.c, for booking.c --- */

bool booking_deadlines_init(struct booking_table *table, uint32_t bookings_max);
void booking_deadlines_release(struct booking_table *table);
/* A new one, most likely due last of its zone; one whose deadline was moved. */
void booking_deadline_append(struct booking_table *table, uint32_t slot);
void booking_deadline_insert(struct booking_table *table, uint32_t slot);
void booking_deadline_remove(struct booking_table *table, uint32_t slot);

/* --- booking_extra.c, for booking.c --- */

struct booking_extra *booking_extra_open(struct booking_table *table, uint32_t slot);
struct booking_order *booking_order_open(struct booking_table *table, uint32_t slot);
void booking_set_seats(struct booking_table *table, uint32_t slot, const uint32_t *seats,
                       uint32_t count);
void booking_give_to(struct booking_table *table, uint32_t slot, uint32_t user);

#endif
