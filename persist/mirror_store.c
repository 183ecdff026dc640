/* A batch's transaction: move the cursors (which also fences a second writer:
 * they must still be where we read them), then bring in the catalog, the
 * bookings, the counts and the histories. New bookings are copied straight into
 * their table, so a row that is there already stops the mirror instead of being
 * overwritten; ends of older bookings go through a staging table. */
#include "mirror_store.h"

#include "postgres_schema.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* One database mirrors one cluster, and advisory locks are per database. */
#define MIRROR_LOCK "pg_try_advisory_lock(1651470456, 1)"

enum { LOCK_TRIES = 20 }; /* of a tenth of a second each */

#define EVENT_COLUMNS                                                                              \
    "id, tenant_id, organizer_id, title, slug, description, venue, city, image_url, status, "      \
    "sale_start_at, sale_end_at, max_per_user, created_at, updated_at"
#define SHOW_COLUMNS "id, event_id, name, show_date, segment_count, created_at, updated_at"
#define ZONE_COLUMNS                                                                               \
    "id, show_id, event_id, name, kind, price, currency, total_seats, available_seats, "           \
    "reserved_seats, sold_seats, created_at, updated_at"
#define COPY_BINARY " FROM STDIN (FORMAT binary)"

static const char staging_tables[] =
    "CREATE TEMP TABLE stage_events (LIKE events, log_sequence bigint) ON COMMIT DELETE ROWS;"
    "CREATE TEMP TABLE stage_shows (LIKE shows, log_sequence bigint) ON COMMIT DELETE ROWS;"
    "CREATE TEMP TABLE stage_zones (LIKE seat_zones, log_sequence bigint) ON COMMIT DELETE ROWS;"
    "CREATE TEMP TABLE stage_settled (id uuid, zone_id uuid, quantity integer, status text,"
    " payment_id uuid, ended_at timestamptz) ON COMMIT DELETE ROWS;"
    "CREATE TEMP TABLE stage_changes (id uuid, available bigint, reserved bigint, sold bigint)"
    " ON COMMIT DELETE ROWS";

/* How each table's rows come in. `fold` NULL: COPY goes to the table itself. */
static const struct table_plan {
    const char *copy;
    const char *fold;
    const char *what; /* of which each must match; NULL: need not */
} plans[MIRROR_TABLE_COUNT] = {
    [MIRROR_EVENTS] =
        {"COPY stage_events (" EVENT_COLUMNS ", log_sequence)" COPY_BINARY,
         "INSERT INTO events (" EVENT_COLUMNS ") SELECT DISTINCT ON (id) " EVENT_COLUMNS
         " FROM stage_events ORDER BY id, log_sequence DESC ON CONFLICT (id) DO UPDATE SET"
         " tenant_id = EXCLUDED.tenant_id, organizer_id = EXCLUDED.organizer_id,"
         " title = EXCLUDED.title, slug = EXCLUDED.slug, description = EXCLUDED.description,"
         " venue = EXCLUDED.venue, city = EXCLUDED.city, image_url = EXCLUDED.image_url,"
         " status = EXCLUDED.status, sale_start_at = EXCLUDED.sale_start_at,"
         " sale_end_at = EXCLUDED.sale_end_at, max_per_user = EXCLUDED.max_per_user,"
         " created_at = EXCLUDED.created_at, updated_at = EXCLUDED.updated_at",
         NULL},
    [MIRROR_SHOWS] =
        {"COPY stage_shows (" SHOW_COLUMNS ", log_sequence)" COPY_BINARY,
         "INSERT INTO shows (" SHOW_COLUMNS ") SELECT DISTINCT ON (id) " SHOW_COLUMNS
         " FROM stage_shows ORDER BY id, log_sequence DESC ON CONFLICT (id) DO UPDATE SET"
         " event_id = EXCLUDED.event_id, name = EXCLUDED.name, show_date = EXCLUDED.show_date,"
         " segment_count = EXCLUDED.segment_count, created_at = EXCLUDED.created_at,"
         " updated_at = EXCLUDED.updated_at",
         NULL},
    [MIRROR_ZONES] =
        {"COPY stage_zones (" ZONE_COLUMNS ", log_sequence)" COPY_BINARY,
         "INSERT INTO seat_zones AS z (" ZONE_COLUMNS ") SELECT DISTINCT ON (id) " ZONE_COLUMNS
         " FROM stage_zones ORDER BY id, log_sequence DESC ON CONFLICT (id) DO UPDATE SET"
         " show_id = EXCLUDED.show_id, event_id = EXCLUDED.event_id, name = EXCLUDED.name,"
         " kind = EXCLUDED.kind, price = EXCLUDED.price, currency = EXCLUDED.currency,"
         " available_seats = z.available_seats + EXCLUDED.total_seats - z.total_seats,"
         " total_seats = EXCLUDED.total_seats, created_at = EXCLUDED.created_at,"
         " updated_at = EXCLUDED.updated_at",
         NULL},
    [MIRROR_BOOKINGS] =
        {"COPY bookings (id, user_id, event_id, show_id, zone_id, quantity, from_segment,"
         " to_segment, unit_price, total_amount, currency, status, payment_id, created_at,"
         " reserved_at, expires_at, confirmed_at, cancelled_at, expired_at, updated_at,"
         " idempotency_key_hash, log_epoch, log_shard, log_sequence)" COPY_BINARY,
         NULL, NULL},
    [MIRROR_SETTLED] =
        {"COPY stage_settled" COPY_BINARY,
         "UPDATE bookings b SET status = s.status, payment_id = s.payment_id,"
         " confirmed_at = CASE s.status WHEN 'confirmed' THEN s.ended_at END,"
         " cancelled_at = CASE s.status WHEN 'cancelled' THEN s.ended_at END,"
         " expired_at = CASE s.status WHEN 'expired' THEN s.ended_at END,"
         " updated_at = s.ended_at FROM stage_settled s WHERE b.id = s.id"
         " AND b.status = 'reserved' AND b.zone_id = s.zone_id AND b.quantity = s.quantity",
         "bookings that end are not there as reserved, in that zone with that quantity"},
    [MIRROR_ZONE_CHANGES] =
        {"COPY stage_changes" COPY_BINARY,
         "UPDATE seat_zones z SET available_seats = z.available_seats + s.available,"
         " reserved_seats = z.reserved_seats + s.reserved, sold_seats = z.sold_seats + s.sold"
         " FROM stage_changes s WHERE z.id = s.id",
         "zones whose counts change are not there"},
    [MIRROR_OUTBOX] =
        {"COPY outbox (id, aggregate, aggregate_id, event_type, created_at, payload)" COPY_BINARY,
         NULL, NULL},
    [MIRROR_AUDIT] =
        {"COPY audit_logs (created_at, actor_id, actor_role, action, object_type, object_id,"
         " log_epoch, log_shard, log_sequence, item, old_values, new_values)" COPY_BINARY,
         NULL, NULL},
};

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
        outcome = (enum mirror_store_outcome)postgres_run(&store->session, staging_tables, NULL);
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

enum mirror_store_outcome mirror_store_zones(struct mirror_store *store, struct mirror_zones *zones)
{
    PGresult *rows = NULL;
    const enum postgres_outcome outcome = postgres_query(
        &store->session, &rows, "SELECT id, show_id, event_id, currency FROM seat_zones", 0, NULL);
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
        good = good && mirror_zones_put(zones, &zone);
    }
    PQclear(rows);
    if (good)
        return MIRROR_STORE_OK;
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
    const struct table_plan *plan = &plans[table];
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
    for (int table = 0; table < MIRROR_TABLE_COUNT && outcome == MIRROR_STORE_OK; table++)
        outcome = bring_in(store, batch, (enum mirror_table)table);
    if (outcome == MIRROR_STORE_OK)
        outcome = fill_old_values(store, batch);
    if (outcome == MIRROR_STORE_OK)
        outcome = (enum mirror_store_outcome)postgres_run(&store->session, "COMMIT", NULL);
    return outcome;
}
