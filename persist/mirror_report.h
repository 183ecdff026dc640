/* What the mirror says about itself: <data_dir>/mirror-status.json, replaced
 * once a second, and a log line every ten. A thread of its own writes them, so
 * that they stay true while PostgreSQL keeps the mirror waiting; it takes the
 * signals, too. */
#ifndef PERSIST_MIRROR_REPORT_H
#define PERSIST_MIRROR_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "../engine/partition.h"

enum mirror_state {
    MIRROR_CONNECTING, /* to PostgreSQL, with back-off */
    MIRROR_WAITING,    /* for a log to appear */
    MIRROR_FOLLOWING,
    MIRROR_STOPPED
};

struct mirror_report;

/* Starts the thread; data_dir outlives the status. From here on SIGTERM and SIGINT ask the mirror
 * to stop; the second one ends the process at once. NULL: errno says why. */
struct mirror_report *mirror_report_new(const char *data_dir);
/* Writes the last status and ends the thread. */
void mirror_report_free(struct mirror_report *report);

/* --- the mirror's thread --- */

bool mirror_report_stopping(struct mirror_report *report);
/* Sleeps, or until a stop is asked for: true then. */
bool mirror_report_wait(struct mirror_report *report, uint32_t milliseconds);

void mirror_report_cluster(struct mirror_report *report, const char *cluster);
void mirror_report_state(struct mirror_report *report, enum mirror_state state);
void mirror_report_error(struct mirror_report *report, const char *error); /* "": none */
void mirror_report_epoch(struct mirror_report *report, uint32_t epoch, uint16_t shard_count);
/* How far the mirror is and how far the log is durable. */
void mirror_report_position(struct mirror_report *report, uint16_t shard, uint64_t mirrored,
                            uint64_t durable);
/* The time of the oldest record not yet mirrored; 0: not known. */
void mirror_report_oldest(struct mirror_report *report, uint64_t stamp_ms);
void mirror_report_batch(struct mirror_report *report, uint32_t records, uint32_t rows);

#endif
