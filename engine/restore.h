/* Brings shards back from the records of their logs: makes each catalog version
 * once and shares it among all shards, and gives every other record to the
 * shards it concerns. Main thread, before the workers run.
 *
 * Records about one booking go through a ring before they are applied: what one of
 * them touches is loaded, step by step, while those before it are applied. */
#ifndef ENGINE_RESTORE_H
#define ENGINE_RESTORE_H

#include "shard.h"

enum {
    RESTORE_AHEAD_MAX = 32,    /* held back at once; a power of two */
    RESTORE_AHEAD_ENTRIES = 16 /* so long after the buckets come the entries in them */
};

/* A record about one booking, without the room an expiry's list needs. */
struct restore_waiting {
    enum record_kind kind;
    uint64_t sequence, stamp_ms;
    struct actor actor;
    struct request_key key;
    uint16_t shards[3]; /* that it concerns */
    uint16_t shard_count;
    union {
        struct record_reserved reserved;
        struct record_settled settled;
    };
};

struct restore {
    struct shard **shards; /* [partitions->shard_count], by index */
    const struct partition_map *partitions;
    uint64_t records;
    uint64_t stamp_ms; /* the newest seen */
    /* When a record was impossible: which. */
    uint64_t failed_sequence;
    enum record_kind failed_kind;
    struct restore_waiting waiting[RESTORE_AHEAD_MAX]; /* a ring, by the number of each: */
    uint32_t waiting_end;                              /* of the next to come, */
    uint32_t waiting_entries;                          /* whose entries are loaded next, */
    uint32_t waiting_first;                            /* and that is applied next */
};

/* Records come in log order, shard 0 (the catalog) of an epoch first. A failure
 * may be that of an earlier record: failed_sequence names it. */
enum shard_replay_result restore_record(struct restore *restore, const struct record *record);

/* As restore_record, for a record of the log of one of `shard_count` shards: if these
 * are as many, what it says of its shard's state is compared (RECORD_STATE). */
enum shard_replay_result restore_record_of(struct restore *restore, uint16_t shard,
                                           uint16_t shard_count, const struct record *record);

/* Applies what is still held back. After the last record. */
enum shard_replay_result restore_finish(struct restore *restore);

/* The counts of all zones as they were restored, for readers: what is recovered is
 * durable. After restore_finish. */
void restore_publish(const struct restore *restore);

/* When all is applied and workers are to run: finds what is to be done about
 * orders that a crash cut off. */
void restore_orders(const struct restore *restore);

/* Of restore.c: notes of orders' answers what a record just applied says. */
void restore_remember_order(const struct restore *restore, const struct record *record);

#endif
