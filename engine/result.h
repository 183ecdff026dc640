/* How a command ended. One name per reason; net/ maps each to a status and an
 * error code of the REST contract, metrics count by it. When several refusals
 * apply, the first in the order of checks below is given:
 *   home shard:  rate limit, idempotency, zone known, sale window, quantity, limit per user
 *   zone shard:  zone closed, allotment, price, stock, seats, orphans
 * docs/inventory.md has the order for every command. */
#ifndef ENGINE_RESULT_H
#define ENGINE_RESULT_H

enum result {
    RESULT_OK = 0,
    RESULT_IDEMPOTENCY_IN_PROGRESS, /* the first request with this key is undecided */
    RESULT_IDEMPOTENCY_KEY_REUSED,  /* same key, different request */
    RESULT_NOT_FOUND,               /* unknown, or not the caller's to know */
    RESULT_SALE_NOT_OPEN,           /* detail.at_ms: opens at */
    RESULT_SALE_CLOSED,             /* detail.at_ms: closed at */
    RESULT_QUANTITY_INVALID,        /* detail.limit: the most one order may take */
    RESULT_MAX_PER_USER_EXCEEDED,   /* detail.limit, detail.held */
    RESULT_PRICE_CHANGED,           /* detail.price_minor: the price now */
    RESULT_INSUFFICIENT_STOCK,      /* detail.requested, detail.available */
    RESULT_RESERVATION_EXPIRED,     /* detail.at_ms: expired at */
    RESULT_INVALID_STATE,           /* detail.status: the booking's (or event's) state */
    RESULT_SEAT_UNAVAILABLE,        /* answer.seats: each with its state in the top byte */
    RESULT_SEATS_NOT_TOGETHER,      /* detail.requested, detail.available, detail.together */
    RESULT_ORPHAN_SEAT,             /* answer.seats: the one that would be left alone */
    RESULT_SEAT_NOT_IN_BOOKING,     /* answer.seats: those that are not */
    RESULT_ALLOTMENT_UNKNOWN,       /* no active allotment of the zone has this key */
    RESULT_HOLD_LIMIT_REACHED,      /* detail.at_ms: the latest a hold of this booking may end */
    RESULT_CAPACITY_BELOW_SOLD,     /* detail.requested, detail.held: reserved, sold and blocked */
    RESULT_PART_OF_ORDER,           /* detail.order_id */
    RESULT_FORBIDDEN,               /* a valid caller without the right */
    RESULT_CONFLICT,                /* slug taken */
    RESULT_KIND_UNSUPPORTED,        /* the zone's kind is not sold this way */
    RESULT_RATE_LIMITED,            /* detail.at_ms: when to try again; detail.limit per minute */
    RESULT_OVERLOADED,              /* a bounded queue is full: try again */
    RESULT_STORAGE_LOW,             /* no room for another log segment: reads only */
    RESULT_SHUTTING_DOWN,
    RESULT_INDETERMINATE, /* the log failed before the decision was durable */
    RESULT_COUNT
};

/* Stable lower-case name for metrics and logs, e.g. "insufficient_stock". */
const char *result_name(enum result result);

#endif
