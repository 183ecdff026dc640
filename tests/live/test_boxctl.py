#!/usr/bin/env python3
"""boxctl and the admin socket of a live engine: what is told, to whom, and that asking harms nobody."""

import ctypes
import json
import os
import pty
import re
import select
import signal
import socket
import stat
import struct
import subprocess
import termios
import threading
import time
import fcntl

from lib.cases import Skip, check, equal, main
from lib.client import Client, Lost, new_id, wait_until
from lib.engine import BOXCTL, ROOT, Engine, temporary_directory
from lib.sale import Sale, buyer

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$")


def boxctl(engine, *arguments, code=0, timeout=30, env=None):
    """Runs boxctl against this engine; its output, or its complaint when code is not 0."""
    done = subprocess.run([BOXCTL, "--socket", engine.socket, *arguments], capture_output=True,
                          text=True, timeout=timeout, stdin=subprocess.DEVNULL, cwd=engine.home,
                          env={**os.environ, **engine.env, **(env or {})})
    equal(done.returncode, code, f"exit code of {arguments}: {done.stdout}{done.stderr}\n")
    return done.stdout if code == 0 else done.stderr


def told(engine, *arguments, **more):
    """The same as JSON: exactly one object on one line."""
    out = boxctl(engine, "--json", *arguments, **more)
    equal(out.count("\n"), 1, "lines of JSON")
    value = json.loads(out)
    check(isinstance(value, dict), "not an object")
    return value


class Connection:
    """The admin socket without boxctl."""

    def __init__(self, engine):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(10)
        self.socket.connect(engine.socket)
        self.file = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data)

    def ask(self, data):
        self.send(data)
        return json.loads(self.file.readline())

    def close(self):
        self.file.close()
        self.socket.close()


STATUS = b'{"command":"status"}\n'

stage = {}


def shared():
    """One engine with a history for the tests that only look."""
    if not stage:
        engine = Engine(shards=2).start()
        sale = Sale(engine, seats=(1000, 5))
        client = buyer(engine)
        booked = [client.reserve(sale.zones[0], 1).data for _ in range(3)]
        equal(client.confirm(booked[0]["booking_id"]).status, 200, "confirm")
        equal(client.cancel(booked[1]["booking_id"]).status, 200, "cancel")
        equal(buyer(engine).reserve(sale.zones[1], 4).status, 201, "reserve")
        equal(buyer(engine).reserve(sale.zones[1], 4).status, 409, "sold out")
        stage.update(engine=engine, sale=sale, client=client, booked=booked)
    return stage["engine"]


# --- what is told ---


def test_status():
    """status says that it serves, where, and how much."""
    engine = shared()
    data = told(engine, "status")
    equal(data["state"], "serving", "state")
    equal(data["pid"], engine.pid, "pid")
    equal(data["shard_count"], 2, "shards")
    equal(data["bookings"], 4, "bookings")
    equal(data["data_dir"], engine.data, "data directory")
    equal(data["log_state"], "ok", "log")
    equal(data["mirror"], None, "mirror")
    text = boxctl(engine, "status")
    for part in ("state          serving", engine.data, f"process {engine.pid}", "none has run here"):
        check(part in text, f"no {part!r} in:\n{text}")


def test_shards():
    """shards and shard N count what clients did: decisions by outcome, durable positions."""
    engine = shared()
    rows = told(engine, "shards")["shards"]
    equal([row["shard"] for row in rows], [0, 1], "rows")
    check(all(row["ready"] and not row["stuck"] for row in rows), "not ready")
    equal(sum(row["bookings"] for row in rows), 4, "bookings")
    outcomes, measured = {}, {"latency": 0, "flush": 0}
    for number in ("0", "1"):
        shard = told(engine, "shard", number)
        equal(shard["log_durable"], shard["log_appended"], "durable when idle")
        for histogram in measured:
            measured[histogram] += shard[histogram]["count"]
        equal(sum(count for _, count in shard["flush"]["buckets"]), shard["flush"]["count"],
              "buckets")
        for command, results in shard["decisions"].items():
            for result, count in results.items():
                outcomes[command, result] = outcomes.get((command, result), 0) + count
    check(measured["latency"] >= 12 and measured["flush"] >= 7, f"histograms: {measured}")
    equal(outcomes["reserve", "ok"], 4, "reserved")
    equal(outcomes["reserve", "insufficient_stock"], 1, "refused")
    equal(outcomes["confirm", "ok"], 1, "confirmed")
    equal(outcomes["cancel", "ok"], 1, "cancelled")
    table = boxctl(engine, "shards").splitlines()
    equal(len(table), 3, "lines")
    check(table[0].split()[:2] == ["shard", "state"] and "serving" in table[1], table)
    text = boxctl(engine, "shard", "0")
    check("latency" in text and "segment" in text and "command" in text, text)
    check("there are shards 0 to 1" in boxctl(engine, "shard", "2", code=1), "no such shard")


def test_zone():
    """zone tells the counts that the API tells."""
    engine = shared()
    zone = stage["sale"].zones[0]
    data = told(engine, "zone", zone)
    equal((data["available_seats"], data["reserved_seats"], data["sold_seats"]), (998, 1, 1),
          "counts")
    equal(stage["sale"].counts(zone), (998, 1, 1), "counts of the API")
    text = boxctl(engine, "zone", zone.upper())
    check(re.search(r"available +998 +99\.8 %", text), text)
    check("no zone has this id" in boxctl(engine, "zone", new_id(), code=1), "unknown zone")


def test_booking():
    """booking tells the state, whose it is and until when."""
    engine = shared()
    confirmed, cancelled, open_ = stage["booked"]
    data = told(engine, "booking", open_["booking_id"])
    equal(data["booking"]["status"], "reserved", "status")
    equal(data["booking"]["user_id"], open_["user_id"], "user")
    equal(data["booking"]["expires_at"], open_["expires_at"], "deadline")
    equal(data["booking"]["unit_price_minor"], 150000, "price")
    check(re.search(r"expires +\S+Z +\(in \d+ min", boxctl(engine, "booking", open_["booking_id"])),
          "relative deadline")
    equal(told(engine, "booking", confirmed["booking_id"])["booking"]["status"], "confirmed", "status")
    check("cancelled  " in boxctl(engine, "booking", cancelled["booking_id"]), "cancelled")
    check("no booking has this id" in boxctl(engine, "booking", new_id(), code=1), "unknown booking")


def test_user():
    """user lists all bookings of a user, newest first; an unknown user has none."""
    engine = shared()
    user = stage["booked"][0]["user_id"]
    data = told(engine, "user", user)
    equal(data["booking_count"], 3, "bookings")
    equal([item["booking_id"] for item in data["bookings"]],
          [item["booking_id"] for item in reversed(stage["booked"])], "order")
    text = boxctl(engine, "user", user)
    equal(len(text.splitlines()), 8, text)
    check(re.search(r"reserved +1 +\S+ +(now|\d+ s ago) +in \d+ min", text), text)
    equal(told(engine, "user", new_id())["bookings"], [], "an unknown user")


def test_log():
    """log tells positions, segments and the histogram of flushes."""
    engine = shared()
    data = told(engine, "log")
    for shard in data["shards"]:
        equal(shard["log_state"], "ok", "state")
        equal(shard["log_durable"], shard["log_appended"], "durable when idle")
        equal(shard["log_segment_bytes"], 1048576, "segment size")
        check(0 < shard["log_segment_offset"] <= 1048576, "offset")
    text = boxctl(engine, "log")
    for part in ("per block", "spare", "p99.9", "from write to durable", "#"):
        check(part in text, f"no {part!r} in:\n{text}")


def test_mirror_words():
    """What the mirror wrote about itself is told; a broken file is none."""
    engine = shared()
    path = os.path.join(engine.data, "mirror-status.json")
    with open(path, "w", encoding="utf-8") as file:
        file.write('{"cluster":"c","state":"following","lag_records":1200,"lag_seconds":0.25,'
                   '"rows_per_second":48000.5,"last_error":"gone \\u0007","updated_at":null}\n')
    try:
        equal(told(engine, "status")["mirror"]["lag_records"], 1200, "lag")
        text = boxctl(engine, "status")
        check("following, 1,200 records (250 ms) behind, 48,001 rows/s" in text, text)
        with open(path, "w", encoding="utf-8") as file:
            file.write('{"state":')
        equal(told(engine, "log")["mirror"], None, "a broken file")
    finally:
        os.unlink(path)


def test_audit():
    """audit recounts every shard and finds no difference."""
    engine = shared()
    data = told(engine, "audit")
    equal(data["violations"], 0, "violations")
    equal(sum(shard["zones"] for shard in data["shards"]), 2, "zones")
    equal(sum(shard["bookings"] for shard in data["shards"]), 4, "bookings")
    check("every count equals its recount" in boxctl(engine, "audit"), "text")


# --- tokens ---


def test_token():
    """A minted token opens the API for this user and role, and no more."""
    engine = shared()
    user = new_id()
    env = {"BOXOFFICE_STORAGE_DATA_DIR": engine.data}
    token = boxctl(engine, "token", "--user", user, "--role", "user", "--email", "a@example.org",
                   "--tenant", new_id(), env=env)
    equal(token.count("\n"), 1, "prints only the token")
    client = Client(engine, token.strip())
    made = client.reserve(stage["sale"].zones[0], 1)
    equal(made.status, 201, repr(made))
    equal(made.data["user_id"], user, "user")
    equal(client.cancel(made.data["booking_id"]).status, 200, "cancel")
    draft = {"title": "x", "venue": "y", "city": "z"}
    equal(client.post("/api/v1/events", draft).status, 403, "a user makes no event")
    organizer = boxctl(engine, "token", "--user", user, "--role", "organizer", env=env)
    equal(Client(engine, organizer.strip()).post("/api/v1/events", draft).status, 201, "event")
    brief = boxctl(engine, "token", "--user", user, "--role", "user", "--ttl", "1", env=env)
    wait_until(lambda: Client(engine, brief.strip()).get("/api/v1/bookings").status == 401, 5,
               "the token ends")


def test_tokens_in_bulk():
    """--count mints many: each of a user of its own, each good."""
    engine = shared()
    env = {"BOXOFFICE_STORAGE_DATA_DIR": engine.data}
    lines = boxctl(engine, "token", "--count", "5000", "--role", "user", env=env).splitlines()
    pairs = [line.split(" ") for line in lines]
    equal(len({user for user, _ in pairs}), 5000, "users")
    check(all(UUID.match(user) for user, _ in pairs), "users are version 7 UUIDs")
    for _, token in pairs[::1000]:
        equal(Client(engine, token).get("/api/v1/bookings").status, 200, "token")
    data = told(engine, "token", "--count", "2", "--role", "user", env=env)
    equal(len(data["tokens"]), 2, "tokens")
    one = told(engine, "token", "--user", new_id(), "--role", "user", env=env)
    equal(set(one), {"user", "role", "expires_at", "token"}, "fields")


def test_token_refusals():
    """Without a user, a role, a key, or within its limits, no token."""
    engine = shared()
    env = {"BOXOFFICE_STORAGE_DATA_DIR": engine.data}
    good = ["--user", new_id(), "--role", "user"]
    for words in (["--role", "user"], ["--user", new_id()], good + ["--ttl", "0"],
                  good + ["--ttl", "99999999"], good + ["--role", "root"],
                  good + ["--tenant", "x"], good + ["--count", "3"], ["--user", "x", "--role", "user"],
                  ["--user", "00000000-0000-0000-0000-000000000000", "--role", "user"]):
        said = boxctl(engine, "token", *words, code=64, env=env)
        check(said.startswith("boxctl: "), said)
    said = boxctl(engine, "token", *good, code=66,
                  env={**env, "BOXOFFICE_AUTH_JWT_KEYS_FILE": engine.home + "/none"})
    check("no signing key" in said, said)


# --- the command line ---


def run(*arguments, cwd=None, env=None):
    done = subprocess.run([BOXCTL, *arguments], capture_output=True, text=True, timeout=30,
                          stdin=subprocess.DEVNULL, cwd=cwd or temporary_directory(),
                          env={**os.environ, **(env or {})})
    return done.returncode, done.stdout, done.stderr


def test_command_line():
    """--help and --version answer; wrong use exits 64 and says why."""
    code, out, _ = run("--help")
    equal(code, 0, "help")
    for name in ("status", "shards", "zone", "booking", "user", "log", "top", "audit", "drain",
                 "token", "Examples"):
        check(name in out, f"no {name} in the help")
    equal(run("top", "--help")[0], 0, "help after a command")
    code, out, _ = run("--version")
    check(code == 0 and re.match(r"boxctl \d+\.\d+\.\d+\n$", out), out)
    for words in ([], ["stat"], ["status", "now"], ["shard"], ["shard", "x"], ["shard", "-1"],
                  ["shard", "01"], ["zone"], ["zone", "12"], ["zone", new_id(), new_id()],
                  ["status", "--ttl", "5"], ["status", "--colour"], ["--socket"],
                  ["top", "--interval", "0"], ["top", "--samples", "0"], ["drain", "--count", "2"]):
        code, out, error = run(*words)
        equal((code, out), (64, ""), f"{words}")
        check(len(error) > 10, f"{words}: says nothing")


def test_engine_is_down():
    """Without an engine: 69 and how to start one; other troubles have codes of their own."""
    directory = temporary_directory()
    path = directory + "/admin/boxoffice.sock"
    for words in (["status"], ["top"], ["drain"], ["--json", "audit"]):
        code, out, error = run("--socket", path, *words)
        equal((code, out), (69, ""), f"{words}")
        check(f"no engine listens at {path}; start it with" in error, error)
    with socket.socket(socket.AF_UNIX) as dead:
        os.makedirs(directory + "/admin", mode=0o700)
        dead.bind(path)
    equal(run("--socket", path, "status")[0], 69, "a dead socket")
    code, _, error = run("status", cwd=directory)  # no configuration here: the default path
    check(code == 69 and "data/admin/boxoffice.sock" in error, error)
    equal(run("--config", directory + "/none.toml", "status")[0], 66, "no such file")
    with open(directory + "/bad.toml", "w", encoding="utf-8") as file:
        file.write("[server]\nlisten = 8080\n")
    equal(run("--config", directory + "/bad.toml", "status")[0], 78, "bad configuration")


def test_not_an_engine():
    """Whatever else answers at the path is told apart, and silence has an end."""
    directory = temporary_directory()
    path = directory + "/s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()

        def answer():
            for text in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b'{"ok":true}\n', b'[]\n', b""):
                peer, _ = listener.accept()
                peer.recv(1000)
                peer.sendall(text)
                peer.close()

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        codes = [run("--socket", path, "status")[0] for _ in range(4)]
        thread.join(5)
    equal(codes, [76, 76, 76, 69], "exit codes")


def test_default_socket():
    """In a directory with a config.toml the socket is found without being named."""
    engine = shared()
    with open(engine.home + "/config.toml", "w", encoding="utf-8") as file:
        file.write(f'[storage]\ndata_dir = "elsewhere"\n[admin]\nsocket = "{engine.socket}"\n')
    env = {key: value for key, value in os.environ.items() if not key.startswith("BOXOFFICE_")}
    done = subprocess.run([BOXCTL, "--json", "status"], cwd=engine.home, env=env, timeout=30,
                          capture_output=True, text=True)
    equal(json.loads(done.stdout)["pid"], engine.pid, done.stderr)


# --- the socket ---


def test_permissions():
    """C01: the socket is 0600 in a directory of 0700; a looser one stops the start."""
    engine = shared()
    equal(stat.S_IMODE(os.stat(engine.socket).st_mode), 0o600, "socket")
    equal(stat.S_IMODE(os.stat(os.path.dirname(engine.socket)).st_mode), 0o700, "directory")
    loose = Engine()
    os.makedirs(os.path.dirname(loose.socket), mode=0o700)
    os.chmod(os.path.dirname(loose.socket), 0o755)
    try:
        loose.start(timeout=15)
        raise AssertionError("started with a directory open to others")
    except RuntimeError:
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
    try:
        engine.start(timeout=15)
        raise AssertionError("it started over a file")
    except RuntimeError:
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


# --- top ---


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
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds):
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if select.select([self.master], [], [], left)[0]:
                self.data += os.read(self.master, 65536)

    def wait_for(self, text, seconds=10):
        deadline = time.monotonic() + seconds
        while not re.search(text, "\n".join(screen_of(self.data))):
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


# --- hung workers ---

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000


class Frozen:
    """One thread of the engine stands still, as a bug or a stuck disk would have it."""

    def __init__(self, engine, name):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        tasks = f"/proc/{engine.pid}/task"
        self.tid = next(int(tid) for tid in os.listdir(tasks)
                        if open(f"{tasks}/{tid}/comm").read().strip() == name)
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


# --- drain ---


def test_drain():
    """drain ends the engine with 0 and waits until it has ended; nothing answered is lost."""
    engine = Engine(shards=2).start()
    sale = Sale(engine, seats=(50,))
    made = buyer(engine).reserve(sale.zone, 2).data
    out = boxctl(engine, "drain")
    check(re.search(r"draining process \d+ \.\.\.\nended after \d\.\d s\n$", out), out)
    equal(engine.wait(1), 0, "exit code")
    asked = engine.events("drain_asked")
    equal((len(asked), asked[0]["uid"]), (1, os.geteuid()), "who asked is logged")
    check("no engine listens" in boxctl(engine, "status", code=69), "down")
    engine.start()
    equal(told(engine, "booking", made["booking_id"])["booking"]["quantity"], 2, "the booking")
    equal(told(engine, "drain")["ended"], True, "as JSON")
    equal(engine.wait(1), 0, "exit code")


def test_drain_asks_on_a_terminal():
    """On a terminal drain asks first; anything but yes leaves the engine alone."""
    engine = Engine().start()
    for word, code in ((b"n\n", 1), (b"y\n", 0)):
        master, slave = pty.openpty()
        process = subprocess.Popen([BOXCTL, "--socket", engine.socket, "drain"], stdin=slave,
                                   stdout=slave, stderr=slave, cwd=engine.home)
        os.close(slave)
        text = b""
        while b"[y/N]" not in text:
            check(select.select([master], [], [], 10)[0], f"no question: {text!r}")
            text += os.read(master, 1000)
        os.write(master, word)
        equal(process.wait(15), code, "exit code")
        os.close(master)
        equal(engine.running, word == b"n\n", "still there")  # 0 means: it has ended
    equal(engine.wait(5), 0, "exit code")


def test_shared_engine_ends_well():
    """After all of the above the shared engine still counts right and ends with 0."""
    engine = shared()
    equal(told(engine, "audit")["violations"], 0, "violations")
    equal(engine.stop(), 0, "exit code")


if __name__ == "__main__":
    main(globals())
