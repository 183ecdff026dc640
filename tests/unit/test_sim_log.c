/* The log on a simulated disk: many short lives, each ended by a power cut, a kill
 * or a stop at a point drawn by chance, also in the midst of recovery. After each
 * the log is a prefix of what was appended, and no shorter than what was
 * acknowledged. SIM_SEED=n runs one seed, SIM_SEEDS=n so many. */
#include "sanitized.h"
#include "sim_log_rig.h"

/* The plain build runs them all; the first of them lead through the same code. */
enum { SEEDS = ADDRESS_SANITIZED ? 400 : 2500, LIVES = 4 };

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

int main(void)
{
    logger_init(LOGGER_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_acknowledged_prefix_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
