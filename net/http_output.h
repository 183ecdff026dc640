/* Bytes on their way out, and the blocks they lie in. An answer mostly fits one
 * block; blocks are handed out last in, first out, so that a few stay in cache. */
#ifndef NET_HTTP_OUTPUT_H
#define NET_HTTP_OUTPUT_H

#include <stdint.h>

enum { HTTP_OUTPUT_BLOCK_BYTES = 4096, HTTP_OUTPUT_BLOCKS_KEPT = 1024 };

/* One per worker; zeroed to begin. */
struct http_output_pool {
    uint32_t kept;
    void *blocks[HTTP_OUTPUT_BLOCKS_KEPT];
};

/* Zeroed: empty, holding no memory. */
struct http_output {
    char *bytes;
    uint32_t length;
    uint32_t capacity;
};

void http_output_pool_release(struct http_output_pool *pool);

/* Room for `more` bytes behind length. Ends the process when memory is gone: by
 * then the answer stands for something that has already happened. */
void http_output_reserve(struct http_output_pool *pool, struct http_output *output, uint32_t more);

/* Gives the memory back; the output is empty again. */
void http_output_release(struct http_output_pool *pool, struct http_output *output);

#endif
