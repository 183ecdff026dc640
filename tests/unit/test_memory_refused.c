/* A machine that has no more memory: whatever is refused, and at whichever step, the
 * caller is told, and what was begun is given back. */
#include "memory_fault.h"

#include "worker_rig.h"

#include "../../engine/block.h"
#include "../../engine/restore.h"
#include "../../engine/seat_map.h"
#include "../../engine/seat_plan.h"
#include "../../engine/shard_import.h"

enum { STEPS_MAX = 400, SHARDS = 2, STOPS = 3 };

/* --- tables --- */

static bool make_shard(void)
{
    struct partition_map partitions;
    partition_map_init(&partitions, 1);
    const struct shard_options options = {.partitions = &partitions, .reservation_ttl_ms = 1000};
    struct shard *shard = shard_new(&options);
    shard_free(shard);
    return shard != NULL;
}

static bool make_mailboxes(void)
{
    struct mailbox_grid *grid = mailbox_grid_new(3, 8);
    mailbox_grid_free(grid);
    return grid != NULL;
}

static bool make_worker(void)
{
    static struct worker_metrics metrics;
    static struct sim sim;
    struct worker_group group = {.shard_count = 1, .metrics = &metrics};
    group.clock = (struct clock){&sim, sim_wall_ms, sim_ns, sim_random};
    struct worker *worker = worker_new(&group, 0, NULL);
    worker_free(worker);
    return worker != NULL;
}

static void check_every_step(bool (*make)(void), unsigned steps_least)
{
    unsigned nth = 1;

    for (; nth < STEPS_MAX; nth++) {
        size_t reserved = memory_fault.reserved;
        memory_fail_at(nth);
        bool made = make();
        assert_int_equal(memory_fault.reserved, reserved);
        if (!memory_failed()) {
            assert_true(made);
            break;
        }
        assert_false(made);
    }
    assert_in_range(nth, steps_least, STEPS_MAX - 1);
}

/* A shard, the mailboxes and a worker are made as a whole or not at all: the one call
 * that is refused, each in turn, leaves no range behind. */
static void test_made_as_a_whole_or_not(void **state)
{
    (void)state;
    check_every_step(make_shard, 50);
    check_every_step(make_mailboxes, 12);
    check_every_step(make_worker, 8);
}

/* --- objects of the catalog --- */

static const uint8_t *plan_bytes(size_t *length)
{
    static uint8_t bytes[4096];
    enum seat_plan_error error;
    struct seat_plan_builder *builder = seat_plan_builder_new();
    seat_plan_add_row(builder, "A", 1);
    seat_plan_add_run(builder, 1, 1, 20, 0, 1, 0, false);
    uint8_t *made = seat_plan_encode(builder, length, &error);
    assert_non_null(made);
    assert_in_range(*length, 1, sizeof bytes);
    memcpy(bytes, made, *length);
    free(made);
    seat_plan_builder_free(builder);
    return bytes;
}

static const int64_t PRICES[STOPS - 1] = {100, 200};

static struct catalog_zone zone_draft(uint64_t number, bool seated, bool trip)
{
    size_t length = 0;
    struct catalog_zone zone = {.id = rig_zone_id(number),
                                .kind = seated ? ZONE_SEATED : ZONE_GENERAL,
                                .show_id = rig_id(2, trip),
                                .event_id = rig_event_id(0),
                                .price_minor = 300,
                                .currency = "THB",
                                .total_seats = 20,
                                .segment_count = trip ? STOPS - 1 : 1,
                                .segment_price_count = trip ? STOPS - 1 : 0,
                                .segment_prices = trip ? PRICES : NULL,
                                .name = {"Stalls", 6}};
    zone.plan_bytes = seated ? plan_bytes(&length) : NULL;
    zone.plan_length = (uint32_t)length;
    return zone;
}

/* Each object of the catalog needs what it needs: a seated zone of a trip its counters,
 * its plan and its table of pairs. One of them refused, there is no object. */
static void test_no_half_of_a_catalog_object(void **state)
{
    const struct catalog_event event = {.slug = {"night", 5}};
    const struct catalog_show show = {.segment_count = 1};
    const struct catalog_station station = {.code = {"A", 1}};
    const struct catalog_route route = {.name = {"North", 5}};
    const struct catalog_zone draft = zone_draft(0, true, true);
    (void)state;
    memory_fail_at(1);
    assert_null(catalog_event_new(&event));
    memory_fail_at(1);
    assert_null(catalog_show_new(&show));
    memory_fail_at(1);
    assert_null(catalog_station_new(&station));
    memory_fail_at(1);
    assert_null(catalog_route_new(&route));
    for (unsigned nth = 1;; nth++) {
        memory_fail_at(nth);
        struct catalog_zone *zone = catalog_zone_new(&draft);
        bool failed = memory_failed();
        assert_true(failed == (zone == NULL));
        catalog_zone_release(zone);
        if (!failed) {
            assert_int_equal(nth, 6); /* itself, counters, the plan's two, pairs: five */
            break;
        }
    }
}

/* A plan that there is no memory for is not called a damaged one. */
static void test_plan_without_memory(void **state)
{
    enum seat_plan_error error;
    size_t length;
    const uint8_t *bytes = plan_bytes(&length);
    (void)state;
    memory_fail_at(1);
    assert_null(seat_plan_builder_new());
    for (unsigned nth = 1; nth <= 2; nth++) {
        memory_fail_at(nth);
        assert_null(seat_plan_decode(bytes, length, &error));
        assert_int_equal(error, SEAT_PLAN_OUT_OF_MEMORY);
        assert_true(memory_failed());
    }
    struct seat_plan *plan = seat_plan_decode(bytes, length, &error);
    assert_non_null(plan);
    memory_fail_at(1);
    assert_null(seat_map_new(plan, 2));
    memory_failed();
    seat_plan_free(plan);
}

/* --- blocks --- */

/* A block that cannot be kept is not in the table, and its place is free. */
static void test_block_without_memory(void **state)
{
    static const uint32_t seats[] = {1, 2};
    const struct record_block record = {.block_id = rig_id(5, 0),
                                        .quantity = 2,
                                        .seat_count = 2,
                                        .seats = seats,
                                        .reason = {"press", 5}};
    struct block_table table;
    (void)state;
    assert_true(block_table_init(&table));
    for (unsigned nth = 1; nth <= 2; nth++) {
        memory_fail_at(nth);
        assert_int_equal(block_add(&table, &record, 0, 1, 20, RIG_START_MS), SLAB_NONE);
        assert_true(memory_failed());
        assert_int_equal(block_find(&table, &record.block_id), HASH_INDEX_MISSING);
        assert_int_equal(table.blocks.live, 0);
        assert_int_equal(table.state_hash, 0);
    }
    assert_int_equal(block_add(&table, &record, 0, 1, 20, RIG_START_MS), 0);
    block_table_release(&table);
}

/* --- a start --- */

static struct record record_of(enum record_kind kind, uint64_t sequence)
{
    struct record record = rig_record(kind, sequence);
    record.actor = (struct actor){rig_user_id(9), ROLE_ORGANIZER};
    record.key = (struct request_key){7000 + sequence, 1};
    return record;
}

enum { LOG_RECORDS = 9 };

/* Two stations and the route between them, an event, a show and a trip on it, and zones:
 * two of the show, one of the trip with seats. */
static void write_log(struct record log[LOG_RECORDS + STOPS], uint32_t *count)
{
    static struct catalog_stop stops[STOPS];
    static struct uuid way[STOPS];
    static const char *const codes[STOPS] = {"A", "B", "C"};
    uint32_t n = 0;

    for (uint32_t i = 0; i < STOPS; i++) {
        way[i] = rig_id(9, i);
        stops[i] = (struct catalog_stop){way[i], 1000 * (i + 1), 1000 * (i + 1)};
        log[n] = record_of(RECORD_STATION, n + 1);
        log[n++].station = (struct catalog_station){.id = way[i], .code = {codes[i], 1}};
    }
    log[n] = record_of(RECORD_ROUTE, n + 1);
    log[n++].route =
        (struct catalog_route){.id = rig_id(8, 0), .stop_count = STOPS, .stations = way};
    log[n] = record_of(RECORD_EVENT, n + 1);
    log[n++].event = (struct catalog_event){
        .id = rig_event_id(0), .status = EVENT_PUBLISHED, .max_per_user = 10, .slug = {"night", 5}};
    for (uint32_t trip = 0; trip < 2; trip++) {
        log[n] = record_of(RECORD_SHOW, n + 1);
        log[n++].show = (struct catalog_show){.id = rig_id(2, trip),
                                              .event_id = rig_event_id(0),
                                              .segment_count = trip ? STOPS - 1 : 1,
                                              .stop_count = trip ? STOPS : 0,
                                              .stops = trip ? stops : NULL};
    }
    for (uint32_t number = 0; number < 3; number++) {
        log[n] = record_of(RECORD_ZONE, n + 1);
        log[n++].zone = zone_draft(number, number == 2, number == 2);
    }
    *count = n;
}

static enum shard_replay_result restore_all(struct rig *rig, const struct record *log,
                                            uint32_t count)
{
    struct restore restore = {.shards = rig->shards, .partitions = &rig->partitions};
    enum shard_replay_result result = SHARD_REPLAY_OK;

    for (uint32_t i = 0; i < count && result == SHARD_REPLAY_OK; i++)
        result = restore_record(&restore, &log[i]);
    return result == SHARD_REPLAY_OK ? restore_finish(&restore) : result;
}

static void check_whole(const struct rig *rig)
{
    for (uint16_t i = 0; i < SHARDS; i++) {
        const struct catalog *catalog = shard_catalog(rig->shards[i]);
        assert_int_equal(catalog_station_count(catalog), STOPS);
        assert_int_equal(catalog_route_count(catalog), 1);
        assert_int_equal(catalog_event_count(catalog), 1);
        assert_int_equal(catalog_show_count(catalog), 2);
        assert_int_equal(catalog_zone_count(catalog), 3);
    }
    rig_audit(rig);
}

/* A start that is refused memory for an object of the catalog, in whichever shard, ends and
 * says so; none goes on without a zone, a show or a station of its log. */
static void test_start_without_memory(void **state)
{
    static struct record log[LOG_RECORDS + STOPS];
    uint32_t count;
    unsigned nth = 1, refused = 0;
    bool failed = true;
    (void)state;
    write_log(log, &count);
    for (; failed; nth++) {
        struct rig rig;
        rig_open(&rig, SHARDS);
        memory_fail_at(nth);
        enum shard_replay_result result = restore_all(&rig, log, count);
        failed = memory_failed();
        if (result == SHARD_REPLAY_OK)
            check_whole(&rig);
        else
            assert_int_equal(result, SHARD_REPLAY_OUT_OF_MEMORY);
        refused += result != SHARD_REPLAY_OK;
        rig_close(&rig);
    }
    assert_in_range(refused, nth - 4, nth - 2); /* looking at a plan may fail, keeping it not */
}

/* --- answers --- */

static void open_zone(struct rig *rig)
{
    static struct record log[LOG_RECORDS + STOPS];
    uint32_t count;

    rig_open(rig, 1);
    write_log(log, &count);
    assert_int_equal(restore_all(rig, log, count), SHARD_REPLAY_OK);
}

/* Answers that are made for a client are refused without memory, and there again with it;
 * an audit says that it could not look instead of finding nothing. */
static void test_answers_without_memory(void **state)
{
    const struct uuid zone_id = rig_zone_id(0), user_id = rig_user_id(1);
    const struct command_zone query = {.zone_id = zone_id};
    const struct command_list mine = {.page = 1, .per_page = 20};
    struct inquiry inquiry;
    struct rig rig;
    (void)state;
    open_zone(&rig);
    memory_fail_at(1);
    assert_null(shard_blocks(rig.shards[0], &zone_id));
    memory_fail_at(1);
    assert_null(shard_seat_states(rig.shards[0], &query));
    memory_fail_at(1);
    assert_null(shard_list(rig.shards[0], &user_id, &mine, rig.now_ms));
    for (unsigned nth = 1;; nth++) {
        memory_fail_at(nth);
        inquiry = (struct inquiry){.kind = INQUIRY_AUDIT};
        shard_inquire(rig.shards[0], &inquiry);
        if (!memory_failed())
            break;
        assert_int_equal(inquiry.audit.violations, 1);
        assert_non_null(strstr(inquiry.audit.first_violation, "no memory"));
    }
    assert_int_equal(inquiry.audit.violations, 0);
    assert_int_equal(inquiry.audit.zones, 3);
    rig_close(&rig);
}

static void block(struct rig *rig, uint64_t number)
{
    struct record record = record_of(RECORD_BLOCK, 100 + number);
    record.block = (struct record_block){.block_id = rig_id(5, number),
                                         .zone_id = rig_zone_id(0),
                                         .kind = BLOCK_HOUSE_HOLD,
                                         .cause = CAUSE_CREATED,
                                         .quantity = 1};
    assert_int_equal(rig_restore(rig, &record), SHARD_REPLAY_OK);
}

/* A list of blocks is whole or there is none. */
static void test_list_of_blocks_is_whole(void **state)
{
    const struct uuid zone_id = rig_zone_id(0), first = rig_id(5, 0);
    struct rig rig;
    (void)state;
    open_zone(&rig);
    for (uint64_t number = 0; number < 9; number++) /* one more than a zone's first room */
        block(&rig, number);
    for (unsigned nth = 1; nth <= 10; nth++) {
        memory_fail_at(nth);
        assert_null(shard_blocks(rig.shards[0], &zone_id));
        assert_true(memory_failed());
    }
    struct block_list *list = shard_blocks(rig.shards[0], &zone_id);
    assert_int_equal(list->count, 9);
    for (uint32_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list);
    memory_fail_at(1);
    assert_null(shard_block(rig.shards[0], &first));
    memory_failed();
    rig_close(&rig);
}

/* --- imports --- */

/* A snapshot's order that cannot be kept with its answers, and bookings that cannot be
 * counted, are out of memory. */
static void test_imports_without_memory(void **state)
{
    static struct order_facts facts;
    const struct order order = {.id = rig_id(6, 1),
                                .user_id = rig_user_id(1),
                                .count = 2,
                                .created = &facts,
                                .ended = &facts};
    (void)state;
    for (unsigned nth = 1; nth <= 3; nth++) {
        struct rig rig;
        open_zone(&rig);
        memory_fail_at(nth);
        enum shard_replay_result result = shard_import_order(rig.shards[0], &order);
        assert_int_equal(result, memory_failed() ? SHARD_REPLAY_OUT_OF_MEMORY : SHARD_REPLAY_OK);
        assert_int_equal(result, nth <= 2 ? SHARD_REPLAY_OUT_OF_MEMORY : SHARD_REPLAY_OK);
        memory_fail_at(nth);
        result = shard_import_settle(rig.shards[0], rig.shards, 1);
        memory_failed();
        assert_int_equal(result, nth <= 2 ? SHARD_REPLAY_OUT_OF_MEMORY : SHARD_REPLAY_OK);
        rig_close(&rig);
    }
}

/* --- a worker --- */

static struct command create_event(void)
{
    struct command command = rig_command(COMMAND_EVENT_CREATE, 9, 0, 0);
    const struct catalog_event draft = {.title = {"New", 3}, .slug = {"new", 3}};
    command.actor.role = ROLE_ADMIN;
    command.event = catalog_event_new(&draft);
    return command;
}

static enum result ask_without_memory(struct sim *sim, struct command command)
{
    memory_fail_at(1);
    struct answer answer = sim_ask(sim, 0, command);
    assert_true(memory_failed());
    return answer.result;
}

/* What a worker has no memory to make is refused as overload; the next time it is made. */
static void test_worker_without_memory(void **state)
{
    struct sim *sim = malloc(sizeof *sim);
    struct command blocks = rig_command(COMMAND_BLOCK_LIST, 9, 0, 0);
    struct command map = rig_command(COMMAND_SEAT_MAP, 9, 0, 0);
    struct command list = rig_command(COMMAND_BOOKING_LIST, 1, 0, 0);
    (void)state;
    sim_open(sim, 1, 0);
    rig_event(&sim->rig, 0, 10);
    const struct catalog_zone seated = zone_draft(2, true, false);
    assert_true(shard_put_zone(sim->rig.shards[0], catalog_zone_new(&seated)));
    blocks.actor.role = ROLE_ADMIN;
    blocks.zone_change.zone_id = map.zone_change.zone_id = rig_zone_id(2);
    list.list.page = list.list.per_page = 1;
    const struct command commands[] = {blocks, map, list};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ask_without_memory(sim, commands[i]), RESULT_OVERLOADED);
        assert_int_equal(sim_ask(sim, 0, commands[i]).result, RESULT_OK);
    }
    assert_int_equal(ask_without_memory(sim, create_event()), RESULT_OVERLOADED);
    assert_int_equal(sim->logs[0].appended, 0);
    assert_int_equal(sim_ask(sim, 0, create_event()).result, RESULT_OK);
    sim_close(sim);
    free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_as_a_whole_or_not),
        cmocka_unit_test(test_no_half_of_a_catalog_object),
        cmocka_unit_test(test_plan_without_memory),
        cmocka_unit_test(test_block_without_memory),
        cmocka_unit_test(test_start_without_memory),
        cmocka_unit_test(test_answers_without_memory),
        cmocka_unit_test(test_list_of_blocks_is_whole),
        cmocka_unit_test(test_imports_without_memory),
        cmocka_unit_test(test_worker_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
