/* A plan is what was built, has one form in bytes, and finds its seats by their labels. */
#include "seat_plan_fixture.h"

/* What was built is what is decoded: places, labels, ranks, flags, gaps. */
static void test_decodes_what_was_built(void **state)
{
    (void)state;
    static const char *const labels[] = {
        "A-1",      "A-3",     "A-5", "A-7", "A-9", "A-10", "A-11", "A-12", "Loge 1-links-außen",
        "Loge 1-R", "Loge 1-C"};
    static const struct seat seats[] = {
        {0, 10, 0, 0, true}, {0, 9, 0, 0, false}, {0, 8, 0, 0, false}, {0, 7, 0, 0, false},
        {0, 6, 0, 0, false}, {0, 6, 0, 4, true},  {0, 8, 0, 4, false}, {0, 10, 0, 4, false},
        {0, 0, 1, 0, true},  {0, 7, 1, 1, false}, {0, 7, 1, 2, false}};
    struct encoded encoded = encode(theatre());
    struct seat_plan *plan = decode(&encoded);

    assert_int_equal(plan->row_count, 2);
    assert_int_equal(plan->seat_count, 11);
    assert_int_equal(plan->general_count, 9);
    assert_int_equal(plan->rows[1].first, 8);
    assert_int_equal(plan->rows[1].count, 3);
    for (uint32_t i = 0; i < plan->seat_count; i++) {
        char label[SEAT_FULL_LABEL_BYTES];
        seat_plan_label(plan, i, label);
        assert_string_equal(label, labels[i]);
        assert_int_equal(plan->seats[i].rank, seats[i].rank);
        assert_int_equal(plan->seats[i].row, seats[i].row);
        assert_int_equal(plan->seats[i].flags, seats[i].flags);
        assert_int_equal(plan->seats[i].opens_block, seats[i].opens_block);
    }
    is_canonical(encoded.bytes, encoded.length, plan);
    seat_plan_free(plan);
    free(encoded.bytes);
}

/* The layout of docs/wal-format.md, byte for byte. */
static void test_bytes_are_the_documented_ones(void **state)
{
    (void)state;
    struct seat_plan_builder *builder = seat_plan_builder_new();

    add_row(builder, "A");
    seat_plan_add_run(builder, 1, 1, 3, 5, 0, 0, false);
    seat_plan_add_seat(builder, "VI", 2, 7, SEAT_RESTRICTED_VIEW, true);
    struct encoded encoded = encode(builder);
    static const uint8_t expected[] = {
        1, /* version */
        1, /* one row */
        1,
        'A',
        4, /* its label, its seats */
        3 << 1,
        1,
        2, /* three numbers from 1 by 1 */
        1 << 1 | 1,
        2,
        'V',
        'I',            /* one text */
        3 << 4,         /* three without flags */
        1 << 4 | 8 | 4, /* one behind a gap, with a restricted view */
        10 << 1 | 1,    /* rank 5 */
        2 << 1,         /* two that go straight on */
        4 << 1 | 1,     /* two up */
    };
    assert_int_equal(encoded.length, sizeof expected);
    assert_memory_equal(encoded.bytes, expected, sizeof expected);
    free(encoded.bytes);
}

/* One run, two runs or single seats: the same plan has the same bytes. */
static void test_equal_plans_have_equal_bytes(void **state)
{
    (void)state;
    struct seat_plan_builder *one = seat_plan_builder_new(), *two = seat_plan_builder_new();

    add_row(one, "A");
    seat_plan_add_run(one, 1, 1, 4, 3, 1, 0, false);
    add_row(two, "A");
    seat_plan_add_run(two, 1, 1, 2, 3, 1, 0, true); /* a row begins with a gap anyway */
    seat_plan_add_seat(two, "3", 1, 5, 0, false);
    seat_plan_add_run(two, 4, 9, 1, 6, -7, 0, false);
    struct encoded first = encode(one), second = encode(two);
    assert_int_equal(first.length, second.length);
    assert_memory_equal(first.bytes, second.bytes, first.length);
    free(first.bytes);
    free(second.bytes);
}

/* Ranks of a run stop at the ends of their range. */
static void test_ranks_of_a_run_are_clamped(void **state)
{
    (void)state;
    struct seat_plan_builder *builder = seat_plan_builder_new();

    add_row(builder, "A");
    seat_plan_add_run(builder, 1, 1, 3, 5, -3, 0, false);
    seat_plan_add_run(builder, 4, UINT32_MAX, 3, SEAT_RANK_MAX - 1, INT32_MAX, 0, false);
    struct encoded encoded = encode(builder);
    struct seat_plan *plan = decode(&encoded);
    static const uint32_t ranks[] = {5, 2, 0, SEAT_RANK_MAX - 1, SEAT_RANK_MAX, SEAT_RANK_MAX};
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(plan->seats[i].rank, ranks[i]);
    assert_int_equal(seat_plan_find(plan, "A-8589934594", 12), 5);
    seat_plan_free(plan);
    free(encoded.bytes);
}

/* --- finding --- */

/* Only the exact label finds a seat. */
static void test_finds_nothing_else(void **state)
{
    (void)state;
    static const struct {
        const char *label;
        size_t length;
    } others[] = {{"", 0},
                  {"-", 1},
                  {"A", 1},
                  {"A-", 2},
                  {"-1", 2},
                  {"A-2", 3},
                  {"A-01", 4},
                  {"A-1 ", 4},
                  {"a-1", 3},
                  {"Loge 1-1", 8},
                  {"A-1\0", 4},
                  {"A\0-1", 4},
                  {"A--1", 4},
                  {"A-1-", 4},
                  {"B-1", 3},
                  {"A-1-A-1-A-1-A-1-A-1-A-1-A-1-A-1-A-1", 35},
                  {"Loge 1-links", 12}};
    struct encoded encoded = encode(theatre());
    struct seat_plan *plan = decode(&encoded);

    assert_int_equal(seat_plan_find(plan, "A-1", 3), 0);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(seat_plan_find(plan, others[i].label, others[i].length), SEAT_NONE);
    assert_true(seat_plan_memory_bytes(plan) > plan->seat_count * sizeof(struct seat));
    seat_plan_free(plan);
    free(encoded.bytes);
}

/* --- size --- */

/* 100,000 seats in rows of runs take a fifteenth of the limit at most, with ranks that
 * curve around a focal point two fifths; labels that are all texts do not fit. */
static void test_sizes(void **state)
{
    (void)state;
    struct seat_plan_builder *curved = seat_plan_builder_new(), *texts = seat_plan_builder_new();
    struct encoded runs = encode(filled(1000, 100));
    assert_true(runs.length < SEAT_PLAN_BYTES_MAX / 15);

    for (uint32_t i = 0; i < SEAT_PLAN_SEATS_MAX; i++) {
        char label[16];
        size_t length = (size_t)snprintf(label, sizeof label, "%u", i / 100);
        uint32_t across = i % 100 < 50 ? 50 - i % 100 : i % 100 - 50, rank = i / 100;
        if (i % 100 == 0) {
            seat_plan_add_row(curved, label, length);
            seat_plan_add_row(texts, label, length);
        }
        while (rank * rank < 100 * (across * across + i / 100 * (i / 100)))
            rank++; /* tenths of a seat's width, rounded up */
        length = (size_t)snprintf(label, sizeof label, "%u", i % 100);
        seat_plan_add_seat(curved, label, length, rank, 0, false);
        length = (size_t)snprintf(label, sizeof label, "%uA", i % 100);
        seat_plan_add_seat(texts, label, length, rank, 0, false);
    }
    struct encoded focal = encode(curved);
    print_message("# 100,000 seats: %zu bytes as runs, %zu with ranks by distance\n", runs.length,
                  focal.length);
    assert_true(focal.length < SEAT_PLAN_BYTES_MAX * 2 / 5);
    assert_int_equal(encode_refusal(texts), SEAT_PLAN_TOO_LARGE);
    struct seat_plan *plan = decode(&focal);
    finds_every_seat(plan);
    seat_plan_free(plan);
    free(runs.bytes);
    free(focal.bytes);
}

static void random_row(struct seat_plan_builder *builder, uint64_t *seed)
{
    uint32_t parts = 1 + fixture_below(seed, 4), next = fixture_below(seed, 3);

    for (uint32_t part = 0; part < parts; part++) {
        uint32_t step = 1 + fixture_below(seed, 2), count = 1 + fixture_below(seed, 30);
        uint8_t flags = fixture_below(seed, 3) == 0 ? (uint8_t)fixture_below(seed, 8) : 0;
        bool gap = fixture_below(seed, 2);
        uint32_t rank = fixture_below(seed, fixture_below(seed, 2) ? 20 : SEAT_RANK_MAX + 1);
        if (fixture_below(seed, 3) == 0) {
            char label[16];
            size_t length = (size_t)snprintf(label, sizeof label, "%c%02u", 'a' + (char)part, next);
            seat_plan_add_seat(builder, label, length, rank, flags, gap);
            continue;
        }
        seat_plan_add_run(builder, next, step, count, rank, (int32_t)fixture_below(seed, 9) - 4,
                          flags, gap);
        next += step * count + fixture_below(seed, 3);
    }
}

/* Many random plans come back as they were, and so do their bytes. */
static void test_random_plans_come_back(void **state)
{
    (void)state;
    uint64_t seed = 11;

    for (uint32_t i = 0; i < 3000; i++) {
        struct seat_plan_builder *builder = seat_plan_builder_new();
        uint32_t rows = 1 + fixture_below(&seed, 12);
        for (uint32_t r = 0; r < rows; r++) {
            char label[16];
            seat_plan_add_row(builder, label, (size_t)snprintf(label, sizeof label, "R%u", r));
            random_row(builder, &seed);
        }
        struct encoded encoded = encode(builder);
        struct seat_plan *plan = decode(&encoded);
        is_canonical(encoded.bytes, encoded.length, plan);
        seat_plan_free(plan);
        free(encoded.bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decodes_what_was_built),
        cmocka_unit_test(test_bytes_are_the_documented_ones),
        cmocka_unit_test(test_equal_plans_have_equal_bytes),
        cmocka_unit_test(test_ranks_of_a_run_are_clamped),
        cmocka_unit_test(test_finds_nothing_else),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_random_plans_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
