#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server_state.h"

enum { BACKLOG_DRAIN_MAX = 4096, CLOSE_WAIT_TURNS = 200 };

/* --- receive buffers --- */

static void buffer_return(struct server *server, uint32_t flags)
{
    uint32_t buffer = flags >> IORING_CQE_BUFFER_SHIFT;
    io_uring_buf_ring_add(server->buffer_ring,
                          server->buffers + (size_t)buffer * RECEIVE_BUFFER_BYTES,
                          RECEIVE_BUFFER_BYTES, (unsigned short)buffer, RECEIVE_BUFFERS - 1,
                          (int)server->buffers_returned++);
}

static void buffers_publish(struct server *server)
{
    if (server->buffers_returned > 0)
        io_uring_buf_ring_advance(server->buffer_ring, (int)server->buffers_returned);
    server->buffers_returned = 0;
}

static void *pages_new(size_t bytes)
{
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

static bool buffers_init(struct server *server)
{
    server->buffer_ring = pages_new(RECEIVE_BUFFERS * sizeof(struct io_uring_buf));
    server->buffers = pages_new((size_t)RECEIVE_BUFFERS * RECEIVE_BUFFER_BYTES);
    if (!server->buffer_ring || !server->buffers)
        return false;
    struct io_uring_buf_reg registration = {.ring_addr = (uint64_t)(uintptr_t)server->buffer_ring,
                                            .ring_entries = RECEIVE_BUFFERS,
                                            .bgid = RECEIVE_GROUP};
    if (io_uring_register_buf_ring(reactor_ring(server->reactor), &registration, 0) != 0)
        return false;
    io_uring_buf_ring_init(server->buffer_ring);
    for (uint32_t i = 0; i < RECEIVE_BUFFERS; i++)
        buffer_return(server, i << IORING_CQE_BUFFER_SHIFT);
    buffers_publish(server);
    return true;
}

/* --- accepting --- */

static void accept_begin(struct server *server)
{
    struct io_uring_sqe *sqe = reactor_sqe(server->reactor);
    io_uring_prep_multishot_accept(sqe, server->listener, NULL, NULL, SOCK_CLOEXEC);
    sqe->user_data = reactor_data(TAG_ACCEPT, 0);
    server->accepting = true;
    server->accept_again_ns = 0;
}

static int reserve_open(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static bool backlog_waits(const struct server *server)
{
    struct pollfd poll_fd = {.fd = server->listener, .events = POLLIN};
    return poll(&poll_fd, 1, 0) == 1;
}

/* Out of descriptors: the one in reserve lets the first in the backlog see an end
 * instead of silence; the others wait there until some come free. */
static void accept_pause(struct server *server)
{
    if (server->reserve_fd >= 0)
        close(server->reserve_fd);
    if (backlog_waits(server)) {
        int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            close(fd);
        metric_add(&server->metrics->connections_refused, 1);
    }
    server->reserve_fd = reserve_open();
    server->accept_again_ns = after_ms(server->now_ns, ACCEPT_PAUSE_MS);
}

static void on_accept(void *context, uint64_t user_data, int32_t result, uint32_t flags)
{
    struct server *server = context;
    (void)user_data;
    if (!(flags & IORING_CQE_F_MORE))
        server->accepting = false;
    if (result >= 0)
        connection_open(server, result);
    else if (result == -EMFILE || result == -ENFILE || result == -ENOBUFS || result == -ENOMEM)
        accept_pause(server);
    if (!server->accepting && !server->draining && server->accept_again_ns == 0)
        accept_begin(server);
}

/* --- completions --- */

/* NULL: the connection it was for is gone; a completion without an owner. */
static struct connection *owner_of(struct server *server, uint64_t user_data)
{
    struct connection *connection = &server->connections[(uint32_t)user_data];
    bool same = connection->state != CONNECTION_FREE &&
                (connection->generation & 0xffffff) == (user_data >> 32 & 0xffffff);
    return same ? connection : NULL;
}

static void receive_ended(struct server *server, struct connection *connection, int32_t result)
{
    if (result == 0) {
        connection->peer_ended = true;
        if (connection->state == CONNECTION_LINGERING)
            connection_abort(server, connection);
        else
            connection_advance(server, connection);
    } else if (result != -ENOBUFS && result != -ECANCELED && result != -EINTR &&
               result != -EAGAIN) {
        connection_abort(server, connection);
    }
}

static void on_receive(void *context, uint64_t user_data, int32_t result, uint32_t flags)
{
    struct server *server = context;
    struct connection *connection = owner_of(server, user_data);
    if (connection && !(flags & IORING_CQE_F_MORE))
        connection->receiving = false;
    if (!connection || connection->state == CONNECTION_CLOSING) {
        if (flags & IORING_CQE_F_BUFFER)
            buffer_return(server, flags);
        if (connection)
            connection_settle(server, connection);
        return;
    }
    if (result > 0) {
        uint32_t buffer = flags >> IORING_CQE_BUFFER_SHIFT;
        metric_add(&server->metrics->bytes_received, (uint64_t)result);
        connection_input(server, connection,
                         server->buffers + (size_t)buffer * RECEIVE_BUFFER_BYTES, (uint32_t)result);
    } else {
        receive_ended(server, connection, result);
    }
    if (flags & IORING_CQE_F_BUFFER)
        buffer_return(server, flags);
    if ((connection->state == CONNECTION_OPEN || connection->state == CONNECTION_LINGERING) &&
        !connection->receiving && !connection->paused && !connection->peer_ended)
        connection_receive(server, connection);
}

static void on_send_failed(void *context, uint64_t user_data, int32_t result, uint32_t flags)
{
    struct server *server = context;
    struct connection *connection = owner_of(server, user_data);
    (void)flags;
    if (connection && connection->state == CONNECTION_OPEN)
        connection_send_failed(server, connection, result);
}

static void on_send_slow(void *context, uint64_t user_data, int32_t result, uint32_t flags)
{
    struct server *server = context;
    struct connection *connection = owner_of(server, user_data);
    (void)flags;
    if (connection)
        connection_send_ended(server, connection, result);
}

static void on_seen_already(void *context, uint64_t user_data, int32_t result, uint32_t flags)
{
    (void)context, (void)user_data, (void)result, (void)flags;
}

/* --- the port --- */

static void ready_resume(struct server *server)
{
    uint32_t count = server->ready.count;
    for (uint32_t i = 0; i < count; i++) {
        struct connection *connection = &server->connections[server->ready.items[i]];
        connection->ready = false;
        if (connection->state == CONNECTION_OPEN && connection->stalled && !connection->input_over)
            connection_resume(server, connection);
    }
    server->ready.count -= count;
    memmove(server->ready.items, server->ready.items + count,
            server->ready.count * sizeof *server->ready.items);
}

static void timeouts_run(struct server *server)
{
    uint32_t index;
    while (timeout_wheel_next(&server->wheel, server->now_ns, &index))
        connection_timeout(server, &server->connections[index]);
    if (server->accept_again_ns != 0 && server->now_ns >= server->accept_again_ns &&
        !server->draining && !server->accepting)
        accept_begin(server);
}

static uint32_t server_reap(void *context)
{
    struct server *server = context;
    server->now_ns = worker_now_ns(server->worker);
    server->answer_now_ns = 0;
    http_head_blocks_tick(&server->blocks, worker_now_ms(server->worker));
    if (reactor_scan(server->reactor, TAG_SEND_QUICK, on_send_failed, server))
        connections_sent(server);
    uint32_t handled = server->ready.count;
    ready_resume(server);
    handled += reactor_reap(server->reactor);
    buffers_publish(server);
    timeouts_run(server);
    return handled;
}

static void server_submit_and_wait(void *context, uint64_t wait_ns)
{
    struct server *server = context;
    connections_send(server);
    if (server->ready.count > 0)
        wait_ns = 0;
    if (wait_ns > 0)
        wait_ns = timeout_wheel_wait(&server->wheel, server->now_ns, wait_ns);
    reactor_submit_and_wait(server->reactor, wait_ns);
}

static void server_answer(void *context, struct answer *answer)
{
    struct server *server = context;
    assert(answer->to.connection < server->connections_cap);
    struct connection *connection = &server->connections[answer->to.connection];
    struct exchange *exchange = NULL;
    if (connection->state == CONNECTION_OPEN && connection->generation == answer->to.generation)
        exchange = exchange_find(server, connection, answer->to.slot);
    if (exchange) {
        struct http_response response = exchange_response(server, connection, exchange);
        if (rest_answer(server->rest, answer, &response) == REST_ANSWERED) {
            assert(response.ended);
            exchange_answered(server, connection, exchange, response.status);
            connection_advance(server, connection);
        }
    } else {
        rest_drop(server->rest, answer);
    }
    answer_release(answer);
}

static void server_ring_bell(void *context, uint16_t worker)
{
    struct server *server = context;
    reactor_ring_bell(server->reactor, worker);
}

/* Those the kernel has accepted for us already are answered too. */
static void backlog_take(struct server *server)
{
    for (int i = 0; i < BACKLOG_DRAIN_MAX && backlog_waits(server); i++) {
        int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            break;
        connection_open(server, fd);
    }
}

static void listening_end(struct server *server)
{
    if (server->listener < 0)
        return;
    struct io_uring_sqe *sqe = reactor_sqe(server->reactor);
    io_uring_prep_cancel64(sqe, reactor_data(TAG_ACCEPT, 0), 0);
    sqe->user_data = 0;
    close(server->listener);
    server->listener = -1;
}

static void server_drain(void *context)
{
    struct server *server = context;
    if (server->draining)
        return;
    backlog_take(server);
    server->draining = true;
    server->drain_grace_ns = after_ms(server->now_ns, DRAIN_GRACE_MS);
    listening_end(server);
    for (uint32_t i = 0; i < server->connections_touched; i++) {
        struct connection *connection = &server->connections[i];
        if (connection->state != CONNECTION_OPEN)
            continue;
        if (connection->exchange_count > 0) {
            server->exchanges[connection->exchange_last].memo.close_after = true;
            connection->input_over = true;
        }
        connection_advance(server, connection);
    }
}

static uint32_t server_unfinished(void *context)
{
    const struct server *server = context;
    uint32_t unfinished = 0;
    for (uint32_t i = 0; i < server->connections_touched; i++) {
        const struct connection *connection = &server->connections[i];
        bool may_speak = !connection->used && server->now_ns < server->drain_grace_ns;
        unfinished +=
            connection->state == CONNECTION_OPEN && (may_speak || !connection_quiet(connection));
    }
    return unfinished;
}

void server_transport(struct server *server, struct transport *transport)
{
    *transport = (struct transport){.context = server,
                                    .reap = server_reap,
                                    .submit_and_wait = server_submit_and_wait,
                                    .answer = server_answer,
                                    .ring_bell = server_ring_bell,
                                    .drain = server_drain,
                                    .unfinished = server_unfinished};
}

/* --- life --- */

static struct timeout *timeout_of(void *context, uint32_t index)
{
    struct server *server = context;
    return &server->connections[index].timeout;
}

static bool server_init(struct server *server)
{
    const struct config *config = server->config;
    if (config->server.connections_per_address_max > 0) {
        server->addresses =
            address_counts_new(config->server.connections_max + CONNECTIONS_REFUSED_MAX,
                               server->clock.random(server->clock.context));
        if (!server->addresses)
            return false;
    }
    server->fields = http_fields_new();
    server->reserve_fd = reserve_open();
    http_head_blocks_init(&server->blocks, config);
    server->request_id_next = server->clock.random(server->clock.context);
    server->now_ns = server->clock.monotonic_ns(server->clock.context);
    timeout_wheel_init(&server->wheel, server->now_ns, server, timeout_of);
    return server->fields && tables_init(server) && buffers_init(server);
}

static void server_release(struct server *server)
{
    tables_release(server);
    if (server->buffer_ring)
        munmap(server->buffer_ring, RECEIVE_BUFFERS * sizeof(struct io_uring_buf));
    if (server->buffers)
        munmap(server->buffers, (size_t)RECEIVE_BUFFERS * RECEIVE_BUFFER_BYTES);
    http_output_pool_release(&server->pool);
    http_fields_free(server->fields);
    address_counts_free(server->addresses);
    if (server->reserve_fd >= 0)
        close(server->reserve_fd);
    free(server);
}

struct server *server_new(struct worker *worker, struct reactor *reactor, struct rest *rest,
                          const struct config *config, int listener)
{
    struct server *server = calloc(1, sizeof *server);
    if (!server)
        return NULL;
    server->worker = worker;
    server->reactor = reactor;
    server->rest = rest;
    server->config = config;
    server->metrics = worker_metrics(worker);
    server->clock = worker_group(worker)->clock;
    server->reserve_fd = -1;
    if (!server_init(server)) {
        server_release(server);
        return NULL;
    }
    server->listener = listener;
    reactor_on(reactor, TAG_ACCEPT, TAG_ACCEPT, on_accept, server);
    reactor_on(reactor, TAG_RECEIVE, TAG_RECEIVE, on_receive, server);
    reactor_on(reactor, TAG_SEND_QUICK, TAG_SEND_QUICK, on_seen_already, server);
    reactor_on(reactor, TAG_SEND_SLOW, TAG_SEND_SLOW, on_send_slow, server);
    return server;
}

void server_start(struct server *server)
{
    accept_begin(server);
}

static void abort_all(struct server *server)
{
    for (uint32_t i = 0; i < server->connections_touched; i++) {
        struct connection *connection = &server->connections[i];
        if (connection->state == CONNECTION_OPEN || connection->state == CONNECTION_LINGERING)
            connection_abort(server, connection);
    }
}

/* The kernel must let go of every buffer before the memory goes. One that it
 * accepted before it saw our cancel comes in while we wait, and goes as well. */
void server_free(struct server *server)
{
    if (!server)
        return;
    server->draining = true;
    listening_end(server);
    abort_all(server);
    for (int i = 0; i < CLOSE_WAIT_TURNS && (server->connections_open > 0 || server->accepting);
         i++) {
        reactor_submit_and_wait(server->reactor, 5000000);
        reactor_reap(server->reactor);
        buffers_publish(server);
        abort_all(server);
    }
    assert(server->connections_open == 0);
    io_uring_unregister_buf_ring(reactor_ring(server->reactor), RECEIVE_GROUP);
    server_release(server);
}
