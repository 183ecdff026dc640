/* The simulator's model: which seats are chosen, and which may be named. */
#include "model_rig.h"

static enum result best(struct rig *rig, uint32_t zone, uint32_t quantity, bool allow_split)
{
    static uint32_t user; /* each its own, so that no limit matters */
    rig_reserve(rig, ++user, zone, quantity)->reserve.allow_split = allow_split;
    return rig_run(rig);
}

static enum result name(struct rig *rig, uint32_t user, uint32_t zone, uint32_t count,
                        const uint32_t *seats)
{
    rig_seats(rig_reserve(rig, user, zone, 0), count, seats);
    return rig_run(rig);
}

#define NAME(rig, user, ...)                                                                       \
    name(rig, user, 1, sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t),                       \
         (uint32_t[]){__VA_ARGS__})

/* A window that leaves no single seat comes before a better ranked one that does. */
static void test_best_avoids_singles(void **state)
{
    struct rig *rig = *state;
    rig_seated(rig, 1, "50009", 1);
    assert_int_equal(best(rig, 1, 3, false), RESULT_OK);
    RIG_EXPECT(rig, 0, 1, 2);
    rig_seated(rig, 2, "5000", 1); /* 1-3 is best, but leaves 0 alone; 0-2 leaves 3 */
    assert_int_equal(best(rig, 2, 3, false), RESULT_OK);
    RIG_EXPECT(rig, 1, 2, 3);
}

/* Rank decides, then the lowest index. */
static void test_best_rank_then_index(void **state)
{
    struct rig *rig = *state;
    rig_seated(rig, 1, "333111333/333111333", 1);
    assert_int_equal(best(rig, 1, 3, false), RESULT_OK);
    RIG_EXPECT(rig, 3, 4, 5);
    assert_int_equal(best(rig, 1, 3, false), RESULT_OK);
    RIG_EXPECT(rig, 12, 13, 14);
    assert_int_equal(best(rig, 1, 3, false), RESULT_OK);
    RIG_EXPECT(rig, 0, 1, 2);
}

/* An aisle parts neighbours, as does the end of a row. */
static void test_best_together(void **state)
{
    struct rig *rig = *state;
    rig_seated(rig, 1, "00 000/00", 1);
    assert_int_equal(best(rig, 1, 4, false), RESULT_SEATS_NOT_TOGETHER);
    assert_int_equal(rig->answer.detail.available, 7);
    assert_int_equal(rig->answer.detail.together, 3);
    assert_int_equal(best(rig, 1, 8, true), RESULT_INSUFFICIENT_STOCK);
    assert_int_equal(rig->answer.detail.available, 7);
}

/* Accessible and companion seats go to nobody who does not name them. */
static void test_best_leaves_accessible(void **state)
{
    struct rig *rig = *state;
    rig_seated(rig, 1, "ac00", 1);
    assert_int_equal(best(rig, 1, 3, false), RESULT_INSUFFICIENT_STOCK);
    assert_int_equal(rig->answer.detail.available, 2);
    assert_int_equal(best(rig, 1, 2, false), RESULT_OK);
    RIG_EXPECT(rig, 2, 3);
    assert_int_equal(rig->answer.booking.remaining, 2);
    assert_int_equal(NAME(rig, 501, 0, 1), RESULT_OK);
}

/* Split: the greatest part that fits, then what is nearest to its row, best first. */
static void test_split(void **state)
{
    struct rig *rig = *state;
    rig_seated(rig, 1, "00/000/0000/00/01", 1);
    assert_int_equal(best(rig, 1, 6, true), RESULT_OK);
    /* Rows B and D are as near; in B two would leave one alone. */
    RIG_EXPECT(rig, 5, 6, 7, 8, 9, 10);
}

/* A further part in a nearer row wins over one that leaves no single seat. */
static void test_split_nearest(void **state)
{
    struct rig *rig = *state;
    rig_seated(rig, 1, "00/999/0000", 1);
    assert_int_equal(best(rig, 1, 6, true), RESULT_OK);
    RIG_EXPECT(rig, 2, 3, 5, 6, 7, 8);
}

/* The tightest gap of a trip wins over rank: short journeys fill holes. */
static void test_slack(void **state)
{
    struct rig *rig = *state;
    rig_seated(rig, 1, "0 1 2", 4);
    rig_way(rig_reserve(rig, 1, 1, 0), 0, 1);
    RIG_SEATS(&rig->command, 1);
    assert_int_equal(rig_run(rig), RESULT_OK);
    rig_way(rig_reserve(rig, 1, 1, 0), 3, 4);
    RIG_SEATS(&rig->command, 1);
    assert_int_equal(rig_run(rig), RESULT_OK);
    rig_way(rig_reserve(rig, 2, 1, 1), 1, 3);
    assert_int_equal(rig_run(rig), RESULT_OK);
    RIG_EXPECT(rig, 1);
    rig_way(rig_reserve(rig, 2, 1, 1), 1, 3);
    assert_int_equal(rig_run(rig), RESULT_OK);
    RIG_EXPECT(rig, 0);
}

/* Slack ends at the first segment that is taken, whatever comes after. */
static void test_slack_stops(void **state)
{
    struct rig *rig = *state;
    rig_seated(rig, 1, "0 0", 6);
    rig_way(rig_reserve(rig, 1, 1, 0), 4, 5); /* seat 0: slack of [0, 2) is 2 */
    RIG_SEATS(&rig->command, 0);
    assert_int_equal(rig_run(rig), RESULT_OK);
    rig_way(rig_reserve(rig, 1, 1, 0), 3, 4); /* seat 1: 1 */
    RIG_SEATS(&rig->command, 1);
    assert_int_equal(rig_run(rig), RESULT_OK);
    rig_way(rig_reserve(rig, 2, 1, 1), 0, 2);
    assert_int_equal(rig_run(rig), RESULT_OK);
    RIG_EXPECT(rig, 1);
}

/* Every seat that cannot be had is named with its state. */
static void test_named_unavailable(void **state)
{
    struct rig *rig = *state;
    rig_seated(rig, 1, "0 0 0 0", 1);
    assert_int_equal(NAME(rig, 1, 0), RESULT_OK);
    assert_int_equal(rig_do(rig, COMMAND_CONFIRM, 1, rig->made), RESULT_OK);
    assert_int_equal(NAME(rig, 1, 1), RESULT_OK);
    assert_int_not_equal(rig_block(rig, 1, 0, 1, (uint32_t[]){2}, 0), 0);
    assert_int_equal(NAME(rig, 2, 0, 1, 2, 3), RESULT_SEAT_UNAVAILABLE);
    RIG_EXPECT(rig, 0 | MODEL_SEAT_SOLD << 24, 1 | MODEL_SEAT_RESERVED << 24,
               2 | MODEL_SEAT_BLOCKED << 24);
    assert_int_equal(rig_tickets(rig, 2), 0);
}

/* Who draws from an allotment has its seats, accessible or not, and no others. */
static void test_allotment_seats(void **state)
{
    struct rig *rig = *state;
    rig_seated(rig, 1, "0a00 0", 1);
    uint32_t block = rig_block(rig, 1, 7, 3, (uint32_t[]){0, 1, 2}, 0);
    assert_int_not_equal(block, 0);
    rig_reserve(rig, 1, 1, 0)->reserve.allotment_digest[0] = 7;
    RIG_SEATS(&rig->command, 2, 3);
    assert_int_equal(rig_run(rig), RESULT_SEAT_UNAVAILABLE);
    RIG_EXPECT(rig, 3 | MODEL_SEAT_BLOCKED << 24);
    rig_reserve(rig, 1, 1, 3)->reserve.allotment_digest[0] = 7;
    assert_int_equal(rig_run(rig), RESULT_OK);
    RIG_EXPECT(rig, 0, 1, 2);
    assert_int_equal(rig->answer.booking.remaining, 0);
    assert_int_equal(rig_left(rig, 1, 0, 1), 2);
    assert_int_equal(rig_do(rig, COMMAND_CANCEL, 1, rig->made), RESULT_OK);
    assert_int_equal(rig_left(rig, 1, 0, 1), 2);
    rig_change_zone(rig, COMMAND_BLOCK_END, 1)->zone_change.block_id = rig_id('b', block);
    assert_int_equal(rig_run(rig), RESULT_OK);
    assert_int_equal(rig_left(rig, 1, 0, 1), 5);
}

/* Named seats may not leave one alone, the lowest such is told; at the edge they may. */
static void test_orphan(void **state)
{
    struct rig *rig = *state;
    rig_seated(rig, 1, "000000", 1);
    assert_int_equal(NAME(rig, 1, 1, 4), RESULT_ORPHAN_SEAT);
    RIG_EXPECT(rig, 0);
    assert_int_equal(NAME(rig, 1, 0, 1), RESULT_OK);
    assert_int_equal(NAME(rig, 1, 3), RESULT_ORPHAN_SEAT);
    RIG_EXPECT(rig, 2);
    rig->event.event.allow_orphans = true;
    rig_event(rig);
    assert_int_equal(NAME(rig, 1, 3), RESULT_OK);
}

/* A seat that was alone before is nobody's fault, and without another choice all is allowed. */
static void test_orphan_excused(void **state)
{
    struct rig *rig = *state;
    rig_seated(rig, 1, "0 000", 1);
    assert_int_equal(NAME(rig, 1, 1, 2), RESULT_OK); /* no two without leaving one */
    rig_seated(rig, 2, "000 00", 1);
    assert_int_equal(name(rig, 1, 2, 2, (uint32_t[]){0, 1}), RESULT_ORPHAN_SEAT);
    RIG_EXPECT(rig, 2);
}

/* A named seat that was not open (accessible) was no neighbour to lose. */
static void test_orphan_accessible(void **state)
{
    struct rig *rig = *state;
    rig_seated(rig, 1, "0a 000", 1);
    assert_int_equal(NAME(rig, 1, 1), RESULT_OK);
}

/* An exchange sees its own seats as open, keeps price, deadline and status. */
static void test_exchange(void **state)
{
    struct rig *rig = *state;
    rig_seated(rig, 1, "0000", 1);
    rig_general(rig, 2, 5, 1, 500);
    assert_int_equal(NAME(rig, 1, 0, 1), RESULT_OK);
    uint32_t booking = rig->made;
    RIG_SEATS(rig_on(rig, COMMAND_EXCHANGE, 1, booking), 1, 2);
    assert_int_equal(rig_run(rig), RESULT_ORPHAN_SEAT); /* 0 was open to it */
    RIG_EXPECT(rig, 0);
    RIG_SEATS(rig_on(rig, COMMAND_EXCHANGE, 1, booking), 2, 3);
    assert_int_equal(rig_run(rig), RESULT_OK);
    RIG_EXPECT(rig, 2, 3);
    assert_int_equal(rig->answer.booking.expires_ms, RIG_NOW_MS + RIG_TTL_MS);
    RIG_SEATS(rig_on(rig, COMMAND_EXCHANGE, 1, booking), 1);
    assert_int_equal(rig_run(rig), RESULT_QUANTITY_INVALID);
    assert_int_equal(rig_do(rig, COMMAND_CONFIRM, 1, booking), RESULT_OK);
    assert_int_equal(rig_do(rig, COMMAND_EXCHANGE, 1, booking), RESULT_OK); /* the best */
    RIG_EXPECT(rig, 0, 1);
    assert_int_equal(rig->answer.booking.status, BOOKING_CONFIRMED);
    uint32_t general = rig_reserved(rig, 1, 2, 1);
    assert_int_equal(rig_do(rig, COMMAND_EXCHANGE, 1, general), RESULT_KIND_UNSUPPORTED);
}

/* What was drawn from an allotment is exchanged within it while it lasts. */
static void test_exchange_allotment(void **state)
{
    struct rig *rig = *state;
    rig_seated(rig, 1, "0 9 9 1", 1);
    uint32_t block = rig_block(rig, 1, 7, 2, (uint32_t[]){1, 2}, 0);
    rig_reserve(rig, 1, 1, 1)->reserve.allotment_digest[0] = 7;
    assert_int_equal(rig_run(rig), RESULT_OK);
    RIG_EXPECT(rig, 1);
    uint32_t booking = rig->made;
    RIG_SEATS(rig_on(rig, COMMAND_EXCHANGE, 1, booking), 0);
    assert_int_equal(rig_run(rig), RESULT_SEAT_UNAVAILABLE);
    RIG_SEATS(rig_on(rig, COMMAND_EXCHANGE, 1, booking), 2);
    assert_int_equal(rig_run(rig), RESULT_OK);
    rig_change_zone(rig, COMMAND_BLOCK_END, 1)->zone_change.block_id = rig_id('b', block);
    assert_int_equal(rig_run(rig), RESULT_OK);
    assert_int_equal(rig_do(rig, COMMAND_EXCHANGE, 1, booking), RESULT_OK);
    RIG_EXPECT(rig, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(test_best_avoids_singles),
        RIG_TEST(test_best_rank_then_index),
        RIG_TEST(test_best_together),
        RIG_TEST(test_best_leaves_accessible),
        RIG_TEST(test_split),
        RIG_TEST(test_split_nearest),
        RIG_TEST(test_slack),
        RIG_TEST(test_slack_stops),
        RIG_TEST(test_named_unavailable),
        RIG_TEST(test_allotment_seats),
        RIG_TEST(test_orphan),
        RIG_TEST(test_orphan_excused),
        RIG_TEST(test_orphan_accessible),
        RIG_TEST(test_exchange),
        RIG_TEST(test_exchange_allotment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
