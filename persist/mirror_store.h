/* The mirror's side of PostgreSQL: the replayer's lock, the cursor, and one
 * transaction a batch that moves rows and cursor together, so that each record
 * counts exactly once whatever breaks in between. One thread. */
#ifndef PERSIST_MIRROR_STORE_H
#define PERSIST_MIRROR_STORE_H

#include "data_dir.h"
#include "mirror_batch.h"
#include "postgres_session.h"

struct mirror_cursor {
    struct log_position position;
    uint64_t stamp_ms; /* of that record; 0: none */
};

struct mirror_store {
    struct postgres_session session;
    struct uuid cluster;
    char cluster_text[UUID_TEXT_LENGTH + 1];
};

enum mirror_store_outcome {
    MIRROR_STORE_OK = POSTGRES_OK,
    MIRROR_STORE_RETRY = POSTGRES_RETRY,     /* reconnect, read the cursor, go on from there */
    MIRROR_STORE_REFUSED = POSTGRES_REFUSED, /* session.error says why */
    MIRROR_STORE_LOCKED                      /* another replayer holds the lock */
};

void mirror_store_init(struct mirror_store *store, const struct uuid *cluster);
void mirror_store_close(struct mirror_store *store);

/* Connects, takes the lock, migrates the schema, makes the staging tables, and
 * refuses a database that mirrors another cluster. */
enum mirror_store_outcome mirror_store_open(struct mirror_store *store, const char *url);

/* All cursors of this cluster, by epoch and shard; malloc'd, the caller's. */
enum mirror_store_outcome mirror_store_cursors(struct postgres_session *session,
                                               const char *cluster_text,
                                               struct mirror_cursor **cursors, uint32_t *count);

/* The zones PostgreSQL knows. */
enum mirror_store_outcome mirror_store_zones(struct mirror_store *store,
                                             struct mirror_zones *zones);

/* Cursors for a new epoch's shards, before its first record. */
enum mirror_store_outcome mirror_store_begin_epoch(struct mirror_store *store,
                                                   const struct data_dir_epoch *epoch);

/* The sealed batch as one transaction. Not OK: nothing of it is known to be in
 * the database; the session must be opened again. */
enum mirror_store_outcome mirror_store_write(struct mirror_store *store,
                                             const struct mirror_batch *batch,
                                             uint16_t shard_count);

#endif
