/* Bounded mailboxes, one for each ordered pair of threads. Algorithm: Lamport's
 * single-producer single-consumer ring (1977) with release/acquire on the two
 * cursors, each side caching the other's; a slot holds the message itself. */
#ifndef ENGINE_MAILBOX_H
#define ENGINE_MAILBOX_H

#include <string.h>

#include "command.h"

enum message_kind {
    /* message.command: */
    MESSAGE_COMMAND_HOME,    /* to the user's home shard: idempotency, limit */
    MESSAGE_COMMAND_ZONE,    /* to the zone's shard: decide */
    MESSAGE_COMMAND_REPEAT,  /* to a booking's shard: state the facts of an accepted repeat */
    MESSAGE_COMMAND_READ,    /* to a booking's or zone's shard: get, or one part of a list */
    MESSAGE_TRANSFER_LOOK,   /* to the booking's shard: may it be transferred, how many places */
    MESSAGE_TRANSFER_COUNT,  /* to the receiver's home shard: limit; then MESSAGE_COMMAND_ZONE */
    MESSAGE_COMMAND_CATALOG, /* to shard 0 */
    /* message.answer: */
    MESSAGE_ANSWER_RECEIVER, /* a decided transfer on its way back through the receiver's home */
    MESSAGE_ANSWER_HOME,     /* a decision on its way back through the home shard */
    MESSAGE_ANSWER,          /* to the connection's worker */
    MESSAGE_ORDER_PART,      /* to an order's home: what one of its bookings came to */
    MESSAGE_GATHERED,        /* one shard's part of a list */
    /* others: */
    MESSAGE_RELEASED,      /* to a home shard: tickets left its users, lower their counts */
    MESSAGE_CATALOG_EVENT, /* to every worker: a durable new version (owned) */
    MESSAGE_CATALOG_SHOW,
    MESSAGE_CATALOG_ZONE,
    MESSAGE_CATALOG_STATION,
    MESSAGE_CATALOG_ROUTE,
    MESSAGE_CATALOG_APPLIED, /* back to shard 0: this worker's replica has it */
    MESSAGE_INQUIRY,         /* from the control thread; payload.inquiry, owned by it */
    MESSAGE_INQUIRY_DONE     /* back to the control thread */
};

enum { MESSAGE_RELEASED_MAX = 20 };

/* Of one event; an expiry ends many reservations at once. */
struct message_released {
    struct uuid event_id;
    uint32_t count;
    struct {
        struct uuid user_id;
        uint32_t quantity;
    } items[MESSAGE_RELEASED_MAX];
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
        const struct catalog_station *station;
        const struct catalog_route *route;
        struct inquiry *inquiry;
    };
};

_Static_assert(sizeof(struct message) <= 512, "a mailbox slot; what is copied is message_bytes");

/* The bytes of a message that mean something: most have no seats. */
static inline size_t message_bytes(const struct message *message)
{
    if (message->kind <= MESSAGE_COMMAND_CATALOG)
        return offsetof(struct message, command) + command_bytes(&message->command);
    if (message->kind <= MESSAGE_GATHERED)
        return offsetof(struct message, answer) + answer_bytes(&message->answer);
    if (message->kind == MESSAGE_RELEASED)
        return offsetof(struct message, released.items) +
               message->released.count * sizeof message->released.items[0];
    return offsetof(struct message, command) + sizeof(void *);
}

static inline void message_copy(struct message *to, const struct message *from)
{
    memcpy(to, from, message_bytes(from));
}

/* A message that carries a command; without clearing what the command has not. */
static inline void message_carry(struct message *message, enum message_kind kind,
                                 const struct command *command)
{
    message->kind = kind;
    message->round = 0;
    memcpy(&message->command, command, command_bytes(command));
}

/* Gives back what the answer or the version it carries owns. A message with a command
 * is not kept, so it is not released; the others own nothing. */
void message_release(struct message *message);

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
