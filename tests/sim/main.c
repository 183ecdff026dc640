/* The deterministic simulator: runs seeds, says which fail and how to see it again.
 * docs/simulator.md. */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../engine/logger.h"
#include "trial.h"

enum {
    JOBS_MAX = 64,
    TWICE_EVERY = 20, /* of so many seeds one is run again, and must be the same */
    SHRINK_SECONDS = 60,
    LINES_MAX = 150,
    FAILURES_TOLD = 10
};

struct options {
    enum sim_level level;
    uint64_t first, seeds;
    uint32_t operations, jobs;
    bool shrink;
    const char *trace, *regress;
};

/* What the jobs share. */
struct campaign {
    _Atomic uint64_t next, done, failed, events, hash;
    _Atomic uint64_t current[JOBS_MAX]; /* + 1; 0: none */
};

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void tell(const struct options *options, uint64_t seed, const char *fault)
{
    char line[1400];
    int length = snprintf(line, sizeof line,
                          "S%d seed %llu failed: %s\n  again: build/sim --level S%d --seed %llu%s",
                          options->level, (unsigned long long)seed, fault, options->level,
                          (unsigned long long)seed, options->operations ? " --events " : "");
    if (options->operations)
        snprintf(line + length, sizeof line - (size_t)length, "%u", options->operations);
    printf("%s --shrink\n", line);
    fflush(stdout);
}

/* --- one seed --- */

static uint64_t run_once(const struct options *options, uint64_t seed, uint64_t *events,
                         char fault[1024])
{
    struct sim_run *run = calloc(1, sizeof *run);

    if (!run)
        abort();
    sim_plan_draw(&run->plan, options->level, seed, options->operations);
    sim_run(run);
    uint64_t hash = run->hash;
    *events += run->events;
    memcpy(fault, run->fault, 1024);
    sim_run_release(run);
    free(run);
    return hash;
}

static void run_seed(const struct options *options, struct campaign *campaign, uint64_t seed)
{
    uint64_t events = 0, again = 0;
    char fault[1024];
    uint64_t hash = run_once(options, seed, &events, fault);

    if (fault[0] == '\0' && seed % TWICE_EVERY == 0 &&
        run_once(options, seed, &again, fault) != hash)
        snprintf(fault, sizeof fault, "two runs of the seed are not the same");
    if (fault[0] != '\0' && atomic_fetch_add(&campaign->failed, 1) < FAILURES_TOLD)
        tell(options, seed, fault);
    atomic_fetch_add(&campaign->events, events);
    atomic_fetch_add(&campaign->hash, sim_mix(hash ^ seed));
    atomic_fetch_add(&campaign->done, 1);
}

/* --- many --- */

static void work(const struct options *options, struct campaign *campaign, uint32_t job)
{
    uint64_t number;
    int quiet = open("/dev/null", O_WRONLY);

    if (quiet >= 0 && !getenv("SIM_STDERR")) /* failed logs are announced, and meant */
        dup2(quiet, STDERR_FILENO);
    while ((number = atomic_fetch_add(&campaign->next, 1)) < options->seeds) {
        atomic_store(&campaign->current[job], options->first + number + 1);
        run_seed(options, campaign, options->first + number);
        atomic_store(&campaign->current[job], 0);
    }
    fflush(stdout);
    _exit(0);
}

static pid_t start_job(const struct options *options, struct campaign *campaign, uint32_t job)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        work(options, campaign, job);
    return child;
}

/* A job that an assert or a sanitizer ended: that seed failed, another goes on. */
static bool bury(const struct options *options, struct campaign *campaign, uint32_t job, int status)
{
    uint64_t seed = atomic_load(&campaign->current[job]);
    char fault[64];

    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return false;
    snprintf(fault, sizeof fault, "I27 the process ended with %s %d",
             WIFSIGNALED(status) ? "signal" : "code",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    if (atomic_fetch_add(&campaign->failed, 1) < FAILURES_TOLD)
        tell(options, seed - 1, fault);
    atomic_store(&campaign->current[job], 0);
    return true;
}

static void show_progress(const struct options *options, const struct campaign *campaign,
                          double begun)
{
    double passed = seconds_now() - begun;
    uint64_t done = atomic_load(&campaign->done);

    fprintf(stderr, "S%d: %llu of %llu seeds, %llu failed, %.0f s\n", options->level,
            (unsigned long long)done, (unsigned long long)options->seeds,
            (unsigned long long)atomic_load(&campaign->failed), passed);
}

static void attend(const struct options *options, struct campaign *campaign, double begun)
{
    pid_t jobs[JOBS_MAX];
    uint32_t running = options->jobs;
    double told = begun;

    for (uint32_t i = 0; i < options->jobs; i++)
        jobs[i] = start_job(options, campaign, i);
    while (running > 0) {
        int status;
        pid_t ended = waitpid(-1, &status, WNOHANG);
        if (ended <= 0) {
            nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
            if (seconds_now() - told > 10) {
                told = seconds_now();
                show_progress(options, campaign, begun);
            }
            continue;
        }
        running--;
        for (uint32_t i = 0; i < options->jobs; i++)
            if (jobs[i] == ended && bury(options, campaign, i, status) &&
                atomic_load(&campaign->failed) < FAILURES_TOLD) {
                jobs[i] = start_job(options, campaign, i);
                running++;
            }
    }
}

static int run_seeds(const struct options *options)
{
    struct campaign *campaign =
        mmap(NULL, sizeof *campaign, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    double begun = seconds_now();

    if (campaign == MAP_FAILED)
        abort();
    attend(options, campaign, begun);
    double passed = seconds_now() - begun;
    uint64_t failed = atomic_load(&campaign->failed), events = atomic_load(&campaign->events);
    printf("S%d: %llu passed, %llu failed, %llu events in %.1f s, %.0f events/s, hash %016llx\n",
           options->level, (unsigned long long)(options->seeds - failed),
           (unsigned long long)failed, (unsigned long long)events, passed, (double)events / passed,
           (unsigned long long)atomic_load(&campaign->hash));
    return failed != 0;
}

/* --- one, closely --- */

static void show(const struct sim_operation *operations, uint32_t count, const char *fault)
{
    for (uint32_t i = 0; i < count && i < LINES_MAX; i++)
        sim_operation_write(&operations[i], stdout);
    if (count > LINES_MAX)
        printf("... %u more\n", count - LINES_MAX);
    printf("%s\n", fault);
}

static void keep_trace(const struct options *options, const struct sim_plan *plan,
                       const struct sim_operation *operations, uint32_t count, const char *fault)
{
    char path[512];

    for (int i = 1; i < 1000; i++) {
        snprintf(path, sizeof path, "%s/%03d.trace", options->regress, i);
        if (access(path, F_OK) == 0)
            continue;
        if (sim_trace_write(path, plan, operations, count, fault))
            printf("kept in %s: sim --trace %s\n", path, path);
        return;
    }
}

static int shrink_seed(const struct options *options)
{
    struct sim_trial *trial = sim_trial_new();
    struct sim_operation *operations;
    struct sim_plan plan = {0};
    uint32_t count;

    sim_plan_draw(&plan, options->level, options->first, options->operations);
    if (sim_trial_run(trial, &plan, NULL, 0)) {
        printf("seed %llu passes, hash %016llx\n", (unsigned long long)options->first,
               (unsigned long long)trial->hash);
        return 0;
    }
    printf("seed %llu: %s\n", (unsigned long long)options->first, trial->fault);
    printf("shrinking %u operations\n", trial->count);
    sim_shrink(trial, &plan, &operations, &count, SHRINK_SECONDS);
    show(operations, count, trial->fault);
    keep_trace(options, &plan, operations, count, trial->fault);
    free(operations);
    return 1;
}

static int run_trace(const struct options *options)
{
    struct sim_trial *trial = sim_trial_new();
    struct sim_operation *operations;
    struct sim_plan plan;
    uint32_t count;

    if (!sim_trace_read(options->trace, &plan, &operations, &count)) {
        printf("%s is no trace\n", options->trace);
        return 1;
    }
    bool passed = sim_trial_run(trial, &plan, operations, count);
    printf("%s: %s, hash %016llx\n", options->trace, passed ? "passes" : trial->fault,
           (unsigned long long)trial->hash);
    free(operations);
    return !passed;
}

static const char usage[] =
    "sim [--level S0|S1|S2] [--seed N | --seeds N [--first N]] [--events N] [--jobs N]\n"
    "    [--shrink [--regress DIR]] [--trace FILE]\n";

static bool parse(int argc, char **argv, struct options *options)
{
    static const struct option names[] = {
        {"level", required_argument, NULL, 'l'},   {"seed", required_argument, NULL, 'f'},
        {"seeds", required_argument, NULL, 'n'},   {"first", required_argument, NULL, 'f'},
        {"events", required_argument, NULL, 'e'},  {"jobs", required_argument, NULL, 'j'},
        {"shrink", no_argument, NULL, 's'},        {"trace", required_argument, NULL, 't'},
        {"regress", required_argument, NULL, 'r'}, {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        unsigned long long number = optarg ? strtoull(optarg, NULL, 10) : 0;
        if (option == 'l' && optarg && optarg[0] == 'S' && optarg[1] >= '0' && optarg[1] <= '2')
            options->level = (enum sim_level)(optarg[1] - '0');
        else if (option == 'f')
            options->first = number;
        else if (option == 'n')
            options->seeds = number;
        else if (option == 'e')
            options->operations = (uint32_t)number;
        else if (option == 'j')
            options->jobs = number < JOBS_MAX ? (uint32_t)number : JOBS_MAX;
        else if (option == 's')
            options->shrink = true;
        else if (option == 't')
            options->trace = optarg;
        else if (option == 'r')
            options->regress = optarg;
        else
            return false;
    }
    return optind == argc && options->seeds > 0 && options->jobs > 0;
}

int main(int argc, char **argv)
{
    struct options options = {
        .level = SIM_S0, .first = 1, .seeds = 1, .jobs = 1, .regress = "tests/sim/regress"};

    if (!parse(argc, argv, &options)) {
        fputs(usage, stderr);
        return 2;
    }
    /* Tables are reserved large and used little; a large page each would be cleared. */
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    logger_init(LOGGER_ERROR);
    if (options.trace)
        return run_trace(&options);
    return options.shrink ? shrink_seed(&options) : run_seeds(&options);
}
