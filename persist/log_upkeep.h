/* What the engine does about the size of its logs, now and then, on its main thread:
 * starts a snapshot when enough log has come together, gives up what nobody needs any
 * more, and says so when more is kept than the operator wants. */
#ifndef PERSIST_LOG_UPKEEP_H
#define PERSIST_LOG_UPKEEP_H

#include "../engine/config.h"
#include "../engine/metrics.h"
#include "retention.h"
#include "snapshot_child.h"

struct log_upkeep_options {
    const struct data_dir *dir;
    uint32_t epoch;
    const char *config_path; /* for the child; NULL: none */
    const struct config *config;
    struct upkeep_metrics *metrics; /* where it says how things are; NULL: nowhere */
    uint64_t unsaved_bytes;         /* of log that recovery replayed: not in the snapshot */
};

struct log_upkeep {
    struct log_upkeep_options options;
    struct snapshot_child child;
    struct retention_report report;
    bool due;                     /* a snapshot is to be begun with the next step */
    uint64_t saved_bytes;         /* of log there were when the last snapshot was begun */
    uint64_t begun_ms;            /* the snapshot that runs */
    uint64_t next_ms;             /* of the next look at what may go */
    bool over, failed;            /* said already */
    struct upkeep_metrics unread; /* in place of options.metrics */
};

void log_upkeep_init(struct log_upkeep *upkeep, const struct log_upkeep_options *options);

/* log_bytes: written by all shards since the start; now_ms: of a running clock. Some
 * milliseconds of disk every 2 s, else next to nothing. True: a snapshot is about to
 * be taken, and it is time that the logs say what the state is. */
bool log_upkeep_step(struct log_upkeep *upkeep, uint64_t log_bytes, uint64_t now_ms);

void log_upkeep_stop(struct log_upkeep *upkeep);

#endif
