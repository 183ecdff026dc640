/* The framing side of a response: what net/http.h leaves opaque. */
#ifndef NET_HTTP_RESPONSE_H
#define NET_HTTP_RESPONSE_H

#include "../engine/config.h"
#include "http.h"
#include "http_output.h"

/* The parts of a head that are the same for all responses, rendered once (the
 * date once a second). One per worker. */
struct http_head_blocks {
    uint64_t second; /* the date shown, Unix seconds */
    uint32_t fixed_bytes;
    uint32_t date_at;
    uint32_t origin_bytes[CONFIG_ORIGINS_MAX + 1];
    char fixed[384];
    char origin[CONFIG_ORIGINS_MAX + 1][CONFIG_TEXT_BYTES + 256]; /* [0]: no origin allowed */
};

void http_head_blocks_init(struct http_head_blocks *blocks, const struct config *config);
/* Once a turn; renders when the second has changed. */
void http_head_blocks_tick(struct http_head_blocks *blocks, uint64_t now_ms);

struct http_response {
    struct http_head_blocks *blocks;
    struct http_output_pool *pool;
    struct http_output *output; /* the response is appended here */
    const struct http_memo *memo;
    int status; /* 0 until begun */
    uint32_t start;
    uint32_t body_start; /* 0 until http_response_body */
    uint32_t body_bytes_max;
    uint32_t length_end; /* where Content-Length's digits end */
    bool cache_control;  /* given, so not the default */
    bool ended;
};

/* A response to the request that `memo` describes. */
struct http_response http_response_to(struct http_head_blocks *blocks,
                                      struct http_output_pool *pool, struct http_output *output,
                                      const struct http_memo *memo);

#endif
