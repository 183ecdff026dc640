/* A log of one or more shards on a simulated disk: its start, its writers and what they
 * acknowledged. */
#ifndef TESTS_UNIT_SIM_LOG_RIG_H
#define TESTS_UNIT_SIM_LOG_RIG_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../engine/logger.h"
#include "../../persist/log_writer.h"
#include "../../persist/segment.h"
#include "../sim/disk.h"

enum { SHARDS_MAX = 3, BATCH_BYTES = 16384 };

struct shard {
    struct log_storage *storage;
    struct log_writer *writer;
    const struct journal *journal;
    uint32_t appended; /* quantities 1..appended were appended in this or an earlier life */
    uint32_t acknowledged;
    uint32_t visited;
};

struct rig {
    uint64_t seed;
    struct sim_random random;
    struct sim_disk *disk;
    struct data_dir *dir;
    struct segment_keeper *keeper;
    struct recovery_result recovered;
    struct log_error error;
    struct shard shards[SHARDS_MAX];
    uint16_t shard_count;
    uint32_t segment_bytes;
    bool made;   /* a life has begun: there is a log, for ever */
    bool broken; /* the visitor saw what nobody wrote */
    uint64_t now;
    /* of the whole run */
    uint64_t lives, dark_recoveries, torn, failed, records, resharded;
};

static struct rig rig;
static int said = STDERR_FILENO; /* where failures are told */

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)dup2(said, STDERR_FILENO);                                                       \
            fail_msg("SIM_SEED=%llu: %s (%s)", (unsigned long long)rig.seed, #condition,           \
                     rig.error.text);                                                              \
        }                                                                                          \
    } while (0)

static inline struct record record_of(uint32_t quantity)
{
    struct record record;
    memset(&record, 0, sizeof record);
    record.kind = RECORD_RESERVED;
    record.stamp_ms = 1700000000000u + quantity;
    record.actor.role = ROLE_USER;
    record.key.hash = quantity * 0x9e3779b97f4a7c15u;
    record.reserved.quantity = quantity;
    record.reserved.to_segment = 1;
    record.reserved.ttl_ms = 600000;
    return record;
}

static inline int visit(void *context, uint32_t epoch, uint16_t shard, const struct record *record)
{
    struct rig *r = context;
    (void)epoch;
    if (record->kind == RECORD_RESERVED && record->reserved.quantity != ++r->shards[shard].visited)
        r->broken = true;
    return 0;
}

/* 0, or the exit code; the directory is then closed. */
static inline int recover(void)
{
    struct data_dir_options options = {
        .path = "/var/log", .init = !rig.made, .storage = sim_disk_storage(rig.disk), .now_ms = 1};
    struct recovery_options recovery = {
        .shard_count = rig.shard_count, .segment_bytes = rig.segment_bytes, .now_ms = 1000};
    for (uint16_t i = 0; i < SHARDS_MAX; i++)
        rig.shards[i].visited = 0;
    memset(&rig.error, 0, sizeof rig.error);
    int code = data_dir_open(&rig.dir, &options, &rig.error);
    if (code != 0)
        return code;
    code = recovery_run(rig.dir, &recovery, visit, &rig, &rig.recovered, &rig.error);
    if (code == 0)
        return 0;
    data_dir_close(rig.dir);
    return code;
}

static inline bool start_writers(void)
{
    struct segment_keeper_options keeper = {.dir = rig.dir,
                                            .epoch = rig.recovered.epoch,
                                            .shard_count = rig.shard_count,
                                            .segment_bytes = rig.segment_bytes,
                                            .threadless = true};
    bool started = segment_keeper_new(&rig.keeper, &keeper, &rig.error) == 0;
    for (uint16_t i = 0; i < rig.shard_count && started; i++) {
        struct shard *shard = &rig.shards[i];
        struct log_writer_options options = {.dir = rig.dir,
                                             .epoch = rig.recovered.epoch,
                                             .shard = i,
                                             .tail = rig.recovered.tails[i],
                                             .batch_bytes_max = BATCH_BYTES,
                                             .keeper = rig.keeper,
                                             .storage = shard->storage};
        started = log_writer_new(&shard->writer, &options, &rig.error) == 0;
        if (started)
            shard->journal = log_writer_journal(shard->writer);
    }
    return started;
}

static inline void release(void)
{
    for (uint16_t i = 0; i < rig.shard_count; i++) {
        log_writer_free(rig.shards[i].writer);
        rig.shards[i].writer = NULL;
    }
    segment_keeper_free(rig.keeper);
    rig.keeper = NULL;
    data_dir_close(rig.dir);
    rig.dir = NULL;
}

/* The number of the last reservation that is durable: a log's sequences also count
 * clean stops, which come back as sequences without a visit. */
static inline void acknowledge(struct shard *shard, uint16_t index)
{
    uint64_t first = rig.recovered.tails[index].next_sequence;
    uint64_t durable = shard->journal->durable(shard->journal->context);
    uint32_t now = shard->visited + (uint32_t)(durable + 1 - first);
    CHECK(now >= shard->acknowledged);
    CHECK(now <= shard->appended);
    /* Fail-stop (I31): what failed acknowledges no more. */
    shard->acknowledged = now;
}

#endif
