#include "command_line.h"

#include <getopt.h>
#include <stdio.h>

#include "logger.h"
#include "version.h"

enum { EXIT_USAGE = 64 };

static void usage(FILE *out)
{
    fputs("usage: boxoffice --config FILE [--data-dir DIR] [--listen ADDR:PORT] [--shards N] "
          "[--init]\n"
          "\n"
          "The ticketing engine: serves the REST API until SIGTERM or SIGINT.\n"
          "\n"
          "  --config FILE       configuration (TOML); config.toml documents every key\n"
          "  --data-dir DIR      overrides [storage] data_dir\n"
          "  --listen ADDR:PORT  overrides [server] listen\n"
          "  --shards N          overrides [engine] shards; the log is re-sharded at start\n"
          "  --init              make a new, empty log where there is none\n"
          "  --help, --version\n"
          "\n"
          "Exit codes: docs/operations.md. Inspect a running engine with boxctl, its log with\n"
          "boxreplay.\n",
          out);
}

int command_line_parse(struct command_line *command_line, int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"data-dir", required_argument, NULL, 'd'},
        {"listen", required_argument, NULL, 'l'}, {"shards", required_argument, NULL, 's'},
        {"init", no_argument, NULL, 'i'},         {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},      {NULL, 0, NULL, 0},
    };
    int option;

    *command_line = (struct command_line){0};

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            command_line->config = optarg;
            break;
        case 'd':
            command_line->data_dir = optarg;
            break;
        case 'l':
            command_line->listen = optarg;
            break;
        case 's':
            command_line->shards = optarg;
            break;
        case 'i':
            command_line->init = true;
            break;
        case 'h':
            usage(stdout);
            return 0;
        case 'v':
            puts("boxoffice " BOXOFFICE_VERSION);
            return 0;
        default:
            usage(stderr);
            return EXIT_USAGE;
        }
    }
    if (optind != argc || !command_line->config) {
        usage(stderr);
        return EXIT_USAGE;
    }
    return -1;
}

static bool set(struct config *config, const char *option, const char *section, const char *key,
                const char *value, char *error, size_t error_bytes)
{
    return !value || config_set(config, option, section, key, value, error, error_bytes);
}

bool command_line_configure(const struct command_line *command_line, struct config *config,
                            char *error, size_t error_bytes)
{
    enum logger_level level;

    if (!config_load(config, command_line->config, error, error_bytes) ||
        !set(config, "--data-dir", "storage", "data_dir", command_line->data_dir, error,
             error_bytes) ||
        !set(config, "--listen", "server", "listen", command_line->listen, error, error_bytes) ||
        !set(config, "--shards", "engine", "shards", command_line->shards, error, error_bytes) ||
        !config_check(config, error, error_bytes))
        return false;
    if (logger_level_parse(config->log.level, &level))
        logger_init(level);
    return true;
}
