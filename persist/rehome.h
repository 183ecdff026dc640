/* Recovery's only changes to a log: what was torn is kept as a copy, and the
 * good part of a suspect last segment moves to a fresh file, because after a
 * failed or unfinished sync the old file's cache and disk may differ. */
#ifndef PERSIST_REHOME_H
#define PERSIST_REHOME_H

#include "data_dir.h"
#include "log_scan.h"
#include "recovery.h"

/* Makes a scanned shard of the current epoch ready to be written and says where.
 * May be killed at any point and run again. 0 or the exit code. */
int rehome_shard(struct data_dir *dir, uint32_t epoch, uint16_t shard, uint32_t segment_bytes,
                 const struct log_scan_end *end, struct log_tail *tail, struct log_error *error);

/* New segments that a start has to wait for are no larger than this. */
enum { REHOME_SEGMENT_BYTES = 4 << 20 };

#endif
