/* Writes a batch on a thread of its own, so that the next one is read and folded
 * while PostgreSQL takes this one. One batch at a time. */
#ifndef PERSIST_MIRROR_WRITER_H
#define PERSIST_MIRROR_WRITER_H

#include <pthread.h>

#include "mirror_store.h"

struct mirror_writer {
    const struct mirror_batch *batch; /* under way; NULL: none */
    struct mirror_store *store;
    uint16_t shard_count;
    bool has_thread;
    pthread_t thread;
    enum mirror_store_outcome outcome;
};

/* As mirror_store_write. Store and batch are the writer's until mirror_writer_end. No
 * batch may be under way. Where there is no thread to be had the batch is written
 * before this returns. */
void mirror_writer_begin(struct mirror_writer *writer, struct mirror_store *store,
                         const struct mirror_batch *batch, uint16_t shard_count);

/* Waits for the batch that is under way, and says what became of it. */
enum mirror_store_outcome mirror_writer_end(struct mirror_writer *writer);

#endif
