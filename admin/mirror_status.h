/* What `boxreplay mirror` last wrote about itself to
 * <data_dir>/mirror-status.json: a small JSON object, replaced once a second. */
#ifndef ADMIN_MIRROR_STATUS_H
#define ADMIN_MIRROR_STATUS_H

#include <stdbool.h>
#include <stddef.h>

enum { MIRROR_STATUS_BYTES_MAX = 16384 };

/* Reads the file as one line of JSON into `out` (MIRROR_STATUS_BYTES_MAX).
 * Returns its length; 0: no mirror has run, or the file is not a JSON object.
 * Reads a file: not for a worker's thread. */
size_t mirror_status_read(const char *data_dir, char *out);

#endif
