-- What boxreplay mirrors, version 1. Runs inside one transaction.
-- Money is numeric in major units with the currency's own decimals; times are UTC.

CREATE TABLE mirror_cursor (
    cluster_id uuid        NOT NULL,
    epoch      integer     NOT NULL CHECK (epoch > 0),
    shard      smallint    NOT NULL CHECK (shard >= 0),
    sequence   bigint      NOT NULL CHECK (sequence >= 0),
    stamp      timestamptz,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (cluster_id, epoch, shard)
);
COMMENT ON TABLE mirror_cursor IS
    'How far each log has been mirrored; changes in the transaction that changes the rows';
COMMENT ON COLUMN mirror_cursor.stamp IS 'the time in the last mirrored record';

CREATE TABLE events (
    id            uuid        PRIMARY KEY,
    tenant_id     uuid,
    organizer_id  uuid,
    title         text        NOT NULL,
    slug          text        NOT NULL,
    description   text,
    venue         text,
    city          text,
    image_url     text,
    status        text        NOT NULL CHECK (status IN ('draft', 'published', 'cancelled')),
    sale_start_at timestamptz,
    sale_end_at   timestamptz,
    max_per_user  integer     NOT NULL CHECK (max_per_user >= 0),
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL
);
-- Not unique: a slug may wander between events within one batch; the engine keeps it unique.
CREATE INDEX events_slug ON events (slug);
CREATE INDEX events_organizer ON events (organizer_id);
CREATE INDEX events_status_sale ON events (status, sale_start_at);

CREATE TABLE shows (
    id            uuid        PRIMARY KEY,
    event_id      uuid        NOT NULL REFERENCES events (id),
    name          text,
    show_date     timestamptz,
    segment_count integer     NOT NULL CHECK (segment_count BETWEEN 1 AND 64),
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL
);
CREATE INDEX shows_event ON shows (event_id, show_date);

CREATE TABLE seat_zones (
    id              uuid        PRIMARY KEY,
    show_id         uuid        NOT NULL REFERENCES shows (id),
    event_id        uuid        NOT NULL REFERENCES events (id),
    name            text        NOT NULL,
    kind            text        NOT NULL CHECK (kind IN ('general', 'seated')),
    price           numeric     NOT NULL CHECK (price >= 0),
    currency        char(3)     NOT NULL,
    total_seats     integer     NOT NULL CHECK (total_seats >= 0),
    available_seats integer     NOT NULL CHECK (available_seats >= 0),
    reserved_seats  integer     NOT NULL CHECK (reserved_seats >= 0),
    sold_seats      integer     NOT NULL CHECK (sold_seats >= 0),
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    CONSTRAINT seat_zones_never_oversold
        CHECK (available_seats + reserved_seats + sold_seats = total_seats)
) WITH (fillfactor = 50); -- its counts change in every batch: room for HOT updates
CREATE INDEX seat_zones_show ON seat_zones (show_id);
CREATE INDEX seat_zones_event ON seat_zones (event_id);

-- No index names a column that changes after the insert (status, *_at), so the
-- one update most bookings get is a HOT update: it touches no index.
CREATE TABLE bookings (
    id                   uuid        PRIMARY KEY,
    user_id              uuid        NOT NULL,
    event_id             uuid        NOT NULL,
    show_id              uuid        NOT NULL,
    zone_id              uuid        NOT NULL,
    quantity             integer     NOT NULL CHECK (quantity > 0),
    from_segment         smallint    NOT NULL,
    to_segment           smallint    NOT NULL CHECK (to_segment > from_segment),
    unit_price           numeric     NOT NULL CHECK (unit_price >= 0),
    total_amount         numeric     NOT NULL CHECK (total_amount = unit_price * quantity),
    currency             char(3)     NOT NULL,
    status               text        NOT NULL
        CHECK (status IN ('reserved', 'confirmed', 'cancelled', 'expired', 'refunded')),
    payment_id           uuid,
    created_at           timestamptz NOT NULL,
    reserved_at          timestamptz NOT NULL,
    expires_at           timestamptz NOT NULL,
    confirmed_at         timestamptz,
    cancelled_at         timestamptz,
    expired_at           timestamptz,
    updated_at           timestamptz NOT NULL,
    idempotency_key_hash bigint,
    log_epoch            integer     NOT NULL,
    log_shard            smallint    NOT NULL,
    log_sequence         bigint      NOT NULL,
    CONSTRAINT bookings_one_end CHECK (
        (confirmed_at IS NOT NULL) = (status IN ('confirmed', 'refunded'))
        AND (cancelled_at IS NOT NULL) = (status = 'cancelled')
        AND (expired_at IS NOT NULL) = (status = 'expired'))
) WITH (fillfactor = 75);
COMMENT ON COLUMN bookings.idempotency_key_hash IS
    'the 64-bit hash of caller and key as a signed number; NULL: no key was sent';
COMMENT ON COLUMN bookings.log_sequence IS
    'with log_epoch and log_shard: the record that made the reservation';
CREATE INDEX bookings_user ON bookings (user_id, created_at);
CREATE INDEX bookings_event ON bookings (event_id, created_at);
CREATE INDEX bookings_time ON bookings USING brin (created_at);

-- For whoever publishes what happened: reads undelivered rows in order, sets delivered_at.
CREATE TABLE outbox (
    id           text COLLATE "C" PRIMARY KEY,
    aggregate    text        NOT NULL,
    aggregate_id uuid        NOT NULL,
    event_type   text        NOT NULL,
    payload      jsonb       NOT NULL,
    created_at   timestamptz NOT NULL,
    delivered_at timestamptz,
    attempts     integer     NOT NULL DEFAULT 0 CHECK (attempts >= 0)
);
COMMENT ON COLUMN outbox.id IS
    'epoch/shard:sequence:n, where it comes from in the log; n counts from 1 within a record';
CREATE INDEX outbox_undelivered ON outbox (created_at) WHERE delivered_at IS NULL;

-- One partition a month, made by boxreplay when the first record of the month comes.
CREATE TABLE audit_logs (
    created_at   timestamptz NOT NULL,
    actor_id     uuid,
    actor_role   text        NOT NULL CHECK (actor_role IN ('system', 'user', 'organizer', 'admin')),
    action       text        NOT NULL,
    object_type  text        NOT NULL,
    object_id    uuid        NOT NULL,
    old_values   jsonb,
    new_values   jsonb       NOT NULL,
    log_epoch    integer     NOT NULL,
    log_shard    smallint    NOT NULL,
    log_sequence bigint      NOT NULL,
    item         smallint    NOT NULL,
    PRIMARY KEY (created_at, log_epoch, log_shard, log_sequence, item)
) PARTITION BY RANGE (created_at);
COMMENT ON COLUMN audit_logs.actor_id IS 'NULL: the engine itself';
CREATE INDEX audit_logs_object ON audit_logs (object_id, created_at);
CREATE INDEX audit_logs_actor ON audit_logs (actor_id, created_at) WHERE actor_id IS NOT NULL;
