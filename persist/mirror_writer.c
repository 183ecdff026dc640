#include "mirror_writer.h"

#include <assert.h>
#include <stddef.h>

static void *write_batch(void *context)
{
    struct mirror_writer *writer = context;
    writer->outcome = mirror_store_write(writer->store, writer->batch, writer->shard_count);
    return NULL;
}

/* A thread for each batch: a batch takes tenths of a second. */
void mirror_writer_begin(struct mirror_writer *writer, struct mirror_store *store,
                         const struct mirror_batch *batch, uint16_t shard_count)
{
    assert(writer->batch == NULL);
    writer->batch = batch;
    writer->store = store;
    writer->shard_count = shard_count;
    writer->has_thread = pthread_create(&writer->thread, NULL, write_batch, writer) == 0;
    if (!writer->has_thread)
        (void)write_batch(writer);
}

enum mirror_store_outcome mirror_writer_end(struct mirror_writer *writer)
{
    assert(writer->batch != NULL);
    if (writer->has_thread)
        (void)pthread_join(writer->thread, NULL);
    writer->batch = NULL;
    return writer->outcome;
}
