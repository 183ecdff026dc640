/* Small files of one sealed 4 KiB header: `cluster` and `epoch`. */
#ifndef PERSIST_HEADER_FILE_H
#define PERSIST_HEADER_FILE_H

#include "log_error.h"
#include "log_format.h"
#include "storage.h"

/* Writes <directory>/<name> under a temporary name, syncs, renames, syncs the
 * directory. `header` has `used` bytes. 0 or the exit code. */
int header_file_write(const struct storage *storage, const char *directory, const char *name,
                      const void *header, size_t used, struct log_error *error);

/* Reads and checks it: missing LOG_EXIT_NO_DATA, damaged LOG_EXIT_CORRUPT, of a
 * newer version LOG_EXIT_CONFIG (RL). `header` gets the first `used` bytes. */
int header_file_read(const struct storage *storage, const char *directory, const char *name,
                     uint64_t magic, void *header, size_t used, struct log_error *error);

/* "cannot <what> <path>: <reason>", with the exit code for -errno `code`. */
int header_file_fail(struct log_error *error, const char *what, const char *path, int code);

#endif
