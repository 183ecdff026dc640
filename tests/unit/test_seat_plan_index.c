/* Labels of rows that are series of numbers, of rows that are not, and of no seat. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "seat_fixture.h"

static void row_begin(struct seat_plan_builder *builder, const char *label)
{
    seat_plan_add_row(builder, label, strlen(label));
}

static void seat_add(struct seat_plan_builder *builder, const char *label)
{
    seat_plan_add_seat(builder, label, strlen(label), 0, 0, false);
}

static uint32_t find(const struct seat_plan *plan, const char *label)
{
    return seat_plan_find(plan, label, strlen(label));
}

/* The answer without any table: every label is compared. */
static uint32_t find_by_comparing(const struct seat_plan *plan, const char *label)
{
    char own[SEAT_FULL_LABEL_BYTES];

    for (uint32_t i = 0; i < plan->seat_count; i++) {
        seat_plan_label(plan, i, own);
        if (strcmp(own, label) == 0)
            return i;
    }
    return SEAT_NONE;
}

/* Row A from 1 to `last`, row B in steps of two, row C downwards. */
static void add_series(struct seat_plan_builder *builder, uint32_t last)
{
    row_begin(builder, "A");
    seat_plan_add_run(builder, 1, 1, last, 0, 0, 0, false);
    row_begin(builder, "B");
    seat_plan_add_run(builder, 2, 2, 20, 0, 0, 0, false);
    row_begin(builder, "C");
    seat_add(builder, "9");
    seat_add(builder, "6");
    seat_add(builder, "3");
    seat_add(builder, "0");
}

/* Up by one, up by two, down by three, one seat alone, and from the largest number. */
static void test_numbers_are_found_by_their_place(void **state)
{
    (void)state;
    struct seat_plan_builder *builder = seat_plan_builder_new();
    add_series(builder, 1000);
    row_begin(builder, "D");
    seat_add(builder, "7");
    row_begin(builder, "E");
    seat_add(builder, "0");
    seat_add(builder, "999999999999999");
    struct seat_plan *plan = fixture_plan(builder);

    assert_int_equal(find(plan, "A-1"), 0);
    assert_int_equal(find(plan, "A-1000"), 999);
    assert_int_equal(find(plan, "B-2"), 1000);
    assert_int_equal(find(plan, "B-40"), 1019);
    assert_int_equal(find(plan, "C-9"), 1020);
    assert_int_equal(find(plan, "C-0"), 1023);
    assert_int_equal(find(plan, "D-7"), 1024);
    assert_int_equal(find(plan, "E-0"), 1025);
    assert_int_equal(find(plan, "E-999999999999999"), 1026);
    seat_plan_free(plan);
}

/* Beside the series, between its steps, written in another way, in a row there is not. */
static void test_what_no_seat_has_is_not_found(void **state)
{
    (void)state;
    static const char *const labels[] = {"A-0",
                                         "A-11",
                                         "A-01",
                                         "A-1 ",
                                         "A-",
                                         "A",
                                         "A-+1",
                                         "A--1",
                                         "A-1x",
                                         "A-x",
                                         "B-3",
                                         "B-0",
                                         "B-42",
                                         "C-8",
                                         "C-12",
                                         "C-00",
                                         "C--3",
                                         "D-1",
                                         "D-",
                                         "",
                                         "-",
                                         "-1",
                                         "AA-1",
                                         "a-1",
                                         "A-1-1",
                                         "F-1",
                                         "F-2",
                                         "F-1-2",
                                         "A-9999999999999999"};
    struct seat_plan_builder *builder = seat_plan_builder_new();
    add_series(builder, 10);
    row_begin(builder, "F");
    seat_add(builder, "1a");
    seat_add(builder, "01");
    struct seat_plan *plan = fixture_plan(builder);

    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
        assert_int_equal(find(plan, labels[i]), SEAT_NONE);
    assert_int_equal(seat_plan_find(plan, "A-1\0", 4), SEAT_NONE);
    assert_int_equal(seat_plan_find(plan, "A-12", 3), 0);
    seat_plan_free(plan);
}

/* A row that is no series to its end is found seat by seat, its numbers among them. */
static void test_rows_that_are_no_series(void **state)
{
    (void)state;
    static const char *const seats[] = {"1",      "2", "3", "3a", "01", "5", "12345678901234567",
                                        "links-1"};
    struct seat_plan_builder *builder = seat_plan_builder_new();
    row_begin(builder, "1");
    for (size_t i = 0; i < sizeof seats / sizeof seats[0]; i++)
        if (strlen(seats[i]) <= SEAT_LABEL_BYTES_MAX)
            seat_add(builder, seats[i]);
    row_begin(builder, "2");
    seat_plan_add_run(builder, 1, 1, 5, 0, 0, 0, false);
    row_begin(builder, "3");
    seat_add(builder, "1");
    seat_add(builder, "3");
    seat_add(builder, "4");
    struct seat_plan *plan = fixture_plan(builder);

    assert_int_equal(plan->rows[0].step, 0);
    assert_int_equal(plan->rows[1].step, 1);
    assert_int_equal(plan->rows[2].step, 0);
    assert_int_equal(find(plan, "1-3a"), 3);
    assert_int_equal(find(plan, "1-01"), 4);
    assert_int_equal(find(plan, "1-5"), 5);
    assert_int_equal(find(plan, "1-links-1"), 6);
    assert_int_equal(find(plan, "1-4"), SEAT_NONE);
    assert_int_equal(find(plan, "2-5"), 11);
    assert_int_equal(find(plan, "3-4"), 14);
    assert_int_equal(find(plan, "3-2"), SEAT_NONE);
    seat_plan_free(plan);
}

static enum seat_plan_error encode_error(struct seat_plan_builder *builder)
{
    enum seat_plan_error error;
    size_t length;

    assert_null(seat_plan_encode(builder, &length, &error));
    seat_plan_builder_free(builder);
    return error;
}

/* Twice the same number is no series, and a duplicate wherever it stands. */
static void test_duplicates_are_found_in_any_row(void **state)
{
    (void)state;
    struct seat_plan_builder *builder = seat_plan_builder_new();
    row_begin(builder, "A");
    seat_add(builder, "1");
    seat_add(builder, "1");
    assert_int_equal(encode_error(builder), SEAT_PLAN_LABEL_DUPLICATE);
    builder = seat_plan_builder_new();
    row_begin(builder, "A");
    seat_plan_add_run(builder, 1, 1, 10, 0, 0, 0, false);
    seat_plan_add_run(builder, 10, 1, 10, 0, 0, 0, false);
    assert_int_equal(encode_error(builder), SEAT_PLAN_LABEL_DUPLICATE);
    builder = seat_plan_builder_new();
    row_begin(builder, "A");
    seat_add(builder, "1");
    row_begin(builder, "B");
    seat_add(builder, "1");
    row_begin(builder, "A");
    seat_add(builder, "2");
    assert_int_equal(encode_error(builder), SEAT_PLAN_LABEL_DUPLICATE);
}

static struct seat_plan *random_plan(uint64_t *seed)
{
    struct seat_plan_builder *builder = seat_plan_builder_new();
    uint32_t rows = 1 + fixture_below(seed, 12);
    char label[16];

    for (uint32_t r = 0; r < rows; r++) {
        uint32_t first = fixture_below(seed, 30), step = 1 + fixture_below(seed, 3);
        uint32_t count = 1 + fixture_below(seed, 12), odd = fixture_below(seed, 3 * count);
        bool down = fixture_below(seed, 2);
        (void)snprintf(label, sizeof label, "%c%u", 'A' + (int)(r % 3), r / 3);
        row_begin(builder, label);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t number = down ? first + step * (count - 1 - i) : first + step * i;
            (void)snprintf(label, sizeof label, i == odd ? "%ub" : "%u", number);
            seat_add(builder, label);
        }
    }
    return fixture_plan(builder);
}

/* Every label near those of random plans is found where comparing all finds it. */
static void test_agrees_with_comparing_all_labels(void **state)
{
    (void)state;
    uint64_t seed = 5;

    for (uint32_t round = 0; round < 300; round++) {
        struct seat_plan *plan = random_plan(&seed);
        for (uint32_t i = 0; i < 200; i++) {
            char label[32];
            (void)snprintf(label, sizeof label, "%c%u-%u%s", 'A' + (int)fixture_below(&seed, 4),
                           fixture_below(&seed, 4), fixture_below(&seed, 70),
                           fixture_below(&seed, 4) == 0 ? "b" : "");
            assert_int_equal(find(plan, label), find_by_comparing(plan, label));
        }
        seat_plan_free(plan);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_found_by_their_place),
        cmocka_unit_test(test_what_no_seat_has_is_not_found),
        cmocka_unit_test(test_rows_that_are_no_series),
        cmocka_unit_test(test_duplicates_are_found_in_any_row),
        cmocka_unit_test(test_agrees_with_comparing_all_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
