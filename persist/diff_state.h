/* What PostgreSQL should hold: the engine's fold of the log, and beside it what
 * a booking's row has and the engine forgets. One thread. */
#ifndef PERSIST_DIFF_STATE_H
#define PERSIST_DIFF_STATE_H

#include "../engine/hash_index.h"
#include "replay_buffer.h"
#include "replay_fold.h"

enum { DIFF_FIELDS_MAX = 32 };

/* A row as PostgreSQL would print it, field by field. */
struct diff_row {
    struct replay_buffer text;
    size_t ends[DIFF_FIELDS_MAX];
    bool null[DIFF_FIELDS_MAX];
    int count;
};

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
    uint16_t from_segment, to_segment;
    bool seen;
};

struct diff_state {
    struct replay_fold fold;
    struct diff_booking *bookings;
    uint32_t booking_count, booking_capacity;
    struct hash_index by_id;
};

/* False: out of memory. */
bool diff_state_init(struct diff_state *state, uint32_t max_per_order);
void diff_state_release(struct diff_state *state);

enum shard_replay_result diff_state_apply(struct diff_state *state, uint32_t epoch, uint16_t shard,
                                          const struct record *record);

/* The tables that are compared, in this order. */
enum diff_table { DIFF_EVENTS, DIFF_SHOWS, DIFF_ZONES, DIFF_BOOKINGS, DIFF_TABLE_COUNT };

const char *diff_table_name(enum diff_table table);
/* A SELECT of the table's rows in the columns of diff_state_row; the first is the id. */
const char *diff_table_select(enum diff_table table);

/* Fills the row that should be there and notes that it was asked for. False: the
 * log knows no such id. */
bool diff_state_row(struct diff_state *state, enum diff_table table, const struct uuid *id,
                    struct diff_row *row);

/* Calls `visit` for the id of every row of the table, but of bookings only those
 * never asked for; stops on false. */
void diff_state_each(const struct diff_state *state, enum diff_table table,
                     bool (*visit)(void *context, const struct uuid *id), void *context);

#endif
