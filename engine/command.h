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
    COMMAND_EXTEND,          /* answer.booking, as all on one booking */
    COMMAND_RELEASE,
    COMMAND_EXCHANGE, /* seats of the same zone */
    COMMAND_TRANSFER,
    COMMAND_REFUND,
    COMMAND_BLOCK_CREATE, /* answer.block */
    COMMAND_BLOCK_END,    /* answer.block */
    COMMAND_BLOCK_LIST,   /* answer.blocks: the active ones of a zone */
    COMMAND_CAPACITY,     /* answer.zone_facts */
    COMMAND_ZONE_SALE,    /* answer.zone_facts */
    COMMAND_SEAT_MAP,     /* answer.seat_states */
    COMMAND_EVENT_SALE,   /* close, reopen; answer.event */
    COMMAND_STATION_CREATE,
    COMMAND_ROUTE_CREATE,
    COMMAND_ORDER_CREATE, /* answer.order, as all on orders */
    COMMAND_ORDER_CONFIRM,
    COMMAND_ORDER_CANCEL,
    COMMAND_ORDER_GET,
    COMMAND_EXCHANGE_ZONE, /* answer.booking: the new one */
    COMMAND_PIN,           /* engine only, from an order's home to its bookings' shards: */
    COMMAND_POST,          /* what was decided for the booking: booking.end */
    COMMAND_VOID,          /* the order came to nothing: cancel, or unpin what was there before */
    COMMAND_KIND_COUNT
};

/* Stable lower-case name for metrics and tools, e.g. "booking_get". */
const char *command_kind_name(enum command_kind kind);

/* Where an answer goes: chosen by the transport, opaque to the engine. The
 * generation makes an answer to a closed connection harmless. */
struct reply_to {
    bool order_part; /* engine: not to a connection but to an order's run on its home */
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
    uint32_t event_number; /* its number in the home shard's replica */
    uint16_t from_segment; /* both 0: the whole way */
    uint16_t to_segment;
    bool allow_split;             /* best available of a seated zone, when no seats are named */
    uint8_t allotment_digest[16]; /* of the allotment's key; zeros: general sale */
    struct order_part order;      /* engine: of which order it is an item */
};

/* An accepted repeat on its way to the booking's shard, in place of what it asked:
 * what the first answer said that may have changed since. */
struct command_repeat {
    struct uuid booking_id;
    uint64_t accepted_ms;
    uint32_t quantity;
    uint32_t ttl_ms; /* a reserve's */
    uint32_t remaining;
};

/* On one booking. Seats named are in the command's seats. */
struct command_booking {
    struct uuid booking_id;
    struct uuid payment_id; /* confirm: nil if not sent */
    struct uuid user_id;    /* transfer: the receiver */
    struct uuid zone_id;    /* exchange to another zone */
    uint32_t quantity;      /* confirm, release: a part; 0: by seats, or all of it */
    uint32_t seconds;       /* extend; 0: the time to live */
    bool allow_split;       /* exchange to the best available */
    /* pin, post, void: */
    struct order_part order;
    enum booking_status
        end; /* post: CONFIRMED; CANCELLED (exchanged away); RESERVED (goes on, as ttl_ms says) */
    uint32_t ttl_ms;
};

/* From malloc in one block with its text and seats. */
struct block_facts {
    struct uuid block_id;
    struct uuid zone_id;
    struct uuid owner_id;
    enum block_kind kind;
    bool active;
    uint32_t quantity;
    uint32_t drawn; /* reserved or sold out of it, on the fullest segment */
    uint64_t created_ms, expires_ms;
    uint8_t key_digest[16];
    struct text reason;
    uint32_t seat_count;
    const uint32_t *seats;
};

struct block_list {
    uint32_t count;
    struct block_facts *items[];
};

struct command_zone {
    struct uuid zone_id;
    struct uuid block_id;      /* end a block */
    struct block_facts *block; /* create one: the draft, owned */
    uint32_t total;            /* capacity */
    bool drain;
    bool closed;                       /* sale */
    uint16_t from_segment, to_segment; /* seat map; both 0: the whole way */
    uint32_t known_changes; /* seat map: the version the client has; answered without states if it
                               is still so */
    bool has_known;
};

/* Capacity and counts of a zone after a command. */
struct zone_facts {
    struct uuid zone_id;
    uint32_t total, target;
    uint32_t available, reserved, sold, blocked;
    bool closed;
};

/* Two bits a seat (enum seat_state); from malloc, owned by the answer. */
struct seat_states {
    struct uuid zone_id;
    uint32_t changes; /* the version */
    uint16_t from_segment, to_segment;
    uint32_t seat_count;
    uint32_t length; /* bytes of states; 0: the client's version is this one */
    uint8_t states[];
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
        struct command_repeat repeat;
        struct command_list list;
        struct command_zone zone_change;
        struct order_draft *order_draft; /* create; owned */
        struct {
            struct uuid order_id;
            struct uuid payment_id; /* confirm: nil if not sent */
        } order;                    /* confirm, cancel, get */
        struct catalog_station *station;
        struct catalog_route *route;
        /* Drafts from malloc in one block with their texts; the command owns
         * them and whoever ends the command frees them. */
        struct catalog_event *event;
        struct catalog_show *show;
        struct catalog_zone *zone;
        struct {
            struct uuid event_id;
            enum event_status status;
            bool closed; /* event sale */
        } event_status;
    };
    /* Named seats, ascending, each once. Last, so that copying a command may stop
     * at the last seat. */
    uint32_t seat_count;
    uint32_t seats[RECORD_SEATS_MAX];
};

/* The bytes of a command that mean something. */
static inline size_t command_bytes(const struct command *command)
{
    return offsetof(struct command, seats) + command->seat_count * sizeof command->seats[0];
}

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
    uint16_t from_segment, to_segment;
    bool pinned;
    struct order_part order;
    struct uuid exchanged_from; /* the booking it took the place of; nil: none */
};

struct order_draft {
    struct uuid order_id; /* engine */
    uint32_t count;
    struct {
        struct command_reserve reserve;
        uint32_t seat_count;
        uint32_t seats[RECORD_SEATS_MAX];
    } items[ORDER_ITEMS_MAX];
};

/* From malloc, owned by the answer. */
struct order_facts {
    struct uuid order_id;
    struct uuid user_id;
    enum booking_status status; /* of all its bookings */
    uint32_t count;
    struct {
        struct booking_facts booking;
        uint32_t seat_count;
        uint32_t seats[RECORD_SEATS_MAX];
    } items[ORDER_ITEMS_MAX];
};

/* The bytes that mean something. */
static inline size_t order_facts_bytes(const struct order_facts *facts)
{
    return offsetof(struct order_facts, items) + facts->count * sizeof facts->items[0];
}

/* The numbers behind a refusal; which are set, result.h says. */
struct refusal_detail {
    uint32_t requested;
    uint32_t available;
    uint32_t limit;
    uint32_t held;
    uint64_t at_ms;
    int64_t price_minor;
    enum booking_status status;
    uint32_t together;    /* the longest series of open seats */
    uint32_t item;        /* of an order: the refused one */
    struct uuid order_id; /* the order it is a part of */
    struct uuid zone_id;  /* whose plan answer.seats are of, and price_minor's currency; of a
                             booking that is not the caller's (NOT_FOUND) its zone, never shown */
};

struct booking_item {
    struct booking_facts facts;
    uint32_t seat_count;
    uint32_t seats[RECORD_SEATS_MAX];
};

/* From malloc; owned by the answer that carries it. Newest first. */
struct booking_list {
    uint32_t total; /* bookings that match, on all pages */
    uint32_t count;
    struct booking_item items[];
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
    struct uuid event_id;    /* whose limit the tickets count for */
    uint32_t event_number;   /* reserve: the same in the home shard's replica */
    uint32_t tickets;        /* counted before the decision: a reserve's, a transfer's */
    struct uuid receiver_id; /* transfer: in whose count they are */
    uint64_t stamp_ms;       /* log time of the decision */
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
        const struct catalog_station *station;
        const struct catalog_route *route;
        struct block_facts *block; /* owned */
        struct block_list *blocks; /* owned, with its items */
        struct zone_facts zone_facts;
        struct seat_states *seat_states; /* owned */
        struct order_facts *order;       /* owned */
    };
    /* Of the booking; of a refusal the seats it is about, enum seat_state << 24.
     * Last, as in struct command. */
    uint32_t seat_count;
    uint32_t seats[RECORD_SEATS_MAX];
};

static inline size_t answer_bytes(const struct answer *answer)
{
    return offsetof(struct answer, seats) + answer->seat_count * sizeof answer->seats[0];
}

/* Gives the object that a create is to make its id. Of other commands: nothing. */
void command_name_object(struct command *command, const struct uuid *id);

/* Frees what the message owns. */
void command_release(struct command *command);
void answer_release(struct answer *answer);

#endif
