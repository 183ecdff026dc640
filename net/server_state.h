/* What the modules behind net/server.h share. Private to them. */
#ifndef NET_SERVER_STATE_H
#define NET_SERVER_STATE_H

#include "../engine/worker.h"
#include "address_counts.h"
#include "connection.h"
#include "http_fields.h"
#include "http_response.h"
#include "server.h"

enum server_tag { TAG_ACCEPT = 1, TAG_RECEIVE, TAG_SEND_QUICK, TAG_SEND_SLOW };

enum {
    RECEIVE_BUFFERS = 1024, /* power of two; with their size they should fit the L2 cache */
    RECEIVE_BUFFER_BYTES = 2048,
    RECEIVE_GROUP = 1,
    LINGER_BYTES_MAX = 65536,
    LINGER_MS = 2000,
    CONNECTIONS_REFUSED_MAX = 1024, /* over the cap, being told so */
    EXCHANGES_EXTRA_MAX = 65536,    /* beyond one a connection, for pipelines */
    INBOX_BYTES_FIRST = 4096,
    INBOX_TOTAL_BYTES_MAX = 128 << 20, /* of all connections of a worker */
    DRAIN_GRACE_MS = 50,
    ACCEPT_PAUSE_MS = 100, /* when the process is out of descriptors */
    EVICT_SAMPLE = 128
};

/* A stack of connection indices; holds each at most once (its flag says). */
struct index_list {
    uint32_t count;
    uint32_t *items;
};

struct server {
    struct worker *worker;
    struct reactor *reactor;
    struct rest *rest;
    const struct config *config;
    struct worker_metrics *metrics;
    struct http_fields *fields;
    struct address_counts *addresses; /* NULL: no cap per address */
    struct clock clock;

    /* listening */
    int listener;
    int reserve_fd; /* given up to refuse a connection when descriptors run out */
    bool accepting; /* a multishot accept is in the kernel */
    bool draining;
    uint64_t drain_grace_ns;  /* until then a silent new connection may still speak */
    uint64_t accept_again_ns; /* 0: not paused */

    /* connections: one reserved range of memory, touched as needed */
    struct connection *connections;
    uint32_t connections_cap; /* connections_max + CONNECTIONS_REFUSED_MAX */
    uint32_t connections_touched;
    uint32_t connections_open;
    uint32_t connections_closing; /* of these */
    uint32_t connections_free;    /* list */
    uint32_t evict_cursor;
    struct exchange *exchanges;
    uint32_t exchanges_cap;
    uint32_t exchanges_touched;
    uint32_t exchanges_free;

    struct index_list dirty; /* have output to send */
    struct index_list quick; /* sent in the last turn; `sending` can go */
    struct index_list ready; /* have input to go on with */

    struct timeout_wheel wheel;
    uint64_t now_ns;        /* of this turn */
    uint64_t answer_now_ns; /* of this turn's answers; 0: not read yet */
    uint64_t inbox_bytes;
    uint64_t request_id_next;

    /* receive buffers */
    struct io_uring_buf_ring *buffer_ring;
    char *buffers;
    uint32_t buffers_returned; /* added to the ring, not yet published */

    struct http_head_blocks blocks;
    struct http_output_pool pool;
};

static inline uint32_t connection_index(const struct server *server,
                                        const struct connection *connection)
{
    return (uint32_t)(connection - server->connections);
}

/* What an operation carries to find its connection again, if it still exists. */
static inline uint64_t connection_data(const struct server *server,
                                       const struct connection *connection, enum server_tag tag)
{
    return reactor_data((uint8_t)tag, (uint64_t)(connection->generation & 0xffffff) << 32 |
                                          connection_index(server, connection));
}

static inline void index_push(struct index_list *list, uint32_t index)
{
    list->items[list->count++] = index;
}

static inline uint64_t after_ms(uint64_t since_ns, uint32_t ms)
{
    return since_ns + (uint64_t)ms * 1000000;
}

/* --- connection_table.c --- */

/* NULL: the table is full. */
struct connection *connection_take(struct server *server);
void connection_give(struct server *server, struct connection *connection);
struct exchange *exchange_take(struct server *server);
void exchange_give(struct server *server, struct exchange *exchange);
bool tables_init(struct server *server);
void tables_release(struct server *server);

#endif
