/* The mirror as the simulator has it: the real log reader, and books in place of
 * tables. A step is one transaction; what its commit came to may stay unknown until
 * the position is read again. It loses its readers with each life of the engine,
 * never what it committed. */
#ifndef TESTS_SIM_MIRROR_H
#define TESTS_SIM_MIRROR_H

#include "../../persist/log_reader.h"
#include "durable.h"

struct sim_mirror_row {
    uint32_t offset, length;
    uint16_t shard;
};

struct sim_mirror {
    struct sim_run *run;
    struct sim_durable *durable;
    struct sim_ledger *tables;
    struct data_dir *dir;
    /* committed: everything of older epochs, and of this one up to positions */
    uint32_t epoch;
    uint16_t shard_count;
    uint64_t positions[SHARD_COUNT_MAX];
    struct log_reader *readers[SHARD_COUNT_MAX];
    bool ended[SHARD_COUNT_MAX]; /* all of this shard's epoch is read */
    /* the transaction */
    struct sim_mirror_row *rows;
    uint32_t row_count, row_room;
    uint8_t *bytes;
    uint32_t byte_count, byte_room;
    uint64_t commits, unknown;
    struct log_error error;
    char text[512];
};

void sim_mirror_init(struct sim_mirror *mirror, struct sim_run *run);
void sim_mirror_release(struct sim_mirror *mirror);
/* With each life of the engine. */
void sim_mirror_open(struct sim_mirror *mirror, struct sim_durable *durable);
void sim_mirror_close(struct sim_mirror *mirror);

/* Reads up to `records` and commits them; `unknown`: it is not told whether, and
 * `lost`: they were not. NULL: all is well (I19). */
const char *sim_mirror_step(struct sim_mirror *mirror, uint32_t records, bool unknown, bool lost);
/* Takes all there is: the tables are then the books. */
const char *sim_mirror_finish(struct sim_mirror *mirror);

#endif
