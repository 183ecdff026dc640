/* S0: one shard without a log. S1: the same with its log on a simulated disk, crashes
 * and recoveries. */
#include <stddef.h>

#include "core.h"
#include "durable.h"

enum {
    COMPARE_EVERY = 2048,
    RESENT_MAX = 64, /* after a restart */
    ROUNDS_MAX = 100000
};

/* An answer that waits for the log. */
struct waiting {
    uint64_t sequence;
    struct sim_operation operation;
    struct answer answer;
};

struct level {
    struct sim_core core;
    bool has_log;
    struct sim_durable durable;
    struct waiting *waiting;
    uint32_t waiting_count, waiting_room;
    uint32_t operations;
    bool late; /* what is due is ended late, now and then */
};

static void judge(struct sim_run *run, const char *fault)
{
    if (fault)
        sim_run_fail(run, fault);
}

static void compare(struct sim_run *run, struct level *level)
{
    static struct inquiry inquiry;

    judge(run, sim_ledger_recount(run->ledger));
    if (sim_core_expire(&level->core))
        judge(run, sim_ledger_compare(run->ledger, &level->core.shard, &level->core.partitions,
                                      run->now_ms));
    inquiry = (struct inquiry){.kind = INQUIRY_AUDIT};
    shard_inquire(level->core.shard, &inquiry);
    if (inquiry.audit.violations > 0)
        judge(run, inquiry.audit.first_violation);
    if (shard_zone_hash(level->core.shard) != shard_state_hash(level->core.shard))
        judge(run, "I13 the state hash that is kept up is not that from scratch");
    sim_run_note(run, shard_zone_hash(level->core.shard));
}

/* --- the log (S1) --- */

static uint64_t append(struct sim_core *core, const struct record *record)
{
    struct level *level = core->run->level;
    struct journal *journal = &level->durable.logs[0].journal;

    for (int tries = 0; tries < 50; tries++) {
        uint64_t sequence = journal->append(journal->context, record);
        if (sequence != 0 || journal->state(journal->context) >= JOURNAL_FULL)
            return sequence;
        journal->flush(journal->context);
        sim_durable_tick(&level->durable, 1 + (uint64_t)tries);
    }
    return 0;
}

static void deliver(struct sim_run *run, struct level *level)
{
    const struct journal *journal = &level->durable.logs[0].journal;
    uint64_t durable = journal->durable(journal->context);
    uint32_t done = 0;

    while (done < level->waiting_count && level->waiting[done].sequence <= durable) {
        struct waiting *waiting = &level->waiting[done++];
        sim_durable_shown(&level->durable, 0, waiting->sequence);
        sim_run_answer(run, &waiting->operation, &waiting->answer);
        answer_release(&waiting->answer);
    }
    level->waiting_count -= done;
    memmove(level->waiting, level->waiting + done, level->waiting_count * sizeof level->waiting[0]);
}

static void hold(struct level *level, const struct sim_operation *operation)
{
    const struct journal *journal = &level->durable.logs[0].journal;

    level->waiting = sim_grow(level->waiting, level->waiting_count, &level->waiting_room,
                              sizeof *level->waiting);
    struct waiting *waiting = &level->waiting[level->waiting_count++];
    waiting->sequence = journal->appended(journal->context);
    waiting->operation = *operation;
    memcpy(&waiting->answer, &level->core.answer, answer_bytes(&level->core.answer));
}

/* One turn: the log goes on, and what is durable is answered. */
static void turn(struct sim_run *run, struct level *level, uint64_t ticks)
{
    struct journal *journal = &level->durable.logs[0].journal;

    journal->flush(journal->context);
    sim_durable_tick(&level->durable, ticks);
    deliver(run, level);
}

/* False: the log failed on the way. */
static bool settle(struct sim_run *run, struct level *level)
{
    const struct journal *journal = &level->durable.logs[0].journal;

    for (int i = 0; i < ROUNDS_MAX && !sim_durable_dying(&level->durable); i++) {
        if (journal->durable(journal->context) == journal->appended(journal->context) &&
            !log_writer_busy(level->durable.logs[0].writer)) {
            deliver(run, level);
            return true;
        }
        turn(run, level, 10);
    }
    return false;
}

static void stop_clean(struct sim_run *run, struct level *level)
{
    struct record record = {.kind = RECORD_STATE, .stamp_ms = run->now_ms};

    if (!settle(run, level))
        return;
    record.state_hash = shard_zone_hash(level->core.shard);
    if (append(&level->core, &record) == 0)
        return;
    record.kind = RECORD_CLEAN_STOP;
    append(&level->core, &record);
    settle(run, level);
}

static void forget_waiting(struct level *level)
{
    for (uint32_t i = 0; i < level->waiting_count; i++)
        answer_release(&level->waiting[i].answer);
    level->waiting_count = 0;
}

static bool begin_life(struct sim_run *run, struct level *level)
{
    if (!sim_durable_start(&level->durable, 1))
        return false;
    level->core.shard = level->durable.shards[0];
    level->core.partitions = level->durable.partitions;
    for (uint32_t i = 0; i < RESENT_MAX && !sim_run_over(run); i++) {
        const struct sim_past *past = sim_past(&run->clients, run->load.number - i);
        if (!past || past->operation.key == 0 || !sim_is_command(&past->operation))
            continue;
        struct sim_operation operation = past->operation;
        sim_core_ask_again(&level->core, &operation);
        hold(level, &operation);
    }
    return true;
}

static void crash(struct sim_run *run, struct level *level, enum sim_end how)
{
    uint64_t before = 0;

    if (how == SIM_END_STOP) {
        stop_clean(run, level);
        before = shard_state_hash(level->core.shard);
    }
    bool whole = how == SIM_END_STOP && !sim_durable_dying(&level->durable) && settle(run, level);
    forget_waiting(level);
    sim_durable_end(&level->durable, how);
    level->core.shard = NULL;
    if (sim_run_over(run) || !begin_life(run, level))
        return;
    (void)before, (void)whole; /* RECORD_STATE has said so to the recovery */
}

/* In a burst the log waits, and its blocks become long. */
static bool is_time(struct sim_run *run, uint32_t usual)
{
    uint32_t burst = run->plan.value[SIM_BURST];
    return sim_random_below(&run->chaos, burst > usual ? burst : usual) == 0;
}

static void go_on_with_log(struct sim_run *run, struct level *level)
{
    if (is_time(run, 4))
        turn(run, level, sim_random_below(&run->chaos, 12));
    if (sim_durable_dying(&level->durable))
        crash(run, level, SIM_END_POWER);
}

/* --- the level --- */

static void start(struct sim_run *run)
{
    struct level *level = calloc(1, sizeof *level);
    if (!level)
        abort();
    run->level = level;
    level->core.run = run;
    level->has_log = run->plan.value[SIM_LEVEL] != SIM_S0;
    if (level->has_log) {
        level->core.append = append;
        sim_durable_init(&level->durable, run);
        begin_life(run, level);
        return;
    }
    if (run->plan.value[SIM_MODEL])
        sim_opinion_init(&level->core.opinion, &run->plan);
    partition_map_init(&level->core.partitions, 1);
    struct shard_options options = sim_shard_options(&run->plan, 0, &level->core.partitions);
    level->core.shard = shard_new(&options);
    if (!level->core.shard)
        abort();
}

static void command(struct sim_run *run, struct level *level, const struct sim_operation *operation)
{
    sim_core_ask(&level->core, operation);
    if (level->has_log) {
        hold(level, operation);
        if (sim_makes_world(operation))
            settle(run, level);
        return;
    }
    if (level->core.answer.result == RESULT_OVERLOADED)
        sim_run_fail(run, "I25 refused as overloaded with nothing in the way");
    sim_run_answer(run, operation, &level->core.answer);
    answer_release(&level->core.answer);
}

static void chaos(struct sim_run *run, struct level *level, const struct sim_operation *operation)
{
    if (operation->kind == SIM_CRASH)
        crash(run, level, (enum sim_end)operation->value);
    else if (operation->kind == SIM_CUT_DISK)
        sim_disk_cut_after(level->durable.disk, operation->value);
    else if (operation->kind == SIM_FAULTS)
        sim_durable_faults(&level->durable, operation->value != 0);
    else if (operation->kind == SIM_SNAPSHOT)
        sim_durable_snapshot(&level->durable, NULL);
}

static void operate(struct sim_run *run, const struct sim_operation *operation)
{
    struct level *level = run->level;

    if (sim_is_command(operation)) {
        command(run, level, operation);
    } else if (operation->kind == SIM_WAIT) {
        run->now_ms += operation->value;
        level->late = operation->number % 8 == 0 && !run->plan.value[SIM_MODEL];
        if (level->has_log && (!run->plan.value[SIM_BURST] || is_time(run, 1)))
            turn(run, level, operation->value < 50 ? operation->value : 50);
    } else if (level->has_log) {
        chaos(run, level, operation);
    }
    if (sim_run_over(run))
        return;
    if (!level->late)
        sim_core_expire(&level->core);
    shard_forget(level->core.shard, run->now_ms);
    if (level->has_log)
        go_on_with_log(run, level);
    if (++level->operations % COMPARE_EVERY == 0 && !sim_run_over(run))
        compare(run, level);
}

static void finish(struct sim_run *run)
{
    struct level *level = run->level;

    if (level->has_log) {
        sim_durable_faults(&level->durable, false);
        crash(run, level, SIM_END_STOP);
        if (!sim_run_over(run) && !settle(run, level))
            sim_run_fail(run, "I25 a calm disk does not come to rest");
    }
    if (!sim_run_over(run))
        compare(run, level);
    if (!sim_run_over(run) && level->waiting_count > 0)
        sim_run_fail(run, "I25 an answer never came");
}

static void stop(struct sim_run *run)
{
    struct level *level = run->level;

    sim_opinion_release(&level->core.opinion);
    forget_waiting(level);
    free(level->waiting);
    if (level->has_log) {
        sim_durable_end(&level->durable, SIM_END_POWER);
        sim_durable_release(&level->durable);
    } else {
        shard_free(level->core.shard);
    }
    free(level);
}

const struct sim_level_calls sim_level_core = {start, operate, finish, stop};
