/* A worker's run: turn after turn, until the group is to stop or the log fails. */
#include "logger.h"
#include "worker_state.h"

enum {
    NS_PER_MS = 1000000,
    TURN_WAIT_MS_MAX = 250, /* so that the watchdog and a stop are seen */
    EXIT_IO_ERROR = 74      /* EX_IOERR */
};

/* The log failed: what was decided and is not durable may or may not survive,
 * and those who wait are told exactly that. */
static void fail(struct worker *worker)
{
    uint64_t durable = worker->journal.durable(worker->journal.context);

    worker->failed = true;
    atomic_store(&worker->group->exit_code, EXIT_IO_ERROR);
    atomic_store(&worker->group->stop, WORKER_STOP_NOW);
    logger_log(LOGGER_ERROR, "log_failed", LOG_INT("shard", worker->index),
               LOG_INT("durable", durable), LOG_INT("undecided", worker->gate.count));
    for (; worker->gate.count > 0; gate_pop(&worker->gate)) {
        struct gate_entry *entry = &worker->gate.entries[worker->gate.head];
        if (entry->to != worker->index || entry->message.kind != MESSAGE_ANSWER) {
            message_release(&entry->message);
            continue;
        }
        if (entry->sequence > durable) {
            answer_release(&entry->message.answer);
            entry->message.answer.result = RESULT_INDETERMINATE;
            entry->message.answer.position_sequence = durable; /* all it may rest on */
        }
        worker_answer(worker, &entry->message.answer);
    }
    worker_fail_changes(worker, durable);
    worker_fail_orders(worker, durable);
    /* Twice: once to queue the sends, once to let them go. */
    worker->transport.submit_and_wait(worker->transport.context, 0);
    worker->transport.reap(worker->transport.context);
    worker->transport.submit_and_wait(worker->transport.context, NS_PER_MS);
}

static void begin_drain(struct worker *worker)
{
    worker->draining = true;
    worker->drain_deadline_ns =
        worker->now_ns + (uint64_t)worker->group->config->server.drain_timeout_ms * NS_PER_MS;
    worker->transport.drain(worker->transport.context);
}

static bool is_quiet(const struct worker *worker)
{
    const struct journal *journal = &worker->journal;

    return worker->transport.unfinished(worker->transport.context) == 0 && worker->in_flight == 0 &&
           worker->gate.count == 0 && worker->deferred_count == 0 && worker->order_run_count == 0 &&
           journal->appended(journal->context) == journal->durable(journal->context);
}

/* True: every worker has finished what it had begun (or its time is up). */
static bool drain_step(struct worker *worker)
{
    if (!worker->draining)
        begin_drain(worker);
    if (!worker->drained && (is_quiet(worker) || worker->now_ns > worker->drain_deadline_ns)) {
        worker->drained = true;
        atomic_fetch_add(&worker->group->drained, 1);
    }
    return atomic_load(&worker->group->drained) >= worker->group->shard_count;
}

uint64_t worker_log_state(struct worker *worker)
{
    struct record record = {.kind = RECORD_STATE,
                            .stamp_ms = worker->now_ms,
                            .state_hash = shard_zone_hash(worker->shard)};

    return worker->journal.append(worker->journal.context, &record);
}

/* Asked from outside, now and then. */
static void tell_state(struct worker *worker)
{
    uint32_t asked = atomic_load_explicit(&worker->group->states_asked, memory_order_relaxed);

    if (asked != worker->states_told && worker_log_state(worker) != 0)
        worker->states_told = asked;
}

/* The last records say what the state is, and that nothing was under way. */
static void write_clean_stop(struct worker *worker)
{
    const struct journal *journal = &worker->journal;
    struct record record = {.kind = RECORD_CLEAN_STOP, .stamp_ms = worker->now_ms};
    uint64_t give_up_ns = worker->now_ns + 1000ULL * NS_PER_MS;

    worker_log_state(worker);
    uint64_t sequence = journal->append(journal->context, &record);
    while (sequence != 0 && journal->durable(journal->context) < sequence &&
           journal->state(journal->context) != JOURNAL_FAILED && worker->now_ns < give_up_ns) {
        journal->flush(journal->context);
        worker->transport.submit_and_wait(worker->transport.context, NS_PER_MS);
        worker->transport.reap(worker->transport.context);
        worker_tell_time(worker);
    }
}

int worker_run(struct worker *worker)
{
    metric_set(&worker->metrics->ready, 1);
    for (;;) {
        int stop = atomic_load_explicit(&worker->group->stop, memory_order_relaxed);
        if (stop == WORKER_STOP_NOW)
            break;
        if (stop == WORKER_DRAIN && drain_step(worker)) {
            if (is_quiet(worker))
                write_clean_stop(worker);
            break;
        }
        tell_state(worker);
        worker_turn(worker, (uint64_t)TURN_WAIT_MS_MAX * NS_PER_MS);
        if (worker_journal_state(worker) == JOURNAL_FAILED) {
            fail(worker);
            break;
        }
    }
    metric_set(&worker->metrics->ready, 0);
    return atomic_load(&worker->group->exit_code);
}
