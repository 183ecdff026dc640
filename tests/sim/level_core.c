/* S0: one shard, no log. S1: the same with its log on a simulated disk (durable.h). */
#include "core.h"

enum { COMPARE_EVERY = 2048 };

struct level {
    struct sim_core core;
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

static void start(struct sim_run *run)
{
    struct level *level = calloc(1, sizeof *level);
    if (!level)
        abort();
    run->level = level;
    level->core.run = run;
    partition_map_init(&level->core.partitions, 1);
    struct shard_options options = sim_shard_options(&run->plan, 0, &level->core.partitions);
    level->core.shard = shard_new(&options);
    if (!level->core.shard)
        abort();
}

static void operate(struct sim_run *run, const struct sim_operation *operation)
{
    struct level *level = run->level;

    if (sim_is_command(operation)) {
        sim_core_ask(&level->core, operation);
        sim_run_answer(run, operation, &level->core.answer);
        answer_release(&level->core.answer);
    } else if (operation->kind == SIM_WAIT) {
        run->now_ms += operation->value;
        level->late = operation->number % 8 == 0;
    }
    if (!level->late)
        sim_core_expire(&level->core);
    shard_forget(level->core.shard, run->now_ms);
    if (++level->operations % COMPARE_EVERY == 0 && !run->failed)
        compare(run, level);
}

static void finish(struct sim_run *run)
{
    compare(run, run->level);
}

static void stop(struct sim_run *run)
{
    struct level *level = run->level;

    shard_free(level->core.shard);
    free(level);
}

const struct sim_level_calls sim_level_core = {start, operate, finish, stop};
