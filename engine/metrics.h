/* Published counters. Each worker writes its own with relaxed stores; any
 * thread may read them at any time. Totals count from the start. */
#ifndef ENGINE_METRICS_H
#define ENGINE_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

#include "command.h"

/* Log-linear histogram of nanoseconds: 16 steps to a power of two (6 % wide),
 * from 1 us to about 69 s; values outside fall into the end buckets. */
enum { HISTOGRAM_BUCKETS = 16 * 27 };

struct histogram {
    _Atomic uint64_t count;
    _Atomic uint64_t sum_ns;
    _Atomic uint64_t max_ns;
    _Atomic uint64_t buckets[HISTOGRAM_BUCKETS];
};

/* Owner thread. */
void histogram_record(struct histogram *histogram, uint64_t ns);
/* Any thread. quantile in 0..1; 0 when empty; the upper bound of the bucket. */
uint64_t histogram_quantile_ns(const struct histogram *histogram, double quantile);
/* The upper bound of a bucket. */
uint64_t histogram_bucket_ns(uint32_t bucket);

struct worker_metrics {
    /* written by the transport */
    _Alignas(64) _Atomic uint64_t connections_open;
    _Atomic uint64_t connections_accepted;
    _Atomic uint64_t connections_refused;
    _Atomic uint64_t requests;              /* parsed heads */
    _Atomic uint64_t responses_by_class[6]; /* [2] = 2xx ... */
    _Atomic uint64_t bytes_received;
    _Atomic uint64_t bytes_sent;
    struct histogram latency; /* request parsed -> answer queued */

    /* written by the worker loop */
    _Alignas(64) _Atomic uint64_t turns;
    _Atomic uint64_t tick_ms; /* Unix ms of the last turn, for the watchdog */
    _Atomic uint64_t results[COMMAND_KIND_COUNT][RESULT_COUNT];
    _Atomic uint64_t idempotent_replays;
    _Atomic uint64_t expired;
    _Atomic uint64_t mailbox_full;
    _Atomic uint64_t bookings; /* in memory, all states */
    _Atomic uint64_t bookings_reserved;
    _Atomic uint64_t deferred; /* commands waiting for room or for an answer */
    _Atomic uint64_t ready;    /* 1: serving */
    _Atomic int journal_state; /* enum journal_state */

    /* written by the log's shard-thread side */
    _Alignas(64) _Atomic uint64_t log_appended; /* newest sequence */
    _Atomic uint64_t log_durable;
    _Atomic uint64_t log_blocks;
    _Atomic uint64_t log_bytes;
    _Atomic uint64_t log_records;
    _Atomic uint64_t log_segment; /* number of the current segment */
    _Atomic uint64_t log_segment_offset;
    _Atomic uint64_t log_segment_bytes; /* size of a segment */
    _Atomic uint64_t log_segments_spare;
    struct histogram flush; /* block submitted -> durable */
};

/* Of the logs' upkeep, for all shards together. Written by the main thread. */
enum { UPKEEP_HOLDER_WORDS = 8 };

struct upkeep_metrics {
    _Alignas(64) _Atomic uint64_t snapshot_number; /* of the newest; 0: none */
    _Atomic uint64_t snapshot_created_ms;          /* Unix */
    _Atomic uint64_t snapshot_bytes;
    _Atomic uint64_t snapshot_took_ms; /* the last one this engine took; 0: none yet */
    _Atomic uint64_t snapshot_running; /* 1: one is being taken */
    _Atomic uint64_t snapshots_taken;
    _Atomic uint64_t snapshots_failed;
    _Atomic uint64_t log_kept_bytes;
    _Atomic uint64_t log_limit_bytes; /* 0: none */
    _Atomic uint64_t log_over_limit;  /* 1: more is kept */
    _Atomic uint64_t segments_given_up;
    _Atomic uint64_t upkeep_failures;
    _Atomic uint64_t holder_version; /* odd while it is written */
    _Atomic uint64_t holder[UPKEEP_HOLDER_WORDS];
};
enum { UPKEEP_HOLDER_BYTES = UPKEEP_HOLDER_WORDS * 8 };

/* What holds the oldest log back: a cursor's name, "snapshot", "no snapshot", or "" if
 * nothing does. Set by the main thread; read by any, into UPKEEP_HOLDER_BYTES. */
void upkeep_metrics_set_holder(struct upkeep_metrics *metrics, const char *name);
void upkeep_metrics_holder(const struct upkeep_metrics *metrics, char *out);

static inline void metric_add(_Atomic uint64_t *metric, uint64_t n)
{
    /* One writer: a plain read-modify-write without a locked instruction. */
    atomic_store_explicit(metric, atomic_load_explicit(metric, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static inline void metric_set(_Atomic uint64_t *metric, uint64_t value)
{
    atomic_store_explicit(metric, value, memory_order_relaxed);
}

static inline uint64_t metric_get(const _Atomic uint64_t *metric)
{
    return atomic_load_explicit(metric, memory_order_relaxed);
}

#endif
