#!/usr/bin/env python3
"""Starting and stopping: what refuses to start and how it says so, what a signal does."""

import hashlib
import os
import resource
import signal
import socket
import subprocess
import time

from lib import log
from lib.cases import check, equal, main
from lib.client import Client, Lost, wait_until
from lib.engine import (BOXOFFICE, BUILD, EXIT_CONFIG, EXIT_LOCKED, EXIT_NO_DATA, EXIT_OK,
                        EXIT_USAGE, Engine, temporary_directory)
from lib.history import check_white_box
from lib.load import Story
from lib.sale import Sale, buyer, unix_ms


def refused(engine, code, **start):
    """The engine does not start, and exits with this code; what it said."""
    equal(engine.start_refused(**start), code, "exit code:\n" + engine.tail() + "\n")
    return "\n".join(engine.lines)


def content(directory):
    """The bytes of all files below, by name."""
    found = {}
    for path, _, names in os.walk(directory):
        for name in names:
            full = os.path.join(path, name)
            with open(full, "rb") as file:
                found[full] = hashlib.sha256(file.read()).hexdigest()
    return found


# --- not starting ---


def test_ra_no_data_no_init():
    """RA: without data and without --init it refuses with 66 and makes no files."""
    engine = Engine()
    text = refused(engine, EXIT_NO_DATA, init=False)
    check("--init" in text, f"does not say what to do: {text}")
    check(not os.path.exists(engine.data) or not os.listdir(engine.data), "made files")


def test_init_twice():
    """--init on a directory that has data starts on that data, or refuses: it is never emptied."""
    engine = Engine().start()
    sale = Sale(engine, seats=(5,))
    equal(buyer(engine).reserve(sale.zone).status, 201)
    engine.kill()
    try:
        engine.start(init=True)
        engine.kill()
    except RuntimeError:
        check(engine.process.returncode not in (EXIT_OK, None), "exit")
    engine.start(init=False)
    equal(sale.counts(), (4, 1, 0), "what was sold is there")
    engine.kill()


def test_pr12_two_on_one_directory():
    """PR12, RU: a second engine on the same directory exits with 75 and touches nothing."""
    first = Engine().start()
    sale = Sale(first, seats=(5,))
    second = Engine(directory=first.home)
    time.sleep(0.3)  # the first one's next segment is ready
    before = content(first.data)
    text = refused(second, EXIT_LOCKED, init=False)
    check(str(first.pid) in text or first.data in text, f"does not say who: {text}")
    equal(content(first.data), before, "files changed")
    equal(buyer(first).reserve(sale.zone).status, 201, "the first goes on")
    first.kill()


def test_config_errors():
    """A wrong configuration stops the start with 78, naming file, line, column and what was expected."""
    lines = [('[server]\nlisten = 7\n', ":2:"),
             ('[engine]\nshards = "many"\n', ":2:"),
             ('[booking]\n\nreservation_ttl_seconds = -5\n', ":3:"),
             ('[booking]\nreservation_ttl = 5\n', ":2:"),
             ('[storage\n', ":1:"),
             ('[nothing]\nkey = 1\n', ":1:")]
    home = temporary_directory()
    for number, (text, place) in enumerate(lines):
        path = os.path.join(home, f"config-{number}.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        engine = Engine(config=path)
        said = refused(engine, EXIT_CONFIG)
        check(path + place in said, f"no {path}{place} in: {said}")
        check("expected" in said or "unknown" in said, f"does not say what is wrong: {said}")
        check(not os.path.exists(engine.data), "data was made all the same")


def test_config_from_environment():
    """The environment overrides the file, and its errors are told as well."""
    engine = Engine(ttl=77).start()
    sale = Sale(engine, seats=(5,))
    booking = buyer(engine).reserve(sale.zone).data
    left = booking["expires_at"]
    check(75_000 < unix_ms(left) - time.time() * 1000 <= 77_000, f"expires at {left}")
    engine.kill()
    said = refused(engine, EXIT_CONFIG, BOOKING_RESERVATION_TTL_SECONDS="soon")
    check("BOXOFFICE_BOOKING_RESERVATION_TTL_SECONDS" in said, said)


def test_wrong_use():
    """Wrong use exits with 64, --help and --version with 0, for all three programs."""
    for program in ("boxoffice", "boxctl", "boxreplay"):
        path = os.path.join(BUILD, program)
        for arguments, code in ((["--no-such-option"], EXIT_USAGE), (["--help"], EXIT_OK),
                                (["--version"], EXIT_OK)):
            done = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=10,
                                  stdin=subprocess.DEVNULL)
            equal(done.returncode, code, f"{program} {arguments}")
            check((done.stdout if code == EXIT_OK else done.stderr).strip(), "it said nothing")
    done = subprocess.run([BOXOFFICE, "surplus"], capture_output=True, timeout=10)
    equal(done.returncode, EXIT_USAGE, "a surplus argument")


def test_port_taken():
    """When the address cannot be bound it exits with a message, and the data is whole."""
    engine = Engine()
    with socket.socket() as other:
        # A closed connection of an earlier test may still linger on the port.
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", engine.port))
        other.listen()
        check(engine.start_refused() > 0, f"exit {engine.process.returncode}")
        check(str(engine.port) in "\n".join(engine.lines), "does not name the address")
    engine.start(init=not os.path.isdir(engine.data))
    equal(engine.stop(), 0, "exit")


# --- stopping ---


def test_pr3_term_under_load():
    """PR3: SIGTERM under load ends within 5 s with 0; no answer is lost; the next start
    replays a log that was stopped in order."""
    for shards in (1, 2):
        engine = Engine(shards=shards).start()
        sale = Sale(engine, seats=(100000,), max_per_user=100)
        story = Story(engine, sale.zones, retry=False, seed=3).begin(32)
        time.sleep(0.5)
        began = time.monotonic()
        code = engine.stop(timeout=8)
        took = time.monotonic() - began
        equal(code, 0, "exit\n" + engine.tail())
        check(took <= 5.0, f"took {took:.1f} s")
        engine.start()
        check(engine.events("recovered")[0]["clean"], "the log was not stopped in order")
        story.end()
        statuses = {op.status for op in story.ops}
        check(statuses <= {200, 201, 409, 410, 503, None}, f"answers {statuses}")
        equal(engine.stop(), 0, "exit")
        wrong = check_white_box(story.ops, log.records(engine))
        check(not wrong, "\n".join(wrong[:8]))


def test_pr4_second_signal():
    """PR4: a second signal while it waits for a slow request stops at once."""
    engine = Engine(SERVER_DRAIN_TIMEOUT_MS=5000).start()
    client = Client(engine)
    client.connect()
    client.socket.sendall(b"POST /api/v1/bookings/reserve HTTP/1.1\r\nHost: x\r\n"
                          b"Content-Type: application/json\r\nContent-Length: 500\r\n\r\n{")
    time.sleep(0.1)
    engine.signal(signal.SIGTERM)
    time.sleep(0.5)
    check(engine.running, "it did not wait for what was begun")
    began = time.monotonic()
    engine.signal(signal.SIGTERM)
    code = engine.wait(5)
    check(time.monotonic() - began < 1.0, "a second signal is not at once")
    check(code != -signal.SIGKILL, f"exit {code}")
    engine.start()
    equal(engine.stop(), 0, "exit after a calm restart")


def test_drain_answers_what_was_begun():
    """On SIGTERM a request whose body is still on its way gets its answer, a new connection none."""
    engine = Engine().start()
    sale = Sale(engine, seats=(10,))
    client = buyer(engine)
    client.zone(sale.zone)
    body = b'{"zone_id":"%s","quantity":1}' % sale.zone.encode()
    head = (f"POST /api/v1/bookings/reserve HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
            f"{client.token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode()
    client.socket.sendall(head + body[:10])
    time.sleep(0.2)
    engine.signal(signal.SIGTERM)
    time.sleep(0.3)
    client.socket.sendall(body[10:])
    answer = client.receive()
    check(answer.status in (201, 503), f"{answer!r}")
    equal(engine.wait(6), 0, "exit")
    kinds = [record["kind"] for record in log.records(engine)]
    equal("reserved" in kinds, answer.status == 201, "the log and the answer")


# --- limits ---


def test_pr10_out_of_descriptors():
    """PR10: out of descriptors, open connections go on booking; with descriptors back, new ones come."""
    engine = Engine(shards=2).start()
    sale = Sale(engine, seats=(1000,))
    clients = [buyer(engine) for _ in range(10)]
    for client in clients:
        equal(client.reserve(sale.zone).status, 201)
    old = engine.limit(resource.RLIMIT_NOFILE, engine.descriptors() + 2)
    crowd = []
    for _ in range(40):
        stranger = socket.socket()
        stranger.settimeout(1.0)
        stranger.connect_ex(("127.0.0.1", engine.port))
        crowd.append(stranger)
    for client in clients:
        equal(client.reserve(sale.zone).status, 201, "on an open connection")
    cpu_before = _cpu_seconds(engine.pid)
    time.sleep(0.5)
    spent = _cpu_seconds(engine.pid) - cpu_before
    check(spent < 0.4, f"it spins: {spent:.2f} s of CPU in half a second")
    for stranger in crowd:
        stranger.close()
    engine.limit(resource.RLIMIT_NOFILE, old[0])

    def comes_in():
        try:
            return buyer(engine).reserve(sale.zone).status == 201
        except Lost:
            return False

    wait_until(comes_in, 5.0, "new connections are accepted again", every=0.1)
    equal(engine.stop(), 0, "exit")


def _cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_unknown_files_are_left():
    """RV: a file it does not know in its directory is left as it is."""
    engine = Engine().start()
    engine.kill()
    note = os.path.join(engine.data, "README-by-the-operator.txt")
    with open(note, "w", encoding="utf-8") as file:
        file.write("mine")
    engine.start()
    equal(engine.stop(), 0, "exit")
    with open(note, encoding="utf-8") as file:
        equal(file.read(), "mine")


if __name__ == "__main__":
    main(globals())
