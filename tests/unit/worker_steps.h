/* Commands and what they were answered, to be sent again later. */
#ifndef TESTS_UNIT_WORKER_STEPS_H
#define TESTS_UNIT_WORKER_STEPS_H

#include "worker_case.h"

enum { STEPS_MAX = 16 };

struct step {
    struct command command;
    struct answer answer;
};

static inline void take(struct step *steps, uint32_t *count, struct command command)
{
    sim_pass(sim, 1000);
    assert_true(*count < STEPS_MAX);
    steps[(*count)++] = (struct step){command, ask_ok(command)};
}

#endif
