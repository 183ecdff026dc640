/* Snapshots into shards. */
#ifndef PERSIST_SNAPSHOT_LOAD_H
#define PERSIST_SNAPSHOT_LOAD_H

#include "../engine/shard.h"
#include "snapshot_read.h"

/* Fills fresh shards, as many as the map says, with all that is in the file. With
 * the file's own number of shards each is loaded by a thread of its own; with
 * another one thread deals the pieces out. 0, or the exit code: the file is
 * damaged (65, 74), what it says is impossible (70), no memory (71). After a
 * failure the shards are good for nothing but shard_free. */
int snapshot_load(const struct snapshot_file *file, struct shard *const *shards,
                  const struct partition_map *partitions, struct log_error *error);

/* Makes shards and fills them from the newest snapshot that is good; each that is
 * not is logged (snapshot_bad, RO). None good: the shards are empty and
 * cut->number is 0 (RP if there were any). `options`: of every shard but its index;
 * `shards`: partitions->shard_count of them, the caller's. 0 or the exit code. */
int snapshot_restore(const struct data_dir *dir, const struct shard_options *options,
                     struct shard **shards, struct snapshot_cut *cut, struct log_error *error);

/* The same, but of those that `accept` wants. It is asked with each good header. */
typedef bool snapshot_accept(void *context, const struct snapshot_cut *cut);
int snapshot_restore_if(const struct data_dir *dir, const struct shard_options *options,
                        snapshot_accept *accept, void *context, struct shard **shards,
                        struct snapshot_cut *cut, struct log_error *error);

/* Makes `shards` empty; false: out of memory, none is made. */
bool snapshot_make_shards(const struct shard_options *options, struct shard **shards);
void snapshot_free_shards(struct shard **shards, uint16_t shard_count);

enum { SNAPSHOT_EXIT_MEMORY = 71 };

#endif
