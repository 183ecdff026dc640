/* The thread that takes a segment keeper's steps: when it is rung for, and now and
 * then. Private to segment_keeper*.c. */
#ifndef PERSIST_SEGMENT_KEEPER_THREAD_H
#define PERSIST_SEGMENT_KEEPER_THREAD_H

#include "segment_keeper.h"

struct segment_keeper_thread;

struct segment_keeper_thread_options {
    uint16_t shard_count;
    uint32_t retry_ms; /* between looks while a shard waits for its segment */
    uint32_t watch_ms; /* otherwise */
};

/* 0, or an error number. */
int segment_keeper_thread_start(struct segment_keeper_thread **thread,
                                struct segment_keeper *keeper,
                                const struct segment_keeper_thread_options *options);
/* Any thread. */
void segment_keeper_thread_ring(struct segment_keeper_thread *thread);
/* Lets the step it is in end, joins and frees. */
void segment_keeper_thread_stop(struct segment_keeper_thread *thread);

#endif
