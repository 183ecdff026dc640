/* What the model of docs/inventory.md (tests/model) says of each command, beside what
 * the engine answered (S0). Where it has no say - reads, lists, the catalog, rate
 * limits - it is not asked. */
#ifndef TESTS_SIM_OPINION_H
#define TESTS_SIM_OPINION_H

#include "../model/model.h"
#include "level.h"

struct sim_opinion {
    struct model *model;
    struct command command; /* as it was sent */
    bool asked;
    char text[512];
};

void sim_opinion_init(struct sim_opinion *opinion, const struct sim_plan *plan);
void sim_opinion_release(struct sim_opinion *opinion);

/* Before the engine has the command: what it points to must hold until the judgement. */
void sim_opinion_hear(struct sim_opinion *opinion, const struct command *command);
/* A new version of the catalog. */
void sim_opinion_catalog(struct sim_opinion *opinion, const struct record *record);
/* NULL: both say the same. `decided`: as the engine named what it made. */
const char *sim_opinion_judge(struct sim_opinion *opinion, const struct command *decided,
                              const struct answer *answer, uint64_t now_ms);

#endif
