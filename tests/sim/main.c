/* The deterministic simulator: runs seeds, says which fail and how to see it again.
 * docs/simulator.md. */
#include <getopt.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#include "../../engine/logger.h"
#include "level.h"

struct options {
    enum sim_level level;
    uint64_t first, seeds;
    uint32_t operations;
    const char *trace;
};

static bool run_seed(const struct options *options, uint64_t seed, uint64_t *events, uint64_t *hash)
{
    struct sim_run *run = calloc(1, sizeof *run);
    if (!run)
        abort();
    sim_plan_draw(&run->plan, options->level, seed, options->operations);
    bool passed = sim_run(run);
    if (!passed)
        printf("seed %llu failed after %u operations: %s\n", (unsigned long long)seed,
               run->failed_at, run->fault);
    *events += run->events;
    *hash = run->hash;
    sim_run_release(run);
    free(run);
    return passed;
}

int main(int argc, char **argv)
{
    struct options options = {.level = SIM_S0, .first = 1, .seeds = 1};
    static const struct option names[] = {
        {"level", required_argument, NULL, 'l'},  {"seed", required_argument, NULL, 's'},
        {"seeds", required_argument, NULL, 'n'},  {"first", required_argument, NULL, 'f'},
        {"events", required_argument, NULL, 'e'}, {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (option == 'l')
            options.level = (enum sim_level)(optarg[1] - '0');
        else if (option == 's')
            options.first = strtoull(optarg, NULL, 10);
        else if (option == 'n')
            options.seeds = strtoull(optarg, NULL, 10);
        else if (option == 'f')
            options.first = strtoull(optarg, NULL, 10);
        else if (option == 'e')
            options.operations = (uint32_t)strtoull(optarg, NULL, 10);
    }
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    logger_init(LOGGER_ERROR);
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    uint64_t events = 0, hash = 0, failed = 0;
    for (uint64_t i = 0; i < options.seeds; i++)
        failed += !run_seed(&options, options.first + i, &events, &hash);
    clock_gettime(CLOCK_MONOTONIC, &b);
    double s = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
    printf("%llu seeds, %llu failed, %llu events, %.1f s, %.0f events/s, hash %016llx\n",
           (unsigned long long)options.seeds, (unsigned long long)failed,
           (unsigned long long)events, s, (double)events / s, (unsigned long long)hash);
    return failed != 0;
}
