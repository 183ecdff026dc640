"""HTTP/1.1 over a kept-alive socket: as little as a fast client needs, nothing hidden."""

import json
import socket
import time
import uuid


class Lost(Exception):
    """No answer came. sent=False: the request surely never reached the engine."""

    def __init__(self, reason, sent=True):
        super().__init__(reason)
        self.reason = reason
        self.sent = sent


class Response:
    """A parsed answer."""

    __slots__ = ("status", "headers", "raw", "_json")

    def __init__(self, status, headers, raw):
        self.status = status
        self.headers = headers
        self.raw = raw
        self._json = None

    @property
    def json(self):
        if self._json is None:
            self._json = json.loads(self.raw) if self.raw else {}
        return self._json

    @property
    def data(self):
        return self.json.get("data")

    @property
    def error(self):
        return self.json.get("error", {}).get("code")

    @property
    def details(self):
        return self.json.get("error", {}).get("details") or {}

    @property
    def position(self):
        """(shard, sequence) the answer rests on, or None."""
        text = self.headers.get("x-log-position")
        if not text:
            return None
        shard, sequence = text.split(":")
        return int(shard), int(sequence)

    @property
    def replayed(self):
        return self.headers.get("idempotent-replayed") == "true"

    def __repr__(self):
        return f"<{self.status} {self.raw[:300]!r}>"


def encode(method, path, body=None, token=None, key=None, headers=()):
    """The bytes of a request; body is an object (sent as JSON), bytes, or None."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    if token:
        lines.append("Authorization: Bearer " + token)
    if key:
        lines.append("Idempotency-Key: " + key)
    for name, value in dict(headers).items():
        lines.append(f"{name}: {value}")
    content = b""
    if body is not None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines.append("Content-Type: application/json")
    if body is not None or method in ("POST", "PUT", "DELETE"):
        lines.append(f"Content-Length: {len(content)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + content


class Parser:
    """Cuts a byte stream into answers. Counts on Content-Length, as the engine sends it."""

    def __init__(self):
        self.buffer = bytearray()

    def feed(self, data):
        self.buffer += data

    def take(self):
        """The next whole answer, or None."""
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        lines = self.buffer[:end].decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ", 2)[1])
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        length = int(headers.get("content-length", 0))
        total = end + 4 + length
        if len(self.buffer) < total:
            return None
        raw = bytes(self.buffer[end + 4:total])
        del self.buffer[:total]
        if status == 100:
            return self.take()
        return Response(status, headers, raw)


class Client:
    """One caller with one connection, made when needed and again after a loss."""

    def __init__(self, engine, token=None, timeout=10.0):
        self.engine = engine
        self.token = token
        self.timeout = timeout
        self.socket = None
        self.parser = Parser()

    def connect(self):
        self.close()
        try:
            self.socket = socket.create_connection(("127.0.0.1", self.engine.port), self.timeout)
        except OSError as error:
            raise Lost(f"connect: {error}", sent=False) from error
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.parser = Parser()

    def close(self):
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def closed_by_peer(self):
        """The engine ended this idle connection (or itself): nothing was sent on it."""
        self.socket.setblocking(False)
        try:
            return self.socket.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True
        finally:
            self.socket.settimeout(self.timeout)

    def request(self, method, path, body=None, key=None, headers=()):
        """Sends one request and returns its answer; Lost when none comes."""
        if self.socket is None or self.closed_by_peer():
            self.connect()
        message = encode(method, path, body, self.token, key, headers)
        try:
            self.socket.sendall(message)
            return self.receive()
        except (OSError, Lost) as error:
            self.close()
            raise Lost(str(error)) from error

    def receive(self):
        self.socket.settimeout(self.timeout)
        while True:
            response = self.parser.take()
            if response is not None:
                if response.headers.get("connection", "").lower() == "close":
                    self.close()
                return response
            data = self.socket.recv(65536)
            if not data:
                raise Lost("closed before the answer")
            self.parser.feed(data)

    def get(self, path):
        return self.request("GET", path)

    def post(self, path, body=None, key=None):
        return self.request("POST", path, body, key)

    def delete(self, path, key=None):
        return self.request("DELETE", path, None, key)

    # --- what a buyer does ---

    def reserve(self, zone_id, quantity=1, key=None, **more):
        return self.post("/api/v1/bookings/reserve",
                         {"zone_id": zone_id, "quantity": quantity, **more}, key)

    def confirm(self, booking_id, payment_id=None, key=None):
        body = {"payment_id": payment_id} if payment_id else None
        return self.post(f"/api/v1/bookings/{booking_id}/confirm", body, key)

    def cancel(self, booking_id, key=None):
        return self.post(f"/api/v1/bookings/{booking_id}/cancel", None, key)

    def booking(self, booking_id):
        return self.get(f"/api/v1/bookings/{booking_id}")

    def zone(self, zone_id):
        return self.get(f"/api/v1/zones/{zone_id}").data


def new_id():
    return str(uuid.uuid4())


def wait_until(condition, timeout, what, every=0.01):
    """Polls until the condition holds; the time it took. AssertionError when it never does."""
    began = time.monotonic()
    while True:
        if condition():
            return time.monotonic() - began
        if time.monotonic() - began > timeout:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(every)
