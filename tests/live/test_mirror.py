#!/usr/bin/env python3
"""PG2, PG3, PG5, PG6 to PG10: what the mirror does exactly once, and what it refuses."""

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import threading
import time

from lib import log
from lib.cases import Skip, check, equal, main
from lib.client import new_id, wait_until
from lib.engine import (BOXREPLAY, EXIT_CORRUPT, EXIT_LOCKED, Engine,
                        temporary_directory)
from lib.load import Story
from lib.postgres import Mirror, Postgres
from lib.sale import buyer
from lib.stage import Stage

EXIT_DIFFERENT = 1


def steps(records):
    """How many things happened to one object each: rows of outbox and of audit_logs."""
    return sum(len(record["items"]) if record["kind"] == "expired" else 1
               for record in records if record["kind"] not in ("clean_stop", "state"))


def test_killed_many_times_counts_once_PG2():
    """The mirror killed with -9 again and again under load: every record is in each table once."""
    stage = Stage(bookings=0)
    story = Story(stage.engine, stage.sale.zones, seed=3, think=0.01).begin(8)
    for turn in range(12):
        stage.mirror.start()
        time.sleep(0.15 + 0.03 * turn)
        stage.mirror.kill()
    story.end()
    equal(stage.engine.stop(), 0, "exit")
    stage.mirror.catch_up()
    stage.equal()
    expected = steps(log.records(stage.engine))
    equal(int(stage.one("select count(*) from outbox")), expected, "outbox")
    equal(int(stage.one("select count(*) from audit_logs")), expected, "audit_logs")
    equal(stage.one("select count(*) from (select 1 from audit_logs group by log_epoch, log_shard,"
                    " log_sequence, item having count(*) > 1) twice"), "0")
    stage.end()


def test_backend_terminated_PG2():
    """The backend is terminated in the middle: the mirror comes back by itself and is equal."""
    stage = Stage(bookings=4)
    stage.mirror.start()
    story = Story(stage.engine, stage.sale.zones, seed=4, think=0.01).begin(8)
    for _ in range(6):
        time.sleep(0.3)
        stage.postgres.query("select pg_terminate_backend(pid) from pg_stat_activity"
                             " where application_name = 'boxreplay'")
    story.end()
    equal(stage.engine.stop(), 0, "exit")
    stage.mirror.kill(signal.SIGTERM)
    stage.mirror.catch_up()
    stage.equal()
    stage.end()


class CommitCutter(threading.Thread):
    """A Unix-socket proxy to PostgreSQL: a COMMIT goes through, its answer does not come back."""

    COMMIT = b"Q\0\0\0\x0bCOMMIT\0"

    def __init__(self, postgres, cuts):
        super().__init__(daemon=True)
        self.home = temporary_directory("boxoffice-cut-")
        self.server = os.path.join(postgres.home, ".s.PGSQL.5432")
        self.url = f"host={self.home} user=boxoffice dbname=boxoffice"
        self.cuts = cuts
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.path.join(self.home, ".s.PGSQL.5432"))
        self.listener.listen()
        self.start()

    def run(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.server)
            with client, server:
                self.relay(client, server)

    def relay(self, client, server):
        tail = b""
        while True:
            for ready in select.select([client, server], [], [])[0]:
                data = ready.recv(65536)
                if not data:
                    return
                if ready is server:
                    client.sendall(data)
                    continue
                server.sendall(data)
                tail = (tail + data)[-len(self.COMMIT):]
                if self.cuts > 0 and tail == self.COMMIT:
                    self.cuts -= 1
                    server.recv(65536)  # it is done; nobody will hear of it
                    return


def test_outcome_of_commit_unknown_PG3():
    """The connection is cut when PostgreSQL has committed and the mirror does not know: it reads
    the cursor first and nothing is written twice."""
    stage = Stage(bookings=20)
    cutter = CommitCutter(stage.postgres, cuts=4)
    done = stage.engine.boxreplay("mirror", "--once", "--postgres", cutter.url,
                                  MIRROR_BATCH_ROWS_MAX=5, check=False)
    equal(done.returncode, 0, done.stderr)
    equal(cutter.cuts, 0, "cuts left")
    check(done.stderr.count("mirror_retry") >= 4, done.stderr)
    stage.equal()
    equal(int(stage.one("select count(*) from outbox")), steps(log.records(stage.engine)))
    stage.end()


def test_locked_table_PG7():
    """A table locked by somebody else: the mirror waits, sales go on, then it is equal."""
    stage = Stage(bookings=2)
    stage.mirror.start()
    wait_until(lambda: stage.one("select to_regclass('bookings') is not null") == "t", 15, "tables")
    holder = threading.Thread(target=stage.postgres.query, args=(
        "begin; lock table bookings in access exclusive mode; select pg_sleep(3); commit",))
    holder.start()
    time.sleep(0.5)
    began = time.monotonic()
    for number in range(12):
        stage.book(number)
    check(time.monotonic() - began < 2.0, "sales waited for PostgreSQL")
    holder.join()
    equal(stage.engine.stop(), 0, "exit")
    stage.mirror.kill(signal.SIGTERM)
    stage.mirror.catch_up()
    stage.equal()
    stage.end()


def test_stops_cleanly_and_reports():
    """SIGTERM ends the mirror with 0; mirror-status.json says what it did and that it stopped."""
    stage = Stage(bookings=8)
    stage.mirror.start()
    path = os.path.join(stage.engine.data, "mirror-status.json")

    def status():
        try:
            with open(path) as file:
                return json.load(file)
        except FileNotFoundError:
            return {}
    try:
        wait_until(lambda: status().get("lag_records") == 0 and status().get("records", 0) > 0,
                   15, "the status says: caught up")
    except AssertionError:
        with open(os.path.join(stage.engine.home, "mirror.log")) as said:
            raise AssertionError(f"not caught up: {status()}\n{said.read()}") from None
    at = status()
    equal(at["state"], "following")
    equal(len(at["positions"]), 2, "shards")
    equal(at["cluster"], stage.one("select distinct cluster_id from mirror_cursor"))
    equal(at["last_error"], None)
    equal(stage.mirror.kill(signal.SIGTERM), 0, "exit")
    equal(status()["state"], "stopped")
    equal(stage.engine.running, True)
    stage.end()


def test_log_ends_before_the_mirror_PG5():
    """PostgreSQL ahead of the log: mirror and diff refuse with 65, and change nothing."""
    stage = Stage(bookings=4)
    equal(stage.engine.stop(), 0)
    older = stage.engine.data + ".older"
    shutil.copytree(stage.engine.data, older)
    stage.engine.start()
    for number in range(6):
        stage.book(number)
    equal(stage.engine.stop(), 0)
    stage.mirror.catch_up()
    before = stage.mirror.position()
    for command in (("mirror", "--once"), ("diff",)):
        done = stage.mirror.command(*command, "--data-dir", older)
        equal(done.returncode, EXIT_CORRUPT, f"{command}: {done.stderr}")
        check("lost acknowledged records" in done.stderr, done.stderr)
    equal(stage.mirror.position(), before)
    stage.end()


def test_rows_changed_by_hand_PG6():
    """A row changed, one removed and one added by hand: diff exits 1 and names each."""
    stage = Stage(bookings=8)
    stage.mirror.catch_up()
    stage.equal()
    changed, removed = stage.bookings[2], stage.bookings[3]
    stage.postgres.query(f"update bookings set quantity = quantity + 1, total_amount ="
                         f" total_amount + unit_price where id = '{changed}'")
    stage.postgres.query(f"create table kept as select * from bookings where id = '{removed}'")
    stage.postgres.query(f"delete from bookings where id = '{removed}'")
    stage.postgres.query("update seat_zones set sold_seats = sold_seats + 1, available_seats ="
                         f" available_seats - 1 where id = '{stage.sale.zones[0]}'")
    added = new_id()
    stage.postgres.query(f"insert into events select '{added}', tenant_id, organizer_id, title,"
                         " slug, description, venue, city, image_url, status, sale_start_at,"
                         " sale_end_at, max_per_user, created_at, updated_at from events limit 1")
    done = stage.mirror.command("diff")
    equal(done.returncode, EXIT_DIFFERENT, done.stderr)
    lines = done.stdout.splitlines()
    check(any(changed in line and "quantity" in line for line in lines), done.stdout)
    check(f"bookings {removed}: in the log only" in lines, done.stdout)
    check(f"events {added}: in PostgreSQL only" in lines, done.stdout)
    check(any(stage.sale.zones[0] in line and "sold_seats" in line for line in lines), done.stdout)
    check("4 differ" in lines[-1], lines[-1])
    stage.end()


def test_diff_while_the_mirror_is_behind():
    """diff compares at the cursor: equal although the log has gone on."""
    stage = Stage(bookings=4)
    stage.mirror.catch_up()
    for number in range(5):
        stage.book(number)
    behind = stage.mirror.position()
    stage.equal()
    equal(stage.mirror.position(), behind)
    stage.mirror.catch_up()
    check(stage.mirror.position() != behind, "the mirror did not go on")
    stage.equal()
    stage.end()


def stops_before_the_culprit(**settings):
    stage = Stage(shards=1, bookings=0)
    client = buyer(stage.engine)
    made = client.post("/api/v1/bookings/reserve",
                       {"zone_id": stage.sale.zone, "quantity": 2}, key=new_id())
    booking = made.data["booking_id"]
    stage.mirror.catch_up()
    stage.postgres.query(f"create table kept as select * from bookings where id = '{booking}'")
    stage.postgres.query(f"delete from bookings where id = '{booking}'")
    before = [stage.book(number) for number in range(7)]
    equal(client.post(f"/api/v1/bookings/{booking}/confirm").status, 200)
    after = [stage.book(number) for number in range(5)]
    culprit = next(record["sequence"] for record in log.records(stage.engine)
                   if record["kind"] == "confirmed" and record["booking_id"] == booking)
    done = stage.engine.boxreplay("mirror", "--once", "--postgres", stage.postgres.url, check=False,
                                  **settings)
    equal(done.returncode, EXIT_CORRUPT, done.stderr)
    check(f"before record {culprit} of shard 0" in done.stderr, done.stderr)
    equal(stage.mirror.position(), {(1, 0): culprit - 1})
    rows = stage.mirror.rows()
    check(all(id in rows for id in before), "a booking before the culprit is missing")
    check(not any(id in rows for id in after), "a booking behind the culprit is there")
    stage.postgres.query("insert into bookings select * from kept")
    stage.mirror.catch_up()
    stage.equal()
    stage.end()


def test_constraint_violation_stops_PG8():
    """A booking removed by hand is then confirmed: the mirror mirrors all before that record,
    names it, and stops with 65; put back, it goes on."""
    stops_before_the_culprit()


def test_constraint_violation_between_batches_PG8():
    """The same when the next batch is filled while the refused one is written: nothing of what
    lies behind the record gets there."""
    stops_before_the_culprit(MIRROR_BATCH_ROWS_MAX=3)


def test_oversold_row_is_refused_PG8():
    """A count changed by hand so that the next sale would go below zero: stopped by the CHECK."""
    stage = Stage(shards=1, bookings=2)
    stage.mirror.catch_up()
    stage.postgres.query("update seat_zones set available_seats = 0, reserved_seats ="
                         f" total_seats - sold_seats where id = '{stage.sale.zones[0]}'")
    stage.book(2)
    done = stage.mirror.command("mirror", "--once")
    equal(done.returncode, EXIT_CORRUPT, done.stderr)
    check("available_seats" in done.stderr and "23514" in done.stderr, done.stderr)
    stage.end()


def test_newer_schema_is_refused_PG9():
    """Tables of a newer version: mirror and diff refuse with 65 and name both versions."""
    stage = Stage(bookings=1)
    done = stage.mirror.command("diff")
    equal(done.returncode, EXIT_CORRUPT, done.stderr)
    check("boxreplay mirror" in done.stderr, done.stderr)
    stage.mirror.catch_up()
    stage.postgres.query("insert into mirror_schema (version, name) values (999, 'later')")
    for command in (("mirror", "--once"), ("diff",)):
        done = stage.mirror.command(*command)
        equal(done.returncode, EXIT_CORRUPT, done.stderr)
        check("version 999" in done.stderr and "version 2" in done.stderr, done.stderr)
    stage.end()


def test_second_mirror_is_refused_PG10():
    """While one mirror runs a second one exits 75 and says why."""
    stage = Stage(bookings=2)
    stage.mirror.start()
    wait_until(lambda: stage.postgres.query("select to_regclass('mirror_cursor')")[0][0] and
               stage.mirror.position(), 10, "the first mirror is there")
    done = stage.mirror.command("mirror", "--once")
    equal(done.returncode, EXIT_LOCKED, done.stderr)
    check("another boxreplay" in done.stderr, done.stderr)
    stage.end()


def test_another_cluster_is_refused():
    """One database mirrors one cluster."""
    stage = Stage(bookings=1)
    stage.mirror.catch_up()
    other = Engine(shards=1).start()
    done = Mirror(other, stage.postgres).command("mirror", "--once")
    equal(done.returncode, EXIT_CORRUPT, done.stderr)
    check("mirrors cluster" in done.stderr, done.stderr)
    other.kill()
    stage.end()


def test_reshard_is_followed():
    """From two shards to three: the mirror goes through both epochs and is equal."""
    stage = Stage(bookings=9)
    stage.mirror.start()
    equal(stage.engine.stop(), 0)
    stage.engine.shards = 3
    stage.engine.start()
    for number in range(9):
        stage.book(number)
    equal(stage.engine.stop(), 0)
    last = max(record["sequence"] for record in log.records(stage.engine))
    wait_until(lambda: stage.mirror.position().get((2, 0), 0) and
               max(stage.mirror.position().values()) == last, 15, "the second epoch is mirrored")
    equal(len(stage.mirror.position()), 2 + 3, "cursors")
    equal(stage.mirror.kill(signal.SIGTERM), 0, "exit")
    stage.mirror.catch_up()
    stage.equal()
    stage.end()


def test_amounts_times_and_histories():
    """What a dashboard reads: exact money, both histories with their values, monthly partitions."""
    stage = Stage(bookings=4)
    stage.mirror.catch_up()
    equal(stage.postgres.query("select distinct unit_price, currency from bookings"),
          [["1500.00", "THB"]])
    equal(stage.one("select sum(total_amount) from bookings"), str(1500 * (1 + 2 + 3 + 1)) + ".00")
    equal(stage.postgres.query("select event_type, count(*) from outbox group by 1 order by 1"),
          [["booking.cancelled", "1"], ["booking.confirmed", "1"], ["booking.reserved", "4"],
           ["event.created", "1"], ["event.updated", "1"], ["show.created", "1"],
           ["zone.created", "2"]])
    equal(stage.postgres.query("select old_values->>'status', new_values->>'status' from audit_logs"
                               " where action = 'event.updated'"), [["draft", "published"]])
    equal(stage.postgres.query("select old_values->>'status', new_values->>'status', actor_role"
                               " from audit_logs where action = 'booking.confirmed'"),
          [["reserved", "confirmed", "user"]])
    check(stage.postgres.query("select 1 from pg_inherits where inhparent = 'audit_logs'::regclass"),
          "no partition")
    first = next(record for record in log.records(stage.engine) if record["kind"] == "reserved")
    name = f"{first['epoch']}/{first['shard']}:{first['sequence']}:1"
    equal(stage.one(f"select payload->>'booking_id' from outbox where id = '{name}'"),
          first["booking_id"])
    stage.end()


def test_every_record_in_any_batches():
    """Records of every kind, in batches of any size, leave the same tables; a mirror that
    starts again between them, too. 100,000 seats come as one record."""
    program = os.path.join(os.path.dirname(BOXREPLAY), "tests", "test_mirror_store")
    if not os.path.exists(program):
        raise Skip(f"{program} is not built")
    postgres = Postgres()
    done = subprocess.run([program], env={**os.environ, "BOXOFFICE_TEST_POSTGRES": postgres.url},
                          capture_output=True, text=True, timeout=120)
    equal(done.returncode, 0, done.stdout + done.stderr)
    postgres.stop("immediate")


def test_changed_bookings_are_equal():
    """Extended, released and confirmed in part, given away: each is a row of booking_changes, and
    the tables agree with the log, in one batch and in many."""
    stage = Stage(bookings=8)
    client = buyer(stage.engine)
    for _ in range(2):
        made = client.post("/api/v1/bookings/reserve",
                           {"zone_id": stage.sale.zones[0], "quantity": 3}, key=new_id())
        booking = made.data["booking_id"]
        for verb, body in (("extend", {"seconds": 900}), ("release", {"quantity": 1}),
                           ("confirm", {"quantity": 1}), ("transfer", {"user_id": new_id()})):
            equal(client.post(f"/api/v1/bookings/{booking}/{verb}", body).status, 200, verb)
        stage.mirror.kill(signal.SIGTERM)  # in the second turn it has followed them one by one
        stage.mirror.catch_up()
        stage.equal()
        equal(stage.postgres.query("select cause, previous_quantity, quantity from booking_changes"
                                   f" where booking_id = '{booking}' order by changed_at,"
                                   " log_sequence"),
              [["extended", "3", "3"], ["released", "3", "2"], ["confirmed_part", "2", "1"],
               ["transferred", "1", "1"]])
        stage.mirror.start()
    stage.end()


def test_cursor_is_published():
    """What the mirror has is told to the engine: the file cursors/mirror."""
    stage = Stage(bookings=4)
    path = os.path.join(stage.engine.data, "cursors", "mirror")
    check(not os.path.exists(path), "published before it ran")
    equal(stage.mirror.command("mirror", "--once").returncode, 0)
    before = open(path, "rb").read()
    stage.book()
    equal(stage.mirror.command("mirror", "--once").returncode, 0)
    check(open(path, "rb").read() != before, "the cursor did not move")
    stage.end()


if __name__ == "__main__":
    main(globals())
