/* The real engine without sockets and without a disk: real workers, shards and
 * mailboxes, driven turn by turn. Its transport makes reserve commands of random
 * users and takes the answers; its journal encodes every record, seals a block
 * per flush as the log does, and calls it durable one turn later, so that
 * answers wait in the gate as they do behind a real device. */
#ifndef BENCH_RIG_H
#define BENCH_RIG_H

#include "../engine/worker.h"

struct rig;

struct rig_options {
    uint16_t shards;
    uint32_t users;
    uint32_t zones;
    uint32_t zone_seats; /* 1: soon everything is sold out */
    uint32_t window;     /* commands under way per worker */
    uint64_t seed;
    bool spread;       /* commands enter at any worker; else at their user's home shard */
    uint32_t ttl_ms;   /* of reservations; 0: ten minutes */
    uint64_t flush_ns; /* a flush takes that long; 0: until the next turn */
};

/* NULL: out of memory. */
struct rig *rig_new(const struct rig_options *options);
void rig_free(struct rig *rig);

/* Drives worker `index` until it has taken `answers` more answers, or for ever
 * until *stop; on the worker's own thread. */
void rig_run(struct rig *rig, uint16_t index, uint64_t answers, const _Atomic bool *stop);

/* From now on that many commands a second enter at the worker, each counted from
 * the moment it was due; 0: as fast as the window allows. Latencies start anew.
 * Its thread. */
void rig_pace(struct rig *rig, uint16_t index, uint64_t per_second);
const struct histogram *rig_latency(const struct rig *rig, uint16_t index);

/* Totals since the start; any thread. */
uint64_t rig_accepted(const struct rig *rig, uint16_t index);
uint64_t rig_refused(const struct rig *rig, uint16_t index); /* for want of stock */
uint64_t rig_other(const struct rig *rig, uint16_t index);   /* anything else: must be 0 */
uint64_t rig_log_bytes(const struct rig *rig, uint16_t index);

struct worker *rig_worker(struct rig *rig, uint16_t index);

/* A thread pinned to a CPU runs a worker. */
bool rig_pin(uint32_t cpu);

#endif
