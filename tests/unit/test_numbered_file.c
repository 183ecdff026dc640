/* Names with a number, and lists of numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../../persist/numbered_file.h"

/* Ten digits between prefix and suffix are the number, as far as they go. */
static void test_parse(void **state)
{
    (void)state;
    assert_int_equal(numbered_file_parse("segment-0000000007.log", "segment-", ".log"), 7);
    assert_int_equal(numbered_file_parse("snapshot-9999999999.snap", "snapshot-", ".snap"),
                     9999999999);
}

/* Whatever is written otherwise is another name, and so is number 0. */
static void test_other_names(void **state)
{
    static const char *const names[] = {
        "",
        "segment-",
        "segment-0000000000.log",
        "segment-000000007.log",
        "segment-00000000007.log",
        "segment-00000000x7.log",
        "segment- 000000007.log",
        "segment--000000007.log",
        "segment-0000000007.new",
        "segment-0000000007.log.new",
        "segment-0000000007",
        "free-0000000007.log",
        "Segment-0000000007.log",
    };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_int_equal(numbered_file_parse(names[i], "segment-", ".log"), 0);
}

/* A list of any length keeps its numbers and is sorted either way; an empty one, too. */
static void test_list(void **state)
{
    enum { COUNT = 100 };
    struct number_list list = {0};
    (void)state;
    number_list_sort(&list, NUMBER_LIST_OLDEST_FIRST);
    assert_int_equal(list.count, 0);
    for (uint64_t i = 0; i < COUNT; i++)
        assert_int_equal(number_list_append(&list, i * 37 % COUNT), 0);
    assert_int_equal(list.count, COUNT);
    number_list_sort(&list, NUMBER_LIST_OLDEST_FIRST);
    for (uint64_t i = 0; i < COUNT; i++)
        assert_int_equal(list.numbers[i], i);
    number_list_sort(&list, NUMBER_LIST_NEWEST_FIRST);
    for (uint64_t i = 0; i < COUNT; i++)
        assert_int_equal(list.numbers[i], COUNT - 1 - i);
    free(list.numbers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse),
                                       cmocka_unit_test(test_other_names),
                                       cmocka_unit_test(test_list)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
