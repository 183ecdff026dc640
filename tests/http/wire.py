"""A server of our own and a client that speaks bytes, for tests of the framing."""

import json
import os
import queue
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import uuid

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
CONFIG = os.path.join(ROOT, "config.toml")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """One engine with one shard on a port of the kernel's choice."""

    def __init__(self, **settings):
        self.directory = tempfile.mkdtemp(prefix="framing-")
        env = {**os.environ, "BOXOFFICE_ENGINE_SHARDS": "1", "BOXOFFICE_ENGINE_PIN": "false",
               "BOXOFFICE_STORAGE_ALLOW_BUFFERED": "true",
               "BOXOFFICE_RATE_LIMIT_ENABLED": "false",
               "BOXOFFICE_CORS_ORIGINS": "https://tickets.example",
               "BOXOFFICE_ADMIN_SOCKET": os.path.join(self.directory, "admin.sock")}
        env.update({"BOXOFFICE_SERVER_" + name.upper(): str(value)
                    for name, value in settings.items()})
        self.process = subprocess.Popen(
            [os.path.join(BUILD, "boxoffice"), "--config", CONFIG, "--listen", f"127.0.0.1:{free_port()}",
             "--data-dir", os.path.join(self.directory, "data"), "--init"],
            stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=env)
        self.lines = []
        self.ready = queue.Queue()
        threading.Thread(target=self.read_log, daemon=True).start()
        try:
            listen = self.ready.get(timeout=30)
        except queue.Empty:
            listen = None
        if listen is None:
            self.stop(signal.SIGKILL)
            raise RuntimeError("the server did not become ready:\n" + "\n".join(self.lines))
        host, port = listen.rsplit(":", 1)
        self.address = (host, int(port))

    def read_log(self):
        for line in self.process.stderr:
            self.lines.append(line.decode(errors="replace").rstrip())
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if entry.get("event") == "ready":
                self.ready.put(entry["listen"])
        self.ready.put(None)

    def token(self, role):
        command = [os.path.join(BUILD, "boxctl"), "--config", CONFIG, "--data-dir",
                   os.path.join(self.directory, "data"), "token", "--role", role,
                   "--user", str(uuid.uuid4()), "--ttl", "600"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def connect(self, window=None):
        return Client(self.address, window)

    def stop(self, how=signal.SIGTERM):
        """The exit status; asks, and insists after ten seconds."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            status = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
        return status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Response:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers  # name in lower case -> list of values
        self.body = body

    def header(self, name):
        return self.headers.get(name, [None])[0]


class Malformed(Exception):
    """What the server sent is not an HTTP response."""


class Client:
    def __init__(self, address, window=None):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if window:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        self.socket.settimeout(10)
        self.socket.connect(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.ended = False

    def send(self, data):
        """True: everything went out. A server may close before it has read all."""
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def send_pieces(self, pieces):
        for piece in pieces:
            if not self.send(piece):
                return False
        return True

    def finish(self):
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()

    def fill(self, timeout):
        """More bytes into the buffer; False at the end of the stream or the time."""
        if self.ended:
            return False
        readable, _, _ = select.select([self.socket], [], [], max(timeout, 0))
        if not readable:
            return False
        try:
            data = self.socket.recv(262144)
        except ConnectionResetError:
            data = b""
        self.buffer += data
        self.ended = not data
        return bool(data)

    def response(self, timeout=5, head_request=False):
        """The next final response; None if the stream ends or nothing comes."""
        deadline = time.monotonic() + timeout
        while True:
            end = self.buffer.find(b"\r\n\r\n")
            if end >= 0:
                status, headers = self.parse_head(self.buffer[:end])
                if status == 100:
                    self.interim = status
                    self.buffer = self.buffer[end + 4:]
                    continue
                length = self.body_length(status, headers, head_request)
                if len(self.buffer) >= end + 4 + length:
                    body = self.buffer[end + 4:end + 4 + length]
                    self.buffer = self.buffer[end + 4 + length:]
                    return Response(status, headers, body)
            if not self.fill(deadline - time.monotonic()):
                if self.ended or time.monotonic() >= deadline:
                    return None

    interim = None

    @staticmethod
    def parse_head(head):
        lines = head.split(b"\r\n")
        parts = lines[0].split(b" ", 2)
        if parts[0] != b"HTTP/1.1" or len(parts) != 3 or not parts[1].isdigit():
            raise Malformed(repr(lines[0]))
        headers = {}
        for line in lines[1:]:
            name, colon, value = line.partition(b":")
            if not colon or b"\r" in line or b"\n" in line:
                raise Malformed(repr(line))
            headers.setdefault(name.decode().lower(), []).append(value.strip().decode())
        return int(parts[1]), headers

    @staticmethod
    def body_length(status, headers, head_request):
        if head_request or status in (204, 304):
            return 0
        if len(headers.get("content-length", [])) != 1:
            raise Malformed("no single Content-Length")
        return int(headers["content-length"][0])

    def at_end(self, timeout=5):
        """The server has ended the stream and sent no byte more."""
        deadline = time.monotonic() + timeout
        while not self.ended and time.monotonic() < deadline:
            self.fill(deadline - time.monotonic())
        return self.ended and not self.buffer

    def silent(self, seconds):
        """Nothing comes and the connection stays."""
        return not self.buffer and not self.fill(seconds) and not self.ended


class Tally:
    """Runs claims, counts them, and says which failed."""

    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.lock = threading.Lock()

    def check(self, name, holds, detail=""):
        with self.lock:
            if holds:
                self.passed += 1
            else:
                self.failed += 1
                print(f"FAILED {name}: {detail}", flush=True)

    def run(self, name, claim, *arguments):
        """A claim returns None, or says what went wrong."""
        try:
            problem = claim(*arguments)
        except Exception as error:  # a test that crashes has failed
            problem = f"{type(error).__name__}: {error}"
        self.check(name, problem is None, problem)

    def finish(self):
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed else 0
