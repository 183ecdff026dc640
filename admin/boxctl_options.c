#include "boxctl_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum {
    OPTION_SOCKET = 1000,
    OPTION_CONFIG,
    OPTION_DATA_DIR,
    OPTION_JSON,
    OPTION_HELP,
    OPTION_VERSION
};

static const struct option long_options[] = {
    {"socket", required_argument, NULL, OPTION_SOCKET},
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"data-dir", required_argument, NULL, OPTION_DATA_DIR},
    {"json", no_argument, NULL, OPTION_JSON},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"user", required_argument, NULL, BOXCTL_USER},
    {"role", required_argument, NULL, BOXCTL_ROLE},
    {"ttl", required_argument, NULL, BOXCTL_TTL},
    {"email", required_argument, NULL, BOXCTL_EMAIL},
    {"tenant", required_argument, NULL, BOXCTL_TENANT},
    {"count", required_argument, NULL, BOXCTL_COUNT},
    {"samples", required_argument, NULL, BOXCTL_SAMPLES},
    {"interval", required_argument, NULL, BOXCTL_INTERVAL},
    {"yes", no_argument, NULL, BOXCTL_YES},
    {NULL, 0, NULL, 0},
};

static bool read_whole(const char *name, uint64_t least, uint64_t most, uint64_t *value)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(optarg, &end, 10);
    if (optarg[0] < '0' || optarg[0] > '9' || *end != '\0' || errno != 0 || number < least ||
        number > most) {
        fprintf(stderr, "boxctl: --%s takes a whole number from %llu to %llu, not \"%s\"\n", name,
                (unsigned long long)least, (unsigned long long)most, optarg);
        return false;
    }
    *value = number;
    return true;
}

static bool read_interval(double *seconds)
{
    char *end;
    *seconds = strtod(optarg, &end);
    if (end == optarg || *end != '\0' || !(*seconds >= 0.1 && *seconds <= 3600)) {
        fprintf(stderr, "boxctl: --interval takes seconds from 0.1 to 3600, not \"%s\"\n", optarg);
        return false;
    }
    return true;
}

/* One option with its value in optarg. */
static bool take(struct boxctl_options *options, int option)
{
    switch (option) {
    case OPTION_SOCKET:
        options->socket = optarg;
        return true;
    case OPTION_CONFIG:
        options->config = optarg;
        return true;
    case OPTION_DATA_DIR:
        options->data_dir = optarg;
        return true;
    case OPTION_JSON:
        options->json = true;
        return true;
    case BOXCTL_USER:
        options->user = optarg;
        break;
    case BOXCTL_ROLE:
        options->role = optarg;
        break;
    case BOXCTL_EMAIL:
        options->email = optarg;
        break;
    case BOXCTL_TENANT:
        options->tenant = optarg;
        break;
    case BOXCTL_TTL:
        if (!read_whole("ttl", 1, UINT32_MAX, &options->ttl_seconds)) {
            return false;
        }
        break;
    case BOXCTL_COUNT:
        if (!read_whole("count", 1, 100000000, &options->count)) {
            return false;
        }
        break;
    case BOXCTL_SAMPLES:
        if (!read_whole("samples", 1, UINT32_MAX, &options->samples)) {
            return false;
        }
        break;
    case BOXCTL_INTERVAL:
        if (!read_interval(&options->interval_seconds)) {
            return false;
        }
        break;
    default:
        break;
    }
    options->given |= (unsigned)option;
    return true;
}

static enum boxctl_parse take_words(struct boxctl_options *options, int argc, char **argv)
{
    if (optind == argc) {
        fputs("boxctl: which command? See boxctl --help\n", stderr);
        return BOXCTL_WRONG;
    }
    options->command = argv[optind];
    options->argument = optind + 1 < argc ? argv[optind + 1] : NULL;
    options->second = optind + 2 < argc ? argv[optind + 2] : NULL;
    if (optind + 3 < argc) {
        fprintf(stderr, "boxctl: \"%s\" is one word too many; see boxctl --help\n",
                argv[optind + 3]);
        return BOXCTL_WRONG;
    }
    return BOXCTL_PARSED;
}

enum boxctl_parse boxctl_options_parse(struct boxctl_options *options, int argc, char **argv)
{
    *options = (struct boxctl_options){.interval_seconds = 1};
    int option;
    while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        if (option == OPTION_HELP || option == 'h') {
            return BOXCTL_HELP;
        }
        if (option == OPTION_VERSION) {
            return BOXCTL_VERSION;
        }
        if (option == '?' || !take(options, option)) {
            return BOXCTL_WRONG;
        }
    }
    return take_words(options, argc, argv);
}

int boxctl_options_config(const struct boxctl_options *options, struct config *config)
{
    char error[1024];
    const char *path = options->config;
    if (path == NULL && access("config.toml", F_OK) == 0) {
        path = "config.toml";
    }
    if (path != NULL && access(path, R_OK) != 0) {
        int code = errno == EACCES ? EX_NOPERM : EX_NOINPUT;
        fprintf(stderr, "boxctl: %s: %s\n", path, strerror(errno));
        return code;
    }
    if (!config_load(config, path, error, sizeof error)) {
        fprintf(stderr, "boxctl: %s\n", error);
        return EX_CONFIG;
    }
    if (options->data_dir != NULL) {
        if (strlen(options->data_dir) >= sizeof config->storage.data_dir) {
            fputs("boxctl: --data-dir is too long\n", stderr);
            return EX_USAGE;
        }
        strcpy(config->storage.data_dir, options->data_dir);
    }
    if (!config_check(config, error, sizeof error)) {
        fprintf(stderr, "boxctl: %s\n", error);
        return EX_CONFIG;
    }
    return 0;
}
