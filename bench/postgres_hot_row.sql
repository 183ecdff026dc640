-- One reservation as it is usually built on PostgreSQL: the stock is a row, and
-- everybody wants that row.
\set user random(1, 1000000)
BEGIN;
UPDATE bench_zone SET available = available - 1, reserved = reserved + 1 WHERE id = 1 AND available >= 1;
INSERT INTO bench_booking (user_id, zone_id, quantity, status, expires_at)
    VALUES (:user, 1, 1, 'reserved', now() + interval '10 minutes');
COMMIT;
