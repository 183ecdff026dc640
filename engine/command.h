/* Commands and answers: what travels from a connection's worker to the shards
 * that decide, and back. Both fit a mailbox slot and are copied, never shared;
 * the few pointers in them are owned by the message and named so. */
#ifndef ENGINE_COMMAND_H
#define ENGINE_COMMAND_H

#include "record.h"
#include "result.h"

enum command_kind {
    COMMAND_RESERVE,
    COMMAND_CONFIRM,
    COMMAND_CANCEL,
    COMMAND_BOOKING_GET,
    COMMAND_BOOKING_LIST,    /* answer.list: one page */
    COMMAND_BOOKING_SUMMARY, /* answer.summary */
    COMMAND_EVENT_CREATE,    /* answer.event */
    COMMAND_EVENT_STATUS,    /* publish, unpublish, cancel; answer.event */
    COMMAND_SHOW_CREATE,     /* answer.show */
    COMMAND_ZONE_CREATE,     /* answer.zone */
    COMMAND_KIND_COUNT
};

/* Where an answer goes: chosen by the transport, opaque to the engine. The
 * generation makes an answer to a closed connection harmless. */
struct reply_to {
    uint16_t worker;
    uint16_t slot; /* place in the connection's pipeline */
    uint32_t connection;
    uint32_t generation;
};

enum booking_filter { BOOKING_FILTER_ALL, BOOKING_FILTER_PENDING };

struct command_reserve {
    struct uuid booking_id; /* made by the zone's worker; nil until then */
    struct uuid zone_id;
    uint32_t quantity;
    bool has_price;
    int64_t unit_price_minor; /* what the client believes; checked if has_price */
    struct uuid show_id;      /* nil: not sent; else must be the zone's */
    struct uuid event_id;
    uint32_t event_number;    /* its number in the home shard's replica */
    uint32_t first_remaining; /* of an accepted repeat: what the first answer said */
};

struct command_booking {
    struct uuid booking_id;
    struct uuid payment_id; /* confirm: nil if not sent */
};

struct command_list {
    enum booking_filter filter;
    uint32_t page; /* from 1 */
    uint32_t per_page;
    struct uuid event_id; /* summary; nil: all events (list) */
    uint32_t gather;      /* engine: which gathering this belongs to */
};

struct command {
    enum command_kind kind;
    struct reply_to to;
    struct actor actor;     /* the token's subject and role */
    struct request_key key; /* hash 0: none sent */
    uint64_t received_ns;   /* monotonic; for latency and for the age bound */
    bool rate_counted;      /* engine only: passed the rate limit on an earlier look */
    union {
        struct command_reserve reserve;
        struct command_booking booking;
        struct command_list list;
        /* Drafts from malloc in one block with their texts; the command owns
         * them and whoever ends the command frees them. */
        struct catalog_event *event;
        struct catalog_show *show;
        struct catalog_zone *zone;
        struct {
            struct uuid event_id;
            enum event_status status;
        } event_status;
    };
};

enum booking_status {
    BOOKING_RESERVED,
    BOOKING_CONFIRMED,
    BOOKING_CANCELLED,
    BOOKING_EXPIRED,
    BOOKING_REFUNDED
};

const char *booking_status_name(enum booking_status status);

/* All a client may know of a booking, besides what its zone's catalog entry says. */
struct booking_facts {
    struct uuid booking_id;
    struct uuid user_id;
    struct uuid zone_id;
    enum booking_status status;
    uint32_t quantity;
    int64_t unit_price_minor;
    uint64_t created_ms;
    uint64_t expires_ms;
    uint64_t changed_ms; /* confirmed, cancelled or expired at; 0 while reserved */
    uint32_t remaining;  /* reserve only: available right after the step */
};

/* The numbers behind a refusal; which are set, result.h says. */
struct refusal_detail {
    uint32_t requested;
    uint32_t available;
    uint32_t limit;
    uint32_t held;
    uint64_t at_ms;
    int64_t price_minor;
    enum booking_status status;
};

/* From malloc; owned by the answer that carries it. Newest first. */
struct booking_list {
    uint32_t total; /* bookings that match, on all pages */
    uint32_t count;
    struct booking_facts items[];
};

struct booking_summary {
    uint32_t limit; /* max_per_user of the event */
    uint32_t reserved;
    uint32_t confirmed;
    uint32_t bookings;
};

/* What the home shard must know to settle an admitted command. */
struct settlement {
    struct request_key key;
    struct uuid user_id;
    struct uuid event_id;  /* whose limit the tickets count for */
    uint32_t event_number; /* reserve: the same in the home shard's replica */
    uint32_t tickets;      /* reserve: admitted; cancel: given back */
};

struct answer {
    enum command_kind kind;
    enum result result;
    bool replayed; /* the stored answer to an idempotency key */
    struct reply_to to;
    uint64_t received_ns;
    uint16_t position_shard; /* the log position it rests on, durable when it leaves */
    uint64_t position_sequence;
    struct settlement settlement; /* engine only */
    union {
        struct booking_facts booking;
        struct refusal_detail refusal;
        struct booking_list *list; /* owned; free() it */
        struct booking_summary summary;
        /* One reference each, owned by the answer. */
        const struct catalog_event *event;
        const struct catalog_show *show;
        const struct catalog_zone *zone;
    };
};

/* Frees what the message owns. */
void command_release(struct command *command);
void answer_release(struct answer *answer);

#endif
