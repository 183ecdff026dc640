/* The books, for ledger*.c only. */
#ifndef TESTS_SIM_LEDGER_PRIVATE_H
#define TESTS_SIM_LEDGER_PRIVATE_H

#include "ledger.h"

struct sim_ledger_event {
    struct uuid id;
    uint32_t max_per_user;
};

struct sim_ledger_show {
    struct uuid id;
    uint32_t segments;
};

struct sim_ledger_zone {
    struct uuid id;
    uint32_t event;
    uint16_t segments;
    bool seated, closed;
    uint32_t total, target, seat_count;
    int64_t price;
    int64_t prices[CATALOG_SEGMENTS_MAX]; /* of each segment */
    bool by_segment;
    uint32_t reserved, sold;              /* tickets */
    uint32_t taken[CATALOG_SEGMENTS_MAX]; /* reserved and sold, drawn or not */
    uint32_t kept[CATALOG_SEGMENTS_MAX];  /* of active blocks, not drawn */
    uint32_t *owner;                      /* [segment][seat]: booking + 1 */
    uint32_t *blocked;                    /* [seat]: block + 1 */
    uint8_t *special;                     /* [seat]: not for general sale */
};

struct sim_ledger_booking {
    struct uuid id, user_id;
    uint32_t zone, quantity;
    uint32_t block; /* + 1; 0: none */
    enum booking_status status;
    uint16_t from, to;
    bool pinned;
    bool posted;    /* its order's decision was done to it */
    bool uncounted; /* of an exchange under way: the other one is in the user's count */
    struct order_part order;
    uint64_t created_ms, deadline_ms;
    int64_t price;
    uint32_t seat_count;
    uint32_t seats[RECORD_SEATS_MAX];
};

struct sim_ledger_order {
    struct uuid id;
    uint64_t key;
    uint8_t count, known;
    bool posted, voided;
    uint32_t bookings[ORDER_ITEMS_MAX];
};

/* Of one zone for another, decided. */
struct sim_ledger_exchange {
    uint32_t old, new;
};

struct sim_ledger_block {
    struct uuid id;
    uint32_t zone, quantity;
    uint64_t expires_ms;
    bool active, allotment;
    uint32_t drawn[CATALOG_SEGMENTS_MAX];
    uint32_t seat_count;
    uint32_t *seats;
};

struct sim_ledger_count {
    struct uuid user_id;
    uint32_t event, tickets;
};

struct sim_ledger {
    struct sim_ledger_options options;
    struct sim_table ids, counts_by_id, keys;
    struct sim_table order_keys; /* of which order it made items last */
    struct sim_ledger_event *events;
    struct sim_ledger_show *shows;
    struct sim_ledger_zone *zones;
    struct sim_ledger_booking *bookings;
    struct sim_ledger_block *blocks;
    struct sim_ledger_count *counts;
    struct sim_ledger_order *orders;
    struct sim_ledger_exchange *exchanges;
    uint32_t event_count, show_count, zone_count, booking_count, block_count, count_count;
    uint32_t order_count, exchange_count, order_room, exchange_room;
    uint32_t event_room, show_room, zone_room, booking_room, block_room, count_room;
    uint64_t stamps[SHARD_COUNT_MAX];
    const struct record *record; /* being entered */
    char text[512];
};

/* Fills text and returns it. */
const char *sim_ledger_fail(struct sim_ledger *ledger, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* SIM_TABLE_MISSING: none. */
uint32_t sim_ledger_find(const struct sim_ledger *ledger, const struct uuid *id);
void sim_ledger_name(struct sim_ledger *ledger, const struct uuid *id, uint32_t number);
/* Tickets of a user; made when first asked for. */
struct sim_ledger_count *sim_ledger_count_of(struct sim_ledger *ledger, const struct uuid *user_id,
                                             uint32_t event);

/* Puts a booking's places in (sign +1) or takes them out (-1), of the zone and its
 * allotment; the caller has checked that they are free. */
void sim_ledger_place(struct sim_ledger *ledger, uint32_t booking, int sign);
/* What stands against putting a booking's places in. NULL: nothing. */
const char *sim_ledger_place_check(struct sim_ledger *ledger, uint32_t booking);
/* Free on the way: of general sale, or of the booking's allotment. */
uint32_t sim_ledger_left(const struct sim_ledger *ledger, const struct sim_ledger_booking *booking);
uint32_t sim_ledger_used(const struct sim_ledger_zone *zone);
/* A drain follows what is used. */
void sim_ledger_drain(struct sim_ledger_zone *zone);

/* In seconds from a fixed day, so that it fits a table. */
static inline uint32_t sim_ledger_second(uint64_t stamp_ms)
{
    return (uint32_t)(stamp_ms / 1000 - 1600000000);
}
/* The key made a record already and is still kept. */
bool sim_ledger_key_made(const struct sim_ledger *ledger);

/* --- ledger_orders.c: of live books only, where records come as they are decided --- */

/* An item, or the new booking of an exchange, was entered. */
const char *sim_ledger_item(struct sim_ledger *ledger, uint32_t booking);
const char *sim_ledger_order(struct sim_ledger *ledger);
/* Before a booking's record with a cause of orders is entered. */
const char *sim_ledger_part(struct sim_ledger *ledger, uint32_t booking, enum change_cause cause,
                            bool confirms);

const char *sim_ledger_catalog(struct sim_ledger *ledger);
const char *sim_ledger_block(struct sim_ledger *ledger);
const char *sim_ledger_zone_changed(struct sim_ledger *ledger);
const char *sim_ledger_changed(struct sim_ledger *ledger);

#endif
