#include "connection.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "server_state.h"

bool connection_quiet(const struct connection *connection)
{
    return connection->exchange_count == 0 && !connection->inbox &&
           connection->pending.length == 0 && connection->sending.length == 0;
}

bool connection_idle(const struct connection *connection)
{
    return connection->state == CONNECTION_OPEN && connection_quiet(connection);
}

/* A body must arrive within body_timeout_ms, and after half of that at 1 KiB/s on
 * average: one byte a second is not a slow client but an attack. */
static uint64_t body_deadline_ns(const struct server *server, const struct connection *connection)
{
    const struct inbox *inbox = connection->inbox;
    uint32_t timeout_ms = server->config->server.body_timeout_ms;
    uint32_t received = inbox->length - inbox->start - inbox->intake.head_bytes;
    uint32_t earned_ms = received / 1024 * 1000;
    uint32_t rate_ms = earned_ms > timeout_ms / 2 ? earned_ms : timeout_ms / 2;
    return after_ms(connection->since_ns, rate_ms < timeout_ms ? rate_ms : timeout_ms);
}

static uint64_t deadline_ns(const struct server *server, const struct connection *connection)
{
    const struct config *config = server->config;
    uint64_t since_ns = connection->since_ns;
    if (connection->state == CONNECTION_LINGERING)
        return after_ms(since_ns, LINGER_MS);
    if (connection->sending_slow)
        return after_ms(since_ns, config->server.write_timeout_ms);
    /* The next move is ours. */
    if (connection->exchange_count > 0 || connection->stalled || connection->pending.length > 0 ||
        connection->sending_quick)
        return after_ms(server->now_ns, config->server.idle_timeout_ms);
    if (connection->inbox && connection->inbox->intake.head_bytes > 0)
        return body_deadline_ns(server, connection);
    if (connection->inbox)
        return after_ms(since_ns, config->server.header_timeout_ms);
    return after_ms(since_ns, connection->used ? config->server.idle_timeout_ms
                                               : config->server.first_byte_timeout_ms);
}

static void watch(struct server *server, struct connection *connection)
{
    timeout_wheel_put(&server->wheel, connection_index(server, connection),
                      deadline_ns(server, connection));
}

void connection_timeout(struct server *server, struct connection *connection)
{
    assert(connection->state == CONNECTION_OPEN || connection->state == CONNECTION_LINGERING);
    if (deadline_ns(server, connection) > server->now_ns) {
        watch(server, connection);
        return;
    }
    if (connection->state == CONNECTION_OPEN && connection->inbox && !connection->sending_slow) {
        inbox_drop(server, connection);
        connection_refuse(server, connection, NULL, 408, "The request took too long to arrive.");
        if (connection->state == CONNECTION_OPEN)
            connection_advance(server, connection);
        return;
    }
    connection_abort(server, connection);
}

/* The connection that has been idle longest, of a sample that moves through the
 * table: exact for a small table, and of bounded cost for a large one. */
static bool evict_idle(struct server *server)
{
    struct connection *oldest = NULL;
    for (uint32_t i = 0; i < EVICT_SAMPLE && i < server->connections_touched; i++) {
        server->evict_cursor = (server->evict_cursor + 1) % server->connections_touched;
        struct connection *connection = &server->connections[server->evict_cursor];
        if (connection_idle(connection) && (!oldest || connection->since_ns < oldest->since_ns))
            oldest = connection;
    }
    if (oldest)
        connection_abort(server, oldest);
    return oldest != NULL;
}

static bool address_enter(struct server *server, struct connection *connection)
{
    struct sockaddr_storage address;
    socklen_t bytes = sizeof address;
    if (!server->addresses || getpeername(connection->fd, (struct sockaddr *)&address, &bytes))
        return true;
    connection->counted = address_counts_enter(server->addresses, &address,
                                               server->config->server.connections_per_address_max,
                                               &connection->address_entry);
    return connection->counted;
}

static void close_descriptor(struct server *server, int fd)
{
    struct io_uring_sqe *sqe = reactor_sqe(server->reactor);
    io_uring_prep_close(sqe, fd);
    sqe->user_data = 0;
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

void connection_open(struct server *server, int fd)
{
    bool full = server->connections_open - server->connections_closing >=
                    server->config->server.connections_max &&
                !evict_idle(server);
    struct connection *connection = connection_take(server);
    metric_add(&server->metrics->connections_accepted, 1);
    metric_set(&server->metrics->connections_open, server->connections_open);
    if (!connection) {
        metric_add(&server->metrics->connections_refused, 1);
        close_descriptor(server, fd);
        return;
    }
    connection->fd = fd;
    connection->state = CONNECTION_OPEN;
    connection->since_ns = server->now_ns;
    connection_receive(server, connection);
    if (!address_enter(server, connection))
        full = true;
    if (full) {
        metric_add(&server->metrics->connections_refused, 1);
        connection_refuse(server, connection, NULL, 503, "Too many connections.");
    }
    if (connection->state == CONNECTION_OPEN)
        connection_advance(server, connection);
}

static void cancel(struct server *server, struct connection *connection, enum server_tag tag)
{
    struct io_uring_sqe *sqe = reactor_sqe(server->reactor);
    io_uring_prep_cancel64(sqe, connection_data(server, connection, tag), 0);
    sqe->user_data = 0;
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

void connection_settle(struct server *server, struct connection *connection)
{
    if (connection->state != CONNECTION_CLOSING || connection->receiving ||
        connection->sending_slow)
        return;
    server->connections_closing--;
    connection_give(server, connection);
    metric_set(&server->metrics->connections_open, server->connections_open);
}

void connection_abort(struct server *server, struct connection *connection)
{
    assert(connection->state == CONNECTION_OPEN || connection->state == CONNECTION_LINGERING);
    connection->state = CONNECTION_CLOSING;
    server->connections_closing++;
    connection->input_over = true;
    exchanges_drop(server, connection);
    inbox_drop(server, connection);
    http_output_release(&server->pool, &connection->pending);
    free(connection->token_cache.token);
    connection->token_cache.token = NULL;
    if (connection->counted)
        address_counts_leave(server->addresses, connection->address_entry);
    timeout_wheel_remove(&server->wheel, connection_index(server, connection));
    if (connection->sending_slow) {
        cancel(server, connection, TAG_SEND_SLOW);
    } else {
        connection->sending_quick = false;
        http_output_release(&server->pool, &connection->sending);
    }
    if (connection->receiving)
        cancel(server, connection, TAG_RECEIVE);
    close_descriptor(server, connection->fd);
    connection_settle(server, connection);
}

/* The last answer is out. The peer reads it before the connection goes: closing
 * with unread bytes would reset it and could take the answer along. */
static void linger(struct server *server, struct connection *connection)
{
    if (connection->peer_ended || shutdown(connection->fd, SHUT_WR)) {
        connection_abort(server, connection);
        return;
    }
    connection->state = CONNECTION_LINGERING;
    connection->since_ns = server->now_ns;
    inbox_drop(server, connection);
    if (!connection->receiving && connection->discarded <= LINGER_BYTES_MAX)
        connection_receive(server, connection);
    watch(server, connection);
}

void connection_advance(struct server *server, struct connection *connection)
{
    assert(connection->state == CONNECTION_OPEN);
    const uint64_t unsent = (uint64_t)connection->pending.length + connection->sending.length;
    if (unsent - (connection->sending_slow ? connection->sent : 0) >
        server->config->server.output_bytes_max) {
        connection_abort(server, connection);
        return;
    }
    if (connection->pending.length > 0 && !connection->dirty) {
        connection->dirty = true;
        index_push(&server->dirty, connection_index(server, connection));
    }
    if (connection->stalled && !connection->ready && !connection_blocked(server, connection)) {
        connection->ready = true;
        index_push(&server->ready, connection_index(server, connection));
    }
    if (unsent == 0 && connection->exchange_count == 0) {
        if (connection->input_over) {
            linger(server, connection);
            return;
        }
        if ((connection->peer_ended && !connection->stalled) ||
            (server->draining && connection->used && connection_quiet(connection))) {
            connection_abort(server, connection);
            return;
        }
    }
    watch(server, connection);
}
