/* What of the log is given up: never what a cursor or the snapshot before the newest
 * still needs (I20), and all that nobody does. */
#include "log_fixture.h"

#include "../../persist/cursor.h"
#include "../../persist/retention.h"
#include "../../persist/snapshot_load.h"
#include "../../persist/snapshot_write.h"

enum { RECORDS = 1500, PER_BLOCK = 10 };

struct place {
    struct fixture fixture;
    struct shard *shard;
    struct partition_map partitions;
    struct snapshot_write_options write;
    struct retention_report report;
    struct log_error error;
};

static int set_up(void **state)
{
    struct place *place = test_calloc(1, sizeof *place);
    fixture_init(&place->fixture);
    assert_int_equal(fixture_recover(&place->fixture, true), 0);
    fixture_write(&place->fixture);
    fixture_fill(&place->fixture, 1, RECORDS, PER_BLOCK);
    partition_map_init(&place->partitions, 1);
    const struct shard_options options = {.partitions = &place->partitions,
                                          .reservation_ttl_ms = 1000,
                                          .max_per_order = 10,
                                          .idempotency_ms = 1000};
    assert_true(snapshot_make_shards(&options, &place->shard));
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    snapshot_free_shards(&place->shard, 1);
    fixture_release(&place->fixture);
    test_free(place);
    return 0;
}

/* A snapshot that has the log up to there; of its state only the file matters here. */
static void take(struct place *place, uint64_t number, uint64_t sequence)
{
    place->write = (struct snapshot_write_options){
        .dir = place->fixture.dir,
        .cut = {.number = number,
                .epoch = 1,
                .shard_count = 1,
                .positions = {{.sequence = sequence, .segment = 1}}},
        .shards = &place->shard,
        .shard_count = 1};
    assert_int_equal(snapshot_write(&place->write, &place->error), 0);
    assert_int_equal(snapshot_publish(place->fixture.dir, number, &place->error), 0);
    assert_int_equal(snapshot_prune(place->fixture.dir, SNAPSHOT_KEPT), 0);
}

static void publish(struct place *place, const char *name, uint64_t sequence)
{
    const struct cursor_position position = {.epoch = 1, .shard_count = 1, .sequences = {sequence}};
    assert_int_equal(cursor_publish(place->fixture.dir, name, &position, &place->error), 0);
}

static int step_for(struct place *place, const char *required, bool look_only)
{
    const struct retention_options options = {.dir = place->fixture.dir,
                                              .epoch = 1,
                                              .segment_bytes = FIXTURE_SEGMENT_BYTES,
                                              .required = required,
                                              .look_only = look_only};
    return retention_step(&options, &place->report, &place->error);
}

static int step(struct place *place)
{
    return step_for(place, NULL, false);
}

/* The first sequence of the n-th segment there still is; 0: it has no record. */
static uint64_t first_of(struct place *place, uint32_t n)
{
    struct log_block_header block = {0};
    uint64_t *numbers;
    uint32_t count;
    assert_int_equal(segment_list(data_dir_storage(place->fixture.dir),
                                  fixture_shard_path(&place->fixture, 1, 0), false, &numbers,
                                  &count),
                     0);
    if (n < count)
        file_read(fixture_segment(&place->fixture, numbers[n]), LOG_SEGMENT_HEADER_BYTES, &block,
                  sizeof block);
    free(numbers);
    return block.magic == LOG_BLOCK_MAGIC ? block.first_sequence : 0;
}

/* All behind `needed` is there, and no whole segment more. */
static void assert_kept_from(struct place *place, uint64_t needed)
{
    const uint64_t second = first_of(place, 1);
    assert_in_range(first_of(place, 0), 1, needed);
    assert_true(second == 0 || second > needed);
}

/* Without a second snapshot nothing goes, whatever the first has. */
static void test_one_snapshot(void **state)
{
    struct place *place = *state;
    assert_int_equal(step(place), 0);
    assert_int_equal(place->report.snapshot, 0);
    take(place, 1, RECORDS);
    assert_int_equal(step(place), 0);
    assert_int_equal(place->report.snapshot, 1);
    assert_int_equal(place->report.previous, 0);
    assert_int_equal(place->report.recycled, 0);
    assert_int_equal(first_of(place, 0), 1);
}

/* I20: with the snapshot before the newest at any position, all behind it is kept, and not a
 * segment more; the newest segment with records never goes. */
static void test_up_to_the_previous_snapshot(void **state)
{
    struct place *place = *state;
    uint64_t number = 0, gone = 0;
    take(place, ++number, 1);
    for (uint64_t sequence = 1; sequence <= RECORDS; sequence += 13) {
        take(place, ++number, sequence + 13 <= RECORDS ? sequence + 13 : RECORDS);
        assert_int_equal(step(place), 0);
        assert_int_equal(place->report.previous, number - 1);
        gone += place->report.recycled;
        assert_kept_from(place, sequence + 1);
    }
    assert_true(gone > 3);
    take(place, ++number, RECORDS);
    assert_int_equal(step(place), 0);
    assert_in_range(first_of(place, 0), 2, RECORDS);
    assert_int_equal(place->report.cursors, 0);
}

/* I20: at any position of the slowest of two cursors all behind it is kept, and who it is is
 * said; when it is dropped, the other one's place counts. */
static void test_up_to_the_slowest_cursor(void **state)
{
    struct place *place = *state;
    take(place, 1, RECORDS);
    take(place, 2, RECORDS);
    publish(place, "backup-1", 900);
    for (uint64_t sequence = 0; sequence <= 800; sequence += 17) {
        publish(place, "mirror", sequence);
        assert_int_equal(step(place), 0);
        assert_int_equal(place->report.cursors, 2);
        assert_kept_from(place, sequence + 1);
        if (sequence < 400)
            assert_string_equal(place->report.held_by, "mirror");
    }
    assert_int_equal(cursor_drop(place->fixture.dir, "mirror", &place->error), 0);
    assert_int_equal(step(place), 0);
    assert_kept_from(place, 901);
    assert_string_equal(place->report.held_by, "backup-1");
    assert_int_equal(cursor_drop(place->fixture.dir, "backup-1", &place->error), 0);
    assert_int_equal(step(place), 0);
    assert_true(place->report.recycled > 0);
    assert_kept_from(place, RECORDS);
}

/* A follower that must be there and has not said where it is holds everything. */
static void test_required(void **state)
{
    struct place *place = *state;
    take(place, 1, RECORDS);
    take(place, 2, RECORDS);
    publish(place, "backup-1", RECORDS);
    assert_int_equal(step_for(place, "mirror", false), 0);
    assert_int_equal(place->report.recycled, 0);
    assert_int_equal(first_of(place, 0), 1);
    assert_string_equal(place->report.held_by, "mirror");
    publish(place, "mirror", 700);
    assert_int_equal(step_for(place, "mirror", false), 0);
    assert_true(place->report.recycled > 0);
    assert_kept_from(place, 701);
}

/* Who only looks is told the same and takes nothing. */
static void test_look_only(void **state)
{
    struct place *place = *state;
    take(place, 1, RECORDS);
    take(place, 2, RECORDS);
    publish(place, "mirror", 3);
    assert_int_equal(step_for(place, NULL, true), 0);
    assert_int_equal(place->report.recycled, 0);
    assert_true(place->report.kept_bytes > 4 * FIXTURE_SEGMENT_BYTES);
    assert_string_equal(place->report.held_by, "mirror");
    publish(place, "mirror", RECORDS);
    assert_int_equal(step_for(place, NULL, true), 0);
    assert_int_equal(first_of(place, 0), 1);
}

/* A cursor or one of the two snapshots that cannot be read: an error, and nothing goes. */
static void test_unreadable(void **state)
{
    struct place *place = *state;
    char path[3][LOG_PATH_BYTES];
    take(place, 1, RECORDS);
    take(place, 2, RECORDS);
    publish(place, "mirror", RECORDS);
    snprintf(path[0], sizeof path[0], "%s/cursors/mirror", place->fixture.path);
    snapshot_path(place->fixture.dir, 1, path[1]);
    snapshot_path(place->fixture.dir, 2, path[2]);
    for (int i = 0; i < 3; i++) {
        file_flip(path[i], 40, 4);
        assert_int_not_equal(step(place), 0);
        assert_int_equal(place->report.recycled, 0);
        assert_int_equal(first_of(place, 0), 1);
        file_flip(path[i], 40, 4);
    }
    assert_int_equal(step(place), 0);
    assert_true(place->report.recycled > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_snapshot, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_up_to_the_previous_snapshot, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_up_to_the_slowest_cursor, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_required, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_look_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unreadable, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
