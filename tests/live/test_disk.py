#!/usr/bin/env python3
"""The disk fails: it is full, it tears a write, it loses power. Nothing acknowledged is lost."""

import os
import random
import resource
import shutil
import time

from lib import log, tokens
from lib.cases import check, equal, main, setting
from lib.client import Client, Lost, new_id, wait_until
from lib.disk import Disk
from lib.engine import EXIT_IO, Engine
from lib.history import check_black_box, check_white_box
from lib.load import Story
from lib.sale import Sale, buyer

SOAK = "SOAK" in os.environ


def judge(story, sale, seats):
    """After the disk is well again: all buyers saw is in the log, and the log is sound."""
    story.read_all()
    equal(story.engine.stop(), 0, "exit")
    wrong = check_white_box(story.ops, log.records(story.engine))
    wrong += check_black_box(story.ops, dict(zip(sale.zones, seats)), 4)
    check(not wrong, f"{len(wrong)} violations, first:\n" + "\n".join(wrong[:8]))
    story.engine.boxreplay("verify")


def fill(disk, leave=0):
    """Takes the disk's space; the file that holds it."""
    path = os.path.join(disk.path, "ballast")
    with open(path, "wb") as ballast:
        while disk.free_bytes() > leave:
            try:
                ballast.write(b"\1" * min(65536, disk.free_bytes() - leave))
                ballast.flush()
            except OSError:
                break
    return path


def test_dk8_disk_full():
    """DK8, DK9: with no room for another segment reserves get 503 with Retry-After; reads,
    confirms and cancels go on; with room again reserves go on without a restart; all is kept."""
    disk = Disk("tmpfs", 16)
    engine = Engine(directory=disk.path, ttl=600).start()
    sale = Sale(engine, seats=(1000000,), max_per_user=1000)
    owner = buyer(engine)
    held = [owner.reserve(sale.zone, 1, new_id()).data["booking_id"] for _ in range(300)]
    ballast = fill(disk)
    crowd = [buyer(engine) for _ in range(60)]
    low = None
    for _ in range(60 * 1000):
        low = crowd[0].reserve(sale.zone, 1)
        if low.status == 409:
            crowd.pop(0)
        elif low.status != 201:
            break
    equal((low.status, low.error), (503, "UNAVAILABLE"), "a reserve on a full disk")
    check(int(low.headers["retry-after"]) >= 1, "no Retry-After")
    for booking in held[:60]:
        equal(owner.confirm(booking).status, 200, "a confirm on a full disk")
        equal(owner.booking(booking).data["status"], "confirmed", "a read on a full disk")
    for booking in held[60:80]:
        equal(owner.cancel(booking).status, 200, "a cancel on a full disk")
    equal(buyer(engine).reserve(sale.zone).status, 503, "still no reserve")

    os.unlink(ballast)
    # Half a second between tries to make a segment, and the time to make one.
    wait_until(lambda: buyer(engine).reserve(sale.zone).status == 201, 3.0, "service again")
    available, reserved, sold = sale.counts()
    equal((sold, available + reserved + sold), (60, 1000000), "counts")
    engine.kill()
    engine.start()
    equal(sale.counts(), (available, reserved, sold), "after kill -9")
    for booking in held[:60]:
        equal(owner.booking(booking).data["status"], "confirmed", "after kill -9")
    equal(engine.stop(), 0, "exit")
    engine.boxreplay("verify")


def test_dk3_torn_writes():
    """DK3, DK6: a write cut off at any byte stops the engine with 74; it acknowledges nothing
    after, and a restart has all it acknowledged before."""
    draw = random.Random(setting("SEED", 1))
    for round_number in range(setting("ROUNDS", 500 if SOAK else 6)):
        # Segments long enough that none must be made under the limit: only the log's
        # own write can fail.
        engine = Engine(shards=1 + round_number % 2, ttl=600, STORAGE_SEGMENT_BYTES=8 << 20).start()
        sale = Sale(engine, seats=(100000,), max_per_user=4)
        time.sleep(0.3)
        story = Story(engine, sale.zones, retry=True, seed=round_number).begin(16)
        time.sleep(0.1)
        written = max(_offsets(engine))
        engine.limit(resource.RLIMIT_FSIZE, written + draw.randint(1, 65536))
        equal(engine.wait(20), EXIT_IO, "exit\n" + engine.tail())
        check(engine.events("log_failed"), "does not say that the log failed")
        engine.start()
        story.end()
        judge(story, sale, (100000,))


def _offsets(engine):
    """How far each shard has written its current segment."""
    admin = Client(engine, tokens.mint(engine, role="admin"))
    text = admin.get("/metrics").raw.decode()
    return [int(float(line.rpartition(" ")[2])) for line in text.splitlines()
            if line.startswith("boxoffice_log_segment_offset")]


def test_dk1_power_loss():
    """DK1: when power fails under load (nothing unsynced reaches the disk), the restart has
    everything that was acknowledged."""
    disk = Disk("ext4", 64)
    for round_number in range(setting("ROUNDS", 200 if SOAK else 5)):
        home = os.path.join(disk.path, f"round-{round_number % 4}")
        os.makedirs(home, exist_ok=True)
        engine = Engine(directory=home, shards=1 + round_number % 2, ttl=600).start()
        sale = Sale(engine, seats=(50, 100000), max_per_user=4)
        story = Story(engine, sale.zones, retry=True, seed=100 + round_number).begin(16)
        time.sleep(0.2 + 0.1 * (round_number % 3))
        disk.cut_power()
        time.sleep(0.05)
        engine.kill()
        disk.unmount()
        disk.mount()
        engine.start()
        story.end()
        judge(story, sale, (50, 100000))
        shutil.rmtree(home)


def test_dk21_file_system_turns_read_only():
    """DK21: when the file system refuses writes the engine stops with 74 by itself."""
    disk = Disk("ext4", 64)
    engine = Engine(directory=disk.path, ttl=600).start()
    sale = Sale(engine, seats=(1000,))
    client = buyer(engine)
    booking = client.reserve(sale.zone).data["booking_id"]
    disk.cut_power()
    try:
        # Confirms are written even where reserves are refused for want of another segment.
        equal(client.confirm(booking).status, 503, "after the first failed write")
    except Lost:
        pass
    equal(engine.wait(5), EXIT_IO, "exit\n" + engine.tail())


if __name__ == "__main__":
    main(globals())
