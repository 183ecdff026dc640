/* Real workers: commands that change a booking or a zone, wherever the caller, the
 * receiver and the places live; and what users count for while power fails again and
 * again. */
#include "change_rig.h"

/* --- one by one --- */

/* A transfer moves the booking and its tickets whatever shards the three live on. */
static void test_transfer_everywhere(void **state)
{
    (void)state;
    uint64_t key = 1;
    for (uint16_t from = 0; from < SHARDS; from++) {
        for (uint16_t to = 0; to < SHARDS; to++) {
            for (uint64_t zone = 0; zone < ZONES; zone++) {
                uint64_t alice = user_at(from, 0), bob = user_at(to, 1);
                struct answer booking = ask_ok(rig_reserve(alice, zone, 2, 0));
                struct command command = transfer(alice, &booking, bob, key++);
                struct answer answer = sim_ask(sim, (uint16_t)(zone % SHARDS), command);
                assert_result(&answer, RESULT_OK);
                struct uuid bob_id = rig_user_id(bob);
                assert_true(uuid_equal(&answer.booking.user_id, &bob_id));
                settle_down();
                assert_int_equal(tickets_of(sim, alice, zone % 2), 0);
                assert_int_equal(tickets_of(sim, bob, zone % 2), 2);
                struct answer again = sim_ask(sim, 1, command);
                assert_true(again.replayed);
                assert_memory_equal(&again.booking, &answer.booking, sizeof again.booking);
                struct answer gone =
                    sim_ask(sim, 0, command_on(COMMAND_CANCEL, alice, &booking, 0));
                assert_result(&gone, RESULT_NOT_FOUND);
                ask_ok(command_on(COMMAND_CANCEL, bob, &booking, 0));
                settle_down();
                assert_int_equal(tickets_of(sim, bob, zone % 2), 0);
            }
        }
    }
    rig_audit(&sim->rig);
}

/* A receiver at the limit refuses, without telling what they hold; nothing changes. */
static void test_receiver_at_the_limit(void **state)
{
    (void)state;
    for (uint64_t bob = 1; bob < 6; bob++) {
        struct answer held = ask_ok(rig_reserve(bob, 0, 10, 0));
        struct answer booking = ask_ok(rig_reserve(0, 2, 3, 0));
        struct answer refused = sim_ask(sim, 0, transfer(0, &booking, bob, 0));
        assert_result(&refused, RESULT_MAX_PER_USER_EXCEEDED);
        assert_int_equal(refused.refusal.limit, LIMIT);
        assert_int_equal(refused.refusal.held, 0);
        settle_down();
        assert_int_equal(tickets_of(sim, bob, 0), 10);
        assert_int_equal(tickets_of(sim, 0, 0), 3);
        ask_ok(command_on(COMMAND_CANCEL, 0, &booking, 0));
        ask_ok(command_on(COMMAND_CANCEL, bob, &held, 0));
    }
}

/* Whoever has no such booking is told nothing, and the receiver counts nothing. */
static void test_transfer_of_what_is_not_ones_own(void **state)
{
    (void)state;
    struct answer booking = ask_ok(rig_reserve(0, 0, 2, 0));
    struct answer refused = sim_ask(sim, 0, transfer(1, &booking, 2, 5));
    assert_result(&refused, RESULT_NOT_FOUND);
    ask_ok(command_on(COMMAND_CANCEL, 0, &booking, 0));
    refused = sim_ask(sim, 0, transfer(0, &booking, 2, 5));
    assert_result(&refused, RESULT_INVALID_STATE);
    settle_down();
    assert_int_equal(tickets_of(sim, 2, 0), 0);
}

/* Releasing a part, confirming a part and a refund lower the owner's count by just
 * what they give back. */
static void test_parts_and_refunds(void **state)
{
    (void)state;
    for (uint64_t user = 0; user < 6; user++) {
        struct answer booking = ask_ok(rig_reserve(user, user, 9, 0));
        struct command command = command_on(COMMAND_RELEASE, user, &booking, 0);
        command.booking.quantity = 2;
        assert_int_equal(ask_ok(command).booking.quantity, 7);
        settle_down();
        assert_int_equal(tickets_of(sim, user, user % 2), 7);
        command = command_on(COMMAND_CONFIRM, user, &booking, 0);
        command.booking.quantity = 4;
        assert_int_equal(ask_ok(command).booking.quantity, 4);
        settle_down();
        assert_int_equal(tickets_of(sim, user, user % 2), 4);
        assert_int_equal(ask_ok(refund(&booking, 0)).booking.status, BOOKING_REFUNDED);
        settle_down();
        assert_int_equal(tickets_of(sim, user, user % 2), 0);
        assert_int_equal(rig_counts(&sim->rig, user).available, SEATS);
        struct answer other = sim_ask(sim, 0, command_on(COMMAND_REFUND, user, &booking, 0));
        assert_result(&other, RESULT_NOT_FOUND);
    }
}

/* Capacity, sale and blocks reach the zone's shard; only an organizer reaches it. */
static void test_zone_commands(void **state)
{
    (void)state;
    for (uint64_t zone = 0; zone < ZONES; zone++) {
        struct command command = on_zone(COMMAND_CAPACITY, zone, 0);
        command.zone_change.total = 100;
        assert_int_equal(ask_ok(command).zone_facts.total, 100);
        command.actor.role = ROLE_USER;
        struct answer refused = sim_ask(sim, 0, command);
        assert_result(&refused, RESULT_NOT_FOUND);

        struct answer made = ask_ok(block_of(zone, 30, 0));
        struct uuid block_id = made.block->block_id;
        assert_int_equal(made.block->quantity, 30);
        struct answer list = ask_ok(on_zone(COMMAND_BLOCK_LIST, zone, 0));
        assert_int_equal(list.blocks->count, 1);
        command = on_zone(COMMAND_BLOCK_END, zone, 0);
        command.zone_change.block_id = block_id;
        assert_false(ask_ok(command).block->active);

        command = on_zone(COMMAND_ZONE_SALE, zone, 0);
        command.zone_change.closed = true;
        assert_true(ask_ok(command).zone_facts.closed);
        refused = sim_ask(sim, 0, rig_reserve(1, zone, 1, 0));
        assert_result(&refused, RESULT_SALE_CLOSED);
        settle_down();
        assert_int_equal(tickets_of(sim, 1, zone % 2), 0);
        refused = sim_ask(sim, 0, on_zone(COMMAND_SEAT_MAP, zone, 0));
        assert_result(&refused, RESULT_KIND_UNSUPPORTED);
    }
    struct answer unknown = sim_ask(sim, 0, on_zone(COMMAND_SEAT_MAP, 77, 0));
    assert_result(&unknown, RESULT_NOT_FOUND);
}

/* --- at random --- */

/* What every user's count must be, from the logs alone. */
static void assert_counts(const struct sim *in, const struct sim *logs)
{
    static int64_t tickets[USERS][2];
    memset(tickets, 0, sizeof tickets);
    struct sim *fresh = restart((struct sim *)(uintptr_t)logs, in->group.shard_count == 1 ? 4 : 1);
    for (uint64_t user = 0; user < USERS; user++) {
        for (uint64_t event = 0; event < 2; event++) {
            assert_int_equal(tickets_of(in, user, event), tickets_of(fresh, user, event));
            assert_in_range(tickets_of(in, user, event), 0, LIMIT);
        }
    }
    sim_free(fresh);
}

static struct answer recent_of(struct answer *recent, uint64_t draw)
{
    return recent[draw % 64];
}

static void send_one(struct answer *recent)
{
    static const enum command_kind kinds[] = {COMMAND_RESERVE,  COMMAND_RESERVE, COMMAND_RESERVE,
                                              COMMAND_CANCEL,   COMMAND_CONFIRM, COMMAND_TRANSFER,
                                              COMMAND_TRANSFER, COMMAND_RELEASE, COMMAND_REFUND,
                                              COMMAND_EXTEND,   COMMAND_CONFIRM, COMMAND_CANCEL};
    uint64_t draw = sim_random(sim);
    enum command_kind kind = kinds[draw % (sizeof kinds / sizeof kinds[0])];
    uint64_t user = (draw >> 8) % USERS;
    struct answer booking = recent_of(recent, draw >> 16);
    uint64_t key = (draw >> 24) % 3 == 0 ? sim_random(sim) : 0;
    struct command command;

    if (kind == COMMAND_RESERVE || uuid_is_nil(&booking.booking.booking_id)) {
        command = rig_reserve(user, (draw >> 32) % ZONES, 1 + (uint32_t)(draw >> 40) % 5, key);
    } else if (kind == COMMAND_REFUND) {
        command = refund(&booking, key);
    } else {
        command = command_on(kind, user, &booking, key);
        command.actor.id = booking.booking.user_id;
        if (kind == COMMAND_TRANSFER)
            command.booking.user_id = rig_user_id((user + 1) % USERS);
        if (kind == COMMAND_RELEASE || (draw >> 50) % 2)
            command.booking.quantity = (uint32_t)(draw >> 52) % 3;
        if (kind == COMMAND_TRANSFER && uuid_equal(&command.booking.user_id, &command.actor.id))
            return;
    }
    sim_send(sim, (uint16_t)((draw >> 60) % sim->group.shard_count), command);
}

static void run_at_random(uint16_t shards, uint64_t seed, int turns, uint32_t done[])
{
    static struct answer recent[64];
    uint32_t seen = 0;
    memset(recent, 0, sizeof recent);
    open_sale(sim, shards, RIG_START_MS, 1000000000);
    sim->seed = seed;
    for (int turn = 0; turn < turns; turn++) {
        for (uint64_t n = sim_random(sim) % 12; n > 0; n--)
            send_one(recent);
        for (uint16_t i = 0; i < shards; i++)
            if (sim_random(sim) % 4 == 0)
                sim->logs[i].stuck = sim_random(sim) % 2;
        sim_pass(sim, sim_random(sim) % 64 == 0 ? RIG_TTL_MS / 3 : sim_random(sim) % 30);
        sim_turn(sim);
        for (; seen < sim->answer_count; seen++) {
            const struct answer *answer = &sim->answers[seen];
            assert_true(answer->position_sequence <= sim->logs[answer->position_shard].durable);
            if (answer->result != RESULT_OK)
                continue;
            done[answer->kind]++;
            recent[sim_random(sim) % 64] = *answer;
        }
    }
    for (uint16_t i = 0; i < shards; i++)
        sim->logs[i].stuck = false;
    sim_turns(sim, 100);
}

/* Live counts are those that the logs give to any number of shards, after thousands of
 * reserves, parts, transfers, refunds and ends that ran into each other. */
static void test_counts_are_those_of_the_logs(void **state)
{
    (void)state;
    uint32_t done[COMMAND_KIND_COUNT] = {0};
    for (uint64_t seed = 1; seed <= 8; seed++) {
        sim_free(sim);
        sim = malloc(sizeof *sim);
        run_at_random((uint16_t)(1 + seed % 4), seed, 400, done);
        rig_audit(&sim->rig);
        assert_counts(sim, sim);
    }
    assert_true(done[COMMAND_TRANSFER] > 100 && done[COMMAND_REFUND] > 50 &&
                done[COMMAND_RELEASE] > 50 && done[COMMAND_EXTEND] > 50);
}

/* Power fails in the middle: of each log any part that is not durable is lost. What is
 * left is possible, and no user has more than the limit. */
static void test_power_fails_between_the_steps(void **state)
{
    (void)state;
    uint32_t done[COMMAND_KIND_COUNT] = {0};
    for (uint64_t seed = 20; seed < 60; seed++) {
        sim_free(sim);
        sim = malloc(sizeof *sim);
        run_at_random((uint16_t)(2 + seed % 3), seed, 10 + (int)(seed % 40), done);
        static struct answer recent[64];
        for (int turn = 0; turn < 6; turn++) {
            for (uint16_t i = 0; i < sim->group.shard_count; i++)
                sim->logs[i].stuck = sim_random(sim) % 2;
            for (int n = 0; n < 20; n++) {
                for (uint32_t k = 0; k < 64 && k < sim->answer_count; k++)
                    if (sim->answers[sim->answer_count - 1 - k].result == RESULT_OK)
                        recent[k] = sim->answers[sim->answer_count - 1 - k];
                send_one(recent);
            }
            sim_turn(sim);
        }
        for (uint16_t i = 0; i < sim->group.shard_count; i++) {
            struct sim_log *log = &sim->logs[i];
            log->durable += sim_random(sim) % (log->appended - log->durable + 1);
        }
        struct sim *after = restart(sim, sim->group.shard_count);
        rig_audit(&after->rig);
        assert_counts(after, sim);
        sim_free(after);
    }
    assert_true(done[COMMAND_TRANSFER] > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_transfer_everywhere),
        CASE(test_receiver_at_the_limit),
        CASE(test_transfer_of_what_is_not_ones_own),
        CASE(test_parts_and_refunds),
        CASE(test_zone_commands),
        CASE(test_counts_are_those_of_the_logs),
        CASE(test_power_fails_between_the_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
