/* Bytes on their way in. A request that arrived whole is parsed where the kernel
 * put it. What is incomplete moves to an inbox and is looked at again when there is
 * more: never from its beginning, except that a head is parsed a second time once
 * its body is complete, because the buffer may have moved. */
#include "server_state.h"

#include <stdlib.h>
#include <string.h>

static const char overloaded[] = "The server is overloaded.";

enum take { TAKE_REQUEST, TAKE_MORE, TAKE_REFUSED };

void connection_receive(struct server *server, struct connection *connection)
{
    assert(!connection->receiving);
    struct io_uring_sqe *sqe = reactor_sqe(server->reactor);
    io_uring_prep_recv_multishot(sqe, connection->fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = RECEIVE_GROUP;
    sqe->user_data = connection_data(server, connection, TAG_RECEIVE);
    connection->receiving = true;
    connection->paused = false;
}

/* The receive's last completion follows, maybe after some more data. */
void connection_pause(struct server *server, struct connection *connection)
{
    if (connection->paused)
        return;
    connection->paused = true;
    if (!connection->receiving)
        return;
    struct io_uring_sqe *sqe = reactor_sqe(server->reactor);
    io_uring_prep_cancel64(sqe, connection_data(server, connection, TAG_RECEIVE), 0);
    sqe->user_data = 0;
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

bool connection_blocked(const struct server *server, const struct connection *connection)
{
    const struct config *config = server->config;
    uint64_t unsent = (uint64_t)connection->pending.length + connection->sending.length;
    if (connection->inbox && connection->inbox->intake.continue_wanted &&
        connection->exchange_count > 0)
        return true;
    return connection->exchange_count >= config->server.pipeline_max ||
           unsent > config->server.output_bytes_max / 2;
}

void inbox_drop(struct server *server, struct connection *connection)
{
    struct inbox *inbox = connection->inbox;
    if (!inbox)
        return;
    server->inbox_bytes -= inbox->capacity;
    free(inbox->bytes);
    free(inbox);
    connection->inbox = NULL;
}

/* What an inbox may hold: one request, and what was under way when reading paused. */
static uint32_t inbox_bytes_max(const struct server *server)
{
    return HTTP_REQUEST_LINE_BYTES_MAX + HTTP_FIELDS_BYTES_MAX +
           2 * server->config->server.body_bytes_max + 64 * RECEIVE_BUFFER_BYTES;
}

static bool inbox_grow(struct server *server, struct inbox *inbox, uint32_t need)
{
    uint32_t capacity = inbox->capacity ? inbox->capacity : INBOX_BYTES_FIRST;
    while (capacity < need)
        capacity *= 2;
    uint32_t more = capacity - inbox->capacity;
    if (need > inbox_bytes_max(server) || server->inbox_bytes + more > INBOX_TOTAL_BYTES_MAX)
        return false;
    char *bytes = realloc(inbox->bytes, capacity);
    if (!bytes)
        return false;
    inbox->bytes = bytes;
    inbox->capacity = capacity;
    server->inbox_bytes += more;
    return true;
}

static bool inbox_append(struct server *server, struct inbox *inbox, const char *bytes,
                         uint32_t length)
{
    if (inbox->start > 0 && inbox->length + length > inbox->capacity) {
        memmove(inbox->bytes, inbox->bytes + inbox->start, inbox->length - inbox->start);
        inbox->length -= inbox->start;
        inbox->start = 0;
    }
    uint32_t need = inbox->length + length;
    if (need > inbox->capacity && !inbox_grow(server, inbox, need))
        return false;
    assert(inbox->bytes);
    memcpy(inbox->bytes + inbox->length, bytes, length);
    inbox->length = need;
    return true;
}

/* Keeps an incomplete request that begins at bytes[0]. */
static bool inbox_begin(struct server *server, struct connection *connection, const char *bytes,
                        uint32_t length, const struct http_intake *intake)
{
    struct inbox *inbox = calloc(1, sizeof *inbox);
    if (!inbox)
        return false;
    connection->inbox = inbox;
    inbox->intake = *intake;
    return inbox_append(server, inbox, bytes, length);
}

static void options_all(struct http_response *response)
{
    static const char methods[] = "GET, HEAD, POST, PUT, DELETE, OPTIONS";
    http_response_begin(response, 204, 0);
    http_response_header(response, "Allow", methods, sizeof methods - 1);
    http_response_end(response, 0);
}

/* A whole request: gives it its place and lets rest handle it. */
static void dispatch(struct server *server, struct connection *connection, struct http_head *head,
                     int admission)
{
    struct exchange *exchange = exchange_add(server, connection, head);
    if (!exchange) {
        connection_abort(server, connection);
        return;
    }
    struct http_response response = exchange_response(server, connection, exchange);
    struct reply_to to = {.worker = worker_index(server->worker),
                          .slot = exchange->slot,
                          .connection = connection_index(server, connection),
                          .generation = connection->generation};
    enum rest_outcome outcome = REST_ANSWERED;
    if (admission != 0)
        rest_error(server->rest, admission, "UNAVAILABLE", overloaded, &response);
    else if (head->connect)
        rest_error(server->rest, 501, "VALIDATION_ERROR", "CONNECT is not implemented.", &response);
    else if (head->request.path.bytes[0] == '*')
        options_all(&response);
    else
        outcome = rest_handle(server->rest, &head->request, &exchange->memo,
                              &connection->token_cache, to, &response);
    if (outcome == REST_ANSWERED) {
        assert(response.ended);
        exchange_answered(server, connection, exchange, response.status);
    } else {
        assert(response.status == 0);
    }
}

static enum take refused(struct server *server, struct connection *connection,
                         const struct http_head *head, int status, const char *reason)
{
    connection_refuse(server, connection, head, status, reason);
    return TAKE_REFUSED;
}

/* The head has just become complete; the body may be anywhere. 0, or the status that
 * admission answers. Only a body is worth refusing early: without one, rest answers at
 * once, and health, metrics and the catalog are there when they are needed most. */
static int head_taken(struct server *server, struct connection *connection,
                      const struct http_intake *intake)
{
    metric_add(&server->metrics->requests, 1);
    if (!intake->chunked && intake->content_length == 0)
        return 0;
    connection->since_ns = server->now_ns;
    return rest_admission(server->rest);
}

/* Waits for its turn, since 100 must not overtake the answers before it. */
static bool continue_now(struct server *server, struct connection *connection,
                         struct http_intake *intake)
{
    if (connection->exchange_count > 0)
        return false;
    intake->continue_wanted = false;
    connection_continue(server, connection);
    return true;
}

/* The request that begins at bytes[0]. REQUEST: handled, the next one begins at
 * *next. MORE: incomplete; *length shrinks when chunks have been joined. */
static enum take request_take(struct server *server, struct connection *connection,
                              struct http_intake *intake, char *bytes, uint32_t *length,
                              uint32_t *next)
{
    struct http_head head;
    struct http_refusal refusal = {0};
    uint32_t body_bytes_max = server->config->server.body_bytes_max;
    bool fresh = intake->head_bytes == 0;
    int admission = 0;
    if (fresh) {
        enum http_intake_result result = http_intake_head(intake, server->fields, bytes, *length,
                                                          body_bytes_max, &head, &refusal);
        if (result == HTTP_INTAKE_MORE)
            return TAKE_MORE;
        if (result == HTTP_INTAKE_REFUSED)
            return refused(server, connection, &head, refusal.status, refusal.reason);
        admission = head_taken(server, connection, intake);
        bool whole = !head.chunked && *length - head.bytes >= head.content_length;
        if (admission != 0 && !whole)
            return refused(server, connection, &head, admission, overloaded);
    }
    if (intake->continue_wanted && !continue_now(server, connection, intake))
        return TAKE_MORE;
    switch (http_intake_body(intake, bytes, length, body_bytes_max, next, &refusal)) {
    case HTTP_INTAKE_MORE:
        return TAKE_MORE;
    case HTTP_INTAKE_REFUSED:
        return refused(server, connection, fresh ? &head : NULL, refusal.status, refusal.reason);
    case HTTP_INTAKE_DONE:
        break;
    }
    http_intake_request(intake, server->fields, bytes, fresh, &head);
    head.request.received_ns = server->now_ns;
    dispatch(server, connection, &head, admission);
    return TAKE_REQUEST;
}

static bool may_take(const struct server *server, const struct connection *connection)
{
    return connection->state == CONNECTION_OPEN && !connection->input_over &&
           !connection_blocked(server, connection);
}

/* Takes requests from bytes[0] on; returns where the first incomplete one begins.
 * After a refusal or a close nothing is left to begin. */
static uint32_t requests_take(struct server *server, struct connection *connection,
                              struct http_intake *intake, char *bytes, uint32_t *length)
{
    uint32_t at = 0;
    connection->stalled = false;
    while (at < *length) {
        if (!may_take(server, connection)) {
            connection->stalled = true;
            break;
        }
        uint32_t left = *length - at, next = 0;
        enum take take = request_take(server, connection, intake, bytes + at, &left, &next);
        if (take == TAKE_MORE) {
            *length = at + left;
            connection->stalled = intake->continue_wanted;
            break;
        }
        if (take == TAKE_REFUSED)
            return *length;
        at += next;
        memset(intake, 0, sizeof *intake);
    }
    if (connection->state != CONNECTION_OPEN || connection->input_over) {
        connection->discarded += *length - at;
        return *length;
    }
    return at;
}

static void inbox_refuse(struct server *server, struct connection *connection)
{
    inbox_drop(server, connection);
    connection_refuse(server, connection, NULL, 503, "No room to receive the request.");
}

static void inbox_take(struct server *server, struct connection *connection)
{
    struct inbox *inbox = connection->inbox;
    uint32_t length = inbox->length - inbox->start;
    bool head_known = inbox->intake.head_bytes > 0;
    struct http_intake intake = inbox->intake; /* a copy: the inbox may go with its connection */
    uint32_t taken =
        requests_take(server, connection, &intake, inbox->bytes + inbox->start, &length);
    if (connection->state != CONNECTION_OPEN)
        return;
    inbox->intake = intake;
    inbox->length = inbox->start + length;
    inbox->start += taken;
    if (inbox->start == inbox->length)
        inbox_drop(server, connection);
    else if (taken > 0 || head_known != (inbox->intake.head_bytes > 0))
        connection->since_ns = server->now_ns;
}

static void discard(struct server *server, struct connection *connection, uint32_t length)
{
    connection->discarded += length;
    if (connection->discarded <= LINGER_BYTES_MAX)
        return;
    if (connection->state == CONNECTION_LINGERING)
        connection_abort(server, connection);
    else
        connection_pause(server, connection);
}

void connection_input(struct server *server, struct connection *connection, char *bytes,
                      uint32_t length)
{
    if (connection->input_over) {
        discard(server, connection, length);
        return;
    }
    if (connection->inbox) {
        if (!inbox_append(server, connection->inbox, bytes, length))
            inbox_refuse(server, connection);
        else if (!connection->stalled)
            inbox_take(server, connection);
    } else {
        struct http_intake intake = {0};
        uint32_t taken = requests_take(server, connection, &intake, bytes, &length);
        if (taken < length) {
            connection->since_ns = server->now_ns;
            if (!inbox_begin(server, connection, bytes + taken, length - taken, &intake))
                inbox_refuse(server, connection);
        }
    }
    if (connection->state != CONNECTION_OPEN)
        return;
    if (connection->stalled && connection->inbox)
        connection_pause(server, connection);
    connection_advance(server, connection);
}

void connection_resume(struct server *server, struct connection *connection)
{
    if (!connection->inbox || connection_blocked(server, connection))
        return;
    inbox_take(server, connection);
    if (connection->state != CONNECTION_OPEN)
        return;
    if (!connection->stalled && !connection->peer_ended) {
        connection->paused = false;
        if (!connection->receiving)
            connection_receive(server, connection);
    }
    connection_advance(server, connection);
}
