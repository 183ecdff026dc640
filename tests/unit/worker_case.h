/* One engine of real workers for each test, and what it has to answer. */
#ifndef TESTS_UNIT_WORKER_CASE_H
#define TESTS_UNIT_WORKER_CASE_H

#include "worker_rig.h"

static struct sim *sim;

static inline int teardown(void **state)
{
    (void)state;
    sim_free(sim);
    return 0;
}

/* The first number whose id is the shard's. */
static inline uint64_t number_on(uint16_t shard, struct uuid (*id)(uint64_t))
{
    for (uint64_t number = 0;; number++) {
        struct uuid candidate = id(number);
        if (partition_shard_of(&sim->group.partitions, &candidate) == shard)
            return number;
    }
}

static inline void assert_result(const struct answer *answer, enum result result)
{
    if (answer->result != result)
        fail_msg("%s: %s instead of %s", command_kind_name(answer->kind),
                 result_name(answer->result), result_name(result));
}

static inline struct answer ask_ok(struct command command)
{
    struct answer answer = sim_ask(sim, 0, command);
    assert_result(&answer, RESULT_OK);
    return answer;
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
