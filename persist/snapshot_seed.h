/* Makes a data directory that begins with a state instead of a log: a cluster of its
 * own, one epoch without records, and a snapshot. Offline tools. */
#ifndef PERSIST_SNAPSHOT_SEED_H
#define PERSIST_SNAPSHOT_SEED_H

#include "log_fold.h"

/* `path` must not exist. It gets a new cluster id, the fold's shards, sequences that
 * go on behind the fold's, and the signing keys of `from` if it has some. A failure
 * leaves what was made until then, without the file `cluster` that would make it a
 * data directory. 0 or the exit code; 73: it exists. */
int snapshot_seed(const char *path, const struct data_dir *from, const struct log_fold *fold,
                  const struct shard_options *shard, uint64_t now_ms, struct log_error *error);

enum { SNAPSHOT_EXIT_EXISTS = 73 };

#endif
