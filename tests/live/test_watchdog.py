#!/usr/bin/env python3
"""Workers that make no turn: told, ended in time, and not mistaken for a paused process."""

import ctypes
import os
import signal
import time

from lib.boxctl import boxctl, told
from lib.cases import Skip, check, equal, main
from lib.client import Client, Lost, wait_until
from lib.engine import Engine

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000


def thread_name(pid, tid):
    try:
        with open(f"/proc/{pid}/task/{tid}/comm", encoding="utf-8") as comm:
            return comm.read().strip()
    except FileNotFoundError:  # it ended meanwhile, as those of a start do
        return None


class Frozen:
    """One thread of the engine stands still, as a bug or a stuck disk would have it."""

    def __init__(self, engine, name):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        self.tid = next(tid for tid in map(int, os.listdir(f"/proc/{engine.pid}/task"))
                        if thread_name(engine.pid, tid) == name)
        if self.libc.ptrace(PTRACE_SEIZE, self.tid, None, None) != 0:
            raise Skip("this machine does not let us stop a thread: "
                       + os.strerror(ctypes.get_errno()))
        self.libc.ptrace(PTRACE_INTERRUPT, self.tid, None, None)
        os.waitpid(self.tid, WALL)

    def thaw(self):
        """Lets it go on; if its process died meanwhile, takes note, as a tracer must."""
        if self.libc.ptrace(PTRACE_DETACH, self.tid, None, None) != 0:
            os.waitpid(self.tid, WALL)


def ready(engine):
    """What some worker that can answer says of readiness; connections go to either."""
    for _ in range(100):
        client = Client(engine, timeout=0.5)
        try:
            return client.get("/ready")
        except Lost:
            pass  # it went to the one that hangs
        finally:
            client.close()
    raise AssertionError("no worker answers")


def test_stuck_worker():
    """A worker that makes no turn is named by status and readiness, and is well when it turns."""
    engine = Engine(shards=2, ENGINE_WATCHDOG_MS=0).start()
    frozen = Frozen(engine, "shard-1")
    wait_until(lambda: told(engine, "status")["state"] == "stuck", 10, "status says so", every=0.2)
    equal(told(engine, "status")["stuck_shards"], [1], "which")
    check("STUCK" in boxctl(engine, "shards"), "table")
    equal(len(engine.events("worker_stuck")), 1, "it is logged, once")
    answer = ready(engine)
    equal(answer.status, 503, "ready")
    check("stuck" in answer.raw.decode(), answer.raw)
    check("shard 1 did not answer" in boxctl(engine, "audit", code=75), "audit")
    frozen.thaw()
    wait_until(lambda: told(engine, "status")["state"] == "serving", 10, "it serves again", every=0.2)
    equal(ready(engine).status, 200, "ready again")
    equal(told(engine, "audit")["violations"], 0, "audit")
    equal(engine.stop(), 0, "stop")


def test_watchdog():
    """After watchdog_ms without a turn the engine ends itself with a reason, and starts again."""
    engine = Engine(shards=2, ENGINE_WATCHDOG_MS=3000).start()
    frozen = Frozen(engine, "shard-0")
    try:
        wait_until(lambda: engine.events("watchdog_abort"), 15, "the watchdog ends it", every=0.1)
    finally:
        frozen.thaw()
    equal(engine.wait(10), -signal.SIGABRT, "exit code")
    equal(engine.events("watchdog_abort")[0]["shard"], 0, "which")
    engine.start()
    equal(told(engine, "status")["state"], "serving", "state")
    equal(engine.stop(), 0, "stop")


def test_paused_process():
    """A process that was stopped as a whole is nobody's fault: no alarm when it goes on."""
    engine = Engine(ENGINE_WATCHDOG_MS=1000).start()
    engine.pause()
    time.sleep(3)
    engine.resume()
    time.sleep(0.7)
    equal(told(engine, "status")["state"], "serving", "state")
    equal(engine.events("worker_stuck"), [], "alarms")
    equal(engine.stop(), 0, "stop")


if __name__ == "__main__":
    main(globals())
