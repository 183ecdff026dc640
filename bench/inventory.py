"""Numbered seats, lapsing holds, snapshots and the simulator, measured."""

import re
import threading
import time

from rivals import SERVER_CPU, sample_of
from sampling import alternate, run_text, run_tool
from subject import Engine, OpenLoop

SEATED_QUANTITY = 2
SEATED_CAPACITY = 100000  # the most a plan has
RESERVES_MAX = 200000     # a second, for which there must be seats
REFUSED_MAX = 0.02
SETTLE_S = 2  # until the device has written what came before
SIMULATOR_SEEDS = {"S0": 100, "S1": 50, "S2": 25}  # one to two seconds each


class SeatedReserve:
    """Two tickets a reserve in a closed loop: of a general zone, named, or the best."""

    def __init__(self, engine, scenario, *options):
        self.engine, self.scenario = engine, scenario
        self.options = ["--quantity", SEATED_QUANTITY, *options]

    def sample(self, seconds):
        zones = max(16, int((seconds + 1) * RESERVES_MAX * SEATED_QUANTITY / SEATED_CAPACITY) + 1)
        summary = self.engine.load(self.scenario, "--zones", zones, *self.options, seconds=seconds)
        refused = summary["refused"] / summary["answered"]
        if refused >= REFUSED_MAX:
            raise RuntimeError(f"{self.scenario}: {refused:.1%} were refused")
        return {**sample_of({**summary, "refused": 0}), "refused": refused}


def seated(place, options, say):
    """Reserves of numbered seats beside those of general admission."""
    engine = Engine(place, "seated")
    hall = ("--capacity", SEATED_CAPACITY)
    try:
        engine.start()
        return alternate({"general admission": SeatedReserve(engine, "reserve"),
                          "named seats": SeatedReserve(engine, "seats", "--apart", *hall),
                          "best available": SeatedReserve(engine, "best", *hall)},
                         min(3, options.rounds), options.seconds, say)
    finally:
        engine.stop()
        engine.remove()


def choosing(place, options, say):
    """The deciding step alone, and holds that lapse together."""
    lines = run_tool(place, "bench_seats", 500 if options.quick else 5000, "json", cpu=SERVER_CPU)
    say(f"choosing seats: {len(lines)} lines")
    lapses = []
    for turn in range(1 if options.quick else 3):
        lapses.append(run_tool(place, "bench_expiry", 1000000, cpu=SERVER_CPU))
        if lapses[-1]["unexpected"]:
            raise RuntimeError(f"unexpected answers while holds lapsed: {lapses[-1]}")
        say(f"holds lapsing {turn + 1}: {lapses[-1]}")
    return {"seats": lines, "lapses": lapses}


class Snapshots(threading.Thread):
    """boxctl snapshot again and again, on the server's core, as the engine's own would run."""

    def __init__(self, engine):
        super().__init__(daemon=True)
        self.engine, self.taken, self.failure, self.ending = engine, 0, None, threading.Event()

    def run(self):
        try:
            while not self.ending.is_set():
                self.engine.ask("snapshot", cpu=SERVER_CPU)
                self.taken += 1
        except Exception as failure:  # told by end(), in the thread that asks
            self.failure = failure

    def end(self):
        """After the one under way; how many were taken."""
        self.ending.set()
        self.join()
        if self.failure:
            raise self.failure
        return self.taken


def beside_snapshots(place, options, say):
    """Reserves at 10,000/s on a million bookings, without and with snapshots being taken."""
    pairs, seconds = (1, 3) if options.quick else (3, 10)
    samples, taken = {"alone": [], "taking snapshots": []}, 0
    engine = Engine(place, "snapshots")
    try:
        engine.start()
        bookings = 0
        while bookings < (100000 if options.quick else 1000000):
            bookings += engine.load("reserve", seconds=2)["answered"]
        loop = OpenLoop(engine, "reserve", 10000, "--sleep")
        for turn in range(pairs):
            time.sleep(SETTLE_S)
            samples["alone"].append(loop.sample(seconds))
            time.sleep(SETTLE_S)
            snapshots = Snapshots(engine)
            snapshots.start()
            samples["taking snapshots"].append(loop.sample(seconds))
            taken += snapshots.end()
            say(f"snapshots, pair {turn + 1}/{pairs}  {taken} taken  p99 "
                + ", ".join(f"{sample[-1]['p99_us'] / 1000:.3f} ms {name}"
                            for name, sample in samples.items()))
    finally:
        engine.stop()
        engine.remove()
    return {"bookings": bookings, "samples": samples, "taken": taken}


def snapshot(place, options, say):
    """Starts from snapshots, and what taking them costs the sale."""
    # A tail is asked for by a guess of its records: 255 makes a little over 200 MB.
    sizes = {"1 M and a tail": (1000000, 255)}
    if options.quick:
        sizes = {"0.1 M and a tail": (100000, 20)}
    elif not options.no_large:
        sizes["10 M"] = (10000000, 0)
    starts = {}
    for name, (bookings, tail_mb) in sizes.items():
        starts[name] = run_tool(place, "bench_snapshot", place.directory / "start", bookings,
                                tail_mb, timeout=300)
        say(f"start from a snapshot, {name}: {starts[name]}")
    return {"starts": starts, "beside": beside_snapshots(place, options, say)}


def simulator(place, options, say):
    """{level: [events a second, ...]} on one core, levels in turn."""
    rates = {level: [] for level in SIMULATOR_SEEDS}
    for turn in range(1 if options.quick else 3):
        for level, seeds in SIMULATOR_SEEDS.items():
            said = run_text(place.build / "sim", "--level", level, "--first", 1 + turn * seeds,
                            "--seeds", seeds, cpu=SERVER_CPU)
            rates[level].append(float(re.search(r"(\d+) events/s", said).group(1)))
            say(f"simulator: {said.strip()}")
    return rates
