/* A worker's life and its turn. */
#include "worker.h"

#include <assert.h>
#include <string.h>

#include "logger.h"
#include "memory.h"
#include "worker_state.h"

enum {
    NS_PER_MS = 1000000,
    CLOCK_JUMP_MS_MAX = 5000, /* a larger step of the wall clock is not followed */
    INQUIRIES_MAX = 64        /* of the control thread; it asks one by one */
};

/* What may be in the gate, besides what expires: every worker's requests may be
 * with us, and a cancel takes two places, its answer and the tickets it gives
 * back; versions on their way out, and the answers that ours were put in place;
 * every worker's orders: what their homes ask of bookings, what those answer, and
 * the tickets they give back. */
static uint32_t gate_places(uint16_t shard_count)
{
    return 2U * shard_count * IN_FLIGHT_MAX + 2U * shard_count * CATALOG_ROUNDS_MAX +
           3U * shard_count * ORDER_RUNS_MAX * ORDER_ITEMS_MAX + INQUIRIES_MAX;
}

struct worker *worker_new(struct worker_group *group, uint16_t index, struct shard *shard)
{
    struct worker *worker = memory_new(sizeof *worker);

    if (!worker)
        return NULL;
    worker->group = group;
    worker->index = index;
    worker->shard = shard;
    worker->metrics = &group->metrics[index];
    worker->batch = memory_reserve(IN_FLIGHT_MAX * sizeof *worker->batch);
    worker->deferred = memory_reserve(DEFERRED_MAX * sizeof *worker->deferred);
    worker->pair_publisher = pair_publisher_new();
    worker->gate_kept = gate_places(group->shard_count);
    worker->now_ns = group->clock.monotonic_ns(group->clock.context);
    worker->now_ms = group->clock.wall_ms(group->clock.context);
    if (worker->batch && worker->deferred && worker->pair_publisher && worker_orders_init(worker) &&
        gate_init(&worker->gate, worker->gate_kept + EXPIRED_IN_GATE_MAX)) {
        group->workers[index] = worker;
        return worker;
    }
    worker_free(worker);
    return NULL;
}

/* A stop in the middle leaves things that will never be answered. */
static void release_unfinished(struct worker *worker)
{
    for (; worker->gate.count > 0; gate_pop(&worker->gate))
        message_release(&worker->gate.entries[worker->gate.head].message);
    for (uint32_t i = 0; i < worker->deferred_count; i++)
        command_release(&worker->deferred[i].command);
    for (uint32_t i = 0; i < CATALOG_ROUNDS_MAX; i++)
        if (worker->rounds[i].used)
            message_release(&worker->rounds[i].message);
    for (uint32_t i = 0; i < GATHERS_MAX; i++)
        if (worker->gathers[i].used)
            answer_release(&worker->gathers[i].answer);
}

void worker_free(struct worker *worker)
{
    if (!worker)
        return;
    release_unfinished(worker);
    worker_forget_seat_maps(worker);
    pair_publisher_free(worker->pair_publisher);
    worker_orders_release(worker);
    gate_release(&worker->gate);
    memory_release(worker->deferred, DEFERRED_MAX * sizeof *worker->deferred);
    memory_release(worker->batch, IN_FLIGHT_MAX * sizeof *worker->batch);
    shard_free(worker->shard);
    memory_free(worker);
}

void worker_attach(struct worker *worker, const struct journal *journal,
                   const struct transport *transport)
{
    worker->journal = *journal;
    worker->transport = *transport;
}

void worker_start_clock(struct worker *worker, uint64_t stamp_ms)
{
    if (stamp_ms > worker->now_ms)
        worker->now_ms = stamp_ms;
}

/* --- for the transport --- */

bool worker_accepting(const struct worker *worker)
{
    return worker->in_flight < IN_FLIGHT_MAX && worker->batch_count < IN_FLIGHT_MAX &&
           worker->gate.count < IN_FLIGHT_MAX && !worker->failed;
}

struct command *worker_command(struct worker *worker)
{
    if (!worker_accepting(worker))
        return NULL;
    struct command *command = &worker->batch[worker->batch_count];
    memset(command, 0, offsetof(struct command, seats));
    return command;
}

void worker_submit(struct worker *worker)
{
    assert(worker->batch_count < IN_FLIGHT_MAX && worker->in_flight < IN_FLIGHT_MAX);
    worker->batch[worker->batch_count].to.worker = worker->index;
    worker->batch_count++;
    worker->in_flight++;
}

const struct catalog *worker_catalog(const struct worker *worker)
{
    return shard_catalog(worker->shard);
}

uint64_t worker_now_ms(const struct worker *worker)
{
    return worker->now_ms;
}

uint64_t worker_now_ns(const struct worker *worker)
{
    return worker->now_ns;
}

struct worker_metrics *worker_metrics(struct worker *worker)
{
    return worker->metrics;
}

const struct worker_group *worker_group(const struct worker *worker)
{
    return worker->group;
}

uint16_t worker_index(const struct worker *worker)
{
    return worker->index;
}

enum journal_state worker_journal_state(const struct worker *worker)
{
    return worker->journal.state(worker->journal.context);
}

/* --- a turn --- */

void worker_tell_time(struct worker *worker)
{
    const struct clock *clock = &worker->group->clock;
    uint64_t ns = clock->monotonic_ns(clock->context), wall_ms = clock->wall_ms(clock->context);
    uint64_t expected_ms = worker->now_ms + (ns / NS_PER_MS - worker->now_ns / NS_PER_MS);
    bool jumped =
        wall_ms > expected_ms + CLOCK_JUMP_MS_MAX || wall_ms + CLOCK_JUMP_MS_MAX < expected_ms;

    if (jumped && !worker->clock_jumped)
        logger_log(LOGGER_WARN, "clock_jumped", LOG_INT("shard", worker->index),
                   LOG_INT("wall_ms", wall_ms), LOG_INT("log_ms", expected_ms));
    worker->clock_jumped = jumped;
    if (jumped)
        wall_ms = expected_ms;
    worker->now_ms = wall_ms > worker->now_ms ? wall_ms : worker->now_ms;
    worker->now_ns = ns;
}

static void route_batch(struct worker *worker)
{
    for (uint32_t i = 0; i < worker->batch_count; i++) {
        worker_name_booking(worker, &worker->batch[i]);
        shard_prefetch(worker->shard, &worker->batch[i], SHARD_PREFETCH_BUCKETS);
    }
    for (uint32_t i = 0; i < worker->batch_count; i++)
        shard_prefetch(worker->shard, &worker->batch[i], SHARD_PREFETCH_ENTRIES);
    for (uint32_t i = 0; i < worker->batch_count; i++)
        worker_route(worker, &worker->batch[i]);
    worker->batch_count = 0;
}

static bool is_decided_on(const struct message *message)
{
    return message->kind == MESSAGE_COMMAND_HOME || message->kind == MESSAGE_COMMAND_ZONE;
}

/* Names and loads ahead what the next messages from a peer ask for. */
static uint32_t look_ahead(struct worker *worker, uint16_t from)
{
    struct mailbox_grid *grid = worker->group->mailboxes;
    uint32_t count = 0;
    struct message *message;

    while (count < LOOK_AHEAD_MAX &&
           (message = mailbox_peek_ahead(grid, worker->index, from, count)) != NULL) {
        if (is_decided_on(message)) {
            worker_name_booking(worker, &message->command);
            shard_prefetch(worker->shard, &message->command, SHARD_PREFETCH_BUCKETS);
        }
        count++;
    }
    for (uint32_t i = 0; i < count; i++) {
        message = mailbox_peek_ahead(grid, worker->index, from, i);
        if (is_decided_on(message))
            shard_prefetch(worker->shard, &message->command, SHARD_PREFETCH_ENTRIES);
    }
    return count;
}

static void drain_mailbox(struct worker *worker, uint16_t from)
{
    struct mailbox_grid *grid = worker->group->mailboxes;

    for (uint32_t taken = 0; taken < MESSAGES_PER_TURN;) {
        uint32_t count = look_ahead(worker, from);
        for (uint32_t i = 0; i < count; i++) {
            worker_receive(worker, from, mailbox_peek(grid, worker->index, from));
            mailbox_consume(grid, worker->index, from);
        }
        if (count == 0)
            return;
        taken += count;
    }
}

static void drain_mailboxes(struct worker *worker)
{
    for (uint16_t from = 0; from <= worker->group->shard_count; from++)
        if (from != worker->index)
            drain_mailbox(worker, from);
}

static void release_durable(struct worker *worker)
{
    uint64_t durable = worker->journal.durable(worker->journal.context);
    struct gate_entry *entry;

    while ((entry = gate_front(&worker->gate, durable)) != NULL) {
        if (!worker_dispatch(worker, entry->to, &entry->message))
            return; /* the peer's mailbox is full: the order stays */
        gate_pop(&worker->gate);
    }
}

static void publish_mailboxes(struct worker *worker)
{
    for (uint16_t to = 0; to <= worker->group->shard_count; to++) {
        if (to != worker->index && mailbox_publish(worker->group->mailboxes, worker->index, to))
            worker->transport.ring_bell(worker->transport.context, to);
    }
}

static void publish_metrics(struct worker *worker)
{
    struct worker_metrics *metrics = worker->metrics;
    struct shard_totals totals;

    metric_add(&metrics->turns, 1);
    metric_set(&metrics->tick_ms, worker->now_ms);
    shard_totals(worker->shard, &totals);
    metric_set(&metrics->bookings, totals.bookings);
    metric_set(&metrics->bookings_reserved, totals.reserved);
    atomic_store_explicit(&metrics->journal_state, (int)worker_journal_state(worker),
                          memory_order_relaxed);
}

/* Something waits for what rings no bell: room in a mailbox or in the log. */
static bool must_look_again_soon(struct worker *worker)
{
    uint64_t durable = worker->journal.durable(worker->journal.context);

    return worker->deferred_count > 0 || worker->draining || worker_orders_wait(worker) ||
           pair_publisher_is_busy(worker->pair_publisher) ||
           gate_front(&worker->gate, durable) != NULL;
}

static uint64_t wait_ns(struct worker *worker, uint64_t wait_ns_max)
{
    uint64_t deadline_ms = shard_next_deadline_ms(worker->shard);
    uint64_t ns = wait_ns_max;

    /* An answer may have begun another command; the batch takes it up next turn. */
    if (worker->batch_count > 0)
        return 0;
    if (worker->expiry_goes_on && deadline_ms <= worker->now_ms)
        return 0;
    if (must_look_again_soon(worker) || deadline_ms <= worker->now_ms)
        return NS_PER_MS < ns ? NS_PER_MS : ns;
    if (deadline_ms - worker->now_ms < ns / NS_PER_MS)
        ns = (deadline_ms - worker->now_ms) * NS_PER_MS;
    return ns;
}

static void sleep_or_go_on(struct worker *worker, uint64_t wait_ns_max)
{
    struct mailbox_grid *grid = worker->group->mailboxes;
    uint64_t ns = wait_ns(worker, wait_ns_max);

    if (ns > 0 && mailbox_sleep(grid, worker->index)) {
        worker->transport.submit_and_wait(worker->transport.context, ns);
        mailbox_awake(grid, worker->index);
    } else {
        worker->transport.submit_and_wait(worker->transport.context, 0);
    }
}

void worker_turn(struct worker *worker, uint64_t wait_ns_max)
{
    worker_tell_time(worker);
    worker->transport.reap(worker->transport.context);
    worker_expire(worker);
    route_batch(worker);
    drain_mailboxes(worker);
    if (worker->deferred_count > 0)
        worker_retry_deferred(worker);
    worker_orders_go_on(worker);
    shard_forget(worker->shard, worker->now_ms);
    worker->journal.flush(worker->journal.context);
    worker_publish_counts(worker);
    release_durable(worker);
    /* A released part may have taken an order a step further, with a record of its own:
     * nothing would wake us for that. */
    worker->journal.flush(worker->journal.context);
    publish_mailboxes(worker);
    publish_metrics(worker);
    sleep_or_go_on(worker, wait_ns_max);
}
