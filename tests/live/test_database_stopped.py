#!/usr/bin/env python3
"""PG1, PG2, loop F: PostgreSQL stops, dies and returns under load; the engine does not care,
and in the end the mirror equals the log, row by row."""

import os
import time

from lib import log
from lib.cases import check, equal, main, setting
from lib.client import wait_until
from lib.engine import Engine
from lib.load import Story
from lib.model import Model
from lib.postgres import Mirror, Postgres
from lib.sale import Sale

SOAK = "SOAK" in os.environ
DOWN_SECONDS = setting("DOWN_SECONDS", 60 if SOAK else 4)


def judge(engine, mirror):
    """PostgreSQL against `diff`, and against a fold that is not the engine's."""
    done = mirror.command("diff")
    equal(done.returncode, 0, f"diff: {done.stdout[-800:]}{done.stderr[-400:]}\n")
    model = Model().fold(log.records(engine))
    equal(model.violations, [])
    expected = {booking.id: (booking.status, booking.quantity, booking.user, booking.zone)
                for booking in model.bookings.values()}
    rows = mirror.rows()
    equal(len(rows), len(expected), "bookings")
    for booking, row in expected.items():
        equal(rows.get(booking), row, f"booking {booking}")
    for zone, available, reserved, sold in mirror.postgres.query(
            "select id, available_seats, reserved_seats, sold_seats from seat_zones"):
        counts = model.zones[zone]
        equal((int(available), int(reserved), int(sold)),
              (counts.available, counts.reserved, counts.sold), f"zone {zone}")


def newest(engine):
    """{(epoch, shard): sequence} of the newest record."""
    return {(record["epoch"], record["shard"]): record["sequence"]
            for record in log.records(engine)}


def slowest(ops, begin_ns, end_ns):
    """The 99th percentile of answered requests sent between two times, in seconds."""
    times = sorted(op.return_ns - op.invoke_ns for op in ops
                   if op.status is not None and begin_ns <= op.invoke_ns < end_ns)
    check(len(times) > 100, f"only {len(times)} requests were answered")
    return times[len(times) * 99 // 100] / 1e9


def test_stopped_under_load():
    """PostgreSQL stopped under load: sales go on as fast; started again, the mirror catches up
    by itself and equals the log."""
    postgres = Postgres()
    engine = Engine(shards=2, ttl=2).start()
    sale = Sale(engine, seats=(200, 50000), max_per_user=4)
    mirror = Mirror(engine, postgres).start()
    story = Story(engine, sale.zones, seed=11, think=0.02).begin(16)
    began = time.monotonic_ns()
    time.sleep(max(2.0, DOWN_SECONDS / 4))
    down = time.monotonic_ns()
    postgres.stop("immediate")
    time.sleep(DOWN_SECONDS)
    check(mirror.process.poll() is None, "the mirror gave up")
    postgres.start()
    up = time.monotonic_ns()
    time.sleep(1.0)
    story.end()
    check(all(op.status is not None and op.status < 500 for op in story.ops),
          "an answer was lost or a 5xx")
    before, during = slowest(story.ops, began, down), slowest(story.ops, down, up)
    # A loose bound for a machine that runs other things: a wait for PostgreSQL is far over it.
    check(during < before * 3 + 0.05, f"p99 {before * 1000:.1f} ms, then {during * 1000:.1f} ms")
    equal(engine.stop(), 0, "exit")
    last = newest(engine)
    took = wait_until(lambda: mirror.position() == last, 40, "the mirror has caught up", every=0.1)
    print(f"     down {DOWN_SECONDS} s, {len(story.ops)} requests, p99 {before * 1000:.1f} ms then"
          f" {during * 1000:.1f} ms, caught up {took:.1f} s after the end", flush=True)
    judge(engine, mirror)
    mirror.kill(15)
    postgres.stop()


def test_everything_is_killed():
    """Loop F: mirror, PostgreSQL and engine killed in turns under load; each returns, and the
    mirror equals the log."""
    postgres = Postgres()
    engine = Engine(shards=2, ttl=2).start()
    sale = Sale(engine, seats=(200, 50000), max_per_user=4)
    mirror = Mirror(engine, postgres).start()
    story = Story(engine, sale.zones, seed=12, think=0.02).begin(16)
    for turn in range(100 if SOAK else 6):
        time.sleep(0.5)
        if turn % 3 == 0:
            mirror.kill()
            mirror.start()
        elif turn % 3 == 1:
            postgres.stop("immediate")
            postgres.start()
        else:
            engine.kill()
            engine.start()
    time.sleep(0.3)
    story.end()
    equal(engine.stop(), 0, "exit")
    mirror.kill(15)
    mirror.catch_up()
    equal(mirror.position(), newest(engine), "the cursor")
    judge(engine, mirror)
    postgres.stop()


if __name__ == "__main__":
    main(globals())
