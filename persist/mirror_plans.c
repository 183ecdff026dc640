/* New bookings are copied straight into their table, so a row that is there already
 * stops the mirror instead of being overwritten; what changes older rows goes
 * through a staging table.
 *
 * Counts of a zone come in one of three ways. Mostly the batch knows by how much
 * they change (MIRROR_ZONE_CHANGES). Where a booking's way or its state before is
 * in the database only, its places are taken off before it changes and put back
 * after (MIRROR_COUNTED). And what is blocked, free and left of a capacity that
 * drains follows from the rest (MIRROR_RECOUNTS): an allotment keeps what is not
 * drawn from it while it is active, and a draining total is what is used, down to
 * its target. */
#include "mirror_plans.h"

#define EVENT_COLUMNS                                                                              \
    "id, tenant_id, organizer_id, title, slug, description, venue, city, image_url, status, "      \
    "sale_start_at, sale_end_at, max_per_user, sale_closed, prevent_orphans, created_at, "         \
    "updated_at"
#define SHOW_COLUMNS                                                                               \
    "id, event_id, name, show_date, segment_count, route_id, created_at, updated_at"
#define ZONE_COLUMNS                                                                               \
    "id, show_id, event_id, name, kind, price, currency, total_seats, available_seats, "           \
    "reserved_seats, sold_seats, blocked_seats, target_seats, segment_prices, created_at, "        \
    "updated_at"
#define STATION_COLUMNS "id, code, name, city, created_at"
#define BLOCK_COLUMNS "id, zone_id, kind, quantity, owner_id, reason, seats, expires_at, created_at"
#define ORDER_COLUMNS "id, user_id, kind, decision, payment_id, bookings, decided_at"
#define COPY_BINARY " FROM STDIN (FORMAT binary)"
#define STAGE(name, columns) "CREATE TEMP TABLE " name " (" columns ") ON COMMIT DELETE ROWS;"

const char mirror_staging_tables[] = STAGE("stage_events", "LIKE events, log_sequence bigint")
    STAGE("stage_stations", "LIKE stations, log_sequence bigint") STAGE(
        "stage_routes",
        "id uuid, name text, created_at timestamptz, stations uuid[], log_sequence bigint")
        STAGE("stage_shows", "LIKE shows, log_sequence bigint") STAGE(
            "stage_stops", "LIKE show_stops, log_sequence bigint")
            STAGE("stage_zones", "LIKE seat_zones INCLUDING DEFAULTS, log_sequence bigint") STAGE(
                "stage_seats", "LIKE seats") STAGE("stage_blocks",
                                                   "LIKE blocks") STAGE("stage_counted", "id uuid")
                STAGE("stage_settled", "id uuid, zone_id uuid, quantity integer, status text,"
                                       " payment_id uuid, ended_at timestamptz")
                    STAGE(
                        "stage_changed",
                        "id uuid, zone_id uuid, status_before text, quantity_before integer, "
                        "status text,"
                        " quantity integer, payment_id uuid, confirmed_at timestamptz, ended_at "
                        "timestamptz,"
                        " updated_at timestamptz, whole boolean, user_id uuid, unit_price numeric,"
                        " ttl_ms bigint, order_id uuid, order_item smallint, seats integer[]")
                        STAGE("stage_changes",
                              "id uuid, available bigint, reserved bigint, sold bigint")
                            STAGE("stage_recounts",
                                  "id uuid, reserved bigint, sold bigint, total integer,"
                                  " target integer, closed boolean")
                                STAGE("stage_orders", "LIKE orders, log_sequence bigint");

#define ACTIVE "b.status IN ('reserved', 'confirmed')"
#define SUMS                                                                                       \
    "coalesce(sum(b.quantity) FILTER (WHERE b.status = 'reserved'), 0) AS reserved,"               \
    " coalesce(sum(b.quantity) FILTER (WHERE b.status = 'confirmed'), 0) AS sold"
/* sign and its opposite: what the counted bookings hold goes off or onto their zones. */
#define COUNT(sign, opposite)                                                                      \
    "UPDATE seat_zone_segments g SET reserved = g.reserved " sign " d.reserved,"                   \
    " sold = g.sold " sign " d.sold FROM (SELECT b.zone_id, i AS segment, " SUMS                   \
    " FROM stage_counted JOIN bookings b USING (id),"                                              \
    " generate_series(b.from_segment, b.to_segment - 1) AS i WHERE " ACTIVE                        \
    " GROUP BY b.zone_id, i) d WHERE g.zone_id = d.zone_id AND g.segment = d.segment;"             \
    "UPDATE seat_zones z SET reserved_seats = z.reserved_seats " sign " d.reserved,"               \
    " sold_seats = z.sold_seats " sign " d.sold,"                                                  \
    " available_seats = z.available_seats " opposite " (d.reserved + d.sold)"                      \
    " FROM (SELECT b.zone_id, " SUMS                                                               \
    " FROM stage_counted JOIN bookings b USING (id) WHERE " ACTIVE                                 \
    " GROUP BY b.zone_id) d WHERE z.id = d.zone_id"

const char mirror_count_again[] = COUNT("+", "-");

/* Of active blocks, on segment g.segment or everywhere: their places less what is drawn. */
#define BLOCKED(zone, drawn_where)                                                                 \
    "(SELECT coalesce(sum(k.quantity), 0) FROM blocks k WHERE k.zone_id = " zone                   \
    " AND k.ended_at IS NULL) - (SELECT coalesce(sum(b.quantity), 0) FROM blocks k"                \
    " JOIN bookings b ON b.block_id = k.id WHERE k.zone_id = " zone                                \
    " AND k.ended_at IS NULL AND " ACTIVE drawn_where ")"

static const char recount[] = "UPDATE seat_zone_segments g SET blocked = " BLOCKED(
    "g.zone_id",
    " AND g.segment >= b.from_segment AND g.segment < b.to_segment") " FROM stage_recounts s WHERE "
                                                                     "g.zone_id = s.id;"
                                                                     "UPDATE seat_zones z SET "
                                                                     "reserved_seats = n.reserved, "
                                                                     "sold_seats = n.sold,"
                                                                     " blocked_seats = CASE WHEN "
                                                                     "NOT n.trip THEN n.blocked "
                                                                     "END, target_seats = n.target,"
                                                                     " closed = n.closed, "
                                                                     "total_seats = n.total_now,"
                                                                     " available_seats = CASE WHEN "
                                                                     "NOT n.trip"
                                                                     " THEN n.total_now - "
                                                                     "n.reserved - n.sold - "
                                                                     "n.blocked END"
                                                                     " FROM (SELECT m.*, CASE WHEN "
                                                                     "m.target < m.total THEN "
                                                                     "greatest(m.target, CASE WHEN "
                                                                     "m.trip"
                                                                     " THEN (SELECT "
                                                                     "coalesce(max(g.reserved + "
                                                                     "g.sold + g.blocked), 0) FROM "
                                                                     "seat_zone_segments g"
                                                                     " WHERE g.zone_id = m.id) "
                                                                     "ELSE m.reserved + m.sold + "
                                                                     "m.blocked END) ELSE m.total "
                                                                     "END"
                                                                     " AS total_now FROM (SELECT "
                                                                     "s.id, o.reserved_seats + "
                                                                     "s.reserved AS reserved,"
                                                                     " o.sold_seats + s.sold AS "
                                                                     "sold, coalesce(s.total, "
                                                                     "o.total_seats) AS total,"
                                                                     " coalesce(s.target, "
                                                                     "o.target_seats) AS target, "
                                                                     "coalesce(s.closed, o.closed) "
                                                                     "AS closed,"
                                                                     " o.available_seats IS NULL "
                                                                     "AS trip, " BLOCKED(
                                                                         "o.id",
                                                                         "") " AS blocked"
                                                                             " FROM stage_recounts "
                                                                             "s JOIN seat_zones o "
                                                                             "ON o.id = s.id) m) n "
                                                                             "WHERE z.id = n.id";

const struct mirror_plan mirror_plans[MIRROR_TABLE_COUNT] = {
    [MIRROR_EVENTS] =
        {"COPY stage_events (" EVENT_COLUMNS ", log_sequence)" COPY_BINARY,
         "INSERT INTO events (" EVENT_COLUMNS ") SELECT DISTINCT ON (id) " EVENT_COLUMNS
         " FROM stage_events ORDER BY id, log_sequence DESC ON CONFLICT (id) DO UPDATE SET"
         " tenant_id = EXCLUDED.tenant_id, organizer_id = EXCLUDED.organizer_id,"
         " title = EXCLUDED.title, slug = EXCLUDED.slug, description = EXCLUDED.description,"
         " venue = EXCLUDED.venue, city = EXCLUDED.city, image_url = EXCLUDED.image_url,"
         " status = EXCLUDED.status, sale_start_at = EXCLUDED.sale_start_at,"
         " sale_end_at = EXCLUDED.sale_end_at, max_per_user = EXCLUDED.max_per_user,"
         " sale_closed = EXCLUDED.sale_closed, prevent_orphans = EXCLUDED.prevent_orphans,"
         " created_at = EXCLUDED.created_at, updated_at = EXCLUDED.updated_at",
         NULL},
    [MIRROR_STATIONS] =
        {"COPY stage_stations (" STATION_COLUMNS ", log_sequence)" COPY_BINARY,
         "INSERT INTO stations (" STATION_COLUMNS ") SELECT DISTINCT ON (id) " STATION_COLUMNS
         " FROM stage_stations ORDER BY id, log_sequence DESC ON CONFLICT (id) DO UPDATE SET"
         " code = EXCLUDED.code, name = EXCLUDED.name, city = EXCLUDED.city,"
         " created_at = EXCLUDED.created_at",
         NULL},
    [MIRROR_ROUTES] =
        {"COPY stage_routes" COPY_BINARY,
         "INSERT INTO routes (id, name, created_at) SELECT DISTINCT ON (id) id, name, created_at"
         " FROM stage_routes ORDER BY id, log_sequence DESC ON CONFLICT (id) DO UPDATE SET"
         " name = EXCLUDED.name, created_at = EXCLUDED.created_at;"
         "INSERT INTO route_stops (route_id, stop, station_id)"
         " SELECT DISTINCT ON (r.id, t.stop) r.id, t.stop - 1, t.station FROM stage_routes r,"
         " unnest(r.stations) WITH ORDINALITY AS t (station, stop)"
         " ORDER BY r.id, t.stop, r.log_sequence DESC ON CONFLICT (route_id, stop) DO UPDATE SET"
         " station_id = EXCLUDED.station_id",
         NULL},
    [MIRROR_SHOWS] =
        {"COPY stage_shows (" SHOW_COLUMNS ", log_sequence)" COPY_BINARY,
         "INSERT INTO shows (" SHOW_COLUMNS ") SELECT DISTINCT ON (id) " SHOW_COLUMNS
         " FROM stage_shows ORDER BY id, log_sequence DESC ON CONFLICT (id) DO UPDATE SET"
         " event_id = EXCLUDED.event_id, name = EXCLUDED.name, show_date = EXCLUDED.show_date,"
         " segment_count = EXCLUDED.segment_count, route_id = EXCLUDED.route_id,"
         " created_at = EXCLUDED.created_at, updated_at = EXCLUDED.updated_at",
         NULL},
    [MIRROR_STOPS] =
        {"COPY stage_stops" COPY_BINARY,
         "INSERT INTO show_stops (show_id, stop, station_id, arrives_at, departs_at)"
         " SELECT DISTINCT ON (show_id, stop) show_id, stop, station_id, arrives_at, departs_at"
         " FROM stage_stops ORDER BY show_id, stop, log_sequence DESC"
         " ON CONFLICT (show_id, stop) DO UPDATE SET station_id = EXCLUDED.station_id,"
         " arrives_at = EXCLUDED.arrives_at, departs_at = EXCLUDED.departs_at",
         NULL},
    /* A zone's counts and total began with its first version and are not the catalog's any more. */
    [MIRROR_ZONES] =
        {"COPY stage_zones (" ZONE_COLUMNS ", log_sequence)" COPY_BINARY,
         "INSERT INTO seat_zones AS z (" ZONE_COLUMNS ") SELECT DISTINCT ON (id) " ZONE_COLUMNS
         " FROM stage_zones ORDER BY id, log_sequence DESC ON CONFLICT (id) DO UPDATE SET"
         " show_id = EXCLUDED.show_id, event_id = EXCLUDED.event_id, name = EXCLUDED.name,"
         " kind = EXCLUDED.kind, price = EXCLUDED.price, currency = EXCLUDED.currency,"
         " segment_prices = EXCLUDED.segment_prices, created_at = EXCLUDED.created_at,"
         " updated_at = EXCLUDED.updated_at;"
         "INSERT INTO seat_zone_segments (zone_id, segment) SELECT s.id, i FROM stage_zones s"
         " JOIN shows w ON w.id = s.show_id, generate_series(0, w.segment_count - 1) AS i"
         " WHERE w.segment_count > 1 ON CONFLICT DO NOTHING",
         NULL},
    /* A zone's plan never changes. */
    [MIRROR_SEATS] = {"COPY stage_seats" COPY_BINARY,
                      "INSERT INTO seats SELECT * FROM stage_seats ON CONFLICT DO NOTHING", NULL},
    [MIRROR_BLOCKS] =
        {"COPY stage_blocks" COPY_BINARY,
         "INSERT INTO blocks (" BLOCK_COLUMNS ") SELECT " BLOCK_COLUMNS
         " FROM stage_blocks WHERE end_cause IS NULL;"
         "UPDATE blocks k SET ended_at = s.ended_at, end_cause = s.end_cause FROM stage_blocks s"
         " WHERE s.id = k.id AND s.end_cause IS NOT NULL AND k.ended_at IS NULL",
         NULL},
    [MIRROR_COUNTED] = {"COPY stage_counted" COPY_BINARY, COUNT("-", "+"), NULL},
    [MIRROR_BOOKINGS] =
        {"COPY bookings (id, user_id, event_id, show_id, zone_id, quantity, from_segment,"
         " to_segment, unit_price, total_amount, currency, status, payment_id, created_at,"
         " reserved_at, expires_at, confirmed_at, cancelled_at, expired_at, updated_at,"
         " idempotency_key_hash, log_epoch, log_shard, log_sequence, refunded_at, block_id,"
         " order_id, order_item, seats)" COPY_BINARY,
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
    [MIRROR_CHANGED] =
        {"COPY stage_changed" COPY_BINARY,
         "UPDATE bookings b SET status = s.status, quantity = s.quantity,"
         " payment_id = coalesce(s.payment_id, b.payment_id),"
         " confirmed_at = coalesce(s.confirmed_at, b.confirmed_at),"
         " cancelled_at = CASE s.status WHEN 'cancelled' THEN s.ended_at END,"
         " expired_at = CASE s.status WHEN 'expired' THEN s.ended_at END,"
         " refunded_at = CASE s.status WHEN 'refunded' THEN s.ended_at END,"
         " updated_at = s.updated_at,"
         " user_id = CASE WHEN s.whole THEN s.user_id ELSE b.user_id END,"
         " unit_price = CASE WHEN s.whole THEN s.unit_price ELSE b.unit_price END,"
         " total_amount = CASE WHEN s.whole THEN s.unit_price ELSE b.unit_price END * s.quantity,"
         " expires_at = CASE WHEN s.whole THEN b.created_at + s.ttl_ms * interval '1 millisecond'"
         " ELSE b.expires_at END,"
         " order_id = CASE WHEN s.whole THEN s.order_id ELSE b.order_id END,"
         " order_item = CASE WHEN s.whole THEN s.order_item ELSE b.order_item END,"
         " seats = coalesce(s.seats, b.seats)"
         " FROM stage_changed s WHERE b.id = s.id AND b.zone_id = s.zone_id"
         " AND b.quantity = s.quantity_before"
         " AND b.status = coalesce(s.status_before, b.status)"
         " AND b.status IN ('reserved', 'confirmed')",
         "bookings that change are not there in that state, in that zone with that quantity"},
    [MIRROR_ZONE_CHANGES] =
        {"COPY stage_changes" COPY_BINARY,
         "UPDATE seat_zones z SET available_seats = z.available_seats + s.available,"
         " reserved_seats = z.reserved_seats + s.reserved, sold_seats = z.sold_seats + s.sold"
         " FROM stage_changes s WHERE z.id = s.id",
         "zones whose counts change are not there"},
    [MIRROR_RECOUNTS] = {"COPY stage_recounts" COPY_BINARY, recount,
                         "zones whose capacity or blocks change are not there"},
    [MIRROR_ORDERS] =
        {"COPY stage_orders" COPY_BINARY,
         "INSERT INTO orders (" ORDER_COLUMNS ") SELECT DISTINCT ON (id) " ORDER_COLUMNS
         " FROM stage_orders ORDER BY id, log_sequence DESC ON CONFLICT (id) DO UPDATE SET"
         " kind = EXCLUDED.kind, decision = EXCLUDED.decision, payment_id = EXCLUDED.payment_id,"
         " bookings = EXCLUDED.bookings, decided_at = EXCLUDED.decided_at",
         NULL},
    [MIRROR_BOOKING_CHANGES] = {"COPY booking_changes" COPY_BINARY, NULL, NULL},
    [MIRROR_OUTBOX] =
        {"COPY outbox (id, aggregate, aggregate_id, event_type, created_at, payload)" COPY_BINARY,
         NULL, NULL},
    [MIRROR_AUDIT] =
        {"COPY audit_logs (created_at, actor_id, actor_role, action, object_type, object_id,"
         " log_epoch, log_shard, log_sequence, item, old_values, new_values)" COPY_BINARY,
         NULL, NULL},
};
