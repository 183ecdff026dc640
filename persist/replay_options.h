/* boxreplay's command line. */
#ifndef PERSIST_REPLAY_OPTIONS_H
#define PERSIST_REPLAY_OPTIONS_H

#include "../engine/config.h"

enum replay_command {
    REPLAY_MIRROR,
    REPLAY_VERIFY,
    REPLAY_DUMP,
    REPLAY_DIFF,
    REPLAY_SNAPSHOT,
    REPLAY_REBUILD,
    REPLAY_SALVAGE,
    REPLAY_HELP,
    REPLAY_VERSION
};

/* Exit codes beyond log_error.h's, after sysexits.h. */
enum {
    REPLAY_EXIT_DIFFERENT = 1, /* diff found differences */
    REPLAY_EXIT_USAGE = 64,
    REPLAY_EXIT_UNAVAILABLE = 69 /* PostgreSQL cannot be reached */
};

struct replay_options {
    enum replay_command command;
    const char *config_path; /* NULL: none */
    const char *data_dir;    /* NULL: from the configuration */
    const char *postgres;    /* NULL: from the configuration */
    bool once;
    bool has_shard;
    uint16_t shard;
    uint32_t epoch;         /* 0: all */
    uint64_t from_sequence; /* 0: the first */
    uint64_t to_sequence;   /* UINT64_MAX: the last */
    const char *out;        /* rebuild, salvage: the directory to make */
    const char *to;         /* rebuild: the point, as it was given */
    struct config config;   /* data_dir and postgres put in their places */
};

/* 0, or the exit code after one line (and the usage) went to standard error. */
int replay_options_parse(struct replay_options *options, int argc, char **argv);

void replay_options_usage(void); /* to standard output */

#endif
