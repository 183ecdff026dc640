/* Reads a snapshot file: header, trailer, and the entries of a section, checking
 * every hash and the chain. One reader for each thread; nothing is changed. */
#ifndef PERSIST_SNAPSHOT_READ_H
#define PERSIST_SNAPSHOT_READ_H

#include "log_window.h"
#include "record_codec.h"
#include "snapshot.h"
#include "snapshot_entry.h"

/* What a file says of itself. */
struct snapshot_file {
    const struct data_dir *dir;
    char path[LOG_PATH_BYTES];
    uint64_t bytes;
    uint64_t nonce;
    struct snapshot_cut cut;
    struct snapshot_trailer trailer;
};

/* Reads header and trailer. `path` NULL: that of the number; else the file, which
 * must say it is that number. 0, or the exit code: missing 66, damaged, truncated
 * or another cluster's 65, newer format 78. */
int snapshot_file_open(struct snapshot_file *file, const struct data_dir *dir, uint64_t number,
                       const char *path, struct log_error *error);

struct snapshot_reader;

/* Stands before the first entry of a section. */
int snapshot_reader_open(struct snapshot_reader **reader, const struct snapshot_file *file,
                         uint16_t section, struct log_error *error);
void snapshot_reader_close(struct snapshot_reader *reader); /* NULL: nothing */

/* 1: *entry is the next, until the next call; 0: the section ends; negative: the
 * file is damaged or cannot be read, *error says where. */
int snapshot_reader_next(struct snapshot_reader *reader, struct snapshot_entry *entry,
                         struct log_error *error);

#endif
