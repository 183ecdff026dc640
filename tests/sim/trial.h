/* Runs a plan in a process of its own, so that an assert that fails is an answer like
 * any other, and makes a failing run smaller. */
#ifndef TESTS_SIM_TRIAL_H
#define TESTS_SIM_TRIAL_H

#include "level.h"

enum { SIM_TRIAL_OPERATIONS_MAX = 1 << 20, SIM_TRIAL_SECONDS = 60 };

/* In memory that parent and child share. */
struct sim_trial {
    bool failed;
    char fault[1024];
    uint64_t hash, events;
    uint32_t count; /* operations done */
    struct sim_operation operations[SIM_TRIAL_OPERATIONS_MAX];
};

struct sim_trial *sim_trial_new(void);

/* given NULL: as the seed says. False: it failed, trial->fault says how. */
bool sim_trial_run(struct sim_trial *trial, const struct sim_plan *plan,
                   const struct sim_operation *given, uint32_t given_count);

/* Makes what failed in the trial smaller, for about so many seconds. *operations is
 * malloc'd and the caller's; the trial has the smallest run's fault at the end. */
void sim_shrink(struct sim_trial *trial, struct sim_plan *plan, struct sim_operation **operations,
                uint32_t *count, uint32_t seconds);

/* A trace: the plan, then the operations. */
bool sim_trace_write(const char *path, const struct sim_plan *plan,
                     const struct sim_operation *operations, uint32_t count, const char *fault);
bool sim_trace_read(const char *path, struct sim_plan *plan, struct sim_operation **operations,
                    uint32_t *count);

#endif
