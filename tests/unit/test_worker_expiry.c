/* Time that ends blocks and holds in a running worker: who comes for their places finds
 * them free, and nobody is refused for what is over. */
#include "worker_rig.h"

#include "../../engine/shard_state.h"

enum { SEATS = 10, ORGANIZER = 9, MINUTE_MS = 60000 };

static struct sim *sim;

static int setup(void **state)
{
    (void)state;
    sim = malloc(sizeof *sim);
    sim_open(sim, 1, 0);
    rig_event(&sim->rig, 0, 100);
    for (uint64_t zone = 0; zone < 3; zone++)
        rig_zone(&sim->rig, zone, 0, SEATS, 100);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_audit(&sim->rig);
    sim_close(sim);
    free(sim);
    return 0;
}

static struct command on_zone(enum command_kind kind, uint64_t zone)
{
    struct command command = rig_command(kind, ORGANIZER, 0, 0);
    command.actor.role = ROLE_ADMIN;
    command.zone_change.zone_id = rig_zone_id(zone);
    return command;
}

/* The whole zone for a minute. */
static struct uuid block_all(uint64_t zone, enum block_kind kind)
{
    struct command command = on_zone(COMMAND_BLOCK_CREATE, zone);
    command.zone_change.block = calloc(1, sizeof *command.zone_change.block);
    command.zone_change.block->zone_id = command.zone_change.zone_id;
    command.zone_change.block->kind = kind;
    command.zone_change.block->key_digest[0] = 1;
    command.zone_change.block->quantity = SEATS;
    command.zone_change.block->expires_ms = sim->wall_ms + MINUTE_MS;
    struct answer answer = sim_ask(sim, 0, command);
    assert_int_equal(answer.result, RESULT_OK);
    return answer.block->block_id;
}

static enum result reserve(uint64_t user, uint64_t zone, uint32_t quantity)
{
    return sim_ask(sim, 0, rig_reserve(user, zone, quantity, 0)).result;
}

static uint32_t records_of(enum record_kind kind, enum change_cause cause)
{
    uint32_t count = 0;
    for (uint64_t n = 0; n < sim->logs[0].appended; n++)
        count += sim->logs[0].records[n].kind == kind &&
                 (kind != RECORD_BLOCK || sim->logs[0].records[n].block.cause == cause);
    return count;
}

/* A block ends by itself, with a record of its own, to the millisecond. */
static void test_block_ends_by_time(void **state)
{
    (void)state;
    block_all(0, BLOCK_HOUSE_HOLD);
    sim_pass(sim, MINUTE_MS - 1);
    sim_turns(sim, 3);
    assert_int_equal(reserve(1, 0, 1), RESULT_INSUFFICIENT_STOCK);
    assert_int_equal(records_of(RECORD_BLOCK, CAUSE_EXPIRED), 0);
    sim_pass(sim, 1);
    sim_turns(sim, 3);
    assert_int_equal(records_of(RECORD_BLOCK, CAUSE_EXPIRED), 1);
    assert_int_equal(reserve(1, 0, SEATS), RESULT_OK);
}

/* Who comes in the turn in which a block is over finds its places free, however many other
 * blocks are over too. */
static void test_who_comes_as_a_block_ends(void **state)
{
    (void)state;
    for (uint64_t zone = 0; zone < 3; zone++)
        block_all(zone, BLOCK_HOUSE_HOLD);
    sim_pass(sim, MINUTE_MS);
    uint32_t number = sim_send(sim, 0, rig_reserve(1, 2, SEATS, 0));
    sim_turn(sim);
    sim_turns(sim, 2);
    assert_int_equal(sim_answer_to(sim, number)->result, RESULT_OK);
    assert_int_equal(records_of(RECORD_BLOCK, CAUSE_EXPIRED), 3);
}

/* An allotment whose time is over is unknown to its key, and its places are everybody's. */
static void test_allotment_is_over(void **state)
{
    struct command command = rig_reserve(1, 0, 1, 0);
    (void)state;
    block_all(0, BLOCK_ALLOTMENT);
    command.reserve.allotment_digest[0] = 1;
    assert_int_equal(sim_ask(sim, 0, command).result, RESULT_OK);
    sim_pass(sim, MINUTE_MS);
    command.actor.id = rig_user_id(2);
    assert_int_equal(sim_ask(sim, 0, command).result, RESULT_ALLOTMENT_UNKNOWN);
    assert_int_equal(reserve(3, 0, SEATS - 1), RESULT_OK);
}

/* A block is ended by hand once: after its time it is answered as it is. */
static void test_ended_by_hand_after_its_time(void **state)
{
    struct command command = on_zone(COMMAND_BLOCK_END, 0);
    (void)state;
    command.zone_change.block_id = block_all(0, BLOCK_HOUSE_HOLD);
    sim_pass(sim, MINUTE_MS);
    sim_turns(sim, 3);
    struct answer answer = sim_ask(sim, 0, command);
    assert_int_equal(answer.result, RESULT_OK);
    assert_false(answer.block->active);
    assert_int_equal(answer.block->quantity, SEATS);
    assert_int_equal(records_of(RECORD_BLOCK, CAUSE_RELEASED), 0);
}

/* A capacity counts what is over as free. */
static void test_capacity_after_a_hold(void **state)
{
    struct command command = on_zone(COMMAND_CAPACITY, 0);
    (void)state;
    assert_int_equal(reserve(1, 0, SEATS), RESULT_OK);
    command.zone_change.total = 1;
    assert_int_equal(sim_ask(sim, 0, command).result, RESULT_CAPACITY_BELOW_SOLD);
    sim_pass(sim, RIG_TTL_MS);
    assert_int_equal(sim_ask(sim, 0, command).result, RESULT_OK);
    assert_int_equal(rig_counts(&sim->rig, 0).available, 1);
}

/* With no room at all in the log nothing ends; with little, it does. */
static void test_expiry_and_the_log(void **state)
{
    (void)state;
    assert_int_equal(reserve(1, 0, SEATS), RESULT_OK);
    sim_pass(sim, RIG_TTL_MS);
    sim->logs[0].state = JOURNAL_FULL;
    sim_turns(sim, 3);
    assert_int_equal(records_of(RECORD_EXPIRED, CAUSE_EXPIRED), 0);
    sim->logs[0].state = JOURNAL_STORAGE_LOW;
    sim_turns(sim, 3);
    assert_int_equal(records_of(RECORD_EXPIRED, CAUSE_EXPIRED), 1);
    sim->logs[0].state = JOURNAL_OK;
    assert_int_equal(reserve(2, 0, SEATS), RESULT_OK);
}

/* --- which holds are overdue, of which zone --- */

static struct uuid hold(uint64_t user, uint64_t zone)
{
    struct answer answer = sim_ask(sim, 0, rig_reserve(user, zone, 1, 0));
    assert_int_equal(answer.result, RESULT_OK);
    return answer.booking.booking_id;
}

/* A zone's overdue holds are its own; one without any has none, though others have. */
static void test_overdue_of_a_zone(void **state)
{
    const struct booking_table *table = &sim->rig.shards[0]->bookings;
    uint32_t slots[DEADLINE_HEAP_DUE_MAX];
    (void)state;
    hold(1, 0);
    hold(2, 1);
    struct uuid extended = hold(3, 1);
    sim_pass(sim, 1000);
    struct command command = rig_end(COMMAND_EXTEND, 3, &extended, 0);
    assert_int_equal(sim_ask(sim, 0, command).result, RESULT_OK);
    uint64_t due_ms = RIG_START_MS + RIG_TTL_MS;
    assert_int_equal(booking_overdue(table, 0, due_ms - 1, slots), 0);
    assert_int_equal(booking_overdue(table, 0, due_ms, slots), 1);
    assert_int_equal(booking_overdue(table, 1, due_ms, slots), 1);
    assert_int_equal(booking_overdue(table, 2, due_ms, slots), 0);
    assert_false(booking_is_overdue(table, 2, due_ms));
    assert_true(booking_is_overdue(table, 1, due_ms));
    assert_int_equal(booking_due(table, due_ms - 1, slots), 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_block_ends_by_time),    CASE(test_who_comes_as_a_block_ends),
        CASE(test_allotment_is_over),     CASE(test_ended_by_hand_after_its_time),
        CASE(test_capacity_after_a_hold), CASE(test_expiry_and_the_log),
        CASE(test_overdue_of_a_zone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
