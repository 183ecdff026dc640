/* One batch: records folded into the rows that one transaction brings to
 * PostgreSQL. A booking that begins and ends within the batch becomes one
 * finished row; one that was there before becomes one update; a zone's counts
 * change by one sum. Pure (no connection); one thread. */
#ifndef PERSIST_MIRROR_BATCH_H
#define PERSIST_MIRROR_BATCH_H

#include "../engine/command.h"
#include "../engine/partition.h"
#include "mirror_zones.h"
#include "replay_buffer.h"

enum mirror_table {
    MIRROR_EVENTS,
    MIRROR_STATIONS,
    MIRROR_ROUTES,
    MIRROR_SHOWS,
    MIRROR_STOPS,
    MIRROR_ZONES,
    MIRROR_SEATS,
    MIRROR_BLOCKS,
    MIRROR_COUNTED,      /* bookings whose places PostgreSQL counts, before and after */
    MIRROR_BOOKINGS,     /* new ones, in the state they have at the batch's end */
    MIRROR_SETTLED,      /* ends of reservations from before the batch */
    MIRROR_CHANGED,      /* any other change of bookings from before the batch */
    MIRROR_ZONE_CHANGES, /* sums for seat_zones */
    MIRROR_RECOUNTS,     /* the same where blocks, capacity or segments take part */
    MIRROR_ORDERS,
    MIRROR_BOOKING_CHANGES,
    MIRROR_OUTBOX,
    MIRROR_AUDIT,
    MIRROR_TABLE_COUNT
};

struct mirror_rows {
    struct replay_buffer copy; /* a stream for postgres_copy once sealed */
    uint32_t count;
};

/* What the batch takes from one shard's log: records (after, through]. */
struct mirror_span {
    uint64_t after;
    uint64_t through; /* equal to `after`: nothing */
    uint64_t stamp_ms;
};

struct mirror_booking;

struct mirror_batch {
    struct mirror_zones *zones;
    uint32_t epoch;
    uint32_t records;
    uint32_t rows;              /* of all tables, as they will be written */
    uint64_t first_ms, last_ms; /* stamps, for the audit log's partitions; 0: none */
    struct mirror_span spans[SHARD_COUNT_MAX];
    struct mirror_rows tables[MIRROR_TABLE_COUNT];
    struct mirror_booking *bookings;
    uint32_t booking_count, booking_capacity;
    struct hash_index by_id;
    struct replay_buffer seats; /* uint32_t, of bookings of this batch */
    char error[256];            /* of the last add that failed; one line */
};

/* False: out of memory. `zones` outlives the batch. */
bool mirror_batch_init(struct mirror_batch *batch, struct mirror_zones *zones);
void mirror_batch_release(struct mirror_batch *batch);

/* Empties it, for records of this epoch; positions[shard] is what PostgreSQL has. */
bool mirror_batch_reset(struct mirror_batch *batch, uint32_t epoch, const uint64_t *positions,
                        uint16_t shard_count);

enum mirror_batch_result {
    MIRROR_BATCH_OK = 0,
    MIRROR_BATCH_OUT_OF_MEMORY = -1,
    /* The record cannot follow what came before it; see error. The batch is as
     * it was, and may be written. */
    MIRROR_BATCH_IMPOSSIBLE = -2
};

enum mirror_batch_result mirror_batch_add(struct mirror_batch *batch, uint16_t shard,
                                          const struct record *record);

/* Writes what was folded and ends the streams. False: out of memory. */
bool mirror_batch_seal(struct mirror_batch *batch);

#endif
