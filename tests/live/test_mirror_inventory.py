#!/usr/bin/env python3
"""The mirror of the whole inventory: equal after every step, and what diff finds changed."""

from lib import log
from lib.cases import check, equal, main
from lib.client import new_id
from lib.engine import Engine
from lib.inventory import Inventory
from lib.postgres import Mirror, Postgres

EXIT_DIFFERENT = 1
TABLES = ("events", "stations", "routes", "route_stops", "shows", "show_stops", "seat_zones",
          "seat_zone_segments", "seats", "blocks", "bookings", "booking_changes", "orders",
          "outbox", "audit_logs")


class Stage:
    def __init__(self, shards=2):
        self.postgres = Postgres()
        self.engine = Engine(shards=shards, ttl=600).start()
        self.inventory = Inventory(self.engine)
        self.mirror = Mirror(self.engine, self.postgres)

    def diff(self):
        return self.mirror.command("diff")

    def equal(self):
        done = self.diff()
        equal(done.returncode, 0, f"diff: {done.stdout}{done.stderr}\n")

    def end(self):
        self.engine.kill()
        self.postgres.stop("immediate")


def test_equal_after_any_step():
    """Seats, blocks, capacity, trips, orders, refunds: one batch a step, batches of seven records
    and a single one lead to the same tables, and diff finds each equal to the log."""
    stage = Stage()
    steps = iter(range(1000))

    def after_step():
        stage.mirror.catch_up()
        if next(steps) % 4 == 0:
            stage.equal()
    stage.inventory.after_step = after_step
    stage.inventory.run()
    stage.mirror.catch_up()
    stage.equal()

    def tables(postgres):
        # A batch shows what a booking ended as; the rest is the same row for row.
        return {table: sorted(postgres.query(f"select t::text from {table} t"))
                for table in TABLES}
    single, sevens = Postgres(), Postgres()
    Mirror(stage.engine, single).catch_up()
    done = stage.engine.boxreplay("mirror", "--once", "--postgres", sevens.url,
                                  MIRROR_BATCH_ROWS_MAX=7, check=False)
    equal(done.returncode, 0, done.stderr)
    wanted = tables(stage.postgres)
    for other in (single, sevens):
        found = tables(other)
        for table in TABLES:
            equal(found[table], wanted[table], table)
        other.stop("immediate")
    stage.end()


def test_a_row_changed_by_hand_in_each_table():
    """Any column of any table of the inventory changed by hand: diff exits 1, names row and column,
    and nothing else."""
    stage = Stage()
    ids = stage.inventory.run().ids
    stage.mirror.catch_up()
    stage.equal()
    change = "/".join(stage.postgres.query("select booking_id, log_sequence from booking_changes"
                                           " order by log_sequence limit 1")[0])
    cases = (
        ("booking_changes", change, "previous_quantity", "previous_quantity + 1"),
        ("booking_changes", change, "seats", "'{0}'"),
        ("bookings", ids["seated"], "to_segment", "to_segment + 1"),
        ("stations", ids["station"], "city", "'Sylhet'"),
        ("routes", ids["route"], "name", "'Other'"),
        ("route_stops", f"{ids['route']}/2", "station_id", f"'{new_id()}'"),
        ("shows", ids["trip"], "route_id", f"'{new_id()}'"),
        ("show_stops", f"{ids['trip']}/1", "departs_at", "departs_at + interval '1 second'"),
        ("events", stage.inventory.sale.event, "prevent_orphans", "not prevent_orphans"),
        ("seat_zones", ids["drained"], "target_seats", "target_seats + 1"),
        ("seat_zones", ids["drained"], "closed", "not closed"),
        ("seat_zones", ids["train"], "segment_prices", "'{1,2,3}'"),
        ("seat_zone_segments", f"{ids['train']}/1", "reserved", "reserved + 1"),
        ("seat_zone_segments", f"{ids['train']}/2", "blocked", "blocked + 1"),
        ("seats", f"{ids['hall']}/7", "label", "'X-1'"),
        ("seats", f"{ids['hall']}/0", "flags", "0"),
        ("blocks", ids["held"], "seats", "'{1,2}'"),
        ("blocks", ids["allotment"], "quantity", "quantity + 1"),
        ("blocks", ids["ended"], "ended_at", "ended_at + interval '1 millisecond'"),
        ("bookings", ids["seated"], "seats", "'{0,1}'"),
        ("bookings", ids["ordered"], "order_id", f"'{new_id()}'"),
        ("bookings", ids["refunded"], "refunded_at", "refunded_at + interval '1 second'"),
        ("orders", ids["order"], "decision", "'voided'"),
    )
    for table, row, column, value in cases:
        key = {"route_stops": "route_id || '/' || stop", "show_stops": "show_id || '/' || stop",
               "seat_zone_segments": "zone_id || '/' || segment",
               "seats": "zone_id || '/' || seat",
               "booking_changes": "booking_id || '/' || log_sequence"}.get(table, "id::text")
        stage.postgres.query(f"create table kept as select * from {table} where {key} = '{row}'")
        stage.postgres.query(f"update {table} set {column} = {value} where {key} = '{row}'")
        done = stage.diff()
        equal(done.returncode, EXIT_DIFFERENT, f"{table}.{column}: {done.stdout}{done.stderr}")
        lines = done.stdout.splitlines()
        check(lines[0].startswith(f"{table} {row}: {column}: log "), done.stdout)
        equal(len(lines), 2, done.stdout)
        stage.postgres.query(f"update {table} set {column} = (select {column} from kept)"
                             f" where {key} = '{row}'")
        stage.postgres.query("drop table kept")
    stage.equal()
    stage.end()


def test_rows_removed_and_added_by_hand():
    """A row removed from, or one added to, a table whose rows belong to another's: diff names it."""
    stage = Stage()
    ids = stage.inventory.run().ids
    stage.mirror.catch_up()
    change = stage.postgres.query("select booking_id, log_sequence from booking_changes"
                                  " order by log_sequence limit 1")[0]
    cases = (
        (f"delete from seats where zone_id = '{ids['hall']}' and seat = 39",
         f"seats {ids['hall']}/39: in the log only"),
        (f"delete from seat_zone_segments where zone_id = '{ids['train']}' and segment = 0",
         f"seat_zone_segments {ids['train']}/0: in the log only"),
        (f"delete from booking_changes where booking_id = '{change[0]}'"
         f" and log_sequence = {change[1]}",
         f"booking_changes {change[0]}/{change[1]}: in the log only"),
        (f"delete from orders where id = '{ids['order']}'",
         f"orders {ids['order']}: in the log only"),
        (f"delete from blocks where id = '{ids['held']}'",
         f"blocks {ids['held']}: in the log only"),
        (f"insert into seats select zone_id, 40, row_number, 'Z-1', flags, rank, opens_block"
         f" from seats where zone_id = '{ids['hall']}' and seat = 0",
         f"seats {ids['hall']}/40: in PostgreSQL only"),
        (f"insert into show_stops values ('{ids['trip']}', 9, '{new_id()}')",
         f"show_stops {ids['trip']}/9: in PostgreSQL only"),
    )
    for sql, _ in cases:
        stage.postgres.query(sql)
    done = stage.diff()
    equal(done.returncode, EXIT_DIFFERENT, done.stderr)
    lines = done.stdout.splitlines()
    for _, line in cases:
        check(line in lines, f"{line}\n{done.stdout}")
    check(f"{len(cases)} differ" in lines[-1], done.stdout)
    stage.end()


def test_equal_over_kills_and_other_shard_counts():
    """Everything sold, the engine killed and started with as many shards, then with more: the log
    is read by each start, verify agrees, the mirror is equal."""
    stage = Stage()
    stage.inventory.run()
    for shards in (2, 3, 1):
        stage.engine.kill()
        stage.engine.shards = shards
        stage.engine.start()
        stage.mirror.catch_up()
        stage.equal()
        Inventory(stage.engine).run()
    stage.mirror.catch_up()
    stage.equal()
    equal(stage.engine.stop(), 0)
    stage.mirror.catch_up()
    stage.equal()
    verified = stage.engine.boxreplay("verify").stdout
    check(verified.rstrip().endswith("ok"), verified)
    stage.end()


def test_seats_by_their_labels():
    """Who looks reads labels: the view booking_seats, and dump where it has read the plan."""
    stage = Stage()
    ids = stage.inventory.run().ids
    stage.mirror.catch_up()
    rows = stage.postgres.query(f"select label from booking_seats where booking_id ="
                                f" '{ids['seated']}' order by seat")
    equal(rows, [["C-2"], ["C-3"]])
    taken = [record["seat_labels"] for record in log.records(stage.engine)
             if record.get("booking_id") == ids["seated"] and record.get("seats")]
    equal(taken, [["B-2", "B-3"], ["C-2", "C-3"]])
    stage.end()


if __name__ == "__main__":
    main(globals())
