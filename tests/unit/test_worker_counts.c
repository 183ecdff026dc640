#include "worker_case.h"

#include "../../engine/seat_map.h"

/* What workers publish of their zones, and when: a trip's table of free places. */

enum { SEGMENTS = 3, PLACES = 10 };

static void trip(struct rig *rig)
{
    struct catalog_stop stops[SEGMENTS + 1];
    for (uint64_t i = 0; i <= SEGMENTS; i++)
        stops[i] = (struct catalog_stop){rig_id(9, i), RIG_START_MS + i * 3600000,
                                         RIG_START_MS + i * 3600000};
    struct catalog_show show_draft = {.id = rig_id(2, 50),
                                      .event_id = rig_event_id(0),
                                      .segment_count = SEGMENTS,
                                      .stop_count = SEGMENTS + 1,
                                      .stops = stops,
                                      .name = {"Night mail", 10}};
    struct catalog_show *show = catalog_show_new(&show_draft);
    struct catalog_zone zone_draft = {.id = rig_zone_id(0),
                                      .show_id = rig_id(2, 50),
                                      .event_id = rig_event_id(0),
                                      .price_minor = 100,
                                      .currency = "THB",
                                      .total_seats = PLACES,
                                      .segment_count = SEGMENTS,
                                      .name = {"Third", 5}};
    struct catalog_zone *zone = catalog_zone_new(&zone_draft);
    assert_non_null(zone);
    for (uint16_t i = 0; i < rig->partitions.shard_count; i++) {
        assert_true(shard_put_show(rig->shards[i], catalog_show_share(show)));
        assert_true(shard_put_zone(rig->shards[i], catalog_zone_share(zone)));
    }
    catalog_show_release(show);
    catalog_zone_release(zone);
}

static int setup(void **state)
{
    (void)state;
    sim = malloc(sizeof *sim);
    sim_open(sim, 2, 0);
    rig_event(&sim->rig, 0, 100);
    trip(&sim->rig);
    return 0;
}

static uint32_t shown(uint16_t from, uint16_t to)
{
    struct uuid id = rig_zone_id(0);
    const struct catalog_zone *zone = catalog_zone(shard_catalog(sim->rig.shards[0]), &id);
    assert_non_null(zone->counters->pairs);
    return atomic_load(&zone->counters->pairs[seat_map_pair(SEGMENTS, from, to)]);
}

static struct answer reserve(uint16_t from, uint16_t to, uint32_t quantity)
{
    struct command command = rig_reserve(1, 0, quantity, 0);
    command.reserve.from_segment = from;
    command.reserve.to_segment = to;
    struct answer answer = sim_ask(sim, 0, command);
    assert_int_equal(answer.result, RESULT_OK);
    return answer;
}

/* Before anything is sold every way has all places; then each way has what its fullest
 * segment leaves. */
static void test_pairs(void **state)
{
    (void)state;
    assert_int_equal(shown(0, SEGMENTS), PLACES);
    reserve(1, 2, 4);
    sim_turns(sim, 4);
    assert_int_equal(shown(0, 1), PLACES);
    assert_int_equal(shown(1, 2), PLACES - 4);
    assert_int_equal(shown(2, 3), PLACES);
    assert_int_equal(shown(0, 2), PLACES - 4);
    assert_int_equal(shown(0, 3), PLACES - 4);
}

/* A zone's table is made again at most every 20 ms; the last change is never lost. */
static void test_pairs_are_made_now_and_then(void **state)
{
    (void)state;
    reserve(0, 1, 1);
    sim_turns(sim, 4);
    assert_int_equal(shown(0, 1), PLACES - 1);
    for (int i = 0; i < 5; i++)
        reserve(0, 1, 1);
    sim_turns(sim, 10);
    assert_int_equal(shown(0, 1), PLACES - 1);
    sim_pass(sim, 20);
    sim_turns(sim, 3);
    assert_int_equal(shown(0, 1), PLACES - 6);
    sim_pass(sim, 20);
    sim_turns(sim, 3);
    assert_int_equal(shown(0, 1), PLACES - 6);
}

/* The table shows nothing that a crash could take back. */
static void test_pairs_are_durable(void **state)
{
    (void)state;
    for (uint16_t i = 0; i < 2; i++)
        sim->logs[i].stuck = true;
    struct command command = rig_reserve(1, 0, 7, 0);
    sim_send(sim, 0, command);
    for (int i = 0; i < 10; i++) {
        sim_pass(sim, 30);
        sim_turn(sim);
    }
    assert_int_equal(shown(0, 3), PLACES);
    for (uint16_t i = 0; i < 2; i++)
        sim->logs[i].stuck = false;
    sim_turns(sim, 6);
    assert_int_equal(shown(0, 3), PLACES - 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_pairs),
        CASE(test_pairs_are_made_now_and_then),
        CASE(test_pairs_are_durable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
