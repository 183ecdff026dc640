"""boxctl and the admin socket, asked of a live engine."""

import json
import os
import socket
import subprocess

from .cases import check, equal
from .engine import BOXCTL, Engine, temporary_directory
from .sale import Sale, buyer


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

# What the shared engine's history is: sale, client, booked.
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


def run(*arguments, cwd=None, env=None):
    """Runs boxctl with nothing but these arguments; exit code, output, complaints."""
    done = subprocess.run([BOXCTL, *arguments], capture_output=True, text=True, timeout=30,
                          stdin=subprocess.DEVNULL, cwd=cwd or temporary_directory(),
                          env={**os.environ, **(env or {})})
    return done.returncode, done.stdout, done.stderr


def end_shared():
    """The shared engine still counts right and ends with 0."""
    engine = shared()
    equal(told(engine, "audit")["violations"], 0, "violations")
    equal(engine.stop(), 0, "exit code")
