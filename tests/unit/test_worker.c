#include "worker_case.h"

/* Two workers. Alice's home is shard 0, Bob's shard 1; zone `near` lives on shard 0, zone
 * `far` on shard 1, both of event 0 (limit 4) with 6 seats. */
static struct sim *sim;
static uint64_t alice, bob, near, far;

static void open_sale(uint16_t shard_count, uint32_t reserve_per_minute)
{
    sim = malloc(sizeof *sim);
    sim_open(sim, shard_count, reserve_per_minute);
    alice = number_on(0, rig_user_id);
    near = number_on(0, rig_zone_id);
    bob = shard_count > 1 ? number_on(1, rig_user_id) : alice + 1;
    far = shard_count > 1 ? number_on(1, rig_zone_id) : near + 1;
    rig_event(&sim->rig, 0, 4);
    rig_zone(&sim->rig, near, 0, 6, 150000);
    rig_zone(&sim->rig, far, 0, 6, 150000);
}

static int setup(void **state)
{
    (void)state;
    open_sale(2, 0);
    return 0;
}

static struct answer reserve(uint64_t user, uint64_t zone, uint32_t quantity)
{
    return sim_ask(sim, 0, rig_reserve(user, zone, quantity, 0));
}

/* Every way a reserve can go: connection, home and zone on the same shard or not. */
static void test_all_routes(void **state)
{
    (void)state;
    for (uint16_t connection = 0; connection < 2; connection++) {
        for (int route = 0; route < 4; route++) {
            uint64_t user = route & 1 ? alice : bob, zone = route & 2 ? near : far;
            struct answer answer = sim_ask(sim, connection, rig_reserve(user, zone, 1, 0));
            assert_int_equal(answer.result, RESULT_OK);
            assert_int_equal(answer.to.worker, connection);
            assert_int_equal(answer.position_shard, zone == near ? 0 : 1);
            assert_int_equal(answer.position_sequence, sim->logs[answer.position_shard].appended);
            answer = sim_ask(sim, connection,
                             rig_end(COMMAND_CONFIRM, user, &answer.booking.booking_id, 0));
            assert_int_equal(answer.result, RESULT_OK);
        }
    }
    assert_int_equal(rig_counts(&sim->rig, near).sold, 4);
    assert_int_equal(rig_counts(&sim->rig, far).sold, 4);
}

/* I9, I10: while the zone's log is not durable, nothing that rests on it leaves: neither
 * the reserve's answer, nor a refusal, nor a read. */
static void test_nothing_leaves_before_it_is_durable(void **state)
{
    (void)state;
    reserve(alice, far, 4);
    sim->logs[1].stuck = true;
    uint32_t taken = sim_send(sim, 0, rig_reserve(bob, far, 2, 0));
    sim_turns(sim, 5);
    struct uuid booking_id = sim->logs[1].records[1].reserved.booking_id;
    uint32_t refused = sim_send(sim, 0, rig_reserve(bob, far, 1, 0));
    struct command get = rig_end(COMMAND_BOOKING_GET, bob, &booking_id, 0);
    uint32_t read = sim_send(sim, 1, get);
    struct command list = rig_command(COMMAND_BOOKING_LIST, bob, 0, 0);
    list.list.page = list.list.per_page = 1;
    uint32_t listed = sim_send(sim, 0, list);
    uint32_t elsewhere = sim_send(sim, 0, rig_reserve(bob, near, 1, 0));
    sim_turns(sim, 20);
    assert_null(sim_answer_to(sim, taken));
    assert_null(sim_answer_to(sim, refused));
    assert_null(sim_answer_to(sim, read));
    assert_null(sim_answer_to(sim, listed));
    assert_int_equal(sim_answer_to(sim, elsewhere)->result, RESULT_OK); /* the other log is well */

    sim->logs[1].stuck = false;
    sim_turns(sim, 10);
    assert_int_equal(sim_answer_to(sim, taken)->result, RESULT_OK);
    assert_int_equal(sim_answer_to(sim, refused)->result, RESULT_INSUFFICIENT_STOCK);
    assert_int_equal(sim_answer_to(sim, read)->result, RESULT_OK);
    assert_int_equal(sim_answer_to(sim, listed)->result, RESULT_OK);
}

/* The counts that GET shows change with the durable log, not before, and are there when
 * the answer is. */
static void test_counts_are_published_when_durable(void **state)
{
    (void)state;
    struct uuid id = rig_zone_id(far);
    const struct catalog_zone *zone = catalog_zone(worker_catalog(sim->group.workers[0]), &id);
    uint32_t before = atomic_load(&zone->counters->reserved);
    sim->logs[1].stuck = true;
    uint32_t number = sim_send(sim, 0, rig_reserve(alice, far, 2, 0));
    sim_turns(sim, 10);
    assert_int_equal(atomic_load(&zone->counters->reserved), before);
    sim->logs[1].stuck = false;
    while (!sim_answer_to(sim, number))
        sim_turn(sim);
    assert_int_equal(atomic_load(&zone->counters->reserved), 2);
    assert_int_equal(atomic_load(&zone->counters->available), 4);
}

/* I4 over a crash: tickets that a cancel gives back can be reserved on another shard only
 * once the cancel is durable. Else a crash that loses the cancel leaves both. */
static void test_limit_follows_the_durable_log(void **state)
{
    (void)state;
    struct uuid booking_id = reserve(alice, near, 4).booking.booking_id;
    sim->logs[0].stuck = true;
    sim_send(sim, 0, rig_end(COMMAND_CANCEL, alice, &booking_id, 0));
    sim_turns(sim, 3);
    sim_send(sim, 0, rig_reserve(alice, far, 4, 0));
    sim_turns(sim, 10);
    /* Here the power fails: of log 0 only what is durable is left. */
    uint32_t tickets = 0;
    for (int shard = 0; shard < 2; shard++) {
        for (uint64_t n = 0; n < sim->logs[shard].durable; n++) {
            const struct record *record = &sim->logs[shard].records[n];
            tickets += record->kind == RECORD_RESERVED ? record->reserved.quantity : 0;
            tickets -= record->kind == RECORD_CANCELLED ? record->settled.quantity : 0;
        }
    }
    assert_in_range(tickets, 0, 4);

    sim->logs[0].stuck = false;
    sim_turns(sim, 10);
    assert_int_equal(reserve(alice, far, 4).result, RESULT_OK); /* it can now */
}

/* The same for tickets that expire: home hears of it when it is durable. */
static void test_expired_tickets_follow_the_durable_log(void **state)
{
    (void)state;
    reserve(alice, near, 4);
    sim->logs[0].stuck = true;
    sim_pass(sim, RIG_TTL_MS);
    sim_turns(sim, 3);
    assert_int_equal(sim->logs[0].records[1].kind, RECORD_EXPIRED);
    sim_send(sim, 0, rig_reserve(alice, far, 4, 0));
    sim_turns(sim, 10);
    assert_int_equal(sim->logs[1].appended, 0);
    sim->logs[0].stuck = false;
    sim_turns(sim, 10);
    assert_int_equal(reserve(alice, far, 4).result, RESULT_OK);
}

/* A reserve that waits for another's outcome is counted by the rate limit once, however
 * often it is looked at again. */
static void test_waiting_is_not_counted_again(void **state)
{
    (void)state;
    open_sale(2, 60); /* one a second, three at once */
    sim->logs[1].stuck = true;
    sim_send(sim, 0, rig_reserve(alice, far, 4, 0));
    sim_turns(sim, 2);
    uint32_t waiting = sim_send(sim, 0, rig_reserve(alice, far, 1, 0));
    sim_turns(sim, 20);
    assert_null(sim_answer_to(sim, waiting));
    sim->logs[1].stuck = false;
    sim_turns(sim, 10);
    assert_int_equal(sim_answer_to(sim, waiting)->result, RESULT_MAX_PER_USER_EXCEEDED);
    assert_int_equal(reserve(alice, far, 1).result, RESULT_MAX_PER_USER_EXCEEDED);
    assert_int_equal(reserve(alice, far, 1).result, RESULT_RATE_LIMITED);
}

/* When an organizer's change is answered, it is durable and every worker has it. */
static void test_catalog_change_is_everywhere(void **state)
{
    (void)state;
    for (uint16_t connection = 0; connection < 2; connection++) {
        struct catalog_zone *draft = calloc(1, sizeof *draft);
        *draft =
            (struct catalog_zone){.show_id = rig_id(2, 0), .total_seats = 3, .currency = "THB"};
        struct command command = rig_command(COMMAND_ZONE_CREATE, alice, 900 + connection, 1);
        command.actor.role = ROLE_ADMIN;
        command.zone = draft;
        sim->logs[0].stuck = true;
        uint32_t number = sim_send(sim, connection, command);
        sim_turns(sim, 10);
        assert_null(sim_answer_to(sim, number));
        sim->logs[0].stuck = false;
        while (!sim_answer_to(sim, number))
            sim_turn(sim);
        const struct answer *answer = sim_answer_to(sim, number);
        assert_int_equal(answer->result, RESULT_OK);
        for (uint16_t worker = 0; worker < 2; worker++)
            assert_non_null(
                catalog_zone(worker_catalog(sim->group.workers[worker]), &answer->zone->id));
        const struct zone_counters *counters = answer->zone->counters;
        command.zone = calloc(1, sizeof *draft); /* the same key again: the same zone */
        struct answer again = sim_ask(sim, 1, command);
        assert_true(again.replayed);
        assert_ptr_equal(again.zone->counters, counters);
    }
    assert_int_equal(sim->logs[0].appended, 2);
}

/* Lists and summaries gather from every shard, newest first, cut to the page. */
static void test_lists_gather(void **state)
{
    (void)state;
    for (int n = 0; n < 4; n++) {
        assert_int_equal(reserve(alice, n % 2 ? near : far, 1).result, RESULT_OK);
        sim_pass(sim, 10);
    }
    struct command command = rig_command(COMMAND_BOOKING_LIST, alice, 0, 0);
    command.list.page = 2;
    command.list.per_page = 3;
    struct answer answer = sim_ask(sim, 1, command);
    assert_int_equal(answer.result, RESULT_OK);
    assert_int_equal(answer.list->total, 4);
    assert_int_equal(answer.list->count, 1);
    assert_int_equal(answer.list->items[0].facts.created_ms, RIG_START_MS);
    command.list.page = 1;
    answer = sim_ask(sim, 0, command);
    assert_int_equal(answer.list->count, 3);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(answer.list->items[i].facts.created_ms, RIG_START_MS + 30 - 10 * i);

    command = rig_command(COMMAND_BOOKING_SUMMARY, alice, 0, 0);
    command.list.event_id = rig_event_id(0);
    answer = sim_ask(sim, 1, command);
    assert_int_equal(answer.summary.reserved, 4);
    assert_int_equal(answer.summary.bookings, 4);
    assert_int_equal(answer.summary.limit, 4);
}

/* A burst over a mailbox's slots is refused as overload, never lost: every command is
 * answered, and who was refused has nothing held against the limit or the key. */
static void test_full_mailbox(void **state)
{
    enum { USERS = 400 };
    (void)state;
    uint32_t first = sim->asked, refused = 0, taken = 0;
    for (uint64_t n = 0; n < USERS; n++)
        sim_send(sim, 0, rig_reserve(1000 + n, far, 1, 50));
    sim_turns(sim, 30);
    for (uint32_t n = first; n < first + USERS; n++) {
        const struct answer *answer = sim_answer_to(sim, n);
        assert_non_null(answer);
        refused += answer->result == RESULT_OVERLOADED;
        taken += answer->result == RESULT_OK;
        if (answer->result != RESULT_OVERLOADED)
            continue;
        struct answer again = sim_ask(sim, 1, rig_reserve(1000 + n - first, far, 1, 50));
        assert_false(again.replayed);
        assert_int_equal(again.result, RESULT_INSUFFICIENT_STOCK);
        again = sim_ask(sim, 1, rig_reserve(1000 + n - first, near, 4, 51));
        assert_true(again.result == RESULT_OK || again.result == RESULT_INSUFFICIENT_STOCK);
    }
    assert_int_equal(taken, 6);
    assert_true(refused > 0);
    rig_audit(&sim->rig);
}

/* The same key many times at once, over both workers' connections: one effect; each other
 * one hears that it is under way, or the same answer. */
static void test_one_key_at_once(void **state)
{
    enum { TIMES = 200 };
    (void)state;
    uint32_t first = sim->asked, in_progress = 0, replayed = 0, fresh = 0;
    for (uint16_t n = 0; n < TIMES; n++) {
        sim_send(sim, n % 2, rig_reserve(alice, far, 2, 77));
        if (n % 7 == 0)
            sim_turn(sim);
    }
    sim_turns(sim, 20);
    struct uuid booking_id = sim->logs[1].records[0].reserved.booking_id;
    for (uint32_t n = first; n < sim->asked; n++) {
        const struct answer *answer = sim_answer_to(sim, n);
        assert_non_null(answer);
        if (answer->result == RESULT_IDEMPOTENCY_IN_PROGRESS) {
            in_progress++;
            continue;
        }
        assert_int_equal(answer->result, RESULT_OK);
        assert_true(uuid_equal(&answer->booking.booking_id, &booking_id));
        assert_int_equal(answer->booking.remaining, 4);
        replayed += answer->replayed;
        fresh += !answer->replayed;
    }
    assert_int_equal(fresh, 1);
    assert_true(replayed > 0 && in_progress > 0);
    assert_int_equal(sim->logs[0].appended + sim->logs[1].appended, 1);
}

/* A batch that is full makes commands wait, not fail; all are decided in the end. */
static void test_full_batch_makes_wait(void **state)
{
    (void)state;
    sim->logs[0].room = 2;
    uint32_t first = sim->asked;
    for (uint64_t user = 10; user < 16; user++)
        sim_send(sim, 0, rig_reserve(user, near, 1, 0));
    sim_turns(sim, 30);
    for (uint32_t n = first; n < sim->asked; n++)
        assert_int_equal(sim_answer_to(sim, n)->result, RESULT_OK);
    assert_int_equal(sim->logs[0].appended, 6);
}

/* What waits longer than a second is refused as overload, and took nothing. */
static void test_waiting_has_a_bound(void **state)
{
    (void)state;
    open_sale(1, 0);
    sim->logs[0].room = 1;
    sim->logs[0].stuck = true;
    uint32_t first = sim_send(sim, 0, rig_reserve(10, near, 1, 0));
    uint32_t second = sim_send(sim, 0, rig_reserve(11, near, 1, 0));
    uint32_t third = sim_send(sim, 0, rig_reserve(12, near, 1, 0));
    sim_turns(sim, 5);
    sim_pass(sim, 1500);
    sim_turns(sim, 5);
    sim->logs[0].stuck = false;
    sim_turns(sim, 5);
    assert_int_equal(sim_answer_to(sim, first)->result, RESULT_OK);
    assert_int_equal(sim_answer_to(sim, second)->result, RESULT_OK);
    assert_int_equal(sim_answer_to(sim, third)->result, RESULT_OVERLOADED);
    assert_int_equal(rig_counts(&sim->rig, near).reserved, 2);
    assert_int_equal(reserve(12, near, 4).result, RESULT_OK); /* nothing counted for user 12 */
}

/* A command from a worker whose turn began later than ours is not old: it may wait. */
static void test_a_later_clock_is_not_age(void **state)
{
    (void)state;
    sim->logs[1].stuck = true;
    sim_send(sim, 0, rig_reserve(alice, far, 4, 0));
    sim_turns(sim, 2);
    uint32_t waiting = sim_send(sim, 1, rig_reserve(alice, far, 1, 0));
    sim->ns += 5000;
    worker_turn(sim->group.workers[1], 0);
    sim->ns -= 5000;
    worker_turn(sim->group.workers[0], 0);
    sim_turns(sim, 3);
    assert_null(sim_answer_to(sim, waiting));
    sim->logs[1].stuck = false;
    sim_turns(sim, 10);
    assert_int_equal(sim_answer_to(sim, waiting)->result, RESULT_MAX_PER_USER_EXCEEDED);
}

/* DK8: with little room left reserves are refused and what ends reservations goes on;
 * with none, every write is refused; reads always go on. */
static void test_storage_low_and_full(void **state)
{
    (void)state;
    struct uuid first = reserve(alice, near, 1).booking.booking_id;
    struct uuid second = reserve(alice, near, 1).booking.booking_id;
    sim->logs[0].state = JOURNAL_STORAGE_LOW;
    assert_int_equal(reserve(bob, near, 1).result, RESULT_STORAGE_LOW);
    assert_int_equal(reserve(bob, far, 1).result, RESULT_OK);
    assert_int_equal(sim_ask(sim, 0, rig_end(COMMAND_CONFIRM, alice, &first, 0)).result, RESULT_OK);
    sim->logs[0].state = JOURNAL_FULL;
    assert_int_equal(sim_ask(sim, 0, rig_end(COMMAND_CONFIRM, alice, &second, 0)).result,
                     RESULT_STORAGE_LOW);
    struct answer read = sim_ask(sim, 0, rig_end(COMMAND_BOOKING_GET, alice, &first, 0));
    assert_int_equal(read.booking.status, BOOKING_CONFIRMED);
    sim->logs[0].state = JOURNAL_OK;
    assert_int_equal(sim_ask(sim, 0, rig_end(COMMAND_CONFIRM, alice, &second, 0)).result,
                     RESULT_OK);
}

/* I31: when the log fails, what is durable is answered as it was decided, and what is not
 * as indeterminate, resting on no more than what is durable. The worker ends with 74. */
static void test_failed_log(void **state)
{
    (void)state;
    open_sale(1, 0);
    struct sim_log *log = &sim->logs[0];
    log->stuck = true;
    uint32_t first = sim_send(sim, 0, rig_reserve(10, near, 1, 0));
    sim_turn(sim);
    uint32_t second = sim_send(sim, 0, rig_reserve(11, near, 1, 0));
    uint32_t refused = sim_send(sim, 0, rig_reserve(12, near, 7, 0));
    sim_turn(sim);
    log->durable = 1;
    log->state = JOURNAL_FAILED;
    assert_int_equal(worker_run(sim->group.workers[0]), 74);
    assert_int_equal(sim_answer_to(sim, first)->result, RESULT_OK);
    assert_int_equal(sim_answer_to(sim, second)->result, RESULT_INDETERMINATE);
    assert_int_equal(sim_answer_to(sim, refused)->result, RESULT_INDETERMINATE);
    for (uint32_t i = 0; i < sim->answer_count; i++)
        assert_true(sim->answers[i].position_sequence <= log->durable);
    assert_int_equal(atomic_load(&sim->group.stop), WORKER_STOP_NOW);
}

/* CK2, CK1: when the wall clock jumps, log time goes on by the monotonic clock: no hold
 * ends early and none lives longer. */
static void test_clock_jumps(void **state)
{
    (void)state;
    const int64_t jumps[] = {3600000, -3600000, 86400000};
    for (size_t i = 0; i < sizeof jumps / sizeof jumps[0]; i++) {
        struct uuid booking_id = reserve(alice, near, 1).booking.booking_id;
        sim->wall_ms = (uint64_t)((int64_t)sim->wall_ms + jumps[i]);
        sim_turns(sim, 3);
        sim_pass(sim, RIG_TTL_MS - 10);
        struct command get = rig_end(COMMAND_BOOKING_GET, alice, &booking_id, 0);
        assert_int_equal(sim_ask(sim, 0, get).booking.status, BOOKING_RESERVED);
        sim_pass(sim, 20);
        assert_int_equal(sim_ask(sim, 0, get).booking.status, BOOKING_EXPIRED);
    }
    for (uint64_t n = 1; n < sim->logs[0].appended; n++)
        assert_true(sim->logs[0].records[n].stamp_ms >= sim->logs[0].records[n - 1].stamp_ms);
}

/* PR5: after a long pause the first command finds every lapsed hold expired. */
static void test_pause_past_expiry(void **state)
{
    (void)state;
    struct uuid booking_id = reserve(alice, near, 4).booking.booking_id;
    assert_int_equal(reserve(bob, near, 2).result, RESULT_OK);
    sim_pass(sim, 15 * 60000);
    uint32_t confirm = sim_send(sim, 0, rig_end(COMMAND_CONFIRM, alice, &booking_id, 0));
    uint32_t other = sim_send(sim, 0, rig_reserve(number_on(0, rig_user_id) + 9, near, 4, 0));
    sim_turns(sim, 5);
    assert_int_equal(sim_answer_to(sim, confirm)->result, RESULT_RESERVATION_EXPIRED);
    assert_int_equal(sim_answer_to(sim, other)->result, RESULT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_all_routes),
        CASE(test_nothing_leaves_before_it_is_durable),
        CASE(test_counts_are_published_when_durable),
        CASE(test_limit_follows_the_durable_log),
        CASE(test_expired_tickets_follow_the_durable_log),
        cmocka_unit_test_teardown(test_waiting_is_not_counted_again, teardown),
        CASE(test_catalog_change_is_everywhere),
        CASE(test_lists_gather),
        CASE(test_full_mailbox),
        CASE(test_one_key_at_once),
        CASE(test_full_batch_makes_wait),
        cmocka_unit_test_teardown(test_waiting_has_a_bound, teardown),
        CASE(test_a_later_clock_is_not_age),
        CASE(test_storage_low_and_full),
        cmocka_unit_test_teardown(test_failed_log, teardown),
        CASE(test_clock_jumps),
        CASE(test_pause_past_expiry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
