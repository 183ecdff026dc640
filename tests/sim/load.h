/* The workload: draws one operation after another as a run's plan says. */
#ifndef TESTS_SIM_LOAD_H
#define TESTS_SIM_LOAD_H

#include "clients.h"

struct sim_load {
    struct sim_random random;
    const struct sim_plan *plan;
    struct sim_clients *clients;
    const struct sim_world *world;
    uint32_t number;                                  /* of the last operation drawn */
    uint32_t weights[SIM_W_TIME - SIM_W_RESERVE + 1]; /* summed up */
    uint32_t giving_back; /* the operation whose tickets its user takes again; 0: none */
};

void sim_load_init(struct sim_load *load, const struct sim_plan *plan, struct sim_clients *clients);
/* A command or a wait. */
void sim_load_next(struct sim_load *load, uint64_t now_ms, struct sim_operation *operation);

#endif
