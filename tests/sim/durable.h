/* The engine's persistence on a simulated disk: data directory, logs, keeper,
 * recovery. Real code of persist/ but for the disk itself. */
#ifndef TESTS_SIM_DURABLE_H
#define TESTS_SIM_DURABLE_H

#include "../../persist/log_writer.h"
#include "disk.h"
#include "history.h"
#include "level.h"

struct sim_durable_log {
    struct sim_durable *durable;
    uint16_t shard;
    struct log_storage *storage;
    struct log_writer *writer;
    const struct journal *real;
    struct journal journal; /* the real one, watched */
    uint32_t history;       /* index of its log there */
};

struct sim_durable {
    struct sim_run *run;
    struct sim_disk *disk;
    struct data_dir *dir;
    struct segment_keeper *keeper;
    struct recovery_result recovered;
    struct snapshot_cut cut;
    struct log_error error;
    struct sim_durable_log logs[SHARD_COUNT_MAX];
    struct sim_history history;
    struct partition_map partitions;       /* of the life that runs */
    struct shard *shards[SHARD_COUNT_MAX]; /* recovered; who takes one sets NULL */
    uint64_t ticks;
    uint32_t lives, cut_short, failed_logs, snapshots, spoiled;
    uint64_t given_up;      /* segments */
    uint64_t last_snapshot; /* the highest number of one */
    bool made, faulty, open;
};

void sim_durable_init(struct sim_durable *durable, struct sim_run *run);
void sim_durable_release(struct sim_durable *durable);

/* Recovers, whatever it takes, and opens the logs: durable->shards are the state.
 * False: the run has failed. */
bool sim_durable_start(struct sim_durable *durable, uint16_t shard_count);
/* The process ends; the shards are the caller's to free before. */
void sim_durable_end(struct sim_durable *durable, enum sim_end how);

void sim_durable_faults(struct sim_durable *durable, bool on);
/* Time passes on the disk; completions come. The keeper works. */
void sim_durable_tick(struct sim_durable *durable, uint64_t ticks);
/* Takes a snapshot beside the engine and gives up log; required: the cursor without
 * which none goes (NULL: none). keeping.c. */
void sim_durable_snapshot(struct sim_durable *durable, const char *required);
/* After a crash: turns a bit of a snapshot, if a start can do without it. */
void sim_durable_spoil(struct sim_durable *durable);
/* A client learns what rests on `sequence` of a shard's log (I10). */
void sim_durable_shown(struct sim_durable *durable, uint16_t shard, uint64_t sequence);
/* The medium loses what was durable: a refusal to start is then right. */
bool sim_durable_decays(const struct sim_durable *durable);
/* A log has failed, or the power is gone: this life is over. */
bool sim_durable_dying(const struct sim_durable *durable);

#endif
