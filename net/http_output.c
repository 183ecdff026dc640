#include "http_output.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void http_output_pool_release(struct http_output_pool *pool)
{
    while (pool->kept > 0)
        free(pool->blocks[--pool->kept]);
}

static char *block_take(struct http_output_pool *pool)
{
    if (pool->kept > 0)
        return pool->blocks[--pool->kept];
    return malloc(HTTP_OUTPUT_BLOCK_BYTES);
}

void http_output_reserve(struct http_output_pool *pool, struct http_output *output, uint32_t more)
{
    uint64_t need = (uint64_t)output->length + more;
    if (need <= output->capacity)
        return;
    uint64_t capacity = HTTP_OUTPUT_BLOCK_BYTES;
    while (capacity < need)
        capacity *= 2;
    assert(capacity <= UINT32_MAX);
    char *bytes = capacity == HTTP_OUTPUT_BLOCK_BYTES ? block_take(pool) : malloc(capacity);
    assert(bytes);
    struct http_output old = *output;
    if (old.length > 0)
        memcpy(bytes, old.bytes, old.length);
    http_output_release(pool, output);
    *output = (struct http_output){bytes, old.length, (uint32_t)capacity};
}

void http_output_release(struct http_output_pool *pool, struct http_output *output)
{
    if (output->capacity == HTTP_OUTPUT_BLOCK_BYTES && pool->kept < HTTP_OUTPUT_BLOCKS_KEPT)
        pool->blocks[pool->kept++] = output->bytes;
    else
        free(output->bytes);
    *output = (struct http_output){0};
}
