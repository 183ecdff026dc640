#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "seat_fixture.h"
#include "seat_pick_brute.h"

/* Both sides of a comparison, changed together. */
struct pair {
    struct seat_plan *plan;
    struct seat_map *map;
    struct brute brute;
};

static void pair_free(struct pair *pair)
{
    seat_map_free(pair->map);
    seat_plan_free(pair->plan);
}

static void pair_finish(struct pair *pair, struct seat_plan_builder *builder, uint32_t segments)
{
    struct brute *brute = &pair->brute;

    pair->plan = fixture_plan(builder);
    pair->map = seat_map_new(pair->plan, (uint16_t)segments);
    assert_non_null(pair->map);
    brute->seat_count = pair->plan->seat_count;
    brute->segment_count = segments;
    for (uint32_t s = 0; s < segments; s++) {
        memset(brute->taken[s], 0, brute->seat_count);
        memset(brute->sold[s], 0, brute->seat_count);
    }
    memset(brute->blocked, 0, brute->seat_count);
}

struct shape {
    uint32_t rows_max, seats_max, segments_max, ranks_max;
};

/* The brute side hears of the plan from here, not from the decoded plan. */
static void pair_init(struct pair *pair, const struct shape *shape, uint64_t *seed)
{
    struct seat_plan_builder *builder = seat_plan_builder_new();
    uint32_t rows = 1 + fixture_below(seed, shape->rows_max), count = 0;
    uint32_t ranks = 1 + fixture_below(seed, shape->ranks_max);
    uint32_t gaps = fixture_below(seed, 3) * 10, kept = fixture_below(seed, 3) * 8;

    assert_non_null(builder);
    for (uint32_t row = 0; row < rows; row++) {
        uint32_t seats = 1 + fixture_below(seed, shape->seats_max);
        char label[16];
        seat_plan_add_row(builder, label, (size_t)snprintf(label, sizeof label, "%u", row));
        for (uint32_t i = 0; i < seats; i++, count++) {
            uint8_t flags = fixture_below(seed, 100) < kept ? (uint8_t)fixture_below(seed, 8) : 0;
            bool gap = fixture_below(seed, 100) < gaps;
            uint32_t rank = fixture_below(seed, ranks);
            seat_plan_add_seat(builder, label, (size_t)snprintf(label, sizeof label, "%u", i), rank,
                               flags, gap);
            pair->brute.row[count] = row;
            pair->brute.rank[count] = rank;
            pair->brute.gap_before[count] = i == 0 || gap;
            pair->brute.kept[count] = flags & (SEAT_ACCESSIBLE | SEAT_COMPANION);
        }
    }
    pair_finish(pair, builder, 1 + fixture_below(seed, shape->segments_max));
}

/* --- changes --- */

static void journey_choose(const struct pair *pair, uint64_t *seed, uint16_t *from, uint16_t *to)
{
    uint32_t segments = pair->brute.segment_count;

    *from = (uint16_t)fixture_below(seed, segments);
    *to = (uint16_t)(*from + 1 + fixture_below(seed, segments - *from));
    if (fixture_below(seed, 4) == 0) {
        *from = 0;
        *to = (uint16_t)segments;
    }
}

/* Reserves (and perhaps sells) a seat where it is free, returns it where it is not. */
static void seat_flip(struct pair *pair, uint32_t seat, uint64_t *seed)
{
    struct brute *brute = &pair->brute;
    uint16_t from, to;
    bool sell = fixture_below(seed, 2);

    journey_choose(pair, seed, &from, &to);
    for (uint16_t s = from, end; s < to; s = end) {
        bool taken = brute->taken[s][seat];
        for (end = s; end < to && brute->taken[end][seat] == taken; end++) {
            brute->taken[end][seat] = !taken;
            brute->sold[end][seat] = !taken && sell;
        }
        if (taken)
            seat_map_return(pair->map, &seat, 1, s, end);
        else
            seat_map_reserve(pair->map, &seat, 1, s, end);
        if (!taken && sell)
            seat_map_sell(pair->map, &seat, 1, s, end);
    }
}

static void block_flip(struct pair *pair, uint32_t seat)
{
    bool *blocked = &pair->brute.blocked[seat];

    if (*blocked)
        seat_map_unblock(pair->map, &seat, 1);
    else
        seat_map_block(pair->map, &seat, 1);
    *blocked = !*blocked;
}

static void pair_change(struct pair *pair, uint64_t *seed)
{
    uint32_t seats = pair->brute.seat_count, times = 1 + fixture_below(seed, 1 + seats / 3);

    for (uint32_t i = 0; i < times; i++)
        seat_flip(pair, fixture_below(seed, seats), seed);
    if (fixture_below(seed, 3) == 0)
        block_flip(pair, fixture_below(seed, seats));
}

/* --- comparing --- */

static void same_pick(struct pair *pair, const struct seat_pick_wish *wish)
{
    struct seat_pick pick = {.free = SEAT_NONE, .together = SEAT_NONE}, expected = pick;
    enum seat_pick_result result = seat_pick_best(pair->map, wish, &pick);

    assert_int_equal(result, brute_pick(&pair->brute, wish, &expected));
    if (result == SEAT_PICK_OK)
        assert_memory_equal(pick.seats, expected.seats, wish->quantity * sizeof pick.seats[0]);
    else
        assert_int_equal(pick.free, expected.free);
    if (result == SEAT_PICK_NOT_TOGETHER)
        assert_int_equal(pick.together, expected.together);
}

/* `count` different seats that are free on the way; fewer if there are not so many. */
static uint32_t name_seats(struct pair *pair, uint32_t count, uint16_t from, uint16_t to,
                           uint64_t *seed, uint32_t *seats)
{
    uint64_t every[BRUTE_SEATS / 64];
    uint32_t named = 0, at = fixture_below(seed, pair->brute.seat_count);
    uint32_t skip = fixture_below(seed, 3) * 30;

    memset(every, 0xFF, sizeof every);
    brute_open(&pair->brute, from, to, every);
    for (uint32_t i = at; i < pair->brute.seat_count && named < count; i++)
        if (pair->brute.open[i] && fixture_below(seed, 100) >= skip)
            seats[named++] = i;
    return named;
}

static void same_orphan(struct pair *pair, const struct seat_pick_wish *wish, uint64_t *seed)
{
    uint32_t seats[BRUTE_SEATS], seat = SEAT_NONE;
    uint32_t count = name_seats(pair, wish->quantity, wish->from, wish->to, seed, seats);

    if (count == 0)
        return;
    uint32_t expected = brute_orphan(&pair->brute, seats, count, wish->from, wish->to, wish->only);
    bool refused =
        seat_pick_leaves_orphan(pair->map, seats, count, wish->from, wish->to, wish->only, &seat);
    assert_int_equal(refused, expected != SEAT_NONE);
    if (refused)
        assert_int_equal(seat, expected);
}

/* One random wish of each quantity; returns how many comparisons. */
static uint64_t same_choices(struct pair *pair, uint32_t quantity_max, uint64_t *seed)
{
    uint64_t only[BRUTE_SEATS / 64], compared = 0;
    struct seat_pick_wish wish = {.allow_split = false};

    for (uint32_t w = 0; w * 64 < pair->brute.seat_count; w++) {
        only[w] = fixture_random(seed);
        only[w] |= fixture_random(seed); /* three of four */
    }
    for (uint32_t quantity = 1; quantity <= quantity_max; quantity++) {
        journey_choose(pair, seed, &wish.from, &wish.to);
        wish.quantity = quantity;
        wish.allow_split = fixture_below(seed, 2);
        wish.only = fixture_below(seed, 4) == 0 ? only : NULL;
        same_pick(pair, &wish);
        same_orphan(pair, &wish, seed);
        compared += 2;
    }
    return compared;
}

/* A number of states; less under a sanitizer, more if the environment says so. */
static uint64_t states_wanted(uint64_t usual)
{
    const char *wanted = getenv("SEAT_STATES");

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    usual /= 20;
#endif
    return wanted ? strtoull(wanted, NULL, 10) : usual;
}

static void compare_states(const struct shape *shape, uint64_t states, uint32_t states_each,
                           uint32_t quantity_max, uint64_t seed)
{
    static struct pair pair;
    uint64_t compared = 0, done = 0;

    while (done < states) {
        pair_init(&pair, shape, &seed);
        for (uint32_t i = 0; i < states_each; i++, done++) {
            pair_change(&pair, &seed);
            uint32_t most = 1 + fixture_below(&seed, quantity_max);
            compared += same_choices(&pair, most, &seed);
        }
        pair_free(&pair);
    }
    print_message("# %lu states, %lu choices equal to brute force\n", (unsigned long)done,
                  (unsigned long)compared);
    assert_true(done >= states);
}

/* Small halls and trips in a million states: every choice is brute force's, seat by
 * seat, and so is every refusal and what it says. */
static void test_equals_brute_force(void **state)
{
    (void)state;
    struct shape shape = {.rows_max = 4, .seats_max = 12, .segments_max = 5, .ranks_max = 6};
    compare_states(&shape, states_wanted(1000000), 20, 6, 1);
}

/* The same for series across the words of the bitmaps, with all quantities. */
static void test_equals_brute_force_across_words(void **state)
{
    (void)state;
    struct shape shape = {.rows_max = 6, .seats_max = 150, .segments_max = 2, .ranks_max = 40};
    compare_states(&shape, states_wanted(2000), 10, SEAT_PICK_MAX, 2);
}

/* The same on trips of many segments, where slacks decide. */
static void test_equals_brute_force_on_long_trips(void **state)
{
    (void)state;
    struct shape shape = {.rows_max = 10, .seats_max = 20, .segments_max = 64, .ranks_max = 3};
    compare_states(&shape, states_wanted(4000), 10, 12, 3);
}

/* --- what the rule says, case by case --- */

static struct seat_map *row_map(const char *row, struct seat_plan **plan)
{
    struct seat_plan_builder *builder = seat_plan_builder_new();
    uint32_t taken[64], count = 0, seat = 0;

    seat_plan_add_row(builder, "A", 1);
    for (bool gap = false; *row; row++) {
        char label[8];
        if (*row == '|') {
            gap = true;
            continue;
        }
        if (*row == 'x')
            taken[count++] = seat;
        seat++;
        seat_plan_add_seat(builder, label, (size_t)snprintf(label, sizeof label, "%u", seat), 0,
                           *row == 'w' ? SEAT_ACCESSIBLE : 0, gap);
        gap = false;
    }
    *plan = fixture_plan(builder);
    struct seat_map *map = seat_map_new(*plan, 1);
    assert_non_null(map);
    if (count > 0)
        seat_map_reserve(map, taken, count, 0, 1);
    return map;
}

/* The first seat of the best window in a row like "..x.|..", or SEAT_NONE. */
static uint32_t best_in(const char *row, uint32_t quantity)
{
    struct seat_plan *plan;
    struct seat_map *map = row_map(row, &plan);
    struct seat_pick_wish wish = {.to = 1, .quantity = quantity};
    struct seat_pick pick;
    uint32_t first = seat_pick_best(map, &wish, &pick) == SEAT_PICK_OK ? pick.seats[0] : SEAT_NONE;

    seat_map_free(map);
    seat_plan_free(plan);
    return first;
}

/* A window that leaves no single seat comes before an earlier one that does. */
static void test_prefers_to_leave_no_single_seat(void **state)
{
    (void)state;
    assert_int_equal(best_in("...x..", 2), 4);
    assert_int_equal(best_in("...|..", 2), 3);
    assert_int_equal(best_in("....", 2), 0);
    assert_int_equal(best_in(".....", 3), 0);
    assert_int_equal(best_in("...", 2), 0); /* there is no other */
}

/* A window that reaches from poor seats into good ones is not passed over. */
static void test_finds_a_window_across_words(void **state)
{
    (void)state;
    struct seat_plan_builder *builder = seat_plan_builder_new();
    struct seat_pick_wish wish = {.to = 1, .quantity = 2};
    struct seat_pick pick;

    seat_plan_add_row(builder, "A", 1);
    seat_plan_add_run(builder, 0, 1, 64, 200, 0, 0, false);
    seat_plan_add_run(builder, 64, 1, 1, 0, 0, 0, false);
    seat_plan_add_run(builder, 65, 1, 63, 300, 0, 0, false);
    struct seat_plan *plan = fixture_plan(builder);
    struct seat_map *map = seat_map_new(plan, 1);
    assert_int_equal(seat_pick_best(map, &wish, &pick), SEAT_PICK_OK);
    assert_int_equal(pick.seats[0], 63);
    seat_map_free(map);
    seat_plan_free(plan);
}

/* Neighbours end at a gap, whatever the labels say, and at an accessible seat. */
static void test_a_window_ends_at_gaps(void **state)
{
    (void)state;
    assert_int_equal(best_in("..|..", 3), SEAT_NONE);
    assert_int_equal(best_in("..w..", 3), SEAT_NONE);
    assert_int_equal(best_in("..w...", 3), 3);
}

/* A refusal says how many seats there are, and how many together. */
static void test_refusals_say_what_there_is(void **state)
{
    (void)state;
    struct seat_plan *plan;
    struct seat_map *map = row_map("..x...|..w", &plan);
    struct seat_pick_wish wish = {.to = 1, .quantity = 4};
    struct seat_pick pick;

    assert_int_equal(seat_pick_best(map, &wish, &pick), SEAT_PICK_NOT_TOGETHER);
    assert_int_equal(pick.free, 7);
    assert_int_equal(pick.together, 3);
    wish.quantity = 8;
    wish.allow_split = true;
    assert_int_equal(seat_pick_best(map, &wish, &pick), SEAT_PICK_TOO_FEW);
    assert_int_equal(pick.free, 7);
    seat_map_free(map);
    seat_plan_free(plan);
}

static bool orphan_in(const char *row, uint32_t first, uint32_t count, uint32_t *seat)
{
    struct seat_plan *plan;
    struct seat_map *map = row_map(row, &plan);
    uint32_t seats[64];

    for (uint32_t i = 0; i < count; i++)
        seats[i] = first + i;
    bool refused = seat_pick_leaves_orphan(map, seats, count, 0, 1, NULL, seat);
    seat_map_free(map);
    seat_plan_free(plan);
    return refused;
}

/* Named seats that leave a single one are refused, the lowest of these named. */
static void test_names_the_orphan(void **state)
{
    (void)state;
    uint32_t seat = SEAT_NONE;

    assert_true(orphan_in("......", 1, 2, &seat));
    assert_int_equal(seat, 0);
    assert_true(orphan_in("......", 3, 2, &seat));
    assert_int_equal(seat, 5);
    assert_true(orphan_in("....|....", 1, 2, &seat));
    assert_int_equal(seat, 0);
    assert_false(orphan_in("......", 2, 2, &seat));
}

/* ... but not if every choice of as many leaves one, or it was single before. */
static void test_an_orphan_that_nothing_avoids_is_allowed(void **state)
{
    (void)state;
    uint32_t seat = SEAT_NONE;

    assert_false(orphan_in("...", 0, 2, &seat));
    assert_true(orphan_in("...|..", 0, 2, &seat));
    assert_false(orphan_in(".x..x..", 2, 2, &seat));
}

/* More named seats than a window may have are judged by the same rule. */
static void test_judges_more_seats_than_a_window(void **state)
{
    (void)state;
    struct seat_plan *plan = fixture_hall(3, 100);
    struct seat_map *map = seat_map_new(plan, 1);
    uint32_t seats[99], seat = SEAT_NONE;

    for (uint32_t i = 0; i < 99; i++)
        seats[i] = i;
    assert_false(seat_pick_leaves_orphan(map, seats, 99, 0, 1, NULL, &seat)); /* no other way */
    assert_true(seat_pick_leaves_orphan(map, seats + 1, 50, 0, 1, NULL, &seat));
    assert_int_equal(seat, 0);
    assert_false(seat_pick_leaves_orphan(map, seats, 98, 0, 1, NULL, &seat));
    seat_map_free(map);
    seat_plan_free(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_brute_force),
        cmocka_unit_test(test_equals_brute_force_across_words),
        cmocka_unit_test(test_equals_brute_force_on_long_trips),
        cmocka_unit_test(test_prefers_to_leave_no_single_seat),
        cmocka_unit_test(test_finds_a_window_across_words),
        cmocka_unit_test(test_a_window_ends_at_gaps),
        cmocka_unit_test(test_refusals_say_what_there_is),
        cmocka_unit_test(test_names_the_orphan),
        cmocka_unit_test(test_an_orphan_that_nothing_avoids_is_allowed),
        cmocka_unit_test(test_judges_more_seats_than_a_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
