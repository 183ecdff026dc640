"""A private PostgreSQL cluster on a Unix socket, made for one test and gone after it."""

import atexit
import os
import pwd
import signal
import subprocess

from .cases import Skip
from .engine import BOXREPLAY, temporary_directory

BIN = "/usr/lib/postgresql/15/bin"


class Postgres:
    def __init__(self):
        if not os.path.exists(os.path.join(BIN, "initdb")):
            raise Skip("PostgreSQL 15 is not installed")
        self.home = temporary_directory("boxoffice-pg-")
        self.data = os.path.join(self.home, "data")
        self.url = f"host={self.home} user=boxoffice dbname=boxoffice"
        os.mkdir(self.data, 0o700)
        if os.geteuid() == 0:  # it refuses to be root; Debian made a user for it
            user = pwd.getpwnam("postgres")
            for path in (self.home, self.data):
                os.chown(path, user.pw_uid, user.pw_gid)
        self._run("initdb", "-D", self.data, "-U", "boxoffice", "-A", "trust", "-E", "UTF8",
                  "--no-locale", "--no-sync")
        atexit.register(self.stop, "immediate")
        self.start()
        self._run("createdb", "-h", self.home, "-U", "boxoffice", "boxoffice")

    def _run(self, program, *arguments, check=True):
        command = [os.path.join(BIN, program), *arguments]
        if os.geteuid() == 0:
            command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *command]
        done = subprocess.run(command, cwd="/", stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=60)
        if check and done.returncode != 0:
            raise RuntimeError(f"{program}: {done.stdout}{done.stderr}")
        return done

    def start(self):
        self._run("pg_ctl", "-D", self.data, "-w", "-s", "-l", os.path.join(self.home, "log"),
                  "-o", f"-c listen_addresses='' -c unix_socket_directories='{self.home}' "
                        "-c fsync=off -c shared_buffers=16MB", "start")

    def stop(self, mode="fast"):
        self._run("pg_ctl", "-D", self.data, "-s", "-m", mode, "stop", check=False)

    def query(self, text):
        """Rows as lists of strings."""
        done = self._run("psql", "-X", "-A", "-t", "-F", "\t", self.url, "-c", text)
        return [line.split("\t") for line in done.stdout.splitlines()]


class Mirror:
    """`boxreplay mirror` as a process beside an engine."""

    def __init__(self, engine, postgres):
        self.engine = engine
        self.postgres = postgres
        self.process = None
        atexit.register(self.kill)

    def command(self, name, *more):
        return self.engine.boxreplay(name, "--postgres", self.postgres.url, *more, check=False)

    def start(self):
        env = dict(os.environ)
        env.update(self.engine.env)
        env["BOXOFFICE_STORAGE_DATA_DIR"] = self.engine.data
        self.log = open(os.path.join(self.engine.home, "mirror.log"), "ab")
        self.process = subprocess.Popen(
            [BOXREPLAY, "mirror", "--config", self.engine.config, "--postgres", self.postgres.url],
            env=env, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        return self

    def kill(self, number=signal.SIGKILL):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            return self.process.wait(20)
        return None

    def catch_up(self):
        """Everything durable now, in PostgreSQL."""
        done = self.command("mirror", "--once")
        if done.returncode != 0:
            raise AssertionError(f"mirror --once exits {done.returncode}: {done.stderr[-800:]}")

    def position(self):
        """How many records PostgreSQL holds, by its cursor: {(epoch, shard): sequence}."""
        rows = self.postgres.query("select epoch, shard, sequence from mirror_cursor")
        return {(int(epoch), int(shard)): int(sequence) for epoch, shard, sequence in rows}

    def rows(self):
        """Every booking as PostgreSQL has it: {id: (status, quantity, user, zone)}."""
        rows = self.postgres.query("select id, status, quantity, user_id, zone_id from bookings")
        return {row[0]: (row[1], int(row[2]), row[3], row[4]) for row in rows}
