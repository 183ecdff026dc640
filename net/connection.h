/* A client's connection and the requests on it.
 *
 *   recv -> input (in place, or in an inbox while a request is incomplete)
 *        -> head and body -> rest_handle -> exchange (a place in the order)
 *   answer -> output `pending` -> `sending` -> one send a turn
 *
 * Everything on the worker's thread. Private to the server. */
#ifndef NET_CONNECTION_H
#define NET_CONNECTION_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "http.h"
#include "http_intake.h"
#include "http_output.h"
#include "timeout_wheel.h"

struct server;

#define INDEX_NONE UINT32_MAX

/* A request begun whose answer is not in the output yet. */
struct exchange {
    uint32_t next; /* in its connection, in order; or in the free list */
    uint16_t slot;
    bool answered; /* and waiting in `output` for those before it */
    struct http_output output;
    uint64_t received_ns;
    struct http_memo memo;
};

/* Bytes received and not yet understood: [start, length) of one buffer. */
struct inbox {
    char *bytes;
    uint32_t start, length, capacity;
    struct http_intake intake; /* of the request at start */
};

enum connection_state {
    CONNECTION_FREE,
    CONNECTION_OPEN,
    CONNECTION_LINGERING, /* answered for the last time; what comes is thrown away */
    CONNECTION_CLOSING    /* closed; waits for the kernel to let go of its operations */
};

struct connection {
    int fd;
    uint32_t generation;
    enum connection_state state;
    bool receiving : 1;     /* a multishot receive is in the kernel */
    bool paused : 1;        /* back-pressure: not to be re-armed */
    bool peer_ended : 1;    /* FIN came */
    bool input_over : 1;    /* no byte after this is interpreted */
    bool sending_slow : 1;  /* the kernel reads `sending` until the send completes */
    bool sending_quick : 1; /* submitted or about to be; ends within the turn */
    bool stalled : 1;       /* bytes wait in the inbox for something else than more bytes */
    bool dirty : 1;         /* in server.dirty; these three outlive the connection */
    bool in_quick : 1;      /* in server.quick */
    bool ready : 1;         /* in server.ready */
    bool counted : 1;       /* in address counts */
    bool used : 1;          /* has had a request */
    uint16_t slot_next;
    uint16_t exchange_count;
    uint32_t exchange_first, exchange_last;
    struct http_output pending; /* being filled */
    struct http_output sending; /* being sent; sent bytes of it are gone */
    uint32_t sent;
    uint32_t discarded; /* after input_over */
    uint32_t address_entry;
    uint32_t next_free;
    struct inbox *inbox; /* NULL: nothing incomplete */
    uint64_t since_ns;   /* when what is being waited for began */
    struct timeout timeout;
    struct rest_token_cache token_cache;
};

/* The promise is 256 bytes of ours to an idle connection; an idle one has neither
 * inbox nor output nor exchange. */
static_assert(sizeof(struct connection) <= 256, "memory of an idle connection");

/* --- connection.c: life and death --- */

/* Takes over the descriptor. */
void connection_open(struct server *server, int fd);
/* Closes at once, unsent bytes and all. The connection may not be used after. */
void connection_abort(struct server *server, struct connection *connection);
/* Moves on after input or output has changed: sends, resumes, lingers or closes. */
void connection_advance(struct server *server, struct connection *connection);
/* The kernel has let go of an operation of a closing connection. */
void connection_settle(struct server *server, struct connection *connection);
/* Its place in the wheel has come up. */
void connection_timeout(struct server *server, struct connection *connection);
bool connection_idle(const struct connection *connection);
/* Nothing received, owed or unsent is left. */
bool connection_quiet(const struct connection *connection);

/* --- connection_input.c --- */

void connection_receive(struct server *server, struct connection *connection);
void connection_pause(struct server *server, struct connection *connection);
/* `bytes` may be written to and are the caller's again afterwards. */
void connection_input(struct server *server, struct connection *connection, char *bytes,
                      uint32_t length);
/* Goes on with what waits in the inbox. */
void connection_resume(struct server *server, struct connection *connection);
bool connection_blocked(const struct server *server, const struct connection *connection);
void inbox_drop(struct server *server, struct connection *connection);

/* --- connection_output.c --- */

/* A place in the order for the request described by `head` (NULL: unknown). NULL:
 * none is free. */
struct exchange *exchange_add(struct server *server, struct connection *connection,
                              const struct http_head *head);
/* Where the answer to the exchange is written. */
struct http_response exchange_response(struct server *server, struct connection *connection,
                                       struct exchange *exchange);
/* The response is complete: it and what waited behind it become output. */
void exchange_answered(struct server *server, struct connection *connection,
                       struct exchange *exchange, int status);
struct exchange *exchange_find(struct server *server, const struct connection *connection,
                               uint16_t slot);
void exchanges_drop(struct server *server, struct connection *connection);

/* Answers with an error in its turn, then closes. */
void connection_refuse(struct server *server, struct connection *connection,
                       const struct http_head *head, int status, const char *reason);
void connection_continue(struct server *server, struct connection *connection);

/* Sends what is pending on all dirty connections. */
void connections_send(struct server *server);
/* Ends the sends of the last turn that did not fail. */
void connections_sent(struct server *server);
void connection_send_failed(struct server *server, struct connection *connection, int32_t result);
void connection_send_ended(struct server *server, struct connection *connection, int32_t result);

#endif
