/* What PostgreSQL should hold: the engine's fold of the log, and beside it what
 * its rows have and the engine forgets. One thread. */
#ifndef PERSIST_DIFF_STATE_H
#define PERSIST_DIFF_STATE_H

#include "diff_kept.h"
#include "replay_fold.h"

struct diff_booking {
    struct uuid id;
    struct uuid payment_id;
    uint64_t key_hash;
    uint64_t sequence; /* of the reservation */
    uint32_t epoch;
    uint16_t shard;
    uint64_t confirmed_ms; /* 0: never */
    uint64_t updated_ms;   /* of its last record */
    struct uuid block_id;
    struct uuid order_id; /* nil: none */
    uint8_t order_item;
    uint16_t from_segment, to_segment;
    uint32_t seat_count; /* those it had last */
    size_t seats_at;     /* in seats */
    bool seen;
    bool from_snapshot;   /* its key and payment, and when it was confirmed, are not known */
    bool updated_unknown; /* nor when it was last changed: it has not ended */
};

/* Of blocks, what the engine does not keep. */
struct diff_block {
    struct uuid id;
    bool end_unknown;  /* it ended before the snapshot */
    uint64_t ended_ms; /* 0: active */
    enum change_cause end_cause;
};

/* The places taken of a trip's zone, counted over all bookings. */
struct diff_segments {
    struct uuid zone_id;
    uint32_t count;
    uint32_t reserved[CATALOG_SEGMENTS_MAX];
    uint32_t sold[CATALOG_SEGMENTS_MAX];
    uint32_t blocked[CATALOG_SEGMENTS_MAX];
};

struct diff_state {
    struct replay_fold fold;
    struct diff_booking *bookings;
    uint32_t booking_count, booking_capacity;
    struct hash_index by_id;
    struct replay_buffer seats; /* uint32_t, of bookings */
    struct diff_block *blocks;
    uint32_t block_count, block_capacity;
    struct hash_index by_block;
    struct diff_kept kept; /* orders and changes of bookings */
    struct diff_row scratch;
    struct diff_segments *segments; /* of all trips' zones, once counted */
    uint32_t segments_count;
};

/* False: out of memory. */
bool diff_state_init(struct diff_state *state, uint32_t max_per_order);
void diff_state_release(struct diff_state *state);

/* Begins with the newest good snapshot that `accept` wants, in place of the log before
 * it. What a row has beyond the snapshot counts as equal from then on. cut->number 0:
 * there is none. 0 or the exit code. */
int diff_state_restore(struct diff_state *state, const struct data_dir *dir,
                       snapshot_accept *accept, void *context, struct snapshot_cut *cut,
                       struct log_error *error);

enum shard_replay_result diff_state_apply(struct diff_state *state, uint32_t epoch, uint16_t shard,
                                          const struct record *record);

/* Fills the row that should be there, less its key, and notes that it was asked
 * for. False: the log knows no such row. */
bool diff_state_row(struct diff_state *state, enum diff_table table, const struct diff_key *key,
                    struct diff_row *row);

/* Calls `visit` with the key of every row of the table, but of bookings only those
 * never asked for; stops on false. */
typedef bool diff_visit(void *context, const struct diff_key *key);
void diff_state_each(const struct diff_state *state, enum diff_table table, diff_visit *visit,
                     void *context);

/* --- for the files of diff_state --- */

/* NULL: the log knows none with this id. */
struct diff_booking *diff_state_booking(const struct diff_state *state, const struct uuid *id);
struct diff_block *diff_state_block(const struct diff_state *state, const struct uuid *id);
/* False: out of memory. */
bool diff_state_add_booking(struct diff_state *state, const struct diff_booking *booking,
                            const uint32_t *seats, uint32_t seat_count);
bool diff_state_add_block(struct diff_state *state, const struct diff_block *block);

/* --- persist/diff_booking.c: as diff_state_row --- */

bool diff_booking_row(struct diff_state *state, const struct diff_key *key, struct diff_row *row);
bool diff_block_row(const struct diff_state *state, const struct diff_key *key,
                    struct diff_row *row);

/* --- persist/diff_catalog.c: of the catalog and its zones --- */

/* As diff_state_row. */
bool diff_catalog_row(const struct diff_state *state, enum diff_table table,
                      const struct diff_key *key, struct diff_row *row);
void diff_catalog_each(const struct diff_state *state, enum diff_table table, diff_visit *visit,
                       void *context);

/* --- persist/diff_segments.c --- */

/* After the last record, before rows of segments are asked for. False: out of memory. */
bool diff_segments_count(struct diff_state *state);
/* NULL: not a trip's zone. */
struct diff_segments *diff_segments_of(const struct diff_state *state, const struct uuid *zone_id);

#endif
