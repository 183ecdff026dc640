#include "durable.h"

#include "../../engine/restore.h"
#include "../../persist/snapshot_load.h"

enum { TRIES_UNDER_FAULTS = 8, TRIES_MAX = 40, TICKS_BETWEEN_LIVES = 60 };

static const char data_path[] = "/var/log";

void sim_durable_init(struct sim_durable *durable, struct sim_run *run)
{
    struct sim_random random;

    memset(durable, 0, sizeof *durable);
    durable->run = run;
    durable->disk = sim_disk_new(run->plan.seed);
    sim_random_init(&random, run->plan.seed, "weights");
    struct sim_disk_weights weights = sim_disk_weights_draw(&random);
    sim_disk_set_weights(durable->disk, &weights);
    for (uint16_t i = 0; i < SHARD_COUNT_MAX; i++) {
        durable->logs[i].durable = durable;
        durable->logs[i].shard = i;
    }
    sim_durable_faults(durable, false);
}

void sim_durable_release(struct sim_durable *durable)
{
    for (uint16_t i = 0; i < SHARD_COUNT_MAX; i++)
        log_storage_free(durable->logs[i].storage);
    sim_history_release(&durable->history);
    sim_disk_free(durable->disk);
}

void sim_durable_faults(struct sim_durable *durable, bool on)
{
    const uint32_t *value = durable->run->plan.value;
    struct sim_disk_faults faults = {
        .latency_ticks_max = value[SIM_LATENCY], .clog_ticks = 100, .full_ticks = 50};

    for (int i = 0; i < SIM_DISK_FAULT_COUNT && on; i++)
        faults.rates[i] = value[SIM_FAULT_FIRST + i];
    durable->faulty = on;
    sim_disk_set_faults(durable->disk, &faults);
}

void sim_durable_tick(struct sim_durable *durable, uint64_t ticks)
{
    durable->ticks += ticks;
    sim_disk_advance(durable->disk, durable->ticks);
    for (uint16_t i = 0; durable->keeper && i < durable->partitions.shard_count; i++)
        segment_keeper_step(durable->keeper, i);
}

bool sim_durable_dying(const struct sim_durable *durable)
{
    if (sim_disk_dark(durable->disk))
        return true;
    for (uint16_t i = 0; i < durable->partitions.shard_count; i++) {
        const struct journal *journal = durable->logs[i].real;
        if (journal->state(journal->context) == JOURNAL_FAILED)
            return true;
    }
    return false;
}

bool sim_durable_decays(const struct sim_durable *durable)
{
    const uint32_t *value = durable->run->plan.value;

    return value[SIM_FAULT_FIRST + SIM_DISK_ROT] != 0 ||
           value[SIM_FAULT_FIRST + SIM_DISK_MISDIRECTED] != 0;
}

/* --- the journal, watched --- */

static struct sim_history_log *history_of(const struct sim_durable_log *log)
{
    return &log->durable->history.logs[log->history];
}

static uint64_t append(void *context, const struct record *record)
{
    struct sim_durable_log *log = context;
    struct sim_history *history = &log->durable->history;
    uint64_t sequence = log->real->append(log->real->context, record);

    if (sequence == 0)
        return 0;
    struct sim_history_log *own = history_of(log);
    if (sequence != own->first + own->count)
        sim_run_fail(log->durable->run, "I14 the log gives a sequence that is not the next");
    sim_history_append(history, own, sequence, record);
    const struct sim_history_entry *entry = &history->entries[history->count - 1];
    uint64_t digest = 0;
    for (uint32_t i = 0; i + 8 <= entry->length; i += 8) {
        uint64_t word;
        memcpy(&word, history->bytes + entry->offset + i, sizeof word);
        digest = sim_mix(digest ^ word);
    }
    sim_run_note(log->durable->run, digest ^ sequence << 8 ^ log->shard);
    sim_run_record(log->durable->run, log->shard, record);
    return sequence;
}

static void flush(void *context)
{
    const struct sim_durable_log *log = context;
    log->real->flush(log->real->context);
}

static uint64_t durable_up_to(void *context)
{
    const struct sim_durable_log *log = context;
    return log->real->durable(log->real->context);
}

static uint64_t appended(void *context)
{
    const struct sim_durable_log *log = context;
    return log->real->appended(log->real->context);
}

static enum journal_state state(void *context)
{
    const struct sim_durable_log *log = context;
    return log->real->state(log->real->context);
}

void sim_durable_shown(struct sim_durable *durable, uint16_t shard, uint64_t sequence)
{
    struct sim_durable_log *log = &durable->logs[shard];
    struct sim_history_log *own = history_of(log);

    if (sequence > log->real->durable(log->real->context))
        sim_run_fail(durable->run, "I10 an answer left before what it rests on was durable");
    if (sequence > own->acked)
        own->acked = sequence;
}

/* --- recovery --- */

struct visit {
    struct sim_durable *durable;
    struct restore restore;
    const char *fault;
};

static int visit(void *context, uint32_t epoch, uint16_t shard, const struct record *record)
{
    struct visit *visit = context;
    struct sim_durable *durable = visit->durable;
    enum shard_replay_result result;

    visit->fault = sim_history_seen(&durable->history, epoch, shard, record);
    if (visit->fault)
        return -1;
    result = restore_record(&visit->restore, record);
    bool same_map = epoch == durable->recovered.epoch &&
                    durable->recovered.shard_count == durable->partitions.shard_count;
    if (result == SHARD_REPLAY_OK && record->kind == RECORD_STATE && same_map) {
        result = restore_finish(&visit->restore);
        if (result == SHARD_REPLAY_OK)
            result = shard_replay_state(durable->shards[shard], record);
    }
    if (result == SHARD_REPLAY_OK)
        return 0;
    visit->fault = shard_replay_result_name(result);
    return -1;
}

static void free_shards(struct sim_durable *durable)
{
    for (uint16_t i = 0; i < SHARD_COUNT_MAX; i++) {
        shard_free(durable->shards[i]);
        durable->shards[i] = NULL;
    }
}

static void fail_recovery(struct sim_durable *durable, const char *fault)
{
    char text[900];

    snprintf(text, sizeof text, "recovery: %s (%.600s)", fault ? fault : "refused",
             durable->error.text);
    sim_run_fail(durable->run, text);
}

/* 0, or the exit code. */
static int replay(struct sim_durable *durable)
{
    struct visit seen = {
        .durable = durable,
        .restore = {.shards = durable->shards, .partitions = &durable->partitions}};
    struct shard_options shard = sim_shard_options(&durable->run->plan, 0, &durable->partitions);
    struct recovery_options options = {.shard_count = durable->partitions.shard_count,
                                       .segment_bytes = durable->run->plan.value[SIM_SEGMENT_BYTES],
                                       .now_ms = durable->run->now_ms,
                                       .cut = &durable->cut};
    struct recovery_result result;
    uint64_t start[SHARD_COUNT_MAX];

    int code =
        snapshot_restore(durable->dir, &shard, durable->shards, &durable->cut, &durable->error);
    if (code != 0)
        return code;
    for (uint16_t i = 0; i < SHARD_COUNT_MAX; i++)
        start[i] = durable->cut.positions[i].sequence;
    sim_history_begin(&durable->history, durable->cut.number ? durable->cut.epoch : 0, start,
                      durable->cut.number ? durable->cut.shard_count : 0);
    code = recovery_run(durable->dir, &options, visit, &seen, &result, &durable->error);
    if (code == 0 && restore_finish(&seen.restore) != SHARD_REPLAY_OK)
        seen.fault = "a record is impossible";
    if (code == 0 && !seen.fault)
        restore_orders(&seen.restore);
    if (seen.fault)
        fail_recovery(durable, seen.fault);
    if (code == 0)
        durable->recovered = result;
    return code;
}

static int recover(struct sim_durable *durable)
{
    struct data_dir_options options = {.path = data_path,
                                       .init = !durable->made,
                                       .storage = sim_disk_storage(durable->disk),
                                       .now_ms = durable->run->now_ms};
    memset(&durable->error, 0, sizeof durable->error);
    int code = data_dir_open(&durable->dir, &options, &durable->error);
    if (code != 0)
        return code;
    code = replay(durable);
    if (code != 0) {
        data_dir_close(durable->dir);
        free_shards(durable);
    }
    return code;
}

/* --- lives --- */

static bool open_logs(struct sim_durable *durable)
{
    const uint32_t *value = durable->run->plan.value;
    struct segment_keeper_options options = {.dir = durable->dir,
                                             .epoch = durable->recovered.epoch,
                                             .shard_count = durable->partitions.shard_count,
                                             .segment_bytes = value[SIM_SEGMENT_BYTES],
                                             .threadless = true};
    bool opened = segment_keeper_new(&durable->keeper, &options, &durable->error) == 0;

    for (uint16_t i = 0; opened && i < durable->partitions.shard_count; i++) {
        struct sim_durable_log *log = &durable->logs[i];
        if (!log->storage)
            log->storage = sim_disk_log_storage_new(durable->disk);
        struct log_writer_options writer = {.dir = durable->dir,
                                            .epoch = durable->recovered.epoch,
                                            .shard = i,
                                            .tail = durable->recovered.tails[i],
                                            .batch_bytes_max = value[SIM_BATCH_BYTES],
                                            .keeper = durable->keeper,
                                            .storage = log->storage};
        opened = log_writer_new(&log->writer, &writer, &durable->error) == 0;
        if (!opened)
            break;
        log->real = log_writer_journal(log->writer);
        log->journal = (struct journal){log, append, flush, durable_up_to, appended, state};
    }
    return opened;
}

static void close_logs(struct sim_durable *durable)
{
    for (uint16_t i = 0; i < SHARD_COUNT_MAX; i++) {
        log_writer_free(durable->logs[i].writer);
        durable->logs[i].writer = NULL;
        durable->logs[i].real = NULL;
    }
    segment_keeper_free(durable->keeper);
    durable->keeper = NULL;
    data_dir_close(durable->dir);
    durable->dir = NULL;
}

/* What came back is what the history says, and the state is that of the books. */
static void judge(struct sim_durable *durable)
{
    struct sim_run *run = durable->run;
    struct sim_ledger_options options = sim_ledger_options_of(&run->plan, true);
    const char *fault = sim_history_end(&durable->history);

    sim_ledger_free(run->ledger);
    run->ledger = sim_ledger_new(&options);
    if (!fault)
        fault = sim_history_enter(&durable->history, run->ledger);
    if (!fault)
        fault = sim_ledger_check_limits(run->ledger);
    if (!fault)
        fault = sim_ledger_compare(run->ledger, durable->shards, &durable->partitions, 0);
    for (uint16_t i = 0; !fault && i < durable->partitions.shard_count; i++) {
        struct sim_history_log *log =
            sim_history_open(&durable->history, durable->recovered.epoch, i,
                             durable->recovered.tails[i].next_sequence);
        durable->logs[i].history = (uint32_t)(log - durable->history.logs);
        if (log->first + log->count != durable->recovered.tails[i].next_sequence)
            fault = "I12 the log goes on at another place than it was recovered to";
        sim_run_note(run, shard_state_hash(durable->shards[i]));
        if (shard_zone_hash(durable->shards[i]) != shard_state_hash(durable->shards[i]))
            fault = "I13 the state hash that is kept up is not that from scratch";
    }
    if (fault)
        fail_recovery(durable, fault);
}

/* One try. False: the power went, or the disk would not. */
static bool try_start(struct sim_durable *durable, bool may_cut)
{
    struct sim_run *run = durable->run;

    if (may_cut && sim_random_below(&run->chaos, 10) == 0)
        sim_disk_cut_after(durable->disk, sim_random_between(&run->chaos, 1, 120));
    int code = recover(durable);
    if (code != 0) {
        bool dark = sim_disk_dark(durable->disk);
        bool refused = code == LOG_EXIT_CORRUPT || code == LOG_EXIT_NO_DATA;
        if (!dark && refused && sim_durable_decays(durable)) {
            run->over = true;
            return false;
        }
        /* A snapshot that a bad read made useless sends the start to log that is gone. */
        bool bad_read =
            run->plan.value[SIM_FAULT_FIRST + SIM_DISK_READ_EIO] != 0 && durable->given_up > 0;
        if (!dark && !(durable->faulty && (code == LOG_EXIT_IO || bad_read)))
            fail_recovery(durable, NULL);
        durable->cut_short++;
        sim_disk_crash(durable->disk);
        return false;
    }
    sim_disk_cut_after(durable->disk, 0);
    durable->made = true;
    judge(durable);
    if (run->failed || open_logs(durable))
        return true;
    close_logs(durable);
    free_shards(durable);
    sim_disk_crash(durable->disk);
    return false;
}

bool sim_durable_start(struct sim_durable *durable, uint16_t shard_count)
{
    partition_map_init(&durable->partitions, shard_count);
    for (int tries = 0; !durable->run->failed && !durable->run->over; tries++) {
        if (tries == TRIES_UNDER_FAULTS)
            sim_durable_faults(durable, false);
        if (tries == TRIES_MAX)
            fail_recovery(durable, "I25 the engine never starts");
        sim_durable_tick(durable, TICKS_BETWEEN_LIVES);
        if (try_start(durable, tries < 3)) {
            durable->lives++;
            durable->run->clients.life++;
            durable->open = true;
            return !durable->run->failed;
        }
    }
    return false;
}

void sim_durable_end(struct sim_durable *durable, enum sim_end how)
{
    if (!durable->open)
        return;
    for (uint16_t i = 0; i < durable->partitions.shard_count; i++)
        durable->failed_logs += durable->logs[i].real && state(&durable->logs[i]) == JOURNAL_FAILED;
    bool before = sim_random_below(&durable->run->chaos, 2) == 0;
    if (before)
        close_logs(durable);
    if (how == SIM_END_KILL && !sim_disk_dark(durable->disk))
        sim_disk_kill(durable->disk);
    else
        sim_disk_crash(durable->disk);
    if (!before)
        close_logs(durable);
    free_shards(durable);
    sim_durable_spoil(durable);
    durable->open = false;
}
