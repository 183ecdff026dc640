/* See seat_map_state.h for what is kept. All words of a map are one block of
 * memory; a change touches the words of its seats, on each of its segments. */
#include "seat_map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "seat_map_state.h"

/* --- making --- */

static uint64_t *words_take(uint64_t **next, size_t count)
{
    uint64_t *words = *next;
    *next += count;
    return words;
}

static uint32_t *halves_take(uint64_t **next, size_t count)
{
    return (uint32_t *)words_take(next, (count + 1) / 2);
}

enum {
    PLACE_WORDS = sizeof(struct seat_place) / sizeof(uint64_t),
    HOPE_WORDS = sizeof(struct seat_hope) / sizeof(uint64_t)
};
static_assert(sizeof(struct seat_place) % sizeof(uint64_t) == 0, "whole words");

static size_t tables_words(const struct seat_map *map)
{
    size_t words = map->word_count, halves = map->plan->seat_count + 1U + words;
    size_t groups = (words + SEAT_WORD_BITS - 1) / SEAT_WORD_BITS;

    /* Two tables of halves may each leave one unused. */
    return words * (8 + 2U * map->segment_count + PLACE_WORDS) + 1 + 2 * 2 +
           groups * (1 + HOPE_WORDS) + (halves + 2) / 2;
}

static void tables_place(struct seat_map *map, uint64_t *block)
{
    size_t words = map->word_count, segments = map->segment_count;
    size_t groups = (words + SEAT_WORD_BITS - 1) / SEAT_WORD_BITS;
    uint64_t *next = block;

    map->exists = words_take(&next, words);
    map->general = words_take(&next, words);
    map->opens = words_take(&next, words + 1);
    map->taken = words_take(&next, words * segments);
    map->sold = words_take(&next, words * segments);
    map->blocked = words_take(&next, words);
    map->busy = words_take(&next, words);
    map->open = words_take(&next, words + 2) + 1;
    map->joined = words_take(&next, words + 2) + 1;
    map->live = words_take(&next, groups);
    map->hopes = (struct seat_hope *)words_take(&next, groups * HOPE_WORDS);
    map->order = (struct seat_place *)words_take(&next, words * PLACE_WORDS);
    map->rank_sums = halves_take(&next, map->plan->seat_count + 1U);
    map->position = halves_take(&next, words);
    assert(next <= block + tables_words(map));
}

static void bit_set(uint64_t *words, uint32_t bit)
{
    words[bit / SEAT_WORD_BITS] |= UINT64_C(1) << bit % SEAT_WORD_BITS;
}

static void bit_clear(uint64_t *words, uint32_t bit)
{
    words[bit / SEAT_WORD_BITS] &= ~(UINT64_C(1) << bit % SEAT_WORD_BITS);
}

static bool bit_is_set(const uint64_t *words, uint32_t bit)
{
    return words[bit / SEAT_WORD_BITS] >> bit % SEAT_WORD_BITS & 1;
}

static void masks_fill(struct seat_map *map)
{
    const struct seat *seats = map->plan->seats;

    for (uint32_t i = 0; i < map->plan->seat_count; i++) {
        bit_set(map->exists, i);
        if (!(seats[i].flags & (SEAT_ACCESSIBLE | SEAT_COMPANION)))
            bit_set(map->general, i);
        if (seats[i].opens_block)
            bit_set(map->opens, i);
        map->rank_sums[i + 1] = map->rank_sums[i] + seats[i].rank;
    }
}

static uint32_t word_best_rank(const struct seat_plan *plan, uint32_t w)
{
    uint32_t end = (w + 1) * SEAT_WORD_BITS, best = SEAT_RANK_MAX;

    if (end > plan->seat_count)
        end = plan->seat_count;
    for (uint32_t i = w * SEAT_WORD_BITS; i < end; i++)
        best = plan->seats[i].rank < best ? plan->seats[i].rank : best;
    return best;
}

static int key_order(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static uint32_t word_least_sum(const struct seat_map *map, uint32_t w, uint32_t size)
{
    uint32_t end = (w + 1) * SEAT_WORD_BITS, least = UINT32_MAX;

    for (uint32_t i = w * SEAT_WORD_BITS; i < end && i + size <= map->plan->seat_count; i++) {
        uint32_t sum = map->rank_sums[i + size] - map->rank_sums[i];
        least = sum < least ? sum : least;
    }
    return least;
}

/* A window that starts in a word ends there or in the next. */
static void order_fill(struct seat_map *map)
{
    uint64_t keys[SEAT_MAP_WORDS_MAX] = {0};
    uint32_t next = SEAT_RANK_MAX;

    for (uint32_t w = map->word_count; w-- > 0;) {
        uint32_t own = word_best_rank(map->plan, w);
        keys[w] = (uint64_t)(own < next ? own : next) << 32 | w;
        next = own;
    }
    qsort(keys, map->word_count, sizeof keys[0], key_order);
    for (uint32_t i = 0; i < map->word_count; i++) {
        struct seat_place *place = &map->order[i];
        place->word = (uint32_t)keys[i];
        place->rank = (uint32_t)(keys[i] >> 32);
        for (uint32_t size = 1; size <= SEAT_FEW; size++)
            place->least[size - 1] = word_least_sum(map, place->word, size);
        map->position[place->word] = i;
    }
}

static void hope_again(struct seat_map *map, uint32_t w)
{
    uint32_t place = map->position[w];
    struct seat_hope *hope = &map->hopes[place / SEAT_WORD_BITS];
    uint64_t bit = UINT64_C(1) << place % SEAT_WORD_BITS;

    if (!(hope->fallen & bit))
        return;
    hope->fallen &= ~bit;
    for (uint32_t i = 0; i < SEAT_FEW; i++) {
        hope->any[i] |= bit;
        hope->clean[i] |= bit;
    }
}

/* The derived words of w, and of w - 1 as far as they look to the right. Few seats from
 * w - 1 reach into w, and those of w + 1 have their left neighbours there. */
static void word_refresh(struct seat_map *map, uint32_t w)
{
    map->open[w] = map->general[w] & ~(map->busy[w] | map->blocked[w]);
    map->joined[w] = seat_word_joined(map->open, map->opens, w);
    if (w > 0)
        map->joined[w - 1] = seat_word_joined(map->open, map->opens, w - 1);
    if (map->open[w])
        bit_set(map->live, map->position[w]);
    else
        bit_clear(map->live, map->position[w]);
    hope_again(map, w);
    if (w > 0)
        hope_again(map, w - 1);
    if (w + 1 < map->word_count)
        hope_again(map, w + 1);
}

struct seat_map *seat_map_new(const struct seat_plan *plan, uint16_t segment_count)
{
    struct seat_map shape = {.plan = plan,
                             .word_count = (plan->seat_count + 63) / SEAT_WORD_BITS,
                             .segment_count = segment_count,
                             .free_count = plan->seat_count,
                             .free_general_count = plan->general_count};

    assert(segment_count > 0 && plan->seat_count > 0);
    shape.bytes = sizeof shape + tables_words(&shape) * sizeof(uint64_t);
    struct seat_map *map = memory_new(shape.bytes);
    if (!map)
        return NULL;
    *map = shape;
    tables_place(map, (uint64_t *)(map + 1));
    masks_fill(map);
    order_fill(map);
    for (uint32_t i = 0; i < map->word_count; i += SEAT_WORD_BITS)
        map->hopes[i / SEAT_WORD_BITS].fallen = UINT64_MAX;
    for (uint32_t w = map->word_count; w-- > 0;)
        word_refresh(map, w);
    return map;
}

void seat_map_free(struct seat_map *map)
{
    memory_free(map);
}

const struct seat_plan *seat_map_plan(const struct seat_map *map)
{
    return map->plan;
}

uint64_t seat_map_memory_bytes(const struct seat_map *map)
{
    return map->bytes;
}

/* --- asking --- */

static void journey_check(const struct seat_map *map, uint16_t from, uint16_t to)
{
    assert(from < to);
    assert(to <= map->segment_count);
}

/* The OR of bitmaps `from`..`to` - 1 of those behind `first`, at word w. */
static uint64_t word_any(const struct seat_map *map, const uint64_t *first, uint32_t w,
                         uint16_t from, uint16_t to)
{
    uint64_t any = 0;

    for (uint32_t s = from; s < to; s++)
        any |= first[(size_t)s * map->word_count + w];
    return any;
}

enum seat_state seat_map_state(const struct seat_map *map, uint32_t seat, uint16_t from,
                               uint16_t to)
{
    uint32_t w = seat / SEAT_WORD_BITS, bit = seat % SEAT_WORD_BITS;

    journey_check(map, from, to);
    assert(seat < map->plan->seat_count);
    if (!((map->busy[w] | map->blocked[w]) >> bit & 1))
        return SEAT_FREE;
    if (word_any(map, map->sold, w, from, to) >> bit & 1)
        return SEAT_SOLD;
    if (word_any(map, map->taken, w, from, to) >> bit & 1)
        return SEAT_RESERVED;
    return bit_is_set(map->blocked, seat) ? SEAT_BLOCKED : SEAT_FREE;
}

/* Seats of `mask` that are neither taken on the way nor blocked. */
static uint32_t free_among(const struct seat_map *map, const uint64_t *mask, uint16_t from,
                           uint16_t to)
{
    uint32_t count = 0;

    for (uint32_t w = 0; w < map->word_count; w++)
        count +=
            seat_word_count(mask[w] & ~(map->blocked[w] | word_any(map, map->taken, w, from, to)));
    return count;
}

uint32_t seat_map_free_count(const struct seat_map *map, uint16_t from, uint16_t to)
{
    journey_check(map, from, to);
    return seat_map_whole(map, from, to) ? map->free_count : free_among(map, map->exists, from, to);
}

uint32_t seat_map_free_general_count(const struct seat_map *map, uint16_t from, uint16_t to)
{
    journey_check(map, from, to);
    return seat_map_whole(map, from, to) ? map->free_general_count
                                         : free_among(map, map->general, from, to);
}

/* For each `from` the seats still free are followed from segment to segment, word
 * by word: a word's counts for all `to` in one go. */
void seat_map_free_counts(const struct seat_map *map, uint32_t *out)
{
    uint32_t segments = map->segment_count;

    memset(out, 0, seat_map_pair_count(map->segment_count) * sizeof *out);
    for (uint32_t from = 0; from < segments; from++, out += segments - from + 1) {
        for (uint32_t w = 0; w < map->word_count; w++) {
            const uint64_t *taken = map->taken + (size_t)from * map->word_count + w;
            uint64_t left = map->exists[w] & ~map->blocked[w];
            for (uint32_t to = 0; to < segments - from; to++, taken += map->word_count) {
                left &= ~*taken;
                if (left == 0)
                    break;
                out[to] += seat_word_count(left);
            }
        }
    }
}

/* The low half's bits to the even places of the result. */
static uint64_t bits_spread(uint64_t x)
{
    x &= 0xFFFFFFFF;
    x = (x | x << 16) & 0x0000FFFF0000FFFF;
    x = (x | x << 8) & 0x00FF00FF00FF00FF;
    x = (x | x << 4) & 0x0F0F0F0F0F0F0F0F;
    x = (x | x << 2) & 0x3333333333333333;
    return (x | x << 1) & 0x5555555555555555;
}

void seat_map_states(const struct seat_map *map, uint16_t from, uint16_t to, uint8_t *out)
{
    uint32_t left = (map->plan->seat_count + 3) / 4;

    journey_check(map, from, to);
    for (uint32_t w = 0; w < map->word_count; w++) {
        uint64_t sold = word_any(map, map->sold, w, from, to);
        uint64_t taken = word_any(map, map->taken, w, from, to);
        uint64_t blocked = map->blocked[w] & ~taken;
        uint64_t low = (taken & ~sold) | blocked, high = sold | blocked;
        for (uint32_t half = 0; half < 2; half++, low >>= 32, high >>= 32) {
            uint64_t states = bits_spread(low) | bits_spread(high) << 1;
            for (uint32_t i = 0; i < 8 && left > 0; i++, left--)
                *out++ = (uint8_t)(states >> 8 * i);
        }
    }
}

/* --- changes --- */

/* Walks the seats of a change and refreshes each word when its last one is done. */
static void seats_check(const struct seat_map *map, const uint32_t *seats, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        assert(seats[i] < map->plan->seat_count);
        assert(i == 0 || seats[i - 1] < seats[i]);
    }
}

static void words_refresh(struct seat_map *map, const uint32_t *seats, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (i + 1 == count || seats[i] / SEAT_WORD_BITS != seats[i + 1] / SEAT_WORD_BITS)
            word_refresh(map, seats[i] / SEAT_WORD_BITS);
}

static bool seat_is_free(const struct seat_map *map, uint32_t seat)
{
    return !bit_is_set(map->busy, seat) && !bit_is_set(map->blocked, seat);
}

/* Counts a seat that was free before a change, or is after it. */
static void free_count_change(struct seat_map *map, uint32_t seat, bool before)
{
    bool after = seat_is_free(map, seat), general = bit_is_set(map->general, seat);

    map->free_count = map->free_count + after - before;
    map->free_general_count = map->free_general_count + (after && general) - (before && general);
}

/* The seats from `at` on that are in one word, as bits; moves `at` behind them. */
static uint64_t word_seats(const uint32_t *seats, uint32_t count, uint32_t *at)
{
    uint32_t w = seats[*at] / SEAT_WORD_BITS;
    uint64_t bits = 0;

    for (; *at < count && seats[*at] / SEAT_WORD_BITS == w; (*at)++)
        bits |= UINT64_C(1) << seats[*at] % SEAT_WORD_BITS;
    return bits;
}

static void word_reserve(struct seat_map *map, uint32_t w, uint64_t bits, uint16_t from,
                         uint16_t to)
{
    uint64_t were_free = bits & ~(map->busy[w] | map->blocked[w]);

    for (uint32_t s = from; s < to; s++) {
        assert(!(seat_map_taken(map, s)[w] & bits));
        seat_map_taken(map, s)[w] |= bits;
    }
    map->busy[w] |= bits;
    map->free_count -= seat_word_count(were_free);
    map->free_general_count -= seat_word_count(were_free & map->general[w]);
    word_refresh(map, w);
}

void seat_map_reserve(struct seat_map *map, const uint32_t *seats, uint32_t count, uint16_t from,
                      uint16_t to)
{
    journey_check(map, from, to);
    seats_check(map, seats, count);
    for (uint32_t at = 0; at < count;) {
        uint32_t w = seats[at] / SEAT_WORD_BITS;
        word_reserve(map, w, word_seats(seats, count, &at), from, to);
    }
}

void seat_map_sell(struct seat_map *map, const uint32_t *seats, uint32_t count, uint16_t from,
                   uint16_t to)
{
    journey_check(map, from, to);
    seats_check(map, seats, count);
    for (uint32_t s = from; s < to; s++) {
        for (uint32_t i = 0; i < count; i++) {
            assert(bit_is_set(seat_map_taken(map, s), seats[i]));
            assert(!bit_is_set(seat_map_sold(map, s), seats[i]));
            bit_set(seat_map_sold(map, s), seats[i]);
        }
    }
}

void seat_map_return(struct seat_map *map, const uint32_t *seats, uint32_t count, uint16_t from,
                     uint16_t to)
{
    journey_check(map, from, to);
    seats_check(map, seats, count);
    for (uint32_t s = from; s < to; s++) {
        uint64_t *taken = seat_map_taken(map, s), *sold = seat_map_sold(map, s);
        for (uint32_t i = 0; i < count; i++) {
            assert(bit_is_set(taken, seats[i]));
            bit_clear(taken, seats[i]);
            bit_clear(sold, seats[i]);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t w = seats[i] / SEAT_WORD_BITS;
        if (word_any(map, map->taken, w, 0, map->segment_count) >> seats[i] % SEAT_WORD_BITS & 1)
            continue; /* on another part of the way */
        bit_clear(map->busy, seats[i]);
        free_count_change(map, seats[i], false);
    }
    words_refresh(map, seats, count);
}

void seat_map_block(struct seat_map *map, const uint32_t *seats, uint32_t count)
{
    seats_check(map, seats, count);
    for (uint32_t i = 0; i < count; i++) {
        bool before = seat_is_free(map, seats[i]);
        assert(!bit_is_set(map->blocked, seats[i]));
        bit_set(map->blocked, seats[i]);
        free_count_change(map, seats[i], before);
    }
    words_refresh(map, seats, count);
}

void seat_map_unblock(struct seat_map *map, const uint32_t *seats, uint32_t count)
{
    seats_check(map, seats, count);
    for (uint32_t i = 0; i < count; i++) {
        bool before = seat_is_free(map, seats[i]);
        assert(bit_is_set(map->blocked, seats[i]));
        bit_clear(map->blocked, seats[i]);
        free_count_change(map, seats[i], before);
    }
    words_refresh(map, seats, count);
}
