/* boxload: loads a ticketing server on this machine and checks every answer.
 * See boxload_options.c for the command line, boxload_run.h for how it works. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "boxload_report.h"
#include "boxload_setup.h"

enum { EXIT_WRONG_ANSWERS = 1, EXIT_USE = 64, EXIT_NO_SERVER = 69, EXIT_FILE = 66 };
enum { ERROR_BYTES = 2048, VIOLATION_BYTES = 65536 };

static int complain(int code, const char *what)
{
    fprintf(stderr, "boxload: %s\n", what);
    return code;
}

static void machine_prepare(const struct options *options)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max; /* one descriptor a connection */
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (options->cpu >= 0) {
        cpu_set_t cpus;
        CPU_ZERO(&cpus);
        CPU_SET((size_t)options->cpu, &cpus);
        if (sched_setaffinity(0, sizeof cpus, &cpus) != 0)
            fprintf(stderr, "boxload: not pinned to CPU %d: %s\n", options->cpu, strerror(errno));
    }
}

static bool has_zones(const struct options *options)
{
    return options->scenario != SCENARIO_RAW && options->scenario != SCENARIO_RAW_RESERVE;
}

/* Adds the server's own counts to the judgement, where they can be compared. */
static uint32_t judge(const struct options *options, struct scenario *scenario,
                      const struct run_result *result, char *text)
{
    uint32_t violations = scenario_finish(scenario, result->unknown, text, VIOLATION_BYTES);
    size_t used = strlen(text);
    if (scenario->zone_count == 0 || result->unknown)
        return violations;
    int differences =
        setup_zones_compare(options, &scenario->tokens->items[0], scenario->zones,
                            scenario->zone_count, text + used, VIOLATION_BYTES - used);
    if (differences < 0) {
        strcat(text, "\n");
        return violations + 1;
    }
    return violations + (uint32_t)differences;
}

static int report(const struct options *options, struct scenario *scenario,
                  struct run_result *result)
{
    static char violation_text[VIOLATION_BYTES];
    struct report report = {options, scenario, result, 0, violation_text, false};
    report.violations = judge(options, scenario, result, violation_text);
    report.passed = report.violations == 0 && scenario->wrong == 0 &&
                    (result->lost == 0 || options->retry_lost) && result->answered > 0;
    report_table(&report, stdout);
    if (options->json_path && !report_json(&report, options->json_path))
        return complain(EXIT_FILE, strerror(errno));
    return report.passed ? 0 : EXIT_WRONG_ANSWERS;
}

static int run(const struct options *options, struct scenario *scenario, struct run_result *result)
{
    char error[ERROR_BYTES];
    struct history *history = NULL;
    if (options->history_path && !(history = history_open(options->history_path, scenario)))
        return complain(EXIT_FILE, options->history_path);
    int code = run_scenario(options, scenario, history, result, error, sizeof error);
    if (history && !history_close(history))
        return complain(EXIT_FILE, "the history is incomplete");
    return code ? complain(EXIT_NO_SERVER, error) : report(options, scenario, result);
}

static int load(const struct options *options, const struct token_list *tokens,
                const struct token_list *organizers)
{
    char error[ERROR_BYTES];
    struct scenario scenario;
    uint32_t zone_count = has_zones(options) ? options->zones : 0;
    struct scenario_zone *zones = calloc(options->zones, sizeof *zones);
    struct run_result *result = calloc(1, sizeof *result);
    int code = EXIT_FILE;
    if (!zones || !result) {
        complain(code, "out of memory");
        free(zones);
    } else if (zone_count &&
               setup_zones(options, organizers->items, tokens, zones, error, sizeof error)) {
        code = complain(EXIT_NO_SERVER, error);
        free(zones);
    } else if (!scenario_init(&scenario, options, tokens, zones, zone_count)) {
        complain(code, "out of memory");
        free(zones);
    } else {
        code = run(options, &scenario, result);
        scenario_release(&scenario);
    }
    free(result);
    return code;
}

int main(int argc, char **argv)
{
    char error[ERROR_BYTES];
    struct options options;
    struct token_list tokens = {0}, organizers = {0};
    int code;
    switch (options_parse(&options, argc, argv, error, sizeof error)) {
    case OPTIONS_HELP:
        options_help();
        return 0;
    case OPTIONS_WRONG:
        fprintf(stderr, "boxload: %s; see boxload --help\n", error);
        return EXIT_USE;
    case OPTIONS_RUN:
        break;
    }
    if (options.tokens_path && token_list_load(&tokens, options.tokens_path, error, sizeof error))
        return complain(EXIT_FILE, error);
    if (options.organizer_path &&
        token_list_load(&organizers, options.organizer_path, error, sizeof error))
        return complain(EXIT_FILE, error);
    machine_prepare(&options);
    code = load(&options, &tokens, &organizers);
    token_list_release(&tokens);
    token_list_release(&organizers);
    return code;
}
