/* Choosing seats by looking at every window, as inventory.md words it. */
#include "model_private.h"

#include <assert.h>

/* A zone as one request sees it. */
struct look {
    const struct model *model;
    const struct model_zone *zone;
    const struct model_want *want;
    struct model_view *views;
};

static bool is_own(const struct look *look, uint32_t seat)
{
    if (look->want->own == MODEL_NONE)
        return false;
    const struct model_booking *own = model_booking_at(look->model, look->want->own);
    return model_has(own->seats, own->seat_count, seat);
}

/* Why the request cannot name this seat. FREE: it can. */
static enum model_seat_state seat_refused(const struct look *look, uint32_t seat)
{
    const struct model_want *want = look->want;
    enum model_seat_state taken =
        model_taken(look->model, look->zone, seat, want->from, want->to, want->own);
    uint32_t block = model_place_at(look->model, look->zone, seat)->block;
    if (taken != MODEL_SEAT_FREE)
        return taken;
    if (want->block != MODEL_NONE)
        return block == want->block + 1 ? MODEL_SEAT_FREE : MODEL_SEAT_BLOCKED;
    return block == 0 ? MODEL_SEAT_FREE : MODEL_SEAT_BLOCKED;
}

static bool seat_is_open(const struct look *look, uint32_t seat)
{
    if (seat_refused(look, seat) != MODEL_SEAT_FREE)
        return false;
    if (look->want->block != MODEL_NONE || is_own(look, seat))
        return true;
    uint8_t flags = model_place_at(look->model, look->zone, seat)->flags;
    return (flags & (SEAT_ACCESSIBLE | SEAT_COMPANION)) == 0;
}

static uint32_t seat_slack(const struct look *look, uint32_t seat)
{
    uint32_t slack = 0;
    for (uint32_t s = look->want->from; s > 0; s--, slack++)
        if (*model_cell(look->model, look->zone, seat, s - 1) != 0)
            break;
    for (uint32_t s = look->want->to; s < look->zone->segment_count; s++, slack++)
        if (*model_cell(look->model, look->zone, seat, s) != 0)
            break;
    return slack;
}

/* Returns how many seats are open. */
static uint32_t look_around(struct look *look)
{
    uint32_t open = 0;
    for (uint32_t seat = 0; seat < look->zone->place_count; seat++) {
        struct model_view *view = &look->views[seat];
        view->open = seat_is_open(look, seat);
        view->slack = view->open ? seat_slack(look, seat) : 0;
        open += view->open;
    }
    return open;
}

/* Its neighbour on the left is open. */
static bool open_left(const struct look *look, uint32_t seat)
{
    return !model_place_at(look->model, look->zone, seat)->opens_block &&
           look->views[seat - 1].open;
}

static bool open_right(const struct look *look, uint32_t seat)
{
    return seat + 1 < look->zone->place_count && look->views[seat + 1].open &&
           !model_place_at(look->model, look->zone, seat + 1)->opens_block;
}

static bool is_window(const struct look *look, uint32_t first, uint32_t size)
{
    if (first + size > look->zone->place_count || !look->views[first].open)
        return false;
    for (uint32_t seat = first; seat + 1 < first + size; seat++)
        if (!open_right(look, seat))
            return false;
    return true;
}

/* Taking the window leaves an open seat beside it without an open neighbour. */
static bool leaves_single(const struct look *look, uint32_t first, uint32_t size)
{
    uint32_t last = first + size - 1;
    if (open_left(look, first) && !open_left(look, first - 1))
        return true;
    return open_right(look, last) && !open_right(look, last + 1);
}

/* What windows are compared by, the weightiest first. */
struct merit {
    uint64_t by[5];
};

static struct merit window_merit(const struct look *look, uint32_t first, uint32_t size,
                                 uint32_t near_row)
{
    struct merit merit = {{0, leaves_single(look, first, size), 0, 0, first}};
    if (near_row != MODEL_NONE) {
        uint32_t row = model_place_at(look->model, look->zone, first)->row;
        merit.by[0] = row > near_row ? row - near_row : near_row - row;
    }
    for (uint32_t seat = first; seat < first + size; seat++) {
        merit.by[2] += look->views[seat].slack;
        merit.by[3] += model_place_at(look->model, look->zone, seat)->rank;
    }
    return merit;
}

static bool is_better(const struct merit *a, const struct merit *b)
{
    for (uint32_t i = 0; i < 5; i++)
        if (a->by[i] != b->by[i])
            return a->by[i] < b->by[i];
    return false;
}

/* near_row: windows are compared by their distance to it first; MODEL_NONE: not.
 * MODEL_NONE: there is no window of this size. */
static uint32_t best_window(const struct look *look, uint32_t size, uint32_t near_row)
{
    uint32_t best = MODEL_NONE;
    struct merit best_merit = {{0}};
    for (uint32_t first = 0; first < look->zone->place_count; first++) {
        if (!is_window(look, first, size))
            continue;
        struct merit merit = window_merit(look, first, size, near_row);
        if (best == MODEL_NONE || is_better(&merit, &best_merit)) {
            best = first;
            best_merit = merit;
        }
    }
    return best;
}

static uint32_t longest_series(const struct look *look)
{
    uint32_t longest = 0;
    for (uint32_t first = 0; first < look->zone->place_count; first++)
        while (is_window(look, first, longest + 1))
            longest++;
    return longest;
}

/* Puts a window among the chosen, in order; its seats are not open any more. */
static void choose(const struct look *look, struct model_want *want, uint32_t first, uint32_t size)
{
    for (uint32_t seat = first; seat < first + size; seat++) {
        uint32_t at = want->chosen_count++;
        for (; at > 0 && want->chosen[at - 1] > seat; at--)
            want->chosen[at] = want->chosen[at - 1];
        want->chosen[at] = seat;
        look->views[seat].open = false;
    }
}

static void choose_parts(const struct look *look, struct model_want *want)
{
    uint32_t near_row = MODEL_NONE;
    while (want->chosen_count < want->quantity) {
        uint32_t size = want->quantity - want->chosen_count;
        uint32_t first = MODEL_NONE;
        for (; first == MODEL_NONE; size -= first == MODEL_NONE)
            first = best_window(look, size, near_row);
        choose(look, want, first, size);
        if (near_row == MODEL_NONE)
            near_row = model_place_at(look->model, look->zone, first)->row;
    }
}

static enum result find_best(struct look *look, struct model_want *want,
                             struct refusal_detail *detail)
{
    uint32_t open = look_around(look);
    if (open < want->quantity) {
        detail->requested = want->quantity;
        detail->available = open;
        return RESULT_INSUFFICIENT_STOCK;
    }
    uint32_t first = best_window(look, want->quantity, MODEL_NONE);
    if (first != MODEL_NONE) {
        choose(look, want, first, want->quantity);
        return RESULT_OK;
    }
    if (!want->allow_split) {
        detail->requested = want->quantity;
        detail->available = open;
        detail->together = longest_series(look);
        return RESULT_SEATS_NOT_TOGETHER;
    }
    choose_parts(look, want);
    return RESULT_OK;
}

static bool is_named(const struct model_want *want, uint32_t seat)
{
    return model_has(want->seats, want->seat_count, seat);
}

/* An open seat that only named seats stand beside as open ones, and at least one does. */
static bool is_orphan(const struct look *look, const struct model_want *want, uint32_t seat)
{
    if (!look->views[seat].open || is_named(want, seat))
        return false;
    bool left = open_left(look, seat), right = open_right(look, seat);
    if (!left && !right)
        return false;
    return !(left && !is_named(want, seat - 1)) && !(right && !is_named(want, seat + 1));
}

/* The lowest seat that taking the named ones would leave alone, if they could have been
 * chosen otherwise. MODEL_NONE: none. */
static uint32_t find_orphan(struct look *look, const struct model_want *want)
{
    look_around(look);
    uint32_t orphan = 0;
    while (orphan < look->zone->place_count && !is_orphan(look, want, orphan))
        orphan++;
    if (orphan == look->zone->place_count)
        return MODEL_NONE;
    for (uint32_t first = 0; first < look->zone->place_count; first++)
        if (is_window(look, first, want->seat_count) &&
            !leaves_single(look, first, want->seat_count))
            return orphan;
    return MODEL_NONE;
}

static enum result find_named(struct model_step *step, struct look *look, struct model_want *want)
{
    struct model_answer *answer = step->answer;
    for (uint32_t i = 0; i < want->seat_count; i++) {
        assert(want->seats[i] < look->zone->place_count);
        uint32_t state = seat_refused(look, want->seats[i]);
        if (state != MODEL_SEAT_FREE)
            answer->seats[answer->seat_count++] = want->seats[i] | state << 24;
    }
    if (answer->seat_count != 0)
        return RESULT_SEAT_UNAVAILABLE;
    uint32_t orphan = MODEL_NONE;
    if (!model_event_at(step->model, look->zone->event)->allow_orphans)
        orphan = find_orphan(look, want);
    if (orphan != MODEL_NONE) {
        answer->seats[answer->seat_count++] = orphan;
        return RESULT_ORPHAN_SEAT;
    }
    want->chosen_count = want->seat_count;
    memcpy(want->chosen, want->seats, want->seat_count * sizeof *want->seats);
    return RESULT_OK;
}

enum result model_find_seats(struct model_step *step, struct model_want *want)
{
    struct look look = {step->model, model_zone_at(step->model, want->zone), want,
                        step->model->vectors[MODEL_VIEWS].items};
    want->chosen_count = 0;
    if (want->seat_count != 0) {
        enum result result = find_named(step, &look, want);
        if (result != RESULT_OK)
            step->answer->detail.zone_id = look.zone->id;
        return result;
    }
    return find_best(&look, want, &step->answer->detail);
}
