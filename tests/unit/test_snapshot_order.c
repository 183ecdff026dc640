#include "log_fixture.h"
#include "order_rig.h"

#include "../../engine/shard_export.h"
#include "../../persist/snapshot_load.h"
#include "../../persist/snapshot_write.h"

/* Orders that a snapshot's cut divides: recovered from the snapshot and the tails they
 * are what the whole logs lead to, and the workers finish them. */

enum { TURNS_MAX = 32, SEEDS = 200 };

static struct fixture fixture;
static uint64_t snapshot_number; /* of the newest */

/* How often the cut had what. */
struct seen {
    uint32_t held, pinned, decided, nothing, tail, other_shards;
};

/* What an engine left: logs up to where the power failed, and the cut before. */
struct left {
    struct sim *sim;
    uint64_t ends[SHARDS], cut[SHARDS];
    uint64_t stamp_ms;
    bool answered;
};

/* --- the engine that fails --- */

/* Logs become durable at random; the marks are read as a fold reads them, the catalog's
 * shard last, and the power fails later. */
static void run_and_fail(struct left *left, struct command command, uint32_t turns)
{
    struct sim *sim = left->sim;
    uint32_t number = sim_send(sim, 0, command);
    uint32_t at[SHARDS], earliest = 0;

    for (uint16_t i = SHARDS; i-- > 0;)
        at[i] = earliest += (uint32_t)(sim_random(sim) % (turns - earliest + 1)) / (i + 1);
    for (uint32_t turn = 0; turn <= turns; turn++) {
        for (uint16_t i = 0; i < SHARDS; i++) {
            if (turn == at[i])
                left->cut[i] = sim->logs[i].durable;
            sim->logs[i].stuck = sim_random(sim) % 2;
        }
        if (turn < turns)
            sim_turn(sim);
    }
    left->answered = sim_answer_to(sim, number) != NULL;
    for (uint16_t i = 0; i < SHARDS; i++) {
        const struct sim_log *log = &sim->logs[i];
        left->ends[i] = log->durable + sim_random(sim) % (log->appended - log->durable + 1);
        for (uint64_t n = 0; n < left->ends[i]; n++)
            if (log->records[n].stamp_ms > left->stamp_ms)
                left->stamp_ms = log->records[n].stamp_ms;
    }
}

static void replay(struct restore *restore, const struct left *left, const uint64_t *from,
                   const uint64_t *to)
{
    for (uint16_t i = 0; i < SHARDS; i++)
        for (uint64_t n = from[i]; n < to[i]; n++)
            assert_int_equal(restore_record(restore, &left->sim->logs[i].records[n]),
                             SHARD_REPLAY_OK);
    assert_int_equal(restore_finish(restore), SHARD_REPLAY_OK);
}

/* --- recovered --- */

static const uint64_t nothing[SHARDS];

/* In another number of shards all have all keys: then of the zone role alone. */
static uint64_t state_of(const struct sim *sim, uint64_t now_ms)
{
    uint64_t sum = 0;
    for (uint16_t i = 0; i < sim->group.shard_count; i++)
        sum += shard_state_hash(sim->rig.shards[i]);
    return sim->group.shard_count != SHARDS
               ? sum
               : snapshot_state_hash(sim->rig.shards, sim->group.shard_count, now_ms);
}

/* The state the whole logs lead to, in so many shards. */
static uint64_t whole_state(const struct left *left, uint16_t shards)
{
    struct sim *sim = malloc(sizeof *sim);
    open_sale(sim, shards, left->sim->wall_ms, left->sim->ns);
    struct restore restore = {.shards = sim->rig.shards, .partitions = &sim->rig.partitions};
    replay(&restore, left, nothing, left->ends);
    const uint64_t hash = state_of(sim, left->stamp_ms);
    close_sale(sim);
    free(sim);
    return hash;
}

static void note_cut(const struct left *left, const struct sim *sim, struct seen *seen)
{
    struct shard_booking_state booking;
    bool held = false, pinned = false, decided = false, tail = false;
    for (uint16_t i = 0; i < SHARDS; i++) {
        for (uint32_t n = 0; n < shard_export_booking_count(sim->rig.shards[i]); n++) {
            if (!shard_export_booking(sim->rig.shards[i], n, &booking))
                continue;
            held = held || !uuid_is_nil(&booking.order.id);
            pinned = pinned || booking.pinned;
        }
        for (uint64_t n = 0; n < left->cut[i]; n++)
            decided = decided || left->sim->logs[i].records[n].kind == RECORD_ORDER;
        tail = tail || left->cut[i] < left->ends[i];
    }
    seen->held += held && !pinned;
    seen->pinned += pinned && !decided;
    seen->decided += pinned && decided;
    seen->nothing += !held && !pinned;
    seen->tail += tail;
}

/* The file of the state at the cut. */
static void take(const struct left *left, uint64_t number, struct seen *seen)
{
    struct log_error error = {0};
    struct sim *sim = malloc(sizeof *sim);
    open_sale(sim, SHARDS, left->sim->wall_ms, left->sim->ns);
    struct restore restore = {.shards = sim->rig.shards, .partitions = &sim->rig.partitions};
    replay(&restore, left, nothing, left->cut);
    note_cut(left, sim, seen);
    struct snapshot_write_options write = {
        .dir = fixture.dir,
        .cut = {.number = number, .epoch = 1, .shard_count = SHARDS, .stamp_ms = restore.stamp_ms},
        .shards = sim->rig.shards,
        .shard_count = SHARDS};
    assert_int_equal(snapshot_write(&write, &error), 0);
    assert_int_equal(snapshot_publish(fixture.dir, number, &error), 0);
    assert_int_equal(snapshot_prune(fixture.dir, 1), 0);
    close_sale(sim);
    free(sim);
}

/* Workers on the snapshot and the tails, in so many shards. */
static struct sim *start(const struct left *left, uint64_t number, uint16_t shards)
{
    struct log_error error = {0};
    struct snapshot_file *file = malloc(sizeof *file);
    struct sim *sim = malloc(sizeof *sim);
    sim_open_at(sim, shards, 0, left->sim->wall_ms, left->sim->ns);
    assert_int_equal(snapshot_file_open(file, fixture.dir, number, NULL, &error), 0);
    int code = snapshot_load(file, sim->rig.shards, &sim->rig.partitions, &error);
    if (code != 0)
        fail_msg("%s", error.text);
    struct restore restore = {.shards = sim->rig.shards,
                              .partitions = &sim->rig.partitions,
                              .stamp_ms = file->cut.stamp_ms};
    replay(&restore, left, left->cut, left->ends);
    assert_true(state_of(sim, left->stamp_ms) == whole_state(left, shards));
    for (uint16_t i = 0; i < shards; i++)
        worker_start_clock(sim->group.workers[i], left->stamp_ms);
    restore_orders(&restore);
    free(file);
    return sim;
}

static struct sim *recover(struct left *left, uint64_t seed, struct seen *seen)
{
    static const uint16_t counts[] = {SHARDS, 2, SHARDS, 1};
    const uint16_t shards = counts[seed / 7 % 4];
    seen->other_shards += shards != SHARDS;
    take(left, ++snapshot_number, seen);
    struct sim *sim = start(left, snapshot_number, shards);
    sim_turns(sim, 30);
    close_sale(left->sim);
    free(left->sim);
    return sim;
}

static struct left sale_of(uint64_t seed)
{
    struct left left = {.sim = malloc(sizeof *left.sim)};
    open_sale(left.sim, SHARDS, RIG_START_MS, 1000000000);
    left.sim->seed = seed;
    return left;
}

static void end(struct sim *sim)
{
    rig_audit(&sim->rig);
    close_sale(sim);
    free(sim);
}

/* --- tests --- */

/* Cut anywhere while it is held, an order is there as a whole or not at all. */
static void test_held(void **state)
{
    struct seen seen = {0};
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        uint32_t reserved, sold;
        struct left left = sale_of(seed);
        run_and_fail(&left, order_create(0, 0, 4, 2, 5), (uint32_t)(seed % 14));
        struct sim *sim = recover(&left, seed, &seen);
        count_zones(sim, &reserved, &sold);
        assert_int_equal(sold, 0);
        assert_true(reserved == 4 || (reserved == 0 && !left.answered));
        assert_int_equal(tickets_of(sim, 0), 2 * reserved);
        struct answer again = sim_ask(sim, 0, order_create(0, 0, 4, 2, 5));
        assert_int_equal(again.result, RESULT_OK);
        assert_int_equal(again.replayed, reserved == 4);
        end(sim);
    }
    assert_true(seen.held > 20 && seen.nothing > 20 && seen.tail > 50 && seen.other_shards > 50);
}

/* Cut while it is confirmed, before and behind the decision, all is sold or nothing is. */
static void test_confirming(void **state)
{
    struct seen seen = {0};
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        uint32_t reserved, sold;
        struct left left = sale_of(seed);
        struct uuid id = create(left.sim, 0, 0, 4, 5).order->order_id;
        run_and_fail(&left, on_order(COMMAND_ORDER_CONFIRM, 0, &id, 6), (uint32_t)(seed % 24));
        struct sim *sim = recover(&left, seed, &seen);
        count_zones(sim, &reserved, &sold);
        assert_true(sold == 4 || (sold == 0 && !left.answered));
        assert_true(reserved == 0 || reserved == 4);
        assert_int_equal(tickets_of(sim, 0), 2 * (reserved + sold));
        struct answer again = sim_ask(sim, 0, on_order(COMMAND_ORDER_CONFIRM, 0, &id, 6));
        if (reserved + sold == 4)
            assert_int_equal(again.result, RESULT_OK);
        end(sim);
    }
    assert_true(seen.held > 20 && seen.pinned > 20 && seen.decided > 20 && seen.tail > 50);
}

/* Cut while tickets are exchanged for another zone's, they are in the one or in the other. */
static void test_exchanging(void **state)
{
    struct seen seen = {0};
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        const bool is_confirmed = seed % 2 == 0;
        struct left left = sale_of(seed);
        struct uuid id = sim_ask(left.sim, 0, rig_reserve(0, 0, 3, 0)).booking.booking_id;
        if (is_confirmed)
            sim_ask(left.sim, 0, rig_end(COMMAND_CONFIRM, 0, &id, 0));
        run_and_fail(&left, exchange_zone(0, &id, 2, 9), (uint32_t)(seed % 28));
        struct sim *sim = recover(&left, seed, &seen);
        struct rig_counts from = rig_counts(&sim->rig, 0), to = rig_counts(&sim->rig, 2);
        assert_int_equal(is_confirmed ? from.sold + to.sold : from.reserved + to.reserved, 3);
        assert_int_equal(is_confirmed ? from.reserved + to.reserved : from.sold + to.sold, 0);
        const bool has_moved = to.sold + to.reserved == 3;
        assert_true(has_moved || !left.answered);
        assert_int_equal(tickets_of(sim, 0), 3);
        struct answer again = sim_ask(sim, 0, exchange_zone(0, &id, 2, 9));
        assert_int_equal(again.result, RESULT_OK);
        assert_int_equal(again.replayed, has_moved);
        end(sim);
    }
    assert_true(seen.pinned > 20 && seen.decided > 1 && seen.tail > 50 && seen.other_shards > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_held),
        cmocka_unit_test(test_confirming),
        cmocka_unit_test(test_exchanging),
    };
    fixture_init(&fixture);
    int recovered = fixture_recover(&fixture, true);
    assert(recovered == 0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    data_dir_close(fixture.dir);
    fixture_remove(fixture.path);
    return failed;
}
