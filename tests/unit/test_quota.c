#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../../engine/quota.h"

static struct uuid user_of(uint64_t number)
{
    return uuid_v7(1700000000000, 0, number);
}

static int setup(void **state)
{
    struct quota_table *table = malloc(sizeof *table);
    *state = table;
    return quota_table_init(table) ? 0 : -1;
}

static int teardown(void **state)
{
    quota_table_release(*state);
    free(*state);
    return 0;
}

/* Tickets are counted for each user and event apart. */
static void test_counts_by_user_and_event(void **state)
{
    struct quota_table *table = *state;
    for (uint64_t user = 0; user < 20; user++) {
        for (uint32_t event = 0; event < 20; event++) {
            struct uuid id = user_of(user);
            assert_null(quota_find(table, &id, event));
            struct quota_entry *entry = quota_open(table, &id, event);
            assert_int_equal(entry->tickets, 0);
            entry->tickets = (uint32_t)(user * 100 + event + 1) & QUOTA_TICKETS_MAX;
        }
    }
    for (uint64_t user = 0; user < 20; user++) {
        for (uint32_t event = 0; event < 20; event++) {
            struct uuid id = user_of(user);
            struct quota_entry *entry = quota_open(table, &id, event);
            assert_ptr_equal(entry, quota_find(table, &id, event));
            assert_int_equal(entry->tickets, user * 100 + event + 1);
        }
    }
}

/* Returned tickets lower the count; an entry that counts nothing is dropped and its
 * place used again. */
static void test_empty_entries_are_dropped(void **state)
{
    struct quota_table *table = *state;
    struct uuid id = user_of(1), other = user_of(2);
    struct quota_entry *entry = quota_open(table, &id, 5);

    entry->tickets = 4;
    quota_return(table, entry, 1);
    assert_int_equal(quota_find(table, &id, 5)->tickets, 3);
    quota_return(table, entry, 3);
    assert_null(quota_find(table, &id, 5));
    assert_ptr_equal(quota_open(table, &other, 6), entry);
    assert_int_equal(table->entries.live, 1);
}

/* A command under way keeps an entry without tickets, until it is settled. */
static void test_under_way_keeps_the_entry(void **state)
{
    struct quota_table *table = *state;
    struct uuid id = user_of(1);
    struct quota_entry *entry = quota_open(table, &id, 5);

    entry->tickets = 2;
    entry->under_way = 1;
    quota_return(table, entry, 2);
    assert_ptr_equal(quota_find(table, &id, 5), entry);
    entry->under_way = 0;
    quota_close(table, entry);
    assert_null(quota_find(table, &id, 5));
}

/* 300,000 random takes and returns agree with a plain array. */
static void test_against_an_array(void **state)
{
    enum { USERS = 300, EVENTS = 7 };
    struct quota_table *table = *state;
    static uint32_t tickets[USERS][EVENTS];
    uint64_t seed = 9, live = 0;

    for (int step = 0; step < 300000; step++) {
        seed = seed * 6364136223846793005 + 1442695040888963407;
        uint32_t user = (uint32_t)(seed >> 33) % USERS, event = (uint32_t)(seed >> 50) % EVENTS;
        struct uuid id = user_of(user);
        struct quota_entry *entry = quota_find(table, &id, event);
        uint32_t *count = &tickets[user][event];

        assert_int_equal(entry ? entry->tickets : 0, *count);
        if (seed >> 60 < 8) {
            live += *count == 0;
            entry = quota_open(table, &id, event);
            entry->tickets = (entry->tickets + 1) & QUOTA_TICKETS_MAX;
            ++*count;
        } else if (*count > 0) {
            uint32_t back = 1 + (uint32_t)(seed >> 20) % *count;
            quota_return(table, entry, back);
            *count -= back;
            live -= *count == 0;
        }
        assert_int_equal(table->entries.live, live);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_counts_by_user_and_event, setup, teardown),
        cmocka_unit_test_setup_teardown(test_empty_entries_are_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_under_way_keeps_the_entry, setup, teardown),
        cmocka_unit_test_setup_teardown(test_against_an_array, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
