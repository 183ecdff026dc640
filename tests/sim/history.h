/* All records ever appended, in the order of appending, as bytes: what a recovered
 * log is held against (I9, I12), and what the books are made from again. */
#ifndef TESTS_SIM_HISTORY_H
#define TESTS_SIM_HISTORY_H

#include "ledger.h"

struct sim_history_entry {
    uint64_t sequence;
    uint32_t offset, length;
    uint32_t epoch;
    uint16_t shard;
    bool lost; /* a crash took it */
};

/* One shard's log in one epoch. */
struct sim_history_log {
    uint32_t epoch;
    uint16_t shard;
    uint64_t first;    /* sequence */
    uint32_t *entries; /* by sequence */
    uint32_t count, room;
    uint64_t acked; /* a client knows of what is up to here */
    uint64_t seen;  /* by the recovery under way */
};

struct sim_history {
    struct sim_history_entry *entries;
    uint32_t count, room;
    uint8_t *bytes;
    uint32_t byte_count, byte_room;
    struct sim_history_log *logs;
    uint32_t log_count, log_room;
    char text[256];
};

void sim_history_release(struct sim_history *history);

/* NULL: there was no such log. */
struct sim_history_log *sim_history_log(struct sim_history *history, uint32_t epoch,
                                        uint16_t shard);
/* The log, that begins with `first` if it is new. */
struct sim_history_log *sim_history_open(struct sim_history *history, uint32_t epoch,
                                         uint16_t shard, uint64_t first);
void sim_history_append(struct sim_history *history, struct sim_history_log *log, uint64_t sequence,
                        const struct record *record);

/* --- a recovery --- */

/* What lies before `start` (a snapshot's, of the epoch; older epochs wholly) will not
 * be seen. epoch 0: all will. */
void sim_history_begin(struct sim_history *history, uint32_t epoch, const uint64_t *start,
                       uint16_t shard_count);
/* NULL: it is what was appended there. */
const char *sim_history_seen(struct sim_history *history, uint32_t epoch, uint16_t shard,
                             const struct record *record);
/* All was seen: what was acknowledged is among it; the rest is lost. */
const char *sim_history_end(struct sim_history *history);

/* Enters all that is not lost. NULL: all is well. */
const char *sim_history_enter(const struct sim_history *history, struct sim_ledger *ledger);

#endif
