/* What snapshots ask of the process they run in: pauses between writes, threads that
 * load side by side, and idle priority. The rest of them is pure but for the storage. */
#ifndef PERSIST_SNAPSHOT_PROCESS_H
#define PERSIST_SNAPSHOT_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

uint64_t snapshot_monotonic_ns(void);
void snapshot_sleep_ns(uint64_t ns); /* a signal may end it early */

/* Spreads writes over time. */
struct snapshot_pace {
    uint32_t mb_per_second; /* 0: as fast as it goes */
    uint64_t began_ns;
};

void snapshot_pace_begin(struct snapshot_pace *pace, uint32_t mb_per_second);
/* Sleeps until so many bytes may have been written since the beginning. */
void snapshot_pace_keep(const struct snapshot_pace *pace, uint64_t bytes);

/* A piece of work; what it is given says afterwards how it went. */
typedef void *snapshot_work(void *context);

/* Does the work once for each context and returns when all are done: each on a thread
 * of its own but the last, and on this one where no thread is to be had. */
void snapshot_side_by_side(snapshot_work *work, void *const *contexts, uint16_t count);

/* Lets this process use only what nobody else wants of cores and disk. */
void snapshot_idle(void);

#endif
