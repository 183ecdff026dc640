/* Recovery behind a snapshot: what it has is not looked at and may be gone, what it has
 * not is all there, and one that does not belong to the log is refused. */
#include "log_fixture.h"

#include "../../persist/snapshot.h"

enum { FIRST = 1530, SECOND = 3000, PER_BLOCK = 10 };

struct world {
    struct fixture fixture;
    struct snapshot_cut cut;
};

static int recover_with(struct fixture *fixture, const struct recovery_options *options)
{
    struct data_dir_options dir = {.path = fixture->path, .allow_buffered = true};
    fixture->visited_count = 0;
    memset(&fixture->error, 0, sizeof fixture->error);
    int code = data_dir_open(&fixture->dir, &dir, &fixture->error);
    if (code != 0)
        return code;
    code = recovery_run(fixture->dir, options, fixture_visit, fixture, &fixture->recovered,
                        &fixture->error);
    if (code != 0) {
        data_dir_close(fixture->dir);
        fixture->dir = NULL;
    }
    return code;
}

static int recover(struct world *world, uint16_t shards)
{
    const struct recovery_options options = {.shard_count = shards,
                                             .segment_bytes = FIXTURE_SEGMENT_BYTES,
                                             .now_ms = 1000,
                                             .cut = &world->cut};
    return recover_with(&world->fixture, &options);
}

static void close_dir(struct fixture *fixture)
{
    data_dir_close(fixture->dir);
    fixture->dir = NULL;
}

/* The end of shard 0's log as it is, as a snapshot would note it. The directory is closed. */
static void cut_here(struct world *world)
{
    struct fixture *fixture = &world->fixture;
    struct log_scan_end end;
    struct data_dir *reader;
    assert_int_equal(data_dir_open_reader(&reader, fixture->path, &fixture->error), 0);
    const struct log_scan_options options = {.dir = reader, .epoch = {1, 1, 1, 1000}};
    assert_int_equal(log_scan(&options, &end, &fixture->error), 0);
    data_dir_close(reader);
    world->cut =
        (struct snapshot_cut){.number = 1, .epoch = 1, .shard_count = 1, .stamp_ms = end.stamp_ms};
    world->cut.positions[0] = (struct log_start){.sequence = end.next_sequence - 1,
                                                 .previous_hash = end.previous_hash,
                                                 .stamp_ms = end.stamp_ms,
                                                 .segment = end.segment,
                                                 .clean_stop = end.clean_stop};
}

/* Records 1..FIRST, the cut, and records up to SECOND behind it, over many segments. With
 * a restart at the cut a segment begins there, else it goes on in the cut's. */
static struct world *world_open_at(bool restart)
{
    struct world *world = test_calloc(1, sizeof *world);
    struct fixture *fixture = &world->fixture;
    fixture_init(fixture);
    assert_int_equal(fixture_recover(fixture, true), 0);
    fixture_write(fixture);
    fixture_fill(fixture, 1, FIRST, PER_BLOCK);
    if (restart)
        fixture_stop(fixture);
    cut_here(world);
    if (restart) {
        assert_int_equal(fixture_recover(fixture, false), 0);
        fixture_write(fixture);
    }
    fixture_fill(fixture, FIRST + 1, SECOND, PER_BLOCK);
    fixture_stop(fixture);
    assert_true(world->cut.positions[0].segment > 1);
    return world;
}

static struct world *world_open(void)
{
    return world_open_at(false);
}

static void world_close(struct world *world)
{
    if (world->fixture.dir)
        close_dir(&world->fixture);
    fixture_remove(world->fixture.path);
    test_free(world);
}

static void remove_segments(struct world *world, uint64_t first, uint64_t last)
{
    for (uint64_t number = first; number <= last; number++)
        unlink(fixture_segment(&world->fixture, number));
}

static void refuse(struct world *world, int code, const char *label)
{
    assert_int_equal(recover(world, 1), code);
    assert_string_equal(world->fixture.error.label, label);
}

/* --- tests --- */

/* Only what came after the snapshot is visited, whether the log before it is there or gone. */
static void test_begins_behind_the_snapshot(void **state)
{
    struct world *world = world_open();
    (void)state;
    assert_int_equal(recover(world, 1), 0);
    fixture_assert_visited(&world->fixture, FIRST + 1, SECOND);
    close_dir(&world->fixture);
    remove_segments(world, 1, world->cut.positions[0].segment - 1);
    assert_int_equal(recover(world, 1), 0);
    fixture_assert_visited(&world->fixture, FIRST + 1, SECOND);
    assert_int_equal(world->fixture.recovered.tails[0].next_sequence, SECOND + 1);
    close_dir(&world->fixture);
    world->cut.number = 0; /* as if there were none: the log has no beginning */
    refuse(world, LOG_EXIT_CORRUPT, "RM");
    world_close(world);
}

/* RM: a segment behind the snapshot that is missing is noticed, the snapshot's own too. */
static void test_missing_behind(void **state)
{
    struct world *world = world_open();
    uint64_t segment = world->cut.positions[0].segment;
    (void)state;
    remove_segments(world, segment + 1, segment + 1);
    refuse(world, LOG_EXIT_CORRUPT, "RM");
    remove_segments(world, 1, segment);
    refuse(world, LOG_EXIT_CORRUPT, "RM");
    remove_segments(world, 1, segment + 50);
    refuse(world, LOG_EXIT_CORRUPT, "RM");
    world_close(world);
}

/* The snapshot's own segment may be gone if the snapshot has all of it, else not. */
static void test_own_segment_missing(void **state)
{
    struct world *world = world_open_at(true);
    (void)state;
    remove_segments(world, 1, world->cut.positions[0].segment);
    assert_int_equal(recover(world, 1), 0);
    fixture_assert_visited(&world->fixture, FIRST + 1, SECOND);
    world_close(world);
    world = world_open();
    remove_segments(world, 1, world->cut.positions[0].segment);
    assert_int_equal(recover(world, 1), LOG_EXIT_CORRUPT);
    world_close(world);
}

/* RQ: the snapshot is ahead of the log. */
static void test_ahead_of_the_log(void **state)
{
    struct world *world = world_open();
    (void)state;
    world->cut.positions[0].sequence = SECOND + 1000;
    refuse(world, LOG_EXIT_CORRUPT, "RQ");
    world_close(world);
}

/* RQ: another block than the snapshot's ends it, or none does. */
static void test_another_log(void **state)
{
    struct world *world = world_open();
    (void)state;
    world->cut.positions[0].previous_hash++;
    refuse(world, LOG_EXIT_CORRUPT, "RQ");
    world->cut.positions[0].previous_hash--;
    world->cut.positions[0].sequence -= 3; /* within a block */
    refuse(world, LOG_EXIT_CORRUPT, "RQ");
    world_close(world);
}

/* RF: the first block of the segment that the snapshot ends in is damaged. */
static void test_damaged_anchor(void **state)
{
    struct world *world = world_open();
    (void)state;
    file_flip(fixture_segment(&world->fixture, world->cut.positions[0].segment),
              LOG_SEGMENT_HEADER_BYTES + 9, 1);
    refuse(world, LOG_EXIT_CORRUPT, "RF");
    world_close(world);
}

/* RQ, RF: the segment that the snapshot names is empty, or begins behind it. */
static void test_empty_anchor(void **state)
{
    struct world *world = world_open();
    struct fixture *fixture = &world->fixture;
    uint64_t last = world->cut.positions[0].segment;
    uint8_t zeros[LOG_ALIGNMENT] = {0};
    (void)state;
    world->cut.positions[0].segment++; /* its first record came after the snapshot */
    refuse(world, LOG_EXIT_CORRUPT, "RF");
    while (access(fixture_segment(fixture, last + 1), F_OK) == 0)
        last++;
    file_write(fixture_segment(fixture, last), LOG_SEGMENT_HEADER_BYTES, zeros, sizeof zeros);
    world->cut.positions[0].segment = last;
    refuse(world, LOG_EXIT_CORRUPT, "RQ");
    world_close(world);
}

/* After a clean stop that a snapshot covers no segment is needed; the log goes on in a
 * fresh one. */
static void test_nothing_left(void **state)
{
    struct world *world = test_calloc(1, sizeof *world);
    struct fixture *fixture = &world->fixture;
    (void)state;
    fixture_init(fixture);
    assert_int_equal(fixture_recover(fixture, true), 0);
    fixture_write(fixture);
    fixture_fill(fixture, 1, 50, PER_BLOCK);
    assert_int_equal(fixture_append_clean_stop(fixture), 51);
    fixture_flush(fixture);
    fixture_stop(fixture);
    cut_here(world);
    assert_true(world->cut.positions[0].clean_stop);
    assert_int_equal(recover(world, 1), 0);
    assert_true(fixture->recovered.clean);
    assert_int_equal(fixture->visited_count, 0);
    close_dir(fixture);
    remove_segments(world, 1, 9);
    assert_int_equal(recover(world, 1), 0);
    assert_true(fixture->recovered.clean);
    assert_int_equal(fixture->recovered.tails[0].next_sequence, 52);
    fixture_write(fixture);
    fixture_fill(fixture, 51, 80, PER_BLOCK);
    fixture_stop(fixture);
    assert_int_equal(recover(world, 1), 0);
    fixture_assert_visited(fixture, 51, 80);
    world_close(world);
}

/* RQ: the snapshot is of an epoch, or of as many shards, as the log never had. */
static void test_epoch_unknown(void **state)
{
    struct world *world = world_open();
    (void)state;
    world->cut.epoch = 2;
    refuse(world, LOG_EXIT_CORRUPT, "RQ");
    world->cut.epoch = 0;
    refuse(world, LOG_EXIT_CORRUPT, "RQ");
    world->cut.epoch = 1;
    world->cut.shard_count = 2;
    refuse(world, LOG_EXIT_CORRUPT, "RQ");
    world_close(world);
}

/* Epochs before the snapshot's are passed; another number of shards begins a new one. */
static void test_epochs_before_are_passed(void **state)
{
    struct world *world = world_open();
    (void)state;
    assert_int_equal(recover(world, 2), 0);
    assert_true(world->fixture.recovered.resharded);
    assert_int_equal(world->fixture.recovered.epoch, 2);
    close_dir(&world->fixture);
    world->cut = (struct snapshot_cut){
        .number = 2, .epoch = 2, .shard_count = 2, .stamp_ms = UINT64_C(1900000000000)};
    assert_int_equal(recover(world, 2), 0);
    assert_int_equal(world->fixture.visited_count, 0);
    assert_int_equal(world->fixture.recovered.tails[1].next_sequence, SECOND + 1);
    assert_true(world->fixture.recovered.tails[1].stamp_ms == UINT64_C(1900000000000));
    world_close(world);
}

/* RM: a log that begins with a snapshot is nothing without one. */
static void test_first_epoch_from_a_snapshot(void **state)
{
    struct world *world = test_calloc(1, sizeof *world);
    struct fixture *fixture = &world->fixture;
    struct data_dir_options dir = {.path = NULL, .init = true, .allow_buffered = true};
    const struct data_dir_epoch epoch = {1, 1, 500, 1000};
    (void)state;
    fixture_init(fixture);
    dir.path = fixture->path;
    assert_int_equal(data_dir_open(&fixture->dir, &dir, &fixture->error), 0);
    assert_int_equal(
        data_dir_add_epoch(fixture->dir, &epoch, FIXTURE_SEGMENT_BYTES, &fixture->error), 0);
    close_dir(fixture);
    refuse(world, LOG_EXIT_CORRUPT, "RM");
    assert_int_equal(fixture_recover(fixture, false), LOG_EXIT_CORRUPT);
    world->cut = (struct snapshot_cut){.number = 1, .epoch = 1, .shard_count = 1};
    assert_int_equal(recover(world, 1), 0);
    assert_int_equal(fixture->recovered.tails[0].next_sequence, 500);
    world_close(world);
}

/* Shards and segments out of their bounds are a matter of configuration. */
static void test_options_out_of_bounds(void **state)
{
    struct world *world = world_open();
    const struct recovery_options bad[] = {
        {.shard_count = 0, .segment_bytes = FIXTURE_SEGMENT_BYTES},
        {.shard_count = SHARD_COUNT_MAX + 1, .segment_bytes = FIXTURE_SEGMENT_BYTES},
        {.shard_count = 1, .segment_bytes = LOG_SEGMENT_BYTES_MIN - LOG_ALIGNMENT},
        {.shard_count = 1, .segment_bytes = FIXTURE_SEGMENT_BYTES + 1}};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(recover_with(&world->fixture, &bad[i]), LOG_EXIT_CONFIG);
    world_close(world);
}

/* Of the mirror only what it says of this shard and epoch counts. */
static void test_mirror_positions(void **state)
{
    struct world *world = world_open();
    struct log_position positions[] = {{2, 0, 99999}, {1, 3, 99999}, {1, 0, SECOND}};
    const struct recovery_options options = {.shard_count = 1,
                                             .segment_bytes = FIXTURE_SEGMENT_BYTES,
                                             .mirror_positions = positions,
                                             .mirror_position_count = 3,
                                             .cut = &world->cut};
    (void)state;
    assert_int_equal(recover_with(&world->fixture, &options), 0);
    close_dir(&world->fixture);
    positions[2].sequence++;
    assert_int_equal(recover_with(&world->fixture, &options), LOG_EXIT_CORRUPT);
    assert_string_equal(world->fixture.error.label, "RG");
    world_close(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_begins_behind_the_snapshot),
        cmocka_unit_test(test_missing_behind),
        cmocka_unit_test(test_own_segment_missing),
        cmocka_unit_test(test_ahead_of_the_log),
        cmocka_unit_test(test_another_log),
        cmocka_unit_test(test_damaged_anchor),
        cmocka_unit_test(test_empty_anchor),
        cmocka_unit_test(test_nothing_left),
        cmocka_unit_test(test_epoch_unknown),
        cmocka_unit_test(test_epochs_before_are_passed),
        cmocka_unit_test(test_first_epoch_from_a_snapshot),
        cmocka_unit_test(test_options_out_of_bounds),
        cmocka_unit_test(test_mirror_positions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
