/* A shard's log: the engine's journal on disk. Greedy group commit: one flush in
 * flight, what is appended meanwhile joins the next, no timer.
 *
 * All calls on the shard's thread, except new and free (before and after it). */
#ifndef PERSIST_LOG_WRITER_H
#define PERSIST_LOG_WRITER_H

#include "../engine/journal.h"
#include "../engine/metrics.h"
#include "data_dir.h"
#include "recovery.h"
#include "segment_keeper.h"
#include "storage.h"

struct log_writer;

struct log_writer_options {
    const struct data_dir *dir;
    uint32_t epoch;
    uint16_t shard;
    struct log_tail tail;     /* from recovery_run */
    uint32_t batch_bytes_max; /* of one block; up to 1 MiB, multiple of 4 KiB; a longer record is
                                 never taken */
    struct segment_keeper *keeper;           /* shared; outlives the writer */
    struct log_storage *storage;             /* the caller's; outlives the writer */
    struct worker_metrics *metrics;          /* its log part is written here; NULL: none */
    uint64_t (*monotonic_ns)(void *context); /* for the flush histogram; NULL: none */
    void *clock_context;
};

int log_writer_new(struct log_writer **writer, const struct log_writer_options *options,
                   struct log_error *error);
/* No flush may be in flight unless the log has failed. NULL: nothing. */
void log_writer_free(struct log_writer *writer);

/* The port the engine works with; holds as long as the writer. */
const struct journal *log_writer_journal(struct log_writer *writer);

/* A flush is in flight. */
bool log_writer_busy(const struct log_writer *writer);

#endif
