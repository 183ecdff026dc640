/* An accountant beside the engine: keeps books of its own from the records alone,
 * in arrays, and says which record breaks which rule of docs/inventory.md. It
 * shares nothing with the engine but the layout of records. The numbers in its
 * complaints are those of the invariants in docs/simulator.md. */
#ifndef TESTS_SIM_LEDGER_H
#define TESTS_SIM_LEDGER_H

#include "../../engine/record.h"
#include "../../engine/shard.h"
#include "table.h"

struct sim_ledger;

struct sim_ledger_options {
    uint32_t ttl_ms, hold_ms_max;
    uint32_t max_per_order;
    uint32_t key_ms; /* how long a key is kept */
    /* Records come in the order they were decided in, over all shards: limits hold
     * after each. Else only at the end (sim_ledger_check_limits). */
    bool live;
};

struct sim_ledger *sim_ledger_new(const struct sim_ledger_options *options);
void sim_ledger_free(struct sim_ledger *ledger); /* NULL: nothing */

/* Enters a record. NULL: all is well; else what is wrong, until the next call. */
const char *sim_ledger_record(struct sim_ledger *ledger, uint16_t shard,
                              const struct record *record);

/* Recounts every zone from its bookings and blocks (I1, I2, I3). */
const char *sim_ledger_recount(struct sim_ledger *ledger);
/* No user is over an event's limit (I4). */
const char *sim_ledger_check_limits(struct sim_ledger *ledger);
/* With nothing under way: orders and exchanges are whole or nothing (I11, I29). */
const char *sim_ledger_check_orders(struct sim_ledger *ledger);
/* With nothing under way: the homes' counts of tickets are those of the books (I4). */
const char *sim_ledger_compare_counts(struct sim_ledger *ledger, struct shard *const *shards,
                                      const struct partition_map *partitions);
/* The engine's counts of zones and facts of bookings are those of the books. All
 * that is due at now_ms must have expired, if `now_ms` is not 0 (I7). */
const char *sim_ledger_compare(struct sim_ledger *ledger, struct shard *const *shards,
                               const struct partition_map *partitions, uint64_t now_ms);

/* The earliest deadline there is, of reservations not pinned, and of blocks. */
uint64_t sim_ledger_deadline(const struct sim_ledger *ledger);
/* True: the last record that carried the key is of that second. */
bool sim_ledger_has_key(const struct sim_ledger *ledger, uint64_t key_hash, uint64_t stamp_ms);
/* True: the key made a record not longer ago than keys are kept. */
bool sim_ledger_key_counts(const struct sim_ledger *ledger, uint64_t key_hash, uint64_t stamp_ms);
/* False: there is no such booking. */
bool sim_ledger_status(const struct sim_ledger *ledger, const struct uuid *booking_id,
                       enum booking_status *status);
uint32_t sim_ledger_bookings(const struct sim_ledger *ledger);
/* A hash over all books that does not depend on the order of entries. */
uint64_t sim_ledger_hash(const struct sim_ledger *ledger);

#endif
