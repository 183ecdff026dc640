#include "trial.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct sim_trial *sim_trial_new(void)
{
    void *memory = mmap(NULL, sizeof(struct sim_trial), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED)
        abort();
    return memory;
}

static void run_child(struct sim_trial *trial, const struct sim_plan *plan,
                      const struct sim_operation *given, uint32_t given_count)
{
    struct sim_run *run = calloc(1, sizeof *run);
    int quiet = open("/dev/null", O_WRONLY);

    if (!run || quiet < 0)
        abort();
    dup2(quiet, STDERR_FILENO);
    alarm(SIM_TRIAL_SECONDS);
    run->plan = *plan;
    run->given = given;
    run->given_count = given_count;
    run->seen = trial->operations;
    run->seen_count = &trial->count;
    run->seen_room = SIM_TRIAL_OPERATIONS_MAX;
    trial->failed = !sim_run(run);
    trial->hash = run->hash;
    trial->events = run->events;
    memcpy(trial->fault, run->fault, sizeof trial->fault);
    _exit(0);
}

bool sim_trial_run(struct sim_trial *trial, const struct sim_plan *plan,
                   const struct sim_operation *given, uint32_t given_count)
{
    int status = 0;

    trial->failed = false;
    trial->count = 0;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        run_child(trial, plan, given, given_count);
    if (child < 0 || waitpid(child, &status, 0) != child)
        abort();
    if (WIFSIGNALED(status)) {
        trial->failed = true;
        snprintf(trial->fault, sizeof trial->fault, "I27 it ended with signal %d%s",
                 WTERMSIG(status), WTERMSIG(status) == SIGABRT ? " (an assert)" : "");
    } else if (WEXITSTATUS(status) != 0) {
        trial->failed = true;
        snprintf(trial->fault, sizeof trial->fault, "I27 a sanitizer ended it");
    }
    return !trial->failed;
}

/* --- shrinking --- */

struct shrink {
    struct sim_trial *trial;
    struct sim_plan *plan;
    struct sim_operation *operations, *fewer;
    uint32_t count;
    time_t until;
};

static bool time_is_up(const struct shrink *shrink)
{
    return time(NULL) >= shrink->until;
}

/* True: what is left fails too, and is what goes on from here. */
static bool fails_without(struct shrink *shrink, uint32_t first, uint32_t length)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < shrink->count; i++)
        if (i < first || i >= first + length)
            shrink->fewer[kept++] = shrink->operations[i];
    if (sim_trial_run(shrink->trial, shrink->plan, shrink->fewer, kept))
        return false;
    /* It may have failed earlier yet. */
    shrink->count = shrink->trial->count < kept ? shrink->trial->count : kept;
    memcpy(shrink->operations, shrink->fewer, shrink->count * sizeof shrink->operations[0]);
    return true;
}

/* Zeller's delta debugging, from the end: what comes late is seldom needed early. */
static void remove_operations(struct shrink *shrink)
{
    for (uint32_t length = shrink->count / 2; length > 0; length /= 2) {
        uint32_t end = shrink->count;
        while (end > 0 && !time_is_up(shrink)) {
            uint32_t first = end > length ? end - length : 0;
            fails_without(shrink, first, end - first);
            end = first < shrink->count ? first : shrink->count;
        }
    }
}

static bool fails_with(struct shrink *shrink, enum sim_parameter parameter, uint32_t value)
{
    uint32_t before = shrink->plan->value[parameter];

    if (value == before || time_is_up(shrink))
        return false;
    shrink->plan->value[parameter] = value;
    if (!sim_trial_run(shrink->trial, shrink->plan, shrink->operations, shrink->count))
        return true;
    shrink->plan->value[parameter] = before;
    return false;
}

static void simplify_plan(struct shrink *shrink)
{
    static const enum sim_parameter halved[] = {SIM_SHARDS, SIM_CAPACITY, SIM_LATENCY};

    for (enum sim_parameter i = SIM_FAULT_FIRST; i <= SIM_FAULT_LAST; i++)
        fails_with(shrink, i, 0);
    fails_with(shrink, SIM_HEDGE, 0);
    fails_with(shrink, SIM_SLOW, 0);
    for (size_t i = 0; i < sizeof halved / sizeof halved[0]; i++)
        while (shrink->plan->value[halved[i]] > 1 &&
               fails_with(shrink, halved[i], shrink->plan->value[halved[i]] / 2))
            ;
}

void sim_shrink(struct sim_trial *trial, struct sim_plan *plan, struct sim_operation **operations,
                uint32_t *count, uint32_t seconds)
{
    struct shrink shrink = {.trial = trial,
                            .plan = plan,
                            .operations = malloc(trial->count * sizeof **operations + 1),
                            .fewer = malloc(trial->count * sizeof **operations + 1),
                            .count = trial->count,
                            .until = time(NULL) + seconds};

    if (!shrink.operations || !shrink.fewer)
        abort();
    memcpy(shrink.operations, trial->operations, trial->count * sizeof **operations);
    if (!sim_trial_run(trial, plan, shrink.operations, shrink.count)) {
        remove_operations(&shrink);
        simplify_plan(&shrink);
        remove_operations(&shrink);
        sim_trial_run(trial, plan, shrink.operations, shrink.count);
    }
    free(shrink.fewer);
    *operations = shrink.operations;
    *count = shrink.count;
}

/* --- traces --- */

bool sim_trace_write(const char *path, const struct sim_plan *plan,
                     const struct sim_operation *operations, uint32_t count, const char *fault)
{
    FILE *out = fopen(path, "w");

    if (!out)
        return false;
    fprintf(out, "# %s\n", fault);
    sim_plan_write(plan, out);
    for (uint32_t i = 0; i < count; i++)
        sim_operation_write(&operations[i], out);
    return fclose(out) == 0;
}

bool sim_trace_read(const char *path, struct sim_plan *plan, struct sim_operation **operations,
                    uint32_t *count)
{
    FILE *in = fopen(path, "r");
    char line[1024];
    uint32_t room = 0;
    bool good = in != NULL;

    memset(plan, 0, sizeof *plan);
    *operations = NULL;
    *count = 0;
    while (good && fgets(line, sizeof line, in)) {
        if (line[0] == '#' || line[0] == '\n')
            continue;
        *operations = sim_grow(*operations, *count, &room, sizeof **operations);
        if (sim_operation_read(&(*operations)[*count], line))
            (*count)++;
        else
            good = sim_plan_read(plan, line);
    }
    if (in)
        fclose(in);
    return good;
}
