#include "diff_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A column with '@' is a time: it is asked for in microseconds since 1970. */
static const struct table {
    const char *name;
    const char *id, *part; /* what names a row */
    const char *columns;
} tables[DIFF_TABLE_COUNT] = {
    [DIFF_EVENTS] = {"events", "id", NULL,
                     "tenant_id organizer_id title slug description venue city image_url status"
                     " @sale_start_at @sale_end_at max_per_user sale_closed::text"
                     " prevent_orphans::text @created_at @updated_at"},
    [DIFF_STATIONS] = {"stations", "id", NULL, "code name city @created_at"},
    [DIFF_ROUTES] = {"routes", "id", NULL, "name @created_at"},
    [DIFF_ROUTE_STOPS] = {"route_stops", "route_id", "stop", "station_id"},
    [DIFF_SHOWS] = {"shows", "id", NULL,
                    "event_id name @show_date segment_count route_id @created_at @updated_at"},
    [DIFF_SHOW_STOPS] = {"show_stops", "show_id", "stop", "station_id @arrives_at @departs_at"},
    [DIFF_ZONES] = {"seat_zones", "id", NULL,
                    "show_id event_id name kind price currency total_seats available_seats"
                    " reserved_seats sold_seats blocked_seats target_seats closed::text"
                    " segment_prices @created_at @updated_at"},
    [DIFF_SEGMENTS] = {"seat_zone_segments", "zone_id", "segment", "reserved sold blocked"},
    [DIFF_SEATS] = {"seats", "zone_id", "seat", "row_number label flags rank opens_block::text"},
    [DIFF_BLOCKS] = {"blocks", "id", NULL,
                     "zone_id kind quantity owner_id reason seats @expires_at @created_at"
                     " @ended_at end_cause"},
    [DIFF_BOOKINGS] = {"bookings", "id", NULL,
                       "user_id event_id show_id zone_id quantity from_segment to_segment"
                       " unit_price total_amount currency status payment_id @created_at"
                       " @reserved_at @expires_at @confirmed_at @cancelled_at @expired_at"
                       " @refunded_at block_id order_id order_item seats @updated_at"
                       " idempotency_key_hash log_epoch log_shard log_sequence"},
    [DIFF_BOOKING_CHANGES] = {"booking_changes", "booking_id", "log_sequence",
                              "cause @changed_at actor_id actor_role status user_id"
                              " previous_user_id quantity previous_quantity unit_price currency"
                              " seats log_epoch log_shard"},
    [DIFF_ORDERS] = {"orders", "id", NULL, "user_id kind decision payment_id bookings @decided_at"},
};

const char *diff_table_name(enum diff_table table)
{
    return tables[table].name;
}

static void select_column(struct replay_buffer *sql, const char *column, int length)
{
    if (column[0] == '@')
        replay_buffer_format(sql, ", (extract(epoch FROM %.*s) * 1000000)::bigint AS %.*s",
                             length - 1, column + 1, length - 1, column + 1);
    else
        replay_buffer_format(sql, ", %.*s", length, column);
}

void diff_table_select(enum diff_table table, struct replay_buffer *sql)
{
    const struct table *of = &tables[table];
    replay_buffer_format(sql, of->part != NULL ? "SELECT %s || '/' || %s AS id" : "SELECT %s",
                         of->id, of->part);
    for (const char *at = of->columns; *at != '\0';) {
        const size_t length = strcspn(at, " ");
        select_column(sql, at, (int)length);
        at += length + strspn(at + length, " ");
    }
    replay_buffer_format(sql, " FROM %s", of->name);
}

bool diff_key_parse(struct diff_key *key, const char *text)
{
    memset(key, 0, sizeof *key);
    if (strlen(text) < UUID_TEXT_LENGTH || !uuid_parse(&key->id, text, UUID_TEXT_LENGTH))
        return false;
    text += UUID_TEXT_LENGTH;
    if (*text == '\0')
        return true;
    char *end;
    key->part = strtoull(text + 1, &end, 10);
    return *text == '/' && end != text + 1 && *end == '\0';
}

const char *diff_key_format(const struct diff_key *key, enum diff_table table, char *out)
{
    char *end = uuid_format(&key->id, out);
    *end = '\0';
    if (tables[table].part != NULL)
        (void)snprintf(end, DIFF_KEY_BYTES - UUID_TEXT_LENGTH, "/%" PRIu64, key->part);
    return out;
}
