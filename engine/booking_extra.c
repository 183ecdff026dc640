/* What most bookings have not: seats, a block, an order, another owner than who
 * reserved them. */
#include <assert.h>

#include "booking.h"

static struct booking_extra *extra_at(const struct booking_table *table,
                                      const struct booking *booking)
{
    return booking->extra == 0 ? NULL : slab_at(&table->extras, booking->extra);
}

const struct booking_extra *booking_extra(const struct booking_table *table,
                                          const struct booking *booking)
{
    return extra_at(table, booking);
}

struct booking_extra *booking_extra_open(struct booking_table *table, uint32_t slot)
{
    struct booking *booking = booking_at(table, slot);

    if (booking->extra == 0) {
        uint32_t made = slab_take(&table->extras);
        assert(made != SLAB_NONE); /* there are as many as bookings */
        booking->extra = made;
        *extra_at(table, booking) = (struct booking_extra){.booking = slot,
                                                           .seats = SLAB_NONE,
                                                           .block = SLAB_NONE,
                                                           .order = SLAB_NONE,
                                                           .link = SLAB_NONE,
                                                           .reserver = SLAB_NONE};
    }
    return extra_at(table, booking);
}

const struct booking_order *booking_order(const struct booking_table *table,
                                          const struct booking *booking)
{
    const struct booking_extra *extra = extra_at(table, booking);
    return extra && extra->order != SLAB_NONE ? slab_at(&table->orders, extra->order) : NULL;
}

struct booking_order *booking_order_open(struct booking_table *table, uint32_t slot)
{
    struct booking_extra *extra = booking_extra_open(table, slot);

    if (extra->order == SLAB_NONE) {
        extra->order = slab_take(&table->orders);
        assert(extra->order != SLAB_NONE); /* there are as many as bookings */
    }
    return slab_at(&table->orders, extra->order);
}

bool booking_is_pinned(const struct booking_table *table, const struct booking *booking)
{
    const struct booking_extra *extra = extra_at(table, booking);
    return extra && extra->pinned;
}

uint32_t booking_block(const struct booking_table *table, const struct booking *booking)
{
    const struct booking_extra *extra = extra_at(table, booking);
    return extra ? extra->block : SLAB_NONE;
}

void booking_set_block(struct booking_table *table, uint32_t slot, uint32_t block)
{
    booking_extra_open(table, slot)->block = block;
}

/* --- seats --- */

uint32_t booking_seats(const struct booking_table *table, const struct booking *booking,
                       uint32_t *out)
{
    const struct booking_extra *extra = extra_at(table, booking);
    uint32_t chunk = extra ? extra->seats : SLAB_NONE, count = 0;

    while (chunk != SLAB_NONE) {
        const struct seat_chunk *seats = slab_at(&table->chunks, chunk);
        for (uint32_t i = 0; i < SEAT_CHUNK_SEATS && count < booking->quantity; i++)
            out[count++] = seats->seats[i];
        chunk = seats->next;
    }
    return count;
}

static void give_chunks(struct booking_table *table, uint32_t chunk)
{
    while (chunk != SLAB_NONE) {
        const struct seat_chunk *seats = slab_at(&table->chunks, chunk);
        uint32_t next = seats->next;
        slab_give(&table->chunks, chunk);
        chunk = next;
    }
}

void booking_set_seats(struct booking_table *table, uint32_t slot, const uint32_t *seats,
                       uint32_t count)
{
    struct booking_extra *extra = booking_extra_open(table, slot);
    uint32_t *to = &extra->seats;

    give_chunks(table, extra->seats);
    extra->seats = SLAB_NONE;
    for (uint32_t done = 0; done < count;) {
        *to = slab_take(&table->chunks);
        assert(*to != SLAB_NONE); /* booking_table_has_room counts the most a booking needs */
        struct seat_chunk *chunk = slab_at(&table->chunks, *to);
        for (uint32_t i = 0; i < SEAT_CHUNK_SEATS && done < count; i++)
            chunk->seats[i] = seats[done++];
        chunk->next = SLAB_NONE;
        to = &chunk->next;
    }
}

/* --- another owner --- */

static void unlink_received(struct booking_table *table, uint32_t slot)
{
    struct booking_extra *extra = booking_extra_open(table, slot);
    uint32_t user = booking_at(table, slot)->user;

    if (extra->link == SLAB_NONE)
        return;
    const struct received link = *(struct received *)slab_at(&table->links, extra->link);
    if (link.older != SLAB_NONE)
        ((struct received *)slab_at(&table->links, link.older))->newer = link.newer;
    if (link.newer != SLAB_NONE)
        ((struct received *)slab_at(&table->links, link.newer))->older = link.older;
    else
        ((struct booking_user *)slab_at(&table->users, user))->received = link.older;
    slab_give(&table->links, extra->link);
    extra->link = SLAB_NONE;
}

static void link_received(struct booking_table *table, uint32_t slot, uint32_t user_slot)
{
    struct booking_extra *extra = booking_extra_open(table, slot);
    struct booking_user *user = slab_at(&table->users, user_slot);

    extra->link = slab_take(&table->links);
    assert(extra->link != SLAB_NONE); /* there are as many as bookings */
    struct received *link = slab_at(&table->links, extra->link);
    *link = (struct received){.booking = slot, .newer = SLAB_NONE, .older = user->received};
    if (user->received != SLAB_NONE)
        ((struct received *)slab_at(&table->links, user->received))->newer = extra->link;
    user->received = extra->link;
}

/* It stays in the chain of the user who reserved it, where walks pass it over:
 * taking it out of a chain of one direction would mean looking for it. */
void booking_give_to(struct booking_table *table, uint32_t slot, uint32_t user)
{
    struct booking *booking = booking_at(table, slot);
    struct booking_extra *extra = booking_extra_open(table, slot);

    if (extra->reserver == SLAB_NONE)
        extra->reserver = booking->user;
    unlink_received(table, slot);
    booking->user = user;
    if (user != extra->reserver)
        link_received(table, slot, user);
}
