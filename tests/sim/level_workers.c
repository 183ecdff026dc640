/* S2: the whole engine but its sockets: real workers, mailboxes and logs, taking turns
 * as the seed says, ended by crashes and begun again, with clients that repeat,
 * hedge and vanish. */
#include "../../engine/worker.h"
#include "durable.h"
#include "level.h"
#include "mirror.h"

enum {
    SHARDS_MOST = 8,
    INBOX_MAX = 256,
    RESENT_MAX = 64,
    FLIGHT_MAX = 4096, /* operations sent and not answered, by slot */
    ROUNDS_MAX = 20000,
    QUIET_ROUNDS = 20,
    COMPARE_EVERY = 2048,
    NS_PER_MS = 1000000
};

/* An operation that some worker has. */
struct flight {
    bool used;
    bool vanished; /* the client has gone: the answer is looked at, but nobody knows it */
    uint32_t generation;
    uint64_t sent_ms;
    struct sim_operation operation;
};

struct connection {
    struct sim_run *run;
    struct worker *worker;
    struct command inbox[INBOX_MAX];
    uint32_t waiting;
};

struct level {
    struct sim_durable durable;
    struct config config;
    struct worker_group group;
    struct connection connections[SHARDS_MOST];
    struct shard *shards[SHARDS_MOST]; /* the workers' */
    struct flight flights[FLIGHT_MAX];
    struct sim_mirror mirror;
    uint32_t next_flight, generation, in_flight;
    uint64_t ns;               /* monotonic */
    int64_t offset_ms;         /* of the wall clock */
    uint64_t born_ms, born_ns; /* this life: the latest its clocks may have begun with */
    uint32_t jumps;            /* in this life */
    uint32_t operations, next_shards;
    bool up;
};

/* --- ports --- */

static uint32_t reap(void *context)
{
    struct connection *connection = context;
    uint32_t taken = 0;

    while (taken < connection->waiting) {
        struct command *command = worker_command(connection->worker);
        if (!command)
            break;
        const struct command *from = &connection->inbox[taken++];
        memcpy(command, from, command_bytes(from));
        command->received_ns = worker_now_ns(connection->worker);
        worker_submit(connection->worker);
    }
    memmove(connection->inbox, connection->inbox + taken,
            (connection->waiting - taken) * sizeof connection->inbox[0]);
    connection->waiting -= taken;
    return taken;
}

/* Only a worker that ends asks for time to pass: it waits for its last flush. */
static void submit_and_wait(void *context, uint64_t wait_ns)
{
    struct connection *connection = context;
    struct level *level = connection->run->level;

    if (wait_ns == 0)
        return;
    level->ns += NS_PER_MS;
    sim_durable_tick(&level->durable, 1);
}

/* Log time goes on as fast as time does, and follows a step of the wall clock of no
 * more than 5 s (I23). */
static void check_stamp(struct sim_run *run, const struct level *level, uint64_t stamp_ms)
{
    uint64_t passed_ms = (level->ns - level->born_ns) / NS_PER_MS;

    if (stamp_ms > level->born_ms + passed_ms + 5001ULL * (level->jumps + 1))
        sim_run_fail(run, "I23 log time has run ahead of the clock");
}

static void take_answer(void *context, struct answer *answer)
{
    struct connection *connection = context;
    struct sim_run *run = connection->run;
    struct level *level = run->level;
    struct flight *flight = &level->flights[answer->to.connection % FLIGHT_MAX];

    if (!flight->used || flight->generation != answer->to.generation) {
        sim_run_fail(run, "I5 an answer that nobody waits for, or the second to a request");
        answer_release(answer);
        return;
    }
    check_stamp(run, level, answer->settlement.stamp_ms);
    sim_durable_shown(&level->durable, answer->position_shard, answer->position_sequence);
    sim_run_answer(run, &flight->operation, answer);
    flight->used = false;
    level->in_flight--;
    answer_release(answer);
}

static void ring_bell(void *context, uint16_t worker)
{
    (void)context, (void)worker; /* nobody sleeps */
}

static void drain(void *context)
{
    (void)context;
}

static uint32_t unfinished(void *context)
{
    return ((const struct connection *)context)->waiting;
}

static uint64_t wall_ms(void *context)
{
    const struct level *level = context;
    return SIM_START_MS + level->ns / NS_PER_MS + (uint64_t)level->offset_ms;
}

static uint64_t monotonic_ns(void *context)
{
    return ((const struct level *)context)->ns;
}

static uint64_t draw(void *context)
{
    struct level *level = context;
    return sim_random_next(&level->durable.run->names);
}

/* --- lives --- */

static void open_worker(struct sim_run *run, struct level *level, uint16_t index)
{
    struct connection *connection = &level->connections[index];

    level->shards[index] = level->durable.shards[index];
    struct worker *worker = worker_new(&level->group, index, level->shards[index]);
    if (!worker)
        abort();
    level->durable.shards[index] = NULL; /* the worker's now */
    *connection = (struct connection){.run = run, .worker = worker};
    struct transport transport = {.context = connection,
                                  .reap = reap,
                                  .submit_and_wait = submit_and_wait,
                                  .answer = take_answer,
                                  .ring_bell = ring_bell,
                                  .drain = drain,
                                  .unfinished = unfinished};
    worker_attach(worker, &level->durable.logs[index].journal, &transport);
    worker_start_clock(worker, level->durable.recovered.tails[index].stamp_ms);
}

static bool send(struct sim_run *run, struct level *level, const struct sim_operation *operation,
                 bool again)
{
    uint16_t index = (uint16_t)sim_random_below(&run->chaos, level->group.shard_count);
    struct connection *connection = &level->connections[index];
    struct flight *flight = &level->flights[level->next_flight % FLIGHT_MAX];

    if (connection->waiting == INBOX_MAX || flight->used)
        return false;
    struct command *command = &connection->inbox[connection->waiting++];
    sim_command_of(&run->clients, operation, command);
    if (!again)
        sim_clients_sent(&run->clients, operation, command);
    *flight = (struct flight){.used = true,
                              .generation = ++level->generation,
                              .sent_ms = run->now_ms,
                              .operation = *operation};
    command->to = (struct reply_to){
        .worker = index, .connection = level->next_flight, .generation = level->generation};
    level->next_flight++;
    level->in_flight++;
    return true;
}

/* A client that has had no answer asks again, as one that has asks in vain. */
static void send_again(struct sim_run *run, struct level *level)
{
    for (uint32_t i = 0; i < RESENT_MAX; i++) {
        const struct sim_past *past = sim_past(&run->clients, run->load.number - i);
        if (!past || past->operation.key == 0 || !sim_is_command(&past->operation))
            continue;
        struct sim_operation operation = past->operation;
        send(run, level, &operation, true);
    }
}

static void begin_life(struct sim_run *run, struct level *level, uint16_t shard_count)
{
    struct worker_group *group = &level->group;

    if (!sim_durable_start(&level->durable, shard_count))
        return;
    *group = (struct worker_group){.shard_count = shard_count, .config = &level->config};
    group->partitions = level->durable.partitions;
    group->clock = (struct clock){level, wall_ms, monotonic_ns, draw};
    group->mailboxes =
        mailbox_grid_new((uint16_t)(shard_count + 1), run->plan.value[SIM_MAILBOX_SLOTS]);
    group->metrics = aligned_alloc(64, shard_count * sizeof *group->metrics);
    if (!group->mailboxes || !group->metrics)
        abort();
    memset(group->metrics, 0, shard_count * sizeof *group->metrics);
    level->born_ms = wall_ms(level);
    level->born_ns = level->ns;
    level->jumps = 0;
    for (uint16_t i = 0; i < shard_count; i++) {
        open_worker(run, level, i);
        if (level->durable.recovered.tails[i].stamp_ms > level->born_ms)
            level->born_ms = level->durable.recovered.tails[i].stamp_ms;
    }
    level->up = true;
    sim_mirror_open(&level->mirror, &level->durable);
    send_again(run, level);
}

static void end_life(struct level *level, enum sim_end how)
{
    if (!level->up)
        return;
    sim_mirror_close(&level->mirror);
    for (uint16_t i = 0; i < level->group.shard_count; i++) {
        struct connection *connection = &level->connections[i];
        for (uint32_t n = 0; n < connection->waiting; n++)
            command_release(&connection->inbox[n]);
        worker_free(connection->worker);
    }
    mailbox_grid_free(level->group.mailboxes);
    free(level->group.metrics);
    for (uint32_t i = 0; i < FLIGHT_MAX; i++)
        level->flights[i].used = false;
    level->in_flight = 0;
    level->up = false;
    sim_durable_end(&level->durable, how);
}

/* --- turns --- */

static void judge(struct sim_run *run, const char *fault)
{
    if (fault)
        sim_run_fail(run, fault);
}

/* The log of a worker failed: it tells those who wait what it can, and the process
 * ends (I31). */
static void fail_workers(struct sim_run *run, struct level *level)
{
    for (uint16_t i = 0; i < level->group.shard_count && !sim_run_over(run); i++) {
        const struct journal *journal = &level->durable.logs[i].journal;
        if (journal->state(journal->context) == JOURNAL_FAILED)
            worker_run(level->connections[i].worker);
    }
}

static void crash(struct sim_run *run, struct level *level, enum sim_end how)
{
    uint16_t count = level->next_shards ? (uint16_t)level->next_shards : level->group.shard_count;

    if (!sim_disk_dark(level->durable.disk) && sim_durable_dying(&level->durable))
        fail_workers(run, level);
    level->next_shards = 0;
    end_life(level, how);
    if (!sim_run_over(run))
        begin_life(run, level, count);
}

static void pass(struct sim_run *run, struct level *level, uint64_t ns)
{
    level->ns += ns;
    run->now_ms = SIM_START_MS + level->ns / NS_PER_MS;
}

static void turn(struct sim_run *run, struct level *level)
{
    uint16_t index = (uint16_t)sim_random_below(&run->chaos, level->group.shard_count);
    bool slow = run->plan.value[SIM_SLOW] && index == 0 && level->group.shard_count > 1;

    if (slow && sim_random_below(&run->chaos, 100) > 0)
        return;
    pass(run, level, sim_random_below(&run->chaos, 300000));
    sim_durable_tick(&level->durable, sim_random_below(&run->chaos, 4));
    if (!sim_durable_dying(&level->durable))
        worker_turn(level->connections[index].worker, 0);
    if (!sim_run_over(run) && sim_durable_dying(&level->durable))
        crash(run, level, SIM_END_POWER);
}

/* Every worker in order, until all is answered and durable. False: it does not end. */
static bool settle(struct sim_run *run, struct level *level)
{
    int quiet_rounds = 0; /* an order goes on a while after what it waited for */

    for (int round = 0; round < ROUNDS_MAX && !sim_run_over(run); round++) {
        bool quiet = level->in_flight == 0;
        for (uint16_t i = 0; i < level->group.shard_count && quiet; i++) {
            const struct journal *journal = &level->durable.logs[i].journal;
            quiet = journal->appended(journal->context) == journal->durable(journal->context) &&
                    !log_writer_busy(level->durable.logs[i].writer) &&
                    mailbox_depth(level->group.mailboxes, i) == 0;
        }
        quiet_rounds = quiet ? quiet_rounds + 1 : 0;
        if (quiet_rounds > QUIET_ROUNDS)
            return true;
        pass(run, level, NS_PER_MS);
        sim_durable_tick(&level->durable, 10);
        for (uint16_t i = 0; i < level->group.shard_count; i++)
            if (!sim_durable_dying(&level->durable))
                worker_turn(level->connections[i].worker, 0);
        if (!sim_run_over(run) && sim_durable_dying(&level->durable))
            crash(run, level, SIM_END_POWER);
    }
    return sim_run_over(run);
}

static void stop_clean(struct sim_run *run, struct level *level)
{
    if (!settle(run, level))
        sim_run_fail(run, "I25 requests are not answered, or a log does not come to rest");
    atomic_store(&level->group.drained, level->group.shard_count);
    atomic_store(&level->group.stop, WORKER_DRAIN);
    for (uint16_t i = 0; i < level->group.shard_count && !sim_run_over(run); i++)
        if (!sim_durable_dying(&level->durable))
            worker_run(level->connections[i].worker);
}

/* With everything durable, the engine's state is that of the books. */
static void compare(struct sim_run *run, struct level *level)
{
    static struct inquiry inquiry;

    judge(run, sim_ledger_recount(run->ledger));
    judge(run, sim_ledger_check_limits(run->ledger));
    judge(run, sim_ledger_check_orders(run->ledger));
    judge(run, sim_ledger_compare_counts(run->ledger, level->shards, &level->group.partitions));
    judge(run, sim_ledger_compare(run->ledger, level->shards, &level->group.partitions, 0));
    for (uint16_t i = 0; i < level->group.shard_count; i++) {
        inquiry = (struct inquiry){.kind = INQUIRY_AUDIT};
        shard_inquire(level->shards[i], &inquiry);
        if (inquiry.audit.violations > 0)
            judge(run, inquiry.audit.first_violation);
        sim_run_note(run, shard_zone_hash(level->shards[i]));
    }
}

/* --- the level --- */

static void start(struct sim_run *run)
{
    struct level *level = calloc(1, sizeof *level);
    if (!level)
        abort();
    run->level = level;
    level->config.server.drain_timeout_ms = 5000;
    sim_durable_init(&level->durable, run);
    sim_mirror_init(&level->mirror, run);
    begin_life(run, level, (uint16_t)run->plan.value[SIM_SHARDS]);
}

static void command(struct sim_run *run, struct level *level, const struct sim_operation *operation)
{
    bool hedged = operation->key != 0 && sim_percent(&run->chaos, run->plan.value[SIM_HEDGE]);

    for (int i = 0; i < 100 && !send(run, level, operation, false) && !sim_run_over(run); i++)
        turn(run, level);
    if (hedged && !sim_run_over(run))
        send(run, level, operation, true);
    if (sim_makes_world(operation) && !settle(run, level))
        sim_run_fail(run, "I25 the catalog's change is not answered");
}

static void chaos(struct sim_run *run, struct level *level, const struct sim_operation *operation)
{
    if (operation->kind == SIM_CRASH) {
        level->next_shards = operation->quantity;
        if (operation->value == SIM_END_STOP)
            stop_clean(run, level);
        if (!sim_run_over(run))
            crash(run, level, (enum sim_end)operation->value);
    } else if (operation->kind == SIM_CUT_DISK) {
        level->next_shards = operation->quantity;
        sim_disk_cut_after(level->durable.disk, operation->value);
    } else if (operation->kind == SIM_FAULTS) {
        sim_durable_faults(&level->durable, operation->value != 0);
    } else if (operation->kind == SIM_SNAPSHOT) {
        sim_durable_snapshot(&level->durable, "mirror");
    } else if (operation->kind == SIM_JUMP) {
        int64_t ms =
            operation->value % 4 == 0 ? operation->quantity * 100LL : operation->quantity % 20000;
        level->jumps++;
        level->offset_ms = operation->seat % 2 ? ms : -ms / 100;
    } else if (operation->kind == SIM_MIRROR_STEP) {
        judge(run, sim_mirror_step(&level->mirror, 1 + operation->value % 500,
                                   operation->seat % 4 == 0, operation->seat % 8 == 0));
    }
}

/* One turn for two operations, now and then or, with bursts, many at a time. */
static void take_turns(struct sim_run *run, struct level *level)
{
    uint32_t burst = run->plan.value[SIM_BURST];

    if (burst != 0 && sim_random_below(&run->chaos, burst) != 0)
        return;
    while (!sim_run_over(run) && (burst != 0 ? sim_random_below(&run->chaos, burst / 2 + 2) != 0
                                             : sim_random_below(&run->chaos, 3) == 0))
        turn(run, level);
}

static void operate(struct sim_run *run, const struct sim_operation *operation)
{
    struct level *level = run->level;

    if (sim_is_command(operation))
        command(run, level, operation);
    else if (operation->kind == SIM_WAIT)
        pass(run, level, (uint64_t)operation->value * NS_PER_MS);
    else
        chaos(run, level, operation);
    take_turns(run, level);
    if (++level->operations % COMPARE_EVERY == 0 && !sim_run_over(run) && settle(run, level) &&
        !sim_run_over(run))
        compare(run, level);
}

/* Where the wall clock was set back between lives, shards' clocks differ. */
static uint64_t earliest_clock(const struct level *level)
{
    uint64_t earliest = UINT64_MAX;

    for (uint16_t i = 0; i < level->group.shard_count; i++) {
        uint64_t now_ms = worker_now_ms(level->connections[i].worker);
        earliest = now_ms < earliest ? now_ms : earliest;
    }
    return earliest;
}

static void finish(struct sim_run *run)
{
    struct level *level = run->level;

    sim_durable_faults(&level->durable, false);
    stop_clean(run, level);
    if (!sim_run_over(run))
        crash(run, level, SIM_END_STOP);
    for (int i = 0; i < 4 && !sim_run_over(run); i++) {
        if (!settle(run, level))
            sim_run_fail(run, "I25 the last requests are not answered");
        if (i < 3) /* time to end what is due */
            pass(run, level, 500ULL * NS_PER_MS);
    }
    if (!sim_run_over(run))
        compare(run, level);
    if (!sim_run_over(run))
        judge(run, sim_ledger_compare(run->ledger, level->shards, &level->group.partitions,
                                      earliest_clock(level) - 1000));
    if (!sim_run_over(run))
        judge(run, sim_mirror_finish(&level->mirror));
}

static void stop(struct sim_run *run)
{
    struct level *level = run->level;

    end_life(level, SIM_END_POWER);
    sim_mirror_release(&level->mirror);
    sim_durable_release(&level->durable);
    free(level);
}

const struct sim_level_calls sim_level_workers = {start, operate, finish, stop};
