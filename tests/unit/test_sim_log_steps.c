/* The log on a simulated disk, step by step: damage that no crash explains, a keeper
 * without a thread, a reader behind the writer. */
#include "sim_log_rig.h"

#include "../../persist/log_reader.h"

static void start_seed(uint64_t seed)
{
    struct sim_disk_faults none = {.latency_ticks_max = 0};
    memset(&rig, 0, sizeof rig);
    rig.seed = seed;
    sim_random_init(&rig.random, seed, "log.rot");
    rig.disk = sim_disk_new(seed);
    sim_disk_set_faults(rig.disk, &none);
    rig.shard_count = 1;
    rig.segment_bytes = 65536;
    rig.shards[0].storage = sim_disk_log_storage_new(rig.disk);
}

static void end_seed(void)
{
    log_storage_free(rig.shards[0].storage);
    sim_disk_free(rig.disk);
}

/* One block for each flush until `blocks` are durable. */
static void write_blocks(uint32_t blocks)
{
    struct shard *shard = &rig.shards[0];
    for (uint32_t i = 0; i < blocks; i++) {
        struct record record = record_of(++shard->appended);
        CHECK(shard->journal->append(shard->journal->context, &record) > 0);
        shard->journal->flush(shard->journal->context);
        sim_disk_advance(rig.disk, ++rig.now);
        segment_keeper_step(rig.keeper, 0);
        acknowledge(shard, 0);
        CHECK(shard->acknowledged == shard->appended);
    }
}

/* One turned bit anywhere in what is durable, but in the last block, is corruption
 * with exit code 65 and never a shorter log; the disk names the place. */
static void test_rot_is_refused(void **state)
{
    (void)state;
    enum { BLOCKS = 24, BLOCKS_IN_FIRST = 15 };
    for (uint64_t seed = 0; seed < 300; seed++) {
        char shard_path[LOG_PATH_BYTES], path[LOG_PATH_BYTES];
        start_seed(seed);
        CHECK(recover() == 0);
        CHECK(start_writers());
        write_blocks(BLOCKS);
        data_dir_shard_path(rig.dir, 1, 0, shard_path);
        release();
        uint64_t number = sim_random_between(&rig.random, 1, 2);
        uint64_t blocks = number == 1 ? BLOCKS_IN_FIRST : BLOCKS - BLOCKS_IN_FIRST - 1;
        uint64_t offset = sim_random_below(&rig.random, (1 + blocks) * LOG_ALIGNMENT);
        CHECK(sim_disk_rot(rig.disk, segment_path(shard_path, number, path), offset,
                           (uint8_t)(1u << sim_random_below(&rig.random, 8))));
        CHECK(recover() == LOG_EXIT_CORRUPT);
        CHECK(sim_disk_explain(rig.disk, path, offset - offset % SIM_DISK_SECTOR_BYTES, NULL) ==
              SIM_DISK_CAUSE_ROT);
        end_seed();
    }
}

/* A threadless keeper does nothing until its step is taken, makes what is wanted
 * then, tries again where the disk was full, and notices a lost mount. */
static void test_threadless_keeper(void **state)
{
    (void)state;
    struct segment_spare spare;
    int quiet = open("/dev/null", O_WRONLY), kept = dup(STDERR_FILENO);
    start_seed(1);
    CHECK(recover() == 0);
    CHECK(start_writers()); /* wants segment 2 */
    assert_int_equal(segment_keeper_state(rig.keeper, 0), SEGMENT_MAKING);
    assert_false(segment_keeper_take(rig.keeper, 0, &spare));
    dup2(quiet, STDERR_FILENO); /* that it is low is announced, and meant */
    sim_disk_inject(rig.disk, SIM_DISK_FULL, 0);
    assert_true(segment_keeper_step(rig.keeper, 0));
    assert_int_equal(segment_keeper_state(rig.keeper, 0), SEGMENT_LOW);
    sim_disk_advance(rig.disk, 100);
    assert_false(segment_keeper_step(rig.keeper, 0));
    assert_true(segment_keeper_take(rig.keeper, 0, &spare));
    assert_int_equal(spare.number, 2);
    assert_false(segment_keeper_step(rig.keeper, 0));
    segment_keeper_watch(rig.keeper);
    assert_false(segment_keeper_lost(rig.keeper));
    sim_disk_lose_mount(rig.disk);
    segment_keeper_watch(rig.keeper);
    assert_true(segment_keeper_lost(rig.keeper));
    dup2(kept, STDERR_FILENO);
    close(kept);
    close(quiet);
    release();
    end_seed();
}

/* The reader follows the writer over the port: never past the mark, all of it. */
static void test_reader_follows(void **state)
{
    (void)state;
    struct data_dir *dir;
    struct log_reader *reader;
    struct record record;
    start_seed(1);
    CHECK(recover() == 0);
    CHECK(start_writers());
    assert_int_equal(
        data_dir_open_reader_on(&dir, sim_disk_storage(rig.disk), "/var/log", &rig.error), 0);
    assert_int_equal(data_dir_created_ms(dir), 1); /* as its maker was told */
    struct log_reader_options options = {.dir = dir, .epoch = 1};
    assert_int_equal(log_reader_open(&reader, &options, &rig.error), 0);
    for (uint32_t round = 0; round < 20; round++) {
        write_blocks(2);
        for (uint32_t i = 1; i <= 2; i++) {
            assert_int_equal(log_reader_next(reader, &record, &rig.error), LOG_READER_RECORD);
            assert_int_equal(record.reserved.quantity, round * 2 + i);
        }
        assert_int_equal(log_reader_next(reader, &record, &rig.error), LOG_READER_IDLE);
    }
    log_reader_close(reader);
    data_dir_close(dir);
    release();
    end_seed();
}

int main(void)
{
    logger_init(LOGGER_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rot_is_refused),
        cmocka_unit_test(test_threadless_keeper),
        cmocka_unit_test(test_reader_follows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
