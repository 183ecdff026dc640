/* Why the log refuses: an exit code for the process, the case of the recovery
 * table (docs/wal-format.md) and one line for the operator. */
#ifndef PERSIST_LOG_ERROR_H
#define PERSIST_LOG_ERROR_H

#include <stdint.h>

/* The exit codes of sysexits.h that the log uses. */
enum {
    LOG_EXIT_OK = 0,
    LOG_EXIT_CORRUPT = 65,
    LOG_EXIT_NO_DATA = 66,
    LOG_EXIT_BUG = 70, /* the bytes are good, what they say is impossible */
    LOG_EXIT_IO = 74,
    LOG_EXIT_LOCKED = 75,
    LOG_EXIT_PERMISSION = 77,
    LOG_EXIT_CONFIG = 78
};

enum { LOG_PATH_BYTES = 1024, LOG_ERROR_TEXT_BYTES = 1600 };

struct log_error {
    int exit_code;     /* 0: no error */
    char label[4];     /* "RA".."RV"; empty: outside the table */
    uint64_t sequence; /* the record the log should have gone on with; 0: none */
    uint64_t offset;   /* in `file` */
    char file[LOG_PATH_BYTES];
    char text[LOG_ERROR_TEXT_BYTES]; /* one line, complete: names file, offset, sequence */
};

/* Fills the error and returns exit_code. `label` NULL: none. */
int log_error_set(struct log_error *error, int exit_code, const char *label, const char *format,
                  ...) __attribute__((format(printf, 4, 5)));

/* The exit code for an errno: permission 77, else I/O 74. */
int log_error_exit_of(int error_number);

#endif
