/* A consistent copy of a data directory while the engine runs: its snapshots, and
 * every log up to what is durable when the copy looks, the catalog's shard last. A
 * cursor of its own keeps the engine from giving up what is being copied. The copy
 * has the same cluster id: it is that cluster as it was then. */
#ifndef PERSIST_BACKUP_H
#define PERSIST_BACKUP_H

#include "data_dir.h"

struct backup_result {
    uint32_t epoch;
    uint16_t shard_count;
    uint64_t positions[64]; /* the last sequence of each shard that is in it */
    uint64_t files, bytes;
};

/* `path` must not exist; it gets its name when all is synced. 0 or the exit code; 73:
 * it exists. What a failure leaves is `path`.new. */
int backup_make(const struct data_dir *from, const char *path, struct backup_result *result,
                struct log_error *error);

enum { BACKUP_EXIT_EXISTS = 73 };

#endif
