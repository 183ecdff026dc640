/* A log record: one decision, with all that replaying or mirroring it needs.
 * The deciding modules make records and apply them; persist/ turns them into
 * bytes and back. Live and replayed state go through the same apply. */
#ifndef ENGINE_RECORD_H
#define ENGINE_RECORD_H

#include "catalog.h"
#include "uuid.h"

enum { RECORD_EXPIRED_MAX = 64 };

/* On disk: never renumber. */
enum record_kind {
    RECORD_EVENT = 1, /* an event was made or changed; the whole new version */
    RECORD_SHOW = 2,
    RECORD_ZONE = 3,
    RECORD_RESERVED = 16,
    RECORD_CONFIRMED = 17,
    RECORD_CANCELLED = 18,
    RECORD_EXPIRED = 19,
    RECORD_CLEAN_STOP = 32 /* the engine stopped in order; nothing was in flight */
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
};

/* One end of a reservation: confirmed or cancelled. */
struct record_settled {
    struct uuid booking_id;
    struct uuid user_id;
    struct uuid zone_id;
    uint32_t quantity;
    struct uuid payment_id; /* nil: none given */
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
        /* Drafts: what they point to is the maker's (live) or the decoder's
         * until the next record (replay). References and counters are unset. */
        struct catalog_event event;
        struct catalog_show show;
        struct catalog_zone zone;
    };
};

/* Stable lower-case name, e.g. "reserved". NULL: not a kind we know. */
const char *record_kind_name(enum record_kind kind);

#endif
