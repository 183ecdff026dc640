/* A seat is `joined` if it and its right neighbour are both open. A window of n
 * seats starts where n - 1 joined seats follow each other, which shifting and
 * masking finds for 64 seats at once (the shift-and of string matching, doubling
 * the length with each step):
 *
 *     open     1 1 1 0 1 1 1 1 | 1 1       | a gap
 *     joined   1 1 0 0 1 1 1 0 | 1 0
 *     n = 3    1 0 0 0 1 1 0 0 | 0 0
 *
 * An open seat left of the window is single if it is joined to the window but none
 * is joined to it; the same on the right: two more shifts of the same words.
 *
 * Where slacks are equal the best window is looked for in the order of the best
 * rank a word has, and not beyond the words that could still hold a better one. On the
 * way there, words are passed over in which a search since their last change found
 * no window, or whose best seats in succession, sold or not, add up to more. */
#include "seat_window.h"

#include <assert.h>
#include <string.h>

/* Two words, the lower in the lower half. Windows are at most half a word long, so
 * that a window, the seat behind it and the one behind that are within. */
__extension__ typedef unsigned __int128 word_pair;

static word_pair pair_at(const uint64_t *words, uint32_t w)
{
    return (word_pair)words[w + 1] << SEAT_WORD_BITS | words[w];
}

void seat_field_init(struct seat_field *field, struct seat_field_words *words,
                     const struct seat_map *map, uint16_t from, uint16_t to, const uint64_t *only)
{
    uint32_t count = map->word_count;
    bool whole = seat_map_whole(map, from, to);
    uint64_t *open = words->open + 1, *joined = words->joined + 1;

    *field = (struct seat_field){.map = map, .from = from, .to = to, .slack = !whole};
    if (whole && !only) {
        field->open = map->open;
        field->joined = map->joined;
        field->live = map->live;
        return;
    }
    for (uint32_t w = 0; w < count; w++)
        open[w] = only ? map->exists[w] & only[w] : map->general[w] & ~map->blocked[w];
    for (uint32_t s = from; s < to; s++) {
        const uint64_t *taken = seat_map_taken(map, s);
        for (uint32_t w = 0; w < count; w++)
            open[w] &= ~taken[w];
    }
    open[-1] = open[count] = joined[-1] = joined[count] = 0;
    for (uint32_t w = 0; w < count; w++)
        joined[w] = seat_word_joined(open, map->opens, w);
    field->open = open;
    field->joined = joined;
}

/* --- windows of a word --- */

uint64_t seat_windows_at(const struct seat_field *field, uint32_t w, uint32_t size)
{
    if (size == 1)
        return field->open[w];
    if (field->joined[w] == 0)
        return 0;
    word_pair pair = pair_at(field->joined, w);
    for (uint32_t have = 1, more; have < size - 1; have += more) {
        more = have < size - 1 - have ? have : size - 1 - have;
        pair &= pair >> more;
    }
    return (uint64_t)pair;
}

uint64_t seat_windows_clean(const struct seat_field *field, uint32_t w, uint32_t size,
                            uint64_t windows)
{
    const uint64_t *joined = field->joined + w;
    word_pair pair = pair_at(joined, 0);
    uint64_t left = joined[0] << 1 | joined[-1] >> 63;
    uint64_t left_of_left = joined[0] << 2 | joined[-1] >> 62;
    uint64_t right = (uint64_t)(pair >> (size - 1)), right_of_right = (uint64_t)(pair >> size);

    return windows & ~(left & ~left_of_left) & ~(right & ~right_of_right);
}

/* --- words worth a look --- */

/* Of 64 places of the order; beyond the last there may be more. */
static inline uint64_t places_at(const struct seat_field *field, uint32_t group, uint32_t size,
                                 bool clean)
{
    const struct seat_map *map = field->map;

    if (!field->live)
        return UINT64_MAX;
    if (size > SEAT_FEW || field->live[group] == 0)
        return field->live[group];
    const struct seat_hope *hope = &map->hopes[group];
    return field->live[group] & (clean ? hope->clean : hope->any)[size - 1];
}

/* The windows of the word there, clean ones or any, and whether it has any. Where there
 * are none, that is remembered. */
static uint64_t place_windows(const struct seat_field *field, uint32_t place, uint32_t size,
                              bool clean, uint64_t *any)
{
    uint32_t w = field->map->order[place].word;
    uint64_t windows = seat_windows_at(field, w, size);
    uint64_t result = clean && windows ? seat_windows_clean(field, w, size, windows) : windows;

    *any |= windows;
    if (field->live && size <= SEAT_FEW && !result) {
        struct seat_hope *hope = &field->map->hopes[place / SEAT_WORD_BITS];
        uint64_t bit = UINT64_C(1) << place % SEAT_WORD_BITS;
        hope->fallen |= bit;
        hope->clean[size - 1] &= ~bit;
        if (!windows)
            hope->any[size - 1] &= ~bit;
    }
    return result;
}

bool seat_window_exists(const struct seat_field *field, uint32_t size, bool clean)
{
    uint64_t any = 0;

    for (uint32_t first = 0; first < field->map->word_count; first += SEAT_WORD_BITS) {
        uint64_t places = places_at(field, first / SEAT_WORD_BITS, size, clean);
        for (; places; places &= places - 1) {
            uint32_t place = first + (uint32_t)__builtin_ctzll(places);
            if (place >= field->map->word_count)
                return false;
            if (place_windows(field, place, size, clean, &any))
                return true;
        }
    }
    return false;
}

uint32_t seat_window_longest(const struct seat_field *field, uint32_t most)
{
    uint32_t longest = 0;

    if (field->live && most <= SEAT_FEW) {
        for (longest = most; longest > 0 && !seat_window_exists(field, longest, false);)
            longest--;
        return longest;
    }
    for (uint32_t w = 0; w < field->map->word_count; w++) {
        if (field->open[w] == 0)
            continue;
        while (longest < most && seat_windows_at(field, w, longest + 1))
            longest++;
    }
    return longest;
}

/* --- the best of them --- */

static const struct seat_window NO_WINDOW = {true, UINT32_MAX, UINT32_MAX, SEAT_NONE};

bool seat_window_before(const struct seat_window *a, const struct seat_window *b)
{
    if (a->single != b->single)
        return !a->single;
    if (a->slack != b->slack)
        return a->slack < b->slack;
    return a->ranks != b->ranks ? a->ranks < b->ranks : a->seat < b->seat;
}

/* Improves *best by the windows of word w: by ranks, then place. */
static void ranks_compare(const struct seat_map *map, uint32_t w, uint64_t windows, uint32_t size,
                          struct seat_window *best)
{
    const uint32_t *sums = map->rank_sums + w * SEAT_WORD_BITS, *ends = sums + size;
    uint32_t least = UINT32_MAX, first = 0;

    if (!windows)
        return;
    for (; windows; windows &= windows - 1) {
        uint32_t bit = (uint32_t)__builtin_ctzll(windows), ranks = ends[bit] - sums[bit];
        if (ranks < least) {
            least = ranks;
            first = bit;
        }
    }
    uint32_t seat = w * SEAT_WORD_BITS + first;
    if (least < best->ranks || (least == best->ranks && seat < best->seat)) {
        best->ranks = least;
        best->seat = seat;
    }
}

/* No window that starts at this place of the order, or at a later one, is better:
 * within the same best rank the order goes by place. */
static bool order_is_through(const struct seat_place *place, uint32_t size,
                             const struct seat_window *best)
{
    uint32_t least = place->rank * size;

    return least > best->ranks ||
           (least == best->ranks && place->word > best->seat / SEAT_WORD_BITS);
}

/* None that starts in its word is better. */
static bool place_is_worse(const struct seat_place *place, uint32_t size,
                           const struct seat_window *best)
{
    assert(size > 0);
    uint32_t few = size < SEAT_FEW ? size - 1 : SEAT_FEW - 1, least = place->least[few];

    return least > best->ranks || least + (size - 1 - few) * place->rank > best->ranks;
}

/* Of all windows by ranks, those that leave no single seat (clean) or any; true: where it
 * looked there are some, of either sort. */
static bool best_in_order(const struct seat_field *field, uint32_t size, bool clean,
                          struct seat_window *best)
{
    const struct seat_map *map = field->map;
    uint64_t any = 0;

    for (uint32_t first = 0; first < map->word_count; first += SEAT_WORD_BITS) {
        uint64_t places = places_at(field, first / SEAT_WORD_BITS, size, clean);
        for (; places; places &= places - 1) {
            uint32_t at = first + (uint32_t)__builtin_ctzll(places);
            if (at >= map->word_count || order_is_through(&map->order[at], size, best))
                return any != 0;
            if (place_is_worse(&map->order[at], size, best))
                continue;
            uint64_t windows = place_windows(field, at, size, clean, &any);
            ranks_compare(map, map->order[at].word, windows, size, best);
        }
    }
    return any != 0;
}

struct range {
    uint32_t first, end;           /* seats */
    uint32_t first_word, end_word; /* that have them */
};

static uint64_t range_windows(const struct seat_field *field, uint32_t size,
                              const struct range *range, uint32_t w)
{
    uint64_t windows = seat_windows_at(field, w, size);

    if (w == range->first_word)
        windows &= UINT64_MAX << range->first % SEAT_WORD_BITS;
    if (w + 1 == range->end_word)
        windows &= UINT64_MAX >> (SEAT_WORD_BITS - 1 - (range->end - 1) % SEAT_WORD_BITS);
    return windows;
}

/* The windows that are not worse than others for the single seats they leave. */
static uint64_t masks_fill(const struct seat_field *field, uint32_t size, const struct range *range,
                           uint64_t *masks, struct seat_window *best)
{
    uint64_t any = 0, any_clean = 0;

    for (uint32_t w = range->first_word; w < range->end_word; w++) {
        masks[w] = range_windows(field, size, range, w);
        any |= masks[w];
        if (masks[w])
            any_clean |= seat_windows_clean(field, w, size, masks[w]);
    }
    best->single = any_clean == 0;
    for (uint32_t w = range->first_word; w < range->end_word && any_clean; w++)
        if (masks[w])
            masks[w] = seat_windows_clean(field, w, size, masks[w]);
    return any;
}

struct seat_window seat_window_best(const struct seat_field *field, uint32_t size, uint32_t first,
                                    uint32_t end)
{
    const struct seat_map *map = field->map;
    struct range range = {first, end, first / SEAT_WORD_BITS, (end - 1) / SEAT_WORD_BITS + 1};
    struct seat_window best = NO_WINDOW;
    uint64_t masks[SEAT_MAP_WORDS_MAX];

    if (!masks_fill(field, size, &range, masks, &best))
        return NO_WINDOW;
    best.slack = 0;
    if (field->slack)
        best.slack = seat_slack_narrow(field, size, masks, range.first_word, range.end_word);
    for (uint32_t w = range.first_word; w < range.end_word; w++)
        if (masks[w] && !place_is_worse(&map->order[map->position[w]], size, &best))
            ranks_compare(map, w, masks[w], size, &best);
    return best;
}

struct seat_window seat_window_best_of_all(const struct seat_field *field, uint32_t size)
{
    struct seat_window best = NO_WINDOW;

    if (field->slack)
        return seat_window_best(field, size, 0, field->map->plan->seat_count);
    bool any = best_in_order(field, size, true, &best);
    bool single = best.seat == SEAT_NONE;
    if (single && (any || size <= SEAT_FEW)) /* of few seats it passes words over */
        best_in_order(field, size, false, &best);
    if (best.seat == SEAT_NONE)
        return NO_WINDOW;
    best.single = single;
    best.slack = 0;
    return best;
}
