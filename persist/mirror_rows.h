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
    bool fresh; /* reserved in this batch; else only id, zone, quantity and its end are set */
    enum booking_status status;
    struct uuid id, user_id, event_id, show_id, zone_id;
    struct uuid payment_id;
    uint32_t quantity;
    uint16_t from_segment, to_segment;
    int64_t unit_price_minor;
    char currency[4];
    uint64_t reserved_ms, expires_ms;
    uint64_t ended_ms; /* confirmed, cancelled or expired at; 0 while reserved */
    uint64_t key_hash;
    uint16_t shard; /* of the reservation's record */
    uint64_t sequence;
};

/* One thing that happened to one booking. */
struct mirror_step {
    enum booking_status status; /* what it became */
    uint16_t item;              /* place within its record, from 1 */
    struct uuid booking_id, user_id, payment_id;
    struct mirror_zone *zone;
    uint32_t quantity;
    /* --- reserved only --- */
    int64_t unit_price_minor;
    uint64_t expires_ms;
    uint32_t remaining;
};

/* An event, show or zone for its staging table. */
void mirror_row_catalog(struct replay_buffer *out, const struct record *record);
void mirror_row_booking(struct replay_buffer *out, uint32_t epoch,
                        const struct mirror_booking *booking);
void mirror_row_settled(struct replay_buffer *out, const struct mirror_booking *booking);
void mirror_row_zone_change(struct replay_buffer *out, const struct mirror_zone *zone);

/* What a catalog record adds to both histories. */
void mirror_row_catalog_history(struct replay_buffer *outbox, struct replay_buffer *audit,
                                const struct mirror_origin *origin, const struct record *record);
void mirror_row_outbox(struct replay_buffer *out, const struct mirror_origin *origin,
                       const struct mirror_step *step);
void mirror_row_audit(struct replay_buffer *out, const struct mirror_origin *origin,
                      const struct mirror_step *step);

#endif
