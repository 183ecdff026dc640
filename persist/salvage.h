/* All that is good in a damaged data directory: begins with the newest good
 * snapshot, walks every segment block by block, and applies each record that its
 * hashes vouch for and that is possible in the state reached. What is skipped is
 * told. Reads only. */
#ifndef PERSIST_SALVAGE_H
#define PERSIST_SALVAGE_H

#include "log_fold.h"

/* Something that is not in the result. */
struct salvage_loss {
    uint32_t epoch;
    uint16_t shard;
    enum { SALVAGE_BYTES, SALVAGE_SEQUENCES, SALVAGE_RECORD, SALVAGE_SEGMENT } what;
    const char *reason;
    const char *file;            /* until the next call; "": none */
    uint64_t offset, bytes;      /* BYTES */
    uint64_t first, last;        /* sequences; of a RECORD both */
    const struct record *record; /* RECORD; until the next call */
};

typedef void salvage_report(void *context, const struct salvage_loss *loss);

struct salvage_options {
    const struct data_dir *dir;
    struct shard_options shard;
    salvage_report *report;
    void *context;
};

/* Fills the fold with the state; release it whatever the result. 0, or the exit code
 * if there is nothing to begin with: `cluster` and the epochs' files must be good. */
int salvage_run(struct log_fold *fold, const struct salvage_options *options,
                struct log_error *error);

#endif
