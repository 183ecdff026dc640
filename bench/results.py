"""The findings as a page: machine, tables, targets, commands."""

import datetime
import pathlib
import platform
import re
import subprocess

import results_inventory
from tables import medians, ms, number, spread, table

BUILT = "gcc -O2, hardened, as `make` builds it"


def first_line(*command):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.stdout.strip().splitlines()[0]
    except (OSError, IndexError):
        return "not found"


def cpu_name():
    text = pathlib.Path("/proc/cpuinfo").read_text()
    found = re.search(r"model name\s*: (.*)", text)
    return found.group(1) if found else platform.machine()


def memory_gib():
    kib = int(re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text()).group(1))
    return kib / 1048576


def file_system():
    fields = first_line("findmnt", "-n", "-o", "SOURCE,FSTYPE,OPTIONS", "-T", str(pathlib.Path(__file__)))
    return " ".join(fields.split())


def machine(found, options):
    commit = first_line("git", "-C", str(pathlib.Path(__file__).parent), "rev-parse", "--short",
                        "HEAD")
    rows = [
        ("date", datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")),
        ("commit", commit),
        ("kernel", platform.release()),
        ("CPU", f"{cpu_name()}, {first_line('nproc')} cores"),
        ("memory", f"{memory_gib():.0f} GiB"),
        ("file system", file_system()),
        ("TCP congestion control",
         pathlib.Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip()),
        ("compiler", first_line("gcc", "--version") + "; " + BUILT),
        ("nginx", first_line("nginx", "-v")),
        ("Redis", first_line("redis-server", "--version")),
        ("PostgreSQL", first_line("/usr/lib/postgresql/15/bin/postgres", "--version")),
        ("one 4 KiB flush on the idle device, µs",
         ", ".join(f"{name} {value}" for name, value in found["flush_before"].items()
                   if name.startswith("p"))),
        ("log back end chosen at start",
         "; ".join(", ".join(f"{key} {value}" for key, value in line.items()
                             if key not in ("time", "level", "event"))
                   for line in found["backend"])),
        ("rounds", f"{options.rounds} alternating, {options.seconds:g} s each"),
    ]
    return "".join(f"- {name}: {value}\n" for name, value in rows)


def throughput_table(found):
    samples = found["throughput"]
    floor = medians(samples["floor, durable"])
    always = medians(samples["Redis script, fsync always"])
    rows = []
    for name, taken in samples.items():
        middle = medians(taken)
        cpu, busy = middle.get("cpu_us"), middle.get("generator")
        rows.append((name, number(middle["rate"]), f"± {spread(taken) * 50:.0f} %",
                     f"{middle['rate'] / floor['rate']:.2f}",
                     f"{middle['rate'] / always['rate']:.1f}",
                     number(cpu, 2) if cpu else "",
                     ms(middle["p50_us"]), ms(middle["p99_us"]) if "p99_us" in middle else "",
                     f"{busy * 100:.0f} %" if busy else ""))
    return table(("256 connections, closed loop", "answers/s", "spread", "of durable floor",
                  "of Redis always", "server CPU µs", "p50 ms", "p99 ms", "generator busy"), rows)


def open_table(found):
    rows = []
    for name, taken in found["open"].items():
        middle = medians(taken)
        rows.append((name, number(middle["rate"]), number(middle["cpu_us"], 2),
                     ms(middle["p50_us"]), ms(middle["p99_us"]), ms(middle["p999_us"]),
                     f"{middle['generator'] * 100:.0f} %"))
    return table(("256 connections, open loop", "answers/s", "server CPU µs", "p50 ms", "p99 ms",
                  "p99.9 ms", "generator busy"), rows)


def flush_table(found):
    """The engine's own flush histogram, folded to a few lines."""
    flush = found["log"]["shards"][0]["flush"]
    total, seen, rows, edge = flush["count"], 0, [], 100000
    for end_ns, count in flush["buckets"]:
        while end_ns > edge:
            rows.append((number(edge / 1000), number(seen), f"{seen / total * 100:.2f} %"))
            edge *= 2
        seen += count
    rows.append((number(flush["max_ns"] / 1000), number(seen), "100.00 %"))
    return table(("flush took at most, µs", "flushes", "share"), rows)


class Targets:
    """The list of what must be reached, each line judged."""

    def __init__(self):
        self.rows = []

    def at_least(self, what, value, least, text):
        self._add(what, f"≥ {least:,}", text, value >= least)

    def at_most(self, what, value, most, text):
        self._add(what, f"≤ {most:,}", text, value <= most)

    def _add(self, what, target, text, good):
        self.rows.append((what, target, text, "pass" if good else "**miss**"))

    def table(self):
        return table(("target", "asked", "measured", ""), self.rows)


def judge_throughput(targets, found):
    samples = {name: medians(taken) for name, taken in found["throughput"].items()}
    reserve, floor = samples["Boxoffice, reserve"], samples["floor, durable"]
    ratio = reserve["rate"] / floor["rate"]
    targets.at_least("durable reserve, share of the durable floor", ratio, 0.75, f"{ratio:.2f}")
    ratio = reserve["rate"] / samples["Redis script, fsync always"]["rate"]
    targets.at_least("durable reserve, times Redis with fsync always", ratio, 5, f"{ratio:.1f}")
    ratio = reserve["cpu_us"] / floor["cpu_us"]
    targets.at_most("server CPU per reserve, times the durable floor's", ratio, 1.6, f"{ratio:.2f}")
    ratio = samples["Boxoffice, sold out"]["rate"] / samples["floor, memory"]["rate"]
    targets.at_least("sold-out refusals, share of the memory floor", ratio, 0.8, f"{ratio:.2f}")


def judge_open(targets, found):
    refusals = medians(found["open"]["Boxoffice, sold out, 20,000/s"])
    reserve = medians(found["open"]["Boxoffice, reserve, 10,000/s"])
    targets.at_most("sold out at 20,000/s, p99 ms", refusals["p99_us"] / 1000, 1,
                    ms(refusals["p99_us"]))
    targets.at_most("reserve at 10,000/s, p50 ms", reserve["p50_us"] / 1000, 1,
                    ms(reserve["p50_us"]))
    targets.at_most("reserve at 10,000/s, p99 ms (a wrong answer would have ended the run)",
                    reserve["p99_us"] / 1000, 5, ms(reserve["p99_us"]))


def judge_inside(targets, found):
    inside = found["inside"]
    engine, recovery = inside["engine"], inside["recovery"]
    targets.at_least("decisions/s of one shard", engine["one_shard"], 1500000,
                     number(engine["one_shard"]))
    targets.at_least("two shards on two cores, times one", engine["scaling"], 1.8,
                     f"{engine['scaling']:.2f}")
    targets.at_least("records/s and core in recovery", recovery["records_per_cpu_second"], 1500000,
                     number(recovery["records_per_cpu_second"]))
    for per_user, memory in inside["memory"].items():
        targets.at_most(f"bytes per live booking at 5 M, {per_user} a user",
                        memory["bytes_per_booking"], 160, f"{memory['bytes_per_booking']:.0f}")


def judge_mirror(targets, found):
    mirror = found["mirror"]
    with_it, without = (medians(mirror["samples"][name]) for name in ("mirroring", "PostgreSQL stopped"))
    ratio = without["p99_us"] / with_it["p99_us"]
    targets.at_least("mirror catching up, rows/s", mirror["catch_up"]["rate"], 50000,
                     number(mirror["catch_up"]["rate"]))
    targets.at_most("mirror lag at 10,000 reserves/s, s", max(mirror["ages"]), 5,
                    f"{max(mirror['ages']):.1f}")
    targets.at_most("reserve p99 with PostgreSQL stopped, times that with it", ratio, 1.2,
                    f"{ratio:.2f}")


def mirror_table(found):
    rows = []
    for name, taken in found["mirror"]["samples"].items():
        middle = medians(taken)
        rows.append((f"reserve at 10,000/s, {name}", number(middle["rate"]), ms(middle["p50_us"]),
                     ms(middle["p99_us"])))
    return table(("beside the mirror", "answers/s", "p50 ms", "p99 ms"), rows)


def inside_tables(found):
    inside = found["inside"]
    engine, recovery = inside["engine"], inside["recovery"]
    rows = [("decisions/s, one shard", number(engine["one_shard"])),
            ("decisions/s, two shards on two cores", number(engine["two_shards"])),
            ("the same, commands entering at any worker", number(engine["two_shards_spread"])),
            ("sold-out refusals/s, one shard", number(engine["refusals_one_shard"])),
            ("recovery, records", number(recovery["records"])),
            ("recovery, records/s", number(recovery["records_per_second"])),
            ("recovery, records per CPU second", number(recovery["records_per_cpu_second"]))]
    rows += [(f"bytes per live booking, {per_user} a user", number(memory["bytes_per_booking"], 1))
             for per_user, memory in inside["memory"].items()]
    parts = [(name.replace("_", " "), number(value, 1)) for name, value in inside["parts"].items()
             if name != "record_bytes"]
    return (table(("without sockets", ""), rows) + "\n"
            + table(("part, warm", "ns"), parts)
            + f"\nA reservation's record takes {inside['parts']['record_bytes']} bytes.\n")


def render(found, options):
    """The whole page, with what was measured."""
    targets, sections = Targets(), []
    if "throughput" in found:
        judge_throughput(targets, found)
        sections += ["## Throughput", throughput_table(found)]
    if "open" in found:
        judge_open(targets, found)
        sections += ["## Latency at a fixed rate", "Counted from the planned send time.\n",
                     open_table(found)]
    if "mirror" in found:
        judge_mirror(targets, found)
        sections += ["## Beside PostgreSQL", mirror_table(found)]
    if "inside" in found:
        judge_inside(targets, found)
        sections += ["## Inside", inside_tables(found)]
    for part, (judge, section) in results_inventory.PARTS.items():
        if part in found:
            judge(targets, found)
            sections += section(found)
    if found["log"]["shards"][0]["flush"]["count"]:
        sections += ["## Flushes of the engine's log in this run", flush_table(found)]
    head = ("# Results\n\nWritten by `make bench` in one go of "
            f"{found['seconds'] / 60:.1f} minutes: servers pinned to core 0, generators to core 1, "
            "medians of alternating rounds. A generator that is 95 % busy or more was the "
            "bottleneck itself: the rate beside it is a lower bound.\n")
    commands = ("## Commands\n\n`make bench` runs `bench/compare.py`; `make bench "
                "BENCH_ARGS='--only throughput'` one part of it, `BENCH_ARGS=--quick` a short look. "
                "`bench/README.md` tells what each contestant does.\n")
    notes = pathlib.Path(__file__).with_name("NOTES.md")  # written by hand: why something is so
    if notes.exists():
        sections.append(notes.read_text())
    return "\n".join([head, "## Machine\n", machine(found, options), "## Targets\n",
                      targets.table(), *(text if text.startswith("|") else text + "\n"
                                         for text in sections), commands])
