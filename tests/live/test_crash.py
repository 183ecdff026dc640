#!/usr/bin/env python3
"""PR1, PR2: kill -9 under load, at random and at named points, again and again.

Everything buyers saw is held against the log and against itself: what was
answered is there, nothing is sold twice, no key has two effects, no id repeats.
"""

import glob
import os
import random
import re
import time

from lib import log
from lib.cases import check, equal, main, setting
from lib.engine import ROOT, Engine
from lib.history import check_black_box, check_white_box
from lib.load import Story
from lib.sale import Sale

SOAK = "SOAK" in os.environ
ROUNDS = setting("ROUNDS", 1000 if SOAK else 32)
CHAPTER = 25 if SOAK else 8  # rounds on one data directory
SEED = setting("SEED", 1)
LIMIT = 4


def crash_points():
    """Every place in the sources where BOXOFFICE_CRASH_AT may strike."""
    names = set()
    for path in glob.glob(os.path.join(ROOT, "persist", "*.c")):
        with open(path, encoding="utf-8") as source:
            names.update(re.findall(r'\bcrash_point\("([^"]+)"\)', source.read()))
    return sorted(names)


def wait_or_kill(engine, seconds):
    """Lets it run for a time, unless it kills itself before; the load goes on."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and engine.running:
        time.sleep(0.01)
    equal(engine.kill(), -9, "it ended by itself:\n" + engine.tail() + "\n")


def restart(engine, draw, points):
    """Starts it again. Half of the time armed with a crash point, which may strike
    before it is ready (inside recovery): then once more, unarmed."""
    if points and draw.random() < 0.5:
        at = f"{draw.choice(points)}:{draw.choice((1, 1, 1, 2, 3, 10, 50))}"
        if not engine.start_struck(at):
            return at
    engine.start()
    return None


def judge(story, sale, seats):
    """Holds the whole story against the log and against itself."""
    known = story.read_all()
    equal(story.engine.stop(), 0, "exit after SIGTERM")
    records = log.records(story.engine)
    wrong = check_white_box(story.ops, records)
    wrong += check_black_box(story.ops, dict(zip(sale.zones, seats)), LIMIT)
    check(not wrong, f"{len(wrong)} violations, first:\n" + "\n".join(wrong[:8]))
    story.engine.boxreplay("verify")
    check(known > 0, "nobody reserved anything")
    return records


def chapter(number, rounds, shards, retry):
    draw = random.Random(SEED * 1000 + number)
    seats = (30, 2000, 50000)
    points = crash_points()
    engine = Engine(shards=shards, ttl=2).start()
    sale = Sale(engine, seats=seats, max_per_user=LIMIT)
    story = Story(engine, sale.zones, retry=retry, seed=SEED * 1000 + number).begin(24)
    struck = 0
    for _ in range(rounds):
        wait_or_kill(engine, 0.15 + draw.random() * 0.6)
        struck += restart(engine, draw, points) is not None
    time.sleep(0.2)
    if not engine.running:
        engine.start()
    story.end()
    if not engine.running:  # a late point struck
        engine.start()
    records = judge(story, sale, seats)
    unknown = sum(op.unknown for op in story.ops)
    print(f"     {shards} shard(s), {'retrying' if retry else 'giving up'}: {rounds} kills"
          f" ({struck} armed), {len(story.ops)} requests, {unknown} unanswered,"
          f" {len(records)} records", flush=True)
    check(unknown > 0, "no kill met a request")
    return rounds


def test_kill_loop():
    """Answered means recovered, over all kills, on one shard and on two."""
    done = number = 0
    while done < ROUNDS:
        shards, retry = ((1, True), (2, True), (1, False), (2, False))[number % 4]
        done += chapter(number, min(CHAPTER, ROUNDS - done), shards, retry)
        number += 1


def test_every_crash_point():
    """PR1: killed at each named point of a running log, at its first passes and at later ones."""
    points = [name for name in crash_points()
              if name.split(".")[0] in ("flush", "roll", "segment", "keeper")]
    engine = Engine(shards=2, ttl=2).start()
    sale = Sale(engine, seats=(50, 50000), max_per_user=LIMIT)
    story = Story(engine, sale.zones, retry=True, seed=SEED).begin(16)
    engine.kill()
    missed = set(points)
    for point in points:
        for count in (1, 2, 7) if SOAK else (1, 3):
            if engine.start_struck(f"{point}:{count}"):
                missed.discard(point)
                continue
            deadline = time.monotonic() + 3
            while engine.running and time.monotonic() < deadline:
                time.sleep(0.01)
            if engine.kill() == -9 and time.monotonic() < deadline:
                missed.discard(point)
    equal(missed, set(), "points that never struck")
    engine.start()
    story.end()
    judge(story, sale, (50, 50000))


def test_crash_inside_recovery():
    """PR2: any number of crashes inside recovery end in the state a calm recovery gives."""
    points = [name for name in crash_points()
              if name.split(".")[0] in ("recovery", "header", "epoch", "segment")]
    engine = Engine(shards=2, ttl=600).start()
    sale = Sale(engine, seats=(50, 50), max_per_user=LIMIT)
    story = Story(engine, sale.zones, retry=True, seed=SEED).begin(8)
    time.sleep(0.5)
    engine.kill()
    struck = 0
    for point in points * (3 if SOAK else 1):
        for count in (1, 2):
            struck += engine.start_struck(f"{point}:{count}")
            engine.kill()
    check(struck > 0, "no crash point struck inside recovery")
    engine.start()
    story.end()
    judge(story, sale, (50, 50))


if __name__ == "__main__":
    main(globals())
