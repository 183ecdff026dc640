#include "replay_options.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log_error.h"

static const char usage[] =
    "Usage: boxreplay COMMAND [OPTION]...\n"
    "Reads the engine's log, while the engine runs or not, and never changes it.\n"
    "The data directory may also be given as the last argument.\n"
    "\n"
    "Commands\n"
    "  mirror   follow all logs into PostgreSQL; makes and migrates its tables\n"
    "  verify   check hashes, chain, sequences and invariants of the whole log\n"
    "  dump     print records as JSON, one a line\n"
    "  diff     compare PostgreSQL with the log at the mirror's position\n"
    "  snapshot take a snapshot, so that a start need not replay what is before it\n"
    "  rebuild  make a new data directory with the state at a point of the log\n"
    "  salvage  make a new data directory from all that is good in a damaged one\n"
    "\n"
    "Options of all commands\n"
    "  --config FILE     the engine's configuration file\n"
    "  --data-dir DIR    the log's directory, instead of [storage] data_dir\n"
    "  --help, --version\n"
    "\n"
    "mirror, diff\n"
    "  --postgres URL    instead of [mirror] postgres\n"
    "mirror\n"
    "  --once            catch up with what is durable now, then exit\n"
    "dump\n"
    "  --shard N         this shard only          --from SEQ  the first sequence\n"
    "  --epoch N         this epoch only          --to SEQ    the last sequence\n"
    "rebuild, salvage\n"
    "  --out DIR         the new directory; it must not exist\n"
    "rebuild\n"
    "  --to POINT        a time (2026-11-21T10:00:00Z), SHARD:SEQ,SHARD:SEQ... of all\n"
    "                    shards, or SEQ if there is one shard; with --epoch N not the last\n"
    "                    epoch's. Left out: the end\n"
    "\n"
    "Exit codes: 0 done; 1 diff found differences; 64 wrong use; 65 the log or the\n"
    "mirror is damaged; 66 no log there; 69 PostgreSQL unreachable; 70 the log says\n"
    "what cannot be; 74 input/output error; 75 another replayer runs; 78 configuration.\n";

enum option_code {
    OPTION_CONFIG = 256,
    OPTION_DATA_DIR,
    OPTION_POSTGRES,
    OPTION_ONCE,
    OPTION_SHARD,
    OPTION_EPOCH,
    OPTION_FROM,
    OPTION_TO,
    OPTION_OUT,
    OPTION_HELP,
    OPTION_VERSION
};

static const struct option long_options[] = {{"config", required_argument, NULL, OPTION_CONFIG},
                                             {"data-dir", required_argument, NULL, OPTION_DATA_DIR},
                                             {"postgres", required_argument, NULL, OPTION_POSTGRES},
                                             {"once", no_argument, NULL, OPTION_ONCE},
                                             {"shard", required_argument, NULL, OPTION_SHARD},
                                             {"epoch", required_argument, NULL, OPTION_EPOCH},
                                             {"from", required_argument, NULL, OPTION_FROM},
                                             {"to", required_argument, NULL, OPTION_TO},
                                             {"out", required_argument, NULL, OPTION_OUT},
                                             {"help", no_argument, NULL, OPTION_HELP},
                                             {"version", no_argument, NULL, OPTION_VERSION},
                                             {NULL, 0, NULL, 0}};

void replay_options_usage(void)
{
    (void)fputs(usage, stdout);
}

static int wrong_use(const char *what, const char *which)
{
    (void)fprintf(stderr, "boxreplay: %s%s\nTry: boxreplay --help\n", what, which);
    return REPLAY_EXIT_USAGE;
}

static bool command_parse(enum replay_command *command, const char *name)
{
    static const char *const names[] = {
        [REPLAY_MIRROR] = "mirror",   [REPLAY_VERIFY] = "verify",     [REPLAY_DUMP] = "dump",
        [REPLAY_DIFF] = "diff",       [REPLAY_SNAPSHOT] = "snapshot", [REPLAY_REBUILD] = "rebuild",
        [REPLAY_SALVAGE] = "salvage", [REPLAY_HELP] = "help"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            *command = (enum replay_command)i;
            return true;
        }
    }
    return false;
}

static bool number_parse(uint64_t *number, const char *text, uint64_t least, uint64_t most)
{
    char *end = NULL;
    if (*text < '0' || *text > '9')
        return false;
    const unsigned long long value = strtoull(text, &end, 10);
    if (*end != '\0' || value < least || value > most)
        return false;
    *number = value;
    return true;
}

/* Which commands an option belongs to. */
static bool applies(enum option_code code, enum replay_command command)
{
    switch (code) {
    case OPTION_POSTGRES:
        return command == REPLAY_MIRROR || command == REPLAY_DIFF;
    case OPTION_ONCE:
        return command == REPLAY_MIRROR;
    case OPTION_EPOCH:
    case OPTION_TO:
        return command == REPLAY_DUMP || command == REPLAY_REBUILD;
    case OPTION_SHARD:
    case OPTION_FROM:
        return command == REPLAY_DUMP;
    case OPTION_OUT:
        return command == REPLAY_REBUILD || command == REPLAY_SALVAGE;
    default:
        return true;
    }
}

static int number_option(struct replay_options *options, enum option_code code, const char *text)
{
    uint64_t number = 0;
    switch (code) {
    case OPTION_SHARD:
        if (!number_parse(&number, text, 0, 63))
            return wrong_use("--shard takes a number from 0 to 63, not ", text);
        options->has_shard = true;
        options->shard = (uint16_t)number;
        return 0;
    case OPTION_EPOCH:
        if (!number_parse(&number, text, 1, 999999))
            return wrong_use("--epoch takes a number from 1 to 999999, not ", text);
        options->epoch = (uint32_t)number;
        return 0;
    case OPTION_FROM:
        return number_parse(&options->from_sequence, text, 1, UINT64_MAX - 1)
                   ? 0
                   : wrong_use("--from takes a sequence from 1, not ", text);
    default:
        return number_parse(&options->to_sequence, text, 1, UINT64_MAX - 1)
                   ? 0
                   : wrong_use("--to takes a sequence from 1, not ", text);
    }
}

static int take_option(struct replay_options *options, enum option_code code, const char *text)
{
    switch (code) {
    case OPTION_CONFIG:
        options->config_path = text;
        return 0;
    case OPTION_DATA_DIR:
        options->data_dir = text;
        return 0;
    case OPTION_POSTGRES:
        options->postgres = text;
        return 0;
    case OPTION_ONCE:
        options->once = true;
        return 0;
    case OPTION_OUT:
        options->out = text;
        return 0;
    case OPTION_TO:
        options->to = text;
        return options->command == REPLAY_DUMP ? number_option(options, code, text) : 0;
    case OPTION_HELP:
        options->command = REPLAY_HELP;
        return 0;
    case OPTION_VERSION:
        options->command = REPLAY_VERSION;
        return 0;
    default:
        return number_option(options, code, text);
    }
}

static int set_text(char *out, size_t out_bytes, const char *text, const char *name)
{
    if (strlen(text) >= out_bytes)
        return wrong_use("too long: ", name);
    (void)snprintf(out, out_bytes, "%s", text);
    return 0;
}

static int load_config(struct replay_options *options)
{
    char error[1024] = {0};
    if (!config_load(&options->config, options->config_path, error, sizeof error)) {
        (void)fprintf(stderr, "boxreplay: %s\n", error);
        return LOG_EXIT_CONFIG;
    }
    int code = 0;
    if (options->data_dir != NULL)
        code = set_text(options->config.storage.data_dir, sizeof options->config.storage.data_dir,
                        options->data_dir, "--data-dir");
    if (code == 0 && options->postgres != NULL)
        code = set_text(options->config.mirror.postgres, sizeof options->config.mirror.postgres,
                        options->postgres, "--postgres");
    const bool needs_postgres =
        options->command == REPLAY_MIRROR || options->command == REPLAY_DIFF;
    if (code == 0 && needs_postgres && options->config.mirror.postgres[0] == '\0') {
        (void)fprintf(stderr, "boxreplay: no PostgreSQL to mirror to: set postgres in [mirror] of "
                              "the configuration, or give --postgres URL\n");
        return LOG_EXIT_CONFIG;
    }
    return code;
}

int replay_options_parse(struct replay_options *options, int argc, char **argv)
{
    memset(options, 0, sizeof *options);
    options->to_sequence = UINT64_MAX;
    if (argc < 2)
        return wrong_use("a command is missing", "");
    const bool has_command = argv[1][0] != '-';
    if (has_command && !command_parse(&options->command, argv[1]))
        return wrong_use("no such command: ", argv[1]);
    if (!has_command)
        options->command = REPLAY_HELP; /* only --help and --version go without one */
    const enum replay_command named = options->command;
    optind = has_command ? 2 : 1;
    opterr = 0;
    for (int code; (code = getopt_long(argc, argv, ":", long_options, NULL)) != -1;) {
        if (code == ':' || code == '?')
            return wrong_use(code == ':' ? "a value is missing after " : "no such option: ",
                             argv[optind - 1]);
        const enum option_code option = (enum option_code)code;
        if (!applies(option, named) ||
            (!has_command && option != OPTION_HELP && option != OPTION_VERSION))
            return wrong_use("this command takes no ", argv[optind - 1]);
        const int result = take_option(options, option, optarg);
        if (result != 0)
            return result;
    }
    if (optind + 1 == argc && options->data_dir == NULL)
        options->data_dir = argv[optind++];
    if (optind < argc)
        return wrong_use("not expected: ", argv[optind]);
    if ((options->command == REPLAY_REBUILD || options->command == REPLAY_SALVAGE) &&
        options->out == NULL)
        return wrong_use("give --out DIR", "");
    if (options->command == REPLAY_HELP || options->command == REPLAY_VERSION)
        return 0;
    if (options->config_path == NULL && options->data_dir == NULL)
        return wrong_use("give --config FILE or --data-dir DIR", "");
    if (options->from_sequence > options->to_sequence)
        return wrong_use("--from is behind --to", "");
    return load_config(options);
}
