/* boxctl: looks into a running engine, mints tokens, and ends the engine in
 * order. Speaks to the engine's admin socket; admin/control.h is the other end. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "../engine/version.h"
#include "boxctl_call.h"
#include "boxctl_directory.h"
#include "boxctl_exit.h"
#include "boxctl_options.h"
#include "boxctl_token.h"
#include "boxctl_top.h"
#include "boxctl_view.h"
#include "control_request.h"

static const char help[] =
    "Usage: boxctl [OPTION]... COMMAND [ARGUMENT]\n"
    "\n"
    "Looks into a running Boxoffice engine through its admin socket.\n"
    "\n"
    "  status          is it serving, since when, how much\n"
    "  shards          one line for each shard\n"
    "  shard N         all of one shard: decisions by outcome, latencies, log\n"
    "  zone UUID       how many tickets of a zone are available, reserved, sold\n"
    "  booking UUID    the state of a booking\n"
    "  user UUID       a user's bookings, newest first\n"
    "  log             positions, segments, flush times, the mirror's cursor\n"
    "  top             a live view of it all; q quits\n"
    "  audit           recounts every zone and booking against the counters; each\n"
    "                  shard answers nothing else while it counts\n"
    "  drain           finishes what was begun, then ends the engine\n"
    "  snapshot        takes a snapshot of the log, at idle priority\n"
    "  cursors         who follows the log and how far behind; what log is kept for whom\n"
    "  cursors drop NAME   forgets a follower; the log it held may go\n"
    "  backup DIR      a consistent copy of the data directory, while the engine runs\n"
    "                  or not; these four ask no engine\n"
    "  token           mints an access token with the engine's key; asks no engine\n"
    "\n"
    "Options\n"
    "  --socket PATH   the admin socket; default: that of the configuration\n"
    "  --config FILE   default: config.toml of this directory, if there is one\n"
    "  --data-dir DIR  instead of the configuration's [storage] data_dir\n"
    "  --json          one JSON object instead of tables\n"
    "  --help, --version\n"
    "\n"
    "  token: --user UUID     whom it speaks for\n"
    "         --role ROLE     user, organizer or admin\n"
    "         --ttl SECONDS   default 3600; at most [auth] token_ttl_seconds_max\n"
    "         --email TEXT, --tenant UUID\n"
    "         --count N       N tokens of N new users, as lines \"UUID TOKEN\"\n"
    "  top:   --interval SECONDS   default 1\n"
    "         --samples N          end after so many\n"
    "  drain: --yes                do not ask on a terminal\n"
    "\n"
    "Examples\n"
    "  boxctl status\n"
    "  boxctl --json shards | jq '.shards[].log_durable'\n"
    "  boxctl zone 0190a3b2-7c51-7a00-8000-000000000001\n"
    "  boxctl token --user 0190a3b2-7c51-7a00-8000-000000000002 --role user\n"
    "  boxctl token --count 10000 --role user --ttl 86400 > tokens.txt\n"
    "  boxctl --socket /srv/boxoffice/admin/boxoffice.sock top\n"
    "\n"
    "Exit codes: 0 done; 1 unknown id, or the audit found a difference; 64 wrong use;\n"
    "66 no such file; 69 no engine listens; 75 no answer in time; 76 not an engine's\n"
    "answer; 77 not allowed; 78 bad configuration.\n";

enum { PROCESS_END_MS = 5000 };

enum argument { ARGUMENT_NONE, ARGUMENT_SHARD, ARGUMENT_ID, ARGUMENT_WORDS };

static const struct command {
    const char *name;
    enum argument argument;
    unsigned options;                                        /* enum boxctl_option that it takes */
    void (*view)(FILE *out, yajl_val data, uint64_t now_ms); /* NULL: a command of its own */
} commands[] = {
    {"status", ARGUMENT_NONE, 0, boxctl_view_status},
    {"shards", ARGUMENT_NONE, 0, boxctl_view_shards},
    {"shard", ARGUMENT_SHARD, 0, boxctl_view_shard},
    {"zone", ARGUMENT_ID, 0, boxctl_view_zone},
    {"booking", ARGUMENT_ID, 0, boxctl_view_booking},
    {"user", ARGUMENT_ID, 0, boxctl_view_user},
    {"log", ARGUMENT_NONE, 0, boxctl_view_log},
    {"audit", ARGUMENT_NONE, 0, boxctl_view_audit},
    {"top", ARGUMENT_NONE, BOXCTL_SAMPLES | BOXCTL_INTERVAL, NULL},
    {"drain", ARGUMENT_NONE, BOXCTL_YES, NULL},
    {"snapshot", ARGUMENT_NONE, 0, NULL},
    {"cursors", ARGUMENT_WORDS, 0, NULL},
    {"backup", ARGUMENT_WORDS, 0, NULL},
    {"token", ARGUMENT_NONE,
     BOXCTL_USER | BOXCTL_ROLE | BOXCTL_TTL | BOXCTL_EMAIL | BOXCTL_TENANT | BOXCTL_COUNT, NULL},
};

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    fprintf(stderr, "boxctl: no command is called \"%s\"; see boxctl --help\n", name);
    return NULL;
}

static bool shard_number(const char *text)
{
    size_t length = strlen(text);
    return length >= 1 && length <= 5 && strspn(text, "0123456789") == length &&
           (text[0] != '0' || length == 1) && strtoul(text, NULL, 10) <= UINT16_MAX;
}

static bool check_use(const struct command *command, const struct boxctl_options *options)
{
    struct uuid id;
    const char *argument = options->argument;
    if ((options->given & ~command->options) != 0) {
        fprintf(stderr, "boxctl: %s does not take one of these options; see boxctl --help\n",
                command->name);
        return false;
    }
    if (options->second != NULL && command->argument != ARGUMENT_WORDS) {
        fprintf(stderr, "boxctl: \"%s\" is one word too many; see boxctl --help\n",
                options->second);
        return false;
    }
    if (command->argument == ARGUMENT_NONE && argument != NULL) {
        fprintf(stderr, "boxctl: %s takes nothing behind it\n", command->name);
        return false;
    }
    if (command->argument == ARGUMENT_SHARD && (argument == NULL || !shard_number(argument))) {
        fputs("boxctl: shard takes the number of a shard, such as: boxctl shard 0\n", stderr);
        return false;
    }
    if (command->argument == ARGUMENT_ID &&
        (argument == NULL || !uuid_parse(&id, argument, strlen(argument)))) {
        fprintf(stderr,
                "boxctl: %s takes a UUID, such as: boxctl %s "
                "0190a3b2-7c51-7a00-8000-000000000001\n",
                command->name, command->name);
        return false;
    }
    return true;
}

static uint64_t unix_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void print_data(const struct boxctl_call *call)
{
    printf("%.*s\n", (int)call->data_length, call->data);
}

/* The commands that are one question and one answer. */
static int ask(const struct command *command, const struct boxctl_options *options,
               struct boxctl_call *call)
{
    char request[128];
    char error[512];
    switch (command->argument) {
    case ARGUMENT_NONE:
    case ARGUMENT_WORDS: /* of commands that are no question */
        snprintf(request, sizeof request, "{\"command\":\"%s\"}", command->name);
        break;
    case ARGUMENT_SHARD:
        snprintf(request, sizeof request, "{\"command\":\"%s\",\"shard\":%.5s}", command->name,
                 options->argument);
        break;
    case ARGUMENT_ID:
        snprintf(request, sizeof request, "{\"command\":\"%s\",\"id\":\"%.36s\"}", command->name,
                 options->argument);
        break;
    }
    enum boxctl_call_result result = boxctl_call(call, request, error, sizeof error);
    if (result != BOXCTL_CALL_OK) {
        return boxctl_exit(call, result, error);
    }
    yajl_val data = boxctl_call_data(call);
    if (options->json) {
        print_data(call);
    } else {
        command->view(stdout, data, unix_ms());
    }
    return answer_count(data, "violations") == 0 ? 0 : BOXCTL_EXIT_NO;
}

/* On a terminal a slip of the pen must not end a sale; a script means it. */
static bool drain_meant(const struct boxctl_options *options, struct boxctl_call *call)
{
    char line[16];
    char error[512];
    if ((options->given & BOXCTL_YES) != 0 || options->json || !isatty(STDIN_FILENO) ||
        !isatty(STDOUT_FILENO)) {
        return true;
    }
    if (boxctl_call(call, "{\"command\":\"status\"}", error, sizeof error) != BOXCTL_CALL_OK) {
        return true; /* the question itself will say what is wrong */
    }
    yajl_val data = boxctl_call_data(call);
    printf("The engine on %s (process %" PRIu64 ", %" PRIu64 " connections) will end.\n"
           "Drain it? [y/N] ",
           answer_text(data, "listen"), answer_count(data, "pid"),
           answer_count(data, "connections"));
    fflush(stdout);
    return fgets(line, sizeof line, stdin) != NULL && (line[0] == 'y' || line[0] == 'Y');
}

/* The socket closes a moment before the process is gone and its data directory
 * is free for the next one. A zombie counts as gone; so does a process that we
 * cannot see (another container's). */
static bool wait_gone(struct boxctl_call *call, pid_t pid, uint64_t timeout_ms)
{
    int process = pidfd_open(pid, 0);
    bool ended = boxctl_call_wait_end(call, timeout_ms);
    if (process >= 0) {
        struct pollfd gone = {.fd = process, .events = POLLIN};
        ended = ended && poll(&gone, 1, PROCESS_END_MS) == 1;
        close(process);
    }
    return ended;
}

static int drain(const struct boxctl_options *options, struct boxctl_call *call)
{
    char error[512];
    if (!drain_meant(options, call)) {
        fputs("boxctl: nothing done\n", stderr);
        return BOXCTL_EXIT_NO;
    }
    uint64_t began_ms = unix_ms();
    enum boxctl_call_result result =
        boxctl_call(call, "{\"command\":\"drain\",\"confirm\":true}", error, sizeof error);
    if (result != BOXCTL_CALL_OK) {
        return boxctl_exit(call, result, error);
    }
    yajl_val data = boxctl_call_data(call);
    uint64_t timeout_ms = answer_count(data, "drain_timeout_ms") + 10000;
    if (!options->json) {
        printf("draining process %" PRIu64 " ...\n", answer_count(data, "pid"));
        fflush(stdout);
    }
    bool ended = wait_gone(call, (pid_t)answer_count(data, "pid"), timeout_ms);
    if (options->json) {
        printf("{\"ended\":%s,\"pid\":%" PRIu64 ",\"took_ms\":%" PRIu64 "}\n",
               ended ? "true" : "false", answer_count(data, "pid"), unix_ms() - began_ms);
    } else if (ended) {
        printf("ended after %.1f s\n", (double)(unix_ms() - began_ms) / 1000);
    } else {
        fprintf(stderr, "boxctl: it still runs after %" PRIu64 " s\n", timeout_ms / 1000);
    }
    return ended ? 0 : EX_TEMPFAIL;
}

typedef int offline_command(const struct boxctl_options *options, const struct config *config);

/* The commands that ask no engine; NULL: it does. */
static offline_command *find_offline(const char *name)
{
    static const struct {
        const char *name;
        offline_command *run;
    } offline[] = {{"token", boxctl_token},
                   {"snapshot", boxctl_snapshot},
                   {"cursors", boxctl_cursors},
                   {"backup", boxctl_backup}};
    for (size_t i = 0; i < sizeof offline / sizeof offline[0]; i++) {
        if (strcmp(offline[i].name, name) == 0) {
            return offline[i].run;
        }
    }
    return NULL;
}

static int run(const struct boxctl_options *options)
{
    struct config config;
    const struct command *command = find_command(options->command);
    if (command == NULL || !check_use(command, options)) {
        return EX_USAGE;
    }
    offline_command *offline = find_offline(command->name);
    if (options->socket == NULL || offline != NULL) {
        int code = boxctl_options_config(options, &config);
        if (code != 0) {
            return code;
        }
    }
    if (offline != NULL) {
        return offline(options, &config);
    }
    struct boxctl_call call;
    boxctl_call_init(&call, options->socket != NULL ? options->socket : config.admin.socket);
    int code = command->view != NULL                 ? ask(command, options, &call)
               : strcmp(command->name, "drain") == 0 ? drain(options, &call)
                                                     : boxctl_top(options, &call);
    boxctl_call_release(&call);
    return code;
}

int main(int argc, char **argv)
{
    struct boxctl_options options;
    int code = EX_USAGE;
    switch (boxctl_options_parse(&options, argc, argv)) {
    case BOXCTL_HELP:
        fputs(help, stdout);
        code = 0;
        break;
    case BOXCTL_VERSION:
        printf("boxctl %s\n", BOXOFFICE_VERSION);
        code = 0;
        break;
    case BOXCTL_WRONG:
        break;
    case BOXCTL_PARSED:
        code = run(&options);
        break;
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "boxctl: cannot write: %s\n", strerror(errno));
        return code != 0 ? code : EX_IOERR;
    }
    return code;
}
