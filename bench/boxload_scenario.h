/* What the simulated users do, and what they may be answered.
 *
 * A client is one connection's user. scenario_next writes its next request into
 * its own buffer, changing only what differs from the one before (the key, the
 * zone); scenario_check judges the answer and keeps the books from which
 * scenario_finish tells whether seats were oversold or ids given twice. */
#ifndef BENCH_BOXLOAD_SCENARIO_H
#define BENCH_BOXLOAD_SCENARIO_H

#include "boxload_options.h"
#include "boxload_response.h"
#include "boxload_tokens.h"

enum operation {
    OPERATION_RESERVE,
    OPERATION_CONFIRM,
    OPERATION_CANCEL,
    OPERATION_READ,
    OPERATION_RAW,
    OPERATION_COUNT
};

enum verdict {
    VERDICT_ACCEPTED,   /* 2xx, as it should be */
    VERDICT_REFUSED,    /* a refusal the scenario expects (409) */
    VERDICT_OVERLOADED, /* 429 or 503; wrong unless --allow-refused */
    VERDICT_WRONG,
    VERDICT_COUNT
};

enum { CLIENT_REQUEST_BYTES = 2048, CLIENT_KEY_LENGTH = 27 };

struct client {
    uint32_t index;
    uint32_t user; /* whose token it carries */
    uint32_t zone;
    enum operation operation;
    uint64_t n;      /* requests so far */
    uint64_t random; /* xorshift state */
    bool holds;      /* `booking` is reserved and not yet settled */
    bool built;      /* the buffer holds a request of built_operation and built_user */
    enum operation built_operation;
    uint32_t built_user;
    uint32_t length;
    uint32_t key_at; /* places in the buffer; 0: none */
    uint32_t zone_at;
    uint32_t booking_at;
    char booking[36];
    char key[CLIENT_KEY_LENGTH];
    char *request;
};

struct scenario_zone {
    char id[36];
    uint64_t capacity; /* 0: unknown */
    uint64_t taken;    /* tickets of accepted reserves */
    uint64_t given_back;
};

struct scenario {
    const struct options *options;
    const struct token_list *tokens;
    struct scenario_zone *zones;
    uint32_t zone_count;
    uint64_t nonce;    /* makes this run's keys its own */
    uint64_t key_next; /* counter inside the run */
    uint8_t (*booking_ids)[16];
    uint64_t booking_count, booking_capacity;
    uint64_t wrong;
    char first_wrong[700];
    struct response_layout layouts[OPERATION_COUNT][2]; /* [1]: failures */
};

const char *operation_name(enum operation operation);
const char *verdict_name(enum verdict verdict);

/* Takes over `zones` (malloc). False: out of memory. */
bool scenario_init(struct scenario *scenario, const struct options *options,
                   const struct token_list *tokens, struct scenario_zone *zones,
                   uint32_t zone_count);
void scenario_release(struct scenario *scenario);

bool client_init(struct client *client, const struct scenario *scenario, uint32_t index);
void client_release(struct client *client);

void scenario_next(struct scenario *scenario, struct client *client);

/* The layout to scan this client's answer with. */
struct response_layout *scenario_layout(struct scenario *scenario, const struct client *client,
                                        const char *bytes, size_t length);
enum verdict scenario_check(struct scenario *scenario, struct client *client,
                            const struct response *response, struct response_layout *layout);
/* Counts an answer as wrong and keeps the first for the report. */
void scenario_wrong(struct scenario *scenario, const struct client *client, const char *what,
                    const char *bytes, size_t length);

/* Judges the whole run. Writes violations, one a line, to `out`; their number.
 * `unknown`: requests whose outcome nobody told. */
uint32_t scenario_finish(struct scenario *scenario, uint64_t unknown, char *out, size_t out_bytes);

#endif
