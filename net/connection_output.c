/* Answers on their way out.
 *
 * A send is tried once, at submission, without waiting (MSG_DONTWAIT) and posts a
 * completion only if it did not take everything (CQE_SKIP_SUCCESS with
 * MSG_WAITALL). So when the enter has returned and the completions show no
 * failure, all sends of the turn are done and their blocks are free: the common
 * answer costs no completion, and the loop is not woken by its own sends. What the
 * socket did not take goes out by ordinary, completing sends. */
#include "server_state.h"

#include <errno.h>
#include <string.h>

/* A bijection of a counter that began at a random number: unique in the process,
 * unguessable between processes. SplitMix64 (Steele, Lea, Flood, 2014). */
static uint64_t request_id_mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
    return value ^ (value >> 31);
}

static void request_id_make(struct server *server, struct http_memo *memo)
{
    static const char hex[] = "0123456789abcdef";
    uint64_t id = request_id_mix(server->request_id_next += 0x9e3779b97f4a7c15ULL);
    for (unsigned i = 0; i < 16; i++, id >>= 4)
        memo->request_id[i] = hex[id & 15];
    memo->request_id_length = 16;
}

static uint8_t origin_find(const struct config *config, struct text origin)
{
    for (uint32_t i = 0; i < config->cors.origin_count; i++) {
        const char *allowed = config->cors.origins[i];
        if (strcmp(allowed, "*") == 0 ||
            (strlen(allowed) == origin.length && memcmp(allowed, origin.bytes, origin.length) == 0))
            return (uint8_t)(i + 1);
    }
    return 0;
}

static void memo_fill(struct server *server, struct http_memo *memo, const struct http_head *head)
{
    memo->method = head ? head->request.method : HTTP_GET;
    memo->close_after = !head || head->close || server->draining;
    memo->traceparent_length = 0;
    memo->origin_index = 0;
    memo->rest_flags = 0;
    memo->rest_page = 0;
    if (head && head->request_id.bytes) {
        memcpy(memo->request_id, head->request_id.bytes, head->request_id.length);
        memo->request_id_length = (uint8_t)head->request_id.length;
    } else {
        request_id_make(server, memo);
    }
    if (head && head->traceparent.bytes) {
        memcpy(memo->traceparent, head->traceparent.bytes, HTTP_TRACEPARENT_BYTES);
        memo->traceparent_length = HTTP_TRACEPARENT_BYTES;
    }
    if (head && head->request.origin.bytes)
        memo->origin_index = origin_find(server->config, head->request.origin);
}

struct exchange *exchange_add(struct server *server, struct connection *connection,
                              const struct http_head *head)
{
    struct exchange *exchange = exchange_take(server);
    if (!exchange)
        return NULL;
    uint32_t index = (uint32_t)(exchange - server->exchanges);
    exchange->next = INDEX_NONE;
    exchange->slot = connection->slot_next++;
    exchange->answered = false;
    exchange->output = (struct http_output){0};
    exchange->received_ns = server->now_ns;
    memo_fill(server, &exchange->memo, head);
    if (connection->exchange_count++ == 0)
        connection->exchange_first = index;
    else
        server->exchanges[connection->exchange_last].next = index;
    connection->exchange_last = index;
    connection->used = true;
    if (exchange->memo.close_after)
        connection->input_over = true;
    return exchange;
}

/* Places are numbered in order, so the distance from the first is the way to walk. */
struct exchange *exchange_find(struct server *server, const struct connection *connection,
                               uint16_t slot)
{
    if (connection->exchange_count == 0)
        return NULL;
    struct exchange *exchange = &server->exchanges[connection->exchange_first];
    uint16_t distance = (uint16_t)(slot - exchange->slot);
    if (distance >= connection->exchange_count)
        return NULL;
    while (distance-- > 0)
        exchange = &server->exchanges[exchange->next];
    return exchange->answered ? NULL : exchange;
}

struct http_response exchange_response(struct server *server, struct connection *connection,
                                       struct exchange *exchange)
{
    bool first = exchange == &server->exchanges[connection->exchange_first];
    return http_response_to(&server->blocks, &server->pool,
                            first ? &connection->pending : &exchange->output, &exchange->memo);
}

static void output_append(struct server *server, struct http_output *output,
                          const struct http_output *more)
{
    http_output_reserve(&server->pool, output, more->length);
    memcpy(output->bytes + output->length, more->bytes, more->length);
    output->length += more->length;
}

/* Everything answered at the front leaves the order. */
static void exchanges_release(struct server *server, struct connection *connection)
{
    while (connection->exchange_count > 0) {
        struct exchange *exchange = &server->exchanges[connection->exchange_first];
        if (!exchange->answered)
            return;
        if (exchange->output.length > 0)
            output_append(server, &connection->pending, &exchange->output);
        http_output_release(&server->pool, &exchange->output);
        connection->exchange_first = exchange->next;
        connection->exchange_count--;
        exchange_give(server, exchange);
    }
}

static uint64_t answer_now_ns(struct server *server)
{
    if (server->answer_now_ns == 0)
        server->answer_now_ns = server->clock.monotonic_ns(server->clock.context);
    return server->answer_now_ns;
}

void exchange_answered(struct server *server, struct connection *connection,
                       struct exchange *exchange, int status)
{
    assert(status >= 100 && status <= 599);
    uint64_t now_ns = answer_now_ns(server);
    metric_add(&server->metrics->responses_by_class[status / 100], 1);
    histogram_record(&server->metrics->latency,
                     now_ns > exchange->received_ns ? now_ns - exchange->received_ns : 0);
    exchange->answered = true;
    exchanges_release(server, connection);
}

void exchanges_drop(struct server *server, struct connection *connection)
{
    while (connection->exchange_count > 0) {
        struct exchange *exchange = &server->exchanges[connection->exchange_first];
        http_output_release(&server->pool, &exchange->output);
        connection->exchange_first = exchange->next;
        connection->exchange_count--;
        exchange_give(server, exchange);
    }
}

void connection_refuse(struct server *server, struct connection *connection,
                       const struct http_head *head, int status, const char *reason)
{
    struct exchange *exchange = exchange_add(server, connection, head);
    if (!exchange) {
        connection_abort(server, connection);
        return;
    }
    exchange->memo.close_after = true;
    connection->input_over = true;
    struct http_response response = exchange_response(server, connection, exchange);
    rest_error(server->rest, status, status == 503 ? "UNAVAILABLE" : "VALIDATION_ERROR", reason,
               &response);
    exchange_answered(server, connection, exchange, status);
}

void connection_continue(struct server *server, struct connection *connection)
{
    static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
    assert(connection->exchange_count == 0);
    struct http_output bytes = {.length = sizeof interim - 1};
    char text[sizeof interim];
    memcpy(text, interim, sizeof interim);
    bytes.bytes = text;
    output_append(server, &connection->pending, &bytes);
}

static void send_quick(struct server *server, struct connection *connection)
{
    connection->sending = connection->pending;
    connection->pending = (struct http_output){0};
    connection->sent = 0;
    connection->sending_quick = true;
    if (!connection->in_quick)
        index_push(&server->quick, connection_index(server, connection));
    connection->in_quick = true;
    struct io_uring_sqe *sqe = reactor_sqe(server->reactor);
    io_uring_prep_send(sqe, connection->fd, connection->sending.bytes, connection->sending.length,
                       MSG_NOSIGNAL | MSG_WAITALL | MSG_DONTWAIT);
    sqe->user_data = connection_data(server, connection, TAG_SEND_QUICK);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

static void send_slow(struct server *server, struct connection *connection)
{
    struct io_uring_sqe *sqe = reactor_sqe(server->reactor);
    connection->sending_slow = true;
    io_uring_prep_send(sqe, connection->fd, connection->sending.bytes + connection->sent,
                       connection->sending.length - connection->sent, MSG_NOSIGNAL);
    sqe->user_data = connection_data(server, connection, TAG_SEND_SLOW);
}

void connections_send(struct server *server)
{
    for (uint32_t i = 0; i < server->dirty.count; i++) {
        struct connection *connection = &server->connections[server->dirty.items[i]];
        connection->dirty = false;
        if (connection->state == CONNECTION_OPEN && connection->pending.length > 0 &&
            !connection->sending_slow && !connection->sending_quick)
            send_quick(server, connection);
    }
    server->dirty.count = 0;
}

static void sending_done(struct server *server, struct connection *connection)
{
    metric_add(&server->metrics->bytes_sent, connection->sending.length);
    http_output_release(&server->pool, &connection->sending);
    connection->since_ns = server->now_ns;
    connection_advance(server, connection);
}

void connections_sent(struct server *server)
{
    for (uint32_t i = 0; i < server->quick.count; i++) {
        struct connection *connection = &server->connections[server->quick.items[i]];
        connection->in_quick = false;
        if (!connection->sending_quick)
            continue;
        connection->sending_quick = false;
        sending_done(server, connection);
    }
    server->quick.count = 0;
}

void connection_send_failed(struct server *server, struct connection *connection, int32_t result)
{
    if (!connection->sending_quick)
        return;
    connection->sending_quick = false;
    if (result < 0 && result != -EAGAIN && result != -EINTR && result != -ENOBUFS) {
        connection_abort(server, connection);
        return;
    }
    connection->sent = result > 0 ? (uint32_t)result : 0;
    connection->since_ns = server->now_ns;
    send_slow(server, connection);
    connection_advance(server, connection);
}

void connection_send_ended(struct server *server, struct connection *connection, int32_t result)
{
    assert(connection->sending_slow);
    connection->sending_slow = false;
    if (connection->state != CONNECTION_OPEN) {
        http_output_release(&server->pool, &connection->sending);
        connection_settle(server, connection);
        return;
    }
    if (result <= 0 && result != -EINTR && result != -EAGAIN) {
        connection_abort(server, connection);
        return;
    }
    if (result > 0) {
        connection->sent += (uint32_t)result;
        connection->since_ns = server->now_ns;
    }
    if (connection->sent < connection->sending.length)
        send_slow(server, connection);
    else
        sending_done(server, connection);
}
