/* What is no plan, refused when it is built and when it is read. */
#include "seat_plan_fixture.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refuses_labels),
        cmocka_unit_test(test_refuses_duplicates),
        cmocka_unit_test(test_refuses_what_is_empty),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_the_first_error_sticks),
        cmocka_unit_test(test_believes_no_damaged_bytes),
        cmocka_unit_test(test_refuses_other_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
