#!/usr/bin/env python3
"""boxreplay verify and dump, and what it says to wrong use."""

import json
import os
import subprocess

from lib import log
from lib.cases import check, equal, main
from lib.engine import BOXREPLAY, EXIT_CORRUPT, EXIT_NO_DATA, EXIT_USAGE
from lib.stage import Stage


def test_verify_and_dump():
    """verify counts what dump prints, on a live and a stopped engine; dump takes its bounds."""
    stage = Stage(shards=1, bookings=6)
    live = stage.engine.boxreplay("verify").stdout
    check("the engine is running" in live and live.rstrip().endswith("ok"), live)
    equal(stage.engine.stop(), 0)
    done = stage.engine.boxreplay("verify").stdout
    records = log.records(stage.engine)
    check(f"\nrecords {len(records)} " in done, done)
    check("bookings 6: reserved 2, confirmed 2, cancelled 2, expired 0" in done, done)
    some = stage.engine.boxreplay("dump", "--shard", "0", "--from", "3", "--to", "5").stdout
    equal([json.loads(line)["sequence"] for line in some.splitlines()], [3, 4, 5])
    equal(stage.engine.boxreplay("dump", "--epoch", "7", check=False).returncode, EXIT_NO_DATA)
    stage.end()


def test_verify_finds_a_flipped_bit_DK12():
    """One bit flipped in the middle of the log: verify exits 65 and names file and offset."""
    stage = Stage(shards=1, bookings=6)
    equal(stage.engine.stop(), 0)
    folder = os.path.join(stage.engine.data, "epoch-000001", "shard-000")
    segment = os.path.join(folder, sorted(n for n in os.listdir(folder) if n.endswith(".log"))[0])
    with open(segment, "r+b") as file:
        file.seek(3 * 4096 + 100)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))
    done = stage.engine.boxreplay("verify", check=False)
    equal(done.returncode, EXIT_CORRUPT, done.stdout + done.stderr)
    check(os.path.basename(segment) in done.stderr and "offset" in done.stderr and
          "[case R" in done.stderr, done.stderr)
    stage.end()


def test_wrong_use():
    """What cannot be meant exits 64; --help and --version exit 0; no log exits 66."""
    def code(*arguments):
        return subprocess.run([BOXREPLAY, *arguments], capture_output=True).returncode
    for arguments in ((), ("rebuild",), ("dump",), ("verify", "--once", "--data-dir", "x"),
                      ("dump", "--data-dir", "x", "--shard", "64"), ("dump", "--from"),
                      ("dump", "--data-dir", "x", "--from", "5", "--to", "4"),
                      ("mirror", "--data-dir", "x", "more"), ("verify", "--nonsense")):
        equal(code(*arguments), EXIT_USAGE, f"boxreplay {' '.join(arguments)}")
    for arguments in (("--help",), ("--version",), ("mirror", "--help")):
        equal(code(*arguments), 0, f"boxreplay {' '.join(arguments)}")
    equal(code("verify", "--data-dir", "/nonexistent"), EXIT_NO_DATA)


if __name__ == "__main__":
    main(globals())
