"""The engine under test: started as an operator would, measured from outside."""

import json
import os
import shutil
import subprocess
import threading
import time

from rivals import CLIENT_CPU, SERVER_CPU, boxload, pinned, sample_of, spawn, stop

CONFIG = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "config.toml")


class Engine:
    """One boxoffice on a data directory of its own."""

    def __init__(self, place, name="engine", shards=1, postgres=""):
        self.place, self.shards = place, shards
        self.data = place.directory / name
        self.port = place.port + 8
        self.target = f"127.0.0.1:{self.port}"
        self.process = self.mirror = None
        self.environment = {**os.environ, "BOXOFFICE_STORAGE_DATA_DIR": str(self.data),
                            "BOXOFFICE_MIRROR_POSTGRES": postgres,
                            "BOXOFFICE_RATE_LIMIT_ENABLED": "false",
                            "BOXOFFICE_LOG_LEVEL": "info"}
        self.log = place.directory / f"{name}.log"
        self.users = place.directory / f"{name}.users"
        self.organizer = place.directory / f"{name}.organizer"

    def start(self):
        command = [self.place.build / "boxoffice", "--config", CONFIG, "--data-dir", self.data,
                   "--listen", self.target, "--shards", self.shards, "--init"]
        self.process = spawn(pinned(SERVER_CPU, command) if self.shards == 1 else command, self.log,
                             env=self.environment)
        until = time.monotonic() + 60
        while '"event":"ready"' not in self.log.read_text():
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("the engine did not start:\n" + self.log.read_text()[-2000:])
            time.sleep(0.02)
        self._mint(self.organizer, 1, "organizer")
        self._mint(self.users, 20000, "user")
        if not self.place.users.exists():
            shutil.copy(self.users, self.place.users)  # for those who only want the bytes

    def _mint(self, path, count, role):
        text = self.tool("boxctl", "--config", CONFIG, "--data-dir", self.data, "token", "--count",
                         count, "--role", role, "--ttl", 86400)
        path.write_text(text)

    def tool(self, name, *words, cpu=None, timeout=120, check=True):
        """Runs boxctl or boxreplay against this engine."""
        command = [str(self.place.build / name), *map(str, words)]
        done = subprocess.run(pinned(cpu, command) if cpu is not None else command, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout,
                              env=self.environment)
        if check and done.returncode:
            raise RuntimeError(f"{name} {words}: {done.returncode}\n{done.stderr[-2000:]}")
        return done.stdout

    def ask(self, *words, cpu=None):
        return json.loads(self.tool("boxctl", "--config", CONFIG, "--data-dir", self.data, "--json",
                                    *words, cpu=cpu))

    def load(self, scenario, *options, seconds, warmup=0.5, connections=256):
        return boxload(self.place, self.target, "--scenario", scenario, "--tokens",
                       self.users, "--organizer-token", self.organizer,
                       "--connections", connections, *options, seconds=seconds, warmup=warmup,
                       server_pid=self.process.pid)

    def start_mirror(self):
        """boxreplay follows the logs, on the generator's core: the server's stays its own."""
        command = [self.place.build / "boxreplay", "mirror", "--config", CONFIG]
        self.mirror = spawn(pinned(CLIENT_CPU, command), self.place.directory / "mirror.log",
                            env=self.environment)

    def stop_mirror(self):
        stop(self.mirror)
        self.mirror = None

    def stop(self):
        self.stop_mirror()
        stop(self.process)
        if self.process and self.process.returncode not in (0, None):
            raise RuntimeError(f"the engine ended with {self.process.returncode}:\n"
                               + self.log.read_text()[-2000:])

    def remove(self):
        shutil.rmtree(self.data, ignore_errors=True)


class Reserve:
    """Durable reserves in a closed loop."""

    def __init__(self, engine):
        self.engine = engine

    def start(self):
        pass

    def sample(self, seconds):
        return sample_of(self.engine.load("reserve", seconds=seconds))

    def stop(self):
        pass


class SoldOut(Reserve):
    """Refusals in a closed loop."""

    def sample(self, seconds):
        return sample_of(self.engine.load("sold-out", seconds=seconds))


class Mixed(Reserve):
    """Reserve, then confirm, cancel or read."""

    def sample(self, seconds):
        return sample_of(self.engine.load("mixed", seconds=seconds))


class OpenLoop(Reserve):
    """A fixed rate, latency from the planned send time."""

    def __init__(self, engine, scenario, rate, *options):
        super().__init__(engine)
        self.scenario, self.rate, self.options = scenario, rate, options

    def sample(self, seconds):
        return sample_of(self.engine.load(self.scenario, "--rate", self.rate, *self.options,
                                          seconds=seconds))


class Lag(threading.Thread):
    """How old the newest mirrored booking is, asked twice a second."""

    def __init__(self, cluster):
        super().__init__(daemon=True)
        self.cluster, self.ages, self.ending = cluster, [], threading.Event()

    def run(self):
        while not self.ending.wait(0.5):
            age = self.cluster.query("SELECT extract(epoch FROM clock_timestamp() - "
                                     "max(reserved_at)) FROM bookings")
            if age:
                self.ages.append(float(age))

    def end(self):
        self.ending.set()
        self.join(30)
        return self.ages
