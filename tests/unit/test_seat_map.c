#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../../engine/seat_map.h"
#include "../../engine/seat_pick.h"
#include "../../engine/seat_window.h"
#include "seat_fixture.h"

enum { SEATS = 333, SEGMENTS_MAX = 64 };

/* Who sits where, seat by seat. */
struct naive {
    uint32_t segments;
    enum seat_state state[SEGMENTS_MAX][SEATS]; /* SEAT_FREE, _RESERVED or _SOLD */
    bool blocked[SEATS];
};

static enum seat_state naive_state(const struct naive *naive, uint32_t seat, uint32_t from,
                                   uint32_t to)
{
    enum seat_state state = SEAT_FREE;

    for (uint32_t s = from; s < to; s++)
        if (naive->state[s][seat] > state)
            state = naive->state[s][seat];
    return state == SEAT_FREE && naive->blocked[seat] ? SEAT_BLOCKED : state;
}

static uint32_t naive_free(const struct naive *naive, const struct seat_plan *plan, uint32_t from,
                           uint32_t to, uint8_t without)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < SEATS; i++)
        count += !(plan->seats[i].flags & without) && naive_state(naive, i, from, to) == SEAT_FREE;
    return count;
}

/* 3 rows of 111 with gaps and flags here and there. */
static struct seat_plan *plan_make(void)
{
    struct seat_plan_builder *builder = seat_plan_builder_new();
    uint64_t seed = 5;

    for (uint32_t i = 0; i < SEATS; i++) {
        char label[8];
        if (i % 111 == 0)
            seat_plan_add_row(builder, &"ABC"[i / 111], 1);
        seat_plan_add_seat(builder, label, (size_t)snprintf(label, sizeof label, "%u", i),
                           fixture_below(&seed, 9) + (i / 64 % 2 ? 0 : 100),
                           (uint8_t)(i % 13 == 0 ? i % 8 : 0), fixture_below(&seed, 10) == 0);
    }
    return fixture_plan(builder);
}

/* What is taken on one segment of the way is changed as one; true: it was changed. */
static void naive_set(struct naive *naive, uint32_t seat, uint32_t from, uint32_t to,
                      enum seat_state state)
{
    for (uint32_t s = from; s < to; s++)
        naive->state[s][seat] = state;
}

static bool naive_all(const struct naive *naive, uint32_t seat, uint32_t from, uint32_t to,
                      enum seat_state state)
{
    for (uint32_t s = from; s < to; s++)
        if (naive->state[s][seat] != state)
            return false;
    return true;
}

static bool naive_takes_all(const struct naive *naive, uint32_t seat, uint32_t from, uint32_t to)
{
    for (uint32_t s = from; s < to; s++)
        if (naive->state[s][seat] == SEAT_FREE)
            return false;
    return true;
}

enum change { RESERVE, SELL, RETURN, BLOCK, UNBLOCK, CHANGES };

static bool change_fits(const struct naive *naive, enum change change, uint32_t seat, uint32_t from,
                        uint32_t to)
{
    switch (change) {
    case RESERVE:
        return naive_all(naive, seat, from, to, SEAT_FREE);
    case SELL:
        return naive_all(naive, seat, from, to, SEAT_RESERVED);
    case RETURN:
        return naive_takes_all(naive, seat, from, to);
    case BLOCK:
        return !naive->blocked[seat];
    default:
        return naive->blocked[seat];
    }
}

static void naive_change(struct naive *naive, enum change change, uint32_t seat, uint32_t from,
                         uint32_t to)
{
    static const enum seat_state becomes[] = {SEAT_RESERVED, SEAT_SOLD, SEAT_FREE};

    if (change <= RETURN)
        naive_set(naive, seat, from, to, becomes[change]);
    else
        naive->blocked[seat] = change == BLOCK;
}

static void map_change(struct seat_map *map, enum change change, const uint32_t *seats,
                       uint32_t count, uint16_t from, uint16_t to)
{
    switch (change) {
    case RESERVE:
        seat_map_reserve(map, seats, count, from, to);
        break;
    case SELL:
        seat_map_sell(map, seats, count, from, to);
        break;
    case RETURN:
        seat_map_return(map, seats, count, from, to);
        break;
    case BLOCK:
        seat_map_block(map, seats, count);
        break;
    default:
        seat_map_unblock(map, seats, count);
    }
}

/* One change to up to a few hundred seats that it fits. */
static void change_any(struct seat_map *map, struct naive *naive, uint64_t *seed)
{
    uint32_t seats[SEATS], count = 0, share = 1 + fixture_below(seed, 60);
    uint16_t from = (uint16_t)fixture_below(seed, naive->segments);
    uint16_t to = (uint16_t)(from + 1 + fixture_below(seed, naive->segments - from));
    enum change change = fixture_below(seed, CHANGES);

    for (uint32_t i = 0; i < SEATS; i++)
        if (fixture_below(seed, 100) < share && change_fits(naive, change, i, from, to))
            seats[count++] = i;
    for (uint32_t i = 0; i < count; i++)
        naive_change(naive, change, seats[i], from, to);
    map_change(map, change, seats, count, from, to);
}

static void same_on(const struct seat_map *map, const struct naive *naive, uint16_t from,
                    uint16_t to)
{
    const struct seat_plan *plan = seat_map_plan(map);
    uint8_t packed[(SEATS + 3) / 4 + 1];

    packed[sizeof packed - 1] = 0xA5;
    seat_map_states(map, from, to, packed);
    assert_int_equal(packed[sizeof packed - 1], 0xA5);
    for (uint32_t i = 0; i < SEATS; i++) {
        assert_int_equal(seat_map_state(map, i, from, to), naive_state(naive, i, from, to));
        assert_int_equal(packed[i / 4] >> 2 * (i % 4) & 3, naive_state(naive, i, from, to));
    }
    assert_int_equal(seat_map_free_count(map, from, to), naive_free(naive, plan, from, to, 0));
    assert_int_equal(seat_map_free_general_count(map, from, to),
                     naive_free(naive, plan, from, to, SEAT_ACCESSIBLE | SEAT_COMPANION));
}

static void same_pairs(const struct seat_map *map, const struct naive *naive)
{
    uint32_t counts[SEGMENTS_MAX * (SEGMENTS_MAX + 1) / 2], next = 0;
    uint16_t segments = (uint16_t)naive->segments;

    seat_map_free_counts(map, counts);
    for (uint16_t from = 0; from < segments; from++) {
        for (uint16_t to = (uint16_t)(from + 1); to <= segments; to++) {
            assert_int_equal(seat_map_pair(segments, from, to), next);
            assert_int_equal(counts[next++], naive_free(naive, seat_map_plan(map), from, to, 0));
        }
    }
    assert_int_equal(next, seat_map_pair_count(segments));
}

static bool bit_at(const uint64_t *words, uint32_t bit)
{
    return words[bit / 64] >> bit % 64 & 1;
}

/* All that a map keeps beside the state, worked out again from the state. */
static void derived_is_right(const struct seat_map *map, const struct naive *naive)
{
    const struct seat_plan *plan = map->plan;
    bool open[SEATS + 1] = {false};

    for (uint32_t i = 0; i < SEATS; i++) {
        bool busy = false;
        for (uint32_t s = 0; s < naive->segments; s++)
            busy |= naive->state[s][i] != SEAT_FREE;
        open[i] = !busy && !naive->blocked[i] &&
                  !(plan->seats[i].flags & (SEAT_ACCESSIBLE | SEAT_COMPANION));
        assert_int_equal(bit_at(map->busy, i), busy);
        assert_int_equal(bit_at(map->open, i), open[i]);
    }
    for (uint32_t i = 0; i < SEATS; i++) {
        bool joined = open[i] && open[i + 1] && !plan->seats[i + 1].opens_block;
        assert_int_equal(bit_at(map->joined, i), joined);
    }
    for (uint32_t place = 0; place < map->word_count; place++) {
        uint32_t w = map->order[place].word;
        assert_int_equal(map->position[w], place);
        assert_int_equal(bit_at(map->live, place), map->open[w] != 0);
        for (uint32_t i = w * 64; i < (w + 2) * 64 && i < SEATS; i++)
            assert_true(map->order[place].rank <= plan->seats[i].rank);
        assert_true(place == 0 || map->order[place - 1].rank <= map->order[place].rank);
    }
    assert_int_equal(map->open[-1] | map->joined[-1], 0);
    assert_int_equal(map->open[map->word_count] | map->joined[map->word_count], 0);
}

/* No window where there is no hope of one, and no sum below the least. */
static void hopes_are_right(const struct seat_map *map)
{
    struct seat_field_words words;
    struct seat_field field;

    seat_field_init(&field, &words, map, 0, map->segment_count, NULL);
    for (uint32_t place = 0; place < map->word_count; place++) {
        uint32_t w = map->order[place].word;
        for (uint32_t size = 1; size <= SEAT_FEW; size++) {
            uint64_t windows = seat_windows_at(&field, w, size);
            assert_true(!windows || bit_at(&map->hopes[place / 64].any[size - 1], place % 64));
            assert_true(!windows || !seat_windows_clean(&field, w, size, windows) ||
                        bit_at(&map->hopes[place / 64].clean[size - 1], place % 64));
            for (uint32_t i = w * 64; i < (w + 1) * 64 && i + size <= SEATS; i++)
                assert_true(map->rank_sums[i + size] - map->rank_sums[i] >=
                            map->order[place].least[size - 1]);
        }
    }
}

/* Searches that find nothing in a word remember it. */
static void search(const struct seat_map *map, uint64_t *seed)
{
    struct seat_pick_wish wish = {.to = map->segment_count,
                                  .quantity = 1 + fixture_below(seed, SEAT_FEW + 2)};
    struct seat_pick pick;

    (void)seat_pick_best(map, &wish, &pick);
}

static void walk(uint32_t segments, uint32_t steps, uint64_t seed)
{
    static struct naive naive;
    struct seat_plan *plan = plan_make();
    struct seat_map *map = seat_map_new(plan, (uint16_t)segments);

    assert_non_null(map);
    memset(&naive, 0, sizeof naive);
    naive.segments = segments;
    for (uint32_t i = 0; i < steps; i++) {
        uint16_t from = (uint16_t)fixture_below(&seed, segments);
        same_on(map, &naive, from, (uint16_t)(from + 1 + fixture_below(&seed, segments - from)));
        same_on(map, &naive, 0, (uint16_t)segments);
        derived_is_right(map, &naive);
        search(map, &seed);
        if (i % 20 == 0)
            hopes_are_right(map);
        if (i % 50 == 0)
            same_pairs(map, &naive);
        change_any(map, &naive, &seed);
    }
    seat_map_free(map);
    seat_plan_free(plan);
}

/* After each of many random changes all answers, and all that is kept to answer
 * quickly, are those of a naive table: a concert. */
static void test_equals_a_naive_table(void **state)
{
    (void)state;
    walk(1, 2000, 1);
}

/* The same on trips, short and as long as there are. */
static void test_equals_a_naive_table_on_trips(void **state)
{
    (void)state;
    walk(2, 1000, 2);
    walk(7, 1000, 3);
    walk(SEGMENTS_MAX, 300, 4);
}

/* A seat sold on two parts of the way and returned on one stays taken on the other. */
static void test_a_seat_sells_again_on_another_part(void **state)
{
    (void)state;
    struct seat_plan *plan = fixture_hall(1, 4);
    struct seat_map *map = seat_map_new(plan, 4);
    uint32_t seat = 2;

    seat_map_reserve(map, &seat, 1, 0, 2);
    seat_map_reserve(map, &seat, 1, 2, 4);
    seat_map_sell(map, &seat, 1, 2, 4);
    assert_int_equal(seat_map_state(map, seat, 0, 2), SEAT_RESERVED);
    assert_int_equal(seat_map_state(map, seat, 1, 3), SEAT_SOLD);
    seat_map_return(map, &seat, 1, 2, 4);
    assert_int_equal(seat_map_state(map, seat, 2, 4), SEAT_FREE);
    assert_int_equal(seat_map_state(map, seat, 1, 3), SEAT_RESERVED);
    assert_int_equal(seat_map_free_count(map, 0, 4), 3);
    seat_map_return(map, &seat, 1, 0, 2);
    assert_int_equal(seat_map_free_count(map, 0, 4), 4);
    seat_map_free(map);
    seat_plan_free(plan);
}

/* A blocked seat that is sold out of its block comes back blocked. */
static void test_a_blocked_seat_comes_back_blocked(void **state)
{
    (void)state;
    struct seat_plan *plan = fixture_hall(1, 4);
    struct seat_map *map = seat_map_new(plan, 1);
    uint32_t seat = 1;

    seat_map_block(map, &seat, 1);
    assert_int_equal(seat_map_free_count(map, 0, 1), 3);
    seat_map_reserve(map, &seat, 1, 0, 1);
    assert_int_equal(seat_map_state(map, seat, 0, 1), SEAT_RESERVED);
    seat_map_return(map, &seat, 1, 0, 1);
    assert_int_equal(seat_map_state(map, seat, 0, 1), SEAT_BLOCKED);
    assert_int_equal(seat_map_free_count(map, 0, 1), 3);
    seat_map_unblock(map, &seat, 1);
    assert_int_equal(seat_map_free_count(map, 0, 1), 4);
    seat_map_free(map);
    seat_plan_free(plan);
}

/* A change of no seats is none. */
static void test_no_seats_change_nothing(void **state)
{
    (void)state;
    struct seat_plan *plan = fixture_hall(2, 2);
    struct seat_map *map = seat_map_new(plan, 2);

    seat_map_reserve(map, NULL, 0, 0, 2);
    seat_map_block(map, NULL, 0);
    assert_int_equal(seat_map_free_count(map, 0, 2), 4);
    assert_true(seat_map_memory_bytes(map) > sizeof(struct seat_map));
    seat_map_free(map);
    seat_plan_free(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_a_naive_table),
        cmocka_unit_test(test_equals_a_naive_table_on_trips),
        cmocka_unit_test(test_a_seat_sells_again_on_another_part),
        cmocka_unit_test(test_a_blocked_seat_comes_back_blocked),
        cmocka_unit_test(test_no_seats_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
