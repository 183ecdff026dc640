/* What the files of mirror_batch.h share. */
#ifndef PERSIST_MIRROR_BATCH_PRIVATE_H
#define PERSIST_MIRROR_BATCH_PRIVATE_H

#include "mirror_batch.h"
#include "mirror_rows.h"

/* NULL: not of this batch. Holds until the next grow. */
struct mirror_booking *mirror_batch_find(const struct mirror_batch *batch, const struct uuid *id);
/* Makes room for as many more. False: out of memory. */
bool mirror_batch_grow(struct mirror_batch *batch, uint32_t more);
/* Adds one for which there is room. False: out of memory. */
bool mirror_batch_keep(struct mirror_batch *batch, const struct mirror_booking *booking);

void mirror_batch_count(struct mirror_batch *batch, enum mirror_table table);
/* Says "what id" in the batch's error. */
enum mirror_batch_result mirror_batch_impossible(struct mirror_batch *batch, const char *what,
                                                 const struct uuid *id);

/* --- mirror_batch_booking.c --- */

enum mirror_batch_result mirror_batch_add_reserved(struct mirror_batch *batch,
                                                   const struct mirror_origin *origin,
                                                   const struct record *record);
/* Confirmed or cancelled. */
enum mirror_batch_result mirror_batch_add_settled(struct mirror_batch *batch,
                                                  const struct mirror_origin *origin,
                                                  const struct record *record);
enum mirror_batch_result mirror_batch_add_expired(struct mirror_batch *batch,
                                                  const struct mirror_origin *origin,
                                                  const struct record *record);

/* What a booking holds of its zone: its quantity if reserved or confirmed. */
struct mirror_places {
    enum booking_status status;
    uint32_t quantity;
};
void mirror_batch_move(struct mirror_batch *batch, struct mirror_zone *zone,
                       const struct mirror_booking *booking, struct mirror_places from,
                       struct mirror_places to);
void mirror_batch_become(struct mirror_booking *booking, enum booking_status status,
                         uint64_t now_ms);
void mirror_batch_put_seats(struct mirror_batch *batch, struct mirror_booking *booking,
                            const uint32_t *seats, uint32_t count);

/* --- mirror_batch_inventory.c --- */

void mirror_batch_add_stops(struct mirror_batch *batch, const struct record *record);
/* Of a zone's plan. */
enum mirror_batch_result mirror_batch_add_seats(struct mirror_batch *batch,
                                                const struct record *record);
/* Stations, routes, changed bookings, blocks, zone changes and orders. */
enum mirror_batch_result mirror_batch_add_inventory(struct mirror_batch *batch,
                                                    const struct mirror_origin *origin,
                                                    const struct record *record);

#endif
