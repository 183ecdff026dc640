/* `boxreplay snapshot` as a child of the engine: one at a time, with what nobody else
 * wants of the cores and the disk, gone when the engine goes. All calls on one thread
 * that lives as long as the process: the child dies with the thread that began it. */
#ifndef PERSIST_SNAPSHOT_CHILD_H
#define PERSIST_SNAPSHOT_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct snapshot_child {
    pid_t pid; /* 0: none runs */
    uint64_t taken, failed;
};

/* Starts it with the configuration (NULL: none) and data directory given; the
 * environment is passed on. 0, or -errno; -EBUSY: one runs. */
int snapshot_child_start(struct snapshot_child *child, const char *config_path,
                         const char *data_dir);

/* Takes note of its end. True: it has just ended, *code is its exit code (128 + signal
 * if it was killed). */
bool snapshot_child_ended(struct snapshot_child *child, int *code);

/* Kills it, if one runs, and waits for it. */
void snapshot_child_stop(struct snapshot_child *child);

#endif
