#!/usr/bin/env python3
"""boxctl and a live engine: what is told, tokens, the command line, drain."""

import json
import os
import pty
import re
import select
import socket
import subprocess
import threading

from lib.boxctl import boxctl, end_shared, run, shared, stage, told
from lib.cases import check, equal, main
from lib.client import Client, new_id, wait_until
from lib.engine import BOXCTL, Engine, temporary_directory
from lib.sale import Sale, buyer

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$")


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
    end_shared()


if __name__ == "__main__":
    main(globals())
