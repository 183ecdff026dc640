/* A worker: one pinned thread that owns one shard, its connections and its log.
 *
 * A turn: reap completions (requests become a batch of commands) -> expire ->
 * prefetch and decide the batch -> drain mailboxes -> retry what waited -> flush
 * the log -> release durable answers -> publish mailboxes and ring sleeping peers
 * -> one system call that submits and waits. */
#ifndef ENGINE_WORKER_H
#define ENGINE_WORKER_H

#include "clock.h"
#include "command.h"
#include "config.h"
#include "journal.h"
#include "mailbox.h"
#include "metrics.h"
#include "partition.h"
#include "shard.h"
#include "transport.h"

_Static_assert(SHARD_COUNT_MAX <= 64, "a bit for each worker");

struct worker;

enum worker_stop { WORKER_RUN, WORKER_DRAIN, WORKER_STOP_NOW };

/* What all workers of the process share; read-only once they run, except for
 * the mailboxes, the published counters and `stop`. */
struct worker_group {
    uint16_t shard_count;
    const struct config *config;
    struct partition_map partitions;
    struct clock clock;
    uint64_t process; /* a random number: versions that are counted anew are told apart by it */
    struct mailbox_grid *mailboxes; /* (shard_count + 1)^2: the last is the control thread */
    struct worker_metrics *metrics; /* [shard_count], one writer each */
    struct worker *workers[SHARD_COUNT_MAX];
    _Atomic int stop;              /* enum worker_stop */
    _Atomic uint32_t drained;      /* workers with nothing in flight any more */
    _Atomic int exit_code;         /* set by the worker whose log failed */
    _Atomic uint32_t states_asked; /* grows: every worker logs a RECORD_STATE */
    struct upkeep_metrics upkeep;  /* of the logs; the main thread's */
    _Atomic uint64_t stuck; /* a bit for each worker that makes no turns; the watchdog's word */
};

/* Takes over `shard`. The journal and transport are used from the worker's
 * thread only. NULL: out of memory. */
struct worker *worker_new(struct worker_group *group, uint16_t index, struct shard *shard);
void worker_free(struct worker *worker);
void worker_attach(struct worker *worker, const struct journal *journal,
                   const struct transport *transport);

/* Log time starts no earlier than the newest stamp in the recovered log. */
void worker_start_clock(struct worker *worker, uint64_t stamp_ms);

/* Runs until the group stops; returns the worker's exit code. Its own thread. */
int worker_run(struct worker *worker);

/* One turn, for benches and simulators that drive the loop themselves. */
void worker_turn(struct worker *worker, uint64_t wait_ns_max);

/* --- for the transport, on the worker's thread --- */

/* Appends a RECORD_STATE: the hash of the zone role's state after all records
 * before it. Its sequence; 0: the log has no room until a flush ends. Worker's
 * thread. */
uint64_t worker_log_state(struct worker *worker);

/* A zeroed slot (its seats are not) for the next command. NULL: overloaded; answer 503 unparsed. */
struct command *worker_command(struct worker *worker);
/* Hands the slot last returned by worker_command to the engine. */
void worker_submit(struct worker *worker);

/* False: answer 503 with Retry-After before parsing a body. */
bool worker_accepting(const struct worker *worker);

/* The worker's replica of what is on sale. */
const struct catalog *worker_catalog(const struct worker *worker);

/* Unix milliseconds of this turn, never going back; monotonic ns of this turn. */
uint64_t worker_now_ms(const struct worker *worker);
uint64_t worker_now_ns(const struct worker *worker);

struct worker_metrics *worker_metrics(struct worker *worker);
const struct worker_group *worker_group(const struct worker *worker);
uint16_t worker_index(const struct worker *worker);

/* The journal's state, for readiness. Worker's thread. */
enum journal_state worker_journal_state(const struct worker *worker);

#endif
