#!/usr/bin/env python3
"""boxctl top: a screen that fits its terminal and gives it back, and lines where there is none."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import threading
import time

from lib.boxctl import boxctl, end_shared, shared, stage, told
from lib.cases import check, equal, main
from lib.client import wait_until
from lib.engine import BOXCTL, Engine
from lib.sale import buyer


def screen_of(data):
    """The last full screen in what a terminal received, without its control sequences."""
    frame = data.decode("utf-8").split("\x1b[H")[-1].split("\x1b[?25h")[0]
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", frame).replace("\r", "").split("\n")


class Terminal:
    """boxctl top in a pseudo-terminal."""

    def __init__(self, engine, columns=80, rows=24):
        self.master, self.slave = pty.openpty()
        self.resize(columns, rows)
        self.before = termios.tcgetattr(self.slave)
        self.data = b""
        self.process = subprocess.Popen([BOXCTL, "--socket", engine.socket, "top"],
                                        stdin=self.slave, stdout=self.slave, stderr=self.slave,
                                        start_new_session=True, cwd=engine.home)

    def resize(self, columns, rows):
        self.rows = rows
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds):
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if select.select([self.master], [], [], left)[0]:
                self.data += os.read(self.master, 65536)

    def wait_for(self, text, seconds=10):
        """The first screen with this text, whole: a large one arrives in parts."""
        deadline = time.monotonic() + seconds
        while (len(screen_of(self.data)) < self.rows or
               not re.search(text, "\n".join(screen_of(self.data)))):
            check(time.monotonic() < deadline, f"no {text} in:\n" + "\n".join(screen_of(self.data)))
            self.read(0.1)
        return screen_of(self.data)

    def end(self, code):
        deadline = time.monotonic() + 5
        while self.process.poll() is None and time.monotonic() < deadline:
            self.read(0.05)  # or it would wait for us to take its last words
        equal(self.process.poll(), code, "exit code")
        self.read(0.05)
        equal(termios.tcgetattr(self.slave), self.before, "the terminal's settings")
        check(self.data.rindex(b"\x1b[?1049l") > self.data.rindex(b"\x1b[?1049h"), "screen is back")
        check(self.data.rindex(b"\x1b[?25h") > self.data.rindex(b"\x1b[?25l"), "cursor is back")
        os.close(self.master)
        os.close(self.slave)


class Busy:
    """Reserves, reads and is refused until told to stop."""

    def __init__(self, engine, zone):
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.work, args=(engine, zone), daemon=True)
        self.thread.start()

    def work(self, engine, zone):
        while not self.done.is_set():
            client = buyer(engine)
            made = client.reserve(zone, 1)
            client.booking(made.data["booking_id"])
            client.cancel(made.data["booking_id"])
            client.reserve(zone, 99)
            client.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join(10)


def test_top():
    """top shows what happens now, fits its terminal, follows its size, and q gives all back."""
    engine = shared()
    with Busy(engine, stage["sale"].zones[0]):
        terminal = Terminal(engine)
        lines = terminal.wait_for(r"ok +[1-9]")
        equal(len(lines), 24, "rows")
        check(all(len(line) <= 80 for line in lines), "wider than the terminal")
        check(re.match(r"boxoffice \S+ +127\.0\.0\.1:\d+ +serving +up .*\d\d:\d\d:\d\d$", lines[0]),
              lines[0])
        text = "\n".join(terminal.wait_for(r"quantity_invalid +[1-9]|max_per_user\S+ +[1-9]"))
        for part in ("requests ", "mirror none", "shard    req/s", "  all ", "rec/flush", "q quits"):
            check(part in text, f"no {part!r} in:\n{text}")
        check(re.search(r"\n +[01] +[\d,.]+ +\d+ .*(µs|ms)", text), text)
        terminal.resize(120, 30)
        wide = terminal.wait_for("flush/s")
        equal(len(wide), 30, "rows after the terminal grew")
        terminal.resize(40, 8)
        terminal.read(1.5)
        small = screen_of(terminal.data)
        check(len(small) == 8 and all(len(line) <= 40 for line in small), small)
        os.write(terminal.master, b"q")
        terminal.end(0)


def test_top_signals():
    """Ctrl-C, SIGTERM and a stop with a continue leave the terminal as it was."""
    engine = shared()
    for way, code in ((b"\x03", 0), (signal.SIGTERM, 128 + signal.SIGTERM),
                      (signal.SIGHUP, 128 + signal.SIGHUP)):
        terminal = Terminal(engine)
        terminal.wait_for("serving")
        if way == b"\x03":
            # Ctrl-C reaches the terminal's foreground group; here it has none.
            terminal.process.send_signal(signal.SIGINT)
        else:
            terminal.process.send_signal(way)
        terminal.end(code)
    terminal = Terminal(engine)
    terminal.wait_for("serving")
    terminal.process.send_signal(signal.SIGTSTP)
    wait_until(lambda: open(f"/proc/{terminal.process.pid}/stat").read().split(") ")[1][0] == "T",
               5, "it stops")
    terminal.read(0.1)
    equal(termios.tcgetattr(terminal.slave), terminal.before, "settings while stopped")
    terminal.data = b""
    terminal.process.send_signal(signal.SIGCONT)
    terminal.wait_for("serving")
    os.write(terminal.master, b"q")
    terminal.end(0)


def test_top_loses_its_engine():
    """top says when the engine is gone, and goes on when it is back."""
    engine = Engine().start()
    terminal = Terminal(engine)
    terminal.wait_for("serving")
    engine.kill()
    terminal.wait_for("NO ANSWER")
    engine.start()
    terminal.wait_for(" serving")
    os.write(terminal.master, b"q")
    terminal.end(0)
    engine.stop()


def test_top_lines():
    """Where standard output is no terminal top prints lines; --json one sample a line."""
    engine = shared()
    with Busy(engine, stage["sale"].zones[0]):
        lines = boxctl(engine, "top", "--samples", "2", "--interval", "0.4").splitlines()
        equal(len(lines), 6, "two shards and a mirror, twice")
        rates = [int(n.replace(",", "")) for n in re.findall(r": ([\d,]+) requests/s", "\n".join(lines))]
        check(len(rates) == 4 and sum(rates) > 0, lines)
        equal(len(told(engine, "top")["shards"]), 2, "one sample")
        samples = boxctl(engine, "--json", "top", "--samples", "2", "--interval", "0.2").splitlines()
        first, second = (json.loads(line) for line in samples)
        check(second["sample_ns"] - first["sample_ns"] >= 200_000_000, "interval")


def test_shared_engine_ends_well():
    """After all of the above the shared engine still counts right and ends with 0."""
    end_shared()


if __name__ == "__main__":
    main(globals())
