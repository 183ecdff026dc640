/* The engine's command line: which configuration, and what overrides it. */
#ifndef ENGINE_COMMAND_LINE_H
#define ENGINE_COMMAND_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"

struct command_line {
    const char *config, *data_dir, *listen, *shards; /* argv's; NULL: not given */
    bool init;
};

/* -1: go on. Else the exit code: help and version were printed (0), or what is
 * wrong with the call (64). */
int command_line_parse(struct command_line *command_line, int argc, char **argv);

/* Loads the file, the environment and the overrides, and sets the log level.
 * False with one line in `error`. */
bool command_line_configure(const struct command_line *command_line, struct config *config,
                            char *error, size_t error_bytes);

#endif
