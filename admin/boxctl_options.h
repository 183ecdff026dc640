/* The command line of boxctl, read and checked. */
#ifndef ADMIN_BOXCTL_OPTIONS_H
#define ADMIN_BOXCTL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "../engine/config.h"
#include "../engine/uuid.h"

/* Each is also the bit of an option that a command may take. */
enum boxctl_option {
    BOXCTL_USER = 1,
    BOXCTL_ROLE = 2,
    BOXCTL_TTL = 4,
    BOXCTL_EMAIL = 8,
    BOXCTL_TENANT = 16,
    BOXCTL_COUNT = 32,
    BOXCTL_SAMPLES = 64,
    BOXCTL_INTERVAL = 128,
    BOXCTL_YES = 256
};

struct boxctl_options {
    const char *socket;   /* NULL: the configuration's */
    const char *config;   /* NULL: ./config.toml if there is one */
    const char *data_dir; /* NULL: the configuration's */
    bool json;
    unsigned given; /* enum boxctl_option */
    const char *command;
    const char *argument; /* an id or a shard; NULL: none */
    const char *second;   /* behind it; NULL: none */
    const char *user, *role, *email, *tenant;
    uint64_t ttl_seconds, count, samples;
    double interval_seconds;
};

enum boxctl_parse { BOXCTL_PARSED, BOXCTL_HELP, BOXCTL_VERSION, BOXCTL_WRONG };

/* Options may stand before and after the command. On WRONG the reason has been
 * printed to standard error. Not thread-safe (getopt). */
enum boxctl_parse boxctl_options_parse(struct boxctl_options *options, int argc, char **argv);

/* Loads the configuration the options ask for, paths resolved. Returns 0, or the
 * exit code with the reason printed. */
int boxctl_options_config(const struct boxctl_options *options, struct config *config);

#endif
