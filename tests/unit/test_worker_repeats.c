/* Real workers: what a repeat of a command that changed a booking or a zone says. */
#include "change_rig.h"
#include "worker_steps.h"

static void assert_same(const struct answer *again, const struct answer *first)
{
    assert_result(again, RESULT_OK);
    assert_true(again->replayed);
    assert_int_equal(again->seat_count, first->seat_count);
    if (first->kind == COMMAND_CAPACITY || first->kind == COMMAND_ZONE_SALE) {
        assert_memory_equal(&again->zone_facts, &first->zone_facts, sizeof first->zone_facts);
    } else if (first->kind == COMMAND_BLOCK_CREATE || first->kind == COMMAND_BLOCK_END) {
        assert_true(uuid_equal(&again->block->block_id, &first->block->block_id));
        assert_int_equal(again->block->quantity, first->block->quantity);
        assert_int_equal(again->block->active, first->block->active);
        assert_int_equal(again->block->created_ms, first->block->created_ms);
    } else {
        assert_memory_equal(&again->booking, &first->booking, sizeof first->booking);
    }
}

/* Every command once, on a booking that each of them changes. */
static uint32_t one_of_each(struct step *steps)
{
    uint32_t count = 0;
    take(steps, &count, rig_reserve(0, 0, 9, 100));
    const struct answer booking = steps[0].answer;
    struct command command = command_on(COMMAND_EXTEND, 0, &booking, 101);
    command.booking.seconds = 900;
    take(steps, &count, command);
    command = command_on(COMMAND_RELEASE, 0, &booking, 102);
    command.booking.quantity = 1;
    take(steps, &count, command);
    take(steps, &count, transfer(0, &booking, 1, 103));
    command = command_on(COMMAND_CONFIRM, 1, &booking, 104);
    command.booking.quantity = 5;
    take(steps, &count, command);
    take(steps, &count, transfer(1, &booking, 2, 105));
    take(steps, &count, refund(&booking, 106));
    take(steps, &count, rig_reserve(0, 1, 3, 107));
    const struct answer second = steps[count - 1].answer;
    take(steps, &count, command_on(COMMAND_CONFIRM, 0, &second, 108));
    take(steps, &count, refund(&second, 109));
    command = on_zone(COMMAND_CAPACITY, 2, 110);
    command.zone_change.total = 300;
    take(steps, &count, command);
    command = on_zone(COMMAND_ZONE_SALE, 2, 111);
    command.zone_change.closed = true;
    take(steps, &count, command);
    take(steps, &count, block_of(3, 20, 112));
    command = on_zone(COMMAND_BLOCK_END, 3, 113);
    command.zone_change.block_id = steps[count - 1].answer.block->block_id;
    take(steps, &count, command);
    return count;
}

static void repeat_all(struct step *steps, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct command command = steps[i].command;
        if (command.kind == COMMAND_BLOCK_CREATE)
            command = block_of(3, 20, 112);
        struct answer again = sim_ask(sim, (uint16_t)(i % sim->group.shard_count), command);
        assert_same(&again, &steps[i].answer);
        command = steps[i].command;
        command.key.fingerprint ^= 1;
        if (command.kind == COMMAND_BLOCK_CREATE)
            command.zone_change.block = NULL;
        again = sim_ask(sim, 0, command);
        assert_result(&again, RESULT_IDEMPOTENCY_KEY_REUSED);
    }
}

/* A repeat says what the first answer said, to the byte, although the booking and the
 * zone have changed since; also after a start, and after one with other shards. */
static void test_repeats(void **state)
{
    (void)state;
    static struct step steps[STEPS_MAX];
    static const uint16_t shard_counts[] = {SHARDS, 1, 2, 4};
    uint32_t count = one_of_each(steps);
    settle_down();
    struct sim *first = sim;
    repeat_all(steps, count);
    for (size_t i = 0; i < sizeof shard_counts / sizeof shard_counts[0]; i++) {
        sim = restart(first, shard_counts[i]);
        repeat_all(steps, count);
        rig_audit(&sim->rig);
        sim_free(sim);
    }
    sim = first;
}

/* After 24 hours to the millisecond the key is new. */
static void test_a_key_ends(void **state)
{
    (void)state;
    struct answer booking = ask_ok(rig_reserve(0, 0, 4, 0));
    ask_ok(command_on(COMMAND_CONFIRM, 0, &booking, 0));
    struct command command = transfer(0, &booking, 1, 9);
    uint64_t at_ms = sim->wall_ms;
    ask_ok(command);
    while (sim->wall_ms < at_ms + RIG_KEY_MS - 5000) {
        sim_pass(sim, 4000);
        sim_turn(sim);
    }
    sim_pass(sim, at_ms + RIG_KEY_MS - 1 - sim->wall_ms);
    assert_true(ask_ok(command).replayed);
    sim_pass(sim, 1);
    struct answer late = sim_ask(sim, 0, command);
    assert_result(&late, RESULT_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_repeats),
        CASE(test_a_key_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
