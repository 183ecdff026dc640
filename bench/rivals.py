"""What the engine is compared with: the floor, nginx, Redis, PostgreSQL.

Each contestant starts its server pinned to SERVER_CPU and takes samples with a
client pinned to CLIENT_CPU. A sample is a dict: rate (answers a second), cpu_us
(server CPU per answer, all its threads) and what else the client tells.
"""

import json
import os
import pathlib
import pwd
import re
import shutil
import socket
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
SERVER_CPU, CLIENT_CPU = 0, 1
TICK = os.sysconf("SC_CLK_TCK")


def pinned(cpu, command):
    return ["taskset", "-c", str(cpu), *map(str, command)]


def spawn(command, log, **more):
    """A child in a session of its own, its output in a file."""
    with open(log, "ab") as out:
        return subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                                stdout=out, stderr=out, start_new_session=True, **more)


def stop(process, seconds=10):
    if process is None or process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_for_port(port, process, seconds=30):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args[0]} ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"nothing listens on {port}")


def process_cpu_s(pid):
    """User and system time of a process with all its threads."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICK


def children_of(pid):
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(path.read_text().rsplit(")", 1)[1].split()[1]) == pid:
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def boxload(place, target, *options, server_pid=None, seconds, warmup=0.5, check=True):
    """One run of the generator; its JSON summary."""
    report = place.directory / "boxload.json"
    report.unlink(missing_ok=True)
    command = [place.build / "bench/boxload", "--target", target, "--duration", seconds,
               "--warmup", warmup, "--json", report, "--cpu", CLIENT_CPU, *options]
    if server_pid:
        command += ["--server-pid", server_pid]
    if not place.verbose:
        command.append("--quiet")
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True,
                          timeout=seconds + warmup + 60)
    if not report.exists() or (check and done.returncode != 0):
        raise RuntimeError(f"{' '.join(map(str, command))}\nended with {done.returncode}\n"
                           f"{done.stdout[-2000:]}")
    return json.loads(report.read_text())


def sample_of(summary):
    """What the tables show of a boxload summary."""
    latency = summary["latency_us"]["refused" if summary["refused"] else
                                    "raw" if summary["scenario"] == "raw" else "reserve"]
    return {"rate": summary["rate"], "cpu_us": summary["server_cpu_us"], "p50_us": latency["p50"],
            "p99_us": latency["p99"], "p999_us": latency["p99.9"],
            "generator": summary["generator_busy"]}


class Place:
    """Where a run keeps its files, and what it uses."""

    def __init__(self, build, directory, port, verbose=False):
        self.build = pathlib.Path(build).resolve()
        self.directory = directory
        self.port = port
        self.verbose = verbose
        self.users = directory / "users"
        self.log = directory / "servers.log"


class Floor:
    def __init__(self, place, durable, connections=256):
        self.place, self.durable, self.connections = place, durable, connections
        self.port = place.port + (1 if durable else 0)
        self.process = None

    def start(self):
        command = [self.place.build / "bench/floor", self.port]
        if self.durable:
            command.append(self.place.directory / "floor.log")
        self.process = spawn(pinned(SERVER_CPU, command), self.place.log)
        wait_for_port(self.port, self.process)

    def sample(self, seconds, *options):
        return sample_of(boxload(self.place, f"127.0.0.1:{self.port}", "--scenario", "raw-reserve",
                                 "--tokens", self.place.users, "--connections", self.connections,
                                 *options, server_pid=self.process.pid, seconds=seconds))

    def stop(self):
        stop(self.process)
        (self.place.directory / "floor.log").unlink(missing_ok=True)


class Nginx:
    def __init__(self, place):
        self.place, self.port = place, place.port + 2
        self.process = self.worker = None

    def start(self):
        directory = self.place.directory / "nginx"
        directory.mkdir()
        text = (HERE / "nginx.conf").read_text()
        text = re.sub(r"listen 127\.0\.0\.1:\d+", f"listen 127.0.0.1:{self.port}", text)
        (directory / "nginx.conf").write_text(text)
        command = ["nginx", "-p", directory, "-c", directory / "nginx.conf",
                   "-e", directory / "error.log"]
        self.process = spawn(pinned(SERVER_CPU, command), self.place.log)
        wait_for_port(self.port, self.process)
        self.worker = children_of(self.process.pid)[0]

    def sample(self, seconds):
        return sample_of(boxload(self.place, f"127.0.0.1:{self.port}", "--scenario", "raw",
                                 "--path", "/", "--connections", 256, server_pid=self.worker,
                                 seconds=seconds))

    def stop(self):
        stop(self.process)


class Redis:
    """The reserve script on one appendfsync policy, by redis-benchmark."""

    def __init__(self, place, policy):
        self.place, self.policy = place, policy
        self.port = place.port + 3 + ("no", "everysec", "always").index(policy)
        self.process = self.sha = None
        self.rate_guess = 10000

    def start(self):
        directory = self.place.directory / f"redis-{self.policy}"
        directory.mkdir()
        command = ["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--dir", directory,
                   "--save", "", "--appendonly", "yes", "--appendfsync", self.policy,
                   "--daemonize", "no", "--auto-aof-rewrite-percentage", "0"]
        self.process = spawn(pinned(SERVER_CPU, command), self.place.log)
        wait_for_port(self.port, self.process)
        script = (HERE / "redis_reserve.lua").read_text()
        self.sha = self._call("SCRIPT", "LOAD", script)
        self._call("HSET", "zone:1", "available", "1000000000", "reserved", "0", "price", "150000")

    def _call(self, *words):
        return subprocess.run(["redis-cli", "-p", str(self.port), *words], check=True,
                              stdout=subprocess.PIPE, text=True, timeout=20).stdout.strip()

    def _left(self):
        return int(self._call("HGET", "zone:1", "available"))

    def sample(self, seconds):
        count = max(2000, int(self.rate_guess * seconds))
        command = ["redis-benchmark", "-p", self.port, "-c", "256", "-n", count, "-r",
                   "2000000000", "--csv", "EVALSHA", self.sha, "4", "zone:1",
                   "user:__rand_int__", "key:__rand_int__", "booking:__rand_int__",
                   "__rand_int__", "user", "1", "1000000", "600000", "86400"]
        cpu, left, began = process_cpu_s(self.process.pid), self._left(), time.monotonic()
        text = subprocess.run(pinned(CLIENT_CPU, command), check=True, stdout=subprocess.PIPE,
                              text=True, timeout=seconds * 10 + 30).stdout
        taken = time.monotonic() - began
        made = left - self._left()
        if made < count * 0.999:  # a key may repeat by chance, never a thousandth of them
            raise RuntimeError(f"redis made {made} of {count} reservations")
        fields = [word.strip('"') for word in text.strip().splitlines()[-1].split('","')]
        self.rate_guess = count / taken
        return {"rate": float(fields[1]), "p50_us": float(fields[4]) * 1000,
                "p99_us": float(fields[6]) * 1000,
                "cpu_us": (process_cpu_s(self.process.pid) - cpu) * 1e6 / count}

    def stop(self):
        stop(self.process)
        shutil.rmtree(self.place.directory / f"redis-{self.policy}", ignore_errors=True)


class Postgres:
    """A private cluster on a Unix socket, run as `postgres` when we are root."""

    BINARIES = pathlib.Path("/usr/lib/postgresql/15/bin")

    def __init__(self, place, name="postgres", cpu=None):
        self.place, self.cpu = place, cpu
        self.directory = place.directory / name
        self.running = False

    def _as_owner(self, *command):
        words = [str(word) for word in command]
        if os.geteuid() == 0:
            words = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *words]
        return words if self.cpu is None else pinned(self.cpu, words)

    def start(self):
        if not self.directory.exists():
            self.directory.mkdir(mode=0o700)
            if os.geteuid() == 0:
                owner = pwd.getpwnam("postgres")
                os.chown(self.directory, owner.pw_uid, owner.pw_gid)
            self._run(self.BINARIES / "initdb", "-D", self.directory / "data", "-A", "trust",
                      "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C")
        options = (f"-c listen_addresses='' -c unix_socket_directories={self.directory} "
                   "-c shared_buffers=512MB -c max_wal_size=4GB -c max_connections=64")
        self._run(self.BINARIES / "pg_ctl", "-D", self.directory / "data", "-l",
                  self.directory / "log", "-o", options, "-w", "start")
        self.running = True

    def _run(self, *command, timeout=60):
        return subprocess.run(self._as_owner(*command), check=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
                              timeout=timeout, cwd="/").stdout

    def stop(self):
        if self.running:
            self._run(self.BINARIES / "pg_ctl", "-D", self.directory / "data", "-m", "fast", "-w",
                      "stop")
        self.running = False

    @property
    def url(self):
        return f"host={self.directory} user=postgres dbname=postgres"

    def query(self, sql, timeout=60):
        return subprocess.run(["psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", self.url,
                               "-c", sql], check=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=timeout).stdout.strip()


class HotRow:
    """PostgreSQL's way of selling: one row, sixteen sessions."""

    def __init__(self, place):
        self.place = place
        self.cluster = Postgres(place, "hot-row", SERVER_CPU)

    def start(self):
        self.cluster.start()
        self.cluster.query((HERE / "postgres_schema.sql").read_text())

    def sample(self, seconds):
        command = [Postgres.BINARIES / "pgbench", "-n", "-M", "prepared", "-c", "16", "-j", "1",
                   "-T", max(1, round(seconds)), "-h", self.cluster.directory, "-U", "postgres",
                   "-f", HERE / "postgres_hot_row.sql", "postgres"]
        before = int(self.cluster.query("SELECT reserved FROM bench_zone"))
        text = subprocess.run(pinned(CLIENT_CPU, command), check=True, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True, timeout=seconds + 60).stdout
        sold = int(self.cluster.query("SELECT reserved FROM bench_zone")) - before
        made = int(re.search(r"actually processed: (\d+)", text).group(1))
        if sold != made:
            raise RuntimeError(f"pgbench says {made}, the row says {sold}")
        return {"rate": float(re.search(r"tps = ([\d.]+)", text).group(1)),
                "p50_us": float(re.search(r"latency average = ([\d.]+)", text).group(1)) * 1000}

    def stop(self):
        self.cluster.stop()
