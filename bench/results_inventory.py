"""What bench/inventory.py found, judged and as tables."""

import statistics

from tables import medians, ms, number, spread, table

HALL = "20,000"


def seated_ratios(found):
    """{way: the median over the rounds of its rate to general admission's}."""
    general = [sample["rate"] for sample in found["seated"]["general admission"]]
    return {name: statistics.median(sample["rate"] / base for sample, base in zip(samples, general))
            for name, samples in found["seated"].items() if name != "general admission"}


def judge_seated(targets, found):
    for name, ratio in seated_ratios(found).items():
        targets.at_least(f"reserve of {name}, share of the general rate", ratio, 0.9, f"{ratio:.2f}")


def seated_section(found):
    ratios, rows = seated_ratios(found), []
    for name, taken in found["seated"].items():
        middle = medians(taken)
        rows.append((name, number(middle["rate"]), f"± {spread(taken) * 50:.0f} %",
                     f"{ratios.get(name, 1):.2f}", number(middle["cpu_us"], 2), ms(middle["p50_us"]),
                     ms(middle["p99_us"]), f"{middle['refused'] * 100:.1f} %",
                     f"{middle['generator'] * 100:.0f} %"))
    return ["## Numbered seats",
            "Two tickets a reserve; the share is the median of the rounds' ratios. `boxload "
            "--quantity 2 --scenario reserve`, `seats --apart` and `best`, zones of 100,000 "
            "seats.\n",
            table(("256 connections, closed loop", "answers/s", "spread", "of general",
                   "server CPU µs", "p50 ms", "p99 ms", "refused", "generator busy"), rows)]


def worst_p99(found, hall, sold, seats):
    """Of the lines of bench_seats whose hall, share sold and wish begin so."""
    return max(line["p99_us"] for line in found["choosing"]["seats"]
               if line["hall"].startswith(hall) and line["sold"].startswith(sold)
               and line["seats"].startswith(seats))


def judge_choosing(targets, found):
    busiest = max(worst_p99(found, HALL, sold, "1-8") for sold in ("empty", "50 %", "90 %"))
    nearly = worst_p99(found, HALL, "99 %", "1-8")
    pairs = worst_p99(found, "train of 1,200", "", "all pairs")
    lapses = found["choosing"]["lapses"]
    ratio = statistics.median(lapse["ratio_p99"] for lapse in lapses)
    targets.at_most("best available of 20,000 seats, to 90 % sold, worst p99 µs", busiest, 20,
                    f"{busiest:.1f}")
    targets.at_most("best available of 20,000 seats, 99 % sold, worst p99 µs", nearly, 50,
                    f"{nearly:.1f}")
    targets.at_most("all pairs of 32 stops, 1,200 seats, worst p99 µs", pairs, 100, f"{pairs:.1f}")
    targets.at_most("reserve p99 while 1,000,000 holds lapse, times that before", ratio, 2,
                    f"{ratio:.2f}")


def choosing_section(found):
    seats = [(line["hall"], line["sold"], line["seats"], f"{line['p50_us']:.2f}",
              f"{line['p99_us']:.2f}", f"{line['max_us']:.1f}", f"{line['chosen'] * 100:.0f} %")
             for line in found["choosing"]["seats"]]
    lapses = [(number(lapse["holds"]), number(lapse["lapsed_in_ms"]),
               ms(lapse["before_p99_us"]), ms(lapse["meanwhile_p99_us"]),
               ms(lapse["meanwhile_max_us"]), f"{lapse['ratio_p99']:.2f}")
              for lapse in found["choosing"]["lapses"]]
    return ["## Choosing seats", "`bench_seats 5000`, one choice each.\n",
            table(("hall", "sold", "seats", "p50 µs", "p99 µs", "max µs", "chosen"), seats),
            "## Holds that lapse together",
            "`bench_expiry 1000000`: reserves at 100,000 a second, before and meanwhile.\n",
            table(("holds", "lapsed in ms", "p99 ms before", "p99 ms meanwhile", "max ms meanwhile",
                   "p99 ratio"), lapses)]


def snapshot_ratio(found):
    samples = found["snapshot"]["beside"]["samples"]
    return statistics.median(busy["p99_us"] / alone["p99_us"] for busy, alone
                             in zip(samples["taking snapshots"], samples["alone"]))


def judge_snapshot(targets, found):
    for name, start in found["snapshot"]["starts"].items():
        most = 6 if start["snapshot_bookings"] > 1000000 else 2
        tail = f", {start['tail_bytes'] / 1e6:.0f} MB of log behind it" if start["tail_records"] else ""
        targets.at_most(f"start from a snapshot of {number(start['snapshot_bookings'])} bookings"
                        f"{tail}, s", start["total_seconds"], most, f"{start['total_seconds']:.2f}")
    ratio = snapshot_ratio(found)
    targets.at_most("reserve p99 while snapshots are taken, times that without", ratio, 1.2,
                    f"{ratio:.2f}")


def snapshot_section(found):
    starts = [(number(start["snapshot_bookings"]), number(start["tail_records"]),
               f"{start['tail_bytes'] / 1e6:.0f}", f"{start['load_seconds']:.2f}",
               f"{start['total_seconds']:.2f}", f"{start['cpu_seconds']:.2f}")
              for start in found["snapshot"]["starts"].values()]
    beside, rows = found["snapshot"]["beside"], []
    for name, taken in beside["samples"].items():
        middle = medians(taken)
        rows.append((f"reserve at 10,000/s, {name}", number(middle["rate"]), ms(middle["p50_us"]),
                     ms(middle["p99_us"]), ms(middle["p999_us"])))
    return ["## Snapshots", "`bench_snapshot DIRECTORY 1000000 255` and `10000000 0`, medians of "
            "three starts that read from the device.\n",
            table(("bookings in it", "records behind it", "MB of log", "loaded in s", "ready in s",
                   "CPU s"), starts),
            f"\n`boxctl snapshot` again and again on the engine's core, {beside['taken']} times in "
            f"all, on {number(beside['bookings'])} bookings and more; 10 s each, in turn.\n",
            table(("while snapshots are taken", "answers/s", "p50 ms", "p99 ms", "p99.9 ms"), rows)]


SIMULATOR_LEAST = {"S0": 1000000, "S1": 300000, "S2": 100000}


def judge_simulator(targets, found):
    for level, rates in found["simulator"].items():
        rate = statistics.median(rates)
        targets.at_least(f"simulator {level}, events/s on one core", rate, SIMULATOR_LEAST[level],
                         number(rate))


def simulator_section(found):
    rows = [(level, number(statistics.median(rates)), number(min(rates)), number(max(rates)))
            for level, rates in found["simulator"].items()]
    return ["## Simulator", "`build/sim --level LEVEL --seeds N`, one job; no seed may fail.\n",
            table(("level", "events/s, median", "least", "most"), rows)]


PARTS = {"seated": (judge_seated, seated_section), "choosing": (judge_choosing, choosing_section),
         "snapshot": (judge_snapshot, snapshot_section),
         "simulator": (judge_simulator, simulator_section)}
