/* Best available as docs/inventory.md words it, by trying everything: no bitmaps,
 * no early stops. Keeps who sits where on its own. */
#ifndef TESTS_SEAT_PICK_BRUTE_H
#define TESTS_SEAT_PICK_BRUTE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "../../engine/seat_pick.h"

enum { BRUTE_SEATS = 4096, BRUTE_SEGMENTS = 64 };

struct brute {
    uint32_t seat_count, segment_count;
    uint32_t row[BRUTE_SEATS], rank[BRUTE_SEATS];
    bool gap_before[BRUTE_SEATS]; /* or the row begins */
    bool kept[BRUTE_SEATS];       /* accessible or companion */
    bool taken[BRUTE_SEGMENTS][BRUTE_SEATS], sold[BRUTE_SEGMENTS][BRUTE_SEATS];
    bool blocked[BRUTE_SEATS];
    bool open[BRUTE_SEATS]; /* to the request at hand */
};

static void brute_open(struct brute *brute, uint32_t from, uint32_t to, const uint64_t *only)
{
    for (uint32_t i = 0; i < brute->seat_count; i++) {
        bool open = true;
        for (uint32_t s = from; s < to; s++)
            if (brute->taken[s][i])
                open = false;
        if (only)
            open = open && (only[i / 64] >> i % 64 & 1);
        else
            open = open && !brute->blocked[i] && !brute->kept[i];
        brute->open[i] = open;
    }
}

/* Whether there is an open neighbour on the left or right; a row's first seat has a
 * gap before it. */
static bool brute_open_left(const struct brute *brute, uint32_t seat)
{
    return !brute->gap_before[seat] && brute->open[seat - 1];
}

static bool brute_open_right(const struct brute *brute, uint32_t seat)
{
    return seat + 1 < brute->seat_count && !brute->gap_before[seat + 1] && brute->open[seat + 1];
}

static bool brute_is_window(const struct brute *brute, uint32_t first, uint32_t size)
{
    if (first + size > brute->seat_count)
        return false;
    for (uint32_t i = 0; i < size; i++)
        if (!brute->open[first + i] || (i > 0 && brute->gap_before[first + i]))
            return false;
    return true;
}

static bool brute_leaves_single(const struct brute *brute, uint32_t first, uint32_t size)
{
    uint32_t last = first + size - 1;

    if (brute_open_left(brute, first) && !brute_open_left(brute, first - 1))
        return true;
    return brute_open_right(brute, last) && !brute_open_right(brute, last + 1);
}

static uint32_t brute_slack(const struct brute *brute, uint32_t seat, uint32_t from, uint32_t to)
{
    uint32_t slack = 0;

    for (uint32_t s = from; s > 0 && !brute->taken[s - 1][seat]; s--)
        slack++;
    for (uint32_t s = to; s < brute->segment_count && !brute->taken[s][seat]; s++)
        slack++;
    return slack;
}

/* What windows are compared by, in this order. */
struct brute_key {
    uint32_t distance, single, slack, ranks, first;
};

static bool brute_less(const struct brute_key *a, const struct brute_key *b)
{
    if (a->distance != b->distance)
        return a->distance < b->distance;
    if (a->single != b->single)
        return a->single < b->single;
    if (a->slack != b->slack)
        return a->slack < b->slack;
    if (a->ranks != b->ranks)
        return a->ranks < b->ranks;
    return a->first < b->first;
}

/* The best window's first seat; SEAT_NONE: there is none. near_row SEAT_NONE: the
 * distance does not count. */
static uint32_t brute_best(const struct brute *brute, uint32_t size, uint32_t from, uint32_t to,
                           uint32_t near_row)
{
    struct brute_key best = {.first = SEAT_NONE};

    for (uint32_t first = 0; first < brute->seat_count; first++) {
        if (!brute_is_window(brute, first, size))
            continue;
        struct brute_key key = {.single = brute_leaves_single(brute, first, size), .first = first};
        uint32_t row = brute->row[first];
        if (near_row != SEAT_NONE)
            key.distance = row > near_row ? row - near_row : near_row - row;
        for (uint32_t i = 0; i < size; i++) {
            key.slack += brute_slack(brute, first + i, from, to);
            key.ranks += brute->rank[first + i];
        }
        if (best.first == SEAT_NONE || brute_less(&key, &best))
            best = key;
    }
    return best.first;
}

/* The greatest size up to `most` that has a window. */
static uint32_t brute_longest(const struct brute *brute, uint32_t most)
{
    for (uint32_t size = most; size > 0; size--)
        for (uint32_t first = 0; first < brute->seat_count; first++)
            if (brute_is_window(brute, first, size))
                return size;
    return 0;
}

static void brute_split(struct brute *brute, uint32_t quantity, uint32_t from, uint32_t to,
                        struct seat_pick *pick)
{
    bool chosen[BRUTE_SEATS] = {false};
    uint32_t near_row = SEAT_NONE, count = 0;

    for (uint32_t wanted = quantity; wanted > 0;) {
        uint32_t size = brute_longest(brute, wanted);
        uint32_t first = brute_best(brute, size, from, to, near_row);
        if (near_row == SEAT_NONE)
            near_row = brute->row[first];
        for (uint32_t i = first; i < first + size; i++) {
            chosen[i] = true;
            brute->open[i] = false;
        }
        wanted -= size;
    }
    for (uint32_t i = 0; i < brute->seat_count; i++)
        if (chosen[i])
            pick->seats[count++] = i;
}

static enum seat_pick_result brute_pick(struct brute *brute, const struct seat_pick_wish *wish,
                                        struct seat_pick *pick)
{
    uint32_t open_count = 0;

    brute_open(brute, wish->from, wish->to, wish->only);
    for (uint32_t i = 0; i < brute->seat_count; i++)
        open_count += brute->open[i];
    pick->free = open_count;
    if (open_count < wish->quantity)
        return SEAT_PICK_TOO_FEW;
    uint32_t first = brute_best(brute, wish->quantity, wish->from, wish->to, SEAT_NONE);
    if (first != SEAT_NONE) {
        for (uint32_t i = 0; i < wish->quantity; i++)
            pick->seats[i] = first + i;
        return SEAT_PICK_OK;
    }
    pick->together = brute_longest(brute, wish->quantity);
    if (!wish->allow_split)
        return SEAT_PICK_NOT_TOGETHER;
    brute_split(brute, wish->quantity, wish->from, wish->to, pick);
    return SEAT_PICK_OK;
}

static bool brute_has_neighbour(const struct brute *brute, uint32_t seat)
{
    return brute_open_left(brute, seat) || brute_open_right(brute, seat);
}

/* SEAT_NONE: the named seats may be taken. */
static uint32_t brute_orphan(struct brute *brute, const uint32_t *seats, uint32_t count,
                             uint32_t from, uint32_t to, const uint64_t *only)
{
    bool had[BRUTE_SEATS], clean = false;

    brute_open(brute, from, to, only);
    for (uint32_t i = 0; i < brute->seat_count; i++) {
        had[i] = brute_has_neighbour(brute, i);
        if (brute_is_window(brute, i, count) && !brute_leaves_single(brute, i, count))
            clean = true;
    }
    for (uint32_t i = 0; i < count; i++)
        brute->open[seats[i]] = false;
    for (uint32_t i = 0; i < brute->seat_count && clean; i++)
        if (brute->open[i] && had[i] && !brute_has_neighbour(brute, i))
            return i;
    return SEAT_NONE;
}

#endif
