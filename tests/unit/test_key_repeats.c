/* Repeats with an idempotency key of what is not a booking of a general zone: objects of
 * the catalog, large bookings, what was so already; live, and after a start from the logs. */
#include "worker_case.h"

#include "../../engine/shard_state.h"

enum { SHARDS = 2, ADMIN = 9, KINDS = 7, LARGE = 20000 };

static struct uuid event_id, show_id, stations[2];

static int setup(void **state)
{
    (void)state;
    sim = malloc(sizeof *sim);
    sim_open(sim, SHARDS, 0);
    for (uint16_t i = 0; i < SHARDS; i++)
        sim->rig.shards[i]->options.max_per_order = LARGE;
    return 0;
}

/* --- the catalog, made by commands with keys --- */

static struct command keyed(enum command_kind kind, uint64_t key)
{
    struct command command = rig_command(kind, ADMIN, key, (uint32_t)key);
    command.actor.role = ROLE_ADMIN;
    return command;
}

static struct command create_event(void)
{
    struct command command = keyed(COMMAND_EVENT_CREATE, 1);
    const struct catalog_event draft = {
        .slug = {"night", 5}, .title = {"Night", 5}, .max_per_user = 10 * LARGE};
    command.event = catalog_event_new(&draft);
    return command;
}

static struct command publish(void)
{
    struct command command = keyed(COMMAND_EVENT_STATUS, 2);
    command.event_status.event_id = event_id;
    command.event_status.status = EVENT_PUBLISHED;
    return command;
}

static struct command create_show(void)
{
    struct command command = keyed(COMMAND_SHOW_CREATE, 3);
    const struct catalog_show draft = {.event_id = event_id, .name = {"Friday", 6}};
    command.show = catalog_show_new(&draft);
    return command;
}

static struct command create_zone(void)
{
    struct command command = keyed(COMMAND_ZONE_CREATE, 4);
    const struct catalog_zone draft = {.show_id = show_id,
                                       .price_minor = 100,
                                       .currency = "THB",
                                       .total_seats = 5 * LARGE,
                                       .segment_count = 1};
    command.zone = malloc(sizeof draft); /* a draft has no counters */
    assert_non_null(command.zone);
    memcpy(command.zone, &draft, sizeof draft);
    return command;
}

static struct command create_station(uint64_t number)
{
    struct command command = keyed(COMMAND_STATION_CREATE, 5 + number);
    const struct catalog_station draft = {.code = {number ? "B" : "A", 1}};
    command.station = catalog_station_new(&draft);
    return command;
}

static struct command create_route(void)
{
    struct command command = keyed(COMMAND_ROUTE_CREATE, 7);
    const struct catalog_route draft = {.stop_count = 2, .stations = stations};
    command.route = catalog_route_new(&draft);
    return command;
}

static struct command change_of(uint32_t number)
{
    switch (number) {
    case 0:
        return create_event();
    case 1:
        return publish();
    case 2:
        return create_show();
    case 3:
        return create_zone();
    case 4:
    case 5:
        return create_station(number - 4);
    default:
        return create_route();
    }
}

static struct uuid id_of(const struct answer *answer)
{
    switch (answer->kind) {
    case COMMAND_SHOW_CREATE:
        return answer->show->id;
    case COMMAND_ZONE_CREATE:
        return answer->zone->id;
    case COMMAND_STATION_CREATE:
        return answer->station->id;
    case COMMAND_ROUTE_CREATE:
        return answer->route->id;
    default:
        return answer->event->id;
    }
}

static struct uuid made[KINDS];

/* All objects, each depending on those before. */
static struct uuid make_catalog(void)
{
    for (uint32_t i = 0; i < KINDS; i++) {
        struct answer answer = sim_ask(sim, 0, change_of(i));
        assert_int_equal(answer.result, RESULT_OK);
        assert_false(answer.replayed);
        made[i] = id_of(&answer);
        event_id = made[0];
        if (i == 2)
            show_id = made[2];
        if (i == 4 || i == 5)
            stations[i - 4] = made[i];
    }
    return made[3];
}

/* A repeat of each change gives the object that the first one made, and makes none. */
static void test_catalog_repeats(void **state)
{
    (void)state;
    make_catalog();
    for (uint32_t i = 0; i < KINDS; i++) {
        struct answer answer = sim_ask(sim, (uint16_t)(i % SHARDS), change_of(i));
        struct uuid id = id_of(&answer);
        assert_int_equal(answer.result, RESULT_OK);
        assert_true(answer.replayed);
        assert_true(uuid_equal(&id, &made[i]));
    }
    const struct catalog *catalog = shard_catalog(sim->rig.shards[1]);
    assert_int_equal(catalog_event_count(catalog), 1);
    assert_int_equal(catalog_station_count(catalog), 2);
    assert_int_equal(catalog_route_count(catalog), 1);
}

/* A key that made one kind of thing does not make another, though the fingerprints agree. */
static void test_a_key_is_of_one_kind(void **state)
{
    (void)state;
    make_catalog();
    struct command show = create_show();
    show.key = keyed(COMMAND_EVENT_CREATE, 1).key;
    assert_int_equal(sim_ask(sim, 0, show).result, RESULT_IDEMPOTENCY_KEY_REUSED);
    struct command event = create_event();
    event.key.fingerprint++;
    assert_int_equal(sim_ask(sim, 0, event).result, RESULT_IDEMPOTENCY_KEY_REUSED);
}

/* --- after a start --- */

/* The logs into new shards. */
static void start_again(struct rig *rig, uint16_t shards)
{
    rig_open(rig, shards);
    struct restore restore = {.shards = rig->shards, .partitions = &rig->partitions};
    for (uint16_t i = 0; i < SHARDS; i++)
        for (uint64_t n = 0; n < sim->logs[i].appended; n++)
            assert_int_equal(restore_record(&restore, &sim->logs[i].records[n]), SHARD_REPLAY_OK);
    assert_int_equal(restore_finish(&restore), SHARD_REPLAY_OK);
}

/* The same after a start, whatever the number of shards; a log that is read twice over
 * leaves each key as it was. */
static void test_catalog_repeats_after_a_start(void **state)
{
    (void)state;
    make_catalog();
    /* What a record points to was the command's: the catalog has it by now. */
    const struct catalog *catalog = shard_catalog(sim->rig.shards[0]);
    for (uint64_t n = 0; n < sim->logs[0].appended; n++) {
        struct record *record = &sim->logs[0].records[n];
        if (record->kind == RECORD_EVENT)
            record->event = *catalog_event(catalog, &record->event.id);
        else if (record->kind == RECORD_SHOW)
            record->show = *catalog_show(catalog, &record->show.id);
        else if (record->kind == RECORD_ZONE)
            record->zone = *catalog_zone(catalog, &record->zone.id);
        else if (record->kind == RECORD_STATION)
            record->station = *catalog_station(catalog, &record->station.id);
        else if (record->kind == RECORD_ROUTE)
            record->route = *catalog_route(catalog, &record->route.id);
    }
    for (uint16_t shards = 1; shards <= 3; shards++) {
        struct rig rig;
        start_again(&rig, shards);
        for (uint32_t i = 0; i < KINDS; i++) {
            struct command command = change_of(i);
            struct answer answer;
            assert_int_equal(rig_admit(&rig, &command, &answer), SHARD_ANSWERED);
            struct uuid id = id_of(&answer);
            assert_int_equal(answer.result, RESULT_OK);
            assert_true(answer.replayed);
            assert_true(uuid_equal(&id, &made[i]));
            command_release(&command);
            answer_release(&answer);
        }
        rig_close(&rig);
    }
}

/* --- bookings whose answer is kept as a whole --- */

static struct command reserve(const struct uuid *zone_id, uint32_t quantity, uint64_t key)
{
    struct command command = rig_command(COMMAND_RESERVE, 1, key, quantity);
    command.reserve.zone_id = *zone_id;
    command.reserve.quantity = quantity;
    return command;
}

static void assert_same(const struct answer *again, const struct answer *first)
{
    assert_int_equal(again->result, RESULT_OK);
    assert_true(again->replayed);
    assert_true(uuid_equal(&again->booking.booking_id, &first->booking.booking_id));
    assert_int_equal(again->booking.status, first->booking.status);
    assert_int_equal(again->booking.quantity, first->booking.quantity);
    assert_int_equal(again->booking.remaining, first->booking.remaining);
    assert_int_equal(again->booking.changed_ms, first->booking.changed_ms);
    assert_int_equal(again->booking.expires_ms, first->booking.expires_ms);
}

/* More places than the few bits of a key's entry: the whole answer is kept. */
static void test_a_large_booking(void **state)
{
    (void)state;
    struct uuid zone_id = make_catalog();
    struct answer first = sim_ask(sim, 0, reserve(&zone_id, LARGE, 20));
    assert_int_equal(first.result, RESULT_OK);
    struct answer second = sim_ask(sim, 0, reserve(&zone_id, 16383, 21));
    struct answer third = sim_ask(sim, 0, reserve(&zone_id, 16384, 22));
    struct answer again = sim_ask(sim, 1, reserve(&zone_id, LARGE, 20));
    assert_same(&again, &first);
    again = sim_ask(sim, 1, reserve(&zone_id, 16383, 21));
    assert_same(&again, &second);
    again = sim_ask(sim, 1, reserve(&zone_id, 16384, 22));
    assert_same(&again, &third);
}

/* Confirming what is confirmed, and cancelling what is cancelled, is answered as it is; the
 * key of that request gives just that again, whatever came after. */
static void test_what_was_so_already(void **state)
{
    (void)state;
    struct uuid zone_id = make_catalog();
    struct answer sold = sim_ask(sim, 0, reserve(&zone_id, 2, 0));
    struct answer gone = sim_ask(sim, 0, reserve(&zone_id, 2, 0));
    const struct uuid *sold_id = &sold.booking.booking_id, *gone_id = &gone.booking.booking_id;
    assert_int_equal(sim_ask(sim, 0, rig_end(COMMAND_CONFIRM, 1, sold_id, 0)).result, RESULT_OK);
    assert_int_equal(sim_ask(sim, 0, rig_end(COMMAND_CANCEL, 1, gone_id, 0)).result, RESULT_OK);
    sim_pass(sim, 1000);
    struct answer confirmed = sim_ask(sim, 0, rig_end(COMMAND_CONFIRM, 1, sold_id, 30));
    struct answer cancelled = sim_ask(sim, 0, rig_end(COMMAND_CANCEL, 1, gone_id, 31));
    assert_int_equal(confirmed.result, RESULT_OK);
    assert_int_equal(cancelled.result, RESULT_OK);
    struct command refund = rig_end(COMMAND_REFUND, ADMIN, sold_id, 0);
    refund.actor.role = ROLE_ADMIN;
    sim_pass(sim, 1000);
    assert_int_equal(sim_ask(sim, 0, refund).result, RESULT_OK);
    struct answer again = sim_ask(sim, 1, rig_end(COMMAND_CONFIRM, 1, sold_id, 30));
    assert_same(&again, &confirmed);
    again = sim_ask(sim, 1, rig_end(COMMAND_CANCEL, 1, gone_id, 31));
    assert_same(&again, &cancelled);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_catalog_repeats),
        CASE(test_a_key_is_of_one_kind),
        CASE(test_catalog_repeats_after_a_start),
        CASE(test_a_large_booking),
        CASE(test_what_was_so_already),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
