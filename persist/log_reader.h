/* Reads one shard's log of one epoch, record by record, while the engine writes
 * it or when it is stopped. One thread per reader; takes no lock and changes
 * nothing. Never shows a record that a power cut could still take back. */
#ifndef PERSIST_LOG_READER_H
#define PERSIST_LOG_READER_H

#include "../engine/record.h"
#include "data_dir.h"

struct log_reader;

struct log_reader_options {
    const struct data_dir *dir; /* either kind; must outlive the reader */
    uint32_t epoch;
    uint16_t shard;
    uint64_t sequence; /* of the first record wanted; 0: the epoch's first */
    bool from_oldest;  /* that one was given up: begin with the oldest there is */
};

enum log_reader_status {
    LOG_READER_RECORD = 1,    /* *record is the next one */
    LOG_READER_IDLE = 0,      /* nothing more is durable yet: poll again later */
    LOG_READER_EPOCH_END = 2, /* all read, and a newer epoch exists: go on there */
    LOG_READER_ERROR = -1     /* *error says what; the reader stays where it was */
};

/* A sequence past the log's end is fine (the reader waits for it). One before the epoch's
 * first is an error; one that is given up because a snapshot has it, too
 * (LOG_EXIT_NO_DATA from log_reader_next) unless from_oldest. */
int log_reader_open(struct log_reader **reader, const struct log_reader_options *options,
                    struct log_error *error);
void log_reader_close(struct log_reader *reader); /* NULL: nothing */

/* The record and its texts hold until the next call. */
enum log_reader_status log_reader_next(struct log_reader *reader, struct record *record,
                                       struct log_error *error);

/* The sequence log_reader_next would return next. */
uint64_t log_reader_sequence(const struct log_reader *reader);
/* Where the last record's block ends: what a snapshot or a copy that has all
 * records up to there goes on from. Only between blocks, before anything of the next
 * is read; nothing read yet: segment 0. clean_stop is not known here. */
struct log_start;
void log_reader_position(const struct log_reader *reader, struct log_start *position);
/* The newest durable sequence as the writer published it: for the lag. */
uint64_t log_reader_durable(const struct log_reader *reader);
/* Where the last record's block lies, for messages. */
const char *log_reader_file(const struct log_reader *reader);
/* Where the block after it begins. */
uint64_t log_reader_block_end(const struct log_reader *reader);
uint64_t log_reader_offset(const struct log_reader *reader);

#endif
