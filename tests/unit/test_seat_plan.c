#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../../engine/seat_plan.h"
#include "seat_fixture.h"

struct encoded {
    uint8_t *bytes;
    size_t length;
};

static struct encoded encode(struct seat_plan_builder *builder)
{
    struct encoded encoded;
    enum seat_plan_error error;

    encoded.bytes = seat_plan_encode(builder, &encoded.length, &error);
    assert_int_equal(error, SEAT_PLAN_OK);
    assert_non_null(encoded.bytes);
    seat_plan_builder_free(builder);
    return encoded;
}

static enum seat_plan_error encode_refusal(struct seat_plan_builder *builder)
{
    enum seat_plan_error error;
    size_t length;

    assert_null(seat_plan_encode(builder, &length, &error));
    seat_plan_builder_free(builder);
    return error;
}

static void add_row(struct seat_plan_builder *builder, const char *label)
{
    seat_plan_add_row(builder, label, strlen(label));
}

static void add_seat(struct seat_plan_builder *builder, const char *label)
{
    seat_plan_add_seat(builder, label, strlen(label), 0, 0, false);
}

/* The plan's bytes, built once more from what the plan says, seat by seat. */
static struct encoded encode_again(const struct seat_plan *plan)
{
    struct seat_plan_builder *builder = seat_plan_builder_new();

    for (uint32_t r = 0; r < plan->row_count; r++) {
        const struct seat_row *row = &plan->rows[r];
        add_row(builder, plan->texts + row->label);
        for (uint32_t i = row->first; i < row->first + row->count; i++) {
            const struct seat *seat = &plan->seats[i];
            const char *label = plan->texts + seat->label;
            seat_plan_add_seat(builder, label, strlen(label), seat->rank, seat->flags,
                               seat->opens_block);
        }
    }
    return encode(builder);
}

static void finds_every_seat(const struct seat_plan *plan)
{
    char label[SEAT_FULL_LABEL_BYTES];

    for (uint32_t i = 0; i < plan->seat_count; i++) {
        size_t length = seat_plan_label(plan, i, label);
        assert_int_equal(length, strlen(label));
        assert_int_equal(seat_plan_find(plan, label, length), i);
    }
}

/* Bytes that decode are the only ones for their plan, and all its labels are found. */
static void is_canonical(const uint8_t *bytes, size_t length, const struct seat_plan *plan)
{
    struct encoded again = encode_again(plan);

    assert_int_equal(again.length, length);
    assert_memory_equal(again.bytes, bytes, length);
    free(again.bytes);
    finds_every_seat(plan);
}

static struct seat_plan *decode(const struct encoded *encoded)
{
    enum seat_plan_error error;
    struct seat_plan *plan = seat_plan_decode(encoded->bytes, encoded->length, &error);

    assert_int_equal(error, SEAT_PLAN_OK);
    assert_non_null(plan);
    return plan;
}

static struct seat_plan_builder *theatre(void)
{
    struct seat_plan_builder *builder = seat_plan_builder_new();

    add_row(builder, "A");
    seat_plan_add_run(builder, 1, 2, 5, 10, -1, 0, false); /* 1 3 5 7 9 */
    seat_plan_add_run(builder, 10, 1, 3, 6, 2, SEAT_RESTRICTED_VIEW, true);
    add_row(builder, "Loge 1");
    add_seat(builder, "links-außen");
    seat_plan_add_seat(builder, "R", 1, 7, SEAT_ACCESSIBLE, false);
    seat_plan_add_seat(builder, "C", 1, 7, SEAT_COMPANION, false);
    return builder;
}

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

/* --- refusals --- */

static enum seat_plan_error label_error(const char *row, const char *seat)
{
    struct seat_plan_builder *builder = seat_plan_builder_new();

    add_row(builder, row);
    add_seat(builder, seat);
    enum seat_plan_error error = seat_plan_builder_error(builder);
    seat_plan_builder_free(builder);
    return error;
}

/* A label that cannot be read, or that two readings of "A-12" could mean, is refused. */
static void test_refuses_labels(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "12345678901234567",
                                      "a\tb",
                                      "\x7F",
                                      "\xC2\x80",
                                      "\xFF",
                                      "\xC0\x80",
                                      "\xC3",
                                      "\xE2\x82",
                                      "\xE0\x80\x80",
                                      "\xED\xA0\x80",
                                      "\xF4\x90\x80\x80",
                                      "\xF0\x80\x80\x80",
                                      "\xE2\x80\xAE",
                                      "\xEF\xBB\xBF",
                                      "\xE2\x80\x8B",
                                      "\xEF\xBF\xBF",
                                      "\x80",
                                      "\xF5\x80\x80\x80"};
    static const char *const good[] = {"1", "1234567890123456", "Ä 1", "\xE2\x82\xAC",
                                       "\xF0\x9F\x8E\xAD"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(label_error(bad[i], "1"), SEAT_PLAN_LABEL_INVALID);
        assert_int_equal(label_error("A", bad[i]), SEAT_PLAN_LABEL_INVALID);
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_int_equal(label_error(good[i], good[i]), SEAT_PLAN_OK);
    assert_int_equal(label_error("A-B", "1"), SEAT_PLAN_LABEL_INVALID);
    assert_int_equal(label_error("A", "1-2"), SEAT_PLAN_OK);
}

/* A row's label may come once, a seat's once in its row. */
static void test_refuses_duplicates(void **state)
{
    (void)state;
    struct seat_plan_builder *rows = seat_plan_builder_new(), *seats = seat_plan_builder_new();
    struct seat_plan_builder *runs = seat_plan_builder_new(), *none = seat_plan_builder_new();

    add_row(rows, "A");
    add_seat(rows, "1");
    add_row(rows, "A");
    add_seat(rows, "2");
    assert_int_equal(encode_refusal(rows), SEAT_PLAN_LABEL_DUPLICATE);
    add_row(seats, "A");
    seat_plan_add_run(seats, 1, 1, 5, 0, 0, 0, false);
    add_seat(seats, "3");
    assert_int_equal(encode_refusal(seats), SEAT_PLAN_LABEL_DUPLICATE);
    add_row(runs, "A");
    seat_plan_add_run(runs, 1, 0, 2, 0, 0, 0, false);
    assert_int_equal(encode_refusal(runs), SEAT_PLAN_LABEL_DUPLICATE);
    add_row(none, "A");
    add_seat(none, "1");
    add_row(none, "B");
    add_seat(none, "1");
    struct encoded encoded = encode(none);
    free(encoded.bytes);
}

/* No rows, a row without seats (first, between or last), a seat without a row. */
static void test_refuses_what_is_empty(void **state)
{
    (void)state;
    struct seat_plan_builder *first = seat_plan_builder_new(), *last = seat_plan_builder_new();
    struct seat_plan_builder *no_row = seat_plan_builder_new();

    assert_int_equal(encode_refusal(seat_plan_builder_new()), SEAT_PLAN_EMPTY);
    add_row(first, "A");
    add_row(first, "B");
    assert_int_equal(seat_plan_builder_error(first), SEAT_PLAN_EMPTY);
    assert_int_equal(encode_refusal(first), SEAT_PLAN_EMPTY);
    add_row(last, "A");
    add_seat(last, "1");
    add_row(last, "B");
    seat_plan_add_run(last, 1, 1, 0, 0, 0, 0, false);
    assert_int_equal(encode_refusal(last), SEAT_PLAN_EMPTY);
    add_seat(no_row, "1");
    assert_int_equal(encode_refusal(no_row), SEAT_PLAN_EMPTY);
}

static struct seat_plan_builder *filled(uint32_t rows, uint32_t seats)
{
    struct seat_plan_builder *builder = seat_plan_builder_new();

    for (uint32_t r = 0; r < rows; r++) {
        char label[16];
        seat_plan_add_row(builder, label, (size_t)snprintf(label, sizeof label, "%u", r));
        seat_plan_add_run(builder, 1, 1, seats, 0, 0, 0, false);
    }
    return builder;
}

/* Each limit is allowed, one more is not. */
static void test_limits(void **state)
{
    (void)state;
    struct seat_plan_builder *most_rows = filled(SEAT_PLAN_ROWS_MAX, 10);
    struct seat_plan_builder *most_seats = filled(100, SEAT_ROW_SEATS_MAX);

    assert_int_equal(seat_plan_builder_error(most_rows), SEAT_PLAN_OK);
    add_row(most_rows, "one more");
    assert_int_equal(encode_refusal(most_rows), SEAT_PLAN_TOO_MANY_ROWS);
    assert_int_equal(seat_plan_builder_error(most_seats), SEAT_PLAN_OK);
    add_row(most_seats, "one more");
    add_seat(most_seats, "1");
    assert_int_equal(encode_refusal(most_seats), SEAT_PLAN_TOO_MANY_SEATS);
    assert_int_equal(encode_refusal(filled(1, SEAT_ROW_SEATS_MAX + 1)), SEAT_PLAN_ROW_TOO_LONG);
    assert_int_equal(encode_refusal(filled(1, UINT32_MAX)), SEAT_PLAN_ROW_TOO_LONG);

    struct seat_plan_builder *rank = filled(1, 1), *run = filled(1, 1);
    seat_plan_add_seat(rank, "x", 1, SEAT_RANK_MAX + 1, 0, false);
    assert_int_equal(encode_refusal(rank), SEAT_PLAN_RANK_INVALID);
    seat_plan_add_run(run, 5, 1, 2, SEAT_RANK_MAX + 1, -5, 0, false);
    assert_int_equal(encode_refusal(run), SEAT_PLAN_RANK_INVALID);
}

/* The first error is the one that is told. */
static void test_the_first_error_sticks(void **state)
{
    (void)state;
    struct seat_plan_builder *builder = filled(1, SEAT_ROW_SEATS_MAX + 1);

    add_row(builder, "");
    seat_plan_add_seat(builder, "x", 1, SEAT_RANK_MAX + 1, 0, false);
    assert_int_equal(encode_refusal(builder), SEAT_PLAN_ROW_TOO_LONG);
    assert_string_equal(seat_plan_error_name(SEAT_PLAN_ROW_TOO_LONG), "ROW_TOO_LONG");
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

/* --- bytes of others --- */

static void refuses_or_is_canonical(const uint8_t *bytes, size_t length)
{
    enum seat_plan_error error;
    struct seat_plan *plan = seat_plan_decode(bytes, length, &error);

    assert_int_equal(plan ? SEAT_PLAN_OK : SEAT_PLAN_DAMAGED, error);
    if (plan)
        is_canonical(bytes, length, plan);
    seat_plan_free(plan);
}

/* Cut off anywhere, longer by a byte, or with any one bit changed, bytes are damaged
 * or those of another plan, the only ones it has. */
static void test_believes_no_damaged_bytes(void **state)
{
    (void)state;
    struct encoded encoded = encode(theatre());
    enum seat_plan_error error;
    uint8_t longer[256];

    assert_true(encoded.length < sizeof longer);
    memcpy(longer, encoded.bytes, encoded.length);
    longer[encoded.length] = 0;
    assert_null(seat_plan_decode(longer, encoded.length + 1, &error));
    assert_int_equal(error, SEAT_PLAN_DAMAGED);
    for (size_t length = 0; length < encoded.length; length++) {
        assert_null(seat_plan_decode(encoded.bytes, length, &error));
        assert_int_equal(error, SEAT_PLAN_DAMAGED);
    }
    for (size_t bit = 0; bit < encoded.length * 8; bit++) {
        encoded.bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        refuses_or_is_canonical(encoded.bytes, encoded.length);
        encoded.bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    free(encoded.bytes);
}

/* What says the same in other words is refused: a plan has one form only. */
static void test_refuses_other_forms(void **state)
{
    (void)state;
    static const uint8_t good[] = {1, 1, 1, 'A', 2, 4, 1, 2, 0x20, 4};
    static const struct {
        uint8_t bytes[16];
        size_t length;
    } bad[] = {
        {{2, 1, 1, 'A', 2, 4, 1, 2, 0x20, 4}, 10},           /* a version to come */
        {{0x81, 0, 1, 1, 'A', 2, 4, 1, 2, 0x20, 4}, 11},     /* a number in two bytes */
        {{1, 1, 1, 'A', 2, 2, 1, 2, 2, 0x20, 4}, 11},        /* labels in two runs */
        {{1, 1, 1, 'A', 2, 5, 1, '1', 1, '2', 0x20, 4}, 12}, /* numbers as texts */
        {{1, 1, 1, 'A', 2, 4, 1, 2, 0x10, 0x10, 4}, 11},     /* marks in two runs */
        {{1, 1, 1, 'A', 2, 4, 1, 2, 0x28, 4}, 10},           /* a gap where the row begins */
        {{1, 1, 1, 'A', 2, 4, 1, 2, 0x20, 2, 2}, 11},        /* ranks in two runs */
        {{1, 1, 1, 'A', 2, 4, 1, 2, 0x20, 1, 1}, 11},        /* no turn, as a turn */
        {{1, 1, 1, 'A', 2, 4, 1, 2, 0x20, 6}, 10},           /* a run over the row's end */
        {{1, 1, 1, 'A', 2, 4, 1, 0, 0x20, 4}, 10},           /* 1, 1 */
        {{1, 1, 1, 'A', 2, 4, 1, 3, 0x20, 7, 2}, 11},        /* a rank below 0 */
        {{1, 1, 1, 'A', 0}, 5},                              /* a row without seats */
        {{1, 0}, 2},                                         /* no rows */
    };
    enum seat_plan_error error;
    struct seat_plan *plan = seat_plan_decode(good, sizeof good, &error);

    assert_non_null(plan);
    seat_plan_free(plan);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_null(seat_plan_decode(bad[i].bytes, bad[i].length, &error));
        assert_int_equal(error, SEAT_PLAN_DAMAGED);
    }
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
        cmocka_unit_test(test_refuses_labels),
        cmocka_unit_test(test_refuses_duplicates),
        cmocka_unit_test(test_refuses_what_is_empty),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_the_first_error_sticks),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_believes_no_damaged_bytes),
        cmocka_unit_test(test_refuses_other_forms),
        cmocka_unit_test(test_random_plans_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
