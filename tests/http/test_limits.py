#!/usr/bin/python3
"""Slow, greedy and vanishing clients against a running server, with its limits set
low so that the test is short: timeouts, caps, back-pressure, resets, draining."""

import concurrent.futures
import os
import signal
import socket
import subprocess
import sys
import threading
import time

from framing_cases import GOOD, HOST, JSON, chunked, get, post
from wire import BUILD, CONFIG, Server, Tally

HEADER_MS, BODY_MS, IDLE_MS, FIRST_MS, WRITE_MS = 800, 2000, 1500, 700, 1000
SLACK = 0.6  # a coarse clock of 67 ms ticks, and a busy machine


def end_time(client, limit):
    """Seconds until the server ended the connection; None if it did not."""
    start = time.monotonic()
    return time.monotonic() - start if client.at_end(limit) else None


def between(seconds, least_ms, most_ms):
    if seconds is None:
        return "not closed"
    within = least_ms / 1000 - 0.1 <= seconds <= most_ms / 1000 + SLACK
    return None if within else f"after {seconds:.2f} s"


def silent(server):
    """L08: closed without a word."""
    return between(end_time(server.connect(), 10), FIRST_MS, FIRST_MS)


def idle(server):
    """L09."""
    client = server.connect()
    client.send(GOOD)
    if client.response().status != 200:
        return "not answered"
    return between(end_time(client, 10), IDLE_MS, IDLE_MS)


def active_stays(server):
    """Requests move the idle deadline."""
    client = server.connect()
    for _ in range(8):
        client.send(GOOD)
        if client.response() is None:
            return "closed while in use"
        time.sleep(IDLE_MS / 3000)
    return None


def timed_out(client, start, least_ms, most_ms):
    response = client.response(10)
    if response is None or response.status != 408:
        return f"{response and response.status} instead of 408"
    return between(time.monotonic() - start, least_ms, most_ms) or (
        None if client.at_end() else "not closed")


def slow_head(server, interval):
    """L05: the clock runs from the first byte and no byte moves it."""
    client = server.connect()
    start = time.monotonic()
    stop = threading.Event()

    def drip():
        for byte in get(fields=HOST + b"A: " + b"b" * 500 + b"\r\n"):
            if stop.wait(interval) or not client.send(bytes([byte])):
                return

    thread = threading.Thread(target=drip)
    thread.start()
    problem = timed_out(client, start, HEADER_MS, HEADER_MS)
    stop.set()
    thread.join()
    return problem


def slow_body(server, head, rate):
    """L06: under 1 KiB/s on average after half the time, and at the end of it anyway."""
    client = server.connect()
    client.send(head)
    start = time.monotonic()
    stop = threading.Event()

    def drip():
        while not stop.wait(0.05):
            if not client.send(b"a" * max(1, rate // 20)):
                return

    thread = threading.Thread(target=drip)
    thread.start()
    problem = timed_out(client, start, BODY_MS / 2, BODY_MS if rate >= 1024 else BODY_MS / 2)
    stop.set()
    thread.join()
    return problem


def many_slow_heads(server, count):
    """L05: others are not affected, and all the slow ones are told."""
    slow = [server.connect() for _ in range(count)]
    for client in slow:
        client.send(b"GET / HTTP/1.1\r\nA: ")
    probe = server.connect()
    worst = 0.0
    for _ in range(50):
        start = time.monotonic()
        probe.send(GOOD)
        if probe.response() is None:
            return "the probe was not answered"
        worst = max(worst, time.monotonic() - start)
    told = sum(1 for client in slow if getattr(client.response(5), "status", 0) == 408)
    for client in slow:
        client.close()
    if told != count:
        return f"{told} of {count} got 408"
    return None if worst < 0.25 else f"the probe waited {worst:.3f} s"


def wait_for_descriptors(server, most, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if server.descriptors() <= most:
            return True
        time.sleep(0.05)
    return False


def never_reads(server):
    """L07, NW4: what is queued is bounded, and without progress it ends."""
    before = server.descriptors()
    client = server.connect(window=2048)
    client.socket.setblocking(False)
    requests = GOOD * 1000
    deadline = time.monotonic() + 5
    blocked = False
    while time.monotonic() < deadline and not blocked:
        try:
            client.socket.send(requests)
        except BlockingIOError:
            time.sleep(0.2)
            try:
                client.socket.send(requests)
            except BlockingIOError:
                blocked = True
            except OSError:
                break
        except OSError:
            break
    if not blocked:
        return "took requests without end"
    if not wait_for_descriptors(server, before, WRITE_MS / 1000 + IDLE_MS / 1000 + 2):
        return "not closed"
    client.close()
    return None


def reads_slowly(server, count):
    """Partial sends: everything arrives, in order, however small the window."""
    client = server.connect(window=2048)
    sender = threading.Thread(target=lambda: client.send(b"".join(
        get(fields=HOST + b"X-Request-ID: n%d\r\n" % i) for i in range(count))))
    sender.start()
    for i in range(count):
        response = client.response(5)
        if response is None or response.header("x-request-id") != f"n{i}":
            return f"answer {i}: {response and response.header('x-request-id')}"
        if response.status != 200 or b"ok" not in response.body:
            return f"answer {i}: {response.status} {response.body[:40]!r}"
        if i % 200 == 0:
            time.sleep(0.05)
    sender.join()
    return None


def storm(server, count):
    """L12, ME3: connections come and go; every answer is for the one who asked."""
    before = server.descriptors()

    def one(number):
        client = server.connect()
        try:
            client.send(get(fields=HOST + b"X-Request-ID: s%d\r\n" % number))
            if number % 3 == 0:
                client.reset()
                return None
            response = client.response()
            if response is None or response.header("x-request-id") != f"s{number}":
                return f"{number}: {response and response.header('x-request-id')}"
            return None
        finally:
            client.close()

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        problems = [problem for problem in pool.map(one, range(count)) if problem]
    if problems:
        return problems[0]
    return None if wait_for_descriptors(server, before, 3) else (
        f"{server.descriptors()} descriptors, {before} before")


def resets(server, token):
    """L13: a reset in every state, and nothing is left of it."""
    before = server.descriptors()
    write = (b"POST /api/v1/events HTTP/1.1\r\n" + HOST + JSON + b"Authorization: Bearer "
             + token.encode() + b"\r\nIdempotency-Key: reset\r\nContent-Length: 13\r\n\r\n"
             + b'{"title":"T"}')
    states = (b"", b"GET / HT", GOOD, GOOD * 500, post(b"Content-Length: 100\r\n", b"half"),
              chunked(b"5\r\nhel"), write, write * 20,
              post(b"Expect: 100-continue\r\nContent-Length: 9\r\n"), b"nonsense\r\n\r\n")
    for _ in range(20):
        for raw in states:
            client = server.connect()
            client.send(raw)
            client.reset()
    if not wait_for_descriptors(server, before, 3):
        return f"{server.descriptors()} descriptors, {before} before"
    probe = server.connect()
    probe.send(GOOD)
    return None if probe.response() is not None else "the server does not answer any more"


def cap_refuses(server, cap):
    """L10: one more than allowed is told so and closed; a place freed is usable."""
    clients = [server.connect() for _ in range(cap)]
    for client in clients:
        client.send(GOOD)
        if client.response().status != 200:
            return "one within the cap was refused"
    over = server.connect()
    over.send(GOOD)
    response = over.response()
    if response is None or response.status != 503 or not response.header("retry-after"):
        return f"{response and response.status} over the cap"
    if not over.at_end():
        return "not closed"
    clients.pop().close()
    time.sleep(0.2)
    again = server.connect()
    again.send(GOOD)
    response = again.response()
    for client in clients + [again]:
        client.close()
    return None if response is not None and response.status == 200 else "the place is lost"


def cap_evicts_idle(server, cap):
    """L11: at the cap the connection that was idle longest makes room."""
    clients = []
    for _ in range(cap):
        client = server.connect()
        client.send(GOOD)
        if client.response().status != 200:
            return "one within the cap was refused"
        clients.append(client)
        time.sleep(0.01)
    for client in clients[:3]:  # the oldest are in use again, so the fourth is idle longest
        client.send(GOOD)
        client.response()
    new = server.connect()
    new.send(GOOD)
    if getattr(new.response(), "status", 0) != 200:
        return "the new one was not served"
    if not clients[3].at_end(2):
        return "the one idle longest was kept"
    return None if all(client.silent(0.02) for client in clients[:3]) else "one in use was closed"


def port_is_taken(server):
    """A second server does not silently share the port."""
    command = [os.path.join(BUILD, "boxoffice"), "--config", CONFIG, "--listen",
               "%s:%d" % server.address, "--data-dir", server.directory + "/other", "--init"]
    second = subprocess.run(command, capture_output=True, timeout=20, stdin=subprocess.DEVNULL,
                            env={**os.environ, "BOXOFFICE_STORAGE_ALLOW_BUFFERED": "true",
                                 "BOXOFFICE_ADMIN_SOCKET": server.directory + "/other.sock"})
    if second.returncode == 0:
        return "it started"
    return None if b"another process listens" in second.stderr else second.stderr.decode()[-200:]


def drains(server, token):
    """What was begun is answered and says close; what is idle is closed; exit 0."""
    idle_one, busy = server.connect(), server.connect()
    idle_one.send(GOOD)
    idle_one.response()
    slow = server.connect()
    slow.send(post(b"Content-Length: 2\r\n", b"{"))
    write = (b"POST /api/v1/events HTTP/1.1\r\n" + HOST + JSON + b"Authorization: Bearer "
             + token.encode() + b"\r\nIdempotency-Key: drain%d\r\nContent-Length: 14\r\n\r\n"
             + b'{"title":"%02d"}')
    busy.send(b"".join(write % (i, i) for i in range(40)))
    time.sleep(0.3)
    start = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    if not idle_one.at_end(3):
        return "an idle connection was kept"
    slow.send(b"}")
    statuses = [getattr(busy.response(), "status", 0) for _ in range(40)]
    if statuses != [201] * 40:
        return f"answers {statuses}"
    response = slow.response()
    if response is None or response.header("connection") != "close":
        return "the one under way was not answered with close"
    status = server.stop()
    seconds = time.monotonic() - start
    return None if status == 0 and seconds < 5 else f"status {status} after {seconds:.1f} s"


def descriptors_run_out(tally):
    """PR10: no descriptor left: accepting pauses, the connected go on."""
    server = Server()
    try:
        pid = server.process.pid
        import resource
        limit = server.descriptors() + 20
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, limit))
        first = server.connect()
        first.send(GOOD)
        served = first.response() is not None
        others = [server.connect() for _ in range(60)]
        for client in others:
            client.send(GOOD)
        answered = sum(1 for client in others[:10] if client.response(2) is not None)
        first.send(GOOD)
        tally.check("PR10 the connected go on", served and answered == 10
                    and first.response() is not None, f"{answered} answered")
        for client in others:
            client.close()
        time.sleep(0.5)
        again = server.connect()
        again.send(GOOD)
        tally.check("PR10 accepting resumes", again.response(5) is not None, "no answer")
    finally:
        tally.check("PR10 stops clean", server.stop() == 0, "exit status not 0")


def timeouts(tally):
    with Server(header_timeout_ms=HEADER_MS, body_timeout_ms=BODY_MS, idle_timeout_ms=IDLE_MS,
                first_byte_timeout_ms=FIRST_MS, write_timeout_ms=WRITE_MS) as server:
        token = server.token("organizer")
        body = post(b"Content-Length: 60000\r\n")
        claims = (("L08 silent", silent, ()), ("L09 idle", idle, ()),
                  ("L09 in use", active_stays, ()),
                  ("L05 a byte each 50 ms", slow_head, (0.05,)),
                  ("L05 a byte each 300 ms", slow_head, (0.3,)),
                  ("L06 20 bytes a second", slow_body, (body, 20)),
                  ("L06 4 KiB a second", slow_body, (body, 4096)),
                  ("L06 in chunks", slow_body, (chunked(b"ea60\r\n"), 20)))
        with concurrent.futures.ThreadPoolExecutor(len(claims)) as pool:
            for name, claim, arguments in claims:
                pool.submit(tally.run, name, claim, server, *arguments)
        tally.run("L05 200 slow heads", many_slow_heads, server, 200)
        tally.run("L07 never reads", never_reads, server)
        tally.run("L07 reads slowly", reads_slowly, server, 3000)
        tally.run("L12 storm", storm, server, 3000)
        tally.run("L13 resets", resets, server, token)
        tally.run("a second server on the port", port_is_taken, server)
        tally.check("no crash", server.process.poll() is None, "\n".join(server.lines[-5:]))
        tally.check("stops when asked", server.stop() == 0, "exit status not 0")


def caps(tally):
    with Server(connections_per_address_max=8) as server:
        tally.run("L10 per address", cap_refuses, server, 8)
    with Server(connections_max=16) as server:
        tally.run("L11 oldest idle first", cap_evicts_idle, server, 16)


def drain(tally):
    with Server() as server:
        tally.run("draining", drains, server, server.token("organizer"))


def main():
    tally = Tally()
    timeouts(tally)
    caps(tally)
    drain(tally)
    descriptors_run_out(tally)
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
