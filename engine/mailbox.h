/* Bounded mailboxes, one for each ordered pair of threads. Algorithm: Lamport's
 * single-producer single-consumer ring (1977) with release/acquire on the two
 * cursors, each side caching the other's; a slot holds the message itself. */
#ifndef ENGINE_MAILBOX_H
#define ENGINE_MAILBOX_H

#include <string.h>

#include "command.h"

enum message_kind {
    MESSAGE_COMMAND_HOME,    /* to the user's home shard: idempotency, limit */
    MESSAGE_COMMAND_ZONE,    /* to the zone's shard: decide */
    MESSAGE_COMMAND_REPEAT,  /* to a booking's shard: state the facts of an accepted repeat */
    MESSAGE_COMMAND_READ,    /* to a booking's shard: get, or one part of a list */
    MESSAGE_COMMAND_CATALOG, /* to shard 0 */
    MESSAGE_ANSWER_HOME,     /* a decision on its way back through the home shard */
    MESSAGE_ANSWER,          /* to the connection's worker */
    MESSAGE_GATHERED,        /* one shard's part of a list */
    MESSAGE_RELEASED,        /* to a home shard: tickets expired, lower the count */
    MESSAGE_CATALOG_EVENT,   /* to every worker: a durable new version (owned) */
    MESSAGE_CATALOG_SHOW,
    MESSAGE_CATALOG_ZONE,
    MESSAGE_CATALOG_APPLIED, /* back to shard 0: this worker's replica has it */
    MESSAGE_INQUIRY,         /* from the control thread; payload.inquiry, owned by it */
    MESSAGE_INQUIRY_DONE     /* back to the control thread */
};

struct message_released {
    struct uuid user_id;
    struct uuid event_id;
    uint32_t quantity;
};

struct message {
    enum message_kind kind;
    uint32_t round; /* catalog: which change is being spread */
    union {
        struct command command;
        struct answer answer;
        struct message_released released;
        const struct catalog_event *event;
        const struct catalog_show *show;
        const struct catalog_zone *zone;
        struct inquiry *inquiry;
    };
};

_Static_assert(sizeof(struct message) <= 512, "a mailbox slot; what is copied is message_bytes");

/* Only what means something of a message: most have no seats. */
static inline void message_copy(struct message *to, const struct message *from)
{
    size_t bytes = sizeof *from;

    if (from->kind <= MESSAGE_COMMAND_CATALOG)
        bytes = offsetof(struct message, command) + command_bytes(&from->command);
    else if (from->kind <= MESSAGE_ANSWER)
        bytes = offsetof(struct message, answer) + answer_bytes(&from->answer);
    memcpy(to, from, bytes);
}

struct mailbox_grid;

/* A grid of threads x threads mailboxes of `slots` (a power of two) messages.
 * NULL: out of memory. */
struct mailbox_grid *mailbox_grid_new(uint16_t threads, uint32_t slots);
void mailbox_grid_free(struct mailbox_grid *grid);

/* --- sending thread `from` --- */

/* Copies the message in; unseen by the receiver until published. False: full,
 * nothing happened and what the message owns is still the caller's. */
bool mailbox_push(struct mailbox_grid *grid, uint16_t from, uint16_t to,
                  const struct message *message);
/* Shows everything pushed to `to` since the last publish. True: `to` sleeps and
 * its bell must be rung (by this caller only). */
bool mailbox_publish(struct mailbox_grid *grid, uint16_t from, uint16_t to);

/* --- receiving thread `to` --- */

/* The oldest message from `from`, in place until mailbox_consume. NULL: empty. */
struct message *mailbox_peek(struct mailbox_grid *grid, uint16_t to, uint16_t from);
/* The message `ahead` places behind the oldest (0: the oldest itself). */
struct message *mailbox_peek_ahead(struct mailbox_grid *grid, uint16_t to, uint16_t from,
                                   uint32_t ahead);
void mailbox_consume(struct mailbox_grid *grid, uint16_t to, uint16_t from);

/* Declares the thread about to sleep. False: a message came in between; do not
 * sleep. mailbox_awake ends it. */
bool mailbox_sleep(struct mailbox_grid *grid, uint16_t to);
void mailbox_awake(struct mailbox_grid *grid, uint16_t to);

/* Messages waiting for `to`, approximately; any thread. */
uint32_t mailbox_depth(const struct mailbox_grid *grid, uint16_t to);

#endif
