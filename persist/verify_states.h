/* The part of `boxreplay verify` that checks what the log says of the state: each
 * RECORD_STATE against the fold.
 *
 * The fold is one shard with all partitions, the record speaks of the shard that
 * wrote it. Since the hash is a sum over zones, what each record adds to it is
 * counted by the zone's partition; the partitions a shard had when it wrote the
 * record then tell its part, whatever the number of shards. Pure. */
#ifndef PERSIST_VERIFY_STATES_H
#define PERSIST_VERIFY_STATES_H

#include "replay_fold.h"

struct verify_states {
    uint64_t by_partition[PARTITION_COUNT];
    uint64_t total; /* of the fold, when it was last looked at */
    /* Where the fold began with a snapshot: what that left to each shard is not known
     * by partition, but from the first record that tells it. */
    bool partial;
    struct partition_map partitions; /* of the epoch */
    uint64_t rest[SHARD_COUNT_MAX];
    bool rest_known[SHARD_COUNT_MAX];
    uint64_t compared;
};

/* `partial`: the fold is not empty. */
void verify_states_init(struct verify_states *states, const struct replay_fold *fold, bool partial);

/* Before the first record of an epoch. */
void verify_states_epoch(struct verify_states *states, uint16_t shard_count);

/* After the fold has applied the record of this shard. False: it is a RECORD_STATE
 * that tells of another state than the one reached. */
bool verify_states_check(struct verify_states *states, const struct replay_fold *fold,
                         uint16_t shard, const struct record *record);

#endif
