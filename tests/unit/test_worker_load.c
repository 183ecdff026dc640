#include "worker_case.h"

/* One worker under more than a turn can take. The log counts records, nothing else, so
 * that there may be many; a slow disk is one whose flush never ends. */

enum { WAVE = 16384 };

struct slow_log {
    uint64_t appended, submitted, durable;
    bool slow;
    enum record_kind last, before_last;
    uint64_t state_hash;
};

struct ear {
    uint32_t answered;
    uint64_t wait_ns; /* of the last turn */
    bool time_passes; /* a millisecond a turn */
};

static struct sim *sim;
static struct slow_log slow;
static struct ear ear;
static uint64_t user_next;

static uint64_t slow_append(void *context, const struct record *record)
{
    (void)context;
    slow.before_last = slow.last;
    slow.last = record->kind;
    if (record->kind == RECORD_STATE)
        slow.state_hash = record->state_hash;
    return ++slow.appended;
}

static void slow_flush(void *context)
{
    (void)context;
    if (slow.submitted == slow.durable)
        slow.submitted = slow.appended;
}

static uint64_t slow_durable(void *context)
{
    (void)context;
    return slow.durable;
}

static uint64_t slow_appended(void *context)
{
    (void)context;
    return slow.appended;
}

static enum journal_state slow_state(void *context)
{
    (void)context;
    return JOURNAL_OK;
}

static uint32_t ear_reap(void *context)
{
    (void)context;
    if (!slow.slow)
        slow.durable = slow.submitted;
    return 0;
}

static uint32_t ear_unfinished(void *context)
{
    (void)context;
    return 0;
}

static void ear_wait(void *context, uint64_t wait_ns)
{
    (void)context;
    ear.wait_ns = wait_ns;
    if (ear.time_passes)
        sim_pass(sim, 1);
}

static void ear_answer(void *context, struct answer *answer)
{
    (void)context;
    assert_int_equal(answer->result, RESULT_OK);
    ear.answered++;
}

static int setup(void **state)
{
    (void)state;
    sim = malloc(sizeof *sim);
    sim_open(sim, 1, 0);
    slow = (struct slow_log){.slow = false};
    ear = (struct ear){.answered = 0};
    user_next = 0;
    struct journal journal = {NULL,         slow_append,   slow_flush,
                              slow_durable, slow_appended, slow_state};
    struct transport transport = {.reap = ear_reap,
                                  .submit_and_wait = ear_wait,
                                  .answer = ear_answer,
                                  .ring_bell = sim_ring_bell,
                                  .drain = sim_drain,
                                  .unfinished = ear_unfinished};
    worker_attach(sim->group.workers[0], &journal, &transport);
    rig_event(&sim->rig, 0, 4);
    rig_zone(&sim->rig, 0, 0, CATALOG_ZONE_SEATS_MAX, 150000);
    return 0;
}

static void submit(const struct command *command)
{
    struct command *slot = worker_command(sim->group.workers[0]);
    assert_non_null(slot);
    *slot = *command;
    slot->received_ns = sim->ns;
    worker_submit(sim->group.workers[0]);
}

/* One ticket each for `count` new users. */
static void reserve_wave(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct command command = rig_reserve(user_next++, 0, 1, 0);
        submit(&command);
    }
    worker_turn(sim->group.workers[0], 1000000000);
    worker_turn(sim->group.workers[0], 1000000000);
}

/* With a slow disk, as many holds expired as may wait for it, and as many cancels at
 * once as a worker takes: each of those gives tickets back besides its answer, and there
 * is room for all. */
static void test_expiry_and_cancels_behind_a_slow_disk(void **state)
{
    (void)state;
    static struct inquiry inquiry;
    reserve_wave(WAVE - 2048);
    sim_pass(sim, 10000);
    uint64_t first = user_next;
    reserve_wave(WAVE);
    sim_pass(sim, RIG_TTL_MS - 10000);
    slow.slow = true;
    for (int turn = 0; turn < 7 * 2048 / 512; turn++)
        worker_turn(sim->group.workers[0], 1000000000);
    uint32_t answered = ear.answered;
    for (uint64_t user = first; user < user_next; user++) {
        inquiry = (struct inquiry){.kind = INQUIRY_USER, .id = rig_user_id(user)};
        shard_inquire(sim->rig.shards[0], &inquiry);
        struct command command =
            rig_end(COMMAND_CANCEL, user, &inquiry.user.bookings[0].booking_id, 0);
        submit(&command);
    }
    worker_turn(sim->group.workers[0], 1000000000);
    assert_int_equal(ear.answered, answered);
    slow.slow = false;
    for (int turn = 0; turn < 3; turn++)
        worker_turn(sim->group.workers[0], 1000000000);
    assert_int_equal(ear.answered, answered + WAVE);
    struct rig_counts counts = rig_counts(&sim->rig, 0);
    assert_int_equal(counts.available, CATALOG_ZONE_SEATS_MAX);
    rig_audit(&sim->rig);
}

/* While more is due than a turn takes the worker does not sleep; then it does. */
static void test_no_sleep_while_holds_are_due(void **state)
{
    (void)state;
    reserve_wave(WAVE);
    sim_pass(sim, RIG_TTL_MS);
    for (uint32_t due = WAVE; due > 64; due -= 64) {
        worker_turn(sim->group.workers[0], 1000000000);
        assert_int_equal(ear.wait_ns, 0);
    }
    worker_turn(sim->group.workers[0], 1000000000);
    worker_turn(sim->group.workers[0], 1000000000);
    assert_int_equal(ear.wait_ns, 1000000000);
    assert_int_equal(rig_counts(&sim->rig, 0).reserved, 0);
}

/* A stop does not wait for holds that lapse one after the other: they lapse as well at
 * the next start. */
static void test_stop_while_holds_lapse(void **state)
{
    (void)state;
    for (int ms = 0; ms < 2000; ms++) {
        reserve_wave(1);
        sim_pass(sim, 1);
    }
    sim_pass(sim, RIG_TTL_MS - 2000);
    ear.time_passes = true;
    for (int turn = 0; turn < 3; turn++)
        worker_turn(sim->group.workers[0], 1000000000);
    uint64_t begin_ms = sim->wall_ms;
    atomic_store(&sim->group.stop, WORKER_DRAIN);
    assert_int_equal(worker_run(sim->group.workers[0]), 0);
    assert_true(sim->wall_ms - begin_ms < 100);
    assert_int_equal(slow.last, RECORD_CLEAN_STOP);
    assert_int_equal(slow.before_last, RECORD_STATE);
    assert_int_equal(slow.state_hash, shard_state_hash(sim->rig.shards[0]));
    assert_int_equal(slow.durable, slow.appended);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_expiry_and_cancels_behind_a_slow_disk),
        CASE(test_no_sleep_while_holds_are_due),
        CASE(test_stop_while_holds_lapse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
