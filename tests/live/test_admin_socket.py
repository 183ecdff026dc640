#!/usr/bin/env python3
"""The admin socket of a live engine: whom it serves, and that asking harms nobody."""

import os
import select
import stat
import subprocess
import threading
import time

from lib.boxctl import STATUS, Connection, end_shared, shared, stage, told
from lib.cases import Skip, check, equal, main
from lib.client import wait_until
from lib.engine import BOXCTL, Engine, temporary_directory


def test_permissions():
    """C01: the socket is 0600 in a directory of 0700; a looser one stops the start."""
    engine = shared()
    equal(stat.S_IMODE(os.stat(engine.socket).st_mode), 0o600, "socket")
    equal(stat.S_IMODE(os.stat(os.path.dirname(engine.socket)).st_mode), 0o700, "directory")
    loose = Engine()
    os.makedirs(os.path.dirname(loose.socket), mode=0o700)
    os.chmod(os.path.dirname(loose.socket), 0o755)
    loose.start_refused()
    check("must be 0700" in loose.tail(), loose.tail())


def test_foreign_users():
    """C02: another user is refused by permission, and says so with 77."""
    engine = shared()
    if os.geteuid() != 0:
        raise Skip("only root can become somebody else")
    # Reachable, so that it is the socket's own mode that refuses.
    directory = temporary_directory()
    copy = directory + "/boxctl"
    with open(BOXCTL, "rb") as source, open(copy, "wb") as target:
        target.write(source.read())
    os.chmod(copy, 0o755)
    os.chmod(directory, 0o755)
    done = subprocess.run([copy, "--socket", engine.socket, "status"], user=65534, group=65534,
                          extra_groups=[], capture_output=True, text=True, timeout=30, cwd="/")
    equal(done.returncode, 77, done.stderr)
    # With the modes opened up by hand the peer's credentials still refuse.
    other = Engine().start()
    for path in (other.home, os.path.dirname(other.socket)):
        os.chmod(path, 0o777)
    os.chmod(other.socket, 0o777)
    done = subprocess.run([copy, "--socket", other.socket, "status"], user=65534, group=65534,
                          extra_groups=[], capture_output=True, text=True, timeout=30, cwd="/")
    equal(done.returncode, 77, done.stderr)
    check("only the engine's user and root" in done.stderr, done.stderr)
    wait_until(lambda: len(other.events("admin_refused")) == 1, 2, "it is logged")
    other.stop()


def test_stale_socket():
    """C03: after kill -9 the next start takes the dead socket's place; a file is left alone."""
    engine = Engine().start()
    engine.kill()
    check(os.path.exists(engine.socket), "kill -9 leaves the socket")
    engine.start()
    equal(told(engine, "status")["pid"], engine.pid, "pid")
    equal(engine.stop(), 0, "stop")
    check(not os.path.exists(engine.socket), "a clean stop removes it")
    with open(engine.socket, "w", encoding="utf-8") as file:
        file.write("precious")
    engine.start_refused()
    check("not a socket of ours" in engine.tail(), engine.tail())
    equal(open(engine.socket, encoding="utf-8").read(), "precious", "the file")


def test_hostile_clients():
    """C04: garbage, endless lines, silence and a thousand connections: clients are served on."""
    engine = shared()
    client = stage["client"]
    descriptors = engine.descriptors()
    crowd = []
    garbage = Connection(engine)
    for line in (b"\n", b"{}\n", b"\xff\x00\xfe\n", b"[" * 4000 + b"\n",
                 b'{"command":"drain"' + b" " * 5000 + b"\n"):
        equal(garbage.ask(line)["error"]["code"], "BAD_REQUEST", repr(line[:20]))
    equal(garbage.ask(STATUS)["ok"], True, "the connection lives on")
    endless = Connection(engine)
    try:
        for _ in range(1000):
            endless.send(b"x" * 1024)
    except OSError:
        pass  # closed on us, as it should be
    silent = [Connection(engine) for _ in range(3)]
    silent[0].send(b'{"command":')
    stop = threading.Event()

    def storm():
        while not stop.is_set() and len(crowd) < 1000:
            try:
                crowd.append(Connection(engine))
                crowd[-1].send(STATUS)
            except OSError:
                pass

    thread = threading.Thread(target=storm, daemon=True)
    thread.start()
    slowest = 0
    for _ in range(200):
        began = time.monotonic()
        equal(client.get("/health").status, 200, "health")
        slowest = max(slowest, time.monotonic() - began)
    thread.join(60)
    stop.set()
    check(len(crowd) == 1000, f"{len(crowd)} connections")
    check(slowest < 0.5, f"a request took {slowest:.3f} s")
    for peer in crowd + silent + [garbage, endless]:
        peer.close()
    equal(told(engine, "status")["state"], "serving", "state")
    wait_until(lambda: engine.descriptors() <= descriptors + 2, 5, "descriptors are given back")


def test_client_that_never_reads():
    """C04: who asks and never reads is dropped, and its memory with it."""
    engine = shared()
    deaf = Connection(engine)
    deaf.socket.setblocking(False)
    asked = 0
    try:
        while asked < 20000:
            asked += deaf.socket.send(b'{"command":"top"}\n') // 18
    except BlockingIOError:
        pass
    equal(told(engine, "status")["state"], "serving", "state")

    def dropped():
        poll = select.poll()
        poll.register(deaf.socket, select.POLLHUP)
        return any(events & select.POLLHUP for _, events in poll.poll(0))

    wait_until(dropped, 10, "the deaf client is dropped", every=0.2)
    deaf.close()


def test_confirm_drain():
    """C05: a drain that was not confirmed only says what it would do."""
    engine = shared()
    peer = Connection(engine)
    answer = peer.ask(b'{"command":"drain"}\n')
    equal(answer["data"]["draining"], False, "draining")
    check("confirm" in answer["data"]["effect"], "says how")
    peer.close()
    equal(told(engine, "status")["state"], "serving", "state")


def test_shared_engine_ends_well():
    """After all of the above the shared engine still counts right and ends with 0."""
    end_shared()


if __name__ == "__main__":
    main(globals())
