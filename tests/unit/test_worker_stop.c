/* How a worker ends: at once, or when all that was begun is answered and its log says so;
 * and what it leaves behind when it is freed in the middle of everything. */
#include "worker_case.h"

/* What happens while the worker waits: a millisecond passes, a flush ends unless stuck. */
static struct waiting {
    uint32_t times;
    uint32_t unfinished; /* connections that never end */
    uint32_t fail_at, drained_at, room_at;
} waiting;

static void wait(void *context, uint64_t wait_ns)
{
    struct sim_log *log = &sim->logs[0];
    (void)context;
    (void)wait_ns;
    sim_pass(sim, 1);
    waiting.times++;
    if (waiting.times == waiting.fail_at)
        log->state = JOURNAL_FAILED;
    if (waiting.times == waiting.drained_at)
        atomic_fetch_add(&sim->group.drained, 1);
    if (waiting.times == waiting.room_at)
        log->room = 1000;
    if (!log->stuck && log->state != JOURNAL_FAILED)
        log->durable = log->submitted;
}

static uint32_t unfinished(void *context)
{
    return waiting.unfinished + ((struct sim_net *)context)->waiting;
}

static void open_house(uint16_t shards)
{
    sim = malloc(sizeof *sim);
    sim_open(sim, shards, 0);
    rig_event(&sim->rig, 0, 100);
    rig_zone(&sim->rig, 0, 0, 50, 100);
    waiting = (struct waiting){0};
    const struct journal journal = {&sim->logs[0], sim_append,   sim_flush,
                                    sim_durable,   sim_appended, sim_state};
    const struct transport transport = {.context = &sim->nets[0],
                                        .reap = sim_reap,
                                        .submit_and_wait = wait,
                                        .answer = sim_answer,
                                        .ring_bell = sim_ring_bell,
                                        .drain = sim_drain,
                                        .unfinished = unfinished};
    worker_attach(sim->group.workers[0], &journal, &transport);
}

static int setup(void **state)
{
    (void)state;
    open_house(1);
    return 0;
}

static int run(enum worker_stop stop)
{
    atomic_store(&sim->group.stop, stop);
    return worker_run(sim->group.workers[0]);
}

static uint32_t records_of(enum record_kind kind)
{
    uint32_t count = 0;
    for (uint64_t n = 0; n < sim->logs[0].appended; n++)
        count += sim->logs[0].records[n].kind == kind;
    return count;
}

/* --- stopping --- */

/* A stop at once writes nothing more and answers nobody. */
static void test_at_once(void **state)
{
    uint32_t number = sim_send(sim, 0, rig_reserve(1, 0, 1, 0));
    (void)state;
    assert_int_equal(run(WORKER_STOP_NOW), 0);
    assert_int_equal(sim->logs[0].appended, 0);
    assert_null(sim_answer_to(sim, number));
}

/* A drain answers what was begun; then the log's last words are the state and that nothing
 * was under way, and they are durable. */
static void test_drained(void **state)
{
    uint32_t number = sim_send(sim, 0, rig_reserve(1, 0, 1, 0));
    (void)state;
    assert_int_equal(run(WORKER_DRAIN), 0);
    const struct sim_log *log = &sim->logs[0];
    assert_int_equal(sim_answer_to(sim, number)->result, RESULT_OK);
    assert_int_equal(log->appended, 3);
    assert_int_equal(log->records[1].kind, RECORD_STATE);
    assert_int_equal(log->records[1].state_hash, shard_zone_hash(sim->rig.shards[0]));
    assert_int_equal(log->records[2].kind, RECORD_CLEAN_STOP);
    assert_int_equal(log->durable, 3);
}

/* A connection that never ends holds a stop up for the time of the settings and no longer;
 * the log then does not say that nothing was under way. */
static void test_drain_has_a_deadline(void **state)
{
    uint64_t begin_ms = sim->wall_ms;
    (void)state;
    waiting.unfinished = 1;
    assert_int_equal(run(WORKER_DRAIN), 0);
    assert_in_range(sim->wall_ms - begin_ms, sim->config.server.drain_timeout_ms,
                    sim->config.server.drain_timeout_ms + 10);
    assert_int_equal(records_of(RECORD_CLEAN_STOP), 0);
}

/* A flush that never ends is an answer that is never given: it holds a stop up alike. */
static void test_drain_waits_for_the_log(void **state)
{
    uint64_t begin_ms = sim->wall_ms;
    (void)state;
    sim->logs[0].stuck = true;
    uint32_t number = sim_send(sim, 0, rig_reserve(1, 0, 1, 0));
    assert_int_equal(run(WORKER_DRAIN), 0);
    assert_true(sim->wall_ms - begin_ms >= sim->config.server.drain_timeout_ms);
    assert_null(sim_answer_to(sim, number));
    assert_int_equal(records_of(RECORD_CLEAN_STOP), 0);
}

/* Who has finished goes on serving the others until they have: what they still do may
 * need it. */
static void test_drain_waits_for_the_others(void **state)
{
    (void)state;
    sim_free(sim);
    open_house(2);
    waiting.drained_at = 20;
    assert_int_equal(run(WORKER_DRAIN), 0);
    assert_true(waiting.times >= 20);
    assert_int_equal(atomic_load(&sim->group.drained), 2);
    assert_int_equal(records_of(RECORD_CLEAN_STOP), 1);
}

/* The last words wait a second for their flush, not for ever, and not at all for a log
 * that has failed or has no room for them. */
static void test_last_words(void **state)
{
    uint64_t begin_ms = sim->wall_ms;
    (void)state;
    sim->logs[0].stuck = true;
    assert_int_equal(run(WORKER_DRAIN), 0);
    assert_in_range(sim->wall_ms - begin_ms, 1000, 1010);
    assert_int_equal(records_of(RECORD_CLEAN_STOP), 1);
    assert_int_equal(sim->logs[0].durable, 0);
    sim_free(sim);

    open_house(1);
    begin_ms = sim->wall_ms;
    sim->logs[0].stuck = true;
    waiting.fail_at = 10;
    run(WORKER_DRAIN);
    assert_in_range(sim->wall_ms - begin_ms, 9, 20);
    sim_free(sim);

    open_house(1);
    begin_ms = sim->wall_ms;
    sim->logs[0].room = 0;
    assert_int_equal(run(WORKER_DRAIN), 0);
    assert_int_equal(sim->wall_ms, begin_ms);
    assert_int_equal(sim->logs[0].appended, 0);
}

/* --- the state, when asked --- */

/* Asked for the state a worker logs it once; where there is no room, when there is. */
static void test_state_is_told_once(void **state)
{
    (void)state;
    sim->logs[0].room = 0;
    waiting.room_at = 5;
    atomic_store(&sim->group.states_asked, 1);
    waiting.unfinished = 1; /* some thousand turns */
    run(WORKER_DRAIN);
    assert_int_equal(records_of(RECORD_STATE), 1);
}

/* --- a log that fails --- */

/* Whatever waits for a log that fails is let go: answers on their way to another worker,
 * tickets on their way home. */
static void test_failed_with_messages_for_others(void **state)
{
    uint32_t numbers[40];
    (void)state;
    sim_free(sim);
    open_house(2);
    for (uint64_t zone = 1; zone < 8; zone++)
        rig_zone(&sim->rig, zone, 0, 50, 100);
    struct uuid bookings[40];
    for (uint64_t user = 0; user < 40; user++) {
        struct answer made = sim_ask(sim, 1, rig_reserve(user, user % 8, 1, 0));
        assert_int_equal(made.result, RESULT_OK);
        bookings[user] = made.booking.booking_id;
    }
    sim->logs[0].stuck = sim->logs[1].stuck = true;
    for (uint64_t user = 0; user < 40; user++)
        numbers[user] = sim_send(sim, user % 2, rig_end(COMMAND_CANCEL, user, &bookings[user], 0));
    sim_turns(sim, 4);
    sim->logs[0].state = JOURNAL_FAILED;
    assert_int_equal(run(WORKER_RUN), 74);
    for (uint64_t user = 0; user < 40; user++)
        if (sim_answer_to(sim, numbers[user]))
            assert_int_equal(sim_answer_to(sim, numbers[user])->result, RESULT_INDETERMINATE);
    assert_int_equal(atomic_load(&sim->group.stop), WORKER_STOP_NOW);
}

/* --- freed in the middle --- */

static struct command create(enum command_kind kind)
{
    struct command command = rig_command(kind, 9, 0, 0);
    command.actor.role = ROLE_ADMIN;
    return command;
}

static struct command change_of(enum command_kind kind)
{
    static struct uuid way[2];
    struct command command = create(kind);
    const struct catalog_event event = {.slug = {"new", 3}, .title = {"New", 3}};
    const struct catalog_show show = {.event_id = rig_event_id(0), .segment_count = 1};
    const struct catalog_zone zone = {
        .show_id = rig_id(2, 0), .total_seats = 5, .currency = "THB", .segment_count = 1};
    const struct catalog_station station = {.code = {"N", 1}};
    const struct catalog_route route = {.stop_count = 2, .stations = way};

    for (uint32_t i = 0; i < 2; i++)
        way[i] = rig_id(9, i);
    if (kind == COMMAND_EVENT_CREATE)
        command.event = catalog_event_new(&event);
    else if (kind == COMMAND_SHOW_CREATE)
        command.show = catalog_show_new(&show);
    else if (kind == COMMAND_ZONE_CREATE)
        command.zone = memcpy(malloc(sizeof zone), &zone, sizeof zone); /* no counters */
    else if (kind == COMMAND_STATION_CREATE)
        command.station = catalog_station_new(&station);
    else
        command.route = catalog_route_new(&route);
    return command;
}

static void put_stations(void)
{
    static const char *const codes[] = {"A", "B"};
    for (uint32_t i = 0; i < 2; i++) {
        const struct catalog_station draft = {.id = rig_id(9, i), .code = {codes[i], 1}};
        assert_true(shard_put_station(sim->rig.shards[0], catalog_station_new(&draft)));
    }
}

/* A change of the catalog of each kind whose record never becomes durable, another behind
 * it that waits, an order and a list: a worker freed then gives all of it back. (The leak
 * check of the address sanitizer is the judge.) */
static void test_freed_in_the_middle(void **state)
{
    static const enum command_kind kinds[] = {COMMAND_EVENT_CREATE, COMMAND_SHOW_CREATE,
                                              COMMAND_ZONE_CREATE, COMMAND_STATION_CREATE,
                                              COMMAND_ROUTE_CREATE};
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        sim_free(sim);
        open_house(1);
        put_stations();
        sim->logs[0].stuck = true;
        sim_send(sim, 0, change_of(kinds[i]));
        sim_send(sim, 0, change_of(kinds[i]));
        struct command order = rig_command(COMMAND_ORDER_CREATE, 1, 0, 0);
        order.order_draft = calloc(1, sizeof *order.order_draft);
        order.order_draft->count = 1;
        order.order_draft->items[0].reserve.zone_id = rig_zone_id(0);
        order.order_draft->items[0].reserve.quantity = 1;
        sim_send(sim, 0, order);
        struct command list = rig_command(COMMAND_BOOKING_LIST, 1, 0, 0);
        list.list.page = list.list.per_page = 1;
        sim_send(sim, 0, list);
        sim_turns(sim, 3);
        assert_int_equal(sim->answer_count, 0);
        assert_int_equal(sim->logs[0].appended, 2);
    }
}

/* --- time --- */

/* Log time goes on from the newest record of the log, never back to the wall's. */
static void test_clock_of_the_log(void **state)
{
    const struct worker *worker = sim->group.workers[0];
    (void)state;
    worker_start_clock(sim->group.workers[0], RIG_START_MS + 3000);
    assert_int_equal(worker_now_ms(worker), RIG_START_MS + 3000);
    worker_start_clock(sim->group.workers[0], RIG_START_MS + 1000);
    assert_int_equal(worker_now_ms(worker), RIG_START_MS + 3000);
    sim_pass(sim, 100);
    sim_turn(sim);
    assert_true(worker_now_ms(worker) >= RIG_START_MS + 3000);
    sim_pass(sim, 3000);
    uint64_t wall_ms = sim->wall_ms;
    sim_turn(sim);
    assert_int_equal(worker_now_ms(worker), wall_ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_at_once),
        CASE(test_drained),
        CASE(test_drain_has_a_deadline),
        CASE(test_drain_waits_for_the_log),
        CASE(test_drain_waits_for_the_others),
        CASE(test_last_words),
        CASE(test_state_is_told_once),
        CASE(test_failed_with_messages_for_others),
        CASE(test_freed_in_the_middle),
        CASE(test_clock_of_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
