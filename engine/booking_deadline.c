/* Reservations by deadline: a list for each zone, a heap of the zones whose list is
 * not empty, a heap of bookings that have no place on a list.
 *
 * By zone, because a command waits for overdue holds of its own zone only, and
 * because one record expires holds of one zone: with a single list, holds of many
 * zones made in turns would lapse in a record each. */
#include <assert.h>

#include "booking.h"
#include "memory.h"

static void deadline_moved(void *owner, uint32_t item, uint32_t position)
{
    const struct booking_table *table = owner;
    booking_at(table, item)->sooner = position;
}

static void zone_moved(void *owner, uint32_t item, uint32_t position)
{
    const struct booking_table *table = owner;
    table->by_zone[item].position = position;
}

bool booking_deadlines_init(struct booking_table *table, uint32_t bookings_max)
{
    table->by_zone = memory_reserve(CATALOG_ZONES_MAX * sizeof table->by_zone[0]);
    return table->by_zone &&
           deadline_heap_init(&table->zones, CATALOG_ZONES_MAX, table, zone_moved) &&
           deadline_heap_init(&table->deadlines, bookings_max, table, deadline_moved);
}

void booking_deadlines_release(struct booking_table *table)
{
    deadline_heap_release(&table->deadlines);
    deadline_heap_release(&table->zones);
    memory_release(table->by_zone, CATALOG_ZONES_MAX * sizeof table->by_zone[0]);
    table->by_zone = NULL;
}

/* --- changes --- */

static bool goes_last(const struct booking_table *table, const struct booking *booking)
{
    const struct booking_deadlines *of_zone = &table->by_zone[booking->zone];

    return of_zone->listed == 0 ||
           booking_deadline_ms(booking_at(table, of_zone->latest)) <= booking_deadline_ms(booking);
}

static void list_append(struct booking_table *table, uint32_t slot)
{
    struct booking *booking = booking_at(table, slot);
    struct booking_deadlines *of_zone = &table->by_zone[booking->zone];

    booking->later = SLAB_NONE;
    if (of_zone->listed++ == 0) {
        booking->sooner = SLAB_NONE;
        of_zone->soonest = slot;
        deadline_heap_insert(&table->zones, booking_deadline_ms(booking), booking->zone);
    } else {
        booking->sooner = of_zone->latest;
        booking_at(table, of_zone->latest)->later = slot;
    }
    of_zone->latest = slot;
}

static void list_remove_soonest(struct booking_table *table, const struct booking *booking)
{
    struct booking_deadlines *of_zone = &table->by_zone[booking->zone];

    if (of_zone->listed == 0) {
        deadline_heap_remove(&table->zones, of_zone->position);
        return;
    }
    of_zone->soonest = booking->later;
    struct booking *next = booking_at(table, booking->later);
    next->sooner = SLAB_NONE;
    deadline_heap_move(&table->zones, of_zone->position, booking_deadline_ms(next));
}

static void list_remove(struct booking_table *table, const struct booking *booking)
{
    struct booking_deadlines *of_zone = &table->by_zone[booking->zone];

    assert(of_zone->listed > 0);
    of_zone->listed--;
    if (booking->sooner == SLAB_NONE) {
        list_remove_soonest(table, booking);
        return;
    }
    booking_at(table, booking->sooner)->later = booking->later;
    if (booking->later == SLAB_NONE)
        of_zone->latest = booking->sooner;
    else
        booking_at(table, booking->later)->sooner = booking->sooner;
}

void booking_deadline_insert(struct booking_table *table, uint32_t slot)
{
    struct booking *booking = booking_at(table, slot);

    booking->later = BOOKING_IN_HEAP;
    table->by_zone[booking->zone].moved++;
    deadline_heap_insert(&table->deadlines, booking_deadline_ms(booking), slot);
}

void booking_deadline_append(struct booking_table *table, uint32_t slot)
{
    if (goes_last(table, booking_at(table, slot)))
        list_append(table, slot);
    else
        booking_deadline_insert(table, slot);
}

void booking_deadline_remove(struct booking_table *table, uint32_t slot)
{
    struct booking *booking = booking_at(table, slot);

    if (booking->later == BOOKING_IN_HEAP) {
        table->by_zone[booking->zone].moved--;
        deadline_heap_remove(&table->deadlines, booking->sooner);
    } else if (booking->later != BOOKING_NOT_DUE) {
        list_remove(table, booking);
    }
    booking->later = BOOKING_NOT_DUE;
}

/* --- what is due --- */

uint64_t booking_next_deadline_ms(const struct booking_table *table)
{
    uint64_t in_heap_ms = deadline_heap_soonest_ms(&table->deadlines);
    uint64_t in_lists_ms = deadline_heap_soonest_ms(&table->zones);

    return in_lists_ms < in_heap_ms ? in_lists_ms : in_heap_ms;
}

static uint32_t due_in_list(const struct booking_table *table, uint32_t zone, uint64_t now_ms,
                            uint32_t slots[DEADLINE_HEAP_DUE_MAX])
{
    const struct booking_deadlines *of_zone = &table->by_zone[zone];
    uint32_t slot = of_zone->soonest, count = 0;

    assert(of_zone->listed > 0);
    while (slot != SLAB_NONE && count < DEADLINE_HEAP_DUE_MAX) {
        const struct booking *booking = booking_at(table, slot);
        if (booking_deadline_ms(booking) > now_ms)
            break;
        slots[count++] = slot;
        slot = booking->later;
    }
    return count;
}

static uint32_t due_in_heap(const struct booking_table *table, uint64_t now_ms,
                            uint32_t slots[DEADLINE_HEAP_DUE_MAX])
{
    struct deadline due[DEADLINE_HEAP_DUE_MAX];
    uint32_t found = deadline_heap_due(&table->deadlines, now_ms, due), count = 0;

    for (uint32_t i = 0; i < found; i++)
        if (booking_at(table, due[i].item)->zone == booking_at(table, due[0].item)->zone)
            slots[count++] = due[i].item;
    return count;
}

uint32_t booking_due(const struct booking_table *table, uint64_t now_ms,
                     uint32_t slots[DEADLINE_HEAP_DUE_MAX])
{
    uint64_t next_ms = booking_next_deadline_ms(table);

    if (next_ms > now_ms)
        return 0;
    return next_ms == deadline_heap_soonest_ms(&table->deadlines)
               ? due_in_heap(table, now_ms, slots)
               : due_in_list(table, table->zones.entries[0].item, now_ms, slots);
}

static bool list_is_overdue(const struct booking_table *table, uint32_t zone, uint64_t now_ms)
{
    const struct booking_deadlines *of_zone = &table->by_zone[zone];

    return of_zone->listed > 0 && table->zones.entries[of_zone->position].at_ms <= now_ms;
}

bool booking_is_overdue(const struct booking_table *table, uint32_t zone, uint64_t now_ms)
{
    return list_is_overdue(table, zone, now_ms) ||
           (table->by_zone[zone].moved > 0 &&
            deadline_heap_soonest_ms(&table->deadlines) <= now_ms);
}

uint32_t booking_overdue(const struct booking_table *table, uint32_t zone, uint64_t now_ms,
                         uint32_t slots[DEADLINE_HEAP_DUE_MAX])
{
    if (list_is_overdue(table, zone, now_ms))
        return due_in_list(table, zone, now_ms, slots);
    return table->by_zone[zone].moved > 0 ? due_in_heap(table, now_ms, slots) : 0;
}
