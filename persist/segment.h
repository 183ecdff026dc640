/* Segment files: names, making them ahead of use, reading their headers.
 * Returns 0 or -errno unless said otherwise. */
#ifndef PERSIST_SEGMENT_H
#define PERSIST_SEGMENT_H

#include "log_error.h"
#include "log_format.h"
#include "storage.h"

/* segment-0000000001.log in the shard's directory; out has LOG_PATH_BYTES. */
const char *segment_path(const char *shard_path, uint64_t number, char *out);

/* The numbers of the segments in a shard's directory, ascending; malloc'd, the
 * caller's. Logs names that belong to nobody (RV) when `report` is set. */
int segment_list(const struct storage *storage, const char *shard_path, bool report,
                 uint64_t **numbers, uint32_t *count);

/* Makes a segment that is named only when it is whole: zero-written, or a free
 * segment of the same size reused, with a fresh nonce, synced, renamed, the
 * directory synced. identity: cluster, epoch, shard, number and bytes; the rest
 * is filled in. Replaces a segment of that name. *fd (NULL: closed) is the
 * caller's, open for O_DIRECT writing. */
int segment_make(const struct storage *storage, const char *shard_path,
                 struct log_segment_header *identity, int *fd);

/* As segment_make, but takes the segment that is there if it is whole, unused and
 * has identity->bytes or more; identity then tells its size and nonce. zeros_seen:
 * the caller has just read all behind its header, and it was zeros to the end. */
int segment_provide(const struct storage *storage, const char *shard_path, bool zeros_seen,
                    struct log_segment_header *identity, int *fd);

/* Gives a segment that nobody needs any more back for reuse. */
int segment_recycle(const struct storage *storage, const char *shard_path, uint64_t number);

/* A random 64-bit number that is not 0. */
int segment_nonce(const struct storage *storage, uint64_t *nonce);

#endif
