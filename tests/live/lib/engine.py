"""The engine as a process: started, killed, paused and asked to stop like any daemon."""

import atexit
import ctypes
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
BOXOFFICE = os.path.join(BUILD, "boxoffice")
BOXCTL = os.path.join(BUILD, "boxctl")
BOXREPLAY = os.path.join(BUILD, "boxreplay")

EXIT_OK = 0
EXIT_USAGE = 64
EXIT_CORRUPT = 65
EXIT_NO_DATA = 66
EXIT_BUG = 70
EXIT_IO = 74
EXIT_LOCKED = 75
EXIT_CONFIG = 78

PORT_FIRST = int(os.environ.get("BOXOFFICE_TEST_PORT", 27000))
PORT_LAST = PORT_FIRST + 499

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port():
    """A port nobody listens on; starts at a place that depends on the process."""
    span = PORT_LAST - PORT_FIRST + 1
    for step in range(span):
        port = PORT_FIRST + (os.getpid() * 7 + free_port.taken + step) % span
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        free_port.taken += step + 1
        return port
    raise RuntimeError("no free port")


free_port.taken = 0

_directories = []


def temporary_directory(prefix="boxoffice-live-"):
    """A directory that is gone when the tests end (kept with KEEP=1)."""
    path = tempfile.mkdtemp(prefix=prefix)
    _directories.append(path)
    return path


@atexit.register
def _remove_directories():
    if os.environ.get("KEEP"):
        print("kept:", *_directories)
        return
    for path in _directories:
        shutil.rmtree(path, ignore_errors=True)


# What every test wants unless it says otherwise: short segments (fast starts, many
# rolls), no rate limit, no cap on connections from the one address all clients have.
DEFAULTS = {
    "BOXOFFICE_STORAGE_SEGMENT_BYTES": "1048576",
    "BOXOFFICE_STORAGE_BATCH_BYTES_MAX": "524288",
    "BOXOFFICE_RATE_LIMIT_ENABLED": "false",
    "BOXOFFICE_SERVER_CONNECTIONS_PER_ADDRESS_MAX": "10000",
    "BOXOFFICE_ENGINE_PIN": "false",
    "BOXOFFICE_LOG_LEVEL": "info",
}


class Engine:
    """One engine on one data directory; may be started and ended many times."""

    def __init__(self, directory=None, shards=1, ttl=None, port=None, config=None, **settings):
        """settings: e.g. STORAGE_SEGMENT_BYTES=65536 becomes BOXOFFICE_STORAGE_SEGMENT_BYTES."""
        self.home = directory or temporary_directory()
        self.data = os.path.join(self.home, "data")
        self.config = config or os.path.join(ROOT, "config.toml")
        self.shards = shards
        self.port = port or free_port()
        self.socket = os.path.join(self.home, "admin", "boxoffice.sock")
        self.env = dict(DEFAULTS)
        self.env["BOXOFFICE_ADMIN_SOCKET"] = self.socket
        self.keys = os.path.join(self.home, "jwt.keys")
        self.env["BOXOFFICE_AUTH_JWT_KEYS_FILE"] = self.keys
        if ttl is not None:
            self.env["BOXOFFICE_BOOKING_RESERVATION_TTL_SECONDS"] = str(ttl)
        for name, value in settings.items():
            self.env["BOXOFFICE_" + name] = str(value)
        self.process = None
        self.lines = []
        self.starts = 0
        self._key = None
        self._ready = None
        self._reader = None
        atexit.register(self.kill)

    def signing_key(self):
        """(kid, secret) that tokens are signed with; made before the engine needs it."""
        if self._key is None and not os.path.exists(self.keys):
            with open(self.keys, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
                out.write(f"live:{secrets.token_hex(32)}\n")
                out.flush()
                os.fsync(out.fileno())  # some tests cut the power of the disk it is on
            home = os.open(self.home, os.O_RDONLY)
            os.fsync(home)
            os.close(home)
        if self._key is None:
            with open(self.keys) as lines:
                kid, secret = lines.read().split("\n")[0].split(":")
            self._key = (kid, secret.encode())
        return self._key

    @property
    def pid(self):
        return self.process.pid

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def start(self, init=None, wait=True, timeout=30.0, arguments=(), **settings):
        """Starts it, by default with --init when there is no data yet, and waits for `ready`."""
        if init is None:
            init = not os.path.isdir(self.data)
        command = [BOXOFFICE, "--config", self.config, "--data-dir", self.data,
                   "--listen", f"127.0.0.1:{self.port}", "--shards", str(self.shards)]
        if init:
            command.append("--init")
        command.extend(arguments)
        self.signing_key()
        env = dict(os.environ)
        env.update(self.env)
        for name, value in settings.items():
            env["BOXOFFICE_" + name] = str(value)
        self.lines = []
        self.starts += 1
        self._ready = threading.Event()
        self.process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        preexec_fn=_die_with_parent)
        self._reader = threading.Thread(target=self._read, args=(self.process, self._ready),
                                        daemon=True)
        self._reader.start()
        if wait:
            self.wait_ready(timeout)
        return self

    def _read(self, process, ready):
        for raw in process.stderr:
            line = raw.decode("utf-8", "replace").rstrip("\n")
            self.lines.append(line)
            if '"ready"' in line and self._event(line).get("event") == "ready":
                ready.set()
        process.stderr.close()

    @staticmethod
    def _event(line):
        try:
            value = json.loads(line)
            return value if isinstance(value, dict) else {}
        except ValueError:
            return {}

    def wait_ready(self, timeout=30.0):
        deadline = time.monotonic() + timeout
        while not self._ready.wait(0.005):
            code = self.process.poll()
            if code is not None:
                self._reader.join(1.0)
                if self._ready.is_set():
                    return
                raise RuntimeError(f"engine ended with {code} before it was ready:\n" + self.tail())
            if time.monotonic() > deadline:
                raise RuntimeError("engine is not ready in time:\n" + self.tail())

    def start_refused(self, timeout=15.0, **start):
        """Starts what must not start; the exit code."""
        try:
            self.start(timeout=timeout, **start)
        except RuntimeError:
            if self.process.returncode is None:
                raise
            return self.process.returncode
        raise AssertionError("it started")

    def start_struck(self, point):
        """Starts it to be killed at a crash point ("name:pass"). True: that was before it was
        ready; else it runs, and the point may strike yet."""
        try:
            self.start(CRASH_AT=point)
        except RuntimeError:
            if self.process.returncode != -signal.SIGKILL:
                raise
            return True
        return False

    def events(self, name):
        """The log lines of the current run whose event has this name."""
        return [event for event in map(self._event, list(self.lines)) if event.get("event") == name]

    def tail(self, count=15):
        return "\n".join(self.lines[-count:])

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=10.0):
        """The exit code; negative for a signal. Raises subprocess.TimeoutExpired."""
        code = self.process.wait(timeout)
        self._reader.join(2.0)
        return code

    def kill(self):
        """Kill -9; nothing to do when it is not running."""
        if self.running:
            self.process.kill()
        if self.process is not None:
            return self.wait()
        return None

    def stop(self, timeout=10.0):
        """SIGTERM; returns the exit code."""
        self.process.terminate()
        return self.wait(timeout)

    def pause(self):
        """SIGSTOP; returns when every thread stands."""
        self.signal(signal.SIGSTOP)
        while not all(self._stands(thread) for thread in os.listdir(f"/proc/{self.pid}/task")):
            time.sleep(0.001)

    def _stands(self, thread):
        with open(f"/proc/{self.pid}/task/{thread}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] in "TtZ"

    def resume(self):
        self.signal(signal.SIGCONT)

    def limit(self, resource, soft, hard=None):
        """Sets a resource limit of the live process, e.g. resource.RLIMIT_FSIZE."""
        import resource as limits
        old = limits.prlimit(self.pid, resource)
        limits.prlimit(self.pid, resource, (soft, old[1] if hard is None else hard))
        return old

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def boxreplay(self, *arguments, check=True, timeout=120, **settings):
        """Runs boxreplay on this engine's data directory; the completed process."""
        env = dict(os.environ)
        env.update(self.env)
        env["BOXOFFICE_STORAGE_DATA_DIR"] = self.data
        for name, value in settings.items():
            env["BOXOFFICE_" + name] = str(value)
        done = subprocess.run([BOXREPLAY, arguments[0], "--config", self.config, *arguments[1:]],
                              env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=timeout)
        if check and done.returncode != 0:
            raise RuntimeError(f"boxreplay {' '.join(arguments)} exits {done.returncode}:\n"
                               + done.stdout[-1500:] + done.stderr[-1500:])
        return done

    def dump(self):
        """Every record of every shard's log as `boxreplay dump` prints it."""
        return [json.loads(line) for line in self.boxreplay("dump").stdout.splitlines() if line]
