/* The data directory: who may use it, whose it is, and where things lie.
 *
 *   LOCK                        flock and pid of the engine that owns it
 *   cluster                     format version, cluster id, when it was made
 *   epoch-000001/               one for each shard count in the directory's life
 *     epoch                     shard count, first sequence
 *     shard-000/
 *       segment-0000000001.log  docs/wal-format.md has the bytes
 *       durable                 one mapped page: how far followers may read
 *       quarantine/             what recovery cut off
 *
 * Errors fill a log_error and return its exit code; 0 is success. */
#ifndef PERSIST_DATA_DIR_H
#define PERSIST_DATA_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../engine/uuid.h"
#include "log_error.h"
#include "storage.h"

enum { DATA_DIR_EPOCHS_MAX = 999999 };

/* A position some other system is known to have reached: the mirror's cursor. */
struct log_position {
    uint32_t epoch;
    uint16_t shard;
    uint64_t sequence; /* of the last record it has; 0: none */
};

struct data_dir;

struct data_dir_options {
    const char *path;
    bool init;                     /* make a new, empty log where there is none */
    bool allow_buffered;           /* go on where O_DIRECT is refused */
    const struct storage *storage; /* outlives the directory; NULL: the operating system's */
    uint64_t now_ms;               /* when a new log says it was made */
    /* What the mirror knows of this cluster; count 0: unknown. An empty
     * directory is then not a fresh one (RB). */
    const struct log_position *mirror;
    size_t mirror_count;
};

/* Locks the directory for the engine. RA and RB: 66, RU: 75 before touching any
 * file, RL: 78. Files nobody knows are left alone and logged (RV). */
int data_dir_open(struct data_dir **dir, const struct data_dir_options *options,
                  struct log_error *error);
/* For tools that only read: no lock, nothing is created. */
int data_dir_open_reader(struct data_dir **dir, const char *path, struct log_error *error);
/* The same on a given storage, which outlives the directory. */
int data_dir_open_reader_on(struct data_dir **dir, const struct storage *storage, const char *path,
                            struct log_error *error);
void data_dir_close(struct data_dir *dir); /* NULL: nothing */

const char *data_dir_path(const struct data_dir *dir);
const struct uuid *data_dir_cluster(const struct data_dir *dir);
/* All that lies in the directory is reached through it. */
const struct storage *data_dir_storage(const struct data_dir *dir);
uint64_t data_dir_created_ms(const struct data_dir *dir);
/* Opened with `init`: an empty directory may be filled. */
bool data_dir_may_init(const struct data_dir *dir);

/* --- epochs, oldest first --- */

struct data_dir_epoch {
    uint32_t number; /* from 1, without gaps */
    uint16_t shard_count;
    uint64_t first_sequence; /* of every shard in it */
    uint64_t created_ms;
};

/* Reads the epochs again (a follower sees new ones this way). *epochs is malloc'd,
 * the caller's. */
int data_dir_epochs(const struct data_dir *dir, struct data_dir_epoch **epochs, uint32_t *count,
                    struct log_error *error);

/* Makes the next epoch with an empty first segment for each shard: complete under
 * a temporary name, then renamed. Owner only. */
int data_dir_add_epoch(struct data_dir *dir, const struct data_dir_epoch *epoch,
                       uint64_t segment_bytes, struct log_error *error);

/* Notes in the cluster file that this epoch exists, so that its loss is noticed.
 * Part of data_dir_add_epoch; again after a crash between the two. Owner only. */
int data_dir_note_epoch(struct data_dir *dir, uint32_t number, struct log_error *error);
uint32_t data_dir_noted_epoch(const struct data_dir *dir);

/* Paths, written to a buffer of LOG_PATH_BYTES; return the buffer. */
const char *data_dir_epoch_path(const struct data_dir *dir, uint32_t epoch, char *out);
const char *data_dir_shard_path(const struct data_dir *dir, uint32_t epoch, uint16_t shard,
                                char *out);
/* 0: not the name of an epoch's directory. */
uint32_t data_dir_epoch_of_name(const char *name);

#endif
