/* How much log a start will have to replay: a guess, for the sizes of tables. */
#ifndef PERSIST_LOG_BEHIND_H
#define PERSIST_LOG_BEHIND_H

#include "snapshot.h"

/* What a log of so many bytes leads to: between the records of a sale that is mostly
 * reservations and one in which all are bought. */
enum { LOG_BYTES_PER_BOOKING = 192, LOG_BYTES_PER_KEY = 128 };

/* Bytes of all shards' segments with records behind the cut (number 0: of all there
 * are). Segments count as long as they are made, so it may be a little too much; what
 * cannot be read counts nothing: recovery will say so. */
uint64_t log_behind_bytes(const struct data_dir *dir, const struct snapshot_cut *cut);

#endif
