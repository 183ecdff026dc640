#include "boxload_setup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { EXCHANGE_BYTES = 65536 };

/* One request and its whole answer on a connection of its own. */
struct exchange {
    uint32_t number; /* makes each key its own */
    struct response response;
    size_t length;
    char bytes[EXCHANGE_BYTES];
};

static int exchange_send(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);
        if (n <= 0)
            return -1;
        bytes += n;
        length -= (size_t)n;
    }
    return 0;
}

static int exchange_receive(int fd, struct exchange *exchange)
{
    struct response_layout layout = {0};
    exchange->length = 0;
    for (;;) {
        ssize_t n = recv(fd, exchange->bytes + exchange->length,
                         sizeof exchange->bytes - exchange->length, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n < 0 ? errno : ECONNRESET; /* ended before the answer was whole */
            return -1;
        }
        exchange->length += (size_t)n;
        switch (response_scan(&exchange->response, &layout, exchange->bytes, exchange->length)) {
        case RESPONSE_WHOLE:
            return 0;
        case RESPONSE_BAD:
            errno = EBADMSG;
            return -1;
        case RESPONSE_MORE:
            break;
        }
    }
}

/* Negative: no whole answer came. */
static int exchange_run(const struct options *options, const struct token *token,
                        const char *method, const char *path, const char *body,
                        struct exchange *exchange)
{
    struct timeval patience = {.tv_sec = 10};
    struct timespec now;
    char request[4096];
    int fd = socket(options->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), result = -1;
    if (fd < 0)
        return -1;
    clock_gettime(CLOCK_REALTIME, &now);
    int length = snprintf(request, sizeof request,
                          "%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %.*s\r\n"
                          "Content-Type: application/json\r\n"
                          "Idempotency-Key: setup-%ld-%ld-%u\r\nContent-Length: %zu\r\n\r\n%s",
                          method, path, options->host, (int)token->length, token->text,
                          (long)now.tv_sec, now.tv_nsec, exchange->number++, strlen(body), body);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (length < (int)sizeof request &&
        connect(fd, (const struct sockaddr *)&options->address, options->address_length) == 0 &&
        exchange_send(fd, request, (size_t)length) == 0)
        result = exchange_receive(fd, exchange);
    close(fd);
    return result;
}

/* Expects a 2xx; else a line that shows what came instead. */
static int step(const struct options *options, const struct token *token, const char *method,
                const char *path, const char *body, struct exchange *exchange, char *error,
                size_t error_bytes)
{
    if (exchange_run(options, token, method, path, body, exchange) != 0) {
        snprintf(error, error_bytes, "%s %s at %s: no answer (%s)", method, path, options->host,
                 strerror(errno));
        return -1;
    }
    if (exchange->response.status / 100 != 2) {
        snprintf(error, error_bytes, "%s %s: %d %.*s", method, path, exchange->response.status,
                 (int)exchange->response.body_bytes, exchange->response.body);
        return -1;
    }
    return 0;
}

/* The first `"id":"..."` of an answer: what was created. */
static int created_id(const struct exchange *exchange, char id[37], char *error, size_t error_bytes)
{
    static const char name[] = "\"id\":\"";
    const char *found =
        memmem(exchange->response.body, exchange->response.body_bytes, name, sizeof name - 1);
    if (!found ||
        found + sizeof name - 1 + 37 > exchange->response.body + exchange->response.body_bytes) {
        snprintf(error, error_bytes, "the answer names no id: %.*s",
                 (int)exchange->response.body_bytes, exchange->response.body);
        return -1;
    }
    memcpy(id, found + sizeof name - 1, 36);
    id[36] = '\0';
    return 0;
}

static int zones_create(const struct options *options, const struct token *organizer,
                        struct scenario_zone *zones, struct exchange *exchange, char *error,
                        size_t error_bytes)
{
    char path[128], body[512], event[37], show[37], zone[37];
    snprintf(body, sizeof body,
             "{\"title\":\"Load run %ld\",\"venue\":\"Bench\",\"city\":\"Bench\","
             "\"max_per_user\":%" PRIu64 "}",
             (long)time(NULL), options->max_per_user);
    if (step(options, organizer, "POST", "/api/v1/events", body, exchange, error, error_bytes) ||
        created_id(exchange, event, error, error_bytes))
        return -1;
    snprintf(path, sizeof path, "/api/v1/events/%s/shows", event);
    if (step(options, organizer, "POST", path,
             "{\"name\":\"Load\",\"show_date\":\"2035-01-01T20:00:00.000Z\"}", exchange, error,
             error_bytes) ||
        created_id(exchange, show, error, error_bytes))
        return -1;
    for (uint32_t i = 0; i < options->zones; i++) {
        snprintf(path, sizeof path, "/api/v1/shows/%s/zones", show);
        snprintf(body, sizeof body,
                 "{\"name\":\"Zone %u\",\"price\":1500.00,\"currency\":\"THB\","
                 "\"kind\":\"general\",\"total_seats\":%" PRIu64 "}",
                 i, options->capacity);
        if (options->scenario == SCENARIO_SEATS || options->scenario == SCENARIO_BEST)
            snprintf(body, sizeof body,
                     "{\"name\":\"Zone %u\",\"price\":1500.00,\"currency\":\"THB\","
                     "\"kind\":\"seated\",\"rows\":[{\"rows\":\"1..%" PRIu64
                     "\",\"seats\":\"1..%d\"}]}",
                     i, options->capacity / OPTIONS_ROW_SEATS, OPTIONS_ROW_SEATS);
        if (step(options, organizer, "POST", path, body, exchange, error, error_bytes) ||
            created_id(exchange, zone, error, error_bytes))
            return -1;
        memcpy(zones[i].id, zone, 36);
        zones[i].capacity = options->capacity;
    }
    snprintf(path, sizeof path, "/api/v1/events/%s/publish", event);
    return step(options, organizer, "POST", path, "{}", exchange, error, error_bytes);
}

static int zone_ask(const struct options *options, const struct token *user,
                    const struct scenario_zone *zone, const char *name, uint64_t *value,
                    struct exchange *exchange, char *error, size_t error_bytes)
{
    char path[128];
    snprintf(path, sizeof path, "/api/v1/zones/%.36s", zone->id);
    if (step(options, user, "GET", path, "", exchange, error, error_bytes))
        return -1;
    if (!response_number(&exchange->response, name, value)) {
        snprintf(error, error_bytes, "GET %s: no %s in %.*s", path, name,
                 (int)exchange->response.body_bytes, exchange->response.body);
        return -1;
    }
    return 0;
}

/* Buys all that is left of a zone, in orders as large as the server takes. */
static int zone_sell_out(const struct options *options, const struct token *user,
                         struct scenario_zone *zone, struct exchange *exchange, char *error,
                         size_t error_bytes)
{
    struct response_layout layout = {0};
    char path[128], body[128];
    uint64_t available = 0;
    if (zone_ask(options, user, zone, "available_seats", &available, exchange, error, error_bytes))
        return -1;
    while (available > 0) {
        uint64_t quantity = available < 4 ? available : 4;
        snprintf(body, sizeof body, "{\"zone_id\":\"%.36s\",\"quantity\":%" PRIu64 "}", zone->id,
                 quantity);
        if (step(options, user, "POST", "/api/v1/bookings/reserve", body, exchange, error,
                 error_bytes))
            return -1;
        const char *booking = response_booking(&exchange->response, &layout);
        if (!booking) {
            snprintf(error, error_bytes, "a reserve answered no booking_id");
            return -1;
        }
        snprintf(path, sizeof path, "/api/v1/bookings/%.36s/confirm", booking);
        if (step(options, user, "POST", path, "{}", exchange, error, error_bytes))
            return -1;
        available -= quantity;
        zone->taken += quantity;
    }
    return 0;
}

int setup_zones(const struct options *options, const struct token *organizer,
                const struct token_list *users, struct scenario_zone *zones, char *error,
                size_t error_bytes)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);
    int result = 0;
    if (!exchange)
        return -1;
    if (!options->zones_given) {
        result = zones_create(options, organizer, zones, exchange, error, error_bytes);
    } else {
        for (uint32_t i = 0; i < options->zones && result == 0; i++) {
            memcpy(zones[i].id, options->zone_ids[i], 36);
            result = zone_ask(options, &users->items[0], &zones[i], "available_seats",
                              &zones[i].capacity, exchange, error, error_bytes);
        }
    }
    if (result == 0 && options->scenario == SCENARIO_SOLD_OUT)
        for (uint32_t i = 0; i < options->zones && result == 0; i++)
            result =
                zone_sell_out(options, &users->items[0], &zones[i], exchange, error, error_bytes);
    free(exchange);
    return result;
}

int setup_zones_compare(const struct options *options, const struct token *user,
                        const struct scenario_zone *zones, uint32_t zone_count, char *out,
                        size_t out_bytes)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);
    int differences = exchange ? 0 : -1;
    size_t used = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i < zone_count && differences >= 0; i++) {
        uint64_t total = 0, available = 0, reserved = 0, sold = 0;
        if (zone_ask(options, user, &zones[i], "total_seats", &total, exchange, out, out_bytes) ||
            !response_number(&exchange->response, "available_seats", &available) ||
            !response_number(&exchange->response, "reserved_seats", &reserved) ||
            !response_number(&exchange->response, "sold_seats", &sold)) {
            differences = -1;
            break;
        }
        bool sums = available + reserved + sold == total;
        bool equal = options->zones_given || options->lapse ||
                     reserved + sold == zones[i].taken - zones[i].given_back;
        if (sums && equal)
            continue;
        differences++;
        if (used < out_bytes - 200)
            used +=
                (size_t)snprintf(out + used, out_bytes - used,
                                 "zone %.36s: %" PRIu64 " total, %" PRIu64 " available, %" PRIu64
                                 " reserved, %" PRIu64 " sold; we hold %" PRIu64 "\n",
                                 zones[i].id, total, available, reserved, sold,
                                 zones[i].taken - zones[i].given_back);
    }
    free(exchange);
    return differences;
}
