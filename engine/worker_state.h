/* The inside of a worker, for worker*.c only. All of it belongs to the worker's
 * thread. */
#ifndef ENGINE_WORKER_STATE_H
#define ENGINE_WORKER_STATE_H

#include "gate.h"
#include "worker.h"

enum {
    IN_FLIGHT_MAX = 16384,           /* requests of this worker's connections in the engine */
    DEFERRED_MAX = 4096,             /* commands that wait for room or for another answer */
    GATHERS_MAX = 256,               /* lists being put together */
    CATALOG_ROUNDS_MAX = 64,         /* catalog changes being spread; shard 0 */
    ZONE_COUNTS_MAX = 256,           /* zones published with one flush */
    EXPIRE_RECORDS_PER_TURN = 1,     /* of up to 64 holds each; and with commands to decide ... */
    COMMANDS_PER_EXPIRE_RECORD = 64, /* ... one more for so many: a hold for a command */
    EXPIRE_RECORDS_FOR_COMMANDS = 8, /* beside these, those that a turn's commands wait for */
    SEAT_MAPS_KEPT = 64,
    ORDER_RUNS_MAX = 256,       /* commands on orders under way at their home */
    MESSAGES_PER_TURN = 1024,   /* taken from one mailbox before the others get a turn */
    LOOK_AHEAD_MAX = 32,        /* messages loaded ahead at a time */
    EXPIRED_IN_GATE_MAX = 16384 /* messages of tickets given back by expiry that wait for the log */
};

enum stage { STAGE_HOME, STAGE_ZONE, STAGE_COUNT, STAGE_CATALOG };

struct deferred {
    enum stage stage;
    struct command command;
};

/* A list or summary to which every shard contributes. */
struct gather {
    bool used;
    uint16_t missing; /* shards that have not answered */
    struct answer answer;
    struct command_list query;
};

/* A durable catalog change whose answer waits for every replica. */
struct catalog_round {
    bool used;
    uint16_t missing;
    struct message message; /* the answer */
    uint16_t to;
};

struct worker {
    struct worker_group *group;
    uint16_t index;
    struct shard *shard;
    struct journal journal;
    struct transport transport;
    struct worker_metrics *metrics;

    uint64_t now_ms, now_ns;
    bool clock_jumped;    /* reported already */
    uint32_t states_told; /* of group->states_asked, the last that was answered */

    struct command *batch; /* [IN_FLIGHT_MAX]: what reap has parsed this turn */
    uint32_t batch_count;
    uint32_t in_flight;

    struct gate gate;
    uint32_t gate_kept;        /* places of the gate that are not for expiry */
    struct deferred *deferred; /* [DEFERRED_MAX] */
    uint32_t deferred_count;
    struct gather gathers[GATHERS_MAX];
    struct catalog_round rounds[CATALOG_ROUNDS_MAX];
    bool catalog_changing; /* shard 0: its own replica waits for a change to be durable */

    /* Zone counts taken when the log stood at counts_sequence. */
    struct shard_zone_counts counts[ZONE_COUNTS_MAX];
    uint32_t count_count;
    uint64_t counts_sequence;

    struct pair_publisher *pair_publisher;
    struct seat_states *seat_maps[SEAT_MAPS_KEPT]; /* of the whole way, by zone */

    struct order_run *order_runs; /* [ORDER_RUNS_MAX] */
    uint32_t order_run_count;
    uint32_t order_resumed; /* orders looked at since the start */

    uint32_t expire_records; /* that this turn may still write */
    bool expiry_goes_on;     /* more is due than a turn takes */
    bool draining, drained;
    uint64_t drain_deadline_ns;
    bool failed;
};

/* --- worker.c --- */

/* Reads the clocks. Log time follows the wall clock while it walks; when it jumps, log
 * time goes on by the monotonic clock, so that no jump ends or prolongs reservations. */
void worker_tell_time(struct worker *worker);

/* --- worker_route.c --- */

/* Takes a command that reached this worker's connections to where it belongs. */
void worker_route(struct worker *worker, struct command *command);
/* Handles one message from a peer. */
void worker_receive(struct worker *worker, uint16_t from, struct message *message);
/* Goes on with a command that waited. */
void worker_resume(struct worker *worker, enum stage stage, struct command *command);
/* The shard that decides on the command's zone or booking. */
uint16_t worker_zone_shard_of(const struct worker *worker, const struct command *command);

/* --- worker_decide.c: the zone's shard --- */

/* Gives a reserve the id its booking will have, if this shard owns the zone. */
void worker_name_booking(struct worker *worker, struct command *command);
/* Takes the command over, as all that decide do. */
void worker_decide(struct worker *worker, struct command *command);
/* A transfer's first two steps: on the booking's shard, on the receiver's home. */
void worker_look_at_transfer(struct worker *worker, struct command *command);
void worker_count_transfer(struct worker *worker, struct command *command);
void worker_read(struct worker *worker, const struct command *command);
/* States the facts of an accepted repeat. */
void worker_repeat(struct worker *worker, const struct command *command);
/* False: the log has no room until a flush ends. */
bool worker_log_and_apply(struct worker *worker, struct record *record);

/* --- worker_expire.c --- */

/* At the beginning of a turn. */
void worker_expire(struct worker *worker);
/* One record's worth of what `waiting` waits for (NULL: of all that is due). False:
 * there is nothing of that, or no more of it in this turn. */
bool worker_expire_one(struct worker *worker, const struct command *waiting);

/* --- worker_deliver.c --- */

/* Keeps a command for later, because it waits for room or for another's answer.
 * False: it has waited too long, or too many do; it is still the caller's. */
bool worker_defer(struct worker *worker, enum stage stage, const struct command *command);
void worker_retry_deferred(struct worker *worker);

/* Sends a message when `sequence` is durable; takes it over. */
void worker_deliver(struct worker *worker, uint64_t sequence, uint16_t to, struct message *message);
/* False: the peer's mailbox is full. */
bool worker_dispatch(struct worker *worker, uint16_t to, struct message *message);

/* Everything but the facts. */
void worker_begin_answer(const struct worker *worker, const struct command *command,
                         struct answer *answer);
/* An answer of the deciding shard: through the home shards that must settle. */
void worker_answer_home(struct worker *worker, struct message *message, uint64_t sequence);
/* To the connection's worker, when this shard's log is durable so far. */
void worker_answer_directly(struct worker *worker, struct message *message);
/* Hands an answer to the transport, or refuses a command that never left. */
void worker_answer(struct worker *worker, struct answer *answer);
void worker_refuse(struct worker *worker, struct command *command, enum result result);
uint16_t worker_home_of(const struct worker *worker, const struct uuid *user_id);

/* --- worker_counts.c --- */

struct pair_publisher *pair_publisher_new(void); /* NULL: out of memory */
void pair_publisher_free(struct pair_publisher *publisher);
/* True: a table is to be made or waits for the log. */
bool pair_publisher_is_busy(const struct pair_publisher *publisher);
/* Once a turn, after the log's flush. */
void worker_publish_counts(struct worker *worker);

/* --- worker_seat_map.c --- */

void worker_read_seat_map(struct worker *worker, const struct command *command,
                          struct answer *answer);
void worker_forget_seat_maps(struct worker *worker);

/* --- worker_catalog.c --- */

void worker_change_catalog(struct worker *worker, struct command *command);
void worker_put_version(struct worker *worker, uint16_t from, struct message *message);
void worker_version_applied(struct worker *worker, uint32_t round);
/* The log failed: whether these changes survive is not known. */
void worker_fail_changes(struct worker *worker, uint64_t durable);

/* --- worker_order.c, worker_order_command.c: the home of orders --- */

bool worker_orders_init(struct worker *worker); /* false: out of memory */
void worker_orders_release(struct worker *worker);
/* Takes over a command that was admitted. */
void worker_order_start(struct worker *worker, struct command *command);
void worker_order_read(struct worker *worker, struct command *command);
/* What one of a run's bookings came to, durable there. */
void worker_order_part(struct worker *worker, const struct answer *answer);
/* Once a turn: goes on with what waited, and with what a crash had cut off. */
void worker_orders_go_on(struct worker *worker);
/* True: something waits that rings no bell. */
bool worker_orders_wait(const struct worker *worker);
/* The log failed: whether these come to anything is not known. */
void worker_fail_orders(struct worker *worker, uint64_t durable);

/* --- worker_gather.c --- */

void worker_gather_start(struct worker *worker, struct command *command);
void worker_gather_part(struct worker *worker, const struct command *command);
void worker_gathered(struct worker *worker, struct answer *part);

#endif
