/* Puts pieces of state (shard_export.h) into shards that have none yet, checking
 * instead of asserting: they come from the disk. The order is: the catalog
 * (restore.h), zones, blocks, bookings and keys of every shard, then
 * shard_import_settle once for each shard. Pure.
 *
 * Shards may be filled in parallel, one thread each, since nothing is shared but
 * the catalog's reference counts. shard_import_settle only reads the other
 * shards; it may run in parallel when all are filled. */
#ifndef ENGINE_SHARD_IMPORT_H
#define ENGINE_SHARD_IMPORT_H

#include "shard_export.h"

/* Sets the inventory of a zone whose catalog object is there. *number is what
 * shard_import_bookings calls the zone from then on. */
enum shard_replay_result shard_import_zone(struct shard *shard,
                                           const struct shard_zone_state *state, uint32_t *number);

/* A block of one of the shard's zones, before the bookings drawn from it. */
enum shard_replay_result shard_import_block(struct shard *shard,
                                            const struct shard_block_state *state);

enum { SHARD_IMPORT_BATCH = 64 };

/* Up to SHARD_IMPORT_BATCH bookings of the shard's zones, in the order they were
 * exported; `zone` is the number shard_import_zone gave. */
enum shard_replay_result shard_import_bookings(struct shard *shard,
                                               const struct shard_booking_state *bookings,
                                               uint32_t count);

/* The zone's bookings and blocks are all there: what counts its changes is set. */
void shard_import_zone_end(struct shard *shard, uint32_t number, uint32_t changes);

/* Makes the tables as large as they will be, so that they do not grow step by step.
 * Before the first piece; a guess is good enough. */
void shard_import_expect(struct shard *shard, uint64_t bookings, uint64_t users, uint64_t keys);

/* Up to SHARD_IMPORT_BATCH keys, oldest first; takes over the reference to each
 * object whatever the result. A key that is there already is left as it is. */
enum shard_replay_result shard_import_keys(struct shard *shard, const struct shard_key_state *keys,
                                           uint32_t count);

/* An order of one of the shard's users; what it points to is copied. */
enum shard_replay_result shard_import_order(struct shard *shard, const struct order *state);

/* Counts the tickets of the users at home here from the bookings of all shards. */
enum shard_replay_result shard_import_settle(struct shard *shard, struct shard *const *shards,
                                             uint16_t shard_count);

#endif
