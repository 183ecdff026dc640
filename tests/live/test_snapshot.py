#!/usr/bin/env python3
"""Snapshots: a start is snapshot and tail, and nobody can tell; log that is covered goes;
backup, rebuild and salvage make directories that an engine opens."""

import glob
import json
import os
import shutil
import subprocess
import time

from lib import tokens
from lib.cases import check, equal, main
from lib.client import Client, new_id
from lib.engine import BOXCTL, BOXREPLAY, EXIT_CORRUPT, Engine
from lib.inventory import Inventory
from lib.load import Story
from lib.postgres import Mirror, Postgres
from lib.sale import Sale, buyer
from test_reshard import Buyers


def boxreplay(engine, *arguments, exit_code=0, **settings):
    env = dict(os.environ, **engine.env)
    env.update(("BOXOFFICE_" + name, str(value)) for name, value in settings.items())
    run = subprocess.run([BOXREPLAY, arguments[0], "--config", engine.config, *arguments[1:]],
                         env=env, capture_output=True, text=True, timeout=60)
    equal(run.returncode, exit_code, f"boxreplay {arguments}: {run.stdout}{run.stderr}")
    return run.stdout + run.stderr


def boxctl(engine, *arguments, exit_code=0):
    run = subprocess.run([BOXCTL, *arguments, "--config", engine.config, "--data-dir", engine.data],
                         env=dict(os.environ, **engine.env), capture_output=True, text=True,
                         timeout=60)
    equal(run.returncode, exit_code, f"boxctl {arguments}: {run.stdout}{run.stderr}")
    return run.stdout


def snapshot(engine, **settings):
    return boxreplay(engine, "snapshot", "--data-dir", engine.data,
                     **{"SNAPSHOT_WRITE_MB_PER_SECOND": 0, "SNAPSHOT_READ_MB_PER_SECOND": 0,
                        **settings})


def metrics(engine):
    """The families without a shard: {name with labels: number}."""
    answer = Client(engine, tokens.mint(engine, role="admin")).get("/metrics")
    equal(answer.status, 200, "metrics")
    lines = [line.rsplit(" ", 1) for line in answer.raw.decode().splitlines() if line[0] != "#"]
    return {name: float(value) for name, value in lines if "shard=" not in name}


def snapshots(engine):
    return sorted(glob.glob(os.path.join(engine.data, "snapshots", "*.snap")))


def segments(engine):
    return sorted(glob.glob(os.path.join(engine.data, "epoch-*", "shard-*", "segment-*.log")))


def started(engine, **settings):
    engine.start(**settings)
    return engine.events("recovered")[0]


def opened(engine, data, shards):
    """Another engine on a copy, with the same keys."""
    home = os.path.dirname(data)
    other = Engine(directory=home, shards=shards, ttl=600, port=None)
    other.data = data
    other.keys = engine.keys
    other.env["BOXOFFICE_AUTH_JWT_KEYS_FILE"] = engine.keys
    return other


def move(sale, groups, engine):
    """Sale and buyers speak to another engine from now on."""
    sale.engine = engine
    sale.organizer = Client(engine, tokens.mint(engine, role="organizer"))
    for group in groups:
        group.engine = engine
        group.clients = [buyer(engine, client.user) for client in group.clients]
        group.said = [(client, *said[1:]) for client, said in zip(group.clients, group.said)]


def test_snapshot_and_tail():
    """Killed and started from a snapshot and its tail, with the same shards and with others,
    every booking, list, count, limit and key's answer is what it was."""
    engine = Engine(shards=2, ttl=600).start()
    sale = Sale(engine, seats=(500, 500, 500), max_per_user=4)
    early = Buyers(engine, sale)
    check("snapshot 1" in snapshot(engine), "no snapshot was taken")
    late = Buyers(engine, sale)
    before = early.look() + late.look()
    for shards in (2, 3, 1, 2):
        engine.kill()
        engine.shards = shards
        recovered = started(engine)
        check(recovered["snapshot"] >= 1, "the start used no snapshot")
        equal(early.look() + late.look(), before, f"at {shards} shards")
        for buyers in (early, late):
            buyers.repeat()
            buyers.at_limit()
        before = early.look() + late.look()
        snapshot(engine)
    equal(engine.stop(), 0, "exit")
    boxreplay(engine, "verify", "--data-dir", engine.data)


def test_under_load():
    """Snapshots taken while buyers buy: no answered booking is lost by a kill and a start."""
    engine = Engine(shards=2, ttl=600).start()
    sale = Sale(engine, seats=(40, 50000), max_per_user=4)
    story = Story(engine, sale.zones, retry=True, seed=4).begin(16)
    for _ in range(3):
        time.sleep(0.5)
        snapshot(engine)
        time.sleep(0.2)
        engine.kill()
        check(started(engine)["snapshot"] >= 1, "the start used no snapshot")
    story.end()
    story.check_kept()
    check(len(story.ops) > 200, "too little happened")
    equal(engine.stop(), 0, "exit")


def test_bad_snapshots():
    """DK18, RO, RP: a newest snapshot that is damaged, cut off or empty is passed over with an
    alarm, the older one used; with all bad the whole log is replayed. The state is the same."""
    engine = Engine(shards=1, ttl=600).start()
    sale = Sale(engine, seats=(500,), max_per_user=4)
    buyers = Buyers(engine, sale)
    snapshot(engine)
    more = Buyers(engine, sale)
    snapshot(engine)
    before = buyers.look() + more.look()
    older, newer = snapshots(engine)
    engine.kill()
    whole = open(newer, "rb").read()
    middle = len(whole) // 2

    def damage(path, content):
        with open(path, "wb") as out:
            out.write(content)

    for content in (whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1:],
                    whole[:-4096], b"", whole[:5000]):
        damage(newer, content)
        open(newer + ".new", "wb").close()
        recovered = started(engine)
        equal(recovered["snapshot"], 1, "the older one")
        equal(len(engine.events("snapshot_older_used")), 1, "alarms")
        equal(buyers.look() + more.look(), before, "the state")
        engine.kill()
    damage(older, b"garbage")
    equal(started(engine)["snapshot"], 0, "no snapshot")
    equal(len(engine.events("snapshots_all_bad")), 1, "alarms")
    equal(buyers.look() + more.look(), before, "the state")
    equal(engine.stop(), 0, "exit")


def test_ahead_of_the_log():
    """RQ: under a log that ends before the snapshot, as after restoring an older copy, the
    engine refuses with 65."""
    engine = Engine(shards=1, ttl=600).start()
    sale = Sale(engine, seats=(500,), max_per_user=4)
    Buyers(engine, sale)
    engine.kill()
    old = engine.data + ".old"
    shutil.copytree(engine.data, old)
    engine.start()
    Buyers(engine, sale)
    snapshot(engine)
    engine.kill()
    shutil.move(os.path.join(engine.data, "snapshots"), os.path.join(old, "snapshots"))
    shutil.rmtree(engine.data)
    os.rename(old, engine.data)
    equal(engine.start_refused(), EXIT_CORRUPT, "exit")
    equal(engine.events("start_refused")[0]["case"], "RQ", "case")


def test_retention():
    """I20: segments go when two snapshots and every cursor have passed them, not before; the
    engine starts from what is left."""
    engine = Engine(shards=1, ttl=600, SNAPSHOT_LOG_MB=1).start()
    sale = Sale(engine, seats=(100, 50000), max_per_user=4)
    story = Story(engine, sale.zones, retry=True, seed=5).begin(16)
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline and not engine.events("log_given_up"):
        time.sleep(0.2)
    story.end()
    check(engine.events("log_given_up"), "nothing was given up:\n" + engine.tail())
    check(engine.events("snapshot_taken"), "the engine took no snapshot")
    check(not os.path.exists(os.path.join(engine.data, "epoch-000001", "shard-000",
                                          "segment-0000000001.log")), "the first segment is there")
    engine.kill()
    check(started(engine)["snapshot"] >= 2, "the start used no snapshot")
    marker = len(story.ops)
    story.read_all()
    for op in story.ops[marker:]:
        equal(op.status, 200, f"a booking that was answered: {op!r}")
    equal(engine.stop(), 0, "exit")
    boxreplay(engine, "verify", "--data-dir", engine.data)


def test_rebuild():
    """A new directory at a point of the log has the state of then: what came later is not in
    it, and selling goes on."""
    engine = Engine(shards=2, ttl=600).start()
    sale = Sale(engine, seats=(500, 500), max_per_user=4)
    buyers = Buyers(engine, sale)
    snapshot(engine)
    before = buyers.look()
    time.sleep(0.05)
    point = time.time()
    time.sleep(0.05)
    late = Buyers(engine, sale)
    out = os.path.join(engine.home, "rebuilt", "data")
    os.makedirs(os.path.dirname(out))
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(point)) + f".{int(point * 1000) % 1000:03d}Z"
    boxreplay(engine, "rebuild", "--to", text, "--out", out, engine.data)
    equal(boxreplay(engine, "rebuild", "--to", text, "--out", out, engine.data, exit_code=73)
          .count("exists"), 1, "an existing directory")
    engine.kill()
    other = opened(engine, out, 2)
    other.start(init=False)
    equal(other.events("recovered")[0]["snapshot"], 1, "snapshot")
    move(sale, [buyers, late], other)
    equal(buyers.look(), before, "the state of then")
    for client, _, _, _, answer in late.said:
        equal(client.booking(answer.data["booking_id"]).status, 404, "what came later")
    move(sale, [buyers], other)
    buyers.repeat()
    equal(other.stop(), 0, "exit")
    boxreplay(engine, "verify", "--data-dir", out)


def test_backup():
    """A copy made while buyers buy opens, and what was answered before it is in it; the same
    holds once log was given up."""
    engine = Engine(shards=2, ttl=600, SNAPSHOT_LOG_MB=1).start()
    sale = Sale(engine, seats=(500, 50000), max_per_user=4)
    buyers = Buyers(engine, sale)
    story = Story(engine, [sale.zones[1]], retry=True, seed=6).begin(16)
    for number in range(3):
        time.sleep(1.0)
        known = [op for op in list(story.ops) if op.kind == "reserve" and op.good]
        out = os.path.join(engine.home, f"backup-{number}", "data")
        os.makedirs(os.path.dirname(out))
        boxctl(engine, "backup", out)
        check("backup-" not in boxctl(engine, "cursors"), "the backup's cursor is left over")
        other = opened(engine, out, 2)
        other.start(init=False)
        for op in known[-50:]:
            answer = buyer(other, op.user).booking(op.data["booking_id"])
            equal(answer.status, 200, f"a booking answered before the copy: {op!r}")
        equal(other.stop(), 0, "exit")
        boxreplay(engine, "verify", "--data-dir", out)
    story.end()
    boxctl(engine, "backup", out, exit_code=73)
    _ = buyers


def said_of_upkeep(engine):
    """/metrics, boxctl status and boxctl log say the same of snapshots and of what holds the log."""
    time.sleep(3)  # until it has looked again
    newest = len(engine.events("snapshot_taken"))
    lines = metrics(engine)
    equal(lines["boxoffice_snapshot_number"], newest, "number")
    equal(lines["boxoffice_snapshots_taken_total"], newest, "taken")
    equal(lines["boxoffice_snapshots_failed_total"], 0, "failed")
    equal(lines["boxoffice_snapshot_bytes"], os.path.getsize(snapshots(engine)[-1]), "bytes")
    check(0 < lines["boxoffice_snapshot_duration_seconds"] < 30, "duration")
    check(0 <= lines["boxoffice_snapshot_age_seconds"] < 60, "age")
    kept = sum(os.path.getsize(path) for path in segments(engine))
    equal(lines["boxoffice_log_kept_bytes"], kept, "kept")
    equal(lines["boxoffice_log_limit_bytes"], 1000000, "limit")
    equal(lines["boxoffice_log_over_limit"], 1, "over the limit")
    equal(lines['boxoffice_log_held_by{holder="mirror"}'], 1, "holder")
    for what in ("status", "log"):
        shown = json.loads(boxctl(engine, "--json", what))
        shown = shown.get("data", shown)
        equal((shown["snapshot"]["number"], shown["snapshot"]["failed"]), (newest, 0), what)
        equal((shown["retention"]["held_by"], shown["retention"]["over_limit"],
               shown["retention"]["kept_bytes"]), ("mirror", True, kept), what)
        text = boxctl(engine, what)
        check(f"snapshot       {newest}, " in text and "TOO MUCH, held back by mirror" in text, text)


def test_cursors():
    """Nothing goes that a cursor still needs; /metrics and boxctl say who holds it, and what the
    snapshots are."""
    engine = Engine(shards=1, ttl=600, SNAPSHOT_LOG_MB=1, MIRROR_POSTGRES="host=nowhere.invalid",
                    RETENTION_LOG_MB_MAX=1).start()
    sale = Sale(engine, seats=(100, 50000), max_per_user=4)
    story = Story(engine, sale.zones, retry=True, seed=7).begin(16)
    time.sleep(6)
    story.end()
    first = segments(engine)[0]
    check(first.endswith("segment-0000000001.log"), "log went that the mirror has not seen")
    check(len(snapshots(engine)) == 2, "two snapshots are kept")
    check(engine.events("log_too_large"), "no alarm")
    shown = json.loads(boxctl(engine, "--json", "cursors"))
    equal((shown["held_by"], shown["over"]), ("mirror", True), "boxctl cursors")
    said_of_upkeep(engine)
    equal(boxctl(engine, "cursors", "drop", "nobody", exit_code=66), "", "an unknown cursor")
    equal(engine.stop(), 0, "exit")


def until_given_up(engine, seconds=40):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not engine.events("log_given_up"):
        time.sleep(0.2)
    check(engine.events("log_given_up"), "nothing was given up:\n" + engine.tail())


def test_mirror_of_given_up_log():
    """The mirror goes on when log it has passed is given up; diff begins with a snapshot, finds
    both equal, and a row changed by hand; dump begins with the oldest record there is. A mirror
    that needs what is gone is refused with 66 and says what it needs."""
    postgres = Postgres()
    engine = Engine(shards=2, ttl=600, SNAPSHOT_LOG_MB=1, MIRROR_POSTGRES=postgres.url).start()
    inventory = Inventory(engine).run()
    mirror = Mirror(engine, postgres)
    mirror.catch_up()
    whole = mirror.command("diff")
    equal(whole.returncode, 0, f"diff: {whole.stdout}{whole.stderr}")
    check("snapshot" not in whole.stdout, "the log is whole: " + whole.stdout)
    mirror.start()
    sale = Sale(engine, seats=(100, 50000), max_per_user=4)
    story = Story(engine, sale.zones, retry=True, seed=9).begin(16)
    until_given_up(engine)
    running = mirror.command("diff")
    equal(running.returncode, 0, f"diff beside load: {running.stdout[:2000]}{running.stderr}")
    story.end()
    mirror.kill(15)
    mirror.catch_up()
    done = mirror.command("diff")
    equal(done.returncode, 0, f"diff: {done.stdout[:2000]}{done.stderr}")
    check("begins with snapshot" in done.stdout and ": equal" in done.stdout, done.stdout)
    inventory.made("/bookings/reserve", {"zone_id": sale.zones[1], "quantity": 1},
                   client=buyer(engine))
    mirror.catch_up()
    equal(mirror.command("diff").returncode, 0, "after the next record")

    booking = inventory.ids["seated"]
    for column in ("user_id", "seats"):
        (old,), = postgres.query(f"select {column} from bookings where id = '{booking}'")
        new = f"'{new_id()}'" if column == "user_id" else "'{0}'"
        postgres.query(f"update bookings set {column} = {new} where id = '{booking}'")
        found = mirror.command("diff")
        equal(found.returncode, 1, f"{column}: {found.stdout}{found.stderr}")
        check(f"bookings {booking}: {column}: log " in found.stdout, found.stdout)
        postgres.query(f"update bookings set {column} = '{old}' where id = '{booking}'")

    gone = [shard for shard in range(2) if not os.path.exists(os.path.join(
        engine.data, "epoch-000001", f"shard-{shard:03d}", "segment-0000000001.log"))]
    first = json.loads(boxreplay(engine, "dump", "--data-dir", engine.data,
                                 "--shard", str(gone[0])).splitlines()[0])
    check(first["sequence"] > 1, f"the log begins with {first}")
    said = boxreplay(engine, "dump", "--data-dir", engine.data, "--from", "1", exit_code=66)
    check("given up" in said, said)
    refused = Mirror(engine, Postgres()).command("mirror", "--once")
    equal(refused.returncode, 66, refused.stderr)
    for word in ("from sequence 1 on", "given up", "backup"):
        check(word in refused.stderr, refused.stderr)
    equal(engine.stop(), 0, "exit")


def test_crash_points():
    """PR2, DK19: killed at each point of writing, verifying and naming a snapshot, or of giving
    up log, the directory is as good as before, and the next snapshot is taken."""
    engine = Engine(shards=1, ttl=600).start()
    sale = Sale(engine, seats=(500, 50000), max_per_user=4)
    buyers = Buyers(engine, sale)
    before = buyers.look()
    for point in ("snapshot.block", "snapshot.written", "snapshot.renamed"):
        snapshot(engine)
        stranger = buyer(engine)
        stranger.cancel(stranger.reserve(sale.zone).data["booking_id"])
        boxreplay(engine, "snapshot", "--data-dir", engine.data, exit_code=-9,
                  CRASH_AT=f"{point}:1")
        engine.kill()
        check(started(engine)["snapshot"] >= 1, "the start used no snapshot")
        equal(buyers.look(), before, f"after a crash at {point}")
        snapshot(engine)
        equal(glob.glob(os.path.join(engine.data, "snapshots", "*.new")), [], "left over")
    engine.kill()
    for point in ("retention.before", "retention.given_up"):
        engine.start(CRASH_AT=f"{point}:1", SNAPSHOT_LOG_MB=1)
        story = Story(engine, [sale.zones[1]], retry=True, seed=8).begin(16)
        deadline = time.monotonic() + 20
        while engine.running and time.monotonic() < deadline:
            time.sleep(0.05)
        check(not engine.running, f"{point} was not passed")
        engine.kill()
        engine.start()
        story.end()
        engine.kill()
    check(started(engine)["snapshot"] >= 1, "the start used no snapshot")
    equal(engine.stop(), 0, "exit")
    boxreplay(engine, "verify", "--data-dir", engine.data)


def test_salvage():
    """A directory the engine refuses is made into one it opens; the report names what was
    lost; the damaged one is as it was."""
    engine = Engine(shards=1, ttl=600).start()
    sale = Sale(engine, seats=(5000,), max_per_user=4)
    for _ in range(4):
        Buyers(engine, sale)
    engine.kill()
    path = segments(engine)[0]
    size = 64 * 4096
    with open(path, "r+b") as segment:
        segment.seek(size)
        byte = segment.read(70)
        segment.seek(size)
        segment.write(bytes(b ^ 0xff for b in byte))
    content = open(path, "rb").read()
    equal(engine.start_refused(), EXIT_CORRUPT, "exit")
    out = os.path.join(engine.home, "salvaged", "data")
    os.makedirs(os.path.dirname(out))
    boxreplay(engine, "salvage", "--out", out, engine.data)
    equal(open(path, "rb").read() == content, True, "the source is as it was")
    report = json.load(open(os.path.join(out, "report.json"), encoding="utf-8"))
    check(report["losses"] >= 1 and report["records_applied"] > 100, f"report: {report}")
    check(any(loss["lost"] == "records" for loss in report["lost"]), f"report: {report}")
    other = opened(engine, out, 1)
    other.start(init=False)
    equal(other.stop(), 0, "exit")
    boxreplay(engine, "verify", "--data-dir", out)


if __name__ == "__main__":
    main(globals())
