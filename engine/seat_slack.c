/* Slacks of 64 seats at once. The counts are kept bit-sliced: slice b has bit b of
 * every seat's count, so that adding one to the seats of a mask, adding two counts,
 * and leaving the smallest are a few word operations each (Harley and Seal's
 * counting, Knuth 7.1.3 for the comparison).
 *
 * A window's slack is the sum of its seats': a sum of 2n seats is the sum of n and
 * the same shifted by n, and the parts of `size` are put together by its bits. */
#include "seat_window.h"

#include <assert.h>
#include <string.h>

enum {
    SEAT_SLICES = 6, /* a journey has at most 64 segments, one of them its own */
    SUM_SLICES = 11  /* of at most 32 seats */
};

__extension__ typedef unsigned __int128 word_pair;

static void count_one_more(uint64_t slices[static SEAT_SLICES], uint64_t seats)
{
    for (uint32_t b = 0; seats; b++) {
        uint64_t carry = slices[b] & seats;
        slices[b] ^= seats;
        seats = carry;
    }
}

/* Each open seat's free segments directly before and after the journey. */
static void word_slacks(const struct seat_field *field, uint32_t w,
                        uint64_t slices[static SEAT_SLICES])
{
    const struct seat_map *map = field->map;
    uint64_t still = field->open[w];

    memset(slices, 0, SEAT_SLICES * sizeof *slices);
    for (uint32_t s = field->from; s-- > 0 && still; count_one_more(slices, still))
        still &= ~seat_map_taken(map, s)[w];
    still = field->open[w];
    for (uint32_t s = field->to; s < map->segment_count && still; s++) {
        still &= ~seat_map_taken(map, s)[w];
        count_one_more(slices, still);
    }
}

/* sum += addend >> shift */
static void sums_add(word_pair sum[static SUM_SLICES], const word_pair addend[static SUM_SLICES],
                     uint32_t shift)
{
    word_pair carry = 0;

    for (uint32_t b = 0; b < SUM_SLICES; b++) {
        word_pair x = sum[b], y = addend[b] >> shift, differ = x ^ y;
        sum[b] = differ ^ carry;
        carry = (x & y) | (carry & differ);
    }
}

/* From slacks of seats to slacks of the windows that start at them. */
static void window_slacks(word_pair unit[static SUM_SLICES], uint32_t size)
{
    word_pair sum[SUM_SLICES] = {0};
    uint32_t have = 0;

    for (uint32_t length = 1;; length *= 2) {
        if (size & length) {
            sums_add(sum, unit, have);
            have += length;
        }
        if (have == size)
            break;
        word_pair half[SUM_SLICES];
        memcpy(half, unit, sizeof half);
        sums_add(unit, half, length);
    }
    memcpy(unit, sum, sizeof sum);
}

/* Leaves the windows of the smallest slack, which it returns. */
static uint32_t word_narrow(const word_pair slacks[static SUM_SLICES], uint64_t *windows)
{
    uint32_t smallest = 0;

    for (uint32_t b = SUM_SLICES; b-- > 0;) {
        uint64_t zero_here = *windows & ~(uint64_t)slacks[b];
        if (zero_here)
            *windows = zero_here;
        else
            smallest |= 1U << b;
    }
    return smallest;
}

uint32_t seat_slack_narrow(const struct seat_field *field, uint32_t size, uint64_t *masks,
                           uint32_t first_word, uint32_t end_word)
{
    uint64_t here[SEAT_SLICES], next[SEAT_SLICES];
    uint32_t smallest = UINT32_MAX, smallest_from = first_word, next_word = UINT32_MAX;

    assert(field->map->segment_count <= 64);
    for (uint32_t w = first_word; w < end_word; w++) {
        if (masks[w] == 0)
            continue;
        if (w == next_word)
            memcpy(here, next, sizeof here);
        else
            word_slacks(field, w, here);
        memset(next, 0, sizeof next);
        if (size > 1 && w + 1 < field->map->word_count) {
            next_word = w + 1;
            word_slacks(field, next_word, next);
        }
        word_pair slacks[SUM_SLICES] = {0};
        for (uint32_t b = 0; b < SEAT_SLICES; b++)
            slacks[b] = (word_pair)next[b] << SEAT_WORD_BITS | here[b];
        if (size > 1)
            window_slacks(slacks, size);
        uint32_t slack = word_narrow(slacks, &masks[w]);
        if (slack < smallest) {
            memset(masks + smallest_from, 0, (w - smallest_from) * sizeof *masks);
            smallest_from = w;
            smallest = slack;
        } else if (slack > smallest) {
            masks[w] = 0;
        }
    }
    return smallest;
}
