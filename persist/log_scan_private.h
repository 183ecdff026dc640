/* What the walk over a log (log_scan.c) and the judgement where it ends
 * (log_judge.c) share. Private to the two. */
#ifndef PERSIST_LOG_SCAN_PRIVATE_H
#define PERSIST_LOG_SCAN_PRIVATE_H

#include "log_scan.h"
#include "log_window.h"
#include "record_codec.h"

/* What is found where the next block should be. */
enum log_finding {
    FOUND_NEXT, /* the expected block */
    FOUND_ZERO, /* nothing was ever written here */
    FOUND_BAD_HEADER,
    FOUND_BAD_PAYLOAD,
    FOUND_STALE,     /* a good block of an earlier life of this file */
    FOUND_UNCHAINED, /* a good block of this life that follows another */
    FOUND_SEQUENCE,  /* chained, but a gap or a repeat */
    FOUND_FOREIGN    /* of another shard */
};

struct log_scan {
    const struct log_scan_options *options;
    struct log_scan_end *end;
    struct log_error *error;
    struct log_window window;
    char shard_path[LOG_PATH_BYTES];
    char path[LOG_PATH_BYTES]; /* of the open segment */
    uint64_t *numbers;
    uint32_t count;
    uint32_t at; /* index of the open segment */
    struct log_segment_header header;
    enum log_header_state header_state;
    uint64_t offset;
    uint64_t found_bytes; /* of the block last found, by its header */
    uint64_t next_sequence;
    uint64_t previous_hash;
    uint64_t covered;   /* records up to this one are in a snapshot; 0: none */
    uint64_t durable;   /* mark; 0: none */
    uint64_t watermark; /* the highest sequence known to have been durable */
    uint32_t unused_at; /* index of a segment read to its end, all zeros; UINT32_MAX: none */
    struct record record;
    struct record_scratch scratch;
};

struct log_evidence {
    bool valid_later;      /* a good block of this life */
    bool written_later;    /* anything behind the block that was to come */
    uint64_t last_written; /* end of the last 4 KiB that are not zero, in the stop's segment */
};

/* --- log_scan.c --- */

/* Fills the error with the present place and returns exit_code. */
int log_scan_fail(struct log_scan *scan, int exit_code, const char *label, const char *what);
int log_scan_fail_read(struct log_scan *scan, int code);

/* Opens segment number [index] and reads its header; judges only what can be read. */
int log_scan_open(struct log_scan *scan, uint32_t index);
/* The header must be ours. */
int log_scan_check(struct log_scan *scan);
/* What lies at `offset` of the open segment, compared with what should. */
int log_scan_find(struct log_scan *scan, uint64_t offset, enum log_finding *finding,
                  const struct log_block_header **block);

/* --- log_judge.c --- */

/* Looks at every place from `offset` on in the open segment. A block at `stop` is
 * the one being judged, not evidence. */
int log_judge_gather(struct log_scan *scan, uint64_t offset, uint64_t stop,
                     struct log_evidence *evidence);

/* The expected block is not at (segment, offset): 0 the log ends there, *end is
 * filled; else the exit code. */
int log_judge(struct log_scan *scan, enum log_finding finding);
/* The open segment has no header at all. */
int log_judge_zero_header(struct log_scan *scan);
int log_judge_refuse_lost(struct log_scan *scan, enum log_finding finding);

#endif
