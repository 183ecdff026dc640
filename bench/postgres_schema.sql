-- What postgres_hot_row.sql works on.
CREATE TABLE bench_zone (
    id bigint PRIMARY KEY,
    available integer NOT NULL CHECK (available >= 0),
    reserved integer NOT NULL
);
CREATE TABLE bench_booking (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id bigint NOT NULL,
    zone_id bigint NOT NULL REFERENCES bench_zone,
    quantity integer NOT NULL,
    status text NOT NULL,
    expires_at timestamptz NOT NULL
);
INSERT INTO bench_zone VALUES (1, 1000000000, 0);
