/* The rows of the mirror's tables, encoded for COPY: one function a table, in
 * the column order of persist/mirror_store.c. Pure. */
#ifndef PERSIST_MIRROR_ROWS_H
#define PERSIST_MIRROR_ROWS_H

#include "../engine/command.h"
#include "mirror_zones.h"
#include "postgres_copy.h"

/* Where a row comes from. */
struct mirror_origin {
    uint32_t epoch;
    uint16_t shard;
    uint64_t sequence;
    uint64_t stamp_ms;
    struct actor actor;
};

/* A booking as the batch leaves it. */
struct mirror_booking {
    bool fresh;   /* reserved in this batch */
    bool whole;   /* not fresh, but all that can change is set: user, price, time to live, order,
                   * seats. Neither: only id, zone, quantity and its end are set. */
    bool counted; /* by PostgreSQL, not by the batch's sums */
    enum booking_status status;
    /* --- not fresh: how it was before the batch --- */
    bool before_known;
    enum booking_status status_before;
    uint32_t quantity_before;
    /* --- */
    struct uuid id, user_id, event_id, show_id, zone_id;
    struct uuid payment_id;
    uint32_t quantity;
    uint16_t from_segment, to_segment;
    int64_t unit_price_minor;
    char currency[4];
    uint64_t reserved_ms, expires_ms;
    uint64_t confirmed_ms; /* 0: not in this batch */
    uint64_t ended_ms;     /* cancelled, expired or refunded at; else 0 */
    uint64_t updated_ms;
    uint32_t ttl_ms; /* whole only */
    struct uuid block_id;
    struct order_part order;
    size_t seats_at; /* in the batch's seats */
    uint32_t seat_count;
    uint64_t key_hash;
    uint16_t shard; /* of the reservation's record */
    uint64_t sequence;
};

/* One thing that happened to one booking. */
struct mirror_step {
    enum booking_status status; /* what it became */
    enum change_cause cause;
    uint16_t item; /* place within its record, from 1 */
    struct uuid booking_id, user_id, payment_id;
    struct mirror_zone *zone;
    uint32_t quantity;
    /* --- reserved only --- */
    int64_t unit_price_minor;
    uint64_t expires_ms;
    uint32_t remaining;
};

/* An event, show or zone for its staging table. trip: a zone's show is one. */
void mirror_row_catalog(struct replay_buffer *out, const struct record *record, bool trip);
/* seats: the batch's. */
void mirror_row_booking(struct replay_buffer *out, uint32_t epoch,
                        const struct mirror_booking *booking, const char *seats);
void mirror_row_settled(struct replay_buffer *out, const struct mirror_booking *booking);
void mirror_row_changed(struct replay_buffer *out, const struct mirror_booking *booking,
                        const char *seats);
void mirror_row_zone_change(struct replay_buffer *out, const struct mirror_zone *zone);

/* The sums, and of a resized zone what it is now. */
void mirror_row_recount(struct replay_buffer *out, const struct mirror_zone *zone);

/* --- persist/mirror_rows_inventory.c --- */

/* The show's stop with this number. */
void mirror_row_stop(struct replay_buffer *out, const struct record *record, uint32_t stop);
void mirror_row_station(struct replay_buffer *out, const struct record *record);
void mirror_row_route(struct replay_buffer *out, const struct record *record);
void mirror_row_seat(struct replay_buffer *out, const struct uuid *zone_id,
                     const struct seat_plan *plan, uint32_t seat);
void mirror_row_block(struct replay_buffer *out, const struct record *record);
void mirror_row_order(struct replay_buffer *out, const struct record *record);
void mirror_row_booking_change(struct replay_buffer *out, const struct mirror_origin *origin,
                               const struct record *record, const char *currency);
/* The history of any of them, and of zones that changed. False: it leaves none. */
bool mirror_row_inventory_history(struct replay_buffer *outbox, struct replay_buffer *audit,
                                  const struct mirror_origin *origin, const struct record *record);

/* What a catalog record adds to both histories. */
void mirror_row_catalog_history(struct replay_buffer *outbox, struct replay_buffer *audit,
                                const struct mirror_origin *origin, const struct record *record);
void mirror_row_outbox(struct replay_buffer *out, const struct mirror_origin *origin,
                       const struct mirror_step *step);
void mirror_row_audit(struct replay_buffer *out, const struct mirror_origin *origin,
                      const struct mirror_step *step);

#endif
