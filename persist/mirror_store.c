/* A batch's transaction: move the cursors (which also fences a second writer:
 * they must still be where we read them), then bring in the catalog, the
 * bookings, the counts and the histories (mirror_plans.c). */
#include "mirror_store.h"

#include "mirror_plans.h"
#include "postgres_schema.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* One database mirrors one cluster, and advisory locks are per database. */
#define MIRROR_LOCK "pg_try_advisory_lock(1651470456, 1)"

enum { LOCK_TRIES = 20 }; /* of a tenth of a second each */

void mirror_store_init(struct mirror_store *store, const struct uuid *cluster)
{
    *store = (struct mirror_store){.cluster = *cluster};
    postgres_init(&store->session);
    *uuid_format(cluster, store->cluster_text) = '\0';
}

void mirror_store_close(struct mirror_store *store)
{
    postgres_disconnect(&store->session);
}

/* --- opening --- */

static enum mirror_store_outcome try_lock(struct mirror_store *store, bool *taken)
{
    PGresult *rows = NULL;
    const enum postgres_outcome outcome =
        postgres_query(&store->session, &rows, "SELECT " MIRROR_LOCK, 0, NULL);
    if (outcome != POSTGRES_OK)
        return (enum mirror_store_outcome)outcome;
    *taken = PQgetvalue(rows, 0, 0)[0] == 't';
    PQclear(rows);
    return MIRROR_STORE_OK;
}

/* A mirror that has just ended may still have its backend for a moment. */
static enum mirror_store_outcome take_lock(struct mirror_store *store)
{
    const struct timespec pause = {.tv_nsec = 100000000};
    for (int tries = 0; tries < LOCK_TRIES; tries++) {
        bool taken = false;
        const enum mirror_store_outcome outcome = try_lock(store, &taken);
        if (outcome != MIRROR_STORE_OK || taken)
            return outcome;
        (void)nanosleep(&pause, NULL);
    }
    (void)snprintf(
        store->session.error, sizeof store->session.error,
        "another boxreplay mirrors into this database (it holds the advisory lock); "
        "stop it, or find it with: SELECT pid FROM pg_locks WHERE locktype = 'advisory'");
    return MIRROR_STORE_LOCKED;
}

static enum mirror_store_outcome check_cluster(struct mirror_store *store)
{
    PGresult *rows = NULL;
    const char *parameters[] = {store->cluster_text};
    const enum postgres_outcome outcome = postgres_query(
        &store->session, &rows,
        "SELECT cluster_id FROM mirror_cursor WHERE cluster_id <> $1::uuid LIMIT 1", 1, parameters);
    if (outcome != POSTGRES_OK)
        return (enum mirror_store_outcome)outcome;
    enum mirror_store_outcome answer = MIRROR_STORE_OK;
    if (PQntuples(rows) > 0) {
        answer = MIRROR_STORE_REFUSED;
        (void)snprintf(store->session.error, sizeof store->session.error,
                       "the database mirrors cluster %s, the log is of cluster %s: use another "
                       "database, or the right data directory",
                       PQgetvalue(rows, 0, 0), store->cluster_text);
    }
    PQclear(rows);
    return answer;
}

enum mirror_store_outcome mirror_store_open(struct mirror_store *store, const char *url)
{
    enum mirror_store_outcome outcome =
        (enum mirror_store_outcome)postgres_connect(&store->session, url);
    if (outcome == MIRROR_STORE_OK)
        outcome = take_lock(store);
    if (outcome == MIRROR_STORE_OK)
        outcome = (enum mirror_store_outcome)postgres_schema_migrate(&store->session);
    if (outcome == MIRROR_STORE_OK)
        outcome = check_cluster(store);
    if (outcome == MIRROR_STORE_OK)
        outcome =
            (enum mirror_store_outcome)postgres_run(&store->session, mirror_staging_tables, NULL);
    return outcome;
}

/* --- reading --- */

static uint64_t cell_number(const PGresult *rows, int row, int column)
{
    return strtoull(PQgetvalue(rows, row, column), NULL, 10);
}

enum mirror_store_outcome mirror_store_cursors(struct postgres_session *session,
                                               const char *cluster_text,
                                               struct mirror_cursor **cursors, uint32_t *count)
{
    PGresult *rows = NULL;
    const char *parameters[] = {cluster_text};
    const enum postgres_outcome outcome = postgres_query(
        session, &rows,
        "SELECT epoch, shard, sequence, coalesce((extract(epoch FROM stamp) * 1000)::bigint, 0)"
        " FROM mirror_cursor WHERE cluster_id = $1::uuid ORDER BY epoch, shard",
        1, parameters);
    if (outcome != POSTGRES_OK)
        return (enum mirror_store_outcome)outcome;
    const int row_count = PQntuples(rows);
    struct mirror_cursor *items = calloc((size_t)row_count + 1, sizeof *items);
    for (int row = 0; items != NULL && row < row_count; row++) {
        items[row].position.epoch = (uint32_t)cell_number(rows, row, 0);
        items[row].position.shard = (uint16_t)cell_number(rows, row, 1);
        items[row].position.sequence = cell_number(rows, row, 2);
        items[row].stamp_ms = cell_number(rows, row, 3);
    }
    PQclear(rows);
    *cursors = items;
    *count = (uint32_t)row_count;
    return items != NULL ? MIRROR_STORE_OK : MIRROR_STORE_RETRY;
}

static enum mirror_store_outcome load_trips(struct mirror_store *store, struct mirror_zones *zones)
{
    PGresult *rows = NULL;
    const enum postgres_outcome outcome = postgres_query(
        &store->session, &rows, "SELECT id FROM shows WHERE segment_count > 1", 0, NULL);
    if (outcome != POSTGRES_OK)
        return (enum mirror_store_outcome)outcome;
    bool good = true;
    const int row_count = PQntuples(rows);
    for (int row = 0; good && row < row_count; row++) {
        struct uuid id;
        good = uuid_parse(&id, PQgetvalue(rows, row, 0), UUID_TEXT_LENGTH) &&
               mirror_zones_put_trip(zones, &id);
    }
    PQclear(rows);
    if (good)
        return MIRROR_STORE_OK;
    (void)snprintf(store->session.error, sizeof store->session.error, "out of memory for trips");
    return MIRROR_STORE_RETRY;
}

enum mirror_store_outcome mirror_store_zones(struct mirror_store *store, struct mirror_zones *zones)
{
    PGresult *rows = NULL;
    const enum postgres_outcome outcome = postgres_query(
        &store->session, &rows,
        "SELECT z.id, z.show_id, z.event_id, z.currency, w.segment_count > 1,"
        " z.target_seats < z.total_seats OR EXISTS (SELECT FROM blocks b WHERE b.zone_id = z.id)"
        " FROM seat_zones z JOIN shows w ON w.id = z.show_id",
        0, NULL);
    if (outcome != POSTGRES_OK)
        return (enum mirror_store_outcome)outcome;
    bool good = true;
    const int row_count = PQntuples(rows);
    for (int row = 0; good && row < row_count; row++) {
        struct mirror_zone zone = {0};
        good = uuid_parse(&zone.id, PQgetvalue(rows, row, 0), UUID_TEXT_LENGTH) &&
               uuid_parse(&zone.show_id, PQgetvalue(rows, row, 1), UUID_TEXT_LENGTH) &&
               uuid_parse(&zone.event_id, PQgetvalue(rows, row, 2), UUID_TEXT_LENGTH);
        (void)snprintf(zone.currency, sizeof zone.currency, "%s", PQgetvalue(rows, row, 3));
        zone.trip = PQgetvalue(rows, row, 4)[0] == 't';
        zone.recount = PQgetvalue(rows, row, 5)[0] == 't';
        good = good && mirror_zones_put(zones, &zone);
    }
    PQclear(rows);
    if (good)
        return load_trips(store, zones);
    (void)snprintf(store->session.error, sizeof store->session.error, "out of memory for zones");
    return MIRROR_STORE_RETRY;
}

enum mirror_store_outcome mirror_store_begin_epoch(struct mirror_store *store,
                                                   const struct data_dir_epoch *epoch)
{
    char sql[512];
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO mirror_cursor (cluster_id, epoch, shard, sequence)"
                   " SELECT '%s', %" PRIu32 ", shard, %" PRIu64
                   " FROM generate_series(0, %u) AS shard ON CONFLICT DO NOTHING",
                   store->cluster_text, epoch->number, epoch->first_sequence - 1,
                   (unsigned)(epoch->shard_count - 1));
    return (enum mirror_store_outcome)postgres_run(&store->session, sql, NULL);
}

/* --- writing --- */

static enum mirror_store_outcome
move_cursors(struct mirror_store *store, const struct mirror_batch *batch, uint16_t shard_count)
{
    struct replay_buffer sql;
    replay_buffer_init(&sql);
    replay_buffer_text(&sql, "UPDATE mirror_cursor c SET sequence = v.through,"
                             " stamp = to_timestamp(v.stamp_ms / 1000.0), updated_at = now()"
                             " FROM (VALUES ");
    uint64_t moved = 0;
    for (uint16_t shard = 0; shard < shard_count; shard++) {
        const struct mirror_span *span = &batch->spans[shard];
        if (span->through == span->after)
            continue;
        replay_buffer_format(&sql, "%s(%u, %" PRIu64 "::bigint, %" PRIu64 "::bigint, %" PRIu64 ")",
                             moved > 0 ? ", " : "", (unsigned)shard, span->after, span->through,
                             span->stamp_ms);
        moved++;
    }
    replay_buffer_format(&sql,
                         ") AS v (shard, after, through, stamp_ms) WHERE c.cluster_id = '%s'"
                         " AND c.epoch = %" PRIu32
                         " AND c.shard = v.shard AND c.sequence = v.after",
                         store->cluster_text, batch->epoch);
    uint64_t affected = 0;
    enum mirror_store_outcome outcome = MIRROR_STORE_RETRY;
    if (!sql.failed)
        outcome = (enum mirror_store_outcome)postgres_run(&store->session,
                                                          replay_buffer_string(&sql), &affected);
    replay_buffer_release(&sql);
    if (outcome == MIRROR_STORE_OK && affected != moved) {
        (void)snprintf(store->session.error, sizeof store->session.error,
                       "the cursor in the database was moved by somebody else");
        return MIRROR_STORE_RETRY;
    }
    return outcome;
}

static int month_of(uint64_t unix_ms)
{
    const time_t seconds = (time_t)(unix_ms / 1000);
    struct tm at;
    if (gmtime_r(&seconds, &at) == NULL)
        return 0;
    return (at.tm_year + 1900) * 12 + at.tm_mon;
}

/* The audit log's partitions for the batch's months. In the batch's transaction:
 * should it fail, they are made again. */
static enum mirror_store_outcome make_partitions(struct mirror_store *store,
                                                 const struct mirror_batch *batch)
{
    enum mirror_store_outcome outcome = MIRROR_STORE_OK;
    const int last = month_of(batch->last_ms);
    for (int month = month_of(batch->first_ms); month <= last && outcome == MIRROR_STORE_OK;
         month++) {
        char sql[256];
        (void)snprintf(sql, sizeof sql,
                       "CREATE TABLE IF NOT EXISTS audit_logs_%04d_%02d PARTITION OF audit_logs"
                       " FOR VALUES FROM ('%04d-%02d-01 00:00:00+00') TO"
                       " ('%04d-%02d-01 00:00:00+00')",
                       month / 12, month % 12 + 1, month / 12, month % 12 + 1, (month + 1) / 12,
                       (month + 1) % 12 + 1);
        outcome = (enum mirror_store_outcome)postgres_run(&store->session, sql, NULL);
    }
    return outcome;
}

static enum mirror_store_outcome bring_in(struct mirror_store *store,
                                          const struct mirror_batch *batch, enum mirror_table table)
{
    const struct mirror_rows *rows = &batch->tables[table];
    const struct mirror_plan *plan = &mirror_plans[table];
    if (rows->count == 0)
        return MIRROR_STORE_OK;
    enum postgres_outcome outcome = postgres_copy(&store->session, plan->copy, &rows->copy);
    if (outcome != POSTGRES_OK || plan->fold == NULL)
        return (enum mirror_store_outcome)outcome;
    uint64_t affected = 0;
    outcome = postgres_run(&store->session, plan->fold, &affected);
    if (outcome == POSTGRES_OK && plan->what != NULL && affected != rows->count) {
        (void)snprintf(store->session.error, sizeof store->session.error,
                       "%" PRIu64 " of %" PRIu32 " %s: rows were changed or removed by hand",
                       rows->count - affected, rows->count, plan->what);
        return MIRROR_STORE_REFUSED;
    }
    return (enum mirror_store_outcome)outcome;
}

/* Behind the last table of bookings: adds again what was taken off before them. */
static enum mirror_store_outcome
count_again(struct mirror_store *store, const struct mirror_batch *batch, enum mirror_table table)
{
    if (table != MIRROR_CHANGED || batch->tables[MIRROR_COUNTED].count == 0)
        return MIRROR_STORE_OK;
    return (enum mirror_store_outcome)postgres_run(&store->session, mirror_count_again, NULL);
}

/* Puts the version before into the audit rows of changed catalog objects. Such
 * changes are rare, so the mirror keeps no old versions in memory for it. */
static enum mirror_store_outcome fill_old_values(struct mirror_store *store,
                                                 const struct mirror_batch *batch)
{
    if (batch->tables[MIRROR_EVENTS].count + batch->tables[MIRROR_SHOWS].count +
            batch->tables[MIRROR_ZONES].count ==
        0)
        return MIRROR_STORE_OK;
    char sql[1024];
    (void)snprintf(
        sql, sizeof sql,
        "UPDATE audit_logs a SET old_values = (SELECT b.new_values FROM audit_logs b"
        " WHERE b.object_id = a.object_id AND b.object_type = a.object_type"
        " AND (b.log_epoch, b.log_sequence) < (a.log_epoch, a.log_sequence)"
        " ORDER BY b.log_epoch DESC, b.log_sequence DESC LIMIT 1)"
        " WHERE a.created_at BETWEEN to_timestamp(%" PRIu64 " / 1000.0) AND to_timestamp(%" PRIu64
        " / 1000.0) AND a.log_epoch = %" PRIu32 " AND a.log_shard = 0 AND a.log_sequence > %" PRIu64
        " AND a.log_sequence <= %" PRIu64 " AND a.object_type IN ('event', 'show', 'zone')",
        batch->first_ms, batch->last_ms, batch->epoch, batch->spans[0].after,
        batch->spans[0].through);
    return (enum mirror_store_outcome)postgres_run(&store->session, sql, NULL);
}

enum mirror_store_outcome mirror_store_write(struct mirror_store *store,
                                             const struct mirror_batch *batch, uint16_t shard_count)
{
    enum mirror_store_outcome outcome =
        (enum mirror_store_outcome)postgres_run(&store->session, "BEGIN", NULL);
    if (outcome == MIRROR_STORE_OK)
        outcome = move_cursors(store, batch, shard_count);
    if (outcome == MIRROR_STORE_OK)
        outcome = make_partitions(store, batch);
    for (int table = 0; table < MIRROR_TABLE_COUNT && outcome == MIRROR_STORE_OK; table++) {
        outcome = bring_in(store, batch, (enum mirror_table)table);
        if (outcome == MIRROR_STORE_OK)
            outcome = count_again(store, batch, (enum mirror_table)table);
    }
    if (outcome == MIRROR_STORE_OK)
        outcome = fill_old_values(store, batch);
    if (outcome == MIRROR_STORE_OK)
        outcome = (enum mirror_store_outcome)postgres_run(&store->session, "COMMIT", NULL);
    return outcome;
}
