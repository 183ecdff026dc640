/* One shard without threads, mailboxes or ports: a command goes home, to its zone and
 * back as plain calls, as the worker would take it. */
#ifndef TESTS_SIM_CORE_H
#define TESTS_SIM_CORE_H

#include "opinion.h"

struct sim_core {
    struct partition_map partitions;
    struct shard *shard;
    struct sim_run *run;
    struct command command; /* under way */
    struct answer answer;
    struct record record; /* what it came to; kind 0: nothing */
    struct sim_opinion opinion;
    /* The log: a record's sequence, or 0 when there is no room. NULL: none. */
    uint64_t (*append)(struct sim_core *core, const struct record *record);
};

/* Sends the operation, does the command and leaves the answer, the caller's to release, in
 * core->answer. */
void sim_core_ask(struct sim_core *core, const struct sim_operation *operation);
/* The same for what was sent before. */
void sim_core_ask_again(struct sim_core *core, const struct sim_operation *operation);
/* Ends what is due. False: the log has no room. */
bool sim_core_expire(struct sim_core *core);

#endif
