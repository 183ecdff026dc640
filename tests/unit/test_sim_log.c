/* The log on a simulated disk: many short lives, each ended by a power cut, a kill
 * or a stop at a point drawn by chance, also in the midst of recovery. After each
 * the log is a prefix of what was appended, and no shorter than what was
 * acknowledged. SIM_SEED=n runs one seed, SIM_SEEDS=n so many. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../engine/logger.h"
#include "../../persist/log_reader.h"
#include "../../persist/log_writer.h"
#include "../../persist/segment.h"
#include "../sim/disk.h"

enum { SEEDS = 2500, LIVES = 4, SHARDS_MAX = 3, BATCH_BYTES = 16384 };

struct shard {
    struct log_storage *storage;
    struct log_writer *writer;
    const struct journal *journal;
    uint32_t appended; /* quantities 1..appended were appended in this or an earlier life */
    uint32_t acknowledged;
    uint32_t visited;
};

struct rig {
    uint64_t seed;
    struct sim_random random;
    struct sim_disk *disk;
    struct data_dir *dir;
    struct segment_keeper *keeper;
    struct recovery_result recovered;
    struct log_error error;
    struct shard shards[SHARDS_MAX];
    uint16_t shard_count;
    uint32_t segment_bytes;
    bool made;   /* a life has begun: there is a log, for ever */
    bool broken; /* the visitor saw what nobody wrote */
    uint64_t now;
    /* of the whole run */
    uint64_t lives, dark_recoveries, torn, failed, records, resharded;
};

static struct rig rig;
static int said = STDERR_FILENO; /* where failures are told */

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition) && dup2(said, STDERR_FILENO) >= 0)                                        \
            fail_msg("SIM_SEED=%llu: %s (%s)", (unsigned long long)rig.seed, #condition,           \
                     rig.error.text);                                                              \
    } while (0)

static struct record record_of(uint32_t quantity)
{
    struct record record;
    memset(&record, 0, sizeof record);
    record.kind = RECORD_RESERVED;
    record.stamp_ms = 1700000000000u + quantity;
    record.actor.role = ROLE_USER;
    record.key.hash = quantity * 0x9e3779b97f4a7c15u;
    record.reserved.quantity = quantity;
    record.reserved.to_segment = 1;
    record.reserved.ttl_ms = 600000;
    return record;
}

/* --- one life --- */

static int visit(void *context, uint32_t epoch, uint16_t shard, const struct record *record)
{
    struct rig *r = context;
    (void)epoch;
    if (record->kind == RECORD_RESERVED && record->reserved.quantity != ++r->shards[shard].visited)
        r->broken = true;
    return 0;
}

/* 0, or the exit code; the directory is then closed. */
static int recover(void)
{
    struct data_dir_options options = {
        .path = "/var/log", .init = !rig.made, .storage = sim_disk_storage(rig.disk), .now_ms = 1};
    struct recovery_options recovery = {
        .shard_count = rig.shard_count, .segment_bytes = rig.segment_bytes, .now_ms = 1000};
    for (uint16_t i = 0; i < SHARDS_MAX; i++)
        rig.shards[i].visited = 0;
    memset(&rig.error, 0, sizeof rig.error);
    int code = data_dir_open(&rig.dir, &options, &rig.error);
    if (code != 0)
        return code;
    code = recovery_run(rig.dir, &recovery, visit, &rig, &rig.recovered, &rig.error);
    if (code == 0)
        return 0;
    data_dir_close(rig.dir);
    return code;
}

/* What came back is a prefix of what was appended, with all that was acknowledged
 * in it; being shown, it is now acknowledged too. */
static void judge(void)
{
    CHECK(!rig.broken && rig.recovered.shard_count == rig.shard_count);
    for (uint16_t i = 0; i < SHARDS_MAX; i++) {
        struct shard *shard = &rig.shards[i];
        CHECK(shard->visited >= shard->acknowledged);
        CHECK(shard->visited <= shard->appended);
        shard->appended = shard->acknowledged = shard->visited;
    }
    rig.torn += rig.recovered.torn;
    rig.resharded += rig.recovered.resharded;
    rig.made = true;
}

static bool start_writers(void)
{
    struct segment_keeper_options keeper = {.dir = rig.dir,
                                            .epoch = rig.recovered.epoch,
                                            .shard_count = rig.shard_count,
                                            .segment_bytes = rig.segment_bytes,
                                            .threadless = true};
    bool started = segment_keeper_new(&rig.keeper, &keeper, &rig.error) == 0;
    for (uint16_t i = 0; i < rig.shard_count && started; i++) {
        struct shard *shard = &rig.shards[i];
        struct log_writer_options options = {.dir = rig.dir,
                                             .epoch = rig.recovered.epoch,
                                             .shard = i,
                                             .tail = rig.recovered.tails[i],
                                             .batch_bytes_max = BATCH_BYTES,
                                             .keeper = rig.keeper,
                                             .storage = shard->storage};
        started = log_writer_new(&shard->writer, &options, &rig.error) == 0;
        if (started)
            shard->journal = log_writer_journal(shard->writer);
    }
    return started;
}

static void release(void)
{
    for (uint16_t i = 0; i < rig.shard_count; i++) {
        log_writer_free(rig.shards[i].writer);
        rig.shards[i].writer = NULL;
    }
    segment_keeper_free(rig.keeper);
    rig.keeper = NULL;
    data_dir_close(rig.dir);
    rig.dir = NULL;
}

/* The number of the last reservation that is durable: a log's sequences also count
 * clean stops, which come back as sequences without a visit. */
static void acknowledge(struct shard *shard, uint16_t index)
{
    uint64_t first = rig.recovered.tails[index].next_sequence;
    uint64_t durable = shard->journal->durable(shard->journal->context);
    uint32_t now = shard->visited + (uint32_t)(durable + 1 - first);
    CHECK(now >= shard->acknowledged);
    CHECK(now <= shard->appended);
    /* Fail-stop (I31): what failed acknowledges no more. */
    shard->acknowledged = now;
}

static void append_some(struct shard *shard)
{
    uint64_t count = sim_random_below(&rig.random, 40);
    for (uint64_t n = 0; n < count; n++) {
        struct record record = record_of(shard->appended + 1);
        if (shard->journal->append(shard->journal->context, &record) == 0)
            return;
        shard->appended++;
        rig.records++;
    }
}

static void step(void)
{
    uint16_t index = (uint16_t)sim_random_below(&rig.random, rig.shard_count);
    struct shard *shard = &rig.shards[index];
    switch (sim_random_below(&rig.random, 4)) {
    case 0:
        segment_keeper_step(rig.keeper, index);
        break;
    case 1:
        rig.now += sim_random_below(&rig.random, 20);
        sim_disk_advance(rig.disk, rig.now);
        break;
    default:
        append_some(shard);
        shard->journal->flush(shard->journal->context);
    }
    for (uint16_t i = 0; i < rig.shard_count; i++)
        acknowledge(&rig.shards[i], i);
}

/* The last flush, and the mark of a clean stop behind it. */
static void stop_clean(void)
{
    struct record record;
    memset(&record, 0, sizeof record);
    record.kind = RECORD_CLEAN_STOP;
    record.stamp_ms = 1800000000000u;
    for (int round = 0; round < 3; round++) {
        rig.now += 1000;
        sim_disk_advance(rig.disk, rig.now);
        for (uint16_t i = 0; i < rig.shard_count; i++) {
            const struct journal *journal = rig.shards[i].journal;
            if (round == 1) {
                acknowledge(&rig.shards[i], i);
                journal->append(journal->context, &record);
            }
            journal->flush(journal->context);
        }
    }
}

static void end_life(void)
{
    bool dark = sim_disk_dark(rig.disk);
    uint64_t how = dark ? 0 : sim_random_below(&rig.random, 4);
    bool release_first = sim_random_below(&rig.random, 2) == 0;
    for (uint16_t i = 0; i < rig.shard_count; i++)
        rig.failed +=
            rig.shards[i].journal &&
            rig.shards[i].journal->state(rig.shards[i].journal->context) == JOURNAL_FAILED;
    if (how == 2)
        stop_clean();
    if (release_first)
        release();
    if (how == 1)
        sim_disk_kill(rig.disk);
    else
        sim_disk_crash(rig.disk);
    if (!release_first)
        release();
}

/* No disk is full for ever. */
static void pass_time(void)
{
    rig.now += 60;
    sim_disk_advance(rig.disk, rig.now);
}

/* Recovers, however often the power goes meanwhile, now and then with another
 * count of shards. */
static void come_back(bool calm)
{
    for (int tries = 0;; tries++) {
        if (sim_random_below(&rig.random, 4) == 0)
            rig.shard_count = (uint16_t)sim_random_between(&rig.random, 1, SHARDS_MAX);
        bool cut = tries < 3 && sim_random_below(&rig.random, 4) == 0;
        if (cut)
            sim_disk_cut_after(rig.disk, sim_random_between(&rig.random, 1, 120));
        int code = recover();
        if (code == 0) {
            sim_disk_cut_after(rig.disk, 0);
            judge();
            return;
        }
        /* A disk that works and was never damaged is never refused. */
        CHECK(sim_disk_dark(rig.disk) || (!calm && code == LOG_EXIT_IO));
        rig.dark_recoveries++;
        pass_time();
        if (!sim_disk_dark(rig.disk) && tries > 8) {
            struct sim_disk_faults none = {.latency_ticks_max = 3};
            sim_disk_set_faults(rig.disk, &none);
        }
        sim_disk_crash(rig.disk);
    }
}

static void live(bool calm)
{
    come_back(calm);
    rig.lives++;
    if (sim_random_below(&rig.random, 2) == 0)
        sim_disk_cut_after(rig.disk, sim_random_between(&rig.random, 1, 150));
    uint64_t steps = sim_random_between(&rig.random, 1, 120);
    bool started = start_writers();
    CHECK(started || sim_disk_dark(rig.disk) || !calm);
    for (uint64_t i = 0; started && i < steps && !sim_disk_dark(rig.disk); i++)
        step();
    if (started) {
        end_life();
        return;
    }
    release();
    sim_disk_crash(rig.disk);
}

/* Which faults a seed has, and how often: none, or some of those that a log must
 * outlive without loss. */
static struct sim_disk_faults draw_faults(bool calm)
{
    struct sim_disk_faults faults = {.latency_ticks_max =
                                         (uint32_t)sim_random_below(&rig.random, 30),
                                     .clog_ticks = 100,
                                     .full_ticks = 50};
    for (int i = 0; i < SIM_DISK_FAULT_COUNT && !calm; i++)
        if (sim_disk_class_of((enum sim_disk_fault)i) != SIM_DISK_DETECT &&
            sim_random_below(&rig.random, 2) == 0)
            faults.rates[i] = (uint32_t)sim_random_scale(&rig.random, 100, 50000);
    return faults;
}

static void run_seed(uint64_t seed)
{
    struct rig kept = rig;
    memset(&rig, 0, sizeof rig);
    rig.lives = kept.lives;
    rig.dark_recoveries = kept.dark_recoveries;
    rig.torn = kept.torn;
    rig.failed = kept.failed;
    rig.records = kept.records;
    rig.resharded = kept.resharded;
    rig.seed = seed;
    sim_random_init(&rig.random, seed, "log.life");
    rig.disk = sim_disk_new(seed);
    rig.shard_count = (uint16_t)sim_random_between(&rig.random, 1, SHARDS_MAX);
    rig.segment_bytes = 32768u << sim_random_below(&rig.random, 3);
    bool calm = sim_random_below(&rig.random, 2) == 0;
    for (uint16_t i = 0; i < SHARDS_MAX; i++)
        rig.shards[i].storage = sim_disk_log_storage_new(rig.disk);
    struct sim_disk_faults faults = draw_faults(calm), none = {.latency_ticks_max = 3};
    for (int i = 0; i < LIVES; i++) {
        sim_disk_set_faults(rig.disk, i + 1 < LIVES ? &faults : &none);
        pass_time();
        live(calm || i + 1 == LIVES);
    }
    sim_disk_set_faults(rig.disk, &none);
    pass_time();
    come_back(true);
    release();
    for (uint16_t i = 0; i < SHARDS_MAX; i++)
        log_storage_free(rig.shards[i].storage);
    sim_disk_free(rig.disk);
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

/* P2, I9, I12: over some thousands of seeds, with and without failing operations,
 * acknowledged records survive, in order, and nothing comes back that was not
 * appended. */
static void test_acknowledged_prefix_survives(void **state)
{
    (void)state;
    int quiet = open("/dev/null", O_WRONLY);
    said = dup(STDERR_FILENO);
    uint64_t one = number_of("SIM_SEED", UINT64_MAX), count = number_of("SIM_SEEDS", SEEDS);
    memset(&rig, 0, sizeof rig);
    if (one == UINT64_MAX) /* failed logs are announced, and meant */
        dup2(quiet, STDERR_FILENO);
    for (uint64_t seed = 0; seed < count && one == UINT64_MAX; seed++)
        run_seed(seed);
    if (one != UINT64_MAX)
        run_seed(one);
    dup2(said, STDERR_FILENO);
    close(said);
    close(quiet);
    print_message("%llu lives, %llu records, %llu failed logs, %llu torn tails, "
                  "%llu recoveries cut short, %llu new epochs\n",
                  (unsigned long long)rig.lives, (unsigned long long)rig.records,
                  (unsigned long long)rig.failed, (unsigned long long)rig.torn,
                  (unsigned long long)rig.dark_recoveries, (unsigned long long)rig.resharded);
    if (one == UINT64_MAX && count == SEEDS)
        assert_true(rig.torn > 0 && rig.failed > 0 && rig.dark_recoveries > 0 && rig.resharded > 0);
}

/* --- damage that no crash explains --- */

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

/* --- a keeper without a thread --- */

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
        cmocka_unit_test(test_acknowledged_prefix_survives),
        cmocka_unit_test(test_rot_is_refused),
        cmocka_unit_test(test_threadless_keeper),
        cmocka_unit_test(test_reader_follows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
