"""Alternating rounds of contestants, and programs that print what they measured."""

import json
import subprocess

from rivals import pinned


def alternate(contestants, rounds, seconds, say):
    """{name: [sample, ...]}: each contestant in turn, `rounds` times."""
    samples = {name: [] for name in contestants}
    for turn in range(rounds):
        for name, contestant in contestants.items():
            sample = contestant.sample(seconds)
            samples[name].append(sample)
            say(f"round {turn + 1}/{rounds}  {name:28} {sample['rate']:10.0f}/s"
                + (f"  {sample['cpu_us']:6.2f} us CPU" if "cpu_us" in sample else "")
                + f"  p50 {sample['p50_us'] / 1000:.3f} ms")
    return samples


def run_text(program, *words, cpu=None, timeout=120):
    """What a program says on stdout; an error if it does not end with 0."""
    command = [str(program), *map(str, words)]
    if cpu is not None:
        command = pinned(cpu, command)
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=timeout,
                          check=True).stdout


def run_tool(place, name, *words, cpu=None, timeout=120):
    """A program of bench/ that prints JSON."""
    return json.loads(run_text(place.build / "bench" / name, *words, cpu=cpu, timeout=timeout))
