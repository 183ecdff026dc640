#include "boxload_scenario.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { BOOKINGS_MAX = 200000000 };

const char *operation_name(enum operation operation)
{
    static const char *const names[] = {"reserve", "confirm", "cancel", "read", "raw"};
    return names[operation];
}

const char *verdict_name(enum verdict verdict)
{
    static const char *const names[] = {"accepted", "refused", "overloaded", "wrong"};
    return names[verdict];
}

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u; /* splitmix64's finaliser */
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static uint64_t client_random(struct client *client)
{
    client->random += 0x9e3779b97f4a7c15u;
    return mix(client->random);
}

bool scenario_init(struct scenario *scenario, const struct options *options,
                   const struct token_list *tokens, struct scenario_zone *zones,
                   uint32_t zone_count)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    *scenario =
        (struct scenario){.options = options,
                          .tokens = tokens,
                          .zones = zones,
                          .zone_count = zone_count,
                          .nonce = mix((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec)};
    /* Address space only; pages come as ids do. */
    scenario->booking_capacity = BOOKINGS_MAX;
    scenario->booking_ids = mmap(NULL, (size_t)BOOKINGS_MAX * 16, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return scenario->booking_ids != MAP_FAILED;
}

void scenario_release(struct scenario *scenario)
{
    munmap(scenario->booking_ids, (size_t)BOOKINGS_MAX * 16);
    free(scenario->zones);
}

bool client_init(struct client *client, const struct scenario *scenario, uint32_t index)
{
    *client = (struct client){.index = index, .random = scenario->nonce + mix(index)};
    client->user = scenario->tokens->count ? index % scenario->tokens->count : 0;
    client->request = malloc(CLIENT_REQUEST_BYTES);
    return client->request != NULL;
}

void client_release(struct client *client)
{
    free(client->request);
}

/* --- requests --- */

static uint32_t text_put(struct client *client, const char *text, size_t length)
{
    uint32_t at = client->length;
    memcpy(client->request + at, text, length);
    client->length += (uint32_t)length;
    return at;
}

static uint32_t put(struct client *client, const char *text)
{
    return text_put(client, text, strlen(text));
}

static void head_put(struct client *client, const struct scenario *scenario)
{
    put(client, " HTTP/1.1\r\nHost: ");
    put(client, scenario->options->host);
    if (scenario->tokens->count) {
        const struct token *token = &scenario->tokens->items[client->user];
        put(client, "\r\nAuthorization: Bearer ");
        text_put(client, token->text, token->length);
    }
    put(client, "\r\nAccept: application/json\r\n");
}

/* A changing request: its key, then the body of `body_bytes` that follows. */
static void key_and_length_put(struct client *client, size_t body_bytes)
{
    char line[64];
    put(client, "Content-Type: application/json\r\nIdempotency-Key: ");
    client->key_at = text_put(client, client->key, CLIENT_KEY_LENGTH);
    snprintf(line, sizeof line, "\r\nContent-Length: %zu\r\n\r\n", body_bytes);
    put(client, line);
}

/* Apart: the halls are cut into series of `quantity` neighbours and each request of each
 * client has one of its own, until all were wanted once. Counted through the zones first,
 * so that all fill alike. `number` counts the client's requests from 0. */
static uint64_t series_of(const struct scenario *scenario, const struct client *client,
                          uint64_t number)
{
    return client->index + number * scenario->options->connections;
}

/* The first of the neighbours a request wants in its zone. */
static void seats_choose(struct client *client, const struct scenario *scenario, unsigned *row,
                         unsigned *seat)
{
    const struct options *options = scenario->options;
    uint64_t rows = options->capacity / OPTIONS_ROW_SEATS;
    uint64_t row_series = OPTIONS_ROW_SEATS / options->quantity;
    if (!options->apart) {
        uint64_t dice = client_random(client);
        *row = 1 + (unsigned)(dice % rows);
        *seat = 1 + (unsigned)(dice >> 32) % (OPTIONS_ROW_SEATS + 1 - options->quantity);
        return;
    }
    uint64_t series = series_of(scenario, client, client->n - 1) / scenario->zone_count;
    *row = 1 + (unsigned)(series / row_series % rows);
    *seat = 1 + (unsigned)(series % row_series) * options->quantity;
}

/* What stands behind the zone's id: how many, or which. */
static int tail_build(struct client *client, const struct scenario *scenario, char *tail,
                      size_t tail_bytes)
{
    const struct options *options = scenario->options;
    if (options->scenario != SCENARIO_SEATS)
        return snprintf(tail, tail_bytes, "\",\"quantity\":%u}", options->quantity);
    unsigned row, seat;
    seats_choose(client, scenario, &row, &seat);
    int used = snprintf(tail, tail_bytes, "\",\"seats\":[");
    for (unsigned i = 0; i < options->quantity; i++)
        used += snprintf(tail + used, tail_bytes - (size_t)used, "%s\"%u-%u\"", i > 0 ? "," : "",
                         row, seat + i);
    return used + snprintf(tail + used, tail_bytes - (size_t)used, "]}");
}

static void reserve_build(struct client *client, const struct scenario *scenario)
{
    char tail[640];
    static const char none[] = "00000000-0000-7000-8000-000000000000";
    const char *zone = scenario->zone_count ? scenario->zones[client->zone].id : none;
    int tail_bytes = tail_build(client, scenario, tail, sizeof tail);
    put(client, "POST /api/v1/bookings/reserve");
    head_put(client, scenario);
    key_and_length_put(client, 12 + 36 + (size_t)tail_bytes);
    put(client, "{\"zone_id\":\"");
    client->zone_at = text_put(client, zone, 36);
    text_put(client, tail, (size_t)tail_bytes);
}

static void booking_build(struct client *client, const struct scenario *scenario)
{
    bool read = client->operation == OPERATION_READ;
    put(client, read ? "GET /api/v1/bookings/" : "POST /api/v1/bookings/");
    client->booking_at = text_put(client, client->booking, 36);
    if (!read)
        put(client, client->operation == OPERATION_CONFIRM ? "/confirm" : "/cancel");
    head_put(client, scenario);
    if (read) {
        put(client, "\r\n");
        return;
    }
    key_and_length_put(client, 2);
    put(client, "{}");
}

static void request_build(struct client *client, const struct scenario *scenario)
{
    client->length = client->key_at = client->zone_at = client->booking_at = 0;
    switch (client->operation) {
    case OPERATION_RESERVE:
        reserve_build(client, scenario);
        break;
    case OPERATION_RAW:
        put(client, "GET ");
        put(client, scenario->options->path);
        head_put(client, scenario);
        put(client, "\r\n");
        break;
    default:
        booking_build(client, scenario);
        break;
    }
    client->built = scenario->options->scenario != SCENARIO_SEATS; /* others each time */
    client->built_operation = client->operation;
    client->built_user = client->user;
}

static void hex_put(char *out, uint64_t value, int digits)
{
    static const char hex[] = "0123456789abcdef";
    for (int i = digits - 1; i >= 0; i--, value >>= 4)
        out[i] = hex[value & 15];
}

/* "bl-" 12 digits of the run "-" 11 digits of the request. */
static void key_make(struct scenario *scenario, struct client *client)
{
    memcpy(client->key, "bl-", 3);
    hex_put(client->key + 3, scenario->nonce, 12);
    client->key[15] = '-';
    hex_put(client->key + 16, scenario->key_next++, 11);
}

static enum operation operation_choose(const struct scenario *scenario, struct client *client)
{
    uint64_t dice;
    if (scenario->options->scenario == SCENARIO_RAW)
        return OPERATION_RAW;
    if (scenario->options->scenario != SCENARIO_MIXED || !client->holds)
        return OPERATION_RESERVE;
    /* Of a held booking: half are bought, a fifth is let go, the rest looks first. */
    dice = client_random(client) % 10;
    return dice < 5 ? OPERATION_CONFIRM : dice < 7 ? OPERATION_CANCEL : OPERATION_READ;
}

static uint32_t zone_choose(const struct scenario *scenario, const struct client *client)
{
    if (scenario->zone_count == 0)
        return 0;
    if (scenario->options->scenario == SCENARIO_LAST_SEAT)
        return (uint32_t)(client->n % scenario->zone_count); /* all race for the same one */
    if (scenario->options->apart)
        return (uint32_t)(series_of(scenario, client, client->n) % scenario->zone_count);
    return (uint32_t)((client->index + client->n) % scenario->zone_count);
}

void scenario_next(struct scenario *scenario, struct client *client)
{
    client->operation = operation_choose(scenario, client);
    if (client->operation == OPERATION_RESERVE) {
        client->zone = zone_choose(scenario, client);
        if (client->n > 0 && client->n % scenario->options->per_user == 0) {
            client->user += scenario->options->connections;
            client->user %= scenario->tokens->count;
        }
    }
    client->n++;
    key_make(scenario, client);
    if (!client->built || client->built_operation != client->operation ||
        client->built_user != client->user) {
        request_build(client, scenario);
        return;
    }
    if (client->key_at)
        memcpy(client->request + client->key_at, client->key, CLIENT_KEY_LENGTH);
    if (client->zone_at && scenario->zone_count)
        memcpy(client->request + client->zone_at, scenario->zones[client->zone].id, 36);
    if (client->booking_at)
        memcpy(client->request + client->booking_at, client->booking, 36);
}

/* --- answers --- */

struct response_layout *scenario_layout(struct scenario *scenario, const struct client *client,
                                        const char *bytes, size_t length)
{
    bool failure = length > 9 && bytes[9] != '2';
    return &scenario->layouts[client->operation][failure];
}

static bool hex_parse(uint8_t id[16], const char *text)
{
    uint32_t nibbles = 0;
    for (int i = 0; i < 36; i++) {
        char c = text[i];
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (c != '-')
                return false;
            continue;
        }
        uint8_t value = (uint8_t)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
        if (value > 15)
            return false;
        id[nibbles / 2] = (uint8_t)(nibbles & 1 ? id[nibbles / 2] | value : value << 4);
        nibbles++;
    }
    return true;
}

void scenario_wrong(struct scenario *scenario, const struct client *client, const char *what,
                    const char *bytes, size_t length)
{
    if (scenario->wrong++ > 0)
        return;
    snprintf(scenario->first_wrong, sizeof scenario->first_wrong,
             "%s, client %u request %" PRIu64 " %s: %.*s", what, client->index, client->n,
             operation_name(client->operation), (int)(length < 500 ? length : 500), bytes);
}

static enum verdict wrong(struct scenario *scenario, const struct client *client, const char *what,
                          const struct response *response)
{
    scenario_wrong(scenario, client, what, response->body - response->head_bytes,
                   response->head_bytes + response->body_bytes);
    return VERDICT_WRONG;
}

static enum verdict reserve_accepted(struct scenario *scenario, struct client *client,
                                     const struct response *response,
                                     struct response_layout *layout)
{
    const char *booking = response_booking(response, layout);
    if (response->status != 201)
        return wrong(scenario, client, "a reserve answers 201", response);
    if (!booking || scenario->booking_count == scenario->booking_capacity ||
        !hex_parse(scenario->booking_ids[scenario->booking_count], booking))
        return wrong(scenario, client, "no booking id", response);
    scenario->booking_count++;
    scenario->zones[client->zone].taken += scenario->options->quantity;
    memcpy(client->booking, booking, 36);
    client->holds = true;
    if (scenario->options->scenario == SCENARIO_SOLD_OUT)
        return wrong(scenario, client, "accepted in a sold-out zone", response);
    return VERDICT_ACCEPTED;
}

static enum verdict settled(struct scenario *scenario, struct client *client,
                            const struct response *response)
{
    bool confirm = client->operation == OPERATION_CONFIRM;
    if (client->operation == OPERATION_READ) {
        if (!response_contains(response, "\"status\":\"reserved\""))
            return wrong(scenario, client, "a held booking reads as reserved", response);
        return VERDICT_ACCEPTED;
    }
    if (!response_contains(response,
                           confirm ? "\"status\":\"confirmed\"" : "\"status\":\"cancelled\""))
        return wrong(scenario, client, "the booking's new status", response);
    if (!confirm)
        scenario->zones[client->zone].given_back += scenario->options->quantity;
    client->holds = false;
    return VERDICT_ACCEPTED;
}

static enum verdict accepted(struct scenario *scenario, struct client *client,
                             const struct response *response, struct response_layout *layout)
{
    if (client->operation == OPERATION_RAW || scenario->options->scenario == SCENARIO_RAW_RESERVE)
        return VERDICT_ACCEPTED;
    if (client->operation == OPERATION_RESERVE)
        return reserve_accepted(scenario, client, response, layout);
    if (response->status != 200)
        return wrong(scenario, client, "200 was due", response);
    return settled(scenario, client, response);
}

/* Of numbered seats somebody may always have been first. */
static bool seats_are_gone(const struct options *options, const struct response *response)
{
    if (options->scenario == SCENARIO_SEATS)
        return response_contains(response, "SEAT_UNAVAILABLE") ||
               response_contains(response, "ORPHAN_SEAT");
    return options->scenario == SCENARIO_BEST &&
           (response_contains(response, "INSUFFICIENT_STOCK") ||
            response_contains(response, "SEATS_NOT_TOGETHER"));
}

enum verdict scenario_check(struct scenario *scenario, struct client *client,
                            const struct response *response, struct response_layout *layout)
{
    const struct options *options = scenario->options;
    bool seats_may_lack =
        options->scenario == SCENARIO_SOLD_OUT || options->scenario == SCENARIO_LAST_SEAT;
    if (response->status / 100 == 2)
        return accepted(scenario, client, response, layout);
    if (response->status == 429 || response->status == 503) {
        if (!options->allow_refused)
            return wrong(scenario, client, "refused for load", response);
        return VERDICT_OVERLOADED;
    }
    if (response->status == 409 && client->operation == OPERATION_RESERVE &&
        seats_are_gone(options, response))
        return VERDICT_REFUSED;
    if (response->status == 409 && client->operation == OPERATION_RESERVE && seats_may_lack &&
        response_contains(response, "INSUFFICIENT_STOCK"))
        return VERDICT_REFUSED;
    if (response->status == 410 && options->lapse) {
        client->holds = false;
        return VERDICT_REFUSED;
    }
    client->holds = false;
    return wrong(scenario, client, "unexpected status", response);
}

/* --- the whole run --- */

static int id_order(const void *a, const void *b)
{
    return memcmp(a, b, 16);
}

static uint64_t duplicates_count(struct scenario *scenario)
{
    uint64_t duplicates = 0;
    qsort(scenario->booking_ids, scenario->booking_count, 16, id_order);
    for (uint64_t i = 1; i < scenario->booking_count; i++)
        if (memcmp(scenario->booking_ids[i - 1], scenario->booking_ids[i], 16) == 0)
            duplicates++;
    return duplicates;
}

uint32_t scenario_finish(struct scenario *scenario, uint64_t unknown, char *out, size_t out_bytes)
{
    size_t used = 0;
    uint32_t violations = 0;
    uint64_t duplicates = duplicates_count(scenario);
    bool race = scenario->options->scenario == SCENARIO_LAST_SEAT;
    out[0] = '\0';
    if (duplicates) {
        used += (size_t)snprintf(out, out_bytes, "%" PRIu64 " booking ids were given twice\n",
                                 duplicates);
        violations++;
    }
    for (uint32_t i = 0; i < scenario->zone_count; i++) {
        const struct scenario_zone *zone = &scenario->zones[i];
        bool known = zone->capacity != 0 && !scenario->options->lapse;
        bool over = known && zone->taken - zone->given_back > zone->capacity;
        bool left = known && race && unknown == 0 && zone->taken < zone->capacity &&
                    scenario->options->connections >= zone->capacity;
        if (!over && !left)
            continue;
        violations++;
        if (used < out_bytes - 160)
            used +=
                (size_t)snprintf(out + used, out_bytes - used,
                                 "zone %.36s: %s, %" PRIu64 " of %" PRIu64 " tickets went out\n",
                                 zone->id, over ? "OVERSOLD" : "seats left after a race",
                                 zone->taken - zone->given_back, zone->capacity);
    }
    return violations;
}
