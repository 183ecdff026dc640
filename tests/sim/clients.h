/* The clients: what they sent lately, what came back, and what they may rightly
 * complain of. An operation's past is kept until so many newer ones have come. */
#ifndef TESTS_SIM_CLIENTS_H
#define TESTS_SIM_CLIENTS_H

#include "ledger.h"
#include "world.h"

enum { SIM_PASTS = 8192, SIM_RECENT = 64, SIM_RECENT_BLOCKS = 8, SIM_RECENT_ORDERS = 16 };

/* The first answers that an operation's key got, whoever asked with it. */
struct sim_kept {
    bool accepted, refused;
    bool logged;                 /* the first answer's record carries the key */
    uint32_t life, refused_life; /* in which it was */
    uint32_t accepted_fingerprint, refused_fingerprint;
    uint64_t accepted_digest, refused_digest;
    uint64_t accepted_ms, refused_ms;
};

struct sim_past {
    struct sim_operation operation;
    bool answered, accepted; /* accepted: the booking or block is there */
    uint16_t stranger;       /* who else used its key; UINT16_MAX: nobody */
    uint64_t key_hash;
    uint64_t expires_ms;
    struct uuid made;
    struct uuid items[ORDER_ITEMS_MAX]; /* of an order: its bookings */
    struct sim_kept kept;
};

struct sim_clients {
    const struct sim_plan *plan;
    struct sim_world *world;
    uint32_t life;                                          /* of the engine */
    uint32_t recent[SIM_RECENT], blocks[SIM_RECENT_BLOCKS]; /* numbers; 0: none */
    uint32_t orders[SIM_RECENT_ORDERS];
    uint32_t recent_count, block_count, order_count;
    uint64_t answers, refusals, replays;
    char text[512];
    struct sim_past pasts[SIM_PASTS];
};

/* NULL: never, or too long ago. */
struct sim_past *sim_past(struct sim_clients *clients, uint32_t number);
/* It was sent. */
void sim_clients_sent(struct sim_clients *clients, const struct sim_operation *operation,
                      const struct command *command);
/* An answer came. NULL: as it should be; else what is wrong (I6, I8, I16).
 * `ledger`: to know which keys are in the log. */
const char *sim_clients_answer(struct sim_clients *clients, const struct sim_operation *operation,
                               const struct answer *answer, const struct sim_ledger *ledger);

/* The operation as the engine's command. Its drafts are the command's. */
void sim_command_of(struct sim_clients *clients, const struct sim_operation *operation,
                    struct command *command);

/* All that a client sees of an answer. */
uint64_t sim_answer_digest(const struct answer *answer);

#endif
