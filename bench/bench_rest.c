/* What a reserve costs without sockets and log: from a framed request to the command
 * submitted (route, token, JSON, fields, labels), the engine's turn, and from its
 * answer to the rendered response, for any places, for two named seats and for the
 * two best. The worker, its shard and the catalog are real; the log is durable at
 * once. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stopwatch.h"
#include "../engine/worker.h"
#include "../net/http_response.h"
#include "../net/json.h"
#include "../net/jwt.h"
#include "../net/router.h"

enum { ROUNDS = 700, BATCH = 64, SEATS = 10000000, ROWS = 1000, ROW_SEATS = 100, BODY_BYTES = 160 };

enum way { ANY_PLACES, NAMED_SEATS, BEST_SEATS, WAY_COUNT };
static const char *const way_names[WAY_COUNT] = {"any places", "two named seats", "the two best"};

#define ZONE_BODY(last) "{\"zone_id\":\"018f2b7e-0000-7000-8000-00000000000" last "\","
static const char any_body[] = ZONE_BODY("3") "\"quantity\":1,\"unit_price\":1500.00}";
#define NAMED_BODY ZONE_BODY("4") "\"seats\":[\"R%u-%u\",\"R%u-%u\"]}"
static const char best_body[] = ZONE_BODY("5") "\"quantity\":2,\"best_available\":true}";

struct bench {
    struct config config;
    struct worker_group group;
    struct worker *worker;
    struct rest *rest;
    uint64_t sequence;
    struct answer answers[BATCH];
    uint32_t answer_count;
    struct http_head_blocks blocks;
    struct http_output_pool pool;
    char token[JWT_BYTES_MAX + 16]; /* with its scheme */
    struct rest_token_cache cache;
};

/* --- ports: a log that is durable at once, a network that keeps the answers --- */

static uint64_t append(void *context, const struct record *record)
{
    (void)record;
    return ++((struct bench *)context)->sequence;
}

static void flush(void *context)
{
    (void)context;
}

static uint64_t position(void *context)
{
    return ((const struct bench *)context)->sequence;
}

static enum journal_state journal_state(void *context)
{
    (void)context;
    return JOURNAL_OK;
}

static uint32_t reap(void *context)
{
    (void)context;
    return 0;
}

static void submit_and_wait(void *context, uint64_t wait_ns)
{
    (void)context;
    (void)wait_ns;
}

static void take_answer(void *context, struct answer *answer)
{
    struct bench *bench = context;
    assert(bench->answer_count < BATCH);
    bench->answers[bench->answer_count++] = *answer;
}

static void ring_bell(void *context, uint16_t worker)
{
    (void)context;
    (void)worker;
}

static void drain(void *context)
{
    (void)context;
}

static uint32_t unfinished(void *context)
{
    (void)context;
    return 0;
}

/* --- setting up --- */

static struct uuid id_of(uint8_t last)
{
    char text[UUID_TEXT_LENGTH + 1];
    struct uuid id;
    snprintf(text, sizeof text, "018f2b7e-0000-7000-8000-%012x", (unsigned)last);
    bool parsed = uuid_parse(&id, text, UUID_TEXT_LENGTH);
    assert(parsed);
    return id;
}

/* 100,000 seats, enough for all rounds; the zone owns the bytes' plan, not the bytes. */
static const struct catalog_zone *seated_zone(struct catalog_zone zone, uint8_t id)
{
    struct seat_plan_builder *builder = seat_plan_builder_new();
    enum seat_plan_error error;
    size_t length;
    char label[8];
    assert(builder);
    for (unsigned row = 0; row < ROWS; row++) {
        seat_plan_add_row(builder, label, (size_t)snprintf(label, sizeof label, "R%u", row));
        seat_plan_add_run(builder, 1, 1, ROW_SEATS / 2, row * 1000 + ROW_SEATS / 2, -1, 0, false);
        seat_plan_add_run(builder, ROW_SEATS / 2 + 1, 1, ROW_SEATS / 2, row * 1000, 1, 0, false);
    }
    uint8_t *bytes = seat_plan_encode(builder, &length, &error);
    assert(bytes);
    seat_plan_builder_free(builder);
    zone.id = id_of(id);
    zone.kind = ZONE_SEATED;
    zone.total_seats = ROWS * ROW_SEATS;
    zone.plan_bytes = bytes;
    zone.plan_length = (uint32_t)length;
    const struct catalog_zone *made = catalog_zone_new(&zone);
    free(bytes);
    return made;
}

static void fill_catalog(struct shard *shard)
{
    struct catalog_event event = {.id = id_of(1),
                                  .status = EVENT_PUBLISHED,
                                  .max_per_user = 1000000,
                                  .title = {"Bench", 5},
                                  .slug = {"bench", 5}};
    struct catalog_show show = {.id = id_of(2), .event_id = id_of(1), .segment_count = 1};
    struct catalog_zone zone = {.id = id_of(3),
                                .show_id = id_of(2),
                                .event_id = id_of(1),
                                .price_minor = 150000,
                                .currency = "THB",
                                .total_seats = SEATS,
                                .name = {"Stalls", 6}};
    bool put = shard_put_event(shard, catalog_event_new(&event)) &&
               shard_put_show(shard, catalog_show_new(&show)) &&
               shard_put_zone(shard, catalog_zone_new(&zone)) &&
               shard_put_zone(shard, seated_zone(zone, 4)) &&
               shard_put_zone(shard, seated_zone(zone, 5));
    assert(put);
}

static void start_engine(struct bench *bench)
{
    struct shard_options options = {.partitions = &bench->group.partitions,
                                    .reservation_ttl_ms = 600000,
                                    .max_per_order = 10,
                                    .idempotency_ms = 86400000};
    bench->group.shard_count = 1;
    bench->group.config = &bench->config;
    bench->group.clock = clock_system();
    partition_map_init(&bench->group.partitions, 1);
    bench->group.mailboxes = mailbox_grid_new(2, 1024);
    bench->group.metrics = aligned_alloc(64, sizeof *bench->group.metrics);
    struct shard *shard = shard_new(&options);
    assert(bench->group.mailboxes && bench->group.metrics && shard);
    memset(bench->group.metrics, 0, sizeof *bench->group.metrics);
    fill_catalog(shard);
    bench->worker = worker_new(&bench->group, 0, shard);
    assert(bench->worker);
    worker_attach(bench->worker,
                  &(struct journal){bench, append, flush, position, position, journal_state},
                  &(struct transport){bench, reap, submit_and_wait, take_answer, ring_bell, drain,
                                      unfinished});
    worker_turn(bench->worker, 0);
}

static void make_token(struct bench *bench)
{
    struct jwt_claims claims = {.subject = id_of(7),
                                .tenant = id_of(8),
                                .id = id_of(9),
                                .role = ROLE_USER,
                                .email = "someone@example.com",
                                .issued_s = (uint64_t)time(NULL),
                                .expires_s = (uint64_t)time(NULL) + 3600};
    memcpy(bench->token, "Bearer ", 7);
    int length = jwt_sign(&bench->config, &claims, bench->token + 7, JWT_BYTES_MAX);
    assert(length > 0);
}

static struct text text_of(const char *bytes)
{
    return (struct text){bytes, (uint32_t)strlen(bytes)};
}

/* --- measuring --- */

static int by_value(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

/* The median over the rounds: what else runs on the machine touches few of them. */
static void report(const char *what, uint64_t ns[ROUNDS], uint32_t per_round)
{
    qsort(ns, ROUNDS, sizeof ns[0], by_value);
    printf("%-46s %8.0f ns\n", what, (double)ns[ROUNDS / 2] / per_round);
}

struct batch {
    char keys[BATCH][24];
    char bodies[BATCH][BODY_BYTES];
};

/* Each request has neighbours of its own. */
static void fill_batch(struct batch *batch, enum way way, bool remember, uint32_t round)
{
    for (uint32_t i = 0; i < BATCH; i++) {
        uint32_t pair = round * BATCH + i;
        uint32_t row = pair / (ROW_SEATS / 2), seat = 1 + 2 * (pair % (ROW_SEATS / 2));
        snprintf(batch->keys[i], sizeof batch->keys[i], "key-%d%d-%u-%u", (int)way, remember, round,
                 i);
        if (way == NAMED_SEATS)
            snprintf(batch->bodies[i], BODY_BYTES, NAMED_BODY, row, seat, row, seat + 1);
        else
            strcpy(batch->bodies[i], way == ANY_PLACES ? any_body : best_body);
    }
}

static uint64_t handle_batch(struct bench *bench, const struct batch *batch, struct http_memo *memo,
                             bool remember)
{
    struct http_request request = {.method = HTTP_POST,
                                   .path = text_of("/api/v1/bookings/reserve"),
                                   .authorization = text_of(bench->token),
                                   .content_type = text_of("application/json")};
    struct http_output output = {0};
    struct http_response response = http_response_to(&bench->blocks, &bench->pool, &output, memo);
    uint64_t start = stopwatch_ns(CLOCK_MONOTONIC);
    for (uint32_t i = 0; i < BATCH; i++) {
        request.idempotency_key = text_of(batch->keys[i]);
        request.body = text_of(batch->bodies[i]);
        if (!remember)
            bench->cache.expires_ms = 0;
        enum rest_outcome outcome = rest_handle(bench->rest, &request, memo, &bench->cache,
                                                (struct reply_to){.slot = 0}, &response);
        assert(outcome == REST_SUBMITTED);
    }
    return stopwatch_ns(CLOCK_MONOTONIC) - start;
}

static uint64_t answer_batch(struct bench *bench, const struct http_memo *memo)
{
    static char scratch[65536];
    struct http_output output = {.bytes = scratch, .capacity = sizeof scratch};
    uint64_t start = stopwatch_ns(CLOCK_MONOTONIC);
    for (uint32_t i = 0; i < BATCH; i++) {
        output.length = 0;
        struct http_response response =
            http_response_to(&bench->blocks, &bench->pool, &output, memo);
        enum rest_outcome outcome = rest_answer(bench->rest, &bench->answers[i], &response);
        assert(outcome == REST_ANSWERED);
    }
    return stopwatch_ns(CLOCK_MONOTONIC) - start;
}

struct times {
    uint64_t handle[ROUNDS], turn[ROUNDS], answer[ROUNDS];
};

static void measure_round(struct bench *bench, enum way way, bool remember, uint32_t round,
                          struct times *times)
{
    static struct batch batch;
    struct http_memo memo = {.method = HTTP_POST, .request_id_length = 16};
    memcpy(memo.request_id, "0123456789abcdef", 16);
    fill_batch(&batch, way, remember, round);
    times->handle[round] = handle_batch(bench, &batch, &memo, remember);
    uint64_t start = stopwatch_ns(CLOCK_MONOTONIC);
    while (bench->answer_count < BATCH)
        worker_turn(bench->worker, 0);
    times->turn[round] = stopwatch_ns(CLOCK_MONOTONIC) - start;
    assert(bench->answers[0].result == RESULT_OK);
    times->answer[round] = answer_batch(bench, &memo);
    bench->answer_count = 0;
}

/* All ways in turn, since the engine's tables grow meanwhile. */
static void measure_reserves(struct bench *bench)
{
    static struct times times[WAY_COUNT], checked;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (enum way way = ANY_PLACES; way < WAY_COUNT; way++)
            measure_round(bench, way, true, round, &times[way]);
        measure_round(bench, ANY_PLACES, false, round, &checked);
    }
    for (enum way way = ANY_PLACES; way < WAY_COUNT; way++) {
        printf("%s, token remembered\n", way_names[way]);
        report("  request to command", times[way].handle, BATCH);
        report("  decided", times[way].turn, BATCH);
        report("  answer to response", times[way].answer, BATCH);
    }
    printf("%s, token checked\n", way_names[ANY_PLACES]);
    report("  request to command", checked.handle, BATCH);
}

static void measure_parts(struct bench *bench)
{
    static uint64_t json_ns[ROUNDS], jwt_ns[ROUNDS], route_ns[ROUNDS];
    struct json_parser *json = json_parser_new(65536);
    struct jwt_checker *jwt = jwt_checker_new(&bench->config);
    assert(json && jwt);
    const struct json_node *nodes;
    struct jwt_claims claims;
    uint32_t count, good = 0;
    size_t length = strlen(bench->token + 7), body_length = sizeof any_body - 1;
    uint64_t now_ms = (uint64_t)time(NULL) * 1000;
    struct text path = text_of("/api/v1/events/rock-night/shows");
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint64_t start = stopwatch_ns(CLOCK_MONOTONIC);
        for (int i = 0; i < BATCH; i++)
            good += json_parse(json, any_body, body_length, &nodes, &count) == JSON_OK;
        uint64_t parsed = stopwatch_ns(CLOCK_MONOTONIC);
        for (int i = 0; i < BATCH; i++)
            good += jwt_check(jwt, bench->token + 7, length, now_ms, &claims) == JWT_OK;
        uint64_t checked = stopwatch_ns(CLOCK_MONOTONIC);
        for (int i = 0; i < BATCH; i++) {
            __asm__ volatile("" : : "r"(&path) : "memory");
            good += router_match(HTTP_GET, path).route != NULL;
        }
        json_ns[round] = parsed - start;
        jwt_ns[round] = checked - parsed;
        route_ns[round] = stopwatch_ns(CLOCK_MONOTONIC) - checked;
    }
    assert(good == 3 * ROUNDS * BATCH);
    report("a reserve body as JSON", json_ns, BATCH);
    report("a token, all of it", jwt_ns, BATCH);
    report("a route far down the table", route_ns, BATCH);
    json_parser_free(json);
    jwt_checker_free(jwt);
}

int main(void)
{
    struct bench *bench = calloc(1, sizeof *bench);
    char error[256];
    if (!bench || !config_load(&bench->config, NULL, error, sizeof error))
        return 1;
    strcpy(bench->config.auth.jwt_keys[0].kid, "key-20261121");
    strcpy(bench->config.auth.jwt_keys[0].secret, "a secret that only this bench knows, long");
    strcpy(bench->config.auth.jwt_sign_kid, "key-20261121");
    bench->config.auth.jwt_key_count = 1;
    start_engine(bench);
    make_token(bench);
    bench->rest = rest_new(bench->worker, &bench->config);
    http_head_blocks_init(&bench->blocks, &bench->config);
    http_head_blocks_tick(&bench->blocks, (uint64_t)time(NULL) * 1000);
    if (!bench->rest)
        return 1;
    measure_reserves(bench);
    measure_parts(bench);
    return 0;
}
