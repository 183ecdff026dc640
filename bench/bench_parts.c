/* Nanoseconds of the parts a reservation is made of, each in a loop of its own
 * (warm caches: what a part costs at least).
 *
 *   bench_parts     one JSON object on stdout */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "stopwatch.h"
#include "../engine/config.h"
#include "../engine/metrics.h"
#include "../engine/partition.h"
#include "../engine/shard.h"
#include "../net/http_head.h"
#include "../net/json.h"
#include "../net/jwt.h"
#include "../persist/log_format.h"
#include "../persist/record_codec.h"

enum { ROUNDS = 7, TOKEN_BYTES = JWT_BYTES_MAX + 1 };
#define NOW_S UINT64_C(1763632800)

/* Everything the parts work on. */
struct bench {
    struct config config;
    struct jwt_checker *checker;
    struct json_parser *parser;
    struct http_fields *fields;
    struct histogram *histogram;
    struct record record;
    uint8_t encoded[RECORD_BYTES_MAX];
    uint32_t encoded_bytes;
    uint8_t *block;
    char token[TOKEN_BYTES], token_copy[TOKEN_BYTES];
    size_t token_bytes;
    char request[4096];
    uint32_t request_bytes;
    uint64_t n;
    volatile uint64_t sink; /* so that nothing is optimised away */
};

static const char body[] = "{\"zone_id\":\"017f22e2-79b0-7cc3-98c4-dc0c0c07398f\",\"quantity\":1}";

static void part_encode(struct bench *bench)
{
    bench->record.reserved.remaining = (uint32_t)bench->n++;
    bench->sink += record_encode(&bench->record, bench->encoded);
}

static void part_decode(struct bench *bench)
{
    struct record record;
    struct record_scratch scratch;
    bench->sink += (uint64_t)record_decode(&record, &scratch, bench->encoded, bench->encoded_bytes);
}

static void part_block_seal(struct bench *bench)
{
    struct log_block_header *header = (struct log_block_header *)(void *)bench->block;
    *header = (struct log_block_header){
        .magic = LOG_BLOCK_MAGIC, .count = 30, .bytes = 4000, .first_sequence = bench->n++};
    log_block_seal(header);
    bench->sink += header->header_hash;
}

static void part_json(struct bench *bench)
{
    const struct json_node *nodes;
    uint32_t count;
    if (json_parse(bench->parser, body, sizeof body - 1, &nodes, &count) != JSON_OK)
        abort();
    bench->sink += count;
}

static void part_http_head(struct bench *bench)
{
    struct http_scan scan = {0};
    struct http_head head;
    const char *reason;
    if (http_head_parse(&head, &scan, bench->fields, bench->request, bench->request_bytes, 65536,
                        &reason) != HTTP_HEAD_COMPLETE)
        abort();
    bench->sink += head.bytes;
}

static void part_jwt_check(struct bench *bench)
{
    struct jwt_claims claims;
    if (jwt_check(bench->checker, bench->token, bench->token_bytes, NOW_S * 1000 + 1000, &claims) !=
        JWT_OK)
        abort();
    bench->sink += claims.expires_s;
}

/* What a connection does when the token is the one it saw last. */
static void part_jwt_remembered(struct bench *bench)
{
    uint64_t hash = XXH3_64bits(bench->token, bench->token_bytes);
    bench->sink += hash + (memcmp(bench->token, bench->token_copy, bench->token_bytes) == 0);
}

static void part_uuid_format(struct bench *bench)
{
    char text[UUID_TEXT_LENGTH];
    bench->record.reserved.booking_id.bytes[15] = (uint8_t)bench->n++;
    uuid_format(&bench->record.reserved.booking_id, text);
    bench->sink += (uint64_t)text[35];
}

static void part_uuid_parse(struct bench *bench)
{
    struct uuid id;
    if (!uuid_parse(&id, body + 12, UUID_TEXT_LENGTH))
        abort();
    bench->sink += id.bytes[15];
}

static void part_partition(struct bench *bench)
{
    bench->record.reserved.user_id.bytes[3] = (uint8_t)bench->n++;
    bench->sink += partition_of(&bench->record.reserved.user_id);
}

static void part_key_hash(struct bench *bench)
{
    bench->sink += request_key_hash(&bench->record.reserved.user_id, bench->request, 36);
}

static void part_histogram(struct bench *bench)
{
    histogram_record(bench->histogram, 1000 + (bench->n++ * 7919 & 0xfffff));
}

static const struct {
    const char *name;
    void (*run)(struct bench *bench);
    uint32_t loops;
} parts[] = {
    {"record_encode", part_encode, 2000000},
    {"record_decode", part_decode, 2000000},
    {"block_seal_4k", part_block_seal, 500000},
    {"http_head_parse", part_http_head, 300000},
    {"json_parse", part_json, 1000000},
    {"jwt_check", part_jwt_check, 100000},
    {"jwt_remembered", part_jwt_remembered, 2000000},
    {"uuid_format", part_uuid_format, 5000000},
    {"uuid_parse", part_uuid_parse, 5000000},
    {"partition_of", part_partition, 5000000},
    {"request_key_hash", part_key_hash, 5000000},
    {"histogram_record", part_histogram, 5000000},
};
enum { PARTS = sizeof parts / sizeof parts[0] };

static void token_make(struct bench *bench)
{
    struct config *config = &bench->config;
    struct jwt_claims claims = {.subject = bench->record.reserved.user_id,
                                .role = ROLE_USER,
                                .id = bench->record.reserved.booking_id,
                                .issued_s = NOW_S,
                                .expires_s = NOW_S + 900};
    strcpy(config->auth.jwt_keys[0].kid, "bench");
    strcpy(config->auth.jwt_keys[0].secret, "b5J0vYkq8sXr2mZtQe7uNc4wLh9aGd1f");
    strcpy(config->auth.jwt_sign_kid, "bench");
    config->auth.jwt_key_count = 1;
    config->auth.token_ttl_seconds_max = 3600;
    int length = jwt_sign(config, &claims, bench->token, sizeof bench->token);
    if (length <= 0)
        exit(70);
    bench->token_bytes = (size_t)length;
    memcpy(bench->token_copy, bench->token, bench->token_bytes);
}

static void bench_init(struct bench *bench)
{
    struct record_reserved *reserved = &bench->record.reserved;
    bench->record = (struct record){.kind = RECORD_RESERVED, .stamp_ms = NOW_S * 1000};
    *reserved = (struct record_reserved){.booking_id = uuid_v7(NOW_S * 1000, 5, 1234567),
                                         .user_id = uuid_v7(NOW_S * 1000, 6, 89),
                                         .zone_id = uuid_v7(NOW_S * 1000, 7, 1011),
                                         .quantity = 2,
                                         .to_segment = 1,
                                         .unit_price_minor = 150000,
                                         .ttl_ms = 600000,
                                         .remaining = 4711};
    bench->record.actor = (struct actor){reserved->user_id, ROLE_USER};
    bench->record.key = (struct request_key){0x123456789abcdef1, 0x87654321};
    bench->encoded_bytes = record_encode(&bench->record, bench->encoded);
    token_make(bench);
    bench->request_bytes = (uint32_t)snprintf(
        bench->request, sizeof bench->request,
        "POST /api/v1/bookings/reserve HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"
        "Authorization: Bearer %s\r\nAccept: application/json\r\n"
        "Content-Type: application/json\r\nIdempotency-Key: bl-0123456789ab-00000000001\r\n"
        "Content-Length: %zu\r\n\r\n%s",
        bench->token, sizeof body - 1, body);
    bench->checker = jwt_checker_new(&bench->config);
    bench->parser = json_parser_new(65536);
    bench->fields = http_fields_new();
    bench->histogram = calloc(1, sizeof *bench->histogram);
    bench->block = aligned_alloc(LOG_ALIGNMENT, LOG_ALIGNMENT);
    if (!bench->checker || !bench->parser || !bench->fields || !bench->histogram || !bench->block)
        exit(71);
    memset(bench->block, 7, LOG_ALIGNMENT);
}

static double cpu_ns(void)
{
    return (double)stopwatch_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* The fastest of some rounds: whatever else the machine did, it did not help. */
static double part_time(struct bench *bench, size_t part)
{
    double best = 1e18;
    for (int round = 0; round < ROUNDS; round++) {
        double began = cpu_ns();
        for (uint32_t i = 0; i < parts[part].loops / ROUNDS; i++)
            parts[part].run(bench);
        double each = (cpu_ns() - began) / (parts[part].loops / ROUNDS);
        if (each < best)
            best = each;
    }
    return best;
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        fprintf(stderr, "usage: %s\n", argv[0]);
        return 64;
    }
    struct bench *bench = calloc(1, sizeof *bench);
    if (!bench)
        return 71;
    bench_init(bench);
    for (size_t i = 0; i < PARTS; i++)
        printf("%s\"%s\": %.1f", i ? ", " : "{", parts[i].name, part_time(bench, i));
    printf(", \"record_bytes\": %u}\n", bench->encoded_bytes);
    return 0;
}
