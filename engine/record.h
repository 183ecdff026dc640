/* A log record: one decision, with all that replaying or mirroring it needs.
 * The deciding modules make records and apply them; persist/ turns them into
 * bytes and back. Live and replayed state go through the same apply. */
#ifndef ENGINE_RECORD_H
#define ENGINE_RECORD_H

#include "catalog.h"
#include "uuid.h"

enum { RECORD_EXPIRED_MAX = 64, RECORD_SEATS_MAX = 32, RECORD_BLOCK_SEATS_MAX = 1000 };

/* On disk: never renumber. */
enum record_kind {
    RECORD_EVENT = 1, /* an event was made or changed; the whole new version */
    RECORD_SHOW = 2,
    RECORD_ZONE = 3,
    RECORD_STATION = 4,
    RECORD_ROUTE = 5,
    RECORD_RESERVED = 16,
    RECORD_CONFIRMED = 17,
    RECORD_CANCELLED = 18,
    RECORD_EXPIRED = 19,
    RECORD_CHANGED = 20,      /* a booking after any other change */
    RECORD_BLOCK = 24,        /* a house hold or allotment, made or ended */
    RECORD_ZONE_CHANGED = 25, /* capacity, sale closed or reopened */
    RECORD_ORDER = 28,        /* the user's home shard decided to post or void an order */
    RECORD_CLEAN_STOP = 32,   /* the engine stopped in order; nothing was in flight */
    RECORD_STATE = 33         /* hash of the zone role's state after all records before it */
};

enum role { ROLE_SYSTEM, ROLE_USER, ROLE_ORGANIZER, ROLE_ADMIN };

/* Who caused it. The system (expiry, stop) has the nil id. */
struct actor {
    struct uuid id;
    enum role role;
};

/* The idempotency key that came with the request: seeded hashes of
 * (caller, key) and of (method, route, body). hash 0: no key was sent. */
struct request_key {
    uint64_t hash;
    uint32_t fingerprint;
};

enum booking_status {
    BOOKING_RESERVED,
    BOOKING_CONFIRMED,
    BOOKING_CANCELLED,
    BOOKING_EXPIRED,
    BOOKING_REFUNDED
};

/* Why a booking, block or zone changed. On disk: never renumber. */
enum change_cause {
    CAUSE_REQUEST,        /* a client asked for just this */
    CAUSE_EXTENDED,       /* the deadline moved */
    CAUSE_RELEASED,       /* a part was given back */
    CAUSE_CONFIRMED_PART, /* a part was confirmed, the rest given back */
    CAUSE_EXCHANGED,      /* other seats, or another zone */
    CAUSE_TRANSFERRED,
    CAUSE_REFUNDED,
    CAUSE_PINNED,   /* an order is being decided: it neither expires nor changes */
    CAUSE_UNPINNED, /* that came to nothing */
    CAUSE_VOIDED,   /* its order could not be had as a whole */
    CAUSE_POSTED,   /* its order was decided */
    CAUSE_CREATED,
    CAUSE_EXPIRED,
    CAUSE_CAPACITY,
    CAUSE_DRAIN,
    CAUSE_CLOSED,
    CAUSE_REOPENED,
    CAUSE_COUNT
};

/* Which order a booking belongs to. id nil: none. Of an exchange between zones
 * count is 0, item 0 the old booking and item 1 the new one. */
struct order_part {
    struct uuid id;
    uint8_t item;  /* 0.. */
    uint8_t count; /* items of the order */
};

struct record_reserved {
    struct uuid booking_id;
    struct uuid user_id;
    struct uuid zone_id;
    uint32_t quantity;
    uint16_t from_segment; /* [from, to): 0 and 1 for all but trips */
    uint16_t to_segment;
    int64_t unit_price_minor;
    uint32_t ttl_ms;    /* deadline = stamp_ms + ttl_ms */
    uint32_t remaining; /* available in the zone after this step */
    /* What most reservations have not: */
    struct uuid block_id; /* the allotment it draws from; nil: general sale */
    struct order_part order;
    uint32_t seat_count; /* 0: a general zone; else quantity */
    uint32_t seats[RECORD_SEATS_MAX];
};

/* One end of a reservation: confirmed or cancelled. */
struct record_settled {
    struct uuid booking_id;
    struct uuid user_id;
    struct uuid zone_id;
    uint32_t quantity;
    struct uuid payment_id;  /* nil: none given */
    enum change_cause cause; /* REQUEST, VOIDED, POSTED or EXCHANGED */
};

/* All of a booking that can change, as it is after the change. */
struct record_changed {
    struct uuid booking_id;
    struct uuid user_id; /* the owner after it */
    struct uuid zone_id;
    enum change_cause cause;
    enum booking_status status;
    struct uuid previous_user_id; /* TRANSFERRED; else user_id */
    struct uuid payment_id;       /* nil: none given */
    int64_t unit_price_minor;
    uint32_t quantity;
    uint32_t previous_quantity; /* what is less now is free again */
    uint32_t ttl_ms;            /* deadline = created + ttl_ms */
    uint32_t remaining;         /* available in the zone after this step */
    bool pinned;
    struct order_part order; /* after it */
    uint32_t seat_count;
    uint32_t seats[RECORD_SEATS_MAX];
};

enum block_kind { BLOCK_HOUSE_HOLD, BLOCK_ALLOTMENT };

/* The draft's pointers are the maker's (live) or the decoder's until the next record. */
struct record_block {
    struct uuid block_id;
    struct uuid zone_id;
    enum block_kind kind;
    enum change_cause cause; /* CREATED, RELEASED, EXPIRED */
    uint32_t quantity;       /* places, whether drawn or not; 0 after its end */
    uint64_t expires_ms;     /* 0: never by itself */
    struct uuid owner_id;    /* nil: none named */
    uint8_t key_digest[16];  /* of an allotment's key; zeros: none */
    struct text reason;
    uint32_t seat_count; /* of a seated zone */
    const uint32_t *seats;
};

struct record_zone_changed {
    struct uuid zone_id;
    enum change_cause cause; /* CAPACITY, DRAIN, CLOSED, REOPENED */
    uint32_t total;          /* after it */
    uint32_t target;         /* being drained to; total: none */
    bool closed;
};

enum { ORDER_ITEMS_MAX = 8 };

enum order_decision { ORDER_POSTED, ORDER_VOIDED };
enum order_kind { ORDER_CONFIRM, ORDER_EXCHANGE };

/* The commit point of a change to several bookings, in the log of the user's
 * home shard. What it decides for each booking follows in the zones' logs. */
struct record_order {
    struct uuid order_id;
    struct uuid user_id;
    enum order_kind kind;
    enum order_decision decision;
    struct uuid payment_id;
    enum booking_status end; /* of its bookings; EXCHANGE: of the new one */
    uint64_t expires_ms;     /* EXCHANGE: the deadline that goes on; else 0 */
    uint32_t count;
    struct uuid bookings[ORDER_ITEMS_MAX]; /* EXCHANGE: the old one, the new one */
};

struct record_expired_item {
    struct uuid booking_id;
    struct uuid user_id;
    uint32_t quantity;
};

/* Reservations of one zone that ended by time, oldest deadline first. */
struct record_expired {
    struct uuid zone_id;
    uint32_t count; /* 1..RECORD_EXPIRED_MAX */
    struct record_expired_item items[RECORD_EXPIRED_MAX];
};

struct record {
    enum record_kind kind;
    uint64_t sequence; /* position in its shard's log, from 1; set by the log */
    uint64_t stamp_ms; /* Unix milliseconds; never runs backwards within a shard */
    struct actor actor;
    struct request_key key;
    union {
        struct record_reserved reserved;
        struct record_settled settled;
        struct record_expired expired;
        struct record_changed changed;
        struct record_block block;
        struct record_zone_changed zone_changed;
        struct record_order order;
        uint64_t state_hash;
        /* Drafts: what they point to is the maker's (live) or the decoder's
         * until the next record (replay). References and counters are unset. */
        struct catalog_event event;
        struct catalog_show show;
        struct catalog_zone zone;
        struct catalog_station station;
        struct catalog_route route;
    };
};

/* Tickets that leave a user's count by the change; *user_id: whose. */
uint32_t record_changed_returns(const struct record_changed *changed, const struct uuid **user_id);

/* The zone whose places the record's decision was about; points into the record.
 * NULL: a record of the catalog, of an order or of the log itself. A RECORD_ZONE is
 * the catalog's: it has no places yet. */
const struct uuid *record_zone_id(const struct record *record);

/* Stable lower-case name, e.g. "reserved". NULL: not a kind we know. */
const char *record_kind_name(enum record_kind kind);

#endif
