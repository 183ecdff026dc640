/* One run of a plan, and the levels it may run at. A level does operations one after
 * another; the run draws them or takes them from a trace, keeps them, and hashes
 * all that happens, so that two runs of a seed can be compared. */
#ifndef TESTS_SIM_LEVEL_H
#define TESTS_SIM_LEVEL_H

#include "load.h"

struct sim_run;

struct sim_level_calls {
    /* Brings the engine up. */
    void (*start)(struct sim_run *run);
    void (*operate)(struct sim_run *run, const struct sim_operation *operation);
    /* The calm end: no more faults, everything is finished and looked at. */
    void (*finish)(struct sim_run *run);
    void (*stop)(struct sim_run *run);
};

struct sim_run {
    struct sim_plan plan;
    const struct sim_level_calls *calls;
    void *level; /* what the level keeps */
    struct sim_world world;
    struct sim_clients clients;
    struct sim_load load;
    struct sim_ledger *ledger;
    uint64_t now_ms;         /* of the world; the engine's own clock may differ */
    struct sim_random storm; /* crashes and faults, as operations */
    struct sim_random chaos; /* turns and the like, which no trace has */
    struct sim_random names; /* the random port: ids */
    uint64_t hash;           /* of all that happened */
    uint64_t events;         /* records and answers */
    /* the trace */
    const struct sim_operation *given; /* NULL: drawn */
    uint32_t given_count;
    struct sim_operation *done;
    uint32_t done_count, done_room;
    struct sim_operation *seen; /* a copy of done for who watches; NULL: nobody */
    uint32_t *seen_count;
    uint32_t seen_room;
    /* the end */
    bool over; /* rightly: the engine will not start on what the disk has become */
    bool failed;
    uint32_t failed_at; /* operations done */
    char fault[1024];
};

/* Runs to its end. False: run->fault says what was broken. Release it after. */
bool sim_run(struct sim_run *run);
void sim_run_release(struct sim_run *run);

/* The first fault stands. */
void sim_run_fail(struct sim_run *run, const char *fault);
static inline bool sim_run_over(const struct sim_run *run)
{
    return run->failed || run->over;
}
static inline void sim_run_note(struct sim_run *run, uint64_t what)
{
    run->hash = sim_mix(run->hash ^ (what + 0x9e3779b97f4a7c15u));
}
/* A record was appended: enters it in the books. */
void sim_run_record(struct sim_run *run, uint16_t shard, const struct record *record);
/* An answer reached a client. */
void sim_run_answer(struct sim_run *run, const struct sim_operation *operation,
                    const struct answer *answer);
uint64_t sim_record_digest(const struct record *record);
/* The next operation the world needs before the load begins, numbered. */
bool sim_run_missing(struct sim_run *run, struct sim_operation *operation);
struct shard_options sim_shard_options(const struct sim_plan *plan, uint16_t index,
                                       const struct partition_map *partitions);
struct sim_ledger_options sim_ledger_options_of(const struct sim_plan *plan, bool live);

extern const struct sim_level_calls sim_level_core;    /* S0 and S1 */
extern const struct sim_level_calls sim_level_workers; /* S2 */

#endif
