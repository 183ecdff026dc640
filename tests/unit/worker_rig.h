/* Real workers, mailboxes and shards, driven turn by turn in one thread. The three ports
 * are the test's: time moves when told, a log becomes durable when told (or fails, or is
 * full), and connections are an array of commands to send and answers that came back. */
#ifndef TESTS_UNIT_WORKER_RIG_H
#define TESTS_UNIT_WORKER_RIG_H

#include <assert.h>

#include "shard_rig.h"
#include "../../engine/worker.h"

enum { SIM_LOG_MAX = 30000, SIM_INBOX_MAX = 4096, SIM_ANSWERS_MAX = 50000, SIM_GROWTH = 64 };

struct sim_log {
    struct record *records; /* as many as were appended, and some room */
    uint64_t appended, submitted, durable;
    uint64_t room; /* records a batch may hold */
    bool stuck;    /* flushes do not end */
    enum journal_state state;
};

struct sim_net {
    struct worker *worker;
    struct command *inbox;
    uint32_t waiting;
};

struct sim {
    struct rig rig; /* the workers' own shards: to put a catalog in, and to look at */
    struct config config;
    struct worker_group group;
    struct sim_log logs[RIG_SHARDS_MAX];
    struct sim_net nets[RIG_SHARDS_MAX];
    uint64_t wall_ms, ns;
    uint64_t seed;
    struct answer *answers;
    uint32_t answer_count;
    uint32_t asked; /* commands sent; to.connection numbers them */
};

/* Room for one more behind `count` of them: grown each time the count comes to a power
 * of two, because most tests have few. */
static inline void *sim_grow(void *array, uint64_t count, size_t bytes)
{
    if (count != 0 && (count < SIM_GROWTH || (count & (count - 1)) != 0))
        return array;
    uint64_t room = count < SIM_GROWTH ? SIM_GROWTH : 2 * count;
    void *grown = realloc(array, room * bytes);
    assert(grown);
    return grown;
}

/* --- ports --- */

static inline uint64_t sim_append(void *context, const struct record *record)
{
    struct sim_log *log = context;
    if (log->appended - log->submitted >= log->room)
        return 0;
    assert(log->appended < SIM_LOG_MAX);
    log->records = sim_grow(log->records, log->appended, sizeof *log->records);
    log->records[log->appended] = *record;
    return ++log->appended;
}

/* A log that begins with the first `count` records of another. */
static inline void sim_log_inherit(struct sim_log *log, const struct sim_log *before,
                                   uint64_t count)
{
    for (uint64_t n = 0; n < count; n++) {
        log->records = sim_grow(log->records, n, sizeof *log->records);
        log->records[n] = before->records[n];
    }
    log->appended = log->submitted = log->durable = count;
}

static inline void sim_flush(void *context)
{
    struct sim_log *log = context;
    if (log->submitted == log->durable)
        log->submitted = log->appended;
}

static inline uint64_t sim_durable(void *context)
{
    return ((struct sim_log *)context)->durable;
}

static inline uint64_t sim_appended(void *context)
{
    return ((struct sim_log *)context)->appended;
}

static inline enum journal_state sim_state(void *context)
{
    return ((struct sim_log *)context)->state;
}

static inline uint32_t sim_reap(void *context)
{
    struct sim_net *net = context;
    uint32_t taken = 0;
    for (; taken < net->waiting; taken++) {
        struct command *command = worker_command(net->worker);
        if (!command)
            break;
        *command = net->inbox[taken];
        command->received_ns = worker_now_ns(net->worker);
        worker_submit(net->worker);
    }
    if (taken > 0)
        memmove(net->inbox, net->inbox + taken, (net->waiting - taken) * sizeof net->inbox[0]);
    net->waiting -= taken;
    return taken;
}

static inline void sim_submit_and_wait(void *context, uint64_t wait_ns)
{
    (void)context;
    (void)wait_ns;
}

static inline void sim_answer(void *context, struct answer *answer)
{
    const struct sim_net *net = context;
    struct sim *sim = (struct sim *)(uintptr_t)worker_group(net->worker)->clock.context;
    assert(sim->answer_count < SIM_ANSWERS_MAX);
    sim->answers = sim_grow(sim->answers, sim->answer_count, sizeof *sim->answers);
    sim->answers[sim->answer_count++] = *answer;
}

static inline void sim_ring_bell(void *context, uint16_t worker)
{
    (void)context;
    (void)worker;
}

static inline void sim_drain(void *context)
{
    (void)context;
}

static inline uint32_t sim_unfinished(void *context)
{
    return ((struct sim_net *)context)->waiting;
}

static inline uint64_t sim_wall_ms(void *context)
{
    return ((struct sim *)context)->wall_ms;
}

static inline uint64_t sim_ns(void *context)
{
    return ((struct sim *)context)->ns;
}

static inline uint64_t sim_random(void *context)
{
    struct sim *sim = context;
    struct rig rig = {.seed = sim->seed};
    uint64_t drawn = rig_random(&rig);
    sim->seed = rig.seed;
    return drawn;
}

/* --- life --- */

static inline void sim_open_at(struct sim *sim, uint16_t shards, uint32_t reserve_per_minute,
                               uint64_t wall_ms, uint64_t ns)
{
    *sim = (struct sim){.wall_ms = wall_ms, .ns = ns, .seed = 3};
    sim->config.server.drain_timeout_ms = 5000;
    sim->group.shard_count = shards;
    sim->group.config = &sim->config;
    partition_map_init(&sim->group.partitions, shards);
    sim->rig.partitions = sim->group.partitions;
    sim->group.clock = (struct clock){sim, sim_wall_ms, sim_ns, sim_random};
    sim->group.mailboxes = mailbox_grid_new((uint16_t)(shards + 1), 64);
    sim->group.metrics = aligned_alloc(64, shards * sizeof *sim->group.metrics);
    memset(sim->group.metrics, 0, shards * sizeof *sim->group.metrics);
    for (uint16_t i = 0; i < shards; i++) {
        struct shard_options options = {.index = i,
                                        .partitions = &sim->group.partitions,
                                        .reservation_ttl_ms = RIG_TTL_MS,
                                        .hold_ms_max = 3 * RIG_TTL_MS,
                                        .max_per_order = RIG_MAX_PER_ORDER,
                                        .idempotency_ms = RIG_KEY_MS,
                                        .reserve_per_minute = reserve_per_minute,
                                        .reserve_burst = 3};
        sim->rig.shards[i] = shard_new(&options);
        struct worker *worker = worker_new(&sim->group, i, sim->rig.shards[i]);
        struct sim_log *log = &sim->logs[i];
        log->room = 1000;
        sim->nets[i].worker = worker;
        struct journal journal = {log, sim_append, sim_flush, sim_durable, sim_appended, sim_state};
        struct transport transport = {.context = &sim->nets[i],
                                      .reap = sim_reap,
                                      .submit_and_wait = sim_submit_and_wait,
                                      .answer = sim_answer,
                                      .ring_bell = sim_ring_bell,
                                      .drain = sim_drain,
                                      .unfinished = sim_unfinished};
        worker_attach(worker, &journal, &transport);
    }
}

static inline void sim_open(struct sim *sim, uint16_t shards, uint32_t reserve_per_minute)
{
    sim_open_at(sim, shards, reserve_per_minute, RIG_START_MS, 1000000000);
}

/* What was on its way between workers: nobody will take it. */
static inline void sim_drop_messages(struct sim *sim, uint16_t from, uint16_t to)
{
    struct message *message;

    if (from == to)
        return;
    mailbox_publish(sim->group.mailboxes, from, to);
    while ((message = mailbox_peek(sim->group.mailboxes, to, from)) != NULL) {
        if (message->kind <= MESSAGE_COMMAND_CATALOG)
            command_release(&message->command);
        else if (message->kind <= MESSAGE_GATHERED)
            answer_release(&message->answer);
        mailbox_consume(sim->group.mailboxes, to, from);
    }
}

static inline void sim_drop_all(struct sim *sim)
{
    for (uint16_t i = 0; i < sim->group.shard_count; i++) {
        for (uint16_t j = 0; j < sim->group.shard_count; j++)
            sim_drop_messages(sim, i, j);
        for (uint32_t n = 0; n < sim->nets[i].waiting; n++)
            command_release(&sim->nets[i].inbox[n]);
    }
}

static inline void sim_close(struct sim *sim)
{
    sim_drop_all(sim);
    for (uint32_t i = 0; i < sim->answer_count; i++)
        answer_release(&sim->answers[i]);
    for (uint16_t i = 0; i < sim->group.shard_count; i++)
        worker_free(sim->group.workers[i]);
    for (uint16_t i = 0; i < RIG_SHARDS_MAX; i++) {
        free(sim->logs[i].records);
        free(sim->nets[i].inbox);
    }
    mailbox_grid_free(sim->group.mailboxes);
    free(sim->group.metrics);
    free(sim->answers);
}

/* One on the heap. */
static inline void sim_free(struct sim *sim)
{
    sim_close(sim);
    free(sim);
}

/* --- running --- */

/* Sends a command on a connection of the worker; its number. */
static inline uint32_t sim_send(struct sim *sim, uint16_t worker, struct command command)
{
    struct sim_net *net = &sim->nets[worker];
    assert(net->waiting < SIM_INBOX_MAX);
    command.to.connection = sim->asked++;
    net->inbox = sim_grow(net->inbox, net->waiting, sizeof *net->inbox);
    net->inbox[net->waiting++] = command;
    return command.to.connection;
}

static inline void sim_pass(struct sim *sim, uint64_t ms)
{
    sim->wall_ms += ms;
    sim->ns += ms * 1000000;
}

/* One turn of every worker; flushes that were submitted before end, unless stuck. Nobody
 * goes to sleep on a record that no flush will make durable: nothing would wake them. */
static inline void sim_turn(struct sim *sim)
{
    for (uint16_t i = 0; i < sim->group.shard_count; i++) {
        struct sim_log *log = &sim->logs[i];
        if (!log->stuck && log->state != JOURNAL_FAILED)
            log->durable = log->submitted;
        worker_turn(sim->group.workers[i], 0);
        assert(log->submitted != log->durable || log->appended == log->submitted);
    }
}

static inline void sim_turns(struct sim *sim, int turns)
{
    for (int i = 0; i < turns; i++)
        sim_turn(sim);
}

/* The answer to a command; NULL: not yet. */
static inline const struct answer *sim_answer_to(const struct sim *sim, uint32_t number)
{
    for (uint32_t i = 0; i < sim->answer_count; i++)
        if (sim->answers[i].to.connection == number)
            return &sim->answers[i];
    return NULL;
}

/* Sends, and runs until the answer is there. */
static inline struct answer sim_ask(struct sim *sim, uint16_t worker, struct command command)
{
    uint32_t number = sim_send(sim, worker, command);
    for (int i = 0; i < 100 && !sim_answer_to(sim, number); i++)
        sim_turn(sim);
    const struct answer *answer = sim_answer_to(sim, number);
    assert_non_null(answer);
    return *answer;
}

#endif
