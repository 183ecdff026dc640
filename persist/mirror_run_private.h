/* What the files of mirror_run.c share. One thread, but for the batch that is being
 * written (mirror_writer.h). */
#ifndef PERSIST_MIRROR_RUN_PRIVATE_H
#define PERSIST_MIRROR_RUN_PRIVATE_H

#include "log_reader.h"
#include "mirror_report.h"
#include "mirror_writer.h"
#include "replay_options.h"

struct mirror {
    const struct replay_options *options;
    struct mirror_report *report;
    struct data_dir *dir;
    struct mirror_store store;
    struct mirror_zones zones;
    struct mirror_batch batches[2];
    struct mirror_batch *batch;  /* that is being filled */
    struct mirror_writer writer; /* writes the other one, or nothing; has the store then */
    struct data_dir_epoch epoch;
    bool sealed; /* a newer epoch exists, so this one has an end */
    struct log_reader *readers[SHARD_COUNT_MAX];
    uint64_t positions[SHARD_COUNT_MAX]; /* what PostgreSQL has */
    uint32_t records_max;                /* in one batch; smaller while looking for a culprit */
    uint64_t suspect_records;            /* of a refused batch, still to be tried in small ones */
    bool had_lock;
    uint32_t backoff_ms;
    uint32_t waited_ms; /* for PostgreSQL, since it last worked */
    int exit_code;
    bool unpublished;      /* positions are newer than the cursor file */
    uint64_t published_ms; /* by the monotonic clock */
    char error[LOG_ERROR_TEXT_BYTES];
};

enum mirror_step {
    STEP_GO,
    STEP_DONE,  /* caught up or asked to stop */
    STEP_RETRY, /* PostgreSQL: wait, then connect again */
    STEP_AGAIN, /* connect again at once */
    STEP_FAIL   /* exit_code and error are set */
};

/* Sets exit_code and error. */
enum mirror_step mirror_fail(struct mirror *mirror, int exit_code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
enum mirror_step mirror_fail_with(struct mirror *mirror, const struct log_error *error);

/* --- mirror_begin.c: where to begin, and from whom to read --- */

/* Connects, reads the cursor and opens the readers behind it. */
enum mirror_step mirror_begin(struct mirror *mirror);
/* The epoch with this number, or with 0 the oldest. found: it exists; newer:
 * there is one after it. */
enum mirror_step mirror_epoch_find(struct mirror *mirror, uint32_t number,
                                   struct data_dir_epoch *epoch, bool *found, bool *newer);
enum mirror_step mirror_epoch_begin(struct mirror *mirror, uint32_t number);
enum mirror_step mirror_readers_open(struct mirror *mirror);
/* Fails with what a reader said, and with what to do if the log it needs is gone. */
enum mirror_step mirror_fail_reading(struct mirror *mirror, uint16_t shard,
                                     const struct log_error *error);
void mirror_readers_close(struct mirror *mirror);
void mirror_report_positions(struct mirror *mirror);
enum mirror_step mirror_store_step(struct mirror *mirror, enum mirror_store_outcome outcome);
/* Tells the engine how much log PostgreSQL needs no more; at most once a second
 * unless `now`. A failure is logged: the log is kept for longer. */
void mirror_publish_cursor(struct mirror *mirror, bool now);

#endif
