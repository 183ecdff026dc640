#include "worker_rig.h"

#include "../../engine/shard_state.h"

/* Real workers: commands that change a booking or a zone, wherever the caller, the
 * receiver and the places live; what a repeat of them says; and what users count for
 * while power fails again and again. */

enum { USERS = 9, ZONES = 6, LIMIT = 12, SEATS = 400, SHARDS = 3 };

static struct sim *sim;

static void open_sale(struct sim *made, uint16_t shards, uint64_t wall_ms, uint64_t ns)
{
    sim_open_at(made, shards, 0, wall_ms, ns);
    rig_event(&made->rig, 0, LIMIT);
    rig_event(&made->rig, 1, LIMIT);
    for (uint64_t zone = 0; zone < ZONES; zone++)
        rig_zone(&made->rig, zone, zone % 2, SEATS, 100);
}

static int setup(void **state)
{
    (void)state;
    sim = malloc(sizeof *sim);
    open_sale(sim, SHARDS, RIG_START_MS, 1000000000);
    return 0;
}

static void free_sim(struct sim *made)
{
    for (uint32_t i = 0; i < made->answer_count; i++)
        answer_release(&made->answers[i]);
    sim_close(made);
    free(made);
}

static int teardown(void **state)
{
    (void)state;
    free_sim(sim);
    return 0;
}

/* --- helpers --- */

static uint16_t shard_of(const struct sim *in, struct uuid id)
{
    return partition_shard_of(&in->group.partitions, &id);
}

/* The n-th user whose home is the shard. */
static uint64_t user_at(uint16_t shard, uint64_t n)
{
    for (uint64_t user = 0;; user++)
        if (shard_of(sim, rig_user_id(user)) == shard && n-- == 0)
            return user;
}

static uint32_t tickets_of(const struct sim *in, uint64_t user, uint64_t event)
{
    struct uuid user_id = rig_user_id(user), event_id = rig_event_id(event);
    const struct shard *shard = in->rig.shards[shard_of(in, user_id)];
    const struct quota_entry *entry =
        quota_find(&shard->quotas, &user_id, catalog_event_number(shard->catalog, &event_id));
    if (entry)
        assert_int_equal(entry->under_way, 0);
    return entry ? entry->tickets : 0;
}

static struct command command_on(enum command_kind kind, uint64_t user,
                                 const struct answer *booking, uint64_t key)
{
    return rig_end(kind, user, &booking->booking.booking_id, key);
}

static struct command transfer(uint64_t user, const struct answer *booking, uint64_t to,
                               uint64_t key)
{
    struct command command = command_on(COMMAND_TRANSFER, user, booking, key);
    command.booking.user_id = rig_user_id(to);
    return command;
}

static struct command refund(const struct answer *booking, uint64_t key)
{
    struct command command = command_on(COMMAND_REFUND, 1000, booking, key);
    command.actor.role = ROLE_ADMIN;
    return command;
}

static struct command on_zone(enum command_kind kind, uint64_t zone, uint64_t key)
{
    struct command command = rig_command(kind, 1000, key, (uint32_t)zone + 1);
    command.actor.role = ROLE_ADMIN;
    command.zone_change.zone_id = rig_zone_id(zone);
    return command;
}

static struct command block_of(uint64_t zone, uint32_t quantity, uint64_t key)
{
    struct command command = on_zone(COMMAND_BLOCK_CREATE, zone, key);
    command.zone_change.block = calloc(1, sizeof *command.zone_change.block);
    command.zone_change.block->zone_id = command.zone_change.zone_id;
    command.zone_change.block->quantity = quantity;
    return command;
}

static void assert_result(const struct answer *answer, enum result result)
{
    if (answer->result != result)
        fail_msg("%s: %s instead of %s", command_kind_name(answer->kind),
                 result_name(answer->result), result_name(result));
}

static struct answer ask_ok(struct command command)
{
    struct answer answer = sim_ask(sim, 0, command);
    assert_result(&answer, RESULT_OK);
    return answer;
}

static void settle_down(void)
{
    sim_turns(sim, 5);
}

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

/* --- repeats --- */

enum { STEPS_MAX = 16 };

struct step {
    struct command command;
    struct answer answer;
};

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

static void take(struct step *steps, uint32_t *count, struct command command)
{
    sim_pass(sim, 1000);
    assert_true(*count < STEPS_MAX);
    steps[(*count)++] = (struct step){command, ask_ok(command)};
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

/* The logs of one engine folded into another, perhaps of another number of shards. */
static struct sim *restart(struct sim *before, uint16_t shards)
{
    struct sim *after = malloc(sizeof *after);
    open_sale(after, shards, before->wall_ms, before->ns);
    after->seed = before->seed;
    for (uint16_t i = 0; i < before->group.shard_count; i++)
        for (uint64_t n = 0; n < before->logs[i].durable; n++)
            assert_int_equal(rig_restore(&after->rig, &before->logs[i].records[n]),
                             SHARD_REPLAY_OK);
    for (uint16_t i = 0; i < shards; i++)
        worker_start_clock(after->group.workers[i], before->wall_ms);
    return after;
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
        free_sim(sim);
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
    free_sim(fresh);
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
        free_sim(sim);
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
        free_sim(sim);
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
        free_sim(after);
    }
    assert_true(done[COMMAND_TRANSFER] > 50);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_transfer_everywhere),
        CASE(test_receiver_at_the_limit),
        CASE(test_transfer_of_what_is_not_ones_own),
        CASE(test_parts_and_refunds),
        CASE(test_zone_commands),
        CASE(test_repeats),
        CASE(test_a_key_ends),
        CASE(test_counts_are_those_of_the_logs),
        CASE(test_power_fails_between_the_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
