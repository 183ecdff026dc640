/* Cursors: how far followers of the log (the mirror first) have come, so that the
 * engine gives up no log they still need. One file each, written by its follower,
 * read by the engine and by boxctl.
 *
 *   cursors/<name>      a sealed page: epoch, and the last sequence of each shard
 *
 * Errors fill a log_error and return its exit code. */
#ifndef PERSIST_CURSOR_H
#define PERSIST_CURSOR_H

#include "../engine/partition.h"
#include "data_dir.h"

enum { CURSOR_NAME_BYTES = 32 };

struct cursor_position {
    uint32_t epoch; /* everything of earlier epochs is done with */
    uint16_t shard_count;
    uint64_t sequences[SHARD_COUNT_MAX]; /* the last one the follower needs no more */
    uint64_t published_ms;
};

/* Lower-case letters, digits, - and _; at most CURSOR_NAME_BYTES - 1. */
bool cursor_name_good(const char *name);

/* Writes the follower's position, whole or not at all. After it, log up to there may
 * be given up at any time: publish only what is durable on the other side. Makes the
 * directory. Some milliseconds (two syncs): at most once a second does for a busy
 * follower. 64: a bad name. */
int cursor_publish(const struct data_dir *dir, const char *name,
                   const struct cursor_position *position, struct log_error *error);

/* Missing: 66. Damaged: 65; the log must then be kept as if it stood at the start. */
int cursor_read(const struct data_dir *dir, const char *name, struct cursor_position *position,
                struct log_error *error);

/* Forgets the follower; the log it held may go. Missing: 66. */
int cursor_drop(const struct data_dir *dir, const char *name, struct log_error *error);

/* All names, in no order; malloc'd, the caller's. No directory is no cursor. */
int cursor_list(const struct data_dir *dir, char (**names)[CURSOR_NAME_BYTES], uint32_t *count,
                struct log_error *error);

enum { CURSOR_EXIT_USAGE = 64 };

#endif
