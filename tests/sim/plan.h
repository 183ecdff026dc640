/* What a run is made of: numbers drawn once from its seed. They have names, so that
 * a trace can keep them and shrinking can make them smaller. */
#ifndef TESTS_SIM_PLAN_H
#define TESTS_SIM_PLAN_H

#include <stdio.h>

#include "random.h"

enum sim_level { SIM_S0, SIM_S1, SIM_S2 };

enum sim_parameter {
    /* the run */
    SIM_LEVEL,
    SIM_OPERATIONS,
    SIM_SHARDS,
    /* the world */
    SIM_EVENTS,
    SIM_ZONES,
    SIM_USERS,
    SIM_CAPACITY, /* the largest of a general zone */
    SIM_SEATED,   /* percent of zones */
    SIM_TRIPS,    /* percent of shows */
    SIM_LIMIT,    /* tickets per user and event, the largest */
    SIM_TTL_MS,
    SIM_HOLD_MS,
    SIM_ORDER_MOST,  /* places in one booking */
    SIM_KEY_MS,      /* idempotency window */
    SIM_RATE_MINUTE, /* reserves per user; 0: no limit */
    /* the clients */
    SIM_KEYED,     /* percent of commands that have a key */
    SIM_RETRY,     /* percent of commands sent again, same body */
    SIM_REUSE,     /* percent sent again with another body */
    SIM_STRANGER,  /* percent by another user than the booking's */
    SIM_MALFORMED, /* percent with a value out of range */
    SIM_STEP_MS,   /* the longest ordinary wait between commands */
    SIM_RACE,      /* percent of waits that end at a deadline +- 2 ms */
    /* weights of the operations */
    SIM_W_RESERVE,
    SIM_W_CONFIRM,
    SIM_W_CANCEL,
    SIM_W_EXTEND,
    SIM_W_RELEASE,
    SIM_W_EXCHANGE,
    SIM_W_TRANSFER,
    SIM_W_REFUND,
    SIM_W_READ,
    SIM_W_BLOCK,
    SIM_W_CAPACITY,
    SIM_W_SALE,
    SIM_W_CATALOG,
    SIM_W_ORDER, /* S2 only */
    SIM_W_TIME,
    /* log and disk */
    SIM_BATCH_BYTES,
    SIM_SEGMENT_BYTES,
    SIM_CRASHES,     /* in a million operations */
    SIM_STOPS,       /* of those, percent that are orderly stops or kills */
    SIM_RESHARD,     /* percent of restarts with another count of shards */
    SIM_CUT,         /* percent of lives that end at a chosen disk operation */
    SIM_LATENCY,     /* ticks, the longest of a flush */
    SIM_FAULT_FIRST, /* one for each enum sim_disk_fault, in millionths */
    SIM_FAULT_LAST = SIM_FAULT_FIRST + 12,
    SIM_MODEL,     /* 1: the model judges too (S0) */
    SIM_SNAPSHOTS, /* in a million operations */
    /* workers */
    SIM_MAILBOX_SLOTS,
    SIM_HEDGE,     /* percent of commands sent twice at once */
    SIM_VANISH,    /* percent of clients that do not wait for the answer */
    SIM_SLOW,      /* 1: one shard takes its turns a hundred times less often */
    SIM_JUMPS,     /* in a million operations: the wall clock jumps */
    SIM_MIRROR,    /* in a million operations: the mirror takes a step */
    SIM_EXCHANGES, /* percent of operations on orders that are exchanges between zones */
    /* all levels with a log */
    SIM_BURST, /* operations between turns, at most; then several. 0: a turn whenever */
    SIM_SPOIL, /* percent of crashes that turn a bit of a snapshot which can be spared */
    SIM_AGAIN, /* percent of tickets given back that their user takes again at once */
    SIM_PARAMETER_COUNT
};

struct sim_plan {
    uint64_t seed;
    uint32_t value[SIM_PARAMETER_COUNT];
};

const char *sim_parameter_name(enum sim_parameter parameter);

/* Draws all of it. operations 0: the level's own number. */
void sim_plan_draw(struct sim_plan *plan, enum sim_level level, uint64_t seed, uint32_t operations);
/* One line "parameter value" each. */
void sim_plan_write(const struct sim_plan *plan, FILE *out);
/* Takes such a line. False: it is none. */
bool sim_plan_read(struct sim_plan *plan, const char *line);

static inline bool sim_percent(struct sim_random *random, uint32_t percent)
{
    return sim_random_below(random, 100) < percent;
}

#endif
