/* What the logger says meanwhile, instead of on standard error. */
#ifndef TESTS_UNIT_CAPTURED_LOG_H
#define TESTS_UNIT_CAPTURED_LOG_H

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../engine/logger.h"

struct captured_log {
    int fd, standard_error;
    char text[16384];
};

static inline void captured_begin(struct captured_log *captured, enum logger_level level)
{
    captured->fd = memfd_create("captured-log", MFD_CLOEXEC);
    captured->standard_error = dup(STDERR_FILENO);
    dup2(captured->fd, STDERR_FILENO);
    logger_init(level);
}

/* What was said, at most some pages of it; the logger says errors only from then on. */
static inline const char *captured_end(struct captured_log *captured)
{
    dup2(captured->standard_error, STDERR_FILENO);
    ssize_t length = pread(captured->fd, captured->text, sizeof captured->text - 1, 0);
    captured->text[length < 0 ? 0 : length] = '\0';
    close(captured->fd);
    close(captured->standard_error);
    logger_init(LOGGER_ERROR);
    return captured->text;
}

#endif
