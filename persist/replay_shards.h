/* What the replayer's commands that work with whole shards share. */
#ifndef PERSIST_REPLAY_SHARDS_H
#define PERSIST_REPLAY_SHARDS_H

#include "../engine/config.h"
#include "../engine/shard.h"
#include "log_error.h"

/* As the engine makes its shards; partitions and index are left open. */
struct shard_options replay_shard_options(const struct config *config);

/* Prints the error as all commands do; its exit code. */
int replay_complain(const struct log_error *error);

#endif
