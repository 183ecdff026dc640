#!/usr/bin/python3
"""What a running snapshot does to reserves: pairs of open-loop runs, one with snapshots
taken all the while, one without, in alternating order; prints p50, p90 and p99 of each
and the median over the pairs of with / without. Target: p99 at most 1.2.

  bench_snapshot_p99.py [--build DIR] [--pairs N] [--seconds S] [--rate R] [--fill N]
"""

import argparse
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import threading
import time

from rivals import Place
from subject import CONFIG, Engine

QUANTILES = ("p50", "p90", "p99")


class Snapshots(threading.Thread):
    """One after the other until told to end, as the engine's own child is run."""

    def __init__(self, engine):
        super().__init__(daemon=True)
        self.engine, self.ending, self.taken = engine, threading.Event(), 0
        self.process = None

    def run(self):
        command = [str(self.engine.place.build / "boxreplay"), "snapshot", "--config", CONFIG,
                   "--data-dir", str(self.engine.data)]
        while not self.ending.is_set():
            self.process = subprocess.Popen(command, env=self.engine.environment,
                                            stdout=subprocess.PIPE, text=True)
            out, _ = self.process.communicate()
            self.taken += self.process.returncode == 0 and out.startswith("snapshot")

    def end(self):
        self.ending.set()
        if self.process is not None:
            self.process.kill()
        self.join()


def sample(engine, options, beside):
    snapshots = Snapshots(engine) if beside else None
    if snapshots:
        snapshots.start()
    summary = engine.load("reserve", "--rate", options.rate, "--sleep", connections=64,
                          seconds=options.seconds, warmup=1.0)
    if snapshots:
        snapshots.end()
    found = latencies(summary)
    found["taken"] = snapshots.taken if snapshots else 0
    return found


def latencies(summary):
    """Microseconds by quantile, from the planned send time."""
    values = summary["latency_us"]["reserve"]
    return {name: float(values[name]) for name in QUANTILES}


def show(number, beside, found):
    print(f"pair {number} {'with   ' if beside else 'without'} "
          + "  ".join(f"{name} {found[name] / 1000:7.3f} ms" for name in QUANTILES)
          + (f"  {found['taken']} taken" if beside else ""), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build", type=pathlib.Path)
    parser.add_argument("--pairs", default=5, type=int)
    parser.add_argument("--seconds", default=5, type=float)
    parser.add_argument("--rate", default=5000, type=int)
    parser.add_argument("--fill", default=10, type=float, help="seconds of bookings made before")
    parser.add_argument("--port", default=18700, type=int)
    options = parser.parse_args()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="snapshot-p99-"))
    engine = Engine(Place(options.build.resolve(), directory, options.port))
    engine.environment["BOXOFFICE_SNAPSHOT_LOG_MB"] = "0"
    try:
        engine.start()
        engine.load("reserve", seconds=options.fill, connections=256)
        rows = {True: [], False: []}
        for number in range(options.pairs):
            for beside in ((True, False) if number % 2 else (False, True)):
                rows[beside].append(sample(engine, options, beside))
                show(number, beside, rows[beside][-1])
                time.sleep(0.5)
        for name in QUANTILES:
            ratios = [a[name] / b[name] for a, b in zip(rows[True], rows[False])]
            print(f"{name}: with / without, median of {options.pairs} pairs: "
                  f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    finally:
        engine.stop()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
