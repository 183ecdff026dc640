/* From a wish to seats: one window, or windows in parts; and whether named seats
 * leave a single one. seat_window.c has how a window is found.
 *
 * Parts never get longer, and what a row cannot hold now it cannot hold later. So
 * for one size the rows around the first part's are searched outwards once, from
 * cursors that stay where they are between parts; the size falls at most a few
 * times, since all parts together have at most SEAT_PICK_MAX seats. */
#include "seat_pick.h"

#include <assert.h>
#include <string.h>

#include "seat_window.h"

static_assert(2 * SEAT_PICK_MAX <= SEAT_WORD_BITS, "a window and its sides within two words");

static uint32_t open_count(const struct seat_field *field)
{
    uint32_t count = 0;

    if (field->live)
        return field->map->free_general_count;
    for (uint32_t w = 0; w < field->map->word_count; w++)
        count += seat_word_count(field->open[w]);
    return count;
}

static void pick_add(struct seat_pick *pick, uint32_t *count, uint32_t seat, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        pick->seats[(*count)++] = seat + i;
}

/* --- in parts --- */

struct split {
    struct seat_field field;
    struct seat_field_words words; /* the field's: open seats that remain */
    uint32_t size;                 /* of the parts looked for now */
    uint32_t row;                  /* of the first part */
    /* No window of this size starts in [below, above). */
    uint32_t below, above;
};

static void split_init(struct split *split, const struct seat_field *field)
{
    size_t bytes = (field->map->word_count + 2) * sizeof(uint64_t);

    split->field = *field;
    memcpy(split->words.open, field->open - 1, bytes);
    memcpy(split->words.joined, field->joined - 1, bytes);
    split->field.open = split->words.open + 1;
    split->field.joined = split->words.joined + 1;
    split->field.live = NULL; /* what is known of the map's words is not of these */
}

static void split_size_set(struct split *split, uint32_t size)
{
    split->size = size;
    split->below = split->above = split->field.map->plan->rows[split->row].first;
}

/* Takes a window out of the open seats. Its neighbours are not open - a longer series
 * would have been the part - except beside the last part, after which nobody looks. */
static void split_take(struct split *split, uint32_t seat)
{
    uint64_t *open = split->words.open + 1, *joined = split->words.joined + 1;

    for (uint32_t i = seat; i < seat + split->size; i++) {
        open[i / SEAT_WORD_BITS] &= ~(UINT64_C(1) << i % SEAT_WORD_BITS);
        joined[i / SEAT_WORD_BITS] &= ~(UINT64_C(1) << i % SEAT_WORD_BITS);
    }
}

/* Moves `above` to the next seat at which a window starts; the end: none. */
static uint32_t split_look_up(struct split *split)
{
    uint32_t end = split->field.map->plan->seat_count;

    while (split->above < end) {
        uint32_t w = split->above / SEAT_WORD_BITS;
        uint64_t windows = seat_windows_at(&split->field, w, split->size) &
                           UINT64_MAX << split->above % SEAT_WORD_BITS;
        if (windows) {
            split->above = w * SEAT_WORD_BITS + (uint32_t)__builtin_ctzll(windows);
            return split->above;
        }
        split->above = (w + 1) * SEAT_WORD_BITS;
    }
    split->above = end;
    return SEAT_NONE;
}

/* Moves `below` behind the next one downwards. */
static uint32_t split_look_down(struct split *split)
{
    while (split->below > 0) {
        uint32_t w = (split->below - 1) / SEAT_WORD_BITS;
        uint32_t unwanted = SEAT_WORD_BITS - 1 - (split->below - 1) % SEAT_WORD_BITS;
        uint64_t windows = seat_windows_at(&split->field, w, split->size) & UINT64_MAX >> unwanted;
        if (windows) {
            split->below = (w + 1) * SEAT_WORD_BITS - (uint32_t)__builtin_clzll(windows);
            return split->below - 1;
        }
        split->below = w * SEAT_WORD_BITS;
    }
    return SEAT_NONE;
}

static struct seat_window split_best_of_row(const struct split *split, uint32_t row)
{
    const struct seat_row *seats = &split->field.map->plan->rows[row];
    return seat_window_best(&split->field, split->size, seats->first, seats->first + seats->count);
}

/* The best window of the nearest row that has one; SEAT_NONE: no row has. */
static uint32_t split_nearest(struct split *split)
{
    const struct seat *seats = split->field.map->plan->seats;
    uint32_t up = split_look_up(split), down = split_look_down(split);

    if (up == SEAT_NONE && down == SEAT_NONE)
        return SEAT_NONE;
    uint32_t up_distance = up == SEAT_NONE ? UINT32_MAX : seats[up].row - split->row;
    uint32_t down_distance = down == SEAT_NONE ? UINT32_MAX : split->row - seats[down].row;
    if (up_distance < down_distance)
        return split_best_of_row(split, seats[up].row).seat;
    struct seat_window best = split_best_of_row(split, seats[down].row);
    if (up_distance == down_distance) {
        struct seat_window other = split_best_of_row(split, seats[up].row);
        if (seat_window_before(&other, &best))
            best = other;
    }
    return best.seat;
}

/* Into place: the parts before it are in order. */
static void pick_sort(struct seat_pick *pick, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        uint32_t seat = pick->seats[i], at = i;
        for (; at > 0 && pick->seats[at - 1] > seat; at--)
            pick->seats[at] = pick->seats[at - 1];
        pick->seats[at] = seat;
    }
}

/* `longest` is less than `quantity`, and there are as many open seats. */
static void pick_in_parts(const struct seat_field *field, uint32_t quantity, uint32_t longest,
                          struct seat_pick *pick)
{
    struct split split;
    uint32_t count = 0;
    uint32_t seat = seat_window_best_of_all(field, longest).seat;

    split_init(&split, field);
    split.row = field->map->plan->seats[seat].row;
    split_size_set(&split, longest);
    for (;;) {
        split_take(&split, seat);
        pick_add(pick, &count, seat, split.size);
        uint32_t left = quantity - count;
        if (left == 0)
            break;
        if (split.size > left)
            split_size_set(&split, left);
        seat = split_nearest(&split);
        if (seat == SEAT_NONE) {
            split_size_set(&split, seat_window_longest(&split.field, split.size - 1));
            seat = split_nearest(&split);
        }
        assert(seat != SEAT_NONE);
    }
    pick_sort(pick, count);
}

/* --- choosing --- */

enum seat_pick_result seat_pick_best(const struct seat_map *map, const struct seat_pick_wish *wish,
                                     struct seat_pick *pick)
{
    struct seat_field_words words;
    struct seat_field field;
    uint32_t count = 0;

    assert(wish->from < wish->to);
    assert(wish->to <= map->segment_count);
    assert(wish->quantity >= 1 && wish->quantity <= SEAT_PICK_MAX);
    seat_field_init(&field, &words, map, wish->from, wish->to, wish->only);
    struct seat_window best = {.seat = SEAT_NONE};
    if (!field.live || map->free_general_count >= wish->quantity)
        best = seat_window_best_of_all(&field, wish->quantity);
    if (best.seat != SEAT_NONE) {
        pick_add(pick, &count, best.seat, wish->quantity);
        return SEAT_PICK_OK;
    }
    pick->free = open_count(&field);
    if (pick->free < wish->quantity)
        return SEAT_PICK_TOO_FEW;
    pick->together = seat_window_longest(&field, wish->quantity - 1);
    if (!wish->allow_split)
        return SEAT_PICK_NOT_TOGETHER;
    pick_in_parts(&field, wish->quantity, pick->together, pick);
    return SEAT_PICK_OK;
}

/* --- single seats --- */

/* Of more seats than a window has: a series of as many open neighbours, or of at
 * least two more, can be taken without leaving one. */
static bool long_series_exists(const struct seat_field *field, uint32_t count)
{
    uint32_t series = 0;

    for (uint32_t i = 0; i < field->map->plan->seat_count; i++) {
        if (field->open[i / SEAT_WORD_BITS] == 0) {
            i |= SEAT_WORD_BITS - 1;
            continue;
        }
        if (!(field->open[i / SEAT_WORD_BITS] >> i % SEAT_WORD_BITS & 1))
            continue;
        series++;
        if (field->joined[i / SEAT_WORD_BITS] >> i % SEAT_WORD_BITS & 1)
            continue;
        if (series == count || series >= count + 2)
            return true;
        series = 0;
    }
    return false;
}

static bool clean_window_exists(const struct seat_field *field, uint32_t count)
{
    return count > SEAT_PICK_MAX ? long_series_exists(field, count)
                                 : seat_window_exists(field, count, true);
}

static bool is_joined(const struct seat_field *field, uint32_t seat)
{
    return field->joined[seat / SEAT_WORD_BITS] >> seat % SEAT_WORD_BITS & 1;
}

/* The seat left of seats[i] had it as its neighbour and keeps no other. (If its other
 * neighbour is named too, it was told as that one's right.) */
static bool left_is_single(const struct seat_field *field, const uint32_t *seats, uint32_t i)
{
    uint32_t seat = seats[i];

    if (seat == 0 || !is_joined(field, seat - 1))
        return false;
    if (i > 0 && seats[i - 1] == seat - 1)
        return false;
    return seat == 1 || !is_joined(field, seat - 2);
}

static bool right_is_single(const struct seat_field *field, const uint32_t *seats, uint32_t count,
                            uint32_t i)
{
    uint32_t seat = seats[i];
    uint32_t after = i + 1 < count ? seats[i + 1] : SEAT_NONE;

    if (!is_joined(field, seat) || after == seat + 1)
        return false;
    return !is_joined(field, seat + 1) || after == seat + 2;
}

bool seat_pick_leaves_orphan(const struct seat_map *map, const uint32_t *seats, uint32_t count,
                             uint16_t from, uint16_t to, const uint64_t *only, uint32_t *seat)
{
    struct seat_field_words words;
    struct seat_field field;
    uint32_t single = SEAT_NONE;

    assert(from < to);
    assert(to <= map->segment_count);
    seat_field_init(&field, &words, map, from, to, only);
    for (uint32_t i = 0; i < count && single == SEAT_NONE; i++) {
        assert(seats[i] < map->plan->seat_count);
        if (left_is_single(&field, seats, i))
            single = seats[i] - 1;
        else if (right_is_single(&field, seats, count, i))
            single = seats[i] + 1;
    }
    if (single == SEAT_NONE || !clean_window_exists(&field, count))
        return false;
    *seat = single;
    return true;
}
