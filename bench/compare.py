"""make bench: the engine beside what it could have been built with, in one go.

All servers run pinned to one core and all generators to the other. The rounds
alternate: each contestant in turn, then all again, so that a slow minute of the
machine is everybody's. Medians and their ratios are printed as one table and
written, with the machine, to bench/RESULTS.md.
"""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import sys
import tempfile
import time

import inventory
import results
from rivals import CLIENT_CPU, SERVER_CPU, Floor, HotRow, Nginx, Place, Postgres, Redis
from sampling import alternate, run_tool
from subject import Engine, Lag, Mixed, OpenLoop, Reserve, SoldOut

ROOT = pathlib.Path(__file__).resolve().parent.parent


class Progress:
    """One line per step on standard error, with the time it all has taken."""

    def __init__(self):
        self.began = time.monotonic()

    def say(self, text):
        print(f"[{time.monotonic() - self.began:5.0f} s] {text}", file=sys.stderr, flush=True)


def throughput(place, engine, options, say):
    """Everybody's answers a second."""
    contestants = {
        "floor, memory": Floor(place, durable=False),
        "floor, durable": Floor(place, durable=True),
        "nginx, constant": Nginx(place),
        "Redis script, no fsync": Redis(place, "no"),
        "Redis script, each second": Redis(place, "everysec"),
        "Redis script, fsync always": Redis(place, "always"),
        "PostgreSQL, hot row": HotRow(place),
        "Boxoffice, reserve": Reserve(engine),
        "Boxoffice, sold out": SoldOut(engine),
        "Boxoffice, mixed": Mixed(engine),
    }
    with contextlib.ExitStack() as running:
        for contestant in contestants.values():
            contestant.start()
            running.callback(contestant.stop)
        return alternate(contestants, options.rounds, options.seconds, say)


def open_loops(place, engine, options, say):
    """Latencies at a fixed rate, the floor's beside ours."""
    floor = Floor(place, durable=True)
    floor.start()

    class FloorAtRate:
        def sample(self, seconds):
            return floor.sample(seconds, "--rate", 10000)

    try:
        return alternate({
            "floor, durable, 10,000/s": FloorAtRate(),
            "Boxoffice, reserve, 10,000/s": OpenLoop(engine, "reserve", 10000),
            "Boxoffice, sold out, 20,000/s": OpenLoop(engine, "sold-out", 20000),
        }, max(3, options.rounds - 2), options.seconds * 2, say)
    finally:
        floor.stop()


def mirror_catch_up(engine, cluster, options, say):
    """Rows a second that the replayer writes when it is far behind."""
    backlog = engine.load("reserve", seconds=options.seconds * 2)["answered"]
    began = time.monotonic()
    engine.tool("boxreplay", "mirror", "--config", str(ROOT / "config.toml"), "--once", timeout=180)
    taken = time.monotonic() - began
    rows = int(cluster.query("SELECT count(*) FROM bookings"))
    say(f"mirror caught up: {rows} bookings in {taken:.1f} s, {rows / taken:.0f}/s")
    if rows < backlog:
        raise RuntimeError(f"{rows} bookings mirrored of {backlog} answered")
    return {"rows": rows, "seconds": taken, "rate": rows / taken}


def wait_caught_up(engine, cluster, seconds=60):
    """Until the mirror has all that is durable now."""
    durable = engine.ask("log")["shards"][0]["log_durable"]
    until = time.monotonic() + seconds
    while int(cluster.query("SELECT max(sequence) FROM mirror_cursor")) < durable:
        if time.monotonic() > until:
            raise RuntimeError(f"the mirror did not catch up in {seconds} s")
        time.sleep(0.2)


def mirror_beside(engine, cluster, options, say):
    """Lag under load, and reserve latency with PostgreSQL there and away."""
    samples = {"mirroring": [], "PostgreSQL stopped": []}
    ages = []
    loop = OpenLoop(engine, "reserve", 10000, "--sleep")
    engine.start_mirror()
    for turn in range(3):
        wait_caught_up(engine, cluster)
        lag = Lag(cluster)
        lag.start()
        samples["mirroring"].append(loop.sample(options.seconds * 2))
        ages += lag.end()
        cluster.stop()
        samples["PostgreSQL stopped"].append(loop.sample(options.seconds * 2))
        cluster.start()
        say(f"mirror round {turn + 1}/3  lag up to {max(ages, default=0):.1f} s  p99 "
            + ", ".join(f"{taken[-1]['p99_us'] / 1000:.3f} ms {name}"
                        for name, taken in samples.items()))
    engine.stop_mirror()
    return samples, ages


def mirror(place, options, say):
    """PostgreSQL mirrors a sale: how fast, how far behind, and who notices."""
    cluster = Postgres(place, "mirrored")  # both cores, while there is no load
    cluster.start()
    engine = Engine(place, "mirrored-engine", postgres=cluster.url)
    try:
        engine.start()
        caught_up = mirror_catch_up(engine, cluster, options, say)
        cluster.stop()
        cluster.cpu = CLIENT_CPU
        cluster.start()
        samples, ages = mirror_beside(engine, cluster, options, say)
        engine.tool("boxreplay", "mirror", "--config", str(ROOT / "config.toml"), "--once",
                    timeout=180)
        difference = engine.tool("boxreplay", "diff", "--config", str(ROOT / "config.toml"),
                                 timeout=180)
        say("diff of PostgreSQL and the log: " + (difference.strip().splitlines() or ["none"])[-1])
    finally:
        engine.stop()
        cluster.stop()
        engine.remove()
    return {"catch_up": caught_up, "samples": samples, "ages": ages}


def inside(place, options, say):
    """What needs no socket."""
    records = 1000000 if options.quick else 4000000
    found = {"engine": run_tool(place, "bench_engine", 0.5 if options.quick else 1.5)}
    say(f"engine alone: {found['engine']}")
    found["memory"] = {per_user: run_tool(place, "bench_memory", 5000000, per_user, cpu=SERVER_CPU)
                       for per_user in (1, 4)}
    say(f"memory: {found['memory']}")
    found["recovery"] = run_tool(place, "bench_recovery", place.directory / "recovery", records,
                                 cpu=SERVER_CPU)
    say(f"recovery: {found['recovery']}")
    found["parts"] = run_tool(place, "bench_parts", cpu=SERVER_CPU)
    say(f"parts: {found['parts']}")
    return found


def parse_options():
    parser = argparse.ArgumentParser(prog="bench/compare.py", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a look in three minutes, no numbers to keep")
    parser.add_argument("--rounds", type=int, default=5, help="of the closed loops (5)")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each sample (3)")
    parser.add_argument("--only", help="parts to run, comma separated (all)",
                        default="throughput,open,mirror,inside,seated,choosing,snapshot,simulator")
    parser.add_argument("--no-large", action="store_true",
                        help="no start from 10 million bookings (about a minute)")
    parser.add_argument("--port", type=int, default=26000, help="first of ten ports to use")
    parser.add_argument("--output", help="where to write (bench/RESULTS.md; with --quick or --only nowhere)")
    parser.add_argument("--verbose", action="store_true", help="show the generator's progress")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = min(options.rounds, 2), min(options.seconds, 1.5)
    whole = not options.quick and options.only == parser.get_default("only")
    if options.output is None and whole:
        options.output = str(ROOT / "bench/RESULTS.md")
    return options


def measure(place, options, say):
    found = {"flush_before": run_tool(place, "bench_flush", place.directory / "flush")}
    say(f"one 4 KiB flush on this device: {found['flush_before']} us")
    parts = options.only.split(",")
    engine = Engine(place)
    try:
        engine.start()
        if "throughput" in parts:
            found["throughput"] = throughput(place, engine, options, say)
        if "open" in parts:
            found["open"] = open_loops(place, engine, options, say)
        found["log"] = engine.ask("log")
        found["backend"] = [json.loads(line) for line in engine.log.read_text().splitlines()
                            if '"log_backend"' in line]
    finally:
        engine.stop()
        engine.remove()
    if "mirror" in parts:
        found["mirror"] = mirror(place, options, say)
    if "inside" in parts:
        found["inside"] = inside(place, options, say)
    for part in (inventory.seated, inventory.choosing, inventory.snapshot, inventory.simulator):
        if part.__name__ in parts:
            found[part.__name__] = part(place, options, say)
    return found


def main():
    options = parse_options()
    if os.cpu_count() < 2:
        sys.exit("make bench needs two cores: one for the server, one for the generator")
    build = ROOT / os.environ.get("BUILD", "build")
    directory = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=build))
    directory.chmod(0o711)  # PostgreSQL runs as another user below it
    progress = Progress()
    try:
        found = measure(Place(build, directory, options.port, options.verbose), options,
                        progress.say)
        found["seconds"] = time.monotonic() - progress.began
        text = results.render(found, options)
        print(text)
        if options.output:
            pathlib.Path(options.output).write_text(text)
            progress.say(f"written to {options.output}")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
