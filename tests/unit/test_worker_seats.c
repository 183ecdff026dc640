#include "seated_rig.h"
#include "worker_steps.h"

#include "../../engine/seat_map.h"

/* Real workers and zones of numbered seats: repeats name the seats of the first answer,
 * and a seat map is made once for each version. */

enum { SHARDS = 3, ZONES = 4, ROWS = 5, ROW_SEATS = 20 };

static struct sim *open_house(uint16_t shards, uint64_t wall_ms, uint64_t ns)
{
    struct sim *made = malloc(sizeof *made);
    sim_open_at(made, shards, 0, wall_ms, ns);
    rig_event(&made->rig, 0, 100);
    for (uint64_t zone = 0; zone < ZONES; zone++)
        rig_seated_zone(&made->rig, zone, ROWS, ROW_SEATS, 700);
    return made;
}

static int setup(void **state)
{
    (void)state;
    sim = open_house(SHARDS, RIG_START_MS, 1000000000);
    return 0;
}

static struct command with_seats(struct command command, uint32_t first, uint32_t count)
{
    command.seat_count = count;
    for (uint32_t i = 0; i < count; i++)
        command.seats[i] = first + i;
    return command;
}

/* --- repeats --- */

static uint32_t one_of_each(struct step *steps)
{
    uint32_t count = 0;
    take(steps, &count, rig_reserve(0, 0, 5, 200));
    const struct uuid id = steps[0].answer.booking.booking_id;
    assert_int_equal(steps[0].answer.seat_count, 5);
    take(steps, &count, with_seats(rig_end(COMMAND_EXCHANGE, 0, &id, 201), 40, 5));
    struct command command = rig_end(COMMAND_RELEASE, 0, &id, 202);
    command.booking.quantity = 2;
    take(steps, &count, command);
    take(steps, &count, rig_end(COMMAND_CONFIRM, 0, &id, 203));
    take(steps, &count, with_seats(rig_end(COMMAND_EXCHANGE, 0, &id, 204), 60, 3));
    command = rig_end(COMMAND_TRANSFER, 0, &id, 205);
    command.booking.user_id = rig_user_id(1);
    take(steps, &count, command);
    command = rig_end(COMMAND_REFUND, 9, &id, 206);
    command.actor.role = ROLE_ADMIN;
    take(steps, &count, command);
    take(steps, &count, with_seats(rig_reserve(2, 1, 4, 207), 20, 4));
    const struct uuid second = steps[count - 1].answer.booking.booking_id;
    take(steps, &count, with_seats(rig_end(COMMAND_CONFIRM, 2, &second, 208), 21, 2));
    take(steps, &count, rig_reserve(2, 1, 2, 209));
    take(steps, &count,
         rig_end(COMMAND_CANCEL, 2, &steps[count - 1].answer.booking.booking_id, 210));
    return count;
}

static void repeat_all(const struct step *steps, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct answer *first = &steps[i].answer;
        struct answer again =
            sim_ask(sim, (uint16_t)(i % sim->group.shard_count), steps[i].command);
        assert_result(&again, RESULT_OK);
        assert_true(again.replayed);
        assert_memory_equal(&again.booking, &first->booking, sizeof first->booking);
        assert_int_equal(again.seat_count, first->seat_count);
        assert_memory_equal(again.seats, first->seats, first->seat_count * sizeof first->seats[0]);
    }
}

/* A repeat names the seats the first answer named, wherever the booking sits by now; also
 * after a start with any number of shards. */
static void test_repeats(void **state)
{
    (void)state;
    static struct step steps[STEPS_MAX];
    uint32_t count = one_of_each(steps);
    struct sim *first = sim;
    sim_turns(sim, 5);
    repeat_all(steps, count);
    for (uint16_t shards = 1; shards <= 4; shards++) {
        sim = open_house(shards, first->wall_ms, first->ns);
        for (uint16_t i = 0; i < SHARDS; i++)
            for (uint64_t n = 0; n < first->logs[i].durable; n++)
                assert_int_equal(rig_restore(&sim->rig, &first->logs[i].records[n]),
                                 SHARD_REPLAY_OK);
        repeat_all(steps, count);
        rig_audit(&sim->rig);
        sim_free(sim);
    }
    sim = first;
}

/* A refusal about seats is repeated with them, though they are free by then. */
static void test_refused_seats_repeat(void **state)
{
    (void)state;
    struct answer held = ask_ok(with_seats(rig_reserve(0, 2, 3, 0), 10, 3));
    struct command command = with_seats(rig_reserve(1, 2, 4, 300), 11, 4);
    struct answer refused = sim_ask(sim, 0, command);
    assert_result(&refused, RESULT_SEAT_UNAVAILABLE);
    assert_int_equal(refused.seat_count, 2);
    ask_ok(rig_end(COMMAND_CANCEL, 0, &held.booking.booking_id, 0));
    struct answer again = sim_ask(sim, 1, command);
    assert_result(&again, RESULT_SEAT_UNAVAILABLE);
    assert_true(again.replayed);
    assert_int_equal(again.seat_count, 2);
    assert_memory_equal(again.seats, refused.seats, 2 * sizeof refused.seats[0]);
}

/* --- seat maps --- */

static struct command map_of(uint64_t zone)
{
    struct command command = rig_command(COMMAND_SEAT_MAP, 5, 0, 0);
    command.zone_change.zone_id = rig_zone_id(zone);
    return command;
}

static unsigned state_of(const struct seat_states *states, uint32_t seat)
{
    assert_true(seat / 4 < states->length);
    return (uint32_t)states->states[seat / 4] >> 2 * (seat % 4) & 3U;
}

/* The map shows each change, a client that has the version gets no map, and maps of
 * many zones do not mix. */
static void test_seat_maps(void **state)
{
    (void)state;
    for (uint64_t zone = 0; zone < ZONES; zone++) {
        struct answer map = ask_ok(map_of(zone));
        assert_int_equal(map.seat_states->seat_count, ROWS * ROW_SEATS);
        assert_int_equal(state_of(map.seat_states, 30), SEAT_FREE);
        struct answer held = ask_ok(with_seats(rig_reserve(0, zone, 2, 0), 30, 2));
        struct command command = map_of(zone);
        command.zone_change.has_known = true;
        command.zone_change.known_changes = map.seat_states->changes;
        struct answer newer = ask_ok(command);
        assert_int_equal(state_of(newer.seat_states, 30), SEAT_RESERVED);
        ask_ok(rig_end(COMMAND_CONFIRM, 0, &held.booking.booking_id, 0));
        struct answer sold = ask_ok(map_of(zone));
        assert_int_equal(state_of(sold.seat_states, 31), SEAT_SOLD);
        assert_int_equal(state_of(sold.seat_states, 32), SEAT_FREE);
        command.zone_change.known_changes = sold.seat_states->changes;
        struct answer unchanged = ask_ok(command);
        assert_int_equal(unchanged.seat_states->length, 0);
        assert_int_equal(unchanged.seat_states->changes, sold.seat_states->changes);
        for (int n = 0; n < 3; n++) {
            struct answer same = ask_ok(map_of(zone));
            assert_int_equal(same.seat_states->changes, sold.seat_states->changes);
            assert_memory_equal(same.seat_states->states, sold.seat_states->states,
                                sold.seat_states->length);
        }
        command.zone_change.to_segment = 1; /* the whole way, said otherwise */
        command.zone_change.has_known = false;
        struct answer way = ask_ok(command);
        assert_memory_equal(way.seat_states->states, sold.seat_states->states,
                            sold.seat_states->length);
    }
}

/* No map shows what a crash could take back. */
static void test_maps_are_durable(void **state)
{
    (void)state;
    for (uint16_t i = 0; i < SHARDS; i++)
        sim->logs[i].stuck = true;
    sim_send(sim, 0, with_seats(rig_reserve(0, 0, 2, 0), 30, 2));
    sim_turns(sim, 4);
    uint32_t number = sim_send(sim, 0, map_of(0));
    sim_turns(sim, 6);
    assert_null(sim_answer_to(sim, number));
    for (uint16_t i = 0; i < SHARDS; i++)
        sim->logs[i].stuck = false;
    sim_turns(sim, 6);
    const struct answer *map = sim_answer_to(sim, number);
    assert_non_null(map);
    assert_int_equal(state_of(map->seat_states, 30), SEAT_RESERVED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_repeats),
        CASE(test_refused_seats_repeat),
        CASE(test_seat_maps),
        CASE(test_maps_are_durable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
