/* Goes through one shard's log of one epoch from its first byte to its end and
 * judges what it meets by the recovery table (docs/wal-format.md): the one
 * judge for recovery and for `boxreplay verify`. Reads only. Offline, or on a
 * live directory up to what is durable. */
#ifndef PERSIST_LOG_SCAN_H
#define PERSIST_LOG_SCAN_H

#include "../engine/record.h"
#include "data_dir.h"

/* Called for each record in order. Negative: the record breaks an invariant
 * (RS; LOG_VISIT_STATE_DIFFERS: it tells of another state than the one reached, RT);
 * the scan ends with exit code 70 and the visitor's word in the message. */
typedef int log_visit(void *context, uint32_t epoch, uint16_t shard, const struct record *record);

enum { LOG_VISIT_STATE_DIFFERS = -2 };

/* Where what a snapshot has of a shard's log ends: records up to `sequence` need
 * not be there, and are not visited where they are. */
struct log_start {
    uint64_t sequence;
    uint64_t previous_hash; /* the chain goes on from here */
    uint64_t stamp_ms;      /* of that record; 0: none */
    uint64_t segment;       /* with that record; 0: none in this epoch */
    bool clean_stop;        /* that record is RECORD_CLEAN_STOP */
};

struct log_scan_options {
    const struct data_dir *dir;
    struct data_dir_epoch epoch;
    uint16_t shard;
    const struct log_start *start; /* of a snapshot; NULL: the log begins with the epoch */
    uint64_t mirror_sequence;      /* what the mirror has; 0: unknown */
    bool live;        /* the engine may be writing: stop at the durable mark, judge no tail */
    bool sealed;      /* an older epoch: nothing may be torn */
    log_visit *visit; /* NULL: check only */
    void *context;
};

/* How the log ends; RC, RH and RN are normal, RD and RE are torn. */
struct log_scan_end {
    char label[4];
    uint64_t next_sequence; /* of the next record to write */
    uint64_t stamp_ms;      /* of the last record; 0: none */
    uint64_t previous_hash; /* the chain goes on from here */
    uint64_t segment;       /* with the last good block; 0: none */
    uint64_t offset;        /* behind that block */
    uint64_t torn_segment;  /* what is to be cut: from torn_offset on; 0: nothing */
    uint64_t torn_offset;
    uint64_t torn_bytes;
    uint64_t records, blocks, bytes, segments;
    bool clean_stop; /* the last record is RECORD_CLEAN_STOP */
    /* Of a shard of which no segment is left after a clean stop that a snapshot
     * covers: the number to go on with. 0: any other. */
    uint64_t fresh_segment;
    /* The segment behind the end was read whole: nothing but its header and zeros.
     * 0: there is none, or it was not looked at. */
    uint64_t unused_segment;
};

/* 0 and *end, or the exit code and *error. */
int log_scan(const struct log_scan_options *options, struct log_scan_end *end,
             struct log_error *error);

#endif
