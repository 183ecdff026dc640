#include "boxload_options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const scenario_names[] = {
    [SCENARIO_RESERVE] = "reserve",   [SCENARIO_MIXED] = "mixed",
    [SCENARIO_SOLD_OUT] = "sold-out", [SCENARIO_LAST_SEAT] = "last-seat",
    [SCENARIO_RAW] = "raw",           [SCENARIO_RAW_RESERVE] = "raw-reserve",
    [SCENARIO_SEATS] = "seats",       [SCENARIO_BEST] = "best",
};

const char *scenario_name(enum scenario_kind kind)
{
    return scenario_names[kind];
}

void options_help(void)
{
    fputs("usage: boxload --scenario NAME --duration S|--requests N [OPTION]...\n"
          "\n"
          "Loads an HTTP server on this machine and checks every answer. Exit 0: all answers\n"
          "were right; 1: some were wrong, or seats were oversold; 64: wrong use; 69: no server.\n"
          "\n"
          "  --scenario NAME     reserve     every request books from a large zone\n"
          "                      mixed       reserve, then confirm, cancel or read\n"
          "                      sold-out    every request meets a sold-out zone\n"
          "                      last-seat   all connections race for each zone's last seat\n"
          "                      raw         GET a fixed path (see --path)\n"
          "                      raw-reserve the bytes of a reserve, any 2xx will do\n"
          "                      seats       named seats of large seated zones\n"
          "                      best        the best available of large seated zones\n"
          "  --target HOST:PORT  loopback only (127.0.0.1:8080)\n"
          "  --connections N     (64)\n"
          "  --rate R            open loop: R requests a second on a fixed schedule, latency\n"
          "                      counted from the planned time; without it a closed loop\n"
          "  --duration S        measured seconds; fractions allowed\n"
          "  --requests N        stop after N measured requests\n"
          "  --warmup S          seconds before measuring (0)\n"
          "  --tokens FILE       users, lines of `UUID TOKEN`\n"
          "  --organizer-token FILE  one line `UUID TOKEN`: creates an event, a show and zones\n"
          "  --zone UUID         use this zone instead (repeatable)\n"
          "  --zones N           zones to create (16; last-seat: one per round)\n"
          "  --capacity N        seats of each (5000000; sold-out and last-seat: 1)\n"
          "  --quantity N        tickets per reserve (1)\n"
          "  --max-per-user N    of the event created (10000)\n"
          "  --per-user N        requests of a connection as one user, then the next (1000)\n"
          "  --apart             seats: nobody wants another's, until all were wanted once;\n"
          "                      without it they are chosen at random\n"
          "  --path PATH         raw: what to GET (/)\n"
          "  --allow-refused     429 and 503 are answers, not errors\n"
          "  --retry-lost        reconnect and repeat what was not answered, same key\n"
          "  --lapse             reservations may lapse while it runs: no oversell sum\n"
          "  --sleep             open loop: sleep between sends instead of spinning\n"
          "  --history FILE      one line per request, see boxload_history.h\n"
          "  --json FILE         the summary as JSON\n"
          "  --server-pid PID    measure that process's CPU time as well\n"
          "  --cpu N             pin to this CPU\n"
          "  --quiet             no progress line\n"
          "  --help, --version\n",
          stdout);
}

static bool number_parse(const char *text, uint64_t least, uint64_t most, uint64_t *value)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    *value = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0' && *value >= least && *value <= most;
}

static bool seconds_parse(const char *text, uint64_t *ns)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    double seconds = strtod(text, &end);
    *ns = (uint64_t)(seconds * 1e9);
    return *end == '\0' && seconds <= 86400.0;
}

/* This tool must not be turned against anybody else: loopback only. */
static bool target_parse(struct options *options, const char *text)
{
    const char *colon = strrchr(text, ':');
    char host[64];
    uint64_t port;
    size_t host_length = colon ? (size_t)(colon - text) : 0;
    if (!colon || host_length == 0 || host_length >= sizeof host - 1 || strlen(text) >= 64 ||
        !number_parse(colon + 1, 1, 65535, &port))
        return false;
    memcpy(host, text, host_length);
    host[host_length] = '\0';
    strcpy(options->host, text);
    if (strcmp(host, "[::1]") == 0) {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&options->address;
        v6->sin6_family = AF_INET6;
        v6->sin6_addr = in6addr_loopback;
        v6->sin6_port = htons((uint16_t)port);
        options->address_length = sizeof *v6;
        return true;
    }
    if (strcmp(host, "127.0.0.1") == 0 || strcmp(host, "localhost") == 0) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)&options->address;
        v4->sin_family = AF_INET;
        v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        v4->sin_port = htons((uint16_t)port);
        options->address_length = sizeof *v4;
        return true;
    }
    return false;
}

static bool scenario_parse(const char *text, enum scenario_kind *kind)
{
    for (size_t i = 0; i < sizeof scenario_names / sizeof scenario_names[0]; i++)
        if (strcmp(text, scenario_names[i]) == 0) {
            *kind = (enum scenario_kind)i;
            return true;
        }
    return false;
}

static bool zone_add(struct options *options, const char *text)
{
    if (options->zones == OPTIONS_ZONES_MAX || strlen(text) != 36)
        return false;
    memcpy(options->zone_ids[options->zones++], text, 36);
    options->zones_given = true;
    return true;
}

enum option_id {
    OPT_SCENARIO = 256,
    OPT_TARGET,
    OPT_CONNECTIONS,
    OPT_RATE,
    OPT_DURATION,
    OPT_REQUESTS,
    OPT_WARMUP,
    OPT_TOKENS,
    OPT_ORGANIZER,
    OPT_ZONE,
    OPT_ZONES,
    OPT_CAPACITY,
    OPT_QUANTITY,
    OPT_MAX_PER_USER,
    OPT_PER_USER,
    OPT_PATH,
    OPT_APART,
    OPT_ALLOW_REFUSED,
    OPT_RETRY_LOST,
    OPT_LAPSE,
    OPT_SLEEP,
    OPT_HISTORY,
    OPT_JSON,
    OPT_SERVER_PID,
    OPT_CPU,
    OPT_QUIET,
    OPT_HELP,
    OPT_VERSION
};

static const struct option long_options[] = {
    {"scenario", required_argument, NULL, OPT_SCENARIO},
    {"target", required_argument, NULL, OPT_TARGET},
    {"connections", required_argument, NULL, OPT_CONNECTIONS},
    {"rate", required_argument, NULL, OPT_RATE},
    {"duration", required_argument, NULL, OPT_DURATION},
    {"requests", required_argument, NULL, OPT_REQUESTS},
    {"warmup", required_argument, NULL, OPT_WARMUP},
    {"tokens", required_argument, NULL, OPT_TOKENS},
    {"organizer-token", required_argument, NULL, OPT_ORGANIZER},
    {"zone", required_argument, NULL, OPT_ZONE},
    {"zones", required_argument, NULL, OPT_ZONES},
    {"capacity", required_argument, NULL, OPT_CAPACITY},
    {"quantity", required_argument, NULL, OPT_QUANTITY},
    {"max-per-user", required_argument, NULL, OPT_MAX_PER_USER},
    {"per-user", required_argument, NULL, OPT_PER_USER},
    {"path", required_argument, NULL, OPT_PATH},
    {"apart", no_argument, NULL, OPT_APART},
    {"allow-refused", no_argument, NULL, OPT_ALLOW_REFUSED},
    {"retry-lost", no_argument, NULL, OPT_RETRY_LOST},
    {"lapse", no_argument, NULL, OPT_LAPSE},
    {"sleep", no_argument, NULL, OPT_SLEEP},
    {"history", required_argument, NULL, OPT_HISTORY},
    {"json", required_argument, NULL, OPT_JSON},
    {"server-pid", required_argument, NULL, OPT_SERVER_PID},
    {"cpu", required_argument, NULL, OPT_CPU},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

/* How many zones --zones asked for; kept apart until it is known whether ids
 * were given instead. */
struct pending {
    uint64_t zones;
    bool scenario_seen;
};

static bool flag_apply(struct options *options, int id)
{
    switch (id) {
    case OPT_APART:
        return options->apart = true;
    case OPT_ALLOW_REFUSED:
        return options->allow_refused = true;
    case OPT_RETRY_LOST:
        return options->retry_lost = true;
    case OPT_LAPSE:
        return options->lapse = true;
    case OPT_SLEEP:
        return options->sleep = true;
    case OPT_QUIET:
        return options->quiet = true;
    default:
        return false;
    }
}

static bool text_apply(struct options *options, int id, const char *value)
{
    switch (id) {
    case OPT_TOKENS:
        options->tokens_path = value;
        return true;
    case OPT_ORGANIZER:
        options->organizer_path = value;
        return true;
    case OPT_HISTORY:
        options->history_path = value;
        return true;
    case OPT_JSON:
        options->json_path = value;
        return true;
    case OPT_PATH:
        options->path = value;
        return value[0] == '/' && strlen(value) < 512;
    default:
        return false;
    }
}

static bool number_apply(struct options *options, struct pending *pending, int id,
                         const char *value)
{
    uint64_t number = 0;
    bool good = false;
    switch (id) {
    case OPT_CONNECTIONS:
        good = number_parse(value, 1, OPTIONS_CONNECTIONS_MAX, &number);
        options->connections = (uint32_t)number;
        return good;
    case OPT_RATE:
        return number_parse(value, 1, 10000000, &options->rate);
    case OPT_DURATION:
        return seconds_parse(value, &options->duration_ns);
    case OPT_WARMUP:
        return seconds_parse(value, &options->warmup_ns);
    case OPT_REQUESTS:
        return number_parse(value, 1, UINT64_MAX / 2, &options->requests);
    case OPT_ZONES:
        return number_parse(value, 1, OPTIONS_ZONES_MAX, &pending->zones);
    case OPT_CAPACITY:
        return number_parse(value, 1, 10000000, &options->capacity);
    case OPT_QUANTITY:
        good = number_parse(value, 1, 1000, &number);
        options->quantity = (uint32_t)number;
        return good;
    case OPT_MAX_PER_USER:
        return number_parse(value, 1, UINT32_MAX, &options->max_per_user);
    case OPT_PER_USER:
        return number_parse(value, 1, UINT32_MAX, &options->per_user);
    case OPT_SERVER_PID:
        good = number_parse(value, 1, INT32_MAX, &number);
        options->server_pid = (int)number;
        return good;
    case OPT_CPU:
        good = number_parse(value, 0, 1023, &number);
        options->cpu = (int)number;
        return good;
    default:
        return false;
    }
}

static bool option_apply(struct options *options, struct pending *pending, int id,
                         const char *value)
{
    if (!value)
        return flag_apply(options, id);
    if (id == OPT_SCENARIO)
        return pending->scenario_seen = scenario_parse(value, &options->scenario);
    if (id == OPT_TARGET)
        return target_parse(options, value);
    if (id == OPT_ZONE)
        return zone_add(options, value);
    return text_apply(options, id, value) || number_apply(options, pending, id, value);
}

static const char *options_check(struct options *options, const struct pending *pending)
{
    bool raw = options->scenario == SCENARIO_RAW;
    bool single = options->scenario == SCENARIO_SOLD_OUT || options->scenario == SCENARIO_LAST_SEAT;
    if (!pending->scenario_seen)
        return "--scenario is missing";
    if (!options->duration_ns && !options->requests && options->scenario != SCENARIO_LAST_SEAT)
        return "--duration or --requests is missing";
    if (!raw && !options->tokens_path)
        return "--tokens is missing";
    if (!raw && options->scenario != SCENARIO_RAW_RESERVE && !options->zones_given &&
        !options->organizer_path)
        return "--organizer-token or --zone is missing";
    if (options->scenario == SCENARIO_LAST_SEAT && options->rate)
        return "last-seat is a race: it has no --rate";
    if (!options->zones_given)
        options->zones = (uint32_t)(pending->zones ? pending->zones : 16);
    bool seated = options->scenario == SCENARIO_SEATS || options->scenario == SCENARIO_BEST;
    if (seated && (options->capacity % OPTIONS_ROW_SEATS != 0 || options->capacity > 100000))
        return "a seated zone has a multiple of 100 seats, 100000 at most";
    if (options->apart && options->scenario != SCENARIO_SEATS)
        return "--apart is for the scenario seats";
    if (seated && options->quantity > 32)
        return "of numbered seats --quantity is 32 at most";
    if (!options->capacity)
        options->capacity = seated ? 20000 : single ? 1 : 5000000;
    if (options->scenario == SCENARIO_LAST_SEAT) {
        options->requests = (uint64_t)options->connections * options->zones;
        options->duration_ns = options->warmup_ns = 0;
    }
    return NULL;
}

enum options_result options_parse(struct options *options, int argc, char **argv, char *error,
                                  size_t error_bytes)
{
    struct pending pending = {0, false};
    const char *wrong;
    int id;
    *options = (struct options){.connections = 64,
                                .quantity = 1,
                                .path = "/",
                                .cpu = -1,
                                .max_per_user = 10000,
                                .per_user = 1000};
    target_parse(options, "127.0.0.1:8080");
    opterr = 0;
    optind = 1;
    while ((id = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (id == OPT_HELP)
            return OPTIONS_HELP;
        if (id == OPT_VERSION) {
            puts("boxload 1.0");
            exit(0);
        }
        if (id == '?') {
            snprintf(error, error_bytes, "%s: unknown option, or its value is missing",
                     argv[optind - 1]);
            return OPTIONS_WRONG;
        }
        if (!option_apply(options, &pending, id, optarg)) {
            snprintf(error, error_bytes, "bad value for --%s: %s",
                     long_options[id - OPT_SCENARIO].name, optarg ? optarg : "");
            return OPTIONS_WRONG;
        }
    }
    if (optind < argc) {
        snprintf(error, error_bytes, "unexpected argument: %s", argv[optind]);
        return OPTIONS_WRONG;
    }
    wrong = options_check(options, &pending);
    if (wrong) {
        snprintf(error, error_bytes, "%s", wrong);
        return OPTIONS_WRONG;
    }
    return OPTIONS_RUN;
}
