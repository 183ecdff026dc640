/* Orders of the users whose home is this shard: which bookings belong together.
 * Derived from records (a booking's order part, RECORD_ORDER) and rebuilt from
 * the logs at start. What becomes of an order that a crash interrupted is
 * decided here too: presumed void unless its posting was logged. Pure.
 *
 * An order is never dropped: a client may ask for it as long as for a booking. */
#ifndef ENGINE_ORDER_H
#define ENGINE_ORDER_H

#include "hash_index.h"
#include "command.h"
#include "slab.h"

enum order_state {
    ORDER_HOLDING,    /* its items are being held */
    ORDER_HELD,       /* all are */
    ORDER_CONFIRMING, /* its bookings are being pinned or posted */
    ORDER_CONFIRMED,
    ORDER_ENDED /* cancelled, void or lapsed */
};

struct order {
    struct uuid id;
    struct uuid user_id;
    uint8_t state; /* enum order_state */
    uint8_t count;
    uint8_t known;       /* bit i: bookings[i] is set */
    uint8_t kind;        /* enum order_kind; ORDER_EXCHANGE: bookings[0] the old, [1] the new */
    uint8_t end;         /* enum booking_status, once posted */
    uint8_t recovery;    /* enum order_recovery: what a start found to do */
    bool posted;         /* RECORD_ORDER with ORDER_POSTED is in the log */
    bool voided;         /* ... with ORDER_VOIDED */
    bool busy;           /* a command on it is under way */
    uint64_t expires_ms; /* exchange: the deadline that goes on */
    uint64_t decided_ms; /* stamp of that record; its key counts from then */
    /* After a start, until the answers that the keys have are put together: */
    struct request_key create_key, end_key;
    struct order_facts *created, *ended;
    struct uuid payment_id;
    struct uuid bookings[ORDER_ITEMS_MAX];
};

/* An exchange between zones has the old booking's id. */
struct order_table {
    struct slab orders;
    struct hash_index by_id;
};

/* False: out of memory. */
bool order_table_init(struct order_table *table);
void order_table_release(struct order_table *table);

/* NULL: unknown. */
struct order *order_find(const struct order_table *table, const struct uuid *id);
/* A new one in ORDER_HOLDING; the id must be new (asserted). NULL: full. */
struct order *order_open(struct order_table *table, const struct uuid *id,
                         const struct uuid *user_id, uint8_t count);
/* An order of which nothing was ever held: as if it had not been. */
void order_close(struct order_table *table, struct order *order);
void order_set_booking(struct order *order, uint8_t item, const struct uuid *booking_id);
/* The log says, at decided_ms, what was decided of it. */
void order_decided(struct order *order, const struct record_order *decided, uint64_t decided_ms);
/* What all its bookings are; where they differ, the liveliest. */
enum booking_status order_status_of(const struct order_facts *facts);
/* When an order whose bookings are all known was made: with the last of them. The key
 * that made it counts from then, whenever that was answered. */
uint64_t order_created_ms(const struct uuid bookings[], uint32_t count);
/* The bits of an order's items. */
static inline uint8_t order_all(uint8_t count)
{
    return (uint8_t)((1U << count) - 1U);
}

/* --- replay: the disk's word; false: impossible or out of memory --- */

bool order_replay_reserved(struct order_table *table, const struct record_reserved *reserved);
/* A booking pinned; says something new of an exchange only. */
bool order_replay_pinned(struct order_table *table, const struct record_changed *changed);
/* The order. NULL: impossible or out of memory. */
struct order *order_replay_decided(struct order_table *table, const struct record_order *decided,
                                   uint64_t decided_ms);

/* An exchange may have been tried more than once, and logs of several shards do not tell
 * in which order: the new booking that is still reserved for it when all are replayed is
 * that of the last try. What was decided counts before it. */
void order_try(struct order *order, const struct uuid *booking_id);

/* What has to happen to an order when all logs are replayed; `statuses` are those
 * of its known bookings, `pending` the bits of those that are pinned or, in an
 * exchange, still name it. Sets state and recovery. */
enum order_recovery {
    ORDER_RECOVERY_NONE, /* it stands as it is */
    ORDER_RECOVERY_VOID, /* what is still reserved or pinned of it is to be voided */
    ORDER_RECOVERY_POST  /* what was decided is to be done where it has not been */
};
void order_recover(struct order *order, const enum booking_status statuses[ORDER_ITEMS_MAX],
                   uint8_t pending);

uint64_t order_table_bytes(const struct order_table *table);

#endif
