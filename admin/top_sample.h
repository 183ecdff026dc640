/* What the engine counted at one moment, and what happened between two. Pure. */
#ifndef ADMIN_TOP_SAMPLE_H
#define ADMIN_TOP_SAMPLE_H

#include "../engine/metrics.h"
#include "../engine/partition.h"
#include "boxctl_call.h"

/* Commands as the view groups them. */
enum top_group { TOP_RESERVE, TOP_CONFIRM, TOP_CANCEL, TOP_READ, TOP_CATALOG, TOP_GROUP_COUNT };

struct top_histogram {
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

/* Gauges mean now; all else counts. */
struct top_shard {
    bool ready, stuck;
    uint64_t connections, mailbox_depth, deferred, bookings; /* gauges */
    uint64_t requests, log_records, log_blocks, log_bytes;
    uint64_t decisions[TOP_GROUP_COUNT][RESULT_COUNT];
    struct top_histogram latency, flush;
};

struct top_sample {
    uint64_t pid;
    uint64_t taken_ns; /* the engine's monotonic time; in a difference its length */
    uint64_t uptime_seconds;
    char state[16], version[16], listen[64], now[16];
    bool has_mirror;
    char mirror_state[32];
    uint64_t mirror_lag_records;
    double mirror_lag_seconds, mirror_rows_per_second;
    uint32_t shard_count;
    struct top_shard shards[SHARD_COUNT_MAX];
};

/* Fills the sample from the data of "top". False: it is none. */
bool top_sample_read(struct top_sample *sample, yajl_val data);

/* What happened from `before` to `after`: counts become differences, gauges and
 * names are those of `after`. An engine that was restarted counts from zero. */
void top_sample_subtract(struct top_sample *difference, const struct top_sample *before,
                         const struct top_sample *after);

/* All shards as one. */
void top_sample_sum(struct top_shard *sum, const struct top_sample *sample);

/* The upper bound of the bucket in which the quantile lies; 0: empty. */
uint64_t top_histogram_quantile_ns(const struct top_histogram *histogram, double quantile);
uint64_t top_histogram_count(const struct top_histogram *histogram);

/* Decisions of all groups: accepted, and refused for whatever reason. */
uint64_t top_accepted(const struct top_shard *shard);
uint64_t top_refused(const struct top_shard *shard);

#endif
