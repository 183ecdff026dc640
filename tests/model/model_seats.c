/* Finding places; seats by looking at every window, as inventory.md words it. */
#include "model_private.h"

#include <assert.h>

/* Why the request cannot name this seat. FREE: it can. */
static enum model_seat_state seat_refused(const struct model_want *want,
                                          const struct model_seat *seat)
{
    enum model_seat_state taken = model_taken(seat, want->from, want->to);
    if (taken == MODEL_SEAT_FREE && seat->block != want->block)
        return MODEL_SEAT_BLOCKED;
    return taken;
}

static bool seat_is_open(const struct model_want *want, uint32_t index)
{
    const struct model_seat *seat = &want->zone->seats[index];
    if (seat_refused(want, seat) != MODEL_SEAT_FREE)
        return false;
    bool special = seat->plan.flags & (SEAT_ACCESSIBLE | SEAT_COMPANION);
    return !special || want->block != NULL ||
           (want->own != NULL && model_has(want->own->seats, want->own->seat_count, index));
}

/* Segments beside the way, up to the first on which it is taken. */
static uint32_t seat_slack(const struct model_want *want, const struct model_seat *seat)
{
    uint64_t taken = seat->reserved | seat->sold;
    uint32_t slack = 0;
    for (uint32_t s = want->from; s > 0 && !(taken >> (s - 1) & 1); s--)
        slack++;
    for (uint32_t s = want->to; s < want->zone->segment_count && !(taken >> s & 1); s++)
        slack++;
    return slack;
}

/* Sets what the request sees of each seat. Returns how many are open. */
static uint32_t look_around(const struct model_want *want)
{
    uint32_t open = 0;
    model_look(want->zone, want->own);
    for (uint32_t i = 0; i < want->zone->seat_count; i++) {
        struct model_seat *seat = &want->zone->seats[i];
        seat->chosen = false;
        seat->open = seat_is_open(want, i);
        seat->slack = seat->open ? seat_slack(want, seat) : 0;
        open += seat->open;
    }
    return open;
}

/* Its neighbour on the left is open. */
static bool open_left(const struct model_zone *zone, uint32_t seat)
{
    return !zone->seats[seat].plan.opens_block && zone->seats[seat - 1].open;
}

static bool open_right(const struct model_zone *zone, uint32_t seat)
{
    return seat + 1 < zone->seat_count && zone->seats[seat + 1].open &&
           !zone->seats[seat + 1].plan.opens_block;
}

/* Open neighbours from this seat on, itself included; no more than `most`. */
static uint32_t series(const struct model_zone *zone, uint32_t first, uint32_t most)
{
    uint32_t length = zone->seats[first].open;
    while (length > 0 && length < most && open_right(zone, first + length - 1))
        length++;
    return length;
}

/* Taking the window leaves an open seat beside it without an open neighbour. */
static bool leaves_single(const struct model_zone *zone, uint32_t first, uint32_t size)
{
    uint32_t last = first + size - 1;
    return (open_left(zone, first) && !open_left(zone, first - 1)) ||
           (open_right(zone, last) && !open_right(zone, last + 1));
}

/* The less the better: distance of rows, single seats, slack and rank, each to weigh more
 * than all that come after it can. near: the first part of a split choice, from whose row
 * the distance is; NULL: none yet. */
static uint64_t weigh(const struct model_zone *zone, uint32_t first, uint32_t size,
                      const struct model_seat *near)
{
    uint32_t row = zone->seats[first].plan.row, near_row = near != NULL ? near->plan.row : row;
    uint64_t weight = row > near_row ? row - near_row : near_row - row, slack = 0, rank = 0;
    for (uint32_t seat = first; seat < first + size; seat++) {
        slack += zone->seats[seat].slack;
        rank += zone->seats[seat].plan.rank;
    }
    weight = weight * 2 + leaves_single(zone, first, size);
    weight = weight * (RECORD_SEATS_MAX * CATALOG_SEGMENTS_MAX) + slack;
    return weight * (RECORD_SEATS_MAX * SEAT_RANK_MAX + 1) + rank;
}

/* Its first seat; of equally good ones the lowest. SEAT_NONE: there is none. */
static uint32_t best_window(const struct model_zone *zone, uint32_t size,
                            const struct model_seat *near)
{
    uint32_t best = SEAT_NONE;
    uint64_t best_weight = UINT64_MAX;
    for (uint32_t first = 0; first < zone->seat_count; first++) {
        if (series(zone, first, size) < size)
            continue;
        uint64_t weight = weigh(zone, first, size, near);
        if (weight < best_weight) {
            best = first;
            best_weight = weight;
        }
    }
    return best;
}

/* No longer than `most`. */
static uint32_t longest_series(const struct model_zone *zone, uint32_t most)
{
    uint32_t longest = 0;
    for (uint32_t first = 0; first < zone->seat_count; first++) {
        uint32_t length = series(zone, first, most);
        longest = length > longest ? length : longest;
    }
    return longest;
}

static enum result find_best(struct model_want *want, struct refusal_detail *detail)
{
    const struct model_zone *zone = want->zone;
    detail->requested = want->quantity;
    detail->available = look_around(want);
    if (detail->available < want->quantity)
        return RESULT_INSUFFICIENT_STOCK;
    detail->together = longest_series(zone, UINT32_MAX);
    if (detail->together < want->quantity && !want->allow_split)
        return RESULT_SEATS_NOT_TOGETHER;
    const struct model_seat *near = NULL;
    for (uint32_t size, left = want->quantity; left > 0; left -= size) {
        size = longest_series(zone, left);
        struct model_seat *seat = zone->seats + best_window(zone, size, near);
        near = near != NULL ? near : seat;
        for (const struct model_seat *end = seat + size; seat < end; seat++) {
            seat->open = false;
            seat->chosen = true;
        }
    }
    for (uint32_t i = 0; i < zone->seat_count; i++)
        if (zone->seats[i].chosen)
            want->chosen[want->chosen_count++] = i;
    return RESULT_OK;
}

static bool is_named(const struct model_want *want, uint32_t seat)
{
    return model_has(want->seats, want->seat_count, seat);
}

/* An open seat that only named seats stand beside as open ones, and at least one does. */
static bool is_orphan(const struct model_want *want, uint32_t seat)
{
    bool left = open_left(want->zone, seat), right = open_right(want->zone, seat);
    return want->zone->seats[seat].open && !is_named(want, seat) && (left || right) &&
           (!left || is_named(want, seat - 1)) && (!right || is_named(want, seat + 1));
}

/* Singles weigh most in a window of a first part: if the best leaves one, all do. */
static enum result check_orphans(const struct model_want *want, struct model_answer *answer)
{
    const struct model_zone *zone = want->zone;
    look_around(want);
    uint32_t orphan = 0;
    while (orphan < zone->seat_count && !is_orphan(want, orphan))
        orphan++;
    if (orphan == zone->seat_count)
        return RESULT_OK;
    uint32_t best = best_window(zone, want->seat_count, NULL);
    if (best == SEAT_NONE || leaves_single(zone, best, want->seat_count))
        return RESULT_OK;
    answer->seats[answer->seat_count++] = orphan;
    return RESULT_ORPHAN_SEAT;
}

enum result model_find_named(struct model_step *step, const struct model_want *want)
{
    struct model_answer *answer = step->answer;
    model_look(want->zone, want->own);
    for (uint32_t i = 0; i < want->seat_count; i++) {
        assert(want->seats[i] < want->zone->seat_count);
        uint32_t state = seat_refused(want, &want->zone->seats[want->seats[i]]);
        if (state != MODEL_SEAT_FREE && answer->seat_count < RECORD_SEATS_MAX)
            answer->seats[answer->seat_count++] = want->seats[i] | state << 24;
    }
    return answer->seat_count != 0 ? RESULT_SEAT_UNAVAILABLE : RESULT_OK;
}

static enum result find_seats(struct model_step *step, struct model_want *want)
{
    if (want->seat_count == 0)
        return find_best(want, step->detail);
    enum result result = model_find_named(step, want);
    if (result == RESULT_OK && !want->zone->event->facts.allow_orphans)
        result = check_orphans(want, step->answer);
    want->chosen_count = want->seat_count;
    memcpy(want->chosen, want->seats, want->seat_count * sizeof *want->seats);
    return result;
}

enum result model_find(struct model_step *step, struct model_want *want)
{
    if (want->zone->kind == ZONE_SEATED)
        return find_seats(step, want);
    step->detail->requested = want->quantity;
    step->detail->available = model_left(want->zone, want->block, want->from, want->to);
    return step->detail->available < want->quantity ? RESULT_INSUFFICIENT_STOCK : RESULT_OK;
}
