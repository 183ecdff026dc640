-- What boxreplay mirrors, version 2: trips, numbered seats, blocks, capacity, orders and all
-- that can happen to a booking after it was made. Runs inside one transaction.

CREATE TABLE stations (
    id         uuid        PRIMARY KEY,
    code       text        NOT NULL,
    name       text        NOT NULL,
    city       text,
    created_at timestamptz NOT NULL
);
CREATE INDEX stations_code ON stations (code);

CREATE TABLE routes (
    id         uuid        PRIMARY KEY,
    name       text        NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE route_stops (
    route_id   uuid     NOT NULL REFERENCES routes (id),
    stop       smallint NOT NULL CHECK (stop >= 0),
    station_id uuid     NOT NULL,
    PRIMARY KEY (route_id, stop)
);
CREATE INDEX route_stops_station ON route_stops (station_id);

ALTER TABLE events
    ADD COLUMN sale_closed     boolean NOT NULL DEFAULT false,
    ADD COLUMN prevent_orphans boolean NOT NULL DEFAULT true;

ALTER TABLE shows ADD COLUMN route_id uuid;
COMMENT ON COLUMN shows.segment_count IS 'more than 1: a trip, with its stops in show_stops';

CREATE TABLE show_stops (
    show_id    uuid     NOT NULL REFERENCES shows (id),
    stop       smallint NOT NULL CHECK (stop >= 0),
    station_id uuid     NOT NULL,
    arrives_at timestamptz,
    departs_at timestamptz,
    PRIMARY KEY (show_id, stop)
);
CREATE INDEX show_stops_station ON show_stops (station_id, departs_at);

ALTER TABLE seat_zones
    DROP CONSTRAINT seat_zones_never_oversold,
    ALTER COLUMN available_seats DROP NOT NULL,
    ADD COLUMN blocked_seats  integer DEFAULT 0 CHECK (blocked_seats >= 0),
    ADD COLUMN target_seats   integer CHECK (target_seats >= 0),
    ADD COLUMN closed         boolean NOT NULL DEFAULT false,
    ADD COLUMN segment_prices numeric[],
    ADD CONSTRAINT seat_zones_never_oversold
        CHECK (available_seats + reserved_seats + sold_seats + blocked_seats = total_seats);
UPDATE seat_zones SET target_seats = total_seats;
ALTER TABLE seat_zones ALTER COLUMN target_seats SET NOT NULL;
COMMENT ON COLUMN seat_zones.available_seats IS
    'NULL in a trip''s zone, as blocked_seats: they differ by segment, see seat_zone_segments';
COMMENT ON COLUMN seat_zones.reserved_seats IS
    'places in reserved bookings, each once whatever its way; sold_seats the same of confirmed ones';
COMMENT ON COLUMN seat_zones.target_seats IS
    'less than total_seats: the zone is being drained to it as places return';
COMMENT ON COLUMN seat_zones.segment_prices IS
    'of a trip''s zone that has a price for each segment; else NULL';

-- Of trips only: elsewhere the one segment is the zone.
CREATE TABLE seat_zone_segments (
    zone_id  uuid     NOT NULL REFERENCES seat_zones (id),
    segment  smallint NOT NULL CHECK (segment BETWEEN 0 AND 63),
    reserved integer  NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    sold     integer  NOT NULL DEFAULT 0 CHECK (sold >= 0),
    blocked  integer  NOT NULL DEFAULT 0 CHECK (blocked >= 0),
    PRIMARY KEY (zone_id, segment)
) WITH (fillfactor = 50);

CREATE TABLE seats (
    zone_id     uuid     NOT NULL REFERENCES seat_zones (id),
    seat        integer  NOT NULL CHECK (seat >= 0),
    row_number  smallint NOT NULL,
    label       text     NOT NULL,
    flags       smallint NOT NULL DEFAULT 0,
    rank        integer  NOT NULL,
    opens_block boolean  NOT NULL,
    PRIMARY KEY (zone_id, seat)
);
COMMENT ON COLUMN seats.flags IS '1 accessible, 2 companion, 4 restricted view';
COMMENT ON COLUMN seats.opens_block IS 'no neighbour before it: the row begins, an aisle, a pillar';

CREATE TABLE blocks (
    id         uuid        PRIMARY KEY,
    zone_id    uuid        NOT NULL,
    kind       text        NOT NULL CHECK (kind IN ('house_hold', 'allotment')),
    quantity   integer     NOT NULL CHECK (quantity >= 0),
    owner_id   uuid,
    reason     text,
    seats      integer[],
    expires_at timestamptz,
    created_at timestamptz NOT NULL,
    ended_at   timestamptz,
    end_cause  text,
    CONSTRAINT blocks_one_end CHECK ((ended_at IS NULL) = (end_cause IS NULL))
);
COMMENT ON COLUMN blocks.quantity IS 'places when it was made, whether drawn or not';
CREATE INDEX blocks_active ON blocks (zone_id) WHERE ended_at IS NULL;

ALTER TABLE bookings
    DROP CONSTRAINT bookings_one_end,
    ADD COLUMN refunded_at timestamptz,
    ADD COLUMN block_id    uuid,
    ADD COLUMN order_id    uuid,
    ADD COLUMN order_item  smallint,
    ADD COLUMN seats       integer[],
    ADD CONSTRAINT bookings_one_end CHECK (
        CASE status
            WHEN 'reserved' THEN num_nonnulls(confirmed_at, cancelled_at, expired_at, refunded_at) = 0
            WHEN 'confirmed' THEN confirmed_at IS NOT NULL
                AND num_nonnulls(cancelled_at, expired_at, refunded_at) = 0
            WHEN 'refunded' THEN num_nonnulls(confirmed_at, refunded_at) = 2
                AND num_nonnulls(cancelled_at, expired_at) = 0
            WHEN 'cancelled' THEN cancelled_at IS NOT NULL
                AND num_nonnulls(expired_at, refunded_at) = 0
            ELSE expired_at IS NOT NULL
                AND num_nonnulls(confirmed_at, cancelled_at, refunded_at) = 0
        END);
COMMENT ON COLUMN bookings.block_id IS 'the allotment it was drawn from';
COMMENT ON COLUMN bookings.seats IS 'as in seats.seat, ascending; NULL in a general zone';
COMMENT ON COLUMN bookings.confirmed_at IS
    'stays when the booking is refunded, or cancelled because it was exchanged';
CREATE INDEX bookings_order ON bookings (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX bookings_block ON bookings (block_id) WHERE block_id IS NOT NULL;

-- Every change of a booking other than its making and its plain end; never updated.
CREATE TABLE booking_changes (
    booking_id       uuid        NOT NULL,
    cause            text        NOT NULL,
    changed_at       timestamptz NOT NULL,
    actor_id         uuid,
    actor_role       text        NOT NULL,
    status           text        NOT NULL,
    user_id          uuid        NOT NULL,
    previous_user_id uuid        NOT NULL,
    quantity         integer     NOT NULL,
    previous_quantity integer    NOT NULL,
    unit_price       numeric     NOT NULL,
    currency         char(3)     NOT NULL,
    seats            integer[],
    log_epoch        integer     NOT NULL,
    log_shard        smallint    NOT NULL,
    log_sequence     bigint      NOT NULL,
    PRIMARY KEY (log_epoch, log_shard, log_sequence)
);
CREATE INDEX booking_changes_booking ON booking_changes (booking_id, changed_at);

CREATE TABLE orders (
    id         uuid        PRIMARY KEY,
    user_id    uuid        NOT NULL,
    kind       text        NOT NULL CHECK (kind IN ('confirm', 'exchange')),
    decision   text        NOT NULL CHECK (decision IN ('posted', 'voided')),
    payment_id uuid,
    bookings   uuid[]      NOT NULL,
    decided_at timestamptz NOT NULL
);
COMMENT ON TABLE orders IS
    'what was decided for several bookings at once; an exchange names the old one, then the new one';
CREATE INDEX orders_user ON orders (user_id, decided_at);

-- What users did to bookings is found by the booking; an index on each of them is the dearest of
-- all, since users come in no order.
DROP INDEX audit_logs_actor;
CREATE INDEX audit_logs_actor ON audit_logs (actor_id, created_at)
    WHERE actor_role IN ('organizer', 'admin');

-- For reading by hand: a booking's seats as they are written on the tickets.
CREATE VIEW booking_seats AS
    SELECT b.id AS booking_id, b.zone_id, b.status, s.seat, s.row_number, s.label
    FROM bookings b CROSS JOIN LATERAL unnest(b.seats) AS taken (seat)
    JOIN seats s ON s.zone_id = b.zone_id AND s.seat = taken.seat;
