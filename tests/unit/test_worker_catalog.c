#include "worker_case.h"

/* Catalog changes between two workers. The organizer's home is shard 0. */

static int setup(void **state)
{
    (void)state;
    sim = malloc(sizeof *sim);
    sim_open(sim, 2, 0);
    return 0;
}

static struct command organize(enum command_kind kind)
{
    struct command command = rig_command(kind, number_on(0, rig_user_id), 0, 0);
    command.actor.role = ROLE_ORGANIZER;
    return command;
}

static struct command create_event(const char *slug)
{
    struct command command = organize(COMMAND_EVENT_CREATE);
    struct catalog_event draft = {
        .max_per_user = 4, .slug = {slug, (uint32_t)strlen(slug)}, .title = {"Evening", 7}};
    command.event = catalog_event_new(&draft);
    return command;
}

static struct command set_status(const struct uuid *event_id, enum event_status status)
{
    struct command command = organize(COMMAND_EVENT_STATUS);
    command.event_status.event_id = *event_id;
    command.event_status.status = status;
    return command;
}

static const struct catalog_event *seen(uint16_t worker, const char *slug)
{
    return catalog_event_by_slug(worker_catalog(sim->group.workers[worker]), slug, strlen(slug));
}

/* No worker shows what is not durable yet, the deciding one neither; and when the answer
 * leaves, all show it. */
static void test_shown_when_durable(void **state)
{
    (void)state;
    sim->logs[0].stuck = true;
    uint32_t number = sim_send(sim, 1, create_event("evening"));
    sim_turns(sim, 5);
    assert_int_equal(sim->logs[0].appended, 1);
    assert_null(seen(0, "evening"));
    assert_null(seen(1, "evening"));
    assert_null(sim_answer_to(sim, number));
    sim->logs[0].stuck = false;
    while (!sim_answer_to(sim, number))
        sim_turn(sim);
    assert_int_equal(sim_answer_to(sim, number)->result, RESULT_OK);
    assert_non_null(seen(0, "evening"));
    assert_non_null(seen(1, "evening"));
}

/* A station and then a route over it reach every worker; a code that is taken is refused
 * whoever asks. */
static void test_stations_reach_all(void **state)
{
    (void)state;
    struct uuid ids[2];
    static const char *const codes[] = {"DHA", "CTG", "DHA"};
    for (int i = 0; i < 3; i++) {
        struct command command = organize(COMMAND_STATION_CREATE);
        command.station = catalog_station_new(
            &(struct catalog_station){.code = {codes[i], 3}, .name = {"Name", 4}});
        struct answer answer = sim_ask(sim, i & 1, command);
        assert_int_equal(answer.result, i < 2 ? RESULT_OK : RESULT_CONFLICT);
        if (i < 2)
            ids[i] = answer.station->id;
    }
    struct command command = organize(COMMAND_ROUTE_CREATE);
    command.route = catalog_route_new(&(struct catalog_route){.stop_count = 2, .stations = ids});
    struct answer answer = sim_ask(sim, 1, command);
    assert_int_equal(answer.result, RESULT_OK);
    for (uint16_t w = 0; w < 2; w++) {
        const struct catalog *catalog = worker_catalog(sim->group.workers[w]);
        assert_non_null(catalog_station_by_code(catalog, "CTG", 3));
        assert_ptr_equal(catalog_route(catalog, &answer.route->id), answer.route);
    }
}

/* Nothing is sold on another shard by a publication that a crash could still undo. */
static void test_sold_when_published(void **state)
{
    (void)state;
    uint64_t zone = number_on(1, rig_zone_id), user = number_on(0, rig_user_id);
    rig_event(&sim->rig, 0, 4);
    rig_zone(&sim->rig, zone, 0, 6, 150000);
    struct uuid event_id = rig_event_id(0);
    struct command hide = set_status(&event_id, EVENT_DRAFT);
    hide.actor.role = ROLE_ADMIN;
    assert_int_equal(sim_ask(sim, 0, hide).result, RESULT_OK);
    sim->logs[0].stuck = true;
    struct command publish = set_status(&event_id, EVENT_PUBLISHED);
    publish.actor.role = ROLE_ADMIN;
    uint32_t published = sim_send(sim, 0, publish);
    sim_turns(sim, 3);
    sim_send(sim, 0, rig_reserve(user, zone, 1, 0));
    sim_turns(sim, 5);
    assert_null(sim_answer_to(sim, published));
    assert_int_equal(sim->logs[1].appended, 0);
}

/* Changes that come at once are decided one after the other, each on the last: of two
 * events with one name one is refused. All are answered and none is lost. */
static void test_changes_at_once(void **state)
{
    (void)state;
    static const char *const slugs[] = {"one", "two", "one", "three"};
    uint32_t first = sim->asked;
    for (size_t i = 0; i < 4; i++)
        sim_send(sim, i & 1, create_event(slugs[i]));
    sim_turns(sim, 40);
    uint32_t made = 0, refused = 0;
    for (uint32_t n = first; n < sim->asked; n++) {
        assert_non_null(sim_answer_to(sim, n));
        made += sim_answer_to(sim, n)->result == RESULT_OK;
        refused += sim_answer_to(sim, n)->result == RESULT_CONFLICT;
    }
    assert_int_equal(made, 3);
    assert_int_equal(refused, 1);
    assert_int_equal(sim->logs[0].appended, 3);
}

/* When the log fails under a change, whoever asked for it hears that its fate is open. */
static void test_failed_change(void **state)
{
    (void)state;
    sim->logs[0].stuck = true;
    uint32_t number = sim_send(sim, 0, create_event("evening"));
    sim_turns(sim, 3);
    sim->logs[0].state = JOURNAL_FAILED;
    assert_int_equal(worker_run(sim->group.workers[0]), 74);
    assert_int_equal(sim_answer_to(sim, number)->result, RESULT_INDETERMINATE);
    assert_int_equal(sim_answer_to(sim, number)->position_sequence, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_stations_reach_all),  CASE(test_shown_when_durable),
        CASE(test_sold_when_published), CASE(test_changes_at_once),
        CASE(test_failed_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
