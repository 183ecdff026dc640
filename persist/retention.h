/* Gives up log that nobody needs any more: segments whose every record is in the
 * snapshot before the newest (so that the newest may turn out bad) and behind every
 * registered cursor. What cannot be read holds everything. Never the newest segment
 * with records, nor a spare.
 *
 * One thread: the engine's main thread, or a simulator. */
#ifndef PERSIST_RETENTION_H
#define PERSIST_RETENTION_H

#include "cursor.h"

struct retention_options {
    const struct data_dir *dir;
    uint32_t epoch;         /* the one being written: its segments are reused, others removed */
    uint64_t segment_bytes; /* free segments of another size are removed */
    const char *required;   /* a cursor without which nothing goes; NULL: none */
    bool look_only;         /* nothing goes: only the report is wanted */
};

enum { RETENTION_FREE_MAX = 2 /* segments for reuse, for each shard */ };

struct retention_report {
    uint64_t snapshot;   /* the newest; 0: none */
    uint64_t previous;   /* the one that counts; 0: none, so nothing goes */
    uint64_t recycled;   /* segments given up by this step */
    uint64_t kept_bytes; /* of all segments there still are */
    uint32_t cursors;
    /* Who needs the oldest log: a cursor's name, or "snapshot". */
    char held_by[CURSOR_NAME_BYTES];
};

/* 0 or the exit code; what was done by then is in the report. */
int retention_step(const struct retention_options *options, struct retention_report *report,
                   struct log_error *error);

#endif
